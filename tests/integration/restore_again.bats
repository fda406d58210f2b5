#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# `vmkeep restore`: several disks at once, what it goes on with when an earlier one was interrupted,
# and what --force replaces.  VMKEEP and CONTENT name the programs.

bats_require_minimum_version 1.5.0

setup() {
    export TZ=UTC COLUMNS=1000
    tmp=$(mktemp -d)
    repo=$tmp/repository
    full=local/web01/2026-11-22T02-30-00Z.nightly
    next=local/web01/2026-11-23T02-30-00Z.nightly
    mkdir -p "$repo/$full" "$repo/$next" "$tmp/bin" "$tmp/images"
    echo '{"format": 1, "id": "0123456789abcdef"}' > "$repo/repository.json"
    make_disk vda
    make_disk vdb
    manifest "$full" full null null 22
    manifest "$next" incremental "\"$full\"" "\"$full\"" 23
}

teardown() {
    rm -rf "$tmp"
}

# A disk of 200 MiB with 24 MiB of data at its beginning, and at its end, and 1 MiB more in the second point.
make_disk() {
    local a=$repo/$full/$1 b=$repo/$next/$1
    truncate -s 200M "$tmp/$1.raw"
    head -c 24M /dev/urandom | dd of="$tmp/$1.raw" bs=1M seek=1 conv=notrunc status=none
    head -c 24M /dev/urandom | dd of="$tmp/$1.raw" bs=1M seek=170 conv=notrunc status=none
    qemu-img convert -f raw -O qcow2 "$tmp/$1.raw" "$a.qcow2"
    "$CONTENT" take --image "$a.qcow2" --capacity 209715200 --tree "$a.tree" | jq -r '.content // empty' > "$tmp/$1.22"
    qemu-img create -q -f qcow2 -F qcow2 -b "../${full##*/}/$1.qcow2" "$b.qcow2" 200M
    qemu-io -f qcow2 -c "write -P 7 4M 1M" "$b.qcow2" > /dev/null
    qemu-io -f raw -c "write -P 7 4M 1M" "$tmp/$1.raw" > /dev/null
    "$CONTENT" take --image "$b.qcow2" --capacity 209715200 --tree "$b.tree" \
        --content "$(cat "$tmp/$1.22")" --below "$a.tree" | jq -r '.content // empty' > "$tmp/$1.23"
}

# manifest ID KIND PARENT BACKING DAY
manifest() {
    local disk disks=
    for disk in vda vdb; do
        disks+="${disks:+,}"'{"name": "'$disk'", "path": "'$disk'.qcow2", "format": "qcow2", "capacity": 209715200,
            "bytes": 65536, "digest": null, "content": "'$(cat "$tmp/$disk.$5")'", "backing": '$4',
            "source": {"image": "'$tmp/images/$disk.qcow2'"}}'
    done
    cat > "$repo/$1/point.json" << END
{"format": 1, "id": "$1", "host": "local", "domain": "web01", "policy": "nightly", "kind": "$2",
 "parent": $3, "created": "2026-11-$5T02:30:00Z", "checkpoint": null, "mode": "push",
 "quiesced": false, "why": "by hand", "disks": [$disks]}
END
}

restore() {
    "$VMKEEP" restore --repository "$repo" web01 "$@"
}

# instead: what qemu-img does, in shell; `really` is the program itself.
instead() {
    printf '#!/bin/bash\nreally() { PATH=%q exec qemu-img "$@"; }\n%s\nreally "$@"\n' "$PATH" "$(cat)" > "$tmp/bin/qemu-img"
    chmod +x "$tmp/bin/qemu-img"
}

restored() { # DIR FORMAT
    for disk in vda vdb; do
        qemu-img compare -q -f "$2" -F raw "$1/$disk.$2" "$tmp/$disk.raw"
    done
    [ "$(ls "$1")" = "vda.$2"$'\n'"vdb.$2" ]
}

@test "several disks at once" {
    # Each waits until the other is being written, too.
    instead << END
if [ "\$1" = convert ]; then
    : > "$tmp/writes.\$\$"
    for _ in \$(seq 100); do
        [ "\$(ls "$tmp"/writes.* | wc -l)" -lt 2 ] || break
        sleep 0.1
    done
    [ "\$(ls "$tmp"/writes.* | wc -l)" = 2 ] || exit 1
fi
END
    PATH=$tmp/bin:$PATH restore --to "$tmp/to"
    restored "$tmp/to" qcow2
    # At a rate: one after the other.
    instead << END
if [ "\$1" = convert ]; then
    mkdir "$tmp/one" || exit 1
    PATH=$PATH qemu-img "\$@" || exit 1
    rmdir "$tmp/one"
    exit 0
fi
END
    PATH=$tmp/bin:$PATH restore --to "$tmp/slowly" --format raw --bandwidth 1GiB/s
    restored "$tmp/slowly" raw
}

# killed SIGNAL FORMAT: a restore that is, when about half of vda is written, and all of vdb.
killed() {
    instead << END
case "\$* " in
    convert*vda*) set -- "\$1" -r 8M "\${@:2}" ;;
esac
END
    PATH=$tmp/bin:$PATH "$VMKEEP" restore --repository "$repo" web01 --to "$tmp/to" --format "$2" > "$tmp/said" 2>&1 3>&- &
    pid=$!
    for _ in $(seq 600); do
        ! [ "$(stat -c %b "$tmp/to/vda.$2.partial-"* 2> /dev/null || echo 0)" -ge 55000 ] || break
        sleep 0.05
    done
    kill "-$1" "$pid"
    code=0
    wait "$pid" || code=$?
    for _ in $(seq 100); do # those that wrote, too
        [ -n "$(fuser "$tmp/to/"* 2> /dev/null)" ] || break
        sleep 0.1
    done
    [ ! -e "$tmp/to/vda.$2" ]
}

goes_on() { # FORMAT
    restore --to "$tmp/to" --format "$1" --json > "$tmp/out"
    restored "$tmp/to" "$1"
    # What was written and is known to its tables, and what is a hole: all but the last 24 MiB, or some of them.
    kept=$(jq '.disks[0].kept' "$tmp/out")
    [ "$kept" -ge $((160 << 20)) ]
    [ "$kept" -lt $((200 << 20)) ]
    rm -r "$tmp/to"
}

@test "killed: the next goes on with what is right of it" {
    killed KILL raw
    goes_on raw
    killed KILL qcow2
    goes_on qcow2
}

@test "interrupted: the same, and it says what stays" {
    killed TERM qcow2
    [ "$code" -eq 130 ]
    grep -q "vmkeep: restore: $tmp/to/vda.qcow2.partial-.* stays: the same command goes on with it; or remove it" "$tmp/said"
    run -0 restore --to "$tmp/to"
    restored "$tmp/to" qcow2
    [[ $output =~ "  vda      $tmp/to/vda.qcow2  (200 MiB, "[0-9.]+" MiB on disk; 1"[0-9][0-9]" MiB of it as an interrupted restore had left it)" ]]
    [[ $output =~ "  vdb      $tmp/to/vdb.qcow2  (200 MiB, "[0-9.]+" MiB on disk; an interrupted restore had written all of it)" ]]
}

@test "what is wrong in it is written anew" {
    killed KILL raw
    partial=$(echo "$tmp/to/vda.raw.partial-"*)
    head -c 64k /dev/urandom | dd of="$partial" bs=64k seek=1000 conv=notrunc status=none # where zeroes belong
    head -c 64k /dev/urandom | dd of="$partial" bs=64k seek=20 conv=notrunc status=none
    restore --to "$tmp/to" --format raw
    restored "$tmp/to" raw
    rm -r "$tmp/to"
    # No image at all, one of another size, one of somebody else's.
    killed KILL qcow2
    partial=$(echo "$tmp/to/vda.qcow2.partial-"*)
    head -c 4M /dev/urandom > "$partial"
    restore --to "$tmp/to"
    restored "$tmp/to" qcow2
    rm "$tmp/to/vda.qcow2"
    qemu-img create -q -f qcow2 -o preallocation=full "$partial" 20M
    chmod 600 "$partial"
    restore --to "$tmp/to" --disk vda
    restored "$tmp/to" qcow2
    rm "$tmp/to/vda.qcow2"
    head -c 4M /dev/urandom > "$tmp/mine"
    ln -s "$tmp/mine" "$partial"
    sum=$(sha256sum "$tmp/mine")
    restore --to "$tmp/to" --disk vda
    [ "$(sha256sum "$tmp/mine")" = "$sum" ]
    rm "$partial"
    restored "$tmp/to" qcow2
}

@test "what came out wrong is found, whether it was on the disk yet or not" {
    # A byte of what was written changes in the page cache, before anything is synced.
    instead << END
if [ "\$1" = convert ]; then
    PATH=$PATH qemu-img "\$@" || exit 1
    [[ \$* != *vdb* ]] || printf '!' | dd of="\$(echo "$tmp"/to/vdb.raw.partial-*)" bs=1 seek=\$((2 << 20)) conv=notrunc status=none
    exit 0
fi
END
    PATH=$tmp/bin:$PATH run -1 restore --to "$tmp/to" --format raw
    [[ $output == *"disk vdb: $tmp/to/vdb.raw.partial-"*": does not hold what was written to it, in 1 block of 64 KiB, first in bytes 2097152 to 2162687"* ]]
    [ ! -e "$tmp/to" ]
}

@test "--force replaces what is in the way, once all is whole" {
    mkdir "$tmp/to"
    echo old > "$tmp/to/vda.qcow2"
    run restore --to "$tmp/to"
    [ "$status" -eq 1 ]
    [ "${lines[-1]}" = "vmkeep: restore: $tmp/to/vda.qcow2: is there already; choose another directory, move it away, or have it replaced by --force" ]
    # One that fails leaves what was there.
    instead << END
case "\$* " in convert*vdb*) sleep 2; echo no >&2; exit 1 ;; esac
END
    PATH=$tmp/bin:$PATH run restore --to "$tmp/to" --force
    [ "$status" -eq 1 ]
    [ "$(cat "$tmp/to/vda.qcow2")" = old ]
    [ "$(ls "$tmp/to")" = vda.qcow2 ]
    restore --to "$tmp/to" --force
    restored "$tmp/to" qcow2
}

@test "--force and --onto replace nothing that another image stands on" {
    mkdir "$tmp/to"
    for disk in vda vdb; do qemu-img create -q -f qcow2 "$tmp/to/$disk.qcow2" 200M; done
    # One beside it, through a third one elsewhere.
    qemu-img create -q -f qcow2 -F qcow2 -b "$tmp/to/vdb.qcow2" "$tmp/images/middle.qcow2"
    qemu-img create -q -f qcow2 -F qcow2 -b ../images/middle.qcow2 "$tmp/to/top.qcow2"
    run -1 restore --to "$tmp/to" --force
    [ "${lines[-1]}" = "vmkeep: restore: $tmp/to/vdb.qcow2: $tmp/to/top.qcow2 stands on it; choose another place" ]
    run -1 restore --onto "vdb=$tmp/to/vdb.qcow2" --yes
    [ "${lines[-1]}" = "vmkeep: restore: disk vdb: $tmp/to/vdb.qcow2: $tmp/to/top.qcow2 stands on it; choose another place" ]
    restore --to "$tmp/to" --force --disk vda
    rm "$tmp/to/top.qcow2" "$tmp/to/vda.qcow2"
    # A disk that points come from.
    qemu-img create -q -f qcow2 -F qcow2 -b middle.qcow2 "$tmp/images/vdb.qcow2"
    run -1 restore --to "$tmp/to" --force
    [ "${lines[-1]}" = "vmkeep: restore: $tmp/to/vdb.qcow2: disk vdb of local/web01 stands on it ($tmp/images/vdb.qcow2); choose another place" ]
    run -1 restore --onto "vdb=$tmp/to/vdb.qcow2" --yes
    [ "${lines[-1]}" = "vmkeep: restore: disk vdb: $tmp/to/vdb.qcow2: disk vdb of local/web01 stands on it ($tmp/images/vdb.qcow2); choose another place" ]
    rm "$tmp/images/vdb.qcow2"
    restore --to "$tmp/to" --force
    restored "$tmp/to" qcow2
}

@test "--force replaces nothing that is in use, a disk of a domain, or no file" {
    mkdir "$tmp/to"
    qemu-img create -q -f qcow2 "$tmp/to/vda.qcow2" 200M
    qemu-nbd -t -r -f qcow2 -k "$tmp/nbd" "$tmp/to/vda.qcow2" 3>&- & # as the base of one that runs
    pid=$!
    for _ in $(seq 100); do
        [ ! -S "$tmp/nbd" ] || break
        sleep 0.1
    done
    run restore --to "$tmp/to" --force
    kill "$pid"
    wait "$pid" || true
    [ "$status" -eq 5 ]
    [ "${lines[-1]}" = "vmkeep: restore: $tmp/to/vda.qcow2: is in use by another program, such as a QEMU that runs on it" ]
    ln -sf "$tmp/images/other" "$tmp/to/vda.qcow2"
    run restore --to "$tmp/to" --force
    [ "$status" -eq 2 ]
    [[ $output == *"vda.qcow2: is no regular file: that is not replaced" ]]
    qemu-img create -q -f qcow2 "$tmp/images/vdb.qcow2" 200M
    run restore --to "$tmp/images" --force
    [ "$status" -eq 1 ]
    [[ $output == *"$tmp/images/vdb.qcow2 is where disk vdb of local/web01 lay at $next; choose another directory, or give it back"* ]]
    run restore --to "$repo/$full" --force
    [ "$status" -eq 2 ]
    [[ $output == *"lies in a repository"* ]]
    run restore --define --pool images --force
    [ "$status" -eq 2 ]
}
