#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Follows a runbook of this example without Slipway, for the self-test only.

steps runs the named shell blocks in order and stops at the first that fails; smoke runs the smoke
list and names the checks that failed. It knows just enough of docs/reference/runbook-format.md.
usage: follow.py steps|smoke <harbor root> <ring> <runbook>
"""
import os
import re
import shlex
import socket
import subprocess
import sys
import urllib.error
import urllib.request


def settings(root, ring):
    """The variables that the ring's own file exports, as a runner would be given them."""
    variables = {"RING": ring, "HARBOR_ROOT": root, "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    with open(f"{root}/{ring}/ring.env", encoding="utf-8") as file:
        for word in shlex.split(file.read()):
            name, equals, value = word.partition("=")
            if equals:
                variables[name] = value
    return variables


def blocks(text):
    """(language, name, expected output, body) of each fenced block."""
    for info, body in re.findall(r"^```(\S.*?)\n(.*?)^```$", text, re.M | re.S):
        language, _, attributes = info.partition(" ")
        found = dict((key, value.strip('"')) for key, value in re.findall(
            r'"?([\w-]+)"?[=:]("[^"]*"|[^\s,}]+)', attributes))
        yield language, found.get("name"), found.get("expect", ""), body


def contains(text, expected):
    """Plain text, or a pattern between slashes."""
    if len(expected) > 1 and expected[0] == expected[-1] == "/":
        return re.search(expected[1:-1], text, re.M) is not None
    return expected in text


def run_steps(text, variables):
    for language, name, expected, body in blocks(text):
        if language != "bash":
            continue
        run = subprocess.run(["bash", "-c", body], env=variables, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             timeout=90, check=False)
        print(f"{name}: {run.stdout.strip()}")
        if run.returncode != 0 or not contains(run.stdout, expected):
            sys.exit(f"failed: {name}")


def check_passes(check, variables):
    fill = lambda text: re.sub(r"\$\{(\w+)\}", lambda found: variables[found.group(1)], text)
    if "http" in check:
        try:
            with urllib.request.urlopen(fill(check["http"]), timeout=10) as answer:
                status, body = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            status, body = error.code, ""
        except urllib.error.URLError:
            return False
        return status == int(check.get("status", 200)) and contains(body, check.get("expect", ""))
    if "tcp" in check:
        host, _, port = fill(check["tcp"]).rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10):
            return True
    return subprocess.run(["sh", "-c", check["command"]], env=variables, timeout=30,
                          capture_output=True, check=False).returncode == 0


def run_smoke(text, variables):
    failed = []
    for language, _, _, body in blocks(text):
        if language == "smoke":
            for item in body.split("- name: ")[1:]:
                name, *lines = item.splitlines()
                check = dict(line.strip().split(": ", 1) for line in lines)
                for key in ("expect", "command"):
                    if key in check and check[key][0] in "\"'":
                        check[key] = check[key][1:-1]
                if not check_passes(check, variables):
                    failed.append(name)
    if failed:
        sys.exit("failed: " + " ".join(failed))


def main(what, root, ring, path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    {"steps": run_steps, "smoke": run_smoke}[what](text, settings(root, ring))


main(*sys.argv[1:])
