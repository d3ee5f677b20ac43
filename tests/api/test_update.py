# SPDX-License-Identifier: BSD-2-Clause
"""Live update of servers: test_update.py MK TOP PLUGINS UPDATES [TEST...]

UPDATES is how many are made under load.
"""
import os
import sys
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
        lines, result = self.run_updater("call", "5", "update", version("2"), "call", "2", "update", version("crashes2"),
                                         "call", "2", after=("ps",))
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


if __name__ == "__main__":
    test_cli.MK, test_cli.TOP, test_cli.PLUGINS = (os.path.abspath(argument) for argument in sys.argv[1:4])
    UPDATES = int(sys.argv[4])
    unittest.main(argv=sys.argv[:1] + sys.argv[5:])
