#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Kill sweep of what is done by hand: the daemon is killed (SIGKILL) at each of its durable effects in turn
# (kill_at.c) while it makes a push with a checkpoint, full and incremental, a pull that a client reads and ends, and
# while it makes and deletes a checkpoint; then it is started again.  Each time: every job is settled and its
# outcome recorded once, what the client was told is true, the checkpoint of a bad end is gone and the last good one
# gives an increment that is right, files made for a job that failed are gone, those of others are untouched, and QEMU
# has nothing of ours but the checkpoints that are listed.
. "$(dirname "$0")/lib.sh"

make_disks vm1 vda vdb
start_vm vm1 vda vdb
qmp()
{
    "$WRITER" qmp "$tmp/vm1.test" "$@"
}
qmp block-dirty-bitmap-add '{"node": "vda", "name": "foreign", "persistent": true}' > /dev/null
write_config "$never"
out=$tmp/out
mkdir "$out"
echo "of somebody else" > "$tmp/theirs"

# ---- documents ----

# push_xml NAME [BASE]
push_xml()
{
    local disk
    echo "<domainbackup>${2:+<incremental>$2</incremental>}<disks>"
    for disk in vda vdb; do
        echo "<disk name='$disk' type='file'><target file='$out/$1-$disk.qcow2'/></disk>"
    done
    echo "</disks></domainbackup>"
}

pull_xml()
{
    local disk
    echo "<domainbackup mode='pull'><incremental>$2</incremental><server transport='unix' socket='$out/nbd.sock'/><disks>"
    for disk in vda vdb; do
        echo "<disk name='$disk' type='file'><scratch file='$out/$1-$disk.scratch'/></disk>"
    done
    echo "</disks></domainbackup>"
}

checkpoint_xml()
{
    echo "<domaincheckpoint><name>$1</name></domaincheckpoint>"
}

# ---- what is there ----

begun_jobs()
{
    vmkeep jobs --json | jq '[.[] | select(.kind == "backup-begin")]'
}

last_outcome()
{
    begun_jobs | jq -r 'if length > 0 then .[-1] | (.state + " " + (.outcome // "")) else "none" end'
}

checkpoint_state()
{
    vmkeep checkpoint-list vm1 --json | jq -r --arg n "$1" '.[] | select(.name == $n) | .state'
}

# What QEMU has: nodes, jobs, exports.
at_qemu()
{
    qmp query-named-block-nodes '{"flat": true}' | jq -r '.[]."node-name" | select(startswith("#") | not)' | sort
    qmp query-jobs | jq -r '.[].id'
    qmp query-block-exports | jq -r '.[].id'
}
ordinary=$(at_qemu)

bitmaps()
{
    qmp query-named-block-nodes '{"flat": true}' |
        jq -r '.[] | select(."dirty-bitmaps") | ."node-name" as $n | ."dirty-bitmaps"[] | "\($n):\(.name)"' | sort | xargs
}

# Whatever there is at QEMU belongs to a checkpoint that is listed, on both disks.
check_qemu()
{
    local name want="vda:foreign"
    for name in $(vmkeep checkpoint-list vm1 --name | grep -v '^foreign$'); do
        want+=" vda:$name vdb:$name"
    done
    [ "$(at_qemu)" = "$ordinary" ] || fail "$at: left at QEMU: $(at_qemu | xargs)"
    [ "$(bitmaps)" = "$(tr ' ' '\n' <<< "$want" | sort | xargs)" ] || fail "$at: bitmaps $(bitmaps), not $want"
}

# ---- the contents ----

writes=0
more_writes()
{
    write_some vm1 4 vda vdb
    writes=$((writes + 4))
}

# check_images WHAT: $out/WHAT-DISK.raw hold what the disks held after $expected writes.
check_images()
{
    local state
    state=$("$WRITER" check "$tmp/vm1.writes" "$DISK_SIZE" "$tmp/images/vm1-vda.raw" "$tmp/images/vm1-vdb.raw" \
        -- "$out/$1-vda.raw" "$out/$1-vdb.raw") || fail "$at: $1 holds what the disks never held"
    [[ " $state " = *" $expected "* ]] || fail "$at: $1 holds the state after $state writes, not $expected"
}

# whole NAME BASE: makes $out/NAME-DISK.raw of an image, or of an increment to $out/BASE-DISK.raw.
whole()
{
    local disk
    for disk in vda vdb; do
        [ -z "${2:-}" ] ||
            qemu-img rebase -q -u -F raw -b "$out/$2-$disk.raw" "$out/$1-$disk.qcow2"
        qemu-img convert -q -f qcow2 -O raw "$out/$1-$disk.qcow2" "$out/$1-$disk.raw"
        rm "$out/$1-$disk.qcow2"
    done
}

# The checkpoint that counts, with $out/$good-DISK.raw of its instant.
good=
now_good()
{
    [ -z "$good" ] || rm -f "$out/$good"-vd?.raw
    good=$1
}

# check_increment BASE: an increment from it is right; leaves $out/now-DISK.raw.
check_increment()
{
    rm -f "$out"/now-*
    push_xml now "$1" > "$tmp/now.xml"
    vmkeep backup-begin vm1 "$tmp/now.xml" --wait > "$tmp/answer" 2>&1 ||
        fail "$at: no increment from $1: $(cat "$tmp/answer")"
    whole now "$1"
    expected=$writes
    check_images now
}

# ---- the kills ----

killing=(env "LD_PRELOAD=$BUILD/tests/system/libkill_at.so" "KILL_MARK=$tmp/killed" "KILL_WHEN=$tmp/armed"
         KILL_WRITES=1 KILL_FILES=1 ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0)

# armed COMMAND...: run while each effect of the daemon counts; told=yes when it was told that it is done.
armed()
{
    touch "$tmp/armed"
    told=no
    "$@" && told=yes
    rm "$tmp/armed"
}

is_dead()
{
    ! kill -0 "${pids[daemon]}" 2> /dev/null
}

# The daemon that dies at effect N of what comes next.
start_daemon_for()
{
    DAEMON_WRAP=("${killing[@]}" "KILL_AT=$1")
    start_daemon
    await_daemon
    wait_for 30 "open jobs to be settled: $at" job_is_settled
}

# A pull that runs is read once more, and ended: by whoever has begun it.
job_is_settled()
{
    if [ "$(vmkeep domjobinfo vm1 --json | jq -r .type)" = Unbounded ]; then
        read_pull
        vmkeep domjobabort vm1
    fi
    idle
}

# The daemon is killed, by that or now, and another is there for the next round.
next_life()
{
    kill -KILL "${pids[daemon]}" 2> /dev/null || true
    wait "${pids[daemon]}" 2> /dev/null || true
    start_daemon_for "$1"
}

# sweep WHAT FIRST STEP: do_WHAT and check_WHAT, with $name of this round's own, at every STEP-th effect.
# Each takes seconds: SWEEP_STEP=1 is for all of them.
kills=0
sweep()
{
    local what=$1 n=$2 step=${SWEEP_STEP:-$3} jobs outcome count=0
    next_life "$n"
    for (( ; ; n += step)); do
        name=$what$n at="$what, kill $n"
        more_writes
        jobs=$(begun_jobs | jq length)
        [ "$what" != delete ] || { checkpoint_xml "$name" > "$tmp/c.xml"; vmkeep checkpoint-create vm1 "$tmp/c.xml" > /dev/null; }
        rm -f "$tmp/killed"
        expected=$writes
        "do_$what" > "$tmp/answer" 2>&1
        [ -e "$tmp/killed" ] || break
        wait_for 10 "the daemon's death" is_dead
        ! ((count++ % 2)) || [ "$what" = create ] || [ "$what" = delete ] || put_theirs
        next_life $((n + step))
        outcome=$(last_outcome)
        [ $(($(begun_jobs | jq length) - jobs)) -le 1 ] || fail "$at: more than one job"
        [ "$(begun_jobs | jq length)" != "$jobs" ] || outcome=none
        "check_$what" "$outcome"
        check_increment "$good"
        check_qemu
        [ ! -e "$out/nbd.sock" ] || fail "$at: the socket is left"
        [ -z "$(find "$out" -name '*.scratch')" ] || fail "$at: scratch space is left"
        [ "$outcome" = none ] || [ "$outcome" = "$(begun_jobs | jq -r '.[-2] | .state + " " + .outcome')" ] ||
            fail "$at: the outcome has changed from $outcome"
        rm -rf "${out:?}"/now-* "$out/$name-"*.qcow2
        kills=$((kills + 1))
    done
    [ "$told" = yes ] || fail "$what failed by itself before effect $n: $(cat "$tmp/answer")"
    [ "$count" -gt 1 ] || fail "$what: only $count kills"
    rm -f "${out:?}/$what"*.qcow2
    vmkeep checkpoint-delete vm1 "$name" > /dev/null 2>&1 || true
    echo "- $what: $count kills of $n places, $SECONDS s"
}

# Somebody puts a file where the daemon's was.
put_theirs()
{
    cp "$tmp/theirs" "$tmp/put"
    put=$out/$name-vdb.qcow2
    mv "$tmp/put" "$put"
}
put=

theirs_stands()
{
    [ -z "$put" ] || cmp -s "$put" "$tmp/theirs" || fail "$at: somebody's file is touched"
    [ -z "$put" ] || rm "$put"
    put=
}

# ---- a push with a checkpoint ----

do_push()
{
    push_xml "$name" ${push_from:+"$push_from"} > "$tmp/b.xml"
    checkpoint_xml "$name" > "$tmp/c.xml"
    armed vmkeep backup-begin vm1 "$tmp/b.xml" "$tmp/c.xml" --wait
}

# Of a backup that did not end well, or never began, nothing is left.
check_nothing()
{
    local left
    theirs_stands
    [ -z "$(checkpoint_state "$name")" ] || fail "$at: the checkpoint of a job that is $1 is $(checkpoint_state "$name")"
    left=$(find "$out" -name "*$name-vd?.*")
    [ -z "$left" ] || fail "$at: left of a job that is $1: $left"
}

check_push()
{
    if [ "$1" != "ended success" ]; then
        [ "$told" = no ] || fail "$at: the client was told of success, the job is $1"
        check_nothing "$1"
        return
    fi
    [ "$(checkpoint_state "$name")" = consistent ] || fail "$at: its checkpoint is '$(checkpoint_state "$name")'"
    if [ -n "$put" ]; then # there is no image to go on from
        theirs_stands
        rm "$out/$name-vda.qcow2"
        vmkeep checkpoint-delete vm1 "$name" > /dev/null
        return
    fi
    whole "$name" ${push_from:+"$push_from"}
    check_images "$name"
    vmkeep checkpoint-delete vm1 "$good" > /dev/null
    now_good "$name"
    push_from=${push_from:+$good}
    more_writes
}

# ---- a pull ----

read_pull()
{
    local disk
    for disk in vda vdb; do
        qemu-img convert -q -f raw -O raw "nbd+unix:///$disk?socket=$out/nbd.sock" "$out/$name-$disk.raw" || return 1
    done
}

# As a client does that a death of the daemon does not concern: it reads from QEMU.
pull_all()
{
    vmkeep backup-begin vm1 "$tmp/b.xml" "$tmp/c.xml" || return 1
    more_writes
    read_pull || fail "$at: the client cannot read"
    vmkeep domjobabort vm1
}

do_pull()
{
    pull_xml "$name" "$good" > "$tmp/b.xml"
    checkpoint_xml "$name" > "$tmp/c.xml"
    armed pull_all
}

check_pull()
{
    [ -z "$put" ] || rm "$put" # a pull makes no such file
    put=
    if [ "$1" != "ended success" ]; then
        [ "$told" = no ] || fail "$at: the client was told of success, the job is $1"
        check_nothing "$1"
        return
    fi
    [ "$(checkpoint_state "$name")" = consistent ] || fail "$at: its checkpoint is '$(checkpoint_state "$name")'"
    check_images "$name"
    vmkeep checkpoint-delete vm1 "$good" > /dev/null
    now_good "$name"
}

# ---- checkpoints ----

do_create()
{
    checkpoint_xml "$name" > "$tmp/c.xml"
    armed vmkeep checkpoint-create vm1 "$tmp/c.xml"
}

check_create()
{
    local state disk
    check_increment "$good" # what it is of; and what was given up is cleaned up before it
    state=$(checkpoint_state "$name")
    [ "$told" = no ] || [ "$state" = consistent ] || fail "$at: the client was told of success, it is '$state'"
    [ -z "$state" ] || [ "$state" = consistent ] || fail "$at: it is $state"
    [ -n "$state" ] || return 0
    vmkeep checkpoint-delete vm1 "$good" > /dev/null
    for disk in vda vdb; do
        mv "$out/now-$disk.raw" "$out/$name-$disk.raw"
    done
    now_good "$name"
    more_writes
}

do_delete()
{
    armed vmkeep checkpoint-delete vm1 "$name"
}

check_delete()
{
    local state
    state=$(checkpoint_state "$name")
    [ "$told" = no ] || [ -z "$state" ] || fail "$at: the client was told of success, it is '$state'"
    [ -z "$state" ] || vmkeep checkpoint-delete vm1 "$name" > /dev/null || fail "$at: $state, and cannot be deleted"
    [ -z "$(checkpoint_state "$name")" ] || fail "$at: it is listed still"
}

# ---- all of it ----

at=beginning
start_daemon_for 0
more_writes
expected=$writes
push_xml first > "$tmp/b.xml"
checkpoint_xml first > "$tmp/c.xml"
vmkeep backup-begin vm1 "$tmp/b.xml" "$tmp/c.xml" --wait > /dev/null
whole first
check_images first
good=first

push_from=
sweep push 3 8
push_from=$good
sweep push 7 8
sweep pull 5 7
sweep create 2 4
sweep delete 1 1
[ "$kills" -gt 15 ] || fail "only $kills kills: the sweep did not reach the daemon's work"
stop_daemon
echo "$kills kills, all as it should be"
