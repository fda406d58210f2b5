#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The command line itself: help, commands and options that are wrong, where --config may stand.
# VMKEEP, VMKEEPD and MOVER name the programs.

bats_require_minimum_version 1.5.0

setup() {
    tmp=$(mktemp -d)
}

teardown() {
    rm -rf "$tmp"
}

commands="init check status report metrics run jobs cancel reload points restore export files mount verify copy prune delete pin unpin repository explain domains doctor notify rebuild-catalog backup-begin backup-dumpxml domjobinfo domjobabort event checkpoint-create checkpoint-create-as checkpoint-list checkpoint-dumpxml checkpoint-info checkpoint-parent checkpoint-edit checkpoint-delete checkpoint-prune calendar retention simulate"

@test "without arguments: help on standard error, exit status 2" {
    run --separate-stderr "$VMKEEP"
    [ "$status" -eq 2 ]
    [ -z "$output" ]
    [ "${stderr_lines[0]}" = "Usage: vmkeep [--config FILE] COMMAND [ARGUMENT]..." ]
}

@test "--help and help name every command, and nothing that is none" {
    "$VMKEEP" --help > "$tmp/help"
    "$VMKEEP" help | diff "$tmp/help" -
    [ "$(sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p' "$tmp/help" | xargs)" = "$commands" ]
}

@test "--version" {
    run "$VMKEEP" --version
    [ "$status" -eq 0 ]
    [[ $output =~ ^vmkeep\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "every command has help with usage, exit status and an example, in 80 columns" {
    for command in $commands; do
        "$VMKEEP" "$command" --help > "$tmp/help"
        "$VMKEEP" "$command" -h | cmp - "$tmp/help"
        "$VMKEEP" help "$command" | diff "$tmp/help" -
        grep -q "^Usage: vmkeep $command" "$tmp/help"
        grep -q "^Exit status: 0 " "$tmp/help"
        grep -q "^Examples\?:" "$tmp/help"
        [ "$(wc -L < "$tmp/help")" -le 80 ]
    done
}

@test "the daemon and the mover have help in 80 columns, too" {
    for program in "$VMKEEPD" "$MOVER"; do
        "$program" --help > "$tmp/help"
        "$program" -h | cmp - "$tmp/help"
        grep -q "^Exit status: 0 " "$tmp/help"
        [ "$(wc -L < "$tmp/help")" -le 80 ]
    done
}

# Every word that an option of these tells of, sorted.
words() {
    tr -s ' \n' ' ' | sed -E "$1" | tr ' ' '\n' | sort -u
}

@test "all JSON is described: a command with --json has its entry in the published schema" {
    local schema=$BATS_TEST_DIRNAME/../../docs/api-v1.schema.json

    # What commands print, and those of whose words only some do.
    for command in $commands; do
        "$VMKEEP" "$command" --help > "$tmp/help"
        ! grep -q '^  --json ' "$tmp/help" || echo "$command"
        sed -n '/^Usage:/,/^$/p' "$tmp/help" | sed -nE "s/^.*vmkeep ($command [a-z]+) .*--json.*/\1/p"
    done | sort > "$tmp/print"
    grep -qx 'repository check' "$tmp/print"
    jq -r '.commands | keys[] | split(" ") | .[0], (select(.[1] and (.[1] | startswith("-") | not)) | join(" "))' "$schema" |
        sort -u > "$tmp/described"
    # Of files ls and get print some.
    diff "$tmp/print" <(grep -vx 'files get\|files ls' "$tmp/described")
    # Nothing is described that is not there, or that nobody prints.
    jq -e '[.commands[], .paths[]] - (.["$defs"] | keys) == []' "$schema"
    jq -e '(.["$defs"] | keys) - [.. | .["$ref"]? // empty | ltrimstr("#/$defs/")] - [.commands[], .paths[]] == ["message"]' "$schema"
    # The words of a list are those that the help tells.
    diff <(jq -r '.["$defs"].reason_code.enum[]' "$schema" | sort) \
        <("$VMKEEP" status --help | words 's/.*The codes are: (.*), and no others.*/\1/; s/\([^)]*\),?//g' | grep .)
    diff <(jq -r '.["$defs"].condition.properties.kind.enum[]' "$schema" | sort) \
        <("$VMKEEP" notify --help | words 's/.*one kind and one thing: (.*), and each is told.*/\1/; s/\([^)]*\),?//g' | grep .)
    diff <(jq -r '.["$defs"].obstacle.properties.code.enum[]' "$schema" | sort) \
        <({ sed -n '/words\[\] = {/,/};/p' "$BATS_TEST_DIRNAME/../../jobs/obstacle.c" | grep -o '"[^"]*"' | tr -d '"'; echo retry; } |
            grep -vx none | sort)
    diff <(jq -r '.["$defs"].findings.items.properties.check.enum[]' "$schema" | sort) \
        <("$VMKEEP" doctor --help | words 's/.*for programs to compare\. (.*, program)\. Usage.*/\1/; s/.*for programs to compare\. (.*, program)\..*/\1/; s/\([^)]*\)//g; s/(Of|of) [^:]*://g; s/and//g; s/[,;.]//g' | grep .)
}

@test "an unknown command names the nearest" {
    run --separate-stderr "$VMKEEP" stauts
    [ "$status" -eq 2 ]
    [ -z "$output" ]
    [ "$stderr" = "vmkeep: stauts: no such command; did you mean 'status'? (see 'vmkeep --help')" ]
    run --separate-stderr "$VMKEEP" help xyzzyxyzzy
    [ "$status" -eq 2 ]
    [ "$stderr" = "vmkeep: xyzzyxyzzy: no such command (see 'vmkeep --help')" ]
    run --separate-stderr "$VMKEEP" --verbose
    [ "$status" -eq 2 ]
    [ "$stderr" = "vmkeep: --verbose: unknown option (see 'vmkeep --help')" ]
}

# fails_with MESSAGE ARGUMENT...
fails_with() {
    local message=$1
    shift
    run --separate-stderr "$VMKEEP" "$@"
    [ "$status" -eq 2 ] && [ -z "$output" ] && [ "$stderr" = "vmkeep: $message" ] || {
        echo "$*: $status: $stderr$output"
        return 1
    }
}

@test "options that are wrong" {
    fails_with "jobs: --limt: unknown option; did you mean --limit? (see 'vmkeep jobs --help')" \
        jobs --limt=3
    fails_with "jobs: --limit: needs a value" jobs --limit
    fails_with "jobs: --json: takes no value" jobs --json=yes
    fails_with "jobs: -x: unknown option (see 'vmkeep jobs --help')" jobs -x
    fails_with "jobs: --limit: 'many' is not a number" jobs --limit many
    fails_with "run: --level: 'partial' is neither full nor incremental" run web01 --level partial
    fails_with "domains: --active, --inactive and --all exclude one another" domains --active --inactive
    fails_with "--config: needs a value" status --config
}

@test "arguments that are too few, too many, or wrong" {
    fails_with "run: name one policy or domain (see 'vmkeep run --help')" run
    fails_with "run: name one policy or domain (see 'vmkeep run --help')" run a b
    fails_with "cancel: name one job (see 'vmkeep cancel --help')" cancel
    fails_with "cancel: 'web01' is not a job's number" cancel web01
    fails_with "cancel: '0' is not a job's number" cancel 0
    fails_with "jobs: one domain at most (see 'vmkeep jobs --help')" jobs a b
    fails_with "points: one domain at most (see 'vmkeep points --help')" points a b
    fails_with "explain: name one domain, point or job (see 'vmkeep explain --help')" explain
    fails_with "prune: one policy or domain at most (see 'vmkeep prune --help')" prune a b
    fails_with "domains: 'a': unexpected argument" domains a
    fails_with "domains: --uuid and --json exclude one another" domains --uuid --json
    # A request without it would mean all domains.
    fails_with "status: DOMAIN: it is empty" status web01 ''
    fails_with "run: POLICY|DOMAIN: it is empty" run ''
    fails_with "explain: DOMAIN|POINT|JOB: it is empty" explain ''
    fails_with "restore: POINT|DOMAIN: it is empty" restore '' --to /nowhere
    fails_with "delete: POINT: it is empty" delete ''
    fails_with "event: --domain: it is empty" event --domain ''
    fails_with "points: --repository: it is empty" points --repository=
    fails_with "prune: POLICY|DOMAIN: it is not UTF-8 text" prune $'web\xff'
    fails_with "event: --domain: it is not UTF-8 text" event --domain $'web\xff'
    fails_with "status: DOMAIN: it is not UTF-8 text" status web01 $'web\xff'
}

@test "repository: a word that is none" {
    run -2 --separate-stderr "$VMKEEP" repository lst
    [ "$stderr" = "vmkeep: repository: 'lst' is none of them; did you mean 'list'? say list, check NAME, adopt NAME, forget NAME or rekey NAME" ]
    run -2 --separate-stderr "$VMKEEP" delete a/b --domain b
    [ "$stderr" = "vmkeep: delete: --domain and --policy mean all points of theirs: name points, or give these" ]
}

@test "--config stands anywhere, and what it names must be there" {
    local none
    # Where a copy of one that was lost would be is told in a second line.
    none="--config $tmp/none: there is no such file; \`vmkeep --config $tmp/none init\` makes one"$'\n'"vmkeep: if it was there once: vmkeepd keeps a copy of the \
last good one beside its catalog, as CATALOG.config (/var/lib/vmkeep/catalog.db.config where the configuration said \
nothing else); copy that back"
    fails_with "$none" --config "$tmp/none" status
    fails_with "$none" status --config="$tmp/none"
    fails_with "$none" run web01 --config "$tmp/none" --wait
    fails_with "$none" cancel --config "$tmp/none" 3
    fails_with "$none" doctor --config "$tmp/none"
    run -2 --separate-stderr "$VMKEEP" check "$tmp/none"
    [ "$stderr" = "$tmp/none: No such file or directory"$'\n'"vmkeep: check: \`vmkeep --config $tmp/none init\` makes one" ]
}

@test "a configuration with errors: all of them, exit status 2" {
    printf 'catalogue: /x\ncontrol: relative\n' > "$tmp/config"
    run --separate-stderr "$VMKEEP" status --config "$tmp/config"
    [ "$status" -eq 2 ]
    [ -z "$output" ]
    [[ ${stderr_lines[0]} == "$tmp/config:1:1: "*"catalog"* ]]
    [[ ${stderr_lines[1]} == "$tmp/config:2:10: "* ]]
}

@test "output that cannot be written is an error" {
    run --separate-stderr bash -c '"$VMKEEP" --help > /dev/full'
    [ "$status" -eq 1 ]
    [ "$stderr" = "vmkeep: standard output: No space left on device" ]
}
