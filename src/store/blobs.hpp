// SPDX-License-Identifier: Apache-2.0
// Attachments. An upload writes its chunks (base64 text, which both databases take) one small
// transaction at a time, so that the writer is never held up; the last transaction gives the upload
// its digest, and only then can it be found. The same bytes are kept once for a tenant.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "app/ports/store.hpp"
#include "store/committer.hpp"

namespace slipway::store {

// The uploads that this process is writing now: sweeping must leave them alone. The number of one
// whose transaction failed may be another's already when it is given back, so each is counted.
class LiveUploads {
  public:
    void add(const TenantId& tenant, std::uint64_t upload);
    void remove(const TenantId& tenant, std::uint64_t upload);
    bool contains(const TenantId& tenant, std::uint64_t upload) const;

  private:
    mutable std::mutex mutex_;
    std::multiset<std::pair<TenantId, std::uint64_t>> live_;
};

std::unique_ptr<app::BlobWriter>
new_blob(Committer& committer, LiveUploads& live, const TenantId& tenant);

// Removes unfinished uploads that nobody is writing. Where other servers share the database, one
// that is not ours is first marked with `now` and removed when the mark is an hour old.
Result<void> sweep_uploads(Committer& committer, const LiveUploads& live, Time now);

struct StoredBlob {
    std::uint64_t upload = 0;
    std::uint64_t size = 0;
};

std::optional<StoredBlob> find_blob(Connection& db, const TenantId& tenant, const Digest& digest);
std::optional<std::string>
read_chunk(Connection& db, const TenantId& tenant, std::uint64_t upload, std::uint64_t position);

} // namespace slipway::store
