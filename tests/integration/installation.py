# SPDX-License-Identifier: Apache-2.0
"""A server of the real program in a directory of its own, for the integration tests."""

import json
import os
import pty
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

PASSWORD = "a long enough passphrase"


class Refused(Exception):
    """An answer of the API that is not a success."""

    def __init__(self, status, problem):
        super().__init__(f"{status}: {problem.get('detail') or problem.get('title')}")
        self.status = status
        self.problem = problem


class Installation:
    """Starts, stops and kills one server; requests go through http."""

    def __init__(self, binary, *options):
        self.binary = binary
        self.options = options
        self.folder = Path(tempfile.mkdtemp(prefix="slipway-test-"))
        self.data = self.folder / "data"
        self.process = None
        self.address = ""
        self.listen = "127.0.0.1:0"
        self.trust = None  # an ssl.SSLContext for https
        self.token = ""

    def start(self):
        ready = self.folder / "ready"
        ready.unlink(missing_ok=True)
        self.log = open(self.folder / "log", "w", encoding="utf-8")
        command = [self.binary, "serve", "--data", str(self.data), "--listen", self.listen,
                   "--ready-file", str(ready), *self.options]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        end = time.monotonic() + 60
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop(signal.SIGKILL)
                raise RuntimeError("the server did not start:\n" + self.said())
            time.sleep(0.02)
        self.address = ready.read_text(encoding="utf-8").strip()

    def said(self):
        return (self.folder / "log").read_text(encoding="utf-8")

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            os.kill(self.process.pid, how)
            self.process.wait(60)
        self.process = None
        self.log.close()

    def set_up(self):
        code = self.said().split("setup code: ")[1].split()[0]
        self.request("POST", "/setup", {"code": code, "person": "ada", "name": "Ada",
                                        "password": PASSWORD})
        self.token = self.login("ada", PASSWORD)

    def login(self, person, password):
        return self.request("POST", "/login", {"person": person, "password": password})["secret"]

    def person(self, name, *roles, groups=()):
        """Makes a person with these roles and gives his session's token."""
        self.request("PUT", f"/people/{name}", {"name": name.title(), "roles": list(roles),
                                                "groups": list(groups)})
        self.request("POST", f"/people/{name}/password", {"password": PASSWORD})
        return self.login(name, PASSWORD)

    def request(self, method, path, body=None, token=None, headers=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + "/api/v1" + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        if token or self.token:
            request.add_header("Authorization", "Bearer " + (token or self.token))
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=30, context=self.trust) as answer:
                text = answer.read()
                return json.loads(text) if text else {}
        except urllib.error.HTTPError as error:
            raise Refused(error.code, json.loads(error.read() or b"{}")) from None

    def attach(self, text, token):
        """Uploads a text; gives its digest."""
        request = urllib.request.Request(self.address + "/api/v1/attachments?name=runbook.md",
                                         text.encode(), method="POST")
        request.add_header("Content-Type", "application/octet-stream")
        request.add_header("Authorization", "Bearer " + token)
        with urllib.request.urlopen(request, timeout=30, context=self.trust) as answer:
            return json.loads(answer.read())["digest"]

    def text_of(self, digest):
        request = urllib.request.Request(self.address + "/api/v1/attachments/" + digest)
        request.add_header("Authorization", "Bearer " + self.token)
        with urllib.request.urlopen(request, timeout=30, context=self.trust) as answer:
            return answer.read().decode()

    def cli(self, *words, expect=0):
        """Runs a command against this server, or one that needs none; gives its JSON."""
        around = {**os.environ, "SLIPWAY_SERVER": self.address, "SLIPWAY_TOKEN": self.token}
        done = subprocess.run([self.binary, *words, "--json"], capture_output=True, text=True,
                              timeout=120, check=False, env=around)
        if done.returncode != expect:
            raise AssertionError(f"{words} ended with {done.returncode}, not {expect}:\n"
                                 f"{done.stdout}{done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def typed(self, *words, answers):
        """Runs a command on a terminal of its own and answers what it asks; gives its exit status
        and all that stood on the terminal."""
        around = {**os.environ, "SLIPWAY_SERVER": self.address, "SLIPWAY_TOKEN": self.token}
        child, terminal = pty.fork()
        if child == 0:
            os.execve(self.binary, [self.binary, *words], around)
        said = b""
        waiting = list(answers)
        asked = 0
        try:
            while part := os.read(terminal, 4096):
                said += part
                # What is typed before the echo is off would be thrown away, so each answer waits.
                if waiting and said.endswith(b": ") and len(said) > asked:
                    asked = len(said)
                    os.write(terminal, waiting.pop(0).encode() + b"\n")
        except OSError:  # how Linux says that the other side of a terminal is closed
            pass
        os.close(terminal)
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status), said.decode()
