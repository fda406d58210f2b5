#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A second repository: copies after each backup, byte for byte what the first holds; a retention of their own
# with merges there; one that is away and comes back; a daemon that is killed in the middle of a copy; and what
# the copies are for: the first repository is gone.
. "$(dirname "$0")/lib.sh"

if [ "$(id -u)" != 0 ]; then
    echo "only root can mount the small file system that this needs"
    exit 77
fi

far=$tmp/small # a file system of its own, that can be filled
mkdir "$far"
mount -t tmpfs -o size=256m tmpfs "$far"
make_disks vm1 vda vdb
start_vm vm1 vda vdb

# with_copies COPY_TO [BANDWIDTH]
with_copies()
{
    write_config "$never"
    sed -i "s|^policies:|  - { name: offsite, path: $far/offsite }\n&|" "$tmp/config"
    echo "    copy_to: $1" >> "$tmp/config"
    [ -z "${2:-}" ] || echo "    bandwidth: $2" >> "$tmp/config"
}

# of REPOSITORY FILTER: of its good points.
of()
{
    points | jq -r --arg in "$1" "[.[] | select(.repository == \$in and .state == \"good\")] | $2"
}

backup()
{
    write_some vm1 3 vda vdb
    vmkeep run nightly --wait > /dev/null
    wait_for 30 "what follows a backup" idle
}

# Each copy reads as the point does that it is a copy of, to another program than vmkeep.
check_copies()
{
    local id source disk n=0
    while read -r id source; do
        for disk in vda vdb; do
            qemu-img check -q "$far/offsite/$id/$disk.qcow2"
            if [ -d "$tmp/repo/$source" ]; then
                qemu-img compare -q "$tmp/repo/$source/$disk.qcow2" "$far/offsite/$id/$disk.qcow2" ||
                    fail "$id: $disk is not what $source holds"
            fi
        done
        n=$((n + 1))
    done < <(of offsite '.[] | "\(.id) \(.copy_of)"')
    [ "$n" = "$1" ] || fail "$n copies instead of $1"
}

mkdir "$far/offsite"
with_copies "[ { repository: offsite } ]"
vmkeep check
start_daemon
await_daemon

echo "- a copy after each backup, on the one before"
for _ in 1 2 3; do backup; done
check_copies 3
[ "$(of offsite 'map(.kind) | join(" ")')" = "full incremental incremental" ] || fail "not the same chain"
[ "$(of main 'map(.kind) | join(" ")')" = "full incremental incremental" ] || fail "the first one's chain"
[ "$(of offsite '.[1].parent == .[0].id and .[2].parent == .[1].id')" = true ] || fail "not a chain of its own"
[ "$(of main '.[-1] | [.disks[].bytes] | add')" -ge "$(($(of offsite '.[-1] | [.disks[].bytes] | add') / 2))" ] ||
    fail "more was copied than has changed"
[ "$(vmkeep copy --to offsite --dry-run --json)" = "[]" ] || fail "something is left to copy"

echo "- one that is away, with rules of its own: what it would keep now comes when it is back, the rest does not"
mv "$far/offsite" "$far/away"
with_copies "[ { repository: offsite, keep: { last: 2 } } ]"
vmkeep reload > /dev/null
for _ in 1 2 3; do backup; done
[ "$(vmkeep copy nightly --to offsite --dry-run --json | jq 'map(select(.carried | not)) | length')" = 2 ] ||
    fail "the plan is not what the rules keep"
{ vmkeep status --json || true; } > "$tmp/status"
jq -e '.domains[0].policies[0] | .protected and .copies[0].behind == 2 and
    (.reasons | map(.code) | index("copy-behind") != null)' "$tmp/status" > /dev/null ||
    fail "status does not say that the copies are behind: $(cat "$tmp/status")"
mv "$far/away" "$far/offsite"
vmkeep copy vm1 --to offsite --wait
wait_for 30 "the merges there" idle
check_copies 2
[ "$(of offsite '.[-1].copy_of')" = "$(of main '.[-1].id')" ] || fail "the last one is not there"
[ "$(of main length)" = 6 ] || fail "the first repository has lost something by it"
[ "$(of offsite 'map(.kind) | join(" ")')" = "full incremental" ] || fail "no merge there"

echo "- what goes in the first stays in the second, and is no base for what comes"
vmkeep delete "$(of main ".[3].id")" --yes --wait > /dev/null
wait_for 30 "the deletion" idle
check_copies 2
backup
check_copies 2

no_debris()
{
    [ -z "$(find "$far/offsite" -name '*.partial' -o -name '*.deleting')" ]
}

echo "- the far end becomes full in the middle of a copy; the daemon is killed in one; syncs fail there"
write_config "$never"
vmkeep reload > /dev/null
write_some vm1 3 vda vdb
vmkeep run nightly --level full --wait > /dev/null
wait_for 30 "what follows a backup" idle
with_copies "[ { repository: offsite, keep: { last: 2 }, schedule: ['2099-01-01'] } ]" 2MiB/s
vmkeep reload > /dev/null
vmkeep copy --to offsite > /dev/null
copying()
{
    [ "$(vmkeep jobs --active --json | jq -r '.[] | select(.kind == "copy") | .bytes_done > 100000')" = true ]
}
wait_for 20 "a copy under way" copying
vmkeep jobs --active > "$tmp/active"
grep -q "copy" "$tmp/active" || fail "no copy in jobs --active"
head -c 256M /dev/zero > "$far/filler" 2> /dev/null || true
wait_for 30 "the end of the copy" idle
{ vmkeep status || true; } > "$tmp/said"
grep -q "the last copy in repository offsite failed, .*: job .*No space left on device" "$tmp/said" || fail "full: $(cat "$tmp/said")"
no_debris || fail "something is left of the copy that found no room"
rm "$far/filler"
check_copies 2
vmkeep copy --to offsite > /dev/null
wait_for 20 "a copy under way" copying
kill -KILL "${pids[daemon]}"
wait "${pids[daemon]}" || true
unset "pids[daemon]"
with_copies "[ { repository: offsite, keep: { last: 2 } } ]"
DAEMON_WRAP=(env "LD_PRELOAD=$BUILD/tests/integration/libsync_fails.so" SYNC_FAILS=/small/offsite/
             ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0)
start_daemon
await_daemon
wait_for 60 "what the restart does" idle
check_copies 2
if vmkeep copy --to offsite --wait > "$tmp/said" 2>&1; then fail "copied without a sync"; fi
grep -q "$far/offsite/.*: Input/output error" "$tmp/said" || fail "failing syncs: $(cat "$tmp/said")"
check_copies 2
stop_daemon
# Of a source that cannot be read: which point, disk and bytes; nothing is marked for it, and nothing copied.
DAEMON_WRAP=(env "LD_PRELOAD=$BUILD/tests/integration/libread_fails.so" "READ_FAILS=$(of main '.[-1].id')/vda.qcow2"
             FAILS_BEHIND=340000 ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0)
start_daemon
await_daemon
if vmkeep copy --to offsite --wait > "$tmp/said" 2>&1; then fail "copied what cannot be read"; fi
grep -q "copy $(of main '.[-1].id'): disk vda: .*/vda.qcow2: cannot be read at bytes 339968 to 344063 of the image .*: Input/output error" "$tmp/said" ||
    fail "a source that cannot be read: $(cat "$tmp/said")"
check_copies 2
no_debris || fail "something is left of what could not be read"
[ "$(of main '.[-1].state')" = good ] || fail "marked damaged for a read that failed"
stop_daemon
DAEMON_WRAP=(env)
start_daemon
await_daemon
vmkeep copy --to offsite --wait > /dev/null
wait_for 30 "the merges there" idle
check_copies 2
no_debris || fail "something is left"
[ "$(of offsite '.[-1].copy_of')" = "$(of main '.[-1].id')" ] || fail "the last one is not there"

echo "- a copy is a point like others: verify, a damaged one, rebuild-catalog"
last=$(of offsite '.[-1].id')
vmkeep verify "$last" > /dev/null
vmkeep status > "$tmp/said" || fail "status: $(cat "$tmp/said")"
grep -q ' PLACES$' "$tmp/said" && grep -q 'vm1.* 2$' "$tmp/said" || fail "not how many places it has: $(cat "$tmp/said")"
image=$far/offsite/$last/vda.qcow2
at=$(qemu-img map --output=json "$image" | jq '[.[] | select(.data and .offset and .depth == 0)][0].offset')
printf 'other data' | dd of="$image" bs=1 seek=$((at + 77)) conv=notrunc status=none
if vmkeep verify "$last" > "$tmp/said"; then fail "not found damaged"; fi
vmkeep status > "$tmp/said" && fail "a damaged copy is no finding"
grep -q "cop.* in repository offsite .* damaged; the newest of them is $last: .*vda" "$tmp/said" || fail "status: $(cat "$tmp/said")"
grep -q ' 1$' "$tmp/said" || fail "counted as a place still: $(cat "$tmp/said")"
vmkeep explain "$last" > "$tmp/said"
grep -q "places: *1$" "$tmp/said" || fail "counted as a place still: $(cat "$tmp/said")"
vmkeep copy nightly --to offsite --wait > /dev/null
wait_for 30 "the merges there" idle
check_copies 2
vmkeep status > "$tmp/said" && fail "the damaged copies are forgotten"
grep -q "2$" "$tmp/said" || fail "not copied anew: $(cat "$tmp/said")"
while read -r id; do
    vmkeep delete "$id" --yes --wait > /dev/null
done < <(points | jq -r '[.[] | select(.state == "damaged")] | reverse | .[].id')
vmkeep status > "$tmp/said" || fail "status: $(cat "$tmp/said")"
last=$(of offsite '.[-1].id')
stop_daemon
points | jq -S 'map({id, copy_of, parent, repository, kind, disks: (.disks | map(.content))}) | sort_by(.id)' > "$tmp/before"
mv "$tmp/catalog.db" "$tmp/old.db"
rm -f "$tmp"/catalog.db-*
vmkeep rebuild-catalog > /dev/null
points | jq -S 'map({id, copy_of, parent, repository, kind, disks: (.disks | map(.content))}) | sort_by(.id)' > "$tmp/after"
diff "$tmp/before" "$tmp/after" || fail "the catalog that was made again knows the copies otherwise"

echo "- the first repository is gone"
id=$(of main '.[-1].id')
vmkeep restore "$id" --to "$tmp/first" --format raw > /dev/null
mv "$tmp/repo" "$tmp/lost"
vmkeep restore "$last" --to "$tmp/second" --format raw > /dev/null || fail "the copy cannot be restored"
for disk in vda vdb; do
    cmp "$tmp/first/$disk.raw" "$tmp/second/$disk.raw"
done
vmkeep restore "$id" --to "$tmp/third" --format raw > /dev/null 2> "$tmp/said" || fail "$(cat "$tmp/said")"
grep -q "taken from repository offsite instead" "$tmp/said" || fail "not said which was taken: $(cat "$tmp/said")"
vmkeep restore "$id" --repository offsite --to "$tmp/fourth" --format raw > /dev/null || fail "not from the repository that was named"
for disk in vda vdb; do
    cmp "$tmp/first/$disk.raw" "$tmp/third/$disk.raw"
    cmp "$tmp/first/$disk.raw" "$tmp/fourth/$disk.raw"
done
vmkeep explain "$id" > "$tmp/said" || true
grep -q "lies in.*repository offsite, too" "$tmp/said" || fail "explain does not say where it lies: $(cat "$tmp/said")"
