// SPDX-License-Identifier: Apache-2.0
// The probes that have dialled in to this server, and the smoke lists that wait for one. A list
// goes to one probe; when that goes away or is late, another takes over. Whoever reports must be
// outside the tenant's declared networks, as the server sees his address at that moment. In memory:
// a list that waits when the server ends is asked for again by its task. With several servers on
// one database a probe serves the one that it has dialled. Functions may be called from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>

#include "app/probes/probe_work.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "domain/records/records.hpp"

namespace slipway::app {

class Probes {
  public:
    struct Parts {
        const Clock& clock;
        Random& random;
        std::function<Result<domain::OrganisationRecord>(const TenantId&)> organisation;
        bool one_machine = false; // a training server: see domain::require_outside
        Span patience = limits::probe_wait;
        Span slack = limits::probe_slack; // beyond the longest time of the checks
    };

    explicit Probes(Parts parts) : parts_(std::move(parts)) {}

    Probes(const Probes&) = delete;
    Probes& operator=(const Probes&) = delete;

    // One probe, from dialling in to going away, which is its destruction.
    class Line;

    // `told` hears that there may be work and must be quick; nothing: nobody is told.
    void on_work(std::function<void()> told);

    // Errors: blocked, when the probe is not outside; limit_exceeded.
    Result<std::shared_ptr<Line>>
    dial_in(const TenantId& tenant, const PersonId& person, std::string name, std::string address);
    // What the probe is to do now, if there is anything. Errors: unavailable, when it was too late
    // with what it had.
    Result<std::optional<ProbeWork>> next_work(const Line& line);
    bool is_busy(const Line& line) const;
    // Errors: not_found, when this person's probes were not given the work, or no longer have it;
    // those of require_outside() and check_report().
    Result<void> report(
        const TenantId& tenant, const PersonId& person, const std::string& address,
        ProbeReport report
    );
    std::vector<ProbeShown> list(const TenantId& tenant) const;

    // Waits until a probe has looked, or none has in time.
    OutsideView ask(const TenantId& tenant, ProbeWork work, const std::stop_token& stop);

  private:
    using Steady = std::chrono::steady_clock;

    struct Asked {
        TenantId tenant;
        ProbeWork work;
        const Line* holder = nullptr;
        std::uint64_t turns = 0;    // how often the holder has changed
        int losses = 0;             // holders that came to nothing
        Steady::time_point until{}; // its holder may take so long
        std::optional<ProbeReport> report;
        std::string seen_from;
        std::string lost; // why the last holder came to nothing
    };

    void leave(const Line& line);
    void take_away(Asked& asked, std::string why);
    std::string absence(const TenantId& tenant) const;
    OutsideView wait_for(Asked& asked, std::unique_lock<std::mutex>& lock, const std::stop_token&);

    Parts parts_;
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::list<Line*> lines_;
    std::list<Asked*> asked_; // oldest first
    std::function<void()> told_;
};

class Probes::Line {
  public:
    Line(Probes& probes, ProbeShown shown, TenantId tenant)
        : probes_(probes), shown_(std::move(shown)), tenant_(std::move(tenant)) {}

    ~Line() { probes_.leave(*this); }

    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;

    const ProbeShown& shown() const { return shown_; }

  private:
    friend class Probes;

    Probes& probes_;
    const ProbeShown shown_;
    const TenantId tenant_;
    // Under the mutex of the probes.
    Asked* work_ = nullptr;
    bool late_ = false;
};

} // namespace slipway::app
