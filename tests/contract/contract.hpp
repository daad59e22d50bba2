// SPDX-License-Identifier: Apache-2.0
// What the tests of the store port share: a fresh database for each test, and short ways to write.
// Nothing here knows how a store keeps its data; the admin functions are reached through place().
#pragma once

#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/ports/store.hpp"
#include "domain/ledger/merkle.hpp"
#include "domain/ledger/note.hpp"
#include "store/admin.hpp"
#include "store/open.hpp"

namespace slipway::contract {

inline const TenantId acme{"acme"};
inline const TenantId zeta{"zeta"};

inline Time at(std::int64_t ms) {
    return Time(Span(ms));
}

// The value, or the end of the test with the error.
template <class T>
T must(Result<T> result) {
    if (!result) {
        auto said = result.error().message + ": " + result.error().detail;
        for (const auto& reason : result.error().reasons)
            said += "; " + reason.message;
        throw std::runtime_error(said);
    }
    if constexpr (!std::is_void_v<T>)
        return *std::move(result);
}

template <class T>
ErrorCode code_of(const Result<T>& result) {
    EXPECT_FALSE(result.has_value());
    return result ? ErrorCode::internal : result.error().code;
}

app::StreamKey
key_of(const std::string& id, const std::string& kind = "ci", TenantId tenant = acme);
app::NewEvent event_of(const app::StreamKey& key, std::uint64_t version, std::size_t size = 0);
app::NewEvent event_with(
    const app::StreamKey& key, std::uint64_t version, std::string_view type, std::string_view data
);
// `events` events on top of `expected`, and the state that remembers how many there are.
app::StreamWrite
write_of(const app::StreamKey& key, std::uint64_t expected, std::size_t events = 1);
app::Commit commit_of(app::StreamWrite write);
app::StreamWrite change_write(app::ChangeSummary summary, TenantId tenant = acme);
// What rebuild() is given: the state and summary that change_write and write_of had made.
Result<app::StreamWrite>
replay(const app::StreamKey& key, std::span<const app::StoredEvent> events);

class StoreContract : public testing::TestWithParam<std::string> {
  protected:
    // Begins the ledger with an entry that names a key, and signs it as it is: verify() wants both.
    void begin_ledger();
    void sign();

    void SetUp() override;
    void TearDown() override;

    std::unique_ptr<app::Store> open() const;
    store::Place place() const;

    bool is_sqlite() const { return GetParam() == "sqlite"; }

    app::Store& store() {
        if (!store_)
            store_ = open();
        return *store_;
    }

    void close() { store_.reset(); }

    // As someone with access to the database would do it; at least one row must change.
    void damage(std::string_view sql);
    // The connection string of a new PostgreSQL database.
    static std::string new_database();

    // Numbers without gaps, leaves of the bodies, and a root that fits them.
    void expect_sound_ledger();

    std::string directory_; // temporary, for SQLite and for files
    std::string conninfo_;

  private:
    std::unique_ptr<app::Store> store_;
};

} // namespace slipway::contract

#define CONTRACT(Suite)                                                                            \
    INSTANTIATE_TEST_SUITE_P(                                                                      \
        Store, Suite, testing::Values("sqlite", "postgres"),                                       \
        [](const auto& parameter) { return parameter.param; }                                      \
    )
