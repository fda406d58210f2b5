#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What doctor says is what it has tried: a repository that is read-only, one that QEMU's user cannot reach, an agent that
# is missing or deaf where a policy requires it, a QEMU that hangs.  Nothing of a trial stays.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" -eq 0 ] || { echo "needs root: skipped"; exit 0; }

make_disks vm1 vda
make_disks vm2 vda
chmod 711 "$tmp"
mkdir -p "$tmp/small" "$tmp/closed/repo" "$tmp/sockets"
mount -t tmpfs -o size=64M tmpfs "$tmp/small"
chmod 700 "$tmp/closed"
start_vm vm1 vda

# vm2 is another user's.
chown -R nobody "$tmp/images" "$tmp/sockets"
ln -s sockets/vm2.qmp "$tmp/vm2.qmp"
ln -s sockets/vm2.test "$tmp/vm2.test"
setpriv --reuid=nobody --regid=nogroup --clear-groups \
    qemu-system-x86_64 -M q35 -accel tcg -m 64 -S -nodefaults -display none \
    -qmp "unix:$tmp/sockets/vm2.qmp,server=on,wait=off" -qmp "unix:$tmp/sockets/vm2.test,server=on,wait=off" \
    -blockdev "driver=file,filename=$tmp/images/vm2-vda.qcow2,node-name=vda-file" \
    -blockdev driver=qcow2,file=vda-file,node-name=vda -device virtio-blk-pci,drive=vda,id=vda \
    > "$tmp/vm2.out" 2>&1 &
pids[vm2]=$!
wait_for 10 "QEMU vm2" "$WRITER" qmp "$tmp/vm2.test" query-status

cat > "$tmp/config" <<END
catalog: $tmp/catalog.db
control: $tmp/control.sock
hosts:
  - name: lab
    driver: qemu
    domains: [{ name: vm1, qmp: $tmp/vm1.qmp }, { name: vm2, qmp: $tmp/vm2.qmp }]
repositories:
  - { name: main, path: $tmp/repo }
  - { name: small, path: $tmp/small }
  - { name: closed, path: $tmp/closed/repo }
policies:
  - { name: one, domains: [vm1, vm2], repository: main, schedule: $never, keep: { last: 3 } }
  - { name: two, domains: [vm1], repository: small, schedule: $never, keep: { last: 3 } }
END
mkdir -p "$tmp/repo"
chmod 711 "$tmp/repo" "$tmp/small"

# doctor STATUS [ARGUMENT...]: its JSON is in $tmp/found.
doctor()
{
    local want=$1 status=0
    shift
    vmkeep doctor --json "$@" > "$tmp/found" 2> "$tmp/err" || status=$?
    [ "$status" -eq "$want" ] || fail "doctor $* ended with $status, not $want: $(cat "$tmp/found" "$tmp/err")"
}

# finds ABOUT CHECK PATTERN: a fault, with what to do about it.
finds()
{
    jq -e --arg about "$1" --arg check "$2" --arg pattern "$3" \
        'any(.about == $about and .check == $check and (.fine | not) and (.text | test($pattern)) and .advice != null)' \
        "$tmp/found" > /dev/null || fail "doctor does not find $2 of $1: $(jq -c '.[] | select(.fine | not)' "$tmp/found")"
}

faults()
{
    [ "$(jq 'map(select(.fine | not)) | length' "$tmp/found")" -eq "$1" ] ||
        fail "not $1 faults: $(jq -c '.[] | select(.fine | not)' "$tmp/found")"
}

# All that lies in the repositories, and all nodes of the QEMUs.
what_is_there()
{
    find "$tmp/repo" "$tmp/small" "$tmp/closed" -path '*/.catalogs*' -prune -o -printf '%P\n' | sort
    "$WRITER" qmp "$tmp/vm1.test" query-named-block-nodes | jq -r '.. | ."node-name"? // empty' | sort
    "$WRITER" qmp "$tmp/vm2.test" query-named-block-nodes | jq -r '.. | ."node-name"? // empty' | sort
}

reload()
{
    vmkeep reload > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
}

echo "- all is fine, and nothing stays of it"
start_daemon
await_daemon
what_is_there > "$tmp/before"
doctor 0
[ "$(jq 'map(select(.check == "target")) | length' "$tmp/found")" -eq 3 ] || fail "QEMU was not tried: $(cat "$tmp/found")"
what_is_there > "$tmp/after"
cmp "$tmp/before" "$tmp/after" || fail "something stays: $(diff "$tmp/before" "$tmp/after")"
vmkeep doctor > "$tmp/out"
grep -q "^all is fine$" "$tmp/out" || fail "it does not sum up: $(cat "$tmp/out")"

echo "- a host, a domain, and what they are called"
about() # TEXT NAME...: what is looked at for it, besides programs
{
    doctor 0 "$1"
    shift
    [ "$(jq -r '.[] | select(.check != "program") | .about | sub(" disk .*"; "")' "$tmp/found" | sort -u | xargs)" = "$*" ] ||
        fail "not $*: $(jq -c . "$tmp/found")"
}
refuses() # STATUS PATTERN TEXT
{
    doctor "$1" "$3"
    grep -q "$2" "$tmp/err" || fail "doctor $3: $(cat "$tmp/err")"
}
about lab lab/vm1 lab/vm2 repository main repository small scratch "$tmp/scratch"
about lab/ lab/vm1 lab/vm2 repository main repository small scratch "$tmp/scratch"
about vm2 lab/vm2 repository main scratch "$tmp/scratch"
what_is_there > "$tmp/after"
cmp "$tmp/before" "$tmp/after" || fail "something stays: $(diff "$tmp/before" "$tmp/after")"
refuses 4 "no host and no domain is named 'labb'; did you mean host 'lab'?" labb
refuses 4 "no host has a domain 'vm3'; did you mean 'vm[12]'?" vm3
refuses 4 "no host .*'nowhere/'" nowhere/
cp "$tmp/config" "$tmp/kept"
sed -i "s#^repositories:#  - { name: vm2, driver: qemu, domains: [{ name: vm1, qmp: $tmp/no.qmp }] }\n&#" "$tmp/config"
vmkeep reload > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
refuses 2 "vm2 is a host, and a domain of host lab: say 'vm2/' for the host, 'lab/vm2' for the domain" vm2
refuses 2 "hosts lab and vm2 both have a domain vm1" vm1
about lab/vm2 lab/vm2 repository main scratch "$tmp/scratch"
doctor 3 vm2/
jq -e 'any(.about == "vm2/vm1" and .check == "reachable" and (.fine | not)) and all(.about != "lab/vm2")' "$tmp/found" > /dev/null ||
    fail "host vm2: $(cat "$tmp/found")"
cp "$tmp/kept" "$tmp/config"
vmkeep reload > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"

echo "- what a doctor that was killed has left is no obstacle"
touch "$tmp/repo/.vmkeep-trial-$(ls "$tmp/repo/.catalogs" | head -n 1 | cut -d. -f1)-"{0..99}
doctor 0
rm -f "$tmp/repo"/.vmkeep-trial-*

echo "- a daemon that is killed while it tries: nothing stays once another is there"
is_dead()
{
    ! kill -0 "${pids[daemon]}" 2> /dev/null
}
nothing_stays()
{
    what_is_there > "$tmp/after"
    cmp -s "$tmp/before" "$tmp/after"
}
stop_daemon
for ((n = 2; ; n += ${SWEEP_STEP:-7})); do
    rm -f "$tmp/killed"
    DAEMON_WRAP=(env "LD_PRELOAD=$BUILD/tests/system/libkill_at.so" "KILL_AT=$n" "KILL_MARK=$tmp/killed" "KILL_WHEN=$tmp/armed"
                 KILL_FILES=1 ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0)
    start_daemon
    DAEMON_WRAP=(env)
    await_daemon
    touch "$tmp/armed"
    vmkeep doctor > /dev/null 2>&1 || true
    rm "$tmp/armed"
    [ -e "$tmp/killed" ] || break
    wait_for 10 "the daemon's death" is_dead
    wait "${pids[daemon]}" 2> /dev/null || true
    start_daemon
    await_daemon
    wait_for 10 "what it has left to go, killed at $n: $(nothing_stays || diff "$tmp/before" "$tmp/after" | xargs)" nothing_stays
    stop_daemon
done
[ "$n" -gt 9 ] || fail "only $n places"
stop_daemon
"$WRITER" qmp "$tmp/vm1.test" blockdev-add '{"driver": "null-co", "node-name": "vk-trial"}' > /dev/null
start_daemon
await_daemon
wait_for 10 "what a trial has left open to go" nothing_stays

echo "- a repository that is read-only: told once"
mount -o remount,ro "$tmp/small"
doctor 3
finds "repository small" writable "Read-only file system"
faults 1
doctor 3 vm1
finds "repository small" writable "Read-only file system"
faults 1
doctor 0 vm2 # it has nothing there
mount -o remount,rw "$tmp/small"

echo "- one that QEMU's user cannot reach"
cp "$tmp/config" "$tmp/good"
sed -i 's/domains: \[vm1, vm2\], repository: main/domains: [vm1, vm2], repository: closed/' "$tmp/config"
reload
doctor 3
finds lab/vm2 target "QEMU cannot write into repository closed: .*Permission denied"
faults 1
sed -i 's/repository: closed,/&  mode: pull,/' "$tmp/config"
reload
doctor 0

echo "- an agent that is missing, or deaf"
sed 's/keep:/quiesce: require, keep:/' "$tmp/good" > "$tmp/config"
reload
doctor 3
finds lab/vm2 agent "policy one requires quiescing, and no guest agent is configured"
vmkeep doctor > "$tmp/out" || true
grep -A1 "^NOT .*requires quiescing" "$tmp/out" | grep -q "^ *-> give the domain an 'agent' socket" ||
    fail "it does not say what to do: $(cat "$tmp/out")"
sed -i "s#qmp: $tmp/vm2.qmp#&, agent: $tmp/vm2.agent#" "$tmp/config"
reload
"$WRITER" qmp "$tmp/vm2.test" cont > /dev/null
doctor 3 vm2
finds lab/vm2 agent "vm2.agent: .*backups fail, for they require it"

echo "- a QEMU that hangs is named, in time"
cp "$tmp/good" "$tmp/config"
reload
kill -STOP "${pids[vm1]}"
began=$SECONDS
doctor 3
[ $((SECONDS - began)) -lt $((15 * PATIENCE)) ] || fail "it took $((SECONDS - began)) s"
check=$(jq -r 'first(.[] | select(.about == "lab/vm1" and (.fine | not)).check)' "$tmp/found") # soon, if it is known to be stopped
finds lab/vm1 "$check" "has not answered within 10 s|QEMU is stopped"
faults 1
kill -CONT "${pids[vm1]}"
wait_for 60 "all to be fine again" vmkeep doctor
what_is_there > "$tmp/after"
cmp "$tmp/before" "$tmp/after" || fail "something stays: $(diff "$tmp/before" "$tmp/after")"

echo "- a daemon that is stopped while one hangs"
kill -STOP "${pids[vm1]}"
vmkeep doctor > /dev/null 2>&1 &
asks=$!
sleep 1
stop_daemon
wait "$asks" || true
kill -CONT "${pids[vm1]}"
