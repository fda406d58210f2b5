#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A bitmap that has forgotten is not believed: a disk that was shrunk and grown again gets a full that
# says why, pushed, pulled and shut off; and by hand the increment is refused, and the error names the
# ranges.  What the guest itself gives up stays an increment.
. "$(dirname "$0")/lib.sh"

forgot='it reads as zeroes where it held data, and no change was recorded there: 6291456+1048576 (1.00 MiB)'

start()
{
    rm -rf "$tmp/images" "$tmp/repo" "$tmp/catalog.db"* "$tmp/scratch"
    write_config "$never"
    sed -i "s|^    rpo: 1h|    rpo: 1h\n    mode: $MODE|
            s|^        qmp: .*|&\n        disks:\n          - { name: vda, image: $tmp/images/a.qcow2 }|" "$tmp/config"
    mkdir -p "$tmp/images"
    qemu-img create -q -f qcow2 "$tmp/images/a.qcow2" 8M
    qemu-io -c 'write -P 1 0 1M' -c 'write -P 2 6M 1M' "$tmp/images/a.qcow2" > /dev/null
    start_qemu
    start_daemon
    await_daemon
    wait_for 40 "the daemon to see it" running
}

start_qemu()
{
    qemu-system-x86_64 -M q35 -accel tcg -m 64 -S -nodefaults -display none \
        -qmp "unix:$tmp/vm1.qmp,server=on,wait=off" -qmp "unix:$tmp/vm1.test,server=on,wait=off" \
        -blockdev "driver=file,filename=$tmp/images/a.qcow2,node-name=file,discard=unmap" \
        -blockdev "driver=qcow2,file=file,node-name=disk,discard=unmap" \
        ${IOTHREAD:+-object "iothread,id=$IOTHREAD"} \
        -device "virtio-blk-pci,drive=disk,id=vda${IOTHREAD:+,iothread=$IOTHREAD}" > "$tmp/vm1.out" 2>&1 &
    pids[vm1]=$!
    wait_for 10 "QEMU" "$WRITER" qmp "$tmp/vm1.test" query-status
}

running()
{
    asked domains | jq -e '.domains[0].state | . == "paused" or . == "running"'
}

shut_off()
{
    vmkeep domains --json | jq -e '.[0].state == "shut off"'
}

end()
{
    [ -z "${pids[vm1]:-}" ] || stop_vm vm1
    stop_daemon
}

qmp()
{
    "$WRITER" qmp "$tmp/vm1.test" "$@" > "$tmp/qmp.out" || fail "$1: $(cat "$tmp/qmp.out")"
}

resize()
{
    qmp block_resize "{\"node-name\": \"disk\", \"size\": $1}"
}

# A command of the guest's disk.
io()
{
    qmp human-monitor-command \
        "{\"command-line\": \"qemu-io -d /machine/peripheral/vda/virtio-backend \\\"$*\\\"\"}"
    [ "$(jq -r . "$tmp/qmp.out")" = "" ] || grep -qE 'bytes at offset|ops' "$tmp/qmp.out" ||
        fail "$*: $(cat "$tmp/qmp.out")"
}

# backup LEVEL [WORDS]: it succeeds, is of that level, says these words, and holds what the disk holds.
backup()
{
    local why
    vmkeep run vm1 --wait > "$tmp/out" 2>&1 || fail "the backup failed: $(cat "$tmp/out")"
    why=$(vmkeep jobs --json | jq -r '[.[] | select(.kind == "backup")][-1].why')
    [ "$(points | jq -r '.[-1].kind')" = "$1" ] || fail "$MODE: it is not $1: $why"
    [[ $why == *"${2:-}"* ]] || fail "$MODE: no \"$2\" in: $why"
    rm -rf "$tmp/restored"
    vmkeep restore vm1 --to "$tmp/restored" --format raw > /dev/null
    [ -z "${pids[vm1]:-}" ] || io flush
    qemu-img compare -q -U -f raw -F qcow2 "$tmp/restored/vda.raw" "$tmp/images/a.qcow2" ||
        fail "$MODE: the point is not what the disk holds"
}

# documents INCREMENTAL|'' CHECKPOINT
documents()
{
    local server=
    [ "$MODE" = push ] || server="<server transport=\"unix\" socket=\"$tmp/nbd.sock\"/>"
    echo "<domainbackup mode=\"$MODE\">$server${1:+<incremental>$1</incremental>}</domainbackup>" > "$tmp/b.xml"
    echo "<domaincheckpoint><name>$2</name></domaincheckpoint>" > "$tmp/cp.xml"
}

by_hand()
{
    rm -f "$tmp/images/a.qcow2."*
    if [ "$MODE" = push ]; then
        vmkeep backup-begin vm1 "$tmp/b.xml" "$tmp/cp.xml" --wait > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
    else
        vmkeep backup-begin vm1 "$tmp/b.xml" "$tmp/cp.xml" > /dev/null
        vmkeep domjobabort vm1 > /dev/null
    fi
}

leaves_nothing()
{
    qmp query-named-block-nodes '{"flat": true}'
    ! grep -q '"vk-' "$tmp/qmp.out" || fail "$MODE: nodes are left at QEMU"
}

for MODE in push pull; do
    IOTHREAD=
    [ $MODE = pull ] || IOTHREAD=t0 # such a disk is not exported by QEMU 7.2
    echo "- $MODE, by policy"
    start
    backup full
    backup incremental
    io write -P 3 3M 64k
    io discard 6M 512k
    io discard 0 64k
    backup incremental
    resize 6815744
    resize 8388608
    backup full 'tracking lost: it reads as zeroes where it held data, and no change was recorded there: 6815744+524288'
    leaves_nothing
    io write -P 4 6M 1M
    backup incremental

    echo "- $MODE, by hand"
    documents '' h1
    by_hand
    documents h1 h2
    by_hand
    echo "<domaincheckpoint><name>h3</name></domaincheckpoint>" > "$tmp/cp.xml"
    vmkeep checkpoint-create vm1 "$tmp/cp.xml" > /dev/null
    resize 4194304
    resize 8388608
    for base in h1 h2 h3; do
        documents $base h4
        rm -f "$tmp/images/a.qcow2."*
        ! vmkeep backup-begin vm1 "$tmp/b.xml" "$tmp/cp.xml" > "$tmp/out" 2>&1 ||
            fail "$MODE: an increment from $base that misses zeroes was begun"
        grep -qF "disk 'vda': incremental='$base': $forgot; only a full backup can follow" "$tmp/out" ||
            fail "$MODE: it does not say what is missing: $(cat "$tmp/out")"
        ! vmkeep checkpoint-list vm1 --name | grep -q h4 || fail "$MODE: the refused checkpoint is there"
    done
    leaves_nothing
    documents '' h4
    by_hand
    backup full 'tracking lost: it reads as zeroes'

    echo "- $MODE, shut off"
    stop_vm vm1
    wait_for 40 "the daemon to see it shut off" shut_off
    qemu-io -c 'write -P 5 2M 1M' -c 'discard 0 512k' "$tmp/images/a.qcow2" > /dev/null
    backup incremental
    qemu-img resize -q --shrink "$tmp/images/a.qcow2" 2M
    qemu-img resize -q "$tmp/images/a.qcow2" 8M
    backup full 'no change was recorded there: 2097152+1114112'
    end
done
echo "all as it should be"
