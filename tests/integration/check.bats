#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# `vmkeep check`: where its answer goes, and its exit status.  What it says of a configuration is
# tests/unit/test_config.c's.  VMKEEP names the program.

setup() {
    export COLUMNS=1000
    fixtures="$BATS_TEST_DIRNAME/../fixtures/config"
    out="$BATS_TEST_TMPDIR/out"
    err="$BATS_TEST_TMPDIR/err"
}

# check STATUS ARGUMENT...: standard output in $out, standard error in $err.
check() {
    local want=$1 status=0
    shift
    "$VMKEEP" check "$@" > "$out" 2> "$err" || status=$?
    [ "$status" -eq "$want" ] || { echo "exit status $status"; cat "$err"; return 1; }
}

@test "a good configuration: one line on standard output" {
    example="$BATS_TEST_DIRNAME/../../config.example"
    check 0 "$example"
    [ "$(cat "$out")" = "$example: ok: 1 host, 1 repository, 1 policy" ]
    # What it names is not on this machine; more is not wrong with it.
    ! grep -vE "^$example: warning: (repository|disk|domain) '" "$err"
}

@test "who may not read the catalog is not told which domains there are not" {
    cat > "$BATS_TEST_TMPDIR/config" <<END
catalog: $BATS_TEST_TMPDIR/catalog.db
control: $BATS_TEST_TMPDIR/sock
hosts: [{ name: local, driver: libvirt, uri: "qemu:///system" }]
repositories: [{ name: main, path: $BATS_TEST_TMPDIR }]
policies: [{ name: all, domains: ["*"], repository: main, schedule: { full: daily } }]
END
    check 0 "$BATS_TEST_TMPDIR/config"
    grep -q 'policy all: matches no domain that is known' "$err"
    install -m 0 /dev/null "$BATS_TEST_TMPDIR/catalog.db"
    setpriv --bounding-set -all --inh-caps -all "$VMKEEP" check "$BATS_TEST_TMPDIR/config" > "$out" 2> "$err"
    ! grep -q 'matches no domain' "$err"
}

@test "without FILE: that of --config" {
    check 0 --config "$fixtures/valid/every-key.yaml"
    grep -q 'ok: 3 hosts, 2 repositories, 2' "$out"
}

@test "warnings: on standard error, and exit status 0" {
    check 0 "$fixtures/valid/empty-mapping.yaml"
    grep -q 'ok: 0 hosts, 0 repositories, 0 policies' "$out"
    diff "$err" <(sed "s|^|$fixtures/valid/|" "$fixtures/valid/empty-mapping.expected")
}

@test "errors: on standard error, and exit status 2" {
    check 2 "$fixtures/invalid/drivers.yaml"
    [ ! -s "$out" ]
    diff "$err" <(sed "s|^|$fixtures/invalid/|" "$fixtures/invalid/drivers.expected")
}

@test "--json: all of them on standard output" {
    check 2 --json "$fixtures/invalid/no-repository-at-all.yaml"
    [ ! -s "$err" ]
    jq -e --arg file "$fixtures/invalid/no-repository-at-all.yaml" '. == [{file: $file, line: 2,
        column: 42, severity: "error",
        text: "policies[0] '"'a'"': repository: no repository is called '"'main'"'; known: none"}]' "$out"
    check 0 --json "$fixtures/valid/every-key.yaml"
    jq -e 'map(select(.line > 0)) | length == 2 and all(.severity == "warning")' "$out"
    check 0 --json "$fixtures/valid/minimal.yaml"
    jq -e 'map(select(.line > 0)) == []' "$out"
}

@test "texts that are cut within a character are still JSON" {
    check 2 --json "$fixtures/invalid/long-values.yaml"
    jq -e 'length == 5' "$out"
}

@test "a glob of disks that names none of those configured, before a daemon has seen any" {
    local config="$BATS_TEST_TMPDIR/config"
    cat > "$config" <<-END
	catalog: $BATS_TEST_TMPDIR/catalog.db
	hosts:
	  - name: lab
	    driver: qemu
	    domains:
	      - { name: web01, qmp: /run/1.qmp, disks: [{ name: vda, image: /images/1.raw }] }
	      - { name: web02, qmp: /run/2.qmp, disks: [{ name: sda, image: /images/2.raw }] }
	      - { name: new, qmp: /run/3.qmp }
	repositories: [{ name: main, path: $BATS_TEST_TMPDIR }]
	policies:
	  - { name: web, domains: [web*], disks: ["*", vdx, "!vdz", s*], repository: main, schedule: { full: daily } }
	  - { name: all, domains: ["*"], disks: [vdx], repository: main, schedule: { full: daily } }
	END
    check 0 "$config"
    [ "$(grep -c 'of its disks' "$err")" -eq 1 ]
    grep -qF "$config: warning: policy web: 'vdx' of its disks matches no disk of any of its domains: correct the pattern, or remove it" "$err"
}

@test "sockets where nothing is" {
    local dir="$BATS_TEST_TMPDIR" config="$BATS_TEST_TMPDIR/config"
    cat > "$config" <<-END
	catalog: $dir/catalog.db
	hosts:
	  - name: lab
	    driver: qemu
	    domains:
	      - { name: gone, qmp: $dir/gone.qmp, agent: $dir/gone.agent }
	      - { name: off, qmp: $dir/off.qmp, disks: [{ name: vda, image: $dir/off.raw }] }
	      - { name: file, qmp: $dir/file.qmp }
	      - { name: deaf, qmp: $dir/deaf.qmp, agent: $dir/deaf.agent }
	      - { name: well, qmp: $dir/well.qmp, agent: $dir/well.agent }
	repositories: [{ name: main, path: $dir }]
	policies: [{ name: all, domains: ["*"], repository: main, schedule: { full: daily } }]
	END
    touch "$dir/file.qmp" "$dir/off.raw"
    for name in deaf.qmp well.qmp well.agent; do
        python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$dir/$name"
    done
    check 0 "$config"
    said() { grep -qxF "$config: warning: domain 'lab/$1" "$err" || { cat "$err"; return 1; }; }
    said "gone': nothing is at $dir/gone.qmp, where its QMP socket should be: start it, or correct \`qmp\`, or name its images (\`disks\`), and it is backed up while it is shut off, too"
    said "off': nothing is at $dir/off.qmp, where its QMP socket should be: that is right while it is shut off; else correct \`qmp\`"
    said "file': $dir/file.qmp is no socket: correct \`qmp\`"
    said "deaf': nothing is at $dir/deaf.agent, where its agent's socket should be: correct \`agent\`, or start it with one; until then its backups are not quiesced"
    [ "$(grep -c "warning: domain '" "$err")" -eq 4 ]
}

@test "targets of notifications: files and programs that are not there, or that others may read" {
    local dir="$BATS_TEST_TMPDIR" config="$BATS_TEST_TMPDIR/config"
    cat > "$config" <<-END
	catalog: $dir/catalog.db
	notify:
	  - { name: hook, webhook: { url_file: $dir/url, headers_file: $dir/headers } }
	  - { name: open, webhook: { url_file: $dir/open } }
	  - { name: ping, healthchecks: { url_file: $dir/empty } }
	  - { name: post, mail: { to: ops@example.org, via: "smtps://mx.example.org", credentials: $dir/login, ca: $dir/ca } }
	  - { name: local, mail: { to: root } }
	  - { name: tell, command: [$dir/tell, x] }
	  - { name: plain, command: [$dir/open] }
	  - { name: well, webhook: { url_file: $dir/good } }
	web: 0.0.0.0:9810
	web_access: { token: $dir/token, certificate: $dir/cert, key: $dir/good }
	repositories: [{ name: main, path: $dir }]
	policies: [{ name: all, domains: ["*"], repository: main, schedule: { full: daily }, healthchecks: { url_file: $dir } }]
	END
    echo https://example.org > "$dir/open"
    install -m 600 "$dir/open" "$dir/good"
    install -m 600 /dev/null "$dir/empty"
    check 0 "$config"
    said() { grep -qxF "$config: warning: $1" "$err" || { cat "$err"; return 1; }; }
    for file in url headers; do
        said "target 'hook': $dir/$file: No such file or directory; nothing is sent to it until that is mended"
    done
    said "target 'open': $dir/open: others than its owner may read it: \`chmod 600 $dir/open\`, and think of what is in it as known; nothing is sent to it until that is mended"
    said "target 'ping': $dir/empty: it is empty; nothing is sent to it until that is mended"
    for file in login ca; do
        said "target 'post': $dir/$file: No such file or directory; nothing is sent to it until that is mended"
    done
    said "target 'tell': $dir/tell: No such file or directory; nothing is sent to it until that is mended"
    said "target 'plain': $dir/open: Permission denied; nothing is sent to it until that is mended"
    said "healthchecks of policy 'all': $dir: it is not a file; nothing is sent to it until that is mended"
    for file in token cert; do
        said "web_access: $dir/$file: No such file or directory; there is no status page until that is mended"
    done
    n=11
    if [ ! -e /usr/sbin/sendmail ] && [ ! -e /usr/lib/sendmail ]; then
        said "target 'local': there is no program sendmail on this machine: install what brings one (Debian: postfix, exim4, msmtp-mta or nullmailer), or name a mail server with \`via: smtp://HOST\`; nothing is sent to it until that is mended"
        n=12
    fi
    [ "$(grep -cE "warning: (target|healthchecks|web_access)" "$err")" -eq "$n" ]
}

@test "a file that cannot be read" {
    check 2 "$BATS_TEST_TMPDIR/none"
    [ "$(cat "$err")" = "$BATS_TEST_TMPDIR/none: No such file or directory
vmkeep: check: \`vmkeep --config $BATS_TEST_TMPDIR/none init\` makes one" ]
    check 2 --json "$BATS_TEST_TMPDIR/none"
    jq -e '.[0].line == 0 and .[0].text == "No such file or directory"' "$out"
}

@test "bad usage" {
    check 2 a b
    grep -q '^vmkeep: check: one FILE at most' "$err"
    check 2 --jsn
    grep -q 'did you mean --json' "$err"
    check 0 --help
    grep -q '^Usage: vmkeep check' "$out"
}
