#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A real Linux guest that writes all the time: frozen, backed up while it goes on writing, restored,
# and what was restored proven by its file systems and by what the guest itself told.
. "$(dirname "$0")/lib.sh"
# shellcheck source=../support/guest.sh
. "$(dirname "$0")/../support/guest.sh"

root=$(cd "$(dirname "$0")/../.." && pwd)
guest=$root/build/guest
"$root/scripts/make-guest" "$guest"
mkdir "$tmp/vm" "$tmp/repo"

guest_config() # QUIESCE AGENT
{
    cat >"$tmp/config" <<EOC
catalog: $tmp/catalog.db
control: $tmp/control.sock
hosts:
  - name: lab
    driver: qemu
    domains:
      - { name: vm1, qmp: $tmp/vm/qmp, agent: $2 }
repositories:
  - { name: main, path: $tmp/repo }
policies:
  - name: by-hand
    domains: ["*"]
    repository: main
    schedule: { incremental: ["2199-01-01"] }
    quiesce: $1
    rpo: 1h
EOC
}

later_than()
{
    [ "$(guest_round "$tmp/vm")" -gt "$1" ]
}

# The guest is neither frozen nor paused.
guest_goes_on()
{
    local round
    round=$(guest_round "$tmp/vm")
    wait_for 10 "the guest to go on writing" later_than $((round + 3))
}

guest_disks "$guest" "$tmp/vm"
guest_start "$guest" "$tmp/vm"
pids[guest]=$guest_pid
guest_config require "$tmp/vm/agent"
start_daemon
await_daemon

echo "- a full and two increments of a writing guest, each of one instant"
held=0
for kind in full incremental incremental; do
    wait_for 30 "some rounds" later_than $((held + 20))
    vmkeep run vm1 --wait
    guest_goes_on
    id=$(points | jq -r '.[-1].id')
    [ "$(points | jq -r '.[-1].kind')" = "$kind" ] || fail "$id is not a $kind"
    vmkeep restore "$id" --to "$tmp/restored" --format raw >"$tmp/out"
    for disk in vda vdb; do
        guest_file_system_is_clean "$tmp/restored/$disk.raw" || fail "$id: $disk is not clean"
    done
    guest_check "$tmp/restored" "$tmp/vm/told" || fail "$id does not hold what the guest wrote"
    [ "$guest_held" -gt "$held" ] || fail "$id holds nothing newer than the point before it"
    held=$guest_held
    echo "  $id: round $held"
    rm -rf "$tmp/restored"
done

vmkeep status --json > "$tmp/status" || true
jq -e '.domains[0] | .froze_ms >= 0 and .froze_ms < 10000 and .froze_at != null' "$tmp/status" > /dev/null ||
    fail "how long it was frozen is not told: $(cat "$tmp/status")"

echo "- a daemon that is killed during the copy: what is known of the freeze is known to its successor"
stop_daemon
sed -i 's/^    rpo:/    bandwidth: 512KiB\/s\n&/' "$tmp/config"
start_daemon
await_daemon
copies()
{
    vmkeep jobs --active --json | jq -e '.[0].bytes_done > 0'
}
vmkeep run vm1 --level full > /dev/null
wait_for 20 "the copy" copies
kill -KILL "${pids[daemon]}"
wait "${pids[daemon]}" 2> /dev/null || true
guest_config require "$tmp/vm/agent"
start_daemon
await_daemon
no_jobs()
{
    vmkeep jobs --active --json | jq -e 'map(select(.kind == "backup")) | length == 0'
}
wait_for 120 "its end" no_jobs
vmkeep jobs --json | jq -e 'map(select(.kind == "backup"))[-1].outcome == "success"' > /dev/null ||
    fail "$(vmkeep jobs | tail -n 1)"
id=$(points | jq -r '.[-1].id')
jq -e '.quiesced' "$tmp/repo/$id/point.json" > /dev/null || fail "$id is not known as quiesced"
guest_goes_on

echo "- an agent that is not there: try goes on without it and says so, require refuses"
guest_config try "$tmp/vm/no-such-agent"
kill -HUP "${pids[daemon]}"
wait_for 10 "the reload" grep -q 'configuration reloaded' "$tmp/log"
vmkeep run vm1 --wait
vmkeep jobs --json | jq -r '.[-1].reason' | grep -q 'not quiesced' || fail "it does not say that it went without"
guest_goes_on
number=$(points | jq length)
guest_config require "$tmp/vm/no-such-agent"
kill -HUP "${pids[daemon]}"
reloaded_twice()
{
    [ "$(grep -c 'configuration reloaded' "$tmp/log")" -ge 2 ]
}
wait_for 10 "the reload" reloaded_twice
! vmkeep run vm1 --wait >"$tmp/out" 2>&1 || fail "a backup without its required agent succeeded"
vmkeep jobs --json | jq -r '.[-1].reason' | grep -q 'agent' || fail "it does not say that the agent is missing"
[ "$(points | jq length)" = "$number" ] || fail "a refused backup has left a point"
guest_goes_on

stop_daemon
echo "all as it should be"
