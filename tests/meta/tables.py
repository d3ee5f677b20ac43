# SPDX-License-Identifier: BSD-2-Clause
"""The table of mk-campaign(1) is what the command above it prints: tables.py MK TOP [--write]

--write puts it there.
"""
import difflib
import os
import re
import shlex
import subprocess
import sys

PAGE = "docs/man/mk-campaign.1"
SESSION = re.compile(r"(?ms)^(\$ (mk campaign [^\n]* --faults \d+[^\n]*)\n)(.*?)(?=^\.Ed$)")


def main(mk, top, *options):
    path = os.path.join(top, PAGE)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    session = SESSION.search(text[text.index(".Sh EXAMPLES"):])
    if not session:
        sys.exit(f"{PAGE}: no session under EXAMPLES")
    done = subprocess.run([mk, *shlex.split(session.group(2))[1:]], cwd=top, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, timeout=250, check=False)
    if done.returncode:
        sys.exit(f"{session.group(2)} ended with status {done.returncode}")
    shown, printed = session.group(3), done.stdout.replace("\\", "\\e")
    if "--write" in options:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(session.group(0), session.group(1) + printed))
        return 0
    for line in difflib.unified_diff(shown.splitlines(), printed.splitlines(), PAGE, "what is printed", lineterm=""):
        print(line)
    return int(shown != printed)


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), *sys.argv[2:]))
