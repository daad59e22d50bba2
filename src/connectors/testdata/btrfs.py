#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for btrfs where there is none: subvolumes are plain folders, what is known of each is
kept in the file that is named like this program with .json behind it, and it answers as
btrfs-subvolume(8) documents it."""
import json
import os
import shutil
import sys
import time
import uuid

STATE = os.path.abspath(sys.argv[0]) + ".json"


def end(message):
    print(message, file=sys.stderr)
    sys.exit(1)


def when(one):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(one["at"]))


with open(STATE, encoding="utf-8") as file:
    state = json.load(file)  # {"clock": 1, "snapshots": {path: {"uuid":, "at":, "readonly":}}}
snapshots = state["snapshots"]
verb, words = sys.argv[2], [word for word in sys.argv[3:] if not word.startswith("-")]

if verb == "list":
    for number, (path, one) in enumerate(snapshots.items()):
        if path.startswith(words[0] + "/"):
            print(
                f"ID {260 + number} gen {20 + number} cgen {20 + number} top level 5 "
                f"otime {when(one)} uuid {one['uuid']} path @{path}"
            )
elif verb == "show":
    one = snapshots.get(words[0]) or end(f"ERROR: Not a Btrfs subvolume: {words[0]}")
    print(
        f"@{words[0]}\n\tName: \t\t\t{os.path.basename(words[0])}\n\tUUID: \t\t\t{one['uuid']}\n"
        f"\tParent UUID: \t\t-\n\tReceived UUID: \t\t-\n\tCreation time: \t\t{when(one)} +0000\n"
        f"\tSubvolume ID: \t\t260\n\tGeneration: \t\t20\n\tGen at creation: \t20\n"
        f"\tParent ID: \t\t5\n\tTop level ID: \t\t5\n"
        f"\tFlags: \t\t\t{'readonly' if one['readonly'] else '-'}\n\tSnapshot(s):"
    )
elif verb == "snapshot":
    source, target = words
    if os.path.exists(target):
        end(f"ERROR: target path already exists: {target}")
    shutil.copytree(source, target)
    readonly = "-r" in sys.argv
    snapshots[target] = {"uuid": str(uuid.uuid4()), "at": state["clock"], "readonly": readonly}
    state["clock"] += 60
    print(f"Create a {'readonly ' if readonly else ''}snapshot of '{source}' in '{target}'")
elif verb == "delete":
    if words[0] not in snapshots:
        end(f"ERROR: Not a Btrfs subvolume: {words[0]}")
    shutil.rmtree(words[0])
    del snapshots[words[0]]
    print(f"Delete subvolume (no-commit): '{words[0]}'")
else:
    end(f"btrfs: unknown token '{verb}'")

with open(STATE, "w", encoding="utf-8") as file:
    json.dump(state, file)
