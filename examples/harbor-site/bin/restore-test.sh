#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: restore-test.sh <ring>
# Restores the newest snapshot into a scratch folder, compares every file and link with the digests
# recorded when it was made, and removes the scratch folder. Prints JSON; exit status 1 when
# anything differs or there is no snapshot.
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/ring.sh"
load_ring "${1:-}"

scratch=$(mktemp -d "$RING_DIR/restore-test.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

snapshot=$(restic snapshots --no-cache --json --host "$RING" --latest 1 | jq -c '.[-1] // empty')
[[ -n $snapshot ]] || die "there is no snapshot of $RING"
id=$(jq -r .id <<<"$snapshot")
recorded=$RING_DIR/backup/digests/$id
[[ -r $recorded ]] || die "no digests were recorded for snapshot $id"

started=$(utc_now)
restic restore --no-cache --quiet --verify "$id" --target "$scratch" >&2
tree_digests "$scratch" >"$scratch/digests"

differences=$(diff "$recorded" "$scratch/digests" || true)
jq -n --arg ring "$RING" --argjson snapshot "$snapshot" --arg started "$started" \
    --arg ended "$(utc_now)" --arg digest "$(content_digest <"$scratch/digests")" \
    --arg differences "$differences" --argjson files "$(grep -vc '^link ' "$scratch/digests")" \
    '($differences | split("\n") | map(select(test("^[<>]")))) as $lines |
     {ring: $ring, point: $snapshot.id, point_time: $snapshot.time, started: $started,
      ended: $ended, restored: ($lines == []), files: $files, content_digest: $digest,
      detail: (if $lines == [] then "\($files) files restored, every digest as backed up"
               else "\($lines | length) lines differ, first: \($lines[0])" end)}'
[[ -z $differences ]]
