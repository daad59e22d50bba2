# SPDX-License-Identifier: Apache-2.0
"""What tools/story tells with: the terminal, the public HTTP API, the calendar and processes.

Nothing in here knows the story. A call that does not come out as expected raises Unexpected; no
wait is without a bound; a process is ended only by the pid that was written when it was started.
"""

import dataclasses
import datetime as dt
import json
import math
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
import zoneinfo

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
REQUEST_SECONDS = 60
POLL_SECONDS = 0.05
WIDTH = 96


class Unexpected(Exception):
    """Something did not come out as the story says."""


# --- telling -------------------------------------------------------------------------------------


class Teller:
    """Lines of person, command and result; colours only on a terminal that wants them."""

    STYLES = {
        "heading": "1",
        "person": "36",
        "good": "32",
        "refusal": "33",
        "bad": "31",
        "quiet": "2",
    }

    def __init__(self, out=sys.stdout):
        self.out = out
        self.coloured = out.isatty() and not os.environ.get("NO_COLOR")

    def paint(self, style, text):
        return f"\033[{self.STYLES[style]}m{text}\033[0m" if self.coloured else text

    def line(self, text=""):
        print(text, file=self.out, flush=True)

    def chapter(self, text):
        self.line()
        self.line(self.paint("heading", text))

    def note(self, text):
        for part in textwrap.wrap(text, WIDTH - 4):
            self.line("  " + self.paint("quiet", part))

    def did(self, person, command, result, style="good"):
        who = self.paint("person", f"{person:<7} ")
        first, *rest = textwrap.wrap(result, WIDTH - 42) or [""]
        self.line(f"  {who}{command:<31} {self.paint(style, first)}")
        for part in rest:
            self.line(f"{'':<42}{self.paint(style, part)}")

    def gate(self, gate, warnings):
        self.line(f"  {'':<8}{'gate ' + gate:<32}{self.paint('good', 'pass')}")
        for warning in warnings:
            self.wrapped("knows", warning, "quiet")

    def refused(self, person, command, reasons):
        """The first of the reasons with its remedy; of the others, what they are about."""
        reason, *others = reasons
        self.did(person, command, f"refused by {reason['gate']}", "refusal")
        why = f"{reason['field']}: {reason['message']} ({reason['evidence']})"
        self.wrapped("why", why, "refusal")
        self.wrapped("remedy", reason["remedy"], "refusal")
        fields = dict.fromkeys(other["field"] for other in others)
        fields.pop(reason["field"], None)
        if fields:
            self.wrapped("and", ", ".join(fields), "refusal")

    def wrapped(self, label, text, style):
        first, rest = f"{'':<10}{label:<8}", " " * 18
        for part in textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest):
            self.line(self.paint(style, part))

    def failed(self, text):
        self.line()
        self.line(self.paint("bad", text))


# --- the public HTTP API -------------------------------------------------------------------------


class Problem(Exception):
    """A problem document that the server answered (RFC 9457)."""

    def __init__(self, status, document):
        self.status = status
        self.document = document
        super().__init__(f"{status} {document.get('code', '')}: {document.get('detail', '')}")

    def reasons(self):
        return self.document.get("reasons", [])

    def explain(self):
        lines = [str(self)]
        for field in self.document.get("fields", []):
            lines.append(f"  {field['field']}: {field['message']}")
        for reason in self.reasons():
            where = f"  [{reason['gate']}] {reason['field']}"
            lines.append(f"{where}: {reason['message']} ({reason['evidence']})")
        return "\n".join(lines)


class Api:
    """The API as one person, or as nobody."""

    def __init__(self, address, token=""):
        self.address = address
        self.token = token
        # Nothing of this goes through a proxy: the server is on this machine.
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def send(self, method, path, body=None, media_type="application/json"):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/api/v1{path}", data, method=method)
        if data is not None:
            request.add_header("Content-Type", media_type)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with self.opener.open(request, timeout=REQUEST_SECONDS) as response:
                return response.read()
        except urllib.error.HTTPError as error:
            raise Problem(error.code, read_problem(error.read())) from None
        except OSError as error:
            raise Unexpected(f"{method} {path}: {error}") from None

    def call(self, *request):
        text = self.send(*request)
        return json.loads(text) if text else {}

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body):
        return self.call("POST", path, body)

    def put(self, path, body):
        return self.call("PUT", path, body)

    def upload(self, file):
        return self.call(
            "POST",
            f"/attachments?name={file.name}",
            file.read_bytes(),
            "application/octet-stream",
        )["digest"]

    def download(self, digest):
        return self.send("GET", f"/attachments/{digest}").decode(errors="replace")

    def now(self):
        return time_of(self.get("/version")["now"])


def read_problem(text):
    try:
        return json.loads(text)
    except ValueError:
        return {"detail": text.decode(errors="replace")[:200]}


def wait_for(what, look, seconds=60):
    """Asks until look() gives something, which is given back."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() >= deadline:
            raise Unexpected(f"waited {seconds} seconds in vain for {what}")
        time.sleep(POLL_SECONDS)


# --- the clock of a deployment -------------------------------------------------------------------


def length_of(span):
    """A span of the API, such as 1339ms or 10m, as people say it."""
    found = re.fullmatch(r"(\d+)(ms|s|m|h)", span)
    if not found:
        return span
    number, unit = int(found[1]), found[2]
    if unit == "ms":
        return f"{number / 1000:.1f} s"
    return f"{number} {'min' if unit == 'm' else unit}"


def reckoning_of(clock):
    """The sum by which a deployment has to turn round, and whether it was measured."""
    measured = "as rehearsed" if clock["rehearsed"] else "its runbook's limit: never rehearsed"
    return (
        f"the window ends {exactly(time_of(clock['window_end']))}; less "
        f"{length_of(clock['rollback'])} to go back ({measured}), {length_of(clock['smoke'])} to "
        f"test that, and {length_of(clock['margin'])} in hand"
    )


# --- calendar ------------------------------------------------------------------------------------


def time_of(text):
    return dt.datetime.fromisoformat(text.replace("Z", "+00:00"))


def utc_text(moment):
    return moment.astimezone(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def local_text(moment):
    return moment.astimezone(BERLIN).strftime("%Y-%m-%dT%H:%M")


def spoken(moment):
    return moment.astimezone(BERLIN).strftime("%a %d %b %Y %H:%M")


def exactly(moment):
    """The time of day, with tenths of a second where it has them."""
    local = moment.astimezone(BERLIN)
    if not local.second and not local.microsecond:
        return local.strftime("%H:%M")
    return local.strftime("%H:%M:%S.%f")[:-5]


def berlin(day, hour):
    """A local time of the day; noon and evening exist once on every day of the year."""
    return dt.datetime.combine(day, dt.time(hour), BERLIN)


def is_month_end(day):
    """The last three days of a month and the first of the next: the books are closed then."""
    return day.day == 1 or (day + dt.timedelta(days=3)).month != day.month


def first_day(start, is_good):
    day = start
    while not is_good(day):
        day += dt.timedelta(days=1)
    return day


@dataclasses.dataclass
class Dates:
    """The days of one change, counted from its server's clock."""

    meeting: dt.datetime
    rehearsal: dt.datetime
    start: dt.datetime
    end: dt.datetime
    blocked_start: dt.datetime

    @staticmethod
    def after(now):
        # Wednesdays at ten, 48 hours ahead; an hour of reserve for what comes before.
        day = first_day(
            now.astimezone(BERLIN).date(),
            lambda day: day.weekday() == 2 and berlin(day, 10) - now >= dt.timedelta(hours=49),
        )
        # Tuesday to Thursday: no Friday evening, no weekend before anybody would notice.
        window = first_day(
            day + dt.timedelta(days=1),
            lambda day: day.weekday() in (1, 2, 3) and not is_month_end(day),
        )
        blocked = first_day(
            day + dt.timedelta(days=1),
            lambda day: day.weekday() in (0, 1, 2, 3) and is_month_end(day),
        )
        meeting = berlin(day, 10)
        return Dates(
            meeting,
            max(now, meeting - dt.timedelta(hours=24)),
            berlin(window, 18),
            berlin(window, 20),
            berlin(blocked, 18),
        )


# --- processes -----------------------------------------------------------------------------------


def free_port(first):
    return free_ports(first, 1)


def free_ports(first, count):
    """The first of `count` ports in a row that nobody has."""
    for base in range(first, first + 1000, count):
        if all(is_free(port) for port in range(base, base + count)):
            return base
    raise Unexpected(f"no {count} free ports from {first} on")


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def run(command, environment=None, seconds=120):
    """Runs a program to its end and gives what it printed."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unexpected(f"{command[0]}: {error}") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise Unexpected(f"{' '.join(map(str, command))}: status {done.returncode}: {said}")
    return done.stdout


def private_file(path, text):
    """Writes a file that only its owner can read, from its first byte on."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def permits_namespaces():
    """False in many containers; a server then runs steps only when it is told to do so anyway."""
    words = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--user"])
    return subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0


class Server:
    """`slipway serve` as a process of its own, known by its pid file."""

    def __init__(self, binary, data, sandbox):
        self.binary = binary
        self.data = pathlib.Path(data)
        self.sandbox = sandbox
        self.pid_file = self.data.with_name(self.data.name + ".pid")
        self.log = self.data.with_name(self.data.name + ".log")
        self.address = ""
        self.process = None

    def command(self, port, ready=None):
        command = [str(self.binary), "serve", "--data", str(self.data)]
        command += ["--listen", f"127.0.0.1:{port}"]
        command += ["--ready_file", str(ready)] if ready else []
        if self.sandbox and not permits_namespaces():
            command.append("--unconfined")
        return command + (["--sandbox"] if self.sandbox else [])

    def start(self):
        ready = self.data.with_name(self.data.name + ".ready")
        ready.unlink(missing_ok=True)
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                self.command(free_port(8420), ready),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid_file.write_text(f"{self.process.pid}\n", encoding="utf-8")
        wait_for("the server", lambda: ready.exists() or self.has_died(), 30)
        self.address = ready.read_text(encoding="utf-8").strip()

    def serve_here(self):
        """Becomes the server: signals, output and exit status are its own from here on."""
        command = self.command(free_port(8420))
        os.execv(command[0], command)

    def has_died(self):
        if self.process.poll() is not None:
            raise Unexpected("the server ended:\n" + self.log.read_text(encoding="utf-8"))
        return False

    def setup_code(self):
        for line in self.log.read_text(encoding="utf-8").splitlines():
            if "setup code: " in line:
                return line.split("setup code: ", 1)[1].strip()
        raise Unexpected("the server printed no set-up code")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Unexpected("the server did not end by itself within 30 seconds") from None
        self.pid_file.unlink(missing_ok=True)
        if status != 0:
            raise Unexpected(f"the server ended with status {status}")

    def end_earlier(self):
        """Ends the server that an earlier story left up on the same directory."""
        if not self.pid_file.exists():
            return
        pid = int(self.pid_file.read_text(encoding="utf-8"))
        try:
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            words = []
        if b"serve" in words and str(self.data).encode() in words:
            os.kill(pid, signal.SIGTERM)
            wait_for("the earlier server's end", lambda: has_ended(pid), 30)
        self.pid_file.unlink()


def has_ended(pid):
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return True
    return stat.rsplit(")", 1)[1].split()[0] == "Z"


def advance_text(now, target):
    """A span for the sandbox clock, rounded up so that the target is reached."""
    return f"{math.ceil((target - now).total_seconds())}s"
