#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# `vmkeep repository check`: a catalog that was rebuilt from a repository made by hand, and what
# then differs.  VMKEEP names the program.

setup() {
    export TZ=UTC COLUMNS=1000
    tmp=$(mktemp -d)
    repo=$tmp/repository
    dir=$repo/local/web01/2026-11-22T02-30-00Z.nightly
    mkdir -p "$dir"
    echo '{"format": 1, "id": "0123456789abcdef"}' > "$repo/repository.json"
    qemu-img create -q -f qcow2 "$dir/vda.qcow2" 8M
    cat > "$dir/point.json" << END
{"format": 1, "id": "local/web01/2026-11-22T02-30-00Z.nightly", "host": "local", "domain": "web01",
 "policy": "nightly", "kind": "full", "parent": null, "created": "2026-11-22T02:30:00Z",
 "checkpoint": null, "mode": "push", "quiesced": false, "why": "by hand",
 "disks": [{"name": "vda", "path": "vda.qcow2", "format": "qcow2", "capacity": 8388608,
            "bytes": 65536, "digest": null, "backing": null}]}
END
    cat > "$tmp/config" << END
catalog: $tmp/catalog.db
control: $tmp/control.sock
hosts: [{ name: local, driver: qemu, domains: [{ name: web01, qmp: $tmp/none }] }]
repositories: [{ name: main, path: $repo }]
policies: []
END
    vmkeep rebuild-catalog > "$tmp/out" 2>&1
    pid=
}

teardown() {
    [ -z "$pid" ] || kill -9 -- "-$pid" 2> /dev/null || true
    umount "$repo" 2> /dev/null || true
    rm -rf "$tmp"
}

vmkeep() {
    "$VMKEEP" --config "$tmp/config" "$@"
}

# What it finds, in $tmp/out; of each difference the kind.
check() {
    vmkeep repository check main --json > "$tmp/out" || [ $? -gt 2 ]
    jq -r '.[] | select(.what != "owner") | .what' "$tmp/out"
}

@test "nothing differs" {
    [ -z "$(check)" ]
}

@test "manifests that say otherwise than the catalog" {
    sed -i 's/"capacity": 8388608/"capacity": 16777216/' "$dir/point.json"
    [ "$(check)" = manifest ]
    [ "$(jq -r '.[] | select(.what == "manifest").problem' "$tmp/out")" = "disk vda has 16777216 bytes by its manifest, 8388608 by the catalog" ]
    sed -i 's/"name": "vda"/"name": "vdb"/' "$dir/point.json"
    check
    [ "$(jq -r '.[] | select(.what == "manifest").problem' "$tmp/out")" = "disk vdb is not in the catalog" ]
    sed -i 's/2026-11-22T02:30:00Z/2026-11-22T02:30:01Z/' "$dir/point.json"
    run vmkeep repository check main
    [ "$status" -ne 0 ]
}

@test "what a job that runs is making is no fault; where vmkeepd is down, it is left over" {
    point=local/web01/2026-11-23T02-30-00Z.nightly
    mkdir "$repo/$point.partial"
    [ "$(check)" = unfinished ]
    sqlite3 "$tmp/catalog.db" "INSERT INTO job (kind, guest, host, domain, policy, repository, asked, level, state, created, point)
        VALUES ('backup', 1, 'local', 'web01', 'nightly', 'main', 'full', 'full', 'running', 1, '$point')"
    [ "$(check)" = unfinished ]
    jq -e 'all(.then | startswith("nothing") | not)' "$tmp/out"
    echo '{"ok": true, "result": {"checkpoints": []}}' > "$tmp/answer"
    setsid socat "UNIX-LISTEN:$tmp/control.sock,fork" "SYSTEM:head -n 1 > /dev/null; cat $tmp/answer" 3>&- &
    pid=$!
    for _ in {1..500}; do ! grep -q " 00010000 .* $tmp/control.sock\$" /proc/net/unix || break; sleep 0.02; done
    [ "$(check)" = unfinished ]
    jq -e 'any(.then == "nothing: job 1, which runs, is at work on it")' "$tmp/out"
    mkdir "$repo/local/web01/2026-11-24T02-30-00Z.nightly.partial" # of nobody
    [ "$(check | xargs)" = "unfinished unfinished" ]
    jq -e 'map(select(.then | startswith("nothing"))) | length == 1' "$tmp/out"
}

@test "a tree of digests that is damaged" {
    echo "no tree" > "$dir/vda.tree"
    [ "$(check)" = tree ]
    run vmkeep repository check main
    [ "$status" -eq 7 ]
    [[ $output == *"vda.tree"*"the image beside it counts"* ]]
}

@test "a merge that was cut off, and what one has left" {
    id=local/web01/2026-11-22T02-30-00Z.nightly
    printf '{"format": 1, "point": "%s", "into": "%s", "disks": [{"name": "vda"}]}' \
        "$id" "${id/22T/23T}" > "$dir.merging"
    [ "$(check)" = merging ]
    jq -e --arg id "$id" 'any(.about == $id and (.then | test("the next prune finishes it")))' "$tmp/out"
    mv "$dir.merging" "${dir/22T/21T}.merging"
    [ "$(check)" = merging ]
    jq -e 'any(.problem == "a merge that is done has left its journal")' "$tmp/out"
}

@test "a file system that is mounted read-only" {
    mount --bind "$repo" "$repo" || skip "nothing can be mounted here"
    mount -o remount,ro,bind "$repo"
    found=$(check)
    umount "$repo"
    [ "$found" = read-only ]
    [ "$(jq -r '.[] | select(.what == "read-only").then' "$tmp/out")" = "no job writes there until it is mounted read-write" ]
}

@test "checkpoints without their bitmaps, as the daemon says" {
    cat > "$tmp/serve" << 'END'
read -r request
case $request in
*checkpoint-list*local/web01*)
    echo '{"ok": true, "result": {"checkpoints": [{"name": "one", "state": "missing"}, {"name": "two", "state": "consistent"}, {"name": "three", "state": "inconsistent"}, {"name": "his", "state": "foreign"}]}}'
    ;;
*) echo '{"ok": true, "result": {}}' ;;
esac
END
    setsid socat "UNIX-LISTEN:$tmp/control.sock,fork" "EXEC:bash $tmp/serve" 3>&- &
    pid=$!
    for _ in $(seq 100); do
        [ ! -S "$tmp/control.sock" ] || break
        sleep 0.1
    done
    [ "$(check)" = $'checkpoint\ncheckpoint' ]
    [ "$(jq -r '[.[] | select(.what == "checkpoint").about] | join(" ")' "$tmp/out")" = "local/web01: one local/web01: three" ]
    run vmkeep repository check main
    [ "$status" -eq 3 ]
}
