#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What every command prints fits 80 columns, however long names are; what cannot be parted, a name or a path, has a
# line of its own.  With a real QEMU and a daemon.  Errors are one line each, and are not looked at; nor is the first
# line of status, which a monitoring system takes.
. "$(dirname "$0")/lib.sh"
unset COLUMNS

host=hypervisor-number-one-of-the-data-centre
vm=mailserver-of-the-accounting-department
policy=weekly-copy-for-the-auditors
repository=offsite-repository-in-the-other-building
point=

# not here: what programs read, what asks an editor or waits for ever, and what prints a word or an XML document.
elsewhere=" init metrics cancel reload calendar retention export files mount backup-begin backup-dumpxml domjobabort event checkpoint-create \
checkpoint-create-as checkpoint-dumpxml checkpoint-parent checkpoint-edit checkpoint-delete "
seen=" "

make_disks "$vm" vda
ln -s "$vm.qmp" "$tmp/vm.qmp"
ln -s "$vm.test" "$tmp/vm.test"
start_vm "$vm" vda
mkdir "$tmp/repo" "$tmp/second"
cat > "$tmp/config" <<END
catalog: $tmp/catalog.db
control: $tmp/control.sock
hosts:
  - name: $host
    driver: qemu
    domains:
      - { name: $vm, qmp: $tmp/$vm.qmp }
      - { name: web01, qmp: $tmp/web01.qmp }
repositories:
  - { name: $repository, path: $tmp/repo }
  - { name: second-repository-below-the-hills, path: $tmp/second }
  - { name: away, path: $tmp/a/path/that/is/as/long/as/these/names/and/leads/nowhere/at/all }
policies:
  - { name: $policy, domains: ["$vm"], repository: $repository, schedule: $never, copy_to: [ { repository: second-repository-below-the-hills, schedule: ["2199-01-01"] } ], rpo: 8d }
  - { name: other, domains: ["*"], repository: away, schedule: $never, rpo: 8d }
END

one_word='^ *[^ ]+$' # all of a line

too_long() # COMMAND LINE
{
    echo "$1 prints ${#2} columns: $2" | tee -a "$tmp/long" >&2
}

# fits COMMAND...: its output does.
fits()
{
    local line first=1
    seen+="$1 "
    vmkeep "$@" > "$tmp/out" 2>> "$tmp/err" < /dev/null || [ $? -ne 2 ] || fail "$*: status: $(tail -n 3 "$tmp/err")"
    [ -s "$tmp/out" ] || [ "$1" = restore ] || fail "$*: prints nothing: $(tail -n 3 "$tmp/err")"
    while IFS= read -r line; do
        if [ "${#line}" -gt 80 ] && ! [[ $line =~ $one_word ]] && ! { [ "$1" = status ] && [ "$first" = 1 ]; }; then
            too_long "$*" "$line"
        fi
        first=
    done < "$tmp/out"
}

start_daemon
await_daemon
echo "- with a daemon"
fits run "$vm" --wait
fits run "$policy" --wait
fits run "$policy"
point=$(points | jq -r '.[0].id')
for command in status report "status $vm" points jobs "jobs --active" domains doctor "explain $vm" "explain $point" "explain 1" \
    "prune --dry-run" "prune --wait" "prune" "delete $point --dry-run --with-dependents --force" "domjobinfo $vm" \
    "domjobinfo $vm --completed" "checkpoint-list $vm" "checkpoint-list $vm --parent" "checkpoint-list $vm --tree" \
    "repository list" "repository check $repository" "repository check away" "repository adopt $repository --dry-run" \
    "repository forget $repository --dry-run --force" "check" \
    "restore $vm --dry-run --to $tmp/to" "restore $vm --to $tmp/to" "restore $point --to $tmp/to2" \
    "verify --dry-run" "verify $vm" "simulate $policy" "simulate $policy --full 999GiB --days 9"; do
    # shellcheck disable=SC2086
    fits $command
done
name=$(vmkeep checkpoint-list "$vm" --name)
fits checkpoint-info "$vm" "$name"
fits copy --to second-repository-below-the-hills --dry-run
fits copy "$vm" --to second-repository-below-the-hills --wait
fits pin "$point" --until 2198-01-01 --note "before the accounting department gets its new programs, and until all of them are in use"
fits points
fits explain "$point"
fits prune --dry-run
fits unpin "$point"

echo "- a point that is gone, and one that nobody knows"
cp -r "$tmp/repo/$point" "$tmp/repo/${point%%.*}.$policy@0123456789abcdef-99"
mv "$tmp/repo/$point" "$tmp/moved"
vmkeep reload
for command in status points doctor "explain $vm" "repository check $repository" "restore $vm --to $tmp/to3" \
    verify; do
    # shellcheck disable=SC2086
    fits $command
done
rm -r "$tmp/repo/${point%%.*}.$policy@0123456789abcdef-99"
mv "$tmp/moved" "$tmp/repo/$point"

echo "- a job that waits, and one that is under way"
sed -i "s/rpo: 8d }/rpo: 8d, bandwidth: 100KiB\/s }/" "$tmp/config"
vmkeep reload
vmkeep run "$policy" --level full > /dev/null
vmkeep prune "$vm" > /dev/null
copies() { vmkeep jobs --active --json | jq -e 'map(.step) | index("copying")'; }
wait_for 20 "the copy" copies
fits jobs --active
fits jobs
fits status
fits domjobinfo "$vm"
# On a terminal, of a line that changes nothing is broken off in its middle.
TERM=xterm script -qc "stty cols 60; timeout 3 '$VMKEEP' --config '$tmp/config' run $policy --wait" /dev/null > "$tmp/out" || true
tr '\r' '\n' < "$tmp/out" | sed 's/\x1b\[K//' | grep copying > "$tmp/lines" || fail "no progress: $(cat "$tmp/out")"
while IFS= read -r line; do
    [ "${#line}" -lt 60 ] || too_long progress "$line"
done < "$tmp/lines"
vmkeep cancel "$(vmkeep jobs --active --json | jq -r 'map(select(.step == "copying"))[0].id')" > /dev/null
TERM=xterm script -qc "stty cols 80; timeout 3 '$VMKEEP' --config '$tmp/config' jobs --watch" /dev/null > "$tmp/out" || true
tr -d '\r' < "$tmp/out" | sed 's/\x1b\[[0-9;]*[A-Za-z]//g' > "$tmp/lines"
while IFS= read -r line; do
    [ "${#line}" -le 80 ] || [[ $line =~ $one_word ]] || too_long "jobs --watch" "$line"
done < "$tmp/lines"

echo "- what has left"
sed -i "/name: $policy/d" "$tmp/config"
vmkeep reload
for command in status points jobs domains "explain $point" "checkpoint-prune --dry-run" "checkpoint-prune --wait"; do
    # shellcheck disable=SC2086
    fits $command
done
fits delete "$point" --with-dependents --force --yes --wait

echo "- without the daemon"
stop_daemon
for command in status points jobs domains "jobs --active" "explain $vm" "prune --dry-run" "checkpoint-list $vm" \
    "notify list" "notify conditions" "rebuild-catalog --dry-run --repository $repository"; do
    # shellcheck disable=SC2086
    fits $command
done

echo "- no command was left out"
for command in $(vmkeep --help | sed -n '/^Commands:/,/^Options:/s/^  \([a-z-]*\) .*/\1/p'); do
    [[ $seen == *" $command "* || $elsewhere == *" $command "* ]] || fail "$command: nobody has looked at what it prints"
done
[ ! -e "$tmp/long" ] || fail "$(wc -l < "$tmp/long") lines are too long"
