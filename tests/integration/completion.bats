#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Completion: what may follow, by the commands' tables and by the names that the configuration and
# the catalog have; and the scripts by which bash, zsh and fish ask for it.
# VMKEEP and MAKE_CATALOG name the programs, COMPLETION the folder of the scripts.

bats_require_minimum_version 1.5.0

setup() {
    tmp=$(mktemp -d)
    export HOME=$tmp XDG_CONFIG_HOME=$tmp XDG_DATA_HOME=$tmp XDG_CACHE_HOME=$tmp
    PATH=$(dirname "$VMKEEP"):$PATH
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
      - { name: "two words", qmp: $tmp/two.qmp }
repositories: [{ name: main, path: $tmp/main }, { name: far, path: /far }]
policies:
  - { name: nightly, domains: ["*"], repository: main, schedule: { full: ["2199-12-31"] } }
END
}

teardown() {
    rm -rf "$tmp"
}

# offers FIRST_LINE WORDS WORD...: what is offered behind the last word, in any order.
offers() {
    local how=$1 expected=$2
    shift 2
    "$VMKEEP" complete -- --config "$tmp/config" "$@" > "$tmp/out"
    [ "$(head -n 1 "$tmp/out")" = "$how" ] &&
        [ "$(tail -n +2 "$tmp/out" | cut -f 1 | LC_ALL=C sort | xargs)" = "$expected" ] || {
        echo "$*: $(cut -f 1 "$tmp/out" | xargs)"
        return 1
    }
}

@test "commands" {
    offers words "checkpoint-create checkpoint-create-as" checkpoint-c
    offers words "domains domjobabort domjobinfo" dom
    offers words "status" help sta
    offers words "" nothing ""
    "$VMKEEP" complete -- "" | tail -n +2 | cut -f 1 > "$tmp/offered"
    "$VMKEEP" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p' > "$tmp/names"
    echo help >> "$tmp/names"
    diff "$tmp/names" "$tmp/offered"
}

@test "options: each of every command, until it is given" {
    for command in $("$VMKEEP" complete -- "" | tail -n +2 | cut -f 1 | grep -vx help); do
        "$VMKEEP" "$command" --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p' > "$tmp/expected"
        echo --config >> "$tmp/expected"
        "$VMKEEP" complete -- "$command" -- | tail -n +2 | cut -f 1 | sort |
            diff <(sort "$tmp/expected") -
    done
    offers words "--define --disk --dry-run" restore --disk vda --d
    offers words "--wait" run web01 --w
    offers words "" run --wait --w
}

@test "options that exclude one another" {
    offers words "--inactive" domains --inact
    offers words "" domains --act --inact
    offers words "" checkpoint-list web01 --roots --fro
}

@test "the values of options" {
    offers words "full incremental" run --level ""
    offers words "incremental" run --lev in
    offers words "--level=full" run --level=f
    offers words "qcow2" restore web01 --format q
    offers directories "" restore web01 --to ""
    offers directories "far main" points --repository ""
    offers files "" backup-begin web01 --backupxml ""
    offers files "" status --config ""
}

@test "operands: domains, policies, repositories, jobs, words" {
    offers words "db01 two words web01" status ""
    offers words "web01" status db01 w
    offers words "lab/db01 lab/two words lab/web01" status lab/
    offers words "db01 nightly two words web01" run ""
    offers words "db01 lab two words web01" doctor ""
    offers words "adopt check forget list rekey" repository ""
    offers words "main" repository adopt m
    offers words "$(sqlite3 "$tmp/catalog.db" "SELECT max(id) FROM job")" cancel ""
    offers files "" check ""
    offers files "" backup-begin web01 ""
    offers files "" backup-begin --domain web01 ""
    offers words "--config --help --json --level --wait" run web01 ""
    offers words "" run web01 -- ""
}

@test "points, by their ids" {
    id=$(sqlite3 "$tmp/catalog.db" "SELECT id FROM point WHERE domain = 'gone'")
    offers words "$id" restore lab/go
    offers words "$id" explain "$id"
}

@test "checkpoints are those of the domain that is named" {
    names=$(sqlite3 "$tmp/catalog.db" \
        "SELECT name FROM checkpoint WHERE domain = 'web01' ORDER BY name" | xargs)
    [ -n "$names" ]
    offers words "$names" checkpoint-info web01 ""
    offers words "$names" checkpoint-info --domain=lab/web01 ""
    offers words "" checkpoint-info db99 ""
    offers words "$names" checkpoint-list web01 --from ""
}

@test "without a configuration: no names, and no failure" {
    run -0 --separate-stderr "$VMKEEP" complete -- --config "$tmp/none" status ""
    [ "$output" = words ]
}

# in_bash LINE PIECE...: what bash has of LINE, which it splits into vmkeep and these pieces.
in_bash() {
    local COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDS COMP_CWORD COMPREPLY
    shift
    COMP_WORDS=(vmkeep "$@")
    COMP_CWORD=$#
    # shellcheck source=packaging/completion/vmkeep.bash
    . "$COMPLETION/vmkeep.bash"
    _vmkeep
    echo "${COMPREPLY[*]}"
}

@test "bash" {
    [ "$(in_bash "vmkeep stat" stat)" = status ]
    [ "$(in_bash "vmkeep --config $tmp/config run " --config "$tmp/config" run "")" = \
        "nightly db01 two\\ words web01" ]
    [ "$(in_bash "vmkeep run --level=inc" run --level = inc)" = incremental ]
    [ "$(in_bash "vmkeep run --level=" run --level =)" = "full incremental" ]
    [ "$(in_bash "vmkeep --config=$tmp/config status w" --config = "$tmp/config" status w)" = web01 ]
    sqlite3 "$tmp/catalog.db" \
        "UPDATE point SET id = 'lab/x/2026-11-23T02-30-00Z.nightly@ab' WHERE domain = 'gone'"
    [ "$(in_bash "vmkeep --config $tmp/config restore lab/x/2026-11-23T02-30-00Z.nightly@a" \
        --config "$tmp/config" restore lab/x/2026-11-23T02-30-00Z.nightly @ a)" = ab ]
}

# A terminal: what stands in the line after the tab key.
@test "bash, with a tab key" {
    cat > "$tmp/rc" <<END
PS1='> '
bind 'set enable-bracketed-paste off'
. $COMPLETION/vmkeep.bash
END
    cat > "$tmp/press" <<'END'
import os, pty, select, sys
pid, fd = pty.fork()
if pid == 0:
    os.environ["TERM"] = "dumb"
    os.execvp("bash", ["bash", "--noprofile", "--rcfile", sys.argv[1], "-i"])
seen = b""
def until(text):
    global seen
    while text not in seen:
        if not select.select([fd], [], [], 60)[0]:
            sys.exit("nothing more than %r" % seen)
        seen += os.read(fd, 4096)
until(b"> ")
os.write(fd, b"echo vmkeep; vmkeep stat\t--js\t--help | head -n 1\n")
until(b"Usage: vmkeep status")
os.write(fd, b"exit\n")
os.waitpid(pid, 0)
sys.stdout.buffer.write(seen)
END
    python3 "$tmp/press" "$tmp/rc" > "$tmp/seen"
    grep -q "vmkeep status --json --help" "$tmp/seen"
}

@test "zsh" {
    zsh -n "$COMPLETION/_vmkeep"
    cat > "$tmp/try" <<'END'
_describe() { print -l "described:" "${(@P)3}" }
_files() { print "files: $*" }
words=("$@")
CURRENT=$#words
fpath=($COMPLETION)
autoload -U _vmkeep
_vmkeep
END
    zsh -f "$tmp/try" vmkeep stat > "$tmp/out"
    diff "$tmp/out" - <<'END'
described:
status:every domain: protected or at risk, last point, next run
END
    zsh -f "$tmp/try" vmkeep restore web01 --to "" > "$tmp/out"
    diff "$tmp/out" - <<< "files: -/"
    zsh -f "$tmp/try" vmkeep --config "$tmp/config" points --repository m > "$tmp/out"
    diff "$tmp/out" - <<END
described:
main:$tmp/main
files: -/
END
}

# in_fish LINE
in_fish() {
    fish --no-config -c "source '$COMPLETION/vmkeep.fish'; complete -C '$1'" | cut -f 1 | sort | paste -sd " "
}

@test "fish" {
    fish --no-execute "$COMPLETION/vmkeep.fish"
    [ "$(in_fish "vmkeep stat")" = status ]
    [ "$(in_fish "vmkeep --config $tmp/config run ")" = "db01 nightly two words web01" ]
    [ "$(in_fish "vmkeep run --level=f")" = "--level=full" ]
    [[ " $(in_fish "vmkeep check $tmp/con") " == *" $tmp/config "* ]]
}
