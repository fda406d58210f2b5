#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Checkpoints made by hand whose bitmaps were lost, left behind or come back, on a real QEMU: whatever was
# vmkeep's stays vmkeep's, and can be deleted or told again.
. "$(dirname "$0")/lib.sh"

make_disks vm1 vda vdb
start_vm vm1 vda vdb
write_config "$never"
start_daemon
await_daemon

qmp()
{
    "$WRITER" qmp "$tmp/vm1.test" "$@"
}

# create NAME [DISK...]
create()
{
    local disk name=$1
    shift
    {
        echo "<domaincheckpoint><name>$name</name><description>of a test</description>"
        [ $# -eq 0 ] || echo "<disks>"
        for disk in "$@"; do echo "<disk name='$disk'/>"; done
        [ $# -eq 0 ] || echo "</disks>"
        echo "</domaincheckpoint>"
    } > "$tmp/$name.xml"
    vmkeep checkpoint-create vm1 "$tmp/$name.xml" > /dev/null
}

lose()
{
    qmp block-dirty-bitmap-remove "{\"node\": \"$1\", \"name\": \"$2\"}" > /dev/null
}

# bitmaps: what the disks really have, as DISK:NAME.
bitmaps()
{
    qmp query-named-block-nodes '{"flat": true}' |
        jq -r '.[] | select(."dirty-bitmaps") | ."node-name" as $n | ."dirty-bitmaps"[] | "\($n):\(.name)"' |
        sort | xargs
}

state_of()
{
    vmkeep checkpoint-list vm1 --json | jq -r --arg n "$1" '.[] | select(.name == $n) | .state'
}

is()
{
    [ "$1" = "$2" ] || fail "it is '$1', not '$2'"
}

refused()
{
    local want=$1 text=$2 code=0
    shift 2
    vmkeep "$@" > "$tmp/out" 2>&1 || code=$?
    [ "$code" = "$want" ] || fail "vmkeep $*: exit status $code, not $want: $(cat "$tmp/out")"
    grep -q -- "$text" "$tmp/out" || fail "vmkeep $*: no '$text' in: $(cat "$tmp/out")"
}

sees_disks()
{
    [ "$(vmkeep doctor vm1 --json 2> /dev/null | jq '[.[].about | select(contains(" disk "))] | unique | length')" = "$1" ]
}

echo "- children of which some have lost their bitmaps are deleted together"
create one
create two
create three
lose vda two
lose vdb two
lose vda three
is "$(state_of two)" missing
is "$(state_of three)" inconsistent
vmkeep checkpoint-delete vm1 one --children > "$tmp/out"
is "$(grep -c deleted "$tmp/out")" 3
is "$(vmkeep checkpoint-list vm1 --name)" ""
is "$(bitmaps)" ""

echo "- one that no disk has can be deleted like any other"
create one
lose vda one
lose vdb one
vmkeep checkpoint-delete vm1 one > /dev/null
is "$(vmkeep checkpoint-list vm1 --name)" ""

echo "- what --metadata leaves is known as vmkeep's own, and can be deleted"
create one
create two vda
vmkeep checkpoint-dumpxml vm1 one --no-domain > "$tmp/one.dump"
vmkeep checkpoint-dumpxml vm1 two > "$tmp/two.dump"
vmkeep checkpoint-delete vm1 one --children --metadata > /dev/null
is "$(bitmaps)" "vda:one vda:two vdb:one"
is "$(state_of one)" forgotten
is "$(state_of two)" forgotten
refused 4 "without --metadata its bitmaps are deleted" checkpoint-delete vm1 one --metadata
refused 1 "it has a checkpoint 'one' already" checkpoint-create vm1 "$tmp/one.xml"
vmkeep checkpoint-delete vm1 two > /dev/null
is "$(bitmaps)" "vda:one vdb:one"

echo "- or told again"
refused 4 "no such checkpoint: it has to be redefined first" checkpoint-create vm1 "$tmp/two.dump" --redefine
vmkeep checkpoint-create vm1 "$tmp/one.dump" --redefine --redefine-validate | grep -qx 'Domain checkpoint one redefined'
is "$(state_of one)" consistent
vmkeep checkpoint-dumpxml vm1 one --no-domain | diff "$tmp/one.dump" - || fail "it has changed"
refused 4 "disk 'vda': it has no bitmap 'two'" checkpoint-create vm1 "$tmp/two.dump" --redefine --redefine-validate
vmkeep checkpoint-create vm1 "$tmp/two.dump" --redefine > /dev/null
is "$(state_of two)" missing
sed '/creationTime/d' "$tmp/one.dump" > "$tmp/timeless.dump"
refused 2 "timeless.dump: <creationTime> is missing" checkpoint-create vm1 "$tmp/timeless.dump" --redefine
sed 's:<creationTime>:<parent><name>two</name></parent>&:' "$tmp/one.dump" > "$tmp/circle.dump"
refused 2 "ancestor" checkpoint-create vm1 "$tmp/circle.dump" --redefine
sed 's:of a test:told again:' "$tmp/one.dump" > "$tmp/changed.dump"
vmkeep checkpoint-create vm1 - --redefine < "$tmp/changed.dump" > /dev/null
vmkeep checkpoint-dumpxml vm1 one | grep -q "told again" || fail "the description is the old one"
echo "  it is the base of an increment again"
echo "<domainbackup><incremental>one</incremental></domainbackup>" > "$tmp/incr.xml"
vmkeep backup-begin vm1 "$tmp/incr.xml" > /dev/null
no_job()
{
    [ "$(vmkeep domjobinfo vm1 --json | jq -r .type)" = None ]
}
wait_for 30 "the push" no_job
is "$(vmkeep domjobinfo vm1 --completed --json | jq -r .type)" Completed
vmkeep checkpoint-delete vm1 one --children > /dev/null
is "$(bitmaps)" ""

echo "- one that was deleted while its disk was not attached"
create one
stop_vm vm1
start_vm vm1 vda
wait_for 15 "QEMU without vdb" sees_disks 1
vmkeep checkpoint-delete vm1 one > /dev/null
stop_vm vm1
start_vm vm1 vda vdb
wait_for 15 "QEMU with vdb" sees_disks 2
is "$(bitmaps)" "vdb:one"
is "$(state_of one)" forgotten
vmkeep checkpoint-delete vm1 one > /dev/null
is "$(bitmaps)" ""
create one
is "$(state_of one)" consistent
vmkeep checkpoint-delete vm1 one > /dev/null

echo "- documents list every disk"
create half vda
is "$(vmkeep checkpoint-dumpxml vm1 half | xmllint --xpath 'string(//disk[@name="vdb"]/@checkpoint)' -)" no
vmkeep checkpoint-delete vm1 half > /dev/null
echo "<domainbackup mode='pull'><disks><disk name='vdb'/></disks></domainbackup>" > "$tmp/vdb.xml"
vmkeep backup-begin vm1 "$tmp/vdb.xml" > /dev/null
is "$(vmkeep backup-dumpxml vm1 | xmllint --xpath 'string(//disk[@name="vda"]/@backup)' -)" no
vmkeep domjobabort vm1
echo "<domainbackup><disks><disk name='vdz'/></disks></domainbackup>" > "$tmp/vdz.xml"
refused 4 "disk 'vdz': the domain has no such disk; it has vda, vdb" backup-begin vm1 "$tmp/vdz.xml" "$tmp/one.xml"

echo "- what others made is left alone"
qmp block-dirty-bitmap-add '{"node": "vdb", "name": "foreign", "persistent": true}' > /dev/null
qmp block-dirty-bitmap-add '{"node": "vdb", "name": "vmkeep-0000abcd-7", "persistent": true}' > /dev/null
is "$(state_of foreign)" foreign
refused 1 "was not made by vmkeep, which never touches it" checkpoint-delete vm1 foreign
refused 1 "was made by another vmkeep, whose catalog is 0000abcd" checkpoint-delete vm1 vmkeep-0000abcd-7
echo "<domaincheckpoint><name>foreign</name><disks><disk name='vda'/></disks></domaincheckpoint>" > "$tmp/foreign.xml"
refused 1 "disk 'vdb': it has a checkpoint 'foreign' already" checkpoint-create vm1 "$tmp/foreign.xml"
echo "<domainbackup><disks><disk name='vda'/></disks></domainbackup>" > "$tmp/vda.xml"
refused 1 "disk 'vdb': it has a checkpoint 'foreign' already" backup-begin vm1 "$tmp/vda.xml" "$tmp/foreign.xml"
is "$(state_of foreign)" foreign
is "$(bitmaps)" "vdb:foreign vdb:vmkeep-0000abcd-7"

echo "- an internal snapshot can be reverted to when every checkpoint was let go"
create keep
vmkeep run nightly --wait > /dev/null
refused 1 "disk vd[a-z]*: checkpoint .* was not made by vmkeep" checkpoint-delete vm1 --for-revert
refused 2 "goes with no other option" checkpoint-delete vm1 --for-revert --children
is "$(state_of keep)" consistent
lose vdb foreign
lose vdb vmkeep-0000abcd-7
revert() # whether QEMU does
{
    if qmp human-monitor-command '{"command-line": "loadvm before"}' | grep -q "active dirty bitmaps"; then
        echo refused
    else
        echo reverted
    fi
}
qmp human-monitor-command '{"command-line": "savevm before"}' > /dev/null
is "$(revert)" refused
vmkeep checkpoint-delete vm1 --for-revert > "$tmp/out"
is "$(grep -c deleted "$tmp/out")" 2
is "$(bitmaps)" ""
is "$(revert)" reverted
vmkeep run nightly --level incremental --wait > /dev/null
is "$(vmkeep points vm1 --json | jq -r '[.[].kind] | unique | join(" ")')" full
echo "all as it should be"
