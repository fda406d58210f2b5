#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A configuration that is broken stops nobody who reads: commands go by what the daemon does, and say so.  Nor does
# it stop a cancel or a restore.  What acts by the file alone refuses, and each error is told by `check`.
. "$(dirname "$0")/lib.sh"

make_disks vm1 vda
start_vm vm1 vda
write_config "$never"
sed -i "s/repository: main/&\n    bandwidth: 4MiB\/s/" "$tmp/config"
start_daemon
await_daemon
vmkeep run vm1 --wait > /dev/null
cp "$tmp/config" "$tmp/good"
point=$(points | jq -r '.[-1].id')
name=${point##*/} name=${name%@*} # as it is listed

# says STATUS PATTERN COMMAND...: ends so, and with that in what it says.
says()
{
    local want=$1 pattern=$2 status=0
    shift 2
    vmkeep "$@" > "$tmp/out" 2> "$tmp/err" || status=$?
    [ "$status" -eq "$want" ] || fail "vmkeep $* ended with $status, not $want: $(cat "$tmp/out" "$tmp/err")"
    grep -q "$pattern" "$tmp/out" "$tmp/err" || fail "vmkeep $* says nothing of '$pattern': $(cat "$tmp/out" "$tmp/err")"
}

all_work()
{
    local broken=$1
    says 4 "warning: the configuration is broken" status
    grep -q "$tmp/config$broken" "$tmp/err" || fail "nothing is said of the broken place: $(cat "$tmp/err")"
    grep -q "goes by the last good one" "$tmp/err" || fail "nothing is said of what it goes by: $(cat "$tmp/err")"
    { vmkeep status --json 2> /dev/null || true; } | jq -e '.daemon.running' > /dev/null || fail "warnings are in the JSON"
    says 0 "$name" points
    says 0 nightly explain vm1
    says 0 success jobs
    says 0 vm1 domains
    rm -rf "$tmp/restored"
    says 0 . restore vm1 --to "$tmp/restored"
    qemu-img compare -q "$tmp/restored/vda.qcow2" "$tmp/images/vm1-vda.raw" || fail "a wrong restore"
    vmkeep run vm1 --level full > /dev/null 2>&1 || fail "cannot be run"
    says 0 . cancel "$(vmkeep jobs --json 2> /dev/null | jq -r 'map(.id) | max')"
    says 2 "the daemon was not told" reload
    says 2 "$tmp/config$broken" check
    says 2 "$tmp/config$broken" rebuild-catalog --dry-run
}

echo "- keys that nobody knows"
sed 's/keep:/keeep:/; s/rpo:/ropo:/' "$tmp/good" > "$tmp/config"
all_work ":17:5: "
says 0 "(and 1 more error)" jobs
[ "$(vmkeep check 2>&1 | grep -c "unknown key")" -eq 2 ] || fail "check does not tell all errors"
says 3 "the file is broken" doctor

echo "- no YAML at all behind its first lines"
head -n 3 "$tmp/good" > "$tmp/config"
echo "  - [" >> "$tmp/config"
all_work ":"

echo "- a file that is not there is not broken: where a copy of it is, is told"
rm "$tmp/config"
says 2 "config: there is no such file" status
says 2 "CATALOG.config (/var/lib/vmkeep/catalog.db.config " status
says 2 "No such file" check

echo "- changed and not reloaded: told, and only what it says counts"
is_read()
{
    says 4 "protected" status
    [ ! -s "$tmp/err" ] && ! grep -q "has changed since" "$tmp/out" || fail "called changed: $(cat "$tmp/out" "$tmp/err")"
}
sed '1i # a comment' "$tmp/good" > "$tmp/config"
is_read
sed 's/rpo: 1h/rpo: 2h/' "$tmp/good" > "$tmp/config"
says 4 "config has changed since vmkeepd read it last, at .*: what is said here is of the file" status
{ vmkeep status --json 2> /dev/null || true; } | jq -r '.reasons[].code' | grep -qx configuration-unread || fail "no code"
says 0 "warning: $tmp/config has changed since .*\`vmkeep reload\`" explain vm1
says 0 "vmkeepd goes by what it read at .*, which is not this: \`vmkeep reload\`" check
says 3 "config has changed since" doctor
vmkeep reload > /dev/null
is_read

echo "- a signal: what is wrong is logged, the former configuration stays in force"
sed 's/keep:/keeep:/' "$tmp/good" > "$tmp/config"
kill -HUP "${pids[daemon]}"
wait_for 10 "the refused reload" grep -q "not reloaded, the former configuration stays in force" "$tmp/log"
says 4 protected status

echo "- the daemon is down: the commands go on, a start is refused"
stop_daemon
says 0 "$name" points
says 4 "do: first mend the configuration, by which vmkeepd cannot start: \`vmkeep check\`; then" status
for command in "run nightly" "cancel 1" "prune" "doctor"; do
    # shellcheck disable=SC2086
    says 6 "vmkeep: first mend the configuration, by which vmkeepd cannot start: 'vmkeep check'; then" $command
done
says 0 "vmkeep: first mend the configuration" jobs --active
says 0 "vmkeep: first mend the configuration" domains
status=0
"$VMKEEPD" --config "$tmp/config" > "$tmp/out" 2>&1 || status=$?
[ "$status" -eq 2 ] || fail "started by a broken configuration: $status"

echo "- what was reloaded is what they go by; the copy is a configuration itself"
sed "s/name: nightly/name: daily/" "$tmp/good" > "$tmp/config"
start_daemon
await_daemon
sed "s/name: nightly/name: hourly/" "$tmp/good" > "$tmp/config"
vmkeep reload > /dev/null || fail "not reloaded"
echo "x: [" >> "$tmp/config"
says 0 hourly explain vm1
"$VMKEEP" --config "$tmp/catalog.db.config" check > "$tmp/out" || fail "the copy has errors"
stop_daemon

echo "- check looks at what is named, and changes nothing"
mkdir "$tmp/disk2"
cat > "$tmp/config" <<END
hosts:
  - name: lab
    driver: qemu
    domains:
      - name: vm1
        qmp: $tmp/vm1.qmp
        disks:
          - { name: vda, image: $tmp/images/vm1-vda.qcow2 }
          - { name: vdb, image: $tmp/images/vm1-vdb.qcow2 }
repositories:
  - { name: near, path: $tmp/disk2 }
  - { name: gone, path: $tmp/nowhere }
  - { name: file, path: $tmp/good }
  - { name: kernel, path: /proc/sys }
policies:
  - { name: nightly, domains: ["*"], repository: near, schedule: { full: daily }, rpo: 26h }
END
says 0 ": ok: " check
warns()
{
    grep -q "^$tmp/config: warning: $1" "$tmp/err" || fail "check does not warn of '$1': $(cat "$tmp/err")"
}
warns "disk 'vdb' of domain 'lab/vm1': $tmp/images/vm1-vdb.qcow2: No such file or directory"
warns "repository 'near' is on the file system of disk 'vda' of 'lab/vm1': what takes the one takes the other"
warns "repository 'gone': "
warns "repository 'file': "
warns "repository 'kernel': "
[ -z "$(ls -A "$tmp/disk2")" ] || fail "check has made something: $(ls -A "$tmp/disk2")"
cat "$tmp/err"
