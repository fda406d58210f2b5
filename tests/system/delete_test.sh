#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Points deleted by name: at a chain's end, in its middle, whole chains, damaged and missing ones; the last
# good one; the checkpoint that goes with the newest one; with a real QEMU.
. "$(dirname "$0")/lib.sh"

make_disks vm1 vda
start_vm vm1 vda
write_config "$never"

backup() # LEVEL, and the id of the point is in $point
{
    write_some vm1 5 vda
    vmkeep run nightly --level "$1" --wait > "$tmp/out" || fail "the backup failed: $(cat "$tmp/out")"
    point=$(points | jq -r '.[-1].id')
}

bitmaps()
{
    "$WRITER" qmp "$tmp/vm1.test" query-named-block-nodes |
        jq -r '.[] | select(."node-name" == "vda") | ."dirty-bitmaps" // [] | .[].name // empty'
}

count()
{
    points | jq length
}

# refused STATUS WORDS ARGUMENTS...: with that exit status and these words; nothing changes.
refused()
{
    local want=$1 words=$2 before status=0
    shift 2
    before=$(points | jq -c '[.[] | [.id, .state]]')
    vmkeep delete "$@" > "$tmp/out" 2>&1 || status=$?
    [ "$status" = "$want" ] || fail "delete $*: status $status, not $want: $(cat "$tmp/out")"
    grep -qF -- "$words" "$tmp/out" || fail "delete $* does not say '$words': $(cat "$tmp/out")"
    [ "$(points | jq -c '[.[] | [.id, .state]]')" = "$before" ] || fail "delete $* has changed something"
}

start_daemon
await_daemon
backup full; full=$point
backup incremental; middle=$point
backup incremental; last=$point

echo "- what another one is based on would be merged into that"
vmkeep delete "$middle" --dry-run > "$tmp/out"
grep -q "^$middle is merged into $last" "$tmp/out" || fail "the dry run: $(cat "$tmp/out")"
echo "- what cannot be is refused, with the reason"
refused 2 'nobody can be asked: say --yes' "$last" < /dev/null
refused 2 "'vm1' is a domain" vm1 --yes
refused 4 "no point is named 'nothing'" nothing --yes
refused 1 'no good point of lab/vm1 under policy nightly would be left' "$full" --with-dependents --yes

echo "- a dry run says what would go and what follows, and changes nothing"
vmkeep delete "$middle" --with-dependents --dry-run > "$tmp/out"
grep -q '2 points would go' "$tmp/out" || fail "the dry run: $(cat "$tmp/out")"
grep -q 'The next backup of lab/vm1 under policy nightly is a full' "$tmp/out" || fail "the dry run: $(cat "$tmp/out")"
vmkeep delete "$middle" --with-dependents --dry-run --json |
    jq -e --arg a "$last" --arg b "$middle" 'map(.id) == [$b, $a]' > /dev/null || fail "the dry run's JSON"
[ "$(count)" = 3 ] || fail "a dry run has deleted something"

echo "- the newest goes, its checkpoint with it: the next one is a full, and says why"
[ "$(bitmaps | grep -c .)" = 1 ] || fail "bitmaps: $(bitmaps)"
vmkeep delete "$last" --yes --wait > "$tmp/out" || fail "$(cat "$tmp/out")"
grep -q "success: 1 point deleted: $last; the next backup under the policy is a full" "$tmp/out" || fail "$(cat "$tmp/out")"
[ ! -e "$tmp/repo/$last" ] || fail "its files are there still"
[ "$(count)" = 2 ] || fail "$(count) points are left"
[ -z "$(bitmaps)" ] || fail "its bitmap is there still: $(bitmaps)"
[ "$(restored_state "$middle" vm1 vda)" = 10 ] || fail "$middle is not what it was"
backup incremental; again=$point
[ "$(points | jq -r '.[-1].kind')" = full ] || fail "an increment without its bitmap"
vmkeep explain "$again" | grep -q "point $middle cannot be stood on: a newer one was deleted on request, by job" ||
    fail "explain: $(vmkeep explain "$again")"
[ "$(restored_state "$again" vm1 vda)" = 20 ] || fail "$again is not what the disk held"

echo "- what is older goes, and the chain that goes on is not touched"
backup incremental
[ "$(points | jq -r '.[-1].kind')" = incremental ] || fail "not an increment"
vmkeep pin "$middle" --note 'a release' > "$tmp/out"
[ "$(cat "$tmp/out")" = "$middle is pinned (a release)" ] || fail "pin: $(cat "$tmp/out")"
refused 1 "'vmkeep unpin $middle' first" "$middle" --force --yes
mv "$tmp/repo" "$tmp/elsewhere"
if vmkeep pin "$again" > "$tmp/out" 2>&1; then fail "pinned in a repository that is away: $(cat "$tmp/out")"; fi
if vmkeep unpin "$middle" > "$tmp/out" 2>&1; then fail "unpinned in a repository that is away"; fi
mv "$tmp/elsewhere" "$tmp/repo"
[ "$(points | jq -r '[.[] | select(.pin) | .id] | join(" ")')" = "$middle" ] || fail "pins: $(points)"
vmkeep delete "$full" --yes --wait > /dev/null
[ -e "$tmp/repo/$middle/pin.json" ] || fail "a merge into $middle has cost its pin"
vmkeep unpin "$middle" > /dev/null
[ ! -e "$tmp/repo/$middle/pin.json" ] || fail "the pin is there still"
[ "$(count)" = 3 ] || fail "$(count) points are left"
[ ! -e "$tmp/repo/$full" ] || fail "its files are there still"
[ "$(points | jq -r --arg id "$middle" '.[] | select(.id == $id).kind')" = full ] || fail "$middle is no full"
[ "$(restored_state "$middle" vm1 vda)" = 10 ] || fail "$middle is not what it was, merged"

echo "- what somebody reads goes when that is over, and a backup goes first"
waits() { vmkeep jobs --active --json | jq -e 'any(.kind == "delete" and .waits_for.code == "reader")' > /dev/null; }
"$VMKEEP" --config "$tmp/config" export "$middle" > "$tmp/export" 2>&1 &
pids[export]=$!
wait_for 10 "the export" test -s "$tmp/export"
vmkeep delete "$middle" --yes > /dev/null
wait_for 10 "the deletion to wait" waits
vmkeep jobs --active > "$tmp/out"
grep -q 'for somebody who reads what is to go: .* is being restored from, or exported' "$tmp/out" || fail "jobs: $(cat "$tmp/out")"
backup incremental
wait_for 10 "the rest of it to wait" waits
[ -e "$tmp/repo/$middle" ] || fail "it is gone though it is read"
kill -INT "${pids[export]}"
wait "${pids[export]}" || true
unset "pids[export]"
wait_for 20 "the deletion to go on" idle
[ ! -e "$tmp/repo/$middle" ] || fail "it is there still: $(vmkeep jobs)"
[ "$(count)" = 3 ] || fail "$(count) points are left"
backup incremental; newest=$point
[ "$(points | jq -r '.[-1].kind')" = incremental ] || fail "the deletion of an old chain has cost a full"

echo "- damaged and missing ones: status is itself again when they are gone"
rm -r "$tmp/repo/$newest"
kill -HUP "${pids[daemon]}"
is_missing() { [ "$(points | jq -r '.[-1].state')" = missing ]; }
wait_for 20 "the loss to be seen" is_missing
status=0
vmkeep status > "$tmp/out" || status=$?
[ "$status" != 0 ] || fail "status exits with 0 though a point is missing: $(cat "$tmp/out")"
vmkeep delete "$newest" --yes --wait --json > "$tmp/out" || fail "$(cat "$tmp/out")"
jq -e '.jobs[0].outcome == "success"' "$tmp/out" > /dev/null || fail "JSON: $(cat "$tmp/out")"
wait_for 20 "status to be itself again: $(vmkeep status)" vmkeep status

echo "- without the daemon it says so; a dry run needs none"
stop_daemon
refused 6 'the daemon is not running' "$again" --with-dependents --force --yes
vmkeep delete "$again" --with-dependents --force --dry-run > /dev/null
start_daemon
await_daemon

echo "- a repository that is not there: nothing changes, and what can be done is said"
backup full
mv "$tmp/repo" "$tmp/elsewhere"
refused 4 'vmkeep repository forget' "$again" --with-dependents --yes --wait
refused 4 'vmkeep repository forget' "$again" --with-dependents --dry-run
mv "$tmp/elsewhere" "$tmp/repo"

echo "- all of a policy that left the configuration, the last good one too"
sed -i 's/name: nightly/name: weekly/' "$tmp/config"
kill -HUP "${pids[daemon]}"
vmkeep run weekly --wait > /dev/null
refused 1 '--force' --domain vm1 --policy nightly --yes
refused 4 'no point of vm1 under policy other' --domain vm1 --policy other --yes
vmkeep delete --domain lab/vm1 --policy nightly --force --yes --wait > "$tmp/out" || fail "$(cat "$tmp/out")"
points | jq -e 'map(.policy) == ["weekly"]' > /dev/null || fail "points: $(points)"
[ "$(bitmaps | grep -c .)" = 1 ] || fail "bitmaps: $(bitmaps)"
[ "$(find "$tmp/repo" -name '*.nightly*' | grep -c .)" = 0 ] || fail "files: $(find "$tmp/repo")"
stop_daemon
