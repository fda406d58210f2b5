#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A pull that is cancelled, or whose mover, daemon or QEMU is killed in the middle: nothing is left
# behind, no half point is made, and the next backup lacks nothing.
. "$(dirname "$0")/lib.sh"

make_disks vm1 vda vdb
start_vm vm1 vda vdb

# pull_config SCHEDULE [MORE]: keys of the policy.
pull_config()
{
    write_config "$1"
    {
        echo "    mode: pull"
        echo "    scratch: $tmp/scratch"
        [ -z "${2:-}" ] || printf '    %s\n' "$2"
    } >> "$tmp/config"
}

last_point()
{
    points | jq -r ".[-1].$1"
}

nothing_is_left()
{
    [ -z "$(ls -A "$tmp/scratch")" ] || fail "scratch space is left: $(ls "$tmp/scratch")"
    [ "$("$WRITER" qmp "$tmp/vm1.test" query-block-exports | jq length)" = 0 ] || fail "an export is left"
    ! compgen -G "$tmp/repo/lab/vm1/*.partial" > /dev/null || fail "a partial point is left"
}

# Of the mover that the daemon runs, and of its qemu-nbd.
mover_pid()
{
    mover=$(pgrep -P "${pids[daemon]}" -x vmkeep-mover)
    server=$(pgrep -P "$mover" -x qemu-nbd)
}

gone()
{
    ! kill -0 "$1" 2> /dev/null
}

echo "- an increment moves what changed, and no more"
pull_config "$never"
start_daemon
await_daemon
vmkeep run vm1 --wait > /dev/null
write_some vm1 5 vda vdb
vmkeep run vm1 --wait > /dev/null
moved=$(vmkeep jobs --json | jq -r '[.[] | select(.kind == "backup")][-1].bytes_done')
[ "$moved" -gt 0 ] && [ "$moved" -le $((DISK_SIZE / 2)) ] || fail "$moved bytes were moved"
restored_state "$(last_point id)" vm1 vda vdb > /dev/null || fail "a wrong increment"
stop_daemon

echo "- cancelled in the middle"
pull_config "$never" "bandwidth: 1MiB/s"
start_daemon
await_daemon
before=$(points | jq length)
vmkeep run vm1 --level full > /dev/null
wait_for 20 "the mover" mover_pid
vmkeep cancel "$(vmkeep jobs --active --json | jq -r '.[0].id')" > /dev/null
wait_for 20 "the end" idle
gone "$mover" || fail "the mover runs on"
gone "$server" || fail "its qemu-nbd runs on"
[ "$(points | jq length)" = "$before" ] || fail "a cancelled job made a point"
nothing_is_left

echo "- the mover is killed: the job fails, and the next is an increment that lacks nothing"
vmkeep run vm1 --level full > /dev/null
wait_for 20 "the mover" mover_pid
kill -KILL "$mover"
wait_for 20 "the end" idle
wait_for 5 "the end of its qemu-nbd" gone "$server"
vmkeep jobs --json | jq -r '.[-1].reason' | grep -q 'vmkeep-mover' || fail "it does not say why"
nothing_is_left
write_some vm1 5 vda vdb
vmkeep run vm1 --level incremental --wait > /dev/null
[ "$(last_point kind)" = incremental ] || fail "no increment after a failed pull"
restored_state "$(last_point id)" vm1 vda vdb > /dev/null || fail "a wrong increment"

echo "- the daemon is killed: its mover dies too, and the next daemon cleans up"
before=$(points | jq length)
vmkeep run vm1 --level full > /dev/null
wait_for 20 "the mover" mover_pid
kill -KILL "${pids[daemon]}"
wait "${pids[daemon]}" 2> /dev/null || true
wait_for 5 "the mover's end" gone "$mover"
wait_for 5 "the end of its qemu-nbd" gone "$server"
pull_config "$never"
start_daemon
await_daemon
wait_for 30 "the end" idle
vmkeep run vm1 --wait > /dev/null
[ "$(points | jq length)" -gt "$before" ] || fail "no backup after a restart"
restored_state "$(last_point id)" vm1 vda vdb > /dev/null || fail "a wrong point after a restart"
nothing_is_left

echo "- QEMU is killed in the middle"
stop_daemon
pull_config "$never" "bandwidth: 1MiB/s"
start_daemon
await_daemon
vmkeep run vm1 --level full > /dev/null
wait_for 20 "the mover" mover_pid
kill -KILL "${pids[vm1]}"
wait "${pids[vm1]}" 2> /dev/null || true
wait_for 60 "the end" idle
[ "$(vmkeep jobs --json | jq -r '.[-1].outcome')" = failed ] || fail "the job did not fail"
start_vm vm1 vda vdb
write_some vm1 5 vda vdb
stop_daemon
pull_config "$never"
start_daemon
await_daemon
vmkeep run vm1 --wait > /dev/null
restored_state "$(last_point id)" vm1 vda vdb > /dev/null || fail "a wrong point after QEMU was killed"
nothing_is_left
stop_daemon
echo "all as it should be"
