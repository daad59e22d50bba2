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

printf '%s\n' "${SLIPWAY_DISK:-}" | while read -r wanted path; do
    [ -n "$path" ] || continue
    # A place that a step will make is on the disk of the folder that it will be made in.
    place=$path
    while [ ! -e "$place" ] && [ "$place" != / ] && [ "$place" != . ]; do
        place=$(dirname "$place")
    done
    free=$(df -Pk "$place" 2>/dev/null </dev/null | awk 'NR == 2 { print $4 }')
    case $free in
    '' | *[!0-9]*) printf 'failed disk.%s df does not say what is free\n' "$path" ;;
    *)
        verdict=failed
        [ "$free" -ge "$wanted" ] && verdict=passed
        printf '%s disk.%s %s KiB free, %s KiB wanted\n' "$verdict" "$path" "$free" "$wanted"
        ;;
    esac
done
echo 'preflight done'
