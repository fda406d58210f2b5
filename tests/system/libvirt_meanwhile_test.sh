#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What others do with a libvirt domain while it is backed up: a disk plugged in and out, a reset, pauses by
# hand, a snapshot that is tried, and its end, by force or by itself.  The backup goes on, or fails and says
# so; the guest keeps what it was given; and the next point holds what the disks hold.  And scratch space
# that runs full is noticed before the guest's write fails.
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt.sh
. "$(dirname "$0")/libvirt.sh"
# shellcheck source=libvirt_jobs.sh
. "$(dirname "$0")/libvirt_jobs.sh"

# The news of a domain's end comes as late as the test wants; answers do not wait for it.
late=$tmp/late
mkdir -p "$tmp/b/sbin" "$tmp/b/bin"
cp "$VMKEEPD" "$tmp/b/sbin/vmkeepd"
VMKEEPD=$tmp/b/sbin/vmkeepd
ln -s "$BUILD/helpers" "$BUILD/mover" "$tmp/b/"
cat > "$tmp/b/late.py" <<'EOS'
import os, sys, threading
lock = threading.Lock()
def tell(line):
    with lock:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
for line in sys.stdin.buffer:
    if b'"change":"stopped"' in line and os.path.exists(sys.argv[1]):
        threading.Timer(4, tell, [line]).start()
    else:
        tell(line)
EOS
cat > "$tmp/b/bin/vmkeep-libvirt" <<EOS
#!/bin/bash
exec "$BUILD/helpers/libvirt/vmkeep-libvirt" "\$@" > >(exec python3 "$tmp/b/late.py" "$late")
EOS
chmod +x "$tmp/b/bin/vmkeep-libvirt"

mkdir "$tmp/scratch" "$tmp/small" "$tmp/repo"
mount -t tmpfs -o size=512m,mode=777 tmpfs "$tmp/small" # before libvirtd has mounts of its own
# shellcheck disable=SC2119
libvirt_start
vm=vm1
make_disks "$vm" vda vdb
chmod 666 "$tmp/images/$vm"-*.qcow2
libvirt_domain "$vm" vda vdb
# for disks that come: a guest that does not run gives its PCI bus no hotplug
sed "s|</devices>|<controller type='scsi' model='virtio-scsi'/></devices>|" "$tmp/vm1.xml" > "$tmp/vm.xml"
libvirt_virsh undefine "$vm" > /dev/null
libvirt_virsh define "$tmp/vm.xml"
libvirt_virsh start --paused "$vm"
limited=('mode: pull' 'bandwidth: 4MiB/s' 'disks: ["*"]')
config 'mode: pull'
daemon_up
take full

slow() # until it copies
{
    config "${limited[@]}"
    vmkeep reload > /dev/null
    # so much that it takes some seconds
    put vda $((++changed)) 0 16M
    put vdb $((++changed)) 0 12M
    before=$(newest)
    vmkeep run "$vm" > /dev/null
    wait_for 20 "the copy" job_is_at copying
}
changed=10

ends() # OUTCOME: the job that goes on
{
    wait_for 60 "the job's end" idle
    grep -q "^$1" <<< "$(last_reason)" || fail "not $1: $(last_reason)"
    [ "$1" = success ] || return 0
    point=$(newest)
    [ "$point" != "$before" ] || fail "no new point"
}

# The next one, which is incremental (or not), and all of it right.
next() # KIND
{
    put vda $((++changed)) 3M 64k
    take "$1"
    [ "$(ours)" -eq 1 ] || fail "checkpoints: $(checkpoints)"
    compare_points
}

base_of_job() # the checkpoint that the newest point was made with
{
    points | jq -r '.[-1].checkpoint'
}

state()
{
    libvirt_virsh domstate "$vm"
}

plug() # FILE TARGET
{
    libvirt_disk "$1" qcow2 "$2" | sed "s/bus='virtio'/bus='scsi'/" > "$tmp/disk.xml"
    libvirt_virsh attach-device "$vm" "$tmp/disk.xml" > /dev/null
}

# ---- a disk comes ----

slow
keep=$(mktemp -d "$tmp/kept.XXXX")
cp "$tmp/images"/vm1-vd?.raw "$keep"
qemu-img create -q -f qcow2 "$tmp/images/vm1-sda.qcow2" 4M
chmod 666 "$tmp/images/vm1-sda.qcow2"
plug "$tmp/images/vm1-sda.qcow2" sda
ends success
[ "$(points | jq -r '.[-1].disks | map(.name) | join(" ")')" = "vda vdb" ] || fail "a disk that came later is in the point"
mkdir -p "$tmp/kept/$point"
cp "$keep"/*.raw "$tmp/kept/$point"
references[$point]=vm1
config 'mode: pull'
truncate -s 4M "$tmp/images/vm1-sda.raw"
next incremental
points | jq -e '.[-1].disks | map(select(.name == "sda")) | length == 1' > /dev/null || fail "the new disk is not in the next point"
echo "a disk has come"

# ---- a disk that is being copied does not go; afterwards it may ----

slow
! libvirt_virsh detach-disk "$vm" vdb > "$tmp/out" 2>&1 || fail "a disk went while it was copied"
grep -q "active block job" "$tmp/out" || fail "$(cat "$tmp/out")"
libvirt_virsh detach-disk "$vm" sda > "$tmp/out" 2>&1 && fail "a disk went while it was copied"
! libvirt_virsh blockresize "$vm" vdb 32M > "$tmp/out" 2>&1 || fail "a disk grew while it was copied"
ends success
libvirt_virsh detach-disk "$vm" sda > /dev/null
rm "$tmp/images"/vm1-sda.*
next incremental
points | jq -e '.[-1].disks | map(.name) == ["vda", "vdb"]' > /dev/null || fail "disks: $(points | jq -c '.[-1].disks | map(.name)')"
echo "a disk has gone"

# ---- it is reset, goes on and is paused by hand: it stays as the hand has left it ----

slow
keep_reference later # what the disks held at the instant
libvirt_virsh resume "$vm" > /dev/null
libvirt_virsh reset "$vm" > /dev/null
[ "$(state)" = running ] || fail "it is $(state)"
libvirt_virsh suspend "$vm" > /dev/null
libvirt_virsh resume "$vm" > /dev/null
ends success
[ "$(state)" = running ] || fail "it is $(state) after its backup"
mv "$tmp/kept/later" "$tmp/kept/$point"
unset "references[later]"
references[$point]=vm1
compare_points
slow
libvirt_virsh suspend "$vm" > /dev/null
libvirt_virsh checkpoint-delete "$vm" "$(base_of_job)" > /dev/null
ends success
[ "$(state)" = paused ] || fail "who paused it was overruled: it is $(state)"
next incremental
echo "reset, paused, continued"

# ---- somebody deletes the checkpoint that is being made: libvirt lets him, and nothing can stand on it ----

slow
libvirt_virsh checkpoint-delete "$vm" "$(checkpoints | grep -vxF "$(base_of_job)")" > /dev/null
ends success
next full
echo "checkpoints deleted in the middle"

# ---- a snapshot waits for the backup; the next increment knows it ----

slow
libvirt_virsh snapshot-create-as "$vm" later --disk-only --no-metadata --diskspec "vda,file=$tmp/images/vm1-vda.later" \
    --diskspec "vdb,snapshot=no" > "$tmp/snapshot" 2>&1 &
snapshot=$!
ends success
wait "$snapshot" || fail "the snapshot: $(cat "$tmp/snapshot")"
libvirt_virsh domblklist "$vm" | grep -q 'vm1-vda.later' || fail "no snapshot: $(libvirt_virsh domblklist "$vm")"
next incremental
libvirt_virsh blockcommit "$vm" vda --active --pivot --wait > /dev/null
next incremental
echo "a snapshot was tried"

# ---- it ends: by force, and by itself ----

off()
{
    [ "$(state)" = "shut off" ]
}

stops() # COMMAND...
{
    slow
    "$@" > /dev/null 2>&1 || true
    wait_for 20 "its end" off
    wait_for 60 "the job's end" idle
    grep -q "^failed: \(the domain has stopped\|the hypervisor cannot be asked now\)" <<< "$(last_reason)" || fail "$(last_reason)"
    [ "$(newest)" = "$before" ] || fail "a point came of it"
    [ -z "$(find "$tmp/scratch" -mindepth 1)" ] || fail "scratch: $(find "$tmp/scratch")"
    libvirt_virsh start --paused "$vm" > /dev/null
    # What was only in QEMU's hands is gone with it, perhaps.
    for disk in vda vdb; do
        qemu-img convert -q -U -O raw "$tmp/images/$vm-$disk.qcow2" "$tmp/images/$vm-$disk.raw"
    done
    next "${kind[@]}"
    next incremental
}
kind=(incremental)
stops libvirt_virsh destroy --graceful "$vm"
echo "ended by force: $(last_reason)"
touch "$late" # libvirt tells of the job's end before, and does not say why
stops libvirt_virsh qemu-monitor-command "$vm" '{"execute": "quit"}'
rm "$late"
echo "ended by itself"

# ---- scratch space of a pull by hand runs full: a mark tells before the guest is stopped ----

libvirt_virsh resume "$vm" > /dev/null
fallocate -l 491M "$tmp/small/filler"
cat > "$tmp/b.xml" <<EOX
<domainbackup mode='pull'><server transport='unix' socket='$tmp/nbd/sock'/><disks>
  <disk name='vda' type='file'><driver type='qcow2'/><scratch file='$tmp/small/vda'/></disk><disk name='vdb' backup='no'/></disks></domainbackup>
EOX
mkdir -m 777 "$tmp/nbd"
vmkeep backup-begin "$vm" "$tmp/b.xml" > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
put vda 77 0 12M # what was there goes to the scratch space, at once, so that the mark comes before a look does
wait_for 60 "the job's end" idle
vmkeep jobs --json | jq -r '.[-1] | "\(.outcome): \(.reason)"' > "$tmp/reason"
grep -q "^failed: disk vda: only .* left where .* is: the backup was given up before the guest is stopped" "$tmp/reason" || fail "$(cat "$tmp/reason")"
# By a mark, or by a look that came before it on a busy machine.
if grep -q "debug: libvirt: vm1: a mark is passed in $tmp/small/vda" "$tmp/log"; then echo "told by a mark"; fi
[ "$(state)" = running ] || fail "the guest is $(libvirt_virsh domstate --reason "$vm")"
! grep "stopped the guest" "$tmp/log" || fail "the guest was stopped"
rm "$tmp/small/filler"
[ -z "$(ls "$tmp/small")" ] || fail "left: $(ls "$tmp/small")"
next incremental

stop_daemon
libvirt_virsh destroy "$vm"
libvirt_stop
echo "all as it should be"
