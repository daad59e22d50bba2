#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The app server of a ring: switch points `current` at another release, reload makes nginx read its
# configuration again and waits until it serves what `current` says, version tells what is served.
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/ring.sh"

served() { curl -fsS --max-time 2 -D - -o /dev/null "$APP_URL/healthz" |
    tr -d '\r' | sed -n 's/^X-Harbor-Release: //p'; }
wanted() { cat "$RING_DIR/site/current/version"; }
serves_wanted() { [[ $(served) == "$(wanted)" ]]; }

switch_release() {
    local release=$1
    [[ $release =~ ^[0-9]+\.[0-9]+$ ]] || die "a release looks like 1.5"
    [[ -f $RING_DIR/site/releases/$release/version ]] || die "release $release is not on $RING"
    # The new link replaces the old one in one rename, so there is always a current release.
    ln -sfn "releases/$release" "$RING_DIR/site/current.new"
    mv -T "$RING_DIR/site/current.new" "$RING_DIR/site/current"
    echo "current release of $RING: $release"
}

reload() {
    reload_nginx app
    serves_wanted || die "the app of $RING does not serve $(wanted)"
    echo "app of $RING serves $(served)"
}

case "${1:-}" in
switch) load_ring "${3:-}" && switch_release "${2:-}" ;;
reload) load_ring "${2:-}" && reload ;;
version) load_ring "${2:-}" && served ;;
*) die "usage: app.sh switch <release> [ring] | reload [ring] | version [ring]" ;;
esac
