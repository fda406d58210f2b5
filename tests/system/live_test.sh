#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Somebody looks on while jobs run and wait: how far they are, what they wait for, and a second one who
# asks for the same backup and waits for that very job.  The copies are so slow that they do not end
# before that has been seen (a minute each), however busy the machine is; then they are let go.
# shellcheck source=tests/system/lib.sh
source "$(dirname "$0")/lib.sh"

VMS="vm1 vm2 vm3"
for vm in $VMS; do
    make_disks "$vm" vda
    start_vm "$vm" vda
done
VMS=$VMS write_config "$never"
sed -i 's/^    rpo:/    bandwidth: 256KiB\/s\n&/; /^hosts:/i limits: { jobs: 8, jobs_per_host: 2 }' "$tmp/config"
cat >> "$tmp/config" <<END
  - { name: other, domains: [vm1], repository: main, schedule: $never }
END
start_daemon
await_daemon

active()
{
    vmkeep jobs --active --json "${@:2}" | jq -e "$1"
}

# The copies that run need not be slow any more.
let_go() # VM...
{
    local vm id
    for vm in "$@"; do
        for id in $("$WRITER" qmp "$tmp/$vm.test" query-block-jobs | jq -r '.[].device'); do
            "$WRITER" qmp "$tmp/$vm.test" block-job-set-speed "{\"device\": \"$id\", \"speed\": 0}" > /dev/null || true
        done
    done
}

all_end()
{
    # shellcheck disable=SC2086 # words
    let_go $VMS
    active 'length == 0'
}

# of POLICY VM: the number of its open job.
of()
{
    active 'map(select(.policy == "'"$1"'" and .domain == "'"$2"'"))[0].id'
}

echo "- what runs, and what the others wait for"
vmkeep run nightly > /dev/null
wait_for 10 "a copy" active 'map(select(.doing == "copying")) | length == 2'
vmkeep run other > /dev/null
first=$(of nightly vm1) third=$(of nightly vm3) other=$(of other vm1)
active 'map(select(.state == "running")) | map(.domain) | sort == ["vm1", "vm2"]' > /dev/null ||
    fail "$(vmkeep jobs --active)"
active "map(select(.id == $third))[0] | .state == \"queued\" and .doing == null and
    .waits_for.code == \"host-limit\" and .waits_for.limit == 2 and .waits_for.name == \"lab\" and
    (.waits_for.jobs | length) == 2 and (.waits_for.since | test(\"Z\$\"))" > /dev/null ||
    fail "$(vmkeep jobs --active)"
vmkeep jobs --active > "$tmp/out" 2> "$tmp/err"
[ ! -s "$tmp/err" ] || fail "$(cat "$tmp/err")"
grep -qE "^ +$third +lab/vm3 .*waits since [0-9:]{8} for a place at host lab: 2 jobs run there at once" "$tmp/out" ||
    fail "$(cat "$tmp/out")"
vmkeep explain "$third" > "$tmp/out"
tr -s ' \n' ' ' < "$tmp/out" | grep -q "now: waits since [0-9:]* for a place at host lab: 2 jobs run there at once" || fail "$(cat "$tmp/out")"

echo "- how far they are: between the beginning and the end, and more each time"
further()
{
    vmkeep jobs --active --json vm1 | jq -c ".[] | select(.id == $first)" > "$tmp/now"
    jq -e ".bytes_done > $(jq -s '.[-1].bytes_done // 0' "$tmp/seen")" "$tmp/now"
}
touch "$tmp/seen"
for _ in 1 2 3 4; do
    wait_for 10 "more to be copied" further
    cat "$tmp/now" >> "$tmp/seen"
    sleep 1
done
jq -se 'length == 4 and all(.live and .doing == "copying" and .percent > 0 and .percent < 100 and
    .bytes_total > 16000000 and .bytes_done > 0) and
    (map(.bytes_done) | . == (unique | sort))' "$tmp/seen" > /dev/null || fail "$(cat "$tmp/seen")"
jq -se '.[-1] | .bytes_per_second > 75000 and .bytes_per_second < 1000000 and .seconds_left > 0 and
    .seconds_left < 240' "$tmp/seen" > /dev/null || fail "$(cat "$tmp/seen")"
# The figures are of just now.
jq -se 'map(.figures | fromdate) | .[3] - .[0] >= 2' "$tmp/seen" > /dev/null || fail "$(cat "$tmp/seen")"
vmkeep jobs --active vm1 | grep -qE "^ +$first .*copying [0-9]+% of [0-9.]+ MiB, [0-9.]+ [KM]iB/s, [0-9ms ]+ left" ||
    fail "$(vmkeep jobs --active)"

echo "- who asks for what runs already is refused, or waits for that very job"
code=0
vmkeep run lab/vm2 2> "$tmp/err" || code=$?
[ $code = 5 ] || fail "exit status $code, not 5"
second=$(of nightly vm2)
[ "$(cat "$tmp/err")" = "vmkeep: job $second of policy nightly, a full, is already running for vm2; \
'run --wait' waits for it" ] || fail "$(cat "$tmp/err")"
code=0
vmkeep run lab/vm2 --wait > "$tmp/out" 2> "$tmp/err" &
joined=$!
timeout --foreground --preserve-status --signal=INT 1 "$VMKEEP" --config "$tmp/config" run vm2 --wait \
    > "$tmp/out2" 2> "$tmp/err2" || code=$?
[ $code = 130 ] || fail "exit status $code, not 130"
[ "$(tail -n 1 "$tmp/err2")" = "vmkeep: interrupted; job $second goes on ('vmkeep cancel $second' ends it)" ] ||
    fail "$(cat "$tmp/err2")"
script -qefc "stty cols 60; unset COLUMNS; $VMKEEP --config $tmp/config run vm3 --wait" "$tmp/typescript" > /dev/null < /dev/null &
shown=$!
typed() # LEAST PATTERN: so many lines that differ were shown
{
    [ "$(tr '\r' '\n' < "$tmp/typescript" | grep -oE "$2" | sort -u | wc -l)" -ge "$1" ]
}
wait_for 20 "what it waits for" typed 1 "job $third: (lab/vm3: )?waits since [0-9:]* for a place"
wait_for 10 "the other to have joined" grep -q joined "$tmp/err"
let_go vm1 vm2
wait "$joined" || fail "it did not end well: $(cat "$tmp/out" "$tmp/err")"
[ "$(cat "$tmp/err")" = "joined job $second: lab/vm2 under nightly, which is running" ] || fail "$(cat "$tmp/err")"
grep -q "^job $second: lab/vm2: success: full of 1 disk" "$tmp/out" || fail "$(cat "$tmp/out")"

echo "- on a terminal a line tells what it waits for, and then how far it is"
wait_for 60 "how far it is" typed 4 "job $third: (lab/vm3: )?copying [0-9]+%"
let_go vm3
wait "$shown" || fail "it did not end well: $(cat "$tmp/typescript")"
grep -q "joined job $third: lab/vm3 under nightly, which is queued" "$tmp/typescript" || fail "$(cat "$tmp/typescript")"
tr '\r' '\n' < "$tmp/typescript" > "$tmp/lines"
grep -q "job $third: lab/vm3: success: full of 1 disk" "$tmp/lines" || fail "$(cat "$tmp/lines")"
awk 'length($0) > 75 && !/success/ && !/^Script/ { exit 1 }' "$tmp/lines" || fail "a line is wrapped: $(cat "$tmp/lines")"

echo "- who waits behind another job of the domain was told which"
wait_for 60 "all to end" all_end
vmkeep jobs --json | jq -e 'map(.outcome) | unique == ["success"]' > /dev/null || fail "$(vmkeep jobs)"
vmkeep run vm1 --level full > /dev/null # of both policies
first=$(of nightly vm1) other=$(of other vm1)
active "map(select(.id == $other))[0].waits_for | .code == \"guest\" and .jobs == [$first] and
    .text == \"job $first (full of policy nightly) of the same domain\"" > /dev/null || fail "$(vmkeep jobs --active)"

echo "- a daemon that is killed: what it left, and that nobody tells any more"
wait_for 10 "a copy" active "map(select(.id == $first and .doing == \"copying\")) | length == 1"
kill -KILL "${pids[daemon]}"
wait "${pids[daemon]}" 2> /dev/null || true
vmkeep jobs --active --json 2> "$tmp/err" | jq -e "map(select(.id == $first))[0] | .live == false and
    .state == \"running\" and .waits_for == null" > /dev/null
grep -q "the daemon is not running (Connection refused); what follows is what it left in the catalog, last at" "$tmp/err" ||
    fail "$(cat "$tmp/err")"
start_daemon
await_daemon
for id in $(vmkeep jobs --active --json | jq '.[].id'); do
    vmkeep cancel "$id" > /dev/null || true
done
wait_for 60 "all to end" active 'length == 0'

echo "- nobody looks on, and nothing runs: nobody wakes up"
sleep 3
wakeups()
{
    awk '/^voluntary_ctxt_switches/ { print $2 }' "/proc/${pids[daemon]}/status"
}
before=$(wakeups)
sleep 5
[ $(($(wakeups) - before)) -le 1 ] || fail "$(($(wakeups) - before)) wake-ups in 5 s"
