#!/bin/bash
# SPDX-License-Identifier: MIT
#
# vmkeep-libvirt against a real libvirtd: what it answers, what it tells of, and what it does when
# libvirtd hangs, dies, or asks for a password.
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt.sh
. "$(dirname "$0")/libvirt.sh"
# shellcheck source=../support/guest.sh
. "$(dirname "$0")/../support/guest.sh"

HELPER=$BUILD/helpers/libvirt/vmkeep-libvirt

# ---- asking ----

# Requests are numbered by a file, for many are made in subshells.
: > "$tmp/asked"

helper_start() # URI
{
    mkfifo "$tmp/in"
    "$HELPER" "$1" < "$tmp/in" > "$tmp/out" 2> "$tmp/err" &
    pids[helper]=$!
    exec 7> "$tmp/in"
    rm "$tmp/in"
    wait_for 10 "the connection" grep -q '"connected"' "$tmp/out"
}

helper_end() # CODE: at the end of its input
{
    local status=0
    exec 7>&-
    wait "${pids[helper]}" || status=$?
    unset "pids[helper]"
    [ "$status" -eq "$1" ] || fail "the helper ended with $status, not $1: $(tail -n 3 "$tmp/out" "$tmp/err")"
}

has_answer() # NUMBER
{
    grep -q "\"id\":$1}\$" "$tmp/out"
}

send() # WHAT [JQ-ARGUMENT...] MEMBERS
{
    local what=$1 members=${*: -1}
    shift
    echo "$what" >> "$tmp/asked"
    asked=$(wc -l < "$tmp/asked")
    jq -nc --arg what "$what" --argjson id "$asked" "${@:1:$#-1}" "{id: \$id, do: \$what} + $members" >&7
}

# ask WHAT [JQ-ARGUMENT...] MEMBERS: prints what the answer holds in "done".
ask()
{
    send "$@"
    answered "$asked"
}

answered() # NUMBER
{
    wait_for 10 "an answer to $1" has_answer "$1"
    jq -e --slurp "map(select(.id == $1))[0].done" "$tmp/out" || fail "request $1: $(grep "\"id\":$1}\$" "$tmp/out")"
}

refused() # CODE TEXT WHAT...: it is, with that code, and a text that has TEXT
{
    local code=$1 text=$2
    shift 2
    send "$@"
    wait_for 40 "an answer to $asked" has_answer "$asked"
    jq -e --slurp --arg code "$code" --arg text "$text" \
        "map(select(.id == $asked))[0].error | .code == \$code and (.text | contains(\$text))" "$tmp/out" > /dev/null ||
        fail "$*: not '$code: $text', but: $(grep "\"id\":$asked}\$" "$tmp/out")"
}

told() # JQ-CONDITION: on an event
{
    jq -e --slurp "map(.event // empty | select($1)) | length > 0" "$tmp/out"
}

backup() # TARGET [ELEMENTS]
{
    echo "<domainbackup>${2:-}<disks><disk name='vda' type='file'><driver type='qcow2'/><target file='$1'/></disk>" \
         "<disk name='vdb' backup='no'/></disks></domainbackup>"
}

checkpoint() # NAME
{
    echo "<domaincheckpoint><name>$1</name><disks><disk name='vda' checkpoint='bitmap'/>" \
         "<disk name='vdb' checkpoint='no'/></disks></domaincheckpoint>"
}

begin() # DOMAIN BACKUP [CHECKPOINT]: arguments for send and ask
{
    members='{domain: $d, backup: $b}'
    [ $# -lt 3 ] || members='{domain: $d, backup: $b, checkpoint: $c}'
    arguments=(--arg d "$1" --arg b "$2" --arg c "${3:-}" "$members")
}

# ---- by hand: every request is in the manual page ----

"$HELPER" --help > "$tmp/help"
sed -n '/^What it does:/,/^$/s/^  \([a-z-]*\) .*/\1/p' "$tmp/help" > "$tmp/requests"
[ "$(wc -l < "$tmp/requests")" -ge 16 ] || fail "$(cat "$tmp/help")"
while read -r request; do
    grep -q "^\.It Cm $request\$" "$(dirname "$0")/../../docs/man/vmkeep-libvirt.1" || fail "not in the manual: $request"
done < "$tmp/requests"
! "$HELPER" qemu:///system more 2> "$tmp/err" || fail "two URIs"
grep -qx 'vmkeep-libvirt: more: unexpected argument' "$tmp/err" || fail "$(cat "$tmp/err")"

# ---- what there is ----

make_disks vm1 vda vdb
make_disks vm2 vda
libvirt_start
libvirt_domain vm1 vda vdb
mkdir -m 777 "$tmp/to"
helper_start "$LIBVIRT_URI"

# It has what its user has by the rights of files, and no more.
grep -E '^Cap|^NoNewPrivs' "/proc/${pids[helper]}/status" > "$tmp/rights"
[ "$(grep -c '0000000000000000$' "$tmp/rights")" -eq 5 ] || fail "capabilities: $(cat "$tmp/rights")"
grep -q 'NoNewPrivs:.*1' "$tmp/rights" || fail "it may gain rights: $(cat "$tmp/rights")"

ask host '{}' | jq -e '.kind == "QEMU" and (.version | test("^[0-9]+[.]")) and .secure' > /dev/null || fail "host"
libvirt_domain vm2 vda
wait_for 5 "news of vm2" told '.what == "domain" and .domain == "vm2" and .change == "defined"'
libvirt_virsh start --paused vm1
wait_for 5 "news of vm1" told '.what == "domain" and .domain == "vm1" and .change == "started"'
ask domains '{}' | jq -e '[.domains[] | "\(.name) \(.state) \(.persistent)"] | sort ==
    ["vm1 paused true", "vm2 shutoff true"]' > /dev/null || fail "domains"
ask domains '{brief: true}' | jq -e '[.domains[] | "\(.name) \(.active // false) \(.persistent) \(.state)"] | sort ==
    ["vm1 true true null", "vm2 false true null"]' > /dev/null || fail "domains, brief"
ask domain '{domain: "vm1"}' > "$tmp/vm1"
jq -e --argjson size "$DISK_SIZE" --arg image "$tmp/images/vm1-vda.qcow2" '.state == "paused" and .persistent and
    (.live | startswith("<domain")) and (.inactive | startswith("<domain")) and
    (.blocks | length) == 2 and .blocks[0] .name == "vda" and .blocks[0].path == $image and
    .blocks[0].capacity == $size' "$tmp/vm1" > /dev/null || fail "domain"
ask domain-xml '{domain: "vm1", inactive: true, secure: true}' | jq -e '.xml | contains("<name>vm1<")' > /dev/null ||
    fail "domain-xml"
refused notfound "no domain with matching name 'vm9'" domain '{domain: "vm9"}'
refused notfound "another domain has that name now" domain \
    '{domain: "vm1", uuid: "00000000-0000-4000-8000-000000000000"}'

# ---- a backup, and its checkpoint ----

begin vm1 "$(backup "$tmp/to/one")" "$(checkpoint c1)"
ask backup-begin "${arguments[@]}" > /dev/null
wait_for 10 "the job's end" told '.what == "job" and .domain == "vm1" and .operation == "backup" and .success'
for _ in 1 2; do # it is kept
    ask job '{domain: "vm1", completed: true, keep: true}' |
        jq -e --argjson size "$DISK_SIZE" '.state == "completed" and .success and .total == $size and .done == $size' \
            > /dev/null || fail "job"
done
ask job '{domain: "vm1", completed: true}' > /dev/null
ask job '{domain: "vm1", completed: true}' | jq -e '.state == "none"' > /dev/null || fail "an ended job was kept"
qemu-img compare -q "$tmp/to/one" "$tmp/images/vm1-vda.raw" || fail "what was backed up differs"
ask checkpoints '{domain: "vm1", size: true}' | jq -e '.checkpoints | length == 1 and .[0].name == "c1" and
    (.[0].xml | contains("bitmap='"'c1'"'")) and (.[0].problem | not)' > /dev/null || fail "checkpoints"

# ---- refusals ----

begin vm1 "$(backup "$tmp/to/one")"
refused exists "exists" backup-begin "${arguments[@]}"
begin vm1 "$(backup "$tmp/to/two")" "$(checkpoint c1)"
refused exists "already exists" backup-begin "${arguments[@]}"
begin vm1 "$(backup "$tmp/to/two" "<incremental>nope</incremental>")"
refused notfound "'nope' for incremental backup of disk 'vda' not found" backup-begin "${arguments[@]}"
begin vm1 "<domainbackup><disks><disk name='vdz' type='file'><target file='$tmp/to/two'/></disk></disks></domainbackup>"
refused notfound "no disk named 'vdz'" backup-begin "${arguments[@]}"
begin vm1 "<domainbackup><dosks/></domainbackup>"
refused invalid "dosks" backup-begin "${arguments[@]}"
begin vm1 "<nonsense"
refused invalid "" backup-begin "${arguments[@]}"
begin vm2 "$(backup "$tmp/to/two")"
refused unsupported "inactive domain" backup-begin "${arguments[@]}"
mkdir -m 700 "$tmp/closed"
begin vm1 "$(backup "$tmp/closed/two")"
refused denied "Permission denied" backup-begin "${arguments[@]}"
refused unsupported "domain is not running" freeze '{domain: "vm1"}'
refused invalid "limit" freeze '{domain: "vm1", limit: 100000}'
refused invalid "do: 'dance' is not known" dance '{}'
refused invalid "domain: is missing" domain '{}'
refused notfound "no domain checkpoint" checkpoint-delete '{domain: "vm1", checkpoint: "nope"}'

# ---- a job that another one waits for, and what does not wait for it ----

# A pull runs until it is ended.
begin vm1 "<domainbackup mode='pull'><server transport='unix' socket='$tmp/to/nbd'/><disks>
           <disk name='vda'><scratch file='$tmp/to/scratch'/></disk><disk name='vdb' backup='no'/></disks></domainbackup>" \
    "$(checkpoint c2)"
ask backup-begin "${arguments[@]}" > /dev/null
ask backup-xml '{domain: "vm1"}' | jq -e '.xml | contains("exportname='"'vda'"'")' > /dev/null || fail "backup-xml"
ask domain '{domain: "vm1"}' | jq -e '.job == "running" and .operation == "backup"' > /dev/null || fail "no job"
begin vm1 "$(backup "$tmp/to/two")"
send backup-begin "${arguments[@]}" # libvirt waits 30 s for the lock
waits=$asked
ask domain '{domain: "vm2"}' > /dev/null
ask checkpoints '{domain: "vm1"}' | jq -e '.checkpoints | map(.name) == ["c1", "c2"]' > /dev/null || fail "c1, c2"
! has_answer "$waits" || fail "the second backup did not wait: $(grep "\"id\":$waits}" "$tmp/out")"
wait_for 40 "an answer to $waits" has_answer "$waits"
jq -e --slurp "map(select(.id == $waits))[0].error.code == \"busy\"" "$tmp/out" > /dev/null || fail "$(tail -n 2 "$tmp/out")"
ask job-abort '{domain: "vm1"}' > /dev/null
wait_for 10 "the pull's end" test ! -e "$tmp/to/scratch"
ask checkpoint-delete '{domain: "vm1", checkpoint: "c2"}' > /dev/null

# ---- a QEMU that does not answer is seen without asking it ----

qemu=$(cat "$tmp/lv/run/qemu/vm1.pid")
kill -STOP "$qemu"
send domain '{domain: "vm1"}' # libvirtd waits for QEMU
waits=$asked
is_deaf()
{
    ask domain '{domain: "vm1"}' | jq -e '.control == "occupied" and .control_ms >= 2000 and (.blocks // []) == []'
}
sleep 3 # who asks before libvirtd has waited for 2 s waits for QEMU, too, for half a minute
wait_for 5 "it to be told" is_deaf
libvirt_virsh domcontrol vm1 | sed 's/.*(\([0-9]*\)[.].*/\1/' > "$tmp/deaf_s"
[ "$(cat "$tmp/deaf_s")" -lt 25 ] || fail "who asks whether QEMU answers waits for it: $(cat "$tmp/deaf_s") s"
! has_answer "$waits" || fail "a QEMU that is stopped has answered"
kill -CONT "$qemu"
wait_for 10 "the answer" has_answer "$waits"
ask domain '{domain: "vm1"}' | jq -e '.control == null and (.blocks | length) == 2' > /dev/null || fail "vm1 goes on"

# ---- a checkpoint that is deleted while its size is asked for: libvirtd 9.0 would die of that ----

for n in 1 2 3; do
    kill -STOP "$qemu"
    send checkpoint-delete '{domain: "vm1", checkpoint: "c1"}' # it waits for QEMU
    deletes=$asked
    sleep 3
    wait_for 5 "it to be told" is_deaf
    send checkpoints '{domain: "vm1", size: true}'
    measures=$asked
    for _ in 1 2 3; do # what was sent before has come to libvirtd then, if it was going to
        ask checkpoints '{domain: "vm1"}' > /dev/null
    done
    kill -CONT "$qemu"
    wait_for 10 "the deletion" has_answer "$deletes"
    wait_for 10 "the sizes" has_answer "$measures"
    kill -0 "${pids[libvirtd]}" || fail "libvirtd is dead, round $n"
    ask checkpoints '{domain: "vm1", size: true}' | jq -e '(.checkpoints // []) == []' > /dev/null ||
        fail "what is left: $(ask checkpoints '{domain: "vm1"}')"
    ask checkpoint-create --arg xml "$(checkpoint c1)" '{domain: "vm1", checkpoint: $xml}' > /dev/null
done

# ---- thaw in time: a guest with an agent ----

root=$(cd "$(dirname "$0")/../.." && pwd)
"$root/scripts/make-guest" "$root/build/guest"
mkdir "$tmp/guest"
guest_disks "$root/build/guest" "$tmp/guest"
cp "$root/build/guest/kernel" "$root/build/guest/initrd" "$tmp/guest"
libvirt_guest guest "$tmp/guest"
wait_for 60 "the guest" guest_is_ready "$tmp/guest"
wait_for 10 "its agent" told '.what == "agent" and .domain == "guest" and .connected'
ask freeze '{domain: "guest", limit: 3}' | jq -e '.filesystems >= 2' > /dev/null || fail "freeze"
round=$(guest_round "$tmp/guest")
wait_for 10 "the thaw" told '.what == "thawed-late" and .domain == "guest"'
goes_on()
{
    [ "$(guest_round "$tmp/guest")" -gt $((round + 2)) ]
}
wait_for 10 "the guest to go on" goes_on
ask freeze '{domain: "guest", limit: 60}' > /dev/null
ask thaw '{domain: "guest"}' | jq -e '.filesystems >= 2' > /dev/null || fail "thaw"
ask freeze '{domain: "guest", limit: 600}' > /dev/null
helper_end 2 # there were bad requests.  What it froze is thawed at its end.
round=$(guest_round "$tmp/guest")
wait_for 10 "the guest to go on after the helper's end" goes_on
helper_start "$LIBVIRT_URI"
ask freeze '{domain: "guest", limit: 600}' > /dev/null
kill -KILL "${pids[helper]}"
wait "${pids[helper]}" 2> /dev/null || true
exec 7>&-
round=$(guest_round "$tmp/guest")
wait_for 10 "the guest to go on after the helper was killed" goes_on
libvirt_virsh destroy guest

# ---- libvirtd goes, and hangs ----

helper_start "$LIBVIRT_URI"
libvirt_kill
# "failed": it had not read all that was sent to it.
wait_for 10 "the news" told '.what == "closed" and (.why == "libvirtd closed the connection" or .why == "the connection failed")'
helper_end 1
libvirt_daemon
helper_start "$LIBVIRT_URI"
ask domain '{domain: "vm1"}' | jq -e '.state == "paused"' > /dev/null || fail "vm1 after libvirtd's death"
ask checkpoints '{domain: "vm1"}' | jq -e '.checkpoints | map(.name) == ["c1"]' > /dev/null || fail "c1"
kill -STOP "${pids[libvirtd]}"
send domain '{domain: "vm1"}'
wait_for 40 "the news" told '.what == "closed" and .why == "libvirtd did not answer for 25 seconds"'
kill -CONT "${pids[libvirtd]}"
helper_end 1
! has_answer "$asked" || fail "a lost connection is answered as if it were the domain's: $(tail -n 2 "$tmp/out")"

# ---- no connection; nobody is asked for a password ----

connects_not() # CODE TEXT URI
{
    local status=0
    timeout 60 setsid --wait "$HELPER" "$3" < /dev/null > "$tmp/out" 2> "$tmp/err" || status=$?
    [ "$status" -eq 1 ] || fail "$3: status $status"
    jq -e --slurp --arg code "$1" --arg text "$2" 'last.error | .code == $code and (.text | contains($text))' "$tmp/out" > /dev/null ||
        fail "$3: not '$1: $2', but: $(cat "$tmp/out" "$tmp/err")"
}

connects_not remote "No such file or directory" "qemu+unix:///system?socket=$tmp/nothing"
connects_not invalid "transport in URL not recognised" "qemu+nonsense:///system"
# test:///default's XML says that a password is wanted.
cat > "$tmp/auth.xml" <<EOX
<node><auth><user password='123456'>astrochicken</user></auth></node>
EOX
connects_not denied "nobody is there to answer" "test://$tmp/auth.xml"

libvirt_virsh destroy vm1
libvirt_stop
