#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: down.sh [directory]
# Ends everything that up.sh started there, by pid. State is kept; remove the directory to forget.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
root=${1:-$here/../../.run/harbor}
[[ -d $root ]] || exit 0
HARBOR_ROOT=$(cd "$root" && pwd)
export HARBOR_ROOT
# shellcheck source=bin/ring.sh
. "$here/bin/ring.sh"
# shellcheck source=bin/process.sh
. "$here/bin/process.sh"

for ring in staging production; do
    for role in lb app; do
        end_process "$HARBOR_ROOT/$ring/$role/nginx.pid" "$HARBOR_ROOT/$ring/$role/"
    done
done
end_process "$HARBOR_ROOT/mail/sink.pid" "$HARBOR_ROOT/mail"
rm -f "$HARBOR_ROOT/mail/port"
echo "harbor site is down"
