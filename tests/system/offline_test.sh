#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A domain that is shut off is backed up by its schedule like any other; chains go on from there when
# it runs, and back; what cannot be backed up says why.
. "$(dirname "$0")/lib.sh"

count_points()
{
    [ "$(points | jq length)" -ge "$1" ]
}

newest()
{
    points | jq -r '.[-1].id'
}

# newest_is KIND WRITES: its kind, and that it holds all the writes.
newest_is()
{
    local state
    [ "$(points | jq -r '.[-1].kind')" = "$1" ] || fail "the newest point is not $1"
    state=$(restored_state "$(newest)" vm1 vda vdb) || fail "not a state that the disks had"
    [ "${state##* }" = "$2" ] || fail "the state after ${state##* } writes, not $2"
}

one_bitmap()
{
    local disk
    for disk in vda vdb; do
        [ "$(qemu-img info --output=json "$tmp/images/vm1-$disk.qcow2" |
            jq '."format-specific".data.bitmaps | length')" = 1 ] || fail "bitmaps pile up on $disk"
    done
}

broken_off()
{
    vmkeep jobs --json | jq -e '.[-1].outcome == "failed"'
}

storage_daemons()
{
    pgrep -P "${pids[daemon]}" qemu-storage
}

make_disks vm1 vda vdb
start_vm vm1 vda vdb
write_some vm1 30 vda vdb
stop_vm vm1

echo "- by its schedule: a full, and an increment of nothing"
export IMAGES="vda vdb"
write_config '{ incremental: ["*:*:0/2"] }'
start_daemon
await_daemon
wait_for 60 "a full and an increment" count_points 2
# The disk's size would be taken for what has changed.
vmkeep checkpoint-list vm1 --json | jq -e 'length > 0 and all(.disks | all(.size == null))' > /dev/null ||
    fail "sizes that nobody knows: $(vmkeep checkpoint-list vm1)"
stop_daemon
[ "$(points | jq -r '.[0].kind')" = full ] || fail "the first point is not a full"
newest_is incremental 30
[ "$(vmkeep jobs --json | jq '[.[] | select(.outcome == "failed")] | length')" = 0 ] || fail "jobs failed"
vmkeep domains --json | jq -e '.[0].state == "shut off" and (.[0].problem // "") == ""' > /dev/null ||
    fail "the domain has a problem: $(vmkeep domains --json)"

echo "- it ran in the meantime"
start_vm vm1 vda vdb
write_some vm1 20 vda vdb
stop_vm vm1
n=$(points | jq length)
start_daemon
await_daemon
wait_for 60 "another increment" count_points $((n + 1))
stop_daemon
newest_is incremental 50

echo "- it is started, backed up while it runs, and shut down again"
write_config "$never"
start_daemon
await_daemon
start_vm vm1 vda vdb
write_some vm1 20 vda vdb
vmkeep run vm1 --wait > /dev/null
newest_is incremental 70
write_some vm1 20 vda vdb
stop_vm vm1
vmkeep run vm1 --wait > /dev/null
newest_is incremental 90
grep -qF "$tmp/images/vm1-vda.qcow2" "$tmp/repo/$(newest)/qemu.args" || fail "a domain that is shut off has lost how it was started"
! storage_daemons || fail "a storage daemon remains"

echo "- one bitmap of ours on each image, and not more"
one_bitmap

echo "- somebody else has an image open"
qemu-nbd -t -f qcow2 -k "$tmp/nbd.sock" "$tmp/images/vm1-vda.qcow2" &
pids[nbd]=$!
wait_for 10 "qemu-nbd" test -S "$tmp/nbd.sock"
held_up vm1 "vm1-vda.qcow2 is in use by another process"
kill -TERM "${pids[nbd]}"
wait "${pids[nbd]}" || true
unset "pids[nbd]"
goes_on
newest_is incremental 90

echo "- the daemon is killed in the middle: its storage daemon goes with it, and no bitmap is lost"
stop_daemon
mkdir "$tmp/bin"
cat > "$tmp/bin/qemu-storage-daemon" <<SCRIPT
#!/bin/bash
[ ! -e "$tmp/hold" ] || echo \$\$ > "$tmp/held"
while [ -e "$tmp/hold" ]; do read -rt 0.05 < <(:) || true; done
exec "$(command -v qemu-storage-daemon)" "\$@"
SCRIPT
chmod +x "$tmp/bin/qemu-storage-daemon"
DAEMON_WRAP=(env "PATH=$tmp/bin:$PATH")
touch "$tmp/hold"
start_daemon
await_daemon
vmkeep run vm1 > /dev/null
wait_for 10 "the storage daemon" test -s "$tmp/held"
kill -KILL "${pids[daemon]}"
wait "${pids[daemon]}" 2>/dev/null || true
unset "pids[daemon]"
wait_for 10 "the storage daemon's end" test ! -d "/proc/$(cat "$tmp/held")"
rm "$tmp/hold"
start_daemon
await_daemon
wait_for 20 "the end of the job that broke off" broken_off
vmkeep run vm1 --wait > /dev/null
newest_is incremental 90
one_bitmap
check_contents
stop_daemon

echo "- without the images' names"
IMAGES="" write_config "$never"
start_daemon
await_daemon
! vmkeep run vm1 --wait > "$tmp/out" 2>&1 || fail "it was backed up all the same"
vmkeep jobs --json | jq -r '.[-1].reason'
vmkeep jobs --json | jq -r '.[-1].reason' | grep -q "shut off" || fail "it does not say why"
stop_daemon
echo "all as it should be"
