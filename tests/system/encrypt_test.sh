#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A repository that encrypts: pushes, pulls and merges leave nothing of a disk in clear text; points
# are read back in every way with the key, and in none without it.
. "$(dirname "$0")/lib.sh"

marker="what no repository may hold in clear text"
key=$tmp/main.key
openssl rand -hex 32 > "$key"
chmod 600 "$key"

encrypt_config() # [MODE [KEEP]]
{
    write_config "$never" ${2:+"$2"}
    sed -i "s|{ name: main, path: \(.*\) }|{ name: main, path: \1, encrypt: { secret: main-key } }|" \
        "$tmp/config"
    echo "    mode: ${1:-push}" >> "$tmp/config"
    echo "secrets: [ { name: main-key, file: $key } ]" >> "$tmp/config"
}

reconfigure() # as encrypt_config
{
    encrypt_config "$@"
    vmkeep reload > /dev/null
}

backup() # LEVEL
{
    write_some vm1 20 vda
    writes=$((writes + 20))
    vmkeep run vm1 --level "$1" --wait > "$tmp/said" 2>&1 || fail "the backup failed: $(cat "$tmp/said")"
    newest=$(points | jq -r 'max_by(.created + .id).id')
    [ "$(points | jq -r 'max_by(.created + .id).kind')" = "$1" ] || fail "no $1: $(vmkeep explain "$newest")"
    made+=("$newest $writes")
    sleep 1
}

is_state() # POINT WRITES
{
    restored_state "$1" vm1 vda > "$tmp/state" || fail "$1 is not a state that the disk had"
    [ "$(cut -d' ' -f1 "$tmp/state")" = "$2" ] || fail "$1 holds $(cat "$tmp/state") writes, not $2"
}

# The marker was on the disk from the beginning; in increments look for what the writer wrote: a
# sector of one byte over and over.
no_clear_text()
{
    local file
    while read -r file; do
        ! grep -qF "$marker" "$file" || fail "$file: holds the disk in clear text"
        ! LC_ALL=C grep -qaP '([\x01-\xff])\1{200}' "$file" || fail "$file: holds a write in clear text"
        qemu-img info --output=json "$file" | jq -e '."encrypted"' > /dev/null || fail "$file: is not encrypted"
    done < <(find "$1" -name '*.qcow2')
}

refused() # PATTERN COMMAND...
{
    local pattern=$1
    shift
    ! "$@" > "$tmp/said" 2>&1 || fail "not refused: $*"
    grep -qE "$pattern" "$tmp/said" || fail "$*: not $pattern: $(cat "$tmp/said")"
}

make_disks vm1 vda
for at in 0 1000000 3000000; do
    echo "$marker" | dd of="$tmp/images/vm1-vda.raw" bs=1 seek=$at conv=notrunc status=none
done
qemu-img convert -q -f raw -O qcow2 "$tmp/images/vm1-vda.raw" "$tmp/images/vm1-vda.qcow2"
start_vm vm1 vda
writes=0
made=()

echo "- compress and encrypt at once is refused; so is a key that others may read"
encrypt_config
sed -i 's/encrypt:/compress: zstd, encrypt:/' "$tmp/config"
refused "not together with compress: zstd" vmkeep check
encrypt_config
chmod 644 "$key"
vmkeep check > "$tmp/said" 2>&1 || true
grep -q "others may read the key (mode 0644)" "$tmp/said" || fail "check: $(cat "$tmp/said")"
chmod 600 "$key"
vmkeep check > /dev/null

echo "- a chain of pushes and pulls: nothing of it in clear text"
start_daemon
await_daemon
backup full
reconfigure pull
backup incremental
reconfigure
backup incremental
no_clear_text "$tmp/repo"
for one in "${made[@]}"; do
    read -r point count <<< "$one"
    is_state "$point" "$count"
done
grep -rF "$(cat "$key")" "$tmp"/*.out "$tmp/repo" "$tmp/catalog.db"* > /dev/null && fail "the key is in a log"
vmkeep verify > "$tmp/said" || fail "verify: $(cat "$tmp/said")"
[ "$(grep -c ': whole' "$tmp/said")" = 3 ] || fail "verify: $(cat "$tmp/said")"

echo "- export, files of it, onto an image: with the key, and without the configuration by --key"
point=$newest
rm -rf "$tmp/restored"
vmkeep restore "$point" --to "$tmp/plain" > /dev/null
cp "$tmp/plain/vda.qcow2" "$tmp/onto.qcow2"
read -r older _ <<< "${made[0]}"
vmkeep restore "$older" --onto "vda=$tmp/onto.qcow2" --yes > /dev/null
vmkeep restore "$older" --to "$tmp/older" > /dev/null
qemu-img compare -q "$tmp/onto.qcow2" "$tmp/older/vda.qcow2" || fail "--onto: another content"
"$VMKEEP" --config "$tmp/config" export "$point" --socket "$tmp/nbd.sock" --writable > "$tmp/export.out" 2>&1 &
pids[export]=$!
wait_for 20 "the export" test -S "$tmp/nbd.sock"
qemu-img compare -q -f raw "nbd+unix:///vda?socket=$tmp/nbd.sock" -F qcow2 "$tmp/plain/vda.qcow2" ||
    fail "the export has another content"
kill "${pids[export]}"
wait "${pids[export]}" || true
unset "pids[export]"

echo "- another machine, with the repository and the key alone"
elsewhere=("$VMKEEP" --config "$tmp/none")
refused "is encrypted, and there is no key for it: .*--key FILE" \
    "${elsewhere[@]}" restore "$point" --repository "$tmp/repo" --to "$tmp/elsewhere"
openssl rand -hex 32 > "$tmp/other.key"
chmod 600 "$tmp/other.key"
refused "the key in $tmp/other.key does not open it" \
    "${elsewhere[@]}" restore "$point" --repository "$tmp/repo" --to "$tmp/elsewhere" --key "$tmp/other.key"
"${elsewhere[@]}" restore "$point" --repository "$tmp/repo" --to "$tmp/elsewhere" --key "$key" > /dev/null
qemu-img compare -q "$tmp/elsewhere/vda.qcow2" "$tmp/plain/vda.qcow2" || fail "another content"

echo "- a lost key and a wrong one: no backup is made, nothing is called damaged, and it is said"
before=$(points | jq length)
mv "$key" "$tmp/saved.key"
refused "main.key: No such file" vmkeep run vm1 --wait
cp "$tmp/other.key" "$key"
refused "the key in .*main.key \(secret 'main-key'\) is not the key of the repository" vmkeep run vm1 --wait
vmkeep status > "$tmp/said" 2>&1 || true
grep -q "is not the key of" "$tmp/said" || fail "status: $(cat "$tmp/said")"
vmkeep verify "$point" > "$tmp/said" 2>&1 && fail "verified with a wrong key"
grep -q "unread: .*does not open it" "$tmp/said" || fail "verify: $(cat "$tmp/said")"
sed -i 's/, encrypt: { secret: main-key }//' "$tmp/config"
vmkeep reload > /dev/null
refused "holds encrypted points, and no key was given" vmkeep run vm1 --wait
mv "$tmp/saved.key" "$key"
reconfigure
[ "$(points | jq '[.[] | select(.state == "good")] | length')" = "$before" ] || fail "a point more or less"

echo "- copies: into clear text, and into another repository with another key; both go on"
openssl rand -hex 32 > "$tmp/far.key"
chmod 600 "$tmp/far.key"
mkdir "$tmp/clear" "$tmp/far" "$tmp/same"
encrypt_config
sed -i "s|^policies:|  - { name: clear, path: $tmp/clear, compress: zstd }\n  - { name: far, path: $tmp/far, encrypt: { secret: far-key } }\n  - { name: same, path: $tmp/same, encrypt: { secret: main-key } }\n&|
    s|^secrets: \[|    copy_to: [ { repository: clear, keep: { last: 2 } }, { repository: far, keep: { last: 2 } }, { repository: same, keep: { last: 2 } } ]\n& { name: far-key, file: $tmp/far.key },|" "$tmp/config"
vmkeep reload > /dev/null
copies()
{
    [ "$(points | jq "[.[] | select(.copy_of and .state == \"good\")] | length")" = "$1" ] &&
        idle
}
backup incremental
wait_for 120 "the copies" copies 6
[ "$(points | jq '[.[] | select(.copy_of and .kind == "incremental")] | length')" -gt 0 ] || fail "no increment was copied"
no_clear_text "$tmp/far"
no_clear_text "$tmp/same"
for one in "${made[@]: -2}"; do
    read -r point count <<< "$one"
    for where in clear far same; do
        copy=$(points | jq -r --arg of "$point" --arg in "$where" '.[] | select(.copy_of == $of and .repository == $in).id')
        is_state "$copy" "$count"
    done
done
qemu-img info --output=json "$tmp/clear/$(points | jq -r '[.[] | select(.repository == "clear")][0].id')/vda.qcow2" |
    jq -e '.encrypted | not' > /dev/null || fail "clear: encrypted"
encrypt_config
vmkeep reload > /dev/null

echo "- another key: killed again and again meanwhile, every image is opened by one of both"
openssl rand -hex 32 > "$tmp/next.key"
chmod 600 "$tmp/next.key"
opens() # KEY IMAGE
{
    qemu-img map -U --output=json --object "secret,id=k,file=$1" -l 512 \
        "json:{\"driver\": \"qcow2\", \"file.filename\": \"$2\", \"encrypt.key-secret\": \"k\", \"backing\": null}" > /dev/null 2>&1
}
rekey() # what it is told; killed in the middle, twice at most
{
    local image
    for _ in 1 2; do
        ASAN_OPTIONS=detect_leaks=0 timeout -s KILL "$(awk 'BEGIN { srand(); print 0.4 + rand() * 2 }')" \
            "$VMKEEP" --config "$tmp/config" repository rekey main "$@" > "$tmp/said" 2>&1 && break
        while read -r image; do
            opens "$key" "$image" || opens "$tmp/next.key" "$image" || fail "$image: none opens it"
        done < <(find "$tmp/repo" -name '*.qcow2')
    done
    vmkeep repository rekey main "$@" > "$tmp/said" || fail "rekey $*: $(cat "$tmp/said")"
}
refused "no secret is called 'next-key'" vmkeep repository rekey main --to next-key
next_key() # SECRET
{
    sed -i "s|^secrets: \\[|& { name: next-key, file: $tmp/next.key },|; s|secret: main-key|secret: $1|" "$tmp/config"
    vmkeep reload > /dev/null
}
next_key main-key
rekey --to next-key
while read -r image; do
    opens "$key" "$image" || fail "$image: not by the former key"
    opens "$tmp/next.key" "$image" || fail "$image: not by the new one"
done < <(find "$tmp/repo" -name '*.qcow2')
backup incremental # by the former one alone
refused "is what the configuration has" vmkeep repository rekey main --drop main-key
encrypt_config
next_key next-key
rekey --drop main-key
backup incremental
while read -r image; do
    ! opens "$key" "$image" || fail "$image: by the former key still"
    opens "$tmp/next.key" "$image" || fail "$image: not by the new one"
done < <(find "$tmp/repo" -name '*.qcow2')
cp "$tmp/next.key" "$key" # its name in the rest of this test
reconfigure
vmkeep verify --repository main > "$tmp/said" || fail "verify: $(cat "$tmp/said")"

echo "- merges, with the daemon's own retention"
reconfigure push "{ last: 2 }"
backup incremental
two_points()
{
    [ "$(points | jq '[.[] | select(.repository == "main")] | length')" = 2 ] && idle
}
wait_for 60 "the merges" two_points
no_clear_text "$tmp/repo"
is_state "$newest" "$writes"
read -r point count <<< "${made[-2]}"
is_state "$point" "$count"
vmkeep verify --repository main > "$tmp/said" || fail "verify: $(cat "$tmp/said")"
stop_daemon
