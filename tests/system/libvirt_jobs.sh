# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # tmp and pids are lib.sh's
#
# Backups of domains under libvirt: what they hold is compared with a raw file of each disk, to which
# every write is made, too.  Source it after lib.sh and libvirt.sh.
#
#   vm_make NAME DISK...           a domain that runs, its CPU stopped
#   put DISK PATTERN OFFSET LENGTH, zero DISK OFFSET LENGTH     on the domain $vm
#   take KIND                      a backup by the policy succeeds, of that kind; sets $point
#   compare_points                 each that was taken since holds what the disks held then
#   config [POLICY-LINE...]

vm=vm1
declare -A references=()
export point=

config()
{
    local line
    mkdir -p "$tmp/repo" "$tmp/scratch"
    # QEMU's user goes through.
    chmod 711 "$tmp/repo" "$tmp/scratch"
    {
        echo "catalog: $tmp/catalog.db"
        echo "control: $tmp/control.sock"
        echo "hosts: [{ name: lab, driver: libvirt, uri: \"$LIBVIRT_URI\" }]"
        echo "repositories: [{ name: main, path: $tmp/repo }]"
        echo "policies:"
        echo "  - name: nightly"
        echo "    domains: ['*']"
        echo "    repository: main"
        echo "    scratch: $tmp/scratch"
        echo "    schedule: $never"
        for line in "$@"; do
            echo "    $line"
        done
    } > "$tmp/config"
}

domain_is_known()
{
    asked domains | jq -e --arg vm "$vm" 'any(.domains[]; .domain == $vm)' > /dev/null
}

daemon_up()
{
    start_daemon
    await_daemon
    wait_for 20 "the host's domains" domain_is_known
}

reconfigure()
{
    config "$@"
    stop_daemon
    daemon_up
}

vm_make()
{
    vm=$1
    shift
    make_disks "$vm" "$@"
    chmod 666 "$tmp/images/$vm"-*.qcow2
    libvirt_domain "$vm" "$@"
    libvirt_virsh start --paused "$vm"
}

hmp_io() # DISK COMMAND
{
    local n
    n=$(($(printf '%d' "'${1:2}") - 97))
    libvirt_virsh qemu-monitor-command "$vm" --hmp \
        "qemu-io -d /machine/peripheral/virtio-disk$n/virtio-backend \"$2\"" > "$tmp/io.out" 2>&1 || fail "io: $(cat "$tmp/io.out")"
    ! grep -i 'error\|failed\|invalid' "$tmp/io.out" || fail "io $*"
}

put()
{
    hmp_io "$1" "write -P $2 $3 $4"
    qemu-io -f raw -c "write -P $2 $3 $4" "$tmp/images/$vm-$1.raw" > /dev/null
}

zero()
{
    hmp_io "$1" "write -z $2 $3"
    qemu-io -f raw -c "write -P 0 $2 $3" "$tmp/images/$vm-$1.raw" > /dev/null
}

newest()
{
    points | jq -r '.[-1].id // empty'
}

keep_reference() # POINT
{
    local disk
    references[$1]=$vm
    mkdir -p "$tmp/kept/$1"
    for disk in "$tmp/images/$vm"-*.raw; do
        cp --sparse=always "$disk" "$tmp/kept/$1/"
    done
}

last_reason()
{
    vmkeep jobs --json | jq -r '[.[] | select(.kind == "backup")][-1] | "\(.outcome): \(.reason)"'
}

take()
{
    local before made
    before=$(point_directories)
    vmkeep run "$vm" --wait > "$tmp/out" 2>&1 || fail "take $1: $(cat "$tmp/out")"
    made=$(points | jq -c '.[-1]')
    point=$(jq -r .id <<< "$made")
    ! grep -qxF "${point##*/}" <<< "$before" || fail "no point was made"
    [ "$(jq -r .kind <<< "$made")" = "$1" ] || fail "$point is not $1: $(vmkeep explain "$point")"
    keep_reference "$point"
}

fails() # TEXT: a backup does, and says so
{
    ! vmkeep run "$vm" --wait > "$tmp/out" 2>&1 || fail "a backup that should not succeeded"
    grep -qe "$1" <<< "$(last_reason)" || fail "it says '$(last_reason)', not '$1'"
}

compare_points()
{
    local id disk
    for id in "${!references[@]}"; do
        rm -rf "$tmp/restored"
        vmkeep restore "$id" --to "$tmp/restored" --format raw > /dev/null || fail "restore $id"
        for disk in "$tmp/kept/$id"/*.raw; do
            cmp "$disk" "$tmp/restored/$(basename "${disk#*"${references[$id]}"-}")" ||
                fail "$disk of $id is not what the disk held"
        done
        rm -rf "$tmp/kept/$id"
    done
    references=()
}

checkpoints()
{
    libvirt_virsh checkpoint-list "$vm" --name | sed '/^$/d'
}

ours()
{
    checkpoints | grep -c '^vmkeep-' || true
}

job_is_at() # STEP
{
    asked jobs | jq -e '.jobs | length == 1 and .[0].state == "running" and (.[0].bytes_done // 0) > 0' > /dev/null
}

libvirt_runs_none()
{
    libvirt_virsh domjobinfo "$vm" | grep -q 'None'
}

libvirt_is_connected()
{
    asked domains | jq -e --arg vm "$vm" 'any(.domains[]; .domain == $vm and .state != "unreachable")' > /dev/null
}
