// SPDX-License-Identifier: Apache-2.0
#include "contract/contract.hpp"

#include <filesystem>

#include <fmt/format.h>

#include "contract/private_postgres.hpp"

namespace slipway::contract {

namespace {

// Started by the first test that needs it and stopped after the last.
class Server : public testing::Environment {
  public:
    PrivatePostgres& get() {
        if (!server_)
            server_ = must(PrivatePostgres::start());
        return *server_;
    }

    void TearDown() override { server_.reset(); }

  private:
    std::unique_ptr<PrivatePostgres> server_;
};

Server* server = nullptr;

} // namespace

app::StreamKey key_of(const std::string& id, const std::string& kind, TenantId tenant) {
    return {std::move(tenant), kind, id};
}

app::NewEvent event_of(const app::StreamKey& key, std::uint64_t version, std::size_t size) {
    app::NewEvent event;
    event.type = "written";
    event.at = at(static_cast<std::int64_t>(version));
    event.body = fmt::format(
        R"({{"tenant":"{}","kind":"{}","stream":"{}","version":{},"pad":"{}"}})", key.tenant.value,
        key.kind, key.id, version, std::string(size, 'x')
    );
    event.leaf = domain::leaf_hash(event.body);
    return event;
}

app::StreamWrite write_of(const app::StreamKey& key, std::uint64_t expected, std::size_t events) {
    app::StreamWrite write;
    write.key = key;
    write.expected_version = expected;
    for (std::size_t i = 1; i <= events; ++i)
        write.events.push_back(event_of(key, expected + i));
    write.state = fmt::format(R"({{"version":{}}})", expected + events);
    return write;
}

app::Commit commit_of(app::StreamWrite write) {
    app::Commit commit;
    commit.writes.push_back(std::move(write));
    return commit;
}

app::StreamWrite change_write(app::ChangeSummary summary, TenantId tenant) {
    if (summary.id.empty())
        summary.id = fmt::format("CHG-{}", summary.number);
    app::StreamWrite write;
    write.key = {std::move(tenant), "change", summary.id};
    auto event = event_of(write.key, 1);
    // The whole summary stands in the event, so that replay() can find it again.
    event.body = encode(summary) + "\n";
    if (is_valid_text(summary.search_text))
        event.body += summary.search_text;
    event.leaf = domain::leaf_hash(event.body);
    write.events.push_back(std::move(event));
    write.state = R"({"version":1})";
    write.summary = std::move(summary);
    return write;
}

Result<app::StreamWrite>
replay(const app::StreamKey& key, std::span<const app::StoredEvent> events) {
    app::StreamWrite write;
    write.key = key;
    write.state = fmt::format(R"({{"version":{}}})", events.size());
    if (key.kind == "change") {
        const auto& body = events.back().body;
        const auto line = body.find('\n');
        write.summary = TRY(restore<app::ChangeSummary>(body.substr(0, line)));
        write.summary->search_text = body.substr(line + 1);
    }
    return write;
}

void StoreContract::SetUp() {
    std::string pattern = (std::filesystem::temp_directory_path() / "slipway-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    if (!is_sqlite())
        conninfo_ = must(server->get().new_database());
    store_ = open(); // here, since some tests use it first from many threads
}

void StoreContract::TearDown() {
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

store::Place StoreContract::place() const {
    if (is_sqlite())
        return store::SqliteOptions{directory_ + "/data"};
    return store::PostgresOptions{conninfo_};
}

std::unique_ptr<app::Store> StoreContract::open() const {
    const auto where = place();
    if (const auto* sqlite = std::get_if<store::SqliteOptions>(&where))
        return must(store::open_sqlite(*sqlite));
    return must(store::open_postgres(std::get<store::PostgresOptions>(where)));
}

void StoreContract::damage(std::string_view sql) {
    store::Connection connection(store::target_of(place(), false));
    EXPECT_GT(connection.run(sql), 0U) << sql;
}

std::string StoreContract::new_database() {
    return must(server->get().new_database());
}

void StoreContract::expect_sound_ledger() {
    domain::Frontier frontier;
    must(store()
             .scan_ledger(0, [&](std::uint64_t seq, std::string_view body, std::string_view leaf) {
                 EXPECT_EQ(seq, frontier.size());
                 const auto expected = domain::leaf_hash(body);
                 EXPECT_EQ(leaf, expected.view());
                 frontier.append(expected);
                 return seq + 1 == frontier.size();
             }));
    EXPECT_EQ(must(store().ledger_size()), frontier.size());
    EXPECT_EQ(must(store().ledger_root(frontier.size())), frontier.root());
}

} // namespace slipway::contract

int main(int argc, char** argv) {
    testing::InitGoogleMock(&argc, argv);
    auto owned = std::make_unique<slipway::contract::Server>();
    slipway::contract::server = owned.get();
    testing::AddGlobalTestEnvironment(owned.release()); // GoogleTest deletes it
    return RUN_ALL_TESTS();
}
