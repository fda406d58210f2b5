#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# `vmkeep export`: points of a repository made by hand, over NBD.  VMKEEP names the program.

setup() {
    export TZ=UTC COLUMNS=1000
    tmp=$(mktemp -d)
    export TMPDIR=$tmp/private
    unset XDG_RUNTIME_DIR
    repo=$tmp/repository
    dir=$repo/local/web01/2026-11-22T02-30-00Z.nightly
    mkdir -p "$TMPDIR" "$dir"
    echo '{"format": 1, "id": "0123456789abcdef"}' > "$repo/repository.json"
    for disk in vda v%20d%2Cb; do
        qemu-img create -q -f qcow2 "$dir/$disk.qcow2" 8M
        qemu-io -f qcow2 -c "write -P ${#disk} 1M 64k" "$dir/$disk.qcow2" > /dev/null
    done
    cat > "$dir/point.json" << END
{"format": 1, "id": "local/web01/2026-11-22T02-30-00Z.nightly", "host": "local", "domain": "web01",
 "policy": "nightly", "kind": "full", "parent": null, "created": "2026-11-22T02:30:00Z",
 "checkpoint": null, "mode": "push", "quiesced": false, "why": "by hand",
 "disks": [{"name": "vda", "path": "vda.qcow2", "format": "qcow2", "capacity": 8388608,
            "bytes": 65536, "digest": null, "backing": null},
           {"name": "v d,b", "path": "v%20d%2Cb.qcow2", "format": "qcow2", "capacity": 8388608,
            "bytes": 65536, "digest": null, "backing": null}]}
END
    before=$(sha256sum "$dir"/*)
    pid=
}

teardown() {
    [ -z "$pid" ] || kill -9 "$pid" 2> /dev/null || true
    rm -rf "$tmp"
}

# In the background, until it has said where.
serve() {
    "$VMKEEP" export --repository "$repo" "$@" > "$tmp/out" 2> "$tmp/err" 3>&- &
    pid=$!
    for _ in $(seq 600); do
        ! grep -q "Until\|^}" "$tmp/out" || return 0
        kill -0 "$pid" || break
        sleep 0.1
    done
    cat "$tmp/out" "$tmp/err"
    return 1
}

# The same at a port, whose number is in port.  Others take ports, too.
serve_at_port() {
    for _ in {1..20}; do
        port=$((20000 + RANDOM % 10000))
        ! serve --port "$port" "$@" || return 0
        wait "$pid" || true
        pid=
        grep -q "in use" "$tmp/err" || return 1
    done
    return 1
}

# It ends by the signal, with status 0, and nothing is left.
stop() {
    kill "-${1-INT}" "$pid"
    wait "$pid"
    pid=
    [ -z "$(ls -A "$TMPDIR")" ]
    [ "$(sha256sum "$dir"/*)" = "$before" ]
}

uri() {
    jq -r ".disks[] | select(.name == \"${1-vda}\").uri" "$tmp/out"
}

@test "all disks, read-only, as text and as JSON" {
    serve web01
    grep -q "^The latest good point is local/web01/2026-11-22T02-30-00Z.nightly.$" "$tmp/out"
    grep -q "^  vda      nbd+unix:///vda?socket=.*/nbd.sock  (8.00 MiB)$" "$tmp/out"
    stop
    serve 2026-11-22T02-30-00Z.nightly --json
    [ "$(jq -c '[.point, .created, .writable, (.disks | length), .disks[0].capacity]' "$tmp/out")" = '["local/web01/2026-11-22T02-30-00Z.nightly","2026-11-22T02:30:00Z",false,2,8388608]' ]
    qemu-img compare -q -f raw -F qcow2 "$(uri)" "$dir/vda.qcow2"
    qemu-img compare -q -f raw -F qcow2 "$(uri "v d,b")" "$dir/v%20d%2Cb.qcow2"
    run qemu-io -f raw -c "write 0 64k" "$(uri)"
    [ "$status" -ne 0 ]
    stop TERM
}

@test "one disk, on a socket of its own" {
    serve web01 --disk vda --socket "$tmp/my socket" --json
    [ "$(jq '.disks | length' "$tmp/out")" = 1 ]
    [ "$(uri)" = "nbd+unix:///vda?socket=$tmp/my%20socket" ]
    qemu-img compare -q -f raw -F qcow2 "$(uri)" "$dir/vda.qcow2"
    stop
    [ ! -e "$tmp/my socket" ]
    # What a killed one has left is nobody's.
    serve web01 --disk vda --socket "$tmp/my socket"
    kill -9 "$pid"
    wait "$pid" || true
    [ -S "$tmp/my socket" ]
    for _ in $(seq 100); do
        ! socat -u OPEN:/dev/null "UNIX-CONNECT:$tmp/my socket" 2> /dev/null || sleep 0.1
    done
    serve web01 --disk vda --socket "$tmp/my socket" --json
    stop
    touch "$tmp/other"
    run "$VMKEEP" export --repository "$repo" web01 --socket "$tmp/other"
    [ "$status" -eq 1 ]
    [ "$output" = "The latest good point is local/web01/2026-11-22T02-30-00Z.nightly.
vmkeep: export: $tmp/other: is there already; choose another name, or remove it" ]
    [ -e "$tmp/other" ]
    [ -z "$(ls -A "$TMPDIR")" ]
}

@test "a port, on the loopback alone" {
    serve_at_port web01 --json
    [ "$(uri)" = "nbd://127.0.0.1:$port/vda" ]
    qemu-img compare -q -f raw -F qcow2 "$(uri)" "$dir/vda.qcow2"
    run "$VMKEEP" export --repository "$repo" web01 --port "$port"
    [ "$status" -eq 1 ]
    [[ $output == *"in use"* ]]
    stop
    [ ! -s "$tmp/err" ]
    serve_at_port web01 --address 0.0.0.0 --json
    grep -q "warning: whoever reaches 0.0.0.0 port $port can read the disks: there is no password" "$tmp/err"
    stop
}

@test "what is written to it is thrown away" {
    serve web01 --writable --json
    [ "$(find "$TMPDIR" -type f ! -name pid | wc -l)" = 0 ] # it has no name any more
    qemu-io -f raw -c "write -P 9 2M 64k" "$(uri)" > /dev/null
    qemu-io -f raw -c "read -P 9 2M 64k" -c "read -P 3 1M 64k" "$(uri)" | grep -vq failed
    stop
    serve web01 --writable --json
    [ "$(qemu-io -f raw -c "read -P 0 2M 64k" "$(uri)" | grep -c failed)" = 0 ]
    stop
}

@test "or kept, and gone on with" {
    serve web01 --disk vda --writable --keep-overlay "$tmp/kept.qcow2" --json
    qemu-io -f raw -c "write -P 9 2M 64k" "$(uri)" > /dev/null
    stop
    serve web01 --disk vda --writable --keep-overlay "$tmp/kept.qcow2" --json
    [ "$(jq -r '.disks[0].overlay' "$tmp/out")" = "$tmp/kept.qcow2" ]
    [ "$(qemu-io -f raw -c "read -P 9 2M 64k" "$(uri)" | grep -c failed)" = 0 ]
    stop
    qemu-img convert -O raw "$tmp/kept.qcow2" "$tmp/home.raw"
    [ "$(qemu-io -f raw -c "read -P 9 2M 64k" -c "read -P 3 1M 64k" "$tmp/home.raw" | grep -c failed)" = 0 ]
    run "$VMKEEP" export --repository "$repo" web01 --disk "v d,b" --writable --keep-overlay "$tmp/kept.qcow2"
    [ "$status" -eq 1 ]
    [[ $output == *"is no overlay of this point's disk v d,b; choose another name" ]]
    run "$VMKEEP" export --repository "$repo" web01 --writable --keep-overlay "$tmp/none"
    [ "$status" -eq 2 ]
    [[ $output == *"2 disks are exported: name a directory that is there, or one disk with --disk" ]]
    run "$VMKEEP" export --repository "$repo" web01 --writable --disk vda --keep-overlay "$dir/x.qcow2"
    [ "$status" -eq 2 ]
    [[ $output == *"lies in a repository"* ]]
    mkdir "$tmp/all"
    serve web01 --writable --keep-overlay "$tmp/all" --json
    stop
    [ -s "$tmp/all/vda.qcow2" ]
    [ -s "$tmp/all/v%20d%2Cb.qcow2" ]
}

@test "killed: it is not served any more, and the next one cleans up" {
    serve web01 --writable --json
    address=$(uri)
    kill -9 "$pid"
    wait "$pid" || true
    for _ in $(seq 100); do
        nbdinfo --size "$address" > /dev/null 2>&1 || break
        sleep 0.1
    done
    run nbdinfo --size "$address"
    [ "$status" -ne 0 ]
    [ -n "$(ls -A "$TMPDIR")" ]
    serve web01
    stop
}

@test "the point is held while it is exported, the daemon's end is noticed" {
    serve web01
    run flock -n -x "$dir" true
    [ "$status" -eq 1 ]
    kill -9 "$(cat "$TMPDIR"/vmkeep-served-*/pid)"
    code=0
    wait "$pid" || code=$?
    [ $code -eq 1 ]
    grep -q "^vmkeep: export: qemu-storage-daemon: killed by signal 9" "$tmp/err"
    pid=
    flock -n -x "$dir" true
}

@test "wrong usage, and what is not there" {
    for args in "" "web01 other" "web01 --port 0" "web01 --port 70000" "web01 --port 1 --socket x" \
        "web01 --address 127.0.0.1" "web01 --port 99 --address host.example" "web01 --scratch /tmp" \
        "web01 --keep-overlay x" "web01 --writable --scratch a --keep-overlay b"; do
        # shellcheck disable=SC2086 # words are wanted
        run "$VMKEEP" export --repository "$repo" $args
        [ "$status" -eq 2 ]
    done
    for args in "web02" "web01 --disk vdz"; do
        # shellcheck disable=SC2086
        run "$VMKEEP" export --repository "$repo" $args
        [ "$status" -eq 4 ]
    done
    run "$VMKEEP" export --repository "$repo" web01 --socket "$tmp/$(printf 'x%.0s' $(seq 120))"
    [ "$status" -eq 2 ]
    [[ $output == *"too long for a socket's name (107 bytes at most)" ]]
    run "$VMKEEP" export --repository "$repo" web01 --writable --scratch "$tmp/none"
    [ "$status" -eq 4 ]
    [[ $output == *"make an overlay in $tmp/none: No such file or directory" ]]
    rm "$dir/vda.qcow2"
    run "$VMKEEP" export --repository "$repo" 2026-11-22T02-30-00Z.nightly
    [ "$status" -eq 4 ]
    [[ $output == *"vda.qcow2: No such file or directory"* ]]
    [ -z "$(ls -A "$TMPDIR")" ]
}
