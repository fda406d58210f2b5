#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The linker sees calls from one layer into another (tests/layers/probe.c); a type or a macro that
# is borrowed it cannot see.  So this reads each layer's #include lines against the table.
# "Private" headers (NAME_priv.h) must not be included from another layer at all.
#
#   tests/layers/check_includes.sh [SOURCE_DIR]
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"

# layer: what it may include.  The table that people read (docs/architecture.md) is the one that holds.
table=$(awk -F'|' '
    /^\| layer \| may use \|/ { inside = 1; next }
    inside && !/^\|/ { exit }
    inside && !/^\| ---/ {
        gsub("report/gather", "gather"); gsub(/nothing of ours|,/, " ", $3)
        n = split($2, layers, ",")
        for (i = 1; i <= n; i++) { gsub(" ", "", layers[i]); print layers[i] ":" $3 }
    }' docs/architecture.md)
[[ $table == *base:*helpers:* ]] || {
    echo "docs/architecture.md: the table of who may call whom is not found" >&2
    exit 1
}

# What others may include of a layer that has its inner headers in the same folder.
declare -A faces=([scheduler]=scheduler/scheduler.h)

# A driver is behind engine/hypervisor.h; who makes it may name it, nobody else.
drivers='engine/(qmp|libvirt)/'
may_name_drivers='engine daemon'

# A layer is a folder; the one that lies within another is cut out of it.
folder_of()
{
    [[ $1 == gather ]] && echo report/gather || echo "$1"
}

bad=0
while IFS=: read -r layer allowed; do
    [[ -n $layer ]] || continue
    within=
    [[ $layer != report ]] || within=--exclude-dir=gather
    while IFS=: read -r file line text; do
        [[ $text =~ \"([a-z]*)/.*\" ]] && used=${BASH_REMATCH[1]}
        [[ $text != *'"report/gather/'* ]] || used=gather
        [[ $used == "$layer" ]] && continue
        if [[ " $allowed " != *" $used "* ]]; then
            echo "$file:$line: $layer/ may not include $used/ (it may use:${allowed:- nothing})"
            bad=1
        elif [[ $text == *_priv.h* ]]; then
            echo "$file:$line: this header is private to $used/"
            bad=1
        elif [[ -n ${faces[$used]-} && $text != *"\"${faces[$used]}\""* ]]; then
            echo "$file:$line: this header is $used/'s own"
            bad=1
        elif [[ $text == *'"engine/xml/'* && $layer != daemon && $file != jobs/kept_request.c ]]; then
            echo "$file:$line: XML is read and written at the daemon's edge"
            bad=1
        elif [[ $text == *'"engine/libvirt/wire.h"'* && $file == helpers/libvirt/* ]]; then
            continue # the other end of the driver's line
        elif [[ $text =~ \"$drivers && " $may_name_drivers " != *" $layer "* ]]; then
            echo "$file:$line: $layer/ may not name a hypervisor's driver"
            bad=1
        fi
    done < <(grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include "[a-z]+/' \
        $within "$(folder_of "$layer")" || true)
done <<<"$table"
exit "$bad"
