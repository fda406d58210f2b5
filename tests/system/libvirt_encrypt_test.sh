#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Repositories that encrypt, of a libvirt host: its domains are pulled, for libvirt is told no key; nothing
# of a disk is there in clear text. A copy in a second repository, with a key of its own, becomes a domain.
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt.sh
. "$(dirname "$0")/libvirt.sh"
# shellcheck source=libvirt_jobs.sh
. "$(dirname "$0")/libvirt_jobs.sh"

encrypted_config()
{
    config "copy_to: [ { repository: far, keep: { last: 3 } } ]"
    sed -i "s|^repositories:.*|repositories: [{ name: main, path: $tmp/repo, encrypt: { secret: main-key } }, { name: far, path: $tmp/far, encrypt: { secret: far-key } }]|" "$tmp/config"
    echo "secrets: [ { name: main-key, file: $tmp/main.key }, { name: far-key, file: $tmp/far.key } ]" >> "$tmp/config"
}

copies()
{
    points | jq -r '[.[] | select(.copy_of and .state == "good")] | length'
}

has_copies()
{
    [ "$(copies)" = "$1" ] && idle
}

for key in main far; do
    openssl rand -hex 32 > "$tmp/$key.key"
    chmod 600 "$tmp/$key.key"
done
mkdir "$tmp/far"
libvirt_start
vm_make vm1 vda
encrypted_config
daemon_up

echo "- a chain, pulled"
put vda 7 1M 64k
take full
[ "$(points | jq -r '.[0].mode')" = pull ] || fail "it was no pull"
vmkeep explain "$point" | tr '\n' ' ' | tr -s ' ' | grep -q "pulled, for the repository is encrypted" || fail "$(vmkeep explain "$point")"
put vda 9 2M 64k
take incremental
last=$point
cp "$tmp/images/vm1-vda.raw" "$tmp/last.raw"
wait_for 60 "the copies" has_copies 2
compare_points
while read -r file; do
    qemu-img info --output=json "$file" | jq -e .encrypted > /dev/null || fail "$file: in clear text"
    ! LC_ALL=C grep -qaP '([\x01-\xff])\1{200}' "$file" || fail "$file: holds a write in clear text"
done < <(find "$tmp/repo" "$tmp/far" -name '*.qcow2')

echo "- its copy in the second repository becomes a domain"
copy=$(points | jq -r --arg of "$last" '.[] | select(.copy_of == $of).id')
chmod 711 "$tmp" "$tmp/images"
mkdir -m 711 "$tmp/images/to"
vmkeep restore "$copy" --uri "$LIBVIRT_URI" --define --name vm2 --to "$tmp/images/to" > "$tmp/out" 2>&1 ||
    fail "restore: $(cat "$tmp/out")"
grep -q "Defined as vm2" "$tmp/out" || fail "$(cat "$tmp/out")"
libvirt_virsh dumpxml vm2 | grep -qF "$tmp/images/to/vda.qcow2" || fail "vm2 is not on the restored image"
qemu-img compare -q "$tmp/images/to/vda.qcow2" "$tmp/last.raw" || fail "not what the disk held"
libvirt_virsh start --paused vm2
libvirt_virsh destroy vm2

echo "- the key of the second repository is lost: it is said, with what to do, and the first goes on"
mv "$tmp/far.key" "$tmp/lost"
put vda 11 3M 64k
take incremental
wait_for 20 "the copy's end" idle
vmkeep status > "$tmp/out" && fail "status is content"
grep -A3 '^far ' "$tmp/out" > "$tmp/far.out" || fail "status: $(cat "$tmp/out")"
grep -q "why: the key of repository $tmp/far: $tmp/far.key: No such file" "$tmp/far.out" && grep -q "do: put its key back" "$tmp/far.out" ||
    fail "status: $(cat "$tmp/out")"
mv "$tmp/lost" "$tmp/far.key"
vmkeep copy nightly --to far --wait > "$tmp/out" 2>&1 || fail "copy: $(cat "$tmp/out")"
[ "$(copies)" = 3 ] || fail "copies: $(points)"
compare_points
stop_daemon
libvirt_virsh destroy "$vm"
libvirt_stop
echo "all as it should be"
