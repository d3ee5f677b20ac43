#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Check that each public header compiles alone: headers.py TOP c COMPILER... | headers.py TOP c++

As C11 by the given compiler, as C++17 by $CXX, g++ or clang++ (exit status 77, skipped, without one).
"""
import os
import shutil
import subprocess
import sys

import mktree

FLAGS = ['-Wall', '-Wextra', '-Wpedantic', '-Werror', '-fsyntax-only']
LANGUAGES = {'c': ['-std=c11', '-xc'], 'c++': ['-std=c++17', '-xc++']}


def cxx_compiler():
    for name in (os.environ.get('CXX', ''), 'g++', 'clang++'):
        words = name.split()
        if words and shutil.which(words[0]):
            return words
    return None


def compile_alone(compiler, language, top, header):
    """The compiler's complaint, or ''."""
    # Twice: a header without its guard is found too.
    source = f'#include <mk/{header}>\n#include <mk/{header}>\nextern int mk_headers_test_;\n'
    run = subprocess.run(compiler + LANGUAGES[language] + FLAGS + ['-I', os.path.join(top, 'include'), '-'],
                         input=source, capture_output=True, text=True, check=False)
    return '' if run.returncode == 0 else (run.stderr or f'exit status {run.returncode}').rstrip()


def main(arguments):
    if len(arguments) < 2 or arguments[1] not in LANGUAGES:
        return mktree.fail_usage('headers.py TOP c COMPILER... | headers.py TOP c++')
    top, language = arguments[0], arguments[1]
    compiler = arguments[2:] or (cxx_compiler() if language == 'c++' else ['cc'])
    if not compiler:
        print('skipped: no C++ compiler ($CXX, g++, clang++)')
        return 77
    headers = [os.path.basename(path) for path in mktree.files(top, ('.h',), ('include/mk',))]
    problems = []
    for header in headers:
        complaint = compile_alone(compiler, language, top, header)
        if complaint:
            problems.append(f'include/mk/{header}: does not compile alone with {" ".join(compiler)}:\n{complaint}')
    if not headers:
        problems.append('include/mk: no headers found')
    return mktree.finish(problems, f'{len(headers)} headers compile alone as {language}')


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
