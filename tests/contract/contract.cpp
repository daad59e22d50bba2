// SPDX-License-Identifier: Apache-2.0
#include "contract/contract.hpp"

#include <filesystem>

#include <fmt/format.h>

#include "contract/private_postgres.hpp"
#include "domain/ledger/checkpoint.hpp"
#include "domain/ledger/envelope.hpp"
#include "domain/ledger/opening.hpp"
#include "store/connection.hpp"
#include "store/place.hpp"

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

const domain::SigningKey& ledger_key() {
    static const auto key = must(domain::make_signing_key("contract.test", domain::KeyBytes{7}));
    return key;
}

} // namespace

app::StreamKey key_of(const std::string& id, const std::string& kind, TenantId tenant) {
    return {std::move(tenant), kind, id};
}

app::NewEvent event_with(
    const app::StreamKey& key, std::uint64_t version, std::string_view type, std::string_view data
) {
    app::NewEvent event;
    event.type = type;
    event.at = at(static_cast<std::int64_t>(version));
    event.body = domain::write_envelope(
        {key.tenant.value, key.kind, key.id, version, type, to_text(event.at), "ada"}
    );
    event.body += fmt::format(",\"data\":{}}}", data);
    event.leaf = domain::leaf_hash(event.body);
    return event;
}

app::NewEvent event_of(const app::StreamKey& key, std::uint64_t version, std::size_t size) {
    return event_with(key, version, "written", "\"" + std::string(size, 'x') + "\"");
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
    // The whole summary stands in the event, so that replay() can find it again.
    JsonObject data{{"summary", to_json(summary)}};
    if (is_valid_text(summary.search_text))
        data["search_text"] = summary.search_text;
    data["records"] = to_json(summary.records);
    write.events.push_back(event_with(write.key, 1, "written", to_text(Json(data))));
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
        const auto body = TRY(parse_json(events.back().body));
        const auto& data = *find(body, "data");
        write.summary = TRY(restore<app::ChangeSummary>(to_text(*find(data, "summary"))));
        write.summary->search_text = text_or_empty(data, "search_text");
        write.summary->records =
            TRY(restore<std::vector<std::string>>(to_text(*find(data, "records"))));
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

void StoreContract::begin_ledger() {
    const auto& verifier = ledger_key().verifier;
    const auto key = key_of("ledger", "ledger");
    app::StreamWrite write;
    write.key = key;
    write.events.push_back(event_with(
        key, 1, domain::opening_type,
        encode(domain::LedgerOpening{
            domain::LedgerMode::production, verifier.name, domain::key_text(verifier)})
    ));
    write.state = R"({"version":1})";
    must(store().commit(commit_of(std::move(write))));
}

void StoreContract::sign() {
    const auto head = must(store().ledger_head());
    must(store().put_checkpoint(
        {head.size, at(1),
         domain::sign_checkpoint(
             {ledger_key().verifier.name, head.size, head.root, {}}, ledger_key()
         )}
    ));
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
