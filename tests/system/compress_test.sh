#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A repository that compresses: chains of pushes and pulls, of compressed images and others, are read
# back as what the disks were; an image without room beside it, and a daemon that is killed meanwhile.
. "$(dirname "$0")/lib.sh"

if [ "$(id -u)" != 0 ]; then
    echo "only root can mount the small file system that this needs"
    exit 77
fi

make_disks vm1 vda
start_vm vm1 vda

compress_config() # TYPE [MODE]
{
    write_config "$never"
    sed -i "s|{ name: main, path: \(.*\) }|{ name: main, path: \1, compress: $1 }|" "$tmp/config"
    echo "    mode: ${2:-push}" >> "$tmp/config"
}

reconfigure() # as compress_config
{
    compress_config "$@"
    vmkeep reload > /dev/null
}

backup() # LEVEL
{
    write_some vm1 20 vda
    vmkeep run vm1 --level "$1" --wait > "$tmp/said" 2>&1 || fail "the backup failed: $(cat "$tmp/said")"
}

newest()
{
    points | jq -r 'max_by(.created + .id).id'
}

image()
{
    echo "${REPO:-$tmp/repo}/$1/vda.qcow2"
}

compression() # POINT: as its manifest and its image say
{
    echo "$(jq -r '.disks[0].compress' "${REPO:-$tmp/repo}/$1/point.json")" \
        "$(qemu-img info --output=json "$(image "$1")" | jq -r '."format-specific".data."compression-type"')"
}

reason()
{
    vmkeep jobs --json | jq -r 'max_by(.id).reason'
}

is_state()
{
    restored_state "$1" vm1 vda > "$tmp/state" || fail "$1 is not a state that the disk had"
    [ "$(cut -d' ' -f1 "$tmp/state")" = "$2" ] || fail "$1 holds $(cat "$tmp/state") writes, not $2"
}

start_vmkeep()
{
    start_daemon
    await_daemon
}

echo "- a chain of pushes and pulls, of plain images and both kinds of compressed ones"
writes=0
made=()
compress_config zstd
vmkeep check > /dev/null
start_vmkeep
for step in "zstd push full" "zstd push incremental" "off push incremental" "zlib pull incremental" \
    "zstd pull incremental"; do
    read -r type mode level <<< "$step"
    reconfigure "$type" "$mode"
    backup "$level"
    writes=$((writes + 20))
    point=$(newest)
    made+=("$point $writes")
    kept=zlib # what qcow2 says when nothing was compressed
    [ "$type" = off ] || kept=$type
    [ "$(compression "$point")" = "$type $kept" ] || fail "$step: it is $(compression "$point")"
    [ "$type" != zstd ] || reason | grep -q '(zstd)' || fail "the job does not say so: $(reason)"
    qemu-img check -q "$(image "$point")"
    sleep 1
done
for one in "${made[@]}"; do
    read -r point count <<< "$one"
    is_state "$point" "$count"
done
[ "$(qemu-img info --output=json "$(image "$point")" | jq -r '."full-backing-filename" != null')" = true ] ||
    fail "the last one stands alone"

echo "- the other commands: verify, --onto, export, and a merge in the middle"
vmkeep verify > "$tmp/said" || fail "verify: $(cat "$tmp/said")"
[ "$(grep -c ': whole' "$tmp/said")" = 5 ] || fail "verify: $(cat "$tmp/said")"
rm -rf "$tmp/restored"
vmkeep restore "$point" --to "$tmp/newest" > /dev/null
read -r older _ <<< "${made[0]}"
vmkeep restore "$older" --to "$tmp/oldest" > /dev/null
vmkeep restore "$point" --onto "vda=$tmp/oldest/vda.qcow2" --yes > /dev/null
qemu-img compare -q "$tmp/oldest/vda.qcow2" "$tmp/newest/vda.qcow2" || fail "--onto: another content"
"$VMKEEP" --config "$tmp/config" export "$point" --socket "$tmp/nbd.sock" > "$tmp/export.out" 2>&1 &
pids[export]=$!
wait_for 20 "the export" test -S "$tmp/nbd.sock"
qemu-img compare -q -f raw "nbd+unix:///vda?socket=$tmp/nbd.sock" -F qcow2 "$tmp/newest/vda.qcow2" ||
    fail "the export has another content"
kill "${pids[export]}"
wait "${pids[export]}" || true
unset "pids[export]"
rm -rf "$tmp/newest" "$tmp/oldest"
read -r gone _ <<< "${made[1]}"
vmkeep delete "$gone" --yes --wait > "$tmp/said" 2>&1 || fail "delete: $(cat "$tmp/said")"
unset "made[1]"
for one in "${made[@]}"; do
    read -r point count <<< "$one"
    is_state "$point" "$count"
done
vmkeep verify > "$tmp/said" || fail "verify after the merge: $(cat "$tmp/said")"

echo "- no room for it twice: it is kept as it is, and said"
mkdir "$tmp/small"
mount -t tmpfs -o size=28m tmpfs "$tmp/small"
REPO=$tmp/small compress_config zstd
sed -i 's/: main\b/: small/' "$tmp/config" # another repository
vmkeep reload > /dev/null
backup full
writes=$((writes + 20))
point=$(newest)
reason | grep -q 'not compressed: .* more are needed beside it for a while' ||
    fail "the job does not say that there was no room: $(reason)"
[ "$(REPO=$tmp/small compression "$point")" = "off zlib" ] || fail "a half compressed one"
find "$tmp/small" -name '*.compressing' | grep . && fail "something is left"
is_state "$point" "$writes"

echo "- the daemon is killed while it compresses: the next start goes on with the finished copy"
reconfigure zstd
write_some vm1 20 vda
writes=$((writes + 20))
before=$(points | jq length)
mkdir "$tmp/bin"
cat > "$tmp/bin/nice" << SLOW
#!/bin/sh
"\$0.real" "\$@" || exit
touch "$tmp/compressed"
exec sleep 60
SLOW
ln -s "$(command -v nice)" "$tmp/bin/nice.real"
chmod +x "$tmp/bin/nice"
stop_daemon
PATH=$tmp/bin:$PATH start_vmkeep
vmkeep run vm1 --level incremental > /dev/null
wait_for 60 "the compressed image" test -e "$tmp/compressed"
kill -KILL "${pids[daemon]}"
wait "${pids[daemon]}" 2> /dev/null || true
find "$tmp/repo" -name '*.compressing' | grep -q . || fail "it was not killed while it compressed"
compress_config off
start_vmkeep
one_more()
{
    [ "$(points | jq length)" = $((before + 1)) ]
}
wait_for 60 "the point" one_more
is_state "$(newest)" "$writes"
find "$tmp/repo" -name '*.compressing' -o -name '*.partial' | grep . && fail "something is left"
stop_daemon
