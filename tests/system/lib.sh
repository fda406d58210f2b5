# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Functions for the system tests: a real QEMU without a guest (its CPU never starts; writes are made
# through its block layer, see writer.c), a real daemon, the real command.  Source it with
# BUILD set to the build directory.  Everything lives in one temporary folder, and every process that
# was started is ended by its pid when the script ends.

set -euo pipefail

: "${BUILD:?the build directory}"
VMKEEP=$BUILD/tests/seen/vmkeep # see seen_json.c
[ -x "$VMKEEP" ] || VMKEEP=$BUILD/cli/vmkeep
VMKEEPD=$BUILD/daemon/vmkeepd
WRITER=$BUILD/tests/system/writer
DISK_SIZE=$((16 * 1024 * 1024))

export COLUMNS=1000 # sentences stay in one line

# jq 1.6 takes 40 ms to read its own library at each start, and the tests start it all the time; gojq
# takes 3 ms.  It sorts the members of objects always, so does not know -S.
if command -v gojq > /dev/null; then
    jq()
    {
        case " $* " in
            *" -S "* | *" -cS "*) command jq "$@" ;;
            *) gojq "$@" ;;
        esac
    }
fi

tmp=$(mktemp -d "${TMPDIR:-/tmp}/vmkeep-system-XXXXXX")
mkdir "$tmp/leaks" # see vmkeep
declare -A pids=()
at_end=() # functions, for what is not ours by pid

cleanup()
{
    local status=$? name
    trap - EXIT
    if [ "$status" -ne 0 ] && [ -f "$tmp/log" ]; then
        echo "--- the daemon's log (its end):" >&2
        tail -n 60 "$tmp/log" >&2
    fi
    for name in "${at_end[@]}"; do
        "$name" || true
    done
    for name in "${!pids[@]}"; do
        kill -KILL "${pids[$name]}" 2>/dev/null || true
        wait "${pids[$name]}" 2>/dev/null || true
    done
    if mountpoint -q "$tmp/small" 2>/dev/null; then
        umount "$tmp/small"
    fi
    rm -rf "$tmp"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fail()
{
    echo "FAILED: $*" >&2
    exit 1
}

# What takes seconds may take many times as long while the machine is busy; only a failure waits so long.
PATIENCE=6

# wait_for SECONDS WHAT COMMAND...: until the command succeeds. SECONDS are those of an idle machine.
# Who waits long asks more seldom: asking takes time that what is waited for could use.
wait_for()
{
    local until=$((SECONDS + $1 * PATIENCE)) what=$2 begun=${EPOCHREALTIME//./} pause
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$until" ] || fail "waited in vain for: $what"
        pause=$(((${EPOCHREALTIME//./} - begun) / 10000)) # a tenth of it, in ms
        sleep "$(printf '0.%03d' $((pause < 50 ? 50 : pause > 300 ? 300 : pause)))"
    done
}

# make_disks NAME DISK...: images, with a raw reference of what they hold at first.
make_disks()
{
    local vm=$1 disk
    shift
    mkdir -p "$tmp/images"
    for disk in "$@"; do
        head -c "$DISK_SIZE" /dev/urandom > "$tmp/images/$vm-$disk.raw"
        qemu-img convert -q -f raw -O qcow2 "$tmp/images/$vm-$disk.raw" "$tmp/images/$vm-$disk.qcow2"
    done
}

# start_vm NAME DISK...: QEMU with two QMP sockets, vmkeep's and the test's, and with the arguments in VM_ARGS.
start_vm()
{
    local vm=$1 disk args=()
    read -ra args <<< "${VM_ARGS:-}"
    shift
    for disk in "$@"; do
        args+=(-blockdev "driver=file,filename=$tmp/images/$vm-$disk.qcow2,node-name=$disk-file"
               -blockdev "driver=qcow2,file=$disk-file,node-name=$disk"
               -device "virtio-blk-pci,drive=$disk,id=$disk")
    done
    qemu-system-x86_64 -M q35 -accel tcg -m 64 -S -nodefaults -display none \
        -qmp "unix:$tmp/$vm.qmp,server=on,wait=off" -qmp "unix:$tmp/$vm.test,server=on,wait=off" \
        "${args[@]}" > "$tmp/$vm.out" 2>&1 &
    pids[$vm]=$!
    wait_for 10 "QEMU $vm" "$WRITER" qmp "$tmp/$vm.test" query-status
}

stop_vm()
{
    "$WRITER" qmp "$tmp/$1.test" quit > /dev/null
    wait "${pids[$1]}" || true
    unset "pids[$1]"
}

# write_config SCHEDULE [KEEP]: one host, one repository, one policy for all domains with a socket named in VMS;
# with the images of the disks named in IMAGES.
write_config()
{
    local vm disk
    mkdir -p "$tmp/repo"
    {
        echo "catalog: $tmp/catalog.db"
        echo "control: $tmp/control.sock"
        echo "hosts:"
        echo "  - name: lab"
        echo "    driver: qemu"
        echo "    domains:"
        for vm in ${VMS:-vm1}; do
            echo "      - name: $vm"
            echo "        qmp: $tmp/$vm.qmp"
            [ -z "${IMAGES:-}" ] || echo "        disks:"
            for disk in ${IMAGES:-}; do
                echo "          - { name: $disk, image: $tmp/images/$vm-$disk.qcow2 }"
            done
        done
        echo "repositories:"
        echo "  - { name: main, path: ${REPO:-$tmp/repo} }"
        echo "policies:"
        echo "  - name: nightly"
        echo "    domains: ['*']"
        echo "    repository: main"
        echo "    schedule: $1"
        echo "    keep: ${2:-{ last: 100 \}}"
        echo "    rpo: 1h"
    } > "$tmp/config"
}

export never="{}" # only by hand

# Two thirds of the time of a start go by looking for leaks at its end, watching global variables and keeping
# stacks, and these are started thousands of times: that is done the first time that a test uses such words.
vmkeep()
{
    local words=${*//[^a-z -]/}
    words=$tmp/leaks/${words:0:200}
    case ${1:-} in
        status | jobs | points | domains | domjobinfo | checkpoint-list | run | explain | restore | reload)
            if [ -e "$words" ]; then
                ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0:report_globals=0:malloc_context_size=2 \
                    "$VMKEEP" --config "$tmp/config" "$@"
                return
            fi
            : > "$words"
            ;;
    esac
    "$VMKEEP" --config "$tmp/config" "$@"
}

# asked QUESTION: what the daemon answers at its socket, without the command.
asked()
{
    "$WRITER" ask "${CONTROL-$tmp/control.sock}" "$1"
}

daemon_answers()
{
    [[ $(asked status 2> /dev/null) == *'"starting":false'* ]]
}

# No job waits or runs, but those that are tried again later.
idle()
{
    asked jobs | jq -e '.jobs | all(.state == "waiting")' > /dev/null
}

start_daemon()
{
    "${DAEMON_WRAP[@]}" "$VMKEEPD" --config "$tmp/config" --verbose >> "$tmp/log" 2>&1 &
    pids[daemon]=$!
}
DAEMON_WRAP=(env)

await_daemon()
{
    wait_for 10 "the daemon" daemon_answers
}

stop_daemon()
{
    kill -TERM "${pids[daemon]}"
    wait "${pids[daemon]}" || fail "the daemon did not end well"
    unset "pids[daemon]"
}

points()
{
    vmkeep points --json
}

# One a line, without asking the command.
point_directories()
{
    find "$tmp/repo" -mindepth 3 -maxdepth 3 -printf '%f\n' 2> /dev/null
}

# held_up DOMAIN TEXT: a backup that is asked for waits for what somebody else does there, and says what.
held_up()
{
    vmkeep run "$1" > /dev/null || fail "a backup that is to wait"
    wait_for 20 "a backup that waits for '$2': $(vmkeep jobs --active)" is_held_up "$1" "$2"
}
is_held_up()
{
    vmkeep jobs --active --json | jq -e --arg d "${1#*/}" --arg h "${1%/*}" --arg t "$2" 'any(.[];
        .domain == $d and ($h == $d or .host == $h) and .waits_for.code == "others" and (.waits_for.problem | contains($t)))'
}
goes_on() # with good end: what waited
{
    wait_for 60 "the end of what waited" idle
    [ "$(vmkeep jobs --json | jq -r '[.[] | select(.kind == "backup")][-1].outcome')" = success ] ||
        fail "what waited: $(vmkeep jobs --json | jq -r '.[-1].reason')"
}

# restored_state POINT VM DISK...: restores the point and prints how many of the writer's writes it
# holds; fails when the disks are at no point of their history.
restored_state()
{
    local point=$1 vm=$2 disk base=() restored=()
    shift 2
    rm -rf "$tmp/restored"
    vmkeep restore "$point" --to "$tmp/restored" --format raw > /dev/null || return 1
    for disk in "$@"; do
        base+=("$tmp/images/$vm-$disk.raw")
        restored+=("$tmp/restored/$disk.raw")
    done
    "$WRITER" check "$tmp/$vm.writes" "$DISK_SIZE" "${base[@]}" -- "${restored[@]}"
}

# Every disk of every point has the content that its manifest says, by another program.
check_contents()
{
    local id path capacity content n=0

    while read -r id path capacity content; do
        qemu-img convert -f qcow2 -O raw "$tmp/repo/$id/$path" "$tmp/content.raw"
        [ "$("$(dirname "${BASH_SOURCE[0]}")/../support/content_digest" "$tmp/content.raw" "$capacity")" = "$content" ] ||
            fail "$id: $path: not the content $content"
        [ -s "$tmp/repo/$id/${path%.qcow2}.tree" ] || fail "$id: $path: no tree"
        rm "$tmp/content.raw"
        n=$((n + 1))
    done < <(vmkeep points --json |
        jq -r '.[] | select(.state == "good" and .repository == "main") | .id as $id | .disks[] | "\($id) \(.path) \(.capacity) \(.content)"')
    [ "$n" -gt 0 ] || fail "no point to check"
    echo "contents of $n disks: as another program computes them"
}

# write_some VM N DISK...
write_some()
{
    local vm=$1 n=$2
    shift 2
    "$WRITER" write "$tmp/$vm.test" "$tmp/$vm.writes" "$tmp/never" "$n" "$@" > /dev/null
}
