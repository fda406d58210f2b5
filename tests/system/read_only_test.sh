#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Read-only disks, CD-ROMs and empty drives: in every document, in no scheduled backup, and backed up by
# hand when they are named.
. "$(dirname "$0")/lib.sh"

make_disks vm1 vda
mkdir -p "$tmp/images"
head -c 4194304 /dev/urandom > "$tmp/images/cd.iso"
head -c 4194304 /dev/urandom > "$tmp/images/ro.raw"
VM_ARGS="-blockdev driver=file,filename=$tmp/images/cd.iso,node-name=cdf,read-only=on"
VM_ARGS+=" -blockdev driver=raw,file=cdf,node-name=cd,read-only=on -device ide-cd,drive=cd,id=cd0"
VM_ARGS+=" -device ide-cd,id=tray,bus=ide.1"
VM_ARGS+=" -blockdev driver=file,filename=$tmp/images/ro.raw,node-name=rof,read-only=on"
VM_ARGS+=" -blockdev driver=raw,file=rof,node-name=ro,read-only=on -device virtio-blk-pci,drive=ro,id=ro0"
start_vm vm1 vda
write_config "$never"
start_daemon
await_daemon

refused()
{
    local want=$1 text=$2 code=0
    shift 2
    vmkeep "$@" > "$tmp/out" 2>&1 || code=$?
    [ "$code" = "$want" ] || fail "vmkeep $*: exit status $code, not $want: $(cat "$tmp/out")"
    grep -q -- "$text" "$tmp/out" || fail "vmkeep $*: no '$text' in: $(cat "$tmp/out")"
}

# disks ATTRIBUTE: NAME=VALUE of each <disk> of the document on standard input
disks()
{
    xmllint --xpath "//disk/@name | //disk/@$1" - | xargs | sed 's/name=//g'
}

is()
{
    [ "$1" = "$2" ] || fail "it is '$1', not '$2'"
}

no_job()
{
    [ "$(vmkeep domjobinfo vm1 --json | jq -r .type)" = None ]
}

asked_more_than()
{
    [ "$(grep -c query-jobs "$tmp/log")" -gt "$1" ]
}

echo "- doctor knows them"
vmkeep doctor vm1 > "$tmp/out" || [ $? = 3 ] || fail "doctor: $(cat "$tmp/out")"
grep -q "disk cd0: a CD-ROM or the like, .*cd.iso: only by hand, by its name" "$tmp/out" || fail "$(cat "$tmp/out")"
grep -q "disk ro0: a read-only disk, .*ro.raw" "$tmp/out" || fail "$(cat "$tmp/out")"
grep -q "disk tray: an empty drive" "$tmp/out" || fail "$(cat "$tmp/out")"

echo "- without being named they take no part"
echo "<domaincheckpoint><name>one</name></domaincheckpoint>" > "$tmp/one.xml"
vmkeep checkpoint-create vm1 "$tmp/one.xml" > /dev/null
is "$(vmkeep checkpoint-dumpxml vm1 one | disks checkpoint)" "vda checkpoint=bitmap cd0 checkpoint=no tray checkpoint=no ro0 checkpoint=no"
echo "<domainbackup mode='pull'><disks><disk name='vda'/><disk name='tray' backup='no'/></disks></domainbackup>" > "$tmp/pull.xml"
vmkeep backup-begin vm1 "$tmp/pull.xml" > /dev/null
is "$(vmkeep backup-dumpxml vm1 | disks backup)" "vda backup=yes tray backup=no cd0 backup=no ro0 backup=no"
vmkeep domjobabort vm1

echo "- named, they are pushed beside a disk that the guest writes to"
cat > "$tmp/push.xml" << XML
<domainbackup><disks>
  <disk name='vda'><target file='$tmp/p-vda'/></disk>
  <disk name='cd0'><target file='$tmp/p-cd'/><driver type='raw'/></disk>
  <disk name='ro0'><target file='$tmp/p-ro'/></disk>
</disks></domainbackup>
XML
vmkeep backup-begin vm1 "$tmp/push.xml" > "$tmp/out" 2>&1
grep -q "not possible" "$tmp/out" && fail "not guest-safe: $(cat "$tmp/out")"
wait_for 30 "the push" no_job
is "$(vmkeep domjobinfo vm1 --completed --json | jq -r .type)" Completed
cmp "$tmp/p-cd" "$tmp/images/cd.iso"
qemu-img compare -q -F raw "$tmp/p-ro" "$tmp/images/ro.raw" || fail "ro is another"
qemu-img compare -q -F raw "$tmp/p-vda" "$tmp/images/vm1-vda.raw" || fail "vda is another"

echo "- and pulled, beside one and alone"
for also in "<disk name='vda'><scratch file='$tmp/s-vda'/></disk>" ""; do
    cat > "$tmp/pull.xml" << XML
<domainbackup mode='pull'><server transport='unix' socket='$tmp/nbd.sock'/><disks>
  $also<disk name='cd0'><scratch file='$tmp/s-cd'/></disk>
</disks></domainbackup>
XML
    vmkeep backup-begin vm1 "$tmp/pull.xml" > "$tmp/out" 2>&1
    grep -q "not possible" "$tmp/out" && fail "not guest-safe: $(cat "$tmp/out")"
    rm -f "$tmp/pulled"
    nbdcopy "nbd+unix:///cd0?socket=$tmp/nbd.sock" "$tmp/pulled"
    cmp "$tmp/pulled" "$tmp/images/cd.iso"
    asked=$(grep -c query-jobs "$tmp/log")
    wait_for 20 "a look at the job" asked_more_than "$asked"
    is "$(vmkeep domjobinfo vm1 --json | jq -r .type)" Unbounded
    vmkeep domjobabort vm1
    is "$(vmkeep domjobinfo vm1 --completed --json | jq -r .type)" Completed
done

echo "- what cannot be"
echo "<domainbackup><disks><disk name='tray'/></disks></domainbackup>" > "$tmp/tray.xml"
refused 2 "disk 'tray': it has no medium; backup='no' says so" backup-begin vm1 "$tmp/tray.xml"
echo "<domaincheckpoint><disks><disk name='cd0'/></disks></domaincheckpoint>" > "$tmp/cd.xml"
refused 1 "disk 'cd0': a CD-ROM or the like cannot hold a checkpoint" checkpoint-create vm1 "$tmp/cd.xml"

echo "- a scheduled backup has none of them"
vmkeep run vm1 --wait > /dev/null
points | jq -e '.[-1].disks | map(.name) == ["vda"]' > /dev/null || fail "$(points)"
"$WRITER" qmp "$tmp/vm1.test" query-named-block-nodes | jq -e 'map(select(."node-name" | startswith("vk-"))) == []' > /dev/null ||
    fail "nodes are left"
echo "- status, points and explain tell what was attached and left out, with the daemon down too"
stop_daemon
why='{"cd0":"a CD-ROM or the like, '$tmp'/images/cd.iso","ro0":"a read-only disk, '$tmp'/images/ro.raw","tray":"an empty drive"}'
pairs='map({(.name): .why}) | add'
is "$(points | jq -cS ".[-1].left_out | $pairs")" "$why"
is "$(jq -cS ".left_out | $pairs" "$tmp/repo/$(points | jq -r '.[-1].id')/point.json")" "$why"
is "$({ vmkeep status --json || true; } | jq -cS ".domains[0].left_out | $pairs")" "$why"
{ vmkeep status || true; } | grep -q 'not backed up: cd0 (a CD-ROM or the like, .*cd.iso); not backed up: ro0 (a read-only disk' ||
    fail "status: $(vmkeep status)"
vmkeep explain "$(points | jq -r '.[-1].id')" | grep -q 'not in it: *tray: an empty drive' ||
    fail "explain: $(vmkeep explain "$(points | jq -r '.[-1].id')")"
echo "all as it should be"
