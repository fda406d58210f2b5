#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# `vmkeep calendar`: arguments in, times out.  When expressions elapse is tests/unit/test_calendar.c's.
# VMKEEP names the program.

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
