#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Within a folder, too, includes and calls shall go one way.  This finds files that include one
# another in a circle, or, when they share a header, call one another in one: NAME.c, NAME.h and
# NAME_priv.h are one, and two that need each other are let pass.  Who calls whom is read from
# BUILD_DIR's object files; without it only includes are looked at.  A circle that is known and not
# mended yet stands below; it may lose files, not gain any.
#
#   tests/layers/check_circles.sh [SOURCE_DIR [BUILD_DIR]]
set -euo pipefail
build=${2:+$(cd "$2" && pwd)}
cd "${1:-$(dirname "$0")/../..}"

# folder: the files of one circle
known='
cli: cmd_complete commands complete
daemon: control control_api control_commands
storage/catalog: db db_open db_copy db_place
'

# "FOLDER A B": A includes B
includes()
{
    grep -rnE --include='*.[ch]' --exclude-dir=build --exclude-dir=.git \
        '^[[:space:]]*#[[:space:]]*include "' . |
        sed -nE 's|^\./(.*)/([^/]*)\.[ch]:[0-9]+:.*"\1/([^/]*)\.h".*|\1 \2 \3|p' |
        sed -E 's/_priv( |$)/\1/g' | awk '$2 != $3' | sort -u
}

# "OBJECT FOLDER NAME" of each file of the product.
objects()
{
    sed -nE 's|^ *"command": ".* -o ([^ ]*) -c '"$PWD"'/([^ ]*)/([^ /]*)\.c",?$|\1 \2 \3|p' \
        "$build/compile_commands.json" | grep -vE ' (tests|build)/'
}

# "FOLDER A B": A calls B, or has something of its by name
calls()
{
    local list
    list=$(objects)
    [[ -n $list ]] || {
        echo "check_circles: $build/compile_commands.json has no file of $PWD" >&2
        exit 2
    }
    (cd "$build" && cut -d ' ' -f 1 <<<"$list" | xargs nm --extern-only --print-file-name \
        --format=posix) | sed 's/: / /' |
        awk '
            NR == FNR { folder[$1] = $2; name[$1] = $3; next }
            $2 ~ /^__/ { next }
            $3 != "U" { where[folder[$1], $2] = name[$1]; next }
            { n++; f[n] = folder[$1]; from[n] = name[$1]; symbol[n] = $2 }
            END {
                for (i = 1; i <= n; i++)
                    if ((f[i], symbol[i]) in where && where[f[i], symbol[i]] != from[i])
                        print f[i], from[i], where[f[i], symbol[i]]
            }' <(echo "$list") - | sort -u
}

# Each circle of more than two as "FOLDER: A B C ...".
circles()
{
    awk '
        { edge[$1, $2, $3] = 1; of[$1] = of[$1] " " $2 " " $3 }
        END {
            for (folder in of) {
                n = split("", name)
                split("", seen)
                m = split(of[folder], word, " ")
                for (i = 1; i <= m; i++)
                    if (!(word[i] in seen)) {
                        seen[word[i]] = 1
                        name[++n] = word[i]
                    }
                split("", to)
                for (i = 1; i <= n; i++)
                    for (j = 1; j <= n; j++)
                        if ((folder, name[i], name[j]) in edge)
                            to[i, j] = 1
                for (k = 1; k <= n; k++)
                    for (i = 1; i <= n; i++)
                        if ((i, k) in to)
                            for (j = 1; j <= n; j++)
                                if ((k, j) in to)
                                    to[i, j] = 1
                split("", told)
                for (i = 1; i <= n; i++) {
                    size = 1
                    list = name[i]
                    for (j = 1; j <= n; j++)
                        if (j != i && (i, j) in to && (j, i) in to) {
                            told[j] = 1
                            list = list " " name[j]
                            size++
                        }
                    if (size > 2 && !(i in told))
                        print folder ": " list
                }
            }
        }'
}

bad=0

# tell WHAT: the circles on standard input that are not known
tell()
{
    while IFS=: read -r folder files; do
        new=()
        for file in $files; do
            grep -qE "^$folder:.* $file( |\$)" <<<"$known" || new+=("$file")
        done
        [[ ${#new[@]} -gt 0 ]] || continue
        echo "$folder/: files $1 one another in a circle:$files"
        bad=1
    done
}

tell include < <(includes | circles | sort)
if [[ -n $build ]]; then
    who_calls=$(calls)
    tell call < <(circles <<<"$who_calls" | sort)
fi
exit "$bad"
