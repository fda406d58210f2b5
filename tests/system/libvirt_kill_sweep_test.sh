#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Kill sweep over libvirt: while a backup is made, pushed or pulled, full or incremental, one of those that take
# part is killed (SIGKILL) at one of the daemon's durable effects (kill_at.c): the daemon, vmkeep-libvirt, libvirtd
# or QEMU.  Then it comes again.  Each time every open job must be settled, the next backup must succeed, every
# point that exists must restore to what the disk held when it was taken, and nothing may be left behind: no
# checkpoint or bitmap but the one that counts, no job, no node, no scratch file, no directory in the making,
# and the guest runs.
#
# Each round takes seconds: the suite draws some (SEED, SWEEP_ROUNDS), SWEEP_ROUNDS=all goes through all of them.
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt.sh
. "$(dirname "$0")/libvirt.sh"
# shellcheck source=libvirt_jobs.sh
. "$(dirname "$0")/libvirt_jobs.sh"

rounds=${SWEEP_ROUNDS:-4}
seed=${SEED:-$((RANDOM + 1))}
RANDOM=$seed
echo "seed $seed"
mkdir "$tmp/folder"
export TMPDIR=$tmp/folder # for what the daemon makes there

libvirt_start
vm_make vm1 vda
libvirt_virsh resume vm1 > /dev/null

# ---- what is there ----

monitor() # COMMAND
{
    libvirt_virsh qemu-monitor-command "$vm" "{\"execute\": \"$1\"}"
}

nodes()
{
    monitor query-named-block-nodes | jq -r '.return[]."node-name"' | sort | xargs
}

bitmaps()
{
    monitor query-named-block-nodes | jq -r '[.return[]."dirty-bitmaps" // [] | .[].name] | unique | .[]' | xargs
}
ordinary=$(nodes)

# A libvirtd that is killed between the end of a push and the closing of its target leaves that open, for as long as
# QEMU runs: nobody but it can close it.  The backup must have failed then, for the image is in use.
target_stays_open()
{
    [[ $at = push*libvirtd* && $settled_with = *"Is another process using the image"* ]] || return 1
    echo "$at: libvirtd leaves the target open: $(nodes)"
    ordinary=$(nodes)
}
settled_with=

check_clean()
{
    [ "$(libvirt_virsh domstate "$vm")" = running ] || fail "$at: the guest is $(libvirt_virsh domstate "$vm" --reason)"
    [ "$(ours)" -eq 1 ] || fail "$at: checkpoints: $(checkpoints)"
    [ "$(bitmaps)" = "$(checkpoints | xargs)" ] || fail "$at: bitmaps $(bitmaps), checkpoints $(checkpoints | xargs)"
    libvirt_runs_none || fail "$at: a job is left: $(libvirt_virsh domjobinfo "$vm")"
    [ "$(monitor query-jobs | jq '.return | length')" = 0 ] || fail "$at: jobs at QEMU: $(monitor query-jobs)"
    [ "$(nodes)" = "$ordinary" ] || target_stays_open || fail "$at: nodes at QEMU: $(nodes)"
    [ -z "$(find "$tmp/scratch" -mindepth 1)" ] || fail "$at: scratch: $(find "$tmp/scratch")"
    [ -z "$(find "$tmp/repo" -name '*.partial')" ] || fail "$at: in the making: $(ls "$tmp/repo")"
    [ -z "$(find "$TMPDIR" -name 'vmkeep*')" ] || fail "$at: left: $(find "$TMPDIR" -name 'vmkeep*')"
}

# Points that are new hold what the disk has held since the round began.
note_points()
{
    local id
    for id in $(points | jq -r '.[].id'); do
        [ -n "${known[$id]:-}" ] || keep_reference "$id"
        known[$id]=yes
    done
}
declare -A known=()

# ---- a round ----

is_dead()
{
    ! kill -0 "${pids[daemon]}" 2> /dev/null
}

is_stopped_or_over()
{
    [ -e "$tmp/killed" ] || ! kill -0 "$running" 2> /dev/null
}

is_connected_and_idle()
{
    libvirt_is_connected && idle
}

daemon_for() # N [VARIABLE=VALUE...]
{
    local n=$1
    shift
    DAEMON_WRAP=(env "LD_PRELOAD=$BUILD/tests/system/libkill_at.so" "KILL_AT=$n" "KILL_MARK=$tmp/killed" "KILL_WHEN=$tmp/armed"
                 KILL_WRITES=1 KILL_FILES=1 ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 "$@")
    daemon_up
    DAEMON_WRAP=(env)
}

# Starts a backup, while each effect of the daemon counts.
begin() # LEVEL
{
    changed=$((changed + 1))
    put vda $((changed % 250 + 1)) $((changed % 200 * 64))k 64k
    rm -f "$tmp/killed"
    touch "$tmp/armed"
    vmkeep run "$vm" --level "$1" --wait > "$tmp/out" 2>&1 &
    running=$!
}
changed=0

over()
{
    wait "$running" 2> /dev/null || true
    rm -f "$tmp/armed"
}

gone() # NAME: kills one that is waited for
{
    kill -KILL "${pids[$1]}"
    wait "${pids[$1]}" 2> /dev/null || true
    unset "pids[$1]"
}

kill_victim()
{
    case $1 in
    helper) kill -KILL "$(pgrep -P "${pids[daemon]}" -x vmkeep-libvirt)" ;;
    libvirtd) libvirt_kill ;;
    qemu) kill -KILL "$(cat "$tmp/lv/run/qemu/$vm.pid")" ;;
    esac
}

revive()
{
    case $1 in
    libvirtd) libvirt_daemon ;;
    qemu)
        wait_for 20 "QEMU's end" domain_is_off
        qemu-img check -q -r all "$tmp/images/$vm-vda.qcow2" > /dev/null 2>&1 || true
        # The daemon may be writing a bitmap into the image of one that is shut off now, just then.
        wait_for 20 "the domain to start again" libvirt_virsh start "$vm"
        ;;
    esac
}

domain_is_off()
{
    [ "$(libvirt_virsh domstate "$vm")" = "shut off" ]
}

# What QEMU had not written out is lost with it, perhaps.
what_is_left()
{
    qemu-img convert -q -U -O raw "$tmp/images/$vm-vda.qcow2" "$tmp/images/$vm-vda.raw"
}

# False: the job was over before that place.
round() # VICTIM MODE LEVEL N
{
    local victim=$1 level=$3 n=$4
    at="$2, $level, $victim killed at $n"
    config "mode: $2"
    if [ "$victim" = daemon ]; then
        daemon_for "$n"
    else
        daemon_for "$n" KILL_STOP=1
    fi
    begin "$level"
    wait_for 40 "$at" is_stopped_or_over
    if [ ! -e "$tmp/killed" ]; then
        over
        grep -q '^success' <<< "$(last_reason)" || fail "$at: by itself: $(last_reason)"
        note_points
        stop_daemon
        return 1
    fi
    if [ "$victim" = daemon ]; then
        wait_for 10 "the daemon's death" is_dead
        wait "${pids[daemon]}" 2> /dev/null || true
        over
        daemon_up
    else
        kill_victim "$victim"
        kill -CONT "${pids[daemon]}" "$(cat "$tmp/killed")" 2> /dev/null || true
        revive "$victim"
        over
    fi
    wait_for 40 "open jobs to be settled: $at" is_connected_and_idle
    settled_with=$(last_reason)
    note_points
    [ "$victim" != qemu ] || what_is_left
    put vda 251 $((n % 200 * 64))k 4k
    vmkeep run "$vm" --wait > "$tmp/out" 2>&1 || fail "$at: no backup afterwards: $(cat "$tmp/out")"
    note_points
    check_clean
    compare_points
    stop_daemon
}

places() # MODE LEVEL: sets count
{
    config "mode: $1"
    daemon_for 1000000 "KILL_COUNT=$tmp/count"
    begin "$2"
    over
    note_points
    count=$(cat "$tmp/count")
    rm "$tmp/count"
    stop_daemon
    echo "$1, $2: $count places"
}

# ---- all, or some ----

modes=(push pull)
levels=(full incremental)
victims=(daemon helper libvirtd qemu)
at=beginning
config 'mode: push'
daemon_up
take full
known[$point]=yes
stop_daemon
done=0
if [ "$rounds" = all ]; then
    for mode in "${modes[@]}"; do
        for level in "${levels[@]}"; do
            for victim in "${victims[@]}"; do
                for ((n = 1; ; n += ${SWEEP_STEP:-1})); do
                    round "$victim" "$mode" "$level" "$n" || break
                    done=$((done + 1))
                done
                echo "$mode, $level, $victim: $n places, $SECONDS s"
            done
        done
    done
else
    mode=${modes[RANDOM % 2]} level=${levels[RANDOM % 2]}
    places "$mode" "$level"
    for ((i = 0; i < rounds; i++)); do
        n=$((RANDOM % count + 1))
        ! round "${victims[i % 4]}" "$mode" "$level" $n || done=$((done + 1))
        echo "$at, $SECONDS s"
    done
fi
[ "$done" -ge $((${rounds/all/8} / 2)) ] || fail "only $done kills"
libvirt_virsh destroy "$vm" > /dev/null
libvirt_stop
echo "$done kills, all as it should be"
