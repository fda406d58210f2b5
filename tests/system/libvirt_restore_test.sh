#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A restored domain comes to a libvirt host: defined under a new name beside the one it was made of,
# started, in a pool; never over another one, and nothing is written where it would not fit.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/libvirt.sh"

# A repository with one point of web01, with the definition that libvirt has of it.
make_point()
{
    point=lab/web01/2026-11-22T02-30-00Z.nightly
    dir=$tmp/repository/$point
    mkdir -p "$dir"
    echo '{"format": 1, "id": "0123456789abcdef"}' > "$tmp/repository/repository.json"
    qemu-img convert -U -O qcow2 "$tmp/images/web01-vda.qcow2" "$dir/vda.qcow2"
    libvirt_virsh dumpxml --inactive web01 > "$dir/domain.xml"
    libvirt_virsh dumpxml web01 > "$dir/domain.live.xml"
    cat > "$dir/point.json" <<END
{"format": 1, "id": "$point", "host": "lab", "domain": "web01", "policy": "nightly",
 "kind": "full", "parent": null, "created": "2026-11-22T02:30:00Z",
 "checkpoint": null, "mode": "push", "quiesced": false, "why": "by hand",
 "disks": [{"name": "vda", "path": "vda.qcow2", "format": "qcow2", "capacity": 67108864,
            "bytes": 1048576, "digest": null, "backing": null}]}
END
}

restore()
{
    vmkeep restore web01 --repository "$tmp/repository" --uri "$LIBVIRT_URI" --define "$@"
}

expect() # STATUS TEXT COMMAND...
{
    local status=0 want=$1 text=$2
    shift 2
    "$@" > "$tmp/out" 2>&1 || status=$?
    [ "$status" = "$want" ] || fail "$*: exit status $status, not $want: $(cat "$tmp/out")"
    grep -qF -- "$text" "$tmp/out" || fail "$*: does not say '$text': $(cat "$tmp/out")"
}

uuid()
{
    libvirt_virsh domuuid "$1"
}

libvirt_start
mkdir -p "$tmp/images"
chmod 711 "$tmp" "$tmp/images"
qemu-img create -q -f qcow2 "$tmp/images/web01-vda.qcow2" 64M
qemu-io -f qcow2 -c "write -P 7 1M 1M" "$tmp/images/web01-vda.qcow2" > /dev/null
libvirt_domain web01 vda
libvirt_virsh dumpxml --inactive web01 | sed "s|</devices>|<interface type='user'><mac address='52:54:00:12:34:56'/></interface>&|" > "$tmp/web01.xml"
libvirt_virsh define "$tmp/web01.xml"
libvirt_virsh start web01
make_point

# Its own name is taken, as long as the domain is there: that is said first, and nothing is written.
expect 1 "the name web01 is taken" restore --to "$tmp/images/to"
[ ! -e "$tmp/images/to" ] || fail "something was written"
expect 1 "the UUID $(uuid web01) is taken" restore --same-identity --name web02 --to "$tmp/images/to"
[ ! -e "$tmp/images/to" ] || fail "something was written"

# What is planned.
expect 0 "Would define it as web02" restore --name web02 --to "$tmp/images/to" --dry-run
grep -qF "52:54:00:12:34:56: gets an address of its own" "$tmp/out" || fail "no word of the address: $(cat "$tmp/out")"
[ ! -e "$tmp/images/to" ] || fail "a plan has written"

# For libvirt's QEMU, of another user, to get through.
expect 0 "--define --name web01-old --to DIR" vmkeep restore web01 --repository "$tmp/repository" --to "$tmp/images/plain"
[ "$(stat -c %a "$tmp/images/plain")" = 711 ] || fail "QEMU cannot pass: $(ls -ld "$tmp/images/plain")"
[ "$(stat -c %a "$tmp/images/plain/vda.qcow2")" = 600 ] || fail "others may read: $(ls -l "$tmp/images/plain")"

# A copy beside it, started.
mkdir -m 711 "$tmp/images/to"
restore --name web02 --to "$tmp/images/to" --start > "$tmp/out"
grep -qF "Defined as web02 ($(uuid web02))" "$tmp/out" || fail "$(cat "$tmp/out")"
[ "$(libvirt_virsh domstate web02)" = running ] || fail "web02 does not run"
[ "$(uuid web01)" != "$(uuid web02)" ] || fail "one UUID twice"
libvirt_virsh dumpxml web02 > "$tmp/web02.xml"
grep -qF "$tmp/images/to/vda.qcow2" "$tmp/web02.xml" || fail "web02 is not on the restored image"
! grep -qF "$tmp/images/web01-vda" "$tmp/web02.xml" || fail "web02 has the disk of web01"
! grep -qF "52:54:00:12:34:56" "$tmp/web02.xml" || fail "web02 has the address of web01"
[ "$(libvirt_virsh domstate web01)" = running ] || fail "web01 was touched"
libvirt_virsh destroy web02
qemu-img compare -q "$tmp/images/web01-vda.qcow2" "$tmp/images/to/vda.qcow2" -U || fail "the images differ"

# Into a pool, under a name that shows whose it is.
expect 4 "there is none here: give --to DIR instead of --pool" restore --name web03 --pool default
mkdir "$tmp/images/pool"
libvirt_virsh pool-define-as fast dir --target "$tmp/images/pool"
expect 1 "is not active: virsh pool-start fast" restore --name web03 --pool fast
expect 4 "pool nosuch" restore --name web03 --pool nosuch
expect 4 "there are: fast; or give --to DIR" restore --name web03 --pool nosuch
libvirt_virsh pool-start fast
restore --name web03 --pool fast --json > "$tmp/out"
[ "$(jq -r .defined.name "$tmp/out")" = web03 ] || fail "$(cat "$tmp/out")"
[ "$(jq -r .defined.uuid "$tmp/out")" = "$(uuid web03)" ] || fail "$(cat "$tmp/out")"
libvirt_virsh vol-list fast | grep -q web03-vda.qcow2 || fail "the pool does not know of it"
libvirt_virsh start web03
libvirt_virsh destroy web03

# By a configuration whose policies are for the new one, too: that is said, unless it is left out.
configured() # UNPROTECTED NAME
{
    cat > "$tmp/config" << END
catalog: $tmp/catalog.db
control: $tmp/control.sock
hosts: [ { name: lab, driver: libvirt, uri: "$LIBVIRT_URI" } ]
repositories: [ { name: main, path: $tmp/repository } ]
policies: [ { name: nightly, domains: ["*"], repository: main, schedule: { incremental: ["02:30"] }, rpo: 26h } ]
unprotected: [$1]
END
    [ -e "$tmp/catalog.db" ] || vmkeep rebuild-catalog > /dev/null
    vmkeep restore web01 --define --name "$2" --to "$tmp/images/$2" > "$tmp/out"
}
configured '"other"' web08
tr -s '\n ' ' ' < "$tmp/out" | grep -qF 'Policy nightly selects it, too, and will back it up; `unprotected: ["web08"]`' || fail "$(cat "$tmp/out")"
configured '"web09"' web09
! grep -q "selects it" "$tmp/out" || fail "$(cat "$tmp/out")"
rm "$tmp/config" "$tmp/catalog.db"

# What the host lacks.
sed -i "s|<interface type='user'>|<interface type='network'><source network='prod'/>|" "$dir/domain.xml"
sed -i "s|machine='pc[^']*'|machine='pc-of-tomorrow'|" "$dir/domain.xml"
expect 1 "network 'prod' is not defined" restore --name web04 --to "$tmp/images/four"
grep -q "pc-of-tomorrow" "$tmp/out" || fail "no word of the machine: $(cat "$tmp/out")"
[ ! -e "$tmp/images/four" ] || fail "something was written"

# The domain itself, after it was lost.
libvirt_virsh dumpxml --inactive web01 > "$dir/domain.xml"
was=$(uuid web01)
libvirt_virsh destroy web01
libvirt_virsh undefine web01
restore --same-identity --to "$tmp/images/back" > "$tmp/out"
[ "$(uuid web01)" = "$was" ] || fail "it is another domain: $(uuid web01), not $was"
libvirt_virsh dumpxml web01 | grep -q "52:54:00:12:34:56" || fail "it has lost its address"

# In place: the domain keeps its definition, and gets the contents of then.
in_place()
{
    vmkeep restore web01 --repository "$tmp/repository" --uri "$LIBVIRT_URI" --in-place "$@"
}
image=$tmp/images/back/vda.qcow2
libvirt_virsh start web01
expect 5 "web01 is running" in_place --yes
libvirt_virsh managedsave web01
expect 5 "has its memory saved" in_place --yes
libvirt_virsh managedsave-remove web01
libvirt_virsh start web01
libvirt_virsh checkpoint-create-as web01 cp1 > /dev/null
libvirt_virsh destroy web01
qemu-io -f qcow2 -c "write -P 99 1M 1M" "$image" > /dev/null
chmod 0644 "$image"
expect 0 "Its 1 checkpoint goes with them" in_place --dry-run
expect 2 "say --yes" in_place < /dev/null
! qemu-img compare -q "$tmp/images/web01-vda.qcow2" "$image" || fail "a plan has written"
in_place --yes > "$tmp/out"
qemu-img compare -q "$tmp/images/web01-vda.qcow2" "$image" || fail "not what it was"
[ "$(stat -c %a "$image")" = 644 ] || fail "its mode has changed: $(stat -c %a "$image")"
[ -z "$(libvirt_virsh checkpoint-list web01 --name)" ] || fail "a ghost is left"
[ "$(ls -A "$tmp/images/back")" = "$(printf 'domain.xml\nvda.qcow2')" ] || fail "left: $(ls -A "$tmp/images/back")"
[ "$(uuid web01)" = "$was" ] || fail "another domain"

# One that was interrupted after the images had been replaced.
qemu-io -f qcow2 -c "write -P 98 1M 1M" "$image" > /dev/null
cp "$image" "$image.before-restore"
in_place --yes --start > "$tmp/out" 2>&1
grep -qF "1 image that an interrupted restore had replaced is back" "$tmp/out" || fail "$(cat "$tmp/out")"
[ "$(libvirt_virsh domstate web01)" = running ] || fail "it was not started"
qemu-img compare -U -q "$tmp/images/web01-vda.qcow2" "$image" || fail "not what it was"

# One that was killed while it wrote: what it has left goes, what another one still writes does not.
libvirt_virsh destroy web01
mkdir -m 700 "$tmp/images/back/.vmkeep-restore-AbCdEf" "$tmp/images/back/.vmkeep-restore-GhIjKl"
mkdir "$tmp/images/back/.vmkeep-restore-AbCdEf/to"
echo left > "$tmp/images/back/.vmkeep-restore-AbCdEf/to/vda.qcow2.partial-123456"
flock "$tmp/images/back/.vmkeep-restore-GhIjKl" sleep 60 &
pids[lock]=$!
is_held()
{
    ! flock -n "$tmp/images/back/.vmkeep-restore-GhIjKl" true
}
wait_for 10 "the lock" is_held
in_place --dry-run > /dev/null
[ -e "$tmp/images/back/.vmkeep-restore-AbCdEf" ] || fail "a plan has removed something"
in_place --yes > "$tmp/out" 2>&1
grep -qF "what 1 interrupted restore had written in $tmp/images/back is removed" "$tmp/out" || fail "$(cat "$tmp/out")"
[ "$(ls -A "$tmp/images/back")" = "$(printf '.vmkeep-restore-GhIjKl\ndomain.xml\nvda.qcow2')" ] || fail "left: $(ls -A "$tmp/images/back")"
kill "${pids[lock]}"
wait "${pids[lock]}" 2> /dev/null || true
unset "pids[lock]"
libvirt_virsh start web01

# Another domain of that name.
libvirt_virsh destroy web01
libvirt_virsh undefine web01
libvirt_domain web01 vda
expect 1 "is another domain by now" in_place --yes

# Bad usage.
expect 2 "--in-place says where to" in_place --to "$tmp/images/x"
expect 2 "" in_place --define --to "$tmp/images/x"
expect 2 "--to and --pool" restore --pool fast --to "$tmp/images/x"
expect 2 "no name for a domain" restore --name a/b --to "$tmp/images/x"
expect 2 "--define" vmkeep restore web01 --repository "$tmp/repository" --start --to "$tmp/images/x"
expect 2 "--uri URI" vmkeep restore web01 --repository "$tmp/repository" --define --to "$tmp/images/x"
expect 1 "is another machine" vmkeep restore web01 --repository "$tmp/repository" --define --uri qemu+ssh://root@hv1/system --to "$tmp/images/x"
[ ! -e "$tmp/images/x" ] || fail "something was written"
