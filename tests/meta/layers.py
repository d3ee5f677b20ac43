#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Check who includes whom, and that the kernel stays small: layers.py TOP

The layers of the core, each seeing itself, the lower ones and <mk/*.h>: base, host, kern, vm, policy, ipc, sys, look.
The kernel is kern, vm, ipc and sys; policy only chooses: which thread runs, which page goes; look only looks: listings,
reports, audits. Beside them rt, and above all of them
servers, examples, cli, tests/api, tests/stress and bench see <mk/*.h>, their own folder, the protocols of servers
(*_proto.h) and tests/mkt.h (tests only). Operating-system headers stand in src/host alone; servers, the command, tests
and benchmarks may use libc and their own libraries.
"""
import os
import re
import sys

import mktree

LAYERS = ('base', 'host', 'kern', 'vm', 'policy', 'ipc', 'sys', 'look')
KERNEL = ('kern', 'vm', 'ipc', 'sys')
KERNEL_LINES_MAX = 10000

BASE_HEADERS = {'stddef.h', 'stdint.h', 'stdbool.h', 'string.h', 'stdarg.h', 'stdio.h', 'limits.h'}
PUBLIC_HEADERS = {'stdarg.h', 'stddef.h', 'stdint.h', 'stdbool.h'}
OS_HEADERS = re.compile(
    r'(sys|linux|asm|arpa|net|netinet|elfutils|valgrind|sanitizer)/.*'
    r'|(signal|ucontext|pthread|unistd|fcntl|dlfcn|ev|elf|gelf|libelf|link|termios|poll|sched|semaphore|dirent|threads'
    r'|spawn|syscall|sysexits|execinfo|cpuid|\w*intrin|uv)\.h|urcu.*')

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.M)
ROOTS = ('include', 'src', 'servers', 'tests', '')


def area(path):
    """What the file belongs to, as (kind, folder)."""
    parts = path.split('/')
    if path.startswith('include/mk/'):
        return 'public', 'include/mk'
    if parts[0] == 'src' and len(parts) > 2:
        kind = 'layer' if parts[1] in LAYERS else parts[1]
        return kind, 'src/' + parts[1]
    if parts[0] == 'servers' and len(parts) > 2:
        return 'server', 'servers/' + parts[1]
    if parts[0] == 'tests' and len(parts) > 2 and parts[1] in ('unit', 'meta', 'fuzz'):
        return 'internal test', 'tests/' + parts[1]
    if parts[0] == 'tests':
        return 'test', '/'.join(parts[:2]) if len(parts) > 2 else 'tests'
    return parts[0], parts[0]


def resolve(path, quote, name, known):
    """The file of the tree that the include means, or None for one from outside."""
    places = [os.path.dirname(path)] if quote == '"' else []
    for place in places + list(ROOTS):
        candidate = os.path.normpath(os.path.join(place, name))
        if candidate in known:
            return candidate
    if quote == '"':  # found by an -I of the build
        matches = [candidate for candidate in known if candidate.endswith('/' + name)]
        if matches:
            return matches[0]
    return None


def judge_outside(kind, folder, quote, name):
    """Why a file of this kind may not include a header from outside the tree; None when it may."""
    if quote == '"':
        return 'is no file of the tree'
    if kind == 'layer' and folder == 'src/host':
        return None
    if kind == 'public':
        return None if name in PUBLIC_HEADERS else 'a public header includes only <mk/*.h> and std(arg|def|int|bool).h'
    if kind == 'layer' and folder == 'src/base':
        return None if name in BASE_HEADERS else 'base includes only ' + ', '.join(sorted(BASE_HEADERS))
    if kind in ('layer', 'rt') and OS_HEADERS.fullmatch(name):
        return 'operating-system headers belong to src/host'
    return None


def judge_inside(kind, folder, target):
    """Why a file of this kind may not include this file of the tree; None when it may."""
    target_kind, target_folder = area(target)
    if kind == 'internal test' or target_kind == 'public' or target_folder == folder:
        return None
    if kind == 'public':
        return 'a public header includes only <mk/*.h> and std(arg|def|int|bool).h'
    if kind == 'layer':
        own = folder.split('/')[1]
        if target_kind == 'layer' and LAYERS.index(target_folder.split('/')[1]) < LAYERS.index(own):
            return None
        lower = LAYERS[:LAYERS.index(own)]
        return f'{own} includes only itself, {"".join(layer + ", " for layer in lower)}<mk/*.h>'
    if kind != 'rt' and target.endswith('_proto.h') and target_kind == 'server':
        return None
    if kind == 'test' and target_folder == 'tests':
        return None
    return f'{folder} includes only <mk/*.h>, its own folder' + ('' if kind == 'rt' else ' and *_proto.h of servers')


def check(top):
    problems = []
    paths = mktree.files(top, ('.c', '.h', '.S', '.inc'))
    known = set(paths)
    for path in paths:
        kind, folder = area(path)
        text = mktree.without_comments(mktree.read(top, path))
        for match in INCLUDE.finditer(text):
            quote, name = match.groups()
            target = resolve(path, quote, name, known)
            why = judge_inside(kind, folder, target) if target else judge_outside(kind, folder, quote, name)
            if why:
                line = text.count('\n', 0, match.start(1)) + 1
                problems.append(f'{path}:{line}: includes {match.group(0).split("include", 1)[1].strip()}: {why}')
    return problems, len(paths)


def kernel_lines(top):
    """Lines of code, as seL4's 10,000 are counted: without blank lines and comments."""
    code = 0
    for layer in KERNEL:
        for path in mktree.files(top, ('.c', '.h', '.S', '.inc'), ('src/' + layer,)):
            text = re.sub(r'/\*.*?\*/', '', mktree.read(top, path), flags=re.DOTALL)
            code += sum(1 for line in text.split('\n') if line.strip())
    return code


def main(arguments):
    if len(arguments) != 1:
        return mktree.fail_usage('layers.py TOP')
    top = arguments[0]
    problems, nr_files = check(top)
    lines = kernel_lines(top)
    if lines > KERNEL_LINES_MAX:
        problems.append(f'src: the kernel ({", ".join(KERNEL)}) has {lines} lines of code, at most {KERNEL_LINES_MAX} are allowed')
    if not nr_files:
        problems.append(f'{top}: no C files found')
    return mktree.finish(problems, f'{nr_files} files keep the direction; the kernel has {lines} lines of code')


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
