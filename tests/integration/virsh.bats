#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# virsh's other commands and options: what they ask of the daemon, and what they print.  The daemon here
# is a socket that says what a test has written for it.
# VMKEEP and MAKE_CATALOG name the programs.

bats_require_minimum_version 1.5.0

setup() {
    export TZ=UTC
    tmp=$(mktemp -d)
    socket=$tmp/control.sock
    daemon=
    cat > "$tmp/config" <<END
catalog: $tmp/catalog.db
control: $socket
hosts:
  - { name: lab, driver: qemu, domains: [{ name: web01, qmp: $tmp/web01.qmp }] }
repositories: [{ name: main, path: $tmp }]
policies:
  - { name: nightly, domains: ["*"], repository: main, schedule: { full: ["2199-12-31"] } }
END
}

teardown() {
    if [ -n "$daemon" ]; then
        kill "$daemon"
        wait "$daemon" || true
    fi
    rm -rf "$tmp"
}

# answer COMMAND < LINES: what the daemon says to it, and then goes.
answer() {
    cat > "$tmp/answer.$1"
}

listening() {
    grep -q " 00010000 .* $socket\$" /proc/net/unix
}

serve() {
    cat > "$tmp/serve" <<END
#!/bin/sh
read -r line
printf '%s\n' "\$line" >> $tmp/requests
cmd=\$(printf '%s' "\$line" | jq -r .cmd)
exec cat "$tmp/answer.\$cmd"
END
    chmod +x "$tmp/serve"
    socat "UNIX-LISTEN:$socket,fork" "EXEC:$tmp/serve" 3>&- &
    daemon=$!
    for _ in {1..500}; do
        listening && return
        sleep 0.02
    done
    return 1
}

vmkeep() {
    "$VMKEEP" --config "$tmp/config" "$@"
}

request() {
    jq -c '{cmd, args}' "$tmp/requests" | tail -n 1
}

#   b -- c -- a      d
#         \-- e
list='{"ok": true, "result": {"checkpoints": [
    {"name": "a", "state": "consistent", "parent": "c", "disks": []},
    {"name": "b", "state": "consistent", "parent": null, "disks": []},
    {"name": "c", "state": "missing", "parent": "b", "disks": []},
    {"name": "d", "state": "foreign", "parent": null, "disks": []},
    {"name": "e", "state": "consistent", "parent": "c", "disks": []}]}}'

@test "wrong arguments: exit status 2, and what is wrong" {
    while read -r command; do
        run -2 --separate-stderr vmkeep $command
        [ -z "$output" ]
        [[ $stderr == "vmkeep: "*": "* ]]
    done <<'END'
checkpoint-create-as
checkpoint-create-as web01 one --diskspec vda,size=3
checkpoint-create web01 one.xml --redefine --quiesce
checkpoint-info web01
checkpoint-info web01 one two
checkpoint-parent --checkpointname one
checkpoint-edit web01
checkpoint-list web01 --leaves --no-leaves
checkpoint-list web01 --descendants
checkpoint-list web01 --from b --roots
checkpoint-list web01 --tree --no-leaves
domjobinfo web01 --keep-completed
domjobinfo web01 --rawstats --json
domains --active --all
domains --with-checkpoint --without-checkpoint
domains --name --json
event --event reboot
END
}

@test "checkpoint-list: --from, --descendants, --no-leaves, parents first" {
    answer checkpoint-list <<< "$(jq -c . <<< "$list")"
    serve
    [ "$(vmkeep checkpoint-list web01 --name --from b | xargs)" = "c" ]
    [ "$(vmkeep checkpoint-list web01 --name --from b --descendants | xargs)" = "a c e" ]
    [ "$(vmkeep checkpoint-list web01 --name --from b --descendants --leaves | xargs)" = "a e" ]
    [ "$(vmkeep checkpoint-list --domain web01 --name --no-leaves | xargs)" = "b c" ]
    [ "$(vmkeep checkpoint-list web01 --name --topological | xargs)" = "b c a d e" ]
    vmkeep checkpoint-list web01 --tree --from b | diff - <(printf 'c\n  |\n  +- a\n  |\n  +- e\n')
    run -4 --separate-stderr vmkeep checkpoint-list web01 --from x
    [ "$stderr" = "vmkeep: domain web01 has no checkpoint 'x'" ]
}

@test "checkpoint-info and checkpoint-parent" {
    answer checkpoint-list <<< "$(jq -c . <<< "$list")"
    serve
    vmkeep checkpoint-info web01 b > "$tmp/out"
    diff "$tmp/out" - <<'END'
Name:           b
Domain:         web01
State:          consistent
Parent:         -
Children:       1
Descendants:    3
END
    vmkeep checkpoint-info --checkpointname c --domain web01 | grep -qx 'Parent:         b'
    [ "$(vmkeep checkpoint-parent web01 a)" = c ]
    run -4 --separate-stderr vmkeep checkpoint-parent web01 b
    [ "$stderr" = "vmkeep: checkpoint 'b' has no parent" ]
    run -4 --separate-stderr vmkeep checkpoint-info web01 x
    [ "$stderr" = "vmkeep: domain web01 has no checkpoint 'x'" ]
}

@test "checkpoint-create-as: the document that it makes" {
    vmkeep checkpoint-create-as web01 one "a <b> & 'c'" --print-xml --diskspec vda vdb,checkpoint=no \
        --diskspec '/img/a,,b,bitmap=one' > "$tmp/out"
    diff "$tmp/out" - <<'END'
<domaincheckpoint>
  <name>one</name>
  <description>a &lt;b&gt; &amp; &apos;c&apos;</description>
  <disks>
    <disk name='vda'/>
    <disk name='/img/a,b' bitmap='one'/>
    <disk name='vdb' checkpoint='no'/>
  </disks>
</domaincheckpoint>
END
    answer checkpoint-create <<< '{"ok": true, "result": {"name": "1525889631"}}'
    serve
    [ "$(vmkeep checkpoint-create-as --domain web01)" = "Domain checkpoint 1525889631 created" ]
    [ "$(request)" = '{"cmd":"checkpoint-create","args":{"domain":"web01","xml":"<domaincheckpoint>\n</domaincheckpoint>\n","quiesce":false}}' ]
    vmkeep checkpoint-create web01 --quiesce
    jq -e .args.quiesce <<< "$(request)"
}

@test "checkpoint-edit" {
    answer checkpoint-dumpxml <<< '{"ok": true, "result": {"xml": "<domaincheckpoint><name>one</name></domaincheckpoint>\n"}}'
    answer checkpoint-create <<< '{"ok": true, "result": {"name": "one"}}'
    serve
    [ "$(EDITOR=true vmkeep checkpoint-edit web01 one)" = "Checkpoint one XML configuration not changed." ]
    export EDITOR="sed -i 's:</name>:</name><description>new</description>:'"
    [ "$(vmkeep checkpoint-edit web01 --checkpointname one)" = "Checkpoint one edited." ]
    [ "$(request)" = '{"cmd":"checkpoint-create","args":{"domain":"web01","xml":"<domaincheckpoint><name>one</name><description>new</description></domaincheckpoint>\n","redefine":true}}' ]
    EDITOR="sed -i s:one:two:" run -2 --separate-stderr vmkeep checkpoint-edit web01 one
    [ "$stderr" = "vmkeep: checkpoint-edit: it was called 'one', and cannot become 'two'" ]
    EDITOR=false run -1 --separate-stderr vmkeep checkpoint-edit web01 one
    [ "$stderr" = "vmkeep: checkpoint-edit: 'false' failed; nothing was changed" ]
    ! compgen -G "${TMPDIR:-/tmp}/vmkeep-checkpoint-*"
}

@test "dumpxml --xpath, --wrap" {
    answer checkpoint-dumpxml <<< '{"ok": true, "result": {"xml": "<domaincheckpoint><name>one</name><disks><disk name=\"vda\"/><disk name=\"vdb\"/></disks></domaincheckpoint>\n"}}'
    serve
    [ "$(vmkeep checkpoint-dumpxml web01 one --xpath 'string(//name)')" = one ]
    [ "$(vmkeep checkpoint-dumpxml web01 --checkpointname one --xpath //disk/@name | xargs)" = "vda vdb" ]
    vmkeep checkpoint-dumpxml web01 one --security-info --xpath //disk --wrap |
        diff - <(printf '<nodes>\n<disk name="vda"/>\n<disk name="vdb"/>\n</nodes>\n')
    run -1 --separate-stderr vmkeep checkpoint-dumpxml web01 one --xpath //nothing
    [ -z "$output$stderr" ]
    run -2 --separate-stderr vmkeep checkpoint-dumpxml web01 one --xpath '//['
    [ "$stderr" = "vmkeep: --xpath: '//[' is not an XPath expression" ]
}

@test "domjobinfo: no File lines for a pull; --rawstats, --anystats, --keep-completed" {
    answer job-info <<< '{"ok": true, "result": {"job": 7, "kind": "backup-begin", "mode": "pull", "policy": null, "time_elapsed": 12, "disk_total": 0, "disk_processed": 0, "temp_used": 512, "temp_total": 2048}}'
    serve
    run -0 vmkeep domjobinfo --domain web01
    [[ $output != *File* ]]
    vmkeep domjobinfo web01 --rawstats --anystats > "$tmp/out"
    diff "$tmp/out" - <<'END'
Job type:         Unbounded

operation: 9
time_elapsed: 12
disk_total: 0
disk_processed: 0
disk_remaining: 0
disk_temp_used: 512
disk_temp_total: 2048
END
    "$MAKE_CATALOG" "$tmp/catalog.db" "$(date +%s)"
    run -0 vmkeep domjobinfo db01 --completed --keep-completed --rawstats
    [[ $output == *$'success: no\nerrmsg: disk vda: No space left on device' ]]
}

@test "domains: by state, with or without a checkpoint, only names" {
    answer domains <<< '{"ok": true, "result": {"domains": [
        {"host": "lab", "domain": "r", "state": "running", "checkpoint": true},
        {"host": "lab", "domain": "p", "state": "paused", "checkpoint": false},
        {"host": "lab", "domain": "s", "state": "shut off", "checkpoint": false},
        {"host": "lab", "domain": "u", "state": "unreachable", "checkpoint": false}]}}'
    jq -c . "$tmp/answer.domains" > "$tmp/x" && mv "$tmp/x" "$tmp/answer.domains"
    serve
    [ "$(vmkeep domains --name --all | xargs)" = "lab/r lab/p lab/s lab/u" ]
    [ "$(vmkeep domains --name --without-checkpoint | xargs)" = "lab/p lab/s lab/u" ]
    [ "$(vmkeep domains --name --state-running --state-other | xargs)" = "lab/r lab/u" ]
    [ "$(vmkeep domains --name --state-paused | xargs)" = "lab/p" ]
    [ "$(vmkeep domains --name --state-shutoff --without-checkpoint | xargs)" = "lab/s" ]
}

event='{"event": "job-completed", "job": 7, "host": "lab", "domain": "web01", "operation": "backup", "kind": "backup-begin", "mode": "push", "outcome": "success", "time_elapsed": 5, "disk_total": 6, "disk_processed": 6, "disk_remaining": 0, "temp_used": 0, "temp_total": 0, "success": true, "errmsg": null}'

@test "event: it says that it listens; --event, --all, --list, --timestamp" {
    printf '{"event": "listening"}\n%s\n' "$event" | answer events
    serve
    [ "$(vmkeep event --list)" = job-completed ]
    run -0 --separate-stderr vmkeep event --event job-completed --timestamp
    [ "$stderr" = listening ]
    [[ ${lines[0]} =~ ^20..-..-..\ ..:..:..\....\+0000:\ event\ \'job-completed\'\ for\ domain\ \'lab/web01\':$ ]]
    run -0 --separate-stderr vmkeep event --all
    [ "${lines[0]}" = "event 'job-completed' for domain 'lab/web01':" ]
}

# An end that comes at the very beginning, even before the beginning's answer, is not missed.
@test "backup-begin --wait listens before it begins" {
    printf '{"event": "listening"}\n%s\n%s\n' "${event/7/6}" "$event" | answer events
    answer backup-begin <<< '{"ok": true, "result": {"job": 7, "checkpoint": null, "unsafe": null}}'
    serve
    run -0 --separate-stderr vmkeep backup-begin --domain web01 --wait
    [ "${lines[0]}" = "Backup started" ]
    [ "${lines[2]}" = "	job: 7" ]
    [ "$(jq -r .cmd "$tmp/requests" | xargs)" = "events backup-begin" ]
    vmkeep backup-begin web01 --wait --json | jq -e '.job == 7 and .ended.success'
    printf '{"event": "listening"}\n%s\n' "${event/true/false}" | answer events
    run -1 vmkeep backup-begin web01 --wait
    printf '{"event": "listening"}\n' | answer events
    run -6 --separate-stderr vmkeep backup-begin web01 --wait
    [[ $stderr == *"the backup goes on; 'vmkeep domjobinfo' tells how far it is" ]]
    answer backup-begin <<< '{"ok": false, "error": {"code": "busy", "message": "job 3 runs"}}'
    run -5 --separate-stderr vmkeep backup-begin web01 --wait
    [ "$stderr" = "vmkeep: job 3 runs" ]
}
