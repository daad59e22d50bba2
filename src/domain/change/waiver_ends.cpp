// SPDX-License-Identifier: Apache-2.0
#include "domain/change/waiver_ends.hpp"

#include <fmt/format.h>

#include "domain/gates/gate.hpp"

namespace slipway::domain {

std::optional<std::string>
why_missed(Decider& decider, const std::string& gate, bool begun, std::string reopened_because) {
    const auto& row = *find_gate(gate);
    if (begun ? !is_asked_at_closure(row) : !is_before_execution(row))
        return std::nullopt;
    const auto result = evaluate(row, decider.change(), decider.facts());
    if (result.verdict != Verdict::fail)
        return std::nullopt;
    if (!begun)
        decider.reopen(row.step, std::move(reopened_because));
    return result.reasons.front().message;
}

std::string gone_waiver(
    const Change& change, const Waiver& waiver, std::string_view gone, std::string_view why
) {
    return fmt::format(
        "{} {}, and the gate {} says no: {}. Do what it asks for, or ask for another: slipway "
        "change request_waiver {} --gate {} --reason WHY --valid_for 24h",
        waiver.id, gone, waiver.gate, why, change.id.value, waiver.gate
    );
}

} // namespace slipway::domain
