#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A domain under libvirt is migrated to another host and comes back, while a daemon looks after both: a
# libvirtd with folders, a host name and a host's UUID of its own.  Its images lie where both hosts have
# them.  Whatever the daemon knows of where the domain is, nothing of its images is touched from where it
# is not, and each point holds what the disks held.
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt.sh
. "$(dirname "$0")/libvirt.sh"
# shellcheck source=libvirt_jobs.sh
. "$(dirname "$0")/libvirt_jobs.sh"

# Between libvirtd's finding that a port is free and QEMU's listening there another test may take it: each of
# the two, of each test that runs, has some of its own.
ports=$((20000 + $$ % 800 * 16))
has_ports() # FIRST
{
    libvirt_qemu_conf=("migration_port_min = $1" "migration_port_max = $(($1 + 7))")
}
has_ports $ports
# shellcheck disable=SC2119
libvirt_start
has_ports $((ports + 8))
home=$LIBVIRT_URI
away="qemu+unix:///system?socket=$tmp/lv2/run/libvirt-sock"
mkdir "$tmp/lv2"
libvirt_namespace second_namespace "$tmp/lv2" other
printf 'host_uuid = "%s"\n' "$(cat /proc/sys/kernel/random/uuid)" > "$tmp/lv2/libvirtd.conf"
second() # COMMAND...: in the other one's namespace
{
    exec nsenter --mount --uts --target "${pids[second_namespace]}" -- setpriv --pdeathsig KILL "$@"
}
second virtlogd --pid-file "$tmp/lv2/virtlogd.pid" > "$tmp/lv2/virtlogd.out" 2>&1 &
pids[second_virtlogd]=$!
wait_for 10 "the other virtlogd" test -S "$tmp/lv2/run/virtlogd-sock"
second libvirtd --pid-file "$tmp/lv2/libvirtd.pid" --config "$tmp/lv2/libvirtd.conf" > "$tmp/lv2/libvirtd.out" 2>&1 &
pids[second_libvirtd]=$!
wait_for 10 "the other libvirtd" virsh --quiet --connect "$away" version

migration() # URI [OPTION...]
{
    local to=$1
    shift
    # --unsafe: that both see one file system libvirt cannot know
    libvirt_virsh migrate --live --unsafe --persistent "$@" vm1 "$to" --migrateuri tcp:127.0.0.1
}
migrate() # [OPTION...]
{
    local to=$away
    [ "$LIBVIRT_URI" = "$home" ] || to=$home
    migration "$to" "$@" || fail "no migration to $to"
    LIBVIRT_URI=$to
}
here() # the name of the host that it is at
{
    [ "$LIBVIRT_URI" = "$home" ] && echo lab || echo away
}
newest()
{
    points | jq -r --arg host "$(here)" '[.[] | select(.host == $host)][-1].id // empty'
}
take() # KIND: at the host that it is at
{
    vmkeep run "$(here)/vm1" --wait > "$tmp/out" 2>&1 || fail "take $1: $(cat "$tmp/out")"
    point=$(newest)
    [ "$(points | jq -r --arg id "$point" '.[] | select(.id == $id).kind')" = "$1" ] || fail "$point is not $1: $(vmkeep explain "$point")"
    [ "$(ours)" -eq 1 ] || fail "checkpoints: $(checkpoints)"
    keep_reference "$point"
}
refused() # HOST TEXT
{
    ! vmkeep run "$1/vm1" --wait > "$tmp/out" 2>&1 || fail "a backup at $1, where it is not"
    grep -qe "$2" <<< "$(last_reason)" || fail "it says '$(last_reason)', not '$2'"
}
is_said() # HOST STATE PROBLEM
{
    vmkeep domains --json |
        jq -e --arg h "$1" --arg s "$2" --arg p "$3" 'any(.[]; .host == $h and .domain == "vm1" and .state == $s and (.problem // "") == $p)'
}
gone="it has been migrated to another host, which has its disks now"

vm_make vm1 vda vdb
libvirt_virsh resume vm1 > /dev/null
config 'mode: push'
sed -i "s|^hosts: .*|hosts: [{ name: lab, driver: libvirt, uri: \"$home\" }, { name: away, driver: libvirt, uri: \"$away\" }]|" "$tmp/config"
daemon_up
take full

# ---- it leaves: protected over there at once, left alone here ----

migrate
wait_for 10 "what is said of it at home" is_said lab unreachable "$gone"
wait_for 10 "what is said of it away" is_said away running ""
refused lab "^failed: the domain is unreachable: $gone"
! vmkeep restore "$(points | jq -r '.[0].id')" --in-place --yes > "$tmp/out" 2>&1 || fail "images were replaced under a domain that runs elsewhere"
grep -q "vm1 was migrated to another host" "$tmp/out" || fail "$(cat "$tmp/out")"
put vda 31 1M 64k
take full
put vdb 32 2M 64k
echo "away"

# ---- it comes back: the chain goes on, and has what was written over there ----

migrate
wait_for 10 "what is said of it at home" is_said lab running ""
put vda 33 3M 64k
take incremental
compare_points

# ---- the definition goes along, and libvirt's records of the checkpoints with it ----

migrate --undefinesource
is_undefined()
{
    ! is_said lab unreachable "$gone" && vmkeep domains --json | jq -e 'all(.[]; .host != "lab")'
}
wait_for 10 "its leaving" is_undefined
put vda 34 4M 64k
take incremental
migrate --undefinesource
wait_for 10 "what is said of it at home" is_said lab running ""
put vdb 35 5M 64k
take incremental
compare_points
echo "without a record"

# ---- paused: nothing over there has a lock on its images yet, and still they are left alone ----

libvirt_virsh suspend vm1 > /dev/null
migrate
wait_for 10 "what is said of it at home" is_said lab unreachable "$gone"
refused lab "^failed: the domain is unreachable: $gone"
take full # no bitmap has been read yet
libvirt_virsh resume vm1 > /dev/null
put vda 36 6M 64k
migrate
take incremental
compare_points
echo "paused"

# ---- a backup meets a migration: it says so ----

libvirt_virsh migrate-setspeed vm1 1
migration "$away" > "$tmp/migration" 2>&1 &
migrating=$!
is_arriving()
{
    virsh --quiet --connect "$away" domstate vm1 --reason | grep -q "paused (migrating)"
}
wait_for 20 "the migration" is_arriving
kill -STOP "$(cat "$tmp/lv2/run/qemu/vm1.pid")" # it takes as long as the test wants
held_up lab/vm1 "a migration away from this host is at work on the domain"
held_up away/vm1 "a migration to this host is at work on the domain"
kill -CONT "$(cat "$tmp/lv2/run/qemu/vm1.pid")"
wait "$migrating" || fail "the migration: $(cat "$tmp/migration")"
LIBVIRT_URI=$away
wait_for 60 "the end of what waited" idle
vmkeep jobs --json | jq -r '.[-2:][] | "\(.host) \(.outcome): \(.reason)"' > "$tmp/out"
grep -q "^lab failed: the domain is unreachable: $gone" "$tmp/out" || fail "$(cat "$tmp/out")"
grep -q "^away success: incremental" "$tmp/out" || fail "$(cat "$tmp/out")"
keep_reference "$(newest)"
put vda 38 8M 64k
take incremental
echo "a migration was in the way"

# ---- a migration meets a backup: it waits for its end ----

sed -i "s|    mode: push|    mode: pull\n    bandwidth: 4MiB/s|" "$tmp/config"
vmkeep reload > /dev/null
put vda 39 0 12M
keep_reference later
before=$(newest)
vmkeep run away/vm1 > /dev/null
wait_for 20 "the copy" job_is_at copying
migrate
wait_for 60 "the job's end" idle
grep -q "^success" <<< "$(last_reason)" || fail "$(last_reason)"
point=$(points | jq -r '[.[] | select(.host == "away")][-1].id')
[ "$point" != "$before" ] || fail "no point came of it"
mv "$tmp/kept/later" "$tmp/kept/$point"
unset "references[later]"
references[$point]=vm1
put vda 40 9M 64k
take incremental
compare_points
echo "a backup was in the way"

stop_daemon
libvirt_virsh destroy vm1 > /dev/null
kill -TERM "${pids[second_libvirtd]}"
wait "${pids[second_libvirtd]}" || true
unset "pids[second_libvirtd]"
libvirt_stop
