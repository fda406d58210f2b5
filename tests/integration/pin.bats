#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# `vmkeep pin` and `unpin` without a daemon: a repository made by hand, whose catalog is rebuilt from it.
# VMKEEP names the program.

bats_require_minimum_version 1.5.0

setup() {
    export TZ=UTC COLUMNS=1000
    tmp=$(mktemp -d)
    repo=$tmp/main
    mkdir "$repo"
    echo '{"format": 1, "id": "0123456789abcdef"}' > "$repo/repository.json"
    point 2026-11-21T02-30-00Z full
    point 2026-11-22T02-30-00Z 2026-11-21T02-30-00Z
    point 2026-11-23T02-30-00Z 2026-11-22T02-30-00Z
    cat > "$tmp/config" <<END
catalog: $tmp/catalog.db
control: $tmp/control.sock
hosts:
  - { name: lab, driver: qemu, domains: [{ name: web01, qmp: $tmp/web01.qmp }] }
repositories:
  - { name: main, path: $repo }
policies:
  - name: nightly
    domains: ["*"]
    repository: main
    schedule: { full: ["2199-12-31"] }
    keep: { last: 1 }
END
    vmkeep rebuild-catalog
    old=lab/web01/2026-11-21T02-30-00Z.nightly
    middle=lab/web01/2026-11-22T02-30-00Z.nightly
}

teardown() {
    rm -rf "$tmp"
}

vmkeep() {
    "$VMKEEP" --config "$tmp/config" "$@"
}

point() { # TIME full|PARENT
    local id=lab/web01/$1.nightly kind=full backing=null
    mkdir -p "$repo/$id"
    if [ "$2" = full ]; then
        qemu-img create -q -f qcow2 "$repo/$id/vda.qcow2" 1M
    else
        kind=incremental
        backing="\"lab/web01/$2.nightly\""
        qemu-img create -q -f qcow2 -u -F qcow2 -b "../$2.nightly/vda.qcow2" "$repo/$id/vda.qcow2" 1M
    fi
    cat > "$repo/$id/point.json" << END
{"format": 1, "id": "$id", "host": "lab", "domain": "web01", "policy": "nightly", "kind": "$kind", "parent": $backing,
 "created": "${1:0:13}:${1:14:2}:${1:17:2}Z", "checkpoint": null, "mode": "push", "quiesced": false, "why": "by hand",
 "disks": [{"name": "vda", "path": "vda.qcow2", "format": "qcow2", "capacity": 1048576,
            "bytes": 1048576, "digest": null, "backing": $backing}]}
END
}

pin_of() { # POINT [ARGUMENTS...]
    vmkeep points --json "${@:2}" | jq -c --arg id "$1" '.[] | select(.id == $id).pin'
}

@test "a pin keeps its point, and is shown, until it is taken" {
    before=$(sha256sum < "$repo/$old/point.json")
    run -0 vmkeep pin web01/2026-11-21T02-30-00Z.nightly --until '2199-12-24' --note 'before the upgrade'
    [ "$output" = "$old is pinned until 2199-12-24 (before the upgrade)" ]
    [ "$(pin_of "$old")" = '{"until":"2199-12-24T00:00:00Z","note":"before the upgrade"}' ]
    [ "$(pin_of "$middle")" = null ]
    [ "$(jq -c . "$repo/$old/pin.json" | sed 's/"since":[0-9]*/"since":N/')" = \
        '{"format":1,"since":N,"until":7257427200,"note":"before the upgrade"}' ]
    [ "$(sha256sum < "$repo/$old/point.json")" = "$before" ]
    run -0 vmkeep points
    [[ $output == *"good, pinned"*"$old: pinned until 2199-12-24 (before the upgrade)"* ]]
    run -0 vmkeep explain "$old"
    [[ $output == *"pinned until 2199-12-24 (before the upgrade): 'vmkeep unpin' leaves it to the rules"* ]]
    run -0 vmkeep prune --dry-run --json
    [ "$(jq -c --arg id "$old" '[.[] | select(.id == $id) | .keep, .codes]' <<< "$output")" = '[true,["pinned"]]' ] ||
        [[ $output == *"pinned until 2199-12-24 (before the upgrade)"* ]]
    run -1 vmkeep delete "$old" --yes --force
    [ "$output" = "vmkeep: $old is pinned until 2199-12-24 (before the upgrade): to delete it, say 'vmkeep unpin $old' first" ]
    run -0 vmkeep unpin "$old"
    [ "$output" = "$old is pinned no more" ]
    [ ! -e "$repo/$old/pin.json" ]
    [ "$(pin_of "$old")" = null ]
    run -0 vmkeep unpin "$old"
    [ "$output" = "$old was not pinned" ]
    run -0 vmkeep prune --dry-run
    [[ $output != *pinned* ]]
}

@test "the repository has it: another machine, and a catalog that is made anew" {
    vmkeep pin "$middle"
    [ "$("$VMKEEP" points --repository "$repo" --json | jq -c '[.[].pin]')" = '[null,{"until":null,"note":null},null]' ]
    rm "$tmp"/catalog.db*
    vmkeep rebuild-catalog
    [ "$(pin_of "$middle")" = '{"until":null,"note":null}' ]
    # What cannot be read keeps its point.
    echo '{' > "$repo/$middle/pin.json"
    [ "$("$VMKEEP" points --repository "$repo" --json | jq -c '.[1].pin.note')" = '"its pin.json cannot be read"' ]
    vmkeep unpin "$middle"
    [ "$("$VMKEEP" points --repository "$repo" --json | jq -c '.[1].pin')" = null ]
}

@test "one that is over counts no more" {
    vmkeep pin "$old" --until "$(date -d '+2 seconds' '+%Y-%m-%d %H:%M:%S')"
    until [ "$(pin_of "$old")" = null ]; do sleep 0.2; done
    run -0 vmkeep explain "$old"
    [[ $output == *"that is over, and it counts no more"* ]]
    run -0 vmkeep delete "$old" --dry-run
}

@test "what cannot be pinned" {
    run -4 vmkeep pin nothing
    [ "$output" = "vmkeep: pin: no point is named 'nothing'" ] || [[ $output == "vmkeep: pin: "*nothing* ]]
    run -2 vmkeep pin
    [[ $output == *"name one point"* ]]
    run -2 vmkeep pin "$old" --until 2020-01-01
    [ "$output" = "vmkeep: pin: 2020-01-01 00:00:00 is over already" ]
    run -2 vmkeep pin "$old" --until tomorrow
    run -2 vmkeep pin "$old" --note ''
    [ "$output" = "vmkeep: pin: the note is empty: leave it out" ]
    run -0 vmkeep pin "$old" --note "$(printf 'x%.0s' {1..200})"
    run -2 vmkeep pin "$old" --note "$(printf 'x%.0s' {1..201})"
    [ "$output" = "vmkeep: pin: the note has 201 bytes: 200 are the most" ]
    run -2 vmkeep pin "$old" --note $'a\nb'
    [ "$output" = "vmkeep: pin: the note has a control character: one line of text" ]
    run -2 vmkeep pin "$old" --note $'\x7f'
    run -2 vmkeep pin "$old" --note $'\xff'
    [ "$output" = "vmkeep: pin: the note is not UTF-8" ]
    vmkeep unpin "$old"
    mv "$repo" "$tmp/away"
    run -4 vmkeep pin "$old"
    [[ $output == *"$repo"* ]]
    [ "$(pin_of "$old")" = null ]
    mv "$tmp/away" "$repo"
    echo '{"format": 1, "catalog": "ffffffff", "machine": "other", "machine_id": "x", "catalog_path": "/c",
           "since": "2026-11-01T00:00:00Z", "used": "2026-11-01T00:00:00Z"}' > "$repo/lab/web01/owner.json"
    cp "$repo/lab/web01/owner.json" "$tmp/owner"
    run -1 vmkeep pin "$old"
    [ "$(pin_of "$old")" = null ]
    [ ! -e "$repo/$old/pin.json" ]
    cmp "$repo/lab/web01/owner.json" "$tmp/owner"
}

@test "a disk that fails meanwhile: the longer pin counts until it is asked for again" {
    failing() {
        SYNC_FAILS=2026-11-21T02-30-00Z.nightly LD_PRELOAD=$SYNC_FAILS_LIBRARY \
            ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 vmkeep "$@"
    }
    run -1 failing pin "$old" --note first
    [[ $output == *"the longer of both pins counts until it is asked for again"*"Input/output error" ]]
    [ "$(pin_of "$old" | jq -r .note)" = first ]
    vmkeep pin "$old" --note first
    run -1 failing pin "$old" --until 2199-12-24 --note second
    [ "$(pin_of "$old" | jq -r .note)" = first ]
    # Its file has gone, for all that is known.
    run -1 failing unpin "$old"
    [[ $output == *"Input/output error" ]]
    [ "$(pin_of "$old" | jq -r .note)" = first ]
    vmkeep unpin "$old"
    [ "$(pin_of "$old")" = null ]
}
