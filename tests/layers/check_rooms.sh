#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The folders of engine/qmp are rooms with one way through them: which may include which is in the
# table below, and nothing is handed up but through pointers (struct side, qmp_hypervisor.tend).
# driver.c stands above them all; what is not in engine/qmp includes driver.h alone.
#
#   tests/layers/check_rooms.sh [SOURCE_DIR]
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"

# room: what it may include
table='
wire:
state: wire
domain: state wire
offline: domain state wire
look: offline domain state wire
tend: look offline domain state wire
begin: tend look offline domain state wire
'

bad=0
for room in engine/qmp/*/; do
    room=${room#engine/qmp/}
    grep -q "^${room%/}:" <<<"$table" || { echo "engine/qmp/$room: not in the table"; bad=1; }
done
while IFS=: read -r room allowed; do
    [[ -n $room ]] || continue
    while IFS=: read -r file line text; do
        used=$(sed -n 's|.*"engine/qmp/\([^/"]*\).*|\1|p' <<<"$text")
        [[ $used == "$room" || " $allowed " == *" $used "* ]] && continue
        echo "$file:$line: $room/ may not include $used (it may use:${allowed:- nothing})"
        bad=1
    done < <(grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include "engine/qmp/' \
        "engine/qmp/$room" || true)
done <<<"$table"
while IFS=: read -r file line text; do
    echo "$file:$line: this header is private to engine/qmp"
    bad=1
done < <(grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include "engine/qmp/[a-z_]+/' \
    base policies engine/*.[ch] engine/xml storage report notify jobs scheduler daemon cli web helpers mover || true)
exit "$bad"
