# SPDX-License-Identifier: Apache-2.0
# Read by up.sh and down.sh. Processes are known by pid file and by the path in their command line,
# so a pid that the system gave to somebody else is never taken for ours.
# shellcheck shell=bash

is_running() { # is_running <pid file> <path in its command line>
    local pid
    [[ -s $1 ]] && read -r pid <"$1" && [[ $pid =~ ^[0-9]+$ ]] &&
        tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "$2"
}

# A process that waits to be collected by its parent (state Z) runs no more.
has_ended() { ! grep -qE '^State:[[:space:]]+[^Z[:space:]]' "/proc/$1/status" 2>/dev/null; }

end_process() { # end_process <pid file> <path in its command line>
    local pid
    if is_running "$1" "$2"; then
        read -r pid <"$1"
        kill -TERM "$pid" 2>/dev/null || true
        if ! wait_until 10 has_ended "$pid"; then
            kill -KILL "$pid" 2>/dev/null || true
            wait_until 5 has_ended "$pid" || die "process $pid does not end"
        fi
    fi
    rm -f "$1"
}
