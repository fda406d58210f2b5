#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What libvirt forgets, and what it believes to have: transient domains, records without bitmaps, bitmaps
# without records, figures that somebody else has read.  Each time the next point holds what the disk
# held, an increment where that is sure, a full where it is not.
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt.sh
. "$(dirname "$0")/libvirt.sh"
# shellcheck source=libvirt_jobs.sh
. "$(dirname "$0")/libvirt_jobs.sh"

libvirt_start
vm_make vm1 vda vdb
config 'mode: push'
daemon_up
take full
changed=0
change()
{
    changed=$((changed + 1))
    put vda $((changed + 30)) $((changed * 128))k 64k
    put vdb $((changed + 60)) $((changed * 64))k 4k
}
change
take incremental
images()
{
    chmod 666 "$tmp/images/$vm"-*.qcow2
}

# ---- the records are removed with the domain: defined again from what the catalog keeps ----

libvirt_virsh destroy --graceful "$vm" > /dev/null
libvirt_virsh dumpxml --inactive "$vm" > "$tmp/same.xml" # with its UUID
libvirt_virsh undefine "$vm" --checkpoints-metadata > /dev/null
libvirt_virsh define "$tmp/same.xml" > /dev/null
libvirt_virsh start --paused "$vm" > /dev/null
[ "$(ours)" -eq 0 ] || fail "checkpoints: $(checkpoints)"
wait_for 10 "the domain" libvirt_is_connected
change
take incremental
grep -q 'which its host had forgotten, is defined again' "$tmp/log" || fail "it was not defined again"
[ "$(ours)" -eq 1 ] || fail "checkpoints: $(checkpoints)"
compare_points
echo "records removed"

# ---- a transient domain, which gets a UUID whenever it starts: it is the same ----

libvirt_virsh destroy --graceful "$vm" > /dev/null
libvirt_virsh undefine "$vm" --checkpoints-metadata > /dev/null
libvirt_virsh create --paused "$tmp/$vm.xml" > /dev/null
wait_for 10 "the domain" libvirt_is_connected
change
take incremental
libvirt_virsh destroy --graceful "$vm" > /dev/null
libvirt_virsh create --paused "$tmp/$vm.xml" > /dev/null
wait_for 10 "the domain" libvirt_is_connected
change
take incremental
[ "$(ours)" -eq 1 ] || fail "checkpoints: $(checkpoints)"
libvirt_virsh destroy --graceful "$vm" > /dev/null
libvirt_virsh define "$tmp/same.xml" > /dev/null
libvirt_virsh start --paused "$vm" > /dev/null
wait_for 10 "the domain" libvirt_is_connected
change
take incremental
compare_points
echo "transient"

# ---- ghosts: an image is put back without its bitmaps ----

libvirt_virsh destroy --graceful "$vm" > /dev/null
qemu-img convert -q -O qcow2 "$tmp/images/$vm-vdb.qcow2" "$tmp/images/back"
cp "$tmp/images/back" "$tmp/images/$vm-vdb.qcow2"
images
libvirt_virsh start --paused "$vm" > /dev/null
[ "$(ours)" -eq 1 ] || fail "checkpoints: $(checkpoints)"
change
take incremental
[ -z "$(qemu-img info --output=json "$tmp/repo/$point/vdb.qcow2" | jq -r '."backing-filename" // empty')" ] || fail "vdb is no full"
[ -n "$(qemu-img info --output=json "$tmp/repo/$point/vda.qcow2" | jq -r '."backing-filename" // empty')" ] || fail "vda is a full"
[ "$(ours)" -eq 1 ] || fail "a ghost is left: $(checkpoints)"
change
take incremental
compare_points
echo "ghosts"

# ---- somebody deletes our checkpoint, or its record alone ----

libvirt_virsh checkpoint-delete "$vm" "$(checkpoints)" > /dev/null
change
take full
libvirt_virsh checkpoint-delete "$vm" "$(checkpoints)" --metadata > /dev/null
change
take incremental
[ "$(ours)" -eq 1 ] || fail "checkpoints: $(checkpoints)"
compare_points
echo "deleted by somebody"

# ---- a snapshot, then another size: libvirt can make no increment across it ----

libvirt_virsh snapshot-create-as "$vm" --disk-only --no-metadata --diskspec "vda,snapshot=external,file=$tmp/images/overlay" \
    --diskspec vdb,snapshot=no > /dev/null
change
libvirt_virsh blockresize "$vm" vda 32M > /dev/null
truncate -s 32M "$tmp/images/$vm-vda.raw"
put vda 44 20M 64k
vmkeep run "$vm" --wait > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
point=$(newest)
keep_reference "$point"
[ -z "$(qemu-img info --output=json "$tmp/repo/$point/vda.qcow2" | jq -r '."backing-filename" // empty')" ] || fail "vda is no full"
change
take incremental
compare_points
echo "snapshot and resize"

# ---- an internal snapshot: QEMU goes back to none while there is a checkpoint; afterwards nothing stands on what was ----

libvirt_virsh snapshot-create-as "$vm" inside > /dev/null
cp "$tmp/images/$vm-vda.raw" "$tmp/inside.raw"
put vda 71 2M 64k
take incremental
! libvirt_virsh snapshot-revert "$vm" inside > "$tmp/out" 2>&1 || fail "it went back, with a checkpoint"
grep -q "active dirty bitmaps" "$tmp/out" || fail "$(cat "$tmp/out")"
libvirt_virsh start --paused "$vm" > /dev/null
put vda 72 3M 64k
take full # what the attempt has killed left its bitmaps in use
libvirt_virsh checkpoint-delete "$vm" "$(checkpoints)" > /dev/null
libvirt_virsh snapshot-revert "$vm" inside > /dev/null
cp "$tmp/inside.raw" "$tmp/images/$vm-vda.raw"
put vda 73 4M 64k
take full
libvirt_virsh snapshot-delete "$vm" inside > /dev/null
put vda 74 5M 64k
take incremental
compare_points
echo "an internal snapshot"

# ---- managed save ----

change
libvirt_virsh managedsave "$vm" > /dev/null
take incremental # of its images, as after a crash
libvirt_virsh start --paused "$vm" > /dev/null
change
vmkeep run "$vm" --wait > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
keep_reference "$(newest)"
compare_points
echo "managed save: $(points | jq -r '.[-1].kind')"

stop_daemon
libvirt_virsh destroy "$vm" > /dev/null
libvirt_stop
