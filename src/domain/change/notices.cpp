// SPDX-License-Identifier: Apache-2.0
#include "domain/change/notices.hpp"

#include <algorithm>

#include "domain/calendar/zone.hpp"

namespace slipway::domain {

namespace {

std::string headline(const Change& change, NoticeKind kind) {
    switch (kind) {
    case NoticeKind::maintenance:
        return "Maintenance: " + change.title;
    case NoticeKind::update:
        return "Update: " + change.title;
    case NoticeKind::all_clear:
        return "Completed: " + change.title;
    case NoticeKind::rolled_back:
        return "Rolled back: " + change.title;
    }
    return change.title;
}

std::string first_line(const Change& change, NoticeKind kind) {
    switch (kind) {
    case NoticeKind::maintenance:
        return change.scope ? change.scope->customer_impact : "";
    case NoticeKind::update:
        return "The work goes on.";
    case NoticeKind::all_clear:
        return "The work is done and has been checked.";
    case NoticeKind::rolled_back:
        return "The change was taken back; the services run as they did before.";
    }
    return {};
}

const Notice* announced(const Change& change) {
    for (const auto& notice : change.notices)
        if (notice.kind == NoticeKind::maintenance)
            return &notice;
    return nullptr;
}

bool serves(const ChannelRecord& channel, const std::vector<std::string>& services) {
    return channel.services.empty() ||
           std::any_of(services.begin(), services.end(), [&](const auto& service) {
               return std::find(channel.services.begin(), channel.services.end(), service) !=
                      channel.services.end();
           });
}

} // namespace

Result<Notice> compose_notice(const Change& change, const SendNotice& body, const Facts& facts) {
    const auto* first = announced(change);
    Notice notice{
        fmt::format("N-{}", change.notices.size() + 1),
        body.kind,
        body.subject,
        {},
        body.services,
        body.report_to,
        change.window->start,
        change.window->end,
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
    if (notice.subject.empty())
        notice.subject = headline(change, body.kind);
    const auto& window = *change.window;
    const auto minutes =
        std::chrono::duration_cast<std::chrono::minutes>(window.end - window.start).count();
    notice.body = fmt::format(
        "{}\n\nChange:    {}\nStart:     {}\nDuration:  {} minutes\nServices:  {}\n"
        "Problems:  {}\n{}",
        first_line(change, body.kind), change.id.value, to_spoken_text(window.start, window.zone),
        minutes, fmt::join(notice.services, ", "), notice.report_to,
        body.message.empty() ? "" : "\n" + body.message + "\n"
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
