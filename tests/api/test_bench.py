# SPDX-License-Identifier: BSD-2-Clause
"""The benchmark from outside: test_bench.py MKBENCH MK TOP [TEST...]

What it measures is not judged here, only how it is asked and what it writes.
"""
import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

MKBENCH, MK, TOP = "", "", ""
NUMBERS = ("min", "q1", "median", "q3", "mean", "stddev")


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="mk-test-bench-")
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def bench(self, *args, program=None, env=None):
        return subprocess.run((program or [MKBENCH]) + list(args), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=120, check=False, env=env)

    def refused(self, *args, says=""):
        """Exit status 2, one line on standard error, nothing on standard output."""
        done = self.bench(*args)
        self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
        self.assertRegex(done.stderr, r"\Amkbench: [^\n]+\n\Z")
        self.assertIn(says, done.stderr)

    def write(self, name, rows):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(rows if isinstance(rows, str) else json.dumps({"host": {}, "rows": rows}))
        return self.path(name)


def row(name, values, with_values=True):
    ordered = sorted(values)
    n = len(ordered)
    made = {"name": name, "unit": "ns", "min": ordered[0], "q1": ordered[n // 4], "median": ordered[n // 2],
            "q3": ordered[3 * n // 4], "mean": sum(values) / n, "stddev": 1.0, "samples": n}
    if with_values:
        made["values"] = values
    return made


class Measuring(Case):
    def test_BENCH0010(self):
        """JSON on standard output is all there is there, and follows the format."""
        done = self.bench("--quick", "--rounds", "3", "--only", "floor.*", "--json", "-")
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout)
        for key in ("cpu", "cpus", "virtual", "kernel", "clock_cost", "compiler", "libmk", "build_type"):
            self.assertIn(key, result["host"])
        names = [one["name"] for one in result["rows"]]
        for name in ("floor.call", "floor.switch", "floor.swapcontext", "floor.memcpy.4096", "floor.ring"):
            self.assertIn(name, names)
        self.assertTrue(all(name.startswith("floor.") for name in names))
        for one in result["rows"]:
            for key in NUMBERS:
                self.assertIsInstance(one[key], (int, float), one["name"])
            self.assertEqual(one["unit"], "ns")
            self.assertEqual(one["samples"], 3)
            self.assertEqual(len(one["values"]), 3)
            self.assertLessEqual(one["min"], one["q1"])
            self.assertLessEqual(one["q1"], one["median"])
            self.assertLessEqual(one["median"], one["q3"])
            self.assertGreater(one["min"], 0)

    def test_BENCH0011(self):
        """A machine's rows, by patterns; the table has a header of facts."""
        done = self.bench("--rounds", "1", "--quick", "--only", "ipc.null_call", "--only", "sched.y*")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("libmk", done.stdout.splitlines()[0])
        for name in ("ipc.null_call ", "sched.yield "):
            self.assertIn("\n" + name, done.stdout)
        self.assertNotIn("\nfloor.", done.stdout)
        self.assertNotIn("\033", done.stdout + done.stderr)

    def test_BENCH0012(self):
        """The protocol of sel4bench: 110 runs of which 10 are dropped, 16 runs, whatever the rounds."""
        done = self.bench("--quick", "--rounds", "4", "--only", "sel4.yield.thread", "--only", "sel4.call", "--json", "-")
        self.assertEqual(done.returncode, 0, done.stderr)
        samples = {one["name"]: one["samples"] for one in json.loads(done.stdout)["rows"]}
        self.assertEqual(samples, {"sel4.yield.thread": 100, "sel4.call": 16})

    def test_BENCH0013(self):
        """Published figures stand beside their rows and are marked as such."""
        done = self.bench("--quick", "--rounds", "1", "--only", "sel4.call", "--json", "-")
        figures = json.loads(done.stdout)["rows"][0]["published"]
        self.assertEqual([figure["ns"] for figure in figures][0], 163)
        self.assertIn("other hardware", figures[0]["note"])

    def test_BENCH0014(self):
        """CSV has a header and a line for each row."""
        done = self.bench("--quick", "--rounds", "2", "--only", "floor.c*", "--csv", "-")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = list(csv.DictReader(io.StringIO(done.stdout)))
        self.assertEqual([line["name"] for line in lines], ["floor.call"])
        self.assertEqual(lines[0]["samples"], "2")
        self.assertGreater(float(lines[0]["median"]), 0)

    def test_BENCH0015(self):
        """Bars whose rows are not there are skipped, and that is no failure."""
        done = self.bench("--quick", "--rounds", "1", "--only", "floor.call", "--check")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("skipped: no ipc.null_call", done.stdout)

    def test_BENCH0016(self):
        """A file that cannot be written fails the measurement."""
        done = self.bench("--quick", "--rounds", "1", "--only", "floor.call", "--json", self.path("no/such"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("no/such", done.stderr)

    def test_BENCH0017(self):
        """Plots, with their data and commands; without gnuplot nothing is measured first."""
        plots, env = self.path("plots"), dict(os.environ, PATH=self.folder.name)
        args = ("--quick", "--rounds", "2", "--only", "ipc.chain.[12]", "--plot", plots)
        done = self.bench(*args, env=env)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "")
        self.assertIn("gnuplot, which is missing", done.stderr)
        if shutil.which("gnuplot"):
            done = self.bench(*args)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            with open(os.path.join(plots, "chain.svg"), encoding="utf-8") as file:
                self.assertIn("<svg", file.read())
            for suffix in ("dat", "gp"):
                self.assertTrue(os.path.getsize(os.path.join(plots, "chain." + suffix)))
            self.assertFalse(os.path.exists(os.path.join(plots, "payload.gp")))

    def test_BENCH0018(self):
        """Rows with the supervisor are there, and a restart is no mere call."""
        done = self.bench("--quick", "--rounds", "2", "--only", "ipc.null_call.[hps][elu]*",
                          "--only", "server.*", "--json", "-")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        median = {one["name"]: one["median"] for one in json.loads(done.stdout)["rows"]}
        self.assertGreater(median["server.restart"], 100 * median["ipc.null_call.supervised"])
        self.assertIn("ipc.null_call.heartbeat", median)
        self.assertIn("ipc.null_call.plugin", median)


class Profiling(Case):
    def test_BENCH0050(self):
        """Rows run once with as many operations as asked, or as their batches need, and nothing is measured."""
        done = self.bench("--profile", "100", "--only", "floor.call", "--only", "ipc.queue.64")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, "floor.call 100\nipc.queue.64 512\n")

    def profile(self, *args, env=None):
        program = [sys.executable, "-B", os.path.join(TOP, "bench", "profile.py")]
        return self.bench("--build", os.path.dirname(os.path.dirname(MKBENCH)), *args, program=program, env=env)

    def test_BENCH0051(self):
        """The profile of a row: functions, what is inlined into them, and lines, each with the same total."""
        runs = shutil.which("valgrind") and self.bench("--version", program=["valgrind", "-q", "--tool=none", MKBENCH])
        sanitizer = subprocess.run(["ldd", MKBENCH], capture_output=True, text=True, check=False).stdout.count("san.so")
        if not runs or runs.returncode or sanitizer or not shutil.which("addr2line"):
            self.skipTest("this mkbench does not run under valgrind here")
        done = self.profile("--lines", "ipc.queue.64")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        tables = dict(table.split(None, 1) for table in done.stdout.split("\n\n") if table.startswith("function"))
        costs = {line.split()[0]: float(line.split()[-5]) for line in tables["function"].splitlines()[1:]}
        self.assertGreater(costs["mk_send"], 10)
        self.assertGreater(costs["mk_receive"], 10)
        self.assertAlmostEqual(sum(costs.values()), 2 * costs["total"], delta=1)
        self.assertRegex(done.stdout, r"(?s)\npart of mk_send .*\nfast_lookup .*\npart of mk_receive .*\nfast_lookup ")
        self.assertRegex(done.stdout, r"(?s)\nline of mk_send .*\nsrc/ipc/fast.h:\d+ +\S")
        done = self.profile("nosuch")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("no row matches 'nosuch'", done.stderr)

    def test_BENCH0052(self):
        """What the profile lacks is told in one line."""
        tools, empty = self.path("tools"), self.path("empty")
        for folder in (tools, empty):
            os.mkdir(folder)
        for tool in ("valgrind", "addr2line"):
            with open(os.path.join(tools, tool), "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), 0o755)
        for args, path, status, says in ((["floor.call"], empty, 1, "valgrind is missing"),
                                         (["--build", empty, "floor.call"], tools, 1, "there is no " + empty),
                                         (["peer.erlang"], tools, 2, "a program of its own"),
                                         ([], tools, 2, "ROW"), (["--nonsense", "x"], tools, 2, "--nonsense")):
            with self.subTest(args=args):
                done = self.profile(*args, env=dict(os.environ, PATH=path))
                self.assertEqual((done.returncode, done.stdout), (status, ""))
                self.assertRegex(done.stderr, r"\Aprofile.py: [^\n]+\n\Z")
                self.assertIn(says, done.stderr)


class Listing(Case):
    def test_BENCH0020(self):
        """The list has each row with what it is, and why some are absent; it says one way or round trip."""
        done = self.bench("--list")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for name in ("floor.call", "ipc.null_call", "ipc.call.65536", "ipc.ool_move.65536", "ipc.queue.64",
                     "ipc.chain.64", "ipc.fanin.10000", "ipc.event_signal", "sched.yield", "sched.switch",
                     "thread.spawn", "host.pipe", "host.futex.cross", "host.mq", "peer.go_chan", "peer.erlang",
                     "ipc.null_call.supervised", "server.restart", "sel4.call"):
            self.assertRegex(done.stdout, rf"(?m)^{name} +\S+ +\S")
        self.assertRegex(done.stdout, r"(?m)^ipc.null_call +ns +round trip: ")
        self.assertRegex(done.stdout, r"(?m)^ipc.queue.64 +ns +one way: ")

    def test_BENCH0021(self):
        """A peer that was not built is absent, and the list says why; measuring it alone is no error."""
        copy = shutil.copy(MKBENCH, self.path("mkbench"))
        library = subprocess.run(["ldd", MKBENCH], capture_output=True, text=True, check=True).stdout
        folders = {os.path.dirname(line.split()[2]) for line in library.splitlines() if "libmk" in line}
        env = dict(os.environ, LD_LIBRARY_PATH=":".join(folders))
        done = self.bench("--list", "--only", "peer.*", program=[copy], env=env)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.count("absent: "), 8, done.stdout)
        self.assertIn("mkbench-go was not built", done.stdout)
        done = self.bench("--quick", "--rounds", "1", "--only", "peer.go_chan", "--json", "-", program=[copy], env=env)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([one["name"] for one in json.loads(done.stdout)["absent"]], ["peer.go_chan"])

    def test_BENCH0022(self):
        """mk bench is the same program."""
        done = self.bench("--list", "--only", "floor.call", program=[MK, "bench"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, self.bench("--list", "--only", "floor.call").stdout)
        done = self.bench("--nonsense", program=[MK, "bench"])
        self.assertEqual(done.returncode, 2)
        for args in (["bench", "--help"], ["help", "bench"]):
            done = self.bench(*args, program=[MK])
            self.assertEqual(done.returncode, 0)
            self.assertIn("usage: mk bench", done.stdout)

    def test_BENCH0023(self):
        """Without the servers, rows that need them are absent."""
        copy = shutil.copy(MKBENCH, self.path("mkbench"))
        library = subprocess.run(["ldd", MKBENCH], capture_output=True, text=True, check=True).stdout
        folders = {os.path.dirname(line.split()[2]) for line in library.splitlines() if "libmk" in line}
        done = self.bench("--list", "--only", "*.supervised", program=[copy],
                          env=dict(os.environ, LD_LIBRARY_PATH=":".join(folders)))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"(?m)^ +absent: there is no \S+\.so")


class Comparing(Case):
    def test_BENCH0030(self):
        """What changed beyond its noise is found, noise is not reported."""
        noise_a = [100 + (i * 7) % 10 for i in range(20)]
        noise_b = [100 + (i * 3 + 1) % 10 for i in range(20)]
        before = self.write("a.json", [row("slower", noise_a), row("noise", noise_a)])
        after = self.write("b.json", [row("slower", [v + 20 for v in noise_b]), row("noise", noise_b)])
        done = self.bench("--compare", before, after)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"(?m)^slower .*\+\d\d\.\d %  more")
        self.assertNotRegex(done.stdout, r"(?m)^noise ")
        self.assertIn("1 of 2 rows changed", done.stdout)

    def test_BENCH0031(self):
        """Files without samples are judged by their quartiles, and rows of one file only are named."""
        before = self.write("a.json", [row("faster", [50, 51, 52, 53], False), row("old", [1, 2, 3])])
        after = self.write("b.json", [row("faster", [40, 41, 42, 43], False), row("new", [1, 2, 3])])
        done = self.bench("--compare", before, after)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"(?m)^faster .*-19\.\d %  less \(no samples\)")
        self.assertRegex(done.stdout, r"(?m)^old +only in .*a.json")
        self.assertRegex(done.stdout, r"(?m)^new +only in .*b.json")

    def test_BENCH0032(self):
        """Too few samples show nothing, however far apart they are."""
        before = self.write("a.json", [row("few", [1, 2, 3])])
        after = self.write("b.json", [row("few", [11, 12, 13])])
        self.assertIn("0 of 1 rows changed", self.bench("--compare", before, after).stdout)

    def test_BENCH0033(self):
        """A result compares with itself as unchanged."""
        path = self.path("self.json")
        done = self.bench("--quick", "--rounds", "5", "--only", "floor.call", "--json", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("0 of 1 rows changed", self.bench("--compare", path, path).stdout)

    def test_BENCH0034(self):
        """Files that are no results: one line that names the file, status 2."""
        good = self.write("good.json", [row("one", [1, 2, 3])])
        for name, content in (("bad.json", "{\"rows\": [1,"), ("list.json", "[]"), ("empty.json", ""),
                              ("norows.json", "{}"), ("rows.json", "{\"rows\": 1}")):
            bad = self.write(name, content)
            self.refused("--compare", good, bad, says=name)
            self.refused("--compare", bad, good, says=name)
        self.refused("--compare", good, self.path("missing.json"), says="missing.json")
        self.refused("--compare", good, self.folder.name, says=self.folder.name)

    def test_BENCH0035(self):
        """Rows of any content are passed over unless they are rows."""
        odd = [1, None, {}, {"name": 3}, {"name": "one"}, {"name": "one", "q1": "x", "median": 1, "q3": 1},
               dict(row("two", [1, 2]), values=["a", None])]
        odd = self.write("odd.json", odd)
        done = self.bench("--compare", odd, odd)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class Usage(Case):
    def test_BENCH0040(self):
        """Bad usage is one line and status 2."""
        for args in (["--nonsense"], ["-x"], ["word"], ["--rounds"], ["--rounds", "0"], ["--rounds", "-1"],
                     ["--rounds", "2x"], ["--rounds", ""], ["--rounds", "99999999999999999999"], ["--quick=1"],
                     ["--compare"], ["--compare", "a"], ["--json", "-", "--csv", "-"], ["--list", "--check"],
                     ["--compare", "a", "b", "--check"], ["--profile", "0"], ["--profile", "x"],
                     ["--profile", "1", "--check"], ["--profile", "1", "--list"],
                     ["--compare", "a", "b", "--profile", "1"]):
            with self.subTest(args=args):
                self.refused(*args)

    def test_BENCH0041(self):
        """A pattern that matches nothing is bad usage and says so."""
        self.refused("--only", "nosuch.*", says="no row matches 'nosuch.*'")
        self.refused("--only", "floor.*", "--only", "nosuch", says="no row matches 'nosuch'")

    def test_BENCH0042(self):
        """--help and --version are answers."""
        for arg in ("--help", "--version"):
            done = self.bench(arg)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("mkbench", done.stdout)


if __name__ == "__main__":
    MKBENCH, MK, TOP = (os.path.abspath(path) for path in sys.argv[1:4])
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
