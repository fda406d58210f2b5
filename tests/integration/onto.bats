#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# `vmkeep restore --onto`: points onto images and block devices that are there.  VMKEEP names the
# program.

setup() {
    export TZ=UTC COLUMNS=1000
    tmp=$(mktemp -d)
    export TMPDIR=$tmp/private
    unset XDG_RUNTIME_DIR
    mkdir "$TMPDIR"
    repo=$tmp/repository
    dir=$repo/local/web01/2026-11-22T02-30-00Z.nightly
    mkdir -p "$dir"
    echo '{"format": 1, "id": "0123456789abcdef"}' > "$repo/repository.json"
    truncate -s 16M "$tmp/want.raw"
    head -c 3M /dev/urandom | dd of="$tmp/want.raw" bs=64k seek=32 conv=notrunc status=none
    qemu-img convert -O qcow2 "$tmp/want.raw" "$dir/vda.qcow2"
    qemu-img create -q -f qcow2 "$dir/vdb.qcow2" 1049088 # no whole number of leaves
    qemu-io -f qcow2 -c "write -P 7 1M 512" "$dir/vdb.qcow2" > /dev/null
    cat > "$dir/point.json" << END
{"format": 1, "id": "local/web01/2026-11-22T02-30-00Z.nightly", "host": "local", "domain": "web01",
 "policy": "nightly", "kind": "full", "parent": null, "created": "2026-11-22T02:30:00Z",
 "checkpoint": null, "mode": "push", "quiesced": false, "why": "by hand",
 "disks": [{"name": "vda", "path": "vda.qcow2", "format": "qcow2", "capacity": 16777216,
            "bytes": 65536, "digest": "blake3:$(b3sum --no-names "$dir/vda.qcow2")", "backing": null},
           {"name": "vdb", "path": "vdb.qcow2", "format": "qcow2", "capacity": 1049088,
            "bytes": 65536, "digest": null, "backing": null}]}
END
    before=$(sha256sum "$dir"/*)
    loop=
}

teardown() {
    [ -z "$loop" ] || losetup -d "$loop" || true
    rm -rf "$tmp"
}

onto() {
    "$VMKEEP" restore --repository "$repo" web01 --yes "$@"
}

untouched() {
    ! grep "$tmp" /proc/mounts
    [ -z "$(ls -A "$TMPDIR")" ]
    [ "$(sha256sum "$dir"/*)" = "$before" ]
}

# serve FILE FORMAT: a program of QEMU's has it open for writing, until unserve.
serve() {
    qemu-nbd -t -f "$2" -k "$tmp/nbd" "$1" 3>&- &
    pid=$!
    for _ in $(seq 100); do
        [ ! -S "$tmp/nbd" ] || break
        sleep 0.1
    done
}

unserve() {
    kill "$pid"
    wait "$pid" || true
}

# scribble FILE FORMAT: three leaves of it are otherwise: one with data, one in a hole, one zeroed.
scribble() {
    qemu-io -f "$2" -c "write -P 5 2M 512" -c "write -P 5 10M 512" -c "write -P 0 3M 64k" "$1" > /dev/null
}

@test "onto a qcow2 image: only what differs is written" {
    qemu-img create -q -f qcow2 "$tmp/old.qcow2" 16M
    onto --onto "vda=$tmp/old.qcow2" --json > "$tmp/out"
    [ "$(jq -c '[.disks[0].name, .disks[0].written]' "$tmp/out")" = '["vda",3145728]' ]
    qemu-img compare -q -f qcow2 -F raw "$tmp/old.qcow2" "$tmp/want.raw"
    scribble "$tmp/old.qcow2" qcow2
    sum=$(sha256sum "$tmp/old.qcow2")
    onto --onto "vda=$tmp/old.qcow2" --dry-run --json > "$tmp/out"
    [ "$(jq '.disks[0].written' "$tmp/out")" = 196608 ]
    [ "$(sha256sum "$tmp/old.qcow2")" = "$sum" ]
    run onto --onto "vda=$tmp/old.qcow2"
    [ "$status" -eq 0 ]
    [[ $output == *"vda is on $tmp/old.qcow2: 192 KiB of 16.0 MiB" ]]
    qemu-img compare -q -f qcow2 -F raw "$tmp/old.qcow2" "$tmp/want.raw"
    qemu-img check -q "$tmp/old.qcow2"
    onto --onto "vda=$tmp/old.qcow2" --json > "$tmp/out"
    [ "$(jq '.disks[0].written' "$tmp/out")" = 0 ]
    untouched
}

@test "onto raw images, several at once, of odd length" {
    cp "$tmp/want.raw" "$tmp/a.raw"
    scribble "$tmp/a.raw" raw
    truncate -s 1049088 "$tmp/b.raw"
    onto --onto "vda=$tmp/a.raw" --onto "vdb=$tmp/b.raw" --format raw --json > "$tmp/out"
    [ "$(jq -c '[.disks[].written]' "$tmp/out")" = "[196608,512]" ]
    cmp "$tmp/a.raw" "$tmp/want.raw"
    qemu-img compare -q -f raw -F qcow2 "$tmp/b.raw" "$dir/vdb.qcow2"
    untouched
}

@test "onto a block device" {
    truncate -s 20M "$tmp/backing"
    loop=$(losetup -f --show "$tmp/backing") || skip "no loop devices here"
    head -c 20M /dev/urandom > "$loop"
    tail -c 4M "$loop" > "$tmp/rest" # not from its file: what was written may not be there yet
    onto --onto "vda=$loop" --json > "$tmp/out"
    [ "$(jq '.disks[0].written' "$tmp/out")" = 16777216 ]
    cmp -n 16777216 "$loop" "$tmp/want.raw"
    tail -c 4M "$loop" | cmp - "$tmp/rest" # behind the disk nothing is touched
    qemu-io -f raw -c "write -P 5 2M 512" "$loop" > /dev/null
    onto --onto "vda=$loop" --json > "$tmp/out"
    [ "$(jq '.disks[0].written' "$tmp/out")" = 65536 ]
    cmp -n 16777216 "$loop" "$tmp/want.raw"
    # In use.
    mke2fs -q -t ext4 "$loop" 2> /dev/null
    mkdir "$tmp/mnt"
    mount "$loop" "$tmp/mnt"
    run onto --onto "vda=$loop"
    umount "$tmp/mnt"
    [ "$status" -eq 5 ]
    [ "${lines[-1]}" = "vmkeep: restore: disk vda: $loop: is in use (mounted, or part of a volume group, a RAID or swap)" ]
    # A QEMU that runs on it locks it, and opens it for itself alone.
    serve "$loop" raw
    sum=$(sha256sum "$tmp/backing")
    run onto --onto "vda=$loop"
    served=$status
    run onto --onto "vda=$loop" --dry-run
    unserve
    [ "$served" -eq 5 ]
    [ "$status" -eq 5 ]
    [ "${lines[-1]}" = "vmkeep: restore: disk vda: $loop: is in use by another program, such as a QEMU that runs on it" ]
    [ "$(sha256sum "$tmp/backing")" = "$sum" ]
    losetup -d "$loop"
    truncate -s 15M "$tmp/backing"
    loop=$(losetup -f --show "$tmp/backing")
    run onto --onto "vda=$loop"
    [ "$status" -eq 2 ]
    [ "${lines[-1]}" = "vmkeep: restore: disk vda: $loop: has 15.0 MiB, and disk vda 16.0 MiB" ]
    untouched
}

@test "an interrupted one is gone on with" {
    truncate -s 16M "$tmp/a.raw"
    "$VMKEEP" restore --repository "$repo" web01 --yes --no-verify --onto "vda=$tmp/a.raw" --format raw \
        --bandwidth 200KiB/s > "$tmp/out" 2>&1 3>&- & # 15 s: nobody is that late
    pid=$!
    for _ in $(seq 600); do
        [ "$(du -k "$tmp/a.raw" | cut -f1)" -lt 64 ] || break
        sleep 0.05
    done
    kill -INT "$pid"
    code=0
    wait "$pid" || code=$?
    [ "$code" -eq 130 ]
    onto --onto "vda=$tmp/a.raw" --format raw --json > "$tmp/out"
    written=$(jq '.disks[0].written' "$tmp/out")
    [ "$written" -gt 0 ]
    [ "$written" -lt 3145728 ]
    cmp "$tmp/a.raw" "$tmp/want.raw"
    untouched
}

@test "what is in the way" {
    qemu-img create -q -f qcow2 "$tmp/old.qcow2" 16M
    run "$VMKEEP" restore --repository "$repo" web01 --onto "vda=$tmp/old.qcow2" < /dev/null
    [ "$status" -eq 2 ]
    [[ $output == *"What $tmp/old.qcow2 holds is overwritten by disk vda of local/web01/2026-11-22T02-30-00Z.nightly."* ]]
    [[ $output == *"nobody can be asked: say --yes" ]]
    # Somebody writes it.
    serve "$tmp/old.qcow2" qcow2
    run onto --onto "vda=$tmp/old.qcow2"
    unserve
    [ "$status" -eq 5 ]
    [ "${lines[-1]}" = "vmkeep: restore: disk vda: $tmp/old.qcow2: is in use by another program, such as a QEMU that runs on it" ]
    # Another format, size, or one that does not stand alone.
    truncate -s 16M "$tmp/a.raw"
    run onto --onto "vda=$tmp/a.raw"
    [ "$status" -ne 0 ]
    [[ $output == *"$tmp/a.raw (taken for qcow2; --format says which it is)"* ]]
    qemu-img create -q -f qcow2 -F qcow2 -b "$tmp/old.qcow2" "$tmp/top.qcow2"
    run onto --onto "vda=$tmp/top.qcow2"
    [ "$status" -ne 0 ]
    [[ $output == *"does not stand alone: it is stored in $tmp/old.qcow2, too" ]]
    run onto --onto "vda=$tmp/old.qcow2"
    [ "$status" -eq 1 ]
    [[ $output == *"$tmp/old.qcow2: $tmp/top.qcow2 stands on it; choose another place" ]]
    rm "$tmp/top.qcow2"
    qemu-img create -q -f qcow2 "$tmp/big.qcow2" 17M
    run onto --onto "vda=$tmp/big.qcow2"
    [ "$status" -eq 2 ]
    [[ $output == *"has 17.0 MiB, and disk vda 16.0 MiB: qemu-img resize makes it fit" ]]
    run onto --onto "vda=$tmp/old.qcow2" --onto "vdb=$tmp/old.qcow2"
    [ "$status" -eq 2 ]
    [[ $output == *"is the target of disk vda, too" ]]
    run onto --onto "vda=$dir/vda.qcow2"
    [ "$status" -eq 2 ]
    [[ $output == *"lies in a repository"* ]]
    run onto --onto "vda=$tmp/none"
    [ "$status" -eq 4 ]
    run onto --onto "vdz=$tmp/old.qcow2"
    [ "$status" -eq 4 ]
    untouched
}

@test "a damaged point is not written" {
    qemu-img create -q -f qcow2 "$tmp/old.qcow2" 16M
    printf x | dd of="$dir/vda.qcow2" bs=1 seek=1000000 conv=notrunc status=none
    before=$(sha256sum "$dir"/*)
    sum=$(sha256sum "$tmp/old.qcow2")
    run onto --onto "vda=$tmp/old.qcow2"
    [ "$status" -eq 7 ]
    [[ $output == *"holds other data than when it was published"* ]]
    [ "$(qemu-img map --output=json "$tmp/old.qcow2" | jq -c 'map(select(.data)) | length')" = 0 ]
    onto --onto "vda=$tmp/old.qcow2" --no-verify --json > "$tmp/out"
    untouched
}

# vda has digests of its contents.
with_content() {
    content=$("$CONTENT" take --image "$dir/vda.qcow2" --capacity 16777216 --tree "$dir/vda.tree" | jq -r '.content // empty')
    jq --arg c "$content" '.disks[0] += {digest: null, content: $c}' "$dir/point.json" > "$tmp/point.json"
    cp "$tmp/point.json" "$dir/point.json"
    before=$(sha256sum "$dir"/*)
}

@test "by the digests of its contents: of the point only what differs is read" {
    with_content
    for target in "old.qcow2 qcow2" "old.raw raw"; do
        read -r file format <<< "$target"
        qemu-img convert -f raw -O "$format" "$tmp/want.raw" "$tmp/$file"
        scribble "$tmp/$file" "$format"
        onto --onto "vda=$tmp/$file" --format "$format" --dry-run --json > "$tmp/out"
        [ "$(jq '.disks[0].written' "$tmp/out")" = 196608 ]
        # Damage elsewhere in the point is in nobody's way, and not found.
        printf x | dd of="$dir/vda.qcow2" bs=1 seek=3000000 conv=notrunc status=none
        onto --onto "vda=$tmp/$file" --format "$format" --json > "$tmp/out"
        [ "$(jq '.disks[0].written' "$tmp/out")" = 196608 ]
        qemu-img compare -f raw -F "$format" "$tmp/want.raw" "$tmp/$file"
        onto --onto "vda=$tmp/$file" --format "$format" --json > "$tmp/out"
        [ "$(jq '.disks[0].written' "$tmp/out")" = 0 ]
        qemu-img convert -O qcow2 "$tmp/want.raw" "$dir/vda.qcow2"
    done
    [ -z "$(ls -A "$TMPDIR")" ]
}

@test "without a usable tree, and onto a compressed image: by comparing" {
    with_content
    qemu-img convert -c -f raw -O qcow2 "$tmp/want.raw" "$tmp/packed.qcow2"
    scribble "$tmp/packed.qcow2" qcow2
    onto --onto "vda=$tmp/packed.qcow2" --json > "$tmp/out"
    [ "$(jq '.disks[0].written' "$tmp/out")" = 196608 ]
    qemu-img compare -f raw -F qcow2 "$tmp/want.raw" "$tmp/packed.qcow2"
    rm "$dir/vda.tree"
    before=$(sha256sum "$dir"/*)
    scribble "$tmp/packed.qcow2" qcow2
    onto --onto "vda=$tmp/packed.qcow2" --json > "$tmp/out"
    [ "$(jq '.disks[0].written' "$tmp/out")" = 196608 ]
    qemu-img compare -f raw -F qcow2 "$tmp/want.raw" "$tmp/packed.qcow2"
    untouched
}

@test "nor is one that is known by its contents" {
    with_content
    qemu-img create -q -f qcow2 "$tmp/old.qcow2" 16M
    cp "$dir/vda.qcow2" "$tmp/whole.qcow2"
    printf x | dd of="$dir/vda.qcow2" bs=1 seek=1000000 conv=notrunc status=none
    before=$(sha256sum "$dir"/*)
    run onto --onto "vda=$tmp/old.qcow2"
    [ "$status" -eq 7 ]
    [[ $output == *"$dir/vda.qcow2 holds other data than when it was published, in 1 block of 64 KiB"* ]]
    [ "$(qemu-img map --output=json "$tmp/old.qcow2" | jq -c 'map(select(.data)) | length')" = 0 ]
    untouched
    cp "$tmp/whole.qcow2" "$dir/vda.qcow2"
    onto --onto "vda=$tmp/old.qcow2" --json > "$tmp/out"
    qemu-img compare -f raw -F qcow2 "$tmp/want.raw" "$tmp/old.qcow2"
}

@test "wrong usage" {
    for args in "--onto vda" "--onto =x" "--onto vda=" "--onto vda=x --to y" "--onto vda=x --disk vda" \
        "--onto vda=x --define" "--onto vda=x --fallback" "--to x"; do
        # shellcheck disable=SC2086 # words are wanted
        run onto $args
        [ "$status" -eq 2 ]
    done
    untouched
}
