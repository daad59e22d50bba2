// SPDX-License-Identifier: Apache-2.0
#include "domain/change/notices.hpp"

#include <algorithm>

#include "domain/calendar/zone.hpp"
#include "domain/change/aborted_steps.hpp"
#include "domain/change/reverts.hpp"
#include "domain/change/steps.hpp"
#include "domain/change/way_back.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain {

namespace {

Reason not_begun(const Change& change, const Facts& facts) {
    const auto& window = *change.window;
    return {
        "notice", "kind", "the work has not begun",
        is_followed(change, facts)
            ? "no deployment has run"
            : "the window begins " + to_spoken_text(window.start, window.zone),
        "Say what is new with send_notice --kind update, or call it off with cancel --reason WHY"};
}

std::string how_to_tell_truly(const Change& change, const Facts& facts) {
    switch (way_back_of(change, facts)) {
    case WayBack::not_failed:
        return how_to_go_back(change);
    case WayBack::under_way:
        return "Send it when going back has ended; until then send_notice --kind update";
    case WayBack::given_up:
        return "Nobody goes back: say that the work has ended with send_notice --kind all_clear";
    case WayBack::open:
    case WayBack::back:
        break;
    }
    return how_to_go_back_or_stay(change) +
           ". Say how it ended then; until then send_notice --kind update";
}

Reason not_back(const Change& change, const Facts& facts) {
    const auto* run = last_run(change, RunPurpose::rollback);
    const auto hosts = hosts_going_back(change);
    return {
        "notice", "kind", "production is not back where it was",
        !hosts.empty() ? fmt::format("on their way to snapshots: {}", fmt::join(hosts, ", "))
        : run          ? fmt::format("{} {}", run->id.value, to_text(run->state))
                       : "nothing was rolled back",
        how_to_tell_truly(change, facts)};
}

// What speaks against saying that all is well, and whether somebody has looked.
struct Wellness {
    std::vector<Reason> doubts;
    bool checked = false;
};

Wellness wellness_of(const Change& change, const Facts& facts) {
    // What it was closed on counts as it stood then: the waivers among it end.
    if (change.closure && facts.now != change.closure->at) {
        auto then = facts;
        then.now = change.closure->at;
        return wellness_of(change, then);
    }
    const bool failed = !change.failed_because.empty();
    const auto* run = last_run(change, RunPurpose::deployment);
    if (!change.closure && !has_work_begun(change, facts))
        return {{not_begun(change, facts)}};
    if (auto reason = still_at_work(change, change.production_ring, "notice", facts.now))
        return {{*std::move(reason)}};
    if (const auto way = way_back_of(change, facts); way == WayBack::given_up)
        return {};
    else if (way == WayBack::open || way == WayBack::under_way)
        return {{not_back(change, facts)}};
    if (!failed && run && run->state != RunState::succeeded)
        return {
            {{"notice", "kind", "the deployment has not run to its end",
              fmt::format("{} {}", run->id.value, to_text(run->state)),
              "Say that it goes on with send_notice --kind update"}}};
    auto gate = evaluate(*find_gate(failed ? "rollback-done" : "smoke-production"), change, facts);
    // That nobody was told yet is what a notice is for.
    std::erase_if(gate.reasons, [](const Reason& reason) {
        return reason.field.starts_with("notice.");
    });
    if (gate.reasons.empty())
        return {{}, gate.verdict != Verdict::not_applicable};
    if (gate.verdict == Verdict::waived || gate.verdict == Verdict::not_applicable)
        return {};
    return {std::move(gate.reasons)};
}

std::string headline(const Change& change, const Notice& notice, const Notice* moved_from) {
    switch (notice.kind) {
    case NoticeKind::maintenance:
        return (moved_from ? "Maintenance moved: " : "Maintenance: ") + change.title;
    case NoticeKind::update:
        return "Update: " + change.title;
    case NoticeKind::all_clear:
        return (change.failed_because.empty() ? "Completed: " : "All clear: ") + change.title;
    case NoticeKind::rolled_back:
        return "Rolled back: " + change.title;
    case NoticeKind::cancelled:
        return "Cancelled: " + change.title;
    }
    return change.title;
}

constexpr std::string_view taken_back =
    "The change was taken back; the services run as they did before.";

std::string end_of_work(const Change& change, bool checked) {
    if (failed_and_not_back(change))
        return "The work has ended.";
    if (!change.failed_because.empty())
        return checked ? "The change was taken back, and what runs again has been checked."
                       : std::string(taken_back);
    return checked ? "The work is done and has been checked." : "The work is done.";
}

// An update may be sent at any time, so it says how far the work is.
std::string progress(const Change& change, const Facts& facts) {
    if (!has_work_begun(change, facts))
        return "The work has not begun yet.";
    if (const auto wellness = wellness_of(change, facts);
        is_followed(change, facts) && wellness.doubts.empty())
        return end_of_work(change, wellness.checked);
    return rolled_back_at(change) ? std::string(taken_back) : "The work goes on.";
}

std::string first_line(const Change& change, NoticeKind kind, const Facts& facts) {
    switch (kind) {
    case NoticeKind::maintenance:
        return change.scope ? change.scope->customer_impact : "";
    case NoticeKind::update:
        return progress(change, facts);
    case NoticeKind::all_clear:
        return end_of_work(change, wellness_of(change, facts).checked);
    case NoticeKind::rolled_back:
        return std::string(taken_back);
    case NoticeKind::cancelled:
        return "The work that was announced does not take place.";
    }
    return {};
}

const Notice* first_announcement(const Change& change) {
    for (const auto& notice : change.notices)
        if (notice.kind == NoticeKind::maintenance)
            return &notice;
    return nullptr;
}

// The window that is announced is the approved one; what is told later knows what it was given.
Time end_told(const Change& change, NoticeKind kind) {
    return kind == NoticeKind::maintenance ? change.window->end : window_end(change);
}

bool says_the_same_time(const Notice& one, const Notice& other) {
    return one.start == other.start && one.end == other.end;
}

// What people were told last that is another time than this notice says. Who repeats a notice for
// the same window repeats that, too.
const Notice* told_otherwise(const Change& change, const Notice& notice) {
    if (notice.kind == NoticeKind::update) {
        const auto* last = last_announcement(change);
        return last && !says_the_same_time(*last, notice) ? last : nullptr;
    }
    if (notice.kind != NoticeKind::maintenance)
        return nullptr;
    const auto found =
        std::find_if(change.notices.rbegin(), change.notices.rend(), [&](const Notice& sent) {
            return sent.kind == NoticeKind::maintenance && !says_the_same_time(sent, notice);
        });
    return found == change.notices.rend() ? nullptr : &*found;
}

std::int64_t minutes_of(const Notice& notice) {
    return std::chrono::duration_cast<std::chrono::minutes>(*notice.end - *notice.start).count();
}

// "Thu 2026-12-03 10:00 UTC, instead of Thu 2026-11-26 10:00 UTC"
std::string times_of(const Notice& notice, const Notice* before, const std::string& zone) {
    const bool later = before && before->start && before->start != notice.start;
    const bool longer =
        before && before->start && before->end && minutes_of(*before) != minutes_of(notice);
    return fmt::format(
        "Start:     {}{}\nDuration:  {} minutes{}\n", to_spoken_text(*notice.start, zone),
        later ? ", instead of " + to_spoken_text(*before->start, zone) : "", minutes_of(notice),
        longer ? fmt::format(", instead of {}", minutes_of(*before)) : ""
    );
}

// What was announced is called off, whatever the window became since.
const Notice* called_off(const Change& change, NoticeKind kind) {
    return kind == NoticeKind::cancelled ? last_announcement(change) : nullptr;
}

bool serves(const ChannelRecord& channel, const std::vector<std::string>& services) {
    return channel.services.empty() ||
           std::any_of(services.begin(), services.end(), [&](const auto& service) {
               return std::find(channel.services.begin(), channel.services.end(), service) !=
                      channel.services.end();
           });
}

} // namespace

bool tells_the_end(const Change& change, NoticeKind kind) {
    if (change.state == ChangeState::cancelled)
        return kind == NoticeKind::cancelled;
    return change.state == ChangeState::closed &&
           (kind == NoticeKind::all_clear || kind == NoticeKind::rolled_back);
}

const Notice* last_announcement(const Change& change) {
    const auto found =
        std::find_if(change.notices.rbegin(), change.notices.rend(), [](const Notice& sent) {
            return sent.kind == NoticeKind::maintenance;
        });
    return found == change.notices.rend() ? nullptr : &*found;
}

bool names_window(const Notice& notice, const Change& change) {
    return change.window && notice.start == change.window->start &&
           notice.end == change.window->end;
}

Span notice_ahead(const Change& change, const Policy& policy) {
    return type_of(change) == ChangeType::emergency ? policy.emergency_notice_ahead
                                                    : policy.notice_ahead;
}

std::optional<Time> earliest_to_announce(const Change& change, const Facts& facts) {
    const auto verdict = evaluate(*find_gate("notice"), change, facts).verdict;
    if (verdict != Verdict::pass && verdict != Verdict::fail)
        return std::nullopt;
    return facts.now + notice_ahead(change, *facts.policy);
}

Result<void> require_true(const Change& change, NoticeKind kind, const Facts& facts) {
    const auto refuse = [](std::vector<Reason> reasons) {
        return fail_blocked("nobody is told what is not so", std::move(reasons));
    };
    const auto* announced = last_announcement(change);
    const auto ends = window_end(change);
    switch (kind) {
    case NoticeKind::update:
        break;
    case NoticeKind::maintenance:
        if (ends <= facts.now)
            return refuse(
                {{"notice", "window", "the window is over, so nothing is left to announce",
                  "it ended " + to_spoken_text(ends, change.window->zone),
                  deployment_begun(change)
                      ? "Say how the work goes on with send_notice --kind update"
                      : "Move the window with schedule --start TIME --end TIME --zone " +
                            change.window->zone}}
            );
        break;
    case NoticeKind::all_clear:
        if (auto doubts = wellness_of(change, facts).doubts; !doubts.empty())
            return refuse(std::move(doubts));
        break;
    case NoticeKind::rolled_back:
        if (!has_work_begun(change, facts))
            return refuse({not_begun(change, facts)});
        if (is_followed(change, facts) && !rolled_back_at(change))
            return refuse({not_back(change, facts)});
        break;
    case NoticeKind::cancelled:
        if (change.state != ChangeState::cancelled)
            return refuse(
                {{"notice", "state", "the change is not cancelled",
                  std::string(to_text(change.state)),
                  "Cancel it with cancel --reason WHY, or say what is new with send_notice --kind "
                  "update"}}
            );
        if (announced == nullptr)
            return refuse(
                {{"notice", "notices", "nothing was announced that could be called off",
                  "no maintenance notice", "Nobody was told, so nobody has to be told"}}
            );
        break;
    }
    return {};
}

Result<Notice> compose_notice(const Change& change, const SendNotice& body, const Facts& facts) {
    const auto* first = first_announcement(change);
    const auto* off = called_off(change, body.kind);
    Notice notice{
        fmt::format("N-{}", change.notices.size() + 1),
        body.kind,
        body.subject,
        {},
        body.services,
        body.report_to,
        off ? off->start : change.window->start,
        off ? off->end : end_told(change, body.kind),
        facts.now,
        facts.actor,
        {}};
    if (notice.services.empty() && first)
        notice.services = first->services;
    if (notice.services.empty() && change.scope)
        for (const auto& scoped : change.scope->cis)
            notice.services.push_back(scoped.ci.value);
    if (notice.report_to.empty())
        notice.report_to = first ? first->report_to : facts.records->organisation.report_to;
    const auto* moved_from = told_otherwise(change, notice);
    if (notice.subject.empty())
        notice.subject = headline(change, notice, moved_from);
    notice.body = fmt::format(
        "{}\n\nChange:    {}\n{}Services:  {}\nProblems:  {}\n{}",
        first_line(change, body.kind, facts), change.id.value,
        times_of(notice, moved_from, change.window->zone), fmt::join(notice.services, ", "),
        notice.report_to, body.message.empty() ? "" : "\n" + body.message + "\n"
    );
    if (notice.kind != NoticeKind::maintenance && first)
        for (const auto& channel : announced_channels(change))
            notice.deliveries.push_back({channel, DeliveryState::pending, {}, {}});
    else
        for (const auto& [id, channel] : facts.records->channels)
            if (serves(channel, notice.services))
                notice.deliveries.push_back({id, DeliveryState::pending, {}, {}});
    std::erase_if(notice.deliveries, [&](const Delivery& delivery) {
        return !facts.records->channels.contains(delivery.channel);
    });
    if (notice.deliveries.empty())
        return fail_blocked(
            "there is no channel to send it on",
            {{"notice", "channels", "no channel serves these services", "channels of the tenant",
              "Put a channel record with its connector"}}
        );
    return notice;
}

const Notice* sent_within_the_hour(const Change& change, const Notice& notice) {
    for (const auto& sent : change.notices)
        if (sent.kind == notice.kind && sent.subject == notice.subject &&
            sent.body == notice.body && notice.sent_at - sent.sent_at < std::chrono::hours(1))
            return &sent;
    return nullptr;
}

std::string oncall_text(const Change& change) {
    return fmt::format(
        "You are on call for {}: {}\nWindow: {} to {}\nRollback decision: {}, backup {}\n"
        "Please acknowledge with: slipway change acknowledge_page {}\n",
        change.id.value, change.title, to_spoken_text(change.window->start, change.window->zone),
        to_spoken_text(change.window->end, change.window->zone),
        change.rollback_owner.empty() ? "not named" : change.rollback_owner.value,
        change.rollback_backup.empty() ? "not named" : change.rollback_backup.value, change.id.value
    );
}

} // namespace slipway::domain
