#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Check small rules of the source text: words.py TOP

Each C file opens with its license, nothing is marked as left for later, and each public function is named by a test.
"""
import os
import re
import sys

import mktree

LICENSE = 'SPDX-License-Identifier: BSD-2-Clause'
LATER = re.compile(r'\b(?:TO' r'DO|FIX' r'ME|X' r'XX)\b')


def check_license(top):
    for path in mktree.files(top, ('.c', '.h', '.S')):
        if LICENSE not in mktree.read(top, path).split('\n', 1)[0]:
            yield f'{path}:1: the first line does not hold "{LICENSE}"'


def check_later(top):
    paths = mktree.files(top, ('.c', '.h', '.S', '.py', '.sh', '.md', 'meson.build', '.ini', '.mksh'),
                         mktree.CODE_DIRS + ('docs', '.ci'))
    paths += [name for name in sorted(os.listdir(top)) if name == 'dev' or name.endswith(('.md', '.build'))]
    for path in paths:
        for number, line in enumerate(mktree.read(top, path).splitlines(), 1):
            match = LATER.search(line)
            if match:
                yield f'{path}:{number}: {match.group(0)}: finish it or state it in CAVEATS.md'


def check_tested(top):
    tests = [path for path in mktree.files(top, ('.c', '.h'), ('tests',)) if not path.startswith('tests/meta/')]
    words = set()
    for path in tests:
        words.update(re.findall(r'\bmk_\w+', mktree.without_comments(mktree.read(top, path))))
    for path, line, name, _ in mktree.declarations(top):
        if name not in words:
            yield f'{path}:{line}: no test under tests/ uses {name}'


def main(arguments):
    if len(arguments) != 1:
        return mktree.fail_usage('words.py TOP')
    problems = [problem for check in (check_license, check_later, check_tested) for problem in check(arguments[0])]
    return mktree.finish(problems, 'licenses, words and tested functions are in order')


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
