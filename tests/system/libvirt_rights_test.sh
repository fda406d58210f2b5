#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The daemon as an unprivileged user in group libvirt: libvirtd lets it in by its socket's group, and
# QEMU runs as a third user; then on a libvirt of its own.  What works does, the points belong to the daemon's user and hold what the disk held; what
# does not is said clearly.
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt.sh
. "$(dirname "$0")/libvirt.sh"
# shellcheck source=libvirt_jobs.sh
. "$(dirname "$0")/libvirt_jobs.sh"

[ "$(id -u)" -eq 0 ] || { echo "needs root: skipped"; exit 0; }
user=$(id -u nobody)
as_user=()
in_groups() # GROUP...
{
    local groups=() name
    for name in "$@"; do
        groups+=("$(getent group "$name" | cut -d: -f3)")
    done
    as_user=(setpriv "--reuid=$user" --regid=nogroup "--groups=$(IFS=,; echo "${groups[*]}")" env "HOME=$tmp/home" "TMPDIR=$tmp/home")
    DAEMON_WRAP=("${as_user[@]}")
}

vmkeep()
{
    "${as_user[@]}" "$VMKEEP" --config "$tmp/config" "$@"
}

virsh_as=(env)
libvirt_virsh()
{
    "${virsh_as[@]}" virsh --quiet --connect "$LIBVIRT_URI" "$@"
}

as_root() # COMMAND...: only root writes where the test does
{
    local saved=("${as_user[@]}")
    as_user=()
    "$@"
    as_user=("${saved[@]}")
}

its_config() # MODE
{
    config "mode: $1"
    sed -i "s#$tmp/catalog.db#$tmp/own/catalog.db#; s#$tmp/control.sock#$tmp/own/control.sock#" "$tmp/config"
    chown -R "$user" "$tmp/repo" "$tmp/scratch" "$tmp/own" "$tmp/home"
}

libvirt_start 'unix_sock_group = "libvirt"' 'unix_sock_rw_perms = "0770"' 'auth_unix_rw = "none"'
vm_make vm1 vda
mkdir "$tmp/home" "$tmp/own"
CONTROL=$tmp/own/control.sock

echo "- in QEMU's group, too: all works"
in_groups libvirt libvirt-qemu
its_config push
daemon_up
vmkeep doctor > "$tmp/out" || fail "$(cat "$tmp/out")"
take full
put vda 7 1M 64k
take incremental
stop_daemon
its_config pull
daemon_up
put vda 8 2M 64k
take incremental
put vda 9 3M 64k
take incremental
[ "$(ours)" -eq 1 ] || fail "checkpoints: $(checkpoints)"
[ -z "$(find "$tmp/repo" ! -uid "$user")" ] || fail "somebody else's: $(find "$tmp/repo" ! -uid "$user")"
[ -z "$(find "$tmp/repo" -type f -perm /077)" ] || fail "others may read: $(find "$tmp/repo" -type f -perm /077)"
as_root compare_points
stop_daemon

echo "- in libvirt's alone: pulls fail, what cannot be held against its chain is copied in full, and why is said"
in_groups libvirt
daemon_up
wait_for 10 "the domain" libvirt_is_connected
status=0
vmkeep doctor > "$tmp/out" || status=$?
[ "$status" -eq 3 ] || fail "doctor, $status: $(cat "$tmp/out")"
grep -q "vmkeepd runs as user $user, who is not in group" "$tmp/out" || fail "doctor: $(cat "$tmp/out")"
put vda 10 4M 64k
fails "put the user of vmkeepd, $user, into QEMU's group, "
[ -z "$(find "$tmp/scratch" -mindepth 1)" ] || fail "scratch: $(find "$tmp/scratch")"
stop_daemon
its_config push
daemon_up
take full
vmkeep explain "$point" > "$tmp/out"
grep -q "put the user of vmkeepd, $user, into QEMU's group, " "$tmp/out" || fail "why a full: $(cat "$tmp/out")"
as_root compare_points
stop_daemon

echo "- not in libvirt's: said at once"
in_groups nogroup
start_daemon
await_daemon
refused()
{
    vmkeep doctor > "$tmp/out" 2>&1 || true
    grep -q "libvirt-sock.*Permission denied" "$tmp/out"
}
wait_for 10 "the refusal to be told: $(cat "$tmp/out")" refused
stop_daemon
libvirt_virsh destroy "$vm"
libvirt_stop

echo "- a libvirt of the user's own: qemu:///session"
LIBVIRT_URI=qemu:///session
in_groups nogroup
as_user+=("XDG_RUNTIME_DIR=$tmp/home/run" "XDG_CONFIG_HOME=$tmp/home/config" "XDG_CACHE_HOME=$tmp/home/cache")
DAEMON_WRAP=("${as_user[@]}")
virsh_as=("${as_user[@]}")
rm -rf "$tmp"/{repo,scratch,own}
mkdir -p "$tmp/own" "$tmp/home/run" "$tmp/home/config/libvirt"
echo 'stdio_handler = "file"' > "$tmp/home/config/libvirt/qemu.conf" # no other daemon is left
its_config push
own_cleanup()
{
    local pid_file
    for pid_file in "$tmp"/home/run/libvirt/qemu/run/*.pid; do
        [ ! -e "$pid_file" ] || kill -KILL "$(cat "$pid_file")" 2> /dev/null || true
    done
}
at_end+=(own_cleanup)
"${as_user[@]}" setpriv --pdeathsig KILL libvirtd > "$tmp/home/libvirtd.out" 2>&1 &
pids[session]=$!
wait_for 10 "the user's libvirtd" libvirt_virsh version
make_disks vm2 vda
chown -R "$user" "$tmp/images"
libvirt_domain vm2 vda
libvirt_virsh start --paused vm2
vm=vm2
daemon_up
take full
put vda 7 1M 64k
take incremental
stop_daemon
its_config pull
daemon_up
put vda 8 2M 64k
take incremental
[ "$(ours)" -eq 1 ] || fail "checkpoints: $(checkpoints)"
as_root compare_points
stop_daemon
libvirt_virsh destroy vm2
