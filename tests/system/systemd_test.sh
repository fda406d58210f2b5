#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The unit file under a real systemd, in namespaces of its own: what the daemon may not do there, it does
# not need.  A QEMU of another user, a block device as a target, a reload, a daemon that is killed.
. "$(dirname "$0")/lib.sh"

UNIT=$BUILD/docs/vmkeepd.service
[ -x /lib/systemd/systemd ] || fail "there is no systemd: apt-get install systemd"
[ -f "$UNIT" ] || fail "$UNIT is not there"

# Nothing of the machine's is written: its /run, /var/lib and /etc are copies or new.
boot()
{
    cat > "$tmp/boot" <<END
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/etc.up /run/etc.work /run/systemd/system/vmkeepd.service.d
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/etc.up,workdir=/run/etc.work /etc
mount -t tmpfs tmpfs /var/lib
mount -t tmpfs tmpfs /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
cp "$UNIT" /run/systemd/system/vmkeepd.service
cat > /run/systemd/system/vmkeepd.service.d/test.conf <<UNIT
[Unit]
DefaultDependencies=no
[Service]
ExecStart=
ExecStart=$VMKEEPD --config /etc/vmkeep/config --verbose
ExecReload=
ExecReload=$VMKEEP reload
Environment=ASAN_OPTIONS=detect_leaks=0
StandardOutput=append:$tmp/log
StandardError=append:$tmp/log
UNIT
cat > /run/systemd/system/idle.target <<UNIT
[Unit]
DefaultDependencies=no
UNIT
exec env -i PATH="$PATH" container=lxc ASAN_OPTIONS=detect_leaks=0 /lib/systemd/systemd --system --unit=idle.target --log-target=null
END
    unshare --mount --pid --cgroup --fork --mount-proc --kill-child bash "$tmp/boot" > "$tmp/boot.out" 2>&1 &
    pids[systemd]=$!
}

inside()
{
    nsenter --target "$(pgrep -P "${pids[systemd]}")" --mount --pid --cgroup "$@"
}

systemd_answers()
{
    inside systemctl list-units --no-pager
}

is_property() # NAME VALUE
{
    [ "$(inside systemctl show vmkeepd --property "$1" --value)" = "$2" ]
}

finish()
{
    [ -z "${loop:-}" ] || losetup --detach "$loop" || true
    cleanup
}
trap finish EXIT

systemd-analyze security --offline=true --threshold=35 --no-pager "$UNIT" > "$tmp/out" || fail "$(tail -n 1 "$tmp/out")"
boot
wait_for 10 "systemd" systemd_answers

make_disks vm1 vda vdb
chmod 711 "$tmp"
chown -R nobody "$tmp/images"
mkdir "$tmp/sockets"
chown nobody "$tmp/sockets"
ln -s sockets/vm1.qmp "$tmp/vm1.qmp"
ln -s sockets/vm1.test "$tmp/vm1.test"
inside setpriv --reuid=nobody --regid=nogroup --clear-groups \
    qemu-system-x86_64 -M q35 -accel tcg -m 64 -S -nodefaults -display none \
    -qmp "unix:$tmp/sockets/vm1.qmp,server=on,wait=off" -qmp "unix:$tmp/sockets/vm1.test,server=on,wait=off" \
    -blockdev "driver=file,filename=$tmp/images/vm1-vda.qcow2,node-name=vda-file" \
    -blockdev driver=qcow2,file=vda-file,node-name=vda -device virtio-blk-pci,drive=vda,id=vda \
    > "$tmp/vm1.out" 2>&1 &
pids[vm1]=$!
wait_for 10 "QEMU vm1" "$WRITER" qmp "$tmp/vm1.test" query-status

export IMAGES=vda
write_config "$never"
sed -i '/^catalog:/d; /^control:/d' "$tmp/config" # the unit makes the directories of the defaults
chmod 711 "$tmp/repo"
inside mkdir -p /etc/vmkeep
inside cp "$tmp/config" /etc/vmkeep/config
vmkeep()
{
    inside "$VMKEEP" "$@"
}

echo "- it starts, and says when it is ready"
inside systemctl start vmkeepd || fail "it does not start: $(inside systemctl status vmkeepd --no-pager)"
is_property ActiveState active || fail "it is not active"
daemon_answers || fail "it is active, and does not answer"

echo "- backups of a QEMU of another user, restored"
for level in full incremental; do
    write_some vm1 20 vda
    vmkeep run vm1 --level "$level" --wait > "$tmp/out" 2>&1 || fail "no $level: $(cat "$tmp/out")"
done
[ "$(points | jq -r '.[-1].kind')" = incremental ] || fail "not an increment: $(points)"
! grep -q "guest-safe copy not possible" "$tmp/log" || fail "its scratch space could not be reached"
restored_state "$(points | jq -r '.[-1].id')" vm1 vda > /dev/null || fail "a wrong increment"
sed -i "s/repository: main/&\n    mode: pull/" "$tmp/config"

echo "- systemctl reload says what is wrong, and waits until the new configuration is in force"
sed "s/repository: main/repository: mian/" "$tmp/config" | inside tee /etc/vmkeep/config > /dev/null
! inside systemctl reload vmkeepd 2> "$tmp/out" || fail "a broken configuration was taken"
grep -qF "no repository is called 'mian'" "$tmp/log" || fail "nothing is said of it"
inside cp "$tmp/config" /etc/vmkeep/config
inside systemctl reload vmkeepd || fail "it cannot be told to read its configuration again"
grep -q "configuration reloaded" "$tmp/log" || fail "it has not read it"
is_property StatusText "Keeps 1 policy for 1 domain" || fail "$(inside systemctl show vmkeepd --property StatusText)"
write_some vm1 20 vda
vmkeep run vm1 --wait > "$tmp/out" 2>&1 || fail "no pull: $(cat "$tmp/out")"
restored_state "$(points | jq -r '.[-1].id')" vm1 vda > /dev/null || fail "a wrong pull"

echo "- a block device as a target, by hand"
truncate -s 64M "$tmp/device"
loop=$(losetup --find --show "$tmp/device")
chown nobody "$loop"
cat > "$tmp/backup.xml" <<END
<domainbackup><disks><disk name='vda' backup='yes' type='block'><driver type='qcow2'/><target dev='$loop'/></disk></disks></domainbackup>
END
vmkeep backup-begin vm1 "$tmp/backup.xml" --wait > "$tmp/out" 2>&1 || fail "no backup to a block device: $(cat "$tmp/out")"
qemu-img compare -q -f qcow2 "$loop" -F qcow2 -U "$tmp/images/vm1-vda.qcow2" || fail "the block device holds other data"

echo "- all else closed, as doctor --unit says"
vmkeep doctor --unit > "$tmp/places.conf" || fail "doctor --unit"
inside cp "$tmp/places.conf" /run/systemd/system/vmkeepd.service.d/places.conf
grep -v '^\[' "$tmp/places.conf" |
    sed -e '/^ProtectSystem=/d' -e '/^\[Service\]/r /dev/stdin' "$UNIT" > "$tmp/vmkeepd.service"
systemd-analyze security --offline=true --threshold=30 --no-pager "$tmp/vmkeepd.service" > "$tmp/out" || fail "$(tail -n 1 "$tmp/out")"
inside systemctl daemon-reload
inside systemctl restart vmkeepd || fail "it does not start with what doctor --unit says"
! inside nsenter --target "$(inside systemctl show vmkeepd --property MainPID --value)" --mount touch /usr/share/vmkeep-was-here \
    2> /dev/null || fail "it may write anywhere"

echo "- shut off"
"$WRITER" qmp "$tmp/vm1.test" quit > /dev/null
wait "${pids[vm1]}" || true
unset "pids[vm1]"
vmkeep run vm1 --level full --wait > "$tmp/out" 2>&1 || fail "no backup of a domain that is shut off: $(cat "$tmp/out")"
restored_state "$(points | jq -r '.[-1].id')" vm1 vda > /dev/null || fail "a wrong backup of a domain that is shut off"

echo "- it is killed, and comes again by itself"
main=$(inside systemctl show vmkeepd --property MainPID --value)
inside kill -KILL "$main"
wait_for 30 "systemd to start it again" daemon_answers
[ "$(inside systemctl show vmkeepd --property MainPID --value)" != "$main" ] || fail "it was not killed"

echo "- its loop stands: the watchdog ends it"
printf '[Service]\nWatchdogSec=5\nRestartSec=1\n' | inside tee /run/systemd/system/vmkeepd.service.d/watchdog.conf > /dev/null
inside systemctl daemon-reload
inside systemctl restart vmkeepd || fail "it does not start with a watchdog"
main=$(inside systemctl show vmkeepd --property MainPID --value)
sleep 6 # more than once it was in time
is_property MainPID "$main" || fail "the watchdog was not told that all is well"
inside kill -STOP "$main"
wait_for 60 "the watchdog" is_property NRestarts 1
wait_for 30 "systemd to start it again" daemon_answers

echo "- what it had no need of, it does not have"
if cmp -s /etc/vmkeep/config "$tmp/config"; then fail "the machine's own /etc was written"; fi
inside systemctl stop vmkeepd || fail "it does not stop"
is_property Result success || fail "it did not end well: $(inside systemctl show vmkeepd --property Result)"
! grep -qi "operation not permitted" "$tmp/log" || fail "$(grep -i "operation not permitted" "$tmp/log")"
echo "all as it should be"
