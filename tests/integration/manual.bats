#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The manual pages: vmkeep(1), which is made of the commands' tables, and those written by hand.
# VMKEEP names the program, MANUAL the page that was made, MANUALS the folder of the others.

bats_require_minimum_version 1.5.0

setup() {
    tmp=$(mktemp -d)
}

teardown() {
    rm -rf "$tmp"
}

commands() {
    "$VMKEEP" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p'
}

# lines PAGE: as a reader sees it, a paragraph a line.
lines() {
    mandoc -T ascii -O width=1000 "$1" | sed 's/.\x08//g'
}

@test "the pages have no warnings" {
    mandoc -T lint -W warning "$MANUAL" "$MANUALS"/*.[1-8]
}

@test "vmkeep(1) tells of every command, with each of its options, and what it prints" {
    lines "$MANUAL" > "$tmp/page"
    for command in $(commands); do
        "$VMKEEP" "$command" --help > "$tmp/help"
        sed -n 's/^  \(--[a-z-]*\).*/\1/p' "$tmp/help" > "$tmp/options"
        sed -n "/^     $command\( \|\$\)/,/Exit status/p" "$tmp/page" > "$tmp/section"
        while read -r option; do
            [ "$option" = --help ] || grep -q -- "^             *$option\( \|\$\)" "$tmp/section" || {
                echo "$command: $option is not in the manual"
                return 1
            }
        done < "$tmp/options"
        grep -q "Exit status: 0 " "$tmp/section"
    done
}

@test "quotes are seen, as in what one may copy" {
    lines "$MANUALS/vmkeep-mover.1" | grep -qF '{"done": 1048576, "total": 9109504}'
    lines "$MANUAL" | grep -qF "select(.severity == \"error\").text'"
    lines "$MANUAL" | grep -qF 'print {kind: "domain"|"point"|"job", name'
}

@test "no page is headed as a part of BSD" {
    for page in "$MANUAL" "$MANUALS"/*.[1-8]; do
        groff -mdoc -Tascii "$page" > "$tmp/page"
        grep -m 1 . "$tmp/page" | grep -q "vmkeep .* Manual"
        [ "$(grep -cw BSD "$tmp/page")" -eq 0 ]
    done
}

@test "the documentation as a site: a page each, and no link within it leads nowhere" {
    MANUAL=$MANUAL "$BATS_TEST_DIRNAME/../../scripts/make-site" "$tmp/site" > "$tmp/out"
    for page in index README docs/web docs/decisions/one-thread man/vmkeep.1 man/vmkeep-config.5; do
        grep -q '</html>' "$tmp/site/$page.html"
    done
    grep -q 'href="vmkeep-config.5.html"' "$tmp/site/man/vmkeep.1.html"
    grep -q 'href="../docs/web.html"\|href="docs/web.html"' "$tmp/site/README.html"
    grep -q 'href="metrics.html"' "$tmp/site/docs/web.html"
    run ! grep -q '<img' "$tmp/site/index.html"
    run -2 "$BATS_TEST_DIRNAME/../../scripts/make-site" "$tmp/site"
    # With pictures: all that make-pictures makes, or none.
    mkdir "$tmp/pictures"
    run -1 env PICTURES="$tmp/pictures" "$BATS_TEST_DIRNAME/../../scripts/make-site" "$tmp/none"
    [[ $output == *"status.png is not there: scripts/make-pictures makes it"* ]]
    touch "$tmp/pictures/"{status,status-dark,domain,repository,policy,watch}.png
    PICTURES=$tmp/pictures "$BATS_TEST_DIRNAME/../../scripts/make-site" "$tmp/pictured" > "$tmp/out"
    grep -q '<img src="pictures/watch.png" alt="vmkeep status --watch in a terminal">' "$tmp/pictured/index.html"
    [ -f "$tmp/pictured/pictures/policy.png" ]
}
