#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Restores when things are not as they should be: a damaged image, a repository that is away, a place
# that belongs to somebody else, and a terminal that goes away.
. "$(dirname "$0")/lib.sh"

# expect STATUS TEXT COMMAND...: the exit status, and the text among what it prints.
expect()
{
    local status=0 want=$1 text=$2
    shift 2
    "$@" > "$tmp/out" 2>&1 || status=$?
    [ "$status" = "$want" ] || fail "$*: exit status $status, not $want: $(cat "$tmp/out")"
    grep -qF -- "$text" "$tmp/out" || fail "$*: does not say '$text': $(cat "$tmp/out")"
}

backup() # POLICY LEVEL, and the id of the point is in $point
{
    vmkeep run "$1" --level "$2" --wait > "$tmp/out" 2>&1 || fail "the backup failed: $(cat "$tmp/out")"
    point=$(points | jq -r --arg policy "$1" '[.[] | select(.policy == $policy)][-1].id')
}

flip() # FILE
{
    printf XXXX | dd of="$1" bs=1 seek=400000 conv=notrunc status=none
}

is_good() # POINT
{
    [ "$(points | jq -r --arg id "$1" '.[] | select(.id == $id) | .state')" = good ]
}

is_state() # POINT STATE
{
    [ "$(points | jq -r --arg id "$1" '.[] | select(.id == $id) | .state')" = "$2" ]
}

is_damaged() # POINT
{
    [ "$(points | jq -r --arg id "$1" '.[] | select(.id == $id) | .state')" = damaged ]
}

make_disks vm1 vda
start_vm vm1 vda
export IMAGES=vda
write_config "$never"
mkdir "$tmp/other"
cat >> "$tmp/config" <<END
  - { name: offsite, domains: ['*'], repository: other, schedule: $never, rpo: 1h }
END
sed -i "s|^repositories:|&\n  - { name: other, path: $tmp/other }|" "$tmp/config"
start_daemon
await_daemon
backup offsite full; elsewhere=$point
sleep 1.1 # points of one second are told apart by who made them; people would not wonder which is newer
backup nightly full; full=$point
sleep 1.1
backup nightly incremental; increment=$point

echo "- what was restored starts beside the domain, on the restored disks alone"
expect 0 "$tmp/started/qemu.sh -display gtk" vmkeep restore "$increment" --to "$tmp/started" --format raw
"$tmp/started/qemu.sh" -S -qmp "unix:$tmp/started.qmp,server=on,wait=off" > "$tmp/started.out" 2>&1 &
pids[started]=$!
wait_for 10 "QEMU on the restored disks" "$WRITER" qmp "$tmp/started.qmp" query-status
[ "$("$WRITER" qmp "$tmp/started.qmp" query-block | jq -r '.. | .file? // empty | strings' | sort -u)" \
    = "$tmp/started/vda.raw" ] || fail "other files are open: $("$WRITER" qmp "$tmp/started.qmp" query-block)"
"$WRITER" qmp "$tmp/started.qmp" quit > /dev/null
wait "${pids[started]}" || fail "$(cat "$tmp/started.out")"
unset "pids[started]"
"$WRITER" qmp "$tmp/vm1.test" query-status > /dev/null || fail "the domain itself has lost its sockets"

echo "- in place is for libvirt's domains: what does it here is said"
expect 1 "host 'lab' has no libvirt that tells which images vm1 has; shut it off, and name them: \`vmkeep restore $increment --onto DISK=IMAGE\`" \
    vmkeep restore "$increment" --in-place --yes
echo "- places that belong to somebody else"
expect 2 "lies in repository main ($tmp/repo)" vmkeep restore vm1 --to "$tmp/repo/lab/new"
ln -s "$tmp/other" "$tmp/link"
expect 2 "lies in repository other ($tmp/other)" vmkeep restore vm1 --to "$tmp/link/x/y"
expect 2 "lies in a repository ($tmp/other)" "$VMKEEP" restore vm1 --repository "$tmp/other" --to "$tmp/other"
mkdir "$tmp/place"
ln "$tmp/images/vm1-vda.qcow2" "$tmp/place/vda.qcow2"
expect 1 "is disk vda of lab/vm1" vmkeep restore vm1 --to "$tmp/place"
[ ! -e "$tmp/repo/lab/new" ] || fail "something was made in the repository"

echo "- the newest point's repository is away"
mv "$tmp/repo" "$tmp/away"
expect 4 "the newest before it that can be restored is $elsewhere" vmkeep restore vm1 --to "$tmp/new"
expect 4 "the newest before it that can be restored is $elsewhere" \
    vmkeep restore "$increment" --to "$tmp/new"
[ ! -e "$tmp/new" ] || fail "something was made"
expect 0 "taking $elsewhere" vmkeep restore vm1 --to "$tmp/new" --fallback
expect 0 "taking $elsewhere" vmkeep restore "$increment" --to "$tmp/new2" --fallback
expect 0 "Restored lab/vm1" vmkeep restore "$elsewhere" --to "$tmp/new3" --fallback
mv "$tmp/away" "$tmp/repo"

check_contents

echo "- four bytes of the full were overwritten: named and marked, with what stands on it"
expect 0 "$increment" vmkeep restore vm1 --to "$tmp/before"
cp "$tmp/repo/$full/vda.qcow2" "$tmp/whole.qcow2"
flip "$tmp/repo/$full/vda.qcow2"
expect 7 "disk vda: $tmp/repo/$full/vda.qcow2 holds other data than when it was published" \
    vmkeep restore "$increment" --to "$tmp/bad"
grep -qF "the newest before it that can be restored is $elsewhere" "$tmp/out" ||
    fail "the damaged full is named as one that can be restored: $(cat "$tmp/out")"
[ ! -e "$tmp/bad" ] || fail "something was restored"
wait_for 20 "the full to be marked" is_damaged "$full"
wait_for 20 "the increment to be marked" is_damaged "$increment"
expect 0 Restored vmkeep restore "$increment" --to "$tmp/bad" --no-verify
kill -HUP "${pids[daemon]}" # a look at the files finds nothing wrong: what a read found stays
backup nightly incremental; next=$point
is_damaged "$full" || fail "the damage is forgotten"
[ "$(points | jq -r --arg id "$next" '.[] | select(.id == $id) | .kind')" = full ] ||
    fail "an incremental was based on a damaged chain"

echo "- the files are put right: a restore that reads them all says so"
expect 7 "$full" vmkeep repository check main
cat "$tmp/whole.qcow2" > "$tmp/repo/$full/vda.qcow2"
vmkeep restore "$increment" --to "$tmp/above" > /dev/null 2>&1 || fail "the increment cannot be restored"
is_damaged "$full" || fail "the full is good again, and only what shows through an increment was read"
expect 0 "$full was found whole" vmkeep restore "$full" --to "$tmp/whole"
wait_for 20 "the increment to be good again" is_good "$increment"
is_good "$full" || fail "the full is not good again"
expect 0 'agree' vmkeep repository check main
flip "$tmp/repo/$full/vda.qcow2"
expect 7 "$full" vmkeep restore "$increment" --to "$tmp/bad2"
wait_for 20 "the increment to be marked" is_damaged "$increment"

echo "- verify marks, and unmarks, through the daemon"
cat "$tmp/whole.qcow2" > "$tmp/repo/$full/vda.qcow2"
expect 0 "$full was found whole" vmkeep verify "$full"
wait_for 20 "the increment to be good again" is_good "$increment"
expect 0 whole vmkeep verify "$increment"
flip "$tmp/repo/$full/vda.qcow2"
expect 7 "first in bytes" vmkeep verify "$increment"
wait_for 20 "the full to be marked" is_damaged "$full"
wait_for 20 "the increment to be marked" is_damaged "$increment"

echo "- an image is gone, or cut short: the restore that meets it has it recorded, but not where all are away"
sleep 1.1
backup nightly full; lost=$point
sleep 1.1
backup nightly full; cut=$point
mv "$tmp/repo" "$tmp/away"
expect 4 'no such directory' vmkeep restore "$lost" --to "$tmp/worse"
mv "$tmp/away" "$tmp/repo"
is_good "$lost" || fail "of a repository that is away, points are called lost"
rm "$tmp/repo/$lost/vda.qcow2"
expect 4 'No such file' vmkeep restore "$lost" --to "$tmp/worse" --dry-run
expect 4 'No such file' vmkeep restore "$lost" --to "$tmp/worse"
wait_for 20 "the lost one to be marked" is_state "$lost" missing

echo "- the daemon is down: they are marked all the same"
stop_daemon
truncate -s 70000 "$tmp/repo/$cut/vda.qcow2"
expect 7 'bytes long, its manifest says' vmkeep restore "$cut" --to "$tmp/worse"
is_damaged "$cut" || fail "what was cut short is not marked"
points | jq -r --arg id "$cut" '.[] | select(.id == $id) | .problem' | grep -q "its file vda.qcow2 is 70000 bytes long" ||
    fail "nor why: $(points)"
flip "$tmp/repo/$next/vda.qcow2"
expect 7 "the newest before it that can be restored is $elsewhere" vmkeep restore vm1 --to "$tmp/worse"
is_damaged "$next" || fail "it is not marked"
expect 0 "$elsewhere" vmkeep restore vm1 --to "$tmp/worse"

echo "- an image was cut short: refused, and what is left of it is there for who asks"
cp "$tmp/repo/$next/vda.qcow2" "$tmp/uncut.qcow2"
truncate -s -70000 "$tmp/repo/$next/vda.qcow2"
expect 7 '--no-verify restores what can be read of it' vmkeep restore "$next" --to "$tmp/short"
grep -q 'bytes long, its manifest says' "$tmp/out" || fail "the reason is missing: $(cat "$tmp/out")"
[ ! -e "$tmp/short" ] || fail "something was restored"
expect 0 'what is missing reads as zeroes' \
    vmkeep restore "$next" --to "$tmp/short" --no-verify --format raw
cmp -s -n 8000000 "$tmp/short/vda.raw" "$tmp/images/vm1-vda.raw" && fail "the flipped bytes are gone"
# Which clusters the file ends with is the copy's matter: two of them, and the flipped bytes, at most.
[ "$(cmp -l "$tmp/short/vda.raw" "$tmp/images/vm1-vda.raw" | wc -l)" -le $((3 * 65536)) ] || fail "other data"
expect 0 "taking $elsewhere" vmkeep restore "$next" --to "$tmp/shorter" --fallback
rm "$tmp/repo/$next/vda.qcow2"
expect 4 'No such file' vmkeep restore "$next" --to "$tmp/none" --no-verify
mv "$tmp/uncut.qcow2" "$tmp/repo/$next/vda.qcow2"

echo "- interrupted, whichever way"
for signal in INT TERM HUP; do
    "$VMKEEP" --config "$tmp/config" restore "$elsewhere" --to "$tmp/gone" --format raw > "$tmp/out" 2>&1 &
    restore=$!
    while kill -0 "$restore" 2>/dev/null && [ ! -e "$tmp/gone" ]; do :; done
    kill "-$signal" "$restore" 2>/dev/null || true
    status=0
    wait "$restore" || status=$?
    if [ "$status" = 0 ]; then
        rm -r "$tmp/gone" # it was faster
    else
        [ "$status" = 130 ] || fail "SIG$signal: exit status $status: $(cat "$tmp/out")"
        # Nothing but what is gone on with, when there was time for any.
        [ ! -e "$tmp/gone" ] || [ -z "$(find "$tmp/gone" -type f ! -name '*.raw.partial-*')" ] ||
            fail "SIG$signal: left behind: $(ls -R "$tmp/gone")"
        vmkeep restore "$elsewhere" --to "$tmp/gone" --format raw > "$tmp/out"
        [ -z "$(find "$tmp/gone" -name '*.partial-*')" ] || fail "SIG$signal: not gone on with: $(ls -R "$tmp/gone")"
        rm -r "$tmp/gone"
    fi
done
