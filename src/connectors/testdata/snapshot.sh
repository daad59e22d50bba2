#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A folder snapshot program as connectors/files.yaml calls it: one tar file and one line of facts
# (tag, host, created, expires) for each snapshot. The same tag, host and expiry are the same piece
# of work; another expiry is another snapshot. Needs only a POSIX shell, tar, date and wc.
set -eu
cat > /dev/null # the request on standard input; the environment has all that is needed here

facts() { # prints one snapshot as JSON
    IFS='|' read -r tag host created expires < "$SLIPWAY_STORE/$1.facts"
    printf '{"id":"%s","tag":"%s","host":"%s","created":"%s"' "$1" "$tag" "$host" "$created"
    [ -z "$expires" ] || printf ',"expires":"%s"' "$expires"
    printf ',"size_bytes":%d}' "$(wc -c < "$SLIPWAY_STORE/$1.tar")"
}

known() { # an id is a plain name of a snapshot that is there
    case "$SLIPWAY_ID" in *[!A-Za-z0-9._-]*) exit 4 ;; esac
    [ -f "$SLIPWAY_STORE/$SLIPWAY_ID.facts" ] || exit 4
}

case "$1" in
take)
    case "$SLIPWAY_TAG$SLIPWAY_HOST" in *[!A-Za-z0-9._-]*) echo "bad name" >&2; exit 1 ;; esac
    id="$SLIPWAY_TAG-$SLIPWAY_HOST-$(printf %s "${SLIPWAY_EXPIRES:-}" | tr -d ':-')"
    mkdir -p "$SLIPWAY_STORE"
    if [ ! -f "$SLIPWAY_STORE/$id.facts" ]; then
        tar -C "$SLIPWAY_FOLDER" -cf "$SLIPWAY_STORE/$id.tar" .
        printf '%s|%s|%s|%s\n' "$SLIPWAY_TAG" "$SLIPWAY_HOST" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
            "${SLIPWAY_EXPIRES:-}" > "$SLIPWAY_STORE/$id.facts"
    fi
    facts "$id"
    ;;
read) known && facts "$SLIPWAY_ID" ;;
list)
    printf '{"snapshots":['
    comma=""
    for file in "$SLIPWAY_STORE"/*.facts; do
        [ -f "$file" ] || continue
        printf '%s' "$comma"
        facts "$(basename "$file" .facts)"
        comma=","
    done
    printf ']}'
    ;;
remove) known && rm -f "$SLIPWAY_STORE/$SLIPWAY_ID.facts" "$SLIPWAY_STORE/$SLIPWAY_ID.tar" ;;
revert)
    known
    find "$SLIPWAY_FOLDER" -mindepth 1 -delete
    tar -C "$SLIPWAY_FOLDER" -xf "$SLIPWAY_STORE/$SLIPWAY_ID.tar"
    ;;
*) echo "no such operation" >&2; exit 1 ;;
esac
