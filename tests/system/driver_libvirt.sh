# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What scenarios_test.sh does to a virtual machine, under a libvirtd of the test's own: as
# driver_qmp.sh, with virsh.
#
# shellcheck disable=SC2154 # vm, vm_disks and tmp are scenarios_test.sh's

# shellcheck source=libvirt.sh
. "$(dirname "${BASH_SOURCE[0]}")/libvirt.sh"
libvirt_start

vm_hosts()
{
    printf 'hosts: [{ name: lab, driver: libvirt, uri: "%s" }]\n' "$LIBVIRT_URI"
}

vm_disk_xml() # NAME BUS
{
    local format file
    read -r format file < <(awk -v name="$1" '$1 == name { print $2, $3 }' "$vm_disks")
    cat <<EOX
    <disk type='file' device='disk'><driver name='qemu' type='$format' discard='unmap'/>
      <source file='$file'/><target dev='$1' bus='$2'/></disk>
EOX
}

vm_start()
{
    local name
    chmod 777 "$tmp/images"
    chmod 666 "$tmp/images"/*
    # The first of a scenario: nothing is left of the one before.
    if [ ! -e "$tmp/images/started" ]; then
        libvirt_virsh undefine "$vm" --checkpoints-metadata --snapshots-metadata > /dev/null 2>&1 || true
        touch "$tmp/images/started"
    fi
    {
        echo "<domain type='qemu'><name>$vm</name><uuid>8b5d1b1e-0c4c-4d0a-9d0e-2f5b0f6d7a10</uuid>"
        echo "<memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os>"
        echo "<devices><emulator>/usr/bin/qemu-system-x86_64</emulator><controller type='scsi' model='virtio-scsi'/>"
        while read -r name _; do
            vm_disk_xml "$name" virtio
        done < "$vm_disks"
        echo "</devices></domain>"
    } > "$tmp/vm.xml"
    backends=()
    libvirt_virsh define "$tmp/vm.xml"
    libvirt_virsh start --paused "$vm" > /dev/null
}

vm_lists() # FLAG...: its checkpoints
{
    libvirt_virsh checkpoint-list "$vm" --name "$@"
}

vm_is_up()
{
    [ "$(libvirt_virsh domstate "$vm" 2> /dev/null)" = paused ]
}

vm_stop()
{
    libvirt_virsh destroy --graceful "$vm" > /dev/null
}

vm_kill()
{
    kill -KILL "$(cat "$tmp/lv/run/qemu/$vm.pid")"
    wait_for 10 "the end of QEMU" vm_is_down
}

vm_is_down()
{
    ! vm_is_up
}

# What qemu-io knows drives by, as long as none comes or goes: asking takes longer than writing.
declare -A backends=()
find_backend() # DISK
{
    local alias
    [ -z "${backends[$1]:-}" ] || return 0
    alias=$(libvirt_virsh dumpxml "$vm" | xmllint --xpath "string(//disk[target/@dev='$1']/alias/@name)" -)
    case $alias in
        virtio-*) backends[$1]="/machine/peripheral/$alias/virtio-backend" ;;
        *) backends[$1]=$alias ;;
    esac
}

io()
{
    find_backend "$1"
    libvirt_virsh qemu-monitor-command "$vm" --hmp "qemu-io -d ${backends[$1]} \"$2\"" > "$tmp/io.out" 2>&1 ||
        fail "io: $(cat "$tmp/io.out")"
    ! grep -i 'error\|failed\|invalid\|unknown' "$tmp/io.out" || fail "io $1 $2"
}

# Always as SCSI: a guest that does not run gives its PCI bus no hotplug.
disk_plug()
{
    chmod 666 "$tmp/images"/*
    vm_disk_xml "$1" scsi > "$tmp/disk.xml"
    backends=()
    libvirt_virsh attach-device "$vm" "$tmp/disk.xml" > /dev/null
}

disk_unplug()
{
    backends=()
    libvirt_virsh detach-disk "$vm" "$1" > /dev/null
}

disk_resize()
{
    libvirt_virsh blockresize "$vm" "$1" "$2B" > /dev/null
}

others_not() # DISK: arguments that leave out the others
{
    awk -v name="$1" '$1 != name { print "--diskspec " $1 ",snapshot=no" }' "$vm_disks"
}

snapshot_external()
{
    # shellcheck disable=SC2046
    libvirt_virsh snapshot-create-as "$vm" --disk-only --no-metadata \
        --diskspec "$1,snapshot=external,file=$2" $(others_not "$1") > /dev/null
}

snapshot_internal()
{
    libvirt_virsh snapshot-create-as "$vm" "$2" > /dev/null
}

block_commit()
{
    libvirt_virsh blockcommit "$vm" "$1" --active --pivot --wait > /dev/null
}

mirror_pivot()
{
    chmod 666 "$3"
    libvirt_virsh blockcopy "$vm" "$1" --dest "$3" --format "$2" --reuse-external --transient-job --pivot --wait > /dev/null
}

foreign_job()
{
    echo "<domainbackup mode='pull'><server transport='unix' socket='$tmp/images/theirs.sock'/><disks>" \
         "<disk name='$1' type='file'><scratch file='$2'/></disk></disks></domainbackup>" > "$tmp/theirs.xml"
    libvirt_virsh backup-begin "$vm" "$tmp/theirs.xml" > /dev/null
}

none_runs()
{
    libvirt_virsh domjobinfo "$vm" | grep -q None
}

foreign_job_end()
{
    libvirt_virsh domjobabort "$vm"
    wait_for 10 "the other job's end" none_runs
}
