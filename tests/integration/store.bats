#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# vmkeep-store by hand.  STORE names the program.

bats_require_minimum_version 1.5.0

setup() {
    tmp=$(mktemp -d)
    cd "$tmp"
    mkdir repo
}

teardown() {
    if mountpoint -q "$tmp/full"; then
        umount "$tmp/full"
    fi
    cd /
    rm -rf "$tmp"
}

# ask JQ-FILTER: the request.
ask() {
    jq -nc --arg tmp "$tmp" --argjson self \
        '{"catalog": "a59d85fc", "machine": "m", "machine_id": "1", "catalog_path": "/c.db"}' "$1" | "$STORE"
}

@test "help and version; the manual page has every request" {
    "$STORE" --help > help
    grep -q '^Usage: vmkeep-store < REQUEST' help
    [[ "$("$STORE" --version)" == "vmkeep-store "* ]]
    sed -n '/^What it does:/,/^$/s/^  \([a-z-]*\) .*/\1/p' help > requests
    [ "$(wc -l < requests)" -ge 20 ]
    while read -r request; do
        grep -q "^\.It Cm $request" "$MANUALS/vmkeep-store.1"
    done < requests
}

# refused WHY: what comes on standard input.
refused() {
    run --separate-stderr "$STORE"
    [ "$status" -eq 2 ]
    [ "$output" = "" ]
    [ "$stderr" = "vmkeep-store: $1" ] || { echo "$stderr"; return 1; }
}

@test "what is no request gets one line and status 2" {
    refused 'request: there is none' < /dev/null
    refused 'request: column 5: '"'[' or '{' expected near 'probe'" <<< 'probe'
    refused 'request: does not say what to do ("do": "probe")' <<< '{"repository": "/srv"}'
    refused 'request: does not say what to do ("do": "probe")' <<< '{"do": 1}'
    refused "request: do: 'dance' is not known; see --help" <<< '{"do": "dance"}'
    refused 'request: repository: is missing' <<< '{"do": "probe"}'
    refused 'request: repository: is empty' <<< '{"do": "probe", "repository": ""}'
    refused "request: 'where' is not known" <<< '{"do": "probe", "repository": "/", "where": 1}'
    refused 'request: repository: is not a text' <<< '{"do": "probe", "repository": 5}'
    refused 'request: plan: disks: 0: capacity: is out of range' << 'EOR'
{"do": "discard", "repository": "/", "plan": {"id": "a", "host": "h", "domain": "d", "policy": "p", "disks": [{"name": "a", "path": "b", "capacity": -1}]}}
EOR
    refused 'request: more than one line' <<< '{"do": "probe", "repository": "/"}
{"do": "probe", "repository": "/"}'
    refused 'request: has a NUL byte' < <(printf '{"do": "probe"\0}\n')
    run --separate-stderr "$STORE" --nonsense < /dev/null
    [ "$status" -eq 2 ] && [ "$stderr" = "vmkeep-store: --nonsense: unknown option" ]
    run --separate-stderr "$STORE" probe < /dev/null
    [ "$status" -eq 2 ] && [ "$stderr" = "vmkeep-store: probe: unexpected argument" ]
}

@test "a repository is begun, and told apart" {
    ask '{"do": "probe", "repository": "\($tmp)/repo", "may_begin": true}' > answer
    [ "$(jq -r '.at // empty' answer)" = "$tmp/repo" ]
    id=$(jq -r '.done.id // empty' answer)
    [ "${#id}" -eq 16 ]
    jq -e 'select(.done) | .done.free <= .done.total' answer
    run ask '{"do": "probe", "repository": "\($tmp)/repo", "id": "0011223344556677"}'
    [ "$status" -eq 1 ]
    [ "$(jq -r '.error.code // empty' <<< "$output")" = notfound ]
    run ask '{"do": "probe", "repository": "\($tmp)/nowhere", "may_be_empty": true}'
    [ "$status" -eq 1 ]
    mkdir empty
    ask '{"do": "probe", "repository": "\($tmp)/empty", "may_be_empty": true}' |
        jq -e 'select(.done) | .done.id == null'
}

@test "a point from its plan to its end" {
    plan='{"id": "h/d/2026-11-23T02-30-00Z.n@a59d85fc-12", "host": "h", "domain": "d", "policy": "n",
           "created": 1795401000, "catalog": "a59d85fc", "job": 12, "why": "by hand",
           "disks": [{"name": "vda", "path": "vda.qcow2", "format": "qcow2", "capacity": 1048576}]}'
    request='{"repository": "\($tmp)/repo", "self": $self, "now": 1795401000}'
    ask '{"do": "probe", "repository": "\($tmp)/repo", "may_begin": true}'
    ask "$request + {\"do\": \"prepare\", \"plan\": $plan}"
    qemu-io -f qcow2 -c 'write 0 64k' repo/h/d/*.partial/vda.qcow2
    run ask "$request + {\"do\": \"prepare\", \"plan\": $plan}"
    [ "$status" -eq 1 ] && [ "$(jq -r '.error.code // empty' <<< "$output")" = exists ]
    ask "$request + {\"do\": \"publish\", \"plan\": $plan}" > answer
    jq -e 'select(.done) | .done.disks[0].content | startswith("sha256-tree:")' answer
    id=$(jq -r '.done.id // empty' answer)
    ask "{\"do\": \"check-chain\", \"repository\": \"\(\$tmp)/repo\", \"point\": \"$id\"}"
    ask "{\"do\": \"survey\", \"repository\": \"\(\$tmp)/repo\", \"scope\": {\"known\": []}}" |
        jq -e "select(.done) | .done.unknown == [\"$id\"]"
    run ask "$request + {\"do\": \"merge\", \"point\": \"$id\", \"into\": \"$id\"}"
    [ "$status" -eq 1 ] && [ "$(jq -r '.error.code // empty' <<< "$output")" = invalid ]
    ask "$request + {\"do\": \"remove\", \"point\": \"$id\"}"
    [ -z "$(find repo -name 'vda.qcow2')" ]
}

@test "files, those that a process has open too, by whatever name" {
    echo hello > plain
    exec 7< plain
    odd=$'odd\xff%41'
    : > "$odd"
    ask "{\"do\": \"files-look\", \"pid\": $BASHPID,
          \"names\": [{\"percent\": \"\(\$tmp)/odd%FF%2541\"}, \"\(\$tmp)/none\"],
          \"closely\": [\"\(\$tmp)/plain\"]}" > answer
    exec 7<&-
    jq -e 'select(.done) | .done.files | map(select(.path == "'"$tmp"'/plain"))
           | length == 2 and (map(.is_open) | sort == [null, true]) and .[0].size == 6
             and .[0].identity == .[1].identity and (map(.end) | sort == [null, 6])' answer
    jq -e 'select(.done) | .done.files | map(select(.path.percent?)) | .[0]
           | .path.percent == "'"$tmp"'/odd%FF%2541" and .has_name' answer
    jq -e 'select(.done) | .done.files | map(select(.path == "'"$tmp"'/none")) | .[0]
           | .missing == 2 and .has_name == null' answer
}

@test "a file is written out until nobody has it open" {
    local holder
    truncate -s 3M grows
    tail -f grows > /dev/null 2>&1 3>&- &
    holder=$!
    ask "{\"do\": \"files-write-out\", \"pid\": $holder, \"names\": [\"\(\$tmp)/grows\"]}" > answer &
    head -c 3M /dev/zero > grows
    until grep -q grows answer; do sleep 0.05; done
    [ "$(jq -s 'map(select(.done)) | length' answer)" = 0 ]
    kill "$holder"
    wait $!
    jq -e 'select(.done)' answer
}

@test "a file without a name is held, and goes piece by piece when nobody else has it open" {
    local holder child
    head -c 40M /dev/zero > nameless
    tail -f nameless > /dev/null 2>&1 3>&- &
    holder=$!
    until readlink /proc/"$holder"/fd/* | grep -q nameless; do sleep 0.05; done
    rm nameless
    ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=ftruncate -o calls \
        "$STORE" <<< "{\"do\": \"files-write-out\", \"pid\": $holder, \"names\": [\"$tmp/nameless\"]}" > answer &
    child=$!
    until grep -q nameless answer; do sleep 0.05; done
    kill "$holder"
    wait "$child"
    jq -e 'select(.done)' answer
    [ "$(grep -c 'ftruncate(.*, 25165824) *= 0\|ftruncate(.*, 8388608) *= 0' calls)" = 2 ]
}

@test "a file without a name that somebody else still has open is let go of whole" {
    local holder other child
    head -c 40M /dev/zero > nameless
    tail -f nameless > /dev/null 2>&1 3>&- &
    holder=$!
    sleep 1000 3>&- 4< nameless &
    other=$!
    until readlink /proc/"$holder"/fd/* /proc/"$other"/fd/4 | grep -c nameless | grep -qx 2; do sleep 0.05; done
    rm nameless
    "$STORE" <<< "{\"do\": \"files-write-out\", \"pid\": $holder, \"names\": [\"$tmp/nameless\"]}" > answer &
    child=$!
    until grep -q nameless answer; do sleep 0.05; done
    kill "$holder"
    wait "$child"
    [ "$(stat -Lc %s "/proc/$other/fd/4")" = 41943040 ] || kill "$other"
    kill "$other"
}

@test "a file is written out by its name, and what is none is not waited for" {
    ask '{"do": "files-write-out", "names": ["\($tmp)/none"]}' | jq -e 'select(.done)'
    truncate -s 3M grows
    ask '{"do": "files-write-out", "names": ["\($tmp)/grows", "/dev/null"]}' > answer &
    until grep -q grows answer; do sleep 0.05; done
    sleep 0.5
    [ "$(jq -s 'map(select(.done)) | length' answer)" = 0 ]
    kill "$(pgrep -P $!)"
    wait $! || true
}

@test "files are made once, and removed" {
    ask '{"do": "files-make", "uid": 0, "gid": 0, "names": ["\($tmp)/a", "\($tmp)/no/b"]}' > answer
    [ -e a ]
    jq -e 'select(.done) | .done.files | .[0].error == null and .[1].error.code == "notfound"' answer
    ask '{"do": "files-make", "uid": 0, "gid": 0, "names": ["\($tmp)/a"]}' |
        jq -e 'select(.done) | .done.files[0].error.code == "exists"'
    ask '{"do": "files-remove", "names": ["\($tmp)/a", "\($tmp)/none"]}'
    [ ! -e a ]
}

@test "what hangs is named last" {
    command -v cc > /dev/null || skip "needs a compiler"
    cat > slow.c << 'EOC'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
int stat(const char *path, struct stat *st)
{
    int (*real)(const char *, struct stat *) =
        (int (*)(const char *, struct stat *))dlsym(RTLD_NEXT, "stat");
    while (strstr(path, "/nfs/"))
        pause();
    return real(path, st);
}
EOC
    cc -shared -fPIC -o slow.so slow.c
    request='{"do": "places-check",
              "owned": [{"kind": "tree", "path": "\($tmp)/repo", "whose": "repository a"},
                        {"kind": "tree", "path": "\($tmp)/b", "whose": "repository b"}],
              "wishes": [{"use": "new", "what": "target", "path": "\($tmp)/nfs/b/new"}]}'
    ask "$request" | jq -e 'select(.done)'
    jq -nc --arg tmp "$tmp" "$request" > request
    run env LD_PRELOAD="$tmp/slow.so" ASAN_OPTIONS=verify_asan_link_order=0 \
        timeout 5 "$STORE" < request
    [ "$status" -eq 124 ]
    [ "$(jq -r .at <<< "${lines[-1]}")" = "$tmp/nfs/b/new" ]
}

@test "a full disk is told as one" {
    [ "$(id -u)" -eq 0 ] || skip "needs root"
    mkdir full
    mount -t tmpfs -o size=64k none full || skip "cannot mount"
    head -c 60k /dev/zero > full/filler || true
    ask '{"do": "probe", "repository": "\($tmp)/repo", "may_begin": true}'
    head -c 100k /dev/zero > copy
    echo '{"format": 1, "id": "0011223344556677"}' > full/repository.json
    run ask '{"do": "keep-catalog", "repository": "\($tmp)/full",
              "catalog": {"copy": "\($tmp)/copy", "id": "a59d85fc", "last_job": 3}}'
    [ "$status" -eq 1 ]
    [ "$(jq -r '.error.code // empty' <<< "$output")" = nospace ]
    [ "$(jq -r '.error.errno // empty' <<< "$output")" = 28 ]
}

@test "nobody listens: it ends" {
    run bash -c 'echo "{\"do\": \"probe\", \"repository\": \"/\"}" | "$STORE" >&-'
    [ "$status" -ne 0 ]
}
