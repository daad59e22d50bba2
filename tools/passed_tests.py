#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which tests of a build folder need not run again, because they passed with the same inputs.

The inputs of a test are its program, the files that its command and its environment name, and all
that the repository holds beside the C++ sources, which are in the program, and what is only for
reading: scripts, workflows, policies, examples. The libraries of the system count by the list of
installed packages.

usage: tools/passed_tests.py list FOLDER REGEX   prints the names of those that passed, one a line
       tools/passed_tests.py keep FOLDER REGEX   remembers that all of them pass now
"""
import hashlib
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NO_INPUT = re.compile(r".*\.[ch]pp|docs/.*\.md|(src/.*/|bench/)?[A-Za-z]+\.md|bench/.*|LICENSE")


def digest_of(path):
    with open(path, "rb") as file:
        digest = hashlib.blake2b(digest_size=16)
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def surroundings():
    """The digest of what any test may read."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(filter(None, listed)):
        path = ROOT / name
        if path.is_file() and not NO_INPUT.fullmatch(name):
            digest.update(f"{name} {digest_of(path)}\n".encode())
    packages = pathlib.Path("/var/lib/dpkg/status")
    digest.update(digest_of(packages).encode() if packages.is_file() else b"")
    return digest.hexdigest()


def words_of(test):
    yield from test.get("command", [])
    for known in test.get("properties", []):
        if known["name"] == "ENVIRONMENT":
            yield from (value.partition("=")[2] for value in known["value"])


def inputs_of(folder, regex):
    """Name of each test -> digest of its inputs."""
    shown = subprocess.run(["ctest", "--test-dir", folder, "--show-only=json-v1"],
                           check=True, capture_output=True).stdout
    common, files, inputs = surroundings(), {}, {}
    for test in json.loads(shown)["tests"]:
        if not re.search(regex, test["name"]):
            continue
        digest = hashlib.blake2b(common.encode(), digest_size=16)
        for word in words_of(test):
            digest.update(word.encode() + b"\0")
            path = pathlib.Path(word)
            if path.is_absolute() and path.is_file():
                if word not in files:
                    files[word] = digest_of(path)
                digest.update(files[word].encode())
        inputs[test["name"]] = digest.hexdigest()
    return inputs


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("list", "keep"):
        sys.exit(__doc__)
    verb, folder, regex = sys.argv[1:]
    kept = pathlib.Path(folder) / "passed_tests.json"
    passed = json.loads(kept.read_text()) if kept.is_file() else {}
    inputs = inputs_of(folder, regex)
    if verb == "keep":
        kept.write_text(json.dumps(passed | inputs, indent=1))
        return
    for name, digest in inputs.items():
        if passed.get(name) == digest:
            print(name)


if __name__ == "__main__":
    main()
