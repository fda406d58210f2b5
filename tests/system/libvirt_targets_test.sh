#!/bin/bash
# SPDX-License-Identifier: MIT
#
# backup-begin on a libvirt host into block devices, into encrypted images and out over TLS, into places that
# libvirt makes and into such as are there (--reuse-external); and that the same mistakes are told in the
# same words as under plain QEMU: each is made at both, by one daemon.
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt.sh
. "$(dirname "$0")/libvirt.sh"
# shellcheck source=libvirt_jobs.sh
. "$(dirname "$0")/libvirt_jobs.sh"

loops=()
detach()
{
    [ ${#loops[@]} -eq 0 ] || losetup -d "${loops[@]}"
}
at_end+=(detach)

loop() # SIZE: sets device
{
    local image
    image=$(mktemp "$tmp/device-XXXXXX")
    truncate -s "$1" "$image"
    device=$(losetup -f --show "$image")
    loops+=("$device")
}

# ---- certificates ----

pki=$tmp/pki
mkdir -p "$pki" "$tmp/nobody"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=authority" -keyout "$pki/ca-key.pem" -out "$pki/ca-cert.pem" 2> /dev/null
for name in server client; do
    openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" -keyout "$pki/$name-key.pem" -out "$tmp/csr" 2> /dev/null
    openssl x509 -req -days 2 -in "$tmp/csr" -CA "$pki/ca-cert.pem" -CAkey "$pki/ca-key.pem" -CAcreateserial -out "$pki/$name-cert.pem" \
        -extfile <(printf 'subjectAltName=DNS:localhost\nkeyUsage=critical,digitalSignature,keyEncipherment\n') 2> /dev/null
done
cp "$pki/ca-cert.pem" "$tmp/nobody"
chmod 644 "$pki"/*

libvirt_qemu_conf=("backup_tls_x509_cert_dir = \"$pki\"") # who verifies is left as it is by default
# shellcheck disable=SC2119
libvirt_start
vm_make vm1 vda vdb
make_disks vm2 vda vdb
start_vm vm2 vda vdb
config 'mode: push'
sed -i "s|^hosts: .*|hosts: [{ name: lab, driver: libvirt, uri: \"$LIBVIRT_URI\" },\n  { name: plain, driver: qemu, tls_certificates: $tmp/none, domains: [{ name: vm2, qmp: $tmp/vm2.qmp }] }]|" "$tmp/config"
printf 'secret' > "$tmp/secret"
chmod 600 "$tmp/secret"
sed -i "s|^policies:|secrets: [{ name: backup, file: $tmp/secret }]\npolicies:|" "$tmp/config"
daemon_up
mkdir -m 777 "$tmp/to"
cat > "$tmp/secret.xml" <<EOX
<secret ephemeral='no' private='yes'><usage type='volume'><volume>backup</volume></usage></secret>
EOX
libvirt_virsh secret-define "$tmp/secret.xml" > /dev/null
uuid=$(libvirt_virsh secret-list | grep -oE "[0-9a-f]{8}-[0-9a-f-]{27}")
libvirt_virsh secret-set-value "$uuid" --file "$tmp/secret" --plain > /dev/null

# ---- documents, and what becomes of them ----

LUKS="<encryption format='luks'><secret type='passphrase' usage='backup'/></encryption>"

document() # MODE TYPE PLACE [INSIDE-PLACE] [FORMAT] [INSIDE]
{
    local element=target attribute=file
    [ "$1" = push ] || element=scratch
    [ "$2" = file ] || attribute=dev
    cat > "$tmp/b.xml" <<EOX
<domainbackup mode='$1'>${6:-}<disks><disk name='vda' type='$2'><driver type='${5:-qcow2}'/><$element $attribute='$3'>${4:-}</$element></disk>
<disk name='vdb' backup='no'/></disks></domainbackup>
EOX
}

checkpoint() # NAME
{
    echo "<domaincheckpoint><name>$1</name><disks><disk name='vda' checkpoint='bitmap'/><disk name='vdb' checkpoint='no'/></disks></domaincheckpoint>" > "$tmp/c.xml"
}

push() # [ARGUMENT...]: it succeeds
{
    vmkeep backup-begin vm1 "$tmp/b.xml" "$@" > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
    wait_for 20 "its end" idle
    [ "$(vmkeep jobs --json | jq -r '.[-1].outcome')" = success ] || fail "$(vmkeep jobs --json | jq -c '.[-1]')"
}

begin_pull()
{
    vmkeep backup-begin vm1 "$tmp/b.xml" > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
    port=$(vmkeep backup-dumpxml vm1 | sed -n 's/.*port="\([0-9]*\)".*/\1/p')
}

end_pull()
{
    vmkeep domjobabort vm1 > /dev/null
    wait_for 20 "its end" idle
    wait_for 10 "libvirt's end" libvirt_runs_none
}

holds() # QEMU-IMG-ARGUMENT...: what the disk does
{
    qemu-img convert -q "$@" -O raw "$tmp/holds"
    cmp -n "$DISK_SIZE" "$tmp/holds" "$tmp/images/vm1-vda.raw" || fail "$* does not hold what the disk does"
}

decrypted=(--object "secret,id=s,file=$tmp/secret" --image-opts)

# ---- block devices ----

loop 32M
first=$device
document push block "$first"
checkpoint c1
push "$tmp/c.xml"
holds -f qcow2 "$first"
put vda 41 3M 64k
loop 8M
document push block "$device" "" qcow2 "<incremental>c1</incremental>"
checkpoint c2
push "$tmp/c.xml"
qemu-img rebase -u -f qcow2 -F qcow2 -b "$first" "$device"
holds -f qcow2 "$device"
put vda 42 4M 64k
loop 32M
qemu-img create -q -f qcow2 "$device" "$DISK_SIZE"
document push block "$device" "" qcow2 "<incremental>c2</incremental>"
push --reuse-external
qemu-img rebase -u -f qcow2 -F qcow2 -b "${loops[1]}" "$device"
holds -f qcow2 "$device"
loop 16M
document push block "$device" "" raw
push
holds -f raw "$device"
loop 32M
document pull block "$device" "" qcow2 "<server transport='tcp' name='localhost'/>"
begin_pull
cp "$tmp/images/vm1-vda.raw" "$tmp/then"
put vda 43 5M 64k
qemu-img convert -q -f raw -O raw "nbd://localhost:$port/vda" "$tmp/pulled"
cmp "$tmp/pulled" "$tmp/then" || fail "a pull with its scratch space on a device"
end_pull
echo "block devices"

# ---- encrypted ----

document push file "$tmp/to/secret" "$LUKS"
push
holds "${decrypted[@]}" "driver=qcow2,encrypt.key-secret=s,file.filename=$tmp/to/secret"
! qemu-img convert -q -f qcow2 -O raw "$tmp/to/secret" "$tmp/holds" 2> /dev/null || fail "it is not encrypted"
qemu-img create -q --object "secret,id=s,file=$tmp/secret" -f qcow2 -o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10 \
    "$tmp/to/secret2" "$DISK_SIZE"
put vda 44 6M 64k
document push file "$tmp/to/secret2" "$LUKS" qcow2 "<incremental>c2</incremental>"
push --reuse-external
[ "$(stat -c %s "$tmp/to/secret2")" -lt 4000000 ] || fail "an increment of little is large"
document pull file "$tmp/to/scratch" "$LUKS" qcow2 "<server transport='tcp' name='localhost'/>"
begin_pull
cp "$tmp/images/vm1-vda.raw" "$tmp/then"
put vda 45 7M 64k
qemu-img convert -q -f raw -O raw "nbd://localhost:$port/vda" "$tmp/pulled"
cmp "$tmp/pulled" "$tmp/then" || fail "a pull with encrypted scratch space"
end_pull
echo "encrypted"

# ---- over TLS ----

document pull file "$tmp/to/scratch" "" qcow2 "<server transport='tcp' name='localhost' tls='yes'/>"
begin_pull
cp "$tmp/images/vm1-vda.raw" "$tmp/then"
put vda 46 8M 64k
nbdcopy "nbds://localhost:$port/vda?tls-certificates=$pki" "$tmp/pulled"
cmp "$tmp/pulled" "$tmp/then" || fail "a pull over TLS"
! timeout 20 nbdinfo --size "nbd://localhost:$port/vda" > "$tmp/out" 2>&1 || fail "it serves without TLS"
! timeout 20 nbdinfo --size "nbds://localhost:$port/vda?tls-certificates=$tmp/nobody" > "$tmp/out" 2>&1 || fail "it serves who has no certificate"
end_pull
echo "over TLS"

# ---- the same mistakes, at both ----

told() # DOMAIN ARGUMENT...
{
    local domain=$1
    shift
    if vmkeep backup-begin "$domain" "$tmp/b.xml" "$@" > "$tmp/told.$domain" 2>&1; then
        fail "$domain: not refused: $(cat "$tmp/b.xml")"
    else
        echo "exit status $?" >> "$tmp/told.$domain"
    fi
    sed -i -E "s/[.][0-9a-f]{8}-[0-9]+-/.TAG-/; s/vm2/vm1/g; s/host 'plain'/host 'lab'/g; s,plain/vm1,lab/vm1,g" "$tmp/told.$domain"
}

both_say() # TEXT [ARGUMENT...]
{
    local text=$1
    shift
    told vm1 "$@"
    told vm2 "$@"
    cmp -s "$tmp/told.vm1" "$tmp/told.vm2" || fail "libvirt: $(cat "$tmp/told.vm1"); QEMU: $(cat "$tmp/told.vm2")"
    grep -qF -e "$text" "$tmp/told.vm1" || fail "not '$text': $(cat "$tmp/told.vm1")"
    idle || fail "a job is left after: $text"
}

loop 1M
document push block "$device" "" raw
both_say "has 1048576 bytes, the disk"
document push block /dev/none-such
both_say "does not exist"
touch "$tmp/file"
document push block "$tmp/file"
both_say "is not a block device"
document push file "$device"
both_say "exists"
mkdir "$tmp/mounted"
loop 2M
mkfs.ext4 -q "$device"
mount "$device" "$tmp/mounted"
unmount()
{
    umount "$tmp/mounted"
}
at_end=(unmount "${at_end[@]}")
document push block "$device"
both_say "is in use (mounted"
document push block "$first"
both_say "is not empty: it holds data at offset" --reuse-external
loop 32M
document push block "$device"
both_say "is not a qcow2 image" --reuse-external
qemu-img create -q -f qcow2 "$device" 8M
both_say "is an image of 8388608 bytes, the disk has" --reuse-external
document push file "$tmp/to/new" "${LUKS/backup/nobody}"
both_say "the configuration has no secret 'nobody'"
document push file "$tmp/to/new" "${LUKS/luks/rot13}"
both_say "rot13"
document push file "$tmp/to/new" "$LUKS" raw
both_say "an image of format 'raw' is not encrypted"
document push file "$tmp/to/secret2" "$LUKS"
both_say "exists"
document push file "$tmp/to/secret2"
both_say "" --reuse-external
cat "$tmp/told.vm1"
document pull file "$tmp/to/new" "" qcow2 "<server transport='unix' socket='$tmp/to/sock' tls='maybe'/>"
both_say "tls='maybe'"
document pull file "$tmp/to/new" "" qcow2 "<server transport='tcp' name='localhost' port='99999'/>"
both_say "port"
document pull file "$tmp/to/new" "" qcow2 "<server transport='tcp' name='no.such.host.invalid'/>"
both_say "give an address, or a port besides the name"
document push file "$tmp/none/new"
both_say "No such file or directory"
document push file "$tmp/images/vm1-vda.qcow2"
both_say "is the image of disk 'vda' of domain"
document push file "$tmp/to/new" "" qcow2 "<incremental>nope</incremental>"
both_say "nope"
document push file "$tmp/to/new" "" raw "<incremental>nope</incremental>"
both_say "an increment cannot be raw, where zeroes look like what has not changed"
document push file "$tmp/to/new"
sed -i "s/'vda'/'vdz'/" "$tmp/b.xml"
both_say "vdz"
[ -z "$(find "$tmp/to" -mindepth 1 ! -name 'secret*')" ] || fail "left: $(ls "$tmp/to")"

# A server without its certificates: at the hypervisor itself, so in its own words.
document pull file "$tmp/to/new" "" qcow2 "<server transport='tcp' name='localhost' tls='yes'/>"
told vm2
grep -q "none" "$tmp/told.vm2" || fail "$(cat "$tmp/told.vm2")"
rm "$pki/server-cert.pem"
told vm1
grep -q "server-cert.pem" "$tmp/told.vm1" || fail "$(cat "$tmp/told.vm1")"
cat "$tmp/told.vm1" "$tmp/told.vm2"
[ -z "$(find "$tmp/to" -mindepth 1 ! -name 'secret*')" ] || fail "left: $(ls "$tmp/to")"

stop_daemon
libvirt_virsh destroy vm1
libvirt_stop
echo "all as it should be"
