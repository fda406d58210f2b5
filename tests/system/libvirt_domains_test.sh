#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A libvirt host as vmkeepd sees it: which domains it has, each kind of disk, what checkpoints have
# recorded, and what is said while libvirtd is away.
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt.sh
. "$(dirname "$0")/libvirt.sh"

loop=
drop_loop()
{
    [ -z "$loop" ] || losetup -d "$loop"
}
at_end+=(drop_loop)

config() # URI
{
    mkdir -p "$tmp/repo"
    cat > "$tmp/config" <<EOC
catalog: $tmp/catalog.db
control: $tmp/control.sock
hosts:
  - { name: lv, driver: libvirt, uri: "$LIBVIRT_URI" }
  - { name: away, driver: libvirt, uri: "$1" }
repositories:
  - { name: main, path: $tmp/repo }
policies:
  - name: nightly
    domains: ['*', '!out-*']
    repository: main
    schedule: $never
    rpo: 1h
EOC
}

# ---- asking ----

domains() # JQ-CONDITION: of the list of domains
{
    vmkeep domains --json | jq -e "$1"
}

protected() # DOMAIN: is it under the policy?
{
    { vmkeep status --json || true; } | jq -e --arg d "$1" '[.domains[] | select(.domain == $d and .policies != [])] | length == 1'
}

unknown() # DOMAIN
{
    domains "map(select(.domain == \"$1\")) == []"
}

state() # DOMAIN STATE
{
    domains "map(select(.domain == \"$1\" and .state == \"$2\")) | length == 1"
}

doctor() # DOMAIN: what the doctor finds, as JSON, whatever it thinks of that
{
    vmkeep doctor --json "lv/$1" || [ $? -eq 3 ] # something needs to be done
}

finding() # DOMAIN ABOUT TEXT: it finds TEXT
{
    doctor "$1" > "$tmp/found"
    jq -e --arg about "$2" --arg text "$3" 'any(.[]; .about == $about and (.text | contains($text)))' "$tmp/found" \
        > /dev/null || fail "$2: no '$3' in: $(jq -r --arg about "$2" '.[] | select(.about == $about) | .text' "$tmp/found")"
}

# ---- domains come and go ----

make_disks vm1 vda vdb
make_disks vm2 vda
libvirt_start
libvirt_domain vm1 vda vdb
libvirt_virsh start --paused vm1
config "qemu+unix:///system?socket=$tmp/nothing"
start_daemon
await_daemon
wait_for 5 "vm1" protected vm1
wait_for 5 "vm1's state" state vm1 paused

libvirt_domain vm2 vda
begun=${EPOCHREALTIME/./}
wait_for 1 "vm2, which was defined just now" protected vm2
echo "a new domain was protected after $(((${EPOCHREALTIME/./} - begun) / 1000)) ms"
wait_for 5 "vm2's state" state vm2 "shut off"
libvirt_virsh domrename vm2 vm3
wait_for 5 "the new name" protected vm3
wait_for 5 "the old name to go" unknown vm2
libvirt_virsh start --paused vm3
wait_for 5 "vm3 to run" state vm3 paused
uuid=$(libvirt_virsh domuuid vm3)
libvirt_virsh destroy vm3
libvirt_virsh undefine vm3
wait_for 5 "vm3 to go" unknown vm3
libvirt_domain vm2 vda
libvirt_virsh domrename vm2 vm3
wait_for 5 "vm3 again" protected vm3
[ "$(libvirt_virsh domuuid vm3)" != "$uuid" ] || fail "the same UUID"
wait_for 5 "vm3 to be looked at anew" state vm3 "shut off"
libvirt_virsh undefine vm3

# A transient one is gone when it stops.
sed "s|<name>vm2<|<name>vm4<|" "$tmp/vm2.xml" > "$tmp/vm4.xml"
libvirt_virsh create --paused "$tmp/vm4.xml"
wait_for 5 "a transient domain" protected vm4
libvirt_virsh destroy vm4
wait_for 5 "it to go" unknown vm4

# ---- what checkpoints have recorded ----

recorded() # CHECKPOINT DISKS: the disks of vm1 whose bitmaps of it are whole
{
    vmkeep checkpoint-list --json vm1 > "$tmp/checkpoints"
    jq -e --arg name "$1" --arg disks "$2" '.[] | select(.name == $name) |
        [.disks[] | select(.present and (.inconsistent | not)) | .name] | join(" ") == $disks' "$tmp/checkpoints" \
        > /dev/null || fail "$1: not $2: $(cat "$tmp/checkpoints")"
}

cat > "$tmp/c1.xml" <<EOX
<domaincheckpoint><name>c1</name></domaincheckpoint>
EOX
libvirt_virsh checkpoint-create vm1 "$tmp/c1.xml"
recorded c1 "vda vdb"
# Another image is put into the place of one: that disk's record is lost, the other's is not.
libvirt_virsh destroy --graceful vm1
qemu-img convert -q -f raw -O qcow2 "$tmp/images/vm1-vda.raw" "$tmp/images/vm1-vda.qcow2"
libvirt_virsh start --paused vm1
wait_for 5 "vm1 to run" state vm1 paused
recorded c1 "vdb"

# A snapshot, and then another size: QEMU cannot add up what was recorded.
libvirt_virsh checkpoint-delete --metadata vm1 c1
sed -i 's/c1/c2/' "$tmp/c1.xml"
libvirt_virsh checkpoint-create vm1 "$tmp/c1.xml"
libvirt_virsh snapshot-create-as vm1 s1 --disk-only --diskspec vda,file="$tmp/images/over.qcow2" --diskspec vdb,snapshot=no
libvirt_virsh blockresize vm1 vda 32M
recorded c2 "vdb"
finding vm1 "lv/vm1 disk vda" "changes can be tracked"

# ---- each kind of disk ----

i=$tmp/images
qemu-img create -q -f qcow2 "$i/base.qcow2" 8M
qemu-img create -q -f qcow2 -b "$i/base.qcow2" -F qcow2 "$i/top.qcow2"
for raw in raw ro cd shared; do
    qemu-img create -q -f raw "$i/$raw.img" 4M
done
qemu-img create -q -f qcow2 "$i/transient.qcow2" 4M
mkdir "$i/pool"
qemu-img create -q -f qcow2 -o compat=0.10 "$i/pool/old" 4M
qemu-img create -q -f qcow2 "$i/pool/new" 4M
cat > "$tmp/pool.xml" <<EOX
<pool type='dir'><name>p1</name><target><path>$i/pool</path></target></pool>
EOX
libvirt_virsh pool-define "$tmp/pool.xml"
libvirt_virsh pool-start p1
truncate -s 8M "$i/block.img"
loop=$(losetup -f --show "$i/block.img")
qemu-img create -q -f qcow2 "$loop" 4M
cat > "$tmp/all.xml" <<EOX
<domain type='qemu'><name>all</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type></os><devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
<controller type='scsi' index='0' model='virtio-scsi'/>
$(libvirt_disk "$i/top.qcow2" qcow2 vda)
$(libvirt_disk "$i/raw.img" raw vdb)
<disk type='volume' device='disk'><driver name='qemu' type='qcow2'/><source pool='p1' volume='old'/><target dev='vdc' bus='virtio'/></disk>
<disk type='volume' device='disk'><driver name='qemu' type='qcow2'/><source pool='p1' volume='new'/><target dev='vdd' bus='virtio'/></disk>
<disk type='block' device='disk'><driver name='qemu' type='qcow2'/><source dev='$loop'/><target dev='vde' bus='virtio'/></disk>
<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='$i/ro.img'/><target dev='vdf' bus='virtio'/><readonly/></disk>
<disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/><source file='$i/shared.img'/><target dev='sda' bus='scsi'/><shareable/></disk>
<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='$i/cd.img'/><target dev='hda' bus='ide'/><readonly/></disk>
<disk type='file' device='cdrom'><target dev='hdb' bus='ide'/><readonly/></disk>
</devices></domain>
EOX
libvirt_virsh define "$tmp/all.xml"
libvirt_virsh start --paused all
wait_for 5 "all kinds" state all paused
finding all "lv/all disk vda" "changes can be tracked"
finding all "lv/all disk vdb" "changes cannot be tracked in format raw"
finding all "lv/all disk vdc" "of the old version (compat 0.10)"
finding all "lv/all disk vdd" "changes can be tracked"
finding all "lv/all disk vde" "changes can be tracked"
finding all "lv/all disk vdf" "a read-only disk"
finding all "lv/all disk sda" "shared with other domains"
finding all "lv/all disk hda" "a CD-ROM or the like, $i/cd.img"
finding all "lv/all disk hdb" "an empty drive"
finding all "lv/all disk vda" "under libvirt a guest's write fails"
finding all "lv/all" "QEMU may write into repository main"

# QEMU's user may not pass: the trial finds that, and leaves nothing.
chmod 700 "$tmp/repo"
finding all "lv/all" "$tmp/repo: user"
chmod 755 "$tmp/repo"
[ -z "$(find "$tmp/repo" -name '*doctor*')" ] || fail "left: $(find "$tmp/repo")"
libvirt_virsh destroy all

# A host that cannot be reached is told of by its own name, and delays nobody.
vmkeep doctor --json > "$tmp/found" || true
jq -e 'any(.[]; .about == "host away" and (.text | contains("No such file or directory")))' "$tmp/found" > /dev/null ||
    fail "the host that is away: $(jq -c '.[] | select(.about | startswith("host"))' "$tmp/found")"

# A host, and all its domains.
hosts_found() # HOST: what is looked at
{
    vmkeep doctor --json "$1" > "$tmp/found" || [ $? -eq 3 ] || fail "doctor $1"
    jq -r '.[] | select(.check != "program") | .about | sub(" disk .*"; "")' "$tmp/found" | sort -u | xargs
}
[ "$(hosts_found lv)" = "host lv lv/all lv/vm1 repository main scratch $tmp/scratch" ] || fail "host lv: $(cat "$tmp/found")"
jq -e 'any(.about == "host lv" and .check == "reachable" and .fine)' "$tmp/found" > /dev/null || fail "host lv: $(cat "$tmp/found")"
[ "$(hosts_found away)" = "host away" ] || fail "host away: $(cat "$tmp/found")"
jq -e 'any(.about == "host away" and (.fine | not) and (.text | contains("No such file or directory")))' "$tmp/found" > /dev/null ||
    fail "host away: $(cat "$tmp/found")"

# ---- libvirtd goes, and comes ----

libvirt_kill
wait_for 5 "the news" domains 'map(select(.domain == "vm1" and .state == "unreachable" and
    (.problem | test("^host unreachable since 2.*: libvirtd closed the connection")))) | length == 1'
protected vm1 > /dev/null || fail "vm1 is forgotten while libvirtd is away"
status=0
vmkeep run lv/vm1 --wait > "$tmp/out" 2>&1 || status=$?
[ "$status" -eq 1 ] || fail "a backup while libvirtd is away: exit status $status: $(cat "$tmp/out")"
grep -q "host unreachable since" "$tmp/out" || fail "a backup while libvirtd is away: $(cat "$tmp/out")"
doctor vm1 > "$tmp/found"
grep -q "host unreachable since" "$tmp/found" || fail "the doctor while libvirtd is away: $(cat "$tmp/found")"
hosts_found lv > /dev/null
jq -e 'any(.about == "host lv" and (.fine | not))' "$tmp/found" > /dev/null || fail "host lv, away: $(cat "$tmp/found")"
# Meanwhile one is defined.
cp "$tmp/lv/etc/all.xml" "$tmp/lv/etc/vm5.xml"
sed -i "s|<name>all<|<name>vm5<|; s|<uuid>.*</uuid>|<uuid>$uuid</uuid>|" "$tmp/lv/etc/vm5.xml"
libvirt_daemon
wait_for 10 "vm1 again" state vm1 paused
wait_for 5 "what came meanwhile" protected vm5

libvirt_virsh destroy vm1
stop_daemon
libvirt_stop
