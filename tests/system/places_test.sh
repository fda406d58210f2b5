#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Places that belong to somebody else, as target, scratch file and socket of backups begun by hand:
# each is refused with its owner's name, and nothing of it is touched.  What a backup has made goes at
# every end; what has taken its place stays.
. "$(dirname "$0")/lib.sh"

DISK_SIZE=$((4 * 1024 * 1024))
make_disks vm1 vda vdb
make_disks vm2 vda
make_disks vm3 vda
make_disks stranger vda
qemu-img create -q -f qcow2 -F qcow2 -b "$tmp/images/vm3-vda.qcow2" "$tmp/images/vm3-top.qcow2"
start_vm vm1 vda vdb
start_vm vm2 vda
start_vm stranger vda
VMS="vm1 vm2"
write_config "$never"
sed -i "s|^repositories:|      - name: vm3\n        qmp: $tmp/vm3.qmp\n        disks: [{ name: vda, image: $tmp/images/vm3-top.qcow2 }]\n&|" "$tmp/config"
start_daemon
await_daemon
vmkeep run vm1 --wait > /dev/null
point=$(points | jq -r '.[0].id')
[ -f "$tmp/repo/$point/vda.qcow2" ] || fail "no point"

# pull SOCKET [SCRATCH]: the document of a pull of vda.
pull()
{
    cat > "$tmp/pull.xml" << XML
<domainbackup mode='pull'><server transport='unix' socket='$1'/>
<disks><disk name='vda'>${2:+<scratch file='$2'/>}</disk></disks></domainbackup>
XML
    echo "$tmp/pull.xml"
}

push()
{
    cat > "$tmp/push.xml" << XML
<domainbackup><disks><disk name='vda' type='${2:-file}'><target ${3:-file}='$1'/></disk></disks></domainbackup>
XML
    echo "$tmp/push.xml"
}

# refused CODE TEXT COMMAND...: with that exit status and that text.
refused()
{
    local want=$1 text=$2 code=0
    shift 2
    vmkeep "$@" > "$tmp/out" 2>&1 || code=$?
    [ "$code" = "$want" ] || fail "vmkeep $*: exit status $code, not $want: $(cat "$tmp/out")"
    grep -qF -- "$text" "$tmp/out" || fail "vmkeep $*: no '$text' in: $(cat "$tmp/out")"
}

# kept PATH: nothing has happened to what is there.
digest()
{
    # The catalog changes, and sockets have no bytes: it is enough that they are the same.
    if [ -f "$1" ] && [[ $1 != $tmp/catalog.db* ]]; then sha256sum < "$1"; fi
    stat -c '%i %F' "$1" 2>&1 || true
}

answers()
{
    "$WRITER" qmp "$tmp/$1.test" query-status > /dev/null && daemon_answers || fail "$1 or the daemon is lost"
}

no_job()
{
    [ "$(vmkeep domjobinfo "$1" --json | jq -r .type)" = None ]
}

# taken WHOSE PATH: as a socket, as a target that exists and as one that does not.
taken()
{
    local whose=$1 path=$2 before
    before=$(digest "$path")
    refused 2 "vmkeep: socket '$path' is $whose" backup-begin vm1 "$(pull "$path")"
    refused 2 "vmkeep: disk 'vda': target '$path' is $whose" backup-begin vm1 "$(push "$path")"
    refused 2 "vmkeep: disk 'vda': target '$path' is $whose" backup-begin vm1 "$(push "$path")" --reuse-external
    refused 2 "vmkeep: disk 'vda': scratch '$path' is $whose" \
        backup-begin vm1 "$(pull "$tmp/free.sock" "$path")"
    refused 2 "vmkeep: disk 'vda': target '$path' is $whose" backup-begin vm3 "$(push "$path")" --reuse-external
    [ "$(digest "$path")" = "$before" ] || fail "$path was touched"
    [ ! -e "$tmp/free.sock" ] || fail "a refused pull left a socket"
}

echo "- places of others"
ln "$tmp/images/vm3-vda.qcow2" "$tmp/hard"
ln -s "$tmp/images/vm2-vda.qcow2" "$tmp/soft"
ln -s "$tmp/repo" "$tmp/way"
ln "$tmp/repo/$point/vda.qcow2" "$tmp/outside"
taken "the image of disk 'vda' of domain 'lab/vm1'" "$tmp/images/vm1-vda.qcow2"
taken "the image of disk 'vda' of domain 'lab/vm2'" "$tmp/images/vm2-vda.qcow2"
taken "the image of disk 'vda' of domain 'lab/vm2'" "$tmp/soft"
taken "the image of disk 'vda' of domain 'lab/vm3'" "$tmp/images/vm3-top.qcow2"
taken "a backing file of disk 'vda' of domain 'lab/vm3'" "$tmp/images/vm3-vda.qcow2"
taken "a backing file of disk 'vda' of domain 'lab/vm3'" "$tmp/hard"
taken "the configuration" "$tmp/config"
taken "the catalog" "$tmp/catalog.db"
taken "a file of the catalog" "$tmp/catalog.db-wal"
taken "a file of the catalog" "$tmp/catalog.db.lock"
taken "the daemon's control socket" "$tmp/control.sock"
taken "the QMP socket of domain 'lab/vm1'" "$tmp/vm1.qmp"
taken "the QMP socket of domain 'lab/vm3'" "$tmp/vm3.qmp"
taken "in repository 'main'" "$tmp/repo/$point/vda.qcow2"
taken "in repository 'main'" "$tmp/repo/repository.json"
taken "in repository 'main'" "$tmp/outside"
taken "in repository 'main'" "$tmp/repo/new"
taken "in repository 'main'" "$tmp/way/new"
answers vm1
answers vm2
refused 1 "socket '$tmp/vm1.test' exists, and somebody listens on it" backup-begin vm1 "$(pull "$tmp/vm1.test")"
refused 1 "socket '$tmp/log' exists, and is no socket" backup-begin vm1 "$(pull "$tmp/log")"
refused 4 "socket '$tmp/no/such' has no directory to be made in" backup-begin vm1 "$(pull "$tmp/no/such")"
refused 2 "socket '$tmp/one' is the scratch of disk 'vda' too" backup-begin vm1 "$(pull "$tmp/one" "$tmp/one")"
refused 5 "target '$tmp/images/stranger-vda.qcow2' is in use by another process" \
    backup-begin vm1 "$(push "$tmp/images/stranger-vda.qcow2")" --reuse-external
refused 1 "target '$tmp/log' exists" backup-begin vm1 "$(push "$tmp/log")"
refused 4 "target '$tmp/none' does not exist" backup-begin vm1 "$(push "$tmp/none")" --reuse-external
refused 2 "target '$tmp/log' is not a block device" backup-begin vm1 "$(push "$tmp/log" block dev)"
answers vm1
[ ! -e "$tmp/one" ] || fail "a refused pull left a scratch file"

echo "- a socket where nothing may be written: whose view it is, and what opens it"
mkdir "$tmp/small"
mount -t tmpfs -o ro tmpfs "$tmp/small" # lib.sh unmounts it
refused 1 "Read-only file system; that is how QEMU sees it: name a directory in which it can make the socket" \
    backup-begin vm1 "$(pull "$tmp/small/nbd.sock")"
refused 1 "vmkeepd's unit closes it to vmkeepd: add \`ReadWritePaths=$tmp/small\` under [Service]" \
    backup-begin vm3 "$(pull "$tmp/small/nbd.sock")"
answers vm1

echo "- a pull's socket goes with it"
"$WRITER" qmp "$tmp/vm1.test" query-status > /dev/null
vmkeep backup-begin vm1 "$(pull "$tmp/a.sock")" > /dev/null
[ -S "$tmp/a.sock" ] || fail "no socket"
refused 2 "socket '$tmp/a.sock' is the socket of a backup of domain 'lab/vm1' that runs" \
    backup-begin vm2 "$(pull "$tmp/a.sock")"
qemu-img info --output=json "nbd+unix:///vda?socket=$tmp/a.sock" > /dev/null || fail "it serves no more"
vmkeep domjobabort vm1
[ ! -e "$tmp/a.sock" ] || fail "the socket is left"

echo "- one that nobody listens on is taken"
vmkeep backup-begin vm1 "$(pull "$tmp/a.sock")" > /dev/null
kill -KILL "${pids[vm1]}"
wait "${pids[vm1]}" 2> /dev/null || true
wait_for 60 "the job's end" no_job vm1
[ ! -e "$tmp/a.sock" ] || fail "QEMU is dead, and the socket is left"
start_vm vm1 vda vdb
vmkeep backup-begin vm2 "$(pull "$tmp/b.sock")" > /dev/null
cp -l "$tmp/b.sock" "$tmp/dead.sock"
kill -KILL "${pids[vm2]}"
wait "${pids[vm2]}" 2> /dev/null || true
wait_for 60 "the job's end" no_job vm2
[ ! -e "$tmp/b.sock" ] || fail "QEMU is dead, and the socket is left"
start_vm vm2 vda
vm_runs()
{
    vmkeep doctor > /dev/null || true # looks
    vmkeep domains --active --json | jq -e 'map(select(.domain == "vm1" or .domain == "vm2")) | length == 2'
}
wait_for 60 "both domains" vm_runs
vmkeep backup-begin vm1 "$(pull "$tmp/dead.sock")" > /dev/null
qemu-img info --output=json "nbd+unix:///vda?socket=$tmp/dead.sock" > /dev/null || fail "it does not serve"
vmkeep domjobabort vm1
[ ! -e "$tmp/dead.sock" ] || fail "the socket is left"

echo "- what has taken a place stays, whoever died"
vmkeep backup-begin vm1 "$(pull "$tmp/a.sock")" > /dev/null
rm "$tmp/a.sock"
echo mine > "$tmp/a.sock"
kill -KILL "${pids[daemon]}" "${pids[vm1]}"
wait "${pids[daemon]}" "${pids[vm1]}" 2> /dev/null || true
start_daemon
await_daemon
wait_for 60 "the job's end" no_job vm1
[ "$(cat "$tmp/a.sock")" = mine ] || fail "somebody else's file is gone"
start_vm vm1 vda vdb
wait_for 60 "both domains" vm_runs

echo "- a push that fails removes its own target only"
stop_daemon
stop_vm vm1
DISK_SIZE=$((256 * 1024 * 1024))
make_disks vm1 vda vdb
start_vm vm1 vda vdb
start_daemon
await_daemon
wait_for 60 "both domains" vm_runs
slow_down() # both jobs, as soon as they are there
{
    local job
    until "$WRITER" qmp "$tmp/vm1.test" query-block-jobs | jq -e 'length == 2' > /dev/null; do
        sleep 0.005
    done
    for job in $("$WRITER" qmp "$tmp/vm1.test" query-block-jobs | jq -r '.[].device'); do
        "$WRITER" qmp "$tmp/vm1.test" block-job-set-speed "{\"device\": \"$job\", \"speed\": 16384}" > /dev/null
    done
}
has_much_left()
{
    "$WRITER" qmp "$tmp/vm1.test" query-block-jobs |
        jq -e 'length == 2 and all(.[]; .len - .offset > 64 * 1024 * 1024)' > /dev/null
}
begin_slowly() # one that was over before it could be slowed down is begun again
{
    local try
    for try in {1..20}; do
        slow_down &
        pids[slow]=$!
        vmkeep backup-begin vm1 "$1" > /dev/null
        ! no_job vm1 || kill "${pids[slow]}" 2> /dev/null || true
        wait "${pids[slow]}" || true
        unset "pids[slow]"
        ! has_much_left || return 0
        echo "too fast ($try)"
        vmkeep domjobabort vm1 > /dev/null 2>&1 || true
        wait_for 60 "its end" no_job vm1
        rm -f "$tmp/t-vda" "$tmp/t-vdb"
    done
    fail "the push was too fast"
}
cat > "$tmp/both.xml" << XML
<domainbackup><disks><disk name='vda'><target file='$tmp/t-vda'/></disk>
<disk name='vdb'><target file='$tmp/t-vdb'/></disk></disks></domainbackup>
XML
begin_slowly "$tmp/both.xml"
refused 2 "target '$tmp/t-vda' is the target of disk 'vda' in a backup of domain 'lab/vm1' that runs" \
    backup-begin vm2 "$(push "$tmp/t-vda")" --reuse-external
mv "$tmp/t-vda" "$tmp/aside"
echo mine > "$tmp/t-vda"
vmkeep domjobabort vm1
[ "$(cat "$tmp/t-vda")" = mine ] || fail "somebody else's file is gone"
[ ! -e "$tmp/t-vdb" ] || fail "a target is left"
grep -q "$tmp/t-vda is left: it is not the target that was made" "$tmp/log" || fail "nothing is said of it"
rm "$tmp/t-vda" "$tmp/aside"
begin_slowly "$tmp/both.xml"
kill -KILL "${pids[daemon]}" "${pids[vm1]}"
wait "${pids[daemon]}" "${pids[vm1]}" 2> /dev/null || true
mv "$tmp/t-vdb" "$tmp/aside"
echo mine > "$tmp/t-vdb"
start_daemon
await_daemon
wait_for 60 "the job's end" no_job vm1
[ ! -e "$tmp/t-vda" ] || fail "a target is left"
[ "$(cat "$tmp/t-vdb")" = mine ] || fail "somebody else's file is gone"

echo "- scratch space in a repository"
stop_daemon
start_vm vm1 vda vdb
sed -i "s|^    rpo:|    scratch: $tmp/way/lab\n&|" "$tmp/config"
start_daemon
await_daemon
wait_for 60 "both domains" vm_runs
refused 2 "scratch directory '$tmp/way/lab' is in repository 'main'" backup-begin vm1 "$(push "$tmp/t-vdc")"
[ ! -e "$tmp/t-vdc" ] || fail "a refused push left a target"
vmkeep run vm1 --wait > "$tmp/out" 2>&1 && fail "a scheduled backup uses it"
grep -qF "scratch directory '$tmp/way/lab' is in repository 'main'" "$tmp/out" || fail "$(cat "$tmp/out")"
echo "all as it should be"
