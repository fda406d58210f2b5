# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# One real guest (made by scripts/make-guest) under QEMU, for ./demo and tests/system.  Source it.
#
#   guest_disks GUEST DIR     gives DIR fresh disks: DIR/vda.qcow2, DIR/vdb.qcow2
#   guest_start GUEST DIR     starts it on them and waits until it writes; sets guest_pid
#   guest_stop                ends it as its host's administrator would; fine if it is gone
#   guest_round DIR           the last round that the guest has told of (see scripts/guest/init)
#   guest_longest_pause DIR   the longest time between two rounds, by the guest's own clock
#   guest_check DIR [TOLD]    is the restored pair DIR/vda.raw, DIR/vdb.raw of one instant and whole?
#
# The guest's sockets are DIR/qmp and DIR/agent, what it says is in DIR/console, and what it has
# written, as it tells itself, in DIR/told.

guest_pid=

guest_disks()
{
    cp "$1/vda.qcow2" "$1/vdb.qcow2" "$2/"
}

# Never KVM: the guest must run on machines that have none, or one that does not work.
guest_command() # GUEST DIR
{
    # shellcheck disable=SC2054 # the commas are QEMU's
    guest_argv=(qemu-system-x86_64 -name demo-guest -machine pc -accel tcg -m 128
        -nodefaults -no-user-config -display none -no-reboot
        -kernel "$1/kernel" -initrd "$1/initrd"
        -append "console=ttyS0 quiet panic=-1 rdinit=/init tsc=reliable no_timer_check mitigations=off random.trust_cpu=on"
        -drive "if=none,id=vda,file=$2/vda.qcow2,format=qcow2,discard=unmap"
        -device virtio-blk-pci,drive=vda
        -drive "if=none,id=vdb,file=$2/vdb.qcow2,format=qcow2,discard=unmap"
        -device virtio-blk-pci,drive=vdb
        -qmp "unix:$2/qmp,server=on,wait=off"
        -chardev "socket,id=agent,path=$2/agent,server=on,wait=off"
        -device virtio-serial-pci
        -device virtserialport,chardev=agent,name=org.qemu.guest_agent.0
        -chardev "file,id=told,path=$2/told"
        -device virtserialport,chardev=told,name=told
        -serial "file:$2/console")
}

# Polls until the command holds; gives up after SECONDS, or when the process PID is gone.
guest_wait() # SECONDS PID COMMAND...
{
    local end=$((SECONDS + $1)) pid=$2
    shift 2
    until "$@"; do
        kill -0 "$pid" 2>/dev/null && ((SECONDS < end)) || return 1
        sleep 0.1
    done
}

guest_is_ready() # DIR
{
    [[ -n $(guest_round "$1" 2>/dev/null) ]]
}

guest_start()
{
    guest_command "$1" "$2"
    # It dies with this shell, however that ends.
    setpriv --pdeathsig KILL "${guest_argv[@]}" >"$2/qemu.log" 2>&1 </dev/null &
    guest_pid=$!
    if ! guest_wait 300 "$guest_pid" guest_is_ready "$2"; then
        echo "guest: it did not come up; its console and QEMU's messages:" >&2
        tail -n 20 "$2/console" "$2/qemu.log" >&2 || true
        guest_stop
        return 1
    fi
}

guest_stop()
{
    local pid=$guest_pid
    guest_pid=
    [[ -n $pid ]] || return 0
    kill -TERM "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

guest_round()
{
    # The last line may be half written.
    sed '$d' "$1/told" | sed -n '$s/ .*//p'
}

guest_longest_pause()
{
    sed '$d' "$1/told" | awk '{ print $2 }' | date -f - +%s | awk '
        NR > 1 && $1 - last > longest { longest = $1 - last }
        { last = $1 }
        END { print (longest > 1 ? longest " seconds" : "a second") }'
}

# Takes the files out of a raw image's file system.  No mount, no loop device, no root.
guest_extract() # IMAGE DIR
{
    mkdir -p "$2"
    debugfs -R "rdump / \"$2\"" "$1" >/dev/null 2>&1
}

guest_file_system_is_clean() # IMAGE
{
    e2fsck -fn "$1" >"$1.e2fsck" 2>&1 || {
        echo "guest: $1: e2fsck says:" >&2
        cat "$1.e2fsck" >&2
        return 1
    }
}

# What the guest promises (scripts/guest/init) must hold in what was restored from a point that was
# made with its file systems frozen (without that, what it had not yet written out is missing):
#  - its journal is what the guest told at the time, word for word, up to some round;
#  - every file but the one that was being written has its checksum;
#  - the other disk is of the same instant: the same round, or the one just before it.
# Sets guest_held: the last round there.
# shellcheck disable=SC2034 # for the caller
guest_check() # DIR [TOLD]
{
    local dir=$1 told=${2-} k sum rounds_vda rounds_vdb

    guest_extract "$dir/vda.raw" "$dir/data"
    guest_extract "$dir/vdb.raw" "$dir/log"
    if [[ ! -e $dir/data/journal || ! -e $dir/log/journal ]]; then
        echo "guest: $dir: no journal in the file systems" >&2
        return 1
    fi
    rounds_vda=$(wc -l <"$dir/data/journal")
    rounds_vdb=$(wc -l <"$dir/log/journal")
    if ((rounds_vda - rounds_vdb < 0 || rounds_vda - rounds_vdb > 1)); then
        echo "guest: vda holds round $rounds_vda, vdb round $rounds_vdb: not one instant" >&2
        return 1
    fi
    if [[ -n $told ]] && ! cmp -s <(head -n "$rounds_vdb" "$told") "$dir/log/journal"; then
        echo "guest: the journal differs from what the guest told" >&2
        return 1
    fi
    for k in {0..15}; do
        if [[ ! -e $dir/data/sum-$k ]] || ((k == (rounds_vda + 1) % 16)); then
            continue
        fi
        sum=$(sha256sum <"$dir/data/block-$k")
        if [[ $sum != "$(<"$dir/data/sum-$k")" ]]; then
            echo "guest: block-$k does not have its checksum" >&2
            return 1
        fi
    done
    guest_held=$rounds_vda
}
