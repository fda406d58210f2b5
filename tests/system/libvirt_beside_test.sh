#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What belongs to a domain besides its disks comes back with it: its secrets, UEFI variables, the state of
# an emulated TPM; and a kernel that is another one, or gone, is named before anything is written.
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt.sh
. "$(dirname "$0")/libvirt.sh"
# shellcheck source=libvirt_jobs.sh
. "$(dirname "$0")/libvirt_jobs.sh"

# What libvirt calls to make a TPM runs as a user of its own.
mkdir -m 1777 "$tmp/any"
chmod 755 "$tmp"
TMPDIR=$tmp/any libvirt_start
# swtpm's state is below libvirt's folder, which is another one in the namespace of the test's libvirtd.
DAEMON_WRAP=(nsenter --mount --target "${pids[libvirt_namespace]}" --)
vmkeep()
{
    nsenter --mount --target "${pids[libvirt_namespace]}" -- "$VMKEEP" --config "$tmp/config" "$@"
}

make_disks vm1 vda
chmod 777 "$tmp/images"
chmod 666 "$tmp/images/vm1-vda.qcow2"
head -c 128K /dev/zero > "$tmp/images/code.fd"
head -c 128K /dev/urandom > "$tmp/images/vars.fd"
echo "a kernel" > "$tmp/images/kernel"
echo "an initrd" > "$tmp/images/initrd"
chmod 666 "$tmp"/images/*.fd
cat > "$tmp/vm1.xml" <<EOX
<domain type='qemu'><name>vm1</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type><loader readonly='yes' type='pflash'>$tmp/images/code.fd</loader>
<nvram>$tmp/images/vars.fd</nvram><kernel>$tmp/images/kernel</kernel><initrd>$tmp/images/initrd</initrd></os><features><acpi/></features>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
$(libvirt_disk "$tmp/images/vm1-vda.qcow2" qcow2 vda)
<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>
<graphics type='vnc' listen='127.0.0.1' port='-1' passwd='Geheim77'/></devices></domain>
EOX
libvirt_virsh define "$tmp/vm1.xml"
qemu-img create -q -f raw "$tmp/images/spare" 1M
# As a kernel QEMU takes what is one.
cp "$(cd "$(dirname "$0")/../.." && pwd)/build/guest/kernel" "$tmp/images/kernel" 2> /dev/null ||
    fail "the guest's kernel is not made: scripts/make-guest"
libvirt_virsh start --paused vm1
uuid=$(libvirt_virsh domuuid vm1)
state=$tmp/lv/lib/swtpm/$uuid/tpm2/tpm2-00.permall
[ -s "$state" ] || fail "swtpm keeps no state at $state"
config 'mode: push'
daemon_up

beside() # WHAT KEY
{
    jq -r --arg what "$1" ".beside[] | select(.what == \$what) | .$2 // empty" "$tmp/repo/$point/beside.json"
}

vmkeep run vm1 --wait > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
point=$(newest)
dir=$tmp/repo/$point

# ---- what is in the point ----

for what in "UEFI variables" "TPM state" kernel initrd; do
    [ "$(beside "$what" steady)" = true ] || fail "$what: $(cat "$dir/beside.json")"
    [ -z "$(beside "$what" lacks)" ] || fail "$what: $(beside "$what" lacks)"
done
[ "$(beside kernel digest)" = "sha256:$(sha256sum < "$tmp/images/kernel" | cut -d' ' -f1)" ] || fail "the kernel's digest"
[ "$(beside initrd path)" = "$tmp/images/initrd" ] || fail "the initrd's path"
cmp "$dir/nvram.fd" "$tmp/images/vars.fd" || fail "other UEFI variables"
cmp "$dir/tpm.permall" "$state" || fail "another TPM state"
grep -q Geheim77 "$dir/domain.xml" || fail "the definition has no password"
grep -q Geheim77 "$dir/domain.live.xml" || fail "the live definition has no password"
for file in domain.xml domain.live.xml nvram.fd tpm.permall beside.json; do
    [ "$(stat -c %a "$dir/$file")" = 600 ] || fail "$file: others can read it"
done
! grep -q Geheim77 "$tmp/log" "$tmp/out" || fail "a password is in the log"

# ---- it comes back, beside it and in its place ----

restore()
{
    vmkeep restore vm1 --define --uri "$LIBVIRT_URI" "$@" > "$tmp/out" 2>&1
}
state_of()
{
    echo "$tmp/lv/lib/swtpm/$(libvirt_virsh domuuid "$1")/tpm2/tpm2-00.permall"
}
restore --name copy --to "$tmp/images/copy" --dry-run || fail "$(cat "$tmp/out")"
grep -q "TPM: has the state of then" "$tmp/out" || fail "$(cat "$tmp/out")"
! grep -q "begins empty\|not in the point\|moment before" "$tmp/out" || fail "$(cat "$tmp/out")"
restore --name copy --to "$tmp/images/copy" || fail "$(cat "$tmp/out")"
cmp "$dir/tpm.permall" "$(state_of copy)" || fail "the copy has another TPM"
cmp "$dir/nvram.fd" "$tmp/images/copy/nvram.fd" || fail "the copy has other UEFI variables"
[ ! -e "$tmp/images/copy/tpm.permall" ] || fail "a second state is left"
! grep -q Geheim77 "$tmp/out" || fail "a password is printed"
libvirt_virsh dumpxml --security-info copy | grep -q Geheim77 || fail "the copy has no password"
libvirt_virsh start --paused copy
libvirt_virsh destroy copy

# The domain itself: its state is gone with it, or there is another, which stays.
libvirt_virsh destroy vm1
libvirt_virsh undefine vm1 --nvram --checkpoints-metadata
[ ! -e "$state" ] || fail "libvirt has left the state"
mkdir -p "$(dirname "$state")"
echo other > "$state"
status=0
restore --same-identity --to "$tmp/images/back" || status=$?
[ "$status" -eq 1 ] || fail "over another TPM state: $(cat "$tmp/out")"
grep -q "the state of a TPM is there already, and differs" "$tmp/out" || fail "$(cat "$tmp/out")"
[ ! -e "$tmp/images/back" ] || fail "something was written"
rm -r "${state%/tpm2/*}"
restore --same-identity --to "$tmp/images/back" || fail "$(cat "$tmp/out")"
cmp "$dir/tpm.permall" "$state" || fail "another TPM state came back"
libvirt_virsh start --paused vm1
libvirt_virsh destroy vm1

# ---- another kernel, and none ----

echo more >> "$tmp/images/initrd"
restore --name two --to "$tmp/images/two" --dry-run || fail "$(cat "$tmp/out")"
grep -q "initrd $tmp/images/initrd: is another than the domain was started with (sha256:" "$tmp/out" || fail "$(cat "$tmp/out")"
rm "$tmp/images/kernel"
status=0
restore --name two --to "$tmp/images/two" || status=$?
[ "$status" -eq 1 ] || fail "without its kernel: $(cat "$tmp/out")"
grep -q "kernel $tmp/images/kernel: No such file or directory" "$tmp/out" || fail "$(cat "$tmp/out")"
[ ! -e "$tmp/images/two" ] || fail "something was written"

stop_daemon
libvirt_stop
