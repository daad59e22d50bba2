# SPDX-License-Identifier: Apache-2.0
"""The stage of tools/story: the harbor site, the people with their tokens, and the registers.

Everything is put there through the public API, by the administrator where only he may and by the
change manager where not. Programs and secrets are copied to where the server allows them.
"""

import concurrent.futures
import datetime as dt
import email
import json
import secrets
import shlex
import shutil

from story_lib import (
    Api,
    free_ports,
    private_file,
    run,
    utc_text,
)

SHIFT_ROLES = {"mara": "primary", "tomas": "secondary", "ines": "escalation"}

# id, name, roles, groups that the person speaks for on the board, scopes of the token
READ_WRITE = ["change_read", "change_write"]
PEOPLE = [
    ("jonas", "Jonas Brandt", ["engineer", "cab_member"], [],
     [*READ_WRITE, "change_run", "change_approve", "record_write"]),
    ("mara", "Mara Lind", ["engineer", "on_call"], [], [*READ_WRITE, "change_run"]),
    ("tomas", "Tomas Weil", ["engineer", "on_call"], [], [*READ_WRITE, "change_run"]),
    ("ines", "Ines Korff", ["on_call"], [], [*READ_WRITE, "change_run"]),
    ("petra", "Petra Sommer", ["change_manager"], [],
     [*READ_WRITE, "change_run", "change_manage", "record_write"]),
    ("clara", "Clara Voss", ["cab_chair"], [], [*READ_WRITE, "change_approve", "change_manage"]),
    ("olaf", "Olaf Petersen", ["cab_member"], ["operations"], [*READ_WRITE, "change_approve"]),
    ("sofia", "Sofia Marin", ["cab_member"], ["security"], [*READ_WRITE, "change_approve"]),
    ("anton", "Anton Reuter", ["auditor"], [], ["change_read", "audit_read"]),
]  # fmt: skip


class Harbor:
    """The sample site: two rings and a mail sink, started by its own scripts."""

    def __init__(self, repository, root):
        self.source = repository / "examples" / "harbor-site"
        self.root = root

    def forget(self):
        run([self.source / "down.sh", self.root])
        shutil.rmtree(self.root, ignore_errors=True)

    def up(self):
        base = free_ports(18100, 5)
        run([self.source / "up.sh", self.root, base])
        self.port = {"staging": base, "production": base + 2}
        self.mail_port = base + 4

    def down(self):
        run([self.source / "down.sh", self.root])

    def variables(self, ring):
        port = self.port[ring]
        return {
            "RING": ring,
            "HARBOR_ROOT": str(self.root),
            "LB_URL": f"http://127.0.0.1:{port}",
            "APP_URL": f"http://127.0.0.1:{port + 1}",
            "LB_PORT": str(port),
        }

    def facts(self, ring):
        """facts.sh as flat names and values, and the one value in which the rings differ."""
        found = json.loads(run([self.root / "bin" / "facts.sh", ring]))
        facts = {f"os.{name}": text for name, text in found["os"].items()}
        facts |= {f"package.{name}": text for name, text in found["packages"].items()}
        facts |= {f"agent.{agent['name']}": str(agent["reporting"]) for agent in found["agents"]}
        facts["topology"] = ", ".join(f"{hop['from']} to {hop['to']}" for hop in found["topology"])
        settings = (self.root / ring / "app" / "terminal.conf").read_text(encoding="utf-8")
        facts["site.terminal"] = settings.split('"')[1]
        return facts

    def backup(self, ring, now):
        moment = now.astimezone(dt.timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
        backup = self.root / "bin" / "backup.sh"
        return json.loads(run([backup, ring], {"HARBOR_NOW": moment}))

    def app(self, *words):
        run([self.root / "bin" / "app.sh", *words])

    def switch(self, ring, release):
        self.app("switch", release, ring)
        self.app("reload", ring)

    def add_release(self, ring, release):
        """A release that came later than the rings did."""
        self.app("add", self.source / "hotfix" / release, ring)

    def status(self, ring, path):
        """The status with which a visitor is answered, through the load balancer."""
        address = f"http://127.0.0.1:{self.port[ring]}{path}"
        quiet = ["-sS", "--max-time", "5", "-o", "/dev/null", "-w", "%{http_code}"]
        return int(run(["curl", *quiet, address]))

    def version(self, ring):
        """What a visitor gets, through the load balancer."""
        address = f"http://127.0.0.1:{self.port[ring]}/version"
        return run(["curl", "-fsS", "--max-time", "5", address]).strip()

    def mails(self, *texts):
        """The mails in the sink's folder that hold every one of the texts."""
        files = sorted((self.root / "mail").glob("*.eml"))
        bodies = [file.read_text(encoding="utf-8", errors="replace") for file in files]
        return [body for body in bodies if all(text in body for text in texts)]

    def mail_about(self, person, subject):
        """The last mail to this address whose subject begins so, or None."""
        found = [email.message_from_string(text) for text in self.mails(person)]
        found = [mail for mail in found if (mail["Subject"] or "").startswith(subject)]
        return found[-1] if found else None

    def snapshots(self):
        folder = self.root / "production" / "snapshots"
        found = []
        for file in folder.glob("*/snapshot.json"):
            try:
                found.append(json.loads(file.read_text("utf-8")))
            except FileNotFoundError:
                pass  # it has expired and was removed while we looked
        return found


def password():
    return secrets.token_urlsafe(18)


def set_up_administrator(server, given):
    """The first administrator, with the code that the server printed; gives his session."""
    nobody = Api(server.address)
    given["admin"] = password()
    nobody.post(
        "/setup",
        {
            "code": server.setup_code(),
            "person": "admin",
            "name": "Site Administrator",
            "email": "admin@harbor.example",
            "password": given["admin"],
        },
    )
    session = nobody.post("/login", {"person": "admin", "password": given["admin"]})
    return Api(server.address, session["secret"])


def add_person(server, admin, row, given):
    """A person with a one-time code, a password of his own and a token with few scopes."""
    person, name, roles, groups, scopes = row
    document = {"name": name, "email": f"{person}@harbor.example", "roles": roles}
    admin.put(f"/people/{person}", {**document, "groups": groups})
    code = admin.post(f"/people/{person}/password", {})["secret"]
    given[person] = password()
    nobody = Api(server.address)
    nobody.post("/password", {"code": code, "password": given[person]})
    session = nobody.post("/login", {"person": person, "password": given[person]})
    own = Api(server.address, session["secret"])
    wanted = {"label": "the sample release", "scopes": scopes, "expires_in": "7d"}
    token = own.post("/tokens", wanted)
    own.call("POST", "/logout")
    return Api(server.address, token["secret"])


def allow_programs(server, harbor):
    """What connectors may run and read: below the data directory and nowhere else."""
    program = server.data / "programs" / "snapshot"
    root = shlex.quote(str(harbor.root))
    text = f'#!/bin/sh\nHARBOR_ROOT={root} exec {root}/bin/snapshot.sh "$@"\n'
    program.write_text(text, encoding="utf-8")
    program.chmod(0o700)
    secret = server.data / "secrets" / "restic"
    private_file(secret, (harbor.root / "production/backup/password").read_text("utf-8"))
    return program, secret


def add_connectors(server, admin, harbor):
    program, secret = allow_programs(server, harbor)
    production = harbor.root / "production"
    rows = {
        "site-snapshots": ("files", {"program": str(program), "folder": str(production / "site"),
                                     "store": str(production / "snapshots")}),
        "site-backup": ("restic", {"repository": str(production / "backup/repository"),
                                   "password": f"file:{secret}", "tag": "harbor-site"}),
        "mail": ("smtp", {"address": f"smtp://127.0.0.1:{harbor.mail_port}",
                          "from": "changes@harbor.example", "starttls": False}),
    }  # fmt: skip
    for name, (manifest, settings) in rows.items():
        admin.put(f"/connectors/{name}", {"manifest": manifest, "settings": settings})
    hours = {"days": ["monday", "tuesday", "wednesday", "thursday", "friday"], "from": "08:00",
             "to": "18:00", "zone": "Europe/Berlin"}  # fmt: skip
    admin.put(
        "/organisations/main",
        {
            "name": "Harbor of Slipway",
            "zone": "Europe/Berlin",
            "business_hours": hours,
            "report_to": "service-desk@harbor.example",
        },
    )


def add_items(manager, now):
    """The configuration items; verified now, for a stale record answers for nothing."""
    rows = [
        ("web-host", "Web host", "host", "jonas", []),
        ("harbor-site", "Harbor site", "application", "jonas", ["web-host"]),
        ("harbor-lb", "Load balancer", "load_balancer", "jonas", ["harbor-site"]),
        ("nightly-report", "Nightly arrivals report", "scheduled_job", "tomas", ["harbor-site"]),
        ("site-monitor", "Site monitor", "monitoring_agent", "jonas", ["harbor-site"]),
    ]
    for item, name, kind, owner, needs in rows:
        document = {"name": name, "ci_class": kind, "host": "production", "owner": owner}
        document |= {"depends_on": needs, "ring": "production", "verified_at": utc_text(now)}
        if item == "harbor-site":
            document |= {"version": "1.4", "customer_facing": True}
        if item == "nightly-report":
            document["schedule"] = recurring(now, "T02:00", "30m", "FREQ=DAILY")
        manager.put(f"/cis/{item}", document)


def recurring(now, at, duration, rule, weekday=0):
    """Since a day of the rule well before now, so that it holds whenever the story is told."""
    day = now.date() - dt.timedelta(days=28 + now.weekday() - weekday)
    return {"from": f"{day}{at}", "duration": duration, "zone": "Europe/Berlin", "rule": rule}


def month_ends(now):
    """From the last days of a month about a year ago; the rule counts from the month's end."""
    first = now.date().replace(day=1) - dt.timedelta(days=300)
    start = first.replace(day=1) - dt.timedelta(days=3)
    return {"from": f"{start}T00:00", "duration": "4d", "zone": "Europe/Berlin",
            "rule": "FREQ=MONTHLY;BYMONTHDAY=-3"}  # fmt: skip


def add_calendar(manager, now):
    manager.put(
        "/blackouts/month-end-close",
        {
            "name": "month-end close",
            "kind": "hard",
            "reason": "the port's books are closed; nothing that they read may move",
            "recurrence": month_ends(now),
        },
    )
    manager.put(
        "/boards/cab",
        {
            "name": "Change advisory board",
            "chair": "clara",
            "members": ["clara", "olaf", "sofia", "jonas"],
            "required_groups": ["operations", "security"],
            "quorum": 2,
            "schedule": {
                "meetings": recurring(now, "T10:00", "1h", "FREQ=WEEKLY;BYDAY=WE", 2),
                "lead_time": "48h",
            },
        },
    )
    # Two votes decide on an emergency. One of its members is often the one who asks.
    manager.put(
        "/boards/ecab",
        {
            "name": "Emergency board",
            "emergency": True,
            "members": ["olaf", "sofia", "jonas"],
            "quorum": 2,
        },
    )
    week = recurring(now, "T00:00", "7d", "FREQ=WEEKLY;BYDAY=MO")
    manager.put(
        "/rosters/harbor-web",
        {
            "name": "Harbor web team",
            "shifts": [
                {"person": person, "role": role, "when": week}
                for person, role in SHIFT_ROLES.items()
            ],
            "day_hours": {"from": "07:00", "to": "22:00", "zone": "Europe/Berlin"},
            "connector": "mail",
        },
    )
    for channel, name in (("port-office", "Port office"), ("site-users", "Users of the site")):
        document = {"name": name, "connector": "mail"}
        manager.put(
            f"/channels/{channel}", {**document, "recipients": [f"{channel}@harbor.example"]}
        )


def add_rings(manager, harbor, now):
    for ring in ("staging", "production"):
        document = {
            "name": f"Harbor {ring}",
            "kind": ring,
            "variables": harbor.variables(ring),
            "hosts": [{"host": ring, "ci": "web-host", "facts": harbor.facts(ring)}],
            "facts_at": utc_text(now),
        }
        if ring == "production":
            document["snapshot_connector"] = "site-snapshots"
            document["backup_connector"] = "site-backup"
        manager.put(f"/rings/{ring}", document)


def let_people_in(server, given, ahead):
    """Everybody's access, by a token of his own. Passwords are slow to make, so it is done at once
    for several."""
    admin = set_up_administrator(server, given)
    if ahead:
        admin.post("/sandbox/clock", {"by": f"{ahead}d"})
    with concurrent.futures.ThreadPoolExecutor() as several:
        tokens = several.map(lambda row: add_person(server, admin, row, given), PEOPLE)
        return {"admin": admin, **dict(zip((row[0] for row in PEOPLE), tokens))}


def set_the_stage(server, harbor, access):
    """Everything else that a release needs before anybody opens one."""
    now = access["admin"].now()
    add_connectors(server, access["admin"], harbor)
    add_rings(access["petra"], harbor, now)
    add_items(access["petra"], now)
    add_calendar(access["petra"], now)
