#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A domain under libvirt gets another name, and its old one again; another UUID; goes to another host
# and comes back.  Its points stay under the name that it had, each holds what the disks held then, and
# no increment is made across what nobody has recorded.
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt.sh
. "$(dirname "$0")/libvirt.sh"
# shellcheck source=libvirt_jobs.sh
. "$(dirname "$0")/libvirt_jobs.sh"

# In the order in which they were made, whatever they are called.
points()
{
    vmkeep points --json | jq -c 'sort_by(.id | split("-") | last | tonumber)'
}

# ---- two hosts, on one machine ----

second_cleanup()
{
    tmp=$tmp/two libvirt_cleanup
}

use() # first|second
{
    LIBVIRT_URI=$([ "$1" = first ] && echo "$first" || echo "$second")
}

libvirt_start 'host_uuid = "11111111-2222-3333-4444-000000000001"'
first=$LIBVIRT_URI
for name in libvirtd virtlogd libvirt_namespace; do
    pids[first_$name]=${pids[$name]}
done
mkdir "$tmp/two"
chmod 755 "$tmp" "$tmp/two"
at_end+=(second_cleanup)
outer=$tmp
tmp=$outer/two
libvirt_start 'host_uuid = "11111111-2222-3333-4444-000000000002"'
second=$LIBVIRT_URI
tmp=$outer
use first

vm_make vm1 vda
config 'mode: push'
sed -i "s|^hosts:.*|hosts: [{ name: lab, driver: libvirt, uri: \"$first\" }, { name: far, driver: libvirt, uri: \"$second\" }]|" "$tmp/config"
daemon_up
changed=0
change()
{
    changed=$((changed + 1))
    put vda $((changed + 30)) $((changed * 128))k 64k
}
on() # HOST/DOMAIN: is there, and was looked at
{
    vmkeep domains --json | jq -e --arg d "$1" 'any(.[]; "\(.host)/\(.domain)" == $d and .state != "unreachable" and .state != null)'
}
not_on()
{
    ! on "$1"
}
images()
{
    chmod 666 "$tmp/images"/*.qcow2
}
take full
change
take incremental

# ---- renamed, with its checkpoint ----

libvirt_virsh destroy --graceful vm1
libvirt_virsh domrename vm1 web1
wait_for 10 "the new name" on lab/web1
wait_for 10 "the old name to go" not_on lab/vm1
images
libvirt_virsh start --paused web1
cp "$tmp/images/vm1-vda.raw" "$tmp/images/web1-vda.raw"
vm=web1
change
take full
vmkeep explain "$point" > "$tmp/out"
grep -q "the domain was 'lab/vm1' until .*, under which its older points stay" "$tmp/out" || fail "$(cat "$tmp/out")"
change
take incremental
[ "$(points | jq '[.[] | select(.domain == "vm1" and .state == "good")] | length')" -eq 2 ] || fail "the old points are gone"
compare_points
echo "renamed"

# ---- and back: what was recorded meanwhile is in the bitmap, or there is a full ----

libvirt_virsh destroy --graceful web1
libvirt_virsh domrename web1 vm1
wait_for 10 "the old name" on lab/vm1
images
libvirt_virsh start --paused vm1
cp "$tmp/images/web1-vda.raw" "$tmp/images/vm1-vda.raw"
vm=vm1
change
vmkeep run vm1 --wait > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
keep_reference "$(newest)"
vmkeep explain "$(newest)" > "$tmp/out"
grep -q "vda: tracking lost: the bitmap of checkpoint" "$tmp/out" || fail "$(cat "$tmp/out")"
compare_points
change
take incremental
compare_points
echo "back under its name"

# ---- undefined, and defined anew: another UUID is another domain, with the same disks as well ----

uuid=$(libvirt_virsh domuuid vm1)
libvirt_virsh destroy --graceful vm1
libvirt_virsh dumpxml --inactive vm1 > "$tmp/same.xml"
libvirt_virsh undefine vm1 --checkpoints-metadata
wait_for 10 "it to go" not_on lab/vm1
images
libvirt_virsh define "$tmp/same.xml"
libvirt_virsh start --paused vm1
wait_for 10 "it" on lab/vm1
change
take incremental
libvirt_virsh destroy --graceful vm1
libvirt_virsh undefine vm1 --checkpoints-metadata
wait_for 10 "it to go" not_on lab/vm1
images
libvirt_domain vm1 vda
[ "$(libvirt_virsh domuuid vm1)" != "$uuid" ] || fail "the same UUID"
libvirt_virsh start --paused vm1
wait_for 10 "it" on lab/vm1
change
before=$(points | jq length)
vmkeep run vm1 --wait > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
keep_reference "$(newest)"
vmkeep explain "$(newest)" > "$tmp/out"
grep -q "the domain was defined anew since, and is another one: its UUID is $(libvirt_virsh domuuid vm1), and was $uuid; the points of the former one stay" \
    "$tmp/out" || fail "$(cat "$tmp/out")"
[ "$(points | jq -r '.[-1].kind')" = full ] || fail "a chain goes on: $(vmkeep explain "$(newest)")"
[ "$(points | jq length)" -eq $((before + 1)) ] || fail "points: $(points)"
[ "$(ours)" -eq 1 ] || fail "checkpoints: $(checkpoints)"
change
take incremental
compare_points
echo "another UUID"

# ---- away, and back ----

move() # FROM TO
{
    local xml=$tmp/moved.xml
    use "$1"
    libvirt_virsh dumpxml --inactive vm1 > "$xml"
    libvirt_virsh destroy --graceful vm1
    libvirt_virsh undefine vm1 --checkpoints-metadata
    images
    use "$2"
    libvirt_virsh define "$xml"
    libvirt_virsh start --paused vm1
}
move first second
wait_for 10 "it on the other host" on far/vm1
wait_for 10 "it to go here" not_on lab/vm1
status=0
vmkeep run lab/vm1 --wait > "$tmp/out" 2>&1 || status=$?
grep -q "is no domain of the configuration any more" "$tmp/out" || fail "$(cat "$tmp/out")"
[ "$status" -ne 0 ] || fail "a backup of a domain that is gone"
change
vmkeep run far/vm1 --wait > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
keep_reference "$(newest)"
[ "$(points | jq -r '.[-1] | "\(.host) \(.kind)"')" = "far full" ] || fail "$(vmkeep explain "$(newest)")"
move second first
wait_for 10 "it here again" on lab/vm1
change
vmkeep run lab/vm1 --wait > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
keep_reference "$(newest)"
compare_points
echo "away and back"

libvirt_virsh destroy vm1
stop_daemon
libvirt_stop
