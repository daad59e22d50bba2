// SPDX-License-Identifier: Apache-2.0
// Attachments: limits, nothing half-written, the same bytes once.
#include "contract/contract.hpp"
#include "store/blobs.hpp"
#include "store/connection.hpp"
#include "store/place.hpp"

namespace slipway::contract {

class BlobContract : public StoreContract {
  protected:
    std::string read(const Digest& digest, TenantId tenant = acme) {
        std::string bytes;
        must(store().read_blob(tenant, digest, [&](std::string_view chunk) -> Result<void> {
            bytes += chunk;
            return {};
        }));
        return bytes;
    }

    Digest put(std::string_view bytes, TenantId tenant = acme) {
        auto writer = must(store().new_blob(tenant));
        must(writer->write(bytes));
        return must(writer->finish());
    }
};

namespace {

std::string all_bytes(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<char>((i * 31 + i / 251) & 0xFF);
    return bytes;
}

} // namespace

TEST_P(BlobContract, bytes_come_back_whatever_their_number) {
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, limits::blob_chunk - 1, limits::blob_chunk,
          limits::blob_chunk + 1, limits::blob_chunk * 3 + 7}) {
        const auto bytes = all_bytes(size);
        auto writer = must(store().new_blob(acme));
        // In pieces that do not fit the chunks.
        for (std::size_t i = 0; i < size; i += 100'000)
            must(writer->write(std::string_view(bytes).substr(i, 100'000)));
        const auto digest = must(writer->finish());
        EXPECT_EQ(digest, sha256(bytes));
        EXPECT_EQ(must(store().blob_size(acme, digest)), size);
        EXPECT_EQ(read(digest), bytes);
        EXPECT_EQ(code_of(store().blob_size(zeta, digest)), ErrorCode::not_found);
    }
}

TEST_P(BlobContract, too_much_is_refused) {
    auto writer = must(store().new_blob(acme));
    EXPECT_EQ(
        code_of(writer->write(std::string(limits::attachment_max + 1, 'x'))),
        ErrorCode::limit_exceeded
    );
    must(writer->write("small"));
    EXPECT_EQ(must(writer->finish()), sha256("small"));
    EXPECT_FALSE(writer->write("more"));
    EXPECT_FALSE(writer->finish());
}

TEST_P(BlobContract, an_abandoned_upload_leaves_nothing) {
    begin_ledger();
    sign();
    const auto bytes = all_bytes(limits::blob_chunk * 2);
    {
        auto writer = must(store().new_blob(acme));
        must(writer->write(bytes));
    }
    EXPECT_EQ(code_of(store().blob_size(acme, sha256(bytes))), ErrorCode::not_found);
    close();
    EXPECT_THAT(must(store::doctor(place())), testing::IsEmpty());
}

// What SQLite's file has grown by stays, and the next uploads go there.
TEST_P(BlobContract, abandoned_uploads_make_the_file_grow_once) {
    if (!is_sqlite())
        GTEST_SKIP() << "PostgreSQL gives room back by its own vacuum";
    const auto bytes = all_bytes(limits::blob_chunk * 20);
    const auto number = [&](std::string_view sql) {
        return store::Connection(store::target_of(place(), true)).number(sql).value();
    };
    const auto abandon = [&] {
        auto writer = must(store().new_blob(acme));
        must(writer->write(bytes));
    };
    abandon();
    const auto pages = number("pragma page_count");
    for (int i = 0; i < 3; ++i)
        abandon();
    EXPECT_LE(number("pragma page_count"), pages);
    EXPECT_EQ(number("select count(*) from blob_upload"), 0U);
    EXPECT_EQ(number("select count(*) from blob_chunk"), 0U);
}

TEST_P(BlobContract, the_same_bytes_are_kept_once_for_each_tenant) {
    begin_ledger();
    sign();
    const auto bytes = all_bytes(limits::blob_chunk + 5);
    const auto digest = put(bytes);
    EXPECT_EQ(put(bytes), digest);
    EXPECT_EQ(put(bytes, zeta), digest);
    EXPECT_EQ(read(digest), bytes);
    EXPECT_EQ(read(digest, zeta), bytes);
    close();
    EXPECT_THAT(must(store::doctor(place())), testing::IsEmpty());
}

TEST_P(BlobContract, a_sweep_leaves_uploads_at_work_alone) {
    auto writer = must(store().new_blob(acme));
    must(writer->write(all_bytes(limits::blob_chunk)));
    must(store().sweep(at(0), at(0)));
    must(store().sweep(at(100'000'000), at(0)));
    must(writer->finish());
    EXPECT_EQ(read(sha256(all_bytes(limits::blob_chunk))), all_bytes(limits::blob_chunk));
}

// Another server that gives up an upload drops its chunks in steps.
TEST_P(BlobContract, an_upload_that_is_being_dropped_is_not_finished) {
    const auto bytes = all_bytes(limits::blob_chunk * 2);
    auto writer = must(store().new_blob(acme));
    must(writer->write(bytes));
    damage("update blob_upload set seen_at = 0");
    EXPECT_EQ(code_of(writer->finish()), ErrorCode::conflict);
    EXPECT_EQ(code_of(store().blob_size(acme, sha256(bytes))), ErrorCode::not_found);
}

TEST_P(BlobContract, the_sink_can_stop_the_reading) {
    const auto digest = put(all_bytes(limits::blob_chunk * 2));
    int calls = 0;
    const auto stopped = store().read_blob(acme, digest, [&](std::string_view) -> Result<void> {
        ++calls;
        return fail(ErrorCode::unavailable, "gone");
    });
    EXPECT_EQ(code_of(stopped), ErrorCode::unavailable);
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(must(store().blob_size(acme, digest)), limits::blob_chunk * 2);
}

CONTRACT(BlobContract);

// The first took it in a transaction that failed, and gives it back when it hears of that.
TEST(LiveUploads, a_number_that_one_gives_back_stays_with_the_other_who_has_it) {
    store::LiveUploads live;
    live.add(acme, 7);
    live.add(acme, 7);
    live.remove(acme, 7);
    EXPECT_TRUE(live.contains(acme, 7));
    live.remove(acme, 7);
    EXPECT_FALSE(live.contains(acme, 7));
    live.remove(acme, 7);
}

} // namespace slipway::contract
