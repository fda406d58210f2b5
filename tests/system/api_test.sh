#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The backup API by hand, on a real QEMU: pushes full and incremental, their checkpoints, aborts,
# restarts of the daemon, events, and each refusal once with its text.
. "$(dirname "$0")/lib.sh"

make_disks vm1 vda vdb
start_vm vm1 vda vdb
"$WRITER" qmp "$tmp/vm1.test" block-dirty-bitmap-add '{"node": "vda", "name": "foreign", "persistent": true}' > /dev/null
write_config "$never"
start_daemon
await_daemon

# xml NAME < text
xml()
{
    cat > "$tmp/$1.xml"
}

# backup_xml NAME TARGET [BASE]: both disks pushed to TARGET-DISK.
backup_xml()
{
    xml "$1" << XML
<domainbackup>
  ${3:+<incremental>$3</incremental>}
  <disks>
    <disk name='vda' type='file'><target file='$tmp/$2-vda'/><driver type='qcow2'/></disk>
    <disk name='vdb' type='file'><target file='$tmp/$2-vdb'/><driver type='qcow2'/></disk>
  </disks>
</domainbackup>
XML
}

checkpoint_xml()
{
    xml "$1" << XML
<domaincheckpoint><name>$1</name><description>made by a test</description></domaincheckpoint>
XML
}

# refused CODE TEXT COMMAND...: with that exit status and that text.
refused()
{
    local want=$1 text=$2 code=0
    shift 2
    vmkeep "$@" > "$tmp/out" 2>&1 || code=$?
    [ "$code" = "$want" ] || fail "vmkeep $*: exit status $code, not $want: $(cat "$tmp/out")"
    grep -q -- "$text" "$tmp/out" || fail "vmkeep $*: no '$text' in: $(cat "$tmp/out")"
    echo "  $(tail -n 1 "$tmp/out")"
}

checkpoints()
{
    vmkeep checkpoint-list vm1 --name --topological | grep -v '^foreign$' | grep -v '^vmkeep-' | xargs
}

job_type()
{
    vmkeep domjobinfo vm1 "$@" --json | jq -r .type
}

no_job()
{
    [ "$(job_type)" = None ]
}

# slow: the disks of vm1 are copied slowly from here on, so that a push takes a while; fast: no more.
slow()
{
    local job
    for job in $("$WRITER" qmp "$tmp/vm1.test" query-block-jobs | jq -r '.[].device'); do
        "$WRITER" qmp "$tmp/vm1.test" block-job-set-speed "{\"device\": \"$job\", \"speed\": $1}" > /dev/null ||
            true
    done
}

# listen [DOMAIN]: events go to $tmp/events from here on.
listeners=0
listen()
{
    if [ -n "${pids[event]:-}" ]; then
        kill "${pids[event]}" 2> /dev/null || true
        wait "${pids[event]}" 2> /dev/null || true
    fi
    "$VMKEEP" --config "$tmp/config" event "$@" --loop --json --timeout 600 > "$tmp/events" 2> "$tmp/events.err" &
    pids[event]=$!
    listeners=$((listeners + 1))
    wait_for 10 "the listener" listens
}

listens()
{
    [ "$(grep -c 'a client listens' "$tmp/log")" = "$listeners" ]
}
listen

events()
{
    wc -l < "$tmp/events"
}

events_are()
{
    [ "$(events)" = "$1" ]
}

echo "- a full push with a checkpoint"
backup_xml full full
checkpoint_xml one
vmkeep backup-begin vm1 "$tmp/full.xml" "$tmp/one.xml" | grep -q 'Backup started'
wait_for 30 "the push" no_job
wait_for 5 "its event" events_are 1
jq -e '.event == "job-completed" and .success and .disk_remaining == 0 and .operation == "backup" and .domain == "vm1"' \
    "$tmp/events" > /dev/null || fail "$(cat "$tmp/events")"
[ "$(checkpoints)" = one ] || fail "checkpoints: $(checkpoints)"
qemu-img convert -O raw "$tmp/full-vda" "$tmp/full.raw"
cmp "$tmp/full.raw" "$tmp/images/vm1-vda.raw"
vmkeep domjobinfo vm1 --completed | grep -q '^Job type: *Completed'

echo "- an incremental from it, with another"
write_some vm1 20 vda vdb
backup_xml incr incr one
checkpoint_xml two
vmkeep backup-begin vm1 --backupxml "$tmp/incr.xml" --checkpointxml - < "$tmp/two.xml" > /dev/null
wait_for 30 "the push" no_job
wait_for 5 "its event" events_are 2
[ "$(checkpoints)" = "one two" ] || fail "checkpoints: $(checkpoints)"
[ "$(vmkeep checkpoint-list vm1 --json | jq -r '.[] | select(.name == "two") | .parent')" = one ] || fail "no parent"
[ "$(stat -c %b "$tmp/incr-vda")" -lt "$(stat -c %b "$tmp/full-vda")" ] || fail "the increment is no smaller"
# What the increment holds, over the full, is what the disks hold.
for disk in vda vdb; do
    qemu-img rebase -u -f qcow2 -b "$tmp/full-$disk" -F qcow2 "$tmp/incr-$disk"
    qemu-img convert -O raw "$tmp/incr-$disk" "$tmp/incr-$disk.raw"
done
"$WRITER" check "$tmp/vm1.writes" "$DISK_SIZE" "$tmp/images/vm1-vda.raw" "$tmp/images/vm1-vdb.raw" -- \
    "$tmp/incr-vda.raw" "$tmp/incr-vdb.raw" > "$tmp/out" || fail "a wrong increment: $(cat "$tmp/out")"

echo "- refusals"
refused 4 "no host has a domain 'vm2'" backup-begin vm2
refused 1 "full-vda" backup-begin vm1 "$tmp/full.xml"
backup_xml nobase nobase nowhere
refused 4 "nowhere" backup-begin vm1 "$tmp/nobase.xml"
echo "<domainbackup><disks><disk name='vdz'/></disks></domainbackup>" | xml nodisk
refused 4 "vdz" backup-begin vm1 "$tmp/nodisk.xml"
echo "nonsense" | xml nonsense
refused 2 "vmkeep: $tmp/nonsense.xml: " backup-begin vm1 "$tmp/nonsense.xml"
refused 2 "vmkeep: $tmp/nonsense.xml: " checkpoint-create vm1 "$tmp/nonsense.xml"
backup_xml again again
refused 1 "'*one'* already\|already.*one" backup-begin vm1 "$tmp/again.xml" "$tmp/one.xml"
sed 's/nowhere/foreign/' "$tmp/nobase.xml" | xml foreignbase
refused 4 "no checkpoint 'foreign'" backup-begin vm1 "$tmp/foreignbase.xml"
checkpoint_xml vmkeep-1
refused 2 "scheduled backups" checkpoint-create vm1 "$tmp/vmkeep-1.xml"
refused 1 "was not made by vmkeep" checkpoint-delete vm1 foreign
refused 4 "no checkpoint 'three'" checkpoint-delete vm1 three
refused 4 "no backup of it runs" backup-dumpxml vm1
refused 4 "no job of domain vm1 runs" domjobabort vm1
[ ! -e "$tmp/again-vda" ] || fail "a refused backup left a target"
events_are 2 || fail "a refusal made an event"

echo "- checkpoints of their own"
checkpoint_xml three
vmkeep checkpoint-create vm1 "$tmp/three.xml" | grep -q 'Domain checkpoint three created'
refused 1 "three" checkpoint-create vm1 "$tmp/three.xml"
write_some vm1 5 vda
[ "$(vmkeep checkpoint-list vm1 --json | jq '.[] | select(.name == "three") | .disks[0].size')" -gt 0 ] || fail "no size"
vmkeep checkpoint-list vm1 --tree > "$tmp/out"
printf 'foreign\none\n  |\n  +- two\n      |\n      +- three\n' | diff - "$tmp/out" || fail "another tree"
[ "$(vmkeep checkpoint-list vm1 --roots --name | xargs)" = "foreign one" ] || fail "other roots"
[ "$(vmkeep checkpoint-list vm1 --leaves --name | xargs)" = "foreign three" ] || fail "other leaves"
[ "$(vmkeep checkpoint-list vm1 --json | jq -r '.[] | select(.name == "foreign") | .state')" = foreign ] || fail "foreign?"
vmkeep checkpoint-dumpxml vm1 three --size | xmllint --xpath 'string(/domaincheckpoint/parent/name)' - | grep -qx two
vmkeep checkpoint-delete vm1 two > /dev/null
[ "$(vmkeep checkpoint-list vm1 --json | jq -r '.[] | select(.name == "three") | .parent')" = one ] || fail "not re-parented"
vmkeep checkpoint-delete vm1 one --children-only > /dev/null
[ "$(checkpoints)" = one ] || fail "after --children-only: $(checkpoints)"
vmkeep checkpoint-create vm1 "$tmp/two.xml" > /dev/null
vmkeep domains --with-checkpoint --json | jq -e 'length == 1' > /dev/null || fail "not listed as with checkpoint"
vmkeep checkpoint-delete vm1 one --children > /dev/null
[ "$(checkpoints)" = "" ] || fail "after --children: $(checkpoints)"

push_runs()
{
    [ "$(job_type)" = Unbounded ] && "$WRITER" qmp "$tmp/vm1.test" query-jobs | jq -e 'length > 0' > /dev/null
}

# begin_slowly NAME [CHECKPOINT]: a push that is held back in QEMU as soon as it runs.
begin_slowly()
{
    local files=("$tmp/$1.xml")
    [ $# -lt 2 ] || files+=("$tmp/$2.xml")
    # Somebody waits for its jobs at QEMU: vmkeep's own answer may come too late to hold them.
    while ! "$WRITER" qmp "$tmp/vm1.test" query-block-jobs | jq -e 'length == 2' > /dev/null; do
        sleep 0.005
    done && slow 16384 &
    pids[slow]=$!
    vmkeep backup-begin vm1 "${files[@]}" > /dev/null
    wait "${pids[slow]}"
    unset "pids[slow]"
    push_runs || fail "the push was too fast"
}

# Disks that take long enough to be caught.
stop_daemon
stop_vm vm1
DISK_SIZE=$((512 * 1024 * 1024))
rm -f "$tmp/vm1.writes"
make_disks vm1 vda vdb
start_vm vm1 vda vdb
start_daemon
await_daemon
listen vm1

echo "- an aborted push leaves neither files nor checkpoint"
checkpoint_xml keep
vmkeep checkpoint-create vm1 "$tmp/keep.xml" > /dev/null
backup_xml slow slow
checkpoint_xml gone
begin_slowly slow gone
refused 5 "(backup-begin) of domain vm1 is running" backup-begin vm1
refused 5 "is running" checkpoint-delete vm1 keep
vmkeep domains --with-job --json | jq -e 'length == 1' > /dev/null || fail "not listed as with job"
vmkeep backup-dumpxml vm1 | xmllint --xpath 'string(//disk[@name="vdb"]/target/@file)' - | grep -qx "$tmp/slow-vdb"
vmkeep domjobinfo vm1 | grep -q '^File total'
vmkeep domjobabort vm1
[ ! -e "$tmp/slow-vda" ] && [ ! -e "$tmp/slow-vdb" ] || fail "targets are left"
[ "$(checkpoints)" = keep ] || fail "checkpoints: $(checkpoints)"
[ "$(job_type --completed)" = Cancelled ] || fail "it is $(job_type --completed)"
vmkeep domjobinfo vm1 --completed | grep -q '^Error message: *aborted on request'
wait_for 5 "its event" events_are 1
jq -e '(.success | not) and .errmsg == "aborted on request"' "$tmp/events" > /dev/null || fail "$(cat "$tmp/events")"

echo "- a scheduled job waits for one by hand"
begin_slowly slow
vmkeep run vm1 > /dev/null
[ "$(vmkeep jobs vm1 --active --json | jq -r '.[] | select(.kind == "backup") | .state')" = queued ] || fail "it does not wait"

echo "- the daemon killed in the middle finds the push again"
kill -KILL "${pids[daemon]}"
wait "${pids[daemon]}" 2> /dev/null || true
start_daemon
await_daemon
listen
push_runs || fail "the push is not running any more"
slow 0
both_ended()
{
    vmkeep jobs vm1 --active --json | jq -e 'map(select(.kind != "prune")) | length == 0'
}
wait_for 120 "both ends" both_ended
wait_for 5 "their events" events_are 2
[ "$(jq -r '[.kind, .success] | join(" ")' "$tmp/events" | xargs)" = "backup-begin true backup true" ] || fail "$(cat "$tmp/events")"
qemu-img compare -q "$tmp/slow-vda" "$tmp/images/vm1-vda.raw" || fail "the push is not what the disk was"

echo "- the last figures survive a restart"
stop_daemon
start_daemon
await_daemon
vmkeep domjobinfo vm1 --completed --json | jq -e '.type == "Completed" and .disk_total > 0 and .time_elapsed > 0' > /dev/null ||
    fail "$(vmkeep domjobinfo vm1 --completed --json)"

echo "- the base of a policy's chain is not deleted by hand"
chain_base=$(vmkeep checkpoint-list vm1 --json | jq -r '.[] | select(.policy == "nightly") | .name')
refused 5 "policy nightly" checkpoint-delete vm1 "$chain_base"
vmkeep doctor vm1 > "$tmp/out" || [ $? = 3 ] || fail "doctor: $(cat "$tmp/out")"
vmkeep doctor --json > "$tmp/out" || [ $? = 3 ] || fail "doctor: $(cat "$tmp/out")"
jq -e '[.[].about] | index("repository main") and index("catalog") and index("qemu-img") and index("lab/vm1 disk vdb")' "$tmp/out" > /dev/null ||
    fail "$(cat "$tmp/out")"

echo "- after QEMU was killed: inconsistent, and deletable"
stop_vm vm1 # stores the bitmaps; a QEMU that is killed leaves them marked as in use
start_vm vm1 vda vdb
consistent()
{
    [ "$(vmkeep checkpoint-list vm1 --json | jq -r '.[] | select(.name == "keep") | .state')" = consistent ]
}
wait_for 15 "the state" consistent
kill -KILL "${pids[vm1]}"
wait "${pids[vm1]}" 2> /dev/null || true
start_vm vm1 vda vdb
inconsistent()
{
    [ "$(vmkeep checkpoint-list vm1 --json | jq -r '.[] | select(.name == "keep") | .state')" = inconsistent ]
}
wait_for 15 "the state" inconsistent
backup_xml late late keep
refused 7 "keep" backup-begin vm1 "$tmp/late.xml"
vmkeep checkpoint-delete vm1 keep > /dev/null
[ "$(checkpoints)" = "" ] || fail "checkpoints: $(checkpoints)"

echo "- a checkpoint whose bitmaps are gone"
vmkeep checkpoint-create vm1 "$tmp/keep.xml" > /dev/null
for disk in vda vdb; do
    "$WRITER" qmp "$tmp/vm1.test" block-dirty-bitmap-remove "{\"node\": \"$disk\", \"name\": \"keep\"}" > /dev/null
done
vmkeep checkpoint-delete vm1 keep > /dev/null
[ "$(checkpoints)" = "" ] || fail "checkpoints: $(checkpoints)"
stop_daemon
refused 6 "not running" backup-begin vm1
vmkeep checkpoint-list vm1 --name 2> /dev/null | grep -q '^vmkeep-' || fail "nothing without the daemon"
echo "all as it should be"
