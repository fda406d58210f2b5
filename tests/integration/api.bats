#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The commands of the backup API: what they ask of the daemon, and what they print.  The daemon here is
# a socket that says what a test has written for it.
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
    stop_daemon
    rm -rf "$tmp"
}

stop_daemon() {
    if [ -n "$daemon" ]; then
        kill -- "-$daemon" # with those that it has forked for each connection
        wait "$daemon" || true
    fi
    daemon=
}

# answers [hold]: a daemon that answers each request with standard input, and notes the request; on
# "hold" it keeps the connection open.
answers() {
    cat > "$tmp/answer"
    local then=${1:+; cat > /dev/null}
    setsid socat "UNIX-LISTEN:$socket,fork" \
        "SYSTEM:head -n 1 >> $tmp/requests; cat $tmp/answer$then" 3>&- &
    daemon=$!
    wait_for listening
}

wait_for() {
    for _ in {1..3000}; do
        "$@" && return
        sleep 0.02
    done
    echo "waited in vain for: $*"
    return 1
}

# The socket's file is there before anybody listens on it.
listening() {
    grep -q " 00010000 .* $socket\$" /proc/net/unix
}

vmkeep() {
    "$VMKEEP" --config "$tmp/config" "$@"
}

request() {
    jq -c '{cmd, args}' "$tmp/requests" | tail -n 1
}

@test "wrong arguments: exit status 2, and what is wrong" {
    while read -r command; do
        run -2 --separate-stderr vmkeep $command
        [ -z "$output" ]
        [[ $stderr == "vmkeep: ${command%% *}: "* ]]
    done <<'END'
backup-begin
backup-begin web01 a b c
backup-begin web01 - -
backup-dumpxml
backup-dumpxml a b
domjobinfo
domjobinfo --competed web01
domjobabort
event a b
event --timeout soon
checkpoint-create
checkpoint-create a b c
checkpoint-create a --redefine
checkpoint-create a b --redefine-validate
checkpoint-list
checkpoint-list web01 --tree --json
checkpoint-list web01 --tree --roots
checkpoint-dumpxml web01
checkpoint-delete web01
checkpoint-delete web01 one --children --children-only
doctor a b
END
}

@test "no daemon: exit status 6" {
    for command in "backup-begin web01" "domjobinfo web01" "domjobabort web01" "doctor" \
        "checkpoint-create web01" "checkpoint-dumpxml web01 one" "checkpoint-delete web01 one" event; do
        run -6 --separate-stderr vmkeep $command
        [ "$stderr" = "vmkeep: $socket: the daemon is not running (No such file or directory)
vmkeep: 'systemctl start vmkeepd'; 'journalctl -u vmkeepd' tells why it ended" ]
    done
}

@test "backup-begin: the documents travel, and errors in them name the file" {
    echo "<domainbackup/>" > "$tmp/b.xml"
    echo "<domaincheckpoint/>" > "$tmp/c.xml"
    answers <<< '{"ok": true, "result": {"job": 7, "checkpoint": "one", "unsafe": null}}'
    run -0 --separate-stderr vmkeep backup-begin web01 "$tmp/b.xml" "$tmp/c.xml" --reuse-external
    [ "$output" = "Backup started" ]
    [ -z "$stderr" ]
    [ "$(request)" = '{"cmd":"backup-begin","args":{"domain":"web01","reuse_external":true,"backup_xml":"<domainbackup/>\n","checkpoint_xml":"<domaincheckpoint/>\n"}}' ]
    vmkeep backup-begin web01 --checkpointxml - < "$tmp/c.xml"
    [ "$(request)" = '{"cmd":"backup-begin","args":{"domain":"web01","reuse_external":false,"checkpoint_xml":"<domaincheckpoint/>\n"}}' ]

    echo '{"ok": true, "result": {"job": 7, "checkpoint": null, "unsafe": "no space"}}' > "$tmp/answer"
    run -0 --separate-stderr vmkeep backup-begin web01
    [ "${stderr_lines[0]}" = "vmkeep: no BACKUP.xml: each disk goes in full to a file beside its image; 'vmkeep backup-dumpxml' names them while it runs" ]
    [ "${stderr_lines[1]}" = "vmkeep: guest-safe copy not possible: no space" ]

    echo '{"ok": false, "error": {"code": "invalid", "message": "backup XML: line 1: no"}}' > "$tmp/answer"
    run -2 --separate-stderr vmkeep backup-begin web01 "$tmp/b.xml"
    [ "$stderr" = "vmkeep: $tmp/b.xml: line 1: no" ]
    echo '{"ok": false, "error": {"code": "exists", "message": "checkpoint XML: line 1: no"}}' > "$tmp/answer"
    run -1 --separate-stderr vmkeep backup-begin web01 "$tmp/b.xml" - < "$tmp/c.xml"
    [ "$stderr" = "vmkeep: standard input: line 1: no" ]
}

@test "documents that cannot be read" {
    run -4 --separate-stderr vmkeep backup-begin web01 "$tmp/none.xml"
    [[ $stderr == "vmkeep: "*"$tmp/none.xml"* ]]
    head -c 300000 /dev/zero > "$tmp/large.xml"
    run -2 --separate-stderr vmkeep checkpoint-create web01 "$tmp/large.xml"
    [[ $stderr == *"$tmp/large.xml"* ]]
    run -2 --separate-stderr vmkeep checkpoint-create web01 - < "$tmp/large.xml"
    [[ $stderr == *"standard input: larger than 262144 bytes" ]]
    printf '\377\376' > "$tmp/latin.xml"
    run -2 --separate-stderr vmkeep checkpoint-create web01 "$tmp/latin.xml"
    [ "$stderr" = "vmkeep: $tmp/latin.xml: it is not UTF-8 text" ]
}

@test "domjobinfo: as virsh prints it, and as JSON" {
    answers <<< '{"ok": true, "result": {"job": null}}'
    [ "$(vmkeep domjobinfo web01)" = "Job type:         None" ]
    vmkeep domjobinfo web01 --json | jq -e '. == {type: "None"}'
    echo '{"ok": true, "result": {"job": 7, "kind": "backup-begin", "mode": "pull", "policy": null,
        "time_elapsed": 1234, "disk_total": 2097152, "disk_processed": 1048576, "temp_used": 512,
        "temp_total": 2048}}' | jq -c . > "$tmp/answer"
    vmkeep domjobinfo web01 > "$tmp/out"
    diff "$tmp/out" - <<'END'
Job type:         Unbounded
Operation:        Backup
Time elapsed:     1234         ms
File processed:   1.000 MiB
File remaining:   1.000 MiB
File total:       2.000 MiB
Temporary disk space use: 512.000 B
Temporary disk space total: 2.000 KiB
END
    vmkeep domjobinfo web01 --json | jq -e '.job == 7 and .disk_remaining == 1048576 and .mode == "pull"'
}

@test "domjobinfo --completed and backup-dumpxml: from the catalog" {
    "$MAKE_CATALOG" "$tmp/catalog.db" "$(date +%s)"
    run -0 vmkeep domjobinfo db01 --completed
    [ "${lines[0]}" = "Job type:         Failed" ]
    [ "${lines[-1]}" = "Error message:    disk vda: No space left on device" ]
    run -4 --separate-stderr vmkeep domjobinfo nobody --completed
    run -4 --separate-stderr vmkeep backup-dumpxml db01
    [ "$stderr" = "vmkeep: lab/db01: no backup of it runs" ]
}

@test "domjobabort waits for the end" {
    answers <<'END'
{"event": "accepted", "job": 7}
{"event": "ended", "job": 7, "outcome": "aborted"}
{"ok": true, "result": {}}
END
    run -0 --separate-stderr vmkeep domjobabort lab/web01
    [ -z "$output$stderr" ]
    [ "$(request)" = '{"cmd":"abort","args":{"domain":"lab/web01"}}' ]
}

list='{"ok": true, "result": {"checkpoints": [
    {"name": "b", "state": "consistent", "parent": null, "created": "2026-11-23T02:30:00Z", "description": null,
     "policy": null, "role": "kept",
     "disks": [{"name": "vda", "capacity": 4096, "size": 1024, "present": true, "inconsistent": false, "busy": false}]},
    {"name": "c", "state": "inconsistent", "parent": "b", "created": null, "description": null, "policy": "nightly",
     "role": "current",
     "disks": [{"name": "vda", "capacity": 4096, "size": null, "present": true, "inconsistent": true, "busy": false}]},
    {"name": "a", "state": "consistent", "parent": "c", "created": null, "description": null, "policy": null,
     "role": "kept", "disks": []},
    {"name": "d", "state": "foreign", "parent": null, "created": null, "description": null, "policy": null,
     "role": null, "disks": []}]}}'

@test "checkpoint-list: orders, choices, tree, table, JSON" {
    answers <<< "$(jq -c . <<< "$list")"
    [ "$(vmkeep checkpoint-list web01 --name | xargs)" = "a b c d" ]
    [ "$(vmkeep checkpoint-list web01 --name --topological | xargs)" = "b c a d" ]
    [ "$(vmkeep checkpoint-list web01 --name --roots | xargs)" = "b d" ]
    [ "$(vmkeep checkpoint-list web01 --name --leaves | xargs)" = "a d" ]
    vmkeep checkpoint-list web01 --tree | diff - <(printf 'b\n  |\n  +- c\n      |\n      +- a\nd\n')
    vmkeep checkpoint-list web01 --json | jq -e 'length == 4 and .[1].name == "b"'
    run -0 vmkeep checkpoint-list web01 --parent
    [[ ${lines[0]} =~ ^NAME\ +CREATION\ TIME\ +STATE\ +PARENT\ +SIZE\ +DISKS\ +POLICY ]]
    [[ ${lines[2]} =~ ^b\ +2026-11-23\ 02:30:00\ +consistent\ +-\ +1.0*\ KiB\ +vda\ +- ]]
    [[ ${lines[3]} =~ ^c\ +-\ +inconsistent\ +b\ +-\ +vda\ +nightly ]]
}

@test "checkpoint-dumpxml, checkpoint-create, checkpoint-delete" {
    answers <<< '{"ok": true, "result": {"xml": "<domaincheckpoint/>\n"}}'
    [ "$(vmkeep checkpoint-dumpxml web01 one --size --no-domain)" = "<domaincheckpoint/>" ]
    [ "$(request)" = '{"cmd":"checkpoint-dumpxml","args":{"domain":"web01","name":"one","size":true,"no_domain":true}}' ]
    echo '{"ok": true, "result": {"name": "one"}}' > "$tmp/answer"
    [ "$(vmkeep checkpoint-create web01)" = "Domain checkpoint one created" ]
    echo "<domaincheckpoint/>" > "$tmp/c.xml"
    [ "$(vmkeep checkpoint-create web01 "$tmp/c.xml" --redefine --redefine-validate)" = "Domain checkpoint one redefined" ]
    [ "$(request)" = '{"cmd":"checkpoint-create","args":{"domain":"web01","redefine":true,"validate":true,"quiesce":false,"xml":"<domaincheckpoint/>\n"}}' ]
    echo '{"ok": true, "result": {"deleted": ["two", "one"]}}' > "$tmp/answer"
    run -0 vmkeep checkpoint-delete web01 one --children
    [ "$output" = "$(printf 'Domain checkpoint two deleted\nDomain checkpoint one deleted')" ]
    [ "$(request)" = '{"cmd":"checkpoint-delete","args":{"domain":"web01","name":"one","children":true,"children_only":false,"metadata":false}}' ]
}

event='{"event": "job-completed", "job": 7, "host": "lab", "domain": "web01", "operation": "backup", "kind": "backup", "mode": "push", "outcome": "failed", "time_elapsed": 5, "disk_total": 6, "disk_processed": 6, "disk_remaining": 0, "temp_used": 0, "temp_total": 0, "success": false, "errmsg": "full"}'

@test "event: the first one, or all, or none in time" {
    # Not in a pipeline: what is begun there nobody ends.
    answers hold < <(printf '{"event": "listening"}\n%s\n%s\n' "$event" "$event")
    run -0 --separate-stderr vmkeep event
    [ "$stderr" = listening ]
    [ "${lines[0]}" = "event 'job-completed' for domain 'lab/web01':" ]
    [ "${lines[-1]}" = "	errmsg: full" ]
    [ "$(vmkeep event --json | jq -s length)" = 1 ]
    [ "$(vmkeep event --loop --timeout 3 --json | jq -s length)" = 2 ]
    echo '{"event": "listening"}' > "$tmp/answer"
    run -1 --separate-stderr vmkeep event --timeout 1
    [ "$stderr" = "$(printf 'listening\nvmkeep: no backup ended within 1 s')" ]
}

@test "doctor: exit status 3 when something is not fine" {
    "$MAKE_CATALOG" "$tmp/catalog.db" "$(date +%s)"
    answers <<< '{"ok": true, "result": {"about": {"host": "lab", "domain": "web01"}, "catalog": {"problem": null}, "repositories": [], "domains": [{"host": "lab", "domain": "web01", "state": "running", "problem": null, "foreign_job": null, "disks": [{"name": "vda", "trackable": true, "unsafe": null, "busy": false}]}]}}'
    run -0 vmkeep doctor web01
    [[ $output == *"a copy cannot harm the guest"* ]]
    sed -i 's/"unsafe":null\|"unsafe": null/"unsafe": "no scratch space"/' "$tmp/answer"
    run -3 vmkeep doctor web01
    [[ $output == *"guest-safe copy not possible: no scratch space"* ]]
    vmkeep doctor web01 --json > "$tmp/out" || [ $? -eq 3 ]
    jq -e 'map(select(.fine | not)) | length == 1 and (.[0].advice | length > 0)' "$tmp/out"
    sed -i 's/"unsafe": "no scratch space"/"unsafe": null, "write_errors": "stop"/' "$tmp/answer"
    run -0 vmkeep doctor web01
    [[ $output == *"ok   "*"error policy 'stop': when a copy's target"* ]]
    sed -i 's/"write_errors": "stop"/"write_errors": "report"/' "$tmp/answer"
    run -3 vmkeep doctor web01
    [[ $output == *"NOT "*"error policy 'report': when a copy's target"*"error_policy='stop'"* ]]
}

@test "doctor: of a libvirt on another machine nobody watches the space" {
    "$MAKE_CATALOG" "$tmp/catalog.db" "$(date +%s)"
    answers <<< '{"ok": true, "result": {"about": {"host": "lab", "domain": null}, "catalog": {"problem": null}, "repositories": [], "domains": [{"host": "lab", "domain": "web01", "state": "running", "problem": null, "foreign_job": null, "disks": []}, {"host": "lab", "domain": "web02", "state": "running", "problem": null, "foreign_job": null, "disks": []}]}}'
    local uri where=
    for uri in qemu:///system qemu+ssh://hv1/system; do
        [ $uri = qemu:///system ] || where=", scratch: /s"
        sed -i "s|- { name: lab,.*|- { name: lab, driver: libvirt, uri: \"$uri\"$where }|" "$tmp/config"
        vmkeep doctor lab/ --json > "$tmp/out" || [ $? -eq 3 ]
        jq -r '.[] | select(.check == "space" and .about == "host lab") | "\(.about) \(.fine): \(.text)"' "$tmp/out" > "$tmp/said"
        [ "$uri" != qemu:///system ] || [ ! -s "$tmp/said" ]
    done
    [ "$(cat "$tmp/said")" = "host lab true: it is another machine, where nobody watches the space that a backup's scratch files take: when that is full, the guest's error policy has the last word" ]
}

@test "doctor: nothing is wrong with a domain that is left out on purpose" {
    export COLUMNS=1000
    "$MAKE_CATALOG" "$tmp/catalog.db" "$(date +%s)"
    sed -i 's/domains: \["\*"\]/domains: ["db*"]/' "$tmp/config"
    answers <<< '{"ok": true, "result": {"about": {"host": "lab", "domain": "web01"}, "catalog": {"problem": null}, "repositories": [], "domains": [{"host": "lab", "domain": "web01", "state": "unreachable", "problem": "no answer", "foreign_job": "a backup", "disks": [{"name": "vda", "trackable": false, "format": "raw", "unsafe": "no scratch space", "encrypted": true, "busy": true}]}]}}'
    run -3 vmkeep doctor web01
    [[ $output == *"NOT  lab/web01: no policy selects it"* ]]
    [[ $output == *"NOT  lab/web01: unreachable: no answer"* ]]
    [[ $output == *"NOT  lab/web01 disk vda: guest-safe copy not possible: no scratch space"* ]]
    sed -i '1i unprotected: ["lab/web*"]' "$tmp/config"
    run -0 vmkeep doctor web01
    [[ $output == *"ok   lab/web01: left out on purpose (\`unprotected\`): what is wrong with it is no fault"* ]]
    [[ $output == *"ok   lab/web01: unreachable: no answer"* ]]
    [[ $output == *"all is fine"* && $output != *"NOT "* && $output != *"->"* ]]
    run -0 vmkeep doctor web01 --json
    jq -e 'map(select(.about | startswith("lab/web01"))) | length > 5 and all(.fine and .advice == null)' <<< "$output"
    # A guest that is perhaps frozen suffers, whoever backs it up.
    sed -i 's/"foreign_job"/"frozen_since": "2026-11-22T02:30:00Z", "foreign_job"/' "$tmp/answer"
    run -3 vmkeep doctor web01
    [[ $output == *"NOT  lab/web01: the guest's file systems are perhaps frozen since"* ]]
}

@test "doctor: a target that takes nothing is told once" {
    "$MAKE_CATALOG" "$tmp/catalog.db" "$(date +%s)"
    echo 'notify: [{ name: ops, command: [/bin/false] }]' >> "$tmp/config"
    sqlite3 "$tmp/catalog.db" "INSERT INTO target (name, tested, failed, problem, n_failed) VALUES ('ops', 1, 2, 'no route', 1)"
    answers <<< '{"ok": true, "result": {"about": {"host": null, "domain": null}, "catalog": {"problem": null}, "repositories": [], "domains": []}}'
    run -3 vmkeep doctor
    [ "$(grep -c 'no route' <<< "$output")" = 1 ]
    [[ $output == *"NOT  target ops: it takes no notifications: no route"* ]]
}

@test "doctor: what to do about an image that is missing, and not about a host that answers" {
    export COLUMNS=1000
    "$MAKE_CATALOG" "$tmp/catalog.db" "$(date +%s)"
    sed -i 's/^hosts:/&\n  - { name: hv, driver: libvirt, uri: "test:\/\/\/default" }/; s|qmp: [^ ]*|&, disks: [{ name: vda, image: /gone.qcow2 }]|' "$tmp/config"
    for host in hv lab; do
        answers <<< '{"ok": true, "result": {"about": {"host": "'$host'", "domain": "web01"}, "catalog": {"problem": null}, "repositories": [], "domains": [{"host": "'$host'", "domain": "web01", "state": "shut off", "problem": "/gone.qcow2: No such file or directory", "disks": []}]}}'
        run -3 vmkeep doctor "$host/web01"
        [[ $output == *"NOT  $host/web01: shut off: /gone.qcow2: No such file or directory"* ]]
        [[ $output == *"-> bring back what it names, or correct where that is (${advice:-\`virsh edit web01\`})"* ]]
        advice="\`disks\` of the configuration"
        stop_daemon
        rm -f "$socket"
    done
    answers <<< '{"ok": true, "result": {"about": {"host": "hv", "domain": "web01"}, "catalog": {"problem": null}, "repositories": [], "domains": [{"host": "hv", "domain": "web01", "state": "paused", "problem": "the guest is stopped by an I/O error", "disks": []}]}}'
    run -3 vmkeep doctor hv/web01
    [[ $output == *"-> \`virsh domstate web01 --reason\`, \`virsh domblkerror web01\` and /var/log/libvirt/qemu/web01.log tell more"* ]]
}

@test "doctor: what is tried in the place of a repository says nothing of it" {
    "$MAKE_CATALOG" "$tmp/catalog.db" "$(date +%s)"
    answers <<< '{"ok": true, "result": {"about": {"host": null, "domain": null}, "catalog": {"problem": null}, "repositories": [{"name": "main", "path": "/main", "problem": null, "unwritable": null, "difference": null, "free": 1, "reserve": 0}], "domains": [{"host": "lab", "domain": "web01", "state": "running", "problem": null, "targets": [{"repository": "main", "problem": null}], "disks": []}]}}'
    run vmkeep doctor
    [[ $output == *"QEMU can write into repository main"* ]]
    sed -i 's|"path": "/main", "problem": null|"path": "/main", "problem": "another disk"|' "$tmp/answer"
    run -3 vmkeep doctor
    [[ $output == *"NOT  repository main: another disk"*"vmkeep repository adopt main"* ]]
    [[ $output != *"QEMU can write into repository main"* ]]
}
