#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The folders of engine/qmp, and those of storage, are rooms with one way through them: which may include
# which is in the tables below.  In engine/qmp nothing is handed up but through pointers (struct side,
# qmp_hypervisor.tend); driver.c stands above its rooms, and what is not in engine/qmp includes driver.h
# alone.
#
#   tests/layers/check_rooms.sh [SOURCE_DIR]
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"

# room: what it may include
qmp='
wire:
state: wire
domain: state wire
offline: domain state wire
look: offline domain state wire
tend: look offline domain state wire
begin: tend look offline domain state wire
'
storage='
digest:
images:
definition:
places: images
repository: images digest
catalog: repository places
verify: repository images digest
merge: repository images digest
restore: verify repository definition images digest
rebuild: catalog repository
store: verify repository places digest
'

bad=0
check() # FOLDER TABLE
{
    local folder=$1 table=$2 room allowed file line text used

    for room in "$folder"/*/; do
        room=${room#"$folder"/}
        grep -q "^${room%/}:" <<<"$table" || { echo "$folder/$room: not in the table"; bad=1; }
    done
    while IFS=: read -r room allowed; do
        [[ -n $room ]] || continue
        while IFS=: read -r file line text; do
            used=$(sed -n "s|.*\"$folder/\([^/\"]*\).*|\1|p" <<<"$text")
            [[ $used == "$room" || " $allowed " == *" $used "* ]] && continue
            echo "$file:$line: $room/ may not include $used (it may use:${allowed:- nothing})"
            bad=1
        done < <(grep -rnE --include='*.[ch]' "^[[:space:]]*#[[:space:]]*include \"$folder/" \
            "$folder/$room" || true)
    done <<<"$table"
}
check engine/qmp "$qmp"
check storage "$storage"
while IFS=: read -r file line text; do
    echo "$file:$line: this header is private to engine/qmp"
    bad=1
done < <(grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include "engine/qmp/[a-z_]+/' \
    base policies engine/*.[ch] engine/xml storage report notify jobs scheduler daemon cli web helpers mover || true)
exit "$bad"
