# SPDX-License-Identifier: BSD-2-Clause
"""What tasks may look up and register: test_grants.py MK TOP PLUGINS [TEST...]

MK is the command, TOP the source tree, PLUGINS the folder of the test plugins.
"""
import json
import os
import re
import sys
import unittest

import test_cli
import test_supervisor
from test_cli import mk
from test_supervisor import server


class Grants(test_supervisor.Case):
    HEAD = test_supervisor.Case.HEAD + "[task echo]\nafter = names\n[task ramfs]\nafter = names\n"

    def told(self, result, name):
        """What a task printed."""
        return re.findall(rf"(?m)\[{name}\] (.*)$", result.err)

    def run_asks(self, words, *lines, commands=("sleep 9",)):
        """What a task with these lines prints that asks for these words."""
        boot = self.boot(server("t", f"args = {words}", "after = echo ramfs console", *lines, module="uses"))
        return self.told(self.run_boot(boot, *commands), "t")

    def test_GRANT0010(self):
        """A task may look up what it is said to use, and nothing else, be it there or not; it sees no more."""
        self.assertEqual(self.run_asks("echo ramfs supervisor nosuch list", "uses = echo, nosuch"),
                         ["echo: MK_OK", "ramfs: MK_E_NO_ACCESS", "supervisor: MK_E_NO_ACCESS",
                          "nosuch: MK_E_TIMED_OUT", "list: echo "])

    def test_GRANT0011(self):
        """Who uses - may look up nothing; without the key all."""
        self.assertEqual(self.run_asks("echo list", "uses = -"), ["echo: MK_E_NO_ACCESS", "list: "])
        self.assertEqual(self.run_asks("echo nosuch list", "provides = -"),
                         ["echo: MK_OK", "nosuch: MK_E_TIMED_OUT", "list: supervisor console echo ramfs "])

    def test_GRANT0012(self):
        """A task may register what it is said to provide; without the key all, whatever it may use."""
        self.assertEqual(self.run_asks("+one +two +three one two list", "uses = two", "provides = one\n  two"),
                         ["+one: MK_OK", "+two: MK_OK", "+three: MK_E_NO_ACCESS", "one: MK_E_NO_ACCESS", "two: MK_OK",
                          "list: two "])
        self.assertEqual(self.run_asks("+one", "provides = -"), ["+one: MK_E_NO_ACCESS"])
        self.assertEqual(self.run_asks("+one", "uses = -"), ["+one: MK_OK"])

    def test_GRANT0013(self):
        """A server that may not register its own name does not come up, and its place stays free."""
        boot = self.write("echo.ini", self.HEAD.replace("[task echo]", "[task echo]\nprovides = -") + self.TAIL)
        result = self.run_boot(boot, "sleep 1", "services", "supervisor")
        self.assertEqual(self.status(result.text)["echo"]["LAST END"], "crash: exit 1", str(result))
        self.assertNotIn("\necho\n", "\n" + result.text)

    def test_GRANT0020(self):
        """Children of the task may as much as it may, and no more."""
        boot = self.boot(server("t", "args = child echo ramfs +one list child echo ramfs", "uses = echo",
                                "provides = -", "after = echo ramfs", module="uses"))
        result = self.run_boot(boot, "sleep 1")
        self.assertEqual(self.told(result, "child"),
                         ["echo: MK_OK", "ramfs: MK_E_NO_ACCESS", "+one: MK_E_BAD_NAME", "list: echo ",
                          "echo: MK_OK", "ramfs: MK_E_NO_ACCESS", "child: MK_OK"], str(result))

    def test_GRANT0021(self):
        """Nothing that the task can try by itself gets it more."""
        told = self.run_asks("forge ramfs list", "uses = echo", "provides = -")
        self.assertEqual(told[-2:], ["ramfs: MK_E_NO_ACCESS", "list: echo "])
        self.assertEqual([line.split(": ")[0] for line in told[:-2]],
                         ["make", "make another's", "extract", "insert", "claim", "task", "machine", "guardian",
                          "notice"])
        for line in told[:-2]:
            self.assertRegex(line, "MK_E_(BAD_RIGHT|NOT_FOUND|MSG_ID)$")

    def test_GRANT0030(self):
        """A restarted name service knows it, be the request there before it, and so does a restarted supervisor."""
        for commands in (("crash names",), ("crash supervisor",), ("crash names", "crash supervisor"),
                         ("kill supervisor", "kill names"), ("kill names", "kill supervisor"),
                         ("stop names", "start names"), ("kill names", "sleep 1", "kill names")):
            with self.subTest(commands):
                told = self.run_asks("sleep echo ramfs list", "uses = echo supervisor", "provides = -",
                                     commands=commands + ("sleep 9", "services"))
                self.assertEqual(told[:3], ["sleep: MK_OK", "echo: MK_OK", "ramfs: MK_E_NO_ACCESS"])
                self.assertEqual(sorted(told[3].split()), ["echo", "list:", "supervisor"])

    def test_GRANT0031(self):
        """An instance that is started by a restarted supervisor may as much as the one before."""
        boot = self.boot(server("t", "args = echo ramfs", "uses = echo", "after = echo ramfs", module="uses"),
                         server("u", "args = echo ramfs", "uses = ramfs", "after = echo ramfs", module="uses"))
        result = self.run_boot(boot, "sleep 1", *["crash supervisor", "restart u", "restart t"] * 3, "sleep 1")
        self.assertEqual(self.told(result, "t"), ["echo: MK_OK", "ramfs: MK_E_NO_ACCESS"] * 4, str(result))
        self.assertEqual(self.told(result, "u"), ["echo: MK_E_NO_ACCESS", "ramfs: MK_OK"] * 4, str(result))

    def test_GRANT0032(self):
        """A file without a name service has nothing to give away; the name service itself can be restricted."""
        path = self.write("none.ini", server("t", "args = echo", "uses = echo", module="uses").replace(
            "{P}", test_cli.PLUGINS) + "\n")
        self.expect(mk("run", path), 0, "", "echo: MK_E_")
        head = self.HEAD.replace("[task names]", "[task names]\nuses = -\nprovides = -")
        result = self.run_boot(self.write("names.ini", head + self.TAIL), "kill names", "sleep 1", "services")
        self.assertEqual(sorted(result.text.split()), ["console", "echo", "ramfs", "supervisor"])

    def test_GRANT0040(self):
        """The shell says which service it may not use."""
        boot = self.write("shell.ini", self.HEAD + self.TAIL + "uses = console supervisor\n")
        result = mk("run", boot, "-c", "services; ls /")
        self.expect(result, 1, "supervisor\nconsole\nls: /: the service ramfs is not for this task\n")

    def test_GRANT0050(self):
        """Lists that are none are refused by run and check alike, with the line and what would be right."""
        task = "[task names]\n"
        for text, line, word in ((task + "uses =\n", 2, "- for none"), (task + "provides = ,\n", 2, "- for none"),
                                 (task + "uses = a - b\n", 2, "means none"),
                                 (task + "uses = a\n  " + 64 * "b" + "\n", 2, "at most 63"),
                                 (task + "use = a\n", 2, "did you mean 'uses'"),
                                 ("[machine]\nuses = a\n" + task, 2, "unknown key")):
            self.check_refused(text, line, word)

    def test_GRANT0051(self):
        """check tells the lists, for people and for programs."""
        boot = self.boot(server("a", "uses = echo,ramfs\n  x"), server("b", "provides = -"))
        report = mk("check", boot, "--set", "b.provides=b")
        self.expect(report, 0)
        self.assertIn("  a\n    uses      echo ramfs x\n    provides  all\n  b\n    uses      all\n    provides  b\n",
                      report.text)
        tasks = {task["name"]: task for task in json.loads(mk("check", boot, "--json").text)["tasks"]}
        self.assertEqual([(tasks[name]["uses"], tasks[name]["provides"]) for name in ("a", "b", "echo")],
                         [(["echo", "ramfs", "x"], None), (None, []), (None, None)])


if __name__ == "__main__":
    test_cli.MK, test_cli.TOP, test_cli.PLUGINS = (os.path.abspath(path) for path in sys.argv[1:4])
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
