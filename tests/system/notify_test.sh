#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Notifications: a real daemon, an HTTP server and an SMTP server with TLS.  A condition that begins, and is
# over, arrives once in each format, in the form that its receiver documents; also when the receiver
# refuses for a while, or the daemon is killed; and that the daemon is down is told without it.
. "$(dirname "$0")/lib.sh"

# aiosmtpd is Debian's.
python=/usr/bin/python3
here=$(cd "$(dirname "$0")" && pwd)
box=$tmp/box

# taken KEY STATUS: each receiver has it, once.
taken()
{
    wait_for 10 "$1 $2" "$python" "$here/received.py" "$box" "$1" "$2"
}

# pings WHAT N: so many requests to a check.
pings()
{
    [ "$(gojq -r .path "$box/http" | grep -c -- "$1")" -ge "$2" ]
}

start_receivers()
{
    mkdir -p "$box"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 \
        -addext subjectAltName=IP:127.0.0.1 -keyout "$box/key.pem" -out "$box/cert.pem" 2> /dev/null
    "$python" "$here/receivers.py" "$box" > "$tmp/receivers.log" 2>&1 &
    pids[receivers]=$!
    wait_for 10 "the receivers" test -s "$box/ports"
    read -r url smtp_port < "$box/ports"
    url=http://127.0.0.1:$url
}

write_targets()
{
    (
        umask 077
        printf 'vmkeep\np a:ss\n' > "$tmp/smtp"
        echo 'Authorization: Bearer tk_secret' > "$tmp/headers"
        echo "$url/gotify" > "$tmp/url"
    )
    cat >> "$tmp/config" << END
    healthchecks: { url: "$url/hc-runs" }
notify:
  - mail: { to: [ops@example.org], via: "smtps://127.0.0.1:$smtp_port", credentials: $tmp/smtp, ca: $box/cert.pem }
    conditions: [at-risk, daemon]
    report: runs
  - { name: own, webhook: { url: $url/own }, conditions: [at-risk, daemon] }
  - { name: ntfy, webhook: { url: $url/topic, format: ntfy, headers_file: $tmp/headers }, conditions: [at-risk, daemon] }
  - { name: gotify, webhook: { url_file: $tmp/url, format: gotify }, conditions: [at-risk, daemon] }
  - { name: alerts, webhook: { url: $url/alerts, format: alertmanager }, conditions: [at-risk, daemon] }
  - { name: run, command: [/bin/sh, -c, 'cat >> $tmp/command; echo "\$VMKEEP_STATUS" >> $tmp/statuses'], conditions: [at-risk] }
  - { name: digest, command: [/bin/sh, -c, 'cat > /dev/null; echo "\$VMKEEP_KIND" >> $tmp/kinds'], conditions: none, report: "*:*:0/5" }
  - { healthchecks: { url: $url/hc-all } }
END
}

make_disks vm1 vda
start_vm vm1 vda
start_receivers
write_config '{}'
write_targets
vmkeep check > /dev/null
vmkeep doctor > /dev/null 2>&1 || true
start_daemon
await_daemon

echo "- a domain at risk is told once in each format, and its check is told that it fails"
taken "at-risk lab/vm1" firing
wait_for 10 "the check" pings '^/hc-all/fail$' 1
grep -q '"no good point yet' "$tmp/command"
[ "$(cat "$tmp/statuses")" = firing ]
vmkeep notify list --json |
    jq -e '[.targets[] | select(.kind != "healthchecks") | .told | length] == [1, 1, 1, 1, 1, 1, 0]' > /dev/null

echo "- what is refused is sent later, and shown; killed meanwhile, the daemon neither forgets nor repeats"
touch "$box/refuse"
vmkeep run vm1 --wait > /dev/null
wait_for 10 "messages that wait" sh -c "'$VMKEEP' --config '$tmp/config' notify list --json |
    gojq -e '[.targets[] | select(.problem != null and .waiting == 1)] | length == 4' > /dev/null"
vmkeep notify list | grep -q "127.0.0.1:.*/...: it answers with status 500: not now" || fail "$(vmkeep notify list)"
vmkeep status --json | jq -e '.domains[0].protected' > /dev/null
kill -KILL "${pids[daemon]}"
wait "${pids[daemon]}" || true
rm "$box/refuse"
start_daemon
await_daemon
vmkeep notify test > "$tmp/tested" || fail "$(cat "$tmp/tested")"
[ "$(grep -c 'it has taken the test' "$tmp/tested")" = 8 ]
taken "at-risk lab/vm1" resolved
taken "daemon daemon-crashed" firing
wait_for 10 "the check" pings '^/hc-all$' 1
pings '^/hc-all/log$' 1 || fail "no test ping"

echo "- the check of the policy's runs is told when one begins and ends, with one id"
wait_for 10 "the run's pings" pings '^/hc-runs' 2
gojq -r .path "$box/http" | grep '^/hc-runs' | sed 's/.*rid=//' | sort -u > "$tmp/rids"
[ "$(wc -l < "$tmp/rids")" = 1 ] || fail "$(gojq -r .path "$box/http")"
pings '^/hc-runs/start?rid=........-....-8...-8...-............$' 1 || fail "$(gojq -r .path "$box/http")"

echo "- a report comes after the run and by the calendar, each a message of its own with counts in the subject"
wait_for 10 "a mail about the run" "$python" "$here/reported.py" "$box"
wait_for 10 "reports by the calendar" sh -c "[ \$(grep -cx report '$tmp/kinds') -ge 2 ]"
[ "$(sort -u "$tmp/kinds" | xargs)" = "report test" ] || fail "$(cat "$tmp/kinds")"

echo "- all targets were tested, and a secret that others may read is refused"
vmkeep doctor --json | jq -e '[.[] | select(.check == "notify" and (.fine | not))] == []' > /dev/null ||
    fail "$(vmkeep doctor)"
chmod 644 "$tmp/smtp"
status=0
vmkeep notify test mail > "$tmp/tested" 2> "$tmp/errors" || status=$?
[ "$status" = 1 ] && grep -q "smtp: others than its owner may read it" "$tmp/errors" || fail "$status $(cat "$tmp/errors")"
chmod 600 "$tmp/smtp"
status=0
vmkeep notify test nobody 2> "$tmp/errors" || status=$?
[ "$status" = 4 ] && grep -q "no target of notifications is called 'nobody'" "$tmp/errors"

echo "- after an edit a test would go by what the daemon has read: it says to reload first"
cp "$tmp/config" "$tmp/config.read"
sed -i 's/^notify:$/&\n  - { name: new, command: [\/bin\/true] }/' "$tmp/config"
for target in mail new; do
    status=0
    vmkeep notify test "$target" > "$tmp/tested" 2> "$tmp/errors" || status=$?
    [ "$status" = 2 ] && [ ! -s "$tmp/tested" ] &&
        grep -q "config has changed since vmkeepd read it last, at .*: .vmkeep reload. first" "$tmp/errors" ||
        fail "$status $(cat "$tmp/errors")"
done
mv "$tmp/config.read" "$tmp/config"

echo "- that the daemon is down is told once without it, and that it is over"
stop_daemon
vmkeep notify watch
vmkeep notify watch
taken "daemon daemon-down" firing
start_daemon
await_daemon
vmkeep notify watch
taken "daemon daemon-down" resolved
jq -e '. == {}' "$tmp/catalog.db.watch" > /dev/null
