#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Two hosts may have domains of one name, so no line of the log names a domain without its host:
# "domain=HOST/DOMAIN".
#
#   tests/layers/check_log.sh [SOURCE_DIR]
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"

if grep -rnE --include='*.c' 'domain=%s([^/]|$)' base policies engine storage report notify jobs scheduler \
    daemon cli mover helpers; then
    echo "check_log: these name a domain without its host: domain=%s/%s" >&2
    exit 1
fi
