#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for virsh where there is none: keeps the snapshots of domains in the file that is named
like this program with .json behind it, and answers as virsh(1) and libvirt's snapshot XML format
document it."""
import json
import os
import sys

STATE = os.path.abspath(sys.argv[0]) + ".json"


def end(message):
    print("error: " + message, file=sys.stderr)
    sys.exit(1)


def snapshots_of(domain):
    if domain not in state["domains"]:
        end(f"failed to get domain '{domain}'")
    return state["domains"][domain]


def carry_out(words):
    options = dict(word[2:].split("=", 1) for word in words if "=" in word)
    if words[0] == "echo":
        print(" ".join(words[1:]))
        return
    domain = options.get("domain") or words[words.index("--domain") + 1]
    known = snapshots_of(domain)
    name = options.get("snapshotname")
    if name is not None and name not in known:
        end(
            "Domain snapshot not found: no domain snapshot with matching name "
            f"'{name}'"
        )
    if words[0] == "snapshot-list":
        print("\n".join(known) + "\n")
    elif words[0] == "snapshot-create-as":
        if options["name"] in known:
            end(f"operation failed: domain snapshot {options['name']} already exists")
        known[options["name"]] = {"at": state["clock"], "said": options.get("description", "")}
        state["clock"] += 60
        print(f"Domain snapshot {options['name']} created")
    elif words[0] == "snapshot-dumpxml":
        print(
            f"<domainsnapshot>\n  <name>{name}</name>\n"
            f"  <description>{known[name]['said']}</description>\n  <state>running</state>\n"
            f"  <creationTime>{known[name]['at']}</creationTime>\n"
            "  <domain>\n    <uuid>93a5c045-6457-2c09-e56c-927cdf34e178</uuid>\n  </domain>\n"
            "</domainsnapshot>\n"
        )
    elif words[0] == "snapshot-delete":
        del known[name]
        print(f"Domain snapshot {name} deleted")
    elif words[0] != "snapshot-revert":
        end(f"unknown command: '{words[0]}'")


with open(STATE, encoding="utf-8") as file:
    state = json.load(file)  # {"clock": 1, "domains": {name: {snapshot: {"at":, "said":}}}}
given = [word for word in sys.argv[1:] if word != "--quiet" and not word.startswith("--connect=")]
for line in given[0].split("; ") if len(given) == 1 else [given]:
    carry_out(line.split(" ") if isinstance(line, str) else line)
with open(STATE, "w", encoding="utf-8") as file:
    json.dump(state, file)
