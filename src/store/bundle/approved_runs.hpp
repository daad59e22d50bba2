// SPDX-License-Identifier: Apache-2.0
// Whether what was carried out is, byte for byte, what was approved: asked of the entries of one
// change in their order, and of the runbooks that came with them. The run must name the bytes that
// were pinned and, where a board decided, approved; each step that was carried out must be one of
// these bytes. Nothing here trusts what the server said at the time.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.hpp"
#include "base/json.hpp"

namespace slipway::store {

// The digest of each step and undo block of a runbook, by name.
using StepDigests = std::map<std::string, Digest, std::less<>>;

// As they are read from the bytes; nothing when these are no runbook.
std::optional<StepDigests> step_digests(std::string_view runbook);

class ApprovedRuns {
  public:
    // `runbooks`: what the bytes say, by the digest of the file.
    explicit ApprovedRuns(const std::map<Digest, StepDigests>& runbooks) : runbooks_(runbooks) {}

    // The next entry of the change. What is wrong with it, or nothing.
    std::string take(std::string_view type, const Json& data);

  private:
    struct Pinned {
        Digest runbook;
        StepDigests steps;
    };

    struct Run {
        std::string section; // "deployment_runbook" or "rollback_runbook"
        Digest runbook;
    };

    std::string pin(const Json& data);
    std::string start(const Json& data);
    std::string report(const Json& data) const;
    void decide(const Json& data);

    const std::map<Digest, StepDigests>& runbooks_;
    std::map<std::string, Pinned, std::less<>> pinned_; // by section, as it stands now
    std::map<Digest, StepDigests> known_;               // of all that were ever pinned
    std::map<std::string, Run, std::less<>> runs_;
    std::map<std::string, Digest, std::less<>> approved_; // by section; empty: nothing stands
};

} // namespace slipway::store
