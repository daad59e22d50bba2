// SPDX-License-Identifier: Apache-2.0
// The API as a whole on a loopback port: people with every role, a fixed clock, cheap passwords.
#pragma once

#include <gtest/gtest.h>

#include "app/identity/identity.hpp"
#include "client.hpp"
#include "fake_door.hpp"
#include "fake_store.hpp"
#include "http/listener.hpp"

namespace slipway::test {

inline constexpr std::string_view good_password = "harbour light 42";

// The parts that a test does not name stay as they are by default.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

class ServerTest : public testing::Test {
  protected:
    explicit ServerTest(http::ListenerOptions options = {}) : options_(std::move(options)) {}

    void SetUp() override {
        turnstile().open = false;
        start();
    }

    void TearDown() override { turnstile().release(); }

    void start() {
        options_.workers = std::min<std::size_t>(options_.workers, 8);
        listener = std::move(*http::Listener::start(api, options_));
        store.on_committed([this](std::uint64_t) { listener->wake_streams(); });
        live.on_added([this] { listener->wake_streams(); });
    }

    void add_person(const std::string& id, const std::string& role) {
        app::Commit commit;
        app::StreamWrite write;
        write.key = {TenantId("main"), "person", id};
        write.expected_version = 0;
        write.events.push_back({"person_put", clock.now(), "{}", {}});
        write.state = fmt::format(R"({{"name":"{}","roles":["{}"]}})", id, role);
        commit.writes.push_back(std::move(write));
        app::Credential credential;
        credential.tenant = TenantId("main");
        credential.person = PersonId(id);
        credential.password_hash = *app::Passwords({1, 8192}).hash(good_password);
        commit.put_credentials.push_back(std::move(credential));
        ASSERT_TRUE(store.commit(std::move(commit)).has_value());
    }

    // A session of a new or known person with this role.
    std::string session(const std::string& role) {
        const PersonId person("person-" + role);
        if (!store.load({TenantId("main"), "person", person.value}))
            add_person(person.value, role);
        auto session = identity.login({{}, person, std::string(good_password)}, "127.0.0.9");
        EXPECT_TRUE(session.has_value());
        return session ? session->secret : std::string{};
    }

    std::unique_ptr<Client> client(const std::string& role = {}) {
        // Signing in takes as long as it takes: a connection that waited for it would be idle.
        auto bearer = role.empty() ? std::string{} : session(role);
        auto out = std::make_unique<Client>(listener->port());
        out->bearer = std::move(bearer);
        out->answered = [this](std::string_view method, std::string_view target, int status) {
            EXPECT_TRUE(is_described(method, target, status))
                << method << " " << target << " gave " << status;
        };
        return out;
    }

    // Whether the API's description knows that this operation may succeed with this status.
    bool is_described(std::string_view method, std::string_view target, int status) const {
        http::Request request;
        request.method = http::method_from_name(method);
        request.target = target;
        const auto* route = api.prepare(request).match.route;
        if (status == 0 || status >= 400 || route == nullptr)
            return true;
        const auto& others = route->other_successes;
        return status == route->success ||
               std::find(others.begin(), others.end(), status) != others.end();
    }

    FixedClock clock{*time_from_text("2026-11-22T20:00:00.000Z")};
    SystemRandom random;
    FakeStore store;
    app::Door::Parts parts{.store = store, .clock = clock, .random = random};
    std::unique_ptr<app::Door> door = *app::Door::open(parts);
    app::Identity identity{{
        store,
        clock,
        random,
        TenantId("main"),
        [this](const app::Actor& actor, const PersonId& person, const Json& document)
            -> Result<void> {
            app::RecordRequest request;
            request.kind = "person";
            request.id = person.value;
            request.body = document;
            TRY(door->put_record(actor, request));
            return {};
        },
        {1, 8192},
    }};
    app::LiveTranscripts live;
    domain::OrganisationRecord organisation{"Harbor", "UTC", {}, {}, {"10.0.0.0/8"}};
    app::Probes probes{
        {clock, random,
         [this](const TenantId&) { return Result<domain::OrganisationRecord>(organisation); },
         true}};
    std::vector<std::string> reports;
    std::atomic<int> exports{0};
    http::Api api{http::Services{
        *door,
        identity,
        live,
        "1.2.3",
        {},
        [this]() -> Result<app::StoredCheckpoint> {
            return app::StoredCheckpoint{store.ledger.size(), clock.now(), "note\n"};
        },
        [this](const app::Actor&, const std::string&) -> Result<http::BodyStream> {
            ++exports;
            return http::BodyStream{3, [](const http::ChunkSink& sink) { return sink("zip"); }};
        },
        [this](std::string_view line) { reports.emplace_back(line); },
        &probes,
    }};
    http::ListenerOptions options_;
    std::unique_ptr<http::Listener> listener;
};

#pragma GCC diagnostic pop

} // namespace slipway::test
