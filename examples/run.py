#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compare what an example prints with what it should: run.py EXPECTED PROGRAM [ARGUMENT...]

With --readme instead: run.py --readme README.md FILE.c: the first C program of the text must be the file.
"""
import difflib
import re
import subprocess
import sys


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def compare(expected, got, expected_name, got_name):
    if expected == got:
        return 0
    sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True), got.splitlines(True), expected_name, got_name))
    return 1


def check_readme(readme, program):
    block = re.search(r'^```c\n(.*?)^```$', read(readme), re.M | re.S)
    if not block:
        print(f'{readme}: no block ```c')
        return 1
    return compare(read(program), block.group(1), program, readme)


def check_output(expected, command):
    run = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=100)
    status = compare(read(expected), run.stdout, expected, 'output')
    if run.returncode != 0:
        print(f'{command[0]} ended with status {run.returncode}')
        status = 1
    return status


def main(arguments):
    if len(arguments) == 3 and arguments[0] == '--readme':
        return check_readme(*arguments[1:])
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    return check_output(arguments[0], arguments[1:])


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
