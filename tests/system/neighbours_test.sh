#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Two daemons on one repository: with the same names of host and domain the second is refused and nothing is lost,
# with other names both work side by side.  A job whose name is taken gives way.  Another disk under the
# repository's path is refused by name.
. "$(dirname "$0")/lib.sh"

for vm in vm1 vm2; do
    make_disks "$vm" vda
    start_vm "$vm" vda
done
write_config "$never"
start_daemon
await_daemon
vmkeep run vm1 --wait > /dev/null

# second_config DOMAIN: another daemon's, with the second QEMU under that name.
second_config()
{
    sed -e "s|^catalog:.*|catalog: $tmp/second/catalog.db|" -e "s|^control:.*|control: $tmp/second.sock|" \
        -e "s|- name: vm1|- name: $1|" -e "s|$tmp/vm1.qmp|$tmp/vm2.qmp|" "$tmp/config" > "$tmp/config2"
}

second()
{
    "$VMKEEP" --config "$tmp/config2" "$@"
}

second_answers()
{
    [ "$(second status --json 2>/dev/null | jq -c '.daemon | [.running, .starting]')" = "[true,false]" ]
}

start_second()
{
    "$VMKEEPD" --config "$tmp/config2" >> "$tmp/log2" 2>&1 &
    pids[second]=$!
    wait_for 10 "the second daemon" second_answers
}

stop_second()
{
    kill -TERM "${pids[second]}"
    wait "${pids[second]}" || fail "the second daemon did not end well"
    unset "pids[second]"
}

on_disk()
{
    find "$tmp/repo" -name point.json | wc -l
}

echo "- the same names: the second is refused, and says by whom"
second_config vm1
start_second
for _ in 1 2 3; do
    second run vm1 --wait > "$tmp/out" 2>&1 && fail "two daemons work in one directory"
    vmkeep run vm1 --wait > /dev/null || fail "the first daemon was disturbed"
done
grep -q "belongs to vmkeep on .*$tmp/catalog.db" "$tmp/out" || fail "it does not say whose it is: $(cat "$tmp/out")"
{ second doctor --json || true; } | jq -e '.[] | select(.check == "owner") | (.fine | not) and .advice != null and
    (.text | test("lab/vm1 belongs to vmkeep on "))' > /dev/null || fail "its doctor does not say it: $(second doctor)"
[ "$(points | jq '[.[] | select(.state == "good")] | length')" = 4 ] || fail "points of the first are lost"
[ "$(on_disk)" = 4 ] || fail "the disk has $(on_disk) points"
[ "$(second points --json | jq length)" = 0 ] || fail "the second has points"
[ -z "$(find "$tmp/repo" -name '*.partial')" ] || fail "something was left in the making"
stop_second

echo "- other names: side by side"
second_config vm2
start_second
second run vm2 --wait > /dev/null
vmkeep run vm1 --wait > /dev/null
second run vm2 --wait > /dev/null
[ "$(second points --json | jq '[.[] | select(.state == "good")] | length')" = 2 ] || fail "points of the second are lost"
[ "$(on_disk)" = 7 ] || fail "the disk has $(on_disk) points, not 7"
{ second doctor --json || true; } | jq -e '.[] | select(.check == "owner") | .fine' > /dev/null ||
    fail "a neighbour with other domains is a fault: $(second doctor)"
vmkeep repository check main > "$tmp/out" || fail "a neighbour with other domains is a fault: $(cat "$tmp/out")"
grep -q 'neighbour .*lab/vm2.*no domain of that name' "$tmp/out" || fail "check does not tell of it: $(cat "$tmp/out")"
vmkeep repository check main --json | jq -e 'map(.what) == ["neighbour"]' > /dev/null || fail "nor in JSON"

echo "- adopting takes what we need, and nothing of a daemon that lives"
stop_daemon
used() # TIME: of all directories
{
    sed -i "s|\"used\": \"[^\"]*\"|\"used\": \"$1\"|" "$tmp"/repo/lab/vm*/owner.json
}
used 2026-01-01T00:00:00Z
vmkeep repository adopt main --yes > "$tmp/out" || fail "adopting what is ours is refused"
grep -q '^lab/vm2 (2 points) stays as it is: vmkeep on .*; we have no domain of that name' "$tmp/out" ||
    fail "it does not say what it leaves: $(cat "$tmp/out")"
grep -q "belongs\|becomes" "$tmp/out" && fail "it takes more: $(cat "$tmp/out")"
code=0
vmkeep repository adopt main --yes lab/vm2 > "$tmp/out" 2>&1 || code=$?
[ "$code" = 5 ] || fail "a directory was taken from a daemon that lives (exit $code)"
grep -q "lab/vm2: a vmkeepd of this machine keeps its owner's catalog, $tmp/second/catalog.db; stop that" "$tmp/out" ||
    fail "it does not say why: $(cat "$tmp/out")"
code=0
vmkeep repository adopt main --yes --all > "$tmp/out" 2>&1 || code=$?
[ "$code" = 5 ] || fail "--all takes a directory from a daemon that lives (exit $code)"
vmkeep repository adopt main --dry-run --all > "$tmp/out"
grep -q '^lab/vm2 (2 points) becomes ours' "$tmp/out" || fail "--all does not take all: $(cat "$tmp/out")"
grep -q "would be refused now: lab/vm2: a vmkeepd of this machine" "$tmp/out" || fail "nor does a dry run say it"
second run vm2 --wait > /dev/null || fail "the neighbour was disturbed"
start_daemon
await_daemon
stop_second

echo "- names that are taken: the job gives way, and what is there stays"
last=$(points | jq -r '.[0].id')
maker=${last##*@}
next=$(($(vmkeep jobs --json | jq '[.[].id] | max') + 1))
now=$(date +%s)
for ((i = 0; i < 40; i++)); do # each second from now on, however long this takes
    name=$(date -u -d "@$((now + i))" +%Y-%m-%dT%H-%M-%SZ).nightly@${maker%-*}-$next
    mkdir "$tmp/repo/lab/vm1/$name"
    jq --arg id "lab/vm1/$name" --argjson job "$next" --arg created "$(date -u -d "@$((now + i))" +%Y-%m-%dT%H:%M:%SZ)" \
        '.id = $id | .job = $job | .created = $created' "$tmp/repo/$last/point.json" > "$tmp/repo/lab/vm1/$name/point.json"
    cp "$tmp/repo/$last/vda.qcow2" "$tmp/repo/lab/vm1/$name/"
done
before=$(on_disk)
vmkeep run vm1 --wait > "$tmp/out" 2>&1 && fail "a job took a name that was taken"
grep -q 'published already' "$tmp/out" || fail "it failed for another reason: $(cat "$tmp/out")"
[ "$(on_disk)" = "$before" ] || fail "an undo removed a point that it did not make"
find "$tmp/repo/lab/vm1" -name "*-$next" -exec rm -r {} +
next=$((next + 1))
now=$(date +%s)
for ((i = 0; i < 40; i++)); do
    name=$(date -u -d "@$((now + i))" +%Y-%m-%dT%H-%M-%SZ).nightly@${maker%-*}-$next
    mkdir "$tmp/repo/lab/vm1/$name.partial"
done
vmkeep run vm1 --wait > "$tmp/out" 2>&1 && fail "a job took what somebody is making"
[ "$(find "$tmp/repo/lab/vm1" -name '*.partial' | wc -l)" = 40 ] || fail "an undo removed what it did not make"
find "$tmp/repo/lab/vm1" -name '*.partial' -exec rm -r {} +
vmkeep run vm1 --wait > /dev/null

echo "- a repository that is away or another one: status sees it by itself, and at once"
state() # and problem, as status says them of the repository; the daemon has no reason to look there
{
    { vmkeep status --json || true; } | jq -r '.repositories[0] | "\(.state): \(.problem)"'
}
is_state() # TEXT
{
    state > "$tmp/out"
    grep -qF -- "$1" "$tmp/out" || fail "status does not say '$1' of the repository: $(cat "$tmp/out")"
}
is_state 'ok: null'
mv "$tmp/repo" "$tmp/repo.away"
is_state "problem: $tmp/repo: no such directory"
mkdir "$tmp/repo"
is_state 'is the disk not mounted?'
mkfifo "$tmp/repo/repository.json" # who opens it waits, as on a server that is gone
is_state "problem: $tmp/repo: does not answer within 3 seconds"
rm "$tmp/repo/repository.json"
echo '{"format": 1, "id": "00000000000000aa"}' > "$tmp/repo/repository.json"
is_state 'holds repository 00000000000000aa, not '
rm -r "$tmp/repo"
mv "$tmp/repo.away" "$tmp/repo"
is_state 'ok: null'

echo "- another disk under the path: refused by name, and no point is given up"
good=$(points | jq '[.[] | select(.state == "good")] | length')
mv "$tmp/repo" "$tmp/repo.away"
mkdir "$tmp/repo"
vmkeep run vm1 --wait > "$tmp/out" 2>&1 && fail "a backup went to an empty directory"
grep -q 'is the disk not mounted' "$tmp/out" || fail "it does not say what is wrong: $(cat "$tmp/out")"
echo '{"format": 1, "id": "00000000000000aa"}' > "$tmp/repo/repository.json"
vmkeep run vm1 --wait > "$tmp/out" 2>&1 && fail "a backup went to another disk"
grep -q "holds repository 00000000000000aa, not $(jq -r .id "$tmp/repo.away/repository.json")" "$tmp/out" ||
    fail "it does not say which disk is there: $(cat "$tmp/out")"
mv "$tmp/repo" "$tmp/repo.new"
mv "$tmp/repo.away" "$tmp/repo"
is_state '(so vmkeepd saw it last; the repository is there now)'
mv "$tmp/repo" "$tmp/repo.away"
mv "$tmp/repo.new" "$tmp/repo"
stop_daemon
write_config "$never" '{ last: 1 }'
start_daemon
await_daemon
vmkeep prune --wait > /dev/null 2>&1 && fail "points of a disk that is away were pruned"
[ "$(points | jq '[.[] | select(.state == "good")] | length')" = "$good" ] || fail "points of a disk that is away were given up"
[ "$(ls "$tmp/repo")" = repository.json ] || fail "something was written to the other disk"

echo "- adopting another disk, and the first one again"
vmkeep repository list | grep -q 'holds repository 00000000000000aa, not ' || fail "list does not say what is there"
vmkeep repository adopt main --yes > "$tmp/out" 2>&1 && fail "adopted while the daemon runs"
stop_daemon
code=0
vmkeep repository check main > /dev/null || code=$?
[ "$code" = 3 ] || fail "check ends with $code at another disk"
vmkeep repository adopt main --dry-run | grep -q 'its points stay known' || fail "it does not say what it means"
vmkeep repository adopt main < /dev/null > /dev/null 2>&1 && fail "adopted without asking"
vmkeep repository list --json | jq -e '.[0].state == "foreign"' > /dev/null || fail "a dry run changed something"
vmkeep repository adopt main --yes > /dev/null
[ "$(points | jq '[.[] | select(.state == "missing")] | length')" = "$good" ] ||
    fail "points of the absent disk are not missing"
write_config "$never"
start_daemon
await_daemon
vmkeep run vm1 --wait > /dev/null
[ "$(points | jq -r '[.[] | select(.state == "good")] | map(.kind) | join(" ")')" = full ] || fail "no full on the new disk"
write_config "$never" '{ last: 1 }'
kill -HUP "${pids[daemon]}"
vmkeep prune --wait > /dev/null
[ "$(points | jq 'length')" = "$((good + 1))" ] || fail "points of the absent disk were recorded as pruned"
points | jq -e '[.[] | select(.state == "missing")] | all(.problem | test("is in repository .* took its place"))' > /dev/null ||
    fail "points of the absent disk do not say where they are: $(points)"
{ vmkeep doctor --json || true; } | jq -e '[.[] | select(.check == "known")] | length > 0 and all(.fine)' > /dev/null ||
    fail "doctor misses what is on the absent disk: $(vmkeep doctor)"
stop_daemon
write_config "$never"
mv "$tmp/repo" "$tmp/repo.new"
mv "$tmp/repo.away" "$tmp/repo"
vmkeep repository adopt main lab/vm1 --yes > /dev/null
[ "$(points | jq '[.[] | select(.state == "good")] | length')" = "$good" ] || fail "the points that came back are not good"
vmkeep repository check main > "$tmp/out" || fail "check ends with a fault where there is none: $(cat "$tmp/out")"
grep -q 'neighbour .*lab/vm2' "$tmp/out" || fail "check does not say whose it is: $(cat "$tmp/out")"

echo "- a foreign directory: not while its owner is at work; its points come along"
code=0
vmkeep repository adopt main --yes --all > "$tmp/out" 2>&1 || code=$?
[ "$code" = 5 ] || fail "a directory was taken from an owner at work (exit $code)"
vmkeep repository adopt main --dry-run --all | grep -q 'would be refused now' || fail "a dry run does not say that it would be refused"
vmkeep repository adopt main lab/vm2 --yes --force > /dev/null
[ "$(points | jq '[.[] | select(.domain == "vm2" and .state == "good")] | length')" = 3 ] || fail "its points are not in the catalog"
vmkeep repository check main || fail "there are differences after all was adopted"
second_config vm2
start_second
second run vm2 --wait > "$tmp/out" 2>&1 && fail "the former owner works on"
grep -q 'belongs to vmkeep on' "$tmp/out" || fail "it does not say who has it now: $(cat "$tmp/out")"
stop_second

echo "- an empty disk"
rm -r "$tmp/repo"
mkdir "$tmp/repo"
vmkeep repository adopt main --yes > /dev/null
start_daemon
await_daemon
vmkeep run vm1 --wait > /dev/null

echo "- another daemon holds the QMP socket: the second can be asked from the first moment, and meets requests later"
second_config vm1
sed -i "s|$tmp/vm2.qmp|$tmp/vm1.qmp|" "$tmp/config2"
rm -rf "$tmp/second"
"$VMKEEPD" --config "$tmp/config2" >> "$tmp/log2" 2>&1 &
pids[second]=$!
is_starting()
{
    [ "$(second status --json 2>/dev/null | jq -c '.daemon | [.running, .starting]')" = "[true,true]" ]
}
wait_for 3 "the second daemon to say that it is starting" is_starting
{ second status || true; } | grep -q 'vmkeepd .* is starting, and looks at hosts and repositories since' ||
    fail "status: $(second status)"
second jobs --active > "$tmp/out" || fail "a request was not met: $(cat "$tmp/out")"
second_answers || fail "it was met before the start was over"
stop_second
stop_daemon
