#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Check what the library exports: symbols.py TOP LIBMK.so

Only mk_ symbols, and each one that a public header declares; each declaration there carries MK_API.
"""
import subprocess
import sys

import mktree

# The linker's and the sanitizers' own.
FOREIGN = ('_init', '_fini', '_end', '_edata', '__bss_start')
FOREIGN_PREFIXES = ('__odr_asan', '__asan_', '__ubsan_', '__tsan_', '__start_', '__stop_')


def exported(library):
    lines = subprocess.run(['nm', '-D', '--defined-only', library], check=True, capture_output=True, text=True).stdout
    names = [line.split()[-1].split('@')[0] for line in lines.splitlines() if line.strip()]
    return {name for name in names if name not in FOREIGN and not name.startswith(FOREIGN_PREFIXES)}


def main(arguments):
    if len(arguments) != 2:
        return mktree.fail_usage('symbols.py TOP LIBMK.so')
    top, library = arguments
    try:
        names = exported(library)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f'FAIL: {library}: {getattr(error, "stderr", None) or error}')
        return 1
    problems = [f'{library}: exports {name}, which is not mk_' for name in sorted(names) if not name.startswith('mk_')]
    declared = mktree.declarations(top)
    for path, line, name, has_api in declared:
        if not has_api:
            problems.append(f'{path}:{line}: {name} is declared without MK_API')
        elif name not in names:
            problems.append(f'{path}:{line}: {name} is declared but not exported by {library}')
    if not declared:
        problems.append('include/mk: no declarations found')
    return mktree.finish(problems, f'{len(declared)} declared symbols are exported, and nothing but mk_')


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
