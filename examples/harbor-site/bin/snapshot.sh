#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: snapshot.sh take   <ring> <tag> [expires: 2026-12-01T00:00:00Z; default in 7 days]
#        snapshot.sh list   <ring> [prefix of the tag] [time to judge expiry by; default now]
#        snapshot.sh read   <ring> <id>
#        snapshot.sh revert <ring> <id>
#        snapshot.sh remove <ring> <id> [tag that it must carry]
# Copies of a ring's site, tagged with the change (such as slipway-CHG-12) and an expiry, below
# <ring>/snapshots. Prints JSON. It reads, reverts to and removes only what its own marker names;
# anything else there is left alone. Taking again with the same tag and expiry gives what is there.
# Exit status 4: there is no such snapshot.
# With nothing but the operation it answers Slipway's connector `files`: the arguments stand in
# SLIPWAY_STORE (<ring>/snapshots), SLIPWAY_TAG, SLIPWAY_EXPIRES and SLIPWAY_ID.
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/ring.sh"

time_form='^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$'

folder_of() { # refuses what this script did not make
    local id=${1:-}
    [[ $id =~ ^[A-Za-z0-9][A-Za-z0-9-]*$ ]] || die "not the id of a snapshot: $id"
    if [[ ! -d $snapshots/$id ]]; then
        echo "snapshot.sh: there is no snapshot $id on $RING" >&2
        exit 4
    fi
    jq -e --arg id "$id" '.made_by == "harbor-snapshot" and .id == $id' \
        "$snapshots/$id/snapshot.json" >/dev/null 2>&1 ||
        die "snapshot $id was not made by this script"
    printf '%s\n' "$snapshots/$id"
}

take() {
    local tag=${1:-} expires=${2:-$(date -u -d '+7 days' +%Y-%m-%dT%H:%M:%SZ)}
    [[ $tag =~ ^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$ ]] || die "a tag looks like slipway-CHG-12"
    expires=${expires/%.[0-9][0-9][0-9]Z/Z}
    [[ $expires =~ $time_form ]] || die "an expiry looks like 2026-12-01T00:00:00Z"
    local id same
    same=$(list "$tag" | jq --arg tag "$tag" --arg expires "$expires" \
        'first(.snapshots[] | select(.tag == $tag and .expires == $expires))')
    if [[ -n $same ]]; then
        printf '%s\n' "$same"
        return
    fi
    id=$tag-$(date -u +%Y%m%dT%H%M%S%3NZ)
    local making=$snapshots/.$id.making
    mkdir "$making"
    tar -C "$RING_DIR" --sort=name -cf "$making/site.tar" site
    jq -n --arg id "$id" --arg ring "$RING" --arg tag "$tag" --arg created "$(utc_now)" \
        --arg expires "$expires" --arg release "$(cat "$RING_DIR/site/current/version")" \
        --arg digest "$(digest_of_text <"$making/site.tar")" \
        --argjson bytes "$(stat -c %s "$making/site.tar")" \
        '{id: $id, tag: $tag, host: $ring, created: $created, expires: $expires,
          size_bytes: $bytes, release: $release, digest: $digest, made_by: "harbor-snapshot"}' \
        >"$making/snapshot.json"
    mv -T "$making" "$snapshots/$id"
    cat "$snapshots/$id/snapshot.json"
}

list() {
    local prefix=${1:-} now=${2:-$(utc_now)}
    [[ $now =~ $time_form ]] || die "a time looks like 2026-12-01T00:00:00Z"
    find "$snapshots" -mindepth 2 -maxdepth 2 -name snapshot.json -print0 | sort -z |
        xargs -0 -r cat | jq -s --arg prefix "$prefix" --arg now "$now" \
        '{snapshots: [.[] | select(.made_by == "harbor-snapshot") |
          select(.tag | startswith($prefix)) | . + {expired: (.expires <= $now)}]}'
}

read_back() {
    local folder digest
    folder=$(folder_of "${1:-}")
    digest=$(digest_of_text <"$folder/site.tar")
    jq --arg digest "$digest" '. + {intact: (.digest == $digest)}' "$folder/snapshot.json"
    jq -e --arg digest "$digest" '.digest == $digest' "$folder/snapshot.json" >/dev/null
}

revert() {
    local folder restoring=$RING_DIR/site.restoring before=$RING_DIR/site.before
    folder=$(folder_of "${1:-}")
    read_back "$1" >/dev/null || die "snapshot $1 is damaged; nothing was changed"
    rm -rf "$restoring" "$before"
    mkdir "$restoring"
    tar -C "$restoring" -xf "$folder/site.tar"
    mv -T "$RING_DIR/site" "$before"
    mv -T "$restoring/site" "$RING_DIR/site"
    rm -rf "$restoring" "$before"
    "$HARBOR_ROOT/bin/app.sh" reload "$RING" >&2
    jq '{done: true, detail: "\(.host) is back at \(.id), release \(.release)"}' \
        "$folder/snapshot.json"
}

remove() {
    local folder tag
    folder=$(folder_of "${1:-}")
    tag=$(jq -r .tag "$folder/snapshot.json")
    [[ -z ${2:-} || $2 == "$tag" ]] || die "snapshot $1 carries the tag $tag, not $2"
    rm -f "$folder/site.tar" "$folder/snapshot.json"
    rmdir "$folder"
    jq -n --arg id "$1" '{done: true, detail: "\($id) is removed"}'
}

answer() { cat; }
if (($# == 1)) && [[ -n ${SLIPWAY_STORE:-} ]]; then
    # The connector takes exactly the members of its capability and refuses any other.
    answer() {
        jq 'def ours: {id, tag, host, created, expires, size_bytes};
            if has("snapshots") then {snapshots: [.snapshots[] | ours]} else ours end'
    }
    ring=$(basename "$(dirname "$SLIPWAY_STORE")")
    case "$1" in
    take) set -- take "$ring" "${SLIPWAY_TAG:-}" ${SLIPWAY_EXPIRES:+"$SLIPWAY_EXPIRES"} ;;
    list) set -- list "$ring" ;;
    *) set -- "$1" "$ring" "${SLIPWAY_ID:-}" ;;
    esac
fi
command=${1:-}
load_ring "${2:-}"
snapshots=$RING_DIR/snapshots
shift 2 || die "usage: snapshot.sh take|list|read|revert|remove <ring> ..."
# One at a time: a list must not meet a snapshot that is just being made or removed.
exec 9>>"$snapshots/.lock"
flock 9
case "$command" in
take) take "$@" | answer ;;
list) list "$@" | answer ;;
read) read_back "$@" | answer ;;
revert) revert "$@" ;;
remove) remove "$@" ;;
*) die "usage: snapshot.sh take|list|read|revert|remove <ring> ..." ;;
esac
