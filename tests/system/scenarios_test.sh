#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What users do to their disks between backups, one row a scenario; each point is restored at the end
# and compared, disk by disk and byte by byte, with what the disks held when it was taken.
#
#   scenarios_test.sh [PATTERN]     those whose name matches
#   DRIVER                          qmp (default): driver_qmp.sh; libvirt: driver_libvirt.sh
#   TOLD=FILE                       writes there what is said of each, as in fixtures/scenarios.told
#
# A row is:  scenario NAME 'DISKS' 'STEPS'
#   DISKS  NAME=FORMAT:SIZE[:OPTIONS of qemu-img create] ...; vda is written from end to end at first
#   STEPS  commands, those below and those of the driver's file:
#     put DISK PATTERN OFFSET LENGTH    zero ... discard DISK OFFSET LENGTH
#     take KIND [DISK=KIND ...]         a backup succeeds, of that kind; those disks have another one
#     held_up $vm TEXT ... goes_on      a backup waits for somebody else, and says so; then it succeeds
# "take full; take incremental" stands for nothing unless something was put between them.
. "$(dirname "$0")/lib.sh"
# shellcheck source=driver_qmp.sh
. "$(dirname "$0")/driver_${DRIVER:-qmp}.sh"

only=${1:-}
vm=vm1
vm_disks=$tmp/disks
count=0
pending=0

# ---- steps ----

# add_disk NAME=FORMAT:SIZE[:OPTIONS]
add_disk()
{
    local name=${1%%=*} spec=${1#*=} format size options
    IFS=: read -r format size options <<< "$spec"
    qemu-img create -q -f "$format" ${options:+-o "${options//DIR/$tmp/images}"} \
        "$tmp/images/$name.$format" "$size"
    echo "$name $format $tmp/images/$name.$format" >> "$vm_disks"
}

names()
{
    cut -d' ' -f1 "$vm_disks"
}

forget_disk()
{
    sed -i "/^$1 /d" "$vm_disks"
}

# set_image DISK FORMAT FILE: what the disk's image is from now on.
set_image()
{
    sed -i "s|^$1 .*|$1 $2 $3|" "$vm_disks"
}

put()
{
    io "$1" "write -P $2 $3 $4"
}

zero()
{
    io "$1" "write -z $2 $3"
}

discard()
{
    io "$1" "discard $2 $3"
}

# stir [DISK...]: some writes here and there on each disk, other ones each time.
# shellcheck disable=SC2120 # all disks, mostly
stir()
{
    local disk size at
    for disk in $([ $# -gt 0 ] && printf '%s\n' "$@" || names); do
        stirred=$((stirred + 1))
        size=$(virtual_size "$disk")
        at=$(((stirred * 7919 * 512) % size))
        [ $((at + 4096)) -le "$size" ] || at=0
        put "$disk" $((stirred % 200 + 1)) "$at" $((size < 4096 ? 512 : 4096))
    done
}

image()
{
    awk -v name="$1" '$1 == name { print "-f", $2, $3 }' "$vm_disks"
}

virtual_size()
{
    # shellcheck disable=SC2046
    qemu-img info -U --output=json $(image "$1") | jq '."virtual-size"'
}

# What the disks hold now, and which there are, read by qemu-img alone.
note_reference()
{
    local disk up=
    mkdir "$tmp/references/$1"
    ! vm_is_up || up=yes
    for disk in $(names); do
        [ -z "$up" ] || io "$disk" flush
        # shellcheck disable=SC2046
        qemu-img convert -q -U $(image "$disk") -O raw "$tmp/references/$1/$disk"
    done
}

newest()
{
    points | jq -r '.[-1].id // empty'
}

# disk_kind POINT DISK: told by the image itself.
disk_kind()
{
    [ -n "$(qemu-img info -U --output=json "$tmp/repo/$1/$2.qcow2" | jq -r '."backing-filename" // empty')" ] &&
        echo incremental || echo full
}

take()
{
    local kind=$1 before id disk want other made
    shift
    before=$(point_directories)
    rm -rf "$tmp/references/now"
    note_reference now
    vmkeep run $vm --wait > "$tmp/out" 2>&1 || fail "$name: $(cat "$tmp/out")"
    made=$(points | jq -c '.[-1]')
    id=$(jq -r .id <<< "$made")
    ! grep -qxF "${id##*/}" <<< "$before" || fail "$name: no point was made"
    mkdir -p "$tmp/references/${id%/*}"
    mv "$tmp/references/now" "$tmp/references/$id"
    [ "$(jq -r .kind <<< "$made")" = "$kind" ] ||
        fail "$name: $id is not $kind: $(vmkeep explain "$id")"
    for disk in $(names); do
        want=$kind
        for other in "$@"; do
            [ "${other%=*}" != "$disk" ] || want=${other#*=}
        done
        [ "$(disk_kind "$id" "$disk")" = "$want" ] ||
            fail "$name: $disk of $id is not $want: $(vmkeep explain "$id")"
    done
}

# by_hand CHECKPOINT: one that vmkeep makes for somebody.
by_hand()
{
    echo "<domaincheckpoint><name>$1</name></domaincheckpoint>" > "$tmp/c.xml"
    vmkeep checkpoint-create $vm "$tmp/c.xml" > "$tmp/out" 2>&1 || fail "$name: $(cat "$tmp/out")"
}

# listed NAMES FLAG...: what a listing of checkpoints with those flags has, and the hypervisor's own, if it makes one.
listed()
{
    local want=$1
    shift
    [ "$(vmkeep checkpoint-list $vm --name "$@" | xargs)" = "$want" ] ||
        fail "$name: checkpoint-list $*: $(vmkeep checkpoint-list $vm "$@")"
    ! declare -F vm_lists > /dev/null || [ "$(vm_lists "$@" | xargs)" = "$want" ] ||
        fail "$name: the hypervisor lists with $*: $(vm_lists "$@")"
}

# The bytes of the newest point's images: an increment of little is small.
newest_smaller_than()
{
    local bytes
    bytes=$(points | jq '[.[-1].disks[].bytes] | add')
    [ "$bytes" -lt "$1" ] || fail "$name: the increment has $bytes bytes"
}

restart()
{
    vm_stop
    vm_start
}

# What is said of each backup, and why each point is what it is: the same whichever driver made them, but where the
# line begins with a driver's name.  Libvirt does not tell a bitmap that is gone from a broken one, and calls it the same
# on all disks.  Sizes, times and names that are made up go, and so does what libvirt lacks in each.
tell()
{
    local told
    told=$({
        echo "== $name"
        vmkeep jobs --json | jq -r 'sort_by(.id)[] | select(.kind == "backup") | "\(.outcome): \(.reason)"'
        points | jq -r 'sort_by(.id | split("-") | last | tonumber)[] | "\(.kind): \(.why)"'
    } | sed -E "s|$tmp|DIR|g; s/, [0-9.]+ ([KMG]i)?B\$//; s/, [0-9.]+ ([KMG]i)?B;/;/; s/; guest-safe copy not possible: [^;]*//
        s/inode [0-9]+ of [0-9TZ:.-]+/inode N/g; s/vmkeep-[0-9a-f]{8}-[0-9]+(-vd[a-z])?/CHECKPOINT/g; s/asked for by hand(; )?//; s/: \$//")
    [ -z "${TOLD:-}" ] || echo "$told" >> "$TOLD"
    awk -v name="== $name" '/^== / { this = $0 == name } this' "$fixtures/scenarios.told" |
        sed -E "s/^${DRIVER:-qmp}: //; /^(qmp|libvirt): /d" > "$tmp/told"
    [ -n "${TOLD:-}" ] || diff "$tmp/told" - <<< "$told" || fail "$name: other words than those of fixtures/scenarios.told"
}
fixtures=$(cd "$(dirname "$0")/../fixtures" && pwd)

# ---- a scenario ----

compare_all()
{
    local id disk
    for id in $(points | jq -r '.[].id'); do
        rm -rf "$tmp/restored"
        vmkeep restore "$id" --to "$tmp/restored" --format raw > /dev/null || fail "$name: restore $id"
        for disk in "$tmp/references/$id"/*; do
            disk=${disk##*/}
            cmp "$tmp/references/$id/$disk" "$tmp/restored/$disk.raw" ||
                fail "$name: $disk of $id is not what the disk held"
        done
        [ "$(cd "$tmp/restored" && ls -- *.raw)" = "$(ls "$tmp/references/$id" | sed 's/$/.raw/')" ] ||
            fail "$name: $id has the disks $(ls -m "$tmp/restored")"
    done
}

write_scenario_config()
{
    {
        echo "catalog: $tmp/catalog.db"
        echo "control: $tmp/control.sock"
        vm_hosts
        echo "repositories: [{ name: main, path: $tmp/repo }]"
        echo "policies:"
        echo "  - name: nightly"
        echo "    domains: ['*']"
        echo "    repository: main"
        echo "    schedule: $never"
        echo "    mode: ${MODE:-push}"
    } > "$tmp/config"
}

reload()
{
    write_scenario_config
    stop_daemon
    start_daemon
    await_daemon
}

scenario()
{
    local name=$1 disk format file
    [[ "$name" == *$only* ]] || return 0
    if [[ "$name" =~ ^(${cannot:-})$ ]]; then
        echo "- not for this driver: $name"
        return 0
    fi
    echo "- $name"
    count=$((count + 1))
    stirred=0
    rm -rf "$tmp"/{images,repo,references,restored,catalog.db*}
    mkdir -p "$tmp"/{images,repo,references}
    : > "$vm_disks"
    for disk in $2; do
        add_disk "$disk"
        name=$1
    done
    read -r disk format file < "$vm_disks"
    qemu-io -f "$format" -c "write -P 255 0 $(virtual_size "$disk")" "$file" > /dev/null
    vm_start
    write_scenario_config
    start_daemon
    await_daemon
    eval "$3"
    compare_all
    tell
    stop_daemon
    ! vm_is_up || vm_stop
}

# What is right, and not so yet: PENDING=1 runs it.
pending()
{
    if [ -n "${PENDING:-}" ]; then
        scenario "$@"
    elif [[ "$1" == *$only* ]]; then
        pending=$((pending + 1))
        echo "- not yet: $1"
    fi
}

course='take full; stir; take incremental; take incremental; stir; stir; take incremental'
two='vda=qcow2:8M vdb=qcow2:4M'

# ---- images ----
scenario 'two disks' "$two" "$course"
scenario 'a size that ends within a cluster' 'vda=qcow2:8389120 vdb=qcow2:66048' \
    "put vda 1 8388608 512; $course; put vda 2 8388608 512; put vdb 3 65536 512; take incremental"
scenario 'one sector, and three' 'vda=qcow2:512 vdb=qcow2:1536' "$course"
scenario 'clusters of 512 bytes, and of 2 MiB' \
    'vda=qcow2:8M:cluster_size=512 vdb=qcow2:9M:cluster_size=2M' "$course"
scenario 'a data file, and a raw one' \
    'vda=qcow2:8M:data_file=DIR/vda.data vdb=qcow2:8M:data_file=DIR/vdb.data,data_file_raw=on' "$course"
scenario 'extended L2 entries' 'vda=qcow2:8M:extended_l2=on,cluster_size=128k' "$course"
scenario 'refcounts of 1 bit, lazy' 'vda=qcow2:8M:refcount_bits=1 vdb=qcow2:8M:lazy_refcounts=on' "$course"
scenario 'a raw disk beside qcow2: full each time, and says so' 'vda=qcow2:8M vdb=raw:4M' '
    take full; stir; take incremental vdb=full; stir
    vmkeep explain "$(newest)" | grep -q "vdb" || fail "$name: the raw disk is not named"
    take incremental vdb=full'
scenario 'raw disks only' 'vda=raw:4M vdb=raw:1049088' 'take full; stir; take full; stir; take full'
many()
{
    local i
    for i in {a..x}; do
        printf 'vd%s=qcow2:1M ' "$i"
    done
}
scenario '24 disks' "$(many)" 'take full; stir; take incremental'

# ---- writes ----
scenario 'zeroes and discards over data' "$two" '
    take full; zero vda 1M 1M; discard vda 4M 1M; put vda 9 4500k 4k; take incremental
    discard vda 0 8M; take incremental; put vda 3 5M 512; take incremental'
scenario 'what was zeroed is written, and zeroed again' "$two" '
    zero vda 2M 64k; take full; put vda 5 2M 64k; take incremental; zero vda 2M 64k; take incremental
    discard vda 2M 64k; take incremental'
scenario 'a whole disk is written' "$two" '
    take full; put vda 7 0 8M; put vdb 8 0 4M; take incremental; put vda 9 0 8M; take incremental'
scenario 'an increment of one block is small' "$two" '
    take full; put vda 1 1M 512; take incremental; newest_smaller_than 600000'
twenty()
{
    local i
    for i in {1..20}; do
        stir
        take incremental
    done
}
scenario '20 increments in a row' 'vda=qcow2:2M' 'take full; twenty'

# ---- sizes ----
scenario 'a disk grows while it runs' "$two" '
    take full; put vda 1 7M 1M; disk_resize vda 12582912; put vda 2 11M 1M; stir
    take incremental vda=full; stir; take incremental'
scenario 'a disk grows while it is shut off' "$two" '
    take full; vm_stop; qemu-img resize -q "$tmp/images/vdb.qcow2" 6M; vm_start; put vdb 4 5M 1M
    take incremental vdb=full; stir; take incremental'
scenario 'a disk shrinks' "$two" '
    take full; vm_stop; qemu-img bitmap --remove "$tmp/images/vda.qcow2" \
        "$(qemu-img info --output=json "$tmp/images/vda.qcow2" | jq -r ".\"format-specific\".data.bitmaps[0].name")"
    qemu-img resize -q --shrink "$tmp/images/vda.qcow2" 4M; vm_start
    take incremental vda=full; stir; take incremental'

# ---- disks that come and go ----
scenario 'a disk is plugged in' "$two" '
    take full; add_disk vdc=qcow2:3M; disk_plug vdc virtio0; reload; stir; take incremental vdc=full
    stir; take incremental'
scenario 'a disk is added while it is shut off' "$two" '
    take full; vm_stop; add_disk vdc=qcow2:3M; vm_start; reload; stir; take incremental vdc=full
    stir; take incremental'
scenario 'a disk is plugged in and out again' "$two" '
    add_disk vdc=qcow2:3M; disk_plug vdc scsi; reload; take full; stir; take incremental
    disk_unplug vdc; forget_disk vdc; reload; stir; take incremental'
scenario 'a disk goes while it is shut off, and comes back' "$two" '
    take full; stir; vm_stop; line=$(grep "^vdb " "$vm_disks"); forget_disk vdb; vm_start; reload; stir
    take incremental; vm_stop; echo "$line" >> "$vm_disks"; vm_start; reload; stir; take incremental vdb=full'

# ---- restarts ----
scenario 'restarts between the backups' "$two" '
    take full; stir; restart; stir; take incremental; restart; take incremental; stir; restart; take incremental'
scenario 'on and off' "$two" '
    take full; stir; vm_stop; take incremental; vm_start; stir; take incremental; vm_stop; take incremental'
scenario 'a QEMU that is killed: full' "$two" 'take full; stir; vm_kill; vm_start; stir; take full; stir; take incremental'

# ---- others at work ----
scenario 'internal snapshots' "$two" '
    take full; stir; snapshot_internal vda before; stir; take incremental; stir; take incremental'
scenario 'a job of somebody else: waited for, then on as before' "$two" '
    take full; stir; foreign_job vda "$tmp/images/theirs"; held_up $vm "theirs"
    foreign_job_end; goes_on; note_reference "$(newest)"; stir; take incremental'
scenario 'an image is replaced: full of that disk' "$two" '
    take full; vm_stop; qemu-img create -q -f qcow2 "$tmp/images/vdb.qcow2" 4M; vm_start; stir
    take incremental vdb=full; stir; take incremental'

scenario 'listings of checkpoints, filtered' "$two" '
    by_hand c1; stir; by_hand c2; stir; by_hand c3
    listed "c1 c2 c3" --topological; listed c1 --roots; listed c3 --leaves; listed "c1 c2" --no-leaves
    listed c2 --from c1; listed "c2 c3" --from c1 --descendants; listed c3 --from c1 --descendants --leaves
    listed c2 --from c1 --descendants --no-leaves; listed "" --from c3
    vmkeep checkpoint-delete $vm c2 > /dev/null; listed "c1 c3" --topological; listed c3 --from c1; listed c3 --leaves
    vmkeep checkpoint-delete $vm c1 > /dev/null; listed c3; listed c3 --roots; listed c3 --leaves; listed "" --no-leaves'

# ---- the image changes, the disk stays the same ----
scenario 'an external snapshot' "$two" '
    take full; stir; snapshot_external vda "$tmp/images/vda-ov.qcow2"
    set_image vda qcow2 "$tmp/images/vda-ov.qcow2"; stir; take incremental vda=full; stir; take incremental'
scenario 'an external snapshot is committed again' "$two" '
    take full; stir; snapshot_external vda "$tmp/images/vda-ov.qcow2"; stir vdb; put vda 6 1M 64k
    block_commit vda; stir; take incremental; stir; take incremental'
scenario 'a mirror pivots' "$two" '
    take full; stir; qemu-img create -q -f qcow2 "$tmp/images/moved.qcow2" 8M
    mirror_pivot vda qcow2 "$tmp/images/moved.qcow2"; set_image vda qcow2 "$tmp/images/moved.qcow2"
    stir; take incremental vda=full; stir; take incremental'
scenario 'two disks change places' 'vda=qcow2:4M vdb=qcow2:4M' '
    take full; stir; vm_stop; mv "$tmp/images/vda.qcow2" "$tmp/images/x"
    mv "$tmp/images/vdb.qcow2" "$tmp/images/vda.qcow2"; mv "$tmp/images/x" "$tmp/images/vdb.qcow2"
    vm_start; stir; take full; stir; take incremental'
scenario 'a disk is replaced by a copy of the other' 'vda=qcow2:4M vdb=qcow2:4M' '
    take full; stir; vm_stop; cp "$tmp/images/vda.qcow2" "$tmp/images/vdb.qcow2"; vm_start; stir
    take incremental vdb=full; stir; take incremental'
scenario 'shrunk and grown back while it runs' "$two" '
    take full; disk_resize vda 4194304; disk_resize vda 8388608; take incremental vda=full; stir; take incremental'
scenario 'shrunk and grown back by qemu-img' "$two" '
    take full; vm_stop; qemu-img resize -q --shrink "$tmp/images/vda.qcow2" 4M
    qemu-img resize -q "$tmp/images/vda.qcow2" 8M; vm_start; take incremental vda=full; stir; take incremental'

[ "$count" -gt 0 ] || [ "$pending" -gt 0 ] || fail "no scenario matches '$only'"
echo "$count scenarios, each point as the disks were; $pending wait for their time"
