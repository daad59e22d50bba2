// SPDX-License-Identifier: Apache-2.0
// Steps that need two people: who does or decides it, and a second person who agrees. Both confirm
// it before it begins, and when a run has stopped at it, both decide the same before it goes on.
#pragma once

#include "domain/change/change.hpp"

namespace slipway::domain {

// The second person whose word is needed too; nobody at the steps of one person.
PersonId second_of(const Change& change, const Run& run, const RunStep& step);
// Who is called as the first of the two.
PersonId owner_at(const Change& change, const RunbookStepOutline& outline);

// The way on where the second person has left: nobody agrees in his place.
std::string how_without_second(const Change& change, const Run& run, const RunStep& step);

// Whether one of the two people of this step has confirmed it already.
bool is_second_part(const RunbookStepOutline& outline, const RunStep& step);

// Whether both have now decided the same about the step as it is; then the decision carries both
// names and both reasons.
bool agree(const Run& run, RunChoice choice, const PersonId& second, Deviation& deviation);

} // namespace slipway::domain
