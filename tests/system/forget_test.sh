#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A repository that is lost for ever leaves the catalog, by its name and by its id, with a daemon and without;
# chains begin anew; and when its disk is found again, its points come back. With a real QEMU.
. "$(dirname "$0")/lib.sh"

make_disks vm1 vda
start_vm vm1 vda
write_config "$never"

backup() # LEVEL
{
    write_some vm1 5 vda
    vmkeep run nightly --level "$1" --wait > "$tmp/out" || fail "the backup failed: $(cat "$tmp/out")"
}

bitmaps()
{
    "$WRITER" qmp "$tmp/vm1.test" query-named-block-nodes |
        jq -r '.[] | select(."node-name" == "vda") | ."dirty-bitmaps" // [] | .[].name // empty'
}

# forget STATUS WORDS ARGUMENTS...
forget()
{
    local want=$1 words=$2 status=0
    shift 2
    vmkeep repository forget "$@" > "$tmp/out" 2>&1 || status=$?
    [ "$status" = "$want" ] || fail "forget $*: status $status, not $want: $(cat "$tmp/out")"
    grep -qF -- "$words" "$tmp/out" || fail "forget $* does not say '$words': $(cat "$tmp/out")"
}

count()
{
    points | jq length
}

start_daemon
await_daemon
backup full
backup incremental
points | jq -S 'map(del(.keep))' > "$tmp/before"
id=$(vmkeep repository list --json | jq -r '.[0].id')

echo "- what is there, or not known, is refused"
forget 1 'is there, at' main --yes
forget 4 "no repository of the name or id 'nothing'" nothing --yes

echo "- lost: what follows is said, a dry run changes nothing"
mv "$tmp/repo" "$tmp/lost"
forget 0 'lab/vm1 under policy nightly: 2 points; 0 good ones elsewhere' main --dry-run
grep -q 'the next ones are fulls' "$tmp/out" || fail "the dry run: $(cat "$tmp/out")"
[ "$(count)" = 2 ] || fail "a dry run has forgotten something"
forget 2 'say --yes' main < /dev/null

echo "- by its name, through the daemon: points, checkpoint and id go"
forget 0 'repository main is forgotten: 2 points left the catalog' main --yes
[ "$(count)" = 0 ] || fail "$(count) points are left"
vmkeep repository list --json | jq -e '.[0].id == null' > /dev/null || fail "its id is known still"
vmkeep jobs vm1 --json | jq -e '.[-1] | .kind == "repository-forget" and .outcome == "success"
    and (.reason | test("2 points left the catalog"))' > /dev/null || fail "no row says so: $(vmkeep jobs)"

echo "- the next backup begins a new one in the empty directory, and says why it is a full"
mkdir "$tmp/repo"
backup incremental
[ "$(count)" = 1 ] || fail "$(count) points"
points | jq -e '.[0].kind == "full"' > /dev/null || fail "no full"
vmkeep explain "$(points | jq -r '.[0].id')" | grep -q 'taken out of the catalog on request' ||
    fail "explain: $(vmkeep explain "$(points | jq -r '.[0].id')")"
[ "$(bitmaps | grep -c .)" = 1 ] || fail "bitmaps: $(bitmaps)"
new=$(vmkeep repository list --json | jq -r '.[0].id')
[ "$new" != "$id" ] || fail "the new repository has the id of the lost one"

echo "- its disk is found again, and adopted: its points are back"
stop_daemon
mv "$tmp/repo" "$tmp/second"
mv "$tmp/lost" "$tmp/repo"
vmkeep repository adopt main --yes > "$tmp/out" || fail "$(cat "$tmp/out")"
[ "$(points | jq -r '[.[] | select(.state == "good")] | length')" = 2 ] || fail "points: $(points)"
points | jq -S 'map(select(.state == "good") | del(.keep))' | cmp - "$tmp/before"
[ "$(restored_state "$(points | jq -r '[.[] | select(.state == "good")][-1].id')" vm1 vda)" = 10 ] ||
    fail "it is not what it was"

echo "- by its id, without a daemon: the one whose place another one has taken"
forget 0 "repository $new is forgotten: 1 point left the catalog" "$new" --yes
[ "$(count)" = 2 ] || fail "points: $(points)"
vmkeep repository list --json | jq -e --arg id "$id" '.[0].id == $id' > /dev/null || fail "the wrong one was forgotten"

echo "- forgotten once more, and found by rebuild-catalog"
mv "$tmp/repo" "$tmp/lost"
forget 0 '2 points left the catalog' main --yes
mv "$tmp/lost" "$tmp/repo"
start_daemon
await_daemon
told() { { vmkeep status || true; } | grep -q '2 points are there that the catalog does not know'; }
wait_for 20 "status to tell of them" told
stop_daemon
vmkeep rebuild-catalog > "$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
[ "$(count)" = 2 ] || fail "rebuild-catalog: $(cat "$tmp/out")"
start_daemon
await_daemon
backup incremental
[ "$(count)" = 3 ] || fail "no backup after all that"

echo "- a job that works there is in the way"
sed -i "s/    rpo: 1h/    rpo: 1h\n    bandwidth: 100KiB\/s/" "$tmp/config"
kill -HUP "${pids[daemon]}"
vmkeep run nightly --level full > /dev/null
copies() { vmkeep jobs --active --json | jq -e '.[0].step == "copying"'; }
wait_for 20 "the copy" copies
forget 5 'works there' main --force --yes
vmkeep cancel "$(vmkeep jobs --active --json | jq -r '.[0].id')" > /dev/null
stop_daemon
