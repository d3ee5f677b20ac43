#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Check that failures are seen: runner.py MUST_FAIL

Each case of must_fail.c must end with the exit status and the words that a failed test has, and summary.py must count
what meson reports.
"""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

# case: (must fail, words of which its output has one)
CASES = {
    'passes': (False, ['1 test(s) run']),
    'skips': (False, ['SKIPPED']),
    'asserts': (True, ['1 != 2', '0x1 != 0x2']),
    'crashes': (True, ['Segmentation fault', 'SEGV']),
    'aborts': (True, []),
    'leaks': (True, ['leaked']),
}

# (results, exit status, last line)
SUMMARIES = [
    (['OK', 'OK'], 0, '2 passed, 0 failed'),
    (['OK', 'SKIP', 'EXPECTEDFAIL'], 0, '2 passed, 0 failed, 1 skipped'),
    (['OK', 'FAIL'], 1, '1 passed, 1 failed'),
    (['TIMEOUT', 'ERROR', 'INTERRUPT', 'UNEXPECTEDPASS'], 1, '0 passed, 4 failed'),
    ([], 1, '0 passed, 0 failed'),
    (None, 1, '0 passed, 1 failed'),
]


def check_case(program, case):
    must_fail, words = CASES[case]
    run = subprocess.run([program, case], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    output = run.stdout + run.stderr
    problems = []
    if (run.returncode != 0) != must_fail:
        problems.append(f'{case}: ended with status {run.returncode}')
    if run.returncode == 2:
        problems.append(f'{case}: is not known to {program}')
    if words and not any(word in output for word in words):
        problems.append(f'{case}: says none of {words}')
    return [f'{problem}\n{output}' for problem in problems]


def check_summary(results, status, last_line):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'testlog.json')
        if results is not None:
            with open(path, 'w', encoding='utf-8') as log:
                for result in results:
                    log.write(json.dumps({'name': 'a', 'result': result, 'stdout': f'said in {result}', 'command': ['a']}))
                    log.write('\n')
        run = subprocess.run([sys.executable, '-B', os.path.join(HERE, 'summary.py'), path],
                             capture_output=True, text=True, check=False)
    lines = run.stdout.splitlines()
    if run.returncode != status or not lines or lines[-1] != last_line:
        return [f'summary of {results}: status {run.returncode}, expected {status} and "{last_line}"\n{run.stdout}{run.stderr}']
    unsaid = [result for result in results or [] if result not in ('OK', 'SKIP', 'EXPECTEDFAIL')
              and f'said in {result}' not in run.stdout]
    return [f'summary of {results}: does not show the output of {unsaid}'] if unsaid else []


def main(arguments):
    if len(arguments) != 1:
        print('usage: runner.py MUST_FAIL', file=sys.stderr)
        return 2
    problems = [problem for case in CASES for problem in check_case(arguments[0], case)]
    problems += [problem for summary in SUMMARIES for problem in check_summary(*summary)]
    for problem in problems:
        print(problem)
    print(f'{len(CASES)} cases, {len(SUMMARIES)} summaries, {len(problems)} problems')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
