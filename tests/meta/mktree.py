# SPDX-License-Identifier: BSD-2-Clause
"""What the checks of the source tree share."""
import os
import re
import sys

CODE_DIRS = ('include', 'src', 'servers', 'examples', 'tests', 'bench')


def files(top, suffixes, dirs=CODE_DIRS):
    """Paths, relative to top, of the files under dirs that end in one of the suffixes."""
    found = []
    for start in dirs:
        for folder, subfolders, names in os.walk(os.path.join(top, start)):
            subfolders[:] = [name for name in subfolders if not name.startswith(('build', '.', '__'))]
            found += [os.path.relpath(os.path.join(folder, name), top) for name in names if name.endswith(suffixes)]
    return sorted(found)


def read(top, path):
    with open(os.path.join(top, path), encoding='utf-8', errors='replace') as file:
        return file.read()


def without_comments(text):
    """C text with comments blanked, lines kept; strings are respected."""
    def blank(match):
        token = match.group(0)
        return re.sub(r'[^\n]', ' ', token) if token.startswith('/') else token
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def without_macros(text):
    """C text with preprocessor lines blanked, lines kept."""
    return re.sub(r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', lambda match: '\n' * match.group(0).count('\n'), text, flags=re.M)


def without_bodies(text):
    """C text with what stands in braces blanked, except that of extern "C"."""
    depth, result = 0, []
    text = re.sub(r'extern\s+"C"\s*\{', '', text)
    for char in text:
        if char == '}':
            depth = max(depth - 1, 0)
        result.append(char if depth == 0 or char == '\n' else ' ')
        if char == '{':
            depth += 1
    return ''.join(result)


def declarations(top):
    """(path, line, name, has_api) for each function or variable mk_* that a header in include/mk declares."""
    found = []
    for path in files(top, ('.h',), ('include/mk',)):
        text = without_bodies(without_macros(without_comments(read(top, path))))
        start = 0
        for end in [match.start() for match in re.finditer(r';', text)] + [len(text)]:
            statement = text[start:end]
            line = text.count('\n', 0, start + len(statement) - len(statement.lstrip())) + 1
            start = end + 1
            has_api = re.search(r'\bMK_API\b', statement) is not None
            if re.search(r'\b(typedef|static)\b', statement):
                continue
            name = re.search(r'\b(mk_\w+)\s*\(', statement)
            if name is None and has_api:
                name = re.search(r'\b(mk_\w+)\s*(?:\[[^]]*\])?\s*$', statement)
            if name:
                found.append((path, line, name.group(1), has_api))
    return found


def finish(problems, summary):
    """Print the problems, or the summary when there are none; the exit status."""
    for problem in problems:
        print(problem)
    if problems:
        print(f'FAIL: {len(problems)} problem{"s" if len(problems) != 1 else ""}')
        return 1
    print(summary)
    return 0


def fail_usage(text):
    print(f'usage: {text}', file=sys.stderr)
    return 2
