#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# `vmkeep init`: a first configuration.  Of a QEMU it looks at the command line alone, so here
# programs that sleep have such ones.  VMKEEP names the program.

bats_require_minimum_version 1.5.0

setup() {
    export COLUMNS=1000
    config="$BATS_TEST_TMPDIR/etc/config"
    place="$BATS_TEST_TMPDIR/backup"
    name="guest-$BASHPID" sockets="/run/vm/$BASHPID"
    started=()
}

teardown() {
    for pid in "${started[@]}"; do
        kill "$pid"
    done
}

# qemu WORD...: runs until the test is over.
qemu() {
    qemu_of "$(id -u)" "$@"
}

# qemu_of UID WORD...: as that user.
qemu_of() {
    local want uid=$1
    shift
    (cd "$BATS_TEST_TMPDIR" && exec -a qemu-system-x86_64 /usr/bin/python3 -c \
        "import os, time; os.getuid() == $uid or (os.setgroups([]), os.setresgid($uid, $uid, $uid), os.setresuid($uid, $uid, $uid)); time.sleep(100)" "$@") 3>&- &
    started+=($!)
    want=$(printf '%s' "${*: -1}")
    for _ in $(seq 100); do
        ! tr '\0' '\n' < "/proc/$!/cmdline" | grep -qxF -- "$want" ||
            [ "$(stat -c %u "/proc/$!")" != "$uid" ] || return 0
        sleep 0.05
    done
    return 1
}

init() {
    "$VMKEEP" --config "$config" init --repository "$place" "$@" < /dev/null
}

# domain NAME: its lines in the output.
domain() {
    grep -A3 -F -- "- name: \"$1\"" <<< "$output"
}

@test "QEMUs with a socket for QMP, and their agents" {
    qemu -name "guest=$name,process=x" -qmp "unix:$sockets.a,server=on,wait=off" \
        -qmp "unix:/run/vm/second.qmp,server=on" -chardev "socket,id=ga,path=/run/vm/a.agent,server=on" \
        -device "virtserialport,chardev=ga,name=org.qemu.guest_agent.0" -m 64
    qemu -name "$name,,x" -chardev "socket,path=b.qmp,id=m,server=on" -mon "chardev=m,mode=control" -device '{"driver": "virtio-blk-pci"}'
    qemu -name "$name-none" -monitor stdio -m 64
    qemu -name "guest=$name-libvirts,debug-threads=on" -chardev "socket,id=charmonitor,fd=29" \
        -mon "chardev=charmonitor,id=monitor,mode=control" -m 64
    run init --dry-run
    [ "$status" -eq 0 ]
    [ "$(domain "$name" | sed -n '2,3s/^ *//p')" = "qmp: \"$sockets.a\"
agent: \"/run/vm/a.agent\"" ]
    [ "$(domain "$name,x" | sed -n '2s/^ *//p')" = "qmp: \"$BATS_TEST_TMPDIR/b.qmp\"" ]
    grep -qF "# The QEMU \"$name-none\" has no QMP socket" <<< "$output"
    ! grep -qF "$name-libvirts" <<< "$output"
    [ ! -e "$config" ]
}

@test "two of one name: each has its own" {
    qemu -name "$name" -qmp "unix:$sockets.a,server=on"
    qemu -name "$name" -qmp "unix:$sockets.b,server=on"
    run init --dry-run
    [ -n "$(domain "$name")" ] && [ -n "$(domain "$name-2")" ]
}

@test "it is written when that is wanted, and is a configuration; never over one that is there" {
    qemu -name "$name" -qmp "unix:$sockets.a,server=on"
    run init
    [ "$status" -eq 2 ] && [[ "$output" == *"nobody can be asked: say --yes"* ]]
    [ ! -e "$config" ] && [ ! -e "$place" ]
    run init --yes
    [ "$status" -eq 0 ] && [[ "$output" == *"$config is written"* ]]
    [ "$(stat -c %a "$place")" = 711 ]
    grep -qE '# [0-9.]+ [KMGT]iB free now' "$config"
    "$VMKEEP" --config "$config" check
    sed 's/^# notify:/notify:/; s/^#   - /  - /' "$config" > "$config.telling"
    [ "$(grep -c '^  - \(mail\|webhook\|healthchecks\):' "$config.telling")" = 3 ]
    "$VMKEEP" --config "$config.telling" check
    before=$(sha256sum "$config")
    run init --yes
    [ "$status" -eq 1 ] && [[ "$output" == *"is there already; --force"* ]]
    [ "$(sha256sum "$config")" = "$before" ]
    run init --yes --force --repository "$place/other"
    [ "$status" -eq 0 ] && grep -qF "path: \"$place/other\"" "$config"
}

@test "what cannot be named stands there as a comment, and stops nothing" {
    qemu -name "guest=$(printf '%0250d' 1)" -qmp "unix:$sockets.a,server=on"
    qemu -name "guest=$name/x" -qmp "unix:$sockets.b,server=on"
    qemu -name "$name"$'\n'"silent" -m 64
    qemu -name "$name-first" -qmp "unix:$sockets.c,server=on"
    qemu -name "$name-second" -qmp "unix:$sockets.c,server=on"
    run init --yes
    [ "$status" -eq 0 ] && "$VMKEEP" --config "$config" check
    grep -F "# A QEMU is left out: " "$config" | grep -qF "is too long: 250 bytes"
    grep -F "# A QEMU is left out: " "$config" | grep -qF "'$name/x' must not contain '/'"
    grep -F "# A QEMU is left out: " "$config" | grep -qF "'$sockets.c' is there twice"
    [ "$(grep -cE "^ +- name: \"$name-(first|second)\"" "$config")" = 1 ]
    grep -qF "# The QEMU \"$name\\nsilent\" has no QMP socket" "$config"
}

# QEMU may be of another user than we: that one must get at the points.
@test "a directory that others may not pass is warned of, with the command that opens it" {
    [ "$(id -u)" -eq 0 ] || skip "only root runs as another user"
    mkdir -m 700 "$BATS_TEST_TMPDIR/closed"
    qemu_of 65534 -name "$name" -qmp "unix:$sockets.a,server=on"
    place="$BATS_TEST_TMPDIR/closed/backup"
    (umask 077 && run init --yes && printf '%s\n' "$output" > "$BATS_TEST_TMPDIR/said")
    grep -qE ": user nobody \(65534\) may not pass through this directory: \`chmod o\+x (.* )?$BATS_TEST_TMPDIR/closed\`" \
        "$BATS_TEST_TMPDIR/said"
    [ "$(stat -c %a "$place")" = 711 ]
}

@test "a place that can be no repository's is refused before anything is written" {
    mkdir "$place" && touch "$place/web01.qcow2"
    run init --yes
    [ "$status" -ne 0 ] && [[ $output == *"$place: holds other files and is no repository; name an empty directory"*"--repository $place/vmkeep"* ]]
    run init --yes --repository "$place/web01.qcow2"
    [ "$status" -ne 0 ] && [[ $output == *"$place/web01.qcow2: is no directory"* ]]
    run init --yes --repository /var/lib/libvirt/images
    [ "$status" -ne 0 ] && [[ $output == *"/var/lib/libvirt/images: "*"name "* ]]
    [ ! -e "$config" ]
    run init --yes --repository "$place/vmkeep"
    [ "$status" -eq 0 ] && [ -d "$place/vmkeep" ]
}

@test "what will be made is said before it is asked about; a dry run's output is a configuration" {
    run -2 --separate-stderr init
    [[ $output == *"The directory $place will be made for it."* ]]
    run --separate-stderr init --dry-run
    [ "$status" -eq 0 ] && [[ $stderr == *"The directory $place will be made for it."* ]]
    printf '%s\n' "$output" > "$BATS_TEST_TMPDIR/planned"
    "$VMKEEP" check "$BATS_TEST_TMPDIR/planned"
}

@test "a libvirt that is installed and does not answer is not said to be missing" {
    [ -x /usr/sbin/libvirtd ] && [ ! -e /run/libvirt/libvirt-sock ] || skip "needs a libvirtd that does not run"
    run init --dry-run
    [[ $output == *"libvirt is installed"*"systemctl start libvirtd"* ]] && [[ $output != *"Neither libvirt"* ]]
}
