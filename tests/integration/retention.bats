#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# `vmkeep retention`: text in, text out.  What the rules keep is tests/unit/test_retention.c's; the
# golden files of that test are read here once, to see that the command says the same.
# VMKEEP names the program.

setup() {
    fixtures="$BATS_TEST_DIRNAME/../fixtures/retention"
    export TZ=Europe/Prague
}

retention() {
    "$VMKEEP" retention "$@"
}

@test "says what the golden files say" {
    grep -v '^#' "$fixtures/cases" | while read -r name zone points rules; do
        case "$name $rules" in *future* | *within*) continue ;; esac # these depend on the clock
        options=()
        for rule in $rules; do
            options+=("--$rule")
        done
        TZ=$zone retention "${options[@]}" < "$fixtures/$points.points" \
            | diff - "$fixtures/$name.golden" || { echo "$name" && exit 1; }
    done
}

@test "prints times as given, in their order; skips blank lines and comments" {
    run retention --last 1 < <(printf '# two\n\n 2026-11-20 \r\n2026-11-22 10:00\n2026-11-21T05:00:00+02:00\n')
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = $'2026-11-20\tprune\tno rule keeps it' ]
    [ "${lines[1]}" = $'2026-11-22 10:00\tkeep\tlast 1' ]
    [ "${lines[2]}" = $'2026-11-21T05:00:00+02:00\tprune\tno rule keeps it' ]
    [ "${#lines[@]}" -eq 3 ]
}

@test "periods are local, or UTC's with --utc" {
    times=$'2026-11-20T22:30:00Z\n2026-11-20T23:30:00Z\n2026-11-23T00:00:00Z\n'
    [ "$(retention --daily 2 <<< "$times" | cut -f2 | xargs)" = "prune keep keep" ]
    run retention --daily 3 <<< "$times"
    [ "${lines[0]}" = $'2026-11-20T22:30:00Z\tkeep\tdaily (2026-11-20)' ]
    [ "${lines[1]}" = $'2026-11-20T23:30:00Z\tkeep\tdaily (2026-11-21)' ]
    run retention --utc --daily 3 <<< "$times"
    [ "${lines[0]}" = $'2026-11-20T22:30:00Z\tkeep\toldest daily' ]
    [ "${lines[1]}" = $'2026-11-20T23:30:00Z\tkeep\tdaily (2026-11-20)' ]
}

@test "JSON has times in UTC and reasons one by one" {
    run retention --json --last 1 --daily -1 <<< $'2026-11-20 10:00\n2026-11-20 09:00\n2026-11-20 08:00'
    [ "$status" -eq 0 ]
    [ "$(jq -c '.[0]' <<< "$output")" = '{"time":"2026-11-20T09:00:00Z","keep":true,"reasons":["last 1","daily (2026-11-20)"]}' ]
    [ "$(jq -c '.[1]' <<< "$output")" = '{"time":"2026-11-20T08:00:00Z","keep":false,"reasons":["no rule keeps it"]}' ]
    [ "$(jq -c '.[2].reasons' <<< "$output")" = '["oldest daily"]' ]
    [ "$(retention --json --utc <<< 2026-11-20 | jq -r '.[0].time')" = 2026-11-20T00:00:00Z ]
    [ "$(retention --json < /dev/null)" = '[]' ]
}

@test "times that lie ahead are set aside: they push nothing out" {
    run retention --last 1 --within 7d < <(printf '2026-11-01\n2026-11-20\n2199-01-01\n')
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = $'2026-11-01\tprune\tno rule keeps it' ]
    [ "${lines[1]}" = $'2026-11-20\tkeep\twithin 7d, last 1' ]
    [ "${lines[2]}" = $'2199-01-01\tkeep\tset aside: its date lies ahead of the clock' ]
}

@test "without rules everything is kept" {
    run retention <<< 2001-01-01
    [ "$output" = $'2001-01-01\tkeep\tno rules: everything is kept' ]
}

@test "a bad line is one error with its number, and nothing else is printed" {
    run retention --last 1 < <(printf '2026-11-20\n\n2026-02-30\nnope\n')
    [ "$status" -eq 2 ]
    [ "$output" = "vmkeep: retention: line 3: '2026-02-30': there is no such day" ]
    run retention < <(printf '2026-11-20\0\n')
    [ "$status" -eq 2 ]
    [ "$output" = "vmkeep: retention: line 1: holds a zero byte" ]
}

@test "bad rules are refused by name" {
    for options in "--last" "--daily x" "--daily -2" "--within 3w" "--within-daily=" "--dayly 3" "-x" "what"; do
        # shellcheck disable=SC2086
        run retention $options <<< 2026-11-20
        [ "$status" -eq 2 ]
        [[ "$output" == "vmkeep: retention: "* ]]
        [ "${#lines[@]}" -eq 1 ]
    done
    run retention --within 3w <<< 2026-11-20
    [[ "$output" == "vmkeep: retention: --within: '3w' "* ]]
}

@test "help shows every rule and examples" {
    run retention --help
    [ "$status" -eq 0 ]
    for rule in last hourly daily weekly monthly yearly; do
        [[ "$output" == *"--$rule N"* ]]
    done
    for rule in within within-hourly within-daily within-weekly within-monthly within-yearly; do
        [[ "$output" == *"--$rule SPAN"* ]]
    done
    [[ "$output" == *"Examples:"* ]]
}
