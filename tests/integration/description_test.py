# SPDX-License-Identifier: Apache-2.0
"""What the server answers is what its own API description says: a strict client, made from the
description, can read every list and every record."""

import os
import re
import shutil
import unittest

import jsonschema

from installation import Installation

BINARY = os.environ["SLIPWAY_BINARY"]

SHIFT = {"from": "2026-01-01T10:00", "duration": "1h", "zone": "UTC", "rule": "FREQ=DAILY"}

# Of every register one record with all that it may have, and one with as little as it may.
RECORDS = {
    "people": {
        "cora": {"name": "Cora", "email": "cora@example.org", "phone": "+49 30 1", "roles":
                 ["cab_member"], "groups": ["operations"]},
        "mika": {"name": "Mika", "inactive": True}},
    "connectors": {
        "nightly": {"manifest": "restic", "settings": {
            "repository": "/r", "password": "env:SLIPWAY_SECRET_R"}}},
    "rings": {
        "edge": {"name": "Edge", "kind": "staging", "variables": {"PORT": "8080"},
                 "hosts": [{"host": "edge-1", "role": "web", "facts": {"rack": "4"}}],
                 "facts_at": "2026-01-01T00:00:00Z", "backup_connector": "nightly",
                 "credentials": [{"name": "deploy", "expires_at": "2035-01-01T00:00:00Z"}],
                 "fact_files": ["/etc/hosts"]},
        "bare": {"name": "Bare", "kind": "test"}},
    "cis": {
        "web": {"name": "Web", "ci_class": "host"},
        "site": {"name": "Site", "ci_class": "application", "host": "edge-1", "version": "1.4",
                 "ring": "edge", "owner": "cora", "depends_on": ["web"], "customer_facing": True,
                 "verified_at": "2026-01-01T00:00:00Z", "backup_connector": "nightly"},
        "job": {"name": "Job", "ci_class": "scheduled_job", "schedule": SHIFT}},
    "blackouts": {
        "close": {"id": "close", "name": "Month-end close", "recurrence": SHIFT,
                  "reason": "books", "cis": ["site"]},
        "retail": {"name": "Retail", "kind": "soft", "recurrence": SHIFT, "reason": "sales"}},
    "boards": {
        "cab": {"name": "CAB", "chair": "cora", "members": ["cora", "ada"], "quorum": 1,
                "required_groups": ["operations"],
                "schedule": {"meetings": SHIFT, "lead_time": "48h"}},
        "ecab": {"name": "ECAB", "emergency": True, "members": ["cora"]}},
    "catalogue": {
        "site": {"title": "Site", "deployment_runbook": "a" * 64, "rollback_runbook": "b" * 64,
                 "rings": ["c" * 64], "ci_classes": ["application"], "approved_by": ["petra"],
                 "expires_at": "2035-01-01T00:00:00Z"}},
    "rosters": {
        "team": {"name": "Team", "client_contact": "cora", "connector": "nightly", "shifts": [
            {"person": "cora", "role": "primary", "when": SHIFT}],
            "day_hours": {"from": "08:00", "to": "20:00", "zone": "UTC", "days": ["monday"]}},
        "none": {"name": "None", "shifts": []}},
    "channels": {
        "users": {"name": "Users", "connector": "nightly", "recipients": ["all@example.org"],
                  "services": ["site"]},
        "bare": {"name": "Bare", "connector": "nightly"}},
    "organisations": {
        "main": {"name": "Harbor", "zone": "UTC", "report_to": "help@example.org",
                 "inside_networks": ["10.0.0.0/8"]}},
}

# Answers that do not end, and proofs that want sizes.
NOT_ASKED = ("/api/v1/events/stream", "/api/v1/probe/work", "/api/v1/ledger/proof/consistency",
             "/api/v1/ledger/proof/inclusion", "/api/v1/changes/{id}/window_proposals")


class DescriptionTest(unittest.TestCase):
    def setUp(self):
        self.server = Installation(BINARY)
        self.server.start()
        self.server.set_up()
        self.server.request("PUT", "/people/ada", {
            "name": "Ada", "roles": ["administrator", "engineer", "auditor"]})
        self.manager = self.server.person("petra", "change_manager")
        self.description = self.server.request("GET", "/openapi.json")

    def tearDown(self):
        self.server.stop()
        shutil.rmtree(self.server.folder)

    def follows(self, path, method, answer):
        """Whether the answer is the one that the description promises for this path."""
        content = self.description["paths"][path][method]["responses"]["200"]["content"]
        schema = content["application/json"]["schema"]
        wrong = [f"{error.json_path}: {error.message}"[:300] for error in
                 jsonschema.Draft202012Validator(schema).iter_errors(answer)]
        self.assertEqual(wrong, [], f"{method} {path}")
        return schema

    def fill_registers(self):
        for register, records in RECORDS.items():
            token = self.manager if register in ("boards", "catalogue", "blackouts") else None
            for name, record in records.items():
                path = f"/{register}/{name}"
                first = self.server.request("PUT", path, record, token)
                self.follows(f"/api/v1/{register}/{{id}}", "put", first)
                # What was read may be sent back as it is.
                read = self.server.request("GET", path)
                first.pop("said", None)
                self.assertEqual(read, first)
                again = self.server.request("PUT", path, read, token)
                again.pop("said", None)
                self.assertEqual({**again, "record_version": 1}, {**read, "record_version": 1})
        self.server.request("POST", "/rings/edge/facts", {"host": "edge-1", "document": {
            "slipway_facts": 1, "gathered_at": "2026-01-02T00:00:00Z", "facts": {"kernel": "6"}}})

    def open_change(self):
        self.server.request("POST", "/changes", {"title": "Site 1.5", "test_ring": "edge"})
        self.server.request("POST", "/changes/CHG-1/describe",
                            {"summary": "a new front page", "cis": [{"ci": "site"}]})
        self.server.request("POST", "/changes/CHG-1/comment", {"text": "soon"})
        self.server.request("POST", "/tokens", {"label": "ci", "scopes": ["change_read"],
                                                "expires_in": "1h"})

    def test_answers_are_as_they_are_described(self):
        self.fill_registers()
        self.open_change()
        asked = set()
        for path, methods in self.description["paths"].items():
            if "get" not in methods or path in NOT_ASKED or "application/json" not in \
                    methods["get"]["responses"]["200"].get("content", {}):
                continue
            for name in self.names_for(path):
                at = re.sub(r"\{\w+\}", name, path.removeprefix("/api/v1"))
                self.follows(path, "get", self.server.request("GET", at))
                asked.add(path)
        for register in RECORDS:
            self.assertLessEqual({f"/api/v1/{register}", f"/api/v1/{register}/{{id}}"}, asked)
        self.assertIn("/api/v1/changes/{id}/steps", asked)

    def names_for(self, path):
        if "{" not in path:
            return [""]
        register = path.removeprefix("/api/v1/").split("/")[0]
        return ["CHG-1"] if register == "changes" else list(RECORDS.get(register, {}))

    def test_a_reading_has_what_addresses_the_record(self):
        self.fill_registers()
        for register in RECORDS:
            read = self.server.request("GET", f"/{register}/{next(iter(RECORDS[register]))}")
            schema = self.follows(f"/api/v1/{register}/{{id}}", "get", read)
            for member in ("id", "record_version"):
                self.assertIn(member, schema["required"], register)
                with self.assertRaises(jsonschema.ValidationError):
                    jsonschema.validate({k: v for k, v in read.items() if k != member}, schema)


if __name__ == "__main__":
    unittest.main()
