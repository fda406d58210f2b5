#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# vmkeep-mover, with real servers: qemu-nbd, which knows dirty bitmaps, and nbdkit, which can be slow
# or break.  MOVER names the program, CONTENT vmkeep-content.

bats_require_minimum_version 1.5.0

setup() {
    tmp=$(mktemp -d)
    cd "$tmp"
    socket=$tmp/nbd.sock
    uri="nbd+unix:///vda?socket=$socket"
}

teardown() {
    if [ -e server.pid ]; then
        kill -KILL "$(cat server.pid)" || true
    fi
    if mountpoint -q "$tmp/small"; then
        umount "$tmp/small"
    fi
    cd /
    rm -rf "$tmp"
}

# io IMAGE COMMAND...: a guest's writes.
io() {
    local image=$1 args=()
    shift
    for command in "$@"; do
        args+=(-c "$command")
    done
    qemu-io -f qcow2 "${args[@]}" "$image" > /dev/null
}

create() {
    qemu-img create -q -f qcow2 "$@"
}

# export_image IMAGE [BITMAP]: with qemu-nbd.
export_image() {
    qemu-nbd --read-only --persistent --fork --pid-file="$tmp/server.pid" -f qcow2 -k "$socket" \
        -x vda ${2:+-B "$2"} --trace "enable=nbd_co_send_*,file=$tmp/trace" "$1" 3>&-
}

end_server() {
    local pid
    pid=$(cat server.pid)
    kill "$pid"
    while kill -0 "$pid" 2> /dev/null; do sleep 0.05; done
    rm -f server.pid
}

# kit ARGUMENT...: nbdkit, which returns when it can be connected to.
kit() {
    nbdkit --unix "$socket" --pidfile "$tmp/server.pid" --exportname vda "$@" 3>&-
}

mover() {
    "$MOVER" --source "$uri" --target "$tmp/copy.qcow2" "$@"
}

# In the background, with its output in "out" and "err"; its process id in $mover.
begin_mover() {
    "$MOVER" --source "$uri" --target "$tmp/copy.qcow2" "$@" > out 2> err 3>&- &
    mover=$!
}

await_mover() {
    status=0
    wait "$mover" || status=$?
}

now_ms() {
    echo $(($(date +%s%N) / 1000000))
}

# await CONDITION...: at most 60 s.
await() {
    for ((tries = 0; tries < 1200; tries++)); do
        if "$@"; then
            return 0
        fi
        sleep 0.05
    done
    echo "waited in vain for: $*"
    return 1
}

# The mover's qemu-nbd.
qemu_nbd_of() {
    server=$(pgrep -P "$1" -x qemu-nbd)
}

in_the_middle() {
    grep -q '"done": [1-9]' out
}

gone() {
    ! kill -0 "$1" 2> /dev/null
}

same() {
    qemu-img compare "$1" "$2"
}

# Bytes of the image that hold data or zeroes of its own.
own_bytes() {
    qemu-img map --output=json "$1" | jq 'map(select(.depth == 0 and (.present or .offset)) | .length) | add // 0'
}

done_bytes() {
    tail -n 1 <<< "$output" | jq -e .done
}

@test "a full copies data, and leaves holes out" {
    create src.qcow2 1G
    create copy.qcow2 1G
    io src.qcow2 'write -P 1 0 3M' 'write -P 2 500M 700k' 'write -P 7 1023M 1M'
    export_image src.qcow2
    run --separate-stderr mover
    [ "$status" -eq 0 ]
    [ "$stderr" = "" ]
    [ "${lines[-1]}" = '{"done": 4915200, "total": 4915200}' ]
    end_server
    same src.qcow2 copy.qcow2
    [ "$(own_bytes copy.qcow2)" -eq 4915200 ]
    qemu-img check -q copy.qcow2
}

@test "data that is zeroes takes no space" {
    create src.qcow2 64M
    create copy.qcow2 64M
    io src.qcow2 'write -P 0 0 10M' 'write -P 5 4M 64k'
    export_image src.qcow2
    run --separate-stderr mover
    [ "$status" -eq 0 ]
    [ "$(done_bytes)" -eq $((10 << 20)) ]
    end_server
    same src.qcow2 copy.qcow2
    [ "$(own_bytes copy.qcow2)" -eq 65536 ]
}

@test "an incremental copies the dirty clusters, needs no backing file, and hides what became zero" {
    create src.qcow2 64M
    io src.qcow2 'write -P 1 0 32M'
    cp src.qcow2 base.qcow2
    qemu-img bitmap --add src.qcow2 b0
    io src.qcow2 'write -P 2 1M 4k' 'write -z 2M 1M' 'write -P 0 5M 256k' 'write -z 7000k 8k' \
        'write -P 3 63M 1M' 'discard 8M 64k'
    create -b base.qcow2 -F qcow2 copy.qcow2
    mv base.qcow2 hidden.qcow2
    export_image src.qcow2 b0
    run --separate-stderr mover --bitmap b0
    [ "$status" -eq 0 ]
    end_server
    mv hidden.qcow2 base.qcow2
    same src.qcow2 copy.qcow2
    # 64 KiB, 1 MiB, 256 KiB, one cluster for 8 KiB, 1 MiB, 64 KiB
    [ "$(done_bytes)" -eq $(((64 + 1024 + 256 + 64 + 1024 + 64) << 10)) ]
    [ "$(own_bytes copy.qcow2)" -eq "$(done_bytes)" ]
    # The zeroes are not read, where the server knows of them: the first MiB and what was discarded.
    read=$(sed -n 's/.*nbd_co_send_structured_read.* len = \([0-9]*\).*/\1/p' trace | paste -sd+)
    read=$((read))
    [ "$read" -gt 0 ]
    [ "$read" -le $(((64 + 256 + 64 + 1024) << 10)) ]
    qemu-img check -q copy.qcow2
}

# take IMAGE CAPACITY ARGUMENT...: the answer of vmkeep-content, whose tree is copy.tree.
take() {
    "$CONTENT" take --image "$1" --capacity "$2" --tree copy.tree "${@:3}" | tail -n 1
}

# noted_as_read CAPACITY ARGUMENT...: what the copy has noted in copy.tree makes the tree and the content that
# reading the image makes, and another program finds; without a look at the image.
noted_as_read() {
    local noted read
    cp copy.tree draft.tree
    noted=$(take copy.qcow2 "$@" --copied)
    cp copy.tree noted.tree
    read=$(take copy.qcow2 "$@")
    [ "$(jq .read <<< "$noted")" = false ]
    [ "$(jq .read <<< "$read")" = true ]
    [ "$(jq -c 'del(.read)' <<< "$noted")" = "$(jq -c 'del(.read)' <<< "$read")" ]
    cmp noted.tree copy.tree
    content=$(jq -r .content <<< "$noted")
    qemu-img convert -O raw copy.qcow2 copy.raw
    [ "$("$BATS_TEST_DIRNAME/../support/content_digest" copy.raw "$1")" = "$content" ]
}

@test "the digests of what was copied are those of what lies in the image" {
    size=$((64 * 1024 * 1024 - 1536))
    create src.qcow2 $size
    create copy.qcow2 $size
    io src.qcow2 'write -P 1 0 5M' 'write -P 0 1M 128k' 'write -P 7 20M 100k' "write -P 9 $((size - 1024)) 1k"
    export_image src.qcow2
    mover --tree copy.tree
    end_server
    noted_as_read $size
    mv copy.qcow2 full.qcow2
    mv copy.tree full.tree
    was=$content
    qemu-img bitmap --add src.qcow2 b0
    io src.qcow2 'write -P 2 1M 4k' 'write -z 2M 1M' 'write -P 1 4M 64k' 'write -P 3 50M 70k' "write -P 8 $((size - 512)) 512"
    create -F qcow2 -b full.qcow2 copy.qcow2
    export_image src.qcow2 b0
    mover --bitmap b0 --tree copy.tree
    end_server
    noted_as_read $size --content "$was" --below full.tree
    [ "$content" != "$was" ]
}

@test "notes of a copy that cannot be used: the image is read" {
    create src.qcow2 8M
    create copy.qcow2 8M
    io src.qcow2 'write -P 1 0 3M'
    export_image src.qcow2
    mover --tree draft
    end_server
    good=$(take copy.qcow2 8388608)
    for how in torn another larger none; do
        cp draft copy.tree
        capacity=8388608
        case $how in
            torn) truncate -s -1 copy.tree ;;
            another) take copy.qcow2 8388608 > /dev/null ;; # a tree, and no notes
            larger) capacity=8388096 ;;
            none) rm copy.tree ;;
        esac
        answer=$(take copy.qcow2 $capacity --copied)
        [ "$(jq .read <<< "$answer")" = true ]
        [ $how = larger ] || [ "$(jq -r .content <<< "$answer")" = "$(jq -r .content <<< "$good")" ]
    done
    # what it stands on is not known any more
    take copy.qcow2 8388608 > full.json
    mv copy.tree full.tree
    mv copy.qcow2 full.qcow2
    create -F qcow2 -b full.qcow2 copy.qcow2
    printf X | dd of=full.tree bs=1 seek=130 conv=notrunc status=none
    cp draft copy.tree
    take copy.qcow2 8388608 --copied --content "$(jq -r .content full.json)" --below full.tree > answer
    [ "$(jq -c '[.read, .whole]' answer)" = "[true,true]" ]
}

@test "what has become another in the image after it was copied is found by its digests" {
    create src.qcow2 8M
    create copy.qcow2 8M
    io src.qcow2 'write -P 1 0 3M'
    export_image src.qcow2
    mover --tree copy.tree
    end_server
    io copy.qcow2 'write -P 2 1M 1k'
    content=$(take copy.qcow2 8388608 --copied | jq -r .content)
    "$CONTENT" check --image copy.qcow2 --capacity 8388608 --content "$content" --below copy.tree | tail -n 1 > found
    [ "$(jq -c '[.good, .ranges]' found)" = "[false,[[1048576,65536]]]" ]
}

@test "an incremental of nothing writes nothing" {
    create src.qcow2 64M
    io src.qcow2 'write -P 1 0 32M'
    cp src.qcow2 base.qcow2
    qemu-img bitmap --add src.qcow2 b0
    create -b base.qcow2 -F qcow2 copy.qcow2
    export_image src.qcow2 b0
    run --separate-stderr mover --bitmap b0
    [ "$status" -eq 0 ]
    [ "${lines[-1]}" = '{"done": 0, "total": 0}' ]
    end_server
    same src.qcow2 copy.qcow2
    [ "$(own_bytes copy.qcow2)" -eq 0 ]
}

# took IMAGE: how long a copy of it takes, in ms.
took() {
    local start
    create copy.qcow2 64M
    export_image "$1"
    start=$(now_ms)
    mover > /dev/null
    echo $(($(now_ms) - start))
    end_server
}

# The best of ten, beside one of nothing: the machine may be busy, but what waits for something that
# will not come waits half a second longer each time.
@test "a copy ends with its last write" {
    create src.qcow2 64M
    create empty.qcow2 64M
    io src.qcow2 'write -P 1 0 1M'
    nothing=60000 something=60000
    for ((tries = 0; tries < 10; tries++)); do
        ms=$(took empty.qcow2)
        nothing=$((ms < nothing ? ms : nothing))
        ms=$(took src.qcow2)
        something=$((ms < something ? ms : something))
    done
    echo "$nothing ms, and $something ms"
    [ $((something - nothing)) -lt 400 ]
}

@test "disks that end within a cluster" {
    for size in 512 66048 1049088; do
        rm -f src.qcow2 copy.qcow2 base.qcow2
        create src.qcow2 "$size"
        io src.qcow2 "write -P 1 0 $size"
        create copy.qcow2 "$size"
        export_image src.qcow2
        run --separate-stderr mover
        [ "$status" -eq 0 ]
        [ "$(done_bytes)" -eq "$size" ]
        end_server
        same src.qcow2 copy.qcow2
        mv copy.qcow2 base.qcow2
        qemu-img bitmap --add src.qcow2 b0
        io src.qcow2 "write -P 2 $((size - 512)) 512"
        create -b base.qcow2 -F qcow2 copy.qcow2
        export_image src.qcow2 b0
        run --separate-stderr mover --bitmap b0
        [ "$status" -eq 0 ]
        end_server
        same src.qcow2 copy.qcow2
    done
}

@test "a disk that is no multiple of a sector" {
    kit pattern size=1000003
    create copy.qcow2 1000003
    run --separate-stderr mover
    [ "$status" -eq 0 ]
    [ "$(done_bytes)" -eq 1000003 ]
    nbdcopy "$uri" src.raw
    qemu-img compare -f raw -F qcow2 src.raw copy.qcow2
}

@test "an empty disk" {
    create src.qcow2 0
    create copy.qcow2 0
    export_image src.qcow2
    run --separate-stderr mover
    [ "$status" -eq 0 ]
    [ "${lines[-1]}" = '{"done": 0, "total": 0}' ]
}

@test "a server that tells no extents is read as a whole" {
    kit --filter=noextents memory 8M
    create copy.qcow2 8M
    run --separate-stderr mover
    [ "$status" -eq 0 ]
    [ "$(done_bytes)" -eq $((8 << 20)) ]
    [ "$(own_bytes copy.qcow2)" -eq 0 ]
}

@test "each allocated byte is read once" {
    kit --filter=log data '@0x100000 ( 1 2 3 4 )*65536 @0x900000 1' size=16M logfile="$tmp/log"
    create copy.qcow2 16M
    run --separate-stderr mover
    [ "$status" -eq 0 ]
    await grep -q Disconnect log
    read=$(sed -n 's/.* Read .*count=\(0x[0-9a-f]*\).* \.\.\..*/\1/p' log | while read -r n; do echo $((n)); done | paste -sd+)
    read=$((read))
    [ "$read" -eq "$(done_bytes)" ]
}

@test "a server that dies in the middle" {
    kit --filter=delay pattern size=64M delay-read=200ms
    create copy.qcow2 64M
    begin_mover --requests 1
    await in_the_middle
    kill -KILL "$(cat server.pid)"
    await_mover
    [ "$status" -eq 1 ]
    [ "$(cat err)" = "vmkeep-mover: $uri: the server has closed the connection" ]
}

@test "a server that hangs" {
    kit --filter=delay pattern size=64M delay-read=200ms
    create copy.qcow2 64M
    begin_mover --requests 1 --stall 1
    await in_the_middle
    kill -STOP "$(cat server.pid)"
    await_mover
    [ "$status" -eq 1 ]
    [ "$(cat err)" = "vmkeep-mover: $uri: stalled: nothing has moved for 1 s" ]
}

@test "a server that hangs before it has said a word" {
    kit memory 1M
    create copy.qcow2 1M
    kill -STOP "$(cat server.pid)"
    run --separate-stderr mover --stall 1
    [ "$status" -eq 1 ]
    [ "$stderr" = "vmkeep-mover: $uri: stalled: nothing has moved for 1 s" ]
}

@test "an image that hangs" {
    kit --filter=delay pattern size=64M delay-read=200ms
    create copy.qcow2 64M
    begin_mover --requests 1 --stall 1
    await in_the_middle
    qemu_nbd_of "$mover"
    kill -STOP "$server"
    await_mover
    [ "$status" -eq 1 ]
    [ "$(cat err)" = "vmkeep-mover: $tmp/copy.qcow2: stalled: nothing has moved for 1 s" ]
    gone "$server"
}

@test "a server that cannot read" {
    kit --filter=error pattern size=16M error-pread=EIO error-pread-rate=100%
    create copy.qcow2 16M
    run --separate-stderr mover
    [ "$status" -eq 1 ]
    [[ "$stderr" =~ ^"vmkeep-mover: $uri: read at "[0-9]+": Input/output error"$ ]]
}

@test "a full file system below the image" {
    [ "$EUID" -eq 0 ] || skip "needs root, to mount a file system"
    mkdir small
    mount -t tmpfs -o size=2M tmpfs small
    kit pattern size=16M
    create small/copy.qcow2 16M
    run --separate-stderr "$MOVER" --source "$uri" --target "$tmp/small/copy.qcow2"
    [ "$status" -eq 1 ]
    [[ "$stderr" =~ ^"vmkeep-mover: $tmp/small/copy.qcow2: write at "[0-9]+": No space left on device"$ ]]
}

@test "the bandwidth is kept" {
    kit pattern size=4M
    create copy.qcow2 4M
    start=$(now_ms)
    run --separate-stderr mover --bandwidth 2MiB
    [ "$status" -eq 0 ]
    [ $(($(now_ms) - start)) -ge 1500 ]
    [ "${#lines[@]}" -ge 2 ]
}

nice_of() {
    awk '{print $19}' "/proc/$1/stat"
}

@test "the guest's QEMU goes first: a copy, and the qemu-nbd that writes it, are nicer" {
    kit pattern size=4M
    create copy.qcow2 4M
    begin_mover --bandwidth 1MiB
    await test -s out
    [ "$(nice_of "$mover")" -eq 10 ]
    [ "$(nice_of "$(pgrep -P "$mover" qemu-nbd)")" -eq 10 ]
    await_mover
    [ "$status" -eq 0 ]
}

@test "a wait for the bandwidth is no stall" {
    kit pattern size=256k
    create copy.qcow2 256k
    run --separate-stderr mover --bandwidth 50KiB --stall 1
    [ "$status" -eq 0 ]
}

@test "what is missing is said" {
    create src.qcow2 1M
    create copy.qcow2 1M
    create larger.qcow2 2M
    export_image src.qcow2
    run --separate-stderr mover --bitmap b0
    [ "$status" -eq 1 ]
    [ "$stderr" = "vmkeep-mover: $uri: the server does not tell the changed blocks: it has no context 'qemu:dirty-bitmap:b0'" ]
    run --separate-stderr "$MOVER" --source "nbd+unix:///other?socket=$socket" --target copy.qcow2
    [ "$status" -eq 1 ]
    [[ "$stderr" == *"no export named 'other'"* ]]
    run --separate-stderr "$MOVER" --source "$uri" --target absent.qcow2
    [ "$status" -eq 1 ]
    [[ "$stderr" == "vmkeep-mover: absent.qcow2: qemu-nbd: "*": No such file or directory" ]]
    run --separate-stderr "$MOVER" --source "$uri" --target larger.qcow2
    [ "$status" -eq 1 ]
    [ "$stderr" = "vmkeep-mover: larger.qcow2: the image has 2097152 bytes, and the export 1048576" ]
    end_server
    run --separate-stderr mover
    [ "$status" -eq 1 ]
    [[ "$stderr" == "vmkeep-mover: $uri: connect: "* ]]
}

@test "a server that knows no bitmaps is refused" {
    kit memory 1M
    create copy.qcow2 1M
    run --separate-stderr mover --bitmap b0
    [ "$status" -eq 1 ]
    [[ "$stderr" == *"it has no context 'qemu:dirty-bitmap:b0'" ]]
}

@test "an image that someone else writes is left alone" {
    create src.qcow2 1M
    create copy.qcow2 1M
    export_image src.qcow2
    run --separate-stderr "$MOVER" --source "$uri" --target src.qcow2
    [ "$status" -eq 1 ]
    [[ "$stderr" == "vmkeep-mover: src.qcow2: qemu-nbd: "*"lock"* ]]
}

@test "SIGTERM ends it, and its qemu-nbd, at once" {
    kit --filter=delay pattern size=64M delay-read=200ms
    create copy.qcow2 64M
    begin_mover --requests 1
    await qemu_nbd_of "$mover"
    await test -s out
    start=$(now_ms)
    kill -TERM "$mover"
    await_mover
    [ "$status" -eq 130 ]
    [ $(($(now_ms) - start)) -lt 8000 ] # the rest of the copy would take 13 s
    [ "$(cat err)" = "vmkeep-mover: interrupted" ]
    gone "$server"
}

@test "when it is killed its qemu-nbd goes too" {
    kit --filter=delay pattern size=64M delay-read=200ms
    create copy.qcow2 64M
    begin_mover --requests 1
    await qemu_nbd_of "$mover"
    await test -s out
    kill -KILL "$mover"
    await gone "$server"
}

@test "nothing of it stays in the temporary folder, however it ends" {
    kit --filter=delay pattern size=64M delay-read=200ms
    create copy.qcow2 64M
    begin_mover --requests 1
    await qemu_nbd_of "$mover"
    await test -s out
    # The name of the socket that was handed over, and its directory, are gone already.
    inode=$(readlink "/proc/$server/fd/3" | tr -dc 0-9)
    name=$(awk -v inode="$inode" '$7 == inode { print $8 }' /proc/net/unix)
    kill -KILL "$mover"
    await gone "$server"
    [[ "$name" == */*/* ]]
    [ ! -e "${name%/*}" ]
}

# On its way to its qemu-nbd it sends itself SIGNAL: there is a socket then.
on_its_way() { # SIGNAL
    cat > way.c <<'EOC'
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
int connect(int fd, const struct sockaddr *to, socklen_t size)
{
    if (strstr(((const struct sockaddr_un *)to)->sun_path, "/vmkeep-mover-"))
        raise(atoi(getenv("ON_ITS_WAY")));
    return (int)syscall(SYS_connect, fd, to, size);
}
EOC
    cc -shared -fPIC -o way.so way.c
    export TMPDIR=$tmp/t
    mkdir "$TMPDIR"
    env LD_PRELOAD="$tmp/way.so" ON_ITS_WAY="$1" ASAN_OPTIONS=verify_asan_link_order=0 \
        "$MOVER" --source "$uri" --target "$tmp/first.qcow2" > first.out 2>&1 3>&- &
    mover=$!
}

left() {
    find t -mindepth 1 -printf '%y\n' | sort | xargs
}

@test "what one that was killed has left in the temporary folder the next one removes" {
    kit pattern size=1M
    create first.qcow2 1M
    create copy.qcow2 1M
    on_its_way 9
    wait "$mover" || [ $? -eq 137 ]
    [ "$(left)" = "d s" ]
    mover
    [ "$(left)" = "" ]
}

@test "but nothing of one that lives" {
    kit pattern size=1M
    create first.qcow2 1M
    create copy.qcow2 1M
    on_its_way 19
    stopped() { grep -q '^State:.*stopped' "/proc/$mover/status"; }
    await stopped
    [ "$(left)" = "d s" ]
    mover
    [ "$(left)" = "d s" ]
    kill -CONT "$mover"
    wait "$mover"
    [ "$(left)" = "" ]
    same first.qcow2 copy.qcow2
}

@test "TLS with a server whose certificate is ours" {
    mkdir ca server
    certtool --generate-privkey --outfile ca/key.pem 2> /dev/null
    printf 'cn = "test"\nca\ncert_signing_key\n' > ca/info
    certtool --generate-self-signed --load-privkey ca/key.pem --template ca/info \
        --outfile ca/ca-cert.pem 2> /dev/null
    cp ca/ca-cert.pem server/
    certtool --generate-privkey --outfile server/server-key.pem 2> /dev/null
    printf 'cn = "localhost"\ndns_name = "localhost"\ntls_www_server\nsigning_key\n' > server/info
    certtool --generate-certificate --load-ca-certificate ca/ca-cert.pem \
        --load-ca-privkey ca/key.pem --load-privkey server/server-key.pem \
        --template server/info --outfile server/server-cert.pem 2> /dev/null
    kit --tls=require --tls-certificates="$tmp/server" pattern size=1M
    create copy.qcow2 1M
    run --separate-stderr "$MOVER" --target copy.qcow2 \
        --source "nbds+unix:///vda?socket=$socket&tls-certificates=$tmp/ca"
    [ "$status" -eq 0 ]
    [ "$(done_bytes)" -eq $((1 << 20)) ]
    run --separate-stderr mover
    [ "$status" -eq 1 ]
    [[ "$stderr" == *TLS* ]]
}

@test "bad usage" {
    run "$MOVER"
    [ "$status" -eq 2 ]
    [ "$output" = "vmkeep-mover: --source: is missing" ]
    run "$MOVER" --source x
    [ "$status" -eq 2 ]
    [ "$output" = "vmkeep-mover: --target: is missing" ]
    run "$MOVER" --source x --target y --stall 0
    [ "$status" -eq 2 ]
    run "$MOVER" --source x --target y --requests 65
    [ "$status" -eq 2 ]
    run "$MOVER" --source x --target y --bandwidth fast
    [ "$status" -eq 2 ]
    [[ "$output" == "vmkeep-mover: --bandwidth: "* ]]
    run "$MOVER" --source x --target y z
    [ "$status" -eq 2 ]
    [ "$output" = "vmkeep-mover: z: unexpected argument" ]
    run "$MOVER" --nope
    [ "$status" -eq 2 ]
    [ "$output" = "vmkeep-mover: --nope: unknown option" ]
    run "$MOVER" --source x --target y
    [ "$status" -eq 1 ]
}

# ---- vmkeep-allocation, beside it ----

allocation() {
    "${MOVER%/*}/vmkeep-allocation" "$@"
}

@test "an export that a server tells the bitmap of is held against an image" {
    create was.qcow2 8M
    io was.qcow2 "write -P 1 0 4M"
    cp was.qcow2 now.qcow2
    qemu-img bitmap --add now.qcow2 b
    io now.qcow2 "write -P 2 1M 64k" "write -z -u 2M 64k"
    export_image now.qcow2 b
    run allocation --was was.qcow2 --changed "$uri" --bitmap b "$uri" --sample 64
    end_server
    [ "$status" -eq 0 ]
    [ "$output" = $'total 0 0\nsample 62 0 0' ]
}

@test "another disk that was copied over one is found by what it holds" {
    create was.qcow2 8M
    io was.qcow2 "write -P 1 0 4M"
    create now.qcow2 8M
    io now.qcow2 "write -P 3 0 4M"
    qemu-img bitmap --add now.qcow2 b
    io now.qcow2 "write -P 2 0 64k"
    run allocation --was was.qcow2 --changed now.qcow2 --bitmap b --sample 1000 now.qcow2
    [ "$status" -eq 0 ]
    [ "$output" = $'total 0 0\nsample 63 63 65536' ]
    run allocation --was was.qcow2 --changed now.qcow2 --bitmap b --sample 10 now.qcow2
    [[ "$output" == *$'\nsample 10 10 '* ]]
    run allocation --was was.qcow2 --changed now.qcow2 --bitmap b now.qcow2
    [ "$output" = "total 0 0" ]
    run allocation --was was.qcow2 --sample 10 now.qcow2
    [ "$status" -eq 2 ]
    [ "$output" = "vmkeep-allocation: --sample: needs --was and --changed" ]
}
