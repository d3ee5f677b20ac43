# SPDX-License-Identifier: BSD-2-Clause
"""What the supervisor does when tasks end: test_supervisor.py MK TOP PLUGINS [TEST...]

Times are exact, by the virtual clock. MK is the command, TOP the source tree, PLUGINS the folder of the test plugins.
"""
import json
import os
import re
import sys
import unittest

import test_cli
from test_cli import DEMO, mk, source

SECOND = 10**9
SOON = 10**5  # ns that a start, or a message and its answer, take at most
DELAYS = [0, 2, 4, 8, 16, 30, 30, 30, 30]


def nanoseconds(text):
    seconds, fraction = text.split(".")
    return int(seconds) * SECOND + int(fraction)


class Case(test_cli.Case):
    HEAD = "[task names]\n[task console]\nprivileged = yes\nafter = names\n"
    TAIL = "[task shell]\nprivileged = yes\nafter = console\n"

    def boot(self, *sections):
        """A boot file with these sections beside a shell. {P} is the folder of the test plugins."""
        text = self.HEAD + "\n".join(sections).replace("{P}", test_cli.PLUGINS) + "\n" + self.TAIL
        return self.write("boot.ini", text)

    def check_refused(self, text, line, word):
        """run and check refuse this boot file alike, in this line, with this word."""
        path = self.write("bad.ini", text)
        for command in ("run", "check"):
            with self.subTest(text=text, command=command):
                result = mk(command, path)
                self.expect(result, 2, "", f"bad.ini:{line}: ")
                self.assertIn(word, result.err)

    def run_boot(self, boot, *commands, status=0):
        result = mk("run", boot, "-c", "; ".join(commands))
        self.expect(result, status)
        return result

    def status(self, text):
        """The last table that `supervisor` printed: a row for each task, by column. A wide state is one cell."""
        lines = text.splitlines()
        first = max(i for i, line in enumerate(lines) if line.startswith("NAME "))
        titles = re.split(r"  +", lines[first])
        rows = {}
        for line in lines[first + 1:]:
            cells = re.split(r"  +", line)
            if len(cells) != len(titles):
                break
            rows[cells[0]] = dict(zip(titles, cells))
        return rows

    def history(self, boot, name, *commands):
        """Events of a task after these commands: (time, what, due)."""
        text = self.run_boot(boot, *commands, "echo ----", f"supervisor history {name}").text.split("----\n")[-1]
        return self.events(text)

    def events(self, text):
        found = re.findall(r"(?m)^ +(\d+\.\d{9})  (.*?)(?:; restart at (\d+\.\d{9}))?$", text)
        return [(nanoseconds(time), what, nanoseconds(due) if due else None) for time, what, due in found]


def server(name, *lines, module="service"):
    return "\n".join((f"[task {name}]", f"module = {{P}}/{module}.so") + lines)


def starts(rows, *names):
    return [int(rows[name]["STARTS"]) for name in names]


class Policies(Case):
    def test_SUP0010(self):
        """Servers are restarted when they crash, the name service always, programs not."""
        boot = self.boot(server("a"), server("waits", "args = wait", module="tool"),
                         server("fails", "args = exit 3", module="tool"),
                         server("ends", "args = exit 0", module="tool"))
        result = self.run_boot(boot, "crash a", "kill waits", "crash names", "sleep 1", "services", "supervisor",
                               status=3)
        rows = self.status(result.text)
        for name, state, restart, count, end in (
                ("a", "up", "on-crash", "2", "crash: SIGSEGV"), ("waits", "failed", "never", "1", "crash: SIGKILL"),
                ("fails", "failed", "never", "1", "crash: exit 3"), ("ends", "ended", "never", "1", "exit 0"),
                ("names", "up", "always", "2", "crash: SIGSEGV"), ("console", "up", "on-crash", "1", "-"),
                ("shell", "running", "never", "1", "-")):
            row = rows[name]
            self.assertEqual((row["STATE"], row["RESTART"], row["STARTS"], row["LAST END"]),
                             (state, restart, count, end), str(result))
        self.assertTrue(result.text.startswith("supervisor\nconsole\n"), str(result))

    def test_SUP0011(self):
        """What the boot file says of a task goes before what is usual for it."""
        boot = self.boot(server("never", "restart = never"), server("crash", "restart = on-crash", "args = exit 3",
                                                                    module="tool"),
                         server("well", "restart = on-crash", "args = exit 0", module="tool"),
                         server("always", "restart = always", "args = exit 0", module="tool"))
        rows = self.status(self.run_boot(boot, "kill never", "sleep 5", "supervisor", "stop crash", "stop always",
                                         status=3).text)
        self.assertEqual(starts(rows, "never", "crash", "well", "always"), [1, 3, 1, 3])
        self.assertEqual([rows[name]["STATE"] for name in ("never", "crash", "well", "always")],
                         ["failed", "waiting until 6.000", "ended", "waiting until 6.000"])
        self.assertEqual([rows[name]["LAST END"] for name in ("never", "crash", "well", "always")],
                         ["crash: SIGKILL", "crash: exit 3", "exit 0", "exit 0"])

    def test_SUP0012(self):
        """An end that was asked for is no crash; a restart that is due later can be given up, or had at once."""
        result = self.run_boot(self.boot(server("a"), server("b")), "stop a", "supervisor", "start a", "restart a",
                               "kill a", "kill b", "sleep 1", "kill b", "sleep 0.5", "supervisor", "stop b", "sleep 5",
                               "supervisor", "start b", "kill b", "sleep 1", "supervisor")
        tables = [self.status("NAME " + table) for table in result.text.split("NAME ")[1:]]
        self.assertEqual([(t["a"]["STATE"], t["a"]["LAST END"], t["a"]["STARTS"]) for t in tables[:2]],
                         [("stopped", "asked", "1"), ("up", "crash: SIGKILL", "4")], str(result))
        self.assertEqual([(t["b"]["STATE"], t["b"]["STARTS"]) for t in tables[1:]],
                         [("waiting until 3.000", "2"), ("stopped", "2"), ("up", "4")], str(result))
        self.assertEqual(tables[2]["b"]["LAST END"], "asked", str(result))

    def test_SUP0020(self):
        """Restarts come at once, then after 2, 4, 8, 16, 30, 30 ... s; ten false starts in a row are enough."""
        boot = self.boot(server("a", "args = fail"))
        events = self.history(boot, "a", "sleep 100")
        self.assertEqual([what for _, what, _ in events[1::2]], ["crash: exit 1"] * 8)
        self.assertEqual([due - time for time, _, due in events[1::2]], [delay * SECOND for delay in DELAYS[:8]])
        for (_, _, due), (time, what, _) in zip(events[1::2], events[2::2]):
            self.assertIn("started", what)
            self.assertTrue(due <= time < due + SOON, events)
        events = self.history(boot, "a", "sleep 1000")
        self.assertEqual([what for _, what, _ in events[-2:]], ["crash: exit 1", "given up: too many restarts"])
        self.assertEqual(events[-1][0] // SECOND, sum(DELAYS))
        self.assertEqual(len(events), 16)

    def test_SUP0021(self):
        """Who ran for more than 30 s and its last delay begins anew, who ran for less does not."""
        boot = self.boot(server("a"))
        for sleep, delay in (("31.4", 4), ("31.6", 0)):
            events = self.history(boot, "a", "kill a", "sleep 1", "kill a", "sleep 2.5", f"sleep {sleep}", "kill a",
                                  "sleep 0.1")
            dues = [due - time for time, what, due in events if what == "crash: SIGKILL"]
            self.assertEqual(dues, [0, 2 * SECOND, delay * SECOND])

    def test_SUP0022(self):
        """A failure at the boot of a task that others need still ends it."""
        result = mk("run", self.boot(server("a", "args = fail"), server("b", "after = a")), "-c", "echo no")
        self.expect(result, 1, err="a could not be started")


class Groups(Case):
    def three(self, strategy, *lines):
        group = "\n".join(("[group g]", f"strategy = {strategy}") + lines)
        return self.boot(group, *(server(name, "group = g") for name in "abc"))

    def test_SUP0030(self):
        """Each strategy restarts whom it says, in start order, each when the one before is up."""
        for strategy, counts in (("one-for-one", [1, 2, 1]), ("rest-for-one", [1, 2, 2]), ("one-for-all", [2, 2, 2])):
            with self.subTest(strategy):
                text = self.run_boot(self.three(strategy), "crash b", "sleep 1", "echo ----", "supervisor history a",
                                     "echo ----", "supervisor history b", "echo ----", "supervisor history c",
                                     "supervisor").text
                rows = self.status(text)
                self.assertEqual(starts(rows, "a", "b", "c"), counts)
                self.assertEqual(starts(rows, "names", "console", "shell"), [1, 1, 1])
                lives = [self.events(part)[2:] for part in text.split("----\n")[1:]]
                for events, count in zip(lives, counts):
                    self.assertEqual(len(events), 3 if count == 2 else 0, lives)
                ends = [events[0][1] for events in lives if events]
                self.assertEqual([end for end in ends if end != "with its group"], ["crash: SIGSEGV"])
                lives = [events for events in lives if events]
                for before, after in zip(lives, lives[1:]):
                    self.assertLess(before[2][0], after[1][0], "the later one waits for the earlier to be up")
                self.assertLess(max(events[0][0] for events in lives), lives[0][1][0], "first all end")
                others = [events[0][0] for events in lives if events[0][1] == "with its group"]
                self.assertEqual(others, sorted(others, reverse=True))

    def test_SUP0031(self):
        """The delay of the one that crashed is that of all who are restarted with it."""
        boot = self.three("one-for-all")
        text = self.run_boot(boot, "kill a", "sleep 1", "kill a", "sleep 1", "supervisor", "sleep 2", "supervisor").text
        rows = self.status(text[:text.rindex("NAME")])
        self.assertEqual([rows[name]["STATE"] for name in "abc"], ["waiting until 3.000"] * 3, text)
        rows = self.status(text)
        self.assertEqual(starts(rows, "a", "b", "c"), [3, 3, 3], text)

    def test_SUP0032(self):
        """More restarts than the intensity within the period end the group, and the group alone; start revives it."""
        boot = self.three("one-for-one", "intensity = 2", "period = 10s")
        result = self.run_boot(boot, "kill a", "sleep 1", "kill b", "sleep 1", "supervisor", "kill c", "sleep 60",
                               "supervisor", "start b", "kill b", "sleep 1", "supervisor", "supervisor history c")
        before, ended, after = (self.status("NAME " + table) for table in result.text.split("NAME ")[1:])
        self.assertEqual([before[name]["STATE"] for name in "abc"], ["up"] * 3, str(result))
        self.assertEqual([(ended[name]["STATE"], ended[name]["LAST END"]) for name in "abc"],
                         [("stopped", "with its group"), ("stopped", "with its group"), ("failed", "crash: SIGKILL")],
                         str(result))
        self.assertEqual(starts(ended, "a", "b", "c"), [2, 2, 1], str(result))
        self.assertEqual(ended["console"]["STATE"], "up")
        self.assertEqual([after[name]["STATE"] for name in "abc"], ["stopped", "up", "failed"], str(result))
        self.assertEqual(self.events(result.text)[-1][1], "given up: too many restarts")
        self.check_log(result, "group g: more than 2 restarts within 10.000 s", "of c")

    def test_SUP0033(self):
        """Restarts that are further apart than the period are never too many."""
        boot = self.three("one-for-one", "intensity = 2", "period = 10s")
        rows = self.status(self.run_boot(boot, *["kill a", "sleep 40"] * 9, "supervisor").text)
        self.assertEqual(starts(rows, "a", "b", "c"), [10, 1, 1])
        boot = self.three("one-for-one", "intensity = 2", "period = 100s")
        rows = self.status(self.run_boot(boot, *["kill a", "sleep 40"] * 3, "supervisor").text)
        self.assertEqual([rows[name]["STATE"] for name in "abc"], ["failed", "stopped", "stopped"])

    def test_SUP0034(self):
        """escalate = halt: the machine stops with status 1."""
        boot = self.three("one-for-one", "intensity = 1", "period = 10s", "escalate = halt")
        result = self.run_boot(boot, "kill a", "sleep 1", "echo one", "kill a", "sleep 1", "echo two", status=1)
        self.assertNotIn("two", result.text)
        self.check_log(result, "group g: more than 1 restarts", "the system stops")

    def test_SUP0035(self):
        """Of a group that is restarted, who is never restarted stays ended, and who was stopped stays stopped."""
        boot = self.boot("[group g]\nstrategy = one-for-all", server("a", "group = g"),
                         server("b", "group = g", "restart = never"), server("c", "group = g"))
        rows = self.status(self.run_boot(boot, "stop c", "kill a", "sleep 1", "supervisor").text)
        self.assertEqual(starts(rows, "a", "b", "c"), [2, 1, 1])
        self.assertEqual([rows[name]["STATE"] for name in "abc"], ["up", "stopped", "stopped"])

    def test_SUP0036(self):
        """The group that tasks are in without saying so can be given a strategy."""
        boot = self.boot("[group default]\nintensity = 1\nperiod = 1s", server("a"))
        self.assertEqual(self.run_boot(boot, "kill a", "sleep 3", "kill a", "sleep 3", "echo here").text, "here\n")


class Heartbeats(Case):
    def test_SUP0040(self):
        """A server that hangs is ended after two heartbeats of silence and restarted, to the nanosecond each time."""
        boot = self.boot(server("a", "args = 3", "heartbeat = 1s", module="mute"))
        runs = [self.history(boot, "a", "sleep 20") for _ in range(3)]
        self.assertEqual(runs[0], runs[1])
        self.assertEqual(runs[0], runs[2])
        silent = [event for event in runs[0] if event[1] == "silent"]
        self.assertEqual([due - time for time, _, due in silent], [delay * SECOND for delay in DELAYS[:len(silent)]])
        self.assertEqual(len(silent), 3)
        for start, end in zip(runs[0][0::3], runs[0][2::3]):
            self.assertIn("started", start[1])
            # Up, and two heartbeats answered; then silence for two more.
            self.assertLess(abs(end[0] - start[0] - 4 * SECOND), SOON, runs[0])

    def test_SUP0041(self):
        """Who answers is not silent, however long it goes on, and whatever else it waits for."""
        boot = self.write("pager.ini", "[machine]\nmemory = 1M\n[task names]\n[task pager]\nprivileged = yes\n"
                          "priority = 60\nargs = size=8M\nheartbeat = 10ms\n[task console]\nprivileged = yes\n"
                          "after = names\n[task ramfs]\nafter = names\nheartbeat = 10ms\n"
                          f"[task tool]\nmodule = {test_cli.PLUGINS}/tool.so\nargs = fill 4096 3 200\nafter = pager\n"
                          "[task shell]\nprivileged = yes\nafter = console ramfs\n")
        result = self.run_boot(boot, "echo one > /f", "sleep 30", "cat /f", "supervisor")
        rows = self.status(result.text)
        self.assertEqual(starts(rows, "pager", "ramfs"), [1, 1], str(result))
        self.assertIn("[tool] the fill is right", result.err)

    def test_SUP0042(self):
        """A program that does not serve is silent; one without a heartbeat is never asked."""
        boot = self.boot(server("a", "args = wait", "heartbeat = 100ms", "restart = on-crash", module="tool"),
                         server("b", "args = wait", module="tool"))
        rows = self.status(self.run_boot(boot, "sleep 0.25", "supervisor", "stop a", "stop b", status=137).text)
        self.assertEqual(starts(rows, "a", "b"), [2, 1])
        self.assertEqual(rows["a"]["LAST END"], "silent")

    def test_SUP0043(self):
        """When servers alone are left the run ends, whatever is due later."""
        boot = self.boot(server("a", "heartbeat = 1s"), server("b", "args = fail"))
        result = mk("run", boot, "-c", "sleep 3; kill a", "--stats", self.path("stats.json"))
        self.expect(result, 0)
        self.assertLess(self.load("stats.json")["virtual_ns"], 4 * SECOND)


class Clients(Case):
    def test_SUP0050(self):
        """A request that comes after the crash waits for the next instance, and for its delay."""
        result = mk("run", DEMO, "-c", "crash ramfs; cat /README.md; sleep 1; crash ramfs; time cat /LICENSE; "
                    "supervisor status")
        self.expect(result, 0)
        texts = source("README.md") + source("LICENSE")
        self.assertEqual(result.out[:len(texts)], texts)
        time = re.search(r"real (\d+\.\d{9}) s", result.out[len(texts):].decode())
        self.assertTrue(2 * SECOND < nanoseconds(time.group(1)) < 2 * SECOND + 10 * SOON, time.group(0))
        self.assertEqual(self.status(result.text)["ramfs"]["STARTS"], "3")

    def test_SUP0051(self):
        """What is ended for good is gone for its clients, who are told so."""
        result = mk("run", DEMO, "--set", "ramfs.restart=never", "-c", "crash ramfs; cat /LICENSE || echo gone")
        self.expect(result, 0)
        self.assertTrue(result.text.endswith("gone\n"), str(result))

    def test_SUP0052(self):
        """crash is what it says: a bad access of the task, which is in the log, and not of the shell."""
        result = mk("run", DEMO, "-c", "crash echo; crash nosuch || crash")
        self.expect(result, 2, "crash: nosuch: no such task\nusage: crash TASK|NUMBER\n")
        self.check_log(result, "[echo]", "bad access, writing to 0x0")
        self.expect(mk("run", DEMO, "-c", "crash shell; echo no"), 139, "", "[shell]")

    def test_SUP0060(self):
        """The table has at most 100 columns, and its words stay apart."""
        boot = self.boot("[group " + "g" * 31 + "]", server("t" * 31, "args = fail", "group = " + "g" * 31),
                         server("u" * 31))
        text = self.run_boot(boot, "sleep 99", "supervisor").text
        self.assertLessEqual(max(len(line) for line in text.splitlines()), 100, text)
        self.assertIn("t" * 20 + "      -  waiting until 120.000  on-crash  " + "g" * 12 + "       8  crash: exit 1",
                      text)

    def test_SUP0061(self):
        """The history of a task is its last 16 events; of none there is none."""
        boot = self.boot(server("a"))
        events = self.history(boot, "a", *["kill a", "sleep 40"] * 9)
        self.assertEqual(len(events), 16)
        self.assertEqual(events[-1][1], "up")
        result = self.run_boot(boot, "supervisor history nosuch", status=1)
        self.assertEqual(len(result.text.splitlines()), 1)
        self.expect(mk("run", boot, "-c", "supervisor nosuch"), 2)

    def test_SUP0070(self):
        """Who watches a task is told of each start and end of it, and of no other's."""
        boot = self.boot(server("a"), server("b"), server("w", "args = a 6", module="watch"))
        result = self.run_boot(boot, "sleep 1", "kill a", "kill b", "sleep 1", "stop a", "start a", "sleep 1",
                               "supervisor")
        lines = [line.split("] ")[1] for line in result.err.splitlines() if "[w]" in line]
        self.assertEqual(lines, ["nobody: MK_E_NOT_FOUND", "no right: MK_E_BAD_ARGUMENT", "watch: MK_OK",
                                 "again: MK_OK", "event a 4 137 1", "event a 1 0 1", "event a 2 0 1", "event a 5 0 1",
                                 "event a 1 0 1", "event a 2 0 1"], str(result))
        self.assertEqual(self.status(result.text)["w"]["STATE"], "ended")
        result = self.run_boot(boot, "sleep 1", "kill a", "sleep 1", "stop a", "start a", "stop a", "start a",
                               "sleep 1", "supervisor")
        self.assertEqual(self.status(result.text)["a"]["STATE"], "up", "it goes on when who watched is gone")

    def test_SUP0071(self):
        """An event port that watches gets a bit for each kind."""
        boot = self.boot(server("a"), server("w", "args = a 2 events", module="watch"))
        result = self.run_boot(boot, "sleep 1", "kill a", "sleep 1", "stop a", "sleep 1", "supervisor")
        lines = [line.split("] ")[1] for line in result.err.splitlines() if "[w] bits" in line]
        self.assertEqual(len(lines), 2, str(result))
        self.assertEqual(self.status(result.text)["w"]["STATE"], "ended", str(result))
        bits = 0
        for line in lines:
            bits |= int(line.split()[1], 16)
        self.assertEqual(bits & ~0x36, 0, lines)

    def test_SUP0072(self):
        """What start, stop, restart and update cannot do is told in words."""
        result = self.run_boot(self.boot(server("a")), "start a", "stop a", "stop a", "update a x", "restart a",
                               "update shell x", "start nobody", "stop nobody", "restart nobody",
                               "supervisor history nobody", "stop supervisor", status=1)
        self.assertEqual(result.text.splitlines(), [
            "start: a is running already", "stop: a is not running", "update: a is not running",
            "update: shell is no server"] + [
            f"{what}: no such task" for what in ("start: nobody", "stop: nobody", "restart: nobody",
                                                 "supervisor: nobody", "stop: supervisor")])


class Guardian(Case):
    def test_SUP0090(self):
        """The supervisor crashes: who runs goes on, what it knew is known, what was due comes when it was due."""
        boot = self.boot("[group g]\nintensity = 2\nperiod = 100s", server("a", "group = g"), server("b"),
                         server("c", "args = exit 0", module="tool"))
        commands = ["kill a", "sleep 1", "kill a", "sleep 0.5", "stop b", "crash supervisor", "sleep 1"]
        text = self.run_boot(boot, *commands, "supervisor", "sleep 1", "echo ----", "supervisor history a",
                             "supervisor").text
        before, after = text.split("----\n")
        rows = self.status(before)
        self.assertEqual([(rows[name]["STATE"], rows[name]["STARTS"]) for name in "abc"],
                         [("waiting until 3.000", "2"), ("stopped", "1"), ("ended", "1")], text)
        self.assertEqual(starts(rows, "names", "console", "shell"), [1, 1, 1])
        events = self.events(after)
        self.assertEqual([what.split()[0] for _, what, _ in events],
                         ["started", "up", "crash:", "started", "up", "crash:", "started", "up"])
        self.assertTrue(events[5][2] <= events[6][0] < events[5][2] + SOON, text)
        rows = self.status(self.run_boot(boot, *commands, "sleep 5", "kill a", "sleep 1", "supervisor").text)
        self.assertEqual(rows["a"]["STATE"], "failed", "the restarts that the old one counted count")

    def test_SUP0091(self):
        """What ends while there is no supervisor is found by the next one, with the code it ended with."""
        for boot in (self.boot(server("a"), server("b")),
                     self.boot("[group g]\nstrategy = one-for-all", server("a", "group = g"), server("b"))):
            result = self.run_boot(boot, "kill supervisor", "kill a", "kill b", "stop console", "supervisor",
                                   "start console", "sleep 1", "supervisor")
            rows = self.status(result.text)
            self.assertEqual([(rows[name]["STATE"], rows[name]["STARTS"], rows[name]["LAST END"]) for name in "ab"],
                             [("up", "2", "crash: SIGKILL")] * 2, str(result))
            self.check_log(result, "[guardian]", "code 137")

    def test_SUP0092(self):
        """A request that waits in a port at home survives the supervisor, too, and is served when it was due."""
        result = mk("run", DEMO, "-c", "crash ramfs; sleep 1; crash ramfs; crash supervisor; time wc /LICENSE; "
                    "crash names; crash supervisor; wc /LICENSE; sleep 3; services")
        self.expect(result, 0)
        lines = result.text.splitlines()
        self.assertEqual(lines[0], lines[2])
        self.assertRegex(lines[1], r"^real 2\.000")
        self.assertEqual(sorted(lines[3:]), ["console", "echo", "ramfs", "supervisor"], str(result))

    def test_SUP0093(self):
        """Who watched is told by the next supervisor as well."""
        boot = self.boot(server("a"), server("w", "args = a 6", module="watch"))
        result = self.run_boot(boot, "sleep 1", "kill a", "sleep 1", "crash supervisor", "sleep 1", "crash supervisor",
                               "kill a", "sleep 5", "supervisor")
        lines = [line.split("] ")[1] for line in result.err.splitlines() if "[w] event" in line]
        self.assertEqual(lines, ["event a 4 137 1", "event a 1 0 1", "event a 2 0 1"] * 2, str(result))
        self.assertEqual(self.status(result.text)["w"]["STATE"], "ended")

    def test_SUP0094(self):
        """A supervisor that crashes for the sixth time within 10 s is not started again: the system stops."""
        boot = self.boot()
        five = ["crash supervisor", "sleep 1"] * 5
        self.expect(mk("run", boot, "-c", "; ".join(five + ["echo here"])), 0, "here\n")
        self.expect(mk("run", boot, "-c", "; ".join(five + ["crash supervisor", "sleep 1", "echo no"])), 1, "",
                    "there is no supervisor")
        self.expect(mk("run", boot, "-c", "; ".join(["crash supervisor", "sleep 3"] * 20 + ["echo here"])), 0,
                    "here\n")

    def test_SUP0095(self):
        """The heartbeat goes on, and a run repeats to the bit."""
        boot = self.boot(server("a", "args = 3", "heartbeat = 1s", module="mute"))
        runs = [self.history(boot, "a", "sleep 2.5", "crash supervisor", "sleep 9") for _ in range(3)]
        self.assertEqual(runs[0], runs[1])
        self.assertEqual(runs[0], runs[2])
        self.assertIn("silent", [what for _, what, _ in runs[0]])


    def test_SUP0096(self):
        """Whatever goes wrong in the supervisor, a shell's commands do not notice."""
        kinds = "null,arith,illegal,abort,exit,loop,memory,error"
        result = mk("campaign", DEMO, "--target", "supervisor", "--faults", "150", "--seed", "5", "--kinds", kinds,
                    "--json")
        self.expect(result, 0)
        total = json.loads(result.text)["total"]
        self.assertGreater(total["manifested"], 100, total)
        self.assertEqual(total["recovered"], total["manifested"], total)


class Files(Case):
    def test_SUP0080(self):
        """Policies that are none are refused by run and check alike, with the line and what would be right."""
        task = server("a").replace("{P}", test_cli.PLUGINS) + "\n"
        for text, line, word in ((task + "restart = sometimes\n", 3, "on-crash"),
                                 (task + "heartbeat = 1us\n", 3, "1ms"), (task + "group = nosuch\n", 3, "[group NAME]"),
                                 ("[group g]\nstrategy = all\n" + task, 2, "one-for-all"),
                                 ("[group g]\nintensity = many\n" + task, 2, "1000"),
                                 ("[group g]\nperiod = 0\n" + task, 2, "1000000s"),
                                 ("[group g]\nescalate = yes\n" + task, 2, "halt"),
                                 ("[group g]\n[group g]\n" + task, 2, "line 1")):
            self.check_refused(text, line, word)

    def test_SUP0081(self):
        """check tells the policies, for people and for programs; --set reaches groups too."""
        boot = self.boot("[group g]\nstrategy = rest-for-one\nintensity = 3\nperiod = 20s",
                         server("a", "group = g", "restart = always", "heartbeat = 250ms"))
        report = mk("check", boot, "--set", "group g.escalate=halt")
        self.expect(report, 0)
        self.assertRegex(report.text, r"(?m)^  a +always +250 ms  g$")
        self.assertRegex(report.text, r"(?m)^  names +default +-  default$")
        self.assertRegex(report.text, r"(?m)^  g +rest-for-one +3 +20 s  halt$")
        report = json.loads(mk("check", boot, "--json").text)
        task = next(task for task in report["tasks"] if task["name"] == "a")
        self.assertEqual((task["restart"], task["heartbeat_ns"], task["group"]), ("always", 250 * 10**6, "g"))
        self.assertEqual(report["groups"][0], {"name": "g", "strategy": "rest-for-one", "intensity": 3,
                                               "period_ns": 20 * SECOND, "escalate": "stop"})


if __name__ == "__main__":
    test_cli.MK, test_cli.TOP, test_cli.PLUGINS = (os.path.abspath(path) for path in sys.argv[1:4])
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
