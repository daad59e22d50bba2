// SPDX-License-Identifier: Apache-2.0
#include "app/probes/probes.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "domain/records/networks.hpp"

namespace slipway::app {

namespace {

constexpr std::size_t work_id_characters = 32;

std::string place_of(const ProbeShown& probe, const std::string& address) {
    return fmt::format("{} at {}", probe.name, address);
}

} // namespace

void Probes::on_work(std::function<void()> told) {
    const std::lock_guard lock(mutex_);
    told_ = std::move(told);
}

Result<std::shared_ptr<Probes::Line>> Probes::dial_in(
    const TenantId& tenant, const PersonId& person, std::string name, std::string address
) {
    TRY(domain::require_outside(TRY(parts_.organisation(tenant)), address, parts_.one_machine));
    const std::lock_guard lock(mutex_);
    const auto there = std::count_if(lines_.begin(), lines_.end(), [&](const Line* line) {
        return line->tenant_ == tenant;
    });
    if (static_cast<std::size_t>(there) >= limits::probes_max)
        return fail(
            ErrorCode::limit_exceeded, fmt::format("{} probes have dialled in already", there)
        );
    auto line = std::make_shared<Line>(
        *this, ProbeShown{std::move(name), std::move(address), person, parts_.clock.now(), {}},
        tenant
    );
    lines_.push_back(line.get());
    changed_.notify_all();
    return line;
}

void Probes::leave(const Line& line) {
    const std::lock_guard lock(mutex_);
    if (line.work_ != nullptr)
        take_away(
            *line.work_, fmt::format(
                             "the probe {} went away before it reported",
                             place_of(line.shown_, line.shown_.address)
                         )
        );
    lines_.remove_if([&](const Line* known) { return known == &line; });
    changed_.notify_all();
}

// The lock is held. The work waits for another probe.
void Probes::take_away(Asked& asked, std::string why) {
    for (auto* line : lines_)
        if (line == asked.holder)
            line->work_ = nullptr;
    asked.holder = nullptr;
    ++asked.turns;
    ++asked.losses;
    asked.lost = std::move(why);
    changed_.notify_all();
    if (told_)
        told_();
}

Result<std::optional<ProbeWork>> Probes::next_work(const Line& line) {
    const std::lock_guard lock(mutex_);
    if (line.late_)
        return fail(ErrorCode::unavailable, "the work was taken away from this probe: it was late");
    const auto self = std::find(lines_.begin(), lines_.end(), &line);
    if (line.work_ != nullptr || self == lines_.end())
        return std::optional<ProbeWork>{};
    const auto waiting = std::find_if(asked_.begin(), asked_.end(), [&](const Asked* asked) {
        return asked->tenant == line.tenant_ && asked->holder == nullptr && !asked->report;
    });
    if (waiting == asked_.end())
        return std::optional<ProbeWork>{};
    auto& asked = **waiting;
    asked.holder = &line;
    ++asked.turns;
    asked.until = Steady::now() + longest_time(asked.work.checks) + parts_.slack;
    (*self)->work_ = &asked;
    changed_.notify_all();
    return std::optional(asked.work);
}

bool Probes::is_busy(const Line& line) const {
    const std::lock_guard lock(mutex_);
    return line.work_ != nullptr;
}

Result<void> Probes::report(
    const TenantId& tenant, const PersonId& person, const std::string& address, ProbeReport report
) {
    TRY(domain::require_outside(TRY(parts_.organisation(tenant)), address, parts_.one_machine));
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(lines_.begin(), lines_.end(), [&](const Line* line) {
        return line->tenant_ == tenant && line->shown_.person == person && line->work_ != nullptr &&
               line->work_->work.id == report.work;
    });
    if (found == lines_.end())
        return fail(
            ErrorCode::not_found, "this probe does not have this work: it was not given to it, or "
                                  "was taken away because it went away or was late"
        );
    auto& line = **found;
    auto& asked = *line.work_;
    TRY(check_report(asked.work, report));
    asked.report = std::move(report);
    asked.seen_from = place_of(line.shown_, address);
    asked.holder = nullptr;
    line.work_ = nullptr;
    changed_.notify_all();
    return {};
}

std::vector<ProbeShown> Probes::list(const TenantId& tenant) const {
    const std::lock_guard lock(mutex_);
    std::vector<ProbeShown> out;
    for (const auto* line : lines_) {
        if (line->tenant_ != tenant)
            continue;
        out.push_back(line->shown_);
        if (line->work_ != nullptr)
            out.back().change = line->work_->work.change;
    }
    return out;
}

// The lock is held. Why nobody has taken the work.
std::string Probes::absence(const TenantId& tenant) const {
    const auto there = std::count_if(lines_.begin(), lines_.end(), [&](const Line* line) {
        return line->tenant_ == tenant;
    });
    if (there == 0)
        return fmt::format(
            "no probe has dialled in within {}; start one outside with slipway probe",
            to_text(parts_.patience)
        );
    return fmt::format(
        "none of the {} probes that have dialled in was free within {}", there,
        to_text(parts_.patience)
    );
}

OutsideView
Probes::wait_for(Asked& asked, std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
    auto waiting_since = Steady::now();
    while (asked.losses <= limits::probe_losses_max) {
        const auto* holder = asked.holder;
        const auto turns = asked.turns;
        const auto until = holder ? asked.until : waiting_since + parts_.patience;
        const bool moved = changed_.wait_until(lock, stop, until, [&] {
            return asked.report.has_value() || asked.turns != turns;
        });
        if (asked.report)
            return {std::move(asked.report->results), asked.seen_from, {}};
        if (stop.stop_requested())
            return {{}, {}, "the server ended before a probe had looked"};
        if (!moved && holder == nullptr)
            return {
                {},
                {},
                asked.lost.empty() ? absence(asked.tenant)
                                   : fmt::format("{}; {}", asked.lost, absence(asked.tenant))};
        if (!moved) {
            for (auto* line : lines_)
                line->late_ = line->late_ || line == holder;
            take_away(
                asked, fmt::format(
                           "the probe {} did not report in time",
                           place_of(holder->shown_, holder->shown_.address)
                       )
            );
        }
        waiting_since = Steady::now();
    }
    return {{}, {}, fmt::format("{} probes came to nothing; {}", asked.losses, asked.lost)};
}

OutsideView Probes::ask(const TenantId& tenant, ProbeWork work, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    Asked asked{tenant, std::move(work), nullptr, 0, 0, {}, {}, {}, {}};
    asked.work.id = readable_token(parts_.random, work_id_characters);
    asked_.push_back(&asked);
    if (told_)
        told_();
    auto view = wait_for(asked, lock, stop);
    asked_.remove(&asked);
    if (asked.holder != nullptr)
        take_away(asked, {});
    return view;
}

} // namespace slipway::app
