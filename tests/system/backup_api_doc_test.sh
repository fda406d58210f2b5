#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The sessions of docs/backup-api.md, word for word: each "$ " line is run (lines that begin with "> "
# belong to it), and what it prints must be what stands below it; "..." stands for anything.
. "$(dirname "$0")/lib.sh"

doc=$(realpath "$(dirname "$0")/../../docs/backup-api.md")
VMS=web01
make_disks web01 vda vdb
start_vm web01 vda vdb
write_config "$never"
start_daemon
await_daemon
mkdir "$tmp/bin" "$tmp/session"
printf '#!/bin/sh\nexec "%s" --config "%s" "$@"\n' "$(realpath "$VMKEEP")" "$tmp/config" > "$tmp/bin/vmkeep"
printf '#!/bin/sh\nexec "%s" qmp "%s" human-monitor-command "{\\"command-line\\":\\"qemu-io -d /machine/peripheral/$1/virtio-backend \\\\\\"$2\\\\\\"\\"}" > /dev/null\n' \
    "$(realpath "$WRITER")" "$tmp/web01.test" > "$tmp/bin/guest-writes"
chmod +x "$tmp/bin/vmkeep" "$tmp/bin/guest-writes"
cd "$tmp/session"
PATH=$tmp/bin:$PATH python3 - "$doc" << 'PY' || fail "a session is not as the document says"
import re, subprocess, sys

blocks = re.findall(r"^```console\n(.*?)^```$", open(sys.argv[1]).read(), re.M | re.S)
steps = []
for block in blocks:
    for line in block.splitlines():
        if line.startswith("$ "):
            steps.append([line[2:], []])
        elif line.startswith("> "):
            steps[-1][0] += "\n" + line[2:]
        else:
            steps[-1][1].append(line)
bad = 0
for command, expected in steps:
    got = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    lines = (got.stdout + got.stderr).splitlines()
    pattern = "\n".join(re.escape(e).replace(r"\.\.\.", ".*") for e in expected)
    if not re.fullmatch(pattern, "\n".join(lines)):
        print("$ " + command + "\n--- the document:\n" + "\n".join(expected) + "\n--- now:\n" + "\n".join(lines))
        bad += 1
print(f"{len(steps)} commands, {bad} not as they stand there")
sys.exit(bad != 0 or len(steps) < 20)
PY
cd "$OLDPWD"
stop_daemon
stop_vm web01
echo "all as it should be"
