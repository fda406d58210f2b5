#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What commands say, beside a daemon, of what has left the configuration or is in it for no backups.  With a real QEMU.
. "$(dirname "$0")/lib.sh"

make_disks web02 vda
make_disks extra vda
start_vm web02 vda
start_vm extra vda

# configure DOMAIN...: web01 is shut off; no policy selects extra.
configure()
{
    VMS="$*" write_config "$never"
    sed -i "s/domains: \['\*'\]/domains: ['web*']/" "$tmp/config"
}

# says STATUS TEXT COMMAND...: its last line.
says()
{
    local want=$1 text=$2 status=0
    shift 2
    vmkeep "$@" > "$tmp/out" 2>&1 || status=$?
    [ "$status" = "$want" ] || fail "$*: status $status, not $want: $(cat "$tmp/out")"
    [ "$(tail -n 1 "$tmp/out")" = "vmkeep: $text" ] || fail "$*: $(cat "$tmp/out")"
}

# finding ABOUT CHECK: of the last doctor.
finding()
{
    jq -c --arg a "$1" --arg c "$2" '.[] | select(.about == $a and .check == $c) | [.fine, .advice != null]' "$tmp/found"
}

configure web01 web02 extra
start_daemon
await_daemon
vmkeep run web02 --wait > /dev/null || fail "no backup"

echo "- doctor: what no policy selects gets no backups"
vmkeep doctor --json > "$tmp/found" || true
[ "$(finding lab/extra policy)" = '[false,true]' ] || fail "extra: $(cat "$tmp/found")"
[ "$(finding lab/web01 reachable)" = '[false,true]' ] || fail "web01: $(cat "$tmp/found")"
[ -z "$(finding lab/web02 policy)" ] || fail "web02: $(cat "$tmp/found")"
says 4 "no policy selects lab/extra; name it in a policy's 'domains', then 'vmkeep reload'" run extra
says 4 "no policy selects lab/extra; name it in a policy's 'domains', then 'vmkeep reload'" prune lab/extra

echo "- a socket that was never there: it may be shut off, or its path is wrong"
nothing="nothing is at $tmp/web01.qmp, where its QMP socket should be (key qmp)"
vmkeep status > "$tmp/out" || true
grep -qF "why: it is not found running ($nothing; its images are not configured (key disks)): no backup" "$tmp/out" ||
    fail "$(cat "$tmp/out")"
grep -q 'do: start it; or, if it runs, correct where its QMP socket is (`qmp` of the domain' "$tmp/out" || fail "$(cat "$tmp/out")"
jq -e --arg n "$nothing" '.[] | select(.about == "lab/web01" and .check == "reachable") |
    (.text | contains($n)) and (.advice | contains("`qmp`"))' "$tmp/found" > /dev/null || fail "doctor: $(cat "$tmp/found")"

echo "- doctor: nothing of what is left out on purpose is a fault"
stop_vm extra
sed -i '1i unprotected: [extra]' "$tmp/config"
vmkeep reload
vmkeep doctor --json > "$tmp/found" || true
[ "$(finding lab/extra policy)" = '[true,false]' ] || fail "extra: $(cat "$tmp/found")"
[ "$(finding lab/extra reachable)" = '[true,false]' ] || fail "extra: $(cat "$tmp/found")"
[ "$(finding lab/web01 reachable)" = '[false,true]' ] || fail "web01: $(cat "$tmp/found")"
vmkeep doctor extra > "$tmp/out" || fail "$(cat "$tmp/out")"

echo "- a domain that has left: nobody means another one of a similar name"
configure web01
vmkeep reload
gone="'web02' is no domain of the configuration any more; 'vmkeep points web02' lists what is kept of it"
says 4 "$gone" run web02
says 4 "$gone" prune web02 --wait
unknown="no host has a domain 'web02' any more; 'vmkeep points web02' lists what is kept of it"
says 4 "$unknown" doctor web02
says 4 "$unknown" checkpoint-list web02
says 4 "$unknown" domjobinfo web02
says 4 "no host has a domain 'web03'; did you mean 'web01'?" doctor web03
says 4 "no policy and no domain that a policy covers is named 'web03'; did you mean 'web01'?" run web03
says 4 "no policy and no domain that a policy covers is named 'lab/web03'; did you mean 'lab/web01'?" run lab/web03
says 4 "no host has a domain 'lab/web03'; did you mean 'lab/web01'?" domjobinfo lab/web03

echo "- a policy that has left"
sed -i 's/name: nightly/name: nightly2/' "$tmp/config"
vmkeep reload
says 4 "policy 'nightly' is not in the configuration any more; its points stay ('vmkeep points')" run nightly
stop_daemon
