#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# vmkeep-notify against receivers that behave badly, and `vmkeep notify watch` where little works.
# VMKEEP and NOTIFY name the programs.
#
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own

bats_require_minimum_version 1.5.0

setup_file() {
    here=$(mktemp -d)
    export here
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=snakeoil \
        -keyout "$here/key.pem" -out "$here/cert.pem" 2> /dev/null
    /usr/bin/python3 "$BATS_TEST_DIRNAME/hostile_receivers.py" "$here" > "$here/log" 2>&1 3>&- &
    export receivers=$!
    for _ in {1..500}; do
        [ ! -s "$here/ports" ] || break
        sleep 0.02
    done
    read -r web smtp < "$here/ports"
    export web smtp
}

teardown_file() {
    kill "$receivers" || true
    rm -rf "$here"
}

# ask MEMBERS: of a request, but for the message.
ask() {
    jq -cn --arg m '{"kind":"test","subject":"s","text":"one\ntwo\n","machine":"hv"}' \
        "{do: \"send\", message: \$m} + $1" | "$NOTIFY"
}

hook() {
    ask "{kind: \"webhook\", format: \"json\", url: \"http://127.0.0.1:$web/$1\"}"
}

@test "what a receiver says is quoted as text, and not with the secret it was asked for" {
    run -1 hook bytes
    jq -e '.error.code == "remote"' <<< "$output"
    [[ $output != *$'\e'* ]]
    run -1 hook echo/tk_secret
    jq -e '.error.text | endswith("status 500: (it repeats what it was asked for)")' <<< "$output"
    [[ $output != *tk_secret* ]]
}

@test "an answer without an end is not read to it; what was taken was, however the answer ends" {
    SECONDS=0
    run -1 hook endless
    jq -e '.error.text | contains("status 500")' <<< "$output"
    [ "$SECONDS" -lt 15 ]
    run -0 hook taken
    [ "$(grep -c '^/taken' "$here/http")" = 1 ]
}

@test "a mail server on this machine needs no certificate that anybody has signed; any other does" {
    run -0 ask "{kind: \"mail\", to: [\"ops@example.org\"], via: \"smtp://localhost:$smtp\"}"
    grep -q '^Subject: s' "$here/mail"
    run -0 ask "{kind: \"mail\", to: [\"ops@example.org\"], via: \"smtp://127.0.0.1:$smtp\"}"
    run -1 ask "{kind: \"mail\", to: [\"ops@example.org\"], via: \"smtp://127.0.0.2:$smtp\"}"
    run -1 ask "{kind: \"mail\", to: [\"ops@example.org\"], via: \"smtp://127.0.0.1:$smtp\", ca: \"$here/key.pem\"}"
    printf 'u\np\n' > "$here/login"
    chmod 600 "$here/login"
    run -1 ask "{kind: \"mail\", to: [\"ops@example.org\"], via: \"smtp://localhost:$smtp\", credentials: \"$here/login\"}"
    [[ $output == *certificate* ]]
}

@test "a sendmail that the unit does not let work: what to do is said" {
    mkdir "$here/bin"
    printf '#!/bin/sh\necho "exim: setgid(0) failed: Operation not permitted" >&2\nexit 1\n' > "$here/bin/sendmail"
    chmod +x "$here/bin/sendmail"
    # shellcheck disable=SC2016 # the wrapper expands it
    printf '#!/bin/sh\nPATH=%s:$PATH exec setpriv --no-new-privs %s\n' "$here/bin" "$NOTIFY" > "$here/notify"
    chmod +x "$here/notify"
    NOTIFY=$here/notify
    run -1 ask '{kind: "mail", to: ["ops@example.org"], via: "sendmail"}'
    [[ $output == *'setgid(0) failed'*'via: smtp://localhost'* ]]
    # One that works is as good there: Postfix's, for root.
    printf '#!/bin/sh\nexec cat > %s\n' "$here/queued" > "$here/bin/sendmail"
    run -0 ask '{kind: "mail", to: ["ops@example.org"], via: "sendmail"}'
    grep -q '^Subject: s$' "$here/queued"
}

@test "no sendmail is installed: what is missing, and what to do" {
    [ ! -e /usr/sbin/sendmail ] && [ ! -e /usr/lib/sendmail ] || skip "this machine has one"
    run -1 ask '{kind: "mail", to: ["ops@example.org"], via: "sendmail"}'
    [ "$(jq -r .error.text <<< "$output")" = "there is no program sendmail on this machine: install what brings one (Debian: \
postfix, exim4, msmtp-mta or nullmailer), or name a mail server with \`via: smtp://HOST\`" ]
}

@test "a secret of another user's is refused" {
    [ "$(id -u)" = 0 ] || skip "it takes root"
    echo "http://127.0.0.1:$web/x" > "$here/url"
    chmod 600 "$here/url"
    chown 65534 "$here/url"
    run -1 ask "{kind: \"webhook\", format: \"json\", url_file: \"$here/url\"}"
    [[ $output == *"another user's"* ]]
}

# told N: so often the daemon was told to be down.
told() {
    [ "$(grep -c down "$here/told" || true)" = "$1" ] || { cat "$here/told"; return 1; }
}

@test "watch tells once where its file can be written no more, and what one target took before another" {
    cat > "$here/config" << END
catalog: $here/catalog.db
control: $here/control.sock
notify:
  - { name: a, command: [/bin/sh, -c, 'echo down >> $here/told'], conditions: [daemon] }
  - { name: b, command: [/bin/sh, -c, 'kill -KILL \$(cat $here/watch)'], conditions: [daemon] }
END
    : > "$here/told"
    # Killed over the second target, it knows what the first was told.
    sh -c "echo \$\$ > '$here/watch'; exec '$VMKEEP' --config '$here/config' notify watch" || true
    told 1
    sed -i 's/kill -KILL/: /' "$here/config"
    "$VMKEEP" --config "$here/config" notify watch
    told 1
    # A full disk takes no second file.
    : > "$here/told"
    mkdir "$here/catalog.db.watch.tmp"
    sed -i '/name: b/d; s/name: a/name: c/' "$here/config"
    "$VMKEEP" --config "$here/config" notify watch
    told 1
    "$VMKEEP" --config "$here/config" notify watch
    told 1
    jq -e 'keys == ["c"]' "$here/catalog.db.watch" > /dev/null
}

@test "of two watches at one time one tells" {
    cat > "$here/config" << END
catalog: $here/two.db
control: $here/control.sock
notify:
  - { name: a, command: [/bin/sh, -c, 'echo down >> $here/told; while [ ! -e $here/go ]; do sleep 0.05; done'], conditions: [daemon] }
END
    : > "$here/told"
    "$VMKEEP" --config "$here/config" notify watch 3>&- &
    until told 1; do sleep 0.05; done
    (sleep 5; touch "$here/go") 3>&- &
    run -5 "$VMKEEP" --config "$here/config" notify watch
    [[ $output == *"another \`vmkeep notify watch\` is at it"* ]]
    touch "$here/go"
    wait
    told 1
    "$VMKEEP" --config "$here/config" notify watch
    told 1
}

@test "what sendmail and the page write to stays open under doctor --unit" {
    cat > "$here/config" << END
catalog: $here/catalog.db
control: $here/control.sock
web: unix:$here/page/web.sock
notify: [{ mail: { to: [ops@example.org] } }]
END
    run -0 "$VMKEEP" --config "$here/config" doctor --unit
    [[ $output == *'ReadWritePaths="-/var/spool"'* && $output == *"ReadWritePaths=\"-$here/page\""* ]]
    sed -i 's|to: .ops@example.org.|&, via: "smtp://localhost"|' "$here/config"
    run -0 "$VMKEEP" --config "$here/config" doctor --unit
    [[ $output != */var/spool* ]]
}
