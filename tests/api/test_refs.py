# SPDX-License-Identifier: BSD-2-Clause
"""mk refs from outside: test_refs.py MK [TEST...]

The page faults of strings from textbooks, exactly, and how it answers.
"""
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

MK = ""
BELADY = "1,2,3,4,1,2,5,1,2,3,4,5"
SILBERSCHATZ = "7,0,1,2,0,3,0,4,2,3,0,3,2,1,2,0,1,7,0,1"
STALLINGS = "2,3,2,1,5,2,4,5,3,2,5,2"
SHORT = "0,1,2,0,1,3,0,3,1,2,1"
EXERCISE = "1,2,3,4,2,1,5,6,2,1,2,3,7,6,3,2,1,2,3,6"

# String, frames, and the faults of fifo, lru, opt, clock, clock-clear; None: not known.
FIGURES = (
    (BELADY, 3, 9, 10, 7, 9, 10),
    (BELADY, 4, 10, 8, 6, 10, 8),
    (SILBERSCHATZ, 3, 15, 12, 9, 14, 11),
    (SILBERSCHATZ, 4, 10, 8, 8, 9, 8),
    (STALLINGS, 3, 9, 7, 6, 8, 6),
    (SHORT, 3, 7, 5, 5, 7, 5),
    (EXERCISE, 3, 16, 15, 11, 16, None),
    (EXERCISE, 4, 14, 10, 8, 14, None),
    (EXERCISE, 5, 10, 8, 7, 9, None),
)
POLICIES = ("fifo", "lru", "opt", "clock", "clock-clear", "aging", "random", "ws")


def mk(*args):
    return subprocess.run([MK, "refs", *args], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)


class Case(unittest.TestCase):
    def refs(self, policy, frames, string, *more):
        done = mk("--policy", policy, "--frames", str(frames), "--json", *more, string)
        self.assertEqual((done.returncode, done.stderr), (0, b""), done)
        return json.loads(done.stdout)

    def faults(self, policy, frames, string, *more):
        return self.refs(policy, frames, string, *more)["faults"]

    def text(self, *args):
        done = mk(*args)
        self.assertEqual((done.returncode, done.stderr), (0, b""), done)
        return done.stdout.decode()

    def refused(self, *args, says):
        """Status 2 and one line on standard error that has these words."""
        done = mk(*args)
        self.assertEqual((done.returncode, done.stdout), (2, b""), done)
        self.assertRegex(done.stderr.decode(), r"\Amk: refs: [^\n]+\n\Z")
        self.assertIn(says, done.stderr.decode())


class Faults(Case):
    def test_REFS0010(self):
        """Every figure of the textbooks."""
        for string, frames, *figures in FIGURES:
            for policy, figure in zip(POLICIES, figures):
                if figure is not None:
                    with self.subTest(string=string, frames=frames, policy=policy):
                        self.assertEqual(self.faults(policy, frames, string), figure)

    def test_REFS0011(self):
        """Belady's anomaly: with fifo more frames can mean more faults."""
        self.assertEqual([self.faults("fifo", n, BELADY) for n in range(1, 6)], [12, 12, 9, 10, 5])

    def test_REFS0012(self):
        """References to one page one after the other fault once, whatever the policy."""
        for policy in POLICIES:
            with self.subTest(policy):
                self.assertEqual(self.faults(policy, 1, "4,4,4,4"), 1)
                self.assertEqual(self.faults(policy, 1, "4,4,5,5,5,4,4"), 3)
                self.assertEqual(self.faults(policy, 3, "1,1,2,2,3,3,3"), 3)

    def test_REFS0013(self):
        """Pages that never have to leave fault once each; the fewest faults are opt's."""
        source = random.Random(1)
        string = ",".join(str(source.randrange(12)) for _ in range(300))
        least = self.faults("opt", 5, string)
        for policy in POLICIES:
            with self.subTest(policy):
                result = self.refs(policy, 12, string, "--window", "1000")
                self.assertEqual((result["faults"], result["evictions"]), (12, 0))
                self.assertGreaterEqual(self.faults(policy, 5, string), least)

    def test_REFS0014(self):
        """Aging tells references that lie before a tick from those behind it; lru tells the order of all."""
        # The first tick is at the fault for 4: all were referenced, and the first goes. At the second 2 was not again.
        self.assertEqual(self.rows("aging", 3, "1,2,3,1,4,3,5"),
                         ["1 1 1 1 4 4 4", "  2 2 2 2 2 5", "    3 3 3 3 3"])
        self.assertEqual(self.rows("lru", 3, "1,2,3,1,4,3,5"),
                         ["1 1 1 1 1 1 5", "  2 2 2 4 4 4", "    3 3 3 3 3"])

    def rows(self, policy, frames, string, *more):
        """The table's frames, for pages of one digit."""
        lines = self.text("--policy", policy, "--frames", str(frames), "--table", *more, string).splitlines()
        return [line[14:].replace("   ", "~").replace("  ", " ").replace("~", "  ").rstrip()
                for line in lines if line.startswith("frame")]

    def test_REFS0015(self):
        """ws: pages leave when the window has passed over them, though no frame is needed."""
        result = self.refs("ws", 5, "1,2,3,2,3,1", "--window", "2")
        self.assertEqual((result["faults"], result["evictions"]), (4, 2))
        self.assertEqual(self.faults("ws", 5, "1,2,3,2,3,1", "--window", "5"), 3)

    def test_REFS0016(self):
        """random is the same with the same seed, and others give others."""
        string = ",".join(str(i * i % 17) for i in range(300))
        self.assertEqual(self.faults("random", 4, string, "--seed", "7"), self.faults("random", 4, string, "--seed", "7"))
        self.assertGreater(len({self.faults("random", 4, string, "--seed", str(i)) for i in range(8)}), 1)

    def test_REFS0017(self):
        """More modified pages than the store's queue takes at once, and numbers at their limits."""
        result = self.refs("fifo", 2, ",".join(str(100000 - i) for i in range(300)))
        self.assertEqual((result["references"], result["faults"], result["evictions"]), (300, 300, 298))
        self.assertEqual(self.faults("lru", 1000, "0 100000"), 2)


TABLE = """\
20 references to 6 pages, 3 frames, lru: 12 page faults (60 %), 9 evictions

reference  |  7  0  1  2  0  3  0  4  2  3  0  3  2  1  2  0  1  7  0  1
-----------+------------------------------------------------------------
frame 1    |  7  7  7  2  2  2  2  4  4  4  0  0  0  1  1  1  1  1  1  1
frame 2    |     0  0  0  0  0  0  0  0  3  3  3  3  3  3  0  0  0  0  0
frame 3    |        1  1  1  3  3  3  2  2  2  2  2  2  2  2  2  7  7  7
fault      |  *  *  *  *     *     *  *  *  *        *     *     *
"""


class Output(Case):
    def test_REFS0020(self):
        """JSON has these members and no others."""
        self.assertEqual(self.refs("lru", 3, SILBERSCHATZ),
                         {"policy": "lru", "frames": 3, "references": 20, "faults": 12, "evictions": 9})

    def test_REFS0021(self):
        """The table is the textbook's."""
        self.assertEqual(self.text("--policy", "lru", "--frames", "3", "--table", SILBERSCHATZ), TABLE)
        self.assertEqual(self.text("--policy", "lru", "--frames", "3", SILBERSCHATZ), TABLE.splitlines(True)[0])

    def test_REFS0022(self):
        """A long table goes on below, in lines that fit 80 columns and do not end in blanks."""
        text = self.text("--policy", "clock", "--frames", "4", "--table", ",".join(str(i * i) for i in range(40)))
        for line in text.splitlines():
            self.assertLessEqual(len(line), 80)
            self.assertEqual(line, line.rstrip())
        numbers = [int(word) for line in text.splitlines() if line.startswith("reference") for word in line.split()[2:]]
        self.assertEqual(numbers, [i * i for i in range(40)])

    def test_REFS0023(self):
        """One of anything is named so."""
        self.assertEqual(self.text("--policy", "opt", "--frames", "1", "3"),
                         "1 reference to 1 page, 1 frame, opt: 1 page fault (100 %), 0 evictions\n")

    def test_REFS0024(self):
        """Commas, blanks, several arguments, or a file: the same string."""
        with tempfile.TemporaryDirectory(prefix="mk-test-refs-") as folder:
            path = os.path.join(folder, "string")
            with open(path, "w", encoding="utf-8") as file:
                file.write("7 0 1\n2,0\t, 3\n")
            expected = self.text("--policy", "lru", "--frames", "3", "--table", "7,0,1,2,0,3")
            for more in (["7 0 1 2 0 3"], ["7", "0", "1", "2", "0", "3"], ["7,0 1,", " 2 ,0", "03"], ["--file", path]):
                with self.subTest(more):
                    self.assertEqual(self.text("--policy", "lru", "--frames", "3", "--table", *more), expected)


class Refusals(Case):
    def test_REFS0030(self):
        """Bad options are one line that says what would be right."""
        self.refused("--policy", "belady", "--frames", "3", "1",
                     says="'belady' is unknown; write fifo, clock, clock-clear, lru, aging, random, ws or opt")
        for frames in ("0", "1001", "-1", "", "3x", "x", "99999999999999999999999", "0x3"):
            self.refused("--policy", "lru", "--frames", frames, "1", says="is no number from 1 to 1000")
        for window in ("0", "-1", "1000001"):
            self.refused("--policy", "ws", "--frames", "3", "--window", window, "1", says="is no number from 1 to 1000000")
        self.refused("--policy", "random", "--frames", "3", "--seed", "x", "1", says="is no number from 0")
        self.refused("--frames", "3", "1", says="which --policy?")
        self.refused("--policy", "lru", "1", says="how many --frames?")
        self.refused("--policy", "lru", "--frames", "3", says="which reference string?")
        self.refused("--policy", "lru", "--frames", "3", "--json", "--table", "1", says="either --json or --table")
        self.refused("--policy", "lru", "--frames", "3", "--file", "/dev/null", "1", says="either a reference string or")
        self.refused("--policy", "lru", "--frames", "3", "--frame", "1", says="did you mean '--frames'?")

    def test_REFS0031(self):
        """So are bad strings, with the place."""
        for string, says in (("", "is empty"), (" \t", "is empty"), ("1,a", "'a', character 3"), ("1,-2", "'-', character 3"),
                             ("1.5", "'.', character 2"), ("1,,2", "before the comma that is character 3"),
                             (",1", "before the comma that is character 1"), ("1,2,", "ends where a page number"),
                             ("1 100001", "at character 3 of the reference string is too large; the largest is 100000"),
                             ("4294967297", "too large"), ("9" * 1000, "too large"), ("1\x1b[2J", "'\\x1b', character 2"),
                             ("1;2", "write numbers from 0 to 100000 with commas or blanks between them"),
                             ("1 " * 10001, "too long; it may have 10000 references")):
            with self.subTest(string[:20]):
                self.refused("--policy", "lru", "--frames", "3", string, says=says)

    def test_REFS0032(self):
        """So are files that cannot be read or hold something else."""
        common = ("--policy", "lru", "--frames", "3", "--file")
        self.refused(*common, "/nonexistent", says="No such file")
        self.refused(*common, "/", says="directory")
        self.refused(*common, "/dev/zero", says="larger than 1 MiB")
        self.refused(*common, "/dev/null", says="is empty")
        self.refused(*common, os.path.abspath(__file__), says="is no page number")


if __name__ == "__main__":
    MK = os.path.abspath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
