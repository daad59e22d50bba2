#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: nightly.sh <ring>
# The nightly batch job: reads the site's feed through the load balancer, as any other consumer
# would, and writes the arrivals report. Its contract with the site, which every release must keep:
#   terminal    text
#   updated_at  time
#   berths[]    berth, vessel, eta, cargo (text each), at least one berth
# It fails, names what is missing and leaves the last report in place when the feed breaks that.
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/ring.sh"
load_ring "${1:-}"

feed=$(curl -fsS --max-time 5 "$LB_URL/feed.json") || die "the feed of $RING cannot be read"

missing=$(jq -r '
    def absent(f; path): if (f | type) == "string" then empty else path end;
    absent(.terminal; "terminal"), absent(.updated_at; "updated_at"),
    (if (.berths | type) == "array" and (.berths | length) > 0 then
        .berths | to_entries[] | .key as $at | .value as $berth |
        ("berth", "vessel", "eta", "cargo") as $name |
        absent($berth[$name]; "berths[\($at)].\($name)")
     else "berths" end)' <<<"$feed") || die "the feed of $RING is not JSON of the agreed form"
[[ -z $missing ]] || die "the feed of $RING lacks: ${missing//$'\n'/, }"

report=$RING_DIR/reports/arrivals.txt
mkdir -p "$RING_DIR/reports"
jq -r '
    "Arrivals at \(.terminal), as of \(.updated_at)",
    (.berths | sort_by(.eta)[] | "\(.eta)  \(.berth)  \(.vessel) (\(.cargo))"),
    "\(.berths | length) arrivals"' <<<"$feed" >"$report.new"
mv "$report.new" "$report"
jq -n --arg ring "$RING" --arg report "$report" --arg at "$(utc_now)" \
    --argjson arrivals "$(jq '.berths | length' <<<"$feed")" \
    '{ring: $ring, report: $report, written: $at, arrivals: $arrivals}'
