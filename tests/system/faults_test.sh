#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Bad input and faults: each gets one clear error that names the place, other domains go on, nothing
# is lost, and no guest is left stopped.
. "$(dirname "$0")/lib.sh"

# last_reason DOMAIN: of the domain's newest backup.
last_reason()
{
    vmkeep jobs "$1" --json | jq -r '[.[] | select(.kind == "backup")][-1].reason'
}

# fails_with DOMAIN TEXT: a backup of the domain fails, and its reason holds the text.
fails_with()
{
    ! vmkeep run "$1" --wait > "$tmp/out" 2>&1 || fail "$1: the backup succeeded"
    last_reason "$1" | grep -q -- "$2" || fail "$1: '$(last_reason "$1")' does not hold '$2'"
    echo "  $(last_reason "$1")"
}

works()
{
    vmkeep run "$1" --wait > "$tmp/out" 2>&1 || fail "$1: $(cat "$tmp/out")"
}

vm_state()
{
    "$WRITER" qmp "$tmp/$1.test" query-status | jq -r .status
}

VMS="vm1 gone garbage hanging rawvm"
make_disks vm1 vda
start_vm vm1 vda
write_config "$never"

# A socket that is not QMP, and one that accepts and says nothing.
socat "UNIX-LISTEN:$tmp/garbage.qmp,fork" SYSTEM:'echo 220 mail.example ESMTP; sleep 60' > /dev/null 2>&1 &
pids[garbage]=$!
socat "UNIX-LISTEN:$tmp/hanging.qmp,fork" SYSTEM:'sleep 60' > /dev/null 2>&1 &
pids[hanging]=$!
mkdir -p "$tmp/images"
head -c "$DISK_SIZE" /dev/urandom > "$tmp/images/raw.raw"
qemu-system-x86_64 -M q35 -accel tcg -m 64 -S -nodefaults -display none \
    -qmp "unix:$tmp/rawvm.qmp,server=on,wait=off" -qmp "unix:$tmp/rawvm.test,server=on,wait=off" \
    -blockdev "driver=file,filename=$tmp/images/raw.raw,node-name=vda-file" \
    -blockdev driver=raw,file=vda-file,node-name=vda -device virtio-blk-pci,drive=vda,id=vda \
    > "$tmp/rawvm.out" 2>&1 &
pids[rawvm]=$!
wait_for 10 "QEMU rawvm" "$WRITER" qmp "$tmp/rawvm.test" query-status

start_daemon
await_daemon

echo "- hypervisors that are none"
fails_with gone "$tmp/gone.qmp"
fails_with garbage "$tmp/garbage.qmp"
fails_with hanging "$tmp/hanging.qmp"
works vm1
vmkeep status --json > "$tmp/status" || true
jq -e '.domains[] | select(.domain == "vm1" and .protected)' "$tmp/status" > /dev/null || fail "vm1 is not protected"
jq -e '.domains[] | select(.domain == "gone" and (.protected | not) and (.reason | length) > 0)' "$tmp/status" > /dev/null ||
    fail "gone is not at risk"

echo "- a disk that cannot be tracked is backed up whole each time, and says so"
works rawvm
works rawvm
[ "$(vmkeep points rawvm --json | jq -r '[.[].kind] | unique | join(" ")')" = full ] || fail "an increment of a raw disk"
vmkeep points rawvm --json | jq -r '.[-1].id' | xargs "$VMKEEP" --config "$tmp/config" explain | grep -qi raw ||
    fail "it does not say why it is a full"

echo "- a backup job of somebody else"
qemu-img create -q -f qcow2 "$tmp/other.qcow2" "$DISK_SIZE"
"$WRITER" qmp "$tmp/vm1.test" blockdev-add "{\"driver\":\"qcow2\",\"node-name\":\"other\",\"file\":{\"driver\":\"file\",\"filename\":\"$tmp/other.qcow2\"}}" > /dev/null
"$WRITER" qmp "$tmp/vm1.test" blockdev-backup '{"job-id":"theirs","device":"vda","target":"other","sync":"full","speed":65536}' > /dev/null
held_up vm1 theirs
"$WRITER" qmp "$tmp/vm1.test" job-cancel '{"id":"theirs"}' > /dev/null
job_gone()
{
    [ "$("$WRITER" qmp "$tmp/vm1.test" query-jobs)" = "[]" ]
}
wait_for 10 "the other job's end" job_gone
"$WRITER" qmp "$tmp/vm1.test" blockdev-del '{"node-name":"other"}' > /dev/null
goes_on

stop_daemon
mkdir "$tmp/small"
mount -t tmpfs -o size=24m tmpfs "$tmp/small"
mkdir "$tmp/small/repo"
REPO=$tmp/small/repo write_config "$never"
rm -f "$tmp/catalog.db"*
start_daemon
await_daemon

echo "- a repository that is too small is refused before the start"
works vm1
! vmkeep run vm1 --level full --wait > "$tmp/out" 2>&1 || fail "a full fitted into what is left"
last_reason vm1 | grep -q "needed" || fail "no word of the space: $(last_reason vm1)"
echo "  $(last_reason vm1)"
[ "$(vm_state vm1)" = prelaunch ] || fail "the guest is in state $(vm_state vm1)"
works vm1
qemu-img check -q "$tmp/small/repo/$(points | jq -r '.[-1].id')/vda.qcow2"

echo "- a backup by hand into a full place says so in our words, and leaves nothing there"
mkdir -m 777 "$tmp/full"
mount -t tmpfs -o size=64k,mode=777 tmpfs "$tmp/full"
head -c 1M /dev/zero > "$tmp/full/filler" 2> /dev/null || true
echo "<domainbackup><disks><disk name='vda' type='file'><driver type='qcow2'/><target file='$tmp/full/vda'/>" \
     "</disk></disks></domainbackup>" > "$tmp/full.xml"
code=0
vmkeep backup-begin vm1 "$tmp/full.xml" > "$tmp/out" 2>&1 || code=$?
left=$(ls "$tmp/full")
umount -l "$tmp/full"
[ $code = 1 ] || fail "exit status $code: $(cat "$tmp/out")"
[ "$left" = filler ] || fail "left in the full place: $left"
grep -q "disk vda: $tmp/full/vda: no space left there to make the image" "$tmp/out" || fail "$(cat "$tmp/out")"

echo "- something left over from a crash in the repository"
mkdir "$tmp/small/repo/lab/vm1/2026-01-01T00-00-00Z.nightly.partial"
works vm1

echo "- a reserve is kept"
stop_daemon
sed -i "s#path: $tmp/small/repo#path: $tmp/small/repo, reserve: 1GiB#" "$tmp/config"
start_daemon
await_daemon
fails_with vm1 "1.00 GiB to stay free"
stop_daemon

echo "- a catalog that cannot be written for a while"
REPO=$tmp/small/repo write_config "$never"
start_daemon
await_daemon
kill -STOP "${pids[vm1]}"
vmkeep run vm1 > /dev/null
job_waits()
{
    vmkeep jobs vm1 --active --json | jq -e 'length == 1'
}
wait_for 10 "the job" job_waits
mkfifo "$tmp/sql"
sqlite3 "$tmp/catalog.db" < "$tmp/sql" > /dev/null 2>&1 &
pids[sql]=$!
exec 9> "$tmp/sql"
echo "BEGIN IMMEDIATE;" >&9
catalog_locked()
{
    ! sqlite3 "$tmp/catalog.db" "BEGIN IMMEDIATE; ROLLBACK;" > /dev/null 2>&1
}
wait_for 10 "the lock" catalog_locked
kill -KILL "${pids[vm1]}" # the job fails now, and its end cannot be recorded
wait_for 30 "the trouble" grep -q "record the end of a job (it will be tried again)" "$tmp/log"
exec 9>&-
wait "${pids[sql]}" || true
job_ended()
{
    vmkeep jobs vm1 --active --json | jq -e 'length == 0'
}
wait_for 30 "the job's end" job_ended
stop_daemon

echo "- catalogs that are none"
REPO=$tmp/small/repo write_config "$never"
cp "$tmp/catalog.db" "$tmp/catalog.good"
refuses_to_start()
{
    local code=0
    "$VMKEEPD" --config "$tmp/config" > "$tmp/out" 2>&1 || code=$?
    [ $code -ne 0 ] || fail "the daemon started with $1"
    grep -q -- "$2" "$tmp/out" || fail "$1: $(cat "$tmp/out")"
    echo "  $(tail -n 1 "$tmp/out")"
}
rm -f "$tmp/catalog.db"*
head -c 100000 /dev/urandom > "$tmp/catalog.db"
refuses_to_start "garbage for a catalog" "$tmp/catalog.db"
! vmkeep points > "$tmp/out" 2>&1 || fail "points reads garbage"
grep -q "$tmp/catalog.db" "$tmp/out" || fail "$(cat "$tmp/out")"
cp "$tmp/catalog.good" "$tmp/catalog.db"
sqlite3 "$tmp/catalog.db" 'PRAGMA user_version = 99'
refuses_to_start "a catalog of a newer version" "schema 99"
cp "$tmp/catalog.good" "$tmp/catalog.db"
size=$(stat -c %s "$tmp/catalog.db")
dd if=/dev/urandom of="$tmp/catalog.db" bs=1 seek=$((size / 3)) count=20000 conv=notrunc status=none
refuses_to_start "a damaged catalog" "$tmp/catalog.db"
rm -f "$tmp/catalog.db"*

echo "- a configuration with errors"
sed -i 's/repository: main/repository: mian/; s/policies:/polices:/' "$tmp/config"
refuses_to_start "a bad configuration" "polices"
echo "all as it should be"
