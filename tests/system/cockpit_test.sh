#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The page in Cockpit: a real cockpit-ws and its bridge, a real Chromium, a real daemon and domain.
. "$(dirname "$0")/lib.sh"

here=$(cd "$(dirname "$0")" && pwd)

is_free()
{
    ! (: < "/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# start_cockpit BRIDGE: for one visitor; it ends when that one leaves.  BRIDGE login: whoever has a password.
start_cockpit()
{
    local ws=(/usr/lib/cockpit/cockpit-ws --address=127.0.0.1)
    port=$((20000 + RANDOM % 10000))
    until is_free "$port"; do port=$((port + 1)); done
    if [ "$1" = login ]; then
        unshare --mount --propagation private "$tmp/with_operator" "${ws[@]}" --port="$port" --no-tls > "$tmp/ws.log" 2>&1 &
    else
        env PATH="$tmp/bin:$PATH" XDG_DATA_DIRS="$tmp/share:/usr/share" HOME="$tmp" XDG_RUNTIME_DIR="$tmp" \
            "${ws[@]}" --port="$port" --local-session="$1" > "$tmp/ws.log" 2>&1 &
    fi
    pids[ws]=$!
    # A connection would be the visitor.
    wait_for 20 "cockpit-ws" sh -c "ss -Hltn 'sport = :$port' | grep -q ."
}

# visit BRIDGE STEP [ARGUMENT]
visit()
{
    local path=cockpit/@localhost/vmkeep/index.html
    start_cockpit "$1"
    shift
    [[ $1 != in_shell && $1 != administrator ]] || path=vmkeep
    /usr/bin/python3 "$here/cockpit_page.py" "http://127.0.0.1:$port/$path" "$@" ||
        fail "$1: $(cat "$tmp/ws.log")"
    kill "${pids[ws]}" 2>/dev/null || true
    wait "${pids[ws]}" 2>/dev/null || true
    unset 'pids[ws]'
}

chmod 711 "$tmp"
mkdir -p "$tmp/share/cockpit" "$tmp/bin"
ln -s "$here/../../packaging/cockpit" "$tmp/share/cockpit/vmkeep"
printf '#!/bin/sh\nexec %q --config %q "$@"\n' "$VMKEEP" "$tmp/config" > "$tmp/bin/vmkeep"
# shellcheck disable=SC2016 # the bridge's own arguments
printf '#!/bin/sh\nexec setpriv --reuid=nobody --regid=nogroup --clear-groups cockpit-bridge "$@"\n' > "$tmp/bin/stranger"
chmod 755 "$tmp/bin/vmkeep" "$tmp/bin/stranger"

# A machine with one more user, who has a password, a home with Cockpit's page in it, and sudo; nobody else sees them.
mkdir -p "$tmp/etc" "$tmp/home/.local/share/cockpit"
cp -r "$here/../../packaging/cockpit" "$tmp/home/.local/share/cockpit/vmkeep"
chown -R 4711:4711 "$tmp/home"
for file in passwd group shadow sudoers; do cp --preserve=all "/etc/$file" "$tmp/etc/$file"; done
chmod u+w "$tmp/etc/sudoers"
echo "operator:x:4711:4711::$tmp/home:/bin/sh" >> "$tmp/etc/passwd"
echo "operator:x:4711:" >> "$tmp/etc/group"
echo "operator:$(openssl passwd -6 'a secret'):19000:0:99999:7:::" >> "$tmp/etc/shadow"
echo "operator ALL=(ALL) ALL" >> "$tmp/etc/sudoers"
cat > "$tmp/with_operator" <<END
#!/bin/sh
set -e
for file in passwd group shadow sudoers; do mount --bind "$tmp/etc/\$file" "/etc/\$file"; done
mount --bind "$tmp/bin" /usr/local/sbin
exec "\$@"
END
chmod 755 "$tmp/with_operator"

make_disks vm1 vda
export VMS="vm1 vm2" IMAGES=vda
write_config '{ incremental: ["02:30"] }'
cp "$tmp/config" "$tmp/config.quick"
echo "    bandwidth: 1MiB/s" >> "$tmp/config"
start_daemon
await_daemon

echo "- what is wrong is seen; a backup is begun, and cancelled"
visit /usr/bin/cockpit-bridge cancel
vmkeep jobs --json | jq -e '.[-1].outcome == "aborted"' > /dev/null || fail "the job: $(vmkeep jobs)"

echo "- a backup is made"
cp "$tmp/config.quick" "$tmp/config"
vmkeep reload > /dev/null
visit /usr/bin/cockpit-bridge back_up

echo "- it is restored, once its plan was seen, and over nothing"
visit /usr/bin/cockpit-bridge restore "$tmp/restored"
qemu-img compare -q -f qcow2 -F raw "$tmp/restored/vda.qcow2" "$tmp/images/vm1-vda.raw" || fail "it is not what the disk held"

echo "- in Cockpit's own page"
visit /usr/bin/cockpit-bridge in_shell

echo "- who may not is told so"
visit "$tmp/bin/stranger" refused

echo "- who logs in, and may not, gains the rights by sudo, and makes a backup"
before=$(vmkeep jobs --json | jq 'map(.id) | max')
visit login administrator
vmkeep jobs --json | jq -e --argjson before "$before" 'any(.[]; .id > $before and .outcome == "success" and .kind == "backup")' \
    > /dev/null || fail "the job: $(vmkeep jobs)"

stop_daemon
echo "all as it should be"
