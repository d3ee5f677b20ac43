# SPDX-License-Identifier: BSD-2-Clause
"""What the documents show of the shell and of commands is what is printed: sessions.py MK TOP [--write]

The lines "$ command" of the blocks of README.md under "Things to try in the shell" are one run of MK, in order; what it
prints must be the other lines of these blocks. In the other documents each line "$ mk ..." is a command of its own, and
what it prints stands below it. --write puts it there; in README.md where as many lines are.
"""
import difflib
import os
import re
import shlex
import subprocess
import sys

TITLE = "Things to try in the shell"
COMMANDS = ("docs/sched.md", "docs/man/mk-sched.1", "docs/man/mk-refs.1")


def run(mk, top, arguments):
    return subprocess.run([mk, *arguments], cwd=top, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          timeout=60, check=False)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def differ(name, shown, printed):
    for line in difflib.unified_diff(shown, printed, name, "what is printed", lineterm=""):
        print(line)
    return shown != printed


def check_shell(mk, top, is_writing):
    path = os.path.join(top, "README.md")
    text = read(path)
    section = re.search(rf"^## {TITLE}\n(.*?)(^## |\Z)", text, re.M | re.S).group(1)
    blocks = re.findall(r"(?m)^    \$ .*\n(?:    .*\n)*", section)
    lines = [line[4:] for line in "".join(blocks).splitlines()]
    commands = [line[2:] for line in lines if line.startswith("$ ")]
    shown = [line for line in lines if not line.startswith("$ ")]
    if not commands or not shown:
        sys.exit(f"README.md: no sessions under '{TITLE}'")
    done = run(mk, top, ["run", "examples/boot/demo.ini", "-c", "\n".join(commands)])
    if done.returncode:
        sys.exit(f"mk ended with status {done.returncode}")
    printed = done.stdout.splitlines()
    if is_writing and len(printed) == len(shown):
        rest = iter(printed)
        for block in blocks:
            text = text.replace(block, "".join(
                line if line.startswith("    $ ") else f"    {next(rest)}\n" for line in block.splitlines(True)), 1)
        write(path, text)
        return False
    return differ("README.md", shown, printed)


def session(mk, top, command, indent):
    """The lines of a command and of what it prints, as a document has them."""
    done = run(mk, top, shlex.split(command)[1:])
    if done.returncode:
        sys.exit(f"{command}: status {done.returncode}")
    return [f"{indent}$ {command}"] + [(indent + line).rstrip() for line in done.stdout.splitlines()]


def check_commands(mk, top, name, is_writing):
    """A session ends before the next command, and where its block ends: at .Ed, or at text that is not indented."""
    path = os.path.join(top, name)
    is_page = not name.endswith(".md")
    indent, end = ("", r"\.Ed") if is_page else ("    ", r"\S")
    lines, fresh = read(path).splitlines(), []
    found = 0
    while lines:
        line = lines.pop(0)
        if not line.startswith(f"{indent}$ mk "):
            fresh.append(line)
            continue
        found += 1
        fresh += session(mk, top, line[len(indent) + 2:], indent)
        while lines and not re.match(end, lines[0]) and not lines[0].startswith(f"{indent}$ "):
            lines.pop(0)
        if lines and not is_page and not lines[0].startswith(indent):
            fresh.append("")
    if not found:
        sys.exit(f"{name}: no sessions")
    text = "\n".join(fresh) + "\n"
    if is_writing:
        write(path, text)
        return False
    return differ(name, read(path).splitlines(), fresh)


def main(mk, top, *options):
    is_writing = "--write" in options
    wrong = [check_shell(mk, top, is_writing)]
    wrong += [check_commands(mk, top, name, is_writing) for name in COMMANDS]
    return any(wrong)


if __name__ == "__main__":
    sys.exit(main(*(os.path.abspath(argument) for argument in sys.argv[1:3]), *sys.argv[3:]))
