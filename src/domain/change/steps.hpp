// SPDX-License-Identifier: Apache-2.0
// The checklist of a change as it stands: which steps apply, who may complete them, when they are
// due. Pure; the workflow is the version that the change started with.
#pragma once

#include "domain/change/facts.hpp"

namespace slipway::domain {

// Who may complete the step, in which order and with which form. Errors: blocked with the reasons.
Result<void> may_complete(const Step& step, const Change& change, const Facts& facts);

// The steps that it comes after and that are still open, of those that the change needs.
std::vector<const Step*> open_before(const Step& step, const Change& change, const Facts& facts);

// When the step is due, never before the change was opened; none while the date that it depends on
// is unknown.
std::optional<Time> due_at(const Step& step, const Change& change, const Facts& facts);
// It applies, is still open, and was due before now.
bool is_overdue(const Step& step, const Change& change, const Facts& facts);

// What a `when:` condition sees, as its documentation says: type, state, risk, failed, fields ...,
// as the text of a JSON document.
std::string when_context(const Change& change);

} // namespace slipway::domain
