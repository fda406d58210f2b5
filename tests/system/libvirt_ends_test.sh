#!/bin/bash
# SPDX-License-Identifier: MIT
#
# How backups under a real libvirtd end that do not end as they should: aborted, with libvirtd or QEMU
# killed in the middle, or unseen.  Whatever happens, no checkpoint is left that an increment could be
# made from, with a gap; and the next point holds what the disks held.
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt.sh
. "$(dirname "$0")/libvirt.sh"
# shellcheck source=libvirt_jobs.sh
. "$(dirname "$0")/libvirt_jobs.sh"

DISK_SIZE=$((768 * 1024 * 1024)) # a copy is limited when it has begun: some time must be left
# Of nothing at first: what is to be copied is written before each.
make_disks()
{
    mkdir -p "$tmp/images"
    truncate -s "$DISK_SIZE" "$tmp/images/$1-$2.raw"
    qemu-img create -q -f qcow2 "$tmp/images/$1-$2.qcow2" "$DISK_SIZE"
}
libvirt_start
vm_make vm1 vda
config 'mode: push' 'bandwidth: 4MiB/s'
daemon_up

# a copy that is under way, of nearly all that the disk holds
slow()
{
    vmkeep run "$vm" > /dev/null
    wait_for 20 "the copy" job_is_at copying
}

# What a push writes is brought onto its medium meanwhile, by a child that has the image open.
is_written_out()
{
    local child
    for child in $(pgrep -P "${pids[daemon]}" vmkeep-store); do
        ! readlink "/proc/$child/fd"/* 2> /dev/null | grep -q '\.partial/vda\.qcow2$' || return 0
    done
    return 1
}

faster()
{
    libvirt_virsh blockjob "$vm" vda --bandwidth 0
}

changed=0
change()
{
    changed=$((changed + 1))
    put vda $((changed + 20)) $((changed * 64))k 700M
}

# where no copy has to last
change_little()
{
    changed=$((changed + 1))
    put vda $((changed + 20)) $((changed * 64))k 1M
}

fast()
{
    reconfigure 'mode: push'
}

limited()
{
    reconfigure 'mode: push' 'bandwidth: 4MiB/s'
}

fast
take full
limited

# ---- aborted: no checkpoint stays, and the next increment has all since the last point ----

change
before=$(checkpoints)
slow
wait_for 10 "the push's being written out" is_written_out
put vda 99 100M 64k
vmkeep cancel "$(vmkeep jobs --active --json | jq '.[0].id')" > /dev/null
wait_for 20 "the job's end" idle
grep -q '^aborted' <<< "$(last_reason)" || fail "$(last_reason)"
[ "$(checkpoints)" = "$before" ] || fail "an aborted push leaves a checkpoint: $(checkpoints)"
! is_written_out || fail "what was aborted is still written out"
fast
put vda 98 10M 64k
take incremental
compare_points
echo "aborted"

# ---- aborted by somebody else, whom nothing keeps from it: the same, and it is said ----

limited
change
before=$(checkpoints)
slow
libvirt_virsh domjobabort "$vm"
wait_for 20 "the job's end" idle
[ "$(last_reason)" = "failed: somebody else has cancelled it at the hypervisor" ] || fail "$(last_reason)"
[ "$(checkpoints)" = "$before" ] || fail "a push that was aborted leaves a checkpoint: $(checkpoints)"
[ -z "$(find "$tmp/repo" -name '*.partial')" ] || fail "left: $(find "$tmp/repo" -name '*.partial')"
fast
take incremental
compare_points
echo "aborted by somebody else"

# ---- libvirtd is killed, and comes again: the job is found, and its end is told ----

limited
change
slow
libvirt_kill
sleep 1
libvirt_daemon
wait_for 20 "the connection" libvirt_is_connected
wait_for 20 "its being written out again" is_written_out
faster
wait_for 60 "the job's end" idle
grep -q '^success' <<< "$(last_reason)" || fail "$(last_reason)"
point=$(newest)
keep_reference "$point"
[ "$(ours)" -eq 1 ] || fail "checkpoints: $(checkpoints)"
compare_points
echo "libvirtd killed"

# ---- the job ends while there is no libvirtd ----

change
slow
libvirt_virsh blockjob "$vm" vda --bandwidth 300
libvirt_kill
sleep 3
libvirt_daemon
wait_for 60 "the job's end" idle
last_reason
[ "$(ours)" -eq 1 ] || fail "checkpoints: $(checkpoints)"
fast
take incremental
compare_points
echo "libvirtd away at the end"

# ---- QEMU is killed in the middle ----

limited
change
slow
kill -KILL "$(cat "$tmp/lv/run/qemu/$vm.pid")"
wait_for 30 "the job's end" idle
grep -q '^failed' <<< "$(last_reason)" || fail "$(last_reason)"
# What was written last is lost with it, perhaps.
qemu-img convert -q -U -O raw "$tmp/images/$vm-vda.qcow2" "$tmp/images/$vm-vda.raw"
libvirt_virsh start --paused "$vm"
fast
change_little
take full
[ "$(ours)" -eq 1 ] || fail "checkpoints: $(checkpoints)"
change_little
take incremental
compare_points
echo "QEMU killed"

# ---- the domain is ended by force in the middle: nothing of the push is left, and nothing is lost ----

limited
change
before=$(checkpoints)
slow
libvirt_virsh destroy --graceful "$vm" > /dev/null
wait_for 30 "the job's end" idle
grep -q '^failed: the domain has stopped' <<< "$(last_reason)" || fail "$(last_reason)"
[ "$(checkpoints)" = "$before" ] || fail "before $before, now $(checkpoints)"
[ -z "$(find "$tmp/repo" -name '*.partial')" ] || fail "left: $(find "$tmp/repo" -name '*.partial')"
libvirt_virsh start --paused "$vm" > /dev/null
fast
change_little
take incremental
compare_points
echo "domain destroyed"

# ---- the daemon is killed in the middle, and finds the job again ----

limited
change
slow
kill -KILL "${pids[daemon]}"
wait "${pids[daemon]}" 2> /dev/null || true
faster
daemon_up
wait_for 60 "the job's end" idle
last_reason
fast
change_little
take incremental
compare_points
[ "$(ours)" -eq 1 ] || fail "checkpoints: $(checkpoints)"

# ---- libvirtd is killed while it begins a backup: it takes the domain for busy ever after, and that is said ----

begins()
{
    grep -q "<job .*async='backup'" "$tmp/lv/run/qemu/$vm.xml"
}
qemu=$(cat "$tmp/lv/run/qemu/$vm.pid")
echo "<domainbackup><disks><disk name='vda' type='file'><target file='$tmp/theirs.qcow2'/></disk></disks></domainbackup>" > "$tmp/theirs.xml"
kill -STOP "$qemu"
libvirt_virsh backup-begin "$vm" "$tmp/theirs.xml" > /dev/null 2>&1 &
theirs=$!
wait_for 10 "the begin" begins
libvirt_kill
wait "$theirs" || true
kill -CONT "$qemu"
libvirt_daemon
wait_for 20 "the connection" libvirt_is_connected
begins || fail "libvirtd does not take it for busy any more"
held_up "$vm" "a backup that libvirt begins (if it stays so, libvirtd was killed in it"
vmkeep cancel "$(vmkeep jobs --active --json | jq '.[0].id')" > /dev/null
wait_for 20 "the end of what waited" idle
! vmkeep doctor "$vm" > "$tmp/out" || fail "all is fine: $(cat "$tmp/out")"
grep -q "NOT .*a backup that libvirt begins" "$tmp/out" || fail "doctor: $(cat "$tmp/out")"
# The guest need not be shut off for it.
libvirt_stop
sed -i "/<job .*async='backup'/d" "$tmp/lv/run/qemu/$vm.xml"
libvirt_daemon
wait_for 20 "the connection" libvirt_is_connected
change_little
take incremental
compare_points
echo "libvirtd killed in a begin"

stop_daemon
libvirt_virsh destroy "$vm"
libvirt_stop
