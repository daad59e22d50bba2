// SPDX-License-Identifier: Apache-2.0
#include "domain/change/testing/gate_rows.hpp"

#include <gtest/gtest.h>

namespace slipway::domain::testing {

GateResult look(const Scenario& s, std::string_view gate) {
    return evaluate(*find_gate(gate), s.change, s.facts("otto"));
}

std::string told(const GateResult& result) {
    std::string text = fmt::format("{} {}", result.gate, to_text(result.verdict));
    for (const auto& reason : result.reasons)
        text += fmt::format("\n  {} {}: {}", reason.gate, reason.field, reason.message);
    return text;
}

void check(const Scenario& whole, const std::vector<Row>& rows) {
    for (const auto& row : rows) {
        SCOPED_TRACE(fmt::format("{}: {}", row.gate, row.what));
        const auto before = look(whole, row.gate);
        EXPECT_EQ(before.verdict, Verdict::pass) << told(before);
        auto s = whole;
        row.broken(s);
        ++s.records.version; // the copy looks at its own records
        const auto after = look(s, row.gate);
        EXPECT_EQ(after.verdict, Verdict::fail) << told(after);
        bool named = false;
        for (const auto& reason : after.reasons) {
            EXPECT_EQ(reason.gate, row.gate);
            EXPECT_FALSE(reason.message.empty());
            EXPECT_FALSE(reason.remedy.empty()) << reason.message;
            named = named || reason.field.find(row.field) != std::string::npos;
        }
        EXPECT_TRUE(named) << told(after);
    }
}

} // namespace slipway::domain::testing
