#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What is said, and can be done, while a point is merged into the next, and after that was cut off: nothing
# is damaged, everything can be restored, and the merge is finished.  With a real QEMU; qemu-img's commit
# is held up for as long as there is $tmp/hold.
. "$(dirname "$0")/lib.sh"

make_disks vm1 vda
start_vm vm1 vda
write_config "$never"

mkdir "$tmp/bin"
real=$(command -v qemu-img)
cat > "$tmp/bin/qemu-img" << HOLDS
#!/bin/sh
if [ "\$1" = commit ]; then
    n=0 # hundredths of a per cent: it goes on, but in minutes it is not half done
    echo "\$(ionice) \$(nice)" > "$tmp/priority"
    while [ -e "$tmp/hold" ]; do
        touch "$tmp/merging"
        n=\$((n + 1))
        printf '    (%d.%02d/100%%)\r' \$((n / 100)) \$((n % 100))
        sleep 0.1
        [ -e /proc/\$PPID ] || exit 1
    done
fi
exec "$real" "\$@"
HOLDS
chmod +x "$tmp/bin/qemu-img"
DAEMON_WRAP=(env "PATH=$tmp/bin:$PATH")

backup() # LEVEL, and the id of the point is in $point
{
    write_some vm1 5 vda
    vmkeep run nightly --level "$1" --wait > "$tmp/out" || fail "the backup failed: $(cat "$tmp/out")"
    point=$(points | jq -r '.[-1].id')
}

# merge POINT: begins, and is held up.
merge()
{
    rm -f "$tmp/merging"
    touch "$tmp/hold"
    vmkeep delete "$1" --yes > "$tmp/out" || fail "$(cat "$tmp/out")"
    wait_for 20 "the merge" test -e "$tmp/merging"
}

# merge_on POINT: as merge, by what is left of one that gave way, where that did not meet who read.
merge_on()
{
    rm -f "$tmp/merging"
    wait_for 20 "the rest of a merge" merges_or_is_over
    [ -e "$tmp/merging" ] || merge "$1"
}

merges_or_is_over()
{
    [ -e "$tmp/merging" ] || [ "$(vmkeep jobs --active --json)" = "[]" ]
}

# all_is_well GONE STATUS: but for that one every point is good, and status says so.
all_is_well()
{
    local status=0
    points | jq -e --arg gone "$1" 'all(.id == $gone or .state == "good")' > /dev/null || fail "points: $(points)"
    vmkeep status > "$tmp/out" || status=$?
    [ "$status" = "$2" ] || fail "status exits with $status, not $2: $(cat "$tmp/out")"
    ! grep -qi 'damaged\|not protected' "$tmp/out" || fail "status: $(cat "$tmp/out")"
}

can_be_restored()
{
    vmkeep restore vm1 --dry-run --to "$tmp/nowhere" > "$tmp/out" 2>&1
}

is_finished()
{
    ! points | jq -e --arg id "$1" 'any(.id == $id)' > /dev/null &&
        [ -z "$(find "$tmp/repo" -name '*.merging' -o -path "$tmp/repo/$1")" ]
}

start_daemon
await_daemon
backup full; first=$point
backup incremental; second=$point
backup incremental; third=$point
backup incremental; fourth=$point

echo "- while it is at work"
merge "$first"
[ "$(cat "$tmp/priority")" = "idle 19" ] || fail "a merge is not idle: $(cat "$tmp/priority")"
all_is_well "$first" 0
vmkeep doctor > "$tmp/out" 2>&1 || true
! grep -q damaged "$tmp/out" || fail "doctor: $(cat "$tmp/out")"
all_is_well "$first" 0

echo "- who reads goes first"
vmkeep restore vm1 --to "$tmp/hurry" > "$tmp/out" 2>&1 || fail "restore: $(cat "$tmp/out")"
grep -q 'gives way' "$tmp/out" || fail "restore: $(cat "$tmp/out")"
vmkeep jobs --json | jq -e 'any(.kind == "delete" and (.reason // "" | test("gives way to somebody who reads")))' \
    > /dev/null || fail "$(vmkeep jobs)"
merge_on "$first"
[ "$(restored_state "$fourth" vm1 vda)" = 20 ] || fail "$fourth is not what it was"
merge_on "$first"
vmkeep verify "$second" > "$tmp/out" 2>&1 || fail "verify: $(cat "$tmp/out")"
grep -q 'gives way' "$tmp/out" || fail "verify: $(cat "$tmp/out")"
merge_on "$first"
status=0
vmkeep restore "$first" --to "$tmp/nowhere" > "$tmp/out" 2>&1 || status=$?
[ "$status" = 4 ] && grep -q "merged into the next one, $second" "$tmp/out" || fail "restore: $status: $(cat "$tmp/out")"

echo "- killed in it: without the daemon, without the catalog, and with the next daemon"
kill -KILL "${pids[daemon]}"
wait "${pids[daemon]}" || true
wait_for 10 "what was killed to be gone: $(cat "$tmp/out")" can_be_restored
all_is_well "$first" 4
rm -r "$tmp/restored"
vmkeep restore vm1 --repository "$tmp/repo" --to "$tmp/restored" > "$tmp/out" 2>&1 || fail "restore: $(cat "$tmp/out")"
rm -r "$tmp/restored"
rm "$tmp/hold"
start_daemon
await_daemon
wait_for 20 "the merge to be finished" is_finished "$first"
all_is_well "" 0
[ "$(restored_state "$second" vm1 vda)" = 10 ] || fail "$second is not what it was"
[ "$(restored_state "$fourth" vm1 vda)" = 20 ] || fail "$fourth is not what it was"

echo "- a backup that it gives way to stands on the chain"
rm -f "$tmp/merging"
touch "$tmp/hold"
vmkeep delete "$second" --yes --wait > "$tmp/deleted" 2>&1 & pids[delete]=$!
wait_for 20 "the merge" test -e "$tmp/merging"
backup incremental; fifth=$point
rm "$tmp/hold"
wait "${pids[delete]}" || fail "the deletion failed: $(cat "$tmp/deleted")"
grep -q 'gives way to job' "$tmp/deleted" && grep -q 'success: 1 point deleted' "$tmp/deleted" ||
    fail "the deletion: $(cat "$tmp/deleted")"
[ "$(points | jq -r '.[-1].kind')" = incremental ] || fail "a full: $(vmkeep explain "$fifth")"
is_finished "$second" || fail "the merge is not finished"
all_is_well "" 0
[ "$(restored_state "$third" vm1 vda)" = 15 ] || fail "$third is not what it was"
[ "$(restored_state "$fifth" vm1 vda)" = 25 ] || fail "$fifth is not what it was"
stop_daemon

echo "- a catalog that was put back to before a merge: nothing is damaged, and the chain goes on"
cp "$tmp/catalog.db" "$tmp/older.db"
start_daemon
await_daemon
vmkeep delete "$third" --yes --wait > "$tmp/out" 2>&1 || fail "the deletion failed: $(cat "$tmp/out")"
stop_daemon
rm "$tmp"/catalog.db*
cp "$tmp/older.db" "$tmp/catalog.db"
start_daemon
await_daemon
is_known()
{
    [ "$(points | jq -r 'map(.id) | join(" ")')" = "$fourth $fifth" ]
}
wait_for 20 "the merge to be known" is_known
all_is_well "" 4 # a job that the catalog lacks
backup incremental
[ "$(points | jq -r '.[-1].kind')" = incremental ] || fail "a full: $(vmkeep explain "$point")"
[ "$(restored_state "$point" vm1 vda)" = 30 ] || fail "$point is not what it was"
all_is_well "" 4
vmkeep verify vm1 > "$tmp/out" 2>&1 || fail "verify: $(cat "$tmp/out")"
stop_daemon
