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
rm -f "$tmp"/catalog.db*
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
sed -i '/has no schedule: it runs only/d' "$tmp/out" # of the configuration
[ "$status" = 7 ] || fail "status $status: $(cat "$tmp/out")"
[ "$(wc -l < "$tmp/out")" = 1 ] || fail "more than a sentence: $(cat "$tmp/out")"
grep -q 'rebuild-catalog' "$tmp/out" || fail "it does not say what to do: $(cat "$tmp/out")"

status=0
vmkeep doctor 2> "$tmp/out" || status=$?
[ "$status" = 7 ] || fail "doctor: status $status"
grep -q 'damaged catalog, .vmkeep rebuild-catalog' "$tmp/out" || fail "doctor: $(cat "$tmp/out")"

echo "- points of a repository, without a catalog"
vmkeep points --json --repository "$tmp/repo" | jq -S 'map(del(.keep))' | cmp - "$tmp/before"
"$VMKEEP" --config /nonexistent points --repository "$tmp/repo" vm1 |
    grep -qF "$(jq -r '.[0].id | split("/")[2] | split("@")[0]' "$tmp/before")"

echo "- rebuilt from manifests alone"
vmkeep rebuild-catalog --dry-run > "$tmp/out" || fail "$(cat "$tmp/out")"
grep -q 'Nothing was changed' "$tmp/out"
vmkeep rebuild-catalog || fail "not rebuilt"
all_points | cmp - "$tmp/before"
ls "$tmp"/catalog.db.*.damaged > /dev/null || fail "the damaged file was not kept"
# Beside the copies in the repository, which come a little later.
has_copy()
{
    ls "$tmp"/repo/.catalogs/*-"$1".db
}

start_daemon
await_daemon
! vmkeep rebuild-catalog 2> "$tmp/out" || fail "rebuilt while the daemon runs"
grep -q 'stop vmkeepd first' "$tmp/out" || fail "$(cat "$tmp/out")"
one_backup
points | jq -e '.[-1].kind == "incremental"' > /dev/null || fail "the chain does not go on: $(vmkeep explain vm1)"
restored_state "$(points | jq -r '.[-1].id')" vm1 vda vdb > /dev/null || fail "a wrong increment"
wait_for 20 "a copy of the catalog" has_copy "$(vmkeep jobs --json | jq '.[-1].id')"
[ "$(find "$tmp/repo/.catalogs" -type f | wc -l)" = 1 ] || fail "older copies are still there"
stop_daemon
[ ! -e "$tmp/catalog.db.copy" ] || fail "a copy was left beside the catalog"

echo "- put back to an older state: noticed, and no harm done"
cp "$tmp/catalog.db" "$tmp/older.db"
all_points > "$tmp/before.older"
start_daemon
await_daemon
one_backup
one_backup
last=$(vmkeep jobs --json | jq '.[-1].id')
wait_for 20 "a copy of the catalog" has_copy "$last"
stop_daemon
all_points > "$tmp/before"
copies=$(sha256sum "$tmp"/repo/.catalogs/*)
remove_catalog
cp "$tmp/older.db" "$tmp/catalog.db"
write_config "$never" '{ last: 1 }'
start_daemon
await_daemon
grep -q 'put back to an older state' "$tmp/log" || fail "the log does not say so"
vmkeep status > "$tmp/out" && fail "status is content"
grep -q '2 points are there that the catalog does not know' "$tmp/out" || fail "$(cat "$tmp/out")"
vmkeep status --json > "$tmp/out" || true
jq -e '.repositories[0].difference | test("2 points are there")' "$tmp/out" > /dev/null || fail "$(cat "$tmp/out")"
vmkeep doctor > "$tmp/out" && fail "doctor is content"
grep -q 'rebuild-catalog' "$tmp/out" || fail "$(cat "$tmp/out")"
vmkeep prune --wait > /dev/null 2>&1 || true
vmkeep jobs --json | jq -e '.[-1] | .kind == "prune" and .outcome == "skipped"' > /dev/null ||
    fail "a prune went on without the points that the catalog does not know: $(vmkeep jobs)"
vmkeep points --json --repository "$tmp/repo" | jq -S 'map(del(.keep))' | cmp - "$tmp/before"
vmkeep run vm1 --wait > /dev/null
[ "$(vmkeep jobs --json | jq '[.[] | select(.kind == "backup")][-1].id')" -gt "$last" ] || fail "a number was given twice"
sleep 3 # what must not happen would have happened by now
[ "$(sha256sum "$tmp"/repo/.catalogs/*)" = "$copies" ] || fail "the copy that knows more was replaced"
stop_daemon
points | jq -S 'map(del(.keep))' > "$tmp/newer"
vmkeep rebuild-catalog > /dev/null
all_points > "$tmp/rebuilt"
jq -S -s 'add | unique_by(.id) | sort_by(.created)' "$tmp/before" "$tmp/newer" | cmp - "$tmp/rebuilt"
[ "$(vmkeep jobs --limit 0 --json | jq -r '[.[] | select(.kind == "backup") | .outcome] | unique | join(" ")')" = success ] ||
    fail "outcomes are lost: $(vmkeep jobs)"
write_config "$never"
start_daemon
await_daemon
vmkeep status > /dev/null || fail "status is not content: $(vmkeep status)"
one_backup
points | jq -e '.[-1].kind == "incremental"' > /dev/null || fail "the chain does not go on"
restored_state "$(points | jq -r '.[-1].id')" vm1 vda vdb > /dev/null || fail "a wrong increment"
all_points > "$tmp/before"
last=$(vmkeep jobs --json | jq '.[-1].id')
wait_for 20 "a copy of the catalog" has_copy "$last"
stop_daemon

echo "- lost: the new one says so, and takes nothing that is not its own"
remove_catalog
start_daemon
await_daemon
vmkeep status > "$tmp/out" && fail "status is content"
grep -q '9 points are there of ' "$tmp/out" || fail "$(cat "$tmp/out")"
stop_daemon
vmkeep points --json --repository "$tmp/repo" | jq -S 'map(del(.keep))' | cmp - "$tmp/before"
vmkeep rebuild-catalog > /dev/null
all_points | cmp - "$tmp/before"
start_daemon
await_daemon
vmkeep status > /dev/null || fail "status is not content: $(vmkeep status)"
one_backup
points | jq -e '.[-1].kind == "incremental"' > /dev/null || fail "the chain does not go on"
stop_daemon

echo "- put back, and no point tells of it: the better copy stays, until it is rebuilt"
cp "$tmp/catalog.db" "$tmp/behind.db"
start_daemon
await_daemon
one_backup
last=$(vmkeep jobs --json | jq '.[-1].id')
wait_for 20 "a copy of the catalog" has_copy "$last"
gone=$(points | jq -r '.[-1].id')
stop_daemon
rm -r "${tmp:?}/repo/$gone"
better=$(has_copy "$last")
sum=$(sha256sum "$better")
remove_catalog
cp "$tmp/behind.db" "$tmp/catalog.db"
says_behind()
{
    vmkeep status > "$tmp/out" && fail "status is content"
    grep -q "lacks jobs up to $last" "$tmp/out" || fail "status: $(cat "$tmp/out")"
    vmkeep doctor > "$tmp/out" && fail "doctor is content"
    grep -q "lacks jobs up to $last" "$tmp/out" || fail "doctor: $(cat "$tmp/out")"
}
for _ in 1 2; do
    start_daemon
    await_daemon
    one_backup
    sleep 3 # what must not happen would have happened by now
    [ "$(sha256sum "$better")" = "$sum" ] || fail "the better copy is gone: $(ls "$tmp/repo/.catalogs")"
    says_behind
    stop_daemon
done
vmkeep rebuild-catalog > "$tmp/out" || fail "$(cat "$tmp/out")"
vmkeep jobs --limit 0 --json | jq -e --argjson last "$last" 'any(.[]; .id == $last)' > /dev/null ||
    fail "the job that only the copy knew is lost"
start_daemon
await_daemon
vmkeep status > /dev/null || fail "status is not content: $(vmkeep status)"
one_backup
wait_for 20 "a copy of the catalog" has_copy "$(vmkeep jobs --json | jq '.[-1].id')"
stop_daemon

echo "- a repository that is there later is looked at then"
differs()
{
    { vmkeep status --json || true; } | jq -e '.repositories[0].difference | strings | test("does not know")'
}
all_points > "$tmp/before"
remove_catalog
cp "$tmp/older.db" "$tmp/catalog.db"
mv "$tmp/repo" "$tmp/repo.away"
start_daemon
await_daemon
! differs > /dev/null || fail "it cannot be known"
mv "$tmp/repo.away" "$tmp/repo"
vmkeep run vm1 --wait > /dev/null
wait_for 10 "the difference" differs
stop_daemon
vmkeep rebuild-catalog > /dev/null
jq -r '.[].id' "$tmp/before" > "$tmp/ids"
! points | jq -r '.[].id' | grep -vxFf - "$tmp/ids" || fail "points are missing"

echo "- a bitmap of ours that no row knows: its number is not given again, and it is cleaned up"
id=$(points | jq -r '.[-1].id | sub(".*@"; "") | sub("-.*"; "")')
bitmaps()
{
    "$WRITER" qmp "$tmp/vm1.test" query-named-block-nodes |
        jq -r '.[] | select(."node-name" == "vda") | ."dirty-bitmaps" // [] | .[].name // empty'
}
for name in "vmkeep-$id-500" "vmkeep-0badcafe-900" "vmkeep-$id-9223372036854775807"; do
    "$WRITER" qmp "$tmp/vm1.test" block-dirty-bitmap-add "{\"node\": \"vda\", \"name\": \"$name\", \"persistent\": true}" > /dev/null
done
start_daemon
await_daemon
grep -q 'lab/vm1 has the name of job 500' "$tmp/log" || fail "not noticed"
vmkeep run vm1 --wait > /dev/null
[ "$(vmkeep jobs --json | jq '[.[] | select(.kind == "backup")][-1].id')" = 501 ] || fail "not the next number: $(vmkeep jobs)"
points | jq -e '.[-1].kind == "incremental"' > /dev/null || fail "the chain does not go on"
bitmaps > "$tmp/out"
! grep -q -- "-500$" "$tmp/out" || fail "it is still there: $(cat "$tmp/out")"
grep -q '0badcafe-900' "$tmp/out" || fail "somebody else's is gone"
stop_daemon

killing=(env "LD_PRELOAD=$BUILD/tests/system/libkill_at.so" ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0)

# Every copy in the repository is whole.
copies_are_whole()
{
    vmkeep rebuild-catalog --dry-run --json > "$tmp/out" || fail "$(cat "$tmp/out")"
    jq -e '[.sources[].problem] | all(. == null)' "$tmp/out" > /dev/null || fail "a bad copy: $(cat "$tmp/out")"
}

echo "- killed while it is rebuilt: the former file or the new one, and a second try ends well"
all_points > "$tmp/before"
cp "$tmp/catalog.db" "$tmp/whole.db"
step=${SWEEP_STEP:-3}
for ((n = 1; ; n += step)); do
    remove_catalog
    cp "$tmp/whole.db" "$tmp/catalog.db"
    dd if=/dev/urandom of="$tmp/catalog.db" bs=4096 seek=1 count=8 conv=notrunc status=none
    cp "$tmp/catalog.db" "$tmp/damaged.db"
    status=0
    "${killing[@]}" KILL_PROGRAM=vmkeep "KILL_AT=$n" "$VMKEEP" --config "$tmp/config" rebuild-catalog > /dev/null 2>&1 || status=$?
    [ "$status" = 0 ] || [ "$status" = 137 ] || fail "place $n: status $status"
    if ! cmp -s "$tmp/catalog.db" "$tmp/damaged.db"; then
        all_points | cmp - "$tmp/before" || fail "place $n: neither the former file nor the new one"
    fi
    vmkeep rebuild-catalog > /dev/null || fail "place $n: not rebuilt"
    all_points | cmp - "$tmp/before"
    rm -f "$tmp"/catalog.db.2*
    [ "$(find "$tmp" -maxdepth 1 -name 'catalog.db*' ! -name catalog.db.config -printf '%f ')" = "catalog.db.lock catalog.db " ] ||
        [ "$(find "$tmp" -maxdepth 1 -name 'catalog.db*' ! -name catalog.db.config -printf '%f ')" = "catalog.db catalog.db.lock " ] ||
        fail "place $n: left behind: $(ls "$tmp")"
    [ "$status" = 137 ] || break
done
echo "  $n places"

echo "- killed while the catalog is copied: what is there is whole, and the next start brings a copy"
for ((n = 1; ; n += step)); do
    rm -rf "$tmp/repo/.catalogs"
    DAEMON_WRAP=("${killing[@]}" "KILL_AT=$n" "KILL_WHEN=$tmp/catalog.db.copy")
    status=0
    start_daemon
    await_daemon
    kill -TERM "${pids[daemon]}"
    wait "${pids[daemon]}" || status=$?
    unset "pids[daemon]"
    copies_are_whole
    DAEMON_WRAP=(env)
    start_daemon
    await_daemon
    stop_daemon
    copies_are_whole
    [ "$(find "$tmp/repo/.catalogs" -type f | wc -l)" = 1 ] || fail "place $n: $(ls "$tmp/repo/.catalogs")"
    [ ! -e "$tmp/catalog.db.copy" ] || fail "place $n: a copy was left beside the catalog"
    [ "$status" = 137 ] || break
done
echo "  $n places"
all_points | cmp - "$tmp/before"
echo "all as it should be"
