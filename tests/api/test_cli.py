# SPDX-License-Identifier: BSD-2-Clause
"""The command mk from outside: test_cli.py MK TOP PLUGINS [TEST...]

MK is the command, TOP the source tree, PLUGINS the folder of the test plugins.
"""
import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import unittest

MK, TOP, PLUGINS = "", "", ""
SEEDS = int(os.environ.get("MK_CLI_SEEDS", "100"))
DEMO = "examples/boot/demo.ini"


class Result:
    def __init__(self, done):
        self.status = done.returncode
        self.out = done.stdout
        self.err = done.stderr.decode("utf-8", "replace")
        self.text = self.out.decode("utf-8", "replace")

    def __str__(self):
        return f"status {self.status}\nstdout: {self.text}\nstderr: {self.err}"


def mk(*args, stdin=b"", cwd=None, seconds=60):
    done = subprocess.run([MK, *args], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds,
                          cwd=cwd or TOP, check=False)
    return Result(done)


def run(commands, *args):
    return mk("run", DEMO, "-c", commands, *args)


def source(path):
    with open(os.path.join(TOP, path), "rb") as file:
        return file.read()


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="mk-test-cli-")
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return self.path(name)

    def load(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return json.load(file)

    def check_log(self, result, *words):
        """One line of the log has all these words."""
        self.assertTrue(any(all(word in line for word in words) for line in result.err.splitlines()), str(result))

    def expect(self, result, status, text=None, err=None):
        self.assertEqual(result.status, status, str(result))
        if text is not None:
            self.assertEqual(result.text, text, str(result))
        if err is not None:
            self.assertIn(err, result.err, str(result))


class Shell(Case):
    def test_CLI0010(self):
        """cat gives a file of the host byte for byte."""
        for name in ("README.md", "LICENSE"):
            result = run("cat /" + name)
            self.expect(result, 0, err="")
            self.assertEqual(result.out, source(name))

    def test_CLI0011(self):
        """wc counts what the host's wc counts."""
        host = subprocess.run(["wc", "README.md"], cwd=TOP, stdout=subprocess.PIPE, check=True,
                              env=dict(os.environ, LC_ALL="C"))
        result = run("wc /README.md; wc < /README.md")
        self.expect(result, 0)
        figures = host.stdout.split()[:3]
        lines = result.out.splitlines()
        self.assertEqual(lines[0].split(), figures + [b"/README.md"])
        self.assertEqual(lines[1].split(), figures)

    def test_CLI0012(self):
        """A file that was written is read back and listed, on the demo's file system."""
        self.expect(run("echo hi > /a; cat /a; ls /"), 0, "hi\nLICENSE\nREADME.md\na\nboot\n")
        self.expect(run("echo one > /a; echo two >> /a; cat < /a; wc -l /a"), 0, "one\ntwo\n2 /a\n")

    def test_CLI0013(self):
        """An unknown command is 127, with a line on the console that names it."""
        result = run("nosuch")
        self.expect(result, 127)
        self.assertIn("nosuch", result.text)
        self.assertEqual(len(result.text.splitlines()), 1)

    def test_CLI0014(self):
        """The exit status is the last command's, or what exit says; && and || decide by it."""
        for commands, status in (("true", 0), ("false", 1), ("false; true", 0), ("exit 42; echo no", 42),
                                 ("exit 255", 255), ("ls /nosuch", 1), ("false || exit 3", 3), ("false && exit 3", 1),
                                 ("", 0)):
            with self.subTest(commands):
                self.expect(run(commands), status)

    def test_CLI0015(self):
        """Commands may come from standard input; their end ends the run with the last status."""
        script = b"echo one\necho 'two  words' > /f\ncat /f\n# a comment\nfalse\n"
        self.expect(mk("run", DEMO, stdin=script), 1, "one\ntwo  words\n")
        self.expect(mk("run", DEMO, stdin=b"echo last line without its end"), 0, "last line without its end\n")
        self.expect(mk("run", DEMO, stdin=b"exit 9\necho no\n"), 9, "")
        self.expect(mk("run", DEMO, stdin=b""), 0, "")

    def test_CLI0016(self):
        """Hostile input lines give messages, not a crash: long ones, control bytes, open quotes."""
        for line in (b"echo " + b"x" * 100000, b"'open", b'"open', b"echo \\", b"\xff\xfe\x00\x01\x1b[2J", b";;;",
                     b"&& ||", b"> ", b"echo >", b"< /nosuch cat", b"echo a > /nosuch/b"):
            with self.subTest(line[:20]):
                result = mk("run", DEMO, stdin=line + b"\necho still here\n")
                self.expect(result, 0)
                self.assertTrue(result.text.endswith("still here\n"), str(result))

    def test_CLI0009(self):
        """A boot file may have more tasks than one would count."""
        boot = self.write("many.ini", "[task names]\n[task console]\nprivileged = yes\nafter = names\n" + "".join(
            f"[task t{i}]\nmodule = {PLUGINS}/tool.so\nargs = one two three\n" for i in range(60)) +
            "[task shell]\nprivileged = yes\nafter = console\n")
        self.expect(mk("run", boot, "-c", "echo up"), 0, "up\n")

    def test_CLI0017(self):
        """A server is restarted between two commands; its clients go on, and it begins with its files."""
        result = run("echo x > /a; restart ramfs; ls /; restart echo; supervisor")
        self.expect(result, 0)
        self.assertTrue(result.text.startswith("LICENSE\nREADME.md\nboot\n"), str(result))
        rows = {line.split()[0]: line.split() for line in result.text.splitlines()[3:]}
        self.assertEqual(rows["ramfs"][2:], ["up", "on-crash", "default", "2", "asked"], str(result))
        self.assertEqual(rows["echo"][5:], ["2", "asked"], str(result))
        self.assertEqual(rows["names"][5:], ["1", "-"], str(result))

    def test_CLI0018(self):
        """A stopped server is gone for its clients, who are told so; it can be started again."""
        result = run("stop ramfs; ls / || echo gone; start ramfs; cat /LICENSE")
        self.expect(result, 0)
        self.assertIn("ramfs", result.text.splitlines()[0])
        self.assertTrue(result.text.endswith("\ngone\n" + source("LICENSE").decode()), str(result))

    def test_CLI0019(self):
        """Fifty restarts in one run; the answers stay right."""
        commands = "; ".join(["restart ramfs; wc -c /LICENSE; restart echo"] * 50)
        result = run(commands)
        self.expect(result, 0)
        self.assertEqual(result.text, f"{len(source('LICENSE'))} /LICENSE\n" * 50)

    def test_CLI0020(self):
        """help COMMAND explains the columns and words of the command's output; help alone has a line for each."""
        for command, output in (("ports", "ports; ports echo"), ("ps", "ps"), ("vm", "vm ramfs")):
            text = run("help " + command).text
            titles = [line for line in run(output).text.splitlines() if line.replace("us", "").isupper()]
            self.assertTrue(titles)
            for word in " ".join(titles).replace("/", " ").split():
                self.assertIn(word, text)
        for command, words in (("vm", ("soft", "filled ahead", "too soon", "wired", "reserved")),
                               ("ps", ("number of a set", "no line in `ports`")), ("ports", ("no line here",)),
                               ("stats", ("idle", "preemptions", "trace")), ("services", ("name service",))):
            text = run("help " + command).text
            self.assertLessEqual(max(len(line) for line in text.splitlines()), 100)
            for word in words:
                self.assertIn(word, text)
        self.assertNotIn("too soon", run("help").text)

    def test_CLI0021(self):
        """stats has a trace hash only where the run is traced."""
        self.assertRegex(run("stats").text, r"(?m)^trace hash +not traced$")
        self.assertRegex(run("stats", "--stats", self.path("s")).text, r"(?m)^trace hash +[0-9a-f]{16}$")


class Pager(Case):
    BOOT = ("[machine]\nmemory = 1M\n[task names]\n[task pager]\nprivileged = yes\npriority = 60\nargs = {args}\n"
            "[task console]\nprivileged = yes\nafter = names\n[task ramfs]\nafter = names\n"
            "[task tool]\nmodule = {plugins}/tool.so\nargs = fill 4096 3 200\nafter = pager\n"
            "[task shell]\nprivileged = yes\nafter = console ramfs\n")

    def boot(self, args):
        return self.write("pager.ini", self.BOOT.format(args=args, plugins=PLUGINS))

    def test_CLI0025(self):
        """Four times the machine's memory is written and read back, by way of the pager's file."""
        for args in ("size=8M", "size=8M file=store"):
            self.expect(mk("run", self.boot(args), "-c", "sleep 1"), 0, "", "[tool] the fill is right")
        self.assertEqual(os.path.getsize(self.path("store")), 8 << 20)

    def test_CLI0026(self):
        """A pager is restarted, and killed twice, and nothing is lost, whatever its file."""
        for args in ("size=8M", "size=8M file=store"):
            for commands in ("sleep 0.1; restart pager; sleep 0.2; restart pager; sleep 1",
                             "sleep 0.1; kill pager; sleep 0.2; kill pager; sleep 3"):
                self.expect(mk("run", self.boot(args), "-c", commands), 0, "", "[tool] the fill is right")

    def test_CLI0022(self):
        """Pages that were changed behind the pager's back are no pages: who touches one is ended."""
        with open(self.boot("size=8M file=store"), "a", encoding="utf-8") as file:
            file.write(f"[task scribble]\nmodule = {PLUGINS}/tool.so\nafter = pager\n"
                       f"args = scribble {self.path('store')}\n")
        result = mk("run", self.path("pager.ini"), "-c", "sleep 2; supervisor status")
        self.check_log(result, "[pager]", "could not be read: it is not what was written")
        self.check_log(result, "[tool]", "ended its task", "device failed")
        self.assertNotIn("wrong: number", result.err)
        self.assertIn("scribble", result.text)

    def test_CLI0023(self):
        """A task that computes for ever, by the host's time or the machine's, is ended; the rest goes on."""
        libraries = subprocess.run(["ldd", MK], capture_output=True, text=True, check=False).stdout
        kinds = [("spend", "machine.max-quanta=20"), ("loop", "machine.watchdog=50ms")]
        for what, key in kinds[:1] if "libtsan" in libraries else kinds:  # there is no watchdog with TSan
            result = mk("run", self.boot("size=8M"), "--set", f"tool.args={what}", "--set", key, "-c", "sleep 20; ls /")
            self.expect(result, 154)
            self.check_log(result, "[tool]", "ended its task", "endless loop")
        self.expect(mk("run", self.boot("size=8M"), "--set", "tool.args=spend", "--set", "machine.watchdog=none", "-c",
                       "sleep 20"), 0)

    def test_CLI0024(self):
        """Without a pager who needs a page waits a minute for another, and is ended then; the rest goes on."""
        result = mk("run", self.boot("size=8M"), "-c", "sleep 0.1; stop pager; sleep 100; echo the rest")
        self.check_log(result, "[tool]", "ended its task", "the deadline passed")

    def test_CLI0027(self):
        """What a pager cannot do it refuses with the reason."""
        os.mkdir(self.path("folder"))
        for args, word in (("size=4K", "from 8K"), ("size=2G", "to 1G"), ("size=", "size="), ("file=", "file=PATH"),
                           ("fiel=x", "fiel=x"), ("file=folder", "folder"), ("file=/nonexistent/x", "No such file")):
            with self.subTest(args):
                result = mk("run", self.boot(args), "-c", "true")
                self.assertNotEqual(result.status, 0, str(result))
                self.check_log(result, "[pager]", word)


    def test_CLI0028(self):
        """Each page policy, frames of a task's own, and a limit of its memory."""
        for policy in ("fifo", "clock", "clock-clear", "lru", "aging", "random", "ws", "opt"):
            with self.subTest(policy):
                self.expect(mk("run", self.boot("size=8M"), "--set", "machine.page-policy=" + policy, "--set",
                               "tool.args=fill 1100 1 1", "-c", "sleep 1"), 0, "", "[tool] the fill is right")
        self.expect(mk("run", self.boot("size=8M"), "--set", "tool.frames=50", "-c", "sleep 1"), 0, "",
                    "[tool] the fill is right")
        self.expect(mk("run", self.boot("size=8M"), "--set", "tool.memory-limit=4M", "-c", "sleep 1"), 1, "",
                    "[tool] the fill failed")
        report = mk("check", self.boot("size=8M"), "--set", "tool.memory-limit=4M", "--set", "tool.frames=50", "--set",
                    "machine.page-policy=lru")
        self.expect(report, 0)
        self.assertRegex(report.text, "page-policy +lru")
        self.assertRegex(report.text, "tool +32 +no +4 MiB +50 +pager")


    def test_CLI0029(self):
        """vm shows a task's regions with their pages, the machine's counters, and whether it is thrashing."""
        result = mk("run", self.boot("size=8M"), "-c", "sleep 0.3; vm tool; sleep 1")
        self.expect(result, 0)
        self.assertRegex(result.text, r"(?m)^ +\d+K +4100K rw +\d+ own +\d+  \[o[o#=]+#\] \(17 pages each\)$")
        self.assertRegex(result.text, r"store: 2047, used \d\d+")
        self.assertNotIn("thrashing", result.text)
        result = mk("run", self.boot("size=8M"), "--set", "tool.args=fill 1200 5 100", "-c", "sleep 0.3; vm; sleep 1")
        self.expect(result, 0)
        self.assertIn("thrashing", result.text)
        for commands, word in (("vm nosuch", "no such task"), ("vm 9999", "9999"), ("vm a b", "usage: vm")):
            result = run(commands)
            self.assertNotEqual(result.status, 0)
            self.assertIn(word, result.text)


class Repeat(Case):
    def hash_of(self, *args, cwd=None):
        result = mk("run", *args, "--stats", self.path("stats.json"), cwd=cwd)
        self.expect(result, 0)
        stats = self.load("stats.json")
        self.assertNotIn(stats["trace_hash"], (0, "", "0x0000000000000000"))
        return stats["trace_hash"]

    def test_CLI0030(self):
        """Twenty runs with the same input have one trace hash, with and without a seed."""
        for extra in ((), ("--seed", "7")):
            hashes = {self.hash_of(DEMO, "-c", "ls /; echo x > /a; wc /a; restart echo", *extra) for _ in range(20)}
            self.assertEqual(len(hashes), 1, hashes)

    def test_CLI0031(self):
        """Input by a pipe repeats as well, where it is there before it is asked for."""
        hashes = set()
        for _ in range(10):
            reader, writer = os.pipe()
            os.write(writer, b"ls /\ncat /LICENSE\nps\n")
            os.close(writer)
            done = subprocess.run([MK, "run", DEMO, "--stats", self.path("stats.json")], stdin=reader, cwd=TOP,
                                  stdout=subprocess.DEVNULL, timeout=60, check=False)
            os.close(reader)
            self.assertEqual(done.returncode, 0)
            hashes.add(self.load("stats.json")["trace_hash"])
        self.assertEqual(len(hashes), 1, hashes)

    def test_CLI0032(self):
        """Another seed gives another run where draws decide; the same one gives the same, its log included."""
        boot = self.write("draw.ini", f"[task names]\n\n[task draw]\nmodule = {PLUGINS}/tool.so\nargs = draw\n")
        first, again, second = (mk("run", boot, "--seed", seed) for seed in ("1", "1", "2"))
        for result in (first, again, second):
            self.expect(result, 0, err="drawn")
        self.assertEqual(first.err, again.err)
        self.assertNotEqual(first.err, second.err)
        self.assertEqual(self.hash_of(boot, "--seed", "1"), self.hash_of(boot, "--set", "machine.seed=1"))
        self.assertNotEqual(self.hash_of(boot, "--seed", "1"), self.hash_of(boot, "--seed", "2"))

    def test_CLI0033(self):
        """A hash does not depend on how threads are switched, on a trace file, or on the caller's folder."""
        here = self.hash_of(DEMO, "-c", "ls /")
        self.assertEqual(self.hash_of(DEMO, "-c", "ls /", "--set", "machine.context=ucontext"), here)
        self.assertEqual(self.hash_of(DEMO, "-c", "ls /", "--trace", self.path("trace.json")), here)
        self.assertEqual(self.hash_of(os.path.join(TOP, DEMO), "-c", "ls /", cwd="/"), here)

    def test_CLI0034(self):
        """--stats tells hash, time, exit and the tasks, also of a run that failed; - gives standard output to it."""
        result = run("ls /nosuch", "--stats", "-")
        self.expect(result, 1)
        stats = json.loads(result.text)
        self.assertEqual(stats["exit"], 1)
        self.assertGreater(stats["virtual_ns"], 0)
        labels = [task["label"] for task in stats["tasks"]]
        for label in ("names", "console", "ramfs", "shell"):
            self.assertIn(label, labels)
        hour = run("sleep 3600", "--stats", "-")
        self.assertGreaterEqual(json.loads(hour.text)["virtual_ns"], 3600 * 10**9)


class Trace(Case):
    def events(self, *args):
        result = mk("run", *args, "--trace", self.path("trace.json"))
        self.expect(result, 0)
        return self.load("trace.json")["traceEvents"]

    def test_CLI0040(self):
        """A trace is JSON with a named track for every thread that something happens on."""
        events = self.events(DEMO, "-c", "ls /; cat /LICENSE")
        named = {(e["pid"], e["tid"]) for e in events if e["ph"] == "M" and e["name"] == "thread_name"}
        used = {(e["pid"], e["tid"]) for e in events if e["ph"] in "Xsf"}
        self.assertTrue(used)
        self.assertLessEqual(used, named)
        names = {e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "process_name"}
        self.assertLessEqual({"shell", "ramfs", "console", "names"}, names)

    def test_CLI0041(self):
        """Slices have a start and a length, and one CPU runs one thread at a time."""
        events = self.events(DEMO, "-c", "ls /; cat /LICENSE; restart echo")
        slices = [e for e in events if e["ph"] == "X"]
        self.assertGreater(len(slices), 20)
        for event in slices:
            self.assertGreaterEqual(event["ts"], 0)
            self.assertGreaterEqual(event["dur"], 0)
        cpu = sorted((e["ts"], e["ts"] + e["dur"]) for e in slices if e["cat"] == "cpu")
        self.assertGreater(len(cpu), 10)
        for before, after in zip(cpu, cpu[1:]):
            self.assertLessEqual(before[1], after[0] + 0.0015)

    def test_CLI0042(self):
        """Each arrow of a message that ends began once, earlier, under the same id."""
        events = self.events(DEMO, "-c", "ls /; cat /README.md; restart ramfs; ls /")
        begun = {}
        for event in (e for e in events if e["ph"] == "s"):
            self.assertNotIn((event["cat"], event["id"]), begun)
            begun[event["cat"], event["id"]] = event["ts"]
        ended = [(e["cat"], e["id"], e["ts"]) for e in events if e["ph"] == "f"]
        self.assertGreater(len(ended), 20)
        self.assertEqual(len({e[:2] for e in ended}), len(ended))
        for cat, number, when in ended:
            self.assertIn((cat, number), begun)
            self.assertLessEqual(begun[cat, number], when)
        self.assertGreater(len(ended), 0.9 * len(begun))

    def test_CLI0043(self):
        """The same run writes the same trace, byte for byte."""
        texts = set()
        for _ in range(3):
            self.events(DEMO, "-c", "ls /; wc /README.md")
            with open(self.path("trace.json"), "rb") as file:
                texts.add(file.read())
        self.assertEqual(len(texts), 1)


class BadBoot(Case):
    def refused(self, content, line, *words):
        """One refusal in `line` (None: any form), exit 2, nothing on standard output, for run and check alike."""
        path = self.write("bad.ini", content)
        for args in (("run", path), ("check", path)):
            with self.subTest(args=args[0], content=content[:60]):
                result = mk(*args)
                self.expect(result, 2, "")
                if line is not None:
                    self.assertIn(f"bad.ini:{line}: ", result.err)
                for word in words:
                    self.assertIn(word, result.err)
                self.assertNotIn("\033", result.err)

    def test_CLI0050(self):
        """Boot files with a fault are refused by FILE:LINE and what would be right."""
        task = f"[task t]\nmodule = {PLUGINS}/tool.so\n"
        self.refused("[machine]\nmemory = lots\n" + task, 2, "memory")
        self.refused("[machine]\nmemory = 0\n" + task, 2, "memory")
        self.refused("[machine]\nmemory = 99999999999999999999G\n" + task, 2, "memory")
        self.refused("[machine]\ncpus = -1\n" + task, 2, "cpus")
        self.refused("[machine]\nclock = sundial\n" + task, 2, "virtual")
        self.refused("[machine]\nmemroy = 1M\n" + task, 2, "memory")
        self.refused("[machine]\npolicy = nosuch\n" + task, 2, "policy")
        self.refused("[machine]\npage-policy = nosuch\n" + task, 2, "page policy", "clock")
        self.refused(task + "frames = 999999\n", 3, "16384")
        self.refused(task + "memory-limit = much\n", 3, "memory-limit")
        self.refused("[mashine]\n" + task, 1, "mashine")
        self.refused(task + "after = nosuch\n", 3, "nosuch")
        self.refused(task + "after = t\n", 3)
        self.refused(task + task.replace("module", "args"), 3)
        self.refused(task + "priority = 64\n", 3, "63")
        self.refused("[task t]\nmodule = nosuch\n", 2, "nosuch")
        self.refused(f"[task t]\nmodule = {PLUGINS}/refused_fork.so\n", 2, "fork")
        self.refused("[task " + "x" * 100 + "]\n", 1)
        self.refused(task + "args = " + "x" * 300 + "\n", 3)
        self.refused("memory = 1M\n", 1)
        self.refused("[machine\n", 1)

    def test_CLI0051(self):
        """Files that are no boot files are refused as well."""
        self.refused("", None)
        self.refused(b"\0\1\2\3" * 100, None)
        self.refused(b"\xff\xfe\x1b]0;title\x07\n" * 10, None)
        self.refused("[task a]\nafter = b\n[task b]\nafter = a\n", None)
        for path in (self.folder.name, self.path("none.ini"), "/dev/null"):
            result = mk("run", path)
            self.expect(result, 2, "")
            self.assertEqual(len(result.err.splitlines()), 1, str(result))

    def test_CLI0052(self):
        """--set and --seed are judged like the file, and named when they are wrong."""
        for option in ("machine.memory=lots", "nosuch.args=x", "machine.nosuch=1", "machine", "=", "machine.seed=x"):
            with self.subTest(option):
                result = run("true", "--set", option)
                self.expect(result, 2, "", "--set " + option)
        self.expect(run("true", "--seed", "x"), 2, "", "--seed")
        self.expect(run("ls /", "--set", "ramfs.args="), 0, "")

    def test_CLI0053(self):
        """Random damage to a boot file is never a crash: 0 to 2, and a reason when it is 2."""
        base = bytearray(source(DEMO))
        for seed in range(SEEDS):
            state, data = seed + 1, bytearray(base)
            for _ in range(1 + seed % 5):
                state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
                data[(state >> 33) % len(data)] = (state >> 20) % 256
            result = mk("check", self.write("damaged.ini", bytes(data)))
            self.assertIn(result.status, (0, 2), f"seed {seed}\n{result}")
            self.assertEqual(result.status == 2, bool(result.err), f"seed {seed}\n{result}")


def tar_of(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


class Archives(Case):
    def boot(self, name, content):
        self.write(name, content)
        return run("ls /; cat /a", "--set", "ramfs.args=" + self.path(name))

    def refused(self, name, content, word=""):
        result = self.boot(name, content)
        with self.subTest(word or name):
            self.expect(result, 1, "", word)
            self.check_log(result, "[ramfs]", name)

    def test_CLI0060(self):
        """A tar archive, plain or compressed, becomes the tree."""
        tar = tar_of([("a", b"hello\n"), ("d/b", b"x" * 70000)])
        self.expect(self.boot("good.tar", tar), 0, "a\nd\nhello\n")
        self.expect(self.boot("good.tar.gz", gzip.compress(tar)), 0, "a\nd\nhello\n")

    def test_CLI0061(self):
        """An archive with a name that leads out of it is refused."""
        for name in ("../a", "d/../../a", "..", "d/..", "/../a"):
            self.refused("dots.tar", tar_of([("ok", b"1"), (name, b"2")]), "..")

    def test_CLI0062(self):
        """A tar archive that was cut is refused at every kind of place: in a header, in data, before its end."""
        tar = tar_of([("a", b"hello\n"), ("d/b", b"x" * 3000), ("c", b"")])
        for size in (100, 511, 512, 513, 700, 1024, 1500, 1536, 2048, 4000, 4608, 5120, 5632):
            if not any(tar[size:]):
                size = len(tar[:size].rstrip(b"\0")) // 512 * 512 + 512
            self.refused("cut.tar", tar[:size])
        self.refused("cut.tar.gz", gzip.compress(tar)[:-12])

    def test_CLI0063(self):
        """A size that no machine has is refused before memory is taken for it."""
        info = tarfile.TarInfo("big")
        for size in (1 << 27, 1 << 33, 1 << 40, 1 << 62, (1 << 63) - 1):
            info.size = size
            self.refused("big.tar", info.tobuf(tarfile.GNU_FORMAT) + bytes(1024), "big")
        zeros = tar_of([("zeros", bytes(80 << 20))])
        self.refused("bomb.tar.gz", gzip.compress(zeros, 9), "zeros")

    def test_CLI0064(self):
        """Damaged bytes in an archive end in a tree or in a refusal, never in a crash."""
        tar = tar_of([("a", b"hello\n"), ("d/b", b"x" * 3000), ("c", b"y")])[:6144]
        for seed in range(SEEDS):
            state, data = seed + 1, bytearray(tar + bytes(1024))
            for _ in range(1 + seed % 6):
                state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
                data[(state >> 33) % 1536] = (state >> 20) % 256
            result = self.boot("damaged.tar", bytes(data))
            self.assertIn(result.status, (0, 1), f"seed {seed}\n{result}")
            self.assertNotIn("ended its task", result.err, f"seed {seed}\n{result}")


class Command(Case):
    def test_CLI0070(self):
        """Unknown commands and options, missing and doubled operands exit with 2 and one line."""
        for args in ((), ("nosuch",), ("--nosuch",), ("run",), ("run", "--nosuch", DEMO), ("run", DEMO, DEMO),
                     ("run", DEMO, "-c"), ("run", DEMO, "--trace"), ("check",), ("check", "--nosuch"),
                     ("check", DEMO, "--json=1"), ("run", DEMO, "-x"), ("help", "nosuch"), ("new",)):
            with self.subTest(args):
                result = mk(*args)
                self.expect(result, 2, "")
                self.assertEqual(len(result.err.splitlines()), 1, str(result))

    def test_CLI0071(self):
        """help, --help and --version are answers: status 0, on standard output."""
        for args in (("help",), ("--help",), ("run", "--help"), ("help", "run"), ("help", "errors"), ("--version",),
                     ("check", "--help")):
            with self.subTest(args):
                result = mk(*args)
                self.expect(result, 0)
                self.assertTrue(result.text)
                self.assertEqual(result.err, "")

    def test_CLI0072(self):
        """check --json tells the machine, the tasks in an order that keeps `after`, and the limits."""
        result = mk("check", "--json", DEMO)
        self.expect(result, 0)
        report = json.loads(result.text)
        self.assertTrue(report["good"])
        self.assertEqual(report["machine"]["memory"], 64 << 20)
        seen = set()
        for task in report["tasks"]:
            self.assertLessEqual(set(task["after"]), seen)
            self.assertTrue(os.path.exists(task["plugin"]), task["plugin"])
            seen.add(task["name"])
        self.assertEqual(seen, {"names", "console", "echo", "ramfs", "shell"})
        self.assertGreater(report["limits"]["threads"], 1000)

    def test_CLI0073(self):
        """check --json of a bad file is JSON too, with each fault's line, and status 2."""
        path = self.write("bad.ini", "[machine]\nmemory = lots\ncpus = many\n[task t]\nmodule = nosuch\n")
        result = mk("check", "--json", path)
        self.expect(result, 2)
        report = json.loads(result.text)
        self.assertFalse(report["good"])
        self.assertEqual([error["line"] for error in report["errors"]][:3], [2, 3, 5])

    def test_CLI0074(self):
        """Outputs that cannot be written are bad usage, before anything runs."""
        for args in (("--trace", "/nonexistent/x"), ("--stats", self.folder.name)):
            result = run("echo ran", *args)
            self.assertNotEqual(result.status, 0)
            self.assertEqual(result.text, "")
        same = self.path("same")
        self.expect(run("echo ran", "--trace", same, "--stats", same), 2, "")

    def test_CLI0075(self):
        """-c needs a shell in the boot file."""
        boot = self.write("noshell.ini", f"[task t]\nmodule = {PLUGINS}/tool.so\n")
        self.expect(mk("run", boot, "-c", "ls"), 2, "", "shell")

    def test_CLI0076(self):
        """--quiet hides the log, and only the log."""
        boot = self.write("quiet.ini", f"[task t]\nmodule = {PLUGINS}/tool.so\nargs = exit 3\n")
        self.expect(mk("run", boot), 3)
        boot = self.write("lines.ini", f"[task t]\nmodule = {PLUGINS}/tool.so\nargs = args one\n")
        self.expect(mk("run", boot), 0, "", "[t] arg 2 <one>")
        self.assertEqual(mk("run", boot, "--quiet").err, "")


class Deadlock(Case):
    PAIR = ("[task names]\n\n[task left]\nmodule = {0}/tool.so\nargs = pair left right\nafter = names\n\n"
            "[task right]\nmodule = {0}/tool.so\nargs = pair right left\nafter = names\n")

    def test_CLI0080(self):
        """Tasks that call each other are a failed run: status 1, and lines that tell who waits for whom."""
        result = mk("run", self.write("pair.ini", self.PAIR.format(PLUGINS)))
        self.expect(result, 1, "", "deadlock")
        for one, other in (("left", "right"), ("right", "left")):
            self.check_log(result, f" {one}, thread", f"which {other} should give")

    def test_CLI0081(self):
        """A task that waits for a message that nobody can send is one too; --stats tells of it."""
        boot = self.write("wait.ini", f"[task names]\n\n[task t]\nmodule = {PLUGINS}/tool.so\nargs = wait\n")
        result = mk("run", boot, "--stats", self.path("stats.json"))
        self.expect(result, 1, "", "waits for a message")
        stats = self.load("stats.json")
        self.assertEqual(stats["exit"], 1)
        self.assertTrue(stats["error"])

    def test_CLI0082(self):
        """A crash in a plugin ends its task with 128 and its signal, and the run with that code."""
        boot = self.write("crash.ini", f"[task t]\nmodule = {PLUGINS}/tool.so\nargs = abort\n")
        self.expect(mk("run", boot), 134, "", "abort")


if __name__ == "__main__":
    MK, TOP, PLUGINS = (os.path.abspath(path) for path in sys.argv[1:4])
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
