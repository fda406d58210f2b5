#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The main job on a real QEMU: scheduled full and incremental backups of two disks while writes go on,
# each point restored and compared; restart of QEMU and of the daemon; tracking lost; cancel; prune.
. "$(dirname "$0")/lib.sh"

make_disks vm1 vda vdb
start_vm vm1 vda vdb

# Bitmaps that are somebody else's.
add_foreign()
{
    "$WRITER" qmp "$tmp/vm1.test" block-dirty-bitmap-add \
        "{\"node\": \"$1\", \"name\": \"$2\", \"persistent\": true}" > /dev/null
}

# bitmap DISK NAME: as QEMU tells it; nothing when it is not there.
bitmap()
{
    "$WRITER" qmp "$tmp/vm1.test" query-named-block-nodes |
        jq -c --arg disk "$1" --arg name "$2" \
            '.[] | select(."node-name" == $disk) | ."dirty-bitmaps"[]? | select(.name == $name)'
}

check_foreign()
{
    local found
    found=$(bitmap "$1" "$2")
    [ "$(jq '.recording and (.inconsistent | not) and .count > 0' <<< "$found")" = true ] ||
        fail "the bitmap $2 of $1, which is somebody else's, is not as it was: ${found:-gone}"
}

add_foreign vda foreign
write_config '{ incremental: ["*:*:0/3"] }'
vmkeep check
start_daemon
await_daemon

one_point()
{
    [ "$(points | jq length)" = 1 ]
}

count_points()
{
    [ "$(points | jq length)" -ge "$1" ]
}

echo "- scheduled backups under writes"
"$WRITER" write "$tmp/vm1.test" "$tmp/vm1.writes" "$tmp/stop" 1000000 vda vdb > /dev/null &
pids[writer]=$!
wait_for 60 "a full and three increments" count_points 4
touch "$tmp/stop"
wait "${pids[writer]}"
unset "pids[writer]"
stop_daemon
check_foreign vda foreign

points > "$tmp/points"
[ "$(jq -r '.[0].kind' "$tmp/points")" = full ] || fail "the first point is not a full"
[ "$(jq -r '[.[1:][].kind] | unique | join(" ")' "$tmp/points")" = incremental ] ||
    fail "the others are not increments"
last=-1
for id in $(jq -r '.[].id' "$tmp/points"); do
    state=$(restored_state "$id" vm1 vda vdb) || fail "$id is not a state that the disks had"
    state=${state##* }
    [ "$state" -ge "$last" ] || fail "$id is older than the one before it"
    echo "  $id: the state after $state writes"
    last=$state
done
[ "$last" -gt 0 ] || fail "no writes went on"

echo "- a point opens without vmkeep"
dir=$tmp/repo/$(jq -r '.[-1].id' "$tmp/points")
qemu-img check -q "$dir/vda.qcow2"
qemu-img convert -O raw "$dir/vda.qcow2" "$tmp/by-hand.raw"
vmkeep restore "$(jq -r '.[-1].id' "$tmp/points")" --to "$tmp/r" --format raw > /dev/null
cmp "$tmp/by-hand.raw" "$tmp/r/vda.raw"

echo "- QEMU closed and started again: increments go on"
write_config "$never"
stop_vm vm1
start_vm vm1 vda vdb
start_daemon
await_daemon
write_some vm1 30 vda vdb
vmkeep run vm1 --wait
[ "$(points | jq -r '.[-1].kind')" = incremental ] || fail "not an increment after an orderly restart"
restored_state "$(points | jq -r '.[-1].id')" vm1 vda vdb > /dev/null || fail "a wrong increment"
check_foreign vda foreign

echo "- QEMU killed: the next backup is a full, and says why"
kill -KILL "${pids[vm1]}"
wait "${pids[vm1]}" 2>/dev/null || true
start_vm vm1 vda vdb
add_foreign vdb late # the other one is inconsistent now, as ours are
write_some vm1 30 vda vdb
vmkeep run vm1 --wait
[ "$(points | jq -r '.[-1].kind')" = full ] || fail "tracking was lost, but it is no full"
vmkeep explain "$(points | jq -r '.[-1].id')" | grep -qi 'tracking\|bitmap\|checkpoint' || fail "it does not say why"
restored_state "$(points | jq -r '.[-1].id')" vm1 vda vdb > /dev/null || fail "a wrong full"

echo "- the repository is gone for a while: one clear error, and no harm"
mv "$tmp/repo" "$tmp/repo.away"
! vmkeep run vm1 --wait > "$tmp/out" 2>&1 || fail "a backup into nowhere succeeded"
vmkeep jobs --json | jq -r '.[-1].reason' | grep -q "$tmp/repo" || fail "the error does not name the place"
mv "$tmp/repo.away" "$tmp/repo"
vmkeep run vm1 --wait > /dev/null
[ "$(points | jq -r '.[-1].kind')" = incremental ] || fail "not an increment after the repository came back"

echo "- foreign bitmaps are untouched"
stop_vm vm1
start_vm vm1 vda vdb
vmkeep run vm1 --level full --wait > /dev/null
check_foreign vdb late

echo "- retention lets the old chains go"
stop_daemon
write_config "$never" '{ last: 1 }'
start_daemon
await_daemon
before=$(points | jq length)
vmkeep prune --dry-run
[ "$(points | jq length)" = "$before" ] || fail "--dry-run pruned"
vmkeep prune
wait_for 20 "the prune" one_point
[ "$(find "$tmp/repo" -name point.json | wc -l)" = 1 ] || fail "pruned points are still on disk"
restored_state "$(points | jq -r '.[0].id')" vm1 vda vdb > /dev/null

echo "- two daemons on one catalog"
! "$VMKEEPD" --config "$tmp/config" 2> "$tmp/out" || fail "a second daemon started"
grep -q 'another vmkeepd' "$tmp/out" || fail "it does not say why: $(cat "$tmp/out")"

echo "- SIGHUP with a bad file changes nothing"
cp "$tmp/config" "$tmp/config.good"
echo "nonsense: [" >> "$tmp/config"
kill -HUP "${pids[daemon]}"
wait_for 10 "the refusal" grep -q 'former configuration stays in force' "$tmp/log"
cp "$tmp/config.good" "$tmp/config"
vmkeep run vm1 --wait > /dev/null
stop_daemon

echo "- bitmaps of others have outlived all that"
check_foreign vdb late
[ "$(bitmap vda foreign | jq .inconsistent)" = true ] ||
    fail "a bitmap that is not ours and that a kill made useless was changed: $(bitmap vda foreign)"
echo "all as it should be"
