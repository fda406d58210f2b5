#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A real daemon and QEMU while the clock is wrong: ten years ahead for one backup, set back, in 1970,
# put right.  libfaketime sets it, for the daemon and the command alone, and only the wall clock.
. "$(dirname "$0")/lib.sh"

preload=$(echo /usr/lib/*/faketime/libfaketime.so.1)
[ -f "$preload" ] || fail "libfaketime is not there (scripts/install-packages)"

# clock WHAT: "+0" is the true time; "+10y", "-1h", "@1970-01-01 00:05:00".
clock()
{
    echo "$1" > "$tmp/clock.new"
    mv "$tmp/clock.new" "$tmp/clock"
}

with_clock=(env "LD_PRELOAD=$preload" "FAKETIME_TIMESTAMP_FILE=$tmp/clock" FAKETIME_NO_CACHE=1
            FAKETIME_DONT_FAKE_MONOTONIC=1
            "ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0")
export DAEMON_WRAP
DAEMON_WRAP=("${with_clock[@]}")

vmkeep()
{
    "${with_clock[@]}" "$VMKEEP" --config "$tmp/config" "$@"
}

restart_with()
{
    stop_daemon
    clock "$1"
    start_daemon
    await_daemon
}

# is WHAT EXPRESSION: of the points.
is()
{
    points > "$tmp/points"
    jq -e "$2" "$tmp/points" > /dev/null || fail "$1: $(jq -c 'map([.created, .kind, .state, .why, .keep])' "$tmp/points")"
}

# status_says WHAT...: whatever its exit status says.
status_says()
{
    vmkeep status > "$tmp/status" || true
    grep -q "$@" "$tmp/status" || fail "status does not say: $*"
}

jobs_made()
{
    vmkeep jobs --json | jq "map(select(.kind == \"backup\")) | length"
}

more_jobs_than()
{
    [ "$(jobs_made)" -gt "$1" ]
}

# asked_says TEXT: in the log, once somebody has asked for something: libfaketime sets the clock
# without a word, so that the daemon sees it at its next step.
asked_says()
{
    vmkeep status > /dev/null || true
    grep -q "$1" "$tmp/log"
}

clock +0
make_disks vm1 vda
start_vm vm1 vda
write_config "$never" "{ last: 1 }"
start_daemon
await_daemon
vmkeep run nightly --wait
write_some vm1 3 vda

echo "- ten years ahead for one backup, which pushes nothing out"
restart_with +10y
wait_for 30 "the warning" grep -q "nothing is let go until" "$tmp/log"
status_says "^warning: the clock went ahead"
[ "$(vmkeep prune --dry-run --json | jq -r '.[0].keep, .[0].reasons' | grep -c 'true\|the clock went ahead')" = 2 ] ||
    fail "a dry run says otherwise"
vmkeep run nightly --level full --wait
write_some vm1 3 vda
wait_for 30 "the prune" idle
is "the former point is gone" 'length == 2 and .[1].created > "2030"'

echo "- and right again: set aside, and the next one starts a chain with the true date"
restart_with +0
is "not set aside" 'map(.state) == ["good", "set-aside"]'
status_says "note: .*the point of .* is set aside: its date lies ahead"
vmkeep run nightly --wait
wait_for 30 "the prune" idle
is "the new one is not right" "length == 2 and (.[0] | .kind == \"full\" and .state == \"good\" and
    .keep == \"last 1\" and (.why | test(\"a chain of its own with the true date\")) and
    (.created | fromdateiso8601 - now | fabs < 120)) and .[1].state == \"set-aside\""
[ "$({ vmkeep status --json || true; } | jq -r '.domains[0].protected')" = true ] ||
    fail "it is at risk"
for id in $(points | jq -r '.[].id'); do
    restored_state "$id" vm1 vda > /dev/null || fail "$id cannot be restored"
done
vmkeep run nightly --wait
is "no increment on the true one" 'map(.kind) == ["full", "incremental", "full"]'

echo "- a day's schedule: one run in the wrong time, none on its heels when it is right again"
due=$(date -d '20 seconds' +%s)
write_config "{ incremental: [\"*-*-* $(date -d "@$due" +%H:%M:%S)\"] }" "{ last: 1 }"
before=$(jobs_made)
restart_with +10y
wait_for 60 "a run that was missed" more_jobs_than "$before"
wait_for 30 "its end" idle
restart_with +0
wait_for 60 "the due time" sh -c "[ \$(date +%s) -gt $due ]"
sleep 5 # what is wrong here is what comes after
[ "$(jobs_made)" -le $((before + 2)) ] || fail "$(($(jobs_made) - before)) runs of a day's schedule"

echo "- set back by an hour, under the daemon and with a restart: runs go on"
write_config '{ incremental: ["*:*:0/10"] }' "{ last: 3 }"
restart_with +0
wait_for 60 "a run" more_jobs_than $((before + 1))
clock -1h
wait_for 60 "the log" asked_says "the clock was set back by 1h"
now=$(jobs_made)
wait_for 90 "two runs by a clock that was set back" more_jobs_than $((now + 1))
status_says "^warning: the clock was set back by 1h"
restart_with -2h
now=$(jobs_made)
wait_for 60 "two runs after a restart" more_jobs_than $((now + 1))

echo "- a battery that is dead: 1970, and right again under the daemon"
write_config "$never" "{ last: 1 }"
restart_with "@1970-01-01 00:05:00"
grep -q "the clock is not set (it shows 1970-01-01" "$tmp/log" || fail "not logged"
status_says "^warning: the clock is not set"
before=$(points | jq length)
vmkeep run nightly --wait
vmkeep run nightly --wait
wait_for 30 "the prunes" idle
is "something was let go in 1970" "length == $((before + 2))"
clock +0
wait_for 60 "the log" asked_says "the clock is set"
vmkeep run nightly --wait
is "the last is no full of its own" '(map(select(.created > "2000" and .state == "good")) | last | .kind) == "full"
    and (map(select(.created < "2000") | .state) | unique) == ["set-aside"]'
stop_daemon
