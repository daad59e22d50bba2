// SPDX-License-Identifier: Apache-2.0
#include "domain/change/waiver_ends.hpp"

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

} // namespace slipway::domain
