#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The app server of a ring: add puts a release there that came later, switch points `current` at
# another release, reload makes nginx read its configuration again and waits until it serves what
# `current` says, version tells what is served.
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/ring.sh"

served() { curl -fsS --max-time 2 -D - -o /dev/null "$APP_URL/healthz" |
    tr -d '\r' | sed -n 's/^X-Harbor-Release: //p'; }
wanted() { cat "$RING_DIR/site/current/version"; }
serves_wanted() { [[ $(served) == "$(wanted)" ]]; }

check_name() { [[ $1 =~ ^[0-9]+(\.[0-9]+)+$ ]] || die "a release looks like 1.5"; }

add_release() { # add_release <folder>, whose name is that of the release
    local release
    release=$(basename "$1")
    check_name "$release"
    [[ -f $1/version ]] || die "there is no release in $1"
    [[ ! -e $RING_DIR/site/releases/$release ]] || die "release $release is on $RING already"
    # All of it or nothing is there.
    cp -R "$1" "$RING_DIR/site/releases/.$release.new"
    mv -T "$RING_DIR/site/releases/.$release.new" "$RING_DIR/site/releases/$release"
    echo "release $release is on $RING"
}

switch_release() {
    local release=$1
    check_name "$release"
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
add) load_ring "${3:-}" && add_release "${2:-}" ;;
switch) load_ring "${3:-}" && switch_release "${2:-}" ;;
reload) load_ring "${2:-}" && reload ;;
version) load_ring "${2:-}" && served ;;
*) die "usage: app.sh add <folder> [ring] | switch <release> [ring] | reload [ring] |" \
    "version [ring]" ;;
esac
