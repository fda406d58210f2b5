#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The Debian package that scripts/make-package has built: what lintian says of it; then, in a copy of this
# machine's root that is thrown away, it is installed, upgraded and purged as an administrator would, and
# its programs run the demo.  As root.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail()
{
    echo "package: $*" >&2
    exit 1
}

if [ -z "${VMKEEP_PACKAGE_ROOT-}" ]; then
    [ "$EUID" -eq 0 ] || fail "needs root: it installs the package in a root of its own"
    deb=$(ls build/vmkeep_*.deb) || fail "there is none: scripts/make-package builds it"
    lintian --fail-on error,warning --tag-display-limit 0 build/vmkeep*.deb 2>&1 | grep -v 'root privileges' || true
    lintian --fail-on error,warning build/vmkeep*.deb > /dev/null 2>&1 || fail "lintian finds faults"
    tmp=$(mktemp -d "${TMPDIR:-/tmp}/vmkeep-package.XXXXXX")
    trap 'rm -rf "$tmp"' EXIT
    VMKEEP_PACKAGE_ROOT=$tmp unshare --mount --pid --fork --kill-child --mount-proc "$BASH" "$0" "$deb"
    exit
fi

# ---- in namespaces of its own ----

deb=$PWD/$1
tree=$PWD
root=$VMKEEP_PACKAGE_ROOT
mount --make-rprivate /
mount -t tmpfs tmpfs "$root"
mkdir "$root/up" "$root/work" "$root/all"
mount -t overlay overlay -o "lowerdir=/,upperdir=$root/up,workdir=$root/work" "$root/all"
for dir in /dev /proc /sys; do
    mount --rbind "$dir" "$root/all$dir"
done
mount -t tmpfs tmpfs "$root/all/tmp"
mount -t tmpfs tmpfs "$root/all/run"
mkdir -p "$root/all$tree"
mount --bind "$tree" "$root/all$tree"

inside()
{
    chroot "$root/all" env -C "$tree" PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
}

# A link, even one that leads out of the root, is something.
is()
{
    [ -e "$root/all$1" ] || [ -L "$root/all$1" ]
}

is_there()
{
    local path
    for path; do
        is "$path" || fail "$path is not there"
    done
}

is_gone()
{
    local path
    for path; do
        ! is "$path" || fail "$path is there still"
    done
}

echo "- the version before is installed: nothing is configured, nothing runs"
inside dpkg-deb -R "$deb" /tmp/older
inside sed -i 's/^Version: .*/Version: 0.1.0-0/' /tmp/older/DEBIAN/control
inside dpkg-deb --root-owner-group -b /tmp/older /tmp/older.deb > /dev/null
inside dpkg -i /tmp/older.deb > "$root/out" 2>&1 || fail "$(cat "$root/out")"
is_there /lib/systemd/system/vmkeepd.service /usr/share/man/man5/vmkeep-config.5.gz \
    /usr/share/bash-completion/completions/vmkeep /usr/share/zsh/vendor-completions/_vmkeep \
    /usr/share/doc/vmkeep/config.example /usr/share/doc/vmkeep/html/man/vmkeep.1.html /etc/systemd/system/multi-user.target.wants/vmkeepd.service
is_there /etc/vmkeep
is_gone /etc/vmkeep/config /var/lib/vmkeep/catalog.db
[ "$(inside vmkeep --version)" = "$(inside /usr/sbin/vmkeepd --version | sed 's/^vmkeepd/vmkeep/')" ] ||
    fail "vmkeep and vmkeepd are not of one version"
inside systemd-analyze verify /lib/systemd/system/vmkeepd.service > "$root/out" 2>&1 || fail "$(cat "$root/out")"

echo "- used: a configuration, a catalog, a repository with a key"
inside mkdir -p /etc/vmkeep /var/lib/vmkeep /run/vmkeep /srv/backup
inside tee /etc/vmkeep/config > /dev/null << 'CONFIG'
hosts: [ { name: lab, driver: qemu, domains: [ { name: vm1, qmp: /run/vm1.qmp } ] } ]
repositories: [ { name: main, path: /srv/backup } ]
policies: [ { name: nightly, domains: ["*"], repository: main, schedule: { incremental: ["02:30"] }, rpo: 26h } ]
CONFIG
inside tee /etc/vmkeep/main.key <<< secret > /dev/null
inside tee /srv/backup/somebodys <<< data > /dev/null
inside vmkeep check > "$root/out" 2>&1 || fail "$(cat "$root/out")"
inside vmkeepd > "$root/log" 2>&1 &
for _ in $(seq 300); do
    ! inside vmkeep domains > /dev/null 2>&1 || [ ! -e "$root/all/run/vmkeep/control.sock" ] || break
    sleep 0.1
done
kill "$(inside pgrep -x vmkeepd)"
wait || fail "the daemon: $(cat "$root/log")"
is_there /var/lib/vmkeep/catalog.db
id=$(inside sqlite3 /var/lib/vmkeep/catalog.db 'PRAGMA user_version; SELECT count(*) FROM sqlite_master')

echo "- upgraded: the configuration and the catalog are as they were"
before=$(inside sha256sum /etc/vmkeep/config)
inside dpkg -i "$deb" > "$root/out" 2>&1 || fail "$(cat "$root/out")"
[ "$(inside sha256sum /etc/vmkeep/config)" = "$before" ] || fail "the configuration is another one"
[ "$(inside sqlite3 /var/lib/vmkeep/catalog.db 'PRAGMA user_version; SELECT count(*) FROM sqlite_master')" = "$id" ] ||
    fail "the catalog is another one"
inside vmkeep status > "$root/out" 2>&1 || [ $? -eq 3 ] || fail "status: $(cat "$root/out")"

echo "- the page in Cockpit"
inside sh -c 'dpkg -i build/vmkeep-cockpit_*_all.deb' > "$root/out" 2>&1 || fail "$(cat "$root/out")"
inside cockpit-bridge --packages > "$root/out" 2>&1 || fail "$(cat "$root/out")"
grep -q '^vmkeep *VM backups */usr/share/cockpit/vmkeep' "$root/out" || fail "Cockpit does not know it: $(cat "$root/out")"
inside dpkg -P vmkeep-cockpit > "$root/out" 2>&1 || fail "$(cat "$root/out")"
is_gone /usr/share/cockpit/vmkeep

echo "- its demo"
inside ./demo --installed > "$root/out" 2>&1 || fail "$(tail -n 40 "$root/out")"

echo "- removed, then purged: repositories and keys stay"
inside dpkg -r vmkeep > "$root/out" 2>&1 || fail "$(cat "$root/out")"
is_gone /usr/bin/vmkeep /usr/sbin/vmkeepd
is_there /etc/vmkeep/config /var/lib/vmkeep/catalog.db
inside dpkg -P vmkeep > "$root/out" 2>&1 || fail "$(cat "$root/out")"
is_gone /etc/vmkeep/config /var/lib/vmkeep /etc/systemd/system/multi-user.target.wants/vmkeepd.service
is_there /etc/vmkeep/main.key /srv/backup/somebodys
echo "all as it should be"
