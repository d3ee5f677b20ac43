#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write text files as C strings: embed.py OUT.c FILE...

FILE dir/server.c.in becomes `const char template_server_c[]`.
"""
import os
import re
import sys


def c_string(text):
    escaped = text.replace('\\', '\\\\').replace('"', '\\"')
    return '\n'.join(f'    "{line}\\n"' for line in escaped.splitlines())


def main(arguments):
    if len(arguments) < 2:
        print('usage: embed.py OUT.c FILE...', file=sys.stderr)
        return 2
    with open(arguments[0], 'w', encoding='utf-8') as out:
        out.write('/* SPDX-License-Identifier: BSD-2-Clause */\n/* Made from templates/ by embed.py. */\n'
                  '#include "templates.h"\n')
        for path in arguments[1:]:
            name = re.sub(r'\W', '_', os.path.basename(path).removesuffix('.in'))
            with open(path, encoding='utf-8') as template:
                out.write(f'\nconst char template_{name}[] =\n{c_string(template.read())};\n')
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
