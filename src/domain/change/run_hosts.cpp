// SPDX-License-Identifier: Apache-2.0
#include "domain/change/run_hosts.hpp"

#include "base/secret_reference.hpp"
#include "base/this_machine.hpp"
#include "domain/records/ring_machines.hpp"

namespace slipway::domain {

namespace {

constexpr std::size_t machines_shown_max = 10;

std::string machines_in_words(const std::string& id, const RingRecord& ring) {
    std::string words;
    std::size_t known = 0;
    for (const auto& host : ring.hosts)
        if (!host.address.empty() && ++known <= machines_shown_max)
            words += (words.empty() ? "" : ", ") + host_in_words(host);
    if (known == 0)
        return id + " names no address";
    if (known > machines_shown_max)
        words += fmt::format(", and {} more", known - machines_shown_max);
    return id + " has " + words;
}

// Looks at the hosts that a runbook names for one ring.
class Look {
  public:
    Look(const Change& change, const std::string& id, const RingRecord& ring)
        : id_(id), ring_(ring), variables_(host_variables(change, id, ring)) {}

    void at(const PinnedRunbook& runbook, RunbookPurpose purpose) {
        for (const auto* list : {&runbook.steps, &runbook.undo})
            for (const auto& step : *list)
                at(step.host, "steps." + step.name,
                   fmt::format("the step {} of the {} runbook", step.name, to_text(purpose)));
        for (const auto& host : runbook.smoke_hosts)
            at(host, "smoke", fmt::format("a smoke command of the {} runbook", to_text(purpose)));
    }

    std::vector<Reason> reasons;

  private:
    void at(const std::string& text, std::string field, const std::string& who) {
        const auto host = fill_variables(text, variables_);
        if (host && (is_this_machine(*host) || has_machine(ring_, *host)))
            return;
        reasons.push_back(
            {"run-exact", std::move(field),
             host ? fmt::format("{} would run on {}, which is no machine of {}", who, *host, id_)
                  : fmt::format("where {} would run on {} is not known", who, id_),
             host ? machines_in_words(id_, ring_) : host.error().message,
             "Name the host by a variable of the ring (host=${SITE_HOST}), and its address at one "
             "of the hosts in the ring's record (ring put)"}
        );
    }

    const std::string& id_;
    const RingRecord& ring_;
    Variables variables_;
};

} // namespace

Variables host_variables(const Change& change, const std::string& id, const RingRecord& ring) {
    Variables variables = ring.variables;
    std::erase_if(variables, [](const auto& variable) {
        return secret_of_variable(variable.second).has_value();
    });
    variables["SLIPWAY_CHANGE"] = change.id.value;
    variables["SLIPWAY_RING"] = id;
    return variables;
}

std::optional<Reason> test_ring_by_another_name(const std::string& test_ring, const Facts& facts) {
    const auto& rings = facts.records->rings;
    const auto ring = rings.find(test_ring);
    if (ring == rings.end() || ring->second.kind == RingKind::production)
        return std::nullopt;
    auto reason = ring_by_another_name(test_ring, ring->second, rings);
    if (!reason)
        return std::nullopt;
    reason->message = fmt::format("{}: {}: {}", test_ring, reason->field, reason->message);
    reason->field = "test_ring";
    reason->remedy += ", or name another test ring with assign";
    return reason;
}

std::vector<Reason> hosts_beside_production(const Change& change, const Facts& facts) {
    const auto ring = facts.records->rings.find(change.production_ring);
    if (ring == facts.records->rings.end())
        return {};
    Look look(change, ring->first, ring->second);
    for (const auto purpose : {RunbookPurpose::deployment, RunbookPurpose::rollback})
        if (const auto* runbook = runbook_of(change, purpose))
            look.at(*runbook, purpose);
    return std::move(look.reasons);
}

Result<void> require_test_ring(const Change& change, RunbookPurpose purpose, const Facts& facts) {
    if (auto reason = test_ring_by_another_name(change.test_ring, facts))
        return fail_blocked("a test never runs on production", {*std::move(reason)});
    const auto ring = facts.records->rings.find(change.test_ring);
    const auto* runbook = runbook_of(change, purpose);
    if (ring == facts.records->rings.end() || runbook == nullptr)
        return {};
    Look look(change, ring->first, ring->second);
    look.at(*runbook, purpose);
    if (look.reasons.empty())
        return {};
    return fail_blocked("it would leave its ring", std::move(look.reasons));
}

} // namespace slipway::domain
