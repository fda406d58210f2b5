#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The file system of the catalog is full while backups come due: the log says so once, and once that
# it is over; status says it meanwhile; and then what was due is made.
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || {
    echo "only root can mount the small file system that this needs"
    exit 77
}
make_disks vm1 vda
start_vm vm1 vda # the others are away, but come due
mkdir "$tmp/small"
mount -t tmpfs -o size=16M tmpfs "$tmp/small"
VMS="vm1 vm2 vm3" write_config '{ full: ["*:*:0/5"] }' '{ last: 2 }'
sed -i "s|^catalog: .*|catalog: $tmp/small/catalog.db|; s|^    rpo:|    scratch: $tmp/scratch\n&|" "$tmp/config"
start_daemon
await_daemon
has_points()
{
    [ "$(points | jq length)" -ge "$1" ]
}
wait_for 30 "the first backup" has_points 1

echo "- full: one line in the log, however much fails, and status says it"
lines()
{
    grep -cE "error: catalog: cannot|^[0-9: -]+ catalog: cannot" "$tmp/log" || true
}
# What a job has let go of meanwhile is taken, too.
is_told()
{
    head -c 16M /dev/zero >> "$tmp/small/filler" 2> /dev/null || true
    [ "$(lines)" -ge 1 ]
}
wait_for 30 "the log to say it" is_told
sleep 20
[ "$(lines)" = 1 ] || fail "$(lines) lines: $(grep 'catalog: cannot' "$tmp/log")"
grep -q 'no space left to write it.*; no more is said of it until it can be written again' "$tmp/log" ||
    fail "$(grep 'catalog: cannot' "$tmp/log")"
code=0
vmkeep status > "$tmp/out" || code=$?
[ $code != 0 ] || fail "status says that all is well: $(cat "$tmp/out")"
tr -s '\n ' ' ' < "$tmp/out" | grep -q 'cannot write to its catalog since [0-9 :-]*: .*no space left' || fail "$(cat "$tmp/out")"

echo "- room again: one line, and backups go on"
before=$(points | jq -r '.[-1].id')
rm "$tmp/small/filler"
wait_for 60 "the log to say that it is over" grep -q 'catalog: it can be written again, after .* failed' "$tmp/log"
is_newer()
{
    [ "$(points | jq -r '.[-1].id')" != "$before" ]
}
wait_for 30 "a backup" is_newer
[ "$(lines)" = 1 ] || fail "$(lines) lines: $(grep 'catalog: cannot' "$tmp/log")"
[ "$(grep -c 'catalog: it can be written again' "$tmp/log")" = 1 ] || fail "it was over more than once"

echo "- not one byte can be written any more: it says so, and does not end"
prlimit --pid "${pids[daemon]}" --fsize=0:unlimited
says_so()
{
    vmkeep status > "$tmp/out" || true
    grep -q 'cannot write to its catalog since' "$tmp/out"
}
wait_for 30 "status to say it" says_so
kill -0 "${pids[daemon]}" || fail "vmkeepd has ended"
before=$(points | jq -r '.[-1].id')
prlimit --pid "${pids[daemon]}" --fsize=unlimited:unlimited
wait_for 60 "a backup" is_newer

echo "- a start where it may not be written: what opens the place is said"
stop_daemon
mount -o remount,ro "$tmp/small"
code=0
"$VMKEEPD" --config "$tmp/config" > "$tmp/out" 2>&1 || code=$?
[ "$code" = 1 ] && grep -q "catalog.db.lock: Read-only file system; .*ReadWritePaths=$tmp/small" "$tmp/out" || fail "$code $(cat "$tmp/out")"
