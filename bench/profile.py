#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Where the instructions of a row of mkbench go: profile.py [--build DIR] [--lines] [--markdown] ROW...

Runs the row under valgrind's callgrind with N operations and with 2N, and prints the difference for one operation.
The first table goes by function, without what it calls. Further ones divide the large functions into the inline
functions that they are made of, and with --lines into the lines of the outermost of these, each with all that is
inlined there.
Accesses to a user's memory (host/arch/x86_64/user.h) are counted where they are made.
Counts hold for the build that they were made with. Times do not show here: nothing is as slow as under valgrind.
"""
import argparse
import collections
import os
import shutil
import signal
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NR = 10240
OTHER_SHARE = 0.005  # of the row: less is not told apart
PART_SHARE = 0.1  # of the row: a function that takes as much is divided
LINE_MAX = 70
USER_ACCESS = 'src/host/arch/x86_64/user.h'
EVENTS = (('instructions', ('Ir',)), ('loads', ('Dr',)), ('stores', ('Dw',)), ('cond. branches', ('Bc',)),
          ('L1 data misses', ('D1mr', 'D1mw')))
DECIMALS = (1, 1, 1, 1, 2)
SHOWN = 0.05  # what is less is printed as 0.0


class Failure(Exception):
    """A line for the user and the exit status."""
    def __init__(self, text, status=1):
        super().__init__(text)
        self.status = status


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Failure(f'profile.py: {message}; see profile.py --help', 2)


# An instruction. Where stacks are switched, callgrind takes object and function for those that were left.
Place = collections.namedtuple('Place', 'object function address file line')


def in_tree(path):
    """The path in the source; '' for one from elsewhere."""
    path = os.path.relpath(path, TOP) if path.startswith('/') else ''
    return '' if path.startswith('..') else path


class Counts:
    """What callgrind wrote: costs by Place, and the cache that it simulated."""
    def __init__(self, path):
        self.costs, self.cache = {}, ''
        self.columns = []
        at, is_call = {'ob': '', 'fn': '', 'file': ''}, False
        with open(path, encoding='utf-8', errors='replace') as file:
            for line in file:
                key, equals, value = line.rstrip('\n').partition('=')
                if line.startswith('0x'):
                    if not is_call:  # else the cost of the callee
                        self.add(at, line.split())
                    is_call = False
                elif key == 'calls':
                    is_call = True
                elif equals:
                    key = 'file' if key in ('fl', 'fi', 'fe') else key
                    at[key] = value
                elif line.startswith('events:'):
                    names = line.split()[1:]
                    self.columns = [[names.index(name) for name in wanted] for _, wanted in EVENTS]
                elif line.startswith('desc: D1 cache:'):
                    self.cache = line.split(':', 2)[2].strip()

    def add(self, at, words):
        values = [int(word) for word in words[2:]]  # zeros at the end are left out
        cost = [sum(values[i] for i in column if i < len(values)) for column in self.columns]
        place = Place(at['ob'], at['fn'], words[0], in_tree(at['file']), int(words[1]))
        self.costs[place] = added(self.costs.get(place), cost)


def added(a, b):
    return [x + y for x, y in zip(a, b)] if a else list(b)


def run_row(mkbench, row, nr, folder):
    """Callgrind's counts and how many operations the row did."""
    out, log = os.path.join(folder, f'{nr}.out'), os.path.join(folder, 'log')
    run = subprocess.run(
        ['valgrind', '-q', f'--log-file={log}', '--tool=callgrind', f'--callgrind-out-file={out}', '--dump-instr=yes',
         '--compress-strings=no', '--compress-pos=no', '--cache-sim=yes', '--branch-sim=yes',
         mkbench, '--only', row, '--profile', str(nr)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True)
    lines = run.stdout.splitlines()
    if run.returncode == 2:
        raise Failure(run.stderr.strip(), 2)
    if run.returncode != 0 or not os.path.exists(out):
        raise Failure(run.stderr.strip() or
                      'profile.py: valgrind cannot run this build: try one of gcc, or a newer valgrind')
    if len(lines) != 1:
        raise Failure(f"profile.py: '{row}' matches {len(lines)} rows: name one", 2)
    name, done = lines[0].split(None, 1)
    if not done.isdigit():
        raise Failure(f'profile.py: {name} is {done}')
    return Counts(out), int(done)


def per_operation(mkbench, row):
    """Costs of one operation by Place, and the cache."""
    with tempfile.TemporaryDirectory(prefix='mk-profile-') as folder:
        once, nr_once = run_row(mkbench, row, NR, folder)
        twice, nr_twice = run_row(mkbench, row, 2 * NR, folder)
    costs = {}
    for place in once.costs.keys() | twice.costs.keys():
        zero = [0] * len(EVENTS)
        pairs = zip(twice.costs.get(place, zero), once.costs.get(place, zero))
        cost = [(b - a) / (nr_twice - nr_once) for b, a in pairs]
        if any(cost):
            costs[place] = cost
    return costs, twice.cache


def inlined_at(binary, addresses):
    """For each address the functions that are inlined there, the innermost first: [(name, file, line)]."""
    text = subprocess.run(['addr2line', '-a', '-f', '-i', '-e', binary], input='\n'.join(addresses), check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    name, frames, found = '', [], {}
    for line in text.splitlines():
        if line.startswith('0x'):
            name, frames = '', found.setdefault(hex(int(line, 16)), [])
        elif not name:
            name = line
        else:
            path, number = line.split(' (discriminator')[0].rsplit(':', 1)
            if in_tree(path) and number.isdigit():
                frames.append((name, in_tree(path), int(number)))
            name = ''
    return found


def frames_of(places):
    """The same for each place, by the object in which its address has its line."""
    binaries = sorted({place.object for place in places if os.path.isfile(place.object)})
    addresses = sorted({place.address for place in places if place.file})
    known = {binary: inlined_at(binary, addresses) for binary in binaries}
    found = {}
    for place in places:
        for binary in [place.object] + binaries:
            frames = known.get(binary, {}).get(place.address)
            if frames and frames[0][1:] == (place.file, place.line):
                found.setdefault(place, frames)
    return found


def grouped(costs, group):
    """Sums by what group(key) says, the largest first."""
    sums = {}
    for key, cost in costs.items():
        sums[group(key)] = added(sums.get(group(key)), cost)
    return sorted(sums.items(), key=lambda item: (-round(item[1][0], 1), item[0]))


def with_rest(items, limit):
    """The lines of a table, and small ones as one."""
    lines = [(names, cost) for names, cost in items if cost[0] >= limit]
    rest = [sum(column) for column in zip(*(cost for names, cost in items if cost[0] < limit))]
    if rest and rest[0] >= SHOWN:
        lines.append((('other', ''), rest))
    return lines


def print_table(heads, lines, is_markdown):
    heads = list(heads) + [name for name, _ in EVENTS]
    nr_names = len(heads) - len(EVENTS)
    rows = [list(names) + [f'{value:.{places}f}' for value, places in zip(cost, DECIMALS)] for names, cost in lines]
    widths = [max(len(row[i]) for row in [heads] + rows) for i in range(len(heads))]
    rule = ['-' * width if i < nr_names else '-' * (width - 1) + ':' for i, width in enumerate(widths)]
    for row in [heads] + ([rule] if is_markdown else []) + rows:
        cells = [cell.ljust(width) if i < nr_names else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(row, widths))]
        print('| ' + ' | '.join(cells) + ' |' if is_markdown else '  '.join(cells))
    print()


def source_line(path, number, is_markdown):
    try:
        with open(os.path.join(TOP, path), encoding='utf-8') as file:
            text = file.read().splitlines()[number - 1].strip()
    except (OSError, IndexError):
        return ''
    text = text if len(text) <= LINE_MAX else text[:LINE_MAX - 3] + '...'
    return '`' + text.replace('|', '\\|') + '`' if is_markdown else text


def show(row, costs, cache, with_lines, is_markdown):
    frames = frames_of(costs)
    total = [sum(column) for column in zip(*costs.values())]
    limit = OTHER_SHARE * total[0]

    def function(place):
        known = frames.get(place)
        return known[-1][:2] if known else (place.function, os.path.basename(place.object))

    def part(place):
        known = [frame for frame in frames.get(place, []) if frame[1] != USER_ACCESS]
        return known[0][:2] if len(known) > 1 else ('itself', function(place)[1])

    def line(place):
        known = frames.get(place) or [('', '', 0)]
        return known[max(len(known) - 2, 0)][1:]

    functions = grouped(costs, function)
    print(f'{row}: one operation (L1 data cache: {cache})\n')
    print_table(('function', 'where'), with_rest(functions, limit) + [(('total', ''), total)], is_markdown)
    for names, cost in functions:
        own = {place: value for place, value in costs.items() if function(place) == names}
        last = [(('total', ''), cost)]
        parts = grouped(own, part)
        if cost[0] < PART_SHARE * total[0] or len(parts) < 2:
            continue
        print_table(('part of ' + names[0], 'where'), with_rest(parts, limit) + last, is_markdown)
        if with_lines:
            lines = [((f'{path}:{number}', source_line(path, number, is_markdown)), value)
                     for (path, number), value in sorted(grouped(own, line))]
            print_table(('line of ' + names[0], ''), with_rest(lines, SHOWN) + last, is_markdown)


def main(arguments):
    about, _, details = __doc__.partition('\n\n')
    parser = Parser(prog='profile.py', description=about.split(':')[0], epilog=details)
    parser.add_argument('--build', metavar='DIR', default=os.path.join(TOP, 'build'), help='the build (build/)')
    parser.add_argument('--lines', action='store_true', help='tables of the lines, too')
    parser.add_argument('--markdown', action='store_true', help='tables of Markdown')
    parser.add_argument('row', metavar='ROW', nargs='+', help='as `mkbench --list` names them')
    try:
        options = parser.parse_args(arguments)
        mkbench = os.path.join(options.build, 'bench', 'mkbench')
        for program, package in (('valgrind', 'valgrind'), ('addr2line', 'binutils')):
            if not shutil.which(program):
                raise Failure(f'profile.py: {program} is missing: install {package}')
        if not os.path.isfile(mkbench):
            raise Failure(f'profile.py: there is no {mkbench}: ./dev build makes it')
        for row in options.row:
            if row.startswith('peer.'):
                raise Failure(f'profile.py: {row} runs in a program of its own, which is not looked at', 2)
            costs, cache = per_operation(mkbench, row)
            show(row, costs, cache, options.lines, options.markdown)
    except Failure as failure:
        print(failure, file=sys.stderr)
        return failure.status
    return 0


if __name__ == '__main__':
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a reader that has seen enough is no error
    sys.exit(main(sys.argv[1:]))
