# SPDX-License-Identifier: Apache-2.0
"""The second story: 1.6 passes on staging, fails on production and is rolled back."""

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
    winds_up,
)

QUAYS = Release(
    "1.5",
    "1.6",
    "harbor-site 1.5 -> 1.6 on production: feeds are named after quays and show the quay",
    "The port office plans by quay and wants to read it from the feed",
    "The feed shows the quay of each berth; the pages look the same",
)


def tell_the_broken_release(change):
    teller = change.teller
    teller.chapter("Harbor site 1.5 to 1.6, which is broken in a way that staging cannot show")
    change.levels_staging("1.5")
    opens(change)
    describes(change)
    pins(change)
    classifies(change, "normal")
    schedules(change, change.dates.start, change.dates.end)
    answers_for_the_job(change, "At two the site has been up again for hours")
    submits(change)
    change.wait_until(change.dates.rehearsal, "the day before the board meets")
    deploys_to_staging(change)
    rehearses(change)
    backs_up(change)
    change.wait_until(change.dates.meeting, "the board meets")
    change.decide("Approved; look closely at the feed")
    announces(change)

    teller.chapter("The window of 1.6")
    makes_ready(change)
    deploys(change)
    change.smoke("mara", "production", fails="feed nightly-report")
    body = {"step": "smoke_production"}
    change.refused("mara", "complete_step", body, "smoke-production", "smoke_production")

    teller.chapter("Back to 1.5")
    reason = {"reason": "The feed of the terminal is gone; the nightly report cannot be written"}
    change.does("mara", "roll_back", reason, "decided")
    change.sees_through("rollback", decides="mara")
    change.compares_times("rollback")
    change.smoke("mara", "rollback")
    change.production_serves("1.5")
    change.completes("mara", "smoke_production")
    change.sends("jonas", "rolled_back", f"Rolled back: {change.release.title}")
    change.completes("mara", "rollback")

    teller.chapter("What is learned from it")
    review = {
        "went_to_plan": "The rollback, by the rehearsed runbook, inside the window",
        "corrections": "The accepted difference between the rings was the cause",
    }
    actions = [
        ("jonas", "Give staging the terminal of production"),
        ("tomas", "Publish each feed under its old name for one release"),
    ]
    winds_up(change, review, actions)
    closes(change, "rolled_back", "1.6 lost the terminal's feed in production; 1.5 runs again.")
