# SPDX-License-Identifier: Apache-2.0
"""What an operator relies on, with the real program: start, kill, backup, restore, rebuild, doctor,
and a ledger in which no record can be altered, dropped, swapped or cut off unnoticed."""

import json
import os
import shutil
import signal
import sqlite3
import sys
import unittest
from pathlib import Path

from installation import Installation, Refused

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

    def test_an_unknown_person_and_a_wrong_password_get_the_same_answer(self):
        answers = []
        for person in ("ada", "nobody"):
            with self.assertRaises(Refused) as refused:
                self.server.login(person, "not this one at all")
            answers.append((refused.exception.status, refused.exception.problem.get("detail")))
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(answers[0][0], 401)

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

    def test_backup_restore_rebuild_and_doctor(self):
        self.open_changes(5)
        copy = self.server.folder / "copy"
        restored = self.server.folder / "restored"
        self.server.cli("admin", "backup", str(copy), "--data", str(self.server.data))
        self.server.stop()
        self.server.cli("admin", "restore", str(copy), "--data", str(restored))
        self.assertFalse(self.server.cli("verify", str(restored)).get("findings"))
        rebuilt = self.server.cli("admin", "rebuild", "--check", "--data", str(restored))
        self.assertEqual(rebuilt["different"], 0, rebuilt)
        health = self.server.cli("admin", "doctor", "--data", str(restored))
        self.assertTrue(health["healthy"], health)

    def test_a_production_ledger_never_becomes_a_sandbox(self):
        self.server.stop()
        self.server.options = ("--sandbox",)
        with self.assertRaises(RuntimeError) as refused:
            self.server.start()
        self.assertIn("production", str(refused.exception))
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

    def test_the_published_api_description_is_the_one_served(self):
        served = self.server.request("GET", "/openapi.json")
        golden = ROOT / "docs" / "reference" / "openapi.json"
        text = json.dumps(served, indent=2, ensure_ascii=False) + "\n"
        if os.environ.get("SLIPWAY_WRITE_GOLDEN"):
            golden.write_text(text, encoding="utf-8")
        self.assertEqual(golden.read_text(encoding="utf-8"), text,
                         "SLIPWAY_WRITE_GOLDEN=1 writes docs/reference/openapi.json anew")


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
