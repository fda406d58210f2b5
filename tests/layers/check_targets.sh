#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Whoever builds a program alone (the demo does) gets the programs that it runs: those whose names
# stand in its layers' sources are among what Ninja builds for it.
#
#   tests/layers/check_targets.sh SOURCE_DIR BUILD_DIR
set -euo pipefail
cd "$1"
build=$2

# program: its layers
table='
vmkeepd: base policies engine storage jobs scheduler daemon
vmkeep: base policies storage report cli
'

bad=0
while IFS=: read -r program layers; do
    [[ -n $program ]] || continue
    read -ra folders <<<"$layers"
    inputs=$(ninja -C "$build" -t inputs "$program")
    names=$(grep -rhoE --include='*.c' '"vmkeep-[a-z]+"' "${folders[@]}" | tr -d '"' | sort -u)
    [[ -n $names ]] || { echo "$program: no name of a program is found in:$layers"; bad=1; }
    for name in $names; do
        grep -qE "(^|/)$name\$" <<<"$inputs" && continue
        echo "$program runs $name, and who builds $program alone does not get it: add_dependencies"
        bad=1
    done
done <<<"$table"
exit "$bad"
