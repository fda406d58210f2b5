#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A QEMU that runs as an unprivileged user, a daemon that runs as root: the images are given to that
# user while it writes them, and to nobody else, and taken back before the point is published.
. "$(dirname "$0")/lib.sh"

make_disks vm1 vda
chmod 711 "$tmp"
chown -R nobody "$tmp/images"
mkdir "$tmp/run"
chown nobody "$tmp/run"
ln -s run/vm1.qmp "$tmp/vm1.qmp"
ln -s run/vm1.test "$tmp/vm1.test"
setpriv --reuid=nobody --regid=nogroup --clear-groups \
    qemu-system-x86_64 -M q35 -accel tcg -m 64 -S -nodefaults -display none \
    -qmp "unix:$tmp/run/vm1.qmp,server=on,wait=off" -qmp "unix:$tmp/run/vm1.test,server=on,wait=off" \
    -blockdev "driver=file,filename=$tmp/images/vm1-vda.qcow2,node-name=vda-file" \
    -blockdev driver=qcow2,file=vda-file,node-name=vda -device virtio-blk-pci,drive=vda,id=vda \
    > "$tmp/vm1.out" 2>&1 &
pids[vm1]=$!
wait_for 10 "QEMU vm1" "$WRITER" qmp "$tmp/vm1.test" query-status
write_config "$never"
chmod 711 "$tmp/repo"
start_daemon
await_daemon

write_some vm1 20 vda
vmkeep run vm1 --wait > /dev/null || fail "no full: $(vmkeep jobs --json | jq -r '.[-1].reason')"
! grep -q "guest-safe copy not possible" "$tmp/log" || fail "its scratch space could not be reached"
write_some vm1 20 vda
vmkeep run vm1 --wait > /dev/null || fail "no increment"
[ "$(points | jq -r '.[-1].kind')" = incremental ] || fail "not an increment"
restored_state "$(points | jq -r '.[-1].id')" vm1 vda > /dev/null || fail "a wrong increment"
[ -z "$(find "$tmp/repo" -user nobody)" ] || fail "something in the repository still belongs to QEMU's user"
[ -z "$(find "$tmp/repo" -type f -perm /077)" ] || fail "something in the repository can be read by others"

echo "- a repository that QEMU's user cannot reach: a clear error"
chmod 700 "$tmp/repo"
! vmkeep run vm1 --wait > "$tmp/out" 2>&1 || fail "QEMU wrote where it cannot"
vmkeep jobs --json | jq -r '.[-1].reason' | grep -q "Permission denied" || fail "$(vmkeep jobs --json | jq -r '.[-1].reason')"
vmkeep jobs --json | jq -r '.[-1].reason'
stop_daemon
echo "all as it should be"
