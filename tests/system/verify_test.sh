#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Points that the daemon reads again, by the schedule and by hand: a daemon that is killed in it, one that is
# stopped, a cancel; and a bit that flips on the disk.
. "$(dirname "$0")/lib.sh"

make_disks vm1 vda
start_vm vm1 vda

# configure VERIFY [KEEP]
configure()
{
    write_config "$never" "${2:-{ last: 100 \}}"
    echo "    verify: $1" >> "$tmp/config"
}

backup() # LEVEL, and the id of the point is in $point
{
    write_some vm1 5 vda
    vmkeep run nightly --level "$1" --wait > "$tmp/out" || fail "the backup failed: $(cat "$tmp/out")"
    point=$(points | jq -r '.[-1].id')
}

# read_of POINT: what is known of its reads.
read_of()
{
    points | jq -c --arg id "$1" '.[] | select(.id == $id).read'
}

all_proven()
{
    points | jq -e 'all(.read.proven != null)'
}

job_is() # FILTER: the last verification
{
    vmkeep jobs --json | jq -e "[.[] | select(.kind == \"verify\")] | last | $1"
}

configure '{ schedule: "Sat 12:00", max_age: 30d }'
start_daemon
await_daemon
backup full; full=$point
backup incremental; inc=$point
all_proven && fail "a point is proven that nobody has read"

echo "- by hand, as a job: all points are read, and status says so"
vmkeep verify nightly --wait > "$tmp/out" || fail "verify: $(cat "$tmp/out")"
grep -q 'success: 2 points read: 2 whole' "$tmp/out" || fail "verify: $(cat "$tmp/out")"
all_proven || fail "points: $(points)"
vmkeep status | grep -q 'proven restorable: the point of' || fail "status: $(vmkeep status)"
vmkeep explain "$inc" | grep -q 'all of it was read at .*, and found whole' || fail "explain: $(vmkeep explain "$inc")"

echo "- a daemon that is killed goes on where it was; a cancel ends it"
configure '{ schedule: "Sat 12:00", bandwidth: 4MiB/s }'
vmkeep reload
before=$(read_of "$full") before_inc=$(read_of "$inc")
vmkeep verify nightly --job > "$tmp/out"
job=$(vmkeep jobs --json --active | jq '.[0].id')
newest_is_read() { [ "$(read_of "$inc")" != "$before_inc" ]; }
wait_for 20 "the first point" newest_is_read
kill -9 "${pids[daemon]}"
wait "${pids[daemon]}" || true
first=$(read_of "$inc")
[ "$(read_of "$full")" = "$before" ] || fail "it is too fast to be killed in it"
start_daemon
await_daemon
job_is ".id == $job and .state == \"running\"" > /dev/null || fail "jobs: $(vmkeep jobs --json)"
[ "$(read_of "$inc")" = "$first" ] || fail "what was read is read again"
vmkeep cancel "$job"
wait_for 10 "the cancel" job_is ".id == $job and .outcome == \"aborted\""
[ "$(read_of "$full")" = "$before" ] || fail "what was cancelled counts"

echo "- who stops the daemon does not wait; the rest is read when it runs again"
vmkeep verify "$full" --job > "$tmp/out"
wait_for 20 "the read" job_is '.state == "running"'
stop_daemon
start_daemon
await_daemon
full_is_read() { [ "$(read_of "$full")" != "$before" ]; }
wait_for 20 "the rest" full_is_read

echo "- a bit that flips is found by the schedule, which disk and which bytes; what stands on it is marked, too"
# Where the increment shows the full's data: a place in the full's image.
place=$(qemu-img map -U --output=json "$tmp/repo/$inc/vda.qcow2" |
    jq -r '[.[] | select(.depth == 1 and .data)][0] | "\(.start) \(.offset)"')
printf X | dd of="$tmp/repo/$full/vda.qcow2" bs=1 seek=$((${place#* } + 5)) conv=notrunc status=none
configure '{ schedule: "*:*:0/2" }'
vmkeep reload
both_bad() { [ "$(points | jq -c '[.[].state]')" = '["damaged","damaged"]' ]; }
wait_for 30 "the flipped bit" both_bad
vmkeep points --json | jq -e --arg at $((${place% *} / 65536 * 65536)) \
    '.[0].problem | contains("disk vda") and contains("first in bytes \($at) to")' > /dev/null || fail "points: $(points)"
status=0
vmkeep status > "$tmp/out" || status=$?
[ "$status" = 3 ] || fail "status is $status: $(cat "$tmp/out")"
job_is 'select(.outcome == "failed").reason | contains("2 damaged")' > /dev/null ||
    wait_for 20 "a job that says so" job_is '.outcome == "failed"'

echo "- the next backup is a full on a chain of its own, and what is damaged stays"
backup incremental
[ "$(points | jq -r '.[-1].kind')" = full ] || fail "an increment on what is damaged: $(points)"
[ "$(points | jq length)" = 3 ] || fail "$(points)"
[ "$(restored_state "$point" vm1 vda)" = 15 ] || fail "$point is not what the disk held"
