// SPDX-License-Identifier: Apache-2.0
// Keeps the ledger's identity: its first entry, its signing key, its checkpoints, and the export of
// one change. The mode (production or sandbox) is written once, in the first entry, and never
// changes.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>

#include "app/ports/store.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "domain/ledger/opening.hpp"
#include "store/bundle/bundle.hpp"

namespace slipway {

using Mode = domain::LedgerMode;

class LedgerKeeper {
  public:
    // Opens an existing ledger, or begins one in this mode. The first entry says which mode and key
    // it is, whatever else the database holds. Errors: conflict when the ledger was begun in
    // another mode; blocked when its first or its last entry is not there; internal when the stored
    // key is another.
    static Result<std::unique_ptr<LedgerKeeper>>
    open(app::Store& store, const Clock& clock, Random& random, std::optional<Mode> mode);

    Mode mode() const { return mode_; }

    const domain::SigningKey& key() const { return key_; }

    // Signs a checkpoint of the ledger as it is, unless the newest one covers it already. Errors:
    // internal when what is kept for proofs does not fit the ledger's head.
    Result<app::StoredCheckpoint> publish();
    // Writes the evidence bundle of one change.
    Result<void> export_change(
        const TenantId& tenant, const std::string& change, const std::filesystem::path& path
    );
    // A sandbox clock was advanced: an entry of the ledger, and its offset for the next start.
    Result<void> note_advance(const PersonId& by, const TenantId& tenant, Time now, Span offset);
    Result<Span> clock_offset();

  private:
    LedgerKeeper(app::Store& store, const Clock& clock) : store_(store), clock_(clock) {}

    app::Store& store_;
    const Clock& clock_;
    domain::SigningKey key_;
    Mode mode_{};
    std::mutex mutex_;
};

// Errors: limit_exceeded beyond limits::export_max.
Result<void> check_export_size(const std::vector<store::BundleAttachment>& attachments);

} // namespace slipway
