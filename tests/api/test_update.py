# SPDX-License-Identifier: BSD-2-Clause
"""Live update of servers: test_update.py MK TOP PLUGINS UPDATES [TEST...]

UPDATES is how many are made under load.
"""
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
import unittest

import test_cli
from test_cli import mk

UPDATES = 50


def version(name):
    return f"{test_cli.PLUGINS}/versioned_{name}.so"


class Update(test_cli.Case):
    def run_updater(self, *steps, after=(), first="1", status=0, keys=""):
        """What the updater logged, and what the commands printed."""
        boot = self.write("boot.ini", f"""[task names]
[task console]
privileged = yes
after = names
[task versioned]
module = {version(first)}
after = names
{keys}
[task updater]
module = {test_cli.PLUGINS}/updater.so
args = {(chr(10) + "    ").join(steps)}
after = versioned
[task shell]
privileged = yes
after = console
""")
        result = mk("run", boot, "-c", "; ".join(("sleep 100",) + tuple(after)))
        self.expect(result, status)
        lines = [line.split("] ", 1)[1] for line in result.err.splitlines() if line.startswith("mk: [updater]")]
        return lines, result

    def test_UPDATE0010(self):
        """Another version goes on with the state, the large pieces and the rights of the one before."""
        lines, result = self.run_updater("call", "3", "keep", "update", version("2"), "call", "40", "kept", "update",
                                         version("1"), "call", "1", "kept", after=("supervisor history versioned",))
        self.assertEqual(lines, ["version 1, count 3", "update: MK_OK", "version 2, count 43", "kept: the same",
                                 "update: MK_OK", "version 1, count 44", "kept: the same"], result)
        self.assertEqual(result.text.count("updated, task"), 2, result)
        self.assertNotIn("crash", result.text)

    def test_UPDATE0015(self):
        """A request that was kept back is answered by the version that goes on, be it the new or the old one."""
        for file, teller, answer in (("2", 2, "MK_OK"), ("refuses", 1, "MK_E_BAD_ARGUMENT")):
            lines, _ = self.run_updater("wait", "9", "call", "3", "update", version(file), "call", "5", "call", "1",
                                        "sleep")
            self.assertEqual(lines, ["version 1, count 3", f"update: {answer}", f"version {teller}, count 8",
                                     f"version {teller}, count 9", f"waited for count 9, told by version {teller}"])

    def test_UPDATE0020(self):
        """A version that refuses the state, crashes over it, cannot be loaded or cannot be updated changes nothing."""
        for bad, error in (("refuses", "MK_E_BAD_ARGUMENT"), ("crashes1", "MK_E_PLUGIN_START"),
                           ("nosuch", "MK_E_PLUGIN_FILE"), ("cannot", "MK_E_NOT_SUPPORTED")):
            lines, result = self.run_updater("call", "3", "keep", "update", version(bad), "call", "2", "kept", "update",
                                             version("2"), "call", "1", after=("supervisor history versioned",))
            self.assertEqual(lines, ["version 1, count 3", f"update: {error}", "version 1, count 5", "kept: the same",
                                     "update: MK_OK", "version 2, count 6"], result)
            self.assertIn("update failed: the old version goes on", result.text)

    def test_UPDATE0030(self):
        """A version that crashes soon after it has taken over is rolled back: the old one has its state still."""
        lines, result = self.run_updater("call", "5", "keep", "update", version("crashes2"), "call", "3", "kept",
                                         after=("supervisor history versioned", "supervisor"))
        self.assertEqual(lines, ["version 1, count 5", "update: MK_OK", "version 1, count 8", "kept: the same"], result)
        self.assertIn("the new version crashed: the old one goes on", result.text)
        self.assertRegex(result.text, r"versioned +\d+  up +on-crash +default +1  -")

    def test_UPDATE0040(self):
        """After its probation a version is on its own: the old one is gone, and a crash is a restart of the new one."""
        lines, result = self.run_updater("call", "5", "update", version("2"), "call", "20", after=(
            "ps", "crash versioned", "sleep 1", "supervisor history versioned"))
        self.assertEqual(lines, ["version 1, count 5", "update: MK_OK", "version 2, count 25"], result)
        self.assertEqual(result.text.split("TASK")[1].count(" versioned "), 1, result)
        self.assertIn("crash: SIGSEGV; restart at", result.text)

    def test_UPDATE0045(self):
        """An update of a version on probation is possible: what it was is the way back then."""
        lines, result = self.run_updater("call", "5", "update", version("2"), "call", "2", "update",
                                         version("crashes2"), "call", "2", after=("ps",))
        self.assertEqual(lines, ["version 1, count 5", "update: MK_OK", "version 2, count 7", "update: MK_OK",
                                 "version 2, count 9"], result)
        self.assertEqual(result.text.split("TASK  THR")[1].count(" versioned "), 1, result)

    def test_UPDATE0050(self):
        """A server without save says that it cannot; what is not up, or is no task, is refused."""
        lines, _ = self.run_updater("update", version("2"), "call", "1", first="cannot")
        self.assertEqual(lines, ["update: MK_E_NOT_SUPPORTED", "version 3, count 1"])
        _, result = self.run_updater("call", "1", status=2, after=(
            "stop versioned", f"update versioned {version('2')}", f"update nosuch {version('2')}", "update"))
        self.assertIn("update: versioned is not running\n", result.text)
        self.assertIn("update: nosuch: no such task\n", result.text)
        self.assertIn("usage: update NAME FILE", result.text)

    def test_UPDATE0060(self):
        """Updates under load, one in ten to a version that fails: no request is lost, none is done twice."""
        lines, result = self.run_updater("load", str(UPDATES), version("1"), version("2"), version("refuses"),
                                         version("crashes2"))
        refused = UPDATES // 10 - UPDATES // 20  # those that crash have taken over before
        self.assertEqual(lines, [f"updates: {UPDATES - refused} done, {refused} refused"], result)

    def test_UPDATE0070(self):
        """A supervisor that crashes during the probation leaves one version, which serves."""
        lines, result = self.run_updater("call", "5", "update", version("2"), "call", "2", after=(
            "crash supervisor", "sleep 1", "ps", "supervisor"))
        self.assertEqual(lines[:3], ["version 1, count 5", "update: MK_OK", "version 2, count 7"], result)
        self.assertEqual(result.text.split("TASK  THR")[1].count(" versioned "), 1, result)

    def test_UPDATE0080(self):
        """The shell's command, with a path that begins at the boot file's folder."""
        os.symlink(version("2"), self.path("newer.so"))
        _, result = self.run_updater("call", "2", after=("update versioned newer.so && echo done",))
        self.assertIn("done\n", result.text)

    def test_UPDATE0090(self):
        """A server that dies while it is updated is restarted, and the half-made version goes with it."""
        _, result = self.run_updater("call", "2", after=(
            f"update versioned {version('hangs')}", "sleep 5", "ps", "supervisor history versioned"),
            keys="heartbeat = 1s")
        self.assertIn("silent", result.text)
        self.assertEqual(result.text.split("TASK  THR")[1].count(" versioned "), 1, result)

    def test_UPDATE0095(self):
        """A server that ends before it can save is restarted as it was, comes up, and can be updated then."""
        lines, result = self.run_updater("call", "2", "end", "update", version("2"), "call", "1", "sleep", "update",
                                         version("2"), "call", "1", after=("supervisor", ))
        self.assertEqual(lines, ["version 1, count 2", "update: MK_E_DEAD", "version 1, count 1", "update: MK_OK",
                                 "version 2, count 2"], result)
        self.assertRegex(result.text, r"(?m)^versioned +\d+  up +on-crash +default +2  crash: exit 3$")

    def test_UPDATE0100(self):
        """What a server may use and provide stays the same after an update of it, and of the name service."""
        names = os.path.join(os.path.dirname(test_cli.PLUGINS), "servers/names/names.so")
        asks = ["look", "console", "look", "supervisor", "look", "+more", "look", "nosuch"]
        lines, result = self.run_updater(*asks, "update", version("2"), *asks, "other", "names", names, *asks, "update",
                                         version("1"), "call", "1", *asks, keys="uses = console\nprovides = versioned")
        answers = ["console: MK_OK", "supervisor: MK_E_NO_ACCESS", "+more: MK_E_NO_ACCESS", "nosuch: MK_E_NO_ACCESS"]
        self.assertEqual(lines, answers + ["update: MK_OK"] + answers + ["update of names: MK_OK"] + answers +
                         ["update: MK_OK", "version 1, count 1"] + answers, result)


def server(name, kind=0):
    """The file of a server's, or of a version of it that refuses (1), crashes in restore (2), crashes later (3)."""
    if kind:
        return f"{test_cli.PLUGINS}/{name}_broken{kind}.so"
    return os.path.join(os.path.dirname(test_cli.PLUGINS), "servers", name, name + ".so")


class Servers(test_cli.Case):
    """Updates of the servers that come with libmk."""

    HEAD = """[machine]
memory = 4M
[task names]
[task console]
privileged = yes
after = names
[task ramfs]
after = names
"""
    SHELL = "[task shell]\nprivileged = yes\nafter = console ramfs\n"

    def setUp(self):
        super().setUp()
        self.copies = {}
        for name in ("names", "console", "ramfs", "pager"):
            self.copies[name] = shutil.copy(server(name), self.path(name + "2.so"))

    def run_commands(self, *commands, status=0, head=HEAD):
        result = mk("run", self.write("boot.ini", head + self.SHELL), "-c", "; ".join(commands))
        self.expect(result, status)
        return result

    def head_with_pager(self, args):
        return self.HEAD.replace("4M", f"1M\n[task pager]\nprivileged = yes\npriority = 60\nargs = {args}")

    def run_busy(self, kind, name, head=HEAD, after="ramfs"):
        """A client works all the while: with two good versions in turn, one that refuses, and one that crashes."""
        files = [self.copies[name], server(name), "-" + server(name, 1), "-" + server(name, 2)]
        args = "\n    ".join([f"{kind} {name} {UPDATES}"] + files)
        boot = self.write("boot.ini", f"{head}[task busy]\nmodule = {test_cli.PLUGINS}/busy.so\nargs = {args}\n"
                          f"after = {after}\n{self.SHELL}")
        result = mk("run", boot, "-c", "sleep 10000; supervisor")
        self.expect(result, 0, err=f"[busy] {kind}: all is right after {UPDATES} updates")
        self.assertRegex(result.text, rf"(?m)^{name} +\d+  up +\S+ +default +1  -$")
        return result

    def test_UPDATE0110(self):
        """The file server keeps its files, open ones and removed ones too, and its clients notice nothing."""
        self.run_busy("files", "ramfs")

    def test_UPDATE0111(self):
        """Mapped files stay mapped, and both ways to them agree."""
        self.run_busy("mapped", "ramfs")

    def test_UPDATE0112(self):
        """The name service keeps what was registered, those who wait, and forgets what dies."""
        self.run_busy("names", "names")

    def test_UPDATE0113(self):
        """The pager keeps the pages of a task that needs more memory than there is, in a file with or without name."""
        for args in ("size=16M", f"size=16M file={self.path('pages')}"):
            with self.subTest(args):
                result = self.run_busy("memory", "pager", self.head_with_pager(args), "pager")
                self.assertNotIn("lost", result.err)

    def test_UPDATE0120(self):
        """A large tree with holes, empty files, empty folders and a long name is the same in the next version."""
        name = "n" * 255
        os.makedirs(self.path("tree/a/b/c/empty"))
        for path, content in (("one", b"1"), ("none", b""), ("a/large", os.urandom(1000000)), ("a/b/" + name, b"long"),
                              ("a/b/c/x", os.urandom(4096)), ("a/b/c/y", os.urandom(4097))):
            self.write("tree/" + path, content)
        paths = ["/one", "/none", "/a/large", "/a/b/" + name, "/a/b/c/x", "/a/b/c/y", "/new"]
        look = ["ls /", "ls /a", "ls /a/b", "ls /a/b/c", "ls /a/b/c/empty"] + [f"wc {path}" for path in paths] + [
            f"cat {path}" for path in paths[3:]]
        head = self.HEAD.replace("4M", "16M").replace("[task ramfs]\n", "[task ramfs]\nargs = tree\n")
        update = f"update ramfs {self.copies['ramfs']}"
        one = self.run_commands("echo new > /new", *look, head=head).out
        self.assertEqual(self.run_commands("echo new > /new", update, *look, head=head).out, one)
        self.assertEqual(self.run_commands(update, "echo no > /new", update, update, "echo new > /new", update, *look,
                                           head=head).out, one)

    def test_UPDATE0121(self):
        """A limit that was given holds in the next version, for what is there already too."""
        head = self.HEAD.replace("[task ramfs]\n", "[task ramfs]\nargs = --limit 10\n")
        result = self.run_commands("echo 1234567 > /a", f"update ramfs {self.copies['ramfs']}",
                                   "echo 12 > /b && echo no", "echo 1 > /b && cat /a /b", head=head)
        self.assertEqual(result.text.splitlines()[-2:], ["1234567", "1"], str(result))

    def test_UPDATE0130(self):
        """A version that crashes soon is rolled back, with all that was there before."""
        result = self.run_commands("echo one > /f", f"update ramfs {server('ramfs', 3)}", "ls /", "sleep 1", "cat /f",
                                   "echo two >> /f", "cat /f", "supervisor history ramfs", status=0)
        self.assertEqual(result.text.count("the new version crashed: the old one goes on"), 1, str(result))
        self.assertIn("one\none\ntwo\n", result.text)
        result = self.run_commands(f"update names {server('names', 3)}", "services",
                                   f"load more {test_cli.PLUGINS}/versioned_1.so || true", "sleep 1", "services",
                                   "supervisor history names")
        self.assertEqual(result.text.count("the new version crashed: the old one goes on"), 1, str(result))
        self.assertEqual(result.text.count("ramfs\n"), 2, str(result))
        result = self.run_commands(f"update console {server('console', 3)}", "echo lost", "echo kept",
                                   "supervisor history console")
        self.assertIn("kept\n", result.text)
        self.assertEqual(result.text.count("the new version crashed: the old one goes on"), 1, str(result))

    def test_UPDATE0131(self):
        """A pager that crashes with a request in hand: the old one is asked again, and no page is lost."""
        head = self.head_with_pager("size=16M")
        boot = self.write("boot.ini", f"{head}[task busy]\nmodule = {test_cli.PLUGINS}/busy.so\n"
                          f"args = memory pager 4\n    {server('pager', 3)}\nafter = pager\n{self.SHELL}")
        result = mk("run", boot, "-c", "sleep 10000; supervisor history pager")
        self.expect(result, 0, err="[busy] memory: all is right after 4 updates")
        self.assertIn("the new version crashed: the old one goes on", result.text)

    def test_UPDATE0140(self):
        """Input that the console had read is not lost, nor are those who wait for a line."""
        update = f"update console {self.copies['console']}\n"
        bad = "".join(f"update console {server('console', kind)}\n" for kind in (1, 2))
        boot = self.write("boot.ini", self.HEAD + self.SHELL)
        lines = "".join(f"echo line {i}\n{update if i % 10 == 0 else ''}{bad if i % 25 == 0 else ''}"
                        for i in range(1, 101))
        result = mk("run", boot, stdin=lines.encode() + b"true\n")
        self.expect(result, 0)
        echoed = [line for line in result.text.splitlines() if line.startswith("line ")]
        self.assertEqual(echoed, [f"line {i}" for i in range(1, 101)], str(result))

    def test_UPDATE0141(self):
        """On a terminal a line that is being typed goes on in the next version, which has the lines before it, too."""
        boot = self.write("boot.ini", f"""{self.HEAD}[task versioned]
module = {version("1")}
after = names
[task updater]
module = {test_cli.PLUGINS}/updater.so
args = sleep sleep other console {self.copies['console']}
    sleep sleep other console {server('console', 1)}
after = versioned console
{self.SHELL}""")
        outer, inner = pty.openpty()
        log = self.path("log")
        with open(log, "wb") as err:
            process = subprocess.Popen([test_cli.MK, "run", boot], stdin=inner, stdout=inner, stderr=err)
        os.close(inner)
        self.addCleanup(os.close, outer)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        seen = b""

        def wait_for(is_there):
            nonlocal seen
            end = time.monotonic() + 40
            while not is_there():
                self.assertLess(time.monotonic(), end, seen)
                if select.select([outer], [], [], 0.05)[0]:
                    seen += os.read(outer, 4096)

        def updated(text):
            with open(log, encoding="utf-8", errors="replace") as file:
                return text in file.read()

        def type_keys(keys, echo):
            nonlocal seen
            seen = b""
            os.write(outer, keys)
            wait_for(lambda: echo in seen)

        wait_for(lambda: b"mk> " in seen)
        type_keys(b"echo first\r", b"first\r\n")
        type_keys("echo grün u\x1b[D\x1b[D".encode(), "grün u".encode())
        wait_for(lambda: updated("update of console: MK_OK"))
        type_keys(b"X", "grünX u".encode())
        wait_for(lambda: updated("update of console: MK_E_BAD_ARGUMENT"))
        type_keys(b"Y\r", "\ngrünXY u\r\n".encode())
        type_keys(b"\x1b[A\x1b[A\r", b"\nfirst\r\n")
        os.write(outer, b"exit 7\r")
        self.assertEqual(process.wait(timeout=40), 7)

    def test_UPDATE0151(self):
        """A state with one wrong place is refused, or taken where it is as good as the right one; nothing crashes."""
        os.makedirs(self.path("tree/a/b"))
        self.write("tree/a/b/c", b"x" * 9000)
        self.write("tree/d", b"y")
        for name in ("names", "console", "ramfs", "pager"):
            head = self.head_with_pager("size=16M").replace("1M", "8M").replace("[task ramfs]\n",
                                                                                "[task ramfs]\nargs = tree\n")
            file = shutil.copy(server(name, 4), self.path(name + ".so"))
            head = head.replace(f"[task {name}]\n", f"[task {name}]\nmodule = {file}\n")
            commands = ["echo open > /e", "echo history"] + [
                f"update {name} {server(name)} && update {name} {file}"] * 60
            with self.subTest(name):
                boot = self.write("boot.ini", head + self.SHELL)
                result = mk("run", boot, "-c", "; ".join(commands + [f"supervisor history {name}", "supervisor"]))
                self.assertNotIn("start failed", result.text, str(result))
                self.assertNotIn("crashed", result.text, str(result))
                self.assertGreaterEqual(result.text.count(f"update: {name}: "), 10, str(result))
                self.assertRegex(result.text, rf"(?m)^{name} +\d+  up +\S+ +default +1  -$")

    def test_UPDATE0160(self):
        """Whichever task ends, at whichever of its kernel calls during updates: no client waits for ever."""
        boot = self.write("boot.ini", self.HEAD + "[task echo]\nafter = names\n" + self.SHELL)
        commands = ["echo a > /a"] + [f"update {name} {server(name)}; cat /a"
                                      for name in ("ramfs", "names", "console", "echo", "ramfs")]
        faults = min(UPDATES, 80)
        for target in ("supervisor", "ramfs", "names", "console"):
            with self.subTest(target):
                result = mk("campaign", boot, "--faults", str(faults), "--seed", "9", "--target", target, "--kinds",
                            "exit,null,error", "--json", "-c", "; ".join(commands + ["ls /"]))
                total = json.loads(result.text)["total"]
                self.assertEqual([total[key] for key in ("hung", "audit", "died")], [0, 0, 0], result.text)
                self.assertGreater(total["manifested"], faults // 2, result.text)

    def test_UPDATE0150(self):
        """A state that is nonsense is refused with a message by every server: none crashes over it."""
        starts = {"names": ("1", "1"), "console": ("1", ), "pager": ("1", ), "ramfs": ("1", "4096", "65536")}
        for name, start in starts.items():
            privileged = "privileged = yes\n" if name in ("console", "pager") else ""
            liars = ["-".join((f"liar{i}", ) + start[:i % (len(start) + 1)]) for i in range(24)]
            tasks = "".join(f"[task {liar}]\nmodule = {test_cli.PLUGINS}/liar.so\n{privileged}after = names\n"
                            for liar in liars)
            commands = [f"update {liar} {server(name)} && echo taken" for liar in liars]
            with self.subTest(name):
                boot = self.write("boot.ini", self.HEAD.replace("4M", "64M") + tasks + self.SHELL)
                result = mk("run", boot, "-c", "; ".join(commands))
                self.assertEqual(result.text.count("start failed"), 0, str(result))
                self.assertEqual(len(re.findall(r"(?m)^update: liar[-0-9]+: ", result.text)), 24, str(result))


if __name__ == "__main__":
    test_cli.MK, test_cli.TOP, test_cli.PLUGINS = (os.path.abspath(argument) for argument in sys.argv[1:4])
    UPDATES = int(sys.argv[4])
    unittest.main(argv=sys.argv[:1] + sys.argv[5:])
