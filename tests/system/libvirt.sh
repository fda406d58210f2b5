# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # tmp and pids are lib.sh's
#
# A libvirtd of the test's own: in a mount namespace in which its state, run and log folders are the
# test's.  Source it after lib.sh.  Its guests' QEMUs run as the packages' user, libvirt-qemu.
#
#   libvirt_start [LINE...]    sets LIBVIRT_URI; lines of libvirtd.conf (qemu.conf: libvirt_qemu_conf)
#   libvirt_stop, libvirt_kill, libvirt_daemon     ends it; starts it again on the same state
#   libvirt_domain NAME DISK...     defines a domain without a guest on $tmp/images/NAME-DISK.qcow2
#   libvirt_guest NAME FOLDER       the real guest (../support/guest.sh), on the disks there
#   libvirt_virsh ARGUMENT...

export LIBVIRT_URI=
libvirt_cache=$BUILD/tests/system/libvirt-cache

# A test that fails because libvirtd is gone must not look like one whose guest is.
libvirt_tell()
{
    local how=0
    [ -n "${pids[libvirtd]:-}" ] || return 0
    if ! kill -0 "${pids[libvirtd]}" 2>/dev/null; then
        wait "${pids[libvirtd]}" 2>/dev/null || how=$?
        echo "--- libvirtd has ended by itself, with status $how (137: SIGKILL, 139: SIGSEGV, 134: SIGABRT)"
    fi
    echo "--- libvirtd says (its end):"
    tail -n 20 "$tmp/lv/libvirtd.out" || true
}

libvirt_cleanup()
{
    local pid_file
    # shellcheck disable=SC2154 # lib.sh's cleanup has it
    [ "$status" -eq 0 ] || libvirt_tell >&2
    for pid_file in "$tmp"/lv*/run/qemu/*.pid; do
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
    libvirt_inside setpriv --pdeathsig KILL libvirtd --pid-file "$tmp/lv/libvirtd.pid" "${libvirtd_arguments[@]}" > "$tmp/lv/libvirtd.out" 2>&1 &
    pids[libvirtd]=$!
    wait_for 10 "libvirtd" libvirt_virsh version
}

libvirt_qemu_conf=()
libvirt_namespace() # NAME FOLDER [HOSTNAME]
{
    local dir lv=$2
    for dir in run lib/boot lib/images lib/qemu etc storage secrets cache log; do
        mkdir -p "$lv/$dir"
    done
    chown libvirt-qemu:libvirt-qemu "$lv/lib/qemu"
    printf '%s\n' "${libvirt_qemu_conf[@]}" > "$lv/qemu.conf"
    # What libvirtd finds out of QEMU takes it seconds; it knows when that is out of date.
    ! [ -d "$libvirt_cache" ] || cp -a "$libvirt_cache/." "$lv/cache"
    for dir in /run/libvirt /var/lib/libvirt /etc/libvirt/qemu /etc/libvirt/storage /etc/libvirt/secrets /var/cache/libvirt /var/log/libvirt; do
        mkdir -p "$dir"
    done
    # shellcheck disable=SC2016 # for the shell in the namespace
    unshare --mount --uts --propagation private setpriv --pdeathsig KILL bash -c '
        set -e
        [ -z "$2" ] || hostname "$2"
        mount --bind "$1/run" /run/libvirt
        mount --bind "$1/lib" /var/lib/libvirt
        mount --bind "$1/etc" /etc/libvirt/qemu
        mount --bind "$1/storage" /etc/libvirt/storage
        mount --bind "$1/secrets" /etc/libvirt/secrets
        mount --bind "$1/cache" /var/cache/libvirt
        mount --bind "$1/log" /var/log/libvirt
        # No KVM, for anybody: where root may use it and the user of QEMU may not, libvirtd asks QEMU
        # again what it can, at every turn, for seconds.  What is mounted under /dev cannot be moved
        # into a /dev for each guest.
        if [ -e /dev/kvm ]; then
            install -m 000 /dev/null "$1/no-kvm"
            echo "namespaces = []" >> "$1/qemu.conf"
            mount --bind "$1/no-kvm" /dev/kvm
        fi
        mount --bind "$1/qemu.conf" /etc/libvirt/qemu.conf
        touch "$1/mounted"
        exec sleep infinity' bash "$lv" "${3:-}" &
    pids[$1]=$!
    wait_for 10 "libvirt's folders" test -e "$lv/mounted"
}

libvirtd_arguments=()
libvirt_start()
{
    mkdir -p "$tmp/lv"
    if [ $# -gt 0 ]; then
        printf '%s\n' "$@" > "$tmp/lv/libvirtd.conf"
        libvirtd_arguments=(--config "$tmp/lv/libvirtd.conf")
        [[ " $* " != *"listen_"* ]] || libvirtd_arguments+=(--listen)
    fi
    at_end+=(libvirt_cleanup)
    # QEMU's user must get to the test's files.
    chmod 755 "$tmp"
    libvirt_namespace libvirt_namespace "$tmp/lv"
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

# The real guest in that folder, started.
libvirt_guest() # NAME FOLDER
{
    cat > "$tmp/$1.xml" <<EOX
<domain type='qemu'><name>$1</name><memory unit='MiB'>128</memory><vcpu>1</vcpu><features><acpi/></features>
  <os><type arch='x86_64' machine='pc'>hvm</type><kernel>$2/kernel</kernel><initrd>$2/initrd</initrd>
    <cmdline>console=ttyS0 quiet panic=-1 rdinit=/init tsc=reliable no_timer_check mitigations=off random.trust_cpu=on</cmdline></os>
  <devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
$(libvirt_disk "$2/vda.qcow2" qcow2 vda)
$(libvirt_disk "$2/vdb.qcow2" qcow2 vdb)
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <channel type='file'><source path='$2/told'/><target type='virtio' name='told'/></channel>
  </devices></domain>
EOX
    touch "$2/told"
    libvirt_virsh define "$tmp/$1.xml"
    libvirt_virsh start "$1"
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
