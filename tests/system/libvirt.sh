# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # tmp and pids are lib.sh's
#
# A libvirtd of the test's own: in a mount namespace in which its state, run and log folders are the
# test's.  Source it after lib.sh.  Its guests' QEMUs run as the packages' user, libvirt-qemu.
#
#   libvirt_start              sets LIBVIRT_URI
#   libvirt_stop, libvirt_kill, libvirt_daemon     ends it; starts it again on the same state
#   libvirt_domain NAME DISK...     defines a domain without a guest on $tmp/images/NAME-DISK.qcow2
#   libvirt_virsh ARGUMENT...

export LIBVIRT_URI=
libvirt_cache=$BUILD/tests/system/libvirt-cache

libvirt_cleanup()
{
    local pid_file
    for pid_file in "$tmp"/lv/run/qemu/*.pid; do
        [ ! -e "$pid_file" ] || kill -KILL "$(cat "$pid_file")" 2>/dev/null || true
    done
    if [ -d "$tmp/lv/cache/qemu/capabilities" ] && ! [ -d "$libvirt_cache" ] &&
        cp -a "$tmp/lv/cache" "$libvirt_cache.$$"; then
        mv -T "$libvirt_cache.$$" "$libvirt_cache" 2>/dev/null || rm -rf "$libvirt_cache.$$"
    fi
}

libvirt_inside() # COMMAND...: in the namespace, in place of this shell
{
    exec nsenter --mount --target "${pids[libvirt_namespace]}" -- "$@"
}

libvirt_daemon()
{
    libvirt_inside setpriv --pdeathsig KILL libvirtd --pid-file "$tmp/lv/libvirtd.pid" > "$tmp/lv/libvirtd.out" 2>&1 &
    pids[libvirtd]=$!
    wait_for 10 "libvirtd" libvirt_virsh version
}

libvirt_start()
{
    local dir
    at_end+=(libvirt_cleanup)
    # QEMU's user must get to the test's files.
    chmod 755 "$tmp"
    for dir in run lib/boot lib/images lib/qemu etc cache log; do
        mkdir -p "$tmp/lv/$dir"
    done
    chown libvirt-qemu:libvirt-qemu "$tmp/lv/lib/qemu"
    # What libvirtd finds out of QEMU takes it seconds; it knows when that is out of date.
    ! [ -d "$libvirt_cache" ] || cp -a "$libvirt_cache/." "$tmp/lv/cache"
    for dir in /run/libvirt /var/lib/libvirt /etc/libvirt/qemu /var/cache/libvirt /var/log/libvirt; do
        mkdir -p "$dir"
    done
    # shellcheck disable=SC2016 # for the shell in the namespace
    unshare --mount --propagation private setpriv --pdeathsig KILL bash -c '
        set -e
        mount --bind "$1/run" /run/libvirt
        mount --bind "$1/lib" /var/lib/libvirt
        mount --bind "$1/etc" /etc/libvirt/qemu
        mount --bind "$1/cache" /var/cache/libvirt
        mount --bind "$1/log" /var/log/libvirt
        # No KVM, for anybody: where root may use it and the user of QEMU may not, libvirtd asks QEMU
        # again what it can, at every turn, for seconds.  What is mounted under /dev cannot be moved
        # into a /dev for each guest.
        if [ -e /dev/kvm ]; then
            install -m 000 /dev/null "$1/no-kvm"
            echo "namespaces = []" > "$1/qemu.conf"
            mount --bind "$1/no-kvm" /dev/kvm
            mount --bind "$1/qemu.conf" /etc/libvirt/qemu.conf
        fi
        touch "$1/mounted"
        exec sleep infinity' bash "$tmp/lv" &
    pids[libvirt_namespace]=$!
    wait_for 10 "libvirt's folders" test -e "$tmp/lv/mounted"
    libvirt_inside setpriv --pdeathsig KILL virtlogd --pid-file "$tmp/lv/virtlogd.pid" > "$tmp/lv/virtlogd.out" 2>&1 &
    pids[virtlogd]=$!
    wait_for 10 "virtlogd" test -S "$tmp/lv/run/virtlogd-sock"
    LIBVIRT_URI="qemu+unix:///system?socket=$tmp/lv/run/libvirt-sock"
    libvirt_daemon
}

libvirt_stop()
{
    kill -TERM "${pids[libvirtd]}"
    wait "${pids[libvirtd]}" || true
    unset "pids[libvirtd]"
}

libvirt_kill()
{
    kill -KILL "${pids[libvirtd]}"
    wait "${pids[libvirtd]}" 2>/dev/null || true
    unset "pids[libvirtd]"
}

libvirt_virsh()
{
    virsh --quiet --connect "$LIBVIRT_URI" "$@"
}

libvirt_disk() # FILE FORMAT TARGET
{
    cat <<EOX
    <disk type='file' device='disk'>
      <driver name='qemu' type='$2'/><source file='$1'/><target dev='$3' bus='virtio'/>
    </disk>
EOX
}

libvirt_domain()
{
    local vm=$1 disk
    shift
    {
        echo "<domain type='qemu'><name>$vm</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>"
        echo "<os><type arch='x86_64' machine='pc'>hvm</type></os><devices>"
        echo "<emulator>/usr/bin/qemu-system-x86_64</emulator>"
        for disk in "$@"; do
            libvirt_disk "$tmp/images/$vm-$disk.qcow2" qcow2 "$disk"
        done
        echo "</devices></domain>"
    } > "$tmp/$vm.xml"
    libvirt_virsh define "$tmp/$vm.xml"
}
