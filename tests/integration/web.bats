#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The status page, on the catalog of tests/support/make_catalog.c, while no daemon runs; and by a
# daemon that has it served.
# VMKEEP, VMKEEPD, WEB and MAKE_CATALOG name the programs.
#
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own, and its teardown is in it

bats_require_minimum_version 1.5.0

setup() {
    export TZ=UTC COLUMNS=1000
    tmp=$(mktemp -d)
    now=$(date +%s)
    pids=()
    "$MAKE_CATALOG" "$tmp/catalog.db" "$now"
    mkdir "$tmp/main"
    cat > "$tmp/config" <<END
catalog: $tmp/catalog.db
control: $tmp/control.sock
web: unix:$tmp/web.sock
hosts:
  - name: lab
    driver: qemu
    domains:
      - { name: web01, qmp: $tmp/web01.qmp }
      - { name: db01, qmp: $tmp/db01.qmp }
      - { name: spare, qmp: $tmp/spare.qmp }
repositories:
  - { name: main, path: $tmp/main }
policies:
  - name: nightly
    domains: ["*", "!spare"]
    repository: main
    schedule: { incremental: ["02:30"] }
    keep: { last: 9 }
    rpo: 26h
END
}

teardown() {
    for pid in "${pids[@]}"; do
        if kill "$pid" 2> /dev/null; then wait "$pid" || true; fi
    done
    rm -rf "$tmp"
}

vmkeep() {
    "$VMKEEP" --config "$tmp/config" "$@"
}

wait_for() {
    for _ in {1..3000}; do
        "$@" && return
        sleep 0.02
    done
    echo "waited in vain for: $*"
    return 1
}

answers() { curl -s -o "$tmp/first" --unix-socket "$tmp/web.sock" http://localhost/style.css; }

is_gone() { ! answers; }

knows_the_daemon() { [ "$(get /api/v1/status | jq .daemon.running)" = true ]; }

# port_of PID: at which it listens
port_of() { ss -Hltnp | sed -n "s/.*127\.0\.0\.1:\([0-9]*\) .*pid=$1,.*/\1/p" | grep .; }

# fires ALERT: of db01
fires() {
    curl -s "$api/alerts" | jq -e --arg name "$1" '.data.alerts[] | select(.state == "firing" and
        .labels.domain == "db01" and .labels.alertname == $name)' > "$tmp/out"
}

# is_a NAME PATH: what the published schema says
is_a() {
    get "$2" | "$BATS_TEST_DIRNAME/../support/check_schema" "$BATS_TEST_DIRNAME/../../docs/api-v1.schema.json" "$1"
}

# Every address that there is, as the schema says.
all_described() {
    local here=$BATS_TEST_DIRNAME/../.. path name

    "$here/tests/support/check_schema" "$here/docs/api-v1.schema.json"
    diff <(grep -o '"/api/v1/[a-z]*' "$here/web/server.c" | tr -d '"' | sort -u) \
        <(jq -r '.paths | keys[]' "$here/docs/api-v1.schema.json" | cut -d / -f 1-4 | sort -u)
    while read -r path name; do
        path=${path/NAME/$([[ $path == */policies/* ]] && echo nightly || echo main)}
        path=${path/HOST\/DOMAIN/lab/db01}
        is_a "$name" "${path/%N/7}" || { echo "$path"; return 1; }
    done < <(jq -r '.paths | to_entries[] | "\(.key) \(.value)"' "$here/docs/api-v1.schema.json")
}

# serve PROGRAM [ARGUMENT...]: with web.sock
serve() {
    "$@" --config "$tmp/config" > "$tmp/log" 2>&1 3>&- &
    pids+=($!)
    wait_for answers || { cat "$tmp/log"; return 1; }
}

# get PATH [ARGUMENT...]: the body; status and headers are in $tmp/head
get() {
    local path=$1
    shift
    curl -sS -m 60 --unix-socket "$tmp/web.sock" -D "$tmp/head" "$@" "http://localhost$path"
}

code() { head -1 "$tmp/head" | cut -d ' ' -f 2; }

@test "pages, metrics and JSON say what status says; read-only, closed, and nothing else" {
    sqlite3 "$tmp/catalog.db" "INSERT INTO seen (kind, name, state, at) VALUES ('freeze', 'lab/web01', '12', $now)"
    serve "$WEB"

    page=$(get /)
    [ "$(code)" = 200 ]
    [[ $page == *"NOT PROTECTED: 1 domain at risk, 1 unprotected, 1 protected"* ]]
    [[ $page == *'<a href="/domain/lab/db01">lab/<wbr>db01</a>, nightly</strong>: no good point for 3d 2h'* ]]
    [[ $page == *'interrupted, copying 25% of 200 MiB'* ]]
    [[ $page == *'aria-label="Last 14 days, today last: '*'1 failed'* ]]
    grep -qi "^content-security-policy: default-src 'none'; style-src 'self';" "$tmp/head"
    for header in 'x-content-type-options: nosniff' 'x-frame-options: DENY' 'referrer-policy: no-referrer' \
        'cross-origin-resource-policy: same-origin' 'cache-control: no-store'; do
        grep -qi "^$header" "$tmp/head" || { echo "no $header"; false; }
    done
    [[ $page != *'<script'* && $page != *' style='* ]]

    page=$(get /domain/lab/web01)
    [[ $page == *'aria-label="3 points, oldest left'* && $page == *'>150 MiB<'* ]]
    [[ $page == *'frozen for 12 ms, <time '* ]]
    page=$(get /job/1)
    [[ $page == *'Job 1: full'*'no base point yet'* ]]
    get /metrics | promtool check metrics
    get /metrics | grep -qxF 'vmkeep_domain_freeze_seconds{host="lab",domain="web01"} 0.012'
    [ "$(get /api/v1/status | jq -r '.domains[] | select(.domain == "db01").status')" = "at risk" ]
    [ "$(get /api/v1/domains/lab/web01 | jq -c '[.points, .jobs, .active | length]')" = '[3,3,1]' ]
    [ "$(get /api/v1/jobs/1 | jq -r .outcome)" = success ]
    [ "$(get /api/v1/jobs | jq -r '.[0].domain')" = web01 ]
    etag=$(get /api/v1/jobs/1 > /dev/null; sed -n 's/^[Ee][Tt]ag: //p' "$tmp/head" | tr -d '\r')
    [ "$(get /api/v1/jobs/1 -H "If-None-Match: $etag")" = "" ]
    [ "$(code)" = 304 ]
    for wrong in /domain/lab/none /domain/ /job/99 /job/x /api/v1/jobs/0 /api/v1/domains/none /none /../etc/passwd; do
        get "$wrong" --path-as-is > /dev/null
        [ "$(code)" = 404 ] || { echo "$wrong: $(code)"; false; }
    done
    get / -d x=1 > /dev/null
    [ "$(code)" = 405 ]
    get / -X DELETE > /dev/null
    [ "$(code)" = 405 ]
    [ "$(get / -I | head -1 | cut -d ' ' -f 2)" = 200 ]
}

# same PATH FILTER COMMAND...: what of the API's answer is what that of the command's is
same() {
    get "$1" | jq -S "${2%% = *}" > "$tmp/api"
    { vmkeep "${@:3}" 2> /dev/null || true; } | jq -S "${2##* = }" > "$tmp/command"
    [ -s "$tmp/api" ] && diff "$tmp/api" "$tmp/command"
}

@test "commands and API print the same of the same" {
    sqlite3 "$tmp/catalog.db" "UPDATE point SET pinned = $now, pin_note = 'before the upgrade' WHERE rowid = 1"
    serve "$WEB"
    for id in 1 7 8; do
        same /api/v1/jobs/$id ". = map(select(.id == $id))[0]" jobs --json
    done
    [ "$(get /api/v1/jobs/8 | jq .interrupted)" = true ]
    [[ $(get /job/8) == *'interrupted</span>'* ]]
    for at in 'status .domains[]' 'domains/lab/db01 .domain'; do
        [ "$(get "/api/v1/${at% *}" | jq -r "${at##* } | select(.domain == \"db01\") | .days | length, (map(select(. == \"failed\")) | length)" | paste -sd ' ')" = "14 1" ]
    done
    same /api/v1/jobs '.' jobs --active --waiting --json
    same /api/v1/status '.domains | map(del(.days))' status --json
    same /api/v1/domains/lab/web01 '.points = .' points web01 --json
    same /api/v1/domains/lab/web01 '.domain | del(.days) = .domains[0] | del(.days)' status web01 --json
    same /api/v1/domains/lab/web01 '.jobs = map(select(.state == "ended"))' jobs web01 --json
    same /api/v1/repositories/main '.repository | del(.free) = .repositories[0] | del(.free)' status --json
    same /api/v1/policies/nightly '.kept = [.kept[] | del(.room_fulls, .room_bytes)]' simulate nightly --years 1 --json
    same /api/v1/policies/nightly '{cut, due} = .policies[0] | {cut, due}' calendar --policy nightly --from "$(date +%F)" \
        --to "$(date -d "$(date +%Y-%m-15) +1 month" +%Y-%m)" --json
}

@test "status --html: the page in one file, which loads nothing and leads nowhere else" {
    run -3 --separate-stderr vmkeep status --html
    page=$output
    [[ $page == '<!DOCTYPE html>'*'<style>'*'prefers-color-scheme:dark'* ]]
    [[ $page == *'<a href="#lab/db01">lab/<wbr>db01</a>, nightly</strong>: no good point for 3d 2h'* ]]
    [[ $page == *'<tr id="lab/db01">'*'aria-label="Last 14 days, today last: '*'1 failed'* ]]
    [[ $page == *'>8</td>'* && $page == *'copying 25% of 200 MiB'* ]]
    # All that a browser would load or follow.
    [ "$(grep -oE '(href|src|content)="[^"]*"' <<< "$page" | grep -vE '"(#|data:,"|width=|light dark")' || true)" = "" ]
    [[ $page != *'<script'* && $page != *'url('* && $page != *'@import'* ]]
    run -3 --separate-stderr vmkeep status --html db01
    [[ $output == *'lab/<wbr>db01'* && $output != *web01* ]]
    run -2 --separate-stderr vmkeep status --html --json
    [ -z "$output" ]
}

# For ten days it has had less room each day.
fills_up() {
    for day in {0..9}; do
        sqlite3 "$tmp/catalog.db" "INSERT INTO seen (kind, name, state, at) VALUES ('room',
            '$(date -ud "@$((now - day * 86400))" +%F) main', '$(((100 + day) << 30)) $((1000 << 30))', $((now - day * 86400)))"
    done
}

@test "a repository's page has its curve, a policy's its months" {
    fills_up
    serve "$WEB"
    [[ $(get /) == *'<a href="/repository/main">main</a>'*'<a href="/policy/nightly">nightly</a>'* ]]
    page=$(get /repository/main)
    [ "$(code)" = 200 ]
    [[ $page == *'grows by 1.00 GiB a day, full in '*'aria-label="Used on 10 days: from 891 GiB to 900 GiB of '* ]]
    [[ $page == *'<a href="/domain/lab/web01">'*'<a href="/policy/nightly">nightly</a>'* ]]
    page=$(get /policy/nightly)
    [[ $page == *'<dt>Promise</dt><dd>a point each 1d 2h</dd>'*'<code>*-*-* 02:30:00</code>'* ]]
    [[ $page == *"<caption>$(date '+%B %Y')</caption>"*'class="m-i">i</span> 02:30'* ]]
    # keep: last 9, of a run a day
    [[ $page == *'<h2 id="kept">What will be kept</h2>'*', 9, 9, 9, 9, 9, 9, 9, 9, 9, 9">'*'After 12 months a domain has 9 points, '* ]]
    [ "$(get /api/v1/policies/nightly | jq -c '[(.kept | length), .kept[11].points]')" = '[12,9]' ]
    # simulate says the same.
    [ "$(get /api/v1/policies/nightly | jq -c '[.kept[] | .points, .oldest]')" = \
        "$(vmkeep simulate nightly --years 1 --json | jq -c '[.kept[] | .points, .oldest]')" ]
    all_described
    [[ $(get /domain/lab/web01) == *'<a href="/policy/nightly">nightly</a>'*'<a href="/repository/main">main</a>'* ]]
    [ "$(get /api/v1/repositories/main | jq -c '[(.room | length), .repository.growth_per_day]')" = '[10,1073741824]' ]
    [ "$(get /api/v1/policies/nightly | jq -c '[(.domains | length), (.due | length > 27)]')" = '[2,true]' ]
    for wrong in /repository/none /policy/none /policy/ /api/v1/policies/none /api/v1/repositories/; do
        get "$wrong" > /dev/null
        [ "$(code)" = 404 ] || { echo "$wrong: $(code)"; false; }
    done
}

@test "the documentation is what was below its directory at the start, and nothing else" {
    mkdir -p "$tmp/html/man" "$tmp/html/.hidden"
    echo '<p>the first page</p>' > "$tmp/html/index.html"
    echo 'p{color:red}' > "$tmp/html/style.css"
    echo '<p>vmkeep(1)</p>' > "$tmp/html/man/vmkeep.1.html"
    echo '{}' > "$tmp/html/api-v1.schema.json"
    echo 'web: ' > "$tmp/html/config.example"
    printf '\x89PNG' > "$tmp/html/status.png"
    truncate -s 5M "$tmp/html/large.html"
    mkfifo "$tmp/html/pipe.html"
    ln -s "$tmp/config" "$tmp/html/link.html"
    ln -s "$tmp/main" "$tmp/html/linked"
    echo secret > "$tmp/main/secret.html"
    serve "$WEB" --docs "$tmp/html"
    grep -q "large.html is left out of the documentation" "$tmp/log"
    [[ $(get /) == *'<a href="/docs/">Docs</a></nav>'* ]]

    [ "$(get /docs/)" = '<p>the first page</p>' ]
    [ "$(code)" = 200 ]
    grep -qi "^content-security-policy: default-src 'none'; style-src 'self';" "$tmp/head"
    for header in 'content-type: text/html; charset=utf-8' 'x-content-type-options: nosniff' 'x-frame-options: DENY' \
        'cache-control: no-cache' 'etag: "'; do
        grep -qi "^$header" "$tmp/head" || { echo "no $header"; false; }
    done
    etag=$(sed -n 's/^[Ee][Tt]ag: //p' "$tmp/head" | tr -d '\r')
    [ "$(get /docs/index.html -H "If-None-Match: $etag")" = "" ]
    [ "$(code)" = 304 ]
    get /docs > "$tmp/out"
    [ "$(code)" = 301 ]
    grep -qix 'location: /docs/.' "$tmp/head"
    for is in style.css=text/css man/vmkeep.1.html=text/html api-v1.schema.json=application/json \
        config.example=text/plain status.png=image/png; do
        get "/docs/${is%=*}" | cmp - "$tmp/html/${is%=*}"
        grep -qi "^content-type: ${is#*=}" "$tmp/head" || { echo "$is"; false; }
    done

    echo changed > "$tmp/html/index.html"
    echo new > "$tmp/html/new.html"
    [ "$(get /docs/)" = '<p>the first page</p>' ]
    for wrong in new.html large.html pipe.html link.html linked linked/secret.html man man/ ../config ../main/secret.html \
        %2e%2e/config ..%2fconfig .hidden/../../config /config "/$tmp/config" ./index.html; do
        get "/docs/$wrong" --path-as-is > "$tmp/out"
        [ "$(code)" = 404 ] || { echo "$wrong: $(code)"; false; }
        run ! grep -q 'secret\|catalog:' "$tmp/out"
    done
    get /docs/ -X POST > "$tmp/out"
    [ "$(code)" = 405 ]
}

@test "where the documentation is not installed as pages, its page says what there is to read" {
    serve "$WEB" --docs "$tmp/none"
    [[ $(get /docs/) == *'<h1>Documentation</h1>'*'vmkeep-config(5)'* ]]
    [ "$(code)" = 200 ]
    get /docs/index.html > "$tmp/out"
    [ "$(code)" = 404 ]
}

@test "names from outside stay text" {
    sqlite3 "$tmp/catalog.db" "UPDATE seen SET problem = '<script>alert(1)</script>&\"' WHERE name = 'lab/db01'"
    serve "$WEB"
    page=$(get /)
    [[ $page == *'&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;'* && $page != *'<script>'* ]]
    page=$(get '/domain/%3Cb%3E/%22x')
    [[ $page == *'&lt;b&gt;/&quot;x'* && $page != *'<b>'* ]]
}

@test "over TCP, whoever was sent here by another name is refused" {
    "$WEB" --config "$tmp/config" --listen 127.0.0.1:0 > "$tmp/log" 2>&1 3>&- &
    pids+=($!)
    wait_for port_of "${pids[0]}"
    port=$(port_of "${pids[0]}")
    [ "$(curl -s -o "$tmp/out" -w '%{http_code}' "http://127.0.0.1:$port/style.css")" = 200 ]
    [ "$(curl -s -o "$tmp/out" -w '%{http_code}' "http://localhost:$port/style.css")" = 200 ]
    [ "$(curl -s -o "$tmp/out" -w '%{http_code}' -H 'Host: evil.example' "http://127.0.0.1:$port/")" = 421 ]
    [ "$(curl -s -o "$tmp/out" -w '%{http_code}' -H 'Host: 127.0.0.1.evil.example' "http://127.0.0.1:$port/")" = 421 ]
}

@test "whom others can reach shows TLS, and wants the token" {
    run -2 "$WEB" --config "$tmp/config" --listen 0.0.0.0:0
    [[ $output == *"0.0.0.0:0 can be reached from other machines"* ]]
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=hv1 \
        -addext subjectAltName=DNS:hv1 -keyout "$tmp/key.pem" -out "$tmp/cert.pem" 2> /dev/null
    (umask 077 && openssl rand -hex 32 > "$tmp/token")
    echo "web_access: { token: $tmp/token, certificate: $tmp/cert.pem, key: $tmp/key.pem }" >> "$tmp/config"
    sed -i 's/^web: .*/web: 127.0.0.2:9810/' "$tmp/config"
    chmod 644 "$tmp/token"
    run -1 "$WEB" --config "$tmp/config" --listen 127.0.0.1:0
    [[ $output == *"web_access: $tmp/token: others than its owner may read it"* ]]
    chmod 600 "$tmp/token"
    "$WEB" --config "$tmp/config" --listen 127.0.0.1:0 > "$tmp/log" 2>&1 3>&- &
    pids+=($!)
    wait_for port_of "${pids[0]}"
    port=$(port_of "${pids[0]}")
    grep -q "the status page is at https://127.0.0.1" "$tmp/log"

    # asked ARGUMENT...: the status; by another name than this machine's, as others have it
    asked() {
        curl -s --cacert "$tmp/cert.pem" --resolve "hv1:$port:127.0.0.1" -o "$tmp/out" -w '%{http_code}' "$@" \
            "https://hv1:$port/style.css"
    }
    [ "$(asked)" = 401 ]
    grep -q token "$tmp/out"
    [ "$(asked -H "Authorization: Bearer $(cat "$tmp/token")")" = 200 ]
    [ "$(asked -u "me:$(cat "$tmp/token")")" = 200 ]
    for wrong in "Bearer $(cat "$tmp/token")x" "Bearer $(cut -c 1-63 "$tmp/token")" "Bearer " "Basic x" "Basic Og==" \
        "bearer" "Digest $(cat "$tmp/token")" "Bearer $(tr '0-9a-f' '1-9a-f0' < "$tmp/token")"; do
        [ "$(asked -H "Authorization: $wrong")" = 401 ] || { echo "$wrong"; false; }
    done
    run ! curl -s -f "http://127.0.0.1:$port/style.css"
    run ! curl -s -k --tls-max 1.1 "https://127.0.0.1:$port/style.css"
    [ "$(curl -s -k -X POST -o "$tmp/out" -w '%{http_code}' "https://127.0.0.1:$port/")" = 405 ]
    run ! grep -q "$(cat "$tmp/token")" "/proc/${pids[0]}/cmdline" "/proc/${pids[0]}/environ" "$tmp/log"
    echo short > "$tmp/token"
    run -2 "$WEB" --config "$tmp/config" --listen 127.0.0.1:0
    [[ $output == *"a token is a word of 16 characters at least"* ]]
}

@test "a Prometheus scrapes it, its alerts fire, and all that they and the dashboard ask for is there" {
    fills_up
    mkdir "$tmp/offsite"
    sed -i "s|^policies:|  - { name: offsite, path: $tmp/offsite }\n&|" "$tmp/config"
    echo "    copy_to: [ { repository: offsite, schedule: ['06:00'] } ]
notify: [ { name: ops, command: [/bin/true] } ]" >> "$tmp/config"
    sqlite3 "$tmp/catalog.db" "UPDATE point SET proven = $now, read_at = $now"
    "$WEB" --config "$tmp/config" --listen 127.0.0.1:0 > "$tmp/log" 2>&1 3>&- &
    pids+=($!)
    wait_for port_of "${pids[0]}"
    port=$(port_of "${pids[0]}")
    sed 's/for: .*/for: 0s/' "$BATS_TEST_DIRNAME/../../packaging/prometheus/vmkeep.rules.yml" > "$tmp/rules.yml"
    cat > "$tmp/prometheus.yml" <<END
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [rules.yml]
scrape_configs: [{ job_name: vmkeep, static_configs: [{ targets: ["127.0.0.1:$port"] }] }]
END
    prometheus --config.file="$tmp/prometheus.yml" --storage.tsdb.path="$tmp/tsdb" \
        --web.listen-address=127.0.0.1:0 > "$tmp/prometheus.log" 2>&1 3>&- &
    pids+=($!)
    wait_for port_of "${pids[1]}"
    api=http://127.0.0.1:$(port_of "${pids[1]}")/api/v1
    wait_for fires VmkeepPointTooOld
    wait_for fires VmkeepDomainNotProtected
    "$BATS_TEST_DIRNAME/dashboard.py" "$api" "$BATS_TEST_DIRNAME/../../packaging/prometheus/grafana-dashboard.json"
    [ "$(curl -s "$api/query?query=vmkeep_domain_points" | jq -r '.data.result[] | select(.metric.domain == "web01").value[1]')" = 3 ]
}

@test "what is no request, and who never reads, is in nobody's way" {
    serve "$WEB"
    python3 - "$tmp/web.sock" << 'END'
import socket, sys, time
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(sys.argv[1])
    return s
def reply(data):
    s = connect()
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        return s.recv(100)
    except OSError:
        return b''
# None of these is answered with success.
for wrong in (b'\x16\x03\x01\x02\x00\x01\x00', b'GET\r\n\r\n', b'GET / HTTP/9.9\r\n\r\n', b'\0' * 5000,
              b'GET / HTTP/1.1\r\n\r\n', b'GET /' + b'a' * 70000 + b' HTTP/1.1\r\nHost: localhost\r\n\r\n',
              b'GET / HTTP/1.1\r\nHost: localhost\r\n' + b'X: ' + b'y' * 70000 + b'\r\n\r\n',
              b'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n'):
    got = reply(wrong)
    assert not got.startswith(b'HTTP/1.1 200'), (wrong[:40], got)
# Those who say nothing, say little, or never read: all but one of the places.
idle = [connect() for _ in range(60)]
for i, s in enumerate(idle):
    s.sendall((b'', b'GET / HT', b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n' * 20)[i % 3])
began = time.time()
assert reply(b'GET /style.css HTTP/1.1\r\nHost: localhost\r\n\r\n').startswith(b'HTTP/1.1 200')
assert time.time() - began < 15
# With all places taken the oldest go.
more = [connect() for _ in range(20)]
assert reply(b'GET /style.css HTTP/1.1\r\nHost: localhost\r\n\r\n').startswith(b'HTTP/1.1 200')
END
    kill -0 "${pids[0]}"
}

@test "one user who keeps opening connections keeps nobody else out" {
    serve "$WEB"
    get /metrics > /dev/null
    chmod 755 "$tmp"
    chmod 666 "$tmp/web.sock"
    # By the user where that is known; over TCP the oldest have to go.
    "$WEB" --config "$tmp/config" --listen 127.0.0.1:0 > "$tmp/log" 2>&1 3>&- &
    pids+=($!)
    wait_for port_of "${pids[1]}"
    python3 - "$tmp/web.sock" "$(port_of "${pids[1]}")" << 'END'
import os, signal, socket, sys, time
def connect(where):
    s = socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET)
    s.connect(where)
    s.settimeout(20)
    return s
def hold(where):
    """70 connections that never come to an end of their request; those that are closed are made again."""
    if isinstance(where, str):
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
    held = []
    while True:
        for s in list(held):
            try:
                s.sendall(b'y')
            except OSError:
                held.remove(s)
        while len(held) < 70:
            s = connect(where)
            held.append(s)
            try:
                s.sendall(b'GET / HTTP/1.1\r\nHost: localhost\r\nX: ')
            except OSError: # it was closed already
                pass
        print('.', end='', flush=True)
        time.sleep(0.2)
signal.alarm(120)
for where in (sys.argv[1], ('127.0.0.1', int(sys.argv[2]))):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(write, 1)
        try:
            hold(where)
        finally:
            os._exit(1)
    os.close(write)
    try:
        assert os.read(read, 1) == b'.', 'nobody holds any'
        longest = 0
        for _ in range(20):
            began = time.time()
            s = connect(where)
            s.sendall(b'GET /style.css HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
            assert s.recv(100).startswith(b'HTTP/1.1 200'), where
            longest = max(longest, time.time() - began)
            time.sleep(0.05)
        assert longest < 3, (where, longest)
        assert os.waitpid(child, os.WNOHANG) == (0, 0), 'who holds them has given up'
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
END
}

@test "a daemon has it served, again when it ends, and not when it is not asked to" {
    serve "$VMKEEPD"
    wait_for grep -q 'the status page is at unix:' "$tmp/log"
    wait_for knows_the_daemon
    is_a status /api/v1/status
    first=$(pgrep -P "${pids[0]}" -f vmkeep-web)
    kill "$first"
    wait_for grep -q 'the status page is not served: vmkeep-web has ended; tried again in 1 s' "$tmp/log"
    wait_for answers
    sed -i '/^web:/d' "$tmp/config"
    vmkeep reload
    wait_for is_gone
}
