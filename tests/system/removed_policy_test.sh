#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A policy that leaves the configuration: its bitmap stays for a grace, so that one that comes back goes on
# incrementally, or goes on request, one by name or all at once; its points stay. With a real QEMU.
. "$(dirname "$0")/lib.sh"

make_disks vm1 vda
start_vm vm1 vda
write_config "$never"
{
    sed -n '/- name: nightly/,$p' "$tmp/config" | sed 's/nightly/trial/'
} > "$tmp/trial"
cp "$tmp/config" "$tmp/without"
cat "$tmp/without" "$tmp/trial" > "$tmp/config"

bitmaps()
{
    "$WRITER" qmp "$tmp/vm1.test" query-named-block-nodes |
        jq -r '.[] | select(."node-name" == "vda") | ."dirty-bitmaps" // [] | .[].name // empty'
}

backup() # POLICY
{
    write_some vm1 5 vda
    vmkeep run "$1" --wait > "$tmp/out" || fail "the backup failed: $(cat "$tmp/out")"
}

use() # CONFIG
{
    cat "$@" > "$tmp/config"
    vmkeep reload > /dev/null
}

# leave_half HOUR: what a failed backup under trial could not clear away.
leave_half()
{
    local id
    id=$(points | jq -r '.[] | select(.policy == "trial").id')
    half=${id/T??-??-??Z/T$1-00-00Z}
    sqlite3 "$tmp/catalog.db" "INSERT INTO point (id, host, domain, policy, repository, level, created, mode, state, quiesced, job, catalog)
        SELECT '$half', host, domain, policy, repository, level, created, mode, 'deleting', 0, job, catalog FROM point WHERE id = '$id'"
    cp -a "$tmp/repo/$id" "$tmp/repo/$half.partial" # after its row: nobody wonders whose it is
}

half_is_gone()
{
    [ ! -e "$tmp/repo/$half.partial" ] && ! points | grep -q "$half"
}

start_daemon
await_daemon
backup nightly
backup trial
[ "$(bitmaps | grep -c .)" = 2 ] || fail "bitmaps: $(bitmaps)"

echo "- it leaves: its checkpoint stays, prunes and backups of others succeed, and it is listed"
leave_half 10
use "$tmp/without"
wait_for 10 "what was in the making to go" half_is_gone
backup nightly
vmkeep prune nightly --wait > "$tmp/out" || fail "a prune beside a removed policy: $(cat "$tmp/out")"
[ "$(bitmaps | grep -c .)" = 2 ] || fail "bitmaps: $(bitmaps)"
vmkeep explain vm1 > "$tmp/out"
grep -q 'not covered: *1 point of policy trial, which does not select it any more, stays' "$tmp/out" || fail "$(cat "$tmp/out")"
vmkeep checkpoint-prune --dry-run --json > "$tmp/out"
jq -e 'length == 1 and .[0].policy == "trial" and .[0].away != null and .[0].released != null' "$tmp/out" > /dev/null ||
    fail "checkpoint-prune --dry-run: $(cat "$tmp/out")"
vmkeep checkpoint-prune --dry-run > "$tmp/out"
grep -q '1 checkpoint would go' "$tmp/out" || fail "$(cat "$tmp/out")"

echo "- what it left in the making is cleared away at a start, and what it has made stays"
stop_daemon
leave_half 11
start_daemon
await_daemon
wait_for 10 "what was in the making to go" half_is_gone
[ "$(points | jq -c 'map(select(.policy == "trial")) | [length, .[0].state]')" = '[1,"good"]' ] || fail "$(points)"
[ "$(bitmaps | grep -c .)" = 2 ] || fail "bitmaps: $(bitmaps)"

echo "- it comes back within the grace, over a restart: incrementally"
stop_daemon
start_daemon
await_daemon
use "$tmp/without" "$tmp/trial"
backup trial
[ "$(points | jq -r '.[-1] | .policy + " " + .kind')" = "trial incremental" ] || fail "points: $(points)"
vmkeep checkpoint-prune --dry-run --json | jq -e 'length == 0' > /dev/null || fail "it is called away still"

echo "- away again, by name: only then the next incremental does not need it"
name=$(vmkeep checkpoint-list vm1 --json | jq -r '[.[] | select(.policy == "trial")][-1].name')
status=0
vmkeep checkpoint-delete vm1 "$name" > "$tmp/out" 2>&1 || status=$?
[ "$status" = 5 ] || fail "deleted under its policy: $(cat "$tmp/out")"
use "$tmp/without"
vmkeep checkpoint-delete vm1 "$name" > "$tmp/out" 2>&1 || fail "checkpoint-delete: $(cat "$tmp/out")"
[ "$(bitmaps | grep -c .)" = 1 ] || fail "bitmaps: $(bitmaps)"

echo "- all at once"
use "$tmp/without" "$tmp/trial"
backup trial
use "$tmp/without"
[ "$(bitmaps | grep -c .)" = 2 ] || fail "bitmaps: $(bitmaps)"
status=0
vmkeep checkpoint-prune nothing > "$tmp/out" 2>&1 || status=$?
[ "$status" = 4 ] || fail "status $status for a domain that is not there: $(cat "$tmp/out")"
vmkeep checkpoint-prune --wait > "$tmp/out" || fail "$(cat "$tmp/out")"
grep -q 'success: 1 checkpoint deleted at the hypervisor' "$tmp/out" || fail "$(cat "$tmp/out")"
[ "$(bitmaps | grep -c .)" = 1 ] || fail "bitmaps: $(bitmaps)"
vmkeep checkpoint-prune > "$tmp/out"
grep -q 'There is nothing to do' "$tmp/out" || fail "$(cat "$tmp/out")"

echo "- its points stay, and can be restored; a full follows when it comes back"
[ "$(points | jq '[.[] | select(.policy == "trial")] | length')" = 3 ] || fail "points: $(points)"
[ "$(restored_state "$(points | jq -r '[.[] | select(.policy == "trial")][-1].id')" vm1 vda)" = 25 ] ||
    fail "its last point is not what the disk held"
use "$tmp/without" "$tmp/trial"
backup trial
[ "$(points | jq -r '.[-1] | .policy + " " + .kind')" = "trial full" ] || fail "points: $(points)"
grep -q 'its checkpoint vmkeep-[^ ]* was released (job [0-9]*: asked for by hand: no policy needs it)' <(vmkeep explain "$(points | jq -r '.[-1].id')" | tr -s '\n ' ' ') ||
    fail "why a full: $(vmkeep explain "$(points | jq -r '.[-1].id')")"
backup nightly
[ "$(points | jq -r '.[-1] | .policy + " " + .kind')" = "nightly incremental" ] || fail "points: $(points)"

echo "- the domain itself leaves the configuration: its checkpoints are listed, and who lets go of them is told what stays"
sed 's/name: vm1/name: vm2/; s/vm1.qmp/vm2.qmp/' "$tmp/without" > "$tmp/other"
use "$tmp/other"
{ vmkeep status || true; } > "$tmp/out"
grep -q '^note: 1 domain with points is in the configuration no more, or not at its host: lab/vm1; the points stay' "$tmp/out" ||
    fail "status: $(cat "$tmp/out")"
{ vmkeep status --json || true; } | jq -e '[.reasons[].code] | index("not-configured") == null' > /dev/null || fail "a finding"
vmkeep checkpoint-prune --dry-run --json > "$tmp/out"
jq -e 'length == 2 and all(.[]; .domain == "vm1" and .away != null and (.reachable | not))' "$tmp/out" > /dev/null ||
    fail "checkpoint-prune --dry-run: $(cat "$tmp/out")"
use "$tmp/without"
backup nightly
[ "$(points | jq -r '.[-1] | .policy + " " + .kind')" = "nightly incremental" ] || fail "points: $(points)"
before=$(bitmaps | grep -- "$(points | jq -r '.[-1].checkpoint')")
use "$tmp/other"
vmkeep checkpoint-prune --dry-run > "$tmp/out"
grep -q "lab/vm1: vmkeepd has no way to it any more, .* goes in the catalog alone" "$tmp/out" || fail "$(cat "$tmp/out")"
vmkeep checkpoint-prune --wait > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
grep -q "was let go of in the catalog alone. If the domain is there still, its bitmaps stay: $before\\. Remove" "$tmp/out" ||
    fail "what stays is not told: $(cat "$tmp/out")"
vmkeep checkpoint-prune --dry-run --json | jq -e 'length == 0' > /dev/null || fail "they are there still"
"$WRITER" qmp "$tmp/vm1.test" block-dirty-bitmap-remove "{\"node\": \"vda\", \"name\": \"$before\"}" > /dev/null ||
    fail "the advice does not work"
use "$tmp/without"
backup nightly
[ "$(points | jq -r '.[-1] | .policy + " " + .kind')" = "nightly full" ] || fail "points: $(points)"
[ "$(bitmaps | grep -c .)" = 1 ] || fail "bitmaps: $(bitmaps)"
stop_daemon
