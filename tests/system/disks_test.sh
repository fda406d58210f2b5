#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# No disk is left out of the backups without a word: one that is attached and that no policy selects, one
# that the configuration does not list when the domain is shut off, globs that select nothing; in the
# job's outcome, in `status` and in `doctor`, whether the daemon runs or not.
. "$(dirname "$0")/lib.sh"

outcome()
{
    vmkeep jobs --json | jq -r '[.[] | select(.kind == "backup")][-1].reason'
}

# has WORDS COMMAND...: what it prints, whatever its exit status, has these words.
has()
{
    local words=$1
    shift
    "$@" > "$tmp/out" 2>&1 || true
    grep -qF -- "$words" "$tmp/out" || fail "no '$words' in the answer of $*: $(cat "$tmp/out")"
}

has_not()
{
    local words=$1
    shift
    "$@" > "$tmp/out" 2>&1 || true
    ! grep -qF -- "$words" "$tmp/out" || fail "'$words' in the answer of $*: $(cat "$tmp/out")"
}

# exits STATUS COMMAND...
exits()
{
    local want=$1 status=0
    shift
    "$@" > "$tmp/out" 2>&1 || status=$?
    [ "$status" = "$want" ] || fail "$*: exit status $status, not $want: $(cat "$tmp/out")"
}

# selects GLOBS: what the policy's disks are from now on.
selects()
{
    write_config "$never"
    sed -i "s/    domains: \['\*'\]/&\n    disks: [$1]/" "$tmp/config"
    [ -z "${pids[daemon]:-}" ] || stop_daemon
    start_daemon
    await_daemon
}

backup()
{
    wait_for 30 "a backup" eval 'vmkeep run nightly --wait > /dev/null 2>&1'
}

make_disks vm1 vda vdb
start_vm vm1 vda vdb

echo "- a disk that no policy's disks select"
selects "vda"
backup
has "; in no policy's disks: vdb" outcome
forgotten="disk vdb is in no backup, for no policy's disks select it"
has "$forgotten" vmkeep status
exits 4 vmkeep status
has "$forgotten" vmkeep doctor
exits 3 vmkeep doctor
points | jq -e '.[-1].left_out == [{name: "vdb", why: "no glob of the policy'"'"'s disks selects it"}]' > /dev/null ||
    fail "the point does not say it: $(points)"
stop_daemon
has "$forgotten" vmkeep status

echo "- left out on purpose: no finding, but told"
selects "'*', '!vdb'"
backup
has_not "vdb" outcome
has "not backed up: vdb (a policy's disks leave it out)" vmkeep status
exits 0 vmkeep status
has "vdb is not backed up: a policy's disks leave it out" vmkeep doctor

echo "- a glob that matches no disk, beside one that does"
selects "'vd*', sda"
backup
has "policy nightly: 'sda' of its disks matches no disk of any of its domains" vmkeep status
has_not "'vd*' of its disks" vmkeep status
exits 4 vmkeep status
has "policy nightly: 'sda' of its disks matches no disk" vmkeep doctor
has "policy nightly: 'sda' of its disks matches no disk of any of its domains" vmkeep check
has_not "'vd*' of its disks" vmkeep check

echo "- shut off, and the configuration lists one of the two"
IMAGES=vda
selects "'*'"
wait_for 20 "it to be seen running" eval 'vmkeep domains --json | jq -e ".[0].state == \"paused\""'
[ "$(vmkeep domains --uuid --name)" = "- lab/vm1" ] || fail "started without -uuid, and has one"
stop_vm vm1
VM_ARGS="-uuid 0f0e0d0c-0b0a-0908-0706-050403020100" start_vm vm1 vda vdb
uuid() { [ "$(vmkeep domains --uuid)" = 0f0e0d0c-0b0a-0908-0706-050403020100 ]; }
wait_for 20 "its UUID" uuid
stop_vm vm1
wait_for 60 "it to be seen shut off" eval 'vmkeep domains --json | jq -e ".[0].state == \"shut off\""'
uuid || fail "the UUID of one that is shut off is not the one that it had"
sed -i 's/- name: nightly/- name: hourly/' "$tmp/config"
stop_daemon
start_daemon
await_daemon
wait_for 30 "a backup" eval 'vmkeep run hourly --wait > /dev/null 2>&1'
has "lacks disk vdb" outcome
has "lacks disk vdb" vmkeep status
exits 3 vmkeep status
has "the newest point of policy hourly lacks disk vdb" vmkeep doctor
exits 3 vmkeep doctor
stop_daemon
echo "all as it should be"
