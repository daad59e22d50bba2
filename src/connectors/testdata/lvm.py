#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for lvm where there is none: keeps logical volumes in the file that is named like this
program with .json behind it, and answers as lvs(8), lvcreate(8), lvremove(8) and lvconvert(8)
document it. "opened_meanwhile" in it: the origin is in use when a merge begins."""
import json
import os
import sys
import time

STATE = os.path.abspath(sys.argv[0]) + ".json"


def end(message):
    print("  " + message, file=sys.stderr)
    sys.exit(5)


def options(name):
    return [word.split("=", 1)[1] for word in sys.argv if word.startswith(f"--{name}=")]


def shown(one):
    """A snapshot that is being merged is hidden, and in brackets where that is asked for."""
    if not one["lv_attr"].startswith("S"):
        return one
    return dict(one, lv_name=f"[{one['lv_name']}]") if "--all" in sys.argv else None


with open(STATE, encoding="utf-8") as file:
    state = json.load(file)  # {"clock": 1, "lv": [...]}
volumes = state["lv"]
verb, target = sys.argv[1], sys.argv[-1]
known = [one for one in volumes if f"{one['vg_name']}/{one['lv_name']}" == target]

if verb == "lvs":
    columns = options("options")[0].split(",")
    seen = [one for one in map(shown, volumes) if one]
    print(json.dumps({"report": [{"lv": [{c: one[c] for c in columns} for one in seen]}]}))
elif not known:
    end(f'Failed to find logical volume "{target}"')
elif verb == "lvcreate":
    name = options("name")[0]
    if any(one["lv_name"] == name for one in volumes):
        end(f'Logical Volume "{name}" already exists in volume group "{known[0]["vg_name"]}"')
    stamp = time.strftime("%Y-%m-%d %H:%M:%S +0000", time.gmtime(state["clock"]))
    state["clock"] += 60
    volumes.append(
        {
            "vg_name": known[0]["vg_name"],
            "lv_name": name,
            "origin": known[0]["lv_name"],
            "lv_time": stamp,
            "lv_size": "1073741824",
            "data_percent": "0.50",
            "lv_attr": "swi-a-s---",
            "lv_tags": ",".join(sorted(options("addtag"))),
        }
    )
    print(f'  Logical volume "{name}" created.')
elif verb == "lvremove":
    volumes.remove(known[0])
    print(f'  Logical volume "{known[0]["lv_name"]}" successfully removed.')
elif verb == "lvconvert":
    origin = next(one for one in volumes if one["lv_name"] == known[0]["origin"])
    if state.pop("opened_meanwhile", False) or "o" in origin["lv_attr"][5]:
        known[0]["lv_attr"] = "S" + known[0]["lv_attr"][1:]
        path = f"{origin['vg_name']}/{origin['lv_name']}"
        print(
            f"  Delaying merge since origin is open.\n"
            f"  Merging of snapshot {target} will occur on next activation of {path}."
        )
    else:
        volumes.remove(known[0])
        print(f"  Merging of volume {target} started.\n  {known[0]['origin']}: Merged: 100.00%")
else:
    end(f"{verb}: Command does not exist.")

with open(STATE, "w", encoding="utf-8") as file:
    json.dump(state, file)
