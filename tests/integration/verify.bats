#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# `vmkeep verify` on a chain of two and a full beside it, made by hand, and damaged in every way.
# VMKEEP and CONTENT name the programs.

bats_require_minimum_version 1.5.0

capacity=4194304

old=2026-11-20T02-30-00Z.weekly full=2026-11-22T02-30-00Z.nightly inc=2026-11-23T02-30-00Z.nightly

setup_file() {
    base=$BATS_FILE_TMPDIR/local/web01
    mkdir -p "$base"
    echo '{"format": 1, "id": "0123456789abcdef"}' > "$BATS_FILE_TMPDIR/repository.json"
    image "$old"
    qemu-io -c "write -P 5 0 1M" -c "write -P 6 2M 64k" "$base/$old/vda.qcow2" > /dev/null
    publish "$old"
    image "$full"
    qemu-io -c "write -P 5 0 1M" -c "write -P 7 2M 64k" "$base/$full/vda.qcow2" > /dev/null
    publish "$full"
    image "$inc" "$full"
    qemu-io -c "write -P 8 3M 128k" -c "write -P 9 0 64k" "$base/$inc/vda.qcow2" > /dev/null
    publish "$inc" "$full"
}

setup() {
    export TZ=UTC COLUMNS=1000
    tmp=$(mktemp -d)
    repo=$tmp/repository
    base=$repo/local/web01
    cp -r "$BATS_FILE_TMPDIR" "$repo"
    pid=
}

teardown() {
    [ -z "$pid" ] || kill -9 "$pid" 2> /dev/null || true
    rm -rf "$tmp"
}

# image POINT [BELOW]
image() {
    mkdir "$base/$1"
    (cd "$base/$1" && qemu-img create -q -f qcow2 ${2:+-F qcow2 -b "../$2/vda.qcow2"} vda.qcow2 $capacity)
}

# publish POINT [BELOW]: its tree and its manifest.
publish() {
    local time=${1%%.*} tree options=()
    [ -z "${2-}" ] ||
        options=(--below "$base/$2/vda.tree" --content "$(jq -r '.disks[0].content' "$base/$2/point.json")")
    tree=$("$CONTENT" take --image "$base/$1/vda.qcow2" --capacity $capacity --tree "$base/$1/vda.tree" \
        "${options[@]}" | tail -1 | jq -r .content)
    jq -n --arg id "local/web01/$1" --arg policy "${1##*.}" --arg below "${2:+local/web01/$2}" \
        --arg time "${time%%T*}T02:30:00Z" --arg content "$tree" --argjson capacity $capacity \
        --argjson length "$(stat -c %s "$base/$1/vda.qcow2")" '
        (if $below == "" then null else $below end) as $below |
        {format: 1, id: $id, host: "local", domain: "web01", policy: $policy, created: $time,
         kind: (if $below then "incremental" else "full" end), parent: $below, checkpoint: null,
         mode: "push", quiesced: false, why: "by hand",
         disks: [{name: "vda", path: "vda.qcow2", format: "qcow2", capacity: $capacity, bytes: 1179648,
                  length: $length, digest: null, content: $content, backing: $below}]}' \
        > "$base/$1/point.json"
}

# The catalog is made of the repository.
with_catalog() {
    cat > "$tmp/config" << END
catalog: $tmp/catalog.db
control: $tmp/control.sock
hosts: [{ name: local, driver: qemu, domains: [{ name: web01, qmp: $tmp/none }] }]
repositories: [{ name: main, path: $repo }, { name: away, path: $tmp/away }]
policies: []
END
    "$VMKEEP" --config "$tmp/config" rebuild-catalog --repository main > "$tmp/out" 2>&1
    # As the daemon does when it has seen it.
    sqlite3 "$tmp/catalog.db" "UPDATE point SET repository_id = '0123456789abcdef'"
}

# verify [ARGUMENT...]: by the catalog, where there is one.
verify() {
    if [ -e "$tmp/config" ]; then
        "$VMKEEP" --config "$tmp/config" verify "$@"
    else
        "$VMKEEP" verify --repository "$repo" "$@"
    fi
}

# States, by point: what --json says of them, newest first.
states() {
    verify --json "$@" 2> "$tmp/err" | jq -c 'map(.state)'
}

# By the catalog.
marked() {
    "$VMKEEP" --config "$tmp/config" points --json | jq -c 'map(.state)'
}

# flip FILE OFFSET [BYTE]
flip() {
    printf '%b' "${3:-\\x41}" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# Where the image FILE has the guest's byte OFFSET.
place_of() {
    qemu-img map --output=json "$1" | jq --argjson at "$2" \
        '.[] | select(.start <= $at and $at < .start + .length and .depth == 0) | .offset + $at - .start'
}

@test "whole: each point by itself, the newest first" {
    run -0 verify
    [ "${lines[0]}" = "local/web01/$inc: whole, 1.19 MiB read" ]
    [ "${lines[1]}" = "local/web01/$full: whole, 1.06 MiB read" ]
    [ "${lines[2]}" = "local/web01/$old: whole, 1.06 MiB read" ]
    [ "${lines[3]}" = "3 points: 3 whole" ]
    [ "${#lines[@]}" -eq 4 ]
    verify --json nightly > "$tmp/out"
    [ "$(jq -c '.[0]' "$tmp/out")" = "{\"id\":\"local/web01/$inc\",\"disks\":[{\"name\":\"vda\",\"state\":\"whole\",\"problem\":null,\"point\":null,\"bytes\":1245184,\"ranges\":[],\"saved\":null}],\"state\":\"whole\",\"problem\":null}" ]
    [ "$(jq length "$tmp/out")" = 2 ]
    [ "$(states "$inc")" = '["whole"]' ]
    [ "$(states web01)" = '["whole","whole","whole"]' ]
    [ "$(states local/web01 --disk vda)" = '["whole","whole","whole"]' ]
}

@test "a dry run: which, and how much" {
    flip "$base/$full/vda.qcow2" "$(place_of "$base/$full/vda.qcow2" 2097152)"
    run -0 verify web01 --dry-run
    [ "${lines[0]}" = "local/web01/$inc: about 2.25 MiB" ]
    [ "${lines[-1]}" = "3 points, about 4.50 MiB would be read" ]
    [ "$(verify --dry-run --json "$full" | jq -c '.[0]')" = "{\"id\":\"local/web01/$full\",\"disks\":[{\"name\":\"vda\",\"state\":null,\"problem\":null,\"point\":null,\"bytes\":1179648,\"ranges\":[],\"saved\":null}],\"state\":null,\"problem\":null}" ]
}

@test "data: the disk, the bytes, whose image, and all that stands on it" {
    with_catalog
    flip "$base/$full/vda.qcow2" "$(place_of "$base/$full/vda.qcow2" 2100000)"
    run -7 verify
    said="damaged: disk vda: $base/$full/vda.qcow2 holds other data than when it was published, in 1 block of 64 KiB, first in bytes 2097152 to 2162687"
    [ "${lines[0]}" = "local/web01/$inc: $said; lost with it, too, in: local/web01/$full" ]
    [ "${lines[1]}" = "local/web01/$full: $said; lost with it, too, in: local/web01/$inc" ]
    [ "${lines[2]}" = "local/web01/$old: whole, 1.06 MiB read" ]
    [ "${lines[3]}" = "3 points: 1 whole, 2 damaged" ]
    [[ "${lines[4]}" == "No backup stands on what is damaged"* ]]
    [ "$("$VMKEEP" --config "$tmp/config" points --json | jq -r --arg id "local/web01/$full" '.[] | select(.id == $id).state')" = damaged ]
    # It is put right, and found so.
    flip "$base/$full/vda.qcow2" "$(place_of "$base/$full/vda.qcow2" 2100000)" '\x07'
    run -0 verify "$full"
    [ "${lines[0]}" = "local/web01/$full: whole, 1.06 MiB read" ]
    [ "${lines[1]}" = "vmkeep: verify: local/web01/$full was found whole: it is no longer damaged" ]
}

@test "the domain itself still has what is damaged" {
    qcow2='.disks[0].source = {image: $image, bitmap: "vmkeep-1"}' raw='.disks[0].source = {image: $image}'
    names() { # POINT FILTER IMAGE
        jq --arg image "$3" "$2" "$base/$1/point.json" > "$tmp/manifest"
        cp "$tmp/manifest" "$base/$1/point.json"
    }
    saved() {
        verify --json "$full" | jq -r '.[0].disks[0].saved'
    }
    flip "$base/$full/vda.qcow2" "$(place_of "$base/$full/vda.qcow2" 5)"
    flip "$base/$full/vda.qcow2" "$(place_of "$base/$full/vda.qcow2" 2100000)"
    others="lost with it, too, in: local/web01/$inc"
    [ "$(saved)" = "$others" ]
    # It has gone on writing elsewhere, and has grown.
    qemu-img create -q -f qcow2 "$tmp/disk" 8M
    qemu-io -c "write -P 5 0 1M" -c "write -P 7 2M 64k" -c "write -P 1 1M 64k" -c "write -P 1 5M 64k" "$tmp/disk" > /dev/null
    names "$full" "$qcow2" "$tmp/away"
    [ "$(saved)" = "$others" ]
    names "$full" "$qcow2" "$tmp/disk"
    [ "$(saved)" = "the domain's own disk still has the same data: $tmp/disk; $others" ]
    # So it is while a QEMU has it open; and what the last point calls the disk counts.
    qemu-storage-daemon --blockdev "qcow2,node-name=d,file.driver=file,file.filename=$tmp/disk" \
        --nbd-server "addr.type=unix,addr.path=$tmp/s" --export type=nbd,id=e,node-name=d,writable=on --pidfile "$tmp/pid" --daemonize
    pid=$(< "$tmp/pid")
    names "$inc" "$qcow2" "$tmp/disk"
    names "$full" "$raw" "$tmp/away"
    [ "$(saved)" = "the domain's own disk still has the same data: $tmp/disk; $others" ]
    kill "$pid"
    while [ -e "$tmp/pid" ]; do sleep 0.05; done
    pid=
    qemu-io -c "write -P 4 0 64k" "$tmp/disk" > /dev/null
    [ "$(saved)" = "the domain's own disk still has a part of it: $tmp/disk; $others" ]
    qemu-io -c "write -P 4 2M 64k" "$tmp/disk" > /dev/null
    [ "$(saved)" = "$others" ]
    # A raw disk is none that is looked into for a format; a pipe is no disk.
    head -c $capacity /dev/zero > "$tmp/raw"
    qemu-io -f raw -c "write -P 5 0 1M" -c "write -P 7 2M 64k" "$tmp/raw" > /dev/null
    names "$inc" "$raw" "$tmp/raw"
    [ "$(saved)" = "the domain's own disk still has the same data: $tmp/raw; $others" ]
    mkfifo "$tmp/pipe"
    names "$inc" "$raw" "$tmp/pipe"
    [ "$(saved)" = "$others" ]
}

@test "what a newer point covers is no damage to that one, and does not put right the one below" {
    with_catalog
    flip "$base/$full/vda.qcow2" "$(place_of "$base/$full/vda.qcow2" 5)"
    [ "$(states nightly)" = '["whole","damaged"]' ]
    [ "$(verify --json "$full" | jq -r '.[0].disks[0].point')" = "local/web01/$full" ]
    [ "$(verify --json "$full" | jq -r '.[0].disks[0].saved')" = "the same data is there in: local/web01/$old; later ones have other data there: local/web01/$inc" ]
    run -0 verify "$inc"
    [ "$(marked)" = '["good","damaged","good"]' ] # what stands on it is judged by the daemon
}

@test "the images' tables, where no guest reads and where it does" {
    with_catalog
    cp "$base/$full/vda.qcow2" "$tmp/whole"
    flip "$base/$full/vda.qcow2" 65536 # the table of reference counts
    run -7 verify nightly
    [[ "${lines[0]}" == "local/web01/$inc: damaged: disk vda: $base/$full/vda.qcow2: its tables are damaged, qemu-img check finds "*" errors" ]]
    cp "$tmp/whole" "$base/$full/vda.qcow2"
    flip "$base/$full/vda.qcow2" 131073 '\x09' # a cluster counted nine times: a leak
    [ "$(states nightly)" = '["whole","whole"]' ]
    cp "$tmp/whole" "$base/$full/vda.qcow2"
    flip "$base/$full/vda.qcow2" 196608 # L1
    [ "$(states nightly)" = '["damaged","damaged"]' ]
    cp "$tmp/whole" "$base/$full/vda.qcow2"
    flip "$base/$full/vda.qcow2" 262144 # L2: a cluster that counts as compressed, which no check of tables finds
    run -7 verify "$full"
    [[ "$output" == *"damaged: disk vda: $base/$full/vda.qcow2"* ]]
    [ "$(marked)" = '["good","damaged","good"]' ]
    cp "$tmp/whole" "$base/$full/vda.qcow2"
    flip "$base/$full/vda.qcow2" 0 # no qcow2 any more
    [ "$(states nightly)" = '["damaged","damaged"]' ]
}

@test "a compressed cluster that cannot be unpacked" {
    dir=$base/2026-11-24T02-30-00Z.packed
    mkdir "$dir"
    head -c 1M /dev/zero | tr '\0' 'ab' > "$tmp/raw"
    seq 100000 | head -c 400k >> "$tmp/raw"
    truncate -s $capacity "$tmp/raw"
    qemu-img convert -c -O qcow2 "$tmp/raw" "$dir/vda.qcow2"
    publish 2026-11-24T02-30-00Z.packed
    with_catalog
    [ "$(states packed)" = '["whole"]' ]
    flip "$dir/vda.qcow2" 350000 '\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff'
    run -7 verify packed
    [ "$(marked)" = '["good","good","good","damaged"]' ]
}

@test "a tree: the data is whole, and it is said" {
    flip "$base/$full/vda.tree" 200
    run -0 verify "$full"
    [[ "$output" == "local/web01/$full: whole, 1.06 MiB read: disk vda: its data is whole, but a tree of digests cannot be used: $base/$full/vda.tree: "* ]]
    rm "$base/$full/vda.tree"
    run -0 verify nightly
    [[ "${lines[0]}" == *"vda.tree: "*"No such file or directory" ]]
    # Without trees damage has no place, and is found all the same.
    flip "$base/$full/vda.qcow2" "$(place_of "$base/$full/vda.qcow2" 2100000)"
    [ "$(states nightly)" = '["damaged","damaged"]' ]
}

@test "a manifest" {
    cp "$base/$full/point.json" "$tmp/whole"
    sed -i 's/"disks"/"disk_"/' "$base/$full/point.json"
    run -7 verify
    [[ "${lines[0]}" == "local/web01/$full: damaged: $base/$full/point.json: "* ]]
    [[ "${lines[1]}" == "local/web01/$inc: damaged: "*"what it stands on: "* ]]
    [ "${lines[2]}" = "local/web01/$old: whole, 1.06 MiB read" ]
    [ "${lines[3]}" = "3 points: 1 whole, 2 damaged" ]
    run -0 verify weekly
    [ "$(verify --json "$full" | jq -r '.[] | [.id, .state] | join(" ")')" = "local/web01/$full damaged" ]
    cp "$tmp/whole" "$base/$full/point.json"
    with_catalog
    sed -i 's/"disks"/"disk_"/' "$base/$full/point.json"
    [ "$(states)" = '["damaged","damaged","whole"]' ]
    [ "$(marked)" = '["good","damaged","good"]' ]
    # One digit of the digest.
    sed 's/\("content": "sha256-tree:.\)./\1x/; s/x/0/' "$tmp/whole" > "$base/$full/point.json"
    cmp -s "$tmp/whole" "$base/$full/point.json" && sed -i 's/\("content": "sha256-tree:.\)./\11/' "$base/$full/point.json"
    [ "$(states "$full")" = '["damaged"]' ]
}

@test "the catalog: what it has otherwise than the manifests, and pages that make no sense" {
    local at quiet=0
    with_catalog
    cp "$tmp/catalog.db" "$tmp/whole.db"
    sqlite3 "$tmp/catalog.db" "UPDATE point_disk SET content = replace(content, 'a', 'b') WHERE point LIKE '%$full'"
    run -7 verify
    [ "${lines[-1]}" = "3 points: 3 whole" ]
    [[ $output == *"vmkeep: verify: local/web01/$full: disk vda has another content by its manifest than by the catalog: restores go by the manifest; 'vmkeep rebuild-catalog' takes it over"* ]]
    run "$VMKEEP" --config "$tmp/config" repository check main
    [[ $output == *"disk vda has another content by its manifest than by the catalog"* ]]
    cp "$tmp/whole.db" "$tmp/catalog.db"
    sqlite3 "$tmp/catalog.db" "UPDATE point SET created = created + 1 WHERE id LIKE '%$full'"
    run -7 verify
    [[ $output == *"local/web01/$full: it is of another time by its manifest than by the catalog"* ]]
    cp "$tmp/whole.db" "$tmp/catalog.db"
    run -0 verify
    # Each digit of a digest, in the file.
    for at in $(LC_ALL=C grep -abo "sha256-tree:" "$tmp/whole.db" | cut -d: -f1); do
        cp "$tmp/whole.db" "$tmp/catalog.db"
        flip "$tmp/catalog.db" $((at + 20)) x
        run verify
        [ "$status" -eq 7 ] || quiet=$((quiet + 1))
    done
    [ "$quiet" -eq 0 ]
    cp "$tmp/whole.db" "$tmp/catalog.db"
    dd if=/dev/zero of="$tmp/catalog.db" bs=4096 seek=3 count=1 conv=notrunc status=none
    run -7 verify
    [[ $output == *"vmkeep: verify: catalog $tmp/catalog.db: it is damaged ("*"): 'vmkeep rebuild-catalog' makes it anew"* ]]
}

@test "a file, and a whole point, that are not there" {
    with_catalog
    mv "$base/$full/vda.qcow2" "$tmp/"
    [ "$(states)" = '["missing","missing","whole"]' ]
    run -7 verify "$full"
    [[ "$output" == "local/web01/$full: missing: $base/$full/vda.qcow2: No such file"* ]]
    [ "$(marked)" = '["good","missing","damaged"]' ]
    rm -r "${base:?}/$old"
    run -7 verify weekly
    [ "$(marked)" = '["missing","missing","damaged"]' ]
    # Cut short.
    mv "$tmp/vda.qcow2" "$base/$full/"
    truncate -s -512 "$base/$full/vda.qcow2"
    [ "$(states "$full")" = '["damaged"]' ]
}

@test "points of older versions: the files' digests, or none" {
    digest=blake3:$(b3sum --no-names "$base/$full/vda.qcow2")
    jq --arg d "$digest" '.disks[0] += {digest: $d, content: null}' "$base/$full/point.json" > "$tmp/p"
    cp "$tmp/p" "$base/$full/point.json"
    [ "$(states "$full")" = '["whole"]' ]
    flip "$base/$full/vda.qcow2" "$(place_of "$base/$full/vda.qcow2" 2100000)"
    run -7 verify "$full"
    [[ "$output" == *"damaged: disk vda: $base/$full/vda.qcow2 holds other data than when it was published ("* ]]
    jq '.disks[0].digest = null' "$tmp/p" > "$base/$full/point.json"
    run -0 verify "$full"
    [ "$output" = "local/web01/$full: unproven: disk vda: it has no digest, so its contents can be held against nothing" ]
}

@test "a repository that is away, and points that are held" {
    with_catalog
    mv "$repo" "$tmp/elsewhere"
    run -1 verify
    [[ "${lines[0]}" == "local/web01/$inc: unread: "* ]]
    [ "${lines[3]}" = "3 points: 3 unread" ]
    mv "$tmp/elsewhere" "$repo"
    [ "$(marked)" = '["good","good","good"]' ]
    flock -x "$base/$full" sleep 60 3>&- &
    pid=$!
    for _ in {1..100}; do flock -n -s "$base/$full" true || break; sleep 0.1; done
    run -5 verify "$inc"
    [[ "$output" == "local/web01/$inc: unread: "*"is being removed, or merged into the next point" ]]
    pkill -9 -P "$pid" || true
    [ "$(marked)" = '["good","good","good"]' ]
    # While it reads, nobody can remove it.
    "$VMKEEP" --config "$tmp/config" verify "$inc" --bandwidth 100KiB/s > "$tmp/out" 2>&1 3>&- &
    pid=$!
    # Not by trying to lock it: whoever verifies would find it locked then, and leave it unread.
    for _ in {1..100}; do [ -z "$(find "/proc/$pid/fd" -lname "*/$full" 2> /dev/null)" ] || break; sleep 0.1; done
    run ! flock -n -x "$base/$full" true
    kill "$pid"
    wait "$pid" || true
    pid=
}

# failing WHAT=PATH COMMAND...: on a disk that fails, what lies behind 300 KiB in images.
failing() {
    env "$1" FAILS_BEHIND=307200 LD_PRELOAD="$READ_FAILS_LIBRARY:$SYNC_FAILS_LIBRARY" \
        ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 "$VMKEEP" --config "$tmp/config" "${@:2}"
}

@test "a disk that cannot be read now: nothing is called damaged for it" {
    with_catalog
    run -1 failing "READ_FAILS=$full/vda.qcow2" verify "$inc"
    [[ "${lines[0]}" == "local/web01/$inc: unread: disk vda: "*"Input/output error"* ]]
    run -1 failing "READ_FAILS=$full/vda.qcow2" verify "$full" --sample 50%
    [[ "${lines[0]}" == "local/web01/$full: unread: "* ]]
    [ "$(marked)" = '["good","good","good"]' ]
    [ "$(states)" = '["whole","whole","whole"]' ]
}

@test "a restore from a disk that fails, or onto one: said, nothing left, and no point damaged for it" {
    with_catalog
    for what in "READ_FAILS=$full/vda.qcow2" "READ_FAILS=$tmp/to/" "SYNC_FAILS=$tmp/to/"; do
        for format in qcow2 raw; do
            run -1 failing "$what" restore "$inc" --to "$tmp/to" --format $format
            [[ "$output" == *"Input/output error"* ]]
            [ ! -e "$tmp/to" ]
            [ "$(marked)" = '["good","good","good"]' ]
        done
    done
    for what in "READ_FAILS=$full/vda.qcow2" "READ_FAILS=$tmp/target" "SYNC_FAILS=$tmp/target"; do
        qemu-img create -q -f qcow2 "$tmp/target.qcow2" $capacity
        run -1 failing "$what" restore "$inc" --onto "vda=$tmp/target.qcow2" --yes
        [[ "$output" == *"Input/output error"* ]]
        [ "$(marked)" = '["good","good","good"]' ]
    done
    "$VMKEEP" --config "$tmp/config" restore "$inc" --onto "vda=$tmp/target.qcow2" --yes > /dev/null
    qemu-img compare -q "$tmp/target.qcow2" "$base/$inc/vda.qcow2"
}

@test "interrupted: what was read is told" {
    with_catalog
    "$VMKEEP" --config "$tmp/config" verify --json --bandwidth 500KiB/s > "$tmp/json" 2> "$tmp/err" 3>&- &
    pid=$!
    for _ in {1..200}; do ! grep -qs state "$tmp/json" || break; sleep 0.1; done
    kill -INT "$pid"
    code=0
    wait "$pid" || code=$?
    pid=
    cat "$tmp/json" "$tmp/err"
    [ "$code" -eq 130 ]
    [[ "$(cat "$tmp/err")" == "vmkeep: verify: interrupted; to go on where it was: --from local/web01/"* ]]
    [ "$(jq -c 'map(.state) | .[0]' "$tmp/json")" = '"whole"' ]
    read=$(jq length "$tmp/json")
    [ "$read" -lt 3 ]
    # What was read is known, and what was not comes next.
    [ "$("$VMKEEP" --config "$tmp/config" points --json | jq '[.[] | select(.read.proven)] | length')" -eq "$read" ]
    verify --json --from "$(sed 's/.*--from //' "$tmp/err")" > "$tmp/json"
    [ "$(jq length "$tmp/json")" -eq $((3 - read)) ]
    [ "$("$VMKEEP" --config "$tmp/config" points --json | jq '[.[] | select(.read.proven)] | length')" -eq 3 ]
    run -4 --separate-stderr "$VMKEEP" --config "$tmp/config" verify --from nothing
}

@test "samples: all is read in time, and no more each time" {
    with_catalog
    bytes=0
    for _ in 1 2 3 4; do
        verify --json --sample 25% "$inc" > "$tmp/out"
        [ "$(jq -c 'map(.state)' "$tmp/out")" = '["whole"]' ]
        bytes=$((bytes + $(jq '.[0].disks[0].bytes' "$tmp/out")))
    done
    # Four slices of four: each MiB once.
    [ "$bytes" -eq 1245184 ]
    "$VMKEEP" --config "$tmp/config" explain "$inc" | grep -q '25 % of it at .*, slice . of 4: whole'
    [ "$("$VMKEEP" --config "$tmp/config" points --json | jq -c '.[-1].read | [.proven, .percent, .result]')" = '[null,25,"whole"]' ]
    flip "$base/$inc/vda.qcow2" "$(place_of "$base/$inc/vda.qcow2" 3145800)"
    found=0
    for _ in 1 2 3 4; do
        verify --json --sample 25 "$inc" > "$tmp/out" || found=$((found + 1))
        [ "$(jq -c '.[0].disks[0].ranges' "$tmp/out")" = '[]' ] ||
            [ "$(jq -c '.[0].disks[0].ranges' "$tmp/out")" = '[{"offset":3145728,"length":65536}]' ]
    done
    [ "$found" -eq 1 ]
    [ "$(marked)" = '["good","good","damaged"]' ]
    run -2 "$VMKEEP" --config "$tmp/config" verify --sample 0%
    run -6 "$VMKEEP" --config "$tmp/config" verify --job
    run ! pgrep -f "vmkeep-content.*$tmp"
}

@test "points of one repository, by name, are marked; by path they are not" {
    with_catalog
    flip "$base/$old/vda.qcow2" "$(place_of "$base/$old/vda.qcow2" 5)"
    run -7 verify --repository "$repo" weekly
    [ "$(marked)" = '["good","good","good"]' ]
    run -0 verify --repository away
    [ "$output" = "There are no restore points to be read." ]
    run -7 verify --repository main weekly
    [ "$(marked)" = '["damaged","good","good"]' ]
    [ "$(cd "$tmp" && "$VMKEEP" verify --json --repository ./repository weekly | jq -r '.[0].disks[0].state')" = damaged ]
}

@test "wrong usage" {
    run -4 verify nobody
    [ "$output" = "vmkeep: verify: 'nobody' is neither a point nor a domain or policy that has one in $repo; see 'vmkeep points'" ]
    run -4 verify web01 --disk vdz
    [ "$output" = "vmkeep: verify: no point that is meant has a disk vdz" ]
    run -2 verify web01 more
    run -2 verify --bandwidth 0
    run -2 verify --bandwidth fast
    run -4 "$VMKEEP" verify --repository "$tmp/none"
    run -2 "$VMKEEP" --config "$tmp/none.yaml" verify
    with_catalog
    run -4 verify --repository other
    rm "$tmp/catalog.db"
    run -4 verify
    [[ "${lines[-1]}" == *"--repository PATH" ]]
}
