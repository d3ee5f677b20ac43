# SPDX-License-Identifier: BSD-2-Clause
"""What README.md shows of the shell is what it prints: sessions.py MK TOP [--write]

The lines "$ command" of the blocks under "Things to try in the shell" are one run of MK, in order; what it prints must
be the other lines of these blocks. --write puts it there, where as many lines are.
"""
import difflib
import os
import re
import subprocess
import sys

TITLE = "Things to try in the shell"


def main(mk, top, *options):
    path = os.path.join(top, "README.md")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    section = re.search(rf"^## {TITLE}\n(.*?)(^## |\Z)", text, re.M | re.S).group(1)
    blocks = re.findall(r"(?m)^    \$ .*\n(?:    .*\n)*", section)
    lines = [line[4:] for line in "".join(blocks).splitlines()]
    commands = [line[2:] for line in lines if line.startswith("$ ")]
    shown = [line for line in lines if not line.startswith("$ ")]
    if not commands or not shown:
        sys.exit(f"README.md: no sessions under '{TITLE}'")
    done = subprocess.run([mk, "run", "examples/boot/demo.ini", "-c", "\n".join(commands)], cwd=top, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60, check=False)
    if done.returncode:
        sys.exit(f"mk ended with status {done.returncode}")
    printed = done.stdout.splitlines()
    if "--write" in options and len(printed) == len(shown):
        rest = iter(printed)
        for block in blocks:
            text = text.replace(block, "".join(
                line if line.startswith("    $ ") else f"    {next(rest)}\n" for line in block.splitlines(True)), 1)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return 0
    for line in difflib.unified_diff(shown, printed, "README.md", "what is printed", lineterm=""):
        print(line)
    return shown != printed


if __name__ == "__main__":
    sys.exit(main(*(os.path.abspath(argument) for argument in sys.argv[1:3]), *sys.argv[3:]))
