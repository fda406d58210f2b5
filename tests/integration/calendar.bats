#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# `vmkeep calendar`: arguments in, times out.  When expressions elapse is tests/unit/test_calendar.c's.
# VMKEEP names the program.
#
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0

setup() {
    export TZ=Europe/Berlin
}

calendar() {
    "$VMKEEP" calendar "$@"
}

@test "prints elapses with the local offset, over a change of the clock" {
    run calendar --after '2026-03-28 12:00' --count 3 02:30
    [ "$status" -eq 0 ]
    [ "$output" = $'2026-03-29T03:00:00+02:00\n2026-03-30T02:30:00+02:00\n2026-03-31T02:30:00+02:00' ]
}

@test "--utc prints UTC and reads a bare time as UTC; expressions stay local" {
    run calendar --utc --after '2026-03-29 00:59:59' 02:30
    [ "$output" = 2026-03-29T01:00:00Z ]
    run calendar --utc --after '2026-03-29 01:00:00' 02:30
    [ "$output" = 2026-03-30T00:30:00Z ]
    run calendar --utc --after '2026-03-29T02:00:00+01:00' 02:30
    [ "$output" = 2026-03-30T00:30:00Z ]
}

@test "answers each expression in turn; never where none comes" {
    run calendar --after 2026-01-01 --count 2 2026-02-29 '2026-01-02 10:00 UTC' '*-*~1'
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = never ]
    [ "${lines[1]}" = 2026-01-02T11:00:00+01:00 ]
    [ "${lines[2]}" = 2026-01-31T00:00:00+01:00 ]
    [ "${lines[3]}" = 2026-02-28T00:00:00+01:00 ]
    [ "${#lines[@]}" -eq 4 ]
}

@test "without --after it begins now" {
    before=$(date -u +%FT%TZ)
    run calendar --utc '*:*:*'
    [ "$status" -eq 0 ]
    [[ "$output" > "$before" ]]
    [[ "$output" < "$(date -u -d '+2 seconds' +%FT%TZ)" ]]
}

@test "--json is one object for each expression" {
    run calendar --json --after 2026-01-01 --count 2 'mon..fri 2:30' 2026-02-29
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = '{"expression":"mon..fri 2:30","normalized":"Mon..Fri *-*-* 02:30:00","next":["2026-01-01T01:30:00Z","2026-01-02T01:30:00Z"]}' ]
    [ "${lines[1]}" = '{"expression":"2026-02-29","normalized":"2026-02-29 00:00:00","next":[]}' ]
}

@test "bad expressions and options: nothing on stdout, one line on stderr, exit code 2" {
    for arguments in "--count 0 daily" "--count x daily" "--count" "--after now daily" "--bad daily" \
        "daily Fri..Mon" "daily 25:00" ""; do
        rc=0
        # shellcheck disable=SC2086 # the arguments are words
        out=$(calendar $arguments 2> "$BATS_TEST_TMPDIR/err") || rc=$?
        [ "$rc" -eq 2 ]
        [ -z "$out" ]
        [ "$(wc -l < "$BATS_TEST_TMPDIR/err")" -eq 1 ]
        grep -q '^vmkeep: calendar: ' "$BATS_TEST_TMPDIR/err"
    done
    run calendar 'Fri..Mon'
    [[ "$output" == *"'Fri..Mon': the weekdays Fri..Mon run backwards"* ]]
}

@test "--help shows usage and examples" {
    run calendar --help
    [ "$status" -eq 0 ]
    [[ "$output" == "Usage: vmkeep calendar"* ]]
    [[ "$output" == *Examples:* ]]
}

# ---- the policies' months ----

months_config() {
    tmp=$(mktemp -d)
    cat > "$tmp/config" <<END
catalog: $tmp/catalog.db
hosts: [ { name: lab, driver: libvirt, uri: "qemu:///system" } ]
repositories: [ { name: main, path: $tmp/main }, { name: off, path: $tmp/off } ]
policies:
  - name: nightly
    domains: ["*"]
    repository: main
    schedule: { incremental: ["02:30"], full: ["Sun 02:30"] }
    verify: { schedule: ["Sat 12:00"] }
    copy_to: [ { repository: off, schedule: "*-*-01 06:00" } ]
  - { name: hourly, domains: ["*"], repository: main, schedule: { incremental: hourly } }
END
}

months() { "$VMKEEP" --config "$tmp/config" calendar "$@"; }

@test "months: a grid a policy, with the day on which the clock changes" {
    months_config
    TZ=Europe/Prague COLUMNS=80 months --from 2027-03 --policy nightly > "$tmp/got"
    diff -u - "$tmp/got" <<'END'
F full, i incremental, v verify, c copy

nightly, March 2027
Mon        Tue        Wed        Thu        Fri        Sat        Sun
1          2          3          4          5          6          7
i 02:30    i 02:30    i 02:30    i 02:30    i 02:30    i 02:30    F 02:30
c 06:00                                                v 12:00
8          9          10         11         12         13         14
i 02:30    i 02:30    i 02:30    i 02:30    i 02:30    i 02:30    F 02:30
                                                       v 12:00
15         16         17         18         19         20         21
i 02:30    i 02:30    i 02:30    i 02:30    i 02:30    i 02:30    F 02:30
                                                       v 12:00
22         23         24         25         26         27         28
i 02:30    i 02:30    i 02:30    i 02:30    i 02:30    i 02:30    F 03:00
                                                       v 12:00
29         30         31
i 02:30    i 02:30    i 02:30
  28: the clock goes from 02:00 to 03:00

END
    # The hour that comes twice: a wall-clock time once, each hour as time goes by; many are counted.
    TZ=Europe/Prague COLUMNS=56 months --from 2026-10-24 --to 2026-10-26 > "$tmp/got"
    [ "$(awk '{ n = length($0) > n ? length($0) : n } END { print n }' "$tmp/got")" -le 56 ]
    grep -qx '  25: the clock goes from 03:00 to 02:00' "$tmp/got"
    grep -qx ' *i 24x *i 25x' "$tmp/got"
    TZ=Europe/Prague months --from 2026-10-25 --to 2026-10-25 --json > "$tmp/got"
    "$BATS_TEST_DIRNAME/../support/check_schema" "$BATS_TEST_DIRNAME/../../docs/api-v1.schema.json" months < "$tmp/got"
    [ "$(jq -c '[.policies[].due | length]' "$tmp/got")" = '[1,25]' ]
    [ "$(jq -r '.policies[1].due[2:4][].local' "$tmp/got" | xargs)" = "2026-10-25T02:00:00+02:00 2026-10-25T02:00:00+01:00" ]
    [ "$(jq -r '.from, .to' "$tmp/got" | xargs)" = "2026-10-24T22:00:00Z 2026-10-25T23:00:00Z" ]
    # By default from today to the end of the month; over a year's end.
    run -2 months
    months --policy nightly | grep -qx "nightly, $(date '+%B %Y')"
    [ "$(months --from 2026-12-31 --to 2027-01 --policy nightly | grep -c '^nightly, ')" = 2 ]
    rm -rf "$tmp"
}

@test "months: what is wrong" {
    months_config
    for wrong in "--from 2026-13" "--from 2026-02-30" "--from tomorrow" "--from 2026-11-05 --to 2026-11-04" \
        "--from 2026-01 --to 2029-12" "--from 2026-01 daily" "--from 2026-01 --count 3" "--to 2300-01"; do
        # shellcheck disable=SC2086 # the arguments are words
        run -2 --separate-stderr months $wrong
        [ -z "$output" ]
        [[ $stderr == "vmkeep: calendar: "* ]]
    done
    run -4 --separate-stderr months --policy none
    [ "$stderr" = "vmkeep: calendar: no policy of the configuration is called 'none'" ]
    rm -rf "$tmp"
}

simulate() { "$VMKEEP" --config "$tmp/config" simulate "$@"; }

simulation_config() {
    tmp=$(mktemp -d)
    cat > "$tmp/config" <<'END'
catalog: /nowhere/catalog.db
hosts: [ { name: lab, driver: qemu, domains: [ { name: vm, qmp: /run/vm.qmp } ] } ]
repositories: [ { name: main, path: /nowhere } ]
policies:
  - name: nightly
    domains: ["*"]
    repository: main
    schedule: { incremental: ["02:30"], full: ["Sun 02:30"] }
    keep: { last: 3, weekly: 2, monthly: 2 }
  - { name: idle, domains: ["*"], repository: main, schedule: { incremental: ["2020-01-01"] } }
  - { name: busy, domains: ["*"], repository: main, schedule: { incremental: ["*:*:0/10"] } }
END
}

@test "simulate: what a policy will have made and kept" {
    simulation_config
    export TZ=UTC COLUMNS=80
    simulate nightly --from 2027-01-01 --days 90 --full 100GiB --change-rate 10% > "$tmp/got"
    diff -u - "$tmp/got" <<'END'
UNTIL       MADE  LET GO  KEPT  FULLS  OLDEST         ROOM
2027-01-31    31      26     5      3  2027-01-01  351 GiB
2027-02-28    28      28     5      3  2027-01-31  351 GiB
2027-03-31    31      31     5      2  2027-02-28  230 GiB

Of one domain whose backups begin at 2027-01-01 00:00, if all that is due is
made and 10% of its disks changes in a day. ROOM is what is kept takes, with
fulls of 100 GiB.
END
    simulate nightly --from 2027-01-01 --days 90 --json > "$tmp/got"
    "$BATS_TEST_DIRNAME/../support/check_schema" "$BATS_TEST_DIRNAME/../../docs/api-v1.schema.json" simulation < "$tmp/got"
    [ "$(jq -c '[.change_per_day, .cut, .kept[2].made, .kept[2].points, .kept[2].room_bytes]' "$tmp/got")" = '[0.03,false,90,5,null]' ]
    [ "$(simulate nightly --json | jq '.kept | length')" = 36 ]
    [ "$(simulate nightly --days 9 | grep -c '^2')" -ge 9 ]
    simulate idle | grep -q "make no backup in this time"
    run -0 simulate busy --days 9
    [[ $output == *"There are more than 40000 runs until "* ]]
    rm -rf "$tmp"
}

@test "simulate: what is wrong" {
    simulation_config
    for wrong in "" "nightly --years 0" "nightly --years 2 --days 2" "nightly --change-rate 3" "nightly --change-rate 101%" \
        "nightly --change-rate nan%" "nightly --full 3x" "nightly idle"; do
        # shellcheck disable=SC2086 # the arguments are words
        run -2 --separate-stderr simulate $wrong
        [ -z "$output" ]
        [[ $stderr == "vmkeep: "* ]]
    done
    run -4 --separate-stderr simulate none
    [ "$stderr" = "vmkeep: simulate: no policy of the configuration is called 'none'" ]
    run -4 --separate-stderr simulate nigthly
    [ "$stderr" = "vmkeep: simulate: no policy of the configuration is called 'nigthly'; did you mean 'nightly'?" ]
    rm -rf "$tmp"
}
