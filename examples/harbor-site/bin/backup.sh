#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: backup.sh <ring> [status]
# Backs a ring's site up into its restic repository and keeps the digests of what went in beside
# it, so that a restore test compares with what was backed up and not with what is there later.
# `status` makes no backup and tells of the last one. Prints JSON.
# HARBOR_NOW (2026-11-30 16:00:00, in UTC) is the time to record, in an exercise with its own clock.
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/ring.sh"
load_ring "${1:-}"

if [[ ${2:-} == status ]]; then
    restic snapshots --no-cache --json --host "$RING" --latest 1 | jq --arg ring "$RING" '
        (. // [])[-1] as $last | {last_success: $last.time, point: ($last.id // ""),
         job: "harbor-site \($ring)", source: (($last.paths // []) | join(" "))}'
    exit
fi

cd "$RING_DIR" || exit
digests=$(tree_digests .)
summary=$(TZ=UTC restic backup --no-cache --json --host "$RING" --tag harbor-site \
    ${HARBOR_NOW:+--time "$HARBOR_NOW"} site |
    jq -c 'select(.message_type == "summary")')
# restic 0.14 prints the short id; a repository in a folder names the record's file by the long one.
record=$(compgen -G "$RESTIC_REPOSITORY/snapshots/$(jq -r .snapshot_id <<<"$summary")*")
id=${record##*/}
[[ $(tree_digests .) == "$digests" ]] || die "the site changed while it was backed up"
mkdir -p backup/digests
printf '%s\n' "$digests" >"backup/digests/$id"
jq -n --arg ring "$RING" --arg id "$id" --arg at "$(utc_now)" \
    --arg digest "$(content_digest <<<"$digests")" --argjson summary "$summary" \
    '{ring: $ring, snapshot_id: $id, finished_at: $at, content_digest: $digest,
      files: $summary.total_files_processed, bytes: $summary.total_bytes_processed,
      added_bytes: $summary.data_added}'
