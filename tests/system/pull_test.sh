#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A policy of mode pull, and what it does when its scratch space or its repository is full: real QEMU,
# real mover.  The disks are written to all the time; every point is an exact state of both, and no
# write of the guest fails.
. "$(dirname "$0")/lib.sh"

make_disks vm1 vda vdb
start_vm vm1 vda vdb

pull_config() # SCHEDULE
{
    write_config "$1"
    cat >> "$tmp/config" << CONFIG
    mode: pull
    scratch: ${SCRATCH:-$tmp/scratch}
CONFIG
}

count_points()
{
    [ "$(points | jq length)" -ge "$1" ]
}

start_writer()
{
    rm -f "$tmp/stop"
    "$WRITER" write "$tmp/vm1.test" "$tmp/vm1.writes" "$tmp/stop" 1000000 vda vdb > /dev/null &
    pids[writer]=$!
}

stop_writer() # fails when one of its writes has
{
    touch "$tmp/stop"
    wait "${pids[writer]}" || fail "a write of the guest has failed"
    unset "pids[writer]"
}

check_points()
{
    local id
    for id in $(points | jq -r '.[].id'); do
        restored_state "$id" vm1 vda vdb > "$tmp/state" || fail "$id is not a state that the disks had"
        echo "  $id: the state after $(cut -d' ' -f1 "$tmp/state") writes"
    done
}

nothing_is_left()
{
    [ -z "$(ls -A "$tmp/scratch" 2> /dev/null)" ] &&
        ! "$WRITER" qmp "$tmp/vm1.test" query-named-block-nodes | grep -q '"vk-'
}

# logged_since N TEXT: more than N lines with it are in the log.
logged_since()
{
    [ "$(grep -c -- "$2" "$tmp/log")" -gt "$1" ]
}

echo "- scheduled pulls under writes"
pull_config '{ incremental: ["*:*:0/3"] }'
vmkeep check
start_daemon
await_daemon
start_writer
wait_for 60 "a full and two increments" count_points 3
stop_writer
stop_daemon
[ "$(points | jq -r '[.[0:3][].kind] | join(" ")')" = "full incremental incremental" ] || fail "other kinds"
[ "$(points | jq -r '[.[].mode] | unique | join(" ")')" = pull ] || fail "other modes"
check_points
nothing_is_left || fail "something of the pulls is left"
check_contents

echo "- the daemon is killed in the middle of one: given up, and made again"
pull_config "$never"
sed -i 's/^    mode: pull/    mode: pull\n    bandwidth: 4MiB\/s/' "$tmp/config"
start_daemon
await_daemon
before=$(points | jq length)
pulls=$(grep -c 'beginning -> pulling' "$tmp/log")
vmkeep run vm1 --level full > /dev/null
wait_for 20 "the copy" logged_since "$pulls" 'beginning -> pulling'
kill -KILL "${pids[daemon]}"
wait "${pids[daemon]}" 2> /dev/null || true
[ "$(points | jq length)" = "$before" ] || fail "a point of half a copy"
pull_config "$never"
start_daemon
await_daemon
wait_for 30 "the end of the job" grep -q 'interrupted: the daemon was stopped' "$tmp/log"
vmkeep run vm1 --wait > /dev/null
check_points > /dev/null
stop_daemon
nothing_is_left || fail "something of the job is left"

echo "- the scratch space is full: the backup is given up, the guest goes on"
mkdir -p "$tmp/small"
mount -t tmpfs -o size=66M tmpfs "$tmp/small" # a job is given up when less than 64 MiB are left
before=$(points | jq length)
SCRATCH=$tmp/small pull_config "$never"
sed -i 's/^    mode: pull/    mode: pull\n    bandwidth: 4MiB\/s/' "$tmp/config"
start_daemon
await_daemon
start_writer
! vmkeep run vm1 --level full --wait > "$tmp/out" 2>&1 || fail "it had room: $(df "$tmp/small")"
stop_writer
vmkeep jobs --json | jq -r '.[-1].reason' | grep -i 'scratch' || fail "another reason: $(vmkeep jobs --json | jq -r '.[-1].reason')"
[ "$(points | jq length)" = "$before" ] || fail "a point all the same"
stop_daemon
umount "$tmp/small"
nothing_is_left || fail "something of the job is left"

echo "- no room in the scratch space before it begins: no copy does, in both modes; with room it does"
mount -t tmpfs -o size=32M tmpfs "$tmp/small" # the directory in it is not there yet
for mode in pull push; do
    SCRATCH=$tmp/small/copies pull_config "$never"
    sed -i "s/^    mode: pull/    mode: $mode/" "$tmp/config"
    start_daemon
    await_daemon
    begun=$(grep -c ' -> beginning' "$tmp/log")
    ! vmkeep run vm1 --wait > "$tmp/out" 2>&1 || fail "$mode: it had room"
    vmkeep jobs --json | jq -r '.[-1].reason' > "$tmp/reason"
    grep -q "^scratch space $tmp/small/copies: [0-9.]* MiB free, and no copy begins with less than 64.0 MiB, .*; make room there" "$tmp/reason" ||
        fail "$mode: another reason: $(cat "$tmp/reason")"
    [ "$(grep -c ' -> beginning' "$tmp/log")" = "$begun" ] || fail "$mode: it began"
    head -c 64M /dev/zero > "$tmp/small/full" 2> /dev/null || true
    echo "<domainbackup><disks><disk name='vda'><target file='$tmp/by-hand'/></disk></disks></domainbackup>" > "$tmp/push.xml"
    ! vmkeep backup-begin vm1 "$tmp/push.xml" > "$tmp/out" 2>&1 || fail "$mode, by hand: it began"
    grep -q "scratch space: $tmp/small/.*: no space left there to make the image, and without it the guest would not be safe; make room there" "$tmp/out" ||
        fail "$mode, by hand: $(cat "$tmp/out")"
    [ ! -e "$tmp/by-hand" ] || fail "$mode, by hand: its target is left"
    rm "$tmp/small/full"
    mount -o remount,size=200M "$tmp/small"
    vmkeep run vm1 --wait > "$tmp/out" || fail "$mode: with room: $(cat "$tmp/out")"
    mount -o remount,size=32M "$tmp/small"
    stop_daemon
done
! grep -q 'guest-safe copy not possible' "$tmp/log" || fail "a copy was not safe for the guest"
umount "$tmp/small"

echo "- the repository is full: the same, in both modes"
for mode in pull push; do
    mount -t tmpfs -o size=12M tmpfs "$tmp/small"
    REPO=$tmp/small pull_config "$never"
    sed -i "s/^    mode: pull/    mode: $mode/; s/catalog.db/$mode.db/" "$tmp/config"
    start_daemon
    await_daemon
    start_writer
    ! vmkeep run vm1 --wait > "$tmp/out" 2>&1 || fail "$mode: it had room"
    stop_writer
    vmkeep jobs --json | jq -r '.[-1].reason'
    stop_daemon
    umount "$tmp/small"
    nothing_is_left || fail "something of the job is left"
done
stop_vm vm1
echo "all as it should be"
