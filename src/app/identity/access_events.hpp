// SPDX-License-Identifier: Apache-2.0
// What happens to a person's access stands in the ledger, on the stream (tenant, "person_access",
// person): lock-outs, tokens, passwords. The data never holds a secret, a digest of one, or an
// address. The stream's state document is always "{}": its events are all there is.
#pragma once

#include <functional>
#include <string_view>

#include "app/actor.hpp"
#include "app/ports/store.hpp"

namespace slipway::app {

// Adds the event `type` about `person` to `commit` and commits it. A stream that moved on meanwhile
// is tried again up to limits::access_event_retries_max times. Errors: those of Store::commit.
Result<void> commit_access_event(
    Store& store, Time now, const Actor& actor, const PersonId& person, std::string_view type,
    std::string_view data_json, Commit commit
);
// The same with a commit that `make` makes anew for each try, after the stream was read: what it
// reads of the person's access is still so when it is committed.
Result<void> commit_access_event(
    Store& store, Time now, const Actor& actor, const PersonId& person, std::string_view type,
    std::string_view data_json, const std::function<Result<Commit>()>& make
);

} // namespace slipway::app
