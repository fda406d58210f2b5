#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Points whose files were deleted or cut short by hand: they are told, what stands on them too; nothing
# is based on them, nothing whole is pruned for their sake, and one that comes back is good again.
. "$(dirname "$0")/lib.sh"

state_of() # POINT
{
    points | jq -r --arg id "$1" '.[] | select(.id == $id) | .state'
}

problem_of() # POINT
{
    points | jq -r --arg id "$1" '.[] | select(.id == $id) | .problem'
}

backup() # LEVEL, and the id of the point is in $point
{
    vmkeep run nightly --level "$1" --wait > "$tmp/out" || fail "the backup failed: $(cat "$tmp/out")"
    point=$(points | jq -r '.[-1].id')
}

look_again()
{
    kill -HUP "${pids[daemon]}"
}

is_state() # POINT STATE
{
    [ "$(state_of "$1")" = "$2" ]
}

make_disks vm1 vda
start_vm vm1 vda
write_config "$never" '{ last: 2 }'
start_daemon
await_daemon

echo "- the newest full's directory is deleted: it counts for no rule, and no whole point goes for it"
backup full; first=$point
backup full; second=$point
mv "$tmp/repo/$second" "$tmp/kept"
backup full; third=$point
wait_for 20 "the prune to end" eval '! vmkeep jobs --active --json | jq -e length==1'
[ "$(state_of "$second")" = missing ] || fail "$second is $(state_of "$second"), not missing"
[ -d "$tmp/repo/$first" ] || fail "a whole point was pruned for the sake of one that is gone"
[ "$(state_of "$first")" = good ] || fail "$first is $(state_of "$first")"
vmkeep points > "$tmp/out"
grep -q "missing: $second: its directory is not there" "$tmp/out" || fail "points does not say why: $(cat "$tmp/out")"
vmkeep explain "$second" | grep -q 'missing: its directory is not there' || fail "explain does not say why"

echo "- it comes back"
mv "$tmp/kept" "$tmp/repo/$second"
write_config "$never"
look_again
wait_for 20 "the point to be good again" is_state "$second" good
vmkeep restore "$second" --to "$tmp/back" > /dev/null || fail "what came back cannot be restored"

echo "- an image that was cut short, and the increment that stands on it"
backup incremental; above=$point
truncate -s 4096 "$tmp/repo/$third/vda.qcow2"
look_again
wait_for 20 "the damage to be seen" is_state "$third" damaged
[ "$(state_of "$above")" = damaged ] || fail "$above stands on it and is $(state_of "$above")"
problem_of "$third" | grep -q 'its file vda.qcow2 is 4096 bytes long' || fail "why: $(problem_of "$third")"
problem_of "$above" | grep -qF "it stands on $third, which is damaged" || fail "why: $(problem_of "$above")"
status=0
vmkeep status --json > "$tmp/out" || status=$?
[ "$status" = 4 ] || fail "exit status $status though points are damaged"
jq -r '.domains[0].last_point' "$tmp/out" > "$tmp/last"
jq -r '.domains[0].bad_points' "$tmp/out" | grep -qF "2 points are damaged; the newest of them is $above: it stands on $third" ||
    fail "status says nothing of damaged points: $(cat "$tmp/out")"
{ vmkeep status || true; } | grep -q "why: 2 points are damaged" || fail "nor does its text"
{ vmkeep doctor --json || true; } | jq -e '.[0] | .check == "points" and (.fine | not) and .advice != null' > /dev/null ||
    fail "doctor: $(vmkeep doctor)"
[ "$(cat "$tmp/last")" = "$(points | jq -r --arg id "$second" '.[] | select(.id == $id) | .created')" ] ||
    fail "the last point of status is $(cat "$tmp/last"), not the last good one"

echo "- the next incremental is a full, and says why"
backup incremental
[ "$(points | jq -r '.[-1].kind')" = full ] || fail "an incremental was based on a damaged chain"
vmkeep explain "$point" | grep -qF "$above is damaged" || fail "explain: $(vmkeep explain "$point")"

echo "- a disk that the last point had is not there any more: told, and the promise is not kept"
stop_vm vm1
make_disks vm1 vdb
start_vm vm1 vda vdb
wait_for 20 "QEMU to be seen" eval 'vmkeep run nightly --wait > /dev/null 2>&1'
vmkeep status > /dev/null || [ $? = 4 ] || fail "not protected with both disks: $(vmkeep status)"
stop_vm vm1
start_vm vm1 vda
wait_for 20 "QEMU to be seen" eval 'vmkeep run nightly --wait > /dev/null 2>&1'
vmkeep jobs --json | jq -r '[.[] | select(.kind == "backup")][-1].reason' | grep -q 'lacks disk vdb' ||
    fail "the outcome says nothing of vdb: $(vmkeep jobs)"
status=0
vmkeep status > "$tmp/out" || status=$?
[ "$status" = 3 ] || fail "exit status $status though a disk is missing"
grep -q 'lacks disk vdb' "$tmp/out" || fail "status does not say why: $(cat "$tmp/out")"
vmkeep run nightly --wait > /dev/null
vmkeep status > "$tmp/out" && fail "it is forgotten at the next backup"
sed -i "s/    domains: \['\*'\]/&\n    disks: ['*', '!vdb']/" "$tmp/config"
look_again
vmkeep status > "$tmp/out" || [ $? = 4 ] || fail "left out on purpose, and still a finding: $(cat "$tmp/out")"

echo "- a repository that is not there changes no point's state, and nothing is pruned"
before=$(points | jq -c '[.[] | [.id, .state]]')
mv "$tmp/repo" "$tmp/elsewhere"
look_again
vmkeep prune nightly --wait > "$tmp/out" 2>&1 && fail "a prune without a repository succeeded"
[ "$(points | jq -c '[.[] | [.id, .state]]')" = "$before" ] || fail "states changed: $(points)"
points | jq -e 'all(.repository_problem | test("no such directory"))' > /dev/null ||
    fail "points does not say that nothing is known now: $(points)"
vmkeep points | grep -q "repository main; states are as they were last, for it cannot be looked at now: $tmp/repo: no such" ||
    fail "nor does its text: $(vmkeep points)"
{ vmkeep status || true; } | grep -q "whether its points are good is not known now, for repository main" ||
    fail "nor does status: $(vmkeep status)"
mv "$tmp/elsewhere" "$tmp/repo"

echo "- of a policy that was moved: a point goes only when the one in the new repository was seen"
kept=$(points | jq -r "last.id")
mkdir "$tmp/second"
sed -i "s|^policies:|  - { name: second, path: $tmp/second }\n&|; s|repository: main|repository: second|" "$tmp/config"
look_again
backup full
sed -i "s|keep: .*|keep: { last: 1 }|" "$tmp/config"
mv "$tmp/second" "$tmp/elsewhere"
look_again
vmkeep prune nightly --wait > "$tmp/out" 2>&1 || true
[ -d "$tmp/repo/$kept" ] || fail "$kept was pruned for the sake of one that nobody has seen"
mv "$tmp/elsewhere" "$tmp/second"
vmkeep prune nightly --wait > "$tmp/out" || fail "the prune failed: $(cat "$tmp/out")"
[ ! -d "$tmp/repo/$kept" ] || fail "$kept is there still"
stop_daemon
