#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# vmkeep status --watch in a terminal of tmux, narrow and wide, on the catalog of
# tests/support/make_catalog.c; and that the terminal is as it was, however it ends.
# VMKEEP and MAKE_CATALOG name the programs.
#
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0

setup() {
    export TZ=UTC
    tmp=$(mktemp -d)
    "$MAKE_CATALOG" "$tmp/catalog.db" "$(date +%s)"
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
policies:
  - { name: nightly, domains: ["*", "!spare"], repository: main, schedule: { incremental: ["02:30"] }, rpo: 26h }
END
}

# By its pid, and not by taking the terminal away: that sends SIGCONT, too, for which the search for
# leaks at the program's end waits for ever.
teardown() {
    if pid=$(watcher 2> /dev/null) && kill "$pid"; then wait_for is_gone "$pid"; fi
    tmux -S "$tmp/tmux" kill-server 2> /dev/null || true
    rm -rf "$tmp"
}

is_gone() { ! kill -0 "$1" 2> /dev/null; }

t() { tmux -S "$tmp/tmux" -f /dev/null "$@"; }

screen() { t capture-pane -p -t s; }

shows() { screen | grep -qF -- "$1"; }

shows_not() { ! shows "$1"; }

keys() { t send-keys -t s "$@"; }

wait_for() {
    for _ in {1..3000}; do
        "$@" && return
        sleep 0.02
    done
    echo "waited in vain for: $*"
    screen
    return 1
}

# start COLUMNS LINES: a shell, and in it the watch
start() {
    t new-session -d -s s -x "$1" -y "$2" -e PS1='$ ' sh
    keys "stty -g > $tmp/before; echo a line that was there" Enter
    wait_for shows 'a line that was there'
    keys "$VMKEEP --config $tmp/config status --watch" Enter
    wait_for shows 'NOT PROTECTED: 1 domain at risk'
}

watcher() { pgrep -P "$(t list-panes -t s -F '#{pane_pid}')" -f 'status --watch'; }

is_normal() { [ "$(t display-message -p -t s '#{alternate_on} #{cursor_flag}')" = "0 1" ]; }

# as_before STATUS: it has ended with that, and the terminal is as it was
as_before() {
    wait_for is_normal
    keys "echo ended: \$?; stty -g > $tmp/after" Enter
    wait_for shows "ended: $1"
    wait_for test -s "$tmp/after"
    diff "$tmp/before" "$tmp/after"
    wait_for shows 'a line that was there'
    wait_for shows_not 'NOT PROTECTED'
}

# widest: of the screen's lines
widest() { screen | awk '{ n = length($0) > n ? length($0) : n } END { print n }'; }

fits() { [ "$(widest)" -le "$1" ]; }

is_wide() { [ "$(widest)" -gt 80 ]; }

# What tmux has of a screen that is being drawn is a part of it: whatever is expected is waited for.
# line_is LINE TEXT: but for the spaces; $: the last one
line_is() { [ "$(screen | sed -n "$1p" | xargs)" = "$2" ]; }

line_has() { screen | sed -n "$1p" | grep -q "$2"; }

rows_are() { [ "$(screen | grep -c ^lab/)" = "$1" ]; }

@test "80x24: rows, a domain's detail and back, a filter, the end" {
    start 80 24
    wait_for line_is 3 "DOMAIN STATUS LAST POINT NEXT RUN NOW, OR WHY"
    wait_for line_has 4 "^lab/db01  .*at risk  .* no good poi"
    wait_for line_has 6 "^lab/web01 .*protected  .* copying 25%"
    wait_for line_is '$' "arrows: choose Enter, right: detail /: filter q: end"
    wait_for fits 80
    keys Down Down Right
    wait_for shows 'up, down: scroll'
    wait_for line_is 3 lab/web01
    wait_for shows 'Now: job 8, interrupted, copying 25% of 200 MiB'
    wait_for shows 'job 3, incremental, success'
    wait_for fits 80
    keys Left
    wait_for shows lab/db01
    keys / w e b
    wait_for shows 'filter: web_'
    wait_for shows_not lab/db01
    keys BSpace BSpace BSpace r i s k Enter
    wait_for shows 'filter: risk '
    wait_for shows lab/db01
    wait_for shows_not lab/web01
    keys / x Escape
    wait_for shows lab/web01
    keys q
    as_before 0
}

@test "200x60: more of why; resized while it runs" {
    start 200 60
    wait_for shows 'no good point for 3d 2h, promised 1d 2h; last job 7 failed: disk vda: No space left on device'
    keys Enter
    wait_for shows 'what was missed'
    wait_for is_wide
    t resize-window -t s -x 80 -y 24
    wait_for fits 80
    wait_for shows 'up, down: scroll'
    wait_for line_is '$' "up, down: scroll left, q: back"
    keys G
    wait_for shows 'job 5, incremental, success'
    keys q
    wait_for shows 'arrows: choose'
    t resize-window -t s -x 40 -y 8
    wait_for fits 40
    wait_for rows_are 3
}

@test "the terminal is as it was after every signal, and while it is stopped" {
    start 80 24
    keys C-c
    as_before 130
    for signal in TERM HUP QUIT ABRT; do
        t kill-session -t s
        rm "$tmp/after"
        start 80 24
        kill -"$signal" "$(watcher)"
        as_before "$((128 + $(kill -l $signal)))"
    done
    t kill-session -t s
    rm "$tmp/after"
    start 80 24
    keys C-z
    wait_for shows Stopped
    wait_for shows 'a line that was there'
    wait_for is_normal
    keys fg Enter
    wait_for shows 'NOT PROTECTED'
    keys q
    as_before 0
}

@test "what changes is shown; what cannot be read any more says so, and the last stays" {
    start 200 60
    sqlite3 "$tmp/catalog.db" "UPDATE job SET bytes_done = bytes_total WHERE state = 'running'"
    wait_for shows 'copying 100%'
    sqlite3 "$tmp/catalog.db" "ALTER TABLE job RENAME TO jobs"
    wait_for shows 'no such table'
    wait_for shows lab/web01
    keys q
    as_before 0
}

@test "no terminal: an error that names the other ways" {
    run -2 --separate-stderr "$VMKEEP" --config "$tmp/config" status --watch
    [ -z "$output" ]
    [ "$stderr" = "vmkeep: status: --watch needs a terminal; without one there are \`vmkeep status\`, \`vmkeep status --json\` and \`vmkeep status --html\`" ]
    run -2 "$VMKEEP" --config "$tmp/config" status --watch --json
}
