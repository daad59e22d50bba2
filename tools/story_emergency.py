# SPDX-License-Identifier: Apache-2.0
"""The third story: 1.5 publishes what it should not, so it is mended the same evening.

Two people decide at once. What can wait is put off and owed. The deployment stops half-way, stands
for an hour and gets more time; afterwards all that is owed is done, and somebody who did not vote
looks back on it.
"""

import datetime as dt

from story_change import (
    Release,
    announces,
    answers_for_the_job,
    backs_up,
    classifies,
    closes,
    deploys_to_staging,
    describes,
    opens,
    pins,
    rehearses,
    schedules,
    snapshots,
    winds_up,
)
from story_lib import Unexpected, berlin, exactly, spoken, time_of, utc_text

PILOTS = Release(
    "1.5",
    "1.5.1",
    "harbor-site 1.5 -> 1.5.1 on production: the list of the pilots is not published any more",
    "Anybody can read the names and telephone numbers of our pilots",
    "The list /pilots.csv is not found any more; the pages and the feed stay the same",
    "INC-311",
)
PUT_OFF = ("ring_deploy", "smoke_staging", "rehearsal", "defects")


def tell_the_emergency(change, start):
    """The window begins at `start`, twenty minutes after somebody has noticed."""
    teller = change.teller
    end = start + dt.timedelta(minutes=90)
    teller.chapter("An emergency: 1.5 publishes the pilots' telephone numbers")
    change.wait_until(start - dt.timedelta(minutes=20), "a pilot has got a strange call")
    change.visitor_gets("/pilots.csv", 200, "names and telephone numbers")
    opens(change)
    describes(change)
    pins(change)
    classifies(change, "emergency")
    schedules(change, start, end)
    answers_for_the_job(change, "It may run late, if only the list is gone")

    teller.chapter("What can wait is put off, and owed")
    change.harbor.add_release("staging", "1.5.1")
    teller.did("tomas", "app.sh add 1.5.1 staging", "built and there, but nobody has tried it")
    puts_off(change)
    backs_up(change)

    teller.chapter("Two members of the emergency board decide, without a meeting")
    decide_at_once(change)
    announces(change)
    snapshots(change)

    teller.chapter("The deployment stops half-way")
    change.wait_until(start + dt.timedelta(minutes=1), "the window is open")
    abort_by = change.abort_by()
    change.does("mara", "start_run", {"purpose": "deployment"}, "deployment started")
    stopped = change.stops_at("deployment", "switch")
    change.visitor_gets("/", 503, "the maintenance page")
    body = {"run": stopped, "choice": "skip", "reason": "It will be fine"}
    change.refused("ines", "decide_run", body, "run-exact", "skip")
    teller.note("1.5.1 is on staging only; tomas looks for somebody who may put it on production.")
    runs_out_of_time(change, stopped, abort_by)
    gets_more_time(change, stopped, abort_by, end + dt.timedelta(minutes=45))

    teller.chapter("1.5.1 runs, and people are told")
    change.sees_through("deployment")
    change.completes("mara", "execute")
    change.production_serves("1.5.1")
    change.smoke("mara", "production")
    change.visitor_gets("/pilots.csv", 404, "it is gone")
    change.completes("mara", "smoke_production")
    change.sends("jonas", "all_clear", f"Completed: {change.release.title}")

    teller.chapter("Two days later: what is owed comes back")
    comes_due(change)
    teller.chapter("What was put off is done")
    pays(change)
    summary = "The pilots' list is gone since that evening; all that was put off has been done."
    closes(change, "successful_with_issues", summary)


def puts_off(change):
    body = {"step": "backup", "reason": "There is no time"}
    change.refused("jonas", "postpone_step", body, "run-exact", "backup")
    reason = "Anybody can read the list meanwhile"
    for step in PUT_OFF:
        change.post("jonas", "postpone_step", {"step": step, "reason": reason})
        owed = change.show()["owed"][-1]
        until = spoken(time_of(owed["due_at"]))
        change.teller.did(owed["by"], f"postpone_step {owed['id']}", f"owed until {until}")
    change.teller.wrapped("reason", reason, "quiet")


def decide_at_once(change):
    approve = {"choice": "approve"}
    change.refused("jonas", "vote", approve, "cab-decision", "on his own change")
    change.refused("clara", "vote", approve, "cab-decision", "from another board")
    change.votes("sofia")
    body = {"step": "cab_decision"}
    change.refused("clara", "complete_step", body, "cab-decision", "with one vote")
    change.votes("olaf")
    decided = change.show()
    review = decided["owed"][-1]
    if decided["decision"]["outcome"] != "approved" or review["id"] != "retrospective_review":
        raise Unexpected(f"two votes have not decided: {decided['decision']}, {decided['owed']}")
    change.teller.did("slipway", "takes it as decided", "by two votes")
    until = spoken(time_of(review["due_at"]))
    change.teller.did("slipway", "wants a review afterwards", f"owed until {until}")
    change.completes("clara", "cab_decision")


def runs_out_of_time(change, run, abort_by):
    """Half an hour before it is too late the owner is called, and once more when it is."""
    clock = change.show()["abort_clock"]
    alarm = time_of(clock["point_of_no_return"]) - dt.timedelta(minutes=15)
    change.wait_until(alarm + dt.timedelta(seconds=1), "the run still stands")
    change.gets_mail("jonas", f"{change.id}: {run} must turn round by")
    change.wait_until(abort_by + dt.timedelta(minutes=1), "the run still stands")
    change.gets_mail("jonas", f"{change.id}: {run} is past abort-by")
    change.harbor.add_release("production", "1.5.1")
    change.teller.did("tomas", "app.sh add 1.5.1 production", "now it is there")
    body = {"run": run, "choice": "retry", "reason": "The release is there now"}
    change.refused("jonas", "decide_run", body, "run-exact", "retry, too late")


def gets_more_time(change, run, abort_by, until):
    reason = "Going back would open the list again; everybody stays"
    body = {"until": utc_text(until), "reason": reason}
    change.does("petra", "extend_window", body, f"until {exactly(until)}")
    change.teller.wrapped("reason", reason, "quiet")
    change.abort_by_moved(abort_by, "the window ends later")
    change.sends("jonas", "update", change.release.title)
    reason = "1.5.1 had been put on staging only; tomas has put it on production"
    change.decides("jonas", run, "retry", reason)


def comes_due(change):
    until = time_of(change.show()["stabilisation"]["until"])
    change.wait_until(until, "nothing was reported; two steps are overdue")
    for step in ("ring_deploy", "smoke_staging"):
        change.is_told("jonas", f"slipway change complete_step {change.id} --step {step}")
    change.completes("tomas", "stabilise")
    review = {
        "went_to_plan": "The decision of two people, the notices and the smoke test",
        "corrections": "The runbook looks for the release only after it has closed the site",
    }
    actions = [
        ("jonas", "Look for the release in the first step of the runbook"),
        ("tomas", "Ask for /pilots.csv in every smoke list"),
    ]
    winds_up(change, review, actions)
    body = {"outcome": "successful_with_issues", "summary": "It works"}
    change.refused("petra", "close", body, "closure", "while something is owed")


def pays(change):
    morning = berlin(change.now().date() + dt.timedelta(days=1), 9)
    change.wait_until(morning, "the next morning")
    deploys_to_staging(change)
    rehearses(change)
    body = {"id": "retrospective_review", "note": "Rightly an emergency; the list was public"}
    change.refused("olaf", "settle_owed", body, "cab-decision", "by one who voted")
    change.does("clara", "settle_owed", body, "the board's review")
    change.teller.wrapped("note", body["note"], "quiet")
    left = [owed["id"] for owed in change.show()["owed"] if "settled_at" not in owed]
    if left:
        raise Unexpected(f"{change.id} still owes {left}")
