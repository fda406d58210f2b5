#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The pages as a browser shows them: a real Chromium, three widths, light and dark, with 3 domains and with
# 3 000.  Pictures are kept where SCREENSHOTS says, to be looked at; axe-core judges
# them, where it could be had (scripts/get-axe).  VMKEEP, WEB and MAKE_CATALOG name the programs.

bats_require_minimum_version 1.5.0

setup() {
    export TZ=UTC
    tmp=$(mktemp -d)
    export TMPDIR=$tmp
    here=$BATS_TEST_DIRNAME
    pid=
}

teardown() {
    if [ -n "$pid" ] && kill "$pid" 2> /dev/null; then wait "$pid" || true; fi
    rm -rf "$tmp"
}

port() { ss -Hltnp | sed -n "s/.*127\.0\.0\.1:\([0-9]*\) .*pid=$pid,.*/\1/p"; }

# serve [ARGUMENT...]: $tmp/config; its address is in $at
serve() {
    "$WEB" --config "$tmp/config" --listen 127.0.0.1:0 "$@" > "$tmp/log" 2>&1 3>&- &
    pid=$!
    for _ in {1..500}; do
        at=$(port)
        [ -z "$at" ] || break
        sleep 0.02
    done
    at=http://127.0.0.1:$at
}

look() { /usr/bin/python3 "$here/web_page.py" "$@"; }

# Names as long as people give them, and what is wrong with most of it.
small() {
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
      - { name: a-mail-server-of-the-accounting-department, qmp: $tmp/mail.qmp }
repositories:
  - { name: main, path: $tmp/main }
  - { name: offsite-in-the-other-building, path: /far/away/and/as/long/as/paths/of/network/file/systems/are }
policies:
  - name: nightly
    domains: ["*", "!a-mail*"]
    repository: main
    schedule: { incremental: ["02:30"], full: ["Sun 02:30"] }
    verify: { schedule: ["Sat 12:00"] }
    copy_to: [ { repository: offsite-in-the-other-building, schedule: ["*:0/30"] } ]
    keep: { last: 9 }
    rpo: 26h
END
    sqlite3 "$tmp/catalog.db" "INSERT INTO seen (kind, name, state, at) VALUES ('freeze', 'lab/web01', '12', $now)"
    # Of one chain a point is pinned and has a copy, and one is just being merged into the next.
    sqlite3 "$tmp/catalog.db" "CREATE TEMP TABLE copy AS SELECT * FROM point WHERE domain = 'web01' AND parent IS NULL;
        UPDATE copy SET copy_of = id, id = 'offsite:' || id, repository = 'offsite-in-the-other-building';
        INSERT INTO point SELECT * FROM copy;
        UPDATE point SET pinned = $now, pin_note = 'before the upgrade'
            WHERE domain = 'web01' AND parent IS NULL AND copy_of IS NULL;
        UPDATE point SET state = 'deleting' WHERE id = (SELECT parent FROM point WHERE domain = 'web01'
            AND parent IS NOT NULL ORDER BY created DESC LIMIT 1);"
    for day in {0..29}; do
        sqlite3 "$tmp/catalog.db" "INSERT INTO seen (kind, name, state, at) VALUES ('room',
            '$(date -ud "@$((now - day * 86400))" +%F) main', '$(((40 + day * (3 + day % 2)) << 30)) $((500 << 30))', $((now - day * 86400)))"
    done
}

@test "three domains: all pages, the status and a report as files" {
    small
    serve
    "$VMKEEP" --config "$tmp/config" status --html > "$tmp/status.html" || [ $? = 3 ]
    "$VMKEEP" --config "$tmp/config" report --html > "$tmp/report.html"
    look 3 "$at/" "$at/domain/lab/db01" "$at/domain/lab/web01" "$at/job/7" "$at/repository/main" "$at/policy/nightly" \
        "$at/domain/lab/none"
    # The chain's picture has each sign once; what goes is no fault.
    curl -s "$at/domain/lab/web01" > "$tmp/page"
    [ "$(grep -o 'class="c-[a-z]*"' "$tmp/page" | grep -v line | sort | uniq -c | xargs)" = \
        '1 class=c-copy 1 class=c-full 1 class=c-going 1 class=c-incremental 1 class=c-pin' ]
    run ! grep -q 'class="mark bad"' "$tmp/page"
    cd "$tmp"
    look file "file://$tmp/status.html" "file://$tmp/report.html"
}

@test "the documentation" {
    small
    MANUAL=$MANUAL "$here/../../scripts/make-site" "$tmp/html" > "$tmp/log"
    serve --docs "$tmp/html"
    look docs "$at/docs/" "$at/docs/README.html" "$at/docs/docs/web.html" "$at/docs/man/vmkeep-config.5.html"
}

@test "pictures for the documentation, made from the programs" {
    "$here/../../scripts/make-pictures" "$tmp/pictures" 3>&-
    [ "$(cd "$tmp/pictures" && echo *)" = "domain.png policy.png repository.png status-dark.png status.png watch.png" ]
    run ! cmp -s "$tmp/pictures/status.png" "$tmp/pictures/status-dark.png"
    for picture in "$tmp/pictures"/[!w]*.png; do
        [ "$(od -An -tu4 --endian=big -j16 -N4 "$picture" | xargs)" = 1000 ]
    done
}

@test "3 000 domains" {
    "$here/../bench/big_catalog" "$tmp" 3000 2 3 > "$tmp/log"
    serve
    look 3000 "$at/"
    [ "$(curl -s "$at/" | grep -c '<th scope="row"><a href="/domain/')" = 3000 ]
}
