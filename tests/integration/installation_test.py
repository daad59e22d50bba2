# SPDX-License-Identifier: Apache-2.0
"""What an operator relies on, with the real program: start, kill, backup, restore, rebuild, doctor,
and a ledger in which no record can be altered, dropped, swapped or cut off unnoticed."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from installation import PASSWORD, Installation, Refused

BINARY = os.environ["SLIPWAY_BINARY"]
ROOT = Path(__file__).resolve().parents[2]


class InstallationTest(unittest.TestCase):
    def setUp(self):
        self.server = Installation(BINARY)
        self.server.start()
        self.server.set_up()
        self.engineer = self.server.person("mara", "engineer")

    def tearDown(self):
        self.server.stop()
        shutil.rmtree(self.server.folder)

    def open_changes(self, count):
        for number in range(1, count + 1):
            opened = self.server.request("POST", "/changes", {"title": f"Change {number}"},
                                         self.engineer)
            self.server.request("POST", f"/changes/{opened['id']}/comment", {"text": "noted \"so\""},
                                self.engineer)

    def verify(self, expect=0):
        return self.server.cli("verify", str(self.server.data), expect=expect)

    def test_a_state_is_the_same_after_a_kill_and_replays_to_the_same_bytes(self):
        self.server.request("POST", "/changes", {"title": "Feed"}, self.engineer)
        for number in range(37):  # more than once as many as the stored document may lack
            self.server.request("POST", "/changes/CHG-1/comment", {"text": f"note {number}"},
                                self.engineer)
        before = self.server.request("GET", "/changes/CHG-1")
        self.assertEqual(len(before["comments"]), 37)
        self.server.stop(signal.SIGKILL)
        self.server.start()
        self.assertEqual(self.server.request("GET", "/changes/CHG-1"), before)
        self.server.request("POST", "/changes/CHG-1/comment", {"text": "after it"}, self.engineer)
        self.assertEqual(self.server.request("GET", "/changes/CHG-1")["version"],
                         before["version"] + 1)
        self.server.stop()
        report = self.server.cli("admin", "rebuild", "--check", "--data", str(self.server.data))
        self.assertEqual(report["different"], 0)

    def test_an_edited_workflow_needs_a_new_version(self):
        self.server.request("POST", "/changes", {"title": "Feed"}, self.engineer)
        self.server.stop()
        path = self.server.data / "workflows" / "release.yaml"
        path.write_text(path.read_text(encoding="utf-8") + "# another remark\n", encoding="utf-8")
        self.server.start()
        self.assertIn("the file of workflow release was edited", self.server.said())
        with self.assertRaises(Refused) as refused:
            self.server.request("POST", "/changes", {"title": "Feed"}, self.engineer)
        self.assertIn("give it a new version", str(refused.exception))
        self.server.request("POST", "/changes/CHG-1/comment", {"text": "goes on"}, self.engineer)

    def test_what_is_wrong_with_a_junit_report_is_said_of_its_field(self):
        self.server.request("POST", "/changes", {"title": "Feed"}, self.engineer)
        with self.assertRaises(Refused) as refused:
            self.server.request("POST", "/changes/CHG-1/record_smoke",
                                {"occasion": "production", "junit": "<testsuite>"}, self.engineer)
        field = refused.exception.problem["fields"][0]
        self.assertEqual(field["field"], "junit")
        self.assertIn("line 1: not valid XML", field["message"])

    def test_an_unknown_person_and_a_wrong_password_get_the_same_answer(self):
        answers = []
        for person in ("ada", "nobody"):
            with self.assertRaises(Refused) as refused:
                self.server.login(person, "not this one at all")
            answers.append((refused.exception.status, refused.exception.problem.get("detail")))
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(answers[0][0], 401)

    def test_what_let_a_leaver_in_ends_for_good(self):
        token = self.server.request("POST", "/tokens", {
            "label": "ci", "scopes": ["change_read"], "expires_in": "1h"}, self.engineer)["secret"]
        mara = {"name": "Mara", "roles": ["engineer"]}
        for inactive in (True, False):
            self.server.request("PUT", "/people/mara", {**mara, "inactive": inactive})
            for secret in (self.engineer, token):
                self.assertEqual(self.refused("GET", "/changes", None, secret).status, 401)
        self.server.request("GET", "/changes", token=self.server.login("mara", PASSWORD))

    def test_a_new_password_is_typed_twice_at_a_terminal(self):
        code = self.server.cli("password", "set", "mara")["secret"]
        fresh = "seven slow barges"
        for words, before in ((["password", "redeem"], [code]), (["password", "change"], [PASSWORD]),
                              (["setup", "--person", "eva", "--name", "Eva"], ["no-code"])):
            status, said = self.server.typed(*words, answers=[*before, fresh, "seven slow bargse"])
            self.assertEqual(status, 2, said)
            self.assertIn("New password again: ", said)
            self.assertIn("the two are not the same", said)
            self.assertNotIn("barg", said)
        # Backspace takes a character back, of however many bytes.
        status, said = self.server.typed("password", "redeem", answers=[code, fresh + "ä\x7f", fresh])
        self.assertEqual(status, 0, said)
        self.server.login("mara", fresh)
        status, said = self.server.typed("password", "redeem", answers=[code, fresh, fresh])
        self.assertEqual(status, 4, said)
        self.assertIn("mend: Ask an administrator for a new one: slipway password set ID",
                      " ".join(said.split()))
        self.assertNotIn("slipway login", said)

    def test_the_last_administrator_who_can_sign_in_stays(self):
        self.server.request("PUT", "/people/rut", {"name": "Rut", "roles": ["administrator"]})
        self.server.request("POST", "/people/rut/password", {})  # a code is no password yet
        with self.assertRaises(Refused) as refused:
            self.server.request("PUT", "/people/ada", {"name": "Ada", "inactive": True,
                                                       "roles": ["administrator"]})
        self.assertIn("slipway password set rut", json.dumps(refused.exception.problem))
        with self.assertRaises(Refused):
            self.server.request("DELETE", "/people/ada")
        self.server.request("POST", "/people/rut/password", {"password": PASSWORD})
        self.server.request("DELETE", "/people/ada")
        self.server.token = self.server.login("rut", PASSWORD)
        self.server.request("GET", "/people")

    def test_an_administrator_is_let_in_again_with_the_server_stopped(self):
        words = ["admin", "password_code", "ada", "--data", str(self.server.data)]
        self.assertEqual(self.server.cli(*words, expect=5)["code"], "conflict")
        self.server.stop()
        refused = self.server.cli(*words[:2], "mara", *words[3:], expect=3)
        self.assertIn("there are: ada", refused["detail"])
        code = self.server.cli(*words)["secret"]
        self.verify()
        self.server.start()
        fresh = "seven slow barges"
        self.server.request("POST", "/password", {"code": code, "password": fresh})
        self.server.token = self.server.login("ada", fresh)
        entries = [json.loads(item["entry"])
                   for item in self.server.cli("ledger", "entries", "--all")["items"]]
        self.assertEqual([entry["via"] for entry in entries
                          if entry["type"] == "password_code_given"], ["admin"])

    def test_a_vague_rfc_is_refused_with_gate_field_and_remedy(self):
        self.server.request("POST", "/changes", {"title": "Middleware"}, self.engineer)
        self.server.request("POST", "/changes/CHG-1/describe", {"summary": "upgrade middleware"},
                            self.engineer)
        with self.assertRaises(Refused) as refused:
            self.server.request("POST", "/changes/CHG-1/complete_step", {"step": "scope"},
                                self.engineer)
        self.assertEqual(refused.exception.status, 409)
        reasons = refused.exception.problem["reasons"]
        self.assertIn("scope.summary", [reason["field"] for reason in reasons])
        for reason in reasons:
            self.assertEqual(reason["gate"], "rfc-specific")
            self.assertTrue(reason["message"] and reason["remedy"] and reason["evidence"])

    def test_gates_and_clearance_name_a_change_whose_window_overlaps(self):
        for number in (1, 2):
            change = f"/changes/CHG-{number}"
            self.server.request("POST", "/changes", {"title": "Feed"}, self.engineer)
            self.server.request("POST", change + "/describe",
                                {"summary": "feed", "cis": [{"ci": "web"}]}, self.engineer)
            self.server.request("POST", change + "/schedule",
                                {"start": "2035-03-06T18:00", "end": "2035-03-06T20:00",
                                 "zone": "Europe/Berlin"}, self.engineer)
        window = [gate for gate in self.server.request("GET", "/changes/CHG-2/gates")["gates"]
                  if gate["gate"] == "window"][0]
        clearance = self.server.request("GET", "/changes/CHG-2/clearance")
        for reasons in (window["reasons"], clearance["reasons"]):
            self.assertIn("overlaps CHG-1 (Feed)", [reason["message"] for reason in reasons])

    def test_no_window_is_proposed_that_a_dependent_item_forbids(self):
        manager = self.server.person("petra", "change_manager")
        for item, needs in (("site", []), ("billing", ["site"])):
            self.server.request("PUT", f"/cis/{item}", {"name": item, "ci_class": "application",
                                                        "depends_on": needs}, manager)
        self.server.request("PUT", "/blackouts/bills", {
            "name": "the bills are written", "reason": "money", "cis": ["billing"],
            "recurrence": {"from": "2035-03-06T00:00", "duration": "1d", "zone": "UTC"},
        }, manager)
        self.server.request("POST", "/changes", {"title": "Site"}, self.engineer)
        self.server.request("POST", "/changes/CHG-1/describe",
                            {"summary": "site", "cis": [{"ci": "site"}]}, self.engineer)
        self.server.request("POST", "/changes/CHG-1/trace_impact", {}, self.engineer)
        answer = self.server.request(
            "GET", "/changes/CHG-1/window_proposals?from=2035-03-06T00:00&until=2035-03-07T06:00"
            "&duration=1h&rollback_duration=1h&zone=UTC")
        self.assertTrue(answer["proposals"])
        for proposal in answer["proposals"]:
            self.assertGreaterEqual(proposal["window"]["start"], "2035-03-07")

    def test_only_change_managers_write_boards_and_each_approves_in_his_own_name(self):
        manager = self.server.person("petra", "change_manager")
        board = {"name": "CAB", "members": ["mara"], "emergency": True}
        for token in (self.engineer, self.server.token):
            with self.assertRaises(Refused) as refused:
                self.server.request("PUT", "/boards/cab", board, token)
            self.assertEqual(refused.exception.status, 403)
        self.server.request("PUT", "/boards/cab", board, manager)
        entry = {"title": "Site", "deployment_runbook": "a" * 64, "ci_classes": ["application"],
                 "approved_by": ["petra", "paul"], "expires_at": "2035-01-01T00:00:00Z"}
        with self.assertRaises(Refused) as refused:
            self.server.request("PUT", "/catalogue/site", entry, manager)
        fields = [error["field"] for error in refused.exception.problem["fields"]]
        self.assertEqual(fields, ["approved_by[1]"])
        self.server.request("PUT", "/catalogue/site", {**entry, "approved_by": ["petra"]}, manager)
        second = self.server.person("paul", "change_manager")
        self.server.request("PUT", "/catalogue/site", entry, second)

    def test_a_killed_server_has_every_acknowledged_event(self):
        self.open_changes(10)
        self.server.stop(signal.SIGKILL)
        self.server.start()
        found = self.server.request("GET", "/changes?limit=50")["items"]
        self.assertEqual([item["id"] for item in found], [f"CHG-{n}" for n in range(10, 0, -1)])
        self.server.stop()
        self.assertFalse(self.verify().get("findings"))

    def run_on_the_test_ring(self, script, **variables):
        """Runs one step as an engineer whom nobody has to approve; gives the run's first step and
        its transcript."""
        for ring, kind in (("live", "production"), ("edge", "staging")):
            self.server.request("PUT", f"/rings/{ring}", {
                "name": ring, "kind": kind, "hosts": [],
                "variables": variables if ring == "edge" else {}}, self.engineer)
        runbook = ("---\ntitle: One step\npurpose: deployment\nengineer: mara\ntime_limit: 5m\n"
                   "---\n```sh { name=one timeout=30s }\n" + script + "\n```\n"
                   "```smoke\n- name: answers\n  command: \"true\"\n```\n")
        opened = self.server.request("POST", "/changes", {
            "title": "Site", "implementer": "mara", "production_ring": "live", "test_ring": "edge",
        }, self.engineer)
        change = f"/changes/{opened['id']}"
        for command, body in (
                ("pin_runbook", {"purpose": "deployment", "name": "deploy.md",
                                 "digest": self.server.attach(runbook, self.engineer)}),
                ("compare_ring", {}),
                ("start_run", {"purpose": "ring_deploy"})):
            self.server.request("POST", f"{change}/{command}", body, self.engineer)
        end = time.monotonic() + 60
        while True:
            run = self.server.request("GET", change)["runs"][-1]
            if run["state"] != "running" or time.monotonic() > end:
                break
            time.sleep(0.05)
        step = run["steps"][0]
        return step, self.server.text_of(step["transcript"]) if "transcript" in step else ""

    def test_a_step_that_nobody_approved_rewrote_the_servers_database(self):
        data = self.server.data
        self.server.cli("verify", str(data))
        script = (f"cat {data}/slipway.db ../slipway.db | head -c 15\n"
                  f"echo mine > {data}/slipway.db || echo kept\nls {data}/secrets; echo $PWD")
        step, said = self.run_on_the_test_ring(script)
        self.assertNotIn("SQLite format", said)
        if step["state"] == "not_started":
            self.assertIn("it cannot be kept from the server's data", json.dumps(step))
        else:
            self.assertIn("kept", said)
            self.assertIn(f"{data}/work", said)
        self.assertEqual((data / "slipway.db").read_bytes()[:15], b"SQLite format 3")
        self.assertFalse(self.verify().get("findings"))

    def test_a_step_on_a_test_ring_ran_what_gives_the_secrets_of_production(self):
        helper = self.server.data / "programs" / "production" / "harbor" / "vault"
        helper.parent.mkdir(parents=True)
        helper.write_text("#!/bin/sh\necho production-password\n", encoding="utf-8")
        helper.chmod(0o700)
        _, said = self.run_on_the_test_ring(f"{helper} db || ../programs/production/harbor/vault")
        self.assertNotIn("production-password", said)

    def test_a_server_that_may_keep_nothing_apart_says_so(self):
        self.server.stop()
        self.server.options = ["--unconfined"]
        self.server.start()
        self.assertIn("can reach the server's data", self.server.said())
        _, said = self.run_on_the_test_ring("head -c 13 ../slipway.db")
        self.assertIn("SQLite format", said)

    def test_backup_restore_rebuild_and_doctor(self):
        self.open_changes(5)
        copy = self.server.folder / "copy"
        restored = self.server.folder / "restored"
        (self.server.data / "programs" / "tool").write_text("#!/bin/sh\n", encoding="utf-8")
        made = self.server.cli("admin", "backup", str(copy), "--data", str(self.server.data))
        self.assertEqual(made["left_out"], ["secrets"])
        self.server.stop()
        self.server.cli("admin", "restore", str(copy), "--data", str(restored))
        self.assertFalse(self.server.cli("verify", str(restored)).get("findings"))
        self.assertTrue((restored / "programs" / "tool").exists())
        self.assertEqual((restored / "policies" / "default.yaml").read_bytes(),
                         (self.server.data / "policies" / "default.yaml").read_bytes())
        self.assertEqual(self.server.cli("verify", str(copy / "slipway.db"))["mode"], "production")
        rebuilt = self.server.cli("admin", "rebuild", "--check", "--data", str(restored))
        self.assertEqual(rebuilt["different"], 0, rebuilt)
        rebuilt = self.server.cli("admin", "rebuild", "--data", str(restored))
        self.assertFalse(rebuilt["repaired"], "nothing differed")
        file = self.server.folder / "file"
        file.write_text("", encoding="utf-8")
        for nowhere in ("", str(file), str(file / "below")):
            self.server.cli("admin", "backup", nowhere, "--data", str(restored), expect=2)
        health = self.server.cli("admin", "doctor", "--data", str(restored))
        self.assertTrue(health["healthy"], health)

    def test_what_a_migration_cannot_see_is_made_of_the_entries_when_a_newer_program_starts(self):
        self.open_changes(1)
        self.server.request("POST", "/changes/CHG-1/add_action",
                            {"title": "Mend it", "owner": "mara", "due_at": "2099-01-01T00:00:00Z"},
                            self.engineer)
        self.server.stop()
        with sqlite3.connect(self.server.data / "slipway.db") as database:
            # As an older program left it, whose document lacks the last entries.
            database.execute("update change_index set records = '[]'")
            database.execute("delete from migration where number = 6")
        self.server.start()
        self.assertIn("an older slipway made this store", self.server.said())
        self.server.stop()
        report = self.server.cli("admin", "rebuild", "--check", "--data", str(self.server.data))
        self.assertEqual(report["different"], 0, report)
        # Whoever migrated it was ended before it was made anew.
        with sqlite3.connect(self.server.data / "slipway.db") as database:
            self.assertEqual(database.execute("select count(*) from stale").fetchone(), (0,))
            database.execute("update change_index set records = '[]'")
            database.execute("insert into stale values ('states')")
        self.server.start()
        self.server.stop()
        report = self.server.cli("admin", "rebuild", "--check", "--data", str(self.server.data))
        self.assertEqual(report["different"], 0, report)

    def test_rebuild_and_doctor_that_find_something_are_refusals(self):
        self.open_changes(2)
        self.server.stop()
        with sqlite3.connect(self.server.data / "slipway.db") as database:
            database.execute("update document set state = '{}' where kind = 'change'")
        rebuilt = self.server.cli("admin", "rebuild", "--check", "--data", str(self.server.data),
                                  expect=6)
        self.assertGreater(rebuilt["different"], 0)
        self.server.cli("admin", "rebuild", "--data", str(self.server.data))
        with sqlite3.connect(self.server.data / "slipway.db") as database:
            database.execute(
                "insert into task (tenant, kind, change, payload, due_at, lease, attempts, dead, "
                "last_error) values ('main', 'notice', 'CHG-1', '{}', 0, '', 8, 1, 'no route')")
        health = self.server.cli("admin", "doctor", "--data", str(self.server.data), expect=6)
        self.assertFalse(health["healthy"])

    def test_a_data_directory_that_is_not_there_is_not_found(self):
        nowhere = self.server.folder / "nosuch"
        empty = self.server.folder / "empty"
        empty.mkdir()
        for words in (["doctor"], ["rebuild", "--check"], ["rebuild"], ["password_code", "ada"]):
            for place in (nowhere, empty):
                problem = self.server.cli("admin", *words, "--data", str(place), expect=3)
                self.assertIn(str(place), problem["detail"])
                self.assertIn("slipway serve --data", problem["detail"])
        self.assertFalse(nowhere.exists(), "looking makes nothing")
        self.assertFalse(list(empty.iterdir()))

    def test_a_data_directory_that_cannot_be_is_no_passing_fault(self):
        file = self.server.folder / "file"
        file.write_text("", encoding="utf-8")
        for place in ("/proc/x", file, file / "below"):
            done = subprocess.run([BINARY, "serve", "--data", str(place)], capture_output=True,
                                  text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 64, done.stderr)
            self.assertIn(f"--data: {place} cannot hold the data: ", done.stderr)

    def test_an_address_that_cannot_be_told_ends_the_server(self):
        ready = self.server.folder / "nowhere" / "address"
        done = subprocess.run(
            [BINARY, "serve", "--sandbox", "--data", str(self.server.folder / "untold"),
             "--listen", "127.0.0.1:0", "--ready_file", str(ready)],
            capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(f"ready_file: {ready} cannot be written: ", done.stderr)

    def test_windows_are_proposed_over_api_and_command_line(self):
        self.server.request("POST", "/changes", {"title": "Feed"}, self.engineer)
        query = ("from=2035-03-05T00:00&until=2035-03-09T00:00&zone=Europe/Berlin"
                 "&duration=1h&rollback_duration=30m&count=3")
        asked = self.server.request("GET", "/changes/CHG-1/window_proposals?" + query,
                                    token=self.engineer)
        self.assertEqual(len(asked["proposals"]), 3, asked)
        with self.assertRaises(Refused) as refused:
            self.server.request("GET", "/changes/CHG-1/window_proposals?" + query + "&length=2h",
                                token=self.engineer)
        self.assertIn("rollback_duration", refused.exception.problem["detail"])
        self.server.token = self.engineer
        shown = self.server.cli("change", "windows", "CHG-1", "--from", "2035-03-05T00:00",
                                "--until", "2035-03-09T00:00", "--zone", "Europe/Berlin",
                                "--duration", "1h", "--rollback_duration", "30m", "--count", "3")
        self.assertEqual(shown, asked)

    def test_a_removal_with_the_same_key_is_done_once(self):
        self.server.request("PUT", "/cis/web", {"name": "Web", "ci_class": "host"}, self.engineer)
        key = {"Idempotency-Key": "remove-web"}
        for _ in range(2):
            self.server.request("DELETE", "/cis/web", token=self.engineer, headers=key)
        with self.assertRaises(Refused) as refused:
            self.server.request("DELETE", "/cis/other", token=self.engineer, headers=key)
        self.assertEqual(refused.exception.status, 409)
        with self.assertRaises(Refused) as refused:
            self.server.request("DELETE", "/cis/web", token=self.engineer)
        self.assertEqual(refused.exception.status, 404)

    def refused(self, method, path, body, token):
        with self.assertRaises(Refused) as refused:
            self.server.request(method, path, body, token)
        return refused.exception

    def test_a_ring_takes_no_secret_from_where_none_may_be(self):
        def ring(reference):
            return {"name": "Edge", "kind": "staging", "hosts": [],
                    "variables": {"TOKEN": "secret:" + reference}}
        for reference in ("file:/etc/passwd", "env:HOME", "command:/bin/echo x",
                          f"file:{self.server.data}/secrets/mail",
                          f"file:{self.server.data}/secrets/production/secretive/token",
                          "file:/run/secrets/other", "env:SLIPWAY_SECRET_MAIL",
                          f"command:{self.server.data}/programs/vault all"):
            wrong = self.refused("PUT", "/rings/secretive", ring(reference), self.engineer)
            self.assertEqual(wrong.status, 400)
            self.assertEqual(wrong.problem["fields"][0]["field"], "variables.TOKEN")
        self.assertIn("programs/staging/secretive", wrong.problem["fields"][0]["message"])
        # Whether it is there is found out when it is asked for.
        self.server.request("PUT", "/rings/secretive",
                            ring("file:/run/secrets/staging/secretive/none"), self.engineer)

    def test_a_connector_takes_no_password_in_plain_text(self):
        for manifest, settings, field in (
                ("restic", {"repository": "/r", "password": "hunter2"}, "settings.password"),
                ("restic", {"repository": "/r", "password": "env:SLIPWAY_SECRET_R", "typo": 1},
                 "settings.typo"),
                ("resti", {}, "manifest")):
            wrong = self.refused("PUT", "/connectors/nightly",
                                 {"manifest": manifest, "settings": settings},
                                 self.server.token)
            self.assertEqual(wrong.status, 400)
            self.assertEqual(wrong.problem["fields"][0]["field"], field)
        # Whether it is there is found out when it is asked for.
        self.server.request("PUT", "/connectors/nightly", {
            "manifest": "restic",
            "settings": {"repository": "/r", "password": "env:SLIPWAY_SECRET_NONE"}})

    def test_an_engineer_reads_no_secret_of_production_on_a_test_ring(self):
        secrets = self.server.data / "secrets"
        for ring in ("production/harbor", "staging/edge", "test/harbor"):
            (secrets / ring).mkdir(parents=True)
            (secrets / ring / "token").write_text("key of " + ring, encoding="utf-8")

        def ring(kind, secret):
            return {"name": "Harbor", "kind": kind, "hosts": [], "variables": {
                "TOKEN": f"secret:file:{secrets}/{secret}/harbor/token"}}
        self.server.request("PUT", "/rings/harbor", ring("production", "production"), self.engineer)
        kept = self.refused("PUT", "/rings/harbor", ring("test", "test"), self.engineer)
        self.assertEqual((kept.status, kept.problem["reasons"][0]["field"]), (409, "kind"))
        self.assertEqual(self.refused("DELETE", "/rings/harbor", None, self.engineer).status, 409)
        self.server.request("DELETE", "/rings/harbor")
        self.assertEqual(
            self.refused("PUT", "/rings/harbor", ring("test", "test"), self.engineer).status, 409)
        # An administrator may, and then that secret is no longer the ring's.
        self.assertEqual(
            self.refused("PUT", "/rings/harbor", ring("test", "production"), None).status, 400)
        self.server.request("PUT", "/rings/harbor", ring("test", "test"))
        # What a test ring has of its own its script can read, and turn into something else.
        step, said = self.run_on_the_test_ring(
            'echo "$TOKEN" | tr a-y b-z', TOKEN=f"secret:file:{secrets}/staging/edge/token")
        if step["state"] != "not_started":
            self.assertIn("lfz pg tubhjoh/fehf", said)

    def test_what_others_rely_on_is_not_removed(self):
        host = {"name": "Web", "ci_class": "host"}
        site = {"name": "Site", "ci_class": "application", "depends_on": ["web"]}
        early = self.refused("PUT", "/cis/site", site, self.engineer)
        self.assertEqual(early.status, 400)
        self.assertEqual(early.problem["fields"][0]["field"], "depends_on[0]")
        self.server.request("PUT", "/cis/web", host, self.engineer)
        self.server.request("PUT", "/cis/site", site, self.engineer)
        self.server.request("PUT", "/rings/edge", {"name": "Edge", "kind": "staging", "hosts": []},
                            self.engineer)
        self.server.request("POST", "/changes", {"title": "Web", "test_ring": "edge"},
                            self.engineer)
        ring = self.refused("DELETE", "/rings/edge", None, self.engineer)
        self.assertEqual((ring.status, ring.problem["code"]), (409, "blocked"))
        self.assertIn("CHG-1", ring.problem["reasons"][0]["evidence"])
        self.assertIn("Assign another", ring.problem["reasons"][0]["remedy"])
        self.server.request("POST", "/changes/CHG-1/describe",
                            {"summary": "web", "cis": [{"ci": "web"}]}, self.engineer)
        used = self.refused("DELETE", "/cis/web", None, self.engineer)
        self.assertEqual((used.status, used.problem["code"]), (409, "blocked"))
        reasons = used.problem["reasons"]
        self.assertEqual([reason["field"] for reason in reasons], ["depends_on", "scope"])
        self.assertIn("site", reasons[0]["remedy"])
        self.assertIn("CHG-1", reasons[1]["evidence"])
        # Its requester's name stands under the change.
        person = self.server.request("GET", "/changes/CHG-1")["requester"]
        owned = self.refused("DELETE", f"/people/{person}", None, self.server.token)
        self.assertIn("inactive", owned.problem["reasons"][0]["remedy"])
        self.server.request("POST", "/changes/CHG-1/cancel", {"reason": "no"}, self.engineer)
        self.server.request("DELETE", "/cis/site", token=self.engineer)
        self.server.request("DELETE", "/cis/web", token=self.engineer)
        self.server.request("DELETE", "/rings/edge", token=self.engineer)

    def test_an_import_brings_both_ends_in_any_order(self):
        items = [{"id": f"app-{n}", "name": "A", "ci_class": "application", "depends_on": ["web"]}
                 for n in range(1200)]
        alone = self.refused("POST", "/cis/import", items, self.engineer)
        self.assertEqual(alone.problem["fields"][0]["field"], "[0].depends_on[0]")
        self.assertEqual(self.server.request("GET", "/cis")["items"], [])
        items.append({"id": "web", "name": "Web", "ci_class": "host"})
        self.server.request("POST", "/cis/import", items, self.engineer)
        # Of very many that use it, some are named.
        used = self.refused("DELETE", "/cis/web", None, self.engineer)
        self.assertEqual(len(used.problem["reasons"]), 20)

    def test_a_record_is_written_only_if_it_is_new_or_only_if_it_is_there(self):
        web = {"name": "Web", "ci_class": "host"}

        def put(condition):
            try:
                self.server.request("PUT", "/cis/web", web, self.engineer, condition)
                return 200
            except Refused as refused:
                return refused.status

        self.assertEqual(put({"If-Match": "*"}), 412)
        self.assertEqual(put({"If-None-Match": "*"}), 200)
        self.assertEqual(put({"If-None-Match": "*"}), 412)
        self.assertEqual(put({"If-Match": "*"}), 200)
        self.server.request("DELETE", "/cis/web", token=self.engineer)
        self.assertEqual(put({"If-Match": "*"}), 412)
        self.assertEqual(put({"If-None-Match": "*"}), 200)

    def test_an_import_is_one_commit_and_repeats(self):
        items = [{"id": f"ci-{n}", "name": "C", "ci_class": "host"} for n in range(1500)]
        answer = self.server.request("POST", "/cis/import", items, self.engineer)
        self.assertEqual(answer, {"imported": 1500, "created": 1500})
        answer = self.server.request("POST", "/cis/import", items[:3], self.engineer)
        self.assertEqual(answer, {"imported": 3, "created": 0})
        with self.assertRaises(Refused):
            self.server.request("POST", "/cis/import", items[:2] + items[:1], self.engineer)
        self.assertFalse(self.verify().get("findings"))

    def test_a_signal_breaks_a_long_import_off(self):
        items = "".join(f'{{"id":"ci-{n}","name":"C","ci_class":"host"}}\n'
                        for n in range(30000)).encode()
        request = urllib.request.Request(self.server.address + "/api/v1/cis/import", items,
                                         method="POST")
        request.add_header("Content-Type", "application/x-ndjson")
        request.add_header("Authorization", "Bearer " + self.engineer)
        answers = []

        def send():
            try:
                with urllib.request.urlopen(request, timeout=120) as answer:
                    answers.append(answer.status)
            except urllib.error.HTTPError as error:
                answers.append(error.read().decode())

        sender = threading.Thread(target=send)
        sender.start()
        end = time.monotonic() + 60
        while time.monotonic() < end and not self.server.request(
                "GET", "/cis?limit=1", token=self.engineer)["items"]:
            time.sleep(0.02)
        self.server.stop()  # waits for the end
        sender.join(60)
        self.assertIn("000 of 30000 records were written", answers[0])
        self.assertFalse(self.verify().get("findings"))

    def test_a_second_signal_ends_the_server_at_once(self):
        host, port = self.server.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as unfinished:
            unfinished.sendall(b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
                               b"Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n")
            self.assertIn(b"100 Continue", unfinished.recv(100))  # it waits for the body
            process = self.server.process
            process.send_signal(signal.SIGTERM)
            end = time.monotonic() + 15
            while time.monotonic() < end and "ending" not in self.server.said():
                time.sleep(0.02)
            self.assertTrue(process.poll() is None, "it lets the request end first")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(10), 128 + signal.SIGTERM)

    def test_it_listens_on_an_ipv6_address(self):
        self.server.stop()
        self.server.listen = "[::1]:0"
        self.server.start()
        self.assertTrue(self.server.address.startswith("http://[::1]:"), self.server.address)
        self.assertEqual(self.server.request("GET", "/me")["person"], "ada")
        self.server.stop()
        for wrong in ("::1:0", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", ":0", "here:0"):
            done = subprocess.run([BINARY, "serve", "--data", str(self.server.data), "--listen",
                                   wrong], capture_output=True, text=True, timeout=30, check=False)
            self.assertEqual(done.returncode, 64, wrong)
            self.assertIn("listen", done.stderr, wrong)

    def test_a_production_ledger_never_becomes_a_sandbox(self):
        self.server.stop()
        self.server.options = ("--sandbox",)
        with self.assertRaises(RuntimeError) as refused:
            self.server.start()
        self.assertIn("production", str(refused.exception))
        self.assertIn("start it without --sandbox", str(refused.exception))
        self.server.options = ()

    def damage(self, statement, kind):
        """Damages the ledger's table and expects a finding of this kind."""
        self.open_changes(3)
        self.server.stop()
        with sqlite3.connect(self.server.data / "slipway.db") as database:
            database.execute(statement)
        report = self.verify(expect=6)
        self.assertIn(kind, [finding["kind"] for finding in report["findings"]], report)

    def test_an_altered_record_is_named(self):
        self.damage("update event set body = replace(body, 'Change 2', 'Change 9') "
                    "where type = 'change_opened'", "altered")

    def test_a_dropped_record_is_named(self):
        self.damage("delete from event where seq = 7", "missing")

    def test_a_truncated_ledger_is_named(self):
        self.damage("delete from event where seq = (select max(seq) from event)", "truncated")

    def test_a_relabelled_record_is_named_and_not_replayed(self):
        self.damage("update event set type = 'vote_cast', stream = 'CHG-9' where seq = "
                    "(select max(seq) from event where kind = 'change')", "mislabelled")
        self.server.cli("admin", "rebuild", "--data", str(self.server.data), expect=6)

    def test_a_relabelled_type_is_not_replayed(self):
        self.damage("update event set type = 'person_removed' where kind = 'person' "
                    "and stream = 'mara'", "mislabelled")
        self.server.cli("admin", "rebuild", "--data", str(self.server.data), expect=6)

    def test_an_altered_attachment_is_named(self):
        request = urllib.request.Request(self.server.address + "/api/v1/attachments", b"a report",
                                         method="POST")
        request.add_header("Content-Type", "application/octet-stream")
        request.add_header("Authorization", "Bearer " + self.engineer)
        with urllib.request.urlopen(request, timeout=30) as answer:
            digest = json.loads(answer.read())["digest"]
        self.damage("update blob_chunk set data = replace(data, 'Y', 'Z')", "attachment_altered")
        report = self.verify(expect=6)
        self.assertIn("attachments/" + digest, [found["file"] for found in report["findings"]])
        self.server.cli("admin", "backup", str(self.server.folder / "copy"), "--data",
                        str(self.server.data), expect=6)

    def test_a_ledger_without_checkpoints_is_named(self):
        self.damage("delete from checkpoint", "not_signed")

    def test_a_person_out_of_nowhere_is_named(self):
        self.damage("insert into stream (tenant, kind, id, version, removed) "
                    "values ('main', 'person', 'eve', 1, 0)", "no_entries")

    def start_is_refused(self, *words):
        """The server refuses to start as a gate does, and says these words."""
        with self.assertRaises(RuntimeError) as refused:
            self.server.start()
        for word in words:
            self.assertIn(word, str(refused.exception))
        done = subprocess.run([BINARY, "serve", "--data", str(self.server.data), "--listen",
                               "127.0.0.1:0"], capture_output=True, text=True, timeout=60,
                              check=False)
        self.assertEqual(done.returncode, 6, done.stderr)

    def test_a_damaged_file_is_a_failed_verification_with_its_mend(self):
        self.open_changes(3)
        for number in range(100):  # a state of more than one page
            self.server.request("POST", "/changes/CHG-1/comment", {"text": f"{number} " * 40},
                                self.engineer)
        self.server.stop()
        file = self.server.data / "slipway.db"
        database = sqlite3.connect(file)
        page = database.execute("select rootpage from sqlite_master "
                                "where name = 'bearer_expires'").fetchone()[0]
        # The end of a long state, which nothing of SQLite's own is missing.
        tail = database.execute("select pageno from dbstat where name = 'document' and "
                                "pagetype = 'overflow' order by path desc").fetchone()[0]
        database.close()
        whole = file.read_bytes()
        damaged = {"half": whole[:len(whole) // 2], "odd end": whole[:-1000],
                   "no head": bytes(4096) + whole[4096:], "empty": b"",
                   "no tail": whole[:(tail - 1) * 4096] + bytes(4096) + whole[tail * 4096:],
                   "no index": whole[:(page - 1) * 4096] + bytes(4096) + whole[page * 4096:]}
        reports = {}
        for name, content in damaged.items():
            with self.subTest(name):
                file.write_bytes(content)
                report = reports[name] = self.verify(expect=6)
                self.assertEqual(report["findings"][0]["kind"], "database_damaged")
                self.assertIn("admin restore", report["findings"][0]["message"])
                health = self.server.cli("admin", "doctor", "--data", str(self.server.data),
                                         expect=6)
                self.assertEqual(health["findings"][0]["check"], "integrity")
                self.assertIn("admin restore", health["findings"][0]["remedy"])
                problem = self.server.cli("admin", "backup", str(self.server.folder / "copy"),
                                          "--data", str(self.server.data), expect=6)
                self.assertIn("admin restore", problem["reasons"][0]["remedy"])
        self.assertIn("table bearer", reports["no index"]["findings"][1]["message"])
        self.assertIn(f"document: page {tail} holds nothing but zeros",
                      reports["no tail"]["findings"][1]["message"])
        self.assertEqual(reports["no tail"]["findings"][-1]["kind"], "state_unreadable")
        for name in ("half", "odd end"):
            file.write_bytes(damaged[name])
            self.start_is_refused(str(file), "the file ends too early", "admin restore")
        for name in ("half", "no head", "empty", "no index"):
            file.write_bytes(damaged[name])
            self.server.cli("admin", "rebuild", "--data", str(self.server.data), expect=6)
        file.write_bytes(damaged["empty"])
        self.start_is_refused(str(file), "the file is empty", "admin restore")

    def test_a_hole_in_the_ledger_is_not_written_on(self):
        self.open_changes(3)
        self.server.stop()
        with sqlite3.connect(self.server.data / "slipway.db") as database:
            database.execute("delete from event where seq = 7")
        self.start_is_refused("entry 7 is missing", "admin restore")

    def test_a_state_that_cannot_be_read_is_no_fault_of_the_caller(self):
        self.open_changes(2)
        self.server.stop()
        with sqlite3.connect(self.server.data / "slipway.db") as database:
            database.execute("update document set state = substr(state, 1, 100) where id = 'CHG-1'")
        self.server.start()
        for method, path, body in (("GET", "/changes/CHG-1", None),
                                   ("GET", "/changes/CHG-1/events", None),
                                   ("POST", "/changes/CHG-1/comment", {"text": "so"})):
            refused = self.refused(method, path, body, self.engineer)
            self.assertEqual((refused.status, refused.problem["code"]), (500, "internal"), path)
            self.assertIn("change CHG-1 cannot be read", refused.problem["detail"])
            self.assertIn("slipway admin rebuild", refused.problem["detail"])
        self.server.request("POST", "/changes/CHG-2/comment", {"text": "goes on"}, self.engineer)
        self.server.stop()
        health = self.server.cli("admin", "doctor", "--data", str(self.server.data), expect=6)
        self.assertIn("records/main/change/CHG-1", health["findings"][0]["message"])
        self.server.cli("admin", "rebuild", "--data", str(self.server.data))
        self.assertFalse(self.verify().get("findings"))
        self.server.start()
        self.server.request("GET", "/changes/CHG-1", None, self.engineer)

    def test_an_entry_whose_bytes_are_no_text_is_not_intact(self):
        self.open_changes(1)
        self.server.stop()
        with sqlite3.connect(self.server.data / "slipway.db") as database:
            database.execute("update event set type = cast(x'6aff' as text) where seq = 2")
        report = self.server.cli("verify", str(self.server.data), expect=6)
        self.assertIn("j\\xff", str(report["findings"][0]["message"]))
        health = self.server.cli("admin", "doctor", "--data", str(self.server.data), expect=6)
        self.assertFalse(health["healthy"])

    def test_damage_that_is_met_ends_the_writing_and_says_the_mend(self):
        self.open_changes(2)
        self.server.stop()
        file = self.server.data / "slipway.db"
        database = sqlite3.connect(file)
        page = database.execute("select rootpage from sqlite_master "
                                "where name = 'event_stream'").fetchone()[0]
        database.close()
        whole = file.read_bytes()
        file.write_bytes(whole[:(page - 1) * 4096] + bytes(4096) + whole[page * 4096:])
        self.server.start()
        refused = self.refused("GET", "/changes/CHG-1/events", None, self.engineer)
        self.assertEqual(refused.status, 500)
        self.assertIn("admin restore", refused.problem["detail"])
        refused = self.refused("POST", "/changes", {"title": "After it"}, self.engineer)
        self.assertEqual(refused.status, 503)
        self.assertIn("slipway.db is damaged, and nothing is written any more",
                      refused.problem["detail"])
        refused = self.refused("GET", "/health", None, None)
        self.assertEqual(refused.status, 503)
        self.assertIn("only reads", refused.problem["detail"])

    def test_the_evidence_of_a_sandbox_says_so(self):
        self.assertEqual(self.mode_of_evidence(self.server), "production")
        training = Installation(BINARY, "--sandbox")
        try:
            training.start()
            training.set_up()
            training.person("mara", "engineer")
            training.cli("sandbox", "advance", "12d")
            self.assertEqual(self.mode_of_evidence(training), "sandbox")
        finally:
            training.stop()
            shutil.rmtree(training.folder)

    def mode_of_evidence(self, server):
        mara = server.login("mara", PASSWORD)
        server.request("POST", "/changes", {"title": "Feed"}, mara)
        evidence = str(server.folder / "CHG-1.zip")
        server.cli("change", "export", "CHG-1", "--out", evidence)
        mode = server.cli("verify", evidence)["mode"]
        self.assertEqual(server.cli("verify", str(server.data))["mode"], mode)
        said = subprocess.run([BINARY, "verify", evidence], capture_output=True, text=True,
                              timeout=60, check=True).stdout
        self.assertEqual("of a sandbox" in said, mode == "sandbox", said)
        return mode

    def test_the_mode_in_the_first_entry_counts(self):
        self.server.stop()
        with sqlite3.connect(self.server.data / "slipway.db") as database:
            database.execute("insert into setting (name, value) values ('mode', 'sandbox') "
                             "on conflict (name) do update set value = excluded.value")
        self.server.options = ("--sandbox",)
        with self.assertRaises(RuntimeError) as refused:
            self.server.start()
        self.assertIn("production", str(refused.exception))
        self.server.options = ()

    def test_the_published_api_description_is_the_one_served(self):
        served = self.server.request("GET", "/openapi.json")
        golden = ROOT / "docs" / "reference" / "openapi.json"
        text = json.dumps(served, indent=2, ensure_ascii=False) + "\n"
        if os.environ.get("SLIPWAY_WRITE_GOLDEN"):
            golden.write_text(text, encoding="utf-8")
        self.assertEqual(golden.read_text(encoding="utf-8"), text,
                         "SLIPWAY_WRITE_GOLDEN=1 writes docs/reference/openapi.json anew")


class TimerTest(unittest.TestCase):
    def test_a_change_that_cannot_be_read_does_not_stop_the_timers_of_others(self):
        server = Installation(BINARY, "--sandbox")
        self.addCleanup(shutil.rmtree, server.folder)
        self.addCleanup(server.stop)
        server.start()
        server.set_up()
        engineer = server.person("mara", "engineer")
        for title in ("First", "Second"):
            server.request("POST", "/changes", {"title": title}, engineer)
        server.stop()
        with sqlite3.connect(server.data / "slipway.db") as database:
            database.execute("update document set state = '{' where id = 'CHG-1'")
        server.start()
        server.request("POST", "/changes/CHG-2/schedule",
                       {"start": time.strftime("%Y-%m-%dT00:00", time.gmtime(time.time() + 864000)),
                        "end": time.strftime("%Y-%m-%dT02:00", time.gmtime(time.time() + 864000)),
                        "zone": "UTC"}, engineer)
        self.assertFalse(server.request("GET", "/changes/CHG-2/clearance")["over"])
        server.request("POST", "/sandbox/clock", {"by": "60d"})
        self.assertTrue(server.request("GET", "/changes/CHG-2/clearance")["over"])
        end = time.monotonic() + 30
        types = []
        while "reminded" not in types and time.monotonic() < end:
            types = [event["type"] for event in
                     server.request("GET", "/changes/CHG-2/events")["items"]]
            time.sleep(0.02)
        self.assertIn("reminded", types)
        self.assertIn("CHG-1", server.said())


class TlsTest(unittest.TestCase):
    """HTTPS as the program itself speaks it, with a certificate made for this test."""

    def setUp(self):
        self.server = Installation(BINARY)
        self.certificate = self.server.folder / "cert.pem"
        key = self.server.folder / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
             "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", self.certificate],
            check=True, capture_output=True, timeout=60)
        self.server.options = ("--tls_certificate", str(self.certificate), "--tls_key", str(key))
        self.server.trust = ssl.create_default_context(cafile=self.certificate)

    def tearDown(self):
        self.server.stop()
        shutil.rmtree(self.server.folder)

    def test_the_whole_way_over_https(self):
        self.server.start()
        self.assertTrue(self.server.address.startswith("https://"), self.server.address)
        self.server.set_up()
        self.assertEqual(self.server.request("GET", "/me")["person"], "ada")
        body = json.dumps({"person": "ada", "password": PASSWORD}).encode()
        request = urllib.request.Request(self.server.address + "/api/v1/login", body)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=30, context=self.server.trust) as answer:
            self.assertIn("; Secure", answer.headers["Set-Cookie"])
        with self.assertRaises(urllib.error.URLError):  # a certificate that nobody vouches for
            urllib.request.urlopen(self.server.address + "/api/v1/health", timeout=30)

    def test_old_tls_and_plain_http_are_refused(self):
        self.server.start()
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname = False
        old.verify_mode = ssl.CERT_NONE
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        for address, trust in ((self.server.address, old),
                               (self.server.address.replace("https", "http"), None)):
            with self.assertRaises(OSError):
                urllib.request.urlopen(address + "/api/v1/health", timeout=30, context=trust)
        self.assertTrue(self.server.process.poll() is None)

    def test_a_key_of_another_certificate_is_refused_at_the_start(self):
        other = self.server.folder / "other.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-out", other], check=True,
                       capture_output=True, timeout=60)
        for key, field in ((other, "key_file"), (self.server.folder / "none", "key_file")):
            self.server.options = ("--tls_certificate", str(self.certificate), "--tls_key",
                                   str(key))
            with self.assertRaises(RuntimeError) as refused:
                self.server.start()
            self.assertIn(field, str(refused.exception))


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
