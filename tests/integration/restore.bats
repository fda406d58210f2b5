#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# `vmkeep restore --repository`: a repository that this test makes by hand, with qemu-img and a text
# editor's means, so that what other programs may rely on is what the command reads.
# VMKEEP names the program.

setup() {
    export TZ=UTC COLUMNS=1000
    tmp=$(mktemp -d)
    repo=$tmp/repository
    mkdir "$repo"
    echo '{"format": 1, "id": "0123456789abcdef"}' > "$repo/repository.json"
    truncate -s 8M "$tmp/reference"
    point 2026-11-22T02-30-00Z full 0x11
    point 2026-11-23T02-30-00Z 2026-11-22T02-30-00Z 0x22
}

teardown() {
    rm -rf "$tmp"
}

# point TIME full|PARENT PATTERN [HOST]: one of web01, and the guest's disk then as $tmp/TIME.raw.
point() {
    local host=${4-local} time=$1 id dir backing=null parent=null kind=full
    id=$host/web01/$time.nightly
    dir=$repo/$id
    mkdir -p "$dir"
    if [ "$2" = full ]; then
        qemu-img create -q -f qcow2 "$dir/vda.qcow2" 8M
    else
        kind=incremental
        parent="\"$host/web01/$2.nightly\""
        backing=$parent
        qemu-img create -q -f qcow2 -u -F qcow2 -b "../$2.nightly/vda.qcow2" "$dir/vda.qcow2" 8M
    fi
    qemu-io -f qcow2 -c "write -P $3 $((16#${3#0x} * 65536)) 1M" "$dir/vda.qcow2" > /dev/null
    qemu-io -f raw -c "write -P $3 $((16#${3#0x} * 65536)) 1M" "$tmp/reference" > /dev/null
    cp "$tmp/reference" "$tmp/$time.raw"
    cat > "$dir/domain.xml" << END
<domain type="qemu" id="3"><name>web01</name><uuid>8e9d1f5a-33e3-4b1a-b8cf-3f4a1c3d0e11</uuid>
<devices><disk type="file" device="disk"><source file="/images/web01.qcow2"/><target dev="vda"/></disk>
</devices></domain>
END
    cat > "$dir/point.json" << END
{"format": 1, "id": "$id", "host": "$host", "domain": "web01", "policy": "nightly",
 "kind": "$kind", "parent": $parent, "created": "${time:0:13}:${time:14:2}:${time:17:2}Z",
 "checkpoint": null, "mode": "push", "quiesced": false, "why": "by hand",
 "disks": [{"name": "vda", "path": "vda.qcow2", "format": "qcow2", "capacity": 8388608,
            "bytes": 1048576, "digest": null, "backing": $backing}]}
END
}

restore() {
    "$VMKEEP" restore --repository "$repo" "$@"
}

@test "a domain: its latest point" {
    run restore web01 --to "$tmp/to"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "The latest good point is local/web01/2026-11-23T02-30-00Z.nightly." ]
    [ "${lines[1]}" = "Restored local/web01 as it was at 2026-11-23 02:30:00 (local/web01/2026-11-23T02-30-00Z.nightly)" ]
    qemu-img compare -q -f qcow2 -F raw "$tmp/to/vda.qcow2" "$tmp/2026-11-23T02-30-00Z.raw"
    grep -q "<source file=\"$tmp/to/vda.qcow2\"/>" "$tmp/to/domain.xml"
    [ "$(grep -c "uuid\|/images/web01" "$tmp/to/domain.xml")" = 0 ]
    [[ $output == *"To use them: virsh define $tmp/to/domain.xml, then virsh start web01"* ]]
}

@test "a domain at a time; raw" {
    run restore local/web01 --at '2026-11-23 02:29' --to "$tmp/to" --format raw
    [ "$status" -eq 0 ]
    cmp "$tmp/to/vda.raw" "$tmp/2026-11-22T02-30-00Z.raw"
    run restore web01 --at 2026-11-20 --to "$tmp/none"
    [ "$status" -eq 4 ]
    [ "$output" = "vmkeep: restore: web01: no good point at or before 2026-11-20 00:00:00; the oldest is of 2026-11-22 02:30:00" ]
    [ ! -e "$tmp/none" ]
}

@test "a point, by any end of its id" {
    for id in local/web01/2026-11-22T02-30-00Z.nightly web01/2026-11-22T02-30-00Z.nightly \
        2026-11-22T02-30-00Z.nightly; do
        restore "$id" --to "$tmp/to" --disk vda
        qemu-img compare -q -f qcow2 -F raw "$tmp/to/vda.qcow2" "$tmp/2026-11-22T02-30-00Z.raw"
        rm -r "$tmp/to"
    done
}

@test "what could be several is refused, with the candidates" {
    point 2026-11-22T02-30-00Z full 0x33 lab
    run restore web01 --to "$tmp/to"
    [ "$status" -eq 2 ]
    [ "$output" = "vmkeep: restore: hosts lab and local both have a domain web01: say lab/web01" ]
    run restore 2026-11-22T02-30-00Z.nightly --to "$tmp/to"
    [ "$status" -eq 2 ]
    [[ $output == *"could be 2 points: lab/web01/2026-11-22T02-30-00Z.nightly, local/web01/"* ]]
    restore lab/web01 --to "$tmp/to"
}

@test "--json" {
    restore web01 --to "$tmp/to" --json > "$tmp/out"
    [ "$(jq -r .point "$tmp/out")" = local/web01/2026-11-23T02-30-00Z.nightly ]
    [ "$(jq -r .created "$tmp/out")" = 2026-11-23T02:30:00Z ]
    [ "$(jq -r .definition "$tmp/out")" = "$tmp/to/domain.xml" ]
    [ "$(jq -c '.disks[0] | [.name, .path, .format, .capacity]' "$tmp/out")" = "[\"vda\",\"$tmp/to/vda.qcow2\",\"qcow2\",8388608]" ]
    [ "$(jq '.disks[0].bytes' "$tmp/out")" -gt 2097152 ]
    restore web01 --to "$tmp/"$'to\xff' --json > "$tmp/out"
    [ "$(jq -r '.disks[0].path' "$tmp/out")" = "$tmp/to?/vda.qcow2" ]
}

@test "--dry-run writes nothing" {
    run restore web01 --to "$tmp/to" --dry-run
    [ "$status" -eq 0 ]
    [[ $output == *"Would restore local/web01"*"about"* ]]
    [ ! -e "$tmp/to" ]
}

@test "what is in the way, damaged or missing" {
    mkdir "$tmp/to"
    touch "$tmp/to/vda.qcow2"
    run restore web01 --to "$tmp/to"
    [ "$status" -eq 1 ]
    [[ $output == *"$tmp/to/vda.qcow2: is there already"* ]]
    [ ! -s "$tmp/to/vda.qcow2" ]
    run restore web01 --to "$tmp/new" --disk vdz
    [ "$status" -eq 4 ]
    run restore nosuch --to "$tmp/new"
    [ "$status" -eq 4 ]
    echo '{}' > "$repo/local/web01/2026-11-22T02-30-00Z.nightly/point.json"
    run restore web01 --to "$tmp/new"
    [ "$status" -eq 7 ]
    [[ $output == *"2026-11-22T02-30-00Z.nightly/point.json: format: is missing (left out)"* ]]
    [[ $output == *"web01: none of its points is whole; 'vmkeep points' says what each lacks"* ]]
    [ ! -e "$tmp/new" ]
}

@test "of a domain, a point on a whole chain" {
    point 2026-11-21T02-30-00Z full 0x33
    rm "$repo/local/web01/2026-11-22T02-30-00Z.nightly/point.json"
    run restore web01 --to "$tmp/to" --format raw
    [ "$status" -eq 0 ]
    [[ $output == *"restore: 1 newer point is not whole, and passed over"* ]]
    [[ $output == *"The latest good point is local/web01/2026-11-21T02-30-00Z.nightly."* ]]
}

@test "wrong usage" {
    for args in "" "web01" "web01 other --to x" "web01 --to" "web01 --to x --format vmdk" \
        "web01 --to x --at never" "web01 --to x --bandwidth fast" "web01 --to x --bandwidth 50MiB" \
        "web01 --to x --bandwidth 0MiB/s" "web01 --to x --bandwidth -1MiB/s" "web01 --too x" "web01/2026-11-23T02-30-00Z.nightly --at 2026-11-23 --to x"; do
        # shellcheck disable=SC2086 # words are wanted
        run restore $args
        [ "$status" -eq 2 ] || { echo "$args: $status" && false; }
        [[ $output == "vmkeep: restore: "* ]]
    done
    run restore --help
    [ "$status" -eq 0 ]
    [[ $output == *Examples:* ]]
}

# That it limits is measured by tests/bench.
@test "--bandwidth reaches what writes, and what reads" {
    mkdir "$tmp/bin"
    for program in qemu-img b3sum; do
        printf '#!/bin/sh\necho "$@" >> "%s"\nPATH=%s exec %s "$@"\n' "$tmp/said" "$PATH" $program \
            > "$tmp/bin/$program"
        chmod +x "$tmp/bin/$program"
    done
    PATH=$tmp/bin:$PATH restore web01 --to "$tmp/to" --bandwidth 50MiB/s
    grep '^convert .* -r 52428800 ' "$tmp/said"
    qemu-img compare -q -f qcow2 -F raw "$tmp/to/vda.qcow2" "$tmp/2026-11-23T02-30-00Z.raw"
    rm "$tmp/said"
    PATH=$tmp/bin:$PATH restore web01 --to "$tmp/unlimited"
    grep '^convert ' "$tmp/said"
    ! grep -- ' -r ' "$tmp/said"
}

# A gibibyte takes a second then; without a limit it takes a fifth of that.
@test "--bandwidth holds for the digests" {
    id=local/web01/2026-11-22T02-30-00Z.nightly
    truncate -s 1G "$repo/$id/vda.qcow2"
    digest=$(b3sum --no-mmap --no-names "$repo/$id/vda.qcow2")
    jq --arg d "blake3:$digest" '.disks[0] += {digest: $d, length: 1073741824}' "$repo/$id/point.json" > "$tmp/json"
    mv "$tmp/json" "$repo/$id/point.json"
    start=$(date +%s%N)
    restore "$id" --to "$tmp/to" --bandwidth 1GiB/s
    [ $(($(date +%s%N) - start)) -gt 900000000 ]
}

@test "on a terminal: how far it is, how fast, and how long it takes yet" {
    script -qec "stty cols 70; unset COLUMNS; $VMKEEP restore --repository $repo web01 --to $tmp/to --bandwidth 400KiB/s" /dev/null > "$tmp/out"
    tr '\r' '\n' < "$tmp/out" | sed 's/\x1b\[K//' > "$tmp/lines"
    grep -Eq '^\[#+ *\] +[0-9]+ %  writing vda, [0-9.]+ [KM]iB/s, [0-9]+s left$' "$tmp/lines"
    [ "$(grep "^\[" "$tmp/lines" | wc -L)" -lt 70 ]
}

# A program in qemu-img's place that holds the restore until the signal has come.
@test "interrupted: nothing is left" {
    mkdir "$tmp/bin"
    cat > "$tmp/bin/qemu-img" << END
#!/bin/sh
case \$1 in convert) touch "$tmp/started"; exec sleep 60 ;; esac
PATH=$PATH exec qemu-img "\$@"
END
    chmod +x "$tmp/bin/qemu-img"
    for signal in INT TERM; do
        PATH=$tmp/bin:$PATH "$VMKEEP" restore --repository "$repo" web01 --to "$tmp/to" 3>&- &
        pid=$!
        until [ -e "$tmp/started" ]; do
            kill -0 "$pid"
            sleep 0.05
        done
        kill -$signal "$pid"
        code=0
        wait "$pid" || code=$?
        [ "$code" -eq 130 ]
        [ ! -e "$tmp/to" ]
        rm "$tmp/started"
    done
}

@test "a definition that is none does not keep its disks" {
    echo '<domain/>' > "$repo/local/web01/2026-11-23T02-30-00Z.nightly/domain.xml"
    run restore web01 --to "$tmp/to"
    [ "$status" -eq 0 ]
    [[ $output == *"no domain.xml is made: domain.xml: the domain has no name"* ]]
    qemu-img compare -q -f qcow2 -F raw "$tmp/to/vda.qcow2" "$tmp/2026-11-23T02-30-00Z.raw"
    [ ! -e "$tmp/to/domain.xml" ]
    run restore web01 --to "$tmp/two" --define --uri test:///default
    [ "$status" -eq 1 ]
    [[ $output == *"no domain.xml is made: domain.xml: the domain has no name"* ]]
    [ ! -e "$tmp/two" ]
}
