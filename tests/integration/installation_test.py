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
import urllib.request
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
        (self.server.data / "programs" / "tool").write_text("#!/bin/sh\n", encoding="utf-8")
        made = self.server.cli("admin", "backup", str(copy), "--data", str(self.server.data))
        self.assertEqual(made["left_out"], ["secrets"])
        self.server.stop()
        self.server.cli("admin", "restore", str(copy), "--data", str(restored))
        self.assertFalse(self.server.cli("verify", str(restored)).get("findings"))
        self.assertTrue((restored / "programs" / "tool").exists())
        self.assertEqual((restored / "policies" / "default.yaml").read_bytes(),
                         (self.server.data / "policies" / "default.yaml").read_bytes())
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

    def test_a_relabelled_record_is_named_and_not_replayed(self):
        self.damage("update event set type = 'vote_cast', stream = 'CHG-9' where seq = "
                    "(select max(seq) from event where kind = 'change')", "mislabelled")
        self.server.cli("admin", "rebuild", "--data", str(self.server.data), expect=70)

    def test_a_relabelled_type_is_not_replayed(self):
        self.damage("update event set type = 'person_removed' where kind = 'person' "
                    "and stream = 'mara'", "mislabelled")
        self.server.cli("admin", "rebuild", "--data", str(self.server.data), expect=70)

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
                        str(self.server.data), expect=70)

    def test_a_ledger_without_checkpoints_is_named(self):
        self.damage("delete from checkpoint", "not_signed")

    def test_a_person_out_of_nowhere_is_named(self):
        self.damage("insert into stream (tenant, kind, id, version, removed, state) "
                    "values ('main', 'person', 'eve', 1, 0, '{}')", "no_entries")

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


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
