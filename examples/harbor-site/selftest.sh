#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Proves the example by itself, in a directory and on ports of its own: both rings come up, 1.5 is
# deployed by its runbook, the batch job, backup, restore test and snapshots work, 1.6 fails in
# production only and is rolled back, 1.5.1 closes what 1.5 leaves open, and nothing is left running.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
root=$(mktemp -d)
trap 'status=$?; "$here/down.sh" "$root" >/dev/null || true; rm -rf "$root"; exit $status' EXIT
trap 'exit 130' INT TERM

# A base port whose five ports are free now.
base=$(python3 - <<'PYTHON'
import socket, sys
for base in range(18600, 19600, 5):
    try:
        for port in range(base, base + 5):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
    except OSError:
        continue
    print(base)
    sys.exit()
sys.exit("no five free ports")
PYTHON
)

ok() { echo "ok   $*"; }
expect() { # expect <what> <command...>
    local what=$1
    shift
    "$@" >"$root/output" 2>&1 || {
        echo "FAIL $what" >&2
        cat "$root/output" >&2
        exit 1
    }
    ok "$what"
}
refuse() { # refuse <what> <text in the message> <command...>
    local what=$1 text=$2
    shift 2
    if "$@" >"$root/output" 2>&1 || ! grep -qF -- "$text" "$root/output"; then
        echo "FAIL $what" >&2
        cat "$root/output" >&2
        exit 1
    fi
    ok "$what"
}
field() { # field <jq condition> <command...>
    local condition=$1
    shift
    "$@" | jq -e "$condition"
}
follow() { "$here/follow.py" "$1" "$root" "$2" "$here/runbooks/$3"; }
pids() { cat "$root"/*/*/nginx.pid "$root"/mail/sink.pid; }

expect "up" "$here/up.sh" "$root" "$base"
before=$(pids)
expect "up again changes nothing" "$here/up.sh" "$root"
[[ $(pids) == "$before" ]] || { echo "FAIL processes were started again" >&2 && exit 1; }
expect "the password file is private" test "$(stat -c %a "$root/production/backup/password")" = 600
expect "facts of the rings agree" test \
    "$("$root/bin/facts.sh" staging | jq -c 'del(.ring)')" = \
    "$("$root/bin/facts.sh" production | jq -c 'del(.ring)')"

expect "backup" field '.files > 10' "$root/bin/backup.sh" production
expect "backup status" field '.point != "" and .last_success' "$root/bin/backup.sh" production status
expect "restore test" field .restored "$root/bin/restore-test.sh" production
digests=("$root"/production/backup/digests/*)
sed -i '1s/^./z/' "${digests[0]}"
refuse "restore test sees a difference" '"restored": false' "$root/bin/restore-test.sh" production

for ring in staging production; do
    expect "1.5 on $ring" follow steps $ring deploy-1.5.md
    expect "1.5 smoke on $ring" follow smoke $ring deploy-1.5.md
done
expect "batch job" field '.arrivals == 3' "$root/bin/nightly.sh" production

id=$("$root/bin/snapshot.sh" take production slipway-CHG-2 2026-01-01T00:00:00Z | jq -r .id)
expect "snapshot is read back" field .intact "$root/bin/snapshot.sh" read production "$id"
expect "snapshot is listed as expired" field '.snapshots[0].expired' \
    "$root/bin/snapshot.sh" list production slipway-
expect "the connector's way gives the same snapshot" test "$id" = "$(
    env SLIPWAY_STORE="$root/production/snapshots" SLIPWAY_TAG=slipway-CHG-2 \
        SLIPWAY_EXPIRES=2026-01-01T00:00:00.000Z "$root/bin/snapshot.sh" take | jq -r .id)"
mkdir "$root/production/snapshots/by-hand"
refuse "a foreign snapshot is left alone" "not made by" \
    "$root/bin/snapshot.sh" remove production by-hand
refuse "a snapshot of another change is left alone" "carries the tag" \
    "$root/bin/snapshot.sh" remove production "$id" slipway-CHG-3

expect "1.6 on staging" follow steps staging deploy-1.6.md
expect "1.6 smoke on staging" follow smoke staging deploy-1.6.md
expect "1.6 on production" follow steps production deploy-1.6.md
refuse "1.6 smoke on production fails at the feed" "failed: feed nightly-report" \
    follow smoke production deploy-1.6.md
refuse "batch job cannot read the feed of 1.6" "cannot be read" "$root/bin/nightly.sh" production
expect "rollback to 1.5" follow steps production rollback-1.6.md
expect "1.5 smoke on production" follow smoke production rollback-1.6.md

list() { curl -sS -o /dev/null -w '%{http_code}' "http://127.0.0.1:$((base + 2))/pilots.csv"; }
expect "1.5 publishes the pilots' list" test "$(list)" = 200
refuse "1.5.1 came later and is not there" "is not on production" \
    "$root/bin/app.sh" switch 1.5.1 production
expect "1.5.1 is added" "$root/bin/app.sh" add "$here/hotfix/1.5.1" production
refuse "1.5.1 is added once" "on production already" \
    "$root/bin/app.sh" add "$here/hotfix/1.5.1" production
expect "1.5.1 on production" follow steps production deploy-1.5.1.md
expect "1.5.1 smoke on production" follow smoke production deploy-1.5.1.md
refuse "1.5.1 is not 1.5" "failed: version" follow smoke production rollback-1.5.1.md
expect "rollback to 1.5 again" follow steps production rollback-1.5.1.md
expect "1.5 smoke on production again" follow smoke production rollback-1.5.1.md
refuse "1.5 fails the smoke list of 1.5.1" "failed: version pilots-list" \
    follow smoke production deploy-1.5.1.md

expect "rollback to 1.4" follow steps production rollback-1.5.md
expect "1.4 smoke on production" follow smoke production rollback-1.5.md
expect "snapshot brings 1.5 back" field .done "$root/bin/snapshot.sh" revert production "$id"
expect "production serves 1.5" test "$("$root/bin/app.sh" version production)" = 1.5
expect "snapshot is removed" field .done "$root/bin/snapshot.sh" remove production "$id" \
    slipway-CHG-2

expect "mail is taken" curl -fsS --mail-from a@harbor.example --mail-rcpt b@harbor.example \
    -T "$here/oncall.yaml" "smtp://127.0.0.1:$(cat "$root/mail/port")"
expect "mail is kept" grep -q "X-Envelope-To: b@harbor.example" "$root"/mail/*.eml

left=$(pids)
expect "down" "$here/down.sh" "$root"
# shellcheck source=bin/process.sh
. "$here/bin/process.sh"
for pid in $left; do
    has_ended "$pid" || { echo "FAIL process $pid is still there" >&2 && exit 1; }
done
ok "no process is left"
echo "harbor site: all as it should be, ${SECONDS} s"
