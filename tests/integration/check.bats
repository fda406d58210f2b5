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
    ! grep -vE "^$example: warning: (repository|disk) '" "$err"
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
