#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Check the checks: each must pass on a small sound tree and fail, naming file and line, on one planted fault.

planted.py COMPILER...
"""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SPDX = '/* SPDX-License-Identifier: BSD-2-Clause */\n'
LATER = 'TO' + 'DO'

SOUND = {
    'include/mk/a.h': SPDX + '''#ifndef MK_A_H
#define MK_A_H
#include <stdint.h>
#define MK_API __attribute__((visibility("default")))
#define MK_PRINTF(f, a) __attribute__((format(printf, f, a)))
#ifdef __cplusplus
extern "C" {
#endif
struct mk_a { int (*go)(int x); };
typedef void (*mk_a_fn)(int x);
/* mk_a_old() was here; */
MK_API int mk_a_go(struct mk_a *a,
                   int x);
MK_API void mk_a_log(const char *format, ...) MK_PRINTF(1, 2);
MK_API extern const int mk_a_count;
#ifdef __cplusplus
}
#endif
#endif
''',
    'include/mk/b.h': SPDX + '#ifndef MK_B_H\n#define MK_B_H\n#include <mk/a.h>\n#endif\n',
    'src/base/list.h': SPDX + '#include <stddef.h>\n',
    'src/host/trap.c': SPDX + '#include "base/list.h"\n#include <signal.h>\n#include <sys/mman.h>\n',
    'src/host/trap.h': SPDX,
    'src/kern/thread.h': SPDX,
    'src/kern/thread.c': SPDX + '#include "thread.h"\n#include "host/trap.h"\n#include <mk/a.h>\n',
    'src/ipc/port.h': SPDX,
    'src/sys/boot.c': SPDX + '#include "ipc/port.h"\n/* #include <unistd.h> */\n',
    'src/rt/heap.c': SPDX + '#include <mk/a.h>\n#include <string.h>\n',
    'servers/one/one.c': SPDX + '#include <mk/a.h>\n#include "../two/two_proto.h"\n#include <stdlib.h>\n',
    'servers/two/two_proto.h': SPDX,
    'servers/two/private.h': SPDX,
    'src/cli/mk.c': SPDX + '#include <mk/b.h>\n#include <unistd.h>\n#include <jansson.h>\n',
    'tests/mkt.h': SPDX + '#include <mk/a.h>\n',
    'tests/unit/test_list.c': SPDX + '#include "base/list.h"\n',
    'tests/api/test_a.c': SPDX + '#include "mkt.h"\nint go(void) { mk_a_log(""); return mk_a_go(0, 0) + mk_a_count; }\n',
}

# (check, file, text that is added to it, what the check must say)
PLANTED = [
    ('layers', 'src/base/list.h', '#include <unistd.h>\n', 'src/base/list.h:3: includes <unistd.h>'),
    ('layers', 'src/base/list.h', '#include <stdlib.h>\n', 'src/base/list.h:3: includes <stdlib.h>'),
    ('layers', 'src/base/list.h', '#include "kern/thread.h"\n', 'src/base/list.h:3: includes "kern/thread.h"'),
    ('layers', 'src/host/trap.h', '#include "kern/thread.h"\n', 'src/host/trap.h:2: includes "kern/thread.h"'),
    ('layers', 'src/kern/thread.h', '#include "ipc/port.h"\n', 'src/kern/thread.h:2: includes "ipc/port.h"'),
    ('layers', 'src/kern/thread.h', '#include <ipc/port.h>\n', 'src/kern/thread.h:2: includes <ipc/port.h>'),
    ('layers', 'src/kern/thread.h', '#  include <sys/mman.h>\n', 'src/kern/thread.h:2: includes <sys/mman.h>'),
    ('layers', 'src/vm/map.c', SPDX + '\n#include <pthread.h>\n', 'src/vm/map.c:3: includes <pthread.h>'),
    ('layers', 'src/ipc/port.h', '#include <urcu/rculist.h>\n', 'src/ipc/port.h:2: includes <urcu/rculist.h>'),
    ('layers', 'src/sys/boot.c', '#include <ev.h>\n', 'src/sys/boot.c:4: includes <ev.h>'),
    ('layers', 'src/sys/boot.c', '#include "nowhere.h"\n', 'src/sys/boot.c:4: includes "nowhere.h"'),
    ('layers', 'src/rt/heap.c', '#include "kern/thread.h"\n', 'src/rt/heap.c:4: includes "kern/thread.h"'),
    ('layers', 'src/rt/heap.c', '#include <fcntl.h>\n', 'src/rt/heap.c:4: includes <fcntl.h>'),
    ('layers', 'src/cli/mk.c', '#include "base/list.h"\n', 'src/cli/mk.c:5: includes "base/list.h"'),
    ('layers', 'servers/one/one.c', '#include "../two/private.h"\n', 'servers/one/one.c:5: includes "../two/private.h"'),
    ('layers', 'servers/one/one.c', '#include "kern/thread.h"\n', 'servers/one/one.c:5: includes "kern/thread.h"'),
    ('layers', 'tests/api/test_a.c', '#include "kern/thread.h"\n', 'tests/api/test_a.c:4: includes "kern/thread.h"'),
    ('layers', 'examples/e.c', SPDX + '#include "base/list.h"\n', 'examples/e.c:2: includes "base/list.h"'),
    ('layers', 'include/mk/b.h', '#include <stdio.h>\n', 'include/mk/b.h:6: includes <stdio.h>'),
    ('layers', 'include/mk/b.h', '#include "base/list.h"\n', 'include/mk/b.h:6: includes "base/list.h"'),
    ('layers', 'src/kern/big.c', SPDX + ';\n' * 10000, 'the kernel (kern, vm, ipc, sys) has 100'),
    ('words', 'src/kern/new.c', 'int x;\n', 'src/kern/new.c:1: the first line does not hold'),
    ('words', 'src/kern/thread.c', f'/* {LATER}: later */\n', f'src/kern/thread.c:5: {LATER}'),
    ('words', 'README.md', f'\n{LATER}\n', f'README.md:2: {LATER}'),
    ('words', 'include/mk/b.h', 'MK_API void mk_b_go(void);\n', 'include/mk/b.h:6: no test under tests/ uses mk_b_go'),
    ('words', 'include/mk/b.h', 'MK_API void mk_a_o(void);\n', 'include/mk/b.h:6: no test under tests/ uses mk_a_o'),
    ('c', 'include/mk/b.h', 'size_t mk_b_go(void);\n', 'include/mk/b.h: does not compile alone'),
    ('c', 'include/mk/b.h', 'int mk_b_go();\nstruct mk_b {};\n', 'include/mk/b.h: does not compile alone'),
    ('c', 'include/mk/b.h', 'enum mk_b { MK_B };\n', 'include/mk/b.h: does not compile alone'),  # outside the guard
    ('c++', 'include/mk/b.h', 'int mk_b_go(int class);\n', 'include/mk/b.h: does not compile alone'),
    ('symbols', 'lib.c', 'PUBLIC int stray;\n', 'exports stray, which is not mk_'),
    ('symbols', 'include/mk/b.h', 'MK_API void mk_b_go(void);\n', 'include/mk/b.h:6: mk_b_go is declared but not exported'),
    ('symbols', 'include/mk/b.h', 'void mk_b_go(void);\n', 'include/mk/b.h:6: mk_b_go is declared without MK_API'),
]

LIBRARY = '''#define PUBLIC __attribute__((visibility("default")))
PUBLIC int mk_a_go(void *a, int x) { return x; }
PUBLIC void mk_a_log(const char *format, ...) {}
PUBLIC const int mk_a_count = 1;
int hidden;
'''


def write_tree(top, extra_path=None, extra_text=''):
    tree = dict(SOUND, **{'lib.c': LIBRARY})
    if extra_path:
        tree[extra_path] = tree.get(extra_path, '') + extra_text
    for path, text in tree.items():
        full = os.path.join(top, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, 'w', encoding='utf-8') as file:
            file.write(text)


def run_check(check, top, compiler):
    """(exit status, output) of one check on the tree."""
    if check in ('c', 'c++'):
        command = ['headers.py', top, check] + (compiler if check == 'c' else [])
    elif check == 'symbols':
        library = os.path.join(top, 'libmk.so')
        subprocess.run(compiler + ['-w', '-shared', '-fPIC', '-fvisibility=hidden', os.path.join(top, 'lib.c'), '-o', library],
                       check=True)
        command = ['symbols.py', top, library]
    else:
        command = [check + '.py', top]
    run = subprocess.run([sys.executable, '-B', os.path.join(HERE, command[0])] + command[1:],
                         capture_output=True, text=True, check=False)
    return run.returncode, run.stdout + run.stderr


def try_check(check, compiler, planted):
    """What is wrong with the check, or None. planted: (file, text, expected words), or None for the sound tree."""
    with tempfile.TemporaryDirectory() as top:
        write_tree(top, *(planted[:2] if planted else ()))
        status, output = run_check(check, top, compiler)
    if status == 77:
        return None
    if planted is None:
        return None if status == 0 else f'{check} fails on the sound tree ({status}):\n{output}'
    if status == 1 and planted[2] in output:
        return None
    return f'{check}: {planted[1]!r} in {planted[0]}: expected status 1 and "{planted[2]}", got {status}:\n{output}'


def main(arguments):
    compiler = arguments or ['cc']
    cases = [(check, None) for check in ('layers', 'words', 'c', 'c++', 'symbols')]
    cases += [(check, planted) for check, *planted in PLANTED]
    complaints = [complaint for check, planted in cases if (complaint := try_check(check, compiler, planted))]
    for complaint in complaints:
        print(complaint)
    print(f'{len(cases) - len(complaints)} of {len(cases)} cases as expected')
    return 1 if complaints else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
