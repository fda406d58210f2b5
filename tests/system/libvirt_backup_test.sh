#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Scheduled backups of a domain under a real libvirtd, pushed and pulled: what they hold, byte by byte;
# which checkpoints are left; what becomes of one that is aborted, and of another tool's job.
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt.sh
. "$(dirname "$0")/libvirt.sh"
# shellcheck source=libvirt_jobs.sh
. "$(dirname "$0")/libvirt_jobs.sh"

libvirt_start
vm_make vm1 vda vdb
config 'mode: push'
daemon_up

# ---- a push: full, then increments that stand on the point before, never on the live disk ----

take full
put vda 7 1M 64k
put vdb 8 2M 4k
take incremental
qemu-img info --output=json "$tmp/repo/$point/vda.qcow2" > "$tmp/info"
jq -e '."backing-filename" | startswith("../")' "$tmp/info" > /dev/null || fail "backing file: $(cat "$tmp/info")"
! grep -q "$tmp/images" "$tmp/info" || fail "an increment names the live disk"
zero vda 1M 64k
zero vda 8M 1M
put vda 9 0 512
take incremental
take incremental
[ "$(ours)" -eq 1 ] || fail "checkpoints: $(checkpoints)"
compare_points
echo "pushed"

# ---- another's checkpoint stays ----

libvirt_virsh checkpoint-create-as "$vm" theirs > /dev/null
put vda 10 3M 64k
take incremental
checkpoints | grep -qx theirs || fail "another's checkpoint is gone: $(checkpoints)"
[ "$(ours)" -eq 1 ] || fail "checkpoints: $(checkpoints)"

# ---- another tool's job: it is waited for, and its end is noticed ----

cat > "$tmp/theirs.xml" <<EOX
<domainbackup mode='pull'><server transport='unix' socket='$tmp/lv/theirs.sock'/><disks>
  <disk name='vda' type='file'><scratch file='$tmp/images/theirs-scratch'/></disk></disks></domainbackup>
EOX
chmod 777 "$tmp/lv" "$tmp/images"
libvirt_virsh backup-begin "$vm" "$tmp/theirs.xml" > /dev/null
SECONDS=0
held_up "$vm" "not vmkeep's"
[ "$SECONDS" -lt 20 ] || fail "it took $SECONDS s to say that another job runs"
vmkeep explain "$(vmkeep jobs --active --json | jq '.[0].id')" > "$tmp/out"
grep -q "waits since .* for somebody else to be done with the domain, 2 minutes at most: a backup that is not vmkeep's" "$tmp/out" ||
    fail "$(cat "$tmp/out")"
libvirt_virsh backup-dumpxml "$vm" > /dev/null || fail "another's job was ended"
libvirt_virsh domjobabort "$vm"
goes_on
keep_reference "$(newest)"
[ "$(points | jq -r '.[-1].kind')" = incremental ] || fail "not incremental: $(vmkeep explain "$(newest)")"
put vda 11 4M 64k
take incremental
compare_points
echo "another's job"

# ---- pulled ----

reconfigure 'mode: pull'
put vda 13 7M 64k
take incremental
put vda 14 9M 64k
zero vdb 0 1M
take incremental
[ "$(ours)" -eq 1 ] || fail "checkpoints: $(checkpoints)"
compare_points
[ -z "$(find "$tmp/scratch" -mindepth 1)" ] || fail "scratch: $(find "$tmp/scratch")"
vmkeep run "$vm" --level full --wait > /dev/null || fail "$(last_reason)"
keep_reference "$(newest)"
compare_points

stop_daemon
libvirt_virsh destroy "$vm"
libvirt_stop
