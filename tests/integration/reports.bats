#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# What the reading commands say of a catalog, while no daemon runs; tests/support/make_catalog.c
# tells what is in it.  Times are shown as DATE TIME here, for they are counted back from now.
# VMKEEP and MAKE_CATALOG name the programs.

bats_require_minimum_version 1.5.0

setup() {
    export TZ=UTC COLUMNS=1000
    tmp=$(mktemp -d)
    now=$(date +%s)
    "$MAKE_CATALOG" "$tmp/catalog.db" "$now"
    mkdir "$tmp/main"
    cat > "$tmp/config" <<END
catalog: $tmp/catalog.db
control: $tmp/control.sock
hosts:
  - name: lab
    driver: qemu
    domains:
      - { name: web01, qmp: $tmp/web01.qmp }
      - { name: db01, qmp: $tmp/db01.qmp }
      - { name: spare, qmp: $tmp/spare.qmp }
repositories:
  - { name: main, path: $tmp/main }
  - { name: far, path: /far }
policies:
  - name: nightly
    domains: ["*", "!spare"]
    repository: main
    schedule: { full: ["2199-12-31"] }
    keep: { last: 1 }
    rpo: 26h
END
}

frozen="the guest's file systems are perhaps frozen since DATE TIME"
thaw="in the guest, see to its agent, or run \`fsfreeze --unfreeze MOUNTPOINT\`; vmkeepd tries to thaw it until the agent confirms it"

# No daemon runs here, and that is always something to act on: exit status 4.
@test "a guest that is perhaps frozen" {
    run -4 vmkeep status web01
    [[ $output != *frozen* ]]
    sqlite3 "$tmp/catalog.db" "INSERT INTO frozen VALUES ('lab', 'web01', 1795314600)"
    run -4 vmkeep status web01
    [[ $(plain <<< "$output") == *"why: $frozen"* ]]
    [[ $(plain <<< "$output") == *"do: $thaw"* ]]
    run -4 vmkeep status --json web01
    [ "$(jq -r '.domains[0].frozen_since' <<< "$output")" = 2026-11-22T02:30:00Z ]
    jq -e '.domains[0].reasons | map(select(.code == "frozen" and .severity == "act")) | length == 1' <<< "$output"
    run -0 vmkeep explain web01
    [[ $(plain <<< "$output") == *"frozen: perhaps, since DATE TIME: in the guest, see to its agent"* ]]
}

# is_report [NAME]: what the published schema says
is_report() {
    "$BATS_TEST_DIRNAME/../support/check_schema" "$BATS_TEST_DIRNAME/../../docs/api-v1.schema.json" "${1:-report}"
}

@test "report: what came of a week, how it stands, and how repositories grow" {
    for day in {0..20}; do
        sqlite3 "$tmp/catalog.db" "INSERT INTO seen (kind, name, state, at) VALUES ('room',
            '$(date -ud "@$((now - day * 86400))" +%F) main', '$(((100 + day) << 30)) $((1000 << 30))', $((now - day * 86400)))"
    done
    run -0 vmkeep report
    [[ ${lines[0]} =~ ^"vmkeep on "[^:]+": 1 at risk, 1 unprotected, 4 things to see to, 1 protected; 5 of 6 backups succeeded, 1 failed"$ ]]
    [[ ${lines[1]} == "From "*" to "*" (7d)." ]]
    [[ $output == *"- lab/db01, nightly: no good point for 3d 2h, promised 1d 2h"*"  do: first of all have vmkeepd run again"* ]]
    plain <<< "$output" | grep -qx 'lab/db01 at risk 2 1 0 2.15 GiB 3d 2h ago .*'
    plain <<< "$output" | grep -qx ' last failure: job 7: disk vda: No space left on device'
    plain <<< "$output" | grep -q '^main .* 4.44 GiB grows by 1.00 GiB a day, full in '
    # All jobs that are known: one of a domain that is known no more, too.
    run -0 vmkeep report --since 30d
    plain <<< "$output" | grep -qx 'lab/gone gone 1 0 0 2.00 GiB - -'
    run -0 --separate-stderr vmkeep report --json
    is_report <<< "$output"
    json '.backups == {success: 5, failed: 1, aborted: 0, skipped: 0, bytes: 4766826496} and .severity == "risk" and
        (.domains | map(.domain)) == ["db01", "spare", "web01"] and .repositories[0].growth_per_day == 1073741824 and
        (.reasons | map(.code) | index("no-policy")) != null' report --json
    run -0 vmkeep report --json --policy nightly --since 1d
    is_report <<< "$output"
    [[ $(jq -r .subject <<< "$output") == *": run of nightly: 2 of 3 backups succeeded, 1 failed; 1 at risk, 1 protected" ]]
    [ "$(jq -c '.reasons | map(.policy) | unique' <<< "$output")" = '["nightly"]' ]
    run -0 vmkeep report --message
    is_report message <<< "$output"
    [ "$(jq -r '.kind, .severity, (.html | startswith("<!DOCTYPE html>"))' <<< "$output" | xargs)" = "report risk true" ]
    jq .report <<< "$output" | is_report
    run -0 vmkeep report --html
    [[ $output == *'<tr id="lab/db01">'*'no good point for 3d 2h'* || $output == *'no good point for 3d 2h'*'<tr id="lab/db01">'* ]]
    [ "$(grep -oE '(href|src|content)="[^"]*"' <<< "$output" | grep -vE '"(#|data:,"|width=|light dark')" = "" ]
    for wrong in "--since tomorrow" "--since 2199-01-01" "--html --json"; do
        run -2 --separate-stderr vmkeep report $wrong
        [ -z "$output" ]
    done
    run -4 --separate-stderr vmkeep report --policy none
    [ "$stderr" = "vmkeep: report: no policy of the configuration is called 'none'" ]
}

@test "the message of a report stays small: the worst domains are in it, and how many are not" {
    "$BATS_TEST_DIRNAME/../bench/big_catalog" "$tmp/big" 700 1 2 > "$tmp/log"
    sqlite3 "$tmp/big/catalog.db" "UPDATE point SET created = created - 864000"
    run -0 "$VMKEEP" --config "$tmp/big/config" report --message
    [ ${#output} -lt 1000000 ]
    jq .report <<< "$output" | is_report
    # Each of them breaks a promise; of how many the newest point could be looked at in its time is another matter.
    [ "$(jq -c '.report | [(.domains | length), .more, (.reasons | length), .more_reasons >= 200, (.reasons | map(.severity) | unique[0])]' <<< "$output")" = '[500,200,500,true,"risk"]' ]
    [ "$(jq -r .html <<< "$output" | grep -c '<tr id="h')" = 500 ]
    [[ $(jq -r .html <<< "$output") == *'<p>and 200 more domains, none of which stands worse: <code>vmkeep report</code> has a row of each</p>'* ]]
    [[ $(jq -r .text <<< "$output") == *'and 200 more domains, none of which stands worse'* ]]
    [ "$("$VMKEEP" --config "$tmp/big/config" report --json | jq -c '[(.domains | length), .more]')" = '[700,null]' ]
}

# promtool is Prometheus' own judge of the format and of names.
@test "metrics are as Prometheus wants them" {
    printf 'notify: [ { name: boss, command: [/bin/true] }, { name: ops, command: [/bin/true] } ]\n' >> "$tmp/config"
    sqlite3 "$tmp/catalog.db" "INSERT INTO target (name, sent, n_sent, n_failed, n_lost) VALUES ('boss', 7, 5, 3, 1), ('gone', 7, 9, 9, 9);
        INSERT INTO message (target, kind, subject, body, created, expires, next) VALUES ('boss', 'conditions', 's', '{}', 1, 2, 3)"
    # Grows by 1 GiB a day, 100 of them to the reserve of 5%.
    for day in 0 1 2 3 4; do
        sqlite3 "$tmp/catalog.db" "INSERT INTO seen (kind, name, state, at) VALUES ('room',
            '$(date -ud "@$((now - day * 86400))" +%F) main', '$(((150 + day) << 30)) $((1000 << 30))', $((now - day * 86400)))"
    done
    run -0 vmkeep metrics
    promtool check metrics <<< "$output"
    has() { grep -qxF -- "$1" <<< "$output" || { echo "no $1" >&2; return 1; }; }
    has 'vmkeep_up 0'
    has 'vmkeep_domain_protected{host="lab",domain="web01"} 1'
    has 'vmkeep_domain_protected{host="lab",domain="db01"} 0'
    has 'vmkeep_domain_protected{host="lab",domain="spare"} 0'
    web='{host="lab",domain="web01",policy="nightly"}'
    has "vmkeep_domain_rpo_seconds$web 93600"
    has "vmkeep_domain_last_point_timestamp_seconds$web $((now - 5 * 3600 - 20 * 60 - 30))"
    has "vmkeep_domain_last_point_bytes$web $((150 << 20))"
    has "vmkeep_domain_points$web 3"
    has "vmkeep_domain_chain_length$web 3"
    has "vmkeep_domain_last_job_success$web 1"
    has "vmkeep_domain_last_job_duration_seconds$web 300"
    has 'vmkeep_domain_last_job_success{host="lab",domain="db01",policy="nightly"} 0'
    has 'vmkeep_domain_points{host="lab",domain="db01",policy="nightly"} 1'
    has 'vmkeep_repository_state{repository="main",state="ok"} 1'
    has 'vmkeep_repository_state{repository="far",state="problem"} 1'
    has 'vmkeep_repository_growth_bytes_per_second{repository="main"} 12427.567'
    full=$(sed -n 's/^vmkeep_repository_full_timestamp_seconds{repository="main"} //p' <<< "$output")
    reserve=$(sed -n 's/^vmkeep_repository_reserve_bytes{repository="main"} //p' <<< "$output")
    left=$((full - now - ((150 << 30) - reserve) / 12427))
    [ "${left#-}" -lt 1000 ]
    [[ $output != *'full_timestamp_seconds{repository="far"}'* ]]
    has 'vmkeep_notifications_total{target="boss",outcome="sent"} 5'
    has 'vmkeep_notifications_total{target="boss",outcome="failed"} 3'
    has 'vmkeep_notifications_total{target="boss",outcome="lost"} 1'
    has 'vmkeep_notifications_total{target="ops",outcome="sent"} 0'
    has 'vmkeep_notifications_waiting{target="boss"} 1'
    has 'vmkeep_notifications_waiting{target="ops"} 0'
    [[ $output != *'target="gone"'* ]]
    has 'vmkeep_jobs_total{kind="backup",outcome="success"} 6'
    has 'vmkeep_jobs_total{kind="backup",outcome="failed"} 1'
    has 'vmkeep_job_duration_seconds_bucket{kind="backup",le="60"} 0'
    has 'vmkeep_job_duration_seconds_bucket{kind="backup",le="300"} 6'
    has 'vmkeep_job_duration_seconds_bucket{kind="backup",le="3600"} 7'
    has 'vmkeep_job_duration_seconds_sum{kind="backup"} 5400'
    has 'vmkeep_job_duration_seconds_count{kind="backup"} 7'
    has 'vmkeep_reasons{code="daemon-down",severity="act"} 1'
    has 'vmkeep_reasons{code="no-policy",severity="risk"} 1'
    has 'vmkeep_reasons{code="clock",severity="act"} 0'
    [[ $output == *'vmkeep_repository_free_bytes{repository="main"} '[1-9]* ]]
    # Rows of jobs go after a time; what they counted for stays.
    sqlite3 "$tmp/catalog.db" 'PRAGMA foreign_keys = ON; DELETE FROM job WHERE state = '"'ended'"
    run -0 vmkeep metrics
    has 'vmkeep_jobs_total{kind="backup",outcome="success"} 6'
    has "vmkeep_job_duration_seconds_sum{kind=\"backup\"} 5400"
}

@test "metrics for a textfile collector: the file is replaced as a whole, and others may read it" {
    run -0 vmkeep metrics --output "$tmp/vmkeep.prom"
    [ "$output" = "" ]
    promtool check metrics < "$tmp/vmkeep.prom"
    [ "$(stat -c %a "$tmp/vmkeep.prom")" = 644 ]
    [ "$(ls "$tmp" | grep -c prom)" = 1 ]
    run -4 vmkeep metrics --output "$tmp/none/vmkeep.prom"
    [[ $output == *"$tmp/none/vmkeep.prom"* ]]
}

teardown() {
    rm -rf "$tmp"
}

vmkeep() {
    "$VMKEEP" --config "$tmp/config" "$@"
}

# Without what differs from run to run; blanks at the end of a line are none of the table's.
plain() {
    # The temporary folder first: its name may look like that of a checkpoint.
    sed -E 's|'"$tmp"'|TMP|g
            s/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{5}(:[0-9]{2})?/DATE TIME/g; s/[0-9T-]{19}Z/STAMP/g
            s/(vmkeep-[a-z0-9]+-)[0-9]+/\1N/g; s/[0-9.]+ [KMGTP]iB +[0-9.]+ [KMGTP]iB  /F OF /
            s/in [0-9]{5}d( [0-9]+h)?/in LONG/
            s/ +/ /g'
}

# says COMMAND...: its output is what standard input holds.
says() {
    cat > "$tmp/want"
    vmkeep "$@" | plain > "$tmp/got"
    diff -u "$tmp/want" "$tmp/got"
}

at() {
    date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ
}

# json FILTER COMMAND...: the filter's value for the command's output is true.
json() {
    local filter=$1
    shift
    local status=0
    vmkeep "$@" --json > "$tmp/json" || status=$?
    [[ $status =~ ^[034]$ ]]
    jq -e "$filter" "$tmp/json" > /dev/null || {
        cat "$tmp/json"
        return 1
    }
}

@test "status: the sum, then the worst first, with why and what to do" {
    says status <<'END'
NOT PROTECTED: 1 domain at risk, 1 unprotected, 1 protected; vmkeepd is not running; 1 repository to see to; 2 more things to see to: points-bad, unreachable

vmkeepd: TMP/control.sock: the daemon is not running (No such file or directory)
 do: `systemctl start vmkeepd`; `journalctl -u vmkeepd` tells why it ended

DOMAIN POLICY STATUS LAST POINT PROMISED NEXT RUN
lab/db01 nightly at risk 3d 2h ago 1d 2h overdue
 why: no good point for 3d 2h, promised 1d 2h; last job 7 failed: disk vda: No space left on device
 do: first of all have vmkeepd run again: it makes up for what was missed
 why: a point is damaged: lab/db01/STAMP.nightly: not recorded why; unreachable: QMP: no answer for 10 s
 do: `vmkeep points` tells why of each; bring back the files, and have `vmkeep verify` read them; or let go of them by `vmkeep delete POINT --with-dependents`: they count for no rule, and the next backup starts a chain of its own; `vmkeep doctor lab/db01`
lab/spare - unprotected - - -
 why: no policy selects it
 do: name it in a policy's `domains`; or, if it is meant to have no backups, in `unprotected`; then `vmkeep reload`
lab/web01 nightly protected 5h 20m ago 1d 2h in LONG

REPOSITORY STATE FREE OF PATH
main ok F OF TMP/main
far problem - - /far
 why: /far: no such directory; create it, or is the disk not mounted?
 do: mount it, or correct its path or its permissions; if it is lost for good, `vmkeep repository forget far`, or, where another disk takes its place, `vmkeep repository adopt far` with vmkeepd stopped

note: 1 domain with points is in the configuration no more, or not at its host: lab/gone; the points stay
 do: `vmkeep points DOMAIN` lists them, `vmkeep delete --domain DOMAIN` lets go of them, `vmkeep checkpoint-prune` of what they have left at hypervisors
END
}

@test "status: what is so of all domains of a host is said once, below" {
    sqlite3 "$tmp/catalog.db" "INSERT OR REPLACE INTO seen (kind, name, state, at, unsafe) VALUES
        ('domain', 'lab/web01', 'running', $now, 'disk vda: a reason'),
        ('domain', 'lab/db01', 'running', $now, 'disk vda: a reason')"
    run -3 vmkeep status
    [ "$(grep -c 'guest-safe copy not possible' <<< "$output")" -eq 1 ]
    grep -qx 'note: guest-safe copy not possible: disk vda: a reason: lab/db01, lab/web01' <<< "$output"
    json '[.domains[].reasons[] | select(.code == "unsafe")] | length == 2' status
}

@test "tables and texts fit 80 columns, and what the terminal has" {
    unset COLUMNS
    sed -i "s|path: /far|path: /a/path/that/is/longer/than/half/of/a/line/and/goes/on/and/on/far|" "$tmp/config"
    for command in status points "explain web01" jobs domains "prune --dry-run" "checkpoint-list web01"; do
        run vmkeep $command
        # What cannot be parted, a path, may be longer; so may the line that a monitoring system takes.
        [ "$command" != status ] || output=${output#*$'\n'}
        while IFS= read -r line; do
            [ "${#line}" -le 80 ] || [[ $line =~ ^\ *[^\ ]+$ ]] || [[ $line == *"$tmp"* ]] || {
                echo "$command: $line"
                return 1
            }
        done <<< "$output"
    done
    vmkeep points web01 | grep -q '^  [0-9: -]*    incremental  *[0-9.]* MiB  good   [0-9TZ-]*\.nightly$'
}

# 3: a promise is broken, or none is made. 4: somebody must act, here: have the daemon run.
@test "status: exit statuses" {
    run -3 vmkeep status
    run -3 vmkeep status web01 spare
    run -3 vmkeep status lab/db01
    run -4 vmkeep status web01
    run -4 vmkeep status gone
}

@test "status: what is left out on purpose is listed, and is no finding" {
    sed -i '1i unprotected: ["lab/sp*"]' "$tmp/config"
    run -4 vmkeep status spare
    [ "${lines[0]}" = "ACT: 1 domain left out; vmkeepd is not running" ]
    [[ $output == *"note: left out on purpose: \`unprotected\` in the configuration names it"* ]]
    json '.domains[1] | .status == "left out" and .protected == false and
        (.reasons | map(.code)) == ["left-out"]' status
    json '.severity == "risk" and (.reasons | map(.code) | index("no-policy")) == null' status
    # A policy that selects it has the last word.
    sed -i 's/, "!spare"//' "$tmp/config"
    json '.domains[1] | .status == "at risk" and (.reasons | map(.code)) == ["no-point"]' status
}

@test "status: a policy that matches no domain is something to act on, and no risk" {
    cat >> "$tmp/config" <<END
  - { name: idle, domains: ["nothing-*"], repository: main, schedule: { full: [daily] } }
END
    run --separate-stderr vmkeep status
    [ -z "$stderr" ]
    [[ $output == *"warning: policy idle: matches no domain"* ]]
    json '.warnings == ["policy idle: matches no domain"]' status
    json '.notes | length == 1 and (.[0] | test("lab/gone"))' status
    json '.reasons | map(select(.code == "policy-idle")) | map(.severity) == ["act"]' status
    # A host that was never reached, or has none: nothing is backed up, and that is no OK.
    sed -i 's|^repositories:|  - { name: hv1, driver: libvirt, uri: "qemu:///system" }\n&|' "$tmp/config"
    json '.warnings == ["policy idle: matches no domain that is known, and host hv1 has told of none yet"]' status
    json '.reasons | map(select(.code == "policy-idle")) | map(.advice) == ["`vmkeep doctor hv1/` tells whether it can be asked"]' status
}

@test "status: a host that was never reached is something to act on, beside others that are" {
    sed -i 's|^repositories:|  - { name: hv1, driver: libvirt, uri: qemu:///system }\n&|' "$tmp/config"
    sqlite3 "$tmp/catalog.db" "INSERT INTO seen (kind, name, state, problem, at) VALUES
        ('host', 'hv1', 'unreachable', 'unreachable since 2026-10-31 10:00:00Z: no such socket', $now),
        ('host', 'lab', 'unreachable', 'unreachable since 2026-10-31 10:00:00Z: no such socket', $now)"
    json '.reasons | map(select(.code == "host-unreachable")) | map([.severity, .advice]) == [["act", "`vmkeep doctor hv1/`"]]' status
    run vmkeep status
    [[ $output == *"host hv1: unreachable since 2026-10-31 10:00:00Z: no such socket"* ]]
    [[ $output != *"host lab:"* ]]
}

@test "status: the last failure is shown beside protected" {
    sqlite3 "$tmp/catalog.db" "UPDATE job SET outcome = 'failed', error = 'io', reason = 'no route to host',
        state = 'ended', ended = $now - 60, step = NULL WHERE id = 8"
    run -4 vmkeep status web01
    [[ $output == *" protected "*"note: newest good point is 5h 20m old, promised 1d 2h; last job 8 failed: no route to host"* ]]
    json '.domains[2].policies[0].reasons | map(.code) == ["kept", "job-failed"]' status
    # Nor does it put the domain at risk.
    json '.domains[2].protected' status
}

@test "report: a failure that has been mended needs nobody any more" {
    sed -i 's/domains: \["\*", "!spare"\]/domains: [web01]/' "$tmp/config"
    sqlite3 "$tmp/catalog.db" "UPDATE job SET outcome = 'failed', reason = 'no space' WHERE id =
        (SELECT min(id) FROM job WHERE domain = 'web01' AND kind = 'backup')"
    json '.severity == "ok" and .backups.failed == 2 and .reasons == []' report --json --policy nightly
    run -0 vmkeep report --policy nightly
    [[ $output == *"Nothing needs anybody: every promise is kept, though backups failed: see below."* ]]
    run -0 vmkeep report --policy nightly --html
    [[ $output == *"<p>Nothing: every promise is kept, though backups failed: see the rows below.</p>"* ]]
    [ "$(vmkeep report --policy nightly --message | jq -r .severity)" = note ]
}

@test "status: two policies, each with what it promises and has" {
    cat >> "$tmp/config" <<END
  - { name: weekly, domains: ["web01"], repository: far, schedule: { full: ["2198-01-01"] }, rpo: 8d }
END
    json '.domains[2] | .status == "at risk" and (.policies | map(.name)) == ["nightly", "weekly"] and
        (.policies | map(.protected)) == [true, false] and
        (.policies | map(.rpo_seconds)) == [93600, 691200] and
        (.policies | map(.last_point != null)) == [true, false] and
        (.policies | map(.next_run)) == ["2199-12-31T00:00:00Z", "2198-01-01T00:00:00Z"] and
        (.policies | map(.repository)) == ["main", "far"] and
        (.policies[1].reasons | map(.code)) == ["no-point"] and
        (.reasons | map({code, policy})) == [{code: "kept", policy: "nightly"}, {code: "no-point", policy: "weekly"}]' status
    run -3 vmkeep status web01
    plain <<< "$output" | grep -q '^lab/web01 nightly protected 5h 20m ago 1d 2h in '
    plain <<< "$output" | grep -q '^lab/web01 weekly at risk - 8d in '
    # Of the repositories that matter to it, one is gone.
    plain <<< "$output" | grep -q '^far problem '
}

@test "status: next runs go by the daemon's zone, and not by that of who asks" {
    sqlite3 "$tmp/catalog.db" "INSERT OR REPLACE INTO seen (kind, name, state, at)
        VALUES ('daemon', 'zone', 'Europe/Prague', 0)"
    for zone in UTC Asia/Tokyo America/New_York; do
        TZ=$zone json '.domains[2].next_run == "2199-12-30T23:00:00Z"' status
    done
}

@test "status: no rpo is no promise, but a point there must be" {
    sed -i '/rpo/d; s/, "!spare"//' "$tmp/config"
    json '[.domains[] | .protected] == [true, false, true]' status
    json '[.domains[] | .rpo_seconds] == [null, null, null]' status
    json '.domains[1].reason == "no good point yet, no promise made"' status
}

@test "status: a point is as good as what it stands on" {
    sqlite3 "$tmp/catalog.db" \
        "UPDATE point SET state = 'damaged' WHERE domain = 'web01' AND level = 'full'"
    json '.domains[2] | .protected == false and .last_point == null and
        (.reason | startswith("no good point is left, promised 1d 2h; the newest, of "))' status
}

@test "status: where the last point of the main repository is deleted, it says where good copies lie" {
    sed -i 's/    keep: { last: 1 }/&\n    copy_to: [ { repository: far } ]/' "$tmp/config"
    sqlite3 "$tmp/catalog.db" "DELETE FROM point WHERE domain = 'web01' AND level != 'full'"
    sqlite3 "$tmp/catalog.db" \
        "UPDATE point SET repository = 'far', copy_of = id, id = id || '@far' WHERE domain = 'web01'"
    json '.domains[2] | .protected == false and .last_point == null and (.reason |
        startswith("no good point is left in repository main, promised 1d 2h; repository far has 1 good copy, of "))' status
    run -3 vmkeep status web01
    [[ $output == *"do: "*"takes the newest copy"* ]]
    run -4 vmkeep restore web01 --to "$tmp/restored" --dry-run # its disk is away
    [[ ${lines[0]} == "The latest good point is lab/web01/"*"@far." ]]
}

# Looked at disk by disk, each branch anew, this would take 2^60 steps.
@test "status: a long chain of several disks, one of which is always a full" {
    sqlite3 "$tmp/catalog.db" <<END
CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 60)
    SELECT i, 'long' || i AS id, CASE WHEN i > 1 THEN 'long' || (i - 1) END AS base FROM c;
INSERT INTO point (id, host, domain, policy, repository, level, parent, created, mode, state, quiesced)
    SELECT id, 'lab', 'db01', 'nightly', 'main', 'incremental', base, $now - 60 + i, 'push', 'good', 0
    FROM n;
INSERT INTO point_disk (point, position, name, path, format, backing, capacity, bytes, length)
    SELECT id, d.i - 1, 'vd' || d.i, 'vd' || d.i, 'qcow2', CASE WHEN d.i <> 2 THEN base END, 1, 1, 1
    FROM n, (SELECT i FROM n WHERE i <= 3) AS d;
END
    json ".domains[0] | .protected and .last_point == \"$(at "$now")\"" status
}

@test "status --json" {
    json ".daemon | .running == false and
        .problem == \"$tmp/control.sock: the daemon is not running (No such file or directory)\" and
        (.reasons | map(.code)) == [\"daemon-down\"]" status
    json '[.domains[] | .host + "/" + .domain] == ["lab/db01", "lab/spare", "lab/web01"]' status
    json '[.domains[] | .status] == ["at risk", "unprotected", "protected"]' status
    json "[.domains[] | .last_point] ==
        [\"$(at $((now - 3 * 86400 - 7200 - 30)))\", null, \"$(at $((now - 19230)))\"]" status
    json '.domains[2] | (.policies | map(.name)) == ["nightly"] and .rpo_seconds == 93600 and
        .next_run == "2199-12-31T00:00:00Z" and .state == "running" and .problem == null' status
    json '.domains[0] | .last_job.id == 7 and .last_job.outcome == "failed" and
        .problem == "QMP: no answer for 10 s"' status
    json '.domains[1] | .policies == [] and .next_run == null and .last_job == null' status
    json '.repositories | map(.name) == ["main", "far"] and .[0].free > 0 and
        .[0].free <= .[0].total and .[1].free == null and .[1].problem == "/far: no such directory; create it, or is the disk not mounted?"' status
}

@test "jobs" {
    says jobs <<'END'
JOB STARTED DOMAIN POLICY WHAT STATE TOOK DATA WHY
 1 DATE TIME lab/web01 nightly full success 5m 2.00 GiB 2 GiB
 2 DATE TIME lab/web01 nightly incremental success 5m 150 MiB 150 MiB
 3 DATE TIME lab/web01 nightly incremental success 5m 150 MiB 150 MiB
 4 DATE TIME lab/db01 nightly full success 5m 2.00 GiB 2 GiB
 5 DATE TIME lab/db01 nightly incremental success 5m 150 MiB 150 MiB
 6 DATE TIME lab/gone nightly full success 5m 2.00 GiB 2 GiB
 7 DATE TIME lab/db01 nightly incremental failed 1h - disk vda: No space left on device
 8 DATE TIME lab/web01 nightly incremental interrupted - 50.0 MiB copying
END
    run -0 --separate-stderr vmkeep jobs
    [[ $(plain <<< "$stderr") == "vmkeep: TMP/control.sock: the daemon is not running (No such file or directory); \
it settles what it left open when it starts"* ]]
    run -0 --separate-stderr vmkeep jobs db01
    [ -z "$stderr" ]
    json 'map(.interrupted) == [false, false, false, false, false, false, false, true]' jobs
    run -0 --separate-stderr vmkeep explain 8
    [[ $output == *"interrupted, copying"* ]]
}

@test "jobs: filters, and JSON" {
    json 'map(.id) == [4, 5, 7]' jobs db01
    json 'map(.id) == [8]' jobs --active
    json 'map(.id) == [7, 8]' jobs --limit 2
    json 'map(.id) == []' jobs spare
    # What it has found before it ends has no code.
    sqlite3 "$tmp/catalog.db" "UPDATE job SET reason = '150 MiB' WHERE id = 8"
    json '.[7] | .reason == "150 MiB" and .reasons == []' jobs
    sqlite3 "$tmp/catalog.db" "UPDATE job SET reason = NULL WHERE id = 8"
    json ".[7] == {id: 8, kind: \"backup\", domain: \"web01\", host: \"lab\", policy: \"nightly\",
        repository: \"main\", level: \"incremental\", state: \"running\", step: \"copying\",
        outcome: null, reason: null, reasons: [], error: null, why: \"scheduled: incremental\",
        due: \"$(at $((now - 600)))\", created: \"$(at $((now - 600)))\",
        started: \"$(at $((now - 600)))\", ended: null, bytes_done: 52428800,
        bytes_total: 209715200, interrupted: true}" jobs
    json '.[6] | .outcome == "failed" and .error == "nospace" and .step == null and
        .reasons == [{code: "nospace", text: "disk vda: No space left on device"}]' jobs
    [ "$(vmkeep jobs spare)" = "There are no jobs." ]
}

@test "jobs that are open, and no daemon: what it left, how old that is, and that it is so" {
    run -0 --separate-stderr vmkeep jobs --active
    old() { plain | sed -E 's/10m( [0-9]+s)? ago/10m ago/'; }
    [ "$(old <<< "$output")" = "JOB DOMAIN POLICY WHAT NOW
 8 lab/web01 nightly incremental interrupted, copying 25% of 200 MiB (10m ago)" ]
    [[ $(old <<< "$stderr") == "vmkeep: TMP/control.sock: the daemon is not running (No such file \
or directory); what follows is what it left in the catalog, last at DATE TIME (10m ago)
vmkeep: 'systemctl start vmkeepd'; 'journalctl -u vmkeepd' tells why it ended" ]]
    json '.[0] | .live == false and .doing == "copying" and .percent == 25 and .waits_for == null and
        .bytes_per_second == null and .seconds_left == null and .cancelled == false' jobs --active
    json ".[0].figures == \"$(at $((now - 600)))\"" jobs --active
    run -0 --separate-stderr vmkeep jobs --active db01
    [ "$output" = "No job is queued or running." ]
    [[ $stderr == *"; by the catalog it had left no job open"$'\n'* ]]
    run -2 --separate-stderr vmkeep jobs --watch
    [ "$stderr" = "vmkeep: jobs: --watch redraws a terminal, and standard output is none; --active \
prints once" ]
    run -2 --separate-stderr vmkeep jobs --watch --json
    run -2 --separate-stderr vmkeep jobs --waiting
}

@test "points: chains" {
    says points <<'END'
lab/db01, policy nightly, repository main
 TIME KIND SIZE STATE POINT
 DATE TIME full 2.00 GiB good STAMP.nightly
 DATE TIME incremental 150 MiB damaged STAMP.nightly

lab/gone, policy nightly (which does not cover it any more: they stay), repository main
 TIME KIND SIZE STATE POINT
 DATE TIME full 2.00 GiB good STAMP.nightly

lab/web01, policy nightly, repository main
 TIME KIND SIZE STATE POINT
 DATE TIME full 2.00 GiB good STAMP.nightly
 DATE TIME incremental 150 MiB good STAMP.nightly
 DATE TIME incremental 150 MiB good STAMP.nightly
END
}

@test "points --json" {
    json 'length == 3 and map(.kind) == ["full", "incremental", "incremental"] and
        .[0].parent == null and .[1].parent == .[0].id and .[2].parent == .[1].id' points web01
    json ".[2].created == \"$(at $((now - 19230)))\" and (.[2] | .domain == \"web01\" and
        .host == \"lab\" and .policy == \"nightly\" and .mode == \"push\" and .state == \"good\" and
        .keep == \"last 3\" and .checkpoint == \"vmkeep-web01-$((now - 19230))\" and
        .disks == [{name: \"vda\", path: \"vda.qcow2\", format: \"qcow2\", capacity: 10737418240,
            bytes: 157286400, digest: null, content: null}])" points web01
    json '. == []' points spare
    json 'map(.domain) | unique == ["db01", "gone", "web01"]' points
}

@test "a domain by name: of one that is gone, of none, of several" {
    json 'length == 1' points lab/gone
    run -4 --separate-stderr vmkeep points web1
    [ "$stderr" = "vmkeep: web1: no such domain; did you mean 'web01'?" ]
    run -4 --separate-stderr vmkeep jobs lab/web1
    [ "$stderr" = "vmkeep: lab/web1: no such domain; did you mean 'lab/web01'?" ]
    run -4 --separate-stderr vmkeep status other/web01
    [ -z "$output" ]
    run -4 --separate-stderr vmkeep explain lab/web1
    [ "$stderr" = "vmkeep: lab/web1: no such domain, point or job; did you mean 'lab/web01'?" ]
    run -4 --separate-stderr vmkeep restore web1 --to "$tmp/r"
    [ "$stderr" = "vmkeep: restore: 'web1' is neither a point nor a domain that has one; did you mean 'web01'?" ]
    run -4 --separate-stderr vmkeep verify nigthly
    [ "$stderr" = "vmkeep: verify: 'nigthly' is neither a point nor a domain or policy that has one; see 'vmkeep points'; did you mean 'nightly'?" ]
    sed -i "s|^repositories:|  - { name: den, driver: qemu, domains: [{ name: web01, qmp: $tmp/q }] }\n&|" \
        "$tmp/config"
    run -2 --separate-stderr vmkeep points web01
    [ "$stderr" = "vmkeep: hosts den and lab both have a domain web01: say den/web01" ]
    json 'length == 3' points lab/web01
}

@test "explain" {
    says explain web01 <<'END'
domain lab/web01
 protected: newest good point is 5h 20m old, promised 1d 2h
 vmkeepd: TMP/control.sock: the daemon is not running (No such file or directory)
 do: `systemctl start vmkeepd`; `journalctl -u vmkeepd` tells why it ended
 policy nightly: newest good point is 5h 20m old, promised 1d 2h
 last job: 3, ended DATE TIME, success: 150 MiB
 next run: DATE TIME (in LONG), scheduled: full, DATE TIME
 last point: lab/web01/STAMP.nightly, incremental: scheduled: incremental
END
    says explain 7 <<'END'
job 7
 what: incremental backup of lab/db01 under policy nightly
 why: scheduled: incremental
 when: DATE TIME to DATE TIME
 outcome: failed: disk vda: No space left on device
 do: mend what it says, then `vmkeep run lab/db01`
END
    sqlite3 "$tmp/catalog.db" "UPDATE job SET outcome = 'failed' WHERE id = 5"
    run -0 vmkeep explain 5
    [[ $(plain <<< "$output") == *"since then: job 7, the last one, ended as failed: disk vda: No space left on device"* ]]
    run -0 vmkeep explain "$(vmkeep points db01 --json | jq -r '.[] | select(.state == "damaged").id')"
    [[ $(plain <<< "$output") == *"state: damaged"*"do: "*"delete"* ]]
    says explain "$(vmkeep points web01 --json | jq -r '.[1].id')" <<'END'
point lab/web01/STAMP.nightly
 incremental: scheduled: incremental
 kept: not judged yet: no prune has looked at it
 read: not again since it was made
 stands on: lab/web01/STAMP.nightly
 lies in: repository main
 below it: 1 point stands on it
END
    json '.kind == "job" and .name == "1" and .sentences[1] == {about: "why",
        text: "no base point yet"}' explain 1
    run -4 --separate-stderr vmkeep explain 99
    [ "$stderr" = "vmkeep: 99: no such domain, point or job" ]
}

@test "prune --dry-run: the verdict on each point; what is not covered stays" {
    says prune --dry-run <<'END'
VERDICT KIND SIZE POINT WHY
keep full 2.00 GiB lab/db01/STAMP.nightly last 1
keep incremental 150 MiB lab/db01/STAMP.nightly damaged: left for you to decide
keep full 2.00 GiB lab/gone/STAMP.nightly its policy does not cover it any more
merge full 2.00 GiB lab/web01/STAMP.nightly no rule keeps it; into STAMP.nightly
merge incremental 150 MiB lab/web01/STAMP.nightly no rule keeps it; into STAMP.nightly
keep incremental 150 MiB lab/web01/STAMP.nightly last 1

2 of 6 points would go, up to 2.15 GiB; 2 of them by merging, which moves 300 MiB
END
    rmdir "$tmp/main"
    run -0 --separate-stderr vmkeep prune --dry-run --json
    [ "$stderr" = "vmkeep: prune: repository main: $tmp/main: no such directory; create it, or is the disk not mounted? \
(nothing goes from there as long as that is so)" ]
    [ "$(vmkeep prune --dry-run db01 2> /dev/null | tail -n 1)" = "none of 2 points would go" ]
    [ "$(vmkeep prune --dry-run spare)" = "There are no restore points." ]
    # Two chains: the older full goes once nothing stands on it.
    sqlite3 "$tmp/catalog.db" "UPDATE point_disk SET backing = NULL; UPDATE point SET parent = NULL"
    json 'map(.keep) == [false, false, true] and all(.reasons != []) and
        map(.reasons[0].code) == ["no-rule", "no-rule", "last"]' prune --dry-run web01
    json 'map(.domain) | unique == ["db01", "gone", "web01"]' prune --dry-run nightly
    [ "$(vmkeep prune --dry-run web01 | tail -n 1)" = "2 of 3 points would go, up to 2.15 GiB" ]
    json 'length == 6' points
}

# Made when the clock was ten years ahead: it fills no slot, proves nothing, and is said so.
@test "a point whose date cannot be right is set aside" {
    sqlite3 "$tmp/catalog.db" "CREATE TEMP TABLE odd AS SELECT id AS was, created + 315576000 AS created,
            'lab/web01/' || strftime('%Y-%m-%dT%H-%M-%SZ', created + 315576000, 'unixepoch') || '.nightly' AS id
            FROM point WHERE domain = 'web01' ORDER BY created DESC LIMIT 1;
        UPDATE point SET (id, created) = (SELECT id, created FROM odd) WHERE id = (SELECT was FROM odd);
        UPDATE point_disk SET point = (SELECT id FROM odd) WHERE point = (SELECT was FROM odd)"
    json '[.[] | .state] == ["good", "good", "set-aside"]' points web01
    vmkeep points web01 | grep -q ' set aside '
    json '.domains[2] | .protected and (.set_aside | test("is set aside: its date lies ahead"))' status
    { vmkeep status || true; } | grep -q 'note: the point of [0-9: -]* is set aside: its date lies ahead'
    json 'map(.keep) == [false, true, true] and .[1].reasons == [{code: "last", text: "last 1"}] and
        (.[2].reasons[0] | .code == "set-aside" and (.text | startswith("set aside: its date lies ahead of the clock")))' prune --dry-run web01
    [ "$(vmkeep explain web01 | grep -c 'set aside')" -eq 1 ]
    vmkeep explain "$(vmkeep points web01 --json | jq -r '.[2].id')" |
        grep -q 'state: *set aside: its date cannot be right'
    sqlite3 "$tmp/catalog.db" "UPDATE point SET created = created + 315576000 WHERE domain = 'web01'"
    json '.domains[2] | .protected == false and .last_point == null and
        (.reason | test("is set aside, for its date cannot be right"))' status
}

@test "domains: as last seen, with a note" {
    run -0 --separate-stderr vmkeep domains
    [ "$stderr" = "vmkeep: $tmp/control.sock: the daemon is not running (No such file or directory); \
the domains are shown as they were last seen
vmkeep: 'systemctl start vmkeepd'; 'journalctl -u vmkeepd' tells why it ended" ]
    plain <<< "$output" | diff -u - /dev/fd/3 3<<'END'
DOMAIN STATE CHECKPOINT JOB PROBLEM
lab/db01 unreachable yes - QMP: no answer for 10 s
lab/spare unknown no - -
lab/web01 running yes 8 -
END
    json '.[2] == {host: "lab", domain: "web01", uuid: null, state: "running", problem: null, checkpoint: true,
        job: 8}' domains
    json 'map(.domain) == ["web01"]' domains --with-job
    json 'map(.domain) == ["db01", "web01"]' domains --with-checkpoint
    json 'map(.domain) == ["web01"]' domains --active
    json '. == []' domains --inactive
}

@test "empty lists say that they are empty, in text" {
    [ "$(vmkeep points spare)" = "There are no restore points of spare." ]
    [ "$(vmkeep jobs spare)" = "There are no jobs." ]
    [ "$(vmkeep domains --inactive 2> /dev/null)" = "No domain is as was asked for." ]
    [ "$(vmkeep checkpoint-list spare 2> /dev/null)" = "The domain has no checkpoints." ]
    for command in points jobs checkpoint-list; do
        [ "$(vmkeep $command spare --json 2> /dev/null | jq -c .)" = "[]" ]
    done
    sed -i '/^policies/,$d; s/^hosts:/hosts: []/; /^  - name: lab/,/spare.qmp/d' "$tmp/config"
    run vmkeep status
    [[ $output == *"No domains are known: they are those of the hosts in the configuration."* ]]
    json '.domains == []' status
    [ "$(vmkeep domains 2> /dev/null)" = "No domains are known." ]
}

@test "what has left the configuration is gone, whatever globs match it" {
    says explain gone <<'END'
domain lab/gone
 gone: it is not in the configuration any more, or its host does not have it; 1 point of it is kept, the newest of DATE TIME
 vmkeepd: TMP/control.sock: the daemon is not running (No such file or directory)
 do: `systemctl start vmkeepd`; `journalctl -u vmkeepd` tells why it ended
 last point: lab/gone/STAMP.nightly, full: no base point yet
END
    run vmkeep status gone
    [[ ${lines[0]} == "ACT: 1 domain gone; vmkeepd is not running" ]]
    json 'map(select(.domain == "gone")) == []' domains
    # Nor does a policy that was renamed keep its points by its rules.
    sqlite3 "$tmp/catalog.db" "UPDATE point SET keep = 'last 2' WHERE domain = 'web01'"
    sed -i 's/name: nightly/name: daily/' "$tmp/config"
    vmkeep points web01 | grep -q 'policy nightly (which does not cover it any more: they stay)'
    vmkeep explain "$(vmkeep points web01 --json | jq -r '.[1].id')" |
        grep -q 'kept: *its policy does not cover it any more: it stays (when it did: last 2)'
    json 'all(.reasons == [{code: "not-covered", text: "its policy does not cover it any more"}])' prune --dry-run web01
}

@test "repository: what goes with adopt and forget only" {
    for option in --force --yes --dry-run; do
        run -2 --separate-stderr vmkeep repository list $option
        [ "$stderr" = "vmkeep: repository: $option goes with adopt and forget only" ]
        run -2 vmkeep repository check main $option
    done
    run -2 --separate-stderr vmkeep repository forget main --all
    [ "$stderr" = "vmkeep: repository: --all goes with adopt only" ]
    run -2 --separate-stderr vmkeep points --repository "$tmp"
    [ "$stderr" = "vmkeep: $tmp: no repository: there is no repository.json in it, but other files; is it the right directory?" ]
    run -4 --separate-stderr vmkeep points --repository "$tmp/main"
    [ "$stderr" = "vmkeep: $tmp/main: no repository: it is empty; is the disk not mounted?" ]
}

@test "no catalog yet: exit status 4; a damaged one: 7; one of a newer program: 1" {
    for command in status jobs points domains "explain web01" "prune --dry-run"; do
        rm -f "$tmp"/catalog.db*
        run -4 --separate-stderr vmkeep $command
        [ "$stderr" = "vmkeep: catalog $tmp/catalog.db: there is none yet; vmkeepd makes it, or, if one was lost, \`vmkeep rebuild-catalog\`" ]
        head -c 8192 /dev/zero | tr '\0' 'x' > "$tmp/catalog.db"
        run -7 --separate-stderr vmkeep $command
        [ -z "$output" ]
    done
    rm "$tmp/catalog.db"
    "$MAKE_CATALOG" "$tmp/catalog.db" "$now"
    sqlite3 "$tmp/catalog.db" 'PRAGMA user_version = 99'
    run -1 --separate-stderr vmkeep status
    [[ $stderr == "vmkeep: "*"schema 99"* ]]
}

# A named thing that is not there is exit status 4, whatever command it is given to.
@test "a restore says that another disk has the repository's place" {
    echo '{"format": 1, "id": "0123456789abcdef"}' > "$tmp/main/repository.json"
    sqlite3 "$tmp/catalog.db" "UPDATE point SET repository_id = 'fedcba9876543210'"
    run -4 --separate-stderr vmkeep restore web01 --to "$tmp/to"
    [[ $stderr == "vmkeep: restore: $tmp/main: holds repository 0123456789abcdef, not fedcba9876543210; is another disk mounted?"* ]]
    run -0 vmkeep explain web01
    [[ $(plain <<< "$output") == *"points: 3 points are missing; the newest of them is "*": its directory is not there"* ]]
    rm -r "$tmp/main"
    run -0 vmkeep explain web01
    [[ $(plain <<< "$output") == *"repository main: TMP/main: no such directory"*"do: mount it"* ]]
}

@test "a repository by name: none of that name, one that is away, one that is a directory here" {
    for command in "points --repository mian" "restore web01 --to $tmp/to --repository mian" \
        "repository check mian" "rebuild-catalog --dry-run --repository mian"; do
        run -4 --separate-stderr vmkeep $command
        [ -z "$output" ]
        [[ $stderr == "vmkeep: "*"no repository of the configuration is named 'mian'; did you mean 'main'?" ]]
    done
    run -4 --separate-stderr vmkeep points --repository elsewhere
    [ "$stderr" = "vmkeep: points: no repository of the configuration is named 'elsewhere'; there is main, far" ]
    # A name, as in points; a directory here where no repository is called so.
    run -4 --separate-stderr vmkeep restore web01 --to "$tmp/to" --repository main
    [ "$stderr" = "vmkeep: restore: $tmp/main: no repository: it is empty; is the disk not mounted?" ]
    mkdir "$tmp/usb"
    cd "$tmp"
    for command in points "restore web01 --to $tmp/to"; do
        run -4 --separate-stderr vmkeep $command --repository usb
        [[ $stderr == *"usb: no repository: it is empty; is the disk not mounted?" ]]
        run -4 --separate-stderr "$VMKEEP" --config "$tmp/none" $command --repository usb
        [[ $stderr == *"usb: no repository: it is empty; is the disk not mounted?" ]]
    done
}

@test "delete: what is in a repository that is not there cannot go, dry run or not" {
    local lost="(if it is lost for ever, 'vmkeep repository forget main' takes its points out of the catalog)"
    for option in --dry-run --yes; do
        # An empty directory under its path is not it.
        run -4 --separate-stderr vmkeep delete --domain web01 --force $option
        [ -z "$output" ]
        [ "$stderr" = "vmkeep: repository main: $tmp/main: no repository: it is empty; is the disk not mounted? $lost" ]
        rmdir "$tmp/main"
        run -4 --separate-stderr vmkeep delete --domain web01 --force $option
        [ "$stderr" = "vmkeep: repository main: $tmp/main: no such directory; create it, or is the disk not mounted? $lost" ]
        mkdir "$tmp/main"
    done
}

# Makes of main the repository that the catalog knows, as far as it says itself.
repository_here() {
    echo '{ "format": 1, "id": "00000000000000aa" }' > "$tmp/main/repository.json"
    sqlite3 "$tmp/catalog.db" "INSERT OR REPLACE INTO repository VALUES ('main', '00000000000000aa', '$tmp/main', 0, 0)"
}

@test "delete --dry-run: oldest first, as all lists are" {
    repository_here
    vmkeep delete --domain web01 --force --dry-run | plain > "$tmp/got"
    diff -u - "$tmp/got" <<'END'
TIME KIND STATE SIZE POINT
DATE TIME full good 2.00 GiB lab/web01/STAMP.nightly
DATE TIME incremental good 150 MiB lab/web01/STAMP.nightly
DATE TIME incremental good 150 MiB lab/web01/STAMP.nightly

3 points would go, 2.29 GiB
No good point of lab/web01 under policy nightly is left.
The next backup of lab/web01 under policy nightly is a full: its checkpoint goes with the point.
END
    json 'map(.created) == (map(.created) | sort) and length == 3' delete --domain web01 --force --dry-run
    # A policy that is gone makes no backup.
    sed -i 's/name: nightly/name: daily/' "$tmp/config"
    vmkeep delete --domain web01 --force --dry-run > "$tmp/got"
    run -1 grep 'next backup' "$tmp/got"
    grep -q '^The checkpoint of lab/web01 under policy nightly goes with the point\.$' "$tmp/got"
}

@test "an empty name names nothing, and never all" {
    for command in status points jobs explain run prune doctor pin verify export "restore --to $tmp/to" \
        "delete --yes" "delete --dry-run" "delete --yes --domain"; do
        run -2 --separate-stderr vmkeep $command ""
        [ -z "$output" ]
        [[ $stderr == "vmkeep: ${command%% *}: "*": it is empty" ]]
    done
}

@test "delete --dry-run: a point that is set aside goes, and the good ones stay the newest" {
    repository_here
    sqlite3 "$tmp/catalog.db" "UPDATE point SET created = $((now + 86400)) WHERE id = (SELECT id FROM point
        WHERE domain = 'web01' ORDER BY created DESC LIMIT 1)"
    id=$(vmkeep points web01 --json | jq -r '.[] | select(.state == "set-aside") | .id')
    [ -n "$id" ]
    run -0 vmkeep delete "$id" --dry-run
    [[ $output == *"$id"*"1 point would go"* ]]
    [[ $output != *"No good point"* ]]
}

@test "checkpoint-prune --dry-run: a domain that has none is exit status 4, as without it" {
    run -4 --separate-stderr vmkeep checkpoint-prune nosuch --dry-run
    [ "$stderr" = "vmkeep: no domain 'nosuch' has a checkpoint" ]
    run -0 vmkeep checkpoint-prune web01 --dry-run
    [ "$output" = "0 checkpoints would go" ]
}

@test "checkpoint-prune --dry-run: when each goes by itself is never in the past, nor while the clock is in doubt" {
    sed -i 's/name: nightly/name: other/' "$tmp/config"
    away() { sqlite3 "$tmp/catalog.db" "INSERT OR REPLACE INTO coverage (host, domain, policy, since, away) VALUES ('lab', 'db01', 'nightly', 1, $1)"; }
    away $((now - 86400))
    run -0 vmkeep checkpoint-prune db01 --dry-run
    [[ $output == *"$(date -ud "@$((now + 6 * 86400))" '+%F %T')"*"1 checkpoint would go" ]]
    away $((now - 8 * 86400))
    run -0 vmkeep checkpoint-prune db01 --dry-run
    [[ $output == *" within an hour"*"1 checkpoint would go" ]]
    sqlite3 "$tmp/catalog.db" "INSERT INTO seen (kind, name, state, problem, at) VALUES ('clock', 'hold', 'on', 'the clock went ahead', $now)"
    run -0 vmkeep checkpoint-prune db01 --dry-run
    [[ $output == *" not while the clock is in doubt"*"1 checkpoint would go"*"the clock went ahead" ]]
}

@test "repository adopt and forget: what they would do, as JSON too" {
    repository_here
    run -2 --separate-stderr vmkeep repository adopt main --json
    [ "$stderr" = "vmkeep: repository: --json asks nobody: say --yes, or --dry-run" ]
    run -2 vmkeep repository forget main --json
    json '.name == "main" and .found == "00000000000000aa" and .state == "ok" and .domains == [] and
        .new_points == 0 and .refused == null and .done == false' repository adopt main --dry-run
    run -0 vmkeep repository adopt main --dry-run
    [ "${lines[0]}" = "main at $tmp/main holds repository 00000000000000aa with 0 points." ]
    [ "${lines[1]}" = "There is nothing to adopt: it is the repository that the catalog knows, and so are its points in what is ours." ]
    # Nor is anything asked then.
    run -0 vmkeep repository adopt main < /dev/null
    rm "$tmp/main/repository.json"
    rmdir "$tmp/main"
    json '.repository == "main" and .points == 6 and .stays == "main" and .done == false and
        (.groups | map([.host, .domain, .policy, .points, .good_elsewhere])) ==
        [["lab", "db01", "nightly", 2, 0], ["lab", "gone", "nightly", 1, 0], ["lab", "web01", "nightly", 3, 0]]' \
        repository forget main --dry-run
    run -0 vmkeep repository forget main --dry-run
    [[ ${lines[0]} == "Repository main would be forgotten: its 6 points would leave the catalog, and their checkpoints would go. Nothing on disk is touched." ]]
    json '.points == 6 and .done == true' repository forget main --yes
    json '. == []' points
}
