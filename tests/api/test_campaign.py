# SPDX-License-Identifier: BSD-2-Clause
"""mk campaign from outside: test_campaign.py MK TOP PLUGINS FAULTS [TEST...]

FAULTS is how many the systems of the examples must survive here.
"""
import json
import os
import sys
import unittest

import test_cli
from test_cli import DEMO, mk

FAULTS = 200
KINDS = ("null", "arith", "illegal", "abort", "exit", "loop", "hang", "delay", "flip", "alloc", "memory", "error",
         "wrong-result", "pager-death", "torn-write", "lost", "twice", "corrupt")
BAD = ("hung", "audit", "died")
SMALL = "examples/boot/campaign.ini"  # a system whose pages are with a pager


class Campaign(test_cli.Case):
    def setUp(self):
        super().setUp()
        self.some = min(FAULTS, 150)

    def campaign(self, *args, boot=DEMO, status=0):
        result = mk("campaign", boot, *args, seconds=240)
        self.expect(result, status)
        return result.text

    def report(self, *args, **kwargs):
        return json.loads(self.campaign("--json", *args, **kwargs))

    def check_sums(self, report):
        """Every fault counts once, in its kind and in all."""
        for key in report["total"]:
            self.assertEqual(report["total"][key], sum(kind[key] for kind in report["kinds"].values()), key)
        for count in (report["total"], *report["kinds"].values()):
            ends = sum(count[key] for key in ("recovered", "degraded", "wrong") + BAD)
            self.assertEqual(count["manifested"], ends)
            self.assertTrue(count["faults"] >= count["injected"] >= count["manifested"])

    def test_CAMPAIGN0010(self):
        """Whatever goes wrong in a task, no run hangs, no process dies, and the kernel accounts for everything."""
        kinds, targets = set(), set()
        for boot, *more in ((SMALL,), (DEMO, "--set", "machine.memory=4M")):
            report = self.report("--faults", str(FAULTS // 2), "--seed", "11", *more, boot=boot)
            self.check_sums(report)
            self.assertEqual(report["total"]["faults"], FAULTS // 2)
            self.assertEqual([report["total"][bad] for bad in BAD], [0, 0, 0], report["entries"])
            self.assertGreater(report["total"]["manifested"], FAULTS / 4)
            kinds.update(kind for kind, count in report["kinds"].items() if count["injected"])
            targets.update(target for target, count in report["targets"].items() if count["manifested"])
        if FAULTS >= 1000:  # else chance may leave one out
            self.assertEqual(kinds, set(KINDS) - {"hang"})
        self.assertEqual(targets, {"names", "pager", "console", "ramfs"})

    def test_CAMPAIGN0020(self):
        """A crash of a server is recovered from, or its client learns of it: always."""
        report = self.report("--faults", str(self.some), "--seed", "12", "--kinds", "null,arith,illegal,abort,exit,loop")
        total = report["total"]
        self.assertEqual(total["manifested"], total["recovered"] + total["degraded"], report["entries"])
        self.assertGreater(total["recovered"], 0)

    def test_CAMPAIGN0030(self):
        """The same seed gives the same report, whatever runs at the same time; another gives another."""
        one = self.campaign("--faults", "40", "--seed", "5", "--jobs", "1")
        self.assertEqual(one, self.campaign("--faults", "40", "--seed", "5", "--jobs", "7"))
        self.assertNotEqual(one, self.campaign("--faults", "40", "--seed", "6"))

    def test_CAMPAIGN0040(self):
        """Parts of a campaign sum up to the whole."""
        whole = self.report("--faults", "50", "--seed", "3")
        parts = []
        for part in ("1/3", "2/3", "3/3"):
            parts.append(self.write(part.replace("/", "of"), json.dumps(
                self.report("--faults", "50", "--seed", "3", "--shard", part))))
        result = mk("campaign", "--merge", "--json", *parts)
        self.expect(result, 0)
        self.assertEqual(json.loads(result.text), whole)

    def test_CAMPAIGN0050(self):
        """One fault can be looked at: it ends as in the campaign, and the machine's log is there."""
        report = self.report("--faults", "60", "--seed", "9", "--kinds", "corrupt,twice")
        self.assertTrue(report["entries"])
        for entry in report["entries"][:3]:
            result = mk("campaign", DEMO, "--seed", "9", "--kinds", "corrupt,twice", "--only", str(entry["id"]))
            self.expect(result, 0)
            self.assertTrue(result.text.endswith(f"outcome: {entry['outcome']}\n"), result)
        result = mk("campaign", DEMO, "--seed", "9", "--kinds", "null", "--target", "ramfs", "--only", "0")
        self.expect(result, 0)
        self.assertIn("ramfs touches memory that is not there, at its kernel call", result.text)
        self.check_log(result, "[ramfs]", "ended its task: bad access")

    def test_CAMPAIGN0060(self):
        """A server that waits for ever is found by its heartbeat; without one, the run is told to have hung."""
        args = ("--kinds", "hang", "--target", "ramfs", "--faults", "6")
        self.assertGreater(self.report(*args, status=1)["total"]["hung"], 0)
        report = self.report(*args, "--set", "ramfs.heartbeat=1s")
        self.assertEqual(report["total"]["hung"], 0)
        self.assertEqual(report["total"]["recovered"] + report["total"]["degraded"], report["total"]["manifested"])

    def test_CAMPAIGN0070(self):
        """Commands come from -c, or from a file beside the boot file."""
        args = ("--kinds", "delay", "--only", "2")
        self.assertNotEqual(self.campaign(*args), self.campaign(*args, "-c", "ls /; true"))
        boot = self.write("alone.ini", "[task names]\n[task console]\nprivileged = yes\nafter = names\n"
                          "[task shell]\nprivileged = yes\nafter = console\n")
        result = mk("campaign", boot)
        self.expect(result, 2)
        self.check_log(result, "which commands?", "alone.mksh")
        self.write("alone.mksh", "services\n")
        self.campaign("--faults", "5", boot=boot)

    def test_CAMPAIGN0080(self):
        """What cannot be is refused, with what would be right."""
        for args, words in ((("--kinds", "nul"), ("no kind 'nul'", "did you mean 'null'?")),
                            (("--kinds", ""), ("--kinds: which?",)),
                            (("--faults", "0"), ("--faults", "from 1 to")),
                            (("--faults", "many"), ("'many' is no number",)),
                            (("--shard", "2"), ("--shard: I/N",)),
                            (("--shard", "3/2"), ("'3' is no number from 1 to 2",)),
                            (("--jobs", "0"), ("--jobs",)),
                            (("--target", "shel"), ("do not involve a task 'shel'",)),
                            (("--set", "ramfs.memry=1"), ("memry",))):
            result = mk("campaign", DEMO, *args)
            self.expect(result, 2)
            self.check_log(result, *words)
        self.expect(mk("campaign"), 2)
        self.expect(mk("campaign", "--merge"), 2)
        self.expect(mk("campaign", "--merge", self.write("no.json", "{}")), 2)
        self.expect(mk("campaign", "--merge", self.write("bad.json", "{")), 2)
        self.expect(mk("campaign", "/nonexistent.ini"), 2)

    def test_CAMPAIGN0090(self):
        """A run that does not end well without any fault is no ground for a campaign."""
        boot = self.write("deadlock.ini", "[task names]\n[task console]\nprivileged = yes\nafter = names\n"
                          f"[task waits]\nmodule = {test_cli.PLUGINS}/tool.so\nargs = wait\n"
                          "[task shell]\nprivileged = yes\nafter = console\n")
        result = mk("campaign", boot, "-c", "true")
        self.expect(result, 2)
        self.check_log(result, "the run without a fault failed")

    def test_CAMPAIGN0100(self):
        """A process that dies is told with its fault, whatever ran in it before, and the rest goes on."""
        boot = self.write("fragile.ini", "[task names]\n[task console]\nprivileged = yes\nafter = names\n"
                          f"[task fragile]\nmodule = {test_cli.PLUGINS}/tool.so\nargs = fragile\n"
                          "[task shell]\nprivileged = yes\nafter = console\n")
        args = ("-c", "sleep 1", "--kinds", "error,delay", "--target", "fragile", "--faults", "30", "--json")
        reports = []
        for jobs in ("1", "4"):
            result = mk("campaign", boot, *args, "--jobs", jobs)
            self.expect(result, 1)
            reports.append(result.text)
        self.assertEqual(*reports)
        report = json.loads(reports[0])
        error, delay = report["kinds"]["error"], report["kinds"]["delay"]
        self.assertEqual((error["died"], delay["died"]), (error["injected"], 0))
        self.assertEqual((error["faults"] + delay["faults"], delay["recovered"]), (30, delay["injected"]))
        self.assertGreater(error["died"], 3)
        self.assertEqual([entry["outcome"] for entry in report["entries"]], ["died"] * error["died"])
        result = mk("campaign", boot, *args[:-3], "--only", str(report["entries"][0]["id"]))
        self.expect(result, 1)
        self.assertTrue(result.text.endswith("outcome: died\n"))

    def check_only(self, args, report, boot=SMALL):
        """Each of these faults, alone, ends as in the campaign."""
        for entry in report["entries"][:3]:
            result = mk("campaign", boot, *args, "--only", str(entry["id"]))
            self.expect(result, 0)
            self.assertTrue(result.text.endswith(f"outcome: {entry['outcome']}\n"), result)

    def test_CAMPAIGN0110(self):
        """Answers with a wrong status, size or number end no run: a command complains, or its output is wrong."""
        args = ("--kinds", "wrong-result", "--seed", "2")
        report = self.report(*args, "--faults", "60", boot=SMALL)
        self.check_sums(report)
        total = report["total"]
        self.assertEqual([total[bad] for bad in BAD], [0, 0, 0])
        self.assertTrue(total["degraded"] > 0 and total["wrong"] > 0 and total["manifested"] < total["injected"], total)
        self.check_only(args, report)

    def check_pager(self, kind, *words):
        args = ("--kinds", kind, "--seed", "4")
        report = self.report(*args, "--faults", str(self.some), boot=SMALL)
        self.check_sums(report)
        total = report["total"]
        self.assertGreater(total["injected"], self.some / 2)
        self.assertEqual(total["recovered"], total["injected"])
        result = mk("campaign", SMALL, *args, "--only", "1")
        self.expect(result, 0)
        self.assertIn(f"fault 1: pager {words[0]}, at its kernel call", result.text)
        self.assertTrue(result.text.endswith("outcome: recovered\n"), result)
        self.check_log(result, "fault: [pager]")

    def test_CAMPAIGN0111(self):
        """A pager that is killed while it has pages is restarted, and each of them comes back as it was."""
        self.check_pager("pager-death", "is killed while pages are out")

    def test_CAMPAIGN0112(self):
        """So does a page that it was writing, of which some sectors are new and the others old."""
        self.check_pager("torn-write", "is killed in the middle of writing a page")

    def test_CAMPAIGN0113(self):
        """Faults of the pager are possible where there is one that has pages, and are left out elsewhere."""
        for boot, *more in ((DEMO,), (SMALL, "--set", "machine.memory=64M"), (SMALL, "--target", "ramfs")):
            result = mk("campaign", boot, "--kinds", "torn-write", *more)
            self.expect(result, 2)
            self.check_log(result, "--kinds: torn-write needs a pager")
        for boot, nr in ((DEMO, len(KINDS) - 3), (SMALL, len(KINDS) - 1)):
            self.assertEqual(len(self.report("--faults", str(40 * nr // 5), boot=boot)["kinds"]), nr)


if __name__ == "__main__":
    test_cli.MK, test_cli.TOP, test_cli.PLUGINS = (os.path.abspath(argument) for argument in sys.argv[1:4])
    FAULTS = int(sys.argv[4])
    unittest.main(argv=sys.argv[:1] + sys.argv[5:])
