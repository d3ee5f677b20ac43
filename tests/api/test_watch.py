# SPDX-License-Identifier: BSD-2-Clause
"""mk run --watch: servers are updated when their files change: test_watch.py MK TOP PLUGINS [TEST...]"""
import os
import re
import shutil
import subprocess
import sys
import time
import unittest

import test_cli
from test_update import version


class Watch(test_cli.Case):
    def start(self, *steps, more="", module="./served.so"):
        """A system whose server runs a file of ours, with a client that does these steps, and a shell on a pipe."""
        self.file = self.path("served.so")
        shutil.copy(version("1"), self.file)
        boot = self.write("boot.ini", f"""[task names]
[task console]
privileged = yes
after = names
[task versioned]
module = {module}
after = names
[task updater]
module = {test_cli.PLUGINS}/updater.so
args = call 1 {" ".join(steps)}
after = versioned
{more}[task shell]
privileged = yes
after = console
""")
        self.log = self.path("log")
        with open(self.log, "wb") as err:
            self.process = subprocess.Popen([test_cli.MK, "run", boot, "--watch"], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=err)
        self.addCleanup(self.process.stdout.close)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        self.wait_for("[updater] version 1, count ")

    def logged(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_for(self, text, times=1):
        end = time.monotonic() + 60
        while self.logged().count(text) < times:
            self.assertLess(time.monotonic(), end, f"no '{text}' in:\n{self.logged()}")
            self.assertIsNone(self.process.poll(), self.logged())
            time.sleep(0.01)

    def end(self, commands, status):
        """What the shell printed."""
        out = self.process.communicate(commands.encode(), timeout=60)[0].decode()
        self.assertEqual(self.process.returncode, status, self.logged())
        return out

    def write_half(self):
        with open(version("2"), "rb") as whole, open(self.file, "wb") as half:
            half.write(whole.read()[:4096])

    def test_WATCH0010(self):
        """A file that is replaced, or written over, is taken; a client that works all the while loses nothing."""
        self.start("until 2 until 1 until 2")
        shutil.copy(version("2"), self.path("new.so"))
        os.replace(self.path("new.so"), self.file)
        self.wait_for("[updater] version 2 serves")
        self.wait_for("serves now")
        shutil.copy(version("1"), self.file)
        self.wait_for("[updater] version 1 serves")
        shutil.copy(version("2"), self.file)
        self.wait_for("[updater] version 2 serves", 2)
        self.wait_for("serves now", 3)
        out = self.end("supervisor history versioned\nexit 7\n", 7)
        self.assertEqual(out.count("updated, task"), 3, out)
        self.assertNotIn(" after ", self.logged())  # counts that are not one more than the one before
        self.assertEqual(self.logged().count(f"[watch] versioned: {self.file} has changed and serves now"), 3)

    def test_WATCH0020(self):
        """Files that are broken, refuse the state or crash are told of, and what ran before goes on."""
        self.start("until 2")
        self.write_half()
        self.wait_for("what ran before goes on")
        self.assertRegex(self.logged(), r"\[supervisor\] versioned: .*: damaged: ")
        shutil.copy(version("refuses"), self.file)
        self.wait_for("cannot be taken: an argument is out of its domain; what ran before goes on")
        shutil.copy(version("crashes1"), self.file)
        self.wait_for("cannot be taken: the plugin's start failed; what ran before goes on")
        shutil.copy(version("crashes2"), self.file)
        self.wait_for("[supervisor] versioned: the new version ended in its first messages; the old one goes on")
        self.assertNotIn("version 2 serves", self.logged())
        shutil.copy(version("2"), self.file)
        self.wait_for("[updater] version 2 serves")
        out = self.end("supervisor history versioned\n", 0)
        self.assertEqual(out.count("started as task"), 1, out)
        self.assertNotIn(" after ", self.logged())

    def test_WATCH0030(self):
        """A file that is gone changes nothing; when it is there again it is taken."""
        self.start("until 2")
        os.remove(self.file)
        shutil.copy(version("2"), self.file)
        self.wait_for("[updater] version 2 serves")
        self.end("", 0)

    def test_WATCH0040(self):
        """A program whose file has changed goes on as it is, and that is said."""
        shutil.copy(f"{test_cli.PLUGINS}/updater.so", self.path("program.so"))
        self.start("until 2", more="[task program]\nmodule = ./program.so\nargs = until 2\nafter = versioned\n")
        with open(self.path("program.so"), "ab") as file:
            file.write(b"more")
        self.wait_for("[watch] program: ")
        self.assertIn("it is no server, so the next start of it takes the file", self.logged())
        shutil.copy(version("2"), self.file)
        self.wait_for("[updater] version 2 serves")
        self.end("", 0)

    def test_WATCH0050(self):
        """The exit code of a program from before an update is the run's all the same."""
        self.start("until 2", more=f"[task failing]\nmodule = {test_cli.PLUGINS}/updater.so\nargs = fail\n"
                   "after = versioned\n")
        self.wait_for("[failing] ends with 3")
        shutil.copy(version("2"), self.file)
        self.wait_for("[updater] version 2 serves")
        self.end("", 3)

    def test_WATCH0060(self):
        """Without a change there is nothing to it: a run that ends by itself ends, with the same trace."""
        boot = self.write("boot.ini", "[task names]\n[task console]\nprivileged = yes\nafter = names\n"
                          "[task shell]\nprivileged = yes\nafter = console\n")
        hashes = set()
        for options in ((), ("--watch",)):
            result = test_cli.mk("run", boot, "-c", "sleep 3600; echo over", "--stats", self.path("stats"), *options)
            self.expect(result, 0, "over\n")
            hashes.add(self.load("stats")["trace_hash"])
        self.assertEqual(len(hashes), 1)
        help_text = test_cli.mk("help", "run").text
        self.assertTrue(re.search(r"(?m)^  --watch ", help_text), help_text)


if __name__ == "__main__":
    test_cli.MK, test_cli.TOP, test_cli.PLUGINS = (os.path.abspath(argument) for argument in sys.argv[1:4])
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
