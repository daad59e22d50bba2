# SPDX-License-Identifier: Apache-2.0
"""A change of tools/story on its way, and the passages that all changes go through.

Every command is a person's, through the public API. What the server does by itself is awaited and
then looked at from outside: the site, the sink's folder, the snapshots.
"""

import dataclasses
import datetime as dt

from story_lib import (
    Dates,
    Problem,
    Unexpected,
    advance_text,
    exactly,
    length_of,
    local_text,
    reckoning_of,
    spoken,
    time_of,
    utc_text,
    wait_for,
)
from story_site import add_rings

RUN_SECONDS = 120


@dataclasses.dataclass
class Release:
    """One release of the harbor site, as its RFC describes it."""

    before: str
    after: str
    summary: str
    driver: str
    impact: str
    incident: str = ""

    @property
    def title(self):
        return f"Harbor site {self.after}"

    def scope(self):
        item = {"ci": "harbor-site", "host": "production"}
        return {
            "summary": self.summary,
            "business_driver": self.driver,
            "customer_impact": self.impact,
            "customer_facing": True,
            "incident": self.incident,
            "cis": [{**item, "version_from": self.before, "version_to": self.after}],
        }


class Change:
    """A change on its way: commands by people, what is expected of them, and what is awaited."""

    def __init__(self, teller, access, harbor, release):
        self.teller = teller
        self.access = access
        self.harbor = harbor
        self.release = release
        self.id = ""
        self.dates = None
        self.refusals = 0

    # what is there

    def show(self):
        return self.access["anton"].get(f"/changes/{self.id}")

    def now(self):
        return self.access["admin"].now()

    # commands

    def post(self, person, command, body):
        return self.access[person].post(f"/changes/{self.id}/{command}", body)

    def does(self, person, command, body=None, result="done"):
        try:
            self.post(person, command, body or {})
        except Problem as problem:
            raise Unexpected(f"{person} {command} {self.id}: {problem.explain()}") from None
        self.teller.did(person, command, result)

    def refused(self, person, command, body, gate, about=""):
        """The product says no, by this gate; anything else is not the story."""
        name = f"{command} {about}".strip()
        try:
            self.post(person, command, body)
        except Problem as problem:
            reasons = [reason for reason in problem.reasons() if reason["gate"] == gate]
            if problem.status != 409 or not reasons:
                raise Unexpected(
                    f"{person} {name}: expected a refusal by {gate}, got {problem.explain()}"
                ) from None
            self.teller.refused(person, name, reasons)
            self.refusals += 1
            return
        raise Unexpected(f"{person} {name}: expected a refusal by {gate}, but it was accepted")

    def completes(self, person, step):
        self.does(person, "complete_step", {"step": step}, f"{step} complete")
        for result in self.access[person].get(f"/changes/{self.id}/gates")["gates"]:
            if result.get("step") != step:
                continue
            if result["verdict"] != "pass":
                raise Unexpected(f"{step} is complete, but {result['gate']} says {result}")
            self.teller.gate(result["gate"], result.get("warnings", []))

    def pin(self, person, purpose, name):
        self.does(person, "pin_runbook", self.upload(person, purpose, name), name)

    def upload(self, person, purpose, name):
        digest = self.access[person].upload(self.harbor.source / "runbooks" / name)
        return {"purpose": purpose, "digest": digest, "name": name}

    def votes(self, person):
        self.does(person, "vote", {"choice": "approve"}, "approve")

    def decide(self, minutes):
        for person in ("olaf", "sofia"):
            self.votes(person)
        self.does("clara", "decide", {"outcome": "approved", "minutes": minutes}, "approved")
        self.completes("clara", "cab_decision")

    # time

    def wait_until(self, moment, why):
        now = self.now()
        if moment > now:
            self.access["admin"].post("/sandbox/clock", {"by": advance_text(now, moment)})
        self.teller.note(f"{spoken(max(now, moment))}, {why}")

    # work that the server does by itself

    def runs(self, person, purpose, decides=""):
        """Starts a runbook and sees it through; `decides` answers its decision point."""
        self.does(person, "start_run", {"purpose": purpose}, f"{purpose} started")
        self.sees_through(purpose, decides)

    def sees_through(self, purpose, decides=""):
        found = self.until_it_stands(purpose)
        if found["state"] == "waiting" and decides:
            self.turns_round(found, decides)
            found = self.until_it_stands(purpose)
        if found["state"] != "succeeded":
            raise Unexpected(f"{purpose} is {found['state']}: {found['steps']}")
        self.teller.did("slipway", f"runs {purpose}", f"{len(found['steps'])} steps succeeded")

    def until_it_stands(self, purpose):
        """The last run, when it has ended or waits for a person."""

        def standing():
            found = self.show()["runs"][-1]
            return found if found["state"] != "running" else None

        return wait_for(f"the run for {purpose}", standing, RUN_SECONDS)

    def turns_round(self, run, person):
        """The runbook asks at its decision point; who it names says that the way back is taken."""
        asks = self.show()["runbooks"]["rollback"]["steps"][0]
        step = asks["name"]
        self.teller.did("slipway", f"stops at {step}", f"asks {asks['owner']} to decide", "refusal")
        if run["purpose"] == "rollback":
            self.teller.wrapped("when", asks["abort_criterion"], "quiet")
        body = {"run": run["id"], "step": step, "note": "the criterion is met"}
        self.does(person, "confirm_step", body, "goes back: the criterion is met")

    def stops_at(self, purpose, step):
        """A step really fails: the run stands still, and the owner of the change is called."""
        run = self.until_it_stands(purpose)
        failed = [known for known in run["steps"] if known["state"] == "failed"]
        if run["state"] != "waiting" or [known["name"] for known in failed] != [step]:
            raise Unexpected(f"{purpose} should have stopped at {step}: {run}")
        self.teller.did("slipway", f"{purpose} stops at {step}", failed[0]["detail"], "bad")
        for line in self.transcript(failed[0]):
            self.teller.wrapped("printed", line, "refusal")
        mail = self.gets_mail("jonas", f"{self.id}: {run['id']} stopped at {step}")
        lines = mail.get_payload().strip().splitlines()
        decide = next(line for line in lines if line.startswith("Decide"))
        self.teller.wrapped("says", decide, "quiet")
        return run["id"]

    def transcript(self, step):
        """What the step printed, as it is kept with the evidence: each line after its time."""
        text = self.access["anton"].download(step["transcript"])
        return [line.partition(" ")[2] for line in text.splitlines()]

    def decides(self, person, run, choice, reason):
        """What becomes of a stopped run is its owner's recorded decision."""
        body = {"run": run, "choice": choice, "reason": reason}
        self.does(person, "decide_run", body, choice)
        decided = self.show()["deviations"][-1]
        self.teller.wrapped("record", f"at {decided['step']}: {decided['what']}", "quiet")
        self.teller.wrapped("", f"{decided['by']} decided {decided['choice']}: {reason}", "quiet")

    def gets_mail(self, person, subject):
        """The mail whose subject begins like this, in the sink's folder."""

        def mailed():
            return self.harbor.mail_about(f"{person}@harbor.example", subject)

        found = wait_for(f"the mail '{subject}' to {person}", mailed)
        self.teller.did("slipway", f"mails {person}", " ".join(found["Subject"].split()))
        return found

    def is_told(self, person, text):
        """A mail with several reminders, in the sink's folder, that says this too."""
        address = f"{person}@harbor.example"
        wait_for(f"the mail to {person} with '{text}'", lambda: self.harbor.mails(address, text))
        self.teller.did("slipway", f"mails {person}", text)

    # the clock of the deployment

    def abort_by(self):
        """By when the deployment must have turned round, and what that is reckoned from."""
        clock = self.show()["abort_clock"]
        moment = time_of(clock["abort_by"])
        self.teller.did("slipway", "abort-by", f"{exactly(moment)}, by then it must turn round")
        self.teller.wrapped("because", reckoning_of(clock), "quiet")
        return moment

    def abort_by_moved(self, before, why=""):
        """What became of it; slower steps on production move it ahead, an extension back."""
        clock = self.show()["abort_clock"]
        after = time_of(clock["abort_by"])
        if after == before:
            steps = "the steps took no longer than on staging"
            self.teller.did("slipway", "abort-by stays", f"{exactly(after)}: {steps}")
            return
        slower = f"the steps took {length_of(clock.get('slipped', '0s'))} longer than on staging"
        result = f"from {exactly(before)} to {exactly(after)}: {why or slower}"
        self.teller.did("slipway", "abort-by moves", result)

    def compares_times(self, purpose):
        """How long the last run on production took, beside its rehearsal on staging."""
        for timing in self.show().get("timings", []):
            if timing["purpose"] != purpose:
                continue
            live, rehearsed = length_of(timing["live"]), length_of(timing["rehearsed"])
            result = f"{live} on production, rehearsed in {rehearsed} on staging"
            self.teller.did("slipway", f"times the {purpose}", result)
            return
        raise Unexpected(f"the {purpose} is not compared with its rehearsal")

    def smoke(self, person, occasion, fails=""):
        """Runs the smoke list; `fails` names the checks that must fail, and no other may."""
        before = len(self.show().get("smoke_reports", []))
        self.does(person, "run_smoke", {"occasion": occasion}, "asked for")

        def report():
            reports = self.show().get("smoke_reports", [])
            return reports[-1] if len(reports) > before else None

        results = wait_for(f"the smoke tests on {occasion}", report, RUN_SECONDS)["results"]
        bad = {result["name"] for result in results if not result.get("passed")}
        if bad != set(fails.split()):
            raise Unexpected(f"smoke tests for {occasion}: {results}")
        result = f"{len(results) - len(bad)} of {len(results)} checks passed"
        self.teller.did("slipway", f"tests {occasion}", result)

    def levels_staging(self, release):
        """After a rehearsal of the way back staging is behind; the next change starts level."""
        self.harbor.switch("staging", release)
        self.teller.did("mara", f"app.sh switch {release} staging", "it is as production again")

    def gathers_facts(self, person):
        """What stands on both rings now; their records are as old as the last look at them."""
        add_rings(self.access[person], self.harbor, self.now())
        self.teller.did(person, "put both rings", "with the facts of today")

    def proves_backup(self, person):
        before = (self.show().get("backup") or {}).get("at")
        point = self.harbor.backup("production", self.now())["snapshot_id"][:8]
        self.does(person, "verify_backup", {}, f"of point {point}")

        def proof():
            backup = self.show().get("backup")
            return backup if backup and backup["at"] != before else None

        backup = wait_for("the restore", proof, RUN_SECONDS)
        if backup["verdict"] != "verified" or backup["proofs"][0]["point"][:8] != point:
            raise Unexpected(f"the backup is not proven: {backup}")
        self.teller.did("slipway", "restores the backup", backup["proofs"][0]["detail"])

    def takes_snapshot(self, person):
        self.does(person, "take_snapshot", {}, "asked for")

        def taken():
            known = self.show()["snapshots"][-1]
            if known["state"] == "failed":
                raise Unexpected(f"no snapshot: {known}")
            return known if known["state"] == "taken" else None

        known = wait_for("the snapshot", taken)
        ours = [made for made in self.harbor.snapshots() if made["id"] == known["id"]]
        if len(ours) != 1 or ours[0]["tag"] != self.id:
            raise Unexpected(f"the snapshot {known['id']} is not in its folder")
        self.teller.did("slipway", "takes a snapshot", known["id"])

    def loses_its_expired_snapshot(self):
        """After seven days a snapshot has had its use; the server removes what it took, alone."""

        def removed():
            return all(known["state"] == "removed" for known in self.show()["snapshots"])

        wait_for("the end of the expired snapshot", removed)
        if any(made["tag"] == self.id for made in self.harbor.snapshots()):
            raise Unexpected(f"the snapshot of {self.id} is still in its folder")
        self.teller.did("slipway", "removes what expired", f"the snapshot of {self.id}")

    def sends(self, person, kind, subject):
        """A notice: sent, confirmed by each channel, and really in the sink's folder."""
        self.does(person, "send_notice", {"kind": kind}, kind)

        def delivered():
            deliveries = self.show()["notices"][-1]["deliveries"]
            states = {delivery["state"] for delivery in deliveries}
            if "failed" in states:
                raise Unexpected(f"a channel failed: {deliveries}")
            return deliveries if states == {"delivered"} else None

        channels = [delivery["channel"] for delivery in wait_for("the mails", delivered)]
        for channel in channels:
            if not self.harbor.mails(f"{channel}@harbor.example", subject, self.id):
                raise Unexpected(f"the mail to {channel} is not in the sink's folder")
        self.teller.did("slipway", "mails", ", ".join(channels))

    def pages_everybody(self, person):
        self.does(person, "check_oncall", {}, "primary, secondary, escalation")

        def paged():
            pages = self.show()["oncall"]["pages"]
            if any(page["state"] == "failed" for page in pages):
                raise Unexpected(f"a page failed: {pages}")
            return all(page["state"] == "delivered" for page in pages)

        wait_for("the pages", paged)
        for on_call in ("mara", "tomas", "ines"):
            if not self.harbor.mails(f"{on_call}@harbor.example", f"On call for {self.id}"):
                raise Unexpected(f"the page to {on_call} is not in the sink's folder")
            self.does(on_call, "acknowledge_page", {}, "is on call")

    def visitor_gets(self, path, status, what):
        """What anybody gets from the site on production."""
        got = self.harbor.status("production", path)
        if got != status:
            raise Unexpected(f"{path} is answered with {got}, expected {status}")
        self.teller.did("visitor", f"GET {path}", f"{got}, {what}", "quiet")

    def production_serves(self, version):
        served = self.harbor.version("production")
        if served != version:
            raise Unexpected(f"production serves {served}, expected {version}")
        self.teller.did("visitor", "GET /version", served)


# --- what the changes go through -----------------------------------------------------------------


def opens(change):
    body = {
        "title": change.release.title,
        "implementer": "mara",
        "risk": "medium",
        "production_ring": "production",
        "test_ring": "staging",
        "roster": "harbor-web",
    }
    change.id = change.access["jonas"].post("/changes", body)["id"]
    change.teller.did("jonas", "open", f"{change.id}, {change.release.title}")
    duties = {"rollback_owner": "mara", "rollback_backup": "tomas"}
    change.does("jonas", "assign", duties, "mara or tomas decides on a rollback")
    change.dates = Dates.after(change.now())


def describes(change):
    change.does("jonas", "describe", change.release.scope(), "scope")
    change.completes("jonas", "scope")
    change.does("jonas", "trace_impact", {}, "over the CMDB")
    note = {"ci": "nightly-report", "note": "It reads the feed at two at night"}
    change.does("tomas", "acknowledge_impact", note, "nightly-report")
    change.completes("jonas", "impact")


def pins(change):
    change.pin("jonas", "deployment", f"deploy-{change.release.after}.md")
    change.pin("jonas", "rollback", f"rollback-{change.release.after}.md")
    change.completes("jonas", "rollback_runbook")


def classifies(change, kind):
    change.does("jonas", "classify", {"type": kind}, kind)
    change.completes("jonas", "classify")


def schedules(change, start, end):
    change.does("jonas", "schedule", window(start, end), spoken(start))
    change.completes("jonas", "window")


def answers_for_the_job(change, note):
    """The nightly report runs soon after the window, so its owner answers for it once more."""
    body = {"ci": "nightly-report", "note": note}
    change.does("tomas", "acknowledge_impact", body, "nightly-report, after this window")
    change.completes("jonas", "impact")


def window(start, end):
    return {"start": local_text(start), "end": local_text(end), "zone": "Europe/Berlin"}


def submits(change):
    change.does("jonas", "submit", {}, "on the board's agenda")
    change.completes("jonas", "cab_queue")
    meeting = time_of(change.show()["queue"]["meeting_at"])
    if meeting != change.dates.meeting:
        raise Unexpected(f"the board meets at {meeting}, expected {change.dates.meeting}")


def accepts_divergence(change):
    body = {
        "id": "production/site.terminal",
        "reason": "Staging publishes the test terminal; the pages are the same",
    }
    change.does("jonas", "accept_divergence", body, body["id"])


def deploys_to_staging(change):
    change.gathers_facts("petra")
    change.does("mara", "compare_ring", {}, "staging with production")
    change.runs("mara", "ring_deploy")


def rehearses(change):
    """What staging is for: forward and back with the approved bytes, each with its smoke test."""
    accepts_divergence(change)
    change.completes("mara", "ring_deploy")
    change.smoke("mara", "staging")
    change.completes("mara", "smoke_staging")
    change.runs("mara", "rehearsal", decides="mara")
    change.smoke("mara", "rehearsal")
    change.completes("mara", "rehearsal")
    change.completes("jonas", "defects")


def backs_up(change):
    change.proves_backup("mara")
    change.completes("mara", "backup")


def announces(change):
    change.sends("jonas", "maintenance", f"Maintenance: {change.release.title}")
    change.completes("jonas", "notice")
    change.pages_everybody("jonas")
    change.completes("jonas", "oncall")


def snapshots(change):
    change.takes_snapshot("mara")
    change.completes("mara", "snapshot")


def makes_ready(change):
    moment = change.dates.start - dt.timedelta(minutes=30)
    change.wait_until(moment, "half an hour before the window")
    change.does("mara", "compare_ring", {}, "still the one accepted difference")
    change.proves_backup("mara")
    snapshots(change)


def deploys(change):
    change.wait_until(change.dates.start + dt.timedelta(minutes=1), "the window is open")
    abort_by = change.abort_by()
    change.runs("mara", "deployment")
    change.compares_times("deployment")
    change.abort_by_moved(abort_by)
    change.completes("mara", "execute")
    change.production_serves(change.release.after)


def winds_up(change, review, actions=()):
    change.does("petra", "hold_review", review, "held")
    for deviation in change.show()["review"].get("deviations", "").splitlines():
        change.teller.wrapped("knows", deviation, "quiet")
    for owner, title in actions:
        due = utc_text(change.now() + dt.timedelta(days=14))
        body = {"title": title, "owner": owner, "due_at": due}
        change.does("petra", "add_action", body, f"{owner}: {title}")
    change.completes("petra", "review")
    change.does("jonas", "update_cmdb", {}, "read back")
    change.completes("jonas", "cmdb_update")


def closes(change, outcome, summary):
    change.does("petra", "close", {"outcome": outcome, "summary": summary}, outcome)
    closed = change.show()
    if closed["state"] != "closed" or closed["closure"]["outcome"] != outcome:
        raise Unexpected(f"{change.id} is {closed['state']}: {closed.get('closure')}")
