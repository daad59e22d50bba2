# SPDX-License-Identifier: Apache-2.0
"""The first story: 1.4 to 1.5 goes well, and is refused again and again on its way."""

import datetime as dt

from story_change import (
    Release,
    announces,
    answers_for_the_job,
    backs_up,
    classifies,
    closes,
    deploys,
    deploys_to_staging,
    describes,
    makes_ready,
    opens,
    pins,
    rehearses,
    schedules,
    submits,
    window,
    winds_up,
)
from story_lib import spoken, time_of

DRAUGHT = Release(
    "1.4",
    "1.5",
    "harbor-site 1.4 -> 1.5 on production: the feed gains the draught of each vessel",
    "Pilots need the draught of arriving vessels before they book a tug",
    "The feed shows the draught of each vessel; the pages look the same",
)


def tell_the_good_release(change):
    teller = change.teller
    teller.chapter("Harbor site 1.4 to 1.5, which goes well")
    opens(change)
    change.does("jonas", "describe", {"summary": "Various fixes"}, "in two words")
    change.refused("jonas", "complete_step", {"step": "scope"}, "rfc-specific", "scope")
    describes(change)
    vague = change.upload("jonas", "rollback", "vague-rollback.md")
    change.refused("jonas", "pin_runbook", vague, "rollback-runbook", vague["name"])
    pins(change)
    body = {"type": "standard", "reason": "It is a small one"}
    change.refused("jonas", "classify", body, "classification", "standard")
    classifies(change, "normal")
    finds_a_window(change)
    submits(change)

    teller.chapter("Tried on staging, forward and back")
    change.wait_until(change.dates.rehearsal, "the day before the board meets")
    deploys_to_staging(change)
    body = {"step": "ring_deploy"}
    change.refused("mara", "complete_step", body, "ring-parity", "ring_deploy")
    rehearses(change)
    backs_up(change)

    teller.chapter("Before the board")
    change.wait_until(change.dates.meeting, "the board meets")
    change.refused("jonas", "vote", {"choice": "approve"}, "cab-decision", "on his own change")
    change.decide("No questions; the way back was rehearsed")
    announces(change)

    teller.chapter("A runbook is edited after the approval")
    change.pin("jonas", "deployment", "deploy-1.5-edited.md")
    change.refused("mara", "start_run", {"purpose": "deployment"}, "cab-decision", "deployment")
    change.pin("jonas", "deployment", "deploy-1.5.md")
    change.decide("The very bytes that were rehearsed are back")

    teller.chapter("The window")
    makes_ready(change)
    change.refused("mara", "start_run", {"purpose": "deployment"}, "run-exact", "too early")
    deploys(change)
    change.smoke("mara", "production")
    change.completes("mara", "smoke_production")
    change.sends("jonas", "all_clear", f"Completed: {change.release.title}")

    teller.chapter("Two quiet days, and the record")
    until = time_of(change.show()["stabilisation"]["until"])
    change.wait_until(until, "nothing was reported")
    change.completes("tomas", "stabilise")
    winds_up(change, {"went_to_plan": "All of it, by the approved runbook and inside the window"})
    closes(change, "successful", "Harbor site 1.5 runs on production; nothing was reported.")
    change.production_serves("1.5")


def finds_a_window(change):
    """Not at the month's end, and not without whoever owns the job that runs after it."""
    blocked = change.dates.blocked_start
    body = window(blocked, blocked + dt.timedelta(hours=2))
    change.does("jonas", "schedule", body, f"{spoken(blocked)}, at the month's end")
    change.refused("jonas", "complete_step", {"step": "window"}, "window", "window")
    schedules(change, change.dates.start, change.dates.end)
    body = {"step": "impact"}
    change.refused("jonas", "complete_step", body, "impact-traced", "a job follows")
    answers_for_the_job(change, "At two the site has been up again for hours")
