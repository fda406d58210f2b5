#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Two daemons look after one libvirt, each with its own catalog, policy and repository: their checkpoints
# lie side by side, one says of the other's backup that it is in the way, and neither touches what is the
# other's.  And an end of which somebody else has read libvirt's figures is found out all the same.
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt.sh
. "$(dirname "$0")/libvirt.sh"
# shellcheck source=libvirt_jobs.sh
. "$(dirname "$0")/libvirt_jobs.sh"

# The other one's copying is held up while there is that file.
hold=$tmp/hold
mkdir -p "$tmp/b/sbin" "$tmp/b/bin"
cp "$VMKEEPD" "$tmp/b/sbin/vmkeepd"
ln -s "$BUILD/helpers" "$BUILD/mover" "$tmp/b/"
cat > "$tmp/b/bin/vmkeep-mover" <<EOS
#!/bin/bash
while [ -e "$hold" ]; do
    sleep 0.1
done
exec "$BUILD/mover/vmkeep-mover" "\$@"
EOS
chmod +x "$tmp/b/bin/vmkeep-mover"

libvirt_start
vm_make vm1 vda

# The first one is the one of libvirt_jobs.sh; the second one's files are in a folder of their own.
config 'mode: push'
mkdir -p "$tmp/other/repo"
chmod 711 "$tmp/other" "$tmp/other/repo"
sed "s|$tmp/|$tmp/other/|; s|path: $tmp/repo|path: $tmp/other/repo|; s|name: nightly|name: theirs|; s|$tmp/other/lv|$tmp/lv|" \
    "$tmp/config" > "$tmp/other/config"
sed -i "s|uri: .*}|uri: \"$LIBVIRT_URI\" }]|; s|}]\]|}]|" "$tmp/other/config"
theirs()
{
    "$VMKEEP" --config "$tmp/other/config" "$@"
}
other_answers()
{
    [ "$(theirs status --json 2> /dev/null | jq -c '.daemon | [.running, .starting]')" = "[true,false]" ]
}
other_knows()
{
    theirs domains --json | jq -e 'any(.[]; .domain == "vm1")'
}
start_other()
{
    "$tmp/b/sbin/vmkeepd" --config "$tmp/other/config" --verbose >> "$tmp/other/log" 2>&1 &
    pids[other]=$!
    wait_for 10 "the other daemon" other_answers
    wait_for 20 "its host's domains" other_knows
}
daemon_up
start_other
changed=0
change()
{
    changed=$((changed + 1))
    put vda $((changed + 20)) $((changed * 64))k "${1:-64k}"
}
their_reference()
{
    cp --sparse=always "$tmp/images/vm1-vda.raw" "$tmp/other/$1.raw"
}
their_kind()
{
    theirs points --json | jq -r '.[-1].kind'
}

# ---- side by side ----

take full
theirs run vm1 --wait > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
[ "$(their_kind)" = full ] || fail "theirs is $(their_kind)"
their_reference 1
[ "$(ours)" -eq 2 ] || fail "checkpoints: $(checkpoints)"
change
take incremental
change
theirs run vm1 --wait > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
[ "$(their_kind)" = incremental ] || fail "theirs is $(their_kind)"
their_reference 2
[ "$(ours)" -eq 2 ] || fail "checkpoints: $(checkpoints)"
catalog=$(theirs points --json | jq -r '.[-1].checkpoint' | cut -d- -f2)
[ "$(checkpoints | grep -c "^vmkeep-$catalog-")" -eq 1 ] || fail "theirs is not there: $(checkpoints)"

# ---- one is in the other's way, and says who ----

# A pull, whose copying takes as long as the test wants.
sed -i 's|^    mode: push|    mode: pull|' "$tmp/other/config"
kill -TERM "${pids[other]}"
wait "${pids[other]}" || fail "the other daemon did not end well"
start_other
change 1M
touch "$hold"
theirs run vm1 > /dev/null
their_copy()
{
    theirs jobs --active --json | jq -e '.[0].state == "running"' &&
        libvirt_virsh backup-dumpxml vm1 | grep -q "$catalog-3/0.qcow2"
}
wait_for 20 "their copy" their_copy
before=$(checkpoints)
held_up "$vm" "job 3 of another vmkeep (catalog $catalog), into $tmp/other/scratch/$catalog-3/0.qcow2, is at work on the domain"
[ "$(checkpoints)" = "$before" ] || fail "checkpoints: before $before, now $(checkpoints)"
their_copy > /dev/null || fail "their copy was ended"
rm "$hold"
they_are_idle()
{
    theirs jobs --active --json | jq -e 'length == 0'
}
wait_for 60 "their end" they_are_idle
theirs jobs --json | jq -e '[.[] | select(.kind == "backup")][-1].outcome == "success"' > /dev/null || fail "$(theirs jobs --json)"
their_reference 3
goes_on
keep_reference "$(newest)"
take incremental
[ "$(ours)" -eq 2 ] || fail "checkpoints: $(checkpoints)"
echo "side by side"

# ---- their points hold what they should, too ----

compare_points
n=0
for id in $(theirs points --json | jq -r '.[].id'); do
    n=$((n + 1))
    theirs restore "$id" --to "$tmp/other/restored-$n" --format raw > /dev/null
    cmp "$tmp/other/$n.raw" "$tmp/other/restored-$n/vda.raw" || fail "$id"
    rm "$tmp/other/restored-$n/vda.raw"
done
[ "$n" -eq 3 ] || fail "$n points of theirs"
kill -TERM "${pids[other]}"
wait "${pids[other]}" || fail "the other daemon did not end well"
unset "pids[other]"

# ---- somebody reads the figures of an end before the daemon can ----

stop_daemon
DAEMON_WRAP=(env "LD_PRELOAD=$BUILD/tests/system/libhang.so" "HANG_BEGIN_WHILE=$tmp/begin"
             ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0)
daemon_up
DAEMON_WRAP=(env)
begin_hangs()
{
    compgen -G "$tmp/begin.*" > /dev/null
}
# A backup whose begin is held up until the daemon hears nothing any more.
begin_deaf()
{
    change
    rm -f "$tmp"/begin.*
    touch "$tmp/begin"
    vmkeep run vm1 > /dev/null
    wait_for 20 "libvirt to be about to begin" begin_hangs
    libvirt_virsh domjobinfo vm1 --completed > /dev/null # those of the job before
    kill -STOP "${pids[daemon]}"
    rm "$tmp/begin"
}
end_it_unseen()
{
    wait_for 60 "the end of the copy" is_completed
    libvirt_virsh domjobinfo vm1 --completed | grep -q None || fail "the figures are still there"
}
is_completed()
{
    libvirt_virsh domjobinfo vm1 --completed > "$tmp/out" && grep -q Completed "$tmp/out"
}
# The daemon hears nothing until that is done; libvirt has told its process beside it, which kept it.
begin_deaf
end_it_unseen
kill -CONT "${pids[daemon]}"
wait_for 60 "the job's end" idle
grep -q '^success' <<< "$(last_reason)" || fail "$(last_reason)"
keep_reference "$(newest)"
compare_points
echo "read while the daemon did not listen: $(last_reason)"

# The daemon is killed: nobody has seen the end, and nothing proves it.  Another is made.
begin_deaf
end_it_unseen
kill -KILL "${pids[daemon]}"
wait "${pids[daemon]}" 2> /dev/null || true
daemon_up
wait_for 60 "the job's end" idle
echo "read while there was no daemon: $(last_reason)"
[ "$(ours)" -eq 2 ] || fail "checkpoints: $(checkpoints)"
reconfigure 'mode: push'
change
take incremental
compare_points
[ "$(ours)" -eq 2 ] || fail "checkpoints: $(checkpoints)"

stop_daemon
libvirt_virsh destroy vm1
libvirt_stop
