#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Disks of a libvirt host are held against what they were, by a backup in pull mode that nobody asked for:
# what is found by it, and that nothing of it stays, whatever happens in its middle.
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt.sh
. "$(dirname "$0")/libvirt.sh"
# shellcheck source=libvirt_jobs.sh
. "$(dirname "$0")/libvirt_jobs.sh"

# Comparing takes as long as the test wants.
hold=$tmp/hold
mkdir -p "$tmp/b/sbin" "$tmp/b/bin"
cp "$VMKEEPD" "$tmp/b/sbin/vmkeepd"
VMKEEPD=$tmp/b/sbin/vmkeepd
ln -s "$BUILD/helpers" "$BUILD/mover" "$tmp/b/"
cat > "$tmp/b/bin/vmkeep-allocation" <<EOS
#!/bin/bash
while [ -e "$hold" ]; do
    touch "$hold-waits"
    sleep 0.1
done
exec "$BUILD/mover/vmkeep-allocation" "\$@"
EOS
chmod +x "$tmp/b/bin/vmkeep-allocation"

libvirt_start
vm_make vm1 vda vdb
put vda 11 0 16M
put vdb 12 0 16M
# Where libvirt's folders are seen.
DAEMON_WRAP=(nsenter --mount --target "${pids[libvirt_namespace]}" --)
config 'mode: push'
daemon_up
take full
stir()
{
    stirred=$((${stirred:-0} + 1))
    put vda $((stirred + 100)) $((stirred * 192))k 64k
}
kind() # DISK
{
    [ -n "$(qemu-img info --output=json "$tmp/repo/$point/$1.qcow2" | jq -r '."backing-filename" // empty')" ] &&
        echo incremental || echo full
}
nothing_stays()
{
    [ -z "$(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'vmkeep-compare-*')" ] || fail "$1: a directory stays"
    [ -z "$(find "$tmp/lv/lib/qemu" -name 'vmkeep-compare*')" ] || fail "$1: a socket stays"
    libvirt_runs_none || fail "$1: a job stays"
    [ "$(ours)" -eq 1 ] || fail "$1: checkpoints: $(checkpoints)"
}

stir
take incremental
[ "$(kind vda) $(kind vdb)" = "incremental incremental" ] || fail "a full: $(vmkeep explain "$point")"
nothing_stays "an increment"

# ---- one disk is copied over the other, bitmap and all, and nothing of it reads as zeroes ----

libvirt_virsh destroy --graceful "$vm" > /dev/null
cp "$tmp/images/$vm-vda.qcow2" "$tmp/images/$vm-vdb.qcow2"
cp "$tmp/images/$vm-vda.raw" "$tmp/images/$vm-vdb.raw"
libvirt_virsh start --paused "$vm" > /dev/null
stir
take incremental
[ "$(kind vda) $(kind vdb)" = "incremental full" ] || fail "a disk that was overwritten: $(vmkeep explain "$point")"
vmkeep explain "$point" | grep -q "it holds other data than it held" || fail "$(vmkeep explain "$point")"
compare_points
echo "overwritten"

# ---- one was left, running: it is known by its place, and ended ----

catalog=$(checkpoints | sed 's/^vmkeep-\([^-]*\)-.*/\1/')
uuid=$(libvirt_virsh domuuid "$vm" | sed '/^$/d')
left=${TMPDIR:-/tmp}/vmkeep-compare-$catalog-0-1-${uuid:0:8}
mkdir "$left"
chown libvirt-qemu "$left"
echo "<domainbackup mode='pull'><server transport='unix' socket='$left/nbd'/><disks><disk name='vda' type='file'>" \
     "<scratch file='$left/0'/></disk><disk name='vdb' backup='no'/></disks></domainbackup>" > "$tmp/left.xml"
libvirt_virsh backup-begin "$vm" "$tmp/left.xml" > /dev/null
stir
take incremental
[ "$(kind vda) $(kind vdb)" = "incremental incremental" ] || fail "after one was left: $(vmkeep explain "$point")"
nothing_stays "one that was left"
echo "left"

# ---- cancelled, or cut off, in the middle ----

begin_to_compare()
{
    rm -f "$hold-waits"
    touch "$hold"
    stir
    vmkeep run "$vm" > /dev/null
    wait_for 20 "the comparing" test -e "$hold-waits"
    libvirt_virsh backup-dumpxml "$vm" | grep -q "socket='/var/lib/libvirt/qemu/domain-[0-9]*-vm1/vmkeep-compare'" ||
        fail "its socket: $(libvirt_virsh backup-dumpxml "$vm")"
}
goes_on()
{
    wait_for 60 "the job's end" idle
    grep -q '^success' <<< "$(last_reason)" || fail "$1: $(last_reason)"
    point=$(newest)
    keep_reference "$point"
    [ "$(kind vda) $(kind vdb)" = "incremental incremental" ] || fail "$1: $(vmkeep explain "$point")"
    nothing_stays "$1"
    echo "$1"
}

begin_to_compare
vmkeep cancel "$(vmkeep jobs --active --json | jq '.[0].id')" > /dev/null
wait_for 20 "the job's end" idle
rm "$hold"
nothing_stays "cancelled"
take incremental
echo "cancelled"

begin_to_compare
libvirt_kill
rm "$hold"
sleep 1
libvirt_daemon
goes_on "libvirtd is killed"

begin_to_compare
kill -KILL "${pids[daemon]}"
wait "${pids[daemon]}" 2> /dev/null || true
rm "$hold"
daemon_up
goes_on "vmkeepd is killed"

# ---- by hand: what the disks held at the checkpoint is noted ----

disks="<disks><disk name='vda' checkpoint='bitmap'/><disk name='vdb' checkpoint='no'/></disks>"
echo "<domaincheckpoint><name>c1</name>$disks</domaincheckpoint>" > "$tmp/c.xml"
vmkeep checkpoint-create "$vm" "$tmp/c.xml" > /dev/null
mkdir -m 777 "$tmp/to"
libvirt_virsh blockresize "$vm" vda 8388608B > /dev/null
libvirt_virsh blockresize "$vm" vda 16777216B > /dev/null
truncate -s 8M "$tmp/images/$vm-vda.raw"
truncate -s 16M "$tmp/images/$vm-vda.raw"
echo "<domainbackup><incremental>c1</incremental><disks><disk name='vda' type='file'><target file='$tmp/to/1'/></disk>" \
     "<disk name='vdb' backup='no'/></disks></domainbackup>" > "$tmp/b.xml"
! vmkeep backup-begin "$vm" "$tmp/b.xml" > "$tmp/out" 2>&1 || fail "an increment by a bitmap that forgot"
grep -q "it reads as zeroes where it held data" "$tmp/out" || fail "$(cat "$tmp/out")"
vmkeep checkpoint-delete "$vm" c1 > /dev/null
take incremental
[ "$(kind vda) $(kind vdb)" = "full incremental" ] || fail "after shrinking: $(vmkeep explain "$point")"
compare_points
nothing_stays "by hand"
echo "by hand"

stop_daemon
libvirt_virsh destroy "$vm" > /dev/null
libvirt_stop
