#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Kill sweep of a deletion: the daemon is killed (SIGKILL) at each of its durable effects in turn (kill_at.c),
# while it deletes the newest point by name; then it is started again. Each time the point is either whole, for
# nobody has written down that it is to go, or gone with its files and its bitmap; every other point restores
# to what it was, and the next backup succeeds.
. "$(dirname "$0")/lib.sh"

make_disks vm1 vda
start_vm vm1 vda
write_config "$never"

daemon_answers_or_is_dead()
{
    daemon_answers || ! kill -0 "${pids[daemon]}"
}

bitmaps()
{
    "$WRITER" qmp "$tmp/vm1.test" query-named-block-nodes |
        jq -r '.[] | select(."node-name" == "vda") | ."dirty-bitmaps" // [] | .[].name // empty'
}

declare -A known=() checked=()
writes=0
backup()
{
    write_some vm1 10 vda
    writes=$((writes + 10))
    vmkeep run nightly --wait > "$tmp/out" || fail "no backup after kill ${n:-0}: $(cat "$tmp/out")"
    newest=$(points | jq -r '.[-1].id')
    known[$newest]=$writes
}

# Those that are new, or all of them again.
check_points()
{
    local id state
    for id in $(points | jq -r '.[].id'); do
        [ -z "${checked[$id]:-}" ] || [ -n "${1:-}" ] || continue
        state=$(restored_state "$id" vm1 vda)
        [[ " $state " = *" ${known[$id]} "* ]] || fail "$id holds the state after $state writes, not ${known[$id]}"
        checked[$id]=yes
    done
}

# What became of the point that was to go.
check_outcome()
{
    local id=$1
    [ -z "$(find "$tmp/repo" -name '*.deleting' -o -name '*.partial')" ] ||
        fail "after kill $n: half removed: $(find "$tmp/repo" -name '*.deleting')"
    if points | jq -e --arg id "$id" 'any(.id == $id)' > /dev/null; then
        points | jq -e --arg id "$id" '.[] | select(.id == $id) | .state == "good"' > /dev/null ||
            fail "after kill $n: $id is $(points | jq -c '.[-1]')"
        stayed=$((stayed + 1))
    else
        [ ! -e "$tmp/repo/$id" ] || fail "after kill $n: the files of $id are left"
        gone=$((gone + 1))
    fi
}

start_daemon
await_daemon
backup
backup
stop_daemon

# Each place takes seconds: the suite tries every third, SWEEP_STEP=1 all of them.
step=${SWEEP_STEP:-3}
kills=0 stayed=0 gone=0
for ((n = 1; ; n += step)); do
    rm -f "$tmp/killed"
    DAEMON_WRAP=(env "LD_PRELOAD=$BUILD/tests/system/libkill_at.so" "KILL_AT=$n"
                 "KILL_MARK=$tmp/killed" ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0)
    start_daemon
    wait_for 10 "the daemon, or its end" daemon_answers_or_is_dead
    doomed=$newest
    vmkeep delete "$doomed" --yes --wait > /dev/null 2>&1 || true
    if kill -0 "${pids[daemon]}" 2>/dev/null; then
        kill -KILL "${pids[daemon]}" 2>/dev/null || true
    fi
    wait "${pids[daemon]}" 2>/dev/null || true
    unset "pids[daemon]"
    DAEMON_WRAP=(env)
    [ -e "$tmp/killed" ] || break
    kills=$((kills + 1))
    start_daemon
    await_daemon
    wait_for 30 "open jobs to be settled after kill $n" idle
    check_outcome "$doomed"
    backup
    wait_for 10 "jobs to end" idle
    [ "$(bitmaps | grep -c .)" = 1 ] || fail "after kill $n: bitmaps left behind: $(bitmaps | tr '\n' ' ')"
    stop_daemon
    [ $((kills % 4)) -ne 0 ] || check_points
done
[ "$kills" -gt 4 ] || fail "only $kills kills: the sweep did not reach the daemon's work"
[ "$gone" -gt 0 ] || fail "no killed deletion was finished by a successor"
start_daemon
await_daemon
wait_for 30 "open jobs to be settled" idle
check_points again
stop_daemon
echo "$kills kills: $stayed points stayed, $gone went; all as they should be"
