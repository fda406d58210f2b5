#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# vmkeep-content, against a program that knows the definition alone (tests/support/content_digest).
# CONTENT names the program.

bats_require_minimum_version 1.5.0

setup()
{
    tmp=$(mktemp -d)
    cd "$tmp" || exit
    other=$BATS_TEST_DIRNAME/../support/content_digest
}

teardown()
{
    cd / || exit
    rm -rf "$tmp"
}

# make CLUSTER CAPACITY: full.qcow2 and inc.qcow2 on it, and their trees; $content is inc's.
make()
{
    qemu-img create -q -f qcow2 -o "cluster_size=$1" full.qcow2 "$2"
    qemu-io -c "write -P 5 0 3M" -c "write -P 0 1M 64k" -c "write -z 2M 128k" \
        -c "write -P 7 5000k 12k" -c "write -P 9 $(($2 / 512 * 512 - 1024)) 1k" full.qcow2
    qemu-img create -q -f qcow2 -o "cluster_size=$1" -F qcow2 -b full.qcow2 inc.qcow2 "$2"
    qemu-io -c "write -P 6 100k 4k" -c "write -P 0 512k 64k" -c "write -z 1536k 128k" \
        -c "write -P 5 2560k 64k" -c "write -z 200k 4k" inc.qcow2
    "$CONTENT" take --image full.qcow2 --capacity "$2" --tree full.tree | tail -1 > full.json
    "$CONTENT" take --image inc.qcow2 --capacity "$2" --tree inc.tree --below full.tree \
        --content "$(jq -r .content full.json)" | tail -1 > inc.json
    content=$(jq -r .content inc.json)
}

# as_another_says IMAGE CAPACITY CONTENT
as_another_says()
{
    qemu-img convert -O raw "$1" "$1.raw"
    [ "$("$other" "$1.raw" "$2")" = "$3" ]
}

@test "whatever the clusters and the end of the disk are" {
    for cluster in 4096 65536 2097152; do
        for capacity in 8388608 8386120; do
            rm -f ./*.qcow2
            make "$cluster" "$capacity"
            as_another_says full.qcow2 "$capacity" "$(jq -r .content full.json)"
            as_another_says inc.qcow2 "$capacity" "$content"
            [ "$(jq .whole inc.json)" = false ]
            [ "$(jq .leaves inc.json)" -le 3 ] # what was written as it was is no change
        done
    done
}

@test "a disk that has become smaller, and larger again" {
    make 65536 8388608
    qemu-img create -q -f qcow2 -F qcow2 -b inc.qcow2 small.qcow2 100352
    "$CONTENT" take --image small.qcow2 --capacity 100352 --tree small.tree --content "$content" \
        --below inc.tree --below full.tree | tail -1 > small.json
    as_another_says small.qcow2 100352 "$(jq -r .content small.json)"
    qemu-img create -q -f qcow2 -F qcow2 -b small.qcow2 large.qcow2 16M
    "$CONTENT" take --image large.qcow2 --capacity 16777216 --tree large.tree \
        --content "$(jq -r .content small.json)" --below small.tree --below inc.tree \
        --below full.tree | tail -1 > large.json
    as_another_says large.qcow2 16777216 "$(jq -r .content large.json)"
    [ "$(jq .whole large.json)" = false ]
}

@test "trees that are missing, damaged or another's: all is read, and the tree is whole" {
    make 65536 8388608
    was=$(jq -r .content full.json)
    cp full.tree good.tree
    printf X | dd of=full.tree bs=1 seek=200 conv=notrunc status=none
    for below in full.tree absent.tree inc.tree; do
        run -0 "$CONTENT" take --image inc.qcow2 --capacity 8388608 --tree new.tree --content "$was" \
            --below "$below"
        jq -e --arg c "$content" '.whole and .content == $c and (.note | length > 10)' <<<"${lines[-1]}"
    done
    # What stands on it can use it.
    run -0 "$CONTENT" take --image inc.qcow2 --capacity 8388608 --tree again.tree \
        --content "$content" --below new.tree
    jq -e --arg c "$content" '(.whole | not) and .content == $c and .leaves == 0' <<<"${lines[-1]}"
}

@test "a flipped bit: which bytes; without trees, that there is one" {
    make 65536 8388608
    check=("$CONTENT" check --capacity 8388608 --content "$content" --below inc.tree --below full.tree)
    run -0 "${check[@]}" --image inc.qcow2
    [ "$(jq -c '[.good, .all]' <<<"${lines[-1]}")" = '[true,true]' ]
    qemu-img convert -O raw inc.qcow2 inc.raw
    printf X | dd of=inc.raw bs=1 seek=700000 conv=notrunc status=none
    run -0 "${check[@]}" --image inc.raw --format raw
    [ "$(jq -c '[.good, .bad_leaves, .ranges]' <<<"${lines[-1]}")" = '[false,1,[[655360,65536]]]' ]
    rm full.tree
    run -0 "${check[@]}" --image inc.raw --format raw
    jq -e '(.good | not) and (.note | contains("full.tree"))' <<<"${lines[-1]}"
}

@test "all ranges that differ, and what they name read again; of an image that is open, too" {
    make 65536 8388608
    check=("$CONTENT" check --capacity 8388608 --content "$content" --below inc.tree --below full.tree)
    qemu-img convert -O raw inc.qcow2 inc.raw
    for at in 700000 1000000 5100000; do
        printf X | dd of=inc.raw bs=1 seek=$at conv=notrunc status=none
    done
    run -0 "${check[@]}" --image inc.raw --format raw --differences ranges
    [ "$(cat ranges)" = "$(printf '%s\n' "655360 65536" "983040 65536" "5046272 65536" "total 3 196608")" ]
    run -0 "${check[@]}" --image inc.raw --format raw --only ranges
    [ "$(jq -c '[.good, .all, .bad_leaves, .bytes]' <<<"${lines[-1]}")" = '[false,null,3,196608]' ]
    run -0 "${check[@]}" --image inc.qcow2 --only ranges --differences none
    [ "$(jq -c '[.good, .all, .bytes]' <<<"${lines[-1]}")" = '[true,false,131072]' ] # one is a hole
    [ "$(cat none)" = "total 0 0" ]
    printf '0 5\n' > ranges
    run -1 "${check[@]}" --image inc.qcow2 --only ranges
    [ "$output" = "vmkeep-content: ranges: its end is missing" ]
    qemu-nbd -t -f qcow2 -k "$tmp/nbd" inc.qcow2 3>&- &
    server=$!
    until [ -S nbd ]; do sleep 0.1; done
    run -1 "${check[@]}" --image inc.qcow2
    run -0 "${check[@]}" --image inc.qcow2 --locked
    [ "$(jq .good <<<"${lines[-1]}")" = true ]
    kill "$server"
    wait "$server" || true
}

@test "plain images are read from their files; compressed ones, and what stands on them, by a server" {
    make 65536 8386120
    qemu-img convert -c -O qcow2 full.qcow2 packed.qcow2
    qemu-img create -q -f qcow2 -F qcow2 -b packed.qcow2 on.qcow2 8386120
    qemu-io -c "write -P 8 100k 4k" on.qcow2
    qemu-img convert -O raw full.qcow2 base
    qemu-img create -q -f qcow2 -F raw -b base middle.qcow2 8386120
    qemu-io -c "write -P 3 300k 70k" middle.qcow2
    qemu-img create -q -f qcow2 -F qcow2 -b middle.qcow2 top.qcow2 8386120
    qemu-io -c "write -P 4 320k 4k" top.qcow2
    mkdir bin
    printf '#!/bin/sh\necho no server >&2\nexit 1\n' > bin/qemu-nbd
    chmod +x bin/qemu-nbd
    for image in full inc top; do
        PATH=$PWD/bin:$PATH run -0 "$CONTENT" take --image "$image.qcow2" --capacity 8386120 --tree t
        as_another_says "$image.qcow2" 8386120 "$(jq -r .content <<<"${lines[-1]}")"
    done
    for image in packed on; do
        PATH=$PWD/bin:$PATH run -1 "$CONTENT" take --image "$image.qcow2" --capacity 8386120 --tree t
        run -0 "$CONTENT" take --image "$image.qcow2" --capacity 8386120 --tree t
        as_another_says "$image.qcow2" 8386120 "$(jq -r .content <<<"${lines[-1]}")"
    done
}

@test "a file that ends before its data: zeroes, as for QEMU; and names that could be options" {
    make 65536 8388608
    cp full.qcow2 ./-f.qcow2
    truncate -s -100000 ./-f.qcow2
    run -0 "$CONTENT" take --image -f.qcow2 --capacity 8388608 --tree t
    as_another_says ./-f.qcow2 8388608 "$(jq -r .content <<<"${lines[-1]}")"
}

@test "bad usage, and images that are none" {
    run -2 "$CONTENT"
    run -2 "$CONTENT" look
    [ "$output" = "vmkeep-content: look: is neither take nor check" ]
    run -2 "$CONTENT" take --capacity 5 --tree t
    [ "$output" = "vmkeep-content: --image: is missing" ]
    run -2 "$CONTENT" check --image i --capacity 5 --content sha256-tree:00
    [ "$output" = "vmkeep-content: --content: is not sha256-tree: and 64 hexadecimal digits" ]
    run -2 "$CONTENT" take --image i --capacity x --tree t
    run -0 "$CONTENT" --help
    run -1 "$CONTENT" take --image absent.qcow2 --capacity 5 --tree t
    [[ "$output" == "vmkeep-content: absent.qcow2: qemu-nbd: "*"No such file or directory" ]]
    [ ! -e t ]
}
