#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Kill sweep: the daemon is killed (SIGKILL) at each of its durable effects in turn (kill_at.c), while
# it makes an increment; then it is started again.  Each time every open job must be settled, the next backup
# must succeed, every point that exists must restore to exactly what the disks held when it was taken,
# and nothing may be left behind: no directory in the making, no bitmap but the current one.
. "$(dirname "$0")/lib.sh"

make_disks vm1 vda vdb
start_vm vm1 vda vdb
write_config "$never"

daemon_answers_or_is_dead()
{
    daemon_answers || ! kill -0 "${pids[daemon]}"
}

# Bitmaps of ours on the first disk.
bitmaps()
{
    "$WRITER" qmp "$tmp/vm1.test" query-named-block-nodes |
        jq -r '.[] | select(."node-name" == "vda") | ."dirty-bitmaps" // [] | .[].name // empty'
}

# Every point restores to the number of writes that was noted when it was taken: those that are new, or all
# of them again.
check_points()
{
    local id state
    for id in $(points | jq -r '.[].id'); do
        [ -z "${checked[$id]:-}" ] || [ -n "${1:-}" ] || continue
        [ -n "${known[$id]:-}" ] || fail "$id appeared from nowhere"
        state=$(restored_state "$id" vm1 vda vdb)
        [[ " $state " = *" ${known[$id]} "* ]] ||
            fail "$id holds the state after $state writes, not ${known[$id]}"
        checked[$id]=yes
    done
}
declare -A known=() checked=()

# Points that are new belong to the state the disks were in all the time.
note_points()
{
    local id
    for id in $(points | jq -r '.[].id'); do
        : "${known[$id]:=$1}"
    done
}

writes=0
more_writes()
{
    write_some vm1 20 vda vdb
    writes=$((writes + 20))
}

start_daemon
await_daemon
more_writes
vmkeep run nightly --wait > /dev/null
note_points $writes
stop_daemon

# Each place takes seconds: the suite tries every third, SWEEP_STEP=1 all of them.
step=${SWEEP_STEP:-3}
kills=0
for ((n = 1; ; n += step)); do
    more_writes
    rm -f "$tmp/killed"
    DAEMON_WRAP=(env "LD_PRELOAD=$BUILD/tests/system/libkill_at.so" "KILL_AT=$n"
                 "KILL_MARK=$tmp/killed" ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0)
    start_daemon
    wait_for 10 "the daemon, or its end" daemon_answers_or_is_dead
    vmkeep run nightly --wait > /dev/null 2>&1 || true
    if kill -0 "${pids[daemon]}" 2>/dev/null; then
        note_points $writes
        kill -KILL "${pids[daemon]}" 2>/dev/null || true
        came_through=yes
    else
        came_through=no
    fi
    wait "${pids[daemon]}" 2>/dev/null || true
    unset "pids[daemon]"
    # The n-th effect may come when the job has ended (a copy of the catalog), and while it dies of that
    # the daemon is still there: only the mark tells who has killed it.
    if [ ! -e "$tmp/killed" ]; then
        [ $came_through = yes ] || fail "it died by itself before effect $n: $(tail -n 5 "$tmp/log")"
        DAEMON_WRAP=(env)
        break
    fi
    kills=$((kills + 1))
    DAEMON_WRAP=(env)
    start_daemon
    await_daemon
    wait_for 30 "open jobs to be settled after kill $n" idle
    note_points $writes
    more_writes
    vmkeep run nightly --wait > /dev/null || fail "no backup after kill $n"
    note_points $writes
    wait_for 10 "jobs to end" idle
    [ "$(bitmaps | grep -c .)" = 1 ] || fail "after kill $n: bitmaps left behind: $(bitmaps | tr '\n' ' ')"
    [ -z "$(find "$tmp/repo" -name '*.partial')" ] || fail "after kill $n: a partial directory is left"
    stop_daemon
    [ $((kills % 8)) -ne 0 ] || check_points
done
[ "$kills" -gt 10 ] || fail "only $kills kills: the sweep did not reach the daemon's work"
start_daemon
await_daemon
check_points again
stop_daemon
echo "$kills kills, $(points | jq length) points, all as they should be"
