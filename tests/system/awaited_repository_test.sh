#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The daemon is killed while it publishes, and comes up without the repository's disk: the finished copy is
# not thrown away, but published when the disk is there. With a real QEMU.
. "$(dirname "$0")/lib.sh"

make_disks vm1 vda
start_vm vm1 vda
write_config "$never"

is_at() # STEP
{
    vmkeep jobs --json | jq -e --arg step "$1" '.[-1].step == $step'
}

start_daemon
await_daemon
write_some vm1 5 vda
vmkeep run nightly --wait > /dev/null
stop_daemon

echo "- killed in publishing"
write_some vm1 5 vda
# Whoever takes the digest of the finished copy kills the daemon.
DAEMON_WRAP=(env "PATH=$tmp/bin:$PATH")
mkdir "$tmp/bin"
real=$(command -v qemu-img)
cat > "$tmp/bin/qemu-img" << KILLS
#!/bin/sh
case "\$*" in
map*.partial*) [ ! -e "$tmp/strike" ] || { kill -KILL "\$(cat "$tmp/pid")"; sleep 5; } ;;
esac
exec "$real" "\$@"
KILLS
chmod +x "$tmp/bin/qemu-img"
start_daemon
await_daemon
echo "${pids[daemon]}" > "$tmp/pid"
touch "$tmp/strike"
vmkeep run nightly --wait > /dev/null 2>&1 || true
wait "${pids[daemon]}" 2>/dev/null || true
unset "pids[daemon]"
is_at publishing > /dev/null || fail "it was not publishing: $(vmkeep jobs --json | jq -c '.[-1]')"
rm "$tmp/strike"
DAEMON_WRAP=(env)

echo "- up again without the repository: the copy waits"
mv "$tmp/repo" "$tmp/away"
start_daemon
await_daemon
wait_for 20 "the wait" is_at awaiting-repository
grep -q 'the copy is finished, but cannot be published' "$tmp/log" || fail "the log does not say so"

echo "- the repository is there again: published"
mv "$tmp/away" "$tmp/repo"
ended() { vmkeep jobs --json | jq -e '.[-1].state == "ended"'; }
wait_for 60 "the end of the job" ended
vmkeep jobs --json | jq -e '.[-1].outcome == "success"' > /dev/null || fail "$(vmkeep jobs --json | jq -c '.[-1]')"
last=$(points | jq -r '.[-1].id')
[ "$(points | jq -r '.[-1].kind')" = incremental ] || fail "points: $(points)"
[ "$(restored_state "$last" vm1 vda)" = 10 ] || fail "$last is not what the disk held"
vmkeep run nightly --wait > /dev/null || fail "no backup after it"
[ "$(points | jq -r '.[-1].kind')" = incremental ] || fail "the chain has not gone on"
stop_daemon
