#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The catalog lost, put back to an older state, damaged, deleted and replaced under way, and rebuilt; with
# a real QEMU and a real daemon.
. "$(dirname "$0")/lib.sh"

make_disks vm1 vda vdb
start_vm vm1 vda vdb
write_config "$never"

# What must be the same before and after: all of a point but what a prune said of it.
all_points()
{
    points | jq -S 'map(del(.keep))'
}

one_backup()
{
    write_some vm1 5 vda vdb
    vmkeep run vm1 --wait > /dev/null
}

daemon_is_gone()
{
    ! kill -0 "${pids[daemon]}" 2>/dev/null
}

# The daemon ends by itself, with that exit status.
await_end()
{
    local status=0
    wait_for 20 "the daemon's end" daemon_is_gone
    wait "${pids[daemon]}" || status=$?
    unset "pids[daemon]"
    [ "$status" = "$1" ] || fail "the daemon ended with status $status, not $1"
}

remove_catalog()
{
    rm -f "$tmp"/catalog.db "$tmp"/catalog.db-*
}

start_daemon
await_daemon
for _ in 1 2 3; do one_backup; done

echo "- deleted under way: written back"
rm "$tmp/catalog.db"
wait_for 10 "the catalog" test -f "$tmp/catalog.db"
wait_for 10 "the log's word of it" grep -q 'deleted while it was in use' "$tmp/log"
[ "$(points | jq length)" = 3 ] || fail "points are missing"
rm "$tmp"/catalog.db*
one_backup
[ "$(points | jq length)" = 4 ] || fail "points are missing after a backup"
vmkeep jobs --json | jq -e '.[-1].outcome == "success"' > /dev/null
stop_daemon
[ "$(points | jq length)" = 4 ] || fail "points are missing after the daemon's end"

echo "- replaced under way: the daemon stops, and touches nothing"
all_points > "$tmp/before"
start_daemon
await_daemon
cp "$tmp/catalog.db" "$tmp/other.db"
mv "$tmp/other.db" "$tmp/catalog.db"
await_end 1
grep -q 'another file was put in its place' "$tmp/log" || fail "it does not say why"
start_daemon
await_daemon
all_points | cmp - "$tmp/before"
stop_daemon

echo "- damaged: one sentence, and a status on which systemd does not start it again"
size=$(stat -c %s "$tmp/catalog.db")
cp "$tmp/catalog.db" "$tmp/whole.db"
for page in $(seq 1 $((size / 4096 - 1))); do
    head -c 4096 /dev/urandom | dd of="$tmp/catalog.db" bs=4096 seek="$page" conv=notrunc status=none
done
status=0
"$VMKEEPD" --config "$tmp/config" 2> "$tmp/out" || status=$?
[ "$status" = 7 ] || fail "status $status: $(cat "$tmp/out")"
[ "$(wc -l < "$tmp/out")" = 1 ] || fail "more than a sentence: $(cat "$tmp/out")"
grep -q 'rebuild-catalog' "$tmp/out" || fail "it does not say what to do: $(cat "$tmp/out")"

echo "- points of a repository, without a catalog"
vmkeep points --json --repository "$tmp/repo" | jq -S 'map(del(.keep))' | cmp - "$tmp/before"
"$VMKEEP" --config /nonexistent points --repository "$tmp/repo" vm1 | grep -q "$(jq -r '.[0].id' "$tmp/before")"

echo "- rebuilt from manifests alone"
vmkeep rebuild-catalog --dry-run > "$tmp/out" || fail "$(cat "$tmp/out")"
grep -q 'Nothing was changed' "$tmp/out"
vmkeep rebuild-catalog || fail "not rebuilt"
all_points | cmp - "$tmp/before"
ls "$tmp"/catalog.db.*.damaged > /dev/null || fail "the damaged file was not kept"
start_daemon
await_daemon
! vmkeep rebuild-catalog 2> "$tmp/out" || fail "rebuilt while the daemon runs"
grep -q 'stop vmkeepd first' "$tmp/out" || fail "$(cat "$tmp/out")"
one_backup
points | jq -e '.[-1].kind == "incremental"' > /dev/null || fail "the chain does not go on: $(vmkeep explain vm1)"
restored_state "$(points | jq -r '.[-1].id')" vm1 vda vdb > /dev/null || fail "a wrong increment"
stop_daemon
echo "all as it should be"
