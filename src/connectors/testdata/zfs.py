#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for zfs where there is none: keeps datasets and snapshots in the file that is named
like this program with .json behind it, and answers as zfs(8) documents it. A snapshot made without
our properties is somebody else's."""
import json
import os
import sys

STATE = os.path.abspath(sys.argv[0]) + ".json"


def end(message):
    print(message, file=sys.stderr)
    sys.exit(1)


def option(letter):
    return [word[2:] for word in sys.argv[2:] if word.startswith("-" + letter)]


with open(STATE, encoding="utf-8") as file:
    state = json.load(file)  # {"clock": 1, "datasets": {name: mountpoint}, "snapshots": [...]}
snapshots = state["snapshots"]
verb, target = sys.argv[1], sys.argv[-1]
known = [one for one in snapshots if one["name"] == target]

if verb == "list":
    columns = option("o")[0].split(",")
    if not target.startswith("-") and target not in state["datasets"]:
        end(f"cannot open '{target}': dataset does not exist")
    for one in snapshots:
        if target.startswith("-") or one["name"].split("@")[0] == target:
            print("\t".join(str(one.get(column, "-")) for column in columns))
elif verb == "get":
    print(state["datasets"][target])
elif verb == "snapshot":
    if known:
        end(f"cannot create snapshot '{target}': dataset already exists")
    made = {"name": target, "creation": state["clock"], "used": 4096}
    made.update(word.split("=", 1) for word in option("o"))
    state["clock"] += 60
    snapshots.append(made)
elif verb == "destroy":
    if not known:
        end("could not find any snapshots to destroy; check snapshot names.")
    snapshots.remove(known[0])
elif verb == "rollback":
    if not known:
        end(f"cannot open '{target}': dataset does not exist")
    later = [
        one["name"]
        for one in snapshots[snapshots.index(known[0]) + 1 :]
        if one["name"].split("@")[0] == target.split("@")[0]
    ]
    if later:
        end(
            f"cannot rollback to '{target}': more recent snapshots or bookmarks exist\n"
            "use '-r' to force deletion of the following snapshots and bookmarks:\n"
            + "\n".join(later)
        )
else:
    end(f"unrecognized command '{verb}'")

with open(STATE, "w", encoding="utf-8") as file:
    json.dump(state, file)
