#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Within a folder, too, includes shall run one way.  This finds files that include one another in a
# circle: NAME.c, NAME.h and NAME_priv.h are one, and two that need each other are let pass.  A
# circle that is known and not mended yet stands below; it may lose files, not gain any.
#
#   tests/layers/check_circles.sh [SOURCE_DIR]
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"

# folder: the files of one circle
known='
'

# "FOLDER A B": A includes B
includes()
{
    grep -rnE --include='*.[ch]' --exclude-dir=build --exclude-dir=.git \
        '^[[:space:]]*#[[:space:]]*include "' . |
        sed -nE 's|^\./(.*)/([^/]*)\.[ch]:[0-9]+:.*"\1/([^/]*)\.h".*|\1 \2 \3|p' |
        sed -E 's/_priv( |$)/\1/g' | awk '$2 != $3' | sort -u
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
while IFS=: read -r folder files; do
    new=()
    for file in $files; do
        grep -qE "^$folder:.* $file( |\$)" <<<"$known" || new+=("$file")
    done
    [[ ${#new[@]} -gt 0 ]] || continue
    echo "$folder/: files include one another in a circle:$files"
    bad=1
done < <(includes | circles | sort)
exit "$bad"
