#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A domain of libvirt's that is shut off is backed up from its images, and its chain goes on from there
# when it runs, and back.  Libvirt's own checkpoints stay, it knows ours, and it starts the domain
# whenever it is asked to.  What comes in between: the domain starts, is undefined, libvirtd or the
# daemon goes.
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt.sh
. "$(dirname "$0")/libvirt.sh"
# shellcheck source=libvirt_jobs.sh
. "$(dirname "$0")/libvirt_jobs.sh"

bitmaps() # DISK
{
    qemu-img info -U --output=json "$tmp/images/$vm-$1.qcow2" |
        jq -r '."format-specific".data.bitmaps // [] | map(.name) | sort | join(" ")'
}

off()
{
    libvirt_virsh destroy --graceful "$vm"
}

on()
{
    libvirt_virsh start --paused "$vm"
}

storage_daemons()
{
    pgrep -P "${pids[daemon]}" qemu-storage > /dev/null
}

nothing_remains()
{
    ! storage_daemons || fail "a storage daemon remains"
    [ "$(ours)" -eq 1 ] || fail "checkpoints: $(checkpoints)"
}

# hold_copy: the storage daemon of the next backup waits before it does anything.
hold_copy()
{
    rm -f "$tmp/held"
    touch "$tmp/hold"
    vmkeep run "$vm" > /dev/null
    wait_for 20 "the storage daemon" test -s "$tmp/held"
}

let_copy_go()
{
    rm "$tmp/hold"
    wait_for 30 "the job's end" idle
}

mkdir "$tmp/bin"
cat > "$tmp/bin/qemu-storage-daemon" <<SCRIPT
#!/bin/bash
[ ! -e "$tmp/hold" ] || echo \$\$ > "$tmp/held"
while [ -e "$tmp/hold" ]; do read -rt 0.05 < <(:) || true; done
exec "$(command -v qemu-storage-daemon)" "\$@"
SCRIPT
chmod +x "$tmp/bin/qemu-storage-daemon"
DAEMON_WRAP=(env "PATH=$tmp/bin:$PATH")

libvirt_start
vm_make vm1 vda vdb
config 'mode: push'
daemon_up

echo "- a full while it runs, increments while it is shut off, and on when it runs again"
take full
libvirt_virsh checkpoint-create-as "$vm" theirs > /dev/null
put vda 7 1M 64k
off
take incremental
[ "$(ours)" -eq 1 ] || fail "libvirt's checkpoints: $(checkpoints)"
[ "$(bitmaps vda)" = "theirs $(checkpoints | grep ^vmkeep-)" ] || fail "bitmaps: $(bitmaps vda)"
on
libvirt_virsh checkpoint-dumpxml "$vm" "$(checkpoints | grep ^vmkeep-)" --size > /dev/null ||
    fail "libvirt does not find the bitmaps of a checkpoint that was made while the domain was shut off"
put vda 8 2M 4k
zero vdb 1M 64k
take incremental
put vdb 9 3M 64k
off
take incremental
on
put vda 10 5M 64k
take incremental
checkpoints | grep -qx theirs || fail "another's checkpoint is gone: $(checkpoints)"
nothing_remains
compare_points

echo "- a full while it is shut off, and libvirt forgets its record: defined again when it runs"
off
vmkeep run "$vm" --level full --wait > /dev/null || fail "$(last_reason)"
keep_reference "$(newest)"
libvirt_virsh checkpoint-delete "$vm" "$(checkpoints | grep ^vmkeep-)" --metadata > /dev/null
on
put vda 11 6M 64k
take incremental
nothing_remains
compare_points

echo "- libvirt starts it in the middle: at once, the copy is given up, and the chain goes on"
off
hold_copy
SECONDS=0
on || fail "a domain could not be started while it was being backed up"
[ "$SECONDS" -lt 40 ] || fail "it took $SECONDS s to start the domain"
put vda 12 7M 64k
let_copy_go
grep -q "was started while its images were being copied\|in use by another process" <<< "$(last_reason)" || fail "$(last_reason)"
take incremental
nothing_remains
compare_points

echo "- libvirtd goes and comes back in the middle: the copy is none of its business"
off
hold_copy
! vmkeep restore "$point" --in-place --yes > "$tmp/out" 2>&1 || fail "disks that are being backed up were replaced"
grep -q "is at work on vm1: wait for its end, or cancel it" "$tmp/out" || fail "$(cat "$tmp/out")"
libvirt_kill
let_copy_go
[[ $(last_reason) == success* ]] || fail "$(last_reason)"
keep_reference "$(newest)"
libvirt_daemon
wait_for 40 "the connection" libvirt_is_connected
on
put vdb 13 4M 64k
take incremental
nothing_remains
compare_points

echo "- the daemon is killed in the middle"
off
hold_copy
kill -KILL "${pids[daemon]}"
wait "${pids[daemon]}" 2> /dev/null || true
unset "pids[daemon]"
wait_for 10 "the storage daemon's end" test ! -d "/proc/$(cat "$tmp/held")"
rm "$tmp/hold"
daemon_up
wait_for 30 "the job's end" idle
[[ $(last_reason) == failed* ]] || fail "a copy that broke off: $(last_reason)"
on
put vda 14 9M 64k
take incremental
nothing_remains
compare_points
off
[ "$(bitmaps vda | tr ' ' '\n' | grep -c ^vmkeep-)" -eq 1 ] || fail "bitmaps pile up: $(bitmaps vda)"

echo "- it is undefined in the middle, and defined again"
hold_copy
libvirt_virsh undefine "$vm" --checkpoints-metadata
let_copy_go
last_reason
libvirt_virsh define "$tmp/vm1.xml"
wait_for 20 "the domain" domain_is_known
vmkeep run "$vm" --wait > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
keep_reference "$(newest)"
compare_points
! storage_daemons || fail "a storage daemon remains"

echo "- by hand: a checkpoint is made and deleted, and libvirt's list follows"
echo "<domaincheckpoint><name>mine</name></domaincheckpoint>" > "$tmp/c.xml"
vmkeep checkpoint-create "$vm" "$tmp/c.xml" > /dev/null || fail "no checkpoint of a domain that is shut off"
checkpoints | grep -qx mine || fail "libvirt does not know it: $(checkpoints)"
[[ " $(bitmaps vdb) " == *" mine "* ]] || fail "bitmaps: $(bitmaps vdb)"
vmkeep checkpoint-delete "$vm" mine > /dev/null || fail "it is not deleted"
! checkpoints | grep -qx mine || fail "libvirt still knows it"
[[ " $(bitmaps vdb) " != *" mine "* ]] || fail "bitmaps: $(bitmaps vdb)"

echo "- restored in place: its checkpoint is a ghost and goes, and a chain begins anew"
take incremental
cp "$tmp/images/$vm-vda.raw" "$tmp/then-vda"
cp "$tmp/images/$vm-vdb.raw" "$tmp/then-vdb"
on
put vda 19 1M 1M
off
vmkeep restore "$point" --in-place --dry-run > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
grep -q "vda .*$tmp/images/$vm-vda.qcow2 .*(qcow2, about .* MiB)" "$tmp/out" || fail "$(cat "$tmp/out")"
vmkeep restore "$point" --in-place --yes > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
[ "$(checkpoints)" = "" ] || fail "a ghost: $(checkpoints)"
images=("$tmp/images/$vm"-vd?.qcow2)
chmod 666 "${images[@]}"
mv "$tmp/then-vda" "$tmp/images/$vm-vda.raw"
mv "$tmp/then-vdb" "$tmp/images/$vm-vdb.raw"
take full
grep -q "is another one" <(vmkeep explain "$point") || fail "$(vmkeep explain "$point")"
on
put vda 20 2M 64k
take incremental
nothing_remains
compare_points
off

echo "- pulled"
reconfigure 'mode: pull'
on
put vda 15 10M 64k
off
take incremental
on
put vda 16 11M 64k
take incremental
compare_points

echo "- an external snapshot: what was recorded below it is not trusted"
libvirt_virsh snapshot-create-as "$vm" --disk-only --no-metadata --diskspec "vda,snapshot=external,file=$tmp/images/vm1-over.qcow2" \
    --diskspec vdb,snapshot=no > /dev/null
put vda 17 12M 64k
off
take incremental
vmkeep explain "$point" | grep -q vda || fail "why vda was a full is not told: $(vmkeep explain "$point")"
on
put vda 18 1M 4k
take incremental
compare_points

echo "- images in a pool"
off
stop_daemon
libvirt_virsh pool-create-as images dir --target "$tmp/images" > /dev/null
sed -e "s|<disk type='file' device='disk'>|<disk type='volume' device='disk'>|" \
    -e "s|<source file='$tmp/images/\([^']*\)'/>|<source pool='images' volume='\1'/>|" "$tmp/vm1.xml" > "$tmp/volumes.xml"
libvirt_virsh undefine "$vm" --checkpoints-metadata
# On what was written to the overlay.
qemu-img convert -q -O qcow2 "$tmp/images/vm1-over.qcow2" "$tmp/images/flat.qcow2"
mv "$tmp/images/flat.qcow2" "$tmp/images/vm1-vda.qcow2"
libvirt_virsh pool-refresh images
libvirt_virsh define "$tmp/volumes.xml"
daemon_up
vmkeep run "$vm" --wait > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
keep_reference "$(newest)"
take incremental
compare_points
libvirt_virsh pool-destroy images
fails "is no regular file"
stop_daemon
libvirt_stop
echo "all as it should be"
