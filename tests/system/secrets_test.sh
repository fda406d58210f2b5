#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A domain with an encrypted disk, whose passphrase stands in QEMU's command line: it stays out of the
# points, and it is said that copies of the disk are in clear text.
. "$(dirname "$0")/lib.sh"

DISK_SIZE=$((4 * 1024 * 1024))
mkdir -p "$tmp/images"
secret=(--object "secret,id=s0,data=hunter2")
# qemu-img measures its own speed, and refuses on a machine that is too busy for that.
for _ in {1..50}; do
    ! qemu-img create -q -f qcow2 "${secret[@]}" \
        -o encrypt.format=luks,encrypt.key-secret=s0,encrypt.iter-time=10 \
        "$tmp/images/vm1-vda.qcow2" "$DISK_SIZE" || break
done
IMAGES=vda
write_config "$never"
qemu-system-x86_64 -M q35 -accel tcg -m 64 -S -nodefaults -display none \
    -qmp "unix:$tmp/vm1.qmp,server=on,wait=off" -qmp "unix:$tmp/vm1.test,server=on,wait=off" \
    -object "secret,id=s0,data=hunter2" \
    -blockdev "driver=file,filename=$tmp/images/vm1-vda.qcow2,node-name=vda-file" \
    -blockdev "driver=qcow2,file=vda-file,node-name=vda,encrypt.format=luks,encrypt.key-secret=s0" \
    -device "virtio-blk-pci,drive=vda,id=vda" > "$tmp/vm1.out" 2>&1 &
pids[vm1]=$!
wait_for 10 "QEMU" "$WRITER" qmp "$tmp/vm1.test" query-status
start_daemon
await_daemon

echo "- check, doctor"
vmkeep check > "$tmp/out" 2>&1 || fail "check: $(cat "$tmp/out")"
grep -qF "warning: disk 'vda' of domain 'lab/vm1' is encrypted, and its copies in a repository are in clear text" \
    "$tmp/out" || fail "check: $(cat "$tmp/out")"
vmkeep doctor vm1 > "$tmp/out" 2>&1 || [ $? = 3 ] || fail "doctor: $(cat "$tmp/out")"
grep -qF "the disk is encrypted, and its copies in a repository are in clear text" "$tmp/out" || fail "doctor: $(cat "$tmp/out")"
grep -qF "1 of QEMU's command line left out of points" "$tmp/out" || fail "doctor: $(cat "$tmp/out")"

echo "- a point, and what is restored of it"
vmkeep run vm1 --wait > /dev/null
point=$(points | jq -r '.[0].id')
if grep -rlF hunter2 "$tmp/repo" "$tmp/log" "$tmp/catalog.db"*; then fail "the passphrase is there"; fi
grep -qxF "secret,id=s0,file=PATH-TO-FILL-IN" "$tmp/repo/$point/qemu.args" || fail "$(cat "$tmp/repo/$point/qemu.args")"
grep -q "1 secret of QEMU's command line is left out of qemu.args" "$tmp/log" || fail "nothing is said of it"
vmkeep restore "$point" --to "$tmp/restored" > "$tmp/out"
! grep -q hunter2 "$tmp/restored/qemu.sh" || fail "$(cat "$tmp/restored/qemu.sh")"
grep -qF "nothing that is left needs it: -object secret" "$tmp/restored/qemu.sh" ||
    fail "the passphrase of a disk that is in clear text now is asked for: $(cat "$tmp/restored/qemu.sh")"
[ ! -e "$tmp/restored/qemu.args" ] || fail "the command line of the original is there, to be started by mistake"

echo "- its command line works with the passphrase in a file"
printf hunter2 > "$tmp/key"
sed "s|PATH-TO-FILL-IN|$tmp/key|" "$tmp/repo/$point/qemu.args" > "$tmp/args"
stop_daemon
stop_vm vm1
mapfile -t args < "$tmp/args"
"${args[@]}" > "$tmp/vm1.out" 2>&1 &
pids[vm1]=$!
wait_for 10 "QEMU" "$WRITER" qmp "$tmp/vm1.test" query-status
echo "all as it should be"
