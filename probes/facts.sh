#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: facts.sh [file...]        (or the files in SLIPWAY_FACT_FILES, one a line)
#
# Says of the machine that it runs on what two rings are compared by: operating system, kernel,
# packages, services and monitoring agents that run, ports that are listened on, and of the named
# configuration files the SHA-256. Prints one JSON document, a fact a line.
#
# It changes nothing, asks the network nothing and needs no root: it reads files and asks dpkg or
# rpm and systemctl for lists. What stands in a configuration file never leaves the machine. It
# needs a POSIX shell, awk and coreutils. Names and addresses of the machine itself are left out:
# they differ by design. What could not be looked at has a value that begins with "unknown: ".
set -u
LC_ALL=C
export LC_ALL
PATH=${PATH:-}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
exec 2>/dev/null </dev/null

tab=$(printf '\t')

# A fact a line: its name, a tab, its value.
say() { printf '%s\t%s\n' "$1" "$2"; }

has() { command -v "$1" >/dev/null; }

# Of a file of NAME=value lines, the value without quotation marks; sourcing it could run something.
value_of() { sed -n "s/^$1=//p" "$2" | head -n 1 | tr -d "\"'"; }

facts_of_system() {
    for release in /etc/os-release /usr/lib/os-release; do
        [ -r "$release" ] || continue
        say os.name "$(value_of ID "$release")"
        say os.version "$(value_of VERSION_ID "$release")"
        break
    done
    for build in /etc/debian_version /etc/redhat-release; do
        [ -r "$build" ] || continue
        say os.build "$(head -n 1 "$build")"
        break
    done
    say kernel "$(uname -r)"
    say machine "$(uname -m)"
    say os.init "$(cat /proc/1/comm || echo 'unknown: /proc/1/comm cannot be read')"
}

# Several versions of one package (kernels) are one fact, in the order of their text.
facts_of_packages() {
    if has dpkg-query; then
        dpkg-query -W -f '${db:Status-Abbrev}\t${binary:Package}\t${Version}\n' |
            awk -F '\t' '$1 ~ /^.i/ { print $2 "\t" $3 }'
    elif has rpm; then
        rpm -qa --qf '%{NAME}.%{ARCH}\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\n'
    else
        say '' 'unknown: neither dpkg-query nor rpm is there'
    fi | sort | awk -F '\t' '
        NR == 1 || $1 != name { if (NR > 1) print name "\t" versions; name = $1; versions = $2; next }
        { versions = versions ", " $2 }
        END { if (NR > 0) print name "\t" versions }' |
        sed -e "s/^$tab/packages$tab/" -e t -e 's/^/package./'
}

# Services that systemd starts for the moment somebody asks them, or for who is signed in, come and
# go and are left out.
facts_of_services() {
    [ -d /run/systemd/system ] && has systemctl || return 0
    for state in running failed; do
        systemctl list-units --type=service --state="$state" --no-legend --no-pager --plain --full |
            awk -v state="$state" '
                $1 ~ /\.service$/ &&
                $1 !~ /^(user@|user-runtime-dir@|systemd-(hostnamed|timedated|localed)\.)/ {
                    sub(/\.service$/, "", $1); print "service." $1 "\t" state }'
    done
}

# Agents by the name of their process, of which the kernel keeps 15 characters.
facts_of_agents() {
    cat /proc/[0-9]*/comm | sort -u | while IFS= read -r process; do
        case $process in
        node_exporter | telegraf | collectd | netdata | zabbix_agentd | zabbix_agent2 | nrpe | \
            agent | trace-agent | process-agent | datadog-agent | newrelic-infra | filebeat | \
            metricbeat | auditbeat | packetbeat | elastic-agent | fluentd | fluent-bit | td-agent | \
            vector | promtail | alloy | otelcol* | dynatrace* | oneagent* | splunkd | \
            wazuh-agentd | ossec-agentd | osqueryd | falcon-sensor* | ds_agent | check_mk_agent | \
            cmk-agent-ctl | snmpd | munin-node | icinga2 | puppet | chef-client | salt-minion | \
            amazon-ssm-agen | google_osconfig | qemu-ga | vmtoolsd | auditd)
            say "agent.$process" running
            ;;
        esac
    done
}

# From /proc, which everybody may read; ss is not everywhere. A port that the kernel gives to
# whoever asks for any is nobody's configuration.
facts_of_ports() {
    first=$(awk '{ print $1 }' /proc/sys/net/ipv4/ip_local_port_range)
    for protocol in tcp udp; do
        state=0A
        [ "$protocol" = udp ] && state=07
        for table in "/proc/net/$protocol" "/proc/net/${protocol}6"; do
            [ -r "$table" ] || continue
            awk -v protocol="$protocol" -v wanted="$state" -v first="${first:-32768}" '
                function number(hex,    i, sum) {
                    sum = 0
                    for (i = 1; i <= length(hex); i++)
                        sum = sum * 16 + index("123456789ABCDEF", substr(hex, i, 1))
                    return sum
                }
                FNR > 1 && $4 == wanted {
                    split($2, place, ":")
                    port = number(place[2])
                    if (port >= first) next
                    at = "one address"
                    if (place[1] ~ /^0+$/) at = "any address"
                    else if (place[1] ~ /^......7F$/ || place[1] ~ /^0+01000000$/ ||
                             place[1] ~ /^0+FFFF0000......7F$/) at = "this machine only"
                    print "port." protocol "." port "\t" at
                }' "$table"
        done
    done | sort -u | awk -F '\t' '
        NR == 1 || $1 != name { if (NR > 1) print name "\t" places; name = $1; places = $2; next }
        { places = places ", " $2 }
        END { if (NR > 0) print name "\t" places }'
}

fact_of_file() {
    case $1 in
    '') return ;;
    /*) ;;
    *) say "file.$1" 'unknown: not an absolute path'; return ;;
    esac
    if [ ! -e "$1" ] && [ ! -L "$1" ]; then
        # Where a folder may not be looked into, absent and hidden are the same.
        folder=$1
        while folder=$(dirname "$folder"); do
            [ -e "$folder" ] && break
        done
        if [ -d "$folder" ] && [ ! -x "$folder" ]; then
            say "file.$1" 'unknown: its folder may not be looked into'
        else
            say "file.$1" absent
        fi
    elif [ ! -f "$1" ]; then
        say "file.$1" 'unknown: not an ordinary file'
    elif [ ! -r "$1" ]; then
        say "file.$1" 'unknown: may not be read'
    else
        digest=$(sha256sum <"$1")
        digest=${digest%% *}
        say "file.$1" "${digest:+sha256 }${digest:-unknown: could not be read}"
    fi
}

facts_of_files() {
    printf '%s\n' "${SLIPWAY_FACT_FILES:-}" | while IFS= read -r file; do
        fact_of_file "$file"
    done
    for file; do
        fact_of_file "$file"
    done
}

gathered_at=$(date -u +%Y-%m-%dT%H:%M:%SZ)
{
    facts_of_system
    facts_of_packages
    facts_of_services
    facts_of_agents
    facts_of_ports
    facts_of_files "$@"
} | tr -c '\11\12\40-\176' '?' | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' | awk -F '\t' -v at="$gathered_at" '
    function quoted(text) {
        gsub(/\t/, " ", text)
        return "\"" text "\""
    }
    BEGIN { printf "{\"slipway_facts\":1,\n\"gathered_at\":\"%s\",\n\"facts\":{", at }
    $1 != "" && !($1 in seen) {
        seen[$1] = 1
        value = substr($0, length($1) + 2)
        printf "%s\n%s:%s", count++ ? "," : "", quoted($1), quoted(value)
    }
    END { print "\n}\n}" }'
