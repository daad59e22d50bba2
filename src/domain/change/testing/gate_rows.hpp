// SPDX-License-Identifier: Apache-2.0
// A table of gates and edits: each row breaks one thing in a record that is in order, and the gate
// refuses by its own id, naming the field and the remedy. Nothing here is linked into a program.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "domain/change/testing/scenario.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::testing {

struct Row {
    const char* gate;
    const char* what;
    const char* field; // part of the field that is named
    std::function<void(Scenario&)> broken;
};

GateResult look(const Scenario& s, std::string_view gate);
std::string told(const GateResult& result);
void check(const Scenario& whole, const std::vector<Row>& rows);

} // namespace slipway::domain::testing
