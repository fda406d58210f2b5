#!/bin/bash
# SPDX-License-Identifier: MIT
#
# One repository is on a file system that hangs (hang.c).  What goes there waits, or fails with a reason; what goes
# elsewhere goes on, and so do the daemon's answers.  When the file system is back, all is as before.
. "$(dirname "$0")/lib.sh"

mkdir -p "$tmp/images" "$tmp/repo" "$tmp/dead/repo"
make_disks vm1 vda
make_disks vm2 vda
start_vm vm1 vda
start_vm vm2 vda
cat > "$tmp/config" <<EOF
catalog: $tmp/catalog.db
control: $tmp/control.sock
hosts:
  - name: lab
    driver: qemu
    domains: [{ name: vm1, qmp: $tmp/vm1.qmp }, { name: vm2, qmp: $tmp/vm2.qmp }]
repositories:
  - { name: main, path: $tmp/repo }
  - { name: dead, path: $tmp/dead/repo }
policies:
  - { name: good, domains: [vm1], repository: main, schedule: $never, keep: { last: 100 } }
  - { name: bad, domains: [vm2], repository: dead, schedule: $never, keep: { last: 100 } }
EOF

hanging=(env "LD_PRELOAD=$BUILD/tests/system/libhang.so" "HANG_UNDER=$tmp/dead/" "HANG_WHILE=$tmp/hangs"
         "HANG_UNKILLABLE=$tmp/unkillable"
         "ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0")
DAEMON_WRAP=("${hanging[@]}")

# answers SECONDS COMMAND...: the command ends in time (of an idle machine), whatever it says.
answers()
{
    local limit=$(($1 * PATIENCE)) status=0
    shift
    timeout "$limit" "${hanging[@]}" "$VMKEEP" --config "$tmp/config" "$@" > "$tmp/said" 2>&1 || status=$?
    [ "$status" -ne 124 ] || fail "vmkeep $* did not answer in $limit s; there hang: $(cat "$tmp"/hangs.*)"
}

job() # the last of the domain's jobs
{
    vmkeep jobs --json | jq -r "[.[] | select(.domain == \"$1\" and .kind == \"backup\")] | max_by(.id) | $2"
}

# The daemon itself hangs in nothing: only programs that it runs do.
daemon_is_free()
{
    if [ -e "$tmp/hangs.${pids[daemon]}" ]; then
        fail "the daemon itself waits for $(cat "$tmp/hangs.${pids[daemon]}")"
    fi
}

all_goes_on()
{
    answers 10 status
    daemon_is_free
    answers 10 jobs
    answers 20 doctor
    grep -q "NOT  repository dead: .*has not answered within 10 s" "$tmp/said" ||
        fail "doctor does not name what hangs: $(cat "$tmp/said")"
    answers 20 repository list
    grep -q "has not answered" "$tmp/said" || fail "repository list does not name what hangs: $(cat "$tmp/said")"
    daemon_is_free
    timeout $((60 * PATIENCE)) "$VMKEEP" --config "$tmp/config" run vm1 --wait > "$tmp/said" 2>&1 ||
        fail "vm1 was not backed up: $(cat "$tmp/said")"
    [ "$(job vm1 .outcome)" = success ] || fail "vm1: $(job vm1 .reason)"
    daemon_is_free
}

job_has_ended()
{
    [ "$(job vm2 .state)" = ended ]
}

start_daemon
await_daemon
vmkeep run vm1 --wait > /dev/null
vmkeep run vm2 --wait > /dev/null

# ---- it hangs before a job there begins

touch "$tmp/hangs"
vmkeep run vm2 > /dev/null
wait_for 10 "something that hangs" compgen -G "$tmp/hangs.*"
all_goes_on
wait_for 100 "the end of the job that hangs" job_has_ended
[ "$(job vm2 .outcome)" = failed ] || fail "vm2: $(job vm2 .outcome): $(job vm2 .reason)"
[[ $(job vm2 .reason) == *"$tmp/dead/repo"* ]] || fail "vm2 failed without a place: $(job vm2 .reason)"
answers 10 status --json # it exits with a status of its own
jq -e '.repositories[] | select(.name == "dead") | .problem' "$tmp/said" > /dev/null ||
    fail "the status says nothing of the repository that hangs"

# ---- a backup by hand has nothing to do with it, even when what asks the dead one cannot be killed

touch "$tmp/unkillable"
cat > "$tmp/backup.xml" <<EOF
<domainbackup><disks><disk name='vda' backup='yes' type='file'><target file='$tmp/by-hand.qcow2'/></disk></disks></domainbackup>
EOF
timeout $((15 * PATIENCE)) "$VMKEEP" --config "$tmp/config" backup-begin vm1 "$tmp/backup.xml" --wait > "$tmp/said" 2>&1 ||
    fail "no backup by hand beside a dead repository: $(cat "$tmp/said")"
rm "$tmp/unkillable"

# ---- the daemon starts while it hangs

stop_daemon
start_daemon
wait_for 30 "the daemon, while a repository hangs" daemon_answers
all_goes_on

# ---- the end of it

rm "$tmp/hangs"
vmkeep run vm2 --wait > "$tmp/said" 2>&1 || fail "vm2 after the hang: $(cat "$tmp/said")"
write_some vm2 20 vda
vmkeep run vm2 --wait > "$tmp/said" 2>&1 || fail "vm2 after the hang: $(cat "$tmp/said")"
restored_state "$(points | jq -r '[.[] | select(.domain == "vm2")] | max_by(.created) | .id')" vm2 vda > /dev/null ||
    fail "the point that was made after the hang is at no state of the disk"
vmkeep doctor > "$tmp/said" 2>&1 || fail "doctor: $(cat "$tmp/said")"
stop_daemon
