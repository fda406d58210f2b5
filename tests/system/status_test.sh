#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# `status` and its exit status on bad days, with a real daemon: what must be acted on is 4, a broken promise 3, and 0
# only when nobody has to do anything.  Repositories are looked at as they are now, and next runs are the
# daemon's, whoever asks.
. "$(dirname "$0")/lib.sh"

small=$tmp/small

# is STATUS CODE...: how `status` ends, and the codes of all that somebody must see to.
is()
{
    local want=$1 status=0 codes
    shift
    vmkeep status --json > "$tmp/status" || status=$?
    [ "$status" = "$want" ] || fail "exit status $status, not $want: $(cat "$tmp/status")"
    codes=$(jq -r '[.reasons[].code] | unique | join(" ")' "$tmp/status")
    [ "$codes" = "$(printf '%s\n' "$@" | sort | xargs)" ] || fail "codes: $codes; wanted: $*"
    jq -e '[.reasons[] | select(.advice == null)] == []' "$tmp/status" > /dev/null ||
        fail "does not say what to do: $(cat "$tmp/status")"
    # In text, too; and its first line says how it stands.
    vmkeep status > "$tmp/text" || true
    case $want in
        0) grep -q '^OK: ' "$tmp/text" ;;
        3) grep -q '^NOT PROTECTED: ' "$tmp/text" ;;
        4) grep -q '^ACT: ' "$tmp/text" ;;
    esac || fail "its first line: $(head -n 1 "$tmp/text")"
}

shows()
{
    grep -q "$1" "$tmp/text" || fail "status does not show '$1': $(cat "$tmp/text")"
}

shows_job()
{
    vmkeep jobs --json | jq -e "$1"
}

mount_repository()
{
    mount -t tmpfs -o size=96m tmpfs "$small"
}

mkdir "$small"
mount_repository
mkdir "$small/repo" "$tmp/catalog"
make_disks vm1 vda
make_disks vm2 vda
start_vm vm1 vda
start_vm vm2 vda
REPO=$small/repo VMS="vm1 vm2" write_config '{ full: ["03:00"] }'
sed -i "s/rpo: 1h/rpo: 300d/; s/domains: \['\*'\]/domains: [vm1]/" "$tmp/config"
sed -i "s|^catalog: .*|catalog: $tmp/catalog/catalog.db|" "$tmp/config"

echo "- a domain that nobody backs up, and one that has no point yet"
(export TZ=Asia/Tokyo; start_daemon; echo "${pids[daemon]}" > "$tmp/pid")
pids[daemon]=$(cat "$tmp/pid")
await_daemon
is 3 no-point no-policy
sed -i '1i unprotected: ["lab/vm2"]' "$tmp/config"
vmkeep reload > /dev/null
is 3 no-point
shows 'lab/vm2 .*left out'

echo "- all is well; the next run is the daemon's, whoever asks"
vmkeep run vm1 --wait > /dev/null
is 0
for zone in UTC America/New_York; do
    TZ=$zone vmkeep status --json | jq -r '.domains[0].next_run'
done | sort -u > "$tmp/next"
[[ $(cat "$tmp/next") == *T18:00:00Z ]] || fail "next run at $(cat "$tmp/next")"

echo "- the newest point's manifest is torn: seen at once, and gone when it is back"
manifest=$small/repo/$(points | jq -r '.[-1].id')/point.json
cp "$manifest" "$tmp/manifest"
truncate -s 100 "$manifest"
is 3 no-point points-bad
shows 'its manifest cannot be read: .*point.json:'
cp "$tmp/manifest" "$manifest"
is 0
truncate -s 100 "$manifest"
{ vmkeep doctor vm1 || true; } | grep -q 'its manifest cannot be read' || fail "nor doctor"
cp "$tmp/manifest" "$manifest"
vmkeep doctor vm1 > /dev/null || true # the daemon has seen it torn, and looks again
wait_for 20 "the daemon to see that it is back" vmkeep status
is 0

echo "- what the newest point stands on is gone: seen at once, and good again when it is read"
for level in full incremental; do
    vmkeep run vm1 --level "$level" --wait > /dev/null
done
[ "$(points | jq -r '.[-1].kind')" = incremental ] || fail "points: $(points)"
below=$small/repo/$(points | jq -r '.[-2].id')
mv "$below/vda.qcow2" "$tmp/below"
is 4 points-bad
shows 'it stands on .*, which is missing: its file vda.qcow2 is not there'
vmkeep verify vm1 > "$tmp/out" && fail "whole: $(cat "$tmp/out")"
mv "$tmp/below" "$below/vda.qcow2"
vmkeep verify vm1 > "$tmp/out" || fail "$(cat "$tmp/out")"
points | jq -e 'all(.state == "good")' > /dev/null || fail "points: $(points)"
is 0

echo "- the policy is renamed: nobody wonders where the points are"
sed -i 's/name: nightly/name: daily/' "$tmp/config"
vmkeep reload > /dev/null
is 3 no-point
shows 'the newest point of policy nightly, which is not in the configuration any more, is of .*: a policy that was renamed'
sed -i 's/name: daily/name: nightly/' "$tmp/config"
vmkeep reload > /dev/null
is 0

echo "- a schedule whose next run comes after the promise breaks"
sed -i "s/'03:00'/2199-01-01/; s/\"03:00\"/2199-01-01/" "$tmp/config"
vmkeep reload > /dev/null
is 4 breaks-soon
shows 'the promise breaks in 299d 23h, before the next run'
sed -i "s/2199-01-01/'03:00'/" "$tmp/config"
vmkeep reload > /dev/null
is 0

echo "- its QEMU ends, and its images are not configured"
domain_is()
{
    [ "$(vmkeep domains --json | jq -r '.[] | select(.domain == "vm1").state')" = "$1" ]
}
stop_vm vm1
wait_for 10 "vm1 to be seen shut off" domain_is "shut off"
is 4 shut-off
shows 'its images are not configured (key disks)): no backup of it can be made until it is'
vmkeep run vm1 --wait > "$tmp/out" 2>&1 && fail "backed up without images"
grep -q "the domain is shut off: .*; its images are not configured (key disks)" "$tmp/out" ||
    fail "the job does not say what would help: $(cat "$tmp/out")"
{ vmkeep doctor vm1 || true; } | grep -q 'name its images (`disks`)' || fail "nor doctor"
start_vm vm1 vda
wait_for 10 "vm1 to be seen again" domain_is paused
vmkeep run vm1 --wait > /dev/null
is 0

echo "- full: a job fails, and that is seen though the promise is kept"
head -c 300M /dev/zero > "$small/fill" 2> /dev/null || true
for level in incremental full; do # of nothing that has changed, too
    vmkeep run vm1 --level "$level" --wait > "$tmp/out" 2>&1 && fail "there was room"
    grep -q 'repository main: no room: about [0-9.]* MiB needed and 0 B to stay free, but .* has only .*; make room' \
        "$tmp/out" || fail "what to do is not said: $(cat "$tmp/out")"
done
vmkeep run vm1 --wait --json > "$tmp/out" 2>&1 && fail "there was room"
[ "$(jq -c '.jobs[0].reasons' "$tmp/out")" = "$(vmkeep jobs --json | jq -c '.[-1].reasons')" ] || fail "$(cat "$tmp/out")"
jq -e '.jobs[0].reasons | length == 1 and .[0].code == "nospace"' "$tmp/out" > /dev/null || fail "$(cat "$tmp/out")"
is 4 repository-full
shows 'protected'
shows 'newest good point is .*; last job [0-9]* failed: repository main'
rm "$small/fill"
is 0
shows 'last job [0-9]* failed: repository main'

echo "- full: a prune makes room, by what takes none, and of what is reserved"
vmkeep run vm1 --level full --wait > /dev/null
write_some vm1 5 vda
vmkeep run vm1 --level incremental --wait > /dev/null
head -c $((($(df --output=avail -k "$small" | tail -n 1) - 2048) * 1024)) /dev/zero > "$small/fill"
cp "$tmp/config" "$tmp/before"
sed -i "s/keep: .*/keep: { last: 1 }/; s|\(path: $small/repo\) }|\1, reserve: 60MiB }|" "$tmp/config"
vmkeep reload > /dev/null
vmkeep prune vm1 --wait > "$tmp/out" 2>&1 || fail "no room was made: $(cat "$tmp/out")"
points | jq -e 'length == 1 and .[0].kind == "full" and .[0].state == "good"' > /dev/null || fail "left: $(points)"

echo "- a prune fails, and that is told until one succeeds"
rm "$small/fill"
cp "$tmp/before" "$tmp/config"
vmkeep reload > /dev/null
write_some vm1 5 vda
vmkeep run vm1 --level incremental --wait > /dev/null
head -c $((($(df --output=avail -k "$small" | tail -n 1) - 512) * 1024)) /dev/zero > "$small/fill"
sed -i "s/keep: .*/keep: { last: 1 }/" "$tmp/config"
vmkeep reload > /dev/null
vmkeep prune vm1 --wait > "$tmp/out" 2>&1 && fail "there was room"
is 4 prune-failed repository-full
shows 'the last prune in repository main failed, at .*: job [0-9]*: .*: merging takes .* for a while, and only .* are free: make so much room'
rm "$small/fill"
vmkeep prune vm1 --wait > /dev/null
cp "$tmp/before" "$tmp/config"
vmkeep reload > /dev/null
is 0

echo "- read-only"
mount -o remount,ro "$small"
is 4 repository-read-only
mount -o remount,rw "$small"

echo "- a point is damaged"
vmkeep run vm1 --wait > /dev/null
newest=$(points | jq -r '.[-1].id')
truncate -s 4096 "$small/repo/$newest/vda.qcow2"
vmkeep run vm1 --wait > /dev/null
is 4 points-bad
shows "a point is damaged: $newest"

echo "- unmounted, and another disk in its place: seen at once"
umount "$small"
is 4 points-bad repository

echo "- a run comes due meanwhile: it is tried again soon"
sed -i "s|^    schedule: .*|    schedule: { full: ['$(TZ=Asia/Tokyo date -d '3 seconds' '+%F %T')'] }|" "$tmp/config"
vmkeep reload > /dev/null
wait_for 15 "a run that finds no repository" shows_job '.[-1] | .due != null and .outcome == "failed"'
is 4 points-bad repository
jq -e '.domains[0].policies[0] | (.next_run | fromdate) - now | 0 < . and . <= 300' "$tmp/status" > /dev/null ||
    fail "when it is tried again: $(cat "$tmp/status")"
sed -i "s|^    schedule: .*|    schedule: { full: ['03:00'] }|" "$tmp/config"
vmkeep reload > /dev/null

mount_repository
mkdir "$small/repo"
is 4 points-bad repository
shows 'is the disk not mounted?'

echo "- the catalog's file system is full"
kill -TERM "${pids[daemon]}" # before the catalog is taken from it: it would write it back
wait_for 10 "the daemon's end" eval '! kill -0 "${pids[daemon]}"'
mv "$tmp/catalog" "$tmp/kept"
umount "$small"
mount -t tmpfs -o size=4m tmpfs "$small"
cp "$tmp"/kept/catalog.db* "$small"
ln -s "$small" "$tmp/catalog"
start_daemon
await_daemon
head -c 10M /dev/zero > "$small/fill" 2> /dev/null || true
wait_for 10 "a run that cannot be written down" eval '! vmkeep run vm1'
is 4 catalog points-bad repository
shows "it cannot write to its catalog since $(date +%F)"
rm "$small/fill"
is 4 points-bad repository

echo "- the daemon hangs; it is killed"
kill -STOP "${pids[daemon]}"
is 4 daemon-silent points-bad repository
kill -KILL "${pids[daemon]}"
wait "${pids[daemon]}" || true
unset "pids[daemon]"
is 4 daemon-down points-bad repository

echo "- a domain leaves the configuration"
sed -i '/name: vm2/,+1d; /^unprotected/d' "$tmp/config"
is 4 daemon-down points-bad repository
start_daemon
await_daemon
[ "$(vmkeep domains --name)" = lab/vm1 ] || fail "domains: $(vmkeep domains)"
stop_daemon
echo "all as it should be"
