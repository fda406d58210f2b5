# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What scenarios_test.sh does to a virtual machine, on plain QEMU: its CPU never starts, so nothing is
# written but by the scenario.  Another driver has a file like this one, with the same functions.
#
# A disk NAME has a line "NAME FORMAT FILE" in $vm_disks; its device has the id NAME, and so has the
# node of its first image.
#
# shellcheck disable=SC2154 # vm, vm_disks and tmp are scenarios_test.sh's

vm_hosts()
{
    local name format file
    printf 'hosts:\n  - name: lab\n    driver: qemu\n    domains:\n'
    printf '      - name: %s\n        qmp: %s\n        disks:\n' "$vm" "$tmp/$vm.qmp"
    while read -r name format file; do
        printf '          - { name: %s, image: %s, format: %s }\n' "$name" "$file" "$format"
    done < "$vm_disks"
}

qmp()
{
    "$WRITER" qmp "$tmp/$vm.test" "$@"
}

# qmp_do COMMAND JQ-ARGUMENTS... FILTER
qmp_do()
{
    local command=$1
    shift
    qmp "$command" "$(jq -cn "$@")" > "$tmp/qmp.out" || fail "$command: $(cat "$tmp/qmp.out")"
}

vm_start()
{
    local name format file args=() i
    for i in 0 1 2 3; do
        args+=(-device "pcie-root-port,id=virtio$i,chassis=$i,slot=$i")
    done
    args+=(-device "virtio-scsi-pci,id=scsi")
    while read -r name format file; do
        args+=(-blockdev "driver=file,filename=$file,node-name=$name-file,discard=unmap"
               -blockdev "driver=$format,file=$name-file,node-name=$name,discard=unmap"
               -device "virtio-blk-pci,drive=$name,id=$name")
    done < "$vm_disks"
    : > "$tmp/$vm.out"
    qemu-system-x86_64 -M q35 -accel tcg -m 64 -S -nodefaults -display none -monitor none \
        -qmp "unix:$tmp/$vm.qmp,server=on,wait=off" -qmp "unix:$tmp/$vm.test,server=on,wait=off" \
        "${args[@]}" >> "$tmp/$vm.out" 2>&1 &
    pids[$vm]=$!
    wait_for 10 "QEMU $vm" qmp query-status
}

vm_is_up()
{
    [ -n "${pids[$vm]:-}" ]
}

vm_stop()
{
    stop_vm "$vm"
}

vm_kill()
{
    kill -KILL "${pids[$vm]}"
    wait "${pids[$vm]}" 2> /dev/null || true
    unset "pids[$vm]"
}

# backend DISK: the path of what a drive is attached to.
backend()
{
    if qmp qom-list "{\"path\": \"/machine/peripheral/$1/virtio-backend\"}" > /dev/null; then
        echo "/machine/peripheral/$1/virtio-backend"
    else
        echo "$1"
    fi
}

# io DISK COMMAND: qemu-io's, on the device.
io()
{
    qmp_do human-monitor-command --arg line "qemu-io -d $(backend "$1") \"$2\"" '{"command-line": $line}'
    ! grep -i 'error\|failed\|invalid\|unknown' "$tmp/$vm.out" || fail "io $1 $2"
}

# disk_plug NAME BUS: the disk that add_disk has made; BUS: virtio0 ... virtio3, scsi.
disk_plug()
{
    local format file
    read -r format file < <(awk -v name="$1" '$1 == name { print $2, $3 }' "$vm_disks")
    qmp_do blockdev-add --arg n "$1" --arg format "$format" --arg file "$file" \
        '{"driver": $format, "node-name": $n, "file": {"driver": "file", "filename": $file, "node-name": ($n + "-file")}}'
    if [ "$2" = scsi ]; then
        qmp_do device_add --arg n "$1" '{"driver": "scsi-hd", "drive": $n, "id": $n, "bus": "scsi.0"}'
    else
        qmp_do device_add --arg n "$1" --arg bus "$2" \
            '{"driver": "virtio-blk-pci", "drive": $n, "id": $n, "bus": $bus}'
    fi
}

unplugged()
{
    qmp blockdev-del "{\"node-name\": \"$1\"}"
}

# Only from scsi: a guest that does not run never lets go of a PCI device.
disk_unplug()
{
    qmp_do device_del --arg n "$1" '{"id": $n}'
    wait_for 10 "$1 to be unplugged" unplugged "$1"
}

disk_resize()
{
    qmp_do block_resize --arg n "$1" --argjson size "$2" '{"node-name": $n, "size": $size}'
}

# active_node DISK: the node below the device (and below what vmkeep put there).
active_node()
{
    qmp query-block | jq -r --arg q "$(backend "$1")" \
        '.[] | select(.qdev == $q) | .inserted."node-name"'
}

# snapshot_external DISK FILE
snapshot_external()
{
    qmp_do blockdev-snapshot-sync --arg n "$(active_node "$1")" --arg file "$2" \
        '{"node-name": $n, "snapshot-file": $file, "format": "qcow2", "snapshot-node-name": ($n + "-ov")}'
}

snapshot_internal()
{
    qmp_do blockdev-snapshot-internal-sync --arg n "$1" --arg name "$2" '{"device": $n, "name": $name}'
}

job_is()
{
    [ "$(qmp query-jobs | jq -r --arg id "$1" '.[] | select(.id == $id) | .status')" = "$2" ]
}

job_gone()
{
    job_is "$1" ''
}

# The overlay's data go down into the disk's first image, and that is the disk again.
block_commit()
{
    local top
    top=$(active_node "$1")
    qmp_do block-commit --arg n "$top" '{"job-id": "commit", "device": $n}'
    wait_for 20 "the commit" job_is commit ready
    qmp_do job-complete '{"id": "commit"}'
    wait_for 20 "the end of the commit" job_gone commit
}

# mirror_pivot DISK FORMAT FILE: onto a new image, which is the disk from then on.
mirror_pivot()
{
    qmp_do blockdev-add --arg n "$1-moved" --arg format "$2" --arg file "$3" \
        '{"driver": $format, "node-name": $n, "file": {"driver": "file", "filename": $file}}'
    qmp_do blockdev-mirror --arg n "$(active_node "$1")" --arg t "$1-moved" \
        '{"job-id": "mirror", "device": $n, "target": $t, "sync": "full"}'
    wait_for 20 "the mirror" job_is mirror ready
    qmp_do job-complete '{"id": "mirror"}'
    wait_for 20 "the end of the mirror" job_gone mirror
}

# foreign_job DISK FILE: a backup of somebody else's that does not end by itself, by the id "theirs".
foreign_job()
{
    qmp_do drive-backup --arg n "$1" --arg file "$2" \
        '{"job-id": "theirs", "device": $n, "target": $file, "sync": "full", "format": "raw", "speed": 1}'
}

foreign_job_end()
{
    qmp_do job-cancel '{"id": "theirs"}'
    wait_for 10 "the other job's end" job_gone theirs
}
