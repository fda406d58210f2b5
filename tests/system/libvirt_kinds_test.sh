#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A libvirt domain with a disk of each kind, backed up while it runs and while it is shut off: volumes of a pool,
# qcow2 on a block device (as LVM gives one) and behind NBD, raw; and those that no backup takes, which are named with
# the reason, and with what can be done about it.
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt.sh
. "$(dirname "$0")/libvirt.sh"
# shellcheck source=libvirt_jobs.sh
. "$(dirname "$0")/libvirt_jobs.sh"

loop=
drop_loop()
{
    [ -z "$loop" ] || losetup -d "$loop"
}
at_end+=(drop_loop)

vm=kinds
i=$tmp/images
DISK_SIZE=$((8 * 1024 * 1024))
make_disks "$vm" vda vdb vdc vdd
mkdir "$i/pool"
mv "$i/$vm-vda.qcow2" "$i/pool/volume"
truncate -s 32M "$tmp/device"
loop=$(losetup -f --show "$tmp/device")
qemu-img convert -q -n -O raw --image-opts "driver=raw,file.filename=$i/$vm-vdb.qcow2" "driver=raw,file.filename=$loop" 2> /dev/null ||
    dd if="$i/$vm-vdb.qcow2" of="$loop" conv=fsync status=none
truncate -s 32M "$i/$vm-vdc.qcow2" # what is behind NBD does not grow
rm "$i/$vm-vdd.qcow2"
cp "$i/$vm-vdd.raw" "$i/raw.img"
for file in floppy cd shared vhost; do
    truncate -s 1440K "$i/$file.img"
done
qemu-img create -q -f qcow2 "$i/transient.qcow2" 4M
chmod 777 "$i" "$i/pool"
chmod 666 "$i"/*.* "$i/pool"/* "$loop"
mkdir -m 777 "$tmp/sockets"
qemu-nbd -t -f raw --discard=unmap -k "$tmp/sockets/nbd" "$i/$vm-vdc.qcow2" &
pids[nbd]=$!
qemu-storage-daemon --blockdev "driver=file,filename=$i/vhost.img,node-name=v" \
    --export "type=vhost-user-blk,id=e,node-name=v,writable=on,addr.type=unix,addr.path=$tmp/sockets/vhost" &
pids[vhost]=$!
wait_for 10 "the servers" test -S "$tmp/sockets/nbd" -a -S "$tmp/sockets/vhost"
chmod 666 "$tmp/sockets"/*

libvirt_start
libvirt_virsh pool-create-as p1 dir --target "$i/pool" > /dev/null
cat > "$tmp/vm.xml" <<EOX
<domain type='qemu'><name>$vm</name><memory unit='MiB'>32</memory><memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>
<vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os><devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
<controller type='scsi' index='0' model='virtio-scsi'/>
<disk type='volume' device='disk'><driver name='qemu' type='qcow2'/><source pool='p1' volume='volume'/><target dev='vda' bus='virtio'/></disk>
<disk type='block' device='disk'><driver name='qemu' type='qcow2'/><source dev='$loop'/><target dev='vdb' bus='virtio'/></disk>
<disk type='network' device='disk'><driver name='qemu' type='qcow2'/><source protocol='nbd' name=''><host transport='unix' socket='$tmp/sockets/nbd'/></source><target dev='vdc' bus='virtio'/></disk>
<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='$i/raw.img'/><target dev='vdd' bus='virtio'/></disk>
<disk type='vhostuser' device='disk'><driver name='qemu' type='raw'/><source type='unix' path='$tmp/sockets/vhost'/><target dev='vde' bus='virtio'/></disk>
<disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/><source file='$i/shared.img'/><target dev='sda' bus='scsi'/><shareable/></disk>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='$i/transient.qcow2'/><target dev='sdb' bus='scsi'/><transient/></disk>
<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='$i/cd.img'/><target dev='hda' bus='ide'/><readonly/></disk>
<disk type='file' device='floppy'><driver name='qemu' type='raw'/><source file='$i/floppy.img'/><target dev='fda' bus='fdc'/></disk>
</devices></domain>
EOX
libvirt_virsh define "$tmp/vm.xml"
libvirt_virsh start --paused "$vm"
config 'mode: push'
daemon_up

kinds_of() # POINT: of its disks
{
    local disk
    for disk in vda vdb vdc vdd; do
        [ -n "$(qemu-img info --output=json "$tmp/repo/$1/$disk.qcow2" | jq -r '."backing-filename" // empty')" ] &&
            echo incremental || echo full
    done | xargs
}

stir()
{
    local disk
    stirred=$((${stirred:-0} + 1))
    for disk in vda vdb vdc vdd; do
        put "$disk" $((stirred + 40)) $((stirred * 192))k 64k
    done
}

# ---- by mode: full, then increments of what can be tracked ----

for mode in push pull; do
    reconfigure "mode: $mode"
    stir
    vmkeep run "$vm" --level full --wait > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
    keep_reference "$(newest)"
    stir
    take incremental
    [ "$(kinds_of "$point")" = "incremental incremental incremental full" ] || fail "$mode: $(vmkeep explain "$point")"
    stir
    take incremental
    [ "$(ours)" -eq 1 ] || fail "checkpoints: $(checkpoints)"
    compare_points
    echo "$mode"
done

# ---- what is left out, why, and what to do ----

left_out() # DISK WHY ADVICE
{
    points | jq -e --arg d "$1" --arg w "$2" '.[-1].left_out | any(.[]; .name == $d and .why == $w)' > /dev/null ||
        fail "$1: $(points | jq -c '.[-1].left_out')"
    jq -e --arg d "lab/$vm disk $1" --arg w "$2: $3" 'any(.[]; .about == $d and .text == $w)' "$tmp/found" > /dev/null ||
        fail "$1: $(jq -c --arg d "lab/$vm disk $1" '.[] | select(.about == $d) | .text' "$tmp/found")"
}
vmkeep doctor "$vm" --json > "$tmp/found" || [ $? -eq 3 ] # the raw one
within="in no backup; back up what it holds within the guest"
left_out vde "a vhost-user disk, whose data QEMU does not see" "$within"
left_out sda "a disk shared with other domains, whose writes go past a copy, $i/shared.img" "$within"
left_out sdb "a transient disk, which libvirt does not back up, $i/transient.qcow2.TRANSIENT-$vm" "$within"
left_out hda "a CD-ROM or the like, $i/cd.img" "only by hand, by its name"
left_out fda "a CD-ROM or the like, $i/floppy.img" "only by hand, by its name"
jq -e --arg d "lab/$vm disk vdd" 'any(.[]; .about == $d and .text == "changes cannot be tracked in format raw" and
    (.advice | test("convert the image to qcow2 for incrementals")))' "$tmp/found" > /dev/null || fail "vdd: $(cat "$tmp/found")"
echo "left out"

# ---- shut off, a disk that is no file keeps it from being backed up, and that is said ----

libvirt_virsh destroy --graceful "$vm" > /dev/null
fails "disk vdb: .*$loop.* is no regular file"
libvirt_virsh start --paused "$vm" > /dev/null
chmod 666 "$loop" "$i"/*.* "$i/pool"/*
wait_for 10 "the domain" libvirt_is_connected
stir
take incremental
compare_points

stop_daemon
libvirt_virsh destroy "$vm" > /dev/null
libvirt_stop
echo "all as it should be"
