#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Says whether this machine has what a runbook needs: each program of SLIPWAY_TOOLS (words), and on
# the disk of each place in SLIPWAY_DISK (lines: KiB, blank, path) so much free space. Changes
# nothing. Answers with one line for each: passed or failed, its name, what was seen.
set -fu
LC_ALL=C
export LC_ALL

for tool in ${SLIPWAY_TOOLS:-}; do
    if place=$(command -v "$tool" 2>/dev/null); then
        printf 'passed tool.%s %s\n' "$tool" "$place"
    else
        printf 'failed tool.%s not found on PATH %s\n' "$tool" "$PATH"
    fi
done

# For each place a line: KiB wanted, KiB free, its disk, path. Two devices never have one name; what
# has no device, such as tmpfs, is told apart by where it is mounted.
disks=$(printf '%s\n' "${SLIPWAY_DISK:-}" | while read -r wanted path; do
    [ -n "$path" ] || continue
    # A place that a step will make is on the disk of the folder that it will be made in.
    place=$path
    while [ ! -e "$place" ] && [ "$place" != / ] && [ "$place" != . ]; do
        place=$(dirname "$place")
    done
    seen=$(df -Pk "$place" 2>/dev/null </dev/null |
        awk 'NR == 2 { print $4, ($1 ~ "^/" ? $1 : "at" $6) }')
    case $seen in
    [0-9]*\ *) printf '%s %s %s\n' "$wanted" "$seen" "$path" ;;
    *) printf '%s ? ? %s\n' "$wanted" "$path" ;;
    esac
done)

# Each place has its own only when there is enough for all that share its disk.
printf '%s\n' "$disks" | awk '
    NF < 4 { next }
    {
        path = $0
        sub(/^[^ ]+ [^ ]+ [^ ]+ /, "", path)
        paths[++places] = path
        wanted[places] = $1; free[places] = $2; disk[places] = $3
        together[$3] += $1
        sharing[$3]++
    }
    END {
        for (i = 1; i <= places; i++) {
            if (free[i] == "?") {
                printf "failed disk.%s df does not say what is free\n", paths[i]
                continue
            }
            all = together[disk[i]]
            printf "%s disk.%s %s KiB free, %s KiB wanted", \
                (free[i] + 0 >= all ? "passed" : "failed"), paths[i], free[i], wanted[i]
            if (sharing[disk[i]] > 1)
                printf ", %.0f KiB with what else is wanted on this disk", all
            print ""
        }
    }'
echo 'preflight done'
