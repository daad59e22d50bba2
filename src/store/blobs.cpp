// SPDX-License-Identifier: Apache-2.0
#include "store/blobs.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace slipway::store {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t chunks_dropped_at_once = 16;
constexpr auto foreign_upload_patience = 1h;
constexpr Time given_up{}; // seen_at of an upload that nobody may finish any more

bool is_unfinished(Connection& db, const TenantId& tenant, std::uint64_t upload) {
    return db
        .number(
            "select upload from blob_upload where tenant = :tenant and upload = :upload",
            {tenant.value, upload}
        )
        .has_value();
}

// In steps, since an upload may have hundreds of chunks and others want to commit. An upload that
// is finished keeps its chunks: who lost the connection during that commit does not know of it.
Result<void> drop_upload(Committer& committer, const TenantId& tenant, std::uint64_t upload) {
    std::uint64_t dropped = 0;
    do {
        TRY(committer.run([&](Batch& batch) -> Result<void> {
            dropped = 0;
            batch.db().run(
                "update blob_upload set seen_at = :given_up where tenant = :tenant "
                "and upload = :upload",
                {given_up, tenant.value, upload}
            );
            if (!is_unfinished(batch.db(), tenant, upload))
                return {};
            const auto first = batch.db().number(
                "select coalesce(min(position), 0) from blob_chunk where tenant = :tenant "
                "and upload = :upload",
                {tenant.value, upload}
            );
            dropped = batch.db().run(
                "delete from blob_chunk where tenant = :tenant and upload = :upload "
                "and position < :end",
                {tenant.value, upload, first.value_or(0) + chunks_dropped_at_once}
            );
            return {};
        }));
    } while (dropped != 0);
    return committer.run([&](Batch& batch) -> Result<void> {
        batch.db().run(
            "delete from blob_upload where tenant = :tenant and upload = :upload",
            {tenant.value, upload}
        );
        return {};
    });
}

std::uint64_t next_number(Connection& db, const TenantId& tenant) {
    db.run(
        "insert into counter (tenant, name, value) values (:tenant, 'upload', 1) "
        "on conflict (tenant, name) do update set value = counter.value + 1",
        {tenant.value}
    );
    return db
        .number(
            "select value from counter where tenant = :tenant and name = 'upload'", {tenant.value}
        )
        .value();
}

void insert_chunk(
    Connection& db, const TenantId& tenant, std::uint64_t upload, std::uint64_t position,
    const std::string& data
) {
    db.run(
        "insert into blob_chunk (tenant, upload, position, data) "
        "values (:tenant, :upload, :position, :data)",
        {tenant.value, upload, position, data}
    );
}

void insert_blob(
    Connection& db, const TenantId& tenant, const Digest& digest, std::uint64_t upload,
    std::uint64_t size
) {
    db.run(
        "insert into blob (tenant, digest, upload, size) "
        "values (:tenant, :digest, :upload, :size)",
        {tenant.value, digest.hex(), upload, size}
    );
}

// Bytes that fit into one chunk are kept in one transaction at their end, since every transaction
// is waited for: transcripts of steps are mostly small. Only of more than that there is an upload,
// which can be unfinished.
class ChunkWriter : public app::BlobWriter {
  public:
    ChunkWriter(Committer& committer, LiveUploads& live, TenantId tenant)
        : committer_(committer), live_(live), tenant_(std::move(tenant)) {}

    ~ChunkWriter() override {
        if (!upload_)
            return;
        if (!finished_) {
            // What cannot be removed now is swept later.
            const auto dropped = drop_upload(committer_, tenant_, *upload_);
            static_cast<void>(dropped);
        }
        live_.remove(tenant_, *upload_);
    }

    Result<void> write(std::string_view bytes) override {
        if (finished_)
            return fail(ErrorCode::internal, "this attachment is finished");
        if (bytes.size() > limits::attachment_max - size_)
            return fail(
                ErrorCode::limit_exceeded,
                fmt::format("an attachment has at most {} bytes", limits::attachment_max)
            );
        hash_.update(bytes);
        size_ += bytes.size();
        while (!bytes.empty()) {
            const auto part = std::min(bytes.size(), limits::blob_chunk - pending_.size());
            pending_.append(bytes.substr(0, part));
            bytes.remove_prefix(part);
            if (pending_.size() == limits::blob_chunk)
                TRY(flush());
        }
        return {};
    }

    Result<Digest> finish() override {
        if (finished_)
            return fail(ErrorCode::internal, "this attachment is finished");
        if (!upload_)
            return keep_at_once();
        if (!pending_.empty())
            TRY(flush());
        const auto digest = hash_.finish();
        bool kept = false;
        TRY(committer_.run([&](Batch& batch) -> Result<void> {
            kept = !find_blob(batch.db(), tenant_, digest);
            if (!kept)
                return {};
            if (batch.db().run(
                    "delete from blob_upload where tenant = :tenant and upload = :upload "
                    "and coalesce(seen_at, 1) <> :given_up",
                    {tenant_.value, *upload_, given_up}
                ) != 1)
                return fail(ErrorCode::conflict, "the upload took too long and was given up");
            insert_blob(batch.db(), tenant_, digest, *upload_, size_);
            return {};
        }));
        finished_ =
            kept; // otherwise the destructor drops these chunks: the bytes are there already
        return digest;
    }

  private:
    Result<Digest> keep_at_once() {
        const auto digest = hash_.finish();
        const auto data = to_base64(pending_);
        finished_ = true;
        TRY(committer_.run([&](Batch& batch) -> Result<void> {
            auto& db = batch.db();
            if (find_blob(db, tenant_, digest))
                return {};
            const auto number = next_number(db, tenant_);
            if (!data.empty())
                insert_chunk(db, tenant_, number, 0, data);
            insert_blob(db, tenant_, digest, number, size_);
            return {};
        }));
        return digest;
    }

    Result<void> begin() {
        std::optional<std::uint64_t> upload;
        const auto give_back = [&] {
            if (upload)
                live_.remove(tenant_, *upload);
            upload.reset();
        };
        // A transaction that fails may be tried again, and takes its number anew.
        const auto begun = committer_.run([&](Batch& batch) -> Result<void> {
            give_back();
            const auto number = next_number(batch.db(), tenant_);
            batch.db().run(
                "insert into blob_upload (tenant, upload, seen_at) values (:tenant, :upload, null)",
                {tenant_.value, number}
            );
            // Before it is durable, so that no sweep can come between.
            live_.add(tenant_, number);
            upload = number;
            return {};
        });
        if (!begun)
            give_back();
        upload_ = upload;
        return begun;
    }

    Result<void> flush() {
        if (!upload_)
            TRY(begin());
        const auto data = to_base64(pending_);
        TRY(committer_.run([&](Batch& batch) -> Result<void> {
            insert_chunk(batch.db(), tenant_, *upload_, position_, data);
            return {};
        }));
        ++position_;
        pending_.clear();
        return {};
    }

    Committer& committer_;
    LiveUploads& live_;
    TenantId tenant_;
    std::optional<std::uint64_t> upload_;
    std::uint64_t position_ = 0;
    std::uint64_t size_ = 0;
    std::string pending_;
    Sha256 hash_;
    bool finished_ = false;
};

} // namespace

void LiveUploads::add(const TenantId& tenant, std::uint64_t upload) {
    const std::lock_guard lock(mutex_);
    live_.emplace(tenant, upload);
}

void LiveUploads::remove(const TenantId& tenant, std::uint64_t upload) {
    const std::lock_guard lock(mutex_);
    if (const auto one = live_.find({tenant, upload}); one != live_.end())
        live_.erase(one);
}

bool LiveUploads::contains(const TenantId& tenant, std::uint64_t upload) const {
    const std::lock_guard lock(mutex_);
    return live_.contains({tenant, upload});
}

std::unique_ptr<app::BlobWriter>
new_blob(Committer& committer, LiveUploads& live, const TenantId& tenant) {
    return std::make_unique<ChunkWriter>(committer, live, tenant);
}

Result<void> sweep_uploads(Committer& committer, const LiveUploads& live, Time now) {
    std::vector<std::pair<TenantId, std::uint64_t>> dead;
    TRY(committer.run([&](Batch& batch) -> Result<void> {
        auto& db = batch.db();
        const bool alone = db.dialect().single_server;
        dead.clear();
        std::vector<std::pair<TenantId, std::uint64_t>> unseen;
        db.query("select tenant, upload, seen_at from blob_upload", {}, 3, [&](const Row& row) {
            const std::pair upload{TenantId(row.text(0)), row.number(1)};
            if (live.contains(upload.first, upload.second))
                return;
            const auto seen_at = row.optional_time(2);
            if (alone || (seen_at && *seen_at + foreign_upload_patience <= now))
                dead.push_back(upload);
            else if (!seen_at)
                unseen.push_back(upload);
        });
        for (const auto& [tenant, upload] : unseen)
            db.run(
                "update blob_upload set seen_at = :now where tenant = :tenant "
                "and upload = :upload",
                {now, tenant.value, upload}
            );
        return {};
    }));
    for (const auto& [tenant, upload] : dead)
        TRY(drop_upload(committer, tenant, upload));
    return {};
}

std::optional<StoredBlob> find_blob(Connection& db, const TenantId& tenant, const Digest& digest) {
    std::optional<StoredBlob> found;
    db.query(
        "select upload, size from blob where tenant = :tenant and digest = :digest",
        {tenant.value, digest.hex()}, 2,
        [&](const Row& row) {
            found = StoredBlob{row.number(0), row.number(1)};
        }
    );
    return found;
}

std::optional<std::string>
read_chunk(Connection& db, const TenantId& tenant, std::uint64_t upload, std::uint64_t position) {
    return db.text(
        "select data from blob_chunk where tenant = :tenant and upload = :upload "
        "and position = :position",
        {tenant.value, upload, position}
    );
}

} // namespace slipway::store
