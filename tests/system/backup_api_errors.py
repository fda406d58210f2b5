#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# The tables of errors in docs/backup-api.md: each text of theirs is in the source.  What differs from
# case to case (names in capitals, what stands in brackets), and where a text is put together of
# several, is left out of the comparison.
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# A line of a table: exit status, text, and, far to the right, what it is about.
LINE = re.compile(r"^    [A-Z]  (\S.*?)(?:  +\(.*)?$", re.M)
VARIABLE = re.compile(r"\[[^]]*\]|<[^>]*>|\b[a-z/]+='[^']*'|'[A-Za-z0-9/ ]+'|\b[A-Z][A-Z+/-]*\b|\d+"
                      r"|\.\.\.|: |\braw\b|\b(?:is|a|an|the|in|of)\b|[=(]")
OF_OTHERS = ("Image", "No such file", "Read-only", "Source and target")  # what QEMU and the system say
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
FORMAT = re.compile(r"%[-0-9.*]*(?:ll|z|j|h)*[a-zA-Z]")
LEAST = 10  # shorter pieces are everywhere


def source():
    ret = []
    for folder in ("engine", "jobs", "scheduler", "storage", "policies", "daemon", "base", "helpers"):
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            text = re.sub(r'"\s*(?:PRI[a-z]+(?:64|32|16)|SHOWN)?\s*"', "", path.read_text())
            ret += [s.replace('\\"', '"') for s in STRING.findall(text)]
    return ret


def main():
    said = "\0".join(FORMAT.sub("\1", s) for s in source())
    document = (ROOT / "docs/backup-api.md").read_text()
    missing = []
    lines = LINE.findall(document)
    for line in lines:
        for piece in VARIABLE.split(line):
            piece = piece.strip(" ':;,<>()=./")
            if len(piece) >= LEAST and not piece.startswith(OF_OTHERS) and piece not in said:
                missing.append(f"{line}\n    no text has: {piece!r}")
    if len(lines) < 100:
        sys.exit("docs/backup-api.md: the tables of errors are not where they were")
    if missing:
        sys.exit("docs/backup-api.md:\n" + "\n".join(missing))


main()
