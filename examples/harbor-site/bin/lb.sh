#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The load balancer of a ring: drain takes the app out of service (visitors get the maintenance
# page, status 503), undrain puts it back, status tells which. Ring: $RING or the second argument.
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/ring.sh"

state() { curl -fsS --max-time 2 "$LB_URL/lb-status" | jq -r .state; }
is_state() { [[ $(state) == "$1" ]]; }

set_state() {
    printf 'set $state "%s";\n' "$1" >"$RING_DIR/lb/state.conf.new"
    mv "$RING_DIR/lb/state.conf.new" "$RING_DIR/lb/state.conf"
    reload_nginx lb
    is_state "$1" || die "the load balancer of $RING did not become $1"
    echo "load balancer of $RING: $1"
}

load_ring "${2:-}"
case "${1:-}" in
drain) set_state drained ;;
undrain) set_state in_service ;;
status) state ;;
*) die "usage: lb.sh drain|undrain|status [ring]" ;;
esac
