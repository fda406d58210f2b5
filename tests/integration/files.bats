#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# `vmkeep files` and `vmkeep mount` on points made by hand, with real file systems (root, for FUSE).
# VMKEEP names the program.

setup() {
    export TZ=UTC COLUMNS=1000
    tmp=$(mktemp -d)
    export TMPDIR=$tmp/private
    unset XDG_RUNTIME_DIR
    repo=$tmp/repository
    dir=$repo/local/web01/2026-11-22T02-30-00Z.nightly
    mkdir -p "$TMPDIR" "$dir" "$tmp/guest/etc/deep"
    echo '{"format": 1, "id": "0123456789abcdef"}' > "$repo/repository.json"
    (
        cd "$tmp/guest" || exit
        echo "hello" > "etc/a file"
        echo "odd" > $'etc/new\nline "quoted" \\ <12>'
        head -c 300000 /dev/zero > etc/deep/zeroes
        echo end >> etc/deep/zeroes
        chmod 4750 etc/deep/zeroes
        ln -s /etc/deep link
        ln -s ../../../../outside etc/escape
        mkfifo etc/fifo
        touch -d '2020-02-02 02:02:02' "etc/a file" etc/deep/zeroes
        touch -d '2021-01-01 00:00:00' etc/deep
    )
    pid=
}

teardown() {
    [ -z "$pid" ] || kill -9 "$pid" 2> /dev/null || true
    for _ in $(seq 100); do
        grep -q "$tmp" /proc/mounts || break
        sleep 0.1
    done
    rm -rf "$tmp"
}

# publish DISK=RAW...: the point has these disks.
publish() {
    local disks="" disk
    for disk; do
        qemu-img convert -O qcow2 "${disk#*=}" "$dir/${disk%%=*}.qcow2"
        disks="$disks${disks:+,}{\"name\": \"${disk%%=*}\", \"path\": \"${disk%%=*}.qcow2\",
            \"format\": \"qcow2\", \"capacity\": $(stat -c %s "${disk#*=}"), \"bytes\": 65536,
            \"digest\": null, \"backing\": null}"
    done
    cat > "$dir/point.json" << END
{"format": 1, "id": "local/web01/2026-11-22T02-30-00Z.nightly", "host": "local", "domain": "web01",
 "policy": "nightly", "kind": "full", "parent": null, "created": "2026-11-22T02:30:00Z",
 "checkpoint": null, "mode": "push", "quiesced": false, "why": "by hand", "disks": [$disks]}
END
    before=$(sha256sum "$dir"/*)
}

# whole TYPE: a disk with a file system on all of it.
whole() {
    truncate -s 16M "$tmp/disk.raw"
    mke2fs -q -t "$1" -L root -d "$tmp/guest" "$tmp/disk.raw"
    publish "vda=$tmp/disk.raw"
}

# entry NUMBER TYPE START SECTORS: in the MBR.
entry() {
    printf '%b' "$(printf '\\x00\\x00\\x00\\x00\\x%02x\\x00\\x00\\x00' "$2")" \
        "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($3 & 255)) $(($3 >> 8 & 255)) $(($3 >> 16 & 255)) 0)" \
        "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($4 & 255)) $(($4 >> 8 & 255)) $(($4 >> 16 & 255)) 0)" |
        dd of="$tmp/disk.raw" bs=1 seek=$((446 + 16 * ($1 - 1))) conv=notrunc status=none
}

# A disk with three partitions: ext4, swap, and one that is empty.
partitioned() {
    truncate -s 32M "$tmp/disk.raw"
    entry 1 131 2048 20480
    entry 2 130 24576 4096
    entry 3 131 32768 4096
    printf '\x55\xaa' | dd of="$tmp/disk.raw" bs=1 seek=510 conv=notrunc status=none
    mke2fs -q -t ext4 -L root -d "$tmp/guest" -E offset=1048576 "$tmp/disk.raw" 10240k 2> /dev/null
    truncate -s 2M "$tmp/swap"
    mkswap "$tmp/swap" > /dev/null 2>&1
    dd if="$tmp/swap" of="$tmp/disk.raw" bs=512 seek=24576 conv=notrunc status=none
    publish "vda=$tmp/disk.raw"
}

files() {
    "$VMKEEP" files --repository "$repo" web01 "$@"
}

# Nothing is mounted any more, nothing is left, the point is as it was.
untouched() {
    ! grep "$tmp" /proc/mounts
    [ -z "$(ls -A "$TMPDIR")" ]
    [ "$(sha256sum "$dir"/*)" = "$before" ]
}

@test "ls" {
    whole ext4
    run files ls
    [ "$status" -eq 0 ]
    [[ $output == *"drwxr-xr-x "*" etc"* ]]
    [[ $output == *" link -> /etc/deep"* ]]
    run files ls /etc
    [[ $output == *"-rw-r--r--     0     0            6 2020-02-02 02:02:02 a file"* ]]
    [[ $output == *' new\012line "quoted" \134 <12>'* ]]
    [[ $output == *" escape -> ../../../../outside"* ]]
    run files ls link
    [[ $output == "-rwsr-x---     0     0       300004 2020-02-02 02:02:02 zeroes" ]]
    run files ls "/etc/a file"
    [ "${#lines[@]}" = 1 ]
    files ls /etc --json > "$tmp/out"
    [ "$(jq -c '.[] | select(.name == "a file") | [.type, .mode, .uid, .size, .modified, .target]' "$tmp/out")" = '["file","0644",0,6,"2020-02-02T02:02:02Z",null]' ]
    [ "$(jq -r '.[] | select(.type == "link").target' "$tmp/out")" = ../../../../outside ]
    untouched
}

@test "cat" {
    whole ext3
    [ "$(files cat "etc/a file")" = hello ]
    [ "$(files cat $'/etc/new\nline "quoted" \\ <12>')" = odd ]
    files cat /link/zeroes | cmp - "$tmp/guest/etc/deep/zeroes"
    echo before > "$tmp/out"
    files cat "/etc/a file" >> "$tmp/out"
    [ "$(cat "$tmp/out")" = $'before\nhello' ]
    echo secret > "$tmp/outside"
    run files cat /etc/escape
    [ "$status" -eq 4 ]
    [ "$output" = "vmkeep: files: /etc/escape: No such file or directory" ]
    run files cat /etc
    [ "$status" -eq 2 ]
    [ "$output" = "vmkeep: files: /etc: is a directory, not a file" ]
    run files cat /etc/fifo
    [ "$output" = "vmkeep: files: /etc/fifo: is a fifo, not a file" ]
    run files cat /none
    [ "$status" -eq 4 ]
    untouched
}

@test "get" {
    whole ext2
    run files get "/etc/a file" --to "$tmp/to"
    [ "$status" -eq 0 ]
    [ "$output" = "$tmp/to/a file: 1 file, 6 B" ]
    [ "$(stat -c '%y %a' "$tmp/to/a file" | cut -c1-19,36-)" = "2020-02-02 02:02:02 644" ]
    echo mine > "$tmp/to/a file"
    run files get "/etc/a file" --to "$tmp/to"
    [ "$status" -eq 1 ]
    [ "$output" = "vmkeep: files: $tmp/to/a file: is there already; --force replaces it" ]
    [ "$(cat "$tmp/to/a file")" = mine ]
    files get "/etc/a file" --to "$tmp/to" --force
    [ "$(cat "$tmp/to/a file")" = hello ]

    run files get etc/ --to "$tmp/to" # with what cannot be copied
    [ "$status" -eq 0 ]
    [[ $output == *"vmkeep: files: 1 socket, device or the like left out"* ]]
    rm "$tmp/guest/etc/fifo"
    diff -r --no-dereference "$tmp/guest/etc" "$tmp/to/etc"
    [ "$(stat -c %Y "$tmp/to/etc/deep")" = "$(date -d '2021-01-01' +%s)" ]
    [ "$(stat -c %a "$tmp/to/etc/deep/zeroes")" = 750 ]
    [ "$(stat -c %b "$tmp/to/etc/deep/zeroes")" -lt 100 ] # sparse
    touch "$tmp/to/etc/mine"
    rm -r "$tmp/to/etc/deep"
    files get /etc --to "$tmp/to" --force --json > "$tmp/out"
    [ "$(jq -c '[.files, .directories, .links, .skipped]' "$tmp/out")" = "[3,2,1,1]" ]
    [ -e "$tmp/to/etc/mine" ]
    [ -e "$tmp/to/etc/deep/zeroes" ]
    run files get /etc --to "$dir"
    [ "$status" -eq 2 ]
    [[ $output == *"lies in a repository"* ]]
    untouched
}

@test "one that fails leaves nothing" {
    whole ext4
    mkdir "$tmp/small"
    mount -t tmpfs -o size=128k none "$tmp/small"
    head -c 300000 /dev/urandom > "$tmp/guest/etc/deep/zeroes"
    whole ext4
    run files get /etc --to "$tmp/small"
    left=$(ls -A "$tmp/small")
    umount "$tmp/small"
    [ "$status" -eq 1 ]
    [[ $output == *"No space left on device" ]]
    [ -z "$left" ]
    untouched
}

@test "partitions and disks are to be chosen where there are several" {
    partitioned
    [ "$(files cat "/etc/a file")" = hello ] # the only one with files
    [ "$(files cat "/etc/a file" --partition 1 --disk vda)" = hello ]
    run files ls --partition 2
    [ "$status" -ne 0 ]
    run files ls --partition 4
    [ "$status" -eq 4 ]
    [ "$output" = "vmkeep: files: disk vda: has no partition 4; there are 1 (ext4 'root', 10.0 MiB), 2 (swap, 2.00 MiB), 3 (nothing known, 2.00 MiB)" ]
    untouched
    truncate -s 2M "$tmp/part"
    mke2fs -q -t ext4 "$tmp/part"
    dd if="$tmp/part" of="$tmp/disk.raw" bs=512 seek=32768 conv=notrunc status=none

    publish "vda=$tmp/disk.raw" "vdb=$tmp/part"
    run files ls
    [ "$status" -eq 2 ]
    [ "$output" = "vmkeep: files: local/web01/2026-11-22T02-30-00Z.nightly: has several disks: choose with --disk of vda, vdb" ]
    run files ls --disk vda
    [ "$status" -eq 2 ]
    [[ $output == *"disk vda: has several partitions: choose with --partition of 1 (ext4"* ]]
    run files ls --disk vdb --partition 1
    [ "$status" -eq 4 ]
    [[ $output == *"disk vdb: has no partitions, but ext4 on all of it" ]]
    run files ls --disk vdb
    [ "$status" -eq 0 ]
    run files ls --disk vdz
    [ "$status" -eq 4 ]
    untouched
}

@test "a file system in use: what only its journal has is there" {
    whole ext4
    # Written to the journal, and nowhere else.
    # A block of the root directory's, with another name in it.
    block=$(debugfs -R 'blocks /etc' "$tmp/disk.raw" 2> /dev/null | awk '{print $1}')
    size=$(debugfs -R 'stats -h' "$tmp/disk.raw" 2> /dev/null | awk '/^Block size/ {print $3}')
    dd if="$tmp/disk.raw" of="$tmp/block" bs="$size" skip="$block" count=1 status=none
    sed -i 's/a file/b file/' "$tmp/block"
    # Checksums are of what was.
    tune2fs -O ^metadata_csum "$tmp/disk.raw" > /dev/null 2>&1
    printf 'jo\njw -b %s %s\njc\n' "$block" "$tmp/block" | debugfs -w -f - "$tmp/disk.raw" > /dev/null 2>&1
    debugfs -R features "$tmp/disk.raw" 2> /dev/null | grep -q needs_recovery
    publish "vda=$tmp/disk.raw"
    [ "$(files cat "/etc/b file")" = hello ]
    untouched
}

@test "what cannot be read is said" {
    truncate -s 4M "$tmp/disk.raw"
    publish "vda=$tmp/disk.raw"
    run files ls
    [ "$status" -eq 4 ]
    [ "$output" = "vmkeep: files: disk vda: has neither partitions nor a file system that blkid knows" ]
    printf 'XFSB' > "$tmp/disk.raw" # no more than its first word
    truncate -s 32M "$tmp/disk.raw"
    mkswap "$tmp/disk.raw" > /dev/null 2>&1
    publish "vda=$tmp/disk.raw"
    run files ls
    [ "$status" -eq 4 ]
    [[ $output == *"has no partition with files; there are 0 (swap"* ]]
    whole ext4
    mkdir "$tmp/bin"
    for tool in sh qemu-storage-daemon qemu-img partx blkid e2fsck debugfs; do
        ln -s "$(command -v $tool)" "$tmp/bin/$tool"
    done
    PATH=$tmp/bin run files ls
    [ "$status" -ne 0 ]
    [[ $output == *"disk vda: fuse2fs is not installed: apt install fuse2fs; or read the disk over \`vmkeep export\`" ]]
    # A superblock, and nothing else.
    dd if="$tmp/disk.raw" of="$tmp/broken.raw" bs=1024 count=2 status=none
    truncate -s 16M "$tmp/broken.raw"
    publish "vda=$tmp/broken.raw"
    run files ls
    [ "$status" -eq 7 ]
    [ "$output" = "vmkeep: files: disk vda: the file system cannot be mounted: its root directory cannot be read" ]
    untouched
}

# A stand-in for guestmount, which mounts an ext4 whatever it is given, and says what that was.
@test "others are given to guestmount" {
    whole ext4
    mv "$tmp/disk.raw" "$tmp/ext4.raw"
    truncate -s 16M "$tmp/disk.raw"
    mkfs.minix "$tmp/disk.raw" > /dev/null
    publish "vda=$tmp/disk.raw"
    if ! command -v guestmount > /dev/null; then
        run files ls
        [ "$status" -ne 0 ]
        [[ $output == *"disk vda: minix is read through libguestfs, which is not installed: apt install libguestfs-tools"* ]]
    fi
    mkdir "$tmp/bin"
    cat > "$tmp/bin/guestmount" << END
#!/bin/bash
echo "\$*" > "$tmp/arguments"
exec fuse2fs -f -o ro "$tmp/ext4.raw" "\${@: -1}"
END
    chmod +x "$tmp/bin/guestmount"
    PATH=$tmp/bin:$PATH run files cat "/etc/a file" --volume vg/root
    [ "$status" -eq 0 ]
    [ "$output" = hello ]
    [[ $(cat "$tmp/arguments") == "--ro --format=raw --no-fork -a "*"/disk -m /dev/vg/root "*"/tree" ]]
    printf '#!/bin/sh\necho "guestmount: no such thing" >&2; exit 1\n' > "$tmp/bin/guestmount"
    PATH=$tmp/bin:$PATH run files ls
    [ "$status" -eq 1 ]
    [ "$output" = "vmkeep: files: disk vda: the file system cannot be mounted: guestmount: no such thing" ]
    untouched
}

@test "mount, until interrupted" {
    partitioned
    mkdir "$tmp/mnt"
    "$VMKEEP" mount --repository "$repo" web01 "$tmp/mnt" > "$tmp/out" 2> "$tmp/err" 3>&- &
    pid=$!
    for _ in $(seq 300); do
        ! grep -q Until "$tmp/out" || break
        sleep 0.1
    done
    grep -q "^Mounted vda of local/web01 as it was at 2026-11-22 02:30:00 .* on $tmp/mnt, read-only.$" "$tmp/out"
    [ "$(cat "$tmp/mnt/etc/a file")" = hello ]
    run touch "$tmp/mnt/new"
    [ "$status" -ne 0 ]
    grep "$tmp/mnt" /proc/mounts | grep -q nosuid,nodev
    run flock -n -x "$dir" true
    [ "$status" -eq 1 ]
    kill -INT "$pid"
    wait "$pid"
    pid=
    [ -z "$(ls "$tmp/mnt")" ]
    untouched
    touch "$tmp/mnt/x"
    run "$VMKEEP" mount --repository "$repo" web01 "$tmp/mnt"
    [ "$status" -eq 1 ]
    [[ $output == *"$tmp/mnt: is not empty" ]]
}

@test "mount ends with the command, and by umount" {
    whole ext4
    mkdir "$tmp/mnt"
    for how in kill umount; do
        "$VMKEEP" mount --repository "$repo" web01 "$tmp/mnt" --json > "$tmp/out" 2> "$tmp/err" 3>&- &
        pid=$!
        for _ in $(seq 300); do
            ! grep -q '^}' "$tmp/out" || break
            sleep 0.1
        done
        [ "$(jq -r .directory "$tmp/out")" = "$tmp/mnt" ]
        if [ $how = umount ]; then
            umount "$tmp/mnt"
            wait "$pid"
        else
            kill -9 "$pid"
            wait "$pid" || true
        fi
        pid=
        for _ in $(seq 100); do
            grep -q "$tmp" /proc/mounts || break
            sleep 0.1
        done
        [ "$(grep -c "$tmp" /proc/mounts)" = 0 ]
        rm -f "$tmp/out"
    done
    untouched
}

@test "wrong usage" {
    whole ext4
    for args in "" "rm /etc" "cat" "get" "ls / --force" "cat /x --to y" "ls / --partition 0" "ls a b"; do
        # shellcheck disable=SC2086 # words are wanted
        run files $args
        [ "$status" -eq 2 ]
    done
    untouched
}

# encrypt: the point's disk becomes one in LUKS, over a backing file, a point of its own, in LUKS, too.
encrypt() {
    local below=$repo/local/web01/2026-11-21T02-30-00Z.nightly lower=../2026-11-21T02-30-00Z.nightly/vda.qcow2
    local how=encrypt.format=luks,encrypt.key-secret=k,encrypt.iter-time=10 secret="secret,id=k,file=$1"
    openssl rand -hex 32 > "$1"
    chmod 600 "$1"
    mkdir "$below"
    sed 's/2026-11-22T02/2026-11-21T02/g' "$dir/point.json" > "$below/point.json"
    qemu-img create -q --object "$secret" -f qcow2 -o "$how" "$below/vda.qcow2" 16M
    qemu-img convert --object "$secret" -n -f qcow2 --target-image-opts "$dir/vda.qcow2" \
        "driver=qcow2,file.filename=$below/vda.qcow2,encrypt.key-secret=k"
    qemu-img create -q --object "$secret" -f qcow2 -o "$how" -u -F qcow2 -b "$lower" "$dir/vda.qcow2" 16M
    sed -i 's/"kind": "full", "parent": null/"kind": "incremental", "parent": "local\/web01\/2026-11-21T02-30-00Z.nightly"/;
        s/"backing": null/"backing": "local\/web01\/2026-11-21T02-30-00Z.nightly"/' "$dir/point.json"
    before=$(sha256sum "$dir"/*)
}

@test "an encrypted point: files, mount and a rebuilt catalog, with its key and without" {
    whole ext4
    encrypt "$tmp/key"
    run files cat "etc/a file"
    [ "$status" -ne 0 ]
    [[ $output == *"is encrypted, and there is no key for it"* ]]
    openssl rand -hex 32 > "$tmp/wrong"
    chmod 600 "$tmp/wrong"
    run files cat "etc/a file" --key "$tmp/wrong"
    [ "$status" -ne 0 ]
    [[ $output == *"the key in $tmp/wrong does not open it"* ]]
    [ "$(files cat "etc/a file" --key "$tmp/key")" = hello ]
    files get /etc/deep --to "$tmp/got" --key "$tmp/key"
    cmp "$tmp/got/deep/zeroes" "$tmp/guest/etc/deep/zeroes"
    mkdir "$tmp/mnt"
    run "$VMKEEP" mount --repository "$repo" web01 "$tmp/mnt"
    [ "$status" -ne 0 ]
    [[ $output == *"is encrypted, and there is no key for it"* ]]
    "$VMKEEP" mount --repository "$repo" web01 "$tmp/mnt" --key "$tmp/key" > "$tmp/out" 2> "$tmp/err" 3>&- &
    pid=$!
    for _ in $(seq 300); do
        ! grep -q Until "$tmp/out" || break
        sleep 0.1
    done
    [ "$(cat "$tmp/mnt/etc/a file")" = hello ]
    kill -INT "$pid"
    wait "$pid"
    pid=
    untouched
    # Manifests are in clear text: no key is needed to know what there is.
    cat > "$tmp/config" << END
catalog: $tmp/catalog.db
control: $tmp/control.sock
hosts: [{ name: local, driver: qemu, domains: [{ name: web01, qmp: $tmp/none }] }]
repositories: [{ name: main, path: $repo, encrypt: { secret: main-key } }]
secrets: [{ name: main-key, file: $tmp/key }]
policies: []
END
    mv "$tmp/key" "$tmp/kept"
    "$VMKEEP" --config "$tmp/config" rebuild-catalog
    [ "$("$VMKEEP" --config "$tmp/config" points --json | jq -r 'map(.state) | join(" ")')" = "good good" ]
    mv "$tmp/kept" "$tmp/key"
    [ "$("$VMKEEP" --config "$tmp/config" files web01 cat "etc/a file")" = hello ]
}
