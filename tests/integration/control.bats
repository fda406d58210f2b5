#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# What the command asks of a daemon, and what it makes of the answers: the daemon here is a socket
# that says what a test has written for it.
# VMKEEP and MAKE_CATALOG name the programs.

bats_require_minimum_version 1.5.0

setup() {
    export TZ=UTC COLUMNS=1000
    tmp=$(mktemp -d)
    socket=$tmp/control.sock
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

# By a file, for some are started in a pipeline's subshell.
stop_daemon() {
    if [ -s "$tmp/daemon" ]; then
        kill -- "-$(cat "$tmp/daemon")" || true # with those that it has forked for each connection
        wait "$(cat "$tmp/daemon")" || true
        rm "$tmp/daemon"
    fi
}

# answers [hold]: a daemon that answers each request with standard input, and notes the request; on
# "hold" it keeps the connection open.
answers() {
    cat > "$tmp/answer"
    local then=${1:+; cat > /dev/null}
    stop_daemon # of an earlier answer in the same test
    rm -f "$socket"
    setsid socat "UNIX-LISTEN:$socket,fork" \
        "SYSTEM:head -n 1 >> $tmp/requests; cat $tmp/answer$then" 3>&- &
    echo $! > "$tmp/daemon"
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

@test "no daemon: exit status 6, and where it was looked for" {
    for command in "run web01" "run nightly --wait" "cancel 3" "prune" "prune web01 --wait"; do
        run -6 --separate-stderr vmkeep $command
        [ -z "$output" ]
        [ "$stderr" = "vmkeep: $socket: the daemon is not running (No such file or directory)
vmkeep: 'systemctl start vmkeepd'; 'journalctl -u vmkeepd' tells why it ended" ]
    done
    # A socket that nobody listens to any more, as a killed daemon leaves it.
    socat "UNIX-LISTEN:$socket,unlink-close=0" /dev/null 3>&- &
    local daemon=$!
    wait_for listening
    kill -KILL "$daemon"
    wait "$daemon" || true
    run -6 --separate-stderr vmkeep run web01
    [ "${stderr_lines[0]}" = "vmkeep: $socket: the daemon is not running (Connection refused)" ]
}

@test "a daemon that goes away: exit status 6" {
    answers < /dev/null
    run -6 --separate-stderr vmkeep cancel 3
    [ "$stderr" = "vmkeep: $socket: the daemon went away before it had answered
vmkeep: it may do what it was asked for yet, or have done it: look before you ask again" ]
}

@test "answers that are none" {
    answers <<< 'hello'
    run -1 --separate-stderr vmkeep cancel 3
    [[ $stderr == "vmkeep: $socket: not JSON: "* ]]
    echo '{"yes": true}' > "$tmp/answer"
    run -1 --separate-stderr vmkeep cancel 3
    [ "$stderr" = "vmkeep: $socket: neither an event nor an answer" ]
    echo '{"ok": false}' > "$tmp/answer"
    run -1 --separate-stderr vmkeep cancel 3
    [ "$stderr" = "vmkeep: $socket: an error without code and message" ]
}

@test "the daemon's refusals, and their exit status" {
    answers < /dev/null
    while read -r code want; do
        echo '{"ok": false, "error": {"code": "'"$code"'", "message": "because"}}' > "$tmp/answer"
        run -"$want" --separate-stderr vmkeep run web01
        [ -z "$output" ]
        [ "$stderr" = "vmkeep: because" ]
    done <<'END'
notfound 4
busy 5
invalid 2
canceled 130
corrupt 7
nospace 1
denied 1
never-heard-of 1
END
}

@test "run: the request, and the jobs that are queued" {
    answers <<'END'
{"ok": true, "result": {"jobs": [{"id": 12, "domain": "web01", "host": "lab", "policy": "nightly"}]}}
END
    run -0 --separate-stderr vmkeep run web01
    [ "$output" = "job 12: lab/web01 under nightly is queued
How that ends: 'vmkeep jobs', or next time --wait." ]
    [ -z "$stderr" ]
    run -0 vmkeep run --level full nightly --json
    jq -e '. == {jobs: [{id: 12, domain: "web01", host: "lab", policy: "nightly", joined: false}]}' <<< "$output"
    jq -se '. == [{v: 1, cmd: "run", args: {target: "web01"}},
        {v: 1, cmd: "run", args: {target: "nightly", level: "full"}}]' "$tmp/requests"
}

# live ID STATE MORE: a job as the daemon tells of it.
live() {
    jq -cjn "{id: $1, kind: \"backup\", host: \"lab\", domain: \"web01\", policy: \"nightly\", repository: \"main\",
        level: \"full\", state: \"$2\", step: null, outcome: null, reason: null, error: null, why: null, due: null,
        created: null, started: null, ended: null, bytes_done: 0, bytes_total: 10485760, reasons: [], live: true,
        interrupted: false, cancelled: false, percent: null, bytes_per_second: null, seconds_left: null, figures: null, waits_for: null} +
        ({since: null, until: null, jobs: [], name: null, limit: null, tries: null, error: null, problem: null} as \$o |
            {$3} | if .waits_for then .waits_for = \$o + .waits_for else . end)"
}

@test "jobs --active: the daemon tells, page by page" {
    "$MAKE_CATALOG" "$tmp/catalog.db" "$(date +%s)"
    copying='"doing": "copying", "percent": 42.5, "bytes_per_second": 1048576, "seconds_left": 6'
    waiting='"doing": null, "waits_for": {"code": "guest", "text": "job 12 (full of policy nightly) of the same domain", "jobs": [12]}'
    retry='"doing": null, "waits_for": {"code": "retry", "text": "2026-11-27 02:05:00 (retry 1 of 3): no answer"}'
    answers <<END
{"ok": true, "result": {"jobs": [$(live 12 running "$copying"), $(live 13 queued "$waiting"), $(live null waiting "$retry")], "next": null}}
END
    run -0 --separate-stderr vmkeep jobs --active
    [ "$output" = "JOB  DOMAIN     POLICY   WHAT  NOW
 12  lab/web01  nightly  full  copying 42% of 10.0 MiB, 1.00 MiB/s, 6s left
 13  lab/web01  nightly  full  waits for job 12 (full of policy nightly) of the same domain
  -  lab/web01  nightly  full  tries again at 2026-11-27 02:05:00 (retry 1 of 3): no answer" ]
    [ -z "$stderr" ]
    run -0 vmkeep jobs --active --json
    jq -e 'map(.id) == [12, 13] and .[1].waits_for.jobs == [12]' <<< "$output"
    run -0 vmkeep jobs --active --json --waiting
    jq -e 'map(.id) == [12, 13, null]' <<< "$output"
    run -0 vmkeep jobs --active --json --limit 1 lab/web01
    jq -e 'map(.id) == [13]' <<< "$output"
    jq -se 'map(.args) | unique == [{}, {host: "lab", domain: "web01"}]' "$tmp/requests"
    rm "$tmp/requests"
    cat > "$tmp/serve" <<END
read -r line
echo "\$line" >> $tmp/requests
case \$line in
*'"after": 12'* | *'"after":12'*) echo '{"ok": true, "result": {"jobs": [$(live 13 queued "$waiting")], "next": null}}' ;;
*) echo '{"ok": true, "result": {"jobs": [$(live 12 running "$copying")], "next": {"after": 12, "tries_after": 0}}}' ;;
esac
END
    stop_daemon
    setsid socat "UNIX-LISTEN:$socket,fork" "EXEC:bash $tmp/serve" 3>&- &
    echo $! > "$tmp/daemon"
    wait_for listening
    run -0 vmkeep jobs --active --json
    jq -e 'map(.id) == [12, 13]' <<< "$output"
    jq -se 'map(.args) == [{}, {after: 12, tries_after: 0}]' "$tmp/requests"
}

@test "jobs --active: a daemon of an older version, one that refuses, none that is busy" {
    "$MAKE_CATALOG" "$tmp/catalog.db" "$(date +%s)"
    answers <<< '{"ok": false, "error": {"code": "unsupported", "message": "this daemon knows no command"}}'
    run -0 --separate-stderr vmkeep jobs --active --json
    jq -e 'map(.id) == [8] and .[0].live == false' <<< "$output"
    [[ $stderr == "vmkeep: this daemon knows no command; what follows is what it left in the catalog"* ]]
    echo '{"ok": false, "error": {"code": "invalid", "message": "because"}}' > "$tmp/answer"
    run -2 --separate-stderr vmkeep jobs --active --json
    [ "$stderr" = "vmkeep: because" ]
    echo '{"ok": true, "result": {"jobs": [], "next": null}}' > "$tmp/answer"
    run -0 vmkeep jobs --active
    [ "$output" = "No job is queued or running." ]
}

@test "jobs --watch: a terminal is drawn anew, and an interrupt ends it" {
    "$MAKE_CATALOG" "$tmp/catalog.db" "$(date +%s)"
    answers <<END
{"ok": true, "result": {"jobs": [$(live 12 running '"doing": "copying", "percent": 42.5')], "next": null}}
END
    setsid script -qfec "stty rows 24 cols 100; exec $VMKEEP --config $tmp/config jobs --watch" \
        "$tmp/typescript" > /dev/null 2>&1 3>&- < /dev/null &
    watch=$!
    drawn() { [ "$(grep -c 'copying 42% of 10.0 MiB' "$tmp/typescript")" -ge 2 ]; }
    wait_for drawn
    kill -TERM -- "-$watch"
    wait "$watch" || true
    grep -q '1 run, 0 wait (interrupt to end)' "$tmp/typescript"
}

events() {
    cat <<'END'
{"event": "accepted", "jobs": [{"id": 12, "domain": "a", "host": "lab", "policy": "nightly"}, {"id": 13, "domain": "b", "host": "lab", "policy": "nightly"}]}
{"event": "progress", "job": 12, "domain": "a", "step": "copying", "done": 0, "total": 100}
{"event": "progress", "job": 12, "domain": "a", "step": "copying", "done": 50, "total": 100}
{"event": "never heard of", "job": 12}
{"event": "ended", "job": 12, "domain": "a", "outcome": "OUTCOME", "reason": "as it is"}
{"event": "progress", "job": 13, "domain": "b", "step": "publishing", "done": 0, "total": 0}
{"event": "ended", "job": 13, "domain": "b", "outcome": "failed", "reason": "no space"}
{"ok": true, "result": {}}
END
}

@test "run --wait: ends on standard output, beginnings on standard error; 3 when some failed" {
    answers < <(events | sed s/OUTCOME/success/)
    run -3 --separate-stderr vmkeep run nightly --wait
    [ "$output" = "job 12: lab/a: success: as it is
job 13: lab/b: failed: no space" ]
    [ "$stderr" = "job 12: lab/a under nightly is queued
job 13: lab/b under nightly is queued" ]
    jq -e '. == {v: 1, cmd: "run", args: {target: "nightly", wait: true, progress: true}}' "$tmp/requests"
    run -3 --separate-stderr vmkeep run nightly --wait --json
    jq -e '.jobs | map([.id, .outcome, .reason]) ==
        [[12, "success", "as it is"], [13, "failed", "no space"]]' <<< "$output"
}

@test "run --wait: 1 when all failed, 0 when none did" {
    answers < <(events | sed s/OUTCOME/aborted/)
    run -1 vmkeep run nightly --wait
    events | sed 's/OUTCOME/success/; s/failed/success/' > "$tmp/answer"
    run -0 vmkeep run nightly --wait
}

@test "run --wait: Ctrl-C leaves the jobs alone and says so" {
    answers hold < <(events | sed 's/OUTCOME/success/' | head -n 5)
    # By way of timeout, for a shell's background jobs do not get SIGINT; --foreground: one signal only.
    # It would send a second one to the whole group, which may kill before the last words.
    run -130 --separate-stderr timeout --foreground --preserve-status --signal=INT 1 \
        "$VMKEEP" --config "$tmp/config" run nightly --wait
    [ "$output" = "job 12: lab/a: success: as it is" ]
    [ "${stderr_lines[-1]}" = \
        "vmkeep: interrupted; job 13 goes on ('vmkeep cancel 13' ends it)" ]
}

@test "run --wait: what was there already is joined, and several go on after Ctrl-C" {
    answers hold <<'END'
{"event": "accepted", "jobs": [{"id": 12, "domain": "a", "host": "lab", "policy": "nightly", "joined": true, "state": "running"}, {"id": 13, "domain": "b", "host": "lab", "policy": "nightly", "joined": false, "state": "queued"}]}
END
    run -130 --separate-stderr timeout --foreground --preserve-status --signal=INT 1 \
        "$VMKEEP" --config "$tmp/config" run nightly --wait
    [ -z "$output" ]
    [ "$stderr" = "joined job 12: lab/a under nightly, which is running
job 13: lab/b under nightly is queued
vmkeep: interrupted; jobs 12 13 go on ('vmkeep cancel JOB' ends one)" ]
    # It is asked for its progress, to tell when nothing moves.
    jq -e '.args == {target: "nightly", wait: true, progress: true}' "$tmp/requests"
}

@test "run --wait on a terminal: one line that is written anew, and never too long" {
    answers <<'END'
{"event": "accepted", "jobs": [{"id": 12, "domain": "a", "host": "lab", "policy": "nightly", "joined": false, "state": "queued"}]}
{"event": "progress", "job": 12, "domain": "a", "step": "queued", "done": 0, "total": 0, "now": {"doing": null, "waits_for": {"code": "guest", "text": "job 7 (full of policy weekly) of the same domain"}}}
{"event": "progress", "job": 12, "domain": "a", "step": "copying", "done": 5, "total": 10, "now": {"doing": "copying", "percent": 50.0, "bytes_total": 1048576, "bytes_per_second": 1024, "seconds_left": 512, "waits_for": null}}
{"event": "ended", "job": 12, "domain": "a", "outcome": "success", "reason": "full of 1 disk"}
{"ok": true, "result": {}}
END
    script -qec "stty cols 40; unset COLUMNS; $VMKEEP --config $tmp/config run nightly --wait" "$tmp/typescript" \
        > /dev/null < /dev/null
    grep -q 'job 12: lab/a under nightly is queued' "$tmp/typescript"
    tr '\r' '\n' < "$tmp/typescript" | sed 's/\x1b\[K//' > "$tmp/lines"
    grep -qx 'job 12: waits for job 7 (full of policy' "$tmp/lines"
    grep -qx 'job 12: copying 50% of 1.00 MiB, 1.00 K' "$tmp/lines"
    grep -q 'job 12: lab/a: success: full of 1 disk' "$tmp/lines"
    jq -e '.args == {target: "nightly", wait: true, progress: true}' "$tmp/requests"
}

@test "run --wait without a terminal: when nothing moves any more, what each works at is said once" {
    cat > "$tmp/slow" <<'END'
head -n 1 > /dev/null
echo '{"event": "accepted", "jobs": [{"id": 12, "domain": "a", "host": "lab", "policy": "nightly", "state": "queued"}, {"id": 13, "domain": "b", "host": "lab", "policy": "nightly", "state": "queued"}]}'
for i in 1 2 3 4 5 6 7 8; do
    echo '{"event": "progress", "job": 12, "domain": "a", "step": "looking", "done": 0, "total": 0, "now": {"doing": "looking at the domain", "waits_for": null}}'
    echo '{"event": "progress", "job": 13, "domain": "b", "step": "queued", "done": 0, "total": 0, "now": {"doing": null, "waits_for": {"code": "jobs-limit", "text": "a place", "jobs": [12]}}}'
    sleep 1
done
echo '{"event": "ended", "job": 12, "domain": "a", "outcome": "failed", "reason": "no answer"}'
echo '{"event": "ended", "job": 13, "domain": "b", "outcome": "success"}'
echo '{"ok": true, "result": {}}'
END
    setsid socat "UNIX-LISTEN:$socket,fork" "SYSTEM:sh $tmp/slow" 3>&- &
    echo $! > "$tmp/daemon"
    wait_for listening
    run -3 --separate-stderr vmkeep run nightly --wait
    [[ $(sed 's/for [5-7]s/for Ns/' <<< "$stderr") == "job 12: lab/a under nightly is queued
job 13: lab/b under nightly is queued
job 12: lab/a: looking at the domain (for Ns)" ]]
}

@test "run --wait: an end without a reason" {
    answers < <(events | sed 's/OUTCOME/success/; s/"failed", "reason": "no space"/"skipped", "reason": null/')
    run -3 --separate-stderr vmkeep run nightly --wait
    [ "${lines[1]}" = "job 13: lab/b: skipped" ]
}

@test "run --wait: a daemon that goes away meanwhile" {
    answers < <(events | head -n 2)
    run -6 --separate-stderr vmkeep run nightly --wait
    [ "${stderr_lines[-2]}" = "vmkeep: $socket: the daemon went away before it had answered" ]
    [[ ${stderr_lines[-1]} == *"look before you ask again" ]]
}

@test "texts from elsewhere cannot steer the terminal" {
    answers <<'END'
{"event": "accepted", "jobs": [{"id": 1, "domain": "\u001b[2J", "host": "h", "policy": "p"}]}
{"event": "ended", "job": 1, "domain": "x", "outcome": "success", "reason": "a\u0007b\nc"}
{"event": "ended", "job": 1, "domain": "x", "outcome": "failed", "reason": "too late"}
{"ok": true, "result": {}}
END
    run -0 --separate-stderr vmkeep run nightly --wait
    [ "$output" = "job 1: h/?[2J: success: a?b?c" ]
    [ "$stderr" = "job 1: h/?[2J under p is queued" ]
}

@test "cancel" {
    answers <<< '{"ok": true, "result": {}}'
    run -0 --separate-stderr vmkeep cancel 812
    [ "$output" = "job 812 is being cancelled" ]
    jq -e '. == {v: 1, cmd: "cancel", args: {job: 812}}' "$tmp/requests"
}

@test "prune" {
    answers <<< '{"ok": true, "result": {"jobs": []}}'
    run -0 vmkeep prune
    [ "$output" = "There is nothing to do." ]
    run -0 vmkeep prune web01 --wait
    jq -se '. == [{v: 1, cmd: "prune", args: {}},
        {v: 1, cmd: "prune", args: {target: "web01", wait: true, progress: true}}]' "$tmp/requests"
    answers <<< '{"ok": true, "result": {"jobs": [{"id": 12, "domain": "web01", "host": "lab", "policy": "nightly"}]}}'
    run -0 vmkeep prune web01
    [ "$output" = "job 12: lab/web01 under nightly is queued
How that ends: 'vmkeep jobs', or next time --wait." ]
    printf '%s\n' '{"event": "accepted", "jobs": [{"id": 12, "domain": "web01", "host": "lab", "policy": "nightly"}]}' \
        '{"event": "ended", "job": 12, "outcome": "skipped", "reason": "nothing is let go"}' \
        '{"ok": true, "result": {}}' | answers
    run -1 --separate-stderr vmkeep prune web01 --wait
    [ "$output" = "job 12: lab/web01: skipped: nothing is let go" ]
}

@test "domains: from the daemon" {
    answers <<'END'
{"ok": true, "result": {"domains": [
{"host": "lab", "domain": "web01", "uuid": "0f0e0d0c-0b0a-0908-0706-050403020100", "state": "running", "problem": null, "checkpoint": true, "job": 12},
{"host": "lab", "domain": "db01", "state": "shut off", "problem": "no disks", "checkpoint": false, "job": null}]}}
END
    tr -d '\n' < "$tmp/answer" > "$tmp/line"
    (cat "$tmp/line" && echo) > "$tmp/answer"
    run -0 --separate-stderr vmkeep domains
    [ -z "$stderr" ]
    diff -u - <(sed 's/  */ /g' <<< "$output") <<'END'
DOMAIN STATE CHECKPOINT JOB PROBLEM
lab/web01 running yes 12 -
lab/db01 shut off no - no disks
END
    [ "$(vmkeep domains --name)" = $'lab/web01\nlab/db01' ]
    [ "$(vmkeep domains --uuid)" = $'0f0e0d0c-0b0a-0908-0706-050403020100\n-' ]
    [ "$(vmkeep domains --name --uuid)" = $'0f0e0d0c-0b0a-0908-0706-050403020100 lab/web01\n- lab/db01' ]
    [ "$(vmkeep domains --inactive --json | jq -c .)" = \
        '[{"host":"lab","domain":"db01","uuid":null,"state":"shut off","problem":"no disks","checkpoint":false,"job":null}]' ]
}

@test "status: of the daemon" {
    "$MAKE_CATALOG" "$tmp/catalog.db" "$(date +%s)"
    answers <<'END'
{"ok": true, "result": {"pid": 77, "version": "1.2.3", "started": "2026-11-23T02:30:00Z", "running": 1, "queued": 2}}
END
    run vmkeep status # which finds no repository
    [[ ${lines[0]} == "ACT: 1 domain protected; 1 repository to see to"* ]]
    [ "${lines[1]}" = "vmkeepd 1.2.3 runs since 2026-11-23 02:30:00: 1 job running, 2 queued" ]
    run vmkeep status --json
    jq -e '.daemon == {running: true, problem: null, starting: false, pid: 77, version: "1.2.3",
        started: "2026-11-23T02:30:00Z", jobs_running: 1, jobs_queued: 2, reasons: []}' <<< "$output"
    run vmkeep status
    [[ $output == *"lab/web01 "*" runs now"* ]]
    # By its row it has not begun; by the daemon it may look at its domain already.
    sqlite3 "$tmp/catalog.db" "UPDATE job SET state = 'queued', started = 0 WHERE id = 8"
    run vmkeep status
    [[ $output == *"lab/web01 "*" job 8"* && "${lines[*]:2}" != *queued* ]]
    run vmkeep explain web01
    [[ $output == *"8 waits, or begins, now"* ]]
}
