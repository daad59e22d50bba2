#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The house rules that a machine can check; ARCHITECTURE.md and CONTRIBUTING.md say why they are.

Include arrows between rooms, words with a better replacement, licence line, size, #pragma once, the
page at each room's door, paths of one machine, and names that two files of a room use for different
things. Prints file:line: what and the remedy; exit
status 1 when anything was found. `check_house.py --self-test` proves the checks themselves.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Room -> the places it may include; a room may always include itself.
ARROWS = {
    "base": [],
    "domain": ["base"],
    "app": ["base", "domain"],
    "store": ["base", "domain", "app/ports"],
    "connectors": ["base", "domain", "app/ports"],
    "runner": ["base", "domain", "app/ports"],
    "http": ["base", "app", "domain"],
    "worker": ["base", "app", "domain"],
    "cli": ["base", "app", "domain"],
    "main": None,  # builds everything, so it sees everything
}

# Folders whose door page is wanted: every room, and the parts of the domain with their own rules.
DOOR_PAGES = list(ARROWS) + [f"domain/{part}" for part in (
    "runbook", "calendar", "ledger", "workflow")]
DOOR_PAGE_LINES = 20

FILE_LINES = 700
CODE = (".cpp", ".hpp")
SCRIPTS = (".py", ".sh", ".cmake", ".sql", ".ts", ".svelte")


def is_test(path):
    return path.startswith(("tests/", "bench/")) or path.endswith("_test.cpp")


# (pattern in code, the places where it is right, what to do instead)
BANNED = [
    (r"\bsystem_clock::now\b", lambda path: path == "src/base/clock.hpp" or is_test(path),
     "take a Clock (base/clock.hpp)"),
    (r"(?<![\w.>])s?rand\s*\(", lambda path: False, "take a Random (base/random.hpp)"),
    # The environment is part of the outside world, which connectors and runners may touch.
    (r"\bgetenv\s*\(",
     lambda path: path.startswith(("src/main/", "src/connectors/", "src/runner/")) or is_test(path),
     "let src/main read the environment and pass the value"),
    (r"\bsleep_for\b|\bsleep_until\b|(?<![\w.>])u?sleep\s*\(|\bnanosleep\s*\(", lambda path: False,
     "wait for the event itself (a condition variable, a timer); where only asking again helps, say "
     "so on the line: // house: bounded poll"),
    (r"\bcatch\s*\(\s*\.\.\.\s*\)",
     lambda path: path.startswith(("src/http/", "src/worker/", "src/main/", "bench/")),
     "catch what the third-party call throws; only the edges http, worker and main catch all"),
]
# What may stand on a line that asks again, with a bound, for something that tells nobody when it is
# ready, such as a server of somebody else.
BOUNDED_POLL = "// house: bounded poll"
# In comments as well.
UNFINISHED = (r"\b(" + "FIX" + "ME|TO" + "DO|X" + r"XX)\b", "finish it, or open an issue")
USING_NAMESPACE = (r"^using namespace\b", "name what is used; a header must not open a namespace")
# Literals are spelt in two parts so that this file does not find itself.
MACHINE_PATHS = re.compile(r"(?<![\w./-])/(?:" + "work" + "|" + "home" + "|" + r"root)/[\w.]")


def tracked_files():
    """What is committed or would be: so that a finding comes before the commit."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=False)
    if listed.returncode == 0:
        names = [os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
        return sorted(set(name for name in names if os.path.isfile(os.path.join(ROOT, name))))
    # A source archive has no git.
    names = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders
                      if not name.startswith("build") and name not in (".git", ".run")]
        names += [os.path.relpath(os.path.join(folder, name), ROOT) for name in files]
    return sorted(names)


def without_comments_and_texts(text):
    """The code alone; comments and string literals become blanks, line ends stay."""
    pattern = re.compile(
        r'R"([^()\\ ]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'|//[^\n]*|/\*.*?\*/',
        re.S)
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found.group(0)), text)


def room_of(path):
    parts = path.split("/")
    return parts[1] if parts[0] == "src" and len(parts) > 2 else None


def check_arrows(path, text):
    room = room_of(path)
    if room is None:
        return
    if room not in ARROWS:
        yield 1, f"src/{room} is not a room of the house", "see ARCHITECTURE.md"
        return
    allowed = ARROWS[room]
    if allowed is None:
        return
    for number, line in enumerate(text.splitlines(), 1):
        found = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if not found:
            continue
        target = found.group(1)
        if ".." in target.split("/") or "/" not in target:
            yield number, f'includes "{target}"', "root includes at src/"
        elif not any(target.startswith(place + "/") for place in allowed + [room]):
            # Test programs put rooms together, as main does.
            if not is_test(path):
                places = ", ".join(allowed) or "nothing of ours"
                yield number, f"{room} includes {target}", f"{room} may include {places}"


def check_words(path, text):
    bare = without_comments_and_texts(text)
    # To clean up and throw on is not to swallow.
    bare = re.sub(r"\bcatch\s*\(\s*\.\.\.\s*\)(\s*\{[^{}]*\bthrow\s*;\s*\})", r"\1", bare)
    polls = [line.rstrip().endswith(BOUNDED_POLL) for line in text.splitlines()]
    code = [line if not poll else re.sub(r"sleep_(for|until)", "poll", line)
            for line, poll in zip(bare.splitlines(), polls)]
    for pattern, is_right, remedy in BANNED:
        if is_right(path):
            continue
        for number, line in enumerate(code, 1):
            found = re.search(pattern, line)
            if found:
                yield number, f"'{found.group(0).strip()}'", remedy
    if path.endswith(".hpp"):
        depth = 0
        for number, line in enumerate(code, 1):
            if depth == 0 and re.match(USING_NAMESPACE[0], line):
                yield number, "'using namespace' at file scope", USING_NAMESPACE[1]
            depth += line.count("{") - line.count("}")


def check_form(path, text):
    lines = text.splitlines()
    if len(lines) > FILE_LINES:
        yield FILE_LINES, f"{len(lines)} lines", f"split it: at most {FILE_LINES} lines a file"
    if path.endswith(".hpp") and "#pragma once" not in lines:
        yield 1, "no #pragma once", "add it below the comment at the top"


def check_licence(_path, text):
    head = text.splitlines()[:2]
    if not any("SPDX-License-Identifier: Apache-2.0" in line for line in head):
        yield 1, "no licence line", "begin with SPDX-License-Identifier: Apache-2.0"


def check_any_text(_path, text):
    for number, line in enumerate(text.splitlines(), 1):
        found = re.search(UNFINISHED[0], line)
        if found:
            yield number, f"'{found.group(0)}'", UNFINISHED[1]
        found = MACHINE_PATHS.search(line)
        if found:
            yield number, f"a path of one machine: {found.group(0)}...", "use a relative path"


def parameter_counts(signature):
    """How many arguments a function can take, from what stands between its parentheses."""
    depth, parts = 0, [""]
    for sign in signature:
        depth += (sign in "<({[") - (sign in ">)}]")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    parts = [part for part in parts if part.strip()]
    return range(sum("=" not in part for part in parts), len(parts) + 1)


def unnamed_things(text):
    """(line, name, argument counts or None) of what stands in unnamed namespaces."""
    bare = without_comments_and_texts(text)
    inside, at = False, 0
    for number, (line, code) in enumerate(
            zip(text.splitlines(keepends=True), bare.splitlines(keepends=True)), 1):
        begin, at = at, at + len(code)
        if line.startswith("namespace {"):
            inside = True
        elif line.rstrip() == "} // namespace":
            inside = False
        elif inside and code[0] not in " }\n":
            found = re.match(r"(?:class|struct|enum class|enum)\s+(\w+)[^;]*\{", code) or re.match(
                r"(?:inline )?(?:constexpr|const)\s[\w:<>,&* ]*?\b(\w+)(?:\[\w*\])?(?:\{| =|\([^)]*\);)",
                code)
            if found:
                yield number, found.group(1), None
                continue
            found = re.match(r"(?:[\w:<>,&*\[\] ]*[\w>&*]\s+[&*]*)?(\w+)\(", code)
            if found and not re.match(r"[A-Z_]+$", found.group(1)):
                start = begin + found.end()
                depth, end = 1, start
                while depth and end < len(bare):
                    depth += (bare[end] == "(") - (bare[end] == ")")
                    end += 1
                yield number, found.group(1), parameter_counts(bare[start:end - 1])


def check_unnamed(texts):
    """Files of a room may be compiled together: then one name for two things is an error, or worse,
    another function than was meant."""
    known = {}
    for path, text in texts:
        if not path.endswith(".cpp") or path.startswith(("tests/fuzz/", "bench/")):
            continue
        unit = (os.path.dirname(path), path.endswith("_test.cpp"))
        for number, name, counts in unnamed_things(text):
            for other, theirs in known.setdefault((unit, name), []):
                if other != path and (counts is None or theirs is None or
                                      set(counts) & set(theirs)):
                    yield (f"{path}:{number}: {name} is also in {other}; give it a name of its own, "
                           "or share it")
                    break
            known[(unit, name)].append((path, counts))


def is_script(path, text):
    return path.endswith(SCRIPTS) or text.startswith("#!") or os.path.basename(path) in (
        "CMakeLists.txt",)


def findings_of(path, text):
    checks = [check_any_text]
    if path.endswith(CODE):
        checks += [check_arrows, check_words, check_form, check_licence]
    elif is_script(path, text):
        checks += [check_licence]
    for check in checks:
        for number, what, remedy in check(path, text):
            yield f"{path}:{number}: {what}; {remedy}"


def check_door_pages():
    for folder in DOOR_PAGES:
        page = f"src/{folder}/README.md"
        full = os.path.join(ROOT, page)
        if not os.path.isdir(os.path.dirname(full)):
            continue
        if not os.path.isfile(full):
            yield f"{page}:1: is missing; say purpose, may include, does not belong, start at"
            continue
        with open(full, encoding="utf-8") as file:
            count = len(file.read().splitlines())
        if count > DOOR_PAGE_LINES:
            yield f"{page}:{count}: {count} lines; at most {DOOR_PAGE_LINES}"


def self_test():
    """Each rule finds its fault, and keeps quiet where the same text is right."""
    head = "// SPDX-License-Identifier: Apache-2.0\n#pragma once\n"
    faults = [
        ("src/base/a.hpp", head + '#include "app/door.hpp"\n'),
        ("src/store/a.hpp", head + '#include "app/door.hpp"\n'),
        ("src/domain/a.hpp", head + '#include "a.hpp"\n'),
        ("src/attic/a.hpp", head),
        ("src/app/a.cpp", head + "auto now = std::chrono::system_clock::now();\n"),
        ("src/app/a.cpp", head + "int n = rand();\n"),
        ("src/app/a.cpp", head + 'auto* x = std::getenv("X");\n'),
        ("tests/a.cpp", head + "std::this_thread::sleep_for(1s);\n"),
        ("src/store/a.cpp", head + "catch (...) {}\n"),
        ("src/app/a.hpp", head + "using namespace std;\n"),
        ("src/app/a.cpp", head + "// FIX" + "ME\n"),
        ("src/app/a.cpp", "#include <x>\n"),
        ("src/app/a.hpp", head.replace("#pragma once\n", "")),
        ("src/app/a.cpp", head + "\n" * FILE_LINES),
        ("docs/a.md", "see /" + "home/anna/slipway\n"),
        ("tools/a.sh", "#!/bin/sh\n"),
    ]
    rights = [
        ("src/store/a.hpp", head + '#include "app/ports/store.hpp"\n#include "store/b.hpp"\n'),
        ("src/main/a.cpp", head + '#include "http/listener.hpp"\nauto* x = getenv("X");\n'),
        ("src/base/clock.hpp", head + "system_clock::now()\n"),
        ("src/http/a.cpp", head + "catch (...) {}\n"),
        ("tests/a.cpp", head + "std::this_thread::sleep_for(5ms); " + BOUNDED_POLL + "\n"),
        ("src/store/a.cpp", head + "catch (...) {\n    forget();\n    throw;\n}\n"),
        ("src/app/a.hpp", head + "namespace a {\nusing namespace std::chrono_literals;\n}\n"),
        ("src/app/a.cpp", head + 'f("rand()"); // rand() and sleep_for are words here\n'),
        ("src/app/a.cpp", head + 'f(R"sql(getenv("X"))sql"); x.operand(); timer.sleep();\n'),
        ("docs/a.md", "GET /api/v1/" + "work/items, and a " + "/root-cause\n"),
    ]
    one = "namespace {\n\nint twice(int n, int m = 2) {\n}\n\nclass Seen {\n};\n\n} // namespace\n"
    two = "namespace {\n\nint twice(Pair<int, int> n) {\n}\n\n} // namespace\n"
    assert list(check_unnamed([("src/app/a.cpp", one), ("src/app/b.cpp", two)]))
    assert list(check_unnamed([("src/app/a.cpp", one), ("src/app/b.cpp", one.replace("twice", "x"))]))
    assert not list(check_unnamed([("src/app/a.cpp", one), ("src/app/a_test.cpp", one)]))
    assert not list(check_unnamed([("src/app/a.cpp", one), ("src/http/b.cpp", two)]))
    apart = two.replace("int> n", "int> n, int m, int k")
    assert not list(check_unnamed([("src/app/a.cpp", one), ("src/app/b.cpp", apart)]))
    for path, text in faults:
        assert list(findings_of(path, text)), f"nothing found in {path}: {text[-60:]!r}"
    for path, text in rights:
        found = list(findings_of(path, text))
        assert not found, found


def main():
    self_test()
    if sys.argv[1:] == ["--self-test"]:
        return 0
    found = list(check_door_pages())
    texts = []
    for path in tracked_files():
        with open(os.path.join(ROOT, path), "rb") as file:
            data = file.read()
        if b"\0" in data[:8192]:
            continue
        texts.append((path, data.decode("utf-8", "replace")))
        found += findings_of(*texts[-1])
    found += check_unnamed(texts)
    print("\n".join(found) if found else f"{len(texts)} files keep the house rules")
    return 1 if found else 0


sys.exit(main())
