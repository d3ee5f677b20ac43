# SPDX-License-Identifier: BSD-2-Clause
"""mk sched from outside: test_sched.py MK TOP [TEST...]

Textbooks: Silberschatz, Galvin and Gagne, Operating System Concepts; Stallings, Operating Systems. Random workloads are
compared with a simulation in a few lines of Python.
"""
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

MK = TOP = None
HEADER = "name,arrival,burst,priority\n"
RR = HEADER + "P1,0,24,32\nP2,0,3,32\nP3,0,3,32\n"
FIVE = "name,arrival,burst\nA,0,3\nB,2,6\nC,4,4\nD,6,5\nE,8,2\n"
SJF = "name,burst\nP1,6\nP2,8\nP3,7\nP4,3\n"
SRTF = "name,arrival,burst\nP1,0,8\nP2,1,4\nP3,2,9\nP4,3,5\n"
# Policy, quantum, workload, and an average that Silberschatz or Stallings has.
ANSWERS = (("fcfs", None, RR, "waiting", 17), ("rr", 4, RR, "waiting", 17 / 3), ("sjf", None, SJF, "waiting", 7),
           ("srtf", None, SRTF, "waiting", 6.5), ("fcfs", None, FIVE, "turnaround", 8.6),
           ("rr", 1, FIVE, "turnaround", 10.8), ("rr", 4, FIVE, "turnaround", 10),
           ("sjf", None, FIVE, "turnaround", 7.6), ("srtf", None, FIVE, "turnaround", 7.2))
# b waits for a lock of c's, and a for one of b's: the priority of a goes along. d and e come when C is free or wanted.
CHAIN = HEADER + """c,0,lock C 6 unlock C 2,5
b,1,lock B 1 lock C 3 unlock C 1 unlock B 2,12
a,3,lock A 1 lock B 2 unlock B unlock A 1,30
m,4,10,20
d,5,lock C 1 unlock C,6
e,6,lock C 1 unlock C,25
"""
# While low has the lock, others come to wait for it, each at its own strength.
QUEUE = HEADER + """low,0,lock L 10 unlock L 1,1
w5,1,lock L 1 unlock L,5
w7,2,1 lock L 1 unlock L,7
also7,3,lock L 1 unlock L 1,7
w6,4,lock L 1 unlock L,6
"""


def mk(*args, text=None):
    return subprocess.run([MK, "sched", *args], input=(text or "").encode(), capture_output=True, timeout=60,
                          check=False)


def simulate(rows, quantum):
    """Fixed priorities, equals in turns of the quantum; rows are (arrival, [burst, io, burst ...], priority)."""
    now, queue, events, running, left = 0, [], [], None, 0
    state = [{"phases": list(phases), "first": None, "end": None, "ready": None, "waiting": 0} for _, phases, _ in rows]
    order = 0
    for i, (arrival, _, _) in enumerate(rows):
        events.append((arrival, order, i))
        order += 1
    while queue or events or running is not None:
        for event in sorted(event for event in events if event[0] <= now):
            events.remove(event)
            queue.append((event[2], quantum))
            state[event[2]]["ready"] = now
        if running is not None:
            best = max((rows[i][2] for i, _ in queue), default=-1)
            if best > rows[running][2] or (left == 0 and best == rows[running][2]):
                queue.insert(0 if left else len(queue), (running, left or quantum))
                state[running]["ready"] = now
                running = None
            elif left == 0:
                left = quantum
        if running is None and queue:
            best = max(rows[i][2] for i, _ in queue)
            place = next(n for n, (i, _) in enumerate(queue) if rows[i][2] == best)
            running, left = queue.pop(place)
            state[running]["waiting"] += now - state[running]["ready"]
            if state[running]["first"] is None:
                state[running]["first"] = now
        step = min([event[0] - now for event in events]
                   + ([left, state[running]["phases"][0]] if running is not None else []))
        now += step
        if running is None:
            continue
        left -= step
        phases = state[running]["phases"]
        phases[0] -= step
        if phases[0] == 0:
            phases.pop(0)
            if phases:
                events.append((now + phases.pop(0), order, running))
                order += 1
            else:
                state[running]["end"] = now
            running = None
    return state


class Case(unittest.TestCase):
    def sched(self, text, *more, policy="priority"):
        done = mk("--policy", policy, "--json", *more, "-", text=text)
        self.assertEqual((done.returncode, done.stderr), (0, b""), done)
        return json.loads(done.stdout)

    def each(self, result, key):
        return [thread[key] for thread in result["threads"]]

    def runs(self, text, *more):
        return [(run["name"], run["start"], run["end"]) for run in self.sched(text, *more)["runs"]]

    def text(self, *args, text=None):
        done = mk(*args, text=text)
        self.assertEqual((done.returncode, done.stderr), (0, b""), done)
        return done.stdout.decode()

    def refused(self, text, *says):
        """Status 2 and on standard error, for each of `says`, a line with the place that is in it."""
        done = mk("--policy", "priority", "-", text=text)
        self.assertEqual((done.returncode, done.stdout), (2, b""), done)
        lines = done.stderr.decode().splitlines()
        self.assertEqual(len(lines), len(says), lines)
        for line, expected in zip(lines, says):
            self.assertTrue(line.startswith("standard input:"), line)
            self.assertIn(expected, line[len("standard input:"):])

    def refused_option(self, *args, says, text=RR):
        done = mk(*args, text=text)
        self.assertEqual((done.returncode, done.stdout), (2, b""), done)
        self.assertRegex(done.stderr.decode(), r"\Amk: sched: [^\n]+\n\Z")
        self.assertIn(says, done.stderr.decode())


class Textbooks(Case):
    def test_SCHED0010(self):
        """Silberschatz: round robin with quantum 4, average waiting time 17/3; without a quantum 17."""
        result = self.sched(RR, "--quantum", "4")
        self.assertEqual(self.each(result, "waiting"), [6, 4, 7])
        self.assertEqual(self.each(result, "response"), [0, 4, 7])
        self.assertEqual(self.each(result, "turnaround"), [30, 7, 10])
        self.assertAlmostEqual(result["average"]["waiting"], 17 / 3)
        self.assertAlmostEqual(result["average"]["turnaround"], 47 / 3)
        self.assertEqual(self.each(self.sched(RR), "waiting"), [0, 24, 27])

    def test_SCHED0011(self):
        """Stallings: five processes, first come first served, round robin with quantum 1 and with quantum 4."""
        self.assertEqual(self.each(self.sched(FIVE), "end"), [3, 9, 13, 18, 20])
        result = self.sched(FIVE, "--quantum", "1")
        self.assertEqual(self.each(result, "end"), [4, 18, 17, 20, 15])
        self.assertEqual(result["average"]["turnaround"], 10.8)
        result = self.sched(FIVE, "--quantum", "4")
        self.assertEqual(self.each(result, "end"), [3, 17, 11, 20, 19])
        self.assertEqual(result["average"]["turnaround"], 10)

    def test_SCHED0012(self):
        """A stronger thread takes the CPU at once, an equal one does not; a higher number is stronger."""
        text = HEADER + "P1,0,4,3\nP2,1,5,4\nP3,2,3,1\nP4,5,1,5\nP5,8,4,2\n"
        self.assertEqual(self.runs(text), [("P1", 0, 1), ("P2", 1, 5), ("P4", 5, 6), ("P2", 6, 7), ("P1", 7, 10),
                                           ("P5", 10, 14), ("P3", 14, 17)])
        result = self.sched(text)
        self.assertEqual(self.each(result, "waiting"), [6, 1, 12, 0, 2])
        self.assertEqual(self.each(result, "preemptions"), [1, 1, 0, 0, 0])
        self.assertEqual(self.runs(HEADER + "a,0,3,7\nb,1,3,7\n"), [("a", 0, 3), ("b", 3, 6)])

    def test_SCHED0013(self):
        """Of arrivals at the same time the earlier line is first; one when a quantum ends is before who had it."""
        self.assertEqual(self.runs("name,arrival,burst\nlate,3,1\nz,0,2\na,0,2\nalso,3,1\n"),
                         [("z", 0, 2), ("a", 2, 4), ("late", 4, 5), ("also", 5, 6)])
        self.assertEqual(self.runs("name,arrival,burst\na,0,4\nb,2,1\n", "--quantum", "2"),
                         [("a", 0, 2), ("b", 2, 3), ("a", 3, 5)])

    def test_SCHED0014(self):
        """What stands in examples/sched is what is said there."""
        folder = os.path.join(TOP, "examples", "sched")
        for name, quantum, key, expected in (("rr", 4, "waiting", 17 / 3), ("five", 1, "turnaround", 10.8),
                                             ("priority", None, "waiting", 4.2)):
            with self.subTest(name), open(os.path.join(folder, name + ".csv"), encoding="utf-8") as file:
                result = self.sched(file.read(), *(["--quantum", str(quantum)] if quantum else []))
                self.assertAlmostEqual(result["average"][key], expected)


    def test_SCHED0015(self):
        """What textbooks say of other policies, of those that this machine has."""
        for policy, quantum, text, key, expected in ANSWERS:
            with self.subTest(policy=policy, text=text):
                done = mk("--policy", policy, "-", text=text)
                if done.returncode == 2 and b"is unknown" in done.stderr:
                    self.skipTest(f"the machine has no policy {policy}")
                result = self.sched(text, *(["--quantum", str(quantum)] if quantum else []), policy=policy)
                self.assertAlmostEqual(result["average"][key], expected)


class Runs(Case):
    def test_SCHED0016(self):
        """Without lending the middle thread of the inversion example runs before both others."""
        path = os.path.join(TOP, "examples", "sched", "inversion.csv")
        lent = self.text("--policy", "priority", path)
        alone = self.text("--policy", "priority", "--no-lending", path)
        end = {text: int(re.search(r"\nhigh +2 +4 +30 +2 +(\d+)", text).group(1)) for text in (lent, alone)}
        self.assertEqual((end[lent], end[alone]), (9, 19))

    def test_SCHED0020(self):
        """Random workloads, with I/O, are as they were simulated."""
        for seed in range(60):
            with self.subTest(seed):
                source = random.Random(seed)
                quantum = source.choice((1, 2, 3, 5))
                rows = [(source.randrange(12), [source.randrange(1, 7) for _ in range(2 * source.randrange(3) + 1)],
                         source.randrange(1, source.choice((2, 5)))) for _ in range(source.randrange(1, 9))]
                text = HEADER + "".join(
                    f"T{i},{arrival}," + " ".join(("io " if n % 2 else "") + str(ns) for n, ns in enumerate(phases))
                    + f",{priority}\n" for i, (arrival, phases, priority) in enumerate(rows))
                result, expected = self.sched(text, "--quantum", str(quantum)), simulate(rows, quantum)
                self.assertEqual(self.each(result, "end"), [row["end"] for row in expected], text)
                self.assertEqual(self.each(result, "first_run"), [row["first"] for row in expected], text)
                self.assertEqual(self.each(result, "waiting"), [row["waiting"] for row in expected], text)

    def test_SCHED0021(self):
        """Each thread's time is its waiting, running, I/O and locks; nobody runs when another does."""
        for text in (RR, FIVE, CHAIN, QUEUE):
            result = self.sched(text, "--quantum", "1")
            for thread in result["threads"]:
                parts = sum(thread[key] for key in ("waiting", "run", "io", "lock"))
                self.assertAlmostEqual(parts, thread["turnaround"])
                self.assertEqual(thread["run"], thread["burst"])
            runs = [(run["start"], run["end"]) for run in result["runs"]]
            self.assertTrue(all(before[1] <= after[0] for before, after in zip(runs, runs[1:])), runs)
            self.assertEqual(sum(end - start for start, end in runs), sum(self.each(result, "burst")))

    def test_SCHED0022(self):
        """I/O begins at once, and the thread is ready when it is done; meanwhile others run, or nobody."""
        self.assertEqual(self.runs("name,burst\na,2 io 3 2\nb,4\n"), [("a", 0, 2), ("b", 2, 6), ("a", 6, 8)])
        result = self.sched("name,burst\na,2 io 3 2\n")
        self.assertEqual([(run["start"], run["end"]) for run in result["runs"]], [(0, 2), (5, 7)])
        self.assertEqual((result["threads"][0]["io"], result["threads"][0]["waiting"]), (3, 0))
        self.assertAlmostEqual(result["machine"]["utilisation"], 4 / 7)

    def test_SCHED0023(self):
        """Who waits for a lock lends its priority, along a chain of holders, until it is given back."""
        result = self.sched(CHAIN)
        self.assertEqual([(run["name"], run["start"], run["end"], run["priority"]) for run in result["runs"]],
                         [("c", 0, 1, 5), ("b", 1, 2, 12), ("c", 2, 3, 12), ("a", 3, 4, 30), ("c", 4, 8, 30),
                          ("b", 8, 12, 30), ("a", 12, 15, 30), ("e", 15, 16, 25), ("m", 16, 26, 20), ("b", 26, 28, 12),
                          ("d", 28, 29, 6), ("c", 29, 31, 5)])
        self.assertEqual(self.each(result, "lock"), [0, 6, 8, 0, 0, 0])

    def test_SCHED0024(self):
        """A lock goes to the strongest that waits, of equals to the one that waits longest; loans go along with it."""
        result = self.sched(QUEUE)
        runs = [(run["name"], run["start"], run["end"], run["priority"]) for run in result["runs"]]
        self.assertEqual(runs, [("low", 0, 1, 1), ("low", 1, 2, 5), ("w7", 2, 3, 7), ("low", 3, 11, 7),
                                ("w7", 11, 12, 7), ("also7", 12, 14, 7), ("w5", 14, 15, 6), ("w6", 15, 16, 6),
                                ("low", 16, 17, 1)])
        # Whom the lock was given to is lent the priority of who comes later.
        result = self.sched(HEADER + "low,0,lock L 4 unlock L,1\nweak,1,lock L 4 unlock L 1,5\nmid,4.5,6,7\n"
                                     "strong,5,lock L 1 unlock L,9\n")
        self.assertEqual([(run["name"], run["start"], run["end"], run["priority"]) for run in result["runs"]],
                         [("low", 0, 1, 1), ("low", 1, 4, 5), ("weak", 4, 4.5, 5), ("mid", 4.5, 5, 7),
                          ("weak", 5, 8.5, 9), ("strong", 8.5, 9.5, 9), ("mid", 9.5, 15, 7), ("weak", 15, 16, 5)])

    def test_SCHED0025(self):
        """Locks that wait for each other are a deadlock, which says who waits for whom."""
        done = mk("--policy", "priority", "-", text=HEADER + "a,0,lock A 2 lock B 1 unlock B unlock A,1\n"
                                                             "b,1,lock B 1 lock A 1 unlock A unlock B,2\n")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertEqual(done.stderr.decode(),
                         "mk: sched: the workload ends in a deadlock: a waits for lock B, which b "
                                               "holds; b waits for lock A, which a holds\n")

    def test_SCHED0026(self):
        """Hundreds wait for one lock, and each gets it once."""
        rows = "".join(f"t{i},0,lock L 1 unlock L,{1 + i % 60}\n" for i in range(1000))
        result = self.sched(HEADER + rows)
        self.assertEqual(result["machine"]["makespan"], 1000)
        self.assertEqual(len(result["runs"]), 1000)

    def test_SCHED0027(self):
        """A period begins the burst anew; jobs that are late are counted; the rest of a period is no waiting."""
        text = "name,burst,period,deadline,jobs,priority\na,2,5,,3,9\nb,4,10,6,2,8\n"
        result = self.sched(text)
        self.assertEqual([(run["name"], run["start"], run["end"]) for run in result["runs"]],
                         [("a", 0, 2), ("b", 2, 5), ("a", 5, 7), ("b", 7, 8), ("a", 10, 12), ("b", 12, 16)])
        self.assertEqual((self.each(result, "jobs"), self.each(result, "missed")), ([3, 2], [0, 1]))
        self.assertEqual((self.each(result, "waiting"), self.each(result, "run")), ([0, 6], [6, 8]))
        self.assertEqual(self.each(self.sched("name,burst,period\na,1,4\nb,1,6\nc,1,\n"), "jobs"), [3, 2, 1])

    def test_SCHED0028(self):
        """Units, fractions, empty fields, comments, quotes, blanks, any order of columns: the same workload."""
        expected = self.sched(RR, "--quantum", "4")
        for text in ("burst,name\n24ms,P1\n3000us,P2\n0.003s,P3\n",
                     "\ufeffname,arrival,burst,priority\r\nP1,0,24,32\r\nP2,,3,\r\nP3,,3.000,\r\n",
                     '# first\n\n"name" , "burst"\n"P1","24" # the long one\n P2\t, 3\n\n#\nP3,3000000ns'):
            with self.subTest(text):
                self.assertEqual(self.sched(text, "--quantum", "0.004s"), expected)

    def test_SCHED0029(self):
        """What the kernel's operations cost is added when it is asked for."""
        result = self.sched(RR, "--quantum", "4", "--costs", "default")
        self.assertGreater(result["machine"]["makespan"], 30)
        self.assertLess(result["machine"]["makespan"], 30.01)
        self.assertLess(result["machine"]["utilisation"], 1)
        self.assertEqual(self.sched(RR, "--costs", "none"), self.sched(RR))

    def test_SCHED0030(self):
        """Times from a nanosecond to a day, priorities at their bounds."""
        result = self.sched(HEADER + "short,0,1ns,63\nlong,0,86400s,0\nlate,99999s,1us,1\n")
        self.assertEqual(self.each(result, "end"), [1e-6, 86400e3 + 1e-6, 99999e3 + 1e-3])
        self.assertEqual(self.each(result, "waiting"), [0, 1e-6, 0])


    def test_SCHED0031(self):
        """A quantum that nobody uses up changes nothing, whatever it is."""
        for quantum in ("31.000001", "1.234567s", "3600s", "99999.999999999s"):
            with self.subTest(quantum):
                result = self.sched(QUEUE, "--quantum", quantum)
                result["quantum"] = None
                self.assertEqual(result, self.sched(QUEUE))

    def test_SCHED0032(self):
        """A workload with more turns than can be noted is refused, and ends."""
        self.refused_option("--policy", "priority", "--quantum", "1", "-", text="name,burst\na,400s\nb,400s\n",
                            says="more than 1000000 times; take a longer quantum or less work")


class Output(Case):
    def test_SCHED0040(self):
        """JSON has these members, and times are numbers of milliseconds."""
        result = self.sched("name,burst\na,1.5 io 1 1\n", "--quantum", "2")
        self.assertEqual(result, {
            "policy": "priority", "quantum": 2,
            "threads": [{"name": "a", "arrival": 0, "priority": 32, "burst": 2.5, "first_run": 0, "end": 3.5,
                         "response": 0, "waiting": 0, "turnaround": 3.5, "run": 2.5, "io": 1, "lock": 0, "switches": 1,
                         "preemptions": 0}],
            "average": {"response": 0, "waiting": 0, "turnaround": 3.5},
            "machine": {"makespan": 3.5, "throughput": 1000 / 3.5, "utilisation": 2.5 / 3.5, "switches": 1,
                        "preemptions": 0},
            "runs": [{"name": "a", "start": 0, "end": 1.5, "priority": 32},
                     {"name": "a", "start": 2.5, "end": 3.5, "priority": 32}]})
        self.assertIsNone(self.sched(RR)["quantum"])

    def test_SCHED0041(self):
        """The same bytes each time."""
        for args in (("--quantum", "1"), ("--json",), ("--costs", "default", "--json"), ("--quantum", "3", "--json")):
            with self.subTest(args):
                first = self.text("--policy", "priority", *args, "-", text=QUEUE)
                self.assertEqual(self.text("--policy", "priority", *args, "-", text=QUEUE), first)

    def chart(self, text, *more):
        lines = self.text("--policy", "priority", *more, "-", text=text).splitlines()
        axis = next(i for i, line in enumerate(lines) if re.match(r" +\|[-|]*\|$", line))
        names = [line.split(",")[0].strip() for line in text.splitlines()[1:]]
        return lines[axis - len(names):axis], lines[axis:], names

    def test_SCHED0042(self):
        """The chart fits 80 columns and says what a column is; in no column do two run for all of it."""
        long = HEADER + "".join(f"thread-{i},{i * 37},{1 + i * 50},{1 + i % 3}\n" for i in range(12))
        for text in (RR, FIVE, CHAIN, QUEUE, long, "name,burst\nx,1ns\n", "name,burst\nx,100000s\ny,1\n"):
            rows, below, names = self.chart(text, "--quantum", "100s")
            for line in rows + below:
                self.assertLessEqual(len(line), 80)
                self.assertEqual(line, line.rstrip())
            self.assertEqual([row.split()[0] for row in rows], names)
            self.assertRegex(below[2], r"^one column is \S+ ms, ")
            indent = below[0].index("|")
            for column in range(indent, 80):
                self.assertLessEqual(sum(row[column:column + 1] in ("#", "^") for row in rows), 1)
            self.assertEqual(set("".join(row[indent:] for row in rows)) - set("#^+.-x "), set())

    def test_SCHED0043(self):
        """The chart is the runs: with a column of half a millisecond two marks for each, and the axis counts them."""
        rows, below, _ = self.chart(RR, "--quantum", "4")
        self.assertEqual(rows, ["P1  ########............########################################",
                                "P2  ........######", "P3  ..............######"])
        self.assertEqual(below, ["    |---------|---------|---------|---------|---------|---------|",
                                 "    0         5         10        15        20        25        30",
                                 "one column is 0.5 ms, # runs, . waits for the CPU"])

    def test_SCHED0044(self):
        """The table has a line for each thread, the averages, and the machine's figures."""
        lines = self.text("--policy", "priority", "--quantum", "4", "-", text=RR).splitlines()
        self.assertEqual(lines[:9], [
            "3 threads, priority, quantum 4 ms; times in ms", "",
            "thread   arrival  burst  priority  starts  ends  response  waiting  turnaround  switches  preempted",
            "P1             0     24        32       0    30         0        6          30         2          1",
            "P2             0      3        32       4     7         4        4           7         1          0",
            "P3             0      3        32       7    10         7        7          10         1          0",
            "average                                             3.667    5.667      15.667", "",
            "makespan 30 ms, CPU 100 % busy, 100 threads per second, 4 switches, 1 preemption"])

    def test_SCHED0045(self):
        """The SVG is well-formed, stands alone, and has a bar for each span and the names."""
        with tempfile.TemporaryDirectory(prefix="mk-test-sched-") as folder:
            path = os.path.join(folder, "chart.svg")
            self.text("--policy", "priority", "--svg", path, "-", text=CHAIN)
            with open(path, encoding="utf-8") as file:
                svg = file.read()
            root = xml.etree.ElementTree.fromstring(svg)
            space = "{http://www.w3.org/2000/svg}"
            self.assertEqual(root.tag, space + "svg")
            self.assertNotRegex(svg, r"href|<script|<image")
            words = {text.text for text in root.iter(space + "text")}
            self.assertLessEqual({"a", "b", "c", "m", "ms", "runs", "runs with a lent priority", "waits for a lock",
                                  "priority"}, words)
            bars = [title.text for title in root.iter(space + "title")]
            self.assertEqual(sum(" runs" in bar for bar in bars), 12)
            self.assertIn("c runs with a lent priority, 4 to 8 ms", bars)
            done = mk("--policy", "priority", "--svg", os.path.join(folder, "no", "x"), "-", text=RR)
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"cannot be written: No such file", done.stderr)

    def test_SCHED0046(self):
        """--compare has a line of averages for each policy."""
        self.assertEqual([line.split() for line in self.text("--compare", "priority,priority", "--quantum", "4", "-",
                                                             text=RR).splitlines()],
                         ["policy response waiting turnaround makespan switches preempted".split()]
                         + 2 * ["priority 3.667 5.667 15.667 30 4 1".split()])


class Exercises(Case):
    def test_SCHED0050(self):
        """An exercise has no answers and is a workload; --solve has those of that workload."""
        for more in ([], ["--io"], ["--jobs", "12", "--max-burst", "3", "--max-arrival", "0"]):
            with self.subTest(more):
                common = ("--policy", "priority", "--quantum", "2")
                text = self.text(*common, "--seed", "5", *more)
                self.assertNotIn("waiting  ", text)
                self.assertIn("# Exercise 5: priority, quantum 2 ms", text)
                self.assertEqual(self.text(*common, "--seed", "5", *more, "--solve"), self.text(*common, "-",
                                                                                                text=text))

    def test_SCHED0051(self):
        """A seed is one exercise; others are others."""
        texts = [self.text("--policy", "priority", "--seed", str(seed)) for seed in range(20)]
        self.assertEqual(texts[7], self.text("--policy", "priority", "--seed", "7"))
        self.assertEqual(len({text.split("\n", 1)[1] for text in texts}), 20)
        self.assertIn("\nP1,        0,     5,        2\nP2,        0,     5,        1\nP3,        1,     3,        1\n"
                      "P4,        8,     4,        2\nP5,        9,     5,        1\n",
                      self.text("--policy", "priority", "--seed", "7"))

    def test_SCHED0052(self):
        """The bounds are kept, and with them all times."""
        text = self.text("--policy", "priority", "--seed", "1", "--jobs", "100", "--max-burst", "4", "--max-arrival",
                         "2")
        rows = [[int(word) for word in re.findall(r"\d+", line)] for line in text.splitlines()
                if re.match(r"P\d", line)]
        self.assertEqual([row[0] for row in rows], list(range(1, 101)))
        self.assertEqual({row[1] for row in rows}, {0, 1, 2})
        self.assertEqual({row[2] for row in rows}, {1, 2, 3, 4})

    def test_SCHED0053(self):
        """Each policy has the column that it looks at."""
        for policy, column in (("priority", "priority"), ("rr", ""), ("lottery", "tickets"), ("mlfqs", "nice"),
                               ("edf", "period")):
            head = next(line for line in self.text("--policy", policy, "--seed", "3").splitlines() if line[0] == "n")
            self.assertEqual(head.replace(" ", ""), "name,arrival,burst" + ("," if column else "") + column)


class Refusals(Case):
    def test_SCHED0060(self):
        """Bad lines, with their number, what is wrong, and what would be right."""
        for line, says in (
                ("P1,0", "2 fields, but the header names 4 columns; leave a field empty for its default"),
                ("P1,0,5,32,", "5 fields, but the header names 4"),
                (",0,5,32", "name: '' is no name; write 1 to 31 letters, digits"),
                ("a b,0,5,32", "name: 'a b' is no name"), ("x" * 32 + ",0,5,32", "is no name"),
                ("\x1b[2J,0,5,32", "name: '\\x1b[2J' is no name"),
                ("P1,-1,5,32", "arrival: '-1' is no time; write a number"),
                ("P1,1h,5,32", "'1h' is no time"), ("P1,1.,5,32", "'1.' is no time"), ("P1,.5,5,32", "'.5' is no time"),
                ("P1,1 ms,5,32", "'1 ms' is no time"), ("P1,1e3,5,32", "'1e3' is no time"),
                ("P1,0.5ns,5,32", "finer than a nanosecond"),
                ("P1,100001s,5,32", "too long; a time is at most 100000s"),
                ("P1," + "9" * 40 + ",5,32", "too long"),
                ("P1,0,,32", "burst: the burst has no computing; write a time"),
                ("P1,0,0,32", "a phase takes more than no time; leave '0' out"),
                ("P1,0,-5,32", "burst: '-5' is no time"),
                ("P1,0,5 5,32", "follow each other before '5'; write their sum"),
                ("P1,0,io 3 5,32", "begins with computing, not with io"), ("P1,0,5 io 3,32", "ends with computing"),
                ("P1,0,5 io,32", "'io' needs a time behind it"), ("P1,0,5 io x 2,32", "'x' is no time"),
                ("P1,0,1 io 0 1,32", "leave 'io 0' out"),
                ("P1,0,1 io 1 io 1 1,32", "two times of io follow each other"),
                ("P1,0,1 lock,32", "'lock' needs its name behind it"),
                ("P1,0,lock A 1,32", "lock A is still held at the end"),
                ("P1,0,1 unlock A,32", "'unlock A' without it being held; write lock A before it"),
                ("P1,0,lock A lock A 1,32", "lock A is held already; write unlock A first"),
                ("P1,0,lock ! 1,32", "'!' is no name of a lock"), ("P1,0,1+io2+3,32", "'1+io2+3' is no time"),
                ("P1,0,5,64", "priority: '64' is no number from 0 to 63"),
                ("P1,0,5,-1", "'-1' is no number from 0 to 63"),
                ("P1,0,5,high", "'high' is no number"), ("P1,0,5,3.5", "'3.5' is no number"),
                ("P1,0,5,+3", "'+3' is no"),
                ("P1,0,5,99999999999999999999", "is no number from 0 to 63"), ("P1,0,5\0,3", "there is a NUL byte"),
                ("P1,0,5,\xff", "is no number")):
            with self.subTest(line):
                self.refused(HEADER + "P0,0,1,1\n# more\n" + line + "\n", "4: ")
                self.refused(HEADER + "P0,0,1,1\n# more\n" + line + "\n", says)

    def test_SCHED0061(self):
        """So are bad values of the other columns, and what does not go together."""
        for columns, values, says in (
                ("tickets", "0", "tickets: '0' is no number from 1 to 1000000"), ("tickets", "1000001", "is no number"),
                ("nice", "-21", "nice: '-21' is no number from -20 to 20"), ("nice", "21", "is no number"),
                ("period", "0", "period: '0' is no time; it must be more than 0"), ("jobs", "0", "from 1 to 1000"),
                ("jobs", "1001", "from 1 to 1000"), ("jobs", "2", "jobs: more than 1 needs a period"),
                ("deadline", "5", "deadline: it needs a period"), ("budget", "5", "budget: it needs a period"),
                ("period,deadline", "5,6", "deadline: it is longer than the period"),
                ("period,budget", "5,6", "budget: it is longer than the period")):
            with self.subTest(columns + values):
                self.refused(f"name,burst,{columns}\na,1,{values}\n", says)
        self.refused("name,burst,period\na,1,4999999ns\nb,1,5\n", "write a column jobs with their number",
                     "write a column jobs")

    def test_SCHED0062(self):
        """Bad headers and empty workloads."""
        for text, says in (("", "there is no thread; write a header such as name,arrival,burst,priority"),
                           ("# nothing\n", "there is no thread"), (HEADER, "there is no thread"),
                           ("P1,0,5,32\n", "1: column 'P1' is unknown; there are name, arrival, burst"),
                           ("name,burts\na,1\n", "1: column 'burts' is unknown; did you mean 'burst'?"),
                           ("Name,burst\na,1\n", "did you mean 'name'?"),
                           ("name;burst\na;1\n", "1: the columns are separated by ';'; write commas"),
                           ("name,arrival\na,1\n", "names no column burst"), ("burst\n1\n", "names no column name"),
                           ("name,burst,name\na,1,b\n", "column name is there twice"),
                           ("name,burst," + ",".join("x" * 20) + "\n", "column 'x' is unknown")):
            with self.subTest(text):
                done = mk("--policy", "priority", "-", text=text)
                self.assertEqual((done.returncode, done.stdout), (2, b""), done)
                first = done.stderr.decode().splitlines()[0]
                self.assertRegex(first, r"^standard input:\d+: ")
                self.assertIn(says, first)

    def test_SCHED0063(self):
        """A name that is there twice, and limits."""
        self.refused(HEADER + "a,0,1,1\nb,0,1,1\na,0,1,1\n",
                     "4: name: 'a' is the thread of line 2 already; write another")
        self.refused("name,burst\n" + "".join(f"t{i},1\n" for i in range(1001)),
                     "1002: one thread too many; there may be 1000")
        self.refused("name,burst\na,1" + " io 1 1" * 500 + "\n", "the burst has more than 1000 phases")
        self.refused("name,burst\na," + " ".join(f"lock L{i} 1 unlock L{i}" for i in range(33)) + "\n",
                     "lock L32 is one too many; there may be 32")
        self.refused("name,burst\n" + "".join(f"t{i},100000s\n" for i in range(11)), "come to more than 1000000s")
        self.refused("name,burst\n" + "#" * (1 << 20), " it is larger than 1 MiB")

    def test_SCHED0064(self):
        """Each bad line is told, up to ten."""
        self.refused(HEADER + "a,x,1,1\nb,0,1,1\nc,0,y,99\n", "2: arrival", "4: burst", "4: priority")
        done = mk("--policy", "priority", "-", text=HEADER + "a,x,1,1\n" * 15)
        self.assertEqual(done.returncode, 2)
        lines = done.stderr.decode().splitlines()
        self.assertEqual(len(lines), 11)
        self.assertRegex(lines[-1], r"^mk: sched: \d+ more errors$")

    def test_SCHED0065(self):
        """Bad options are one line that says what would be right."""
        self.refused_option("-", says="which --policy?")
        self.refused_option("--policy", "priority", says="which workload?")
        self.refused_option("--policy", "nonsense", "-", says="--policy nonsense: ")
        self.refused_option("--policy", "\x1b[2J", "-", says="--policy \\x1b[2J: ")
        self.refused_option("--compare", "priority,nonsense2", "-", says="--policy nonsense2: ")
        self.refused_option("--compare", "priority,,x", "-", says="a name is missing")
        self.refused_option("--compare", "", "-", says="a name is missing")
        self.refused_option("--compare", "priority", "--policy", "priority", "-", says="either --policy or --compare")
        self.refused_option("--compare", "priority", "--json", "-", says="neither --json nor --svg")
        self.refused_option("--policy", "priority", "a", "b", says="one workload at a time")
        self.refused_option("--policy", "priority", "--quantum", "0", "-", says="--quantum: '0' is too short")
        self.refused_option("--policy", "priority", "--quantum", "x", "-", says="--quantum: 'x' is no time")
        self.refused_option("--policy", "priority", "--quantum", "1ns", "-",
                            says="more than 1000000 turns; write 0.000031ms")
        self.refused_option("--policy", "priority", "--costs", "x", "-",
                            says="--costs: 'x' is unknown; write none or default")
        self.refused_option("--policy", "priority", "--seed", "1", "-",
                            says="with a workload --seed is for the policy lottery")
        self.refused_option("--policy", "priority", "--solve", "-", says="are for exercises")
        self.refused_option("--policy", "priority", "--seed", "1", "--json", says="give --solve")
        self.refused_option("--policy", "priority", "--seed", "x", says="is no number from 0")
        self.refused_option("--policy", "priority", "--seed", "1", "--jobs", "0", says="is no number from 1 to 100")
        self.refused_option("--policy", "priority", "--seed", "1", "--max-burst", "0", says="write 1ms or more")
        self.refused_option("--policy", "priority", "--quant", "1", "-", says="did you mean '--quantum'?")

    def test_SCHED0066(self):
        """Files that cannot be read are named, with the reason."""
        for path, says in (("/nonexistent", "No such file"), ("/", "directory"), ("/dev/zero", "larger than 1 MiB"),
                           ("/dev/null", "there is no thread")):
            done = mk("--policy", "priority", path)
            self.assertEqual((done.returncode, done.stdout), (2, b""), done)
            self.assertTrue(done.stderr.decode().startswith(path + ":"), done)
            self.assertIn(says, done.stderr.decode())

    def test_SCHED0067(self):
        """Whatever the bytes are, the answer is a run or lines of refusal."""
        source = random.Random(3)
        seeds = [text.encode() for text in (RR, CHAIN, QUEUE, "name,burst,period,jobs\na,1,5,3\n")]
        for _ in range(150):
            text = bytearray(source.choice(seeds))
            for _ in range(source.randrange(1, 6)):
                place = source.randrange(len(text))
                text[place:place + source.randrange(3)] = source.choice(
                    (b",", b"\n", b" ", b"lock A ", b"io ", b"\0", b"#",
                     b'"', bytes([source.randrange(256)]), b"9", b"s"))
            done = subprocess.run([MK, "sched", "--policy", "priority", "--quantum", "1s", "-"], input=bytes(text),
                                  capture_output=True, timeout=60, check=False)
            self.assertIn(done.returncode, (0, 1, 2), (text, done))
            self.assertEqual(bool(done.stderr), done.returncode != 0, (text, done))


if __name__ == "__main__":
    MK, TOP = (os.path.abspath(argument) for argument in sys.argv[1:3])
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
