#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Sum up meson's results: summary.py TESTLOG.json...

Prints what failed with its output and closes with the line `N passed, N failed`. The exit status is 1 when a test
failed, when a log is missing, or when no test ran.
"""
import json
import sys

PASSED = {'OK', 'EXPECTEDFAIL'}
SKIPPED = {'SKIP', 'IGNORED'}
OUTPUT_LINES = 200  # of a failed test, its last ones


def read_results(path):
    """The results in one log, a JSON object a line; one that stands for the log when it cannot be read."""
    try:
        with open(path, encoding='utf-8', errors='replace') as log:
            results = [json.loads(line) for line in log if line.strip()]
    except (OSError, ValueError) as error:
        return [{'name': path, 'result': 'ERROR', 'stdout': f'no results: {error}'}]
    return results


def tail(text):
    lines = text.splitlines()
    dropped = len(lines) - OUTPUT_LINES
    if dropped > 0:
        lines = [f'... {dropped} lines before this ...'] + lines[-OUTPUT_LINES:]
    return '\n'.join('    ' + line for line in lines)


def report(result):
    print(f'{result["result"]}: {result["name"]} (exit status {result.get("returncode", "?")}, '
          f'{result.get("duration", 0):.1f} s)')
    if result.get('command'):
        print('    $ ' + ' '.join(result['command']))
    for stream in ('stdout', 'stderr'):
        if result.get(stream):
            print(tail(result[stream]))
    print()


def main(paths):
    results = [result for path in paths for result in read_results(path)]
    skipped = [result for result in results if result['result'] in SKIPPED]
    failed = [result for result in results if result['result'] not in PASSED | SKIPPED]
    for result in failed:
        report(result)
    if not results:
        print('no test ran')
    line = f'{len(results) - len(failed) - len(skipped)} passed, {len(failed)} failed'
    print(line + (f', {len(skipped)} skipped' if skipped else ''))
    return 1 if failed or not results else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
