# SPDX-License-Identifier: BSD-2-Clause
"""Tasks that are added to the running system: test_load.py MK TOP PLUGINS [TEST...]

MK is the command, TOP the source tree, PLUGINS the folder of the test plugins.
"""
import os
import re
import sys
import unittest

import test_cli
import test_supervisor
from test_supervisor import SECOND, starts


class Load(test_supervisor.Case):
    def run_load(self, *commands, status=0):
        """{P} is the folder of the test plugins."""
        return self.run_boot(self.boot(), *(command.replace("{P}", test_cli.PLUGINS) for command in commands),
                             status=status)

    def test_LOAD0010(self):
        """A task that is loaded is supervised as one of the boot file is: it is stopped, started, restarted."""
        result = self.run_load("load a {P}/service.so", "supervisor", "stop a", "supervisor", "start a", "restart a",
                               "crash a", "sleep 1", "kill a", "sleep 1", "supervisor", "sleep 2", "supervisor")
        rows = [self.status("NAME " + table)["a"] for table in result.text.split("NAME ")[1:]]
        self.assertEqual([(row["STATE"], row["STARTS"], row["LAST END"]) for row in rows],
                         [("up", "1", "-"), ("stopped", "1", "asked"),
                          ("waiting until 3.000", "4", "crash: SIGKILL"), ("up", "5", "crash: SIGKILL")], str(result))
        self.assertEqual((rows[0]["RESTART"], rows[0]["GROUP"]), ("on-crash", "default"))

    def test_LOAD0011(self):
        """A program is loaded with its arguments as they were; the shell does not wait for it."""
        result = self.run_load("load a {P}/tool.so args one 'x  y' '' \"it's\"", "load b {P}/tool.so wait", "sleep 1",
                               "supervisor", "stop b")
        self.assertEqual(re.findall(r"\[a\] arg \d <(.*)>", result.err), ["a", "args", "one", "x  y", "", "it's"])
        rows = self.status(result.text)
        self.assertEqual([(rows[name]["STATE"], rows[name]["RESTART"]) for name in "ab"],
                         [("ended", "never"), ("running", "never")], str(result))

    def test_LOAD0012(self):
        """A relative path begins at the boot file's folder."""
        boot = self.boot()
        os.symlink(test_cli.PLUGINS + "/service.so", self.path("near.so"))
        self.run_boot(boot, "load a near.so && load b ./near.so")

    def test_LOAD0020(self):
        """What cannot be loaded leaves nothing behind, and the reason is told."""
        for words, reason in (("names {P}/service.so", "there is a task of this name; choose another"),
                              ("supervisor {P}/service.so", "there is a task of this name; choose another"),
                              ("a nosuch.so", "cannot be opened: No such file or directory"),
                              ("a {P}/refused_tls.so", "thread-local variable 'per_thread'"),
                              ("a {P}/refused_wrong_abi.so", "ABI"),
                              ("-a {P}/service.so", "begins with a letter or digit"),
                              ("a+b {P}/service.so", "begins with a letter or digit"),
                              ("a" * 32 + " {P}/service.so", "at most 31 bytes"),
                              ("a {P}/service.so " + "x" * 1024, "longer than its limit|at most 1023 bytes"),
                              ("a " + "x" * 600, "at most 511 bytes")):
            with self.subTest(words):
                result = self.run_load(f"load {words} || echo no", "supervisor", "load a {P}/service.so")
                lines = result.text.splitlines()
                self.assertRegex(lines[0], f"^load: {re.escape(words.split()[0])}: .*({reason})")
                self.assertEqual(lines[1], "no")
                self.assertEqual(list(self.status(result.text)), ["names", "console", "shell"], str(result))
        self.assertEqual(self.run_load("load", "load a", status=2).text, "usage: load NAME FILE [ARG...]\n" * 2)

    def test_LOAD0021(self):
        """A server whose start fails is told of, and then restarted as others are."""
        result = self.run_load("load a {P}/service.so fail || echo no", "sleep 1", "supervisor history a")
        self.assertIn("load: a: ", result.text)
        self.assertIn("no\n", result.text)
        events = self.events(result.text)
        self.assertEqual([what for _, what, _ in events[1::2]], ["crash: exit 1"] * 2, str(result))
        self.assertEqual(events[3][2] - events[3][0], 2 * SECOND)

    def test_LOAD0022(self):
        """There is room for 64, whatever became of them."""
        loads = [f"load a{i} {{P}}/tool.so exit 0" for i in range(64)]
        result = self.run_load(*loads, "load b {P}/tool.so exit 0 || echo no", "crash supervisor",
                               "load b {P}/tool.so exit 0", "sleep 1", "supervisor", "start a63")
        message = "load: b: 64 tasks were loaded already, which is the most\n"
        self.assertTrue(result.text.startswith(message + "no\n" + message), str(result))
        self.assertEqual(len(self.status(result.text)), 67)

    def test_LOAD0030(self):
        """A restarted supervisor knows what was loaded, how often it was started, and what is due when."""
        result = self.run_load("load a {P}/service.so", "load b {P}/service.so", "load c {P}/tool.so exit 0", "kill a",
                               "stop b", "sleep 1", "kill a", "crash supervisor", "load d {P}/service.so", "start b",
                               "supervisor", "crash supervisor", "sleep 2", "kill d", "sleep 1", "supervisor",
                               "restart a", "restart b")
        before, after = (self.status("NAME " + table) for table in result.text.split("NAME ")[1:])
        self.assertEqual([(before[name]["STATE"], before[name]["STARTS"]) for name in "abcd"],
                         [("waiting until 3.000", "2"), ("up", "2"), ("ended", "1"), ("up", "1")], str(result))
        self.assertEqual(starts(after, "a", "b", "c", "d"), [3, 2, 1, 2], str(result))
        self.assertEqual([after[name]["STATE"] for name in "abd"], ["up"] * 3)

    def test_LOAD0031(self):
        """What was loaded and ends while there is no supervisor is found by the next one."""
        result = self.run_load("load a {P}/service.so", "kill supervisor", "kill a", "sleep 1", "supervisor")
        row = self.status(result.text)["a"]
        self.assertEqual((row["STATE"], row["STARTS"], row["LAST END"]), ("up", "2", "crash: SIGKILL"), str(result))

    def test_LOAD0040(self):
        """What a loaded task registered is known to a restarted name service."""
        echo = os.path.join(os.path.dirname(test_cli.MK), "../../servers/echo/echo.so")
        result = self.run_load(f"load e {echo}", "services", "crash names", "sleep 1", "services")
        self.assertEqual(sorted(result.text.split()), sorted(["console", "echo", "supervisor"] * 2))


if __name__ == "__main__":
    test_cli.MK, test_cli.TOP, test_cli.PLUGINS = (os.path.abspath(path) for path in sys.argv[1:4])
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
