# SPDX-License-Identifier: Apache-2.0
"""The outside view with the real program: a server, probes, and a site that all of them look at."""

import http.server
import os
import shutil
import signal
import subprocess
import threading
import time
import unittest

from installation import PASSWORD, Installation, Refused

BINARY = os.environ["SLIPWAY_BINARY"]

RUNBOOK = """---
title: Harbor site 1.5
purpose: deployment
engineer: mara
time_limit: 10m
---

```sh { name=switch timeout=10s }
true
```

```smoke
- name: front-page
  http: ${SITE_URL}/
  expect: Harbor
  timeout: 30s
  outside: true
- name: by-hand
  command: "true"
  outside: true
- name: inside
  command: test "$SLIPWAY_RING" = production
```
"""

# Production is looked at once a deployment has begun; this one nobody has to approve.
WORKFLOW = """name: deploy
version: 1
title: Nothing but the deployment
phases:
  - id: deployment
    title: Deployment
    steps:
      - {id: execute, title: Deploy, kind: execute}
"""


class Site(http.server.ThreadingHTTPServer):
    """A page. The requests whose number is in `held` get no answer before `release`."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Page)
        self.daemon_threads = True
        self.held = set()
        self.release = threading.Event()
        self.count = 0
        self.counting = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):  # pylint: disable=invalid-name
        with self.server.counting:
            self.server.count += 1
            number = self.server.count
        if number in self.server.held:
            self.server.release.wait(60)
        try:
            self.send_response(200)
            self.send_header("Content-Length", "6")
            self.end_headers()
            self.wfile.write(b"Harbor")
        except OSError:
            pass  # whoever asked was killed

    def log_message(self, *_):
        pass


def wait_for(what, look, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen = look()
        if seen:
            return seen
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come in {seconds} s")


class ProbeTest(unittest.TestCase):
    mode = ("--sandbox",)

    def setUp(self):
        self.server = Installation(BINARY, *self.mode)
        (self.server.data / "workflows").mkdir(parents=True)
        (self.server.data / "workflows/deploy.yaml").write_text(WORKFLOW, encoding="utf-8")
        self.server.start()
        self.server.set_up()
        self.engineer = self.server.person("mara", "engineer")
        outpost = self.server.person("outpost", "probe")
        made = self.server.request(
            "POST", "/tokens",
            {"label": "berlin", "scopes": ["smoke_probe"], "expires_in": "1d"}, outpost)
        self.token = made["secret"]
        self.site = Site()
        self.probes = []

    def tearDown(self):
        for probe in self.probes:
            if probe.poll() is None:
                os.kill(probe.pid, signal.SIGKILL)
            probe.wait(60)
        self.site.release.set()
        self.site.shutdown()
        self.site.server_close()
        self.server.stop()
        shutil.rmtree(self.server.folder)

    def declare(self, *networks):
        self.server.request("PUT", "/organisations/main", {
            "name": "Harbor", "zone": "UTC", "inside_networks": list(networks)})

    def probe(self, name):
        around = {**os.environ, "SLIPWAY_SERVER": self.server.address,
                  "SLIPWAY_TOKEN": self.token, "HOME": str(self.server.folder)}
        with open(self.server.folder / f"{name}.log", "w", encoding="utf-8") as log:
            probe = subprocess.Popen([BINARY, "probe", "--name", name], env=around, stdout=log,
                                     stderr=subprocess.STDOUT)
        self.probes.append(probe)
        return probe

    def said(self, name):
        return (self.server.folder / f"{name}.log").read_text(encoding="utf-8")

    def here(self):
        return self.server.request("GET", "/probes", token=self.engineer)["items"]

    def deploy(self):
        self.server.request("PUT", "/rings/test", {"name": "Test", "kind": "test", "hosts": []})
        self.server.request("PUT", "/rings/production", {
            "name": "Production", "kind": "production", "hosts": [{"host": "web-1"}],
            "variables": {"SITE_URL": self.site.address(), "UNUSED": "nobody's business"}})
        self.server.request("POST", "/changes", {"title": "Feed", "workflow": "deploy"},
                            self.engineer)
        digest = self.server.attach(RUNBOOK, self.engineer)
        begin, end = (time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + later))
                      for later in (-60, 7200))
        for command, body in (
                ("assign", {"test_ring": "test", "production_ring": "production"}),
                ("pin_runbook", {"purpose": "deployment", "digest": digest, "name": "deploy.md"}),
                ("compare_ring", {}),
                ("schedule", {"start": begin, "end": end, "zone": "UTC"}),
                ("start_run", {"purpose": "deployment"})):
            self.server.request("POST", f"/changes/CHG-1/{command}", body, self.engineer)
        wait_for("the end of the deployment", lambda: self.change()["runs"][0].get("ended_at"))

    def change(self):
        return self.server.request("GET", "/changes/CHG-1", token=self.engineer)

    def report(self, number):
        reports = self.change().get("smoke_reports", [])
        return reports[number] if len(reports) > number else None

    def run_smoke(self):
        self.server.request("POST", "/changes/CHG-1/run_smoke", {"occasion": "production"},
                            self.engineer)


class OutsideTest(ProbeTest):
    def test_a_probe_within_the_declared_networks_is_refused_with_the_reason(self):
        self.assertEqual(self.probe("early").wait(60), 6)
        self.assertIn("not declared which networks are inside", self.said("early"))
        self.declare("127.0.0.0/8")
        self.assertEqual(self.probe("office").wait(60), 6)
        self.assertIn("which lies in 127.0.0.0/8", self.said("office"))
        self.assertEqual(self.here(), [])

    def test_the_token_of_a_probe_does_nothing_else(self):
        for method, path in (("GET", "/changes"), ("GET", "/probes"), ("GET", "/rings"),
                             ("GET", "/events/stream")):
            with self.assertRaises(Refused) as refused:
                self.server.request(method, path, token=self.token)
            self.assertEqual(refused.exception.status, 403)
        # An engineer may not be a probe either.
        with self.assertRaises(Refused) as refused:
            self.server.request("GET", "/probe/work?name=a", token=self.engineer)
        self.assertEqual(refused.exception.status, 403)

    def test_a_check_is_seen_from_both_sides_and_a_script_only_from_here(self):
        self.declare("10.0.0.0/8")
        self.deploy()
        self.probe("berlin")
        wait_for("the probe", self.here)
        self.run_smoke()
        report = wait_for("the report", lambda: self.report(0))
        seen = [(result["name"], result["outside"], result["passed"])
                for result in report["results"]]
        self.assertEqual(seen, [("front-page", False, True), ("by-hand", False, True),
                                ("inside", False, True), ("front-page", True, True),
                                ("by-hand", True, False)])
        self.assertEqual(report["results"][3]["seen_from"], "berlin at 127.0.0.1")
        self.assertEqual(report["results"][4]["detail"], "a probe runs no script")
        self.assertNotIn("not_outside", report)
        self.assertEqual(self.site.count, 2)

    def test_another_probe_takes_over_from_one_that_is_killed(self):
        self.declare("10.0.0.0/8")
        self.deploy()
        self.site.held = {2}  # the first is the server's own
        probes = {name: self.probe(name) for name in ("berlin", "oslo")}
        wait_for("both probes", lambda: len(self.here()) == 2)
        self.run_smoke()
        wait_for("a probe at work", lambda: self.site.count == 2)
        busy = [probe["name"] for probe in self.here() if probe.get("change")]
        self.assertEqual(len(busy), 1)
        os.kill(probes[busy[0]].pid, signal.SIGKILL)
        report = wait_for("the report", lambda: self.report(0))
        other = "oslo" if busy[0] == "berlin" else "berlin"
        self.assertEqual(report["results"][3]["seen_from"], f"{other} at 127.0.0.1")
        self.assertTrue(report["results"][3]["passed"])

    def test_a_probe_comes_back_when_its_server_does(self):
        self.declare("10.0.0.0/8")
        self.probe("berlin")
        wait_for("the probe", self.here)
        self.server.listen = self.server.address.removeprefix("http://")
        self.server.stop(signal.SIGKILL)
        self.server.start()
        self.engineer = self.server.login("mara", PASSWORD)
        wait_for("the probe", self.here)

    def test_a_probe_ends_when_its_token_is_revoked(self):
        self.declare("10.0.0.0/8")
        probe = self.probe("berlin")
        wait_for("the probe", self.here)
        self.server.request("POST", "/people/outpost/password", {"password": PASSWORD})
        self.assertEqual(probe.wait(60), 4)
        wait_for("its end", lambda: not self.here())


class ProductionTest(ProbeTest):
    mode = ()

    def test_the_servers_own_machine_is_not_outside(self):
        self.declare("10.0.0.0/8")
        self.assertEqual(self.probe("berlin").wait(60), 6)
        self.assertIn("own machine", self.said("berlin"))


if __name__ == "__main__":
    unittest.main()
