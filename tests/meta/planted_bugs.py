#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Show that the tests can fail: plant known bugs in the kernel, one at a time, and demand that a named test finds each.

planted_bugs.py TOP [NAME...]

tests/meta/planted/NAME.patch is a unified diff of one bug. Above the diff it says what the bug is and, in lines
`Fails: PROGRAM TEST`, which tests must fail with it: PROGRAM is a test's executable (api_ownership), TEST one of its
cases. All must pass without the bug. The tree is copied and built once; each bug then costs the files that it
touches. Hunks are found by their text, wherever it stands now: it must be there exactly once.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

COPIED = ('bench', 'docs', 'examples', 'include', 'servers', 'src', 'tests', 'meson.build', 'meson_options.txt',
          'ARCHITECTURE.md', 'CAVEATS.md', 'LICENSE', 'README.md')
SECONDS = 120  # for one test; one that hangs with a bug has failed


class Bad(Exception):
    """What is wrong with a patch or a build, for people."""


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def write(path, text):
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)


class Bug:
    """One patch: its name, the tests that must fail, and [path, old text, new text] of each hunk."""

    def __init__(self, path):
        self.name = os.path.basename(path)[:-len('.patch')]
        head, _, diff = read(path).partition('\n--- ')
        self.fails = [tuple(line.split()[1:3]) for line in head.splitlines() if line.startswith('Fails:')]
        self.hunks = []
        target = None
        for line in ('--- ' + diff).splitlines():
            if line.startswith('--- '):
                continue
            if line.startswith('+++ '):
                target = line[4:].split('\t')[0].removeprefix('b/')
            elif line.startswith('@@'):
                self.hunks.append([target, '', ''])
            elif self.hunks and line[:1] in ('', ' ', '-', '+'):
                kind, text = line[:1] or ' ', line[1:] + '\n'
                self.hunks[-1][1] += text if kind != '+' else ''
                self.hunks[-1][2] += text if kind != '-' else ''
        if not self.fails or not self.hunks:
            raise Bad(f'{self.name}.patch: it needs a line "Fails: PROGRAM TEST" and a diff')

    def plant(self, tree):
        """Apply it; returns what restores the tree."""
        texts = {}
        for path, old, new in self.hunks:
            full = os.path.join(tree, path)
            try:
                text = texts.get(full) or read(full)
            except OSError as error:
                raise Bad(f'{self.name}.patch does not apply: {error}') from error
            if text.count(old) != 1:
                raise Bad(f'{self.name}.patch does not apply: in {path} this stands {text.count(old)} times, '
                          f'not once:\n{old}Mend the patch for the kernel of today.')
            texts[full] = text.replace(old, new)
        before = {full: read(full) for full in texts}
        for full, text in texts.items():
            write(full, text)
        return before


def build(tree, programs):
    targets = ['tests/' + program for program in sorted(programs)]
    jobs = ['-j' + os.environ['MK_JOBS']] if 'MK_JOBS' in os.environ else []
    run = subprocess.run(['ninja', '-C', os.path.join(tree, 'build')] + jobs + targets, capture_output=True, text=True,
                         check=False)
    if run.returncode:
        raise Bad('the build failed:\n' + run.stdout[-3000:])


def set_up(tree):
    environment = {name: value for name, value in os.environ.items() if name != 'DESTDIR'}
    command = ['meson', 'setup', '--buildtype=debugoptimized', '--default-library=both', 'build']
    run = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        raise Bad('meson setup failed:\n' + run.stdout[-3000:])


def passes(tree, program, test):
    """Does the test pass? One that does not run at all is an error."""
    environment = dict(os.environ, MKT_TEST=test, MKT_FIRST='1', MK_MATRIX_ALL='1')
    path = os.path.join(tree, 'build', 'tests', program)
    try:
        run = subprocess.run([path], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as late:
        output = (late.stdout or b'').decode('utf-8', 'replace')
        return not re.search(rf'RUN      \] {test}$', output, re.MULTILINE)
    output = run.stdout.decode('utf-8', 'replace')
    if not re.search(rf'RUN      \] {test}$', output, re.MULTILINE):
        raise Bad(f'{program} has no test {test}')
    return re.search(rf'OK \] {test}$', output, re.MULTILINE) is not None


def try_bug(tree, bug):
    """Complaints about one bug."""
    before = bug.plant(tree)
    try:
        build(tree, {program for program, _ in bug.fails})
        return [f'{bug.name}: {program} {test} passes in spite of it'
                for program, test in bug.fails if passes(tree, program, test)]
    except Bad as bad:
        return [f'{bug.name}: {bad}']
    finally:
        for path, text in before.items():
            write(path, text)


def campaign(top, bugs):
    complaints = []
    with tempfile.TemporaryDirectory(prefix='planted.') as tree:
        for name in COPIED:
            source = os.path.join(top, name)
            if os.path.isdir(source):
                shutil.copytree(source, os.path.join(tree, name), symlinks=True)
            elif os.path.exists(source):
                shutil.copy(source, tree)
        for bug in bugs:  # before anything slow
            for path, text in bug.plant(tree).items():
                write(path, text)
        set_up(tree)
        tests = sorted({fails for bug in bugs for fails in bug.fails})
        print(f'{len(bugs)} bugs, {len(tests)} tests; building them without a bug', flush=True)
        build(tree, {program for program, _ in tests})
        complaints += [f'{program} {test} fails without any bug' for program, test in tests
                       if not passes(tree, program, test)]
        for number, bug in enumerate(bugs, 1):
            found = try_bug(tree, bug)
            print(f'{number}/{len(bugs)} {bug.name}: {"NOT FOUND" if found else "found"}', flush=True)
            complaints += found
    return complaints


def main(arguments):
    if not arguments:
        print('usage: planted_bugs.py TOP [NAME...]', file=sys.stderr)
        return 2
    top, wanted = os.path.abspath(arguments[0]), arguments[1:]
    folder = os.path.join(top, 'tests', 'meta', 'planted')
    names = [f'{name}.patch' for name in wanted] or sorted(n for n in os.listdir(folder) if n.endswith('.patch'))
    try:
        bugs = [Bug(os.path.join(folder, name)) for name in names]
        complaints = campaign(top, bugs)
    except (Bad, OSError) as error:
        complaints = [str(error)]
        bugs = names
    for complaint in complaints:
        print(complaint)
    print(f'{len(bugs)} planted bugs, {len(complaints)} complaints')
    return 1 if complaints else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
