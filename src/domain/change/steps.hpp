// SPDX-License-Identifier: Apache-2.0
// The checklist of a change as it stands: which steps apply, who may complete them, when they are
// due. Pure; the workflow is the version that the change started with.
#pragma once

#include "domain/change/facts.hpp"

namespace slipway::domain {

// Whether the board's decision comes after the step, be it through others: its form is part of what
// is decided on.
bool is_read_by_board(const Step& step, const Facts& facts);

// Who may fill in the form of the step: who may complete it, in whatever order. Errors: blocked
// with the reasons.
Result<void> may_fill(const Step& step, const Change& change, const Facts& facts);
// Who may do what the step is about, and in which order. Errors: blocked with the reasons.
Result<void> may_do(const Step& step, const Change& change, const Facts& facts);
// What its form holds; as long as nobody has filled it in, its defaults.
JsonObject values_of(const Step& step, const Change& change);
// The same as may_do(), and with which form. Errors: blocked with the reasons.
Result<void> may_complete(const Step& step, const Change& change, const Facts& facts);

// The steps that it comes after and that are open, of those that the change needs. Of a step that
// comes after the board's decision, also those that were reopened before a complete one: what the
// board approved is whole, or it is not carried out.
std::vector<const Step*> open_before(const Step& step, const Change& change, const Facts& facts);

// When the step is due, never before the change was opened; none while the date that it depends on
// is unknown.
std::optional<Time> due_at(const Step& step, const Change& change, const Facts& facts);
// It applies, is still open, and was due before now.
bool is_overdue(const Step& step, const Change& change, const Facts& facts);

// Whether the checklist says by itself when the work began and how it ended.
bool is_followed(const Change& change, const Facts& facts);
// Production is touched; where the checklist is not followed, the window has begun.
bool has_work_begun(const Change& change, const Facts& facts);

// What a `when:` condition sees, as its documentation says: type, state, risk, failed, fields ...,
// as the text of a JSON document.
std::string when_context(const Change& change);

} // namespace slipway::domain
