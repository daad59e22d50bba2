// SPDX-License-Identifier: Apache-2.0
// What a ring holds: all of its record that decides where a runbook runs, with what and as whom; as
// a value, as one digest of its id and that value, and as words for people. Left out is what was
// found on it (the facts of its hosts, when they were gathered, when a credential ends, which
// version of it there is), what is looked for there and what people call it, so that looking at a
// ring again does not make it another one. Secrets are in none of it: a ring refers to them.
#pragma once

#include "domain/records/records.hpp"

namespace slipway::domain {

RingRecord contents_of(RingRecord ring);
Digest ring_contents(const std::string& id, const RingRecord& ring);

// "variables SITE=/srv/site; hosts web-1 (10.0.0.1); credentials deploy-key"
std::string ring_in_words(const RingRecord& ring);
// In which fields the two hold something else, with both values: `variables.SITE was "/srv/site"
// and is "/elsewhere"`. Empty when they hold the same. Long values and long lists are cut.
std::string ring_edits(const RingRecord& before, const RingRecord& now);

} // namespace slipway::domain
