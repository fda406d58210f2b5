#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Backups and checkpoints by hand on a libvirt host: what backup-begin and its kin do there, and that the
# same mistakes are told in the same words as under plain QEMU.
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt.sh
. "$(dirname "$0")/libvirt.sh"
# shellcheck source=libvirt_jobs.sh
. "$(dirname "$0")/libvirt_jobs.sh"

libvirt_start
vm_make vm1 vda vdb
config 'mode: push'
daemon_up
mkdir -m 777 "$tmp/to"

document() # MODE ELEMENT PATH [INSIDE] [DISK-INSIDE]
{
    echo "<domainbackup mode='$1'>${4:-}<disks><disk name='vda' type='file' ${5:-}><driver type='qcow2'/>" \
         "<$2 file='$3'/></disk><disk name='vdb' backup='no'/></disks></domainbackup>" > "$tmp/b.xml"
}

checkpoint() # NAME
{
    echo "<domaincheckpoint><name>$1</name><disks><disk name='vda' checkpoint='bitmap'/><disk name='vdb' checkpoint='no'/></disks></domaincheckpoint>" > "$tmp/c.xml"
}

refused() # TEXT COMMAND...
{
    local text=$1
    shift
    ! vmkeep "$@" > "$tmp/out" 2>&1 || fail "$*: not refused"
    grep -qF -e "$text" "$tmp/out" || fail "$*: it says '$(cat "$tmp/out")', not '$text'"
}

holds() # IMAGE: what the disk does
{
    qemu-img convert -q -f qcow2 -O raw "$1" "$tmp/holds"
    cmp "$tmp/holds" "$tmp/images/$vm-vda.raw" || fail "$1 does not hold what the disk does"
}

# ---- a push, and an increment of it ----

listed() # OPTION DOMAINS
{
    [ "$(vmkeep domains "$1" --json | jq -c '[.[].domain]')" = "$2" ] || fail "$1: $(vmkeep domains "$1" --json)"
}
make_disks vm2 vda
libvirt_domain vm2 vda
is_there()
{
    vmkeep domains --json | jq -e 'any(.[]; .domain == "vm2" and .state == "shut off")'
}
wait_for 10 "vm2" is_there
listed --active '["vm1"]'
listed --inactive '["vm2"]'
listed --with-checkpoint '[]'
vmkeep event vm1 --loop --json > "$tmp/events" 2> "$tmp/listening" &
pids[event]=$!
wait_for 10 "who listens" grep -q listening "$tmp/listening"
document push target "$tmp/to/full"
checkpoint c1
vmkeep backup-begin vm1 "$tmp/b.xml" "$tmp/c.xml" > "$tmp/out" || fail "$(cat "$tmp/out")"
wait_for 20 "its end" idle
vmkeep domjobinfo vm1 --completed | grep -qi 'completed' || fail "domjobinfo: $(vmkeep domjobinfo vm1 --completed)"
holds "$tmp/to/full"
heard() # JQ-CONDITION
{
    jq -e --slurp "any(.[]; .event == \"job-completed\" and .domain == \"vm1\" and .operation == \"backup\" and $1)" "$tmp/events"
}
wait_for 10 "the event of its end" heard ".success and .disk_total == $DISK_SIZE and .disk_processed == $DISK_SIZE"
listed --with-checkpoint '["vm1"]'
listed --with-job '[]'
[ "$(vmkeep checkpoint-list vm1 --json | jq -r '.[].name')" = c1 ] || fail "checkpoint-list"
put vda 21 5M 64k
zero vda 9M 64k
document push target "$tmp/to/inc" "<incremental>c1</incremental>"
checkpoint c2
vmkeep backup-begin vm1 "$tmp/b.xml" "$tmp/c.xml" > "$tmp/out" || fail "$(cat "$tmp/out")"
wait_for 20 "its end" idle
qemu-img info --output=json "$tmp/to/inc" | jq -e 'has("backing-filename") | not' > /dev/null || fail "it has a backing file"
[ "$(stat -c %s "$tmp/to/inc")" -lt 1000000 ] || fail "an increment of little is large"
qemu-img rebase -u -f qcow2 -F qcow2 -b "$tmp/to/full" "$tmp/to/inc"
holds "$tmp/to/inc"
vmkeep checkpoint-dumpxml vm1 c2 | grep -q '<name>c1</name>' || fail "checkpoint-dumpxml: $(vmkeep checkpoint-dumpxml vm1 c2)"

# ---- a pull over TCP, on a port that was free ----

document pull scratch "$tmp/to/scratch" "<server transport='tcp' name='localhost'/>"
vmkeep backup-begin vm1 "$tmp/b.xml" > "$tmp/out" || fail "$(cat "$tmp/out")"
vmkeep backup-dumpxml vm1 > "$tmp/running"
port=$(sed -n 's/.*port="\([0-9]*\)".*/\1/p' "$tmp/running")
[ -n "$port" ] || fail "no port: $(cat "$tmp/running")"
put vda 22 0 64k
qemu-img convert -q -f raw -O raw "nbd://localhost:$port/vda" "$tmp/pulled"
! cmp -s "$tmp/pulled" "$tmp/images/vm1-vda.raw" || fail "a pull reads the disk of now"
vmkeep domjobinfo vm1 | grep -qi 'running\|unbounded' || fail "domjobinfo: $(vmkeep domjobinfo vm1)"
refused "is running" backup-begin vm1 "$tmp/b.xml"
listed --with-job '["vm1"]'
vmkeep domjobabort vm1 > /dev/null
wait_for 20 "its end" idle
[ ! -e "$tmp/to/scratch" ] || fail "the scratch file stays"
wait_for 10 "the event of the pull's end" heard '.mode == "pull"'
wait_for 10 "libvirt's end" libvirt_runs_none

# ---- checkpoints ----

checkpoint c3
vmkeep checkpoint-create vm1 "$tmp/c.xml" > /dev/null
checkpoints | grep -qx c3 || fail "c3: $(checkpoints)"
vmkeep checkpoint-delete vm1 c2 > /dev/null
! checkpoints | grep -qx c2 || fail "c2 stays: $(checkpoints)"

# ---- mistakes ----

document push target "$tmp/to/full"
refused "$tmp/to/full" backup-begin vm1 "$tmp/b.xml"
document push target "$tmp/to/new" "<incremental>nope</incremental>"
refused "nope" backup-begin vm1 "$tmp/b.xml"
document push target "$tmp/to/new"
sed 's/vda/vdz/' "$tmp/b.xml" > "$tmp/b2.xml"
refused "vdz" backup-begin vm1 "$tmp/b2.xml"
qemu-img create -q -f qcow2 "$tmp/to/small" 1M
document push target "$tmp/to/small"
refused "is an image of 1048576 bytes" backup-begin vm1 "$tmp/b.xml" --reuse-external
document push target "$tmp/to/full"
refused "is not empty" backup-begin vm1 "$tmp/b.xml" --reuse-external
document push target "$tmp/to/new"
checkpoint c3
refused "c3" backup-begin vm1 "$tmp/b.xml" "$tmp/c.xml"
echo "<domainbackup><disks><disk name='vda' type='network'><driver type='raw'/><target protocol='nbd'><host name='localhost'/></target></disk></disks></domainbackup>" > "$tmp/b.xml"
refused "give a file or a block device" backup-begin vm1 "$tmp/b.xml"
mkdir -m 700 "$tmp/closed"
document push target "$tmp/closed/x"
refused "\`chmod o+x $tmp/closed\`" backup-begin vm1 "$tmp/b.xml"
[ -z "$(ls "$tmp/closed")" ] || fail "left: $(ls "$tmp/closed")"
libvirt_virsh destroy --graceful "$vm" > /dev/null
vmkeep checkpoint-delete vm1 c3 || fail "a checkpoint of a domain that is shut off is not deleted"
! checkpoints | grep -qx c3 || fail "libvirt still lists c3: $(checkpoints)"
! qemu-img info "$tmp/images/vm1-vda.qcow2" | grep -q "name: c3" || fail "c3 is gone, its bitmap is not"

stop_daemon
libvirt_stop
