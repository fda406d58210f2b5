#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The sessions of docs/backup-api.md, word for word.  They are its blocks "```console session=NAME"; those
# of one name are one session, run by one shell in the directory that the document describes.  Each
# "$ " line is a command (lines that begin with "> " belong to it); it must succeed, and print what
# stands below it, to standard output and standard error.  "..." stands for anything within a line, and
# no line is "..." alone.  And the document's tables of errors name texts that there are.
. "$(dirname "$0")/lib.sh"

"$(dirname "$0")/backup_api_errors.py" || fail "a text of the tables of errors is in no source"

doc=$(realpath "$(dirname "$0")/../../docs/backup-api.md")
VMS=web01
make_disks web01 vda vdb
start_vm web01 vda vdb
write_config "$never"
start_daemon
await_daemon
mkdir "$tmp/bin" "$tmp/session"
printf '#!/bin/sh\nexec "%s" --config "%s" "$@"\n' "$(realpath "$VMKEEP")" "$tmp/config" > "$tmp/bin/vmkeep"
cat > "$tmp/bin/guest-writes" << SH
#!/bin/sh
# QEMU tells of an error of qemu-io's in the text that it returns, which is empty otherwise.
said=\$("$(realpath "$WRITER")" qmp "$tmp/web01.test" human-monitor-command \\
    "{\"command-line\":\"qemu-io -d /machine/peripheral/\$1/virtio-backend \\\\\"\$2\\\\\"\"}")
[ "\$said" = '""' ] || { echo "\$said" >&2; exit 1; }
SH
chmod +x "$tmp/bin/vmkeep" "$tmp/bin/guest-writes"
for disk in vda vdb; do
    cp "$tmp/images/web01-$disk.raw" "$tmp/session/$disk.raw"
done
cd "$tmp/session"
PATH=$tmp/bin:$PATH python3 - "$doc" << 'PY' || fail "a session is not as the document says"
import os, re, signal, subprocess, sys

document = open(sys.argv[1]).read()
# Reads commands from descriptor 3, each ended by a NUL; says "NUL status" after each.
SHELL = r"""while IFS= read -r -d '' command <&3; do
    eval "$command" 3<&- < /dev/null
    printf '\0%d\n' $?
done"""
COMMAND_S = 60


def sessions():
    ret = {}
    for info, block in re.findall(r"^```console(.*?)\n(.*?)^```$", document, re.M | re.S):
        name = re.fullmatch(r" session=(\w+)", info)
        if not name:
            sys.exit("a console block belongs to no session:\n" + block)
        steps = ret.setdefault(name[1], [])
        for line in block.splitlines():
            if line.startswith("$ "):
                steps.append([line[2:], []])
            elif line.startswith("> "):
                steps[-1][0] += "\n" + line[2:]
            elif line.strip() == "...":
                sys.exit("a line of '...' alone says nothing")
            else:
                steps[-1][1].append(line)
    return ret


class Shell:
    def __init__(self):
        self.commands, end = os.pipe()[::-1]
        os.dup2(end, 3)
        self.shell = subprocess.Popen(["bash", "-c", SHELL], pass_fds=[3], stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, start_new_session=True)

    def run(self, command):
        os.write(self.commands, command.encode() + b"\0")
        signal.alarm(COMMAND_S)
        said = b""
        while not re.search(rb"\0\d+\n$", said):
            part = os.read(self.shell.stdout.fileno(), 65536)
            if not part:
                sys.exit("the shell ended in: " + command)
            said += part
        signal.alarm(0)
        text, status = said.rsplit(b"\0", 1)
        return text.decode().splitlines(), int(status)

    def end(self):
        os.close(self.commands)
        self.shell.wait()


def too_long(*_):
    raise TimeoutError


def play(name, steps):
    shell, bad = Shell(), 0
    for command, expected in steps:
        try:
            lines, status = shell.run(command)
        except TimeoutError:
            os.killpg(shell.shell.pid, signal.SIGKILL)
            sys.exit(f"{name}: $ {command}\n--- did not end in {COMMAND_S} s")
        pattern = "\n".join(re.escape(e).replace(r"\.\.\.", ".*") for e in expected)
        if status != 0 or not re.fullmatch(pattern, "\n".join(lines)):
            print(f"{name}: $ {command}\n--- the document:", *expected, f"--- now, with status {status}:",
                  *lines, sep="\n")
            bad += 1
    shell.end()
    print(f"{name}: {len(steps)} commands, {bad} not as they stand there")
    return bad


signal.signal(signal.SIGALRM, too_long)
found = sessions()
if sorted(found) != ["pull", "push"]:
    sys.exit(f"the sessions are {sorted(found)}")
sys.exit(sum(play(name, found[name]) for name in ["push", "pull"]) != 0)
PY
cd "$OLDPWD"
stop_daemon
stop_vm web01
echo "all as it should be"
