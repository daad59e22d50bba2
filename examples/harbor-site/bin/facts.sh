#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: facts.sh <ring>
# What a ring is made of, as JSON, for comparing staging with production. Ports and paths are left
# out: they differ by design and say nothing about parity.
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/ring.sh"
load_ring "${1:-}"

packages=$(dpkg-query -W -f '${Package} ${Version}\n' nginx restic jq curl |
    jq -R 'split(" ") | {(.[0]): .[1]}' | jq -s add)

answers() { curl -fsS --max-time 2 -o /dev/null "$1" && echo true || echo false; }

jq -n --arg ring "$RING" \
    --arg os "$(. /etc/os-release && echo "$PRETTY_NAME")" \
    --arg build "$(cat /etc/debian_version)" --arg kernel "$(uname -r)" \
    --arg machine "$(uname -m)" --argjson packages "$packages" \
    --arg release "$("$HARBOR_ROOT/bin/app.sh" version "$RING")" \
    --arg upstream "$(sed -n 's,^ *proxy_pass http://\([a-z]*\);.*,\1,p' "$RING_DIR/lb/nginx.conf")" \
    --argjson monitor "$(answers "$APP_URL/status")" \
    --argjson backup "$([[ -r $RESTIC_REPOSITORY/config ]] && echo true || echo false)" \
    '{ring: $ring,
      os: {name: $os, build: $build, kernel: $kernel, machine: $machine},
      packages: $packages,
      topology: [{from: "lb", to: $upstream}],
      agents: [{name: "nginx-status", reporting: $monitor},
               {name: "restic", reporting: $backup}],
      release: $release}'
