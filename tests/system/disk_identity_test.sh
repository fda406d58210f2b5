#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# An increment is never of another disk than the point that it stands on: images that have changed
# places, drives that got other names, names that were exchanged in the configuration, and a file that
# has taken another's place make a full of these disks, which says why; and what is restored is, in
# each case, what the disks held.
. "$(dirname "$0")/lib.sh"

# qemu ARGUMENT...: QEMU with these drives.
qemu()
{
    qemu-system-x86_64 -M q35 -accel tcg -m 64 -S -nodefaults -display none \
        -qmp "unix:$tmp/vm1.qmp,server=on,wait=off" -qmp "unix:$tmp/vm1.test,server=on,wait=off" \
        "$@" > "$tmp/vm1.out" 2>&1 &
    pids[vm1]=$!
    wait_for 10 "QEMU" "$WRITER" qmp "$tmp/vm1.test" query-status
    [ -z "${pids[daemon]:-}" ] || stop_daemon
    start_daemon
    await_daemon
    wait_for 40 "the daemon to see it" running
}

running()
{
    asked domains | jq -e '.domains[0].state | . == "paused" or . == "running"'
}

# drive FILE [OPTIONS]
drive()
{
    args+=(-drive "file=$tmp/images/$1.qcow2,format=qcow2,if=virtio${2:+,$2}")
}

# fill IMAGE BYTE OFFSET: a guest's write, while nothing runs.
fill()
{
    qemu-io -f qcow2 -c "write -P $2 $3 1M" "$tmp/images/$1.qcow2" > /dev/null
}

images()
{
    local image i=1
    rm -rf "$tmp/images" "$tmp/repo" "$tmp/catalog.db"* "$tmp/scratch"
    mkdir -p "$tmp/images"
    for image in "$@"; do
        qemu-img create -q -f qcow2 "$tmp/images/$image.qcow2" 8M
        fill "$image" "$i" 0
        fill "$image" "$((i + 16))" 4M
        i=$((i + 1))
    done
}

# config [NAME=IMAGE ...]: the disks that it names.
config()
{
    local pair
    write_config "$never"
    sed -i "s/^    rpo: 1h/    rpo: 1h\n    mode: $MODE/" "$tmp/config"
    [ $# -gt 0 ] || return 0
    sed -i "s|^        qmp: .*|&\n        disks:\n@|" "$tmp/config"
    for pair in "$@"; do
        sed -i "s|^@|          - { name: ${pair%=*}, image: $tmp/images/${pair#*=}.qcow2 }\n@|" "$tmp/config"
    done
    sed -i '/^@$/d' "$tmp/config"
}

backup()
{
    vmkeep run vm1 --wait > /dev/null || fail "the backup failed: $(vmkeep jobs --json | jq -r '.[-1].reason')"
}

# holds NAME=IMAGE...: the newest point has these disks, each with what the image holds.
holds()
{
    local pair
    rm -rf "$tmp/restored"
    vmkeep restore "$(points | jq -r '.[-1].id')" --to "$tmp/restored" --format raw > /dev/null
    for pair in "$@"; do
        qemu-img compare -q -U -f raw -F qcow2 "$tmp/restored/${pair%=*}.raw" "$tmp/images/${pair#*=}.qcow2" ||
            fail "disk ${pair%=*} of the point is not what $(basename "${pair#*=}") holds"
    done
}

# backing NAME: the point that the newest point's disk stands on, or null.
backing()
{
    jq -r --arg n "$1" '.disks[] | select(.name == $n) | .backing' \
        "$tmp/repo/$(points | jq -r '.[-1].id')/point.json"
}

# is_full NAME WORDS: the newest point's disk stands alone, and the job says why in these words.
is_full()
{
    local why
    [ "$(backing "$1")" = null ] || fail "disk $1 is an increment"
    why=$(vmkeep jobs --json | jq -r '[.[] | select(.kind == "backup")][-1].why')
    [[ $why == *"$2"* ]] || fail "no \"$2\" in: $why"
}

is_incremental()
{
    [ "$(backing "$1")" != null ] ||
        fail "disk $1 is a full: $(vmkeep jobs --json | jq -r '.[-1].why')"
}

end()
{
    [ -z "${pids[vm1]:-}" ] || stop_vm vm1
    stop_daemon
}

for MODE in push pull; do
    echo "- $MODE: the images in the other order"
    images a b
    config
    args=() && drive a && drive b && qemu "${args[@]}"
    backup
    stop_vm vm1
    fill a 7 2M
    args=() && drive a && drive b && qemu "${args[@]}"
    backup
    is_incremental virtio0
    is_incremental virtio1
    holds virtio0=a virtio1=b
    stop_vm vm1
    fill b 8 3M
    args=() && drive b && drive a && qemu "${args[@]}"
    backup
    is_full virtio0 "its image is another one"
    is_full virtio1 "its image is another one"
    holds virtio0=b virtio1=a
    end

    echo "- $MODE: a drive without an id in front of two others"
    images a b new
    config
    args=() && drive a && drive b && qemu "${args[@]}"
    backup
    stop_vm vm1
    args=() && drive new && drive a && drive b && qemu "${args[@]}"
    backup
    is_full virtio0 "its image is another one"
    is_full virtio2 "disk is new"
    holds virtio0=new virtio1=a virtio2=b
    end

    echo "- $MODE: names exchanged in the configuration, and a reload"
    images a b
    config vda=a vdb=b
    args=() && drive a && drive b && qemu "${args[@]}"
    backup
    config vda=b vdb=a
    kill -HUP "${pids[daemon]}"
    reloaded() { vmkeep run vm1 --wait > /dev/null && [ "$(backing vda)" = null ]; }
    wait_for 20 "a full of the exchanged disks" reloaded
    is_full vda "its image is another one"
    is_full vdb "its image is another one"
    holds vda=b vdb=a
    end

    echo "- $MODE: a copy of vda's file in place of vdb's"
    images a b
    config vda=a vdb=b
    args=() && drive a && drive b && qemu "${args[@]}"
    backup
    stop_vm vm1
    rm "$tmp/images/b.qcow2"
    cp "$tmp/images/a.qcow2" "$tmp/images/b.qcow2"
    args=() && drive a && drive b && qemu "${args[@]}"
    backup
    is_incremental vda
    is_full vdb "its image $tmp/images/b.qcow2 is another one: inode "
    holds vda=a vdb=b
    stop_vm vm1

    echo "- $MODE, shut off: an increment, then names exchanged, then a copy"
    stop_daemon
    start_daemon
    await_daemon
    shut_off() { vmkeep domains --json | jq -e '.[0].state == "shut off"'; }
    wait_for 40 "the daemon to see it shut off" shut_off
    fill a 9 1M
    backup
    is_incremental vda
    holds vda=a vdb=b
    stop_daemon
    config vda=b vdb=a
    start_daemon
    await_daemon
    backup
    is_full vda "its image is another one"
    is_full vdb "its image is another one"
    holds vda=b vdb=a
    rm "$tmp/images/b.qcow2"
    cp "$tmp/images/a.qcow2" "$tmp/images/b.qcow2"
    backup
    is_full vda "its image $tmp/images/b.qcow2 is another one: inode "
    is_incremental vdb
    holds vda=b vdb=a
    end
done
MODE=push
echo "- by hand: names exchanged between a checkpoint and the increment from it"
images a b
config vda=a vdb=b
args=() && drive a && drive b && qemu "${args[@]}"
echo "<domaincheckpoint><name>cp</name></domaincheckpoint>" > "$tmp/cp.xml"
vmkeep checkpoint-create vm1 "$tmp/cp.xml" > /dev/null
config vda=b vdb=a
stop_daemon
start_daemon
await_daemon
wait_for 40 "the daemon to see it" running
echo "<domainbackup><incremental>cp</incremental></domainbackup>" > "$tmp/b.xml"
! vmkeep backup-begin vm1 "$tmp/b.xml" > "$tmp/out" 2>&1 || fail "an increment of another disk was begun"
grep -q "its image is another one: .*\.qcow2, and was .*\.qcow2; only a full backup can follow" "$tmp/out" ||
    fail "it does not say what differs: $(cat "$tmp/out")"
end
echo "all as it should be"
