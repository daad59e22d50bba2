# SPDX-License-Identifier: Apache-2.0
# Read by the scripts beside it, never run. load_ring <ring> checks the ring's name, reads its
# settings and gives RING_DIR; every path that a script touches lies below it.
# shellcheck shell=bash
set -euo pipefail
# Where Debian keeps nginx; the PATH of a plain user does not have it.
PATH=$PATH:/usr/sbin

HARBOR_ROOT=${HARBOR_ROOT:-$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")}

die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

load_ring() {
    local ring=${1:-${RING:-}}
    [[ $ring == staging || $ring == production ]] || die "the ring is staging or production"
    RING=$ring
    RING_DIR=$HARBOR_ROOT/$ring
    [[ -r $RING_DIR/ring.env ]] || die "no ring at $RING_DIR; start it with up.sh"
    # shellcheck disable=SC1091
    . "$RING_DIR/ring.env"
}

# wait_until <seconds> <command...>: asks again and again until it succeeds or the time is over.
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || return 1
        sleep 0.05
    done
}

nginx_of() { # nginx_of <app|lb> <arguments of nginx...>
    local role=$1
    shift
    nginx -p "$RING_DIR/$role/" -c nginx.conf -e error.log "$@"
}

# Makes nginx read its configuration again and waits until the workers of the old one are gone: as
# long as one of them lives it may still answer as before.
reload_nginx() { # reload_nginx <app|lb>
    local master worker old
    nginx_of "$1" -t -q
    read -r master <"$RING_DIR/$1/nginx.pid"
    old=$(cat "/proc/$master/task/$master/children")
    nginx_of "$1" -s reload
    for worker in $old; do
        wait_until 10 test ! -e "/proc/$worker" || die "the $1 of $RING does not reload"
    done
}

# tree_digests <folder>: the digests of every file of `site` in it, and the targets of its links, in
# a stable order, with paths that begin with ./site.
tree_digests() {
    (
        cd "$1"
        find ./site -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum
        find ./site -type l -printf 'link %p %l\n' | LC_ALL=C sort
    )
}

# One digest for the content of all files: SHA-256 of their lines, links left out.
content_digest() { grep -v '^link ' | digest_of_text; }

digest_of_text() { sha256sum | cut -d ' ' -f 1; }

utc_now() { date -u +%Y-%m-%dT%H:%M:%SZ; }
