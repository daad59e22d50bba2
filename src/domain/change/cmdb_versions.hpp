// SPDX-License-Identifier: Apache-2.0
// Which version of an item runs when the work is over. The record tells: the new one, or after a
// rollback the old one. After a failure from which nobody went back it tells nothing; then somebody
// looks, and update_cmdb is told what was found.
#pragma once

#include "base/result.hpp"
#include "domain/change/change.hpp"

namespace slipway::domain {

struct FoundVersion {
    CiId ci;
    std::string version;

    SLIPWAY_FIELDS {
        visit("ci", self.ci, required("a configuration item of the scope"));
        visit("version", self.version, required("the version that was found to run", 100));
    }
};

// The body of update_cmdb.
struct UpdateCmdb {
    std::vector<FoundVersion> found;

    SLIPWAY_FIELDS {
        visit(
            "found", self.found,
            optional("only after a failure from which nobody went back: what runs now")
        );
    }
};

// What the work left on production; the same for all items.
struct Aftermath {
    bool unknown = false; // it failed and nobody went back: the record does not tell what runs
    Time last_touched{};
};

Aftermath aftermath_of(const Change& change);

// Empty: nothing is known of a version of this item. Only for what need not be found.
const std::string& version_by_record(const Change& change, const ScopedCi& scoped);
// Only who looks knows which version of it runs.
bool has_to_be_found(const Aftermath& after, const ScopedCi& scoped);
// Somebody looked and said so, and nothing touched production since.
bool was_found(const Aftermath& after, const CmdbPush& push);
// The refusal while that was not said of each item that has to be found: one for all of them.
Reason versions_not_found(const Change& change, const Aftermath& after);
// Errors: invalid_input for an item that is not in the scope, named twice, or need not be found.
// blocked with what has to be found and is not named.
Result<void> check_found(const Change& change, const std::vector<FoundVersion>& found);
// Why the version that was written is not the one that runs. Nothing: it is, or none is known.
// Only for what need not be found.
std::optional<Reason>
why_other_version(const Change& change, const ScopedCi& scoped, const CmdbPush& push);

} // namespace slipway::domain
