#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Kill sweep of copies: the daemon is killed (SIGKILL) at each of its durable effects in turn (kill_at.c), while it
# copies two points, a full and an increment, into a second repository; then it is started again. Each time both
# repositories hold whole points alone, what the first one holds is as it was, and the next copy brings the rest.
. "$(dirname "$0")/lib.sh"

make_disks vm1 vda
start_vm vm1 vda
mkdir "$tmp/offsite"
write_config "$never"
sed -i "s|^policies:|  - { name: offsite, path: $tmp/offsite }\n&|" "$tmp/config"
echo "    copy_to: [ { repository: offsite, schedule: ['2099-01-01'] } ]" >> "$tmp/config"

daemon_answers_or_is_dead()
{
    daemon_answers || ! kill -0 "${pids[daemon]}"
}

# of REPOSITORY FILTER: of its good points.
of()
{
    points | jq -r --arg in "$1" "[.[] | select(.repository == \$in and .state == \"good\")] | $2"
}

# Copies are made oldest first, so those that are there are the first ones.
check_copies()
{
    local id source n=0
    [ -z "$(find "$tmp/offsite" "$tmp/repo" -name '*.deleting' -o -name '*.partial')" ] ||
        fail "kill $n: something is left: $(find "$tmp/offsite" -name '*.deleting' -o -name '*.partial')"
    [ "$(points | jq '[.[] | select(.state != "good")] | length')" = 0 ] || fail "kill $1: $(vmkeep points)"
    while read -r id source; do
        qemu-img compare -q "$tmp/repo/$source/vda.qcow2" "$tmp/offsite/$id/vda.qcow2" ||
            fail "kill $1: $id is not what $source holds"
        n=$((n + 1))
    done < <(of offsite '.[] | "\(.id) \(.copy_of)"')
    [ "$(find "$tmp/offsite" -name vda.qcow2 | wc -l)" = "$n" ] || fail "kill $1: not $n copies"
    [ "$(of main length)" = 2 ] || fail "kill $1: the first repository has $(of main length) points"
    there=$n
}

start_daemon
await_daemon
for _ in 1 2; do
    write_some vm1 10 vda
    vmkeep run nightly --wait > /dev/null
done
stop_daemon

# Each place takes seconds: the suite tries every thirteenth, SWEEP_STEP=1 all of them.
step=${SWEEP_STEP:-13}
kills=0 none=0 one=0 both=0
for ((n = 1; ; n += step)); do
    rm -f "$tmp/killed"
    DAEMON_WRAP=(env "LD_PRELOAD=$BUILD/tests/system/libkill_at.so" "KILL_AT=$n"
                 "KILL_MARK=$tmp/killed" ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0)
    start_daemon
    wait_for 10 "the daemon, or its end" daemon_answers_or_is_dead
    vmkeep copy nightly --to offsite --wait > /dev/null 2>&1 || true
    kill -KILL "${pids[daemon]}" 2>/dev/null || true
    wait "${pids[daemon]}" 2>/dev/null || true
    unset "pids[daemon]"
    DAEMON_WRAP=(env)
    [ -e "$tmp/killed" ] || break
    kills=$((kills + 1))
    start_daemon
    await_daemon
    wait_for 30 "open jobs to be settled after kill $n" idle
    check_copies "$n"
    case $there in 0) none=$((none + 1)) ;; 1) one=$((one + 1)) ;; 2) both=$((both + 1)) ;; *) fail "$there copies" ;; esac
    vmkeep copy nightly --to offsite --wait > "$tmp/said" 2>&1 || fail "no copy after kill $n: $(cat "$tmp/said")"
    check_copies "$n"
    [ "$there" = 2 ] || fail "kill $n: $there copies after the next copy"
    while read -r id; do
        vmkeep delete "$id" --force --yes --wait > /dev/null
    done < <(of offsite 'reverse | .[].id')
    wait_for 10 "the deletions" idle
    stop_daemon
done
[ "$kills" -gt 4 ] || fail "only $kills kills: the sweep did not reach the daemon's work"
[ "$none" -gt 0 ] && [ "$one" -gt 0 ] || fail "kills left no copy $none times, one $one times, both $both times"
echo "$kills kills: no copy was there after $none, one after $one, both after $both; all as they should be"
