#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A real guest under a real libvirtd, that goes on writing whatever happens to its backups: frozen for
# an instant, thawed in time when libvirt hangs meanwhile, and never harmed by a target or scratch
# space that runs full.
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt.sh
. "$(dirname "$0")/libvirt.sh"
# shellcheck source=libvirt_jobs.sh
. "$(dirname "$0")/libvirt_jobs.sh"
# shellcheck source=../support/guest.sh
. "$(dirname "$0")/../support/guest.sh"

root=$(cd "$(dirname "$0")/../.." && pwd)
"$root/scripts/make-guest" "$root/build/guest"
mkdir "$tmp/guest" "$tmp/small"
# What is mounted later libvirtd does not see.
mount -t tmpfs -o size=2m,mode=777 tmpfs "$tmp/small"
guest_disks "$root/build/guest" "$tmp/guest"
cp "$root/build/guest/kernel" "$root/build/guest/initrd" "$tmp/guest"
chmod 666 "$tmp"/guest/*.qcow2
libvirt_start
vm=guest
libvirt_guest guest "$tmp/guest"
config 'mode: push' 'quiesce: require'
daemon_up
wait_for 60 "the guest" guest_is_ready "$tmp/guest"
wait_for 20 "its agent" libvirt_virsh domfsinfo guest

goes_on() # [ROUNDS]
{
    local round state
    state=$(libvirt_virsh domstate --reason guest) || fail "libvirtd does not tell how the guest is"
    [[ $state = running* ]] || fail "the guest is $state"
    round=$(guest_round "$tmp/guest")
    wait_for 20 "the guest to go on" later_than $((round + ${1:-5}))
}

later_than() # ROUND
{
    [ "$(guest_round "$tmp/guest")" -gt "$1" ]
}

check_point()
{
    rm -rf "$tmp/restored"
    vmkeep restore "$(newest)" --to "$tmp/restored" --format raw > /dev/null
    guest_check "$tmp/restored" "$tmp/guest/told" || fail "$(newest)"
    echo "$(newest): whole, up to round $guest_held"
}

# ---- quiesced: of one instant, and whole ----

vmkeep run guest --wait > /dev/null || fail "$(last_reason)"
check_point
goes_on
vmkeep run guest --wait > /dev/null || fail "$(last_reason)"
check_point
[ "$(points | jq -r '.[-1].kind')" = incremental ] || fail "no increment"
grep -q "the guest's file systems were frozen for [0-9]* ms" "$tmp/log" || fail "it was not frozen"
[ "$(ours)" -eq 1 ] || fail "checkpoints: $(checkpoints)"

# A checkpoint alone: libvirt does not freeze for one, so vmkeep does, and has counted what it thawed.
echo "<domaincheckpoint><name>quiet</name></domaincheckpoint>" > "$tmp/c.xml"
vmkeep checkpoint-create guest "$tmp/c.xml" --quiesce > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
checkpoints | grep -qx quiet || fail "no checkpoint: $(checkpoints)"
goes_on
vmkeep checkpoint-delete guest quiet > /dev/null
config 'mode: pull' 'quiesce: require'
stop_daemon
daemon_up
vmkeep run guest --wait > /dev/null || fail "$(last_reason)"
check_point

# ---- libvirt hangs while it begins, with the guest frozen: it is thawed within freeze_timeout ----

begin_hangs() # MODE QUIESCE [FREEZE_TIMEOUT]: sets before, helper
{
    config "mode: $1" "quiesce: $2" "freeze_timeout: ${3:-2s}"
    stop_daemon
    DAEMON_WRAP=(env "LD_PRELOAD=$BUILD/tests/system/libhang.so" "HANG_BEGIN_WHILE=$tmp/begin"
                 ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0)
    daemon_up
    DAEMON_WRAP=(env)
    rm -f "$tmp"/begin.*
    touch "$tmp/begin"
    before=$(guest_round "$tmp/guest")
    vmkeep run guest --wait > "$tmp/out" 2>&1 &
    pids[run]=$!
    wait_for 20 "libvirt to hang in a begin" hangs
    helper=$(ls "$tmp"/begin.*)
    helper=${helper##*.}
}

hangs()
{
    compgen -G "$tmp/begin.*" > /dev/null
}

# With the begin hanging still.  The longest pause by the guest's own clock, which counts seconds.
is_thawed_in_time()
{
    local pause
    goes_on 2
    mkdir -p "$tmp/since"
    sed "1,/^$before /d" "$tmp/guest/told" > "$tmp/since/told"
    pause=$(guest_longest_pause "$tmp/since")
    echo "frozen with a begin that hangs: a pause of $pause"
    pause=${pause% seconds}
    [ "$pause" = "a second" ] || [ "$pause" -le $((2 + 2 * PATIENCE)) ] || fail "the guest stood still for $pause s"
}

begin_goes_on() # STATUS
{
    local status=0
    rm "$tmp/begin"
    wait "${pids[run]}" || status=$?
    unset "pids[run]"
    [ "$status" -eq "$1" ] || fail "the backup ended with $status, not $1: $(cat "$tmp/out")"
}

# vmkeep-libvirt hangs with it, all of it: by a connection of its own.
begin_hangs push try
kill -STOP "$helper"
is_thawed_in_time
kill -CONT "$helper"
begin_goes_on 0
points | jq -e '.[-1] | .quiesced | not' > /dev/null || fail "it counts as quiesced: $(points)"
grep -q 'took longer than 2 s to begin; the guest was thawed before' "$tmp/log" || fail "it is not said"
goes_on

begin_hangs pull require
is_thawed_in_time
begin_goes_on 1
grep -q '^failed: quiesce the guest: libvirt took longer than 2 s to begin; the guest was thawed before' <(last_reason) ||
    fail "it says: $(last_reason)"
goes_on
[ "$(ours)" -eq 1 ] || fail "checkpoints: $(checkpoints)"

# ---- all of vmkeep is killed with a guest that is frozen, as systemd does when vmkeepd dies ----

is_frozen()
{
    libvirt_virsh qemu-agent-command guest '{"execute": "guest-fsfreeze-status"}' 2> /dev/null | grep -q '"frozen"'
}
is_thawed()
{
    ! is_frozen
}
is_not_frozen_perhaps()
{
    vmkeep status --json | jq -e 'all(.reasons[]; .code != "frozen")' > /dev/null
}
kill_all_of_it()
{
    local guard
    guard=$(pgrep -P "$helper" -f -- --thaw) || fail "nobody stands by to thaw it"
    kill -KILL "$guard" "$helper" "${pids[daemon]}"
    wait "${pids[daemon]}" || true
    wait "${pids[run]}" || true
    unset "pids[daemon]" "pids[run]"
    rm "$tmp/begin"
}

begin_hangs push try 5m
kill_all_of_it
is_frozen || fail "the guest was not frozen"
daemon_up
wait_for 20 "the guest to be thawed by the next daemon" is_thawed
goes_on
grep -q 'libvirt: guest: it was frozen still, by an earlier vmkeepd' "$tmp/log" || fail "it is not said"

# A thaw that the former one owed, as its catalog tells.
stop_daemon
libvirt_virsh domfsfreeze guest > /dev/null
sqlite3 "$tmp/catalog.db" "INSERT INTO frozen (host, domain, since) VALUES ('lab', 'guest', $(date +%s))"
daemon_up
wait_for 20 "the guest to be thawed, for that is owed" is_thawed
goes_on
wait_for 20 "that to be known" is_not_frozen_perhaps

config 'mode: pull' 'quiesce: require'
stop_daemon
daemon_up

# ---- a push by hand, whose target runs full ----

by_hand() # MODE ELEMENT FILE...
{
    echo "<domainbackup mode='$1'>$4<disks><disk name='vda' type='file'><driver type='qcow2'/><$2 file='$3/vda'/></disk>" \
         "<disk name='vdb' type='file'><driver type='qcow2'/><$2 file='$3/vdb'/></disk></disks></domainbackup>" > "$tmp/hand.xml"
    echo "<domaincheckpoint><name>by-hand</name></domaincheckpoint>" > "$tmp/hand-checkpoint.xml"
    vmkeep backup-begin guest "$tmp/hand.xml" "$tmp/hand-checkpoint.xml" > "$tmp/out" 2>&1
}

gave_up()
{
    wait_for 30 "the end of the backup" idle
    vmkeep jobs --json | jq -r '.[-1] | "\(.outcome): \(.reason)"' > "$tmp/reason"
    cat "$tmp/reason"
    grep -q '^failed: .*\(given up\|No space\|left\)' "$tmp/reason" || fail "$(cat "$tmp/reason")"
    goes_on
    ! checkpoints | grep -q by-hand || fail "a checkpoint is left: $(checkpoints)"
}

by_hand push target "$tmp/small" "" || fail "$(cat "$tmp/out")"
gave_up
[ -z "$(ls "$tmp/small")" ] || fail "left in the full place: $(ls -l "$tmp/small")"

# ---- a pull by hand, whose scratch space is gone all at once: the guest's own writes meet that ----

mkdir -m 777 "$tmp/nbd"
by_hand pull scratch "$tmp/small" "<server transport='unix' socket='$tmp/nbd/sock'/>" || fail "$(cat "$tmp/out")"
goes_on 2
fallocate -l "$(df --output=avail -B1 "$tmp/small" | tail -n 1)" "$tmp/small/filler"
# All that the guest holds back is written now: it is stopped, if it was not before, and goes on.
libvirt_virsh domfsfreeze guest > /dev/null || true
libvirt_virsh domfsthaw guest > /dev/null || true
gave_up
grep -q 'stopped the guest' "$tmp/reason" || fail "the guest was not stopped: $(cat "$tmp/reason")"
grep -q 'the guest goes on; the backup that stopped it was given up' "$tmp/log" || fail "the guest was not continued"
rm "$tmp/small/filler"
[ -z "$(ls "$tmp/small")" ] || fail "left in the full place: $(ls -l "$tmp/small")"

vmkeep run guest --wait > /dev/null || fail "$(last_reason)"
check_point

# ---- it sleeps: nobody can freeze it, and it is backed up all the same, if that may be ----

falls_asleep()
{
    libvirt_virsh dompmsuspend guest mem > /dev/null
    wait_for 20 "the guest to sleep" is pmsuspended
}
is() # STATE
{
    [ "$(libvirt_virsh domstate guest)" = "$1" ]
}
# It writes nothing now, and holds back what it has not written yet: the point is what its disks are.
is_like_the_disks()
{
    local disk
    rm -rf "$tmp/restored"
    vmkeep restore "$(newest)" --to "$tmp/restored" --format raw > /dev/null
    for disk in vda vdb; do
        qemu-img compare -q -U -f raw -F qcow2 "$tmp/restored/$disk.raw" "$tmp/guest/$disk.qcow2" ||
            fail "$disk of $(newest) is not what the disk is"
    done
}
wakes_up()
{
    is pmsuspended || fail "it is $(libvirt_virsh domstate guest)"
    libvirt_virsh dompmwakeup guest > /dev/null
    goes_on
}

falls_asleep
! vmkeep run guest --wait > /dev/null || fail "it slept, and was frozen"
grep -q "^failed: quiesce the guest: .*domain is not running" <(last_reason) || fail "$(last_reason)"
config 'mode: pull' 'quiesce: try' 'bandwidth: 1MiB/s'
vmkeep reload > /dev/null
vmkeep run guest --wait > /dev/null || fail "$(last_reason)"
is_like_the_disks
wakes_up

# ---- it has a channel for an agent, and no agent: nothing is frozen, and nobody has to see to it ----

libvirt_virsh destroy guest
libvirt_virsh start guest --paused
vmkeep run guest --wait > /dev/null || fail "$(last_reason)"
grep -q '^success: .*not quiesced' <(last_reason) || fail "it says: $(last_reason)"
is_not_frozen_perhaps || fail "it is frozen, they say: $(vmkeep status)"

# ---- an error policy by which that would harm it ----

libvirt_virsh destroy guest
sed -i "s#</name>#&<uuid>$(libvirt_virsh domuuid guest)</uuid>#; /vdb.qcow2/s/type='qcow2'/& error_policy='report'/" "$tmp/guest.xml"
libvirt_virsh define "$tmp/guest.xml"
! vmkeep doctor guest --json > "$tmp/out" || fail "all is fine: $(cat "$tmp/out")"
jq -e 'map(select(.check == "write-errors")) | length == 2 and
       any(.[]; .about == "lab/guest disk vda" and .fine and (.text | test("the guest is stopped"))) and
       any(.[]; .about == "lab/guest disk vdb" and (.fine | not) and (.text | test("sees its write fail")) and
                (.advice | test("error_policy=.stop")))' "$tmp/out" > /dev/null || fail "doctor: $(cat "$tmp/out")"
stop_daemon
libvirt_stop
