#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Libvirt puts nothing between a guest's writes and a push's target.  So to a repository on a network
# file system its domains are pulled, unless the policy gives a mode; check and explain say so.  What
# libvirt can do of none of its jobs is not warned of in each.
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt.sh
. "$(dirname "$0")/libvirt.sh"
# shellcheck source=libvirt_jobs.sh
. "$(dirname "$0")/libvirt_jobs.sh"

remote=(env "LD_PRELOAD=$BUILD/tests/system/libremote_fs.so" "REMOTE_UNDER=$tmp/repo"
        "ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0")

mode_of_newest()
{
    points | jq -r '.[-1].mode'
}

libvirt_start
vm_make vm1 vda
DAEMON_WRAP=("${remote[@]}")
config
daemon_up

echo "- the policy gives no mode"
take full
[ "$(mode_of_newest)" = pull ] || fail "it was no pull, but $(mode_of_newest)"
vmkeep explain "$point" | tr '\n' ' ' | tr -s ' ' | grep -q "pulled, for the repository is on nfs" || fail "$(vmkeep explain "$point")"
"${remote[@]}" "$BUILD/cli/vmkeep" --config "$tmp/config" check > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
tr '\n' ' ' < "$tmp/out" | tr -s ' ' | grep -q "policy 'nightly' gives no mode, and repository 'main' is on nfs" || fail "$(cat "$tmp/out")"
put vda 3 1M 64k
take incremental
compare_points

echo "- it gives one"
DAEMON_WRAP=("${remote[@]}")
reconfigure 'mode: push'
take incremental
[ "$(mode_of_newest)" = push ] || fail "it was no push, but $(mode_of_newest)"

echo "- a local repository"
DAEMON_WRAP=(env)
reconfigure
take incremental
[ "$(mode_of_newest)" = push ] || fail "it was no push, but $(mode_of_newest)"
vmkeep check > "$tmp/out" 2>&1
! grep -q "gives no mode" "$tmp/out" || fail "$(cat "$tmp/out")"
grep -q "guest-safe copy not possible" <<< "$(last_reason)" || fail "the job does not say what it could do to the guest: $(last_reason)"
! grep "warning:.*guest-safe" "$tmp/log" || fail "each job warns of what is always so"
stop_daemon
libvirt_virsh destroy "$vm"
libvirt_stop
echo "all as it should be"
