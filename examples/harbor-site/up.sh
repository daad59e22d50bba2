#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: up.sh [directory] [base port]
# Starts the harbor site: two rings (staging, production), each an app server behind a load
# balancer, and a mail sink. Everything listens on 127.0.0.1, runs as the caller and lives below
# the directory. Running it again starts only what is not running and changes nothing else.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
root=${1:-$here/../../.run/harbor}
mkdir -p "$root"
HARBOR_ROOT=$(cd "$root" && pwd)
export HARBOR_ROOT

# Releases and state are made once; the scripts follow the source at every start.
mkdir -p "$HARBOR_ROOT/bin" "$HARBOR_ROOT/mail"
cp -f "$here"/bin/* "$here/batch/nightly.sh" "$here/oncall.yaml" "$HARBOR_ROOT/bin/"
# shellcheck source=bin/ring.sh
. "$HARBOR_ROOT/bin/ring.sh"
# shellcheck source=bin/process.sh
. "$HARBOR_ROOT/bin/process.sh"

kept=
[[ ! -r $HARBOR_ROOT/harbor.env ]] || kept=$(sed -n 's/^export HARBOR_BASE_PORT=//p' "$HARBOR_ROOT/harbor.env")
base=${2:-${HARBOR_BASE_PORT:-${kept:-18100}}}
[[ $base =~ ^[0-9]+$ ]] && ((base >= 1024 && base <= 65000)) || die "not a base port: $base"
[[ -z $kept || $kept == "$base" ]] || die "$HARBOR_ROOT was made with base port $kept"
for program in nginx restic jq curl python3; do
    command -v "$program" >/dev/null || die "$program is missing; tools/setup run installs it"
done

write_file() { # keeps a file that already says the same
    local path=$1
    cat >"$path.new"
    mv "$path.new" "$path"
}

# As root, nginx would run its workers as another account, which may not enter this directory.
account=
((EUID != 0)) || account="user root;"

nginx_head() {
    cat <<CONF
$account
worker_processes 1;
worker_shutdown_timeout 5s;
pid nginx.pid;
error_log error.log warn;
events { worker_connections 256; }
http {
    access_log access.log;
    client_body_temp_path temp/body;
    proxy_temp_path temp/proxy;
    fastcgi_temp_path temp/fastcgi;
    uwsgi_temp_path temp/uwsgi;
    scgi_temp_path temp/scgi;
    types { text/html html; application/json json; }
    default_type text/plain;
    server_tokens off;
CONF
}

make_app() { # make_app <port> <terminal>
    mkdir -p "$RING_DIR/app/temp"
    # The one value in which the rings differ: which terminal's feed the site publishes.
    printf 'set $terminal "%s";\n' "$2" | write_file "$RING_DIR/app/terminal.conf"
    {
        nginx_head
        cat <<CONF
    server {
        listen 127.0.0.1:$1;
        root "$RING_DIR/site/current";
        include "$RING_DIR/app/terminal.conf";
        include "$RING_DIR/site/current/site.conf";
        location = /healthz { return 200 "ok\\n"; }
        location = /status { stub_status; }
        location = /feed.json { try_files /feeds/\$terminal.json =404; }
        location = /site.conf { return 404; }
        location /feeds/ { internal; }
    }
}
CONF
    } | write_file "$RING_DIR/app/nginx.conf"
}

make_lb() { # make_lb <port> <port of the app>
    mkdir -p "$RING_DIR/lb/temp" "$RING_DIR/lb/pages"
    [[ -e $RING_DIR/lb/state.conf ]] ||
        printf 'set $state "in_service";\n' | write_file "$RING_DIR/lb/state.conf"
    echo "<!doctype html><title>Maintenance</title><p>We are back in a moment." |
        write_file "$RING_DIR/lb/pages/maintenance.html"
    {
        nginx_head
        cat <<CONF
    upstream app { server 127.0.0.1:$2; }
    server {
        listen 127.0.0.1:$1;
        root pages;
        include state.conf;
        error_page 503 /maintenance.html;
        location = /maintenance.html { internal; add_header Retry-After 60 always; }
        location = /lb-status {
            default_type application/json;
            return 200 '{"state":"\$state"}\\n';
        }
        location / {
            if (\$state = drained) { return 503; }
            proxy_pass http://app;
            proxy_connect_timeout 2s;
            proxy_read_timeout 10s;
        }
    }
}
CONF
    } | write_file "$RING_DIR/lb/nginx.conf"
}

make_ring() { # make_ring <ring> <first of its two ports> <terminal>
    RING=$1
    RING_DIR=$HARBOR_ROOT/$1
    mkdir -p "$RING_DIR"/{backup,snapshots,reports}
    if [[ ! -d $RING_DIR/site ]]; then
        rm -rf "$RING_DIR/site.new"
        cp -R "$here/site" "$RING_DIR/site.new"
        ln -s releases/1.4 "$RING_DIR/site.new/current"
        mv -T "$RING_DIR/site.new" "$RING_DIR/site"
    fi
    make_lb "$2" $(($2 + 1))
    make_app $(($2 + 1)) "$3"
    write_file "$RING_DIR/ring.env" <<ENV
export RING=$RING
export LB_URL=http://127.0.0.1:$2
export APP_URL=http://127.0.0.1:$(($2 + 1))
export LB_PORT=$2
export APP_PORT=$(($2 + 1))
export RESTIC_REPOSITORY='$RING_DIR/backup/repository'
export RESTIC_PASSWORD_FILE='$RING_DIR/backup/password'
ENV
    if [[ ! -s $RING_DIR/backup/password ]]; then
        (umask 077 && head -c 24 /dev/urandom | base64 >"$RING_DIR/backup/password")
    fi
}

make_repository() {
    [[ -e $RESTIC_REPOSITORY/config ]] || restic init --no-cache --quiet
}

start_nginx() { # start_nginx <role> <address that answers when it is ready>
    if ! is_running "$RING_DIR/$1/nginx.pid" "$RING_DIR/$1/"; then
        rm -f "$RING_DIR/$1/nginx.pid"
        nginx_of "$1" 2>>"$RING_DIR/$1/start.log" || {
            tail -n 3 "$RING_DIR/$1/start.log" >&2
            die "the $1 of $RING did not start; is the port taken?"
        }
    fi
    wait_until 10 curl -fsS --max-time 2 -o /dev/null "$2" || die "the $1 of $RING does not answer"
}

start_mail() {
    local pid_file=$HARBOR_ROOT/mail/sink.pid
    if ! is_running "$pid_file" "$HARBOR_ROOT/mail"; then
        rm -f "$HARBOR_ROOT/mail/port"
        python3 "$HARBOR_ROOT/bin/smtp_sink.py" "$HARBOR_ROOT/mail" $((base + 4)) \
            >"$HARBOR_ROOT/mail/port" 2>"$HARBOR_ROOT/mail/sink.log" </dev/null &
        echo $! >"$pid_file"
    fi
    wait_until 10 test -s "$HARBOR_ROOT/mail/port" || {
        cat "$HARBOR_ROOT/mail/sink.log" >&2
        die "the mail sink does not listen"
    }
}

make_ring staging "$base" test
make_ring production $((base + 2)) north
write_file "$HARBOR_ROOT/harbor.env" <<ENV
export HARBOR_ROOT='$HARBOR_ROOT'
export HARBOR_BASE_PORT=$base
export SMTP_PORT=$((base + 4))
export MAIL_DIR='$HARBOR_ROOT/mail'
ENV

# A new repository takes a second or two of key derivation; both are made at the same time.
making=()
for ring in staging production; do
    (load_ring "$ring" && make_repository) &
    making+=($!)
done
for ring in staging production; do
    load_ring "$ring"
    start_nginx app "$APP_URL/healthz"
    start_nginx lb "$LB_URL/lb-status"
    echo "$ring: $LB_URL (release $("$HARBOR_ROOT/bin/app.sh" version "$ring"))"
done
start_mail
for job in "${making[@]}"; do
    wait "$job" || die "a backup repository could not be made"
done
echo "mail sink: 127.0.0.1:$((base + 4)), mails in $HARBOR_ROOT/mail"
echo "state: $HARBOR_ROOT"
