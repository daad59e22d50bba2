// SPDX-License-Identifier: Apache-2.0
// What the server does, on the wire: the life of requests, connections and streams.
#include <future>
#include <semaphore>
#include <thread>

#include "server_fixture.hpp"

namespace slipway::test {

namespace {

using Serving = ServerTest;

TEST_F(Serving, open_answers) {
    auto c = client();
    const auto health = c->request("GET", "/api/v1/health");
    EXPECT_EQ(health.status, 200);
    EXPECT_EQ(health.body, "ok");
    EXPECT_EQ(health.headers.at("x-content-type-options"), "nosniff");
    EXPECT_EQ(health.headers.at("cache-control"), "no-store");
    EXPECT_EQ(c->request("GET", "/api/v1/openapi.json").body, api.openapi());
    EXPECT_EQ(
        c->request("GET", "/api/v1/version").body,
        R"({"version":"1.2.3","now":"2026-11-22T20:00:00.000Z","sandbox":false})"
    );
    const auto head = c->request("HEAD", "/api/v1/health");
    EXPECT_EQ(head.headers.at("content-length"), "2");
    EXPECT_EQ(c->request("GET", "/api/v1/health").body, "ok"); // nothing of HEAD's body came
}

TEST_F(Serving, is_not_healthy_when_nothing_is_written_any_more) {
    {
        const std::lock_guard lock(store.mutex);
        store.ended = Error{ErrorCode::unavailable, "/var/lib/slipway/slipway.db: disk I/O error"};
    }
    const auto health = client()->request("GET", "/api/v1/health");
    EXPECT_EQ(health.status, 503);
    EXPECT_NE(health.body.find("only reads"), std::string::npos) << health.body;
    EXPECT_EQ(health.body.find("/var/lib"), std::string::npos) << health.body;
}

TEST_F(Serving, a_change) {
    auto c = client("engineer");
    const auto opened = c->request("POST", "/api/v1/changes", R"({"title":"Größe"})");
    ASSERT_EQ(opened.status, 201) << opened.body;
    const auto path = opened.headers.at("location");
    EXPECT_EQ(opened.headers.at("etag"), "\"v1\"");
    const auto renamed =
        c->request("POST", path + "/rename", R"({"title":"y"})", "If-Match: \"v1\"\r\n");
    EXPECT_EQ(renamed.status, 200);
    EXPECT_EQ(renamed.headers.at("etag"), "\"v2\"");
    EXPECT_EQ(renamed.headers.at("ledger-size"), std::to_string(store.ledger.size()));
    const auto shown = c->request("GET", path);
    EXPECT_EQ(shown.headers.at("etag"), "\"v2\"");
    EXPECT_NE(shown.body.find("\"title\":\"y\""), std::string::npos);
    const auto same = c->request("GET", path, {}, "If-None-Match: W/\"v2\"\r\n");
    EXPECT_EQ(same.status, 304);
    EXPECT_EQ(same.body, "");
    for (const auto* part : {"/gates", "/steps", "/clearance"})
        EXPECT_EQ(c->request("GET", path + part).status, 200) << part;
    EXPECT_EQ(
        c->request("GET", path + "/window_proposals?duration=2h&count=3").body,
        R"({"duration":"2h","count":3})"
    );
    const auto events = *parse_json(c->request("GET", path + "/events?limit=1").body);
    EXPECT_EQ(text_or_empty(events, "next"), "1");
    EXPECT_EQ(text_or_empty(events.at("items").at(0), "type"), "change_open");
    const auto rest = *parse_json(c->request("GET", path + "/events?cursor=1").body);
    EXPECT_EQ(rest.at("items").as_array().size(), 1);
    EXPECT_EQ(find(rest, "next"), nullptr);
    const auto newest = *parse_json(c->request("GET", path + "/events?order=newest&limit=1").body);
    EXPECT_EQ(text_or_empty(newest.at("items").at(0), "type"), "change_rename");
    EXPECT_EQ(text_or_empty(newest, "next"), "2");
    const auto first =
        *parse_json(c->request("GET", path + "/events?order=newest&limit=1&cursor=2").body);
    EXPECT_EQ(text_or_empty(first.at("items").at(0), "type"), "change_open");
    EXPECT_EQ(find(first, "next"), nullptr) << "the first entry has none before it";
    EXPECT_EQ(c->request("GET", path + "/events?order=best").status, 400);
}

TEST_F(Serving, overridden_classifications) {
    auto c = client("viewer");
    const auto page = *parse_json(c->request("GET", "/api/v1/changes?overridden=true").body);
    EXPECT_TRUE(page.at("items").at(0).at("overridden").as_bool());
    const auto all = *parse_json(c->request("GET", "/api/v1/changes").body);
    EXPECT_FALSE(all.at("items").at(0).at("overridden").as_bool()) << "it says so";
    EXPECT_EQ(c->request("GET", "/api/v1/changes?overridden=maybe").status, 400);
}

TEST_F(Serving, paging) {
    auto c = client("viewer");
    std::string cursor;
    int seen = 0;
    do {
        const auto page =
            *parse_json(c->request("GET", "/api/v1/changes?limit=30&q=a%20b" + cursor).body);
        for (const auto& item : page.at("items").as_array()) {
            EXPECT_EQ(text_or_empty(item, "title"), "a b");
            ++seen;
        }
        const auto next = text_or_empty(page, "next");
        cursor = next.empty() ? "" : "&cursor=" + std::string(next);
    } while (!cursor.empty());
    EXPECT_EQ(seen, 100);
}

TEST_F(Serving, the_same_key_is_done_once) {
    auto c = client("engineer");
    const std::string key = "Idempotency-Key: order-7\r\n";
    const auto first = c->request("POST", "/api/v1/changes", R"({"title":"x"})", key);
    const auto before = store.ledger.size();
    const auto second = c->request("POST", "/api/v1/changes", R"({"title":"x"})", key);
    EXPECT_EQ(second.headers.at("idempotency-replayed"), "true");
    EXPECT_EQ(second.status, 201);
    EXPECT_EQ(first.body, second.body);
    EXPECT_EQ(store.ledger.size(), before);
}

TEST_F(Serving, records_and_import) {
    auto c = client("engineer");
    EXPECT_EQ(c->request("PUT", "/api/v1/cis/web", R"({"name":"Web"})").status, 201);
    EXPECT_EQ(c->request("PUT", "/api/v1/cis/web", R"({"name":"Web 2"})").status, 200);
    EXPECT_EQ(c->request("GET", "/api/v1/cis/web").body, R"({"name":"Web 2"})");
    std::string lines;
    for (int i = 0; i < 50; ++i)
        lines += fmt::format("{{\"id\":\"ci-{:02}\",\"name\":\"CI {}\"}}\n", i, i);
    const auto imported =
        c->request("POST", "/api/v1/cis/import", lines, "Content-Type: application/x-ndjson\r\n");
    EXPECT_EQ(imported.body, R"({"imported":50,"created":50})");
    const auto page = *parse_json(c->request("GET", "/api/v1/cis?limit=40").body);
    EXPECT_EQ(text_or_empty(page, "next"), "ci-39");
    EXPECT_EQ(c->request("DELETE", "/api/v1/cis/web").status, 200);
    EXPECT_EQ(c->request("GET", "/api/v1/cis/web").status, 404);
}

TEST_F(Serving, facts_of_rings) {
    const std::string rings = "/api/v1/rings/staging/";
    auto c = client("engineer");
    EXPECT_EQ(c->request("POST", rings + "gather").status, 200);
    EXPECT_EQ(c->request("POST", rings + "gather", R"({"now":true})").status, 400);
    EXPECT_EQ(c->request("POST", rings + "facts", R"({"host":"web-1","document":{}})").status, 200);
    EXPECT_EQ(c->request("POST", rings + "facts", R"({"document":{}})").status, 400);
    EXPECT_EQ(c->request("GET", rings + "facts").body, R"({"items":[],"next":""})");
    auto viewer = client("viewer");
    EXPECT_EQ(viewer->request("GET", rings + "facts").status, 200);
    EXPECT_EQ(viewer->request("POST", rings + "gather").status, 403);
    EXPECT_EQ(viewer->request("POST", rings + "facts", R"({"host":"web-1"})").status, 403);
}

TEST_F(Serving, snapshots_of_every_change) {
    auto c = client("viewer");
    const auto all = *parse_json(c->request("GET", "/api/v1/snapshots").body);
    EXPECT_TRUE(all.at("items").as_array().empty()) << "changes without snapshots are passed over";
    EXPECT_EQ(text_or_empty(all, "next"), "");
    EXPECT_EQ(c->request("GET", "/api/v1/snapshots?state=removed&limit=1").status, 200);
    EXPECT_EQ(c->request("GET", "/api/v1/snapshots?state=lost").status, 400);
}

TEST_F(Serving, tasks_that_were_given_up) {
    for (const auto* id : {"1", "2", "3"})
        store.tasks.push_back(
            {TaskId(id), "notice", TenantId("main"), "CHG-1", "{}", 8, "", "no route", Time{},
             *id != '2'}
        );
    auto c = client("administrator");
    const auto dead = *parse_json(c->request("GET", "/api/v1/tasks?dead=true&limit=1").body);
    EXPECT_EQ(
        to_text(dead.at("items")),
        R"([{"id":"1","kind":"notice","change":"CHG-1","attempts":8,"dead":true,)"
        R"("last_error":"no route"}])"
    );
    EXPECT_EQ(text_or_empty(dead, "next"), "1");
    const auto rest = *parse_json(c->request("GET", "/api/v1/tasks?cursor=1").body);
    EXPECT_EQ(rest.at("items").as_array().size(), 2U);
    EXPECT_EQ(c->request("GET", "/api/v1/tasks?dead=maybe").status, 400);
    EXPECT_EQ(c->request("POST", "/api/v1/tasks/1/retry").status, 200);
    EXPECT_EQ(c->request("POST", "/api/v1/tasks/1/retry").status, 409);
    EXPECT_EQ(c->request("POST", "/api/v1/tasks/9/retry").status, 404);
    EXPECT_EQ(c->request("POST", "/api/v1/tasks/3/retry", R"({"when":"now"})").status, 400);
    auto manager = client("change_manager");
    EXPECT_EQ(manager->request("GET", "/api/v1/tasks").status, 200);
    EXPECT_EQ(manager->request("POST", "/api/v1/tasks/3/retry").status, 403);
    EXPECT_EQ(client("viewer")->request("GET", "/api/v1/tasks").status, 403);
}

TEST_F(Serving, attachments) {
    auto c = client("engineer");
    std::string bytes(3 * 1024 * 1024 + 17, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<char>(i * 31);
    const auto up = c->request(
        "POST", "/api/v1/attachments?name=plan%20B.bin", bytes,
        "Content-Type: application/octet-stream\r\n"
    );
    ASSERT_EQ(up.status, 201) << up.body;
    EXPECT_EQ(text_or_empty(*parse_json(up.body), "digest"), sha256(bytes).hex());
    const auto down = c->request("GET", up.headers.at("location") + "?name=..%22x%0d%0ay");
    EXPECT_EQ(down.status, 200);
    EXPECT_TRUE(down.body == bytes);
    EXPECT_EQ(down.headers.at("content-disposition"), "attachment; filename=\".._x__y\"");
    EXPECT_EQ(down.headers.at("content-type"), "application/octet-stream");
    auto chunked = client("engineer");
    chunked->send(fmt::format(
        "POST /api/v1/attachments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        chunked->bearer
    ));
    EXPECT_EQ(text_or_empty(*parse_json(chunked->receive().body), "digest"), sha256("abcde").hex());
    EXPECT_EQ(chunked->request("GET", "/api/v1/health").body, "ok");
    EXPECT_EQ(c->request("GET", "/api/v1/attachments/" + sha256("x").hex()).status, 404);
    EXPECT_EQ(store.unfinished_blobs, 0);
}

TEST_F(Serving, an_upload_that_breaks_off_leaves_nothing) {
    const auto bearer = session("engineer");
    {
        auto c = client();
        c->send(fmt::format(
            "POST /api/v1/attachments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n"
            "Content-Length: 100000\r\n\r\nabc",
            bearer
        ));
    }
    listener->stop();
    EXPECT_EQ(store.unfinished_blobs, 0);
    EXPECT_TRUE(store.blobs.empty());
}

TEST_F(Serving, the_ledger) {
    auto c = client("auditor");
    auto engineer = client("engineer");
    for (int i = 0; i < 5; ++i)
        engineer->request("POST", "/api/v1/changes", R"({"title":"x"})");
    const auto size = store.ledger.size();
    const auto page = *parse_json(c->request("GET", "/api/v1/ledger/entries?from=3").body);
    EXPECT_EQ(page.at("items").at(0).at("seq").to_number<int>(), 3);
    EXPECT_EQ(text_or_empty(page.at("items").at(0), "entry"), store.ledger[3].body);
    const auto proof = *parse_json(
        c->request("GET", fmt::format("/api/v1/ledger/proof/inclusion?seq=3&size={}", size)).body
    );
    std::vector<Digest> hashes;
    for (const auto& hash : proof.at("proof").as_array())
        hashes.push_back(*digest_from_hex(view(hash.as_string())));
    EXPECT_TRUE(domain::verify_inclusion(
        3, size, store.ledger[3].leaf, hashes, *digest_from_hex(text_or_empty(proof, "root"))
    ));
    EXPECT_EQ(c->request("GET", "/api/v1/ledger/proof/consistency?from=2&to=5").status, 200);
    const auto beyond = c->request("GET", "/api/v1/ledger/proof/consistency?from=2&to=500");
    EXPECT_EQ(beyond.status, 400);
    EXPECT_NE(beyond.body.find("500 is beyond the ledger, whose size is"), std::string::npos);
    const auto turned = c->request("GET", "/api/v1/ledger/proof/consistency?from=5&to=2");
    EXPECT_EQ(turned.status, 400);
    EXPECT_NE(turned.body.find(R"(5 is larger than \"to\", which is 2)"), std::string::npos)
        << turned.body;
    EXPECT_EQ(c->request("GET", "/api/v1/ledger/proof/inclusion?seq=1").status, 400);
    EXPECT_EQ(c->request("GET", "/api/v1/ledger/checkpoint").status, 200);
    const auto zip = c->request("GET", "/api/v1/changes/CHG-1/export");
    EXPECT_EQ(zip.body, "zip");
    EXPECT_EQ(zip.headers.at("content-type"), "application/zip");
}

TEST_F(Serving, pipelined_requests_in_order) {
    auto c = client();
    std::string many;
    for (int i = 0; i < 50; ++i)
        many += i % 2 ? "GET /api/v1/version HTTP/1.1\r\nHost: x\r\n\r\n"
                      : "GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n";
    c->send(many);
    for (int i = 0; i < 50; ++i)
        EXPECT_EQ(c->receive().body == "ok", i % 2 == 0);
    c->send("GET /api/v1/health HTTP/1.0\r\n\r\n");
    EXPECT_EQ(c->receive().headers.at("connection"), "close");
    EXPECT_TRUE(c->closed_by_server());
}

TEST_F(Serving, two_hundred_connections_at_once) {
    const auto bearer = session("engineer");
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 200; ++i) {
        clients.push_back(client());
        clients.back()->bearer = bearer;
    }
    std::atomic<int> opened{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t)
        threads.emplace_back([&, t] {
            for (int round = 0; round < 3; ++round)
                for (std::size_t i = static_cast<std::size_t>(t); i < clients.size(); i += 8)
                    if (clients[i]->request("POST", "/api/v1/changes", R"({"title":"x"})").status ==
                        201)
                        ++opened;
        });
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(opened, 600);
    EXPECT_LE(store.bearer_reads, 10); // the cache, not the store, knows the caller
}

TEST_F(Serving, events_are_followed_and_resumed) {
    auto writer = client("engineer");
    const auto reader_role = session("viewer");
    writer->request("POST", "/api/v1/changes", R"({"title":"before"})");
    auto c = client();
    c->send(fmt::format(
        "GET /api/v1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
        reader_role
    ));
    EXPECT_NE(c->receive_until(": connected\n\n").find("text/event-stream"), std::string::npos);
    const auto first = store.ledger.size();
    writer->request("POST", "/api/v1/changes", R"({"title":"one"})");
    const auto one = c->receive_until("\n\n");
    EXPECT_TRUE(one.starts_with(fmt::format("id: {}\nevent: change_open\ndata: {{", first))) << one;
    writer->request("POST", "/api/v1/changes", R"({"title":"two"})");
    EXPECT_TRUE(c->receive_until("\n\n").starts_with(fmt::format("id: {}\n", first + 1)));
    auto resumed = client();
    resumed->send(fmt::format(
        "GET /api/v1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n"
        "Last-Event-ID: {}\r\n\r\n",
        reader_role, first
    ));
    resumed->receive_until(": connected\n\n");
    EXPECT_TRUE(resumed->receive_until("\n\n").starts_with(fmt::format("id: {}\n", first + 1)));
}

TEST_F(Serving, entries_come_in_parts_of_a_bounded_size) {
    auto auditor = client("auditor");
    const auto first = store.ledger.size();
    constexpr std::size_t entries = 12;
    for (std::size_t i = 0; i < entries; ++i) {
        app::StreamWrite write;
        write.key = {TenantId("main"), "change", fmt::format("CHG-{}", 100 + i)};
        const auto body = fmt::format(R"({{"data":"{}"}})", std::string(200 * 1024, 'x'));
        write.events.push_back({"noted", clock.now(), body, {}});
        write.state = "{}";
        app::Commit commit;
        commit.writes.push_back(std::move(write));
        ASSERT_TRUE(store.commit(std::move(commit)).has_value());
    }
    std::size_t seen = 0;
    for (std::string from = std::to_string(first); !from.empty();) {
        const auto reply = auditor->request("GET", "/api/v1/ledger/entries?limit=100&from=" + from);
        EXPECT_LT(reply.body.size(), limits::event_stream_bytes * 5 / 4);
        const auto page = *parse_json(reply.body);
        seen += page.at("items").as_array().size();
        from = text_or_empty(page, "next");
    }
    EXPECT_EQ(seen, entries);
    auto c = client();
    c->send(fmt::format(
        "GET /api/v1/events/stream?after={} HTTP/1.1\r\nHost: x\r\n"
        "Authorization: Bearer {}\r\n\r\n",
        first - 1, session("viewer")
    ));
    c->receive_until(": connected\n\n");
    for (std::size_t i = 0; i < entries;)
        i += c->receive_until("\n\n").find("event: noted") != std::string::npos ? 1 : 0;
}

TEST_F(Serving, events_show_what_the_reader_may_see) {
    const auto reader = session("viewer");
    const auto admin = session("administrator");
    auto c = client();
    c->send(fmt::format(
        "GET /api/v1/events/stream?after=0 HTTP/1.1\r\nHost: x\r\n"
        "Authorization: Bearer {}\r\n\r\n",
        reader
    ));
    c->receive_until(": connected\n\n");
    auto a = client();
    a->bearer = admin;
    const auto made = a->request(
        "POST", "/api/v1/tokens", R"({"label":"ci","scopes":["change_read"],"expires_in":"1d"})"
    );
    ASSERT_EQ(made.status, 201) << made.body;
    auto writer = client("engineer");
    writer->request("POST", "/api/v1/changes", R"({"title":"x"})");
    const auto seen = c->receive_until("event: change_open");
    EXPECT_EQ(seen.find("token_created"), std::string::npos) << seen;
}

// The server closes, and does not merely say nothing for as long as the client listens.
bool ends_soon(Client& c) {
    const auto begun = std::chrono::steady_clock::now();
    return c.receive_until("\n\nnever").empty() &&
           std::chrono::steady_clock::now() - begun < std::chrono::seconds(8);
}

TEST_F(Serving, what_an_upload_or_a_stream_threw_ended_the_server) {
    const auto upload = [&] {
        return client("engineer")
            ->request(
                "POST", "/api/v1/attachments", std::string(100, 'x'),
                "Content-Type: application/octet-stream\r\n"
            );
    };
    auto stream = client();
    stream->send(fmt::format(
        "GET /api/v1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
        session("engineer")
    ));
    ASSERT_FALSE(stream->receive_until(": connected\n\n").empty());
    store.out_of_memory = true;
    EXPECT_EQ(upload().status, 500) << "what came of it is unknown: it is not to be sent again";
    client("engineer")->request("POST", "/api/v1/changes", R"({"title":"x"})");
    EXPECT_TRUE(ends_soon(*stream)) << "whoever reads it asks for the rest";
    store.out_of_memory = false;
    EXPECT_EQ(upload().status, 201);
    EXPECT_EQ(store.unfinished_blobs, 0);
}

TEST_F(Serving, events_end_with_what_let_their_reader_in) {
    auto admin = client("administrator");
    auto viewer = client("viewer");
    const auto follow = [&](const std::string& bearer) {
        auto c = client();
        c->send(fmt::format(
            "GET /api/v1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
            bearer
        ));
        EXPECT_FALSE(c->receive_until(": connected\n\n").empty());
        return c;
    };
    const auto made = viewer->request(
        "POST", "/api/v1/tokens", R"({"label":"ci","scopes":["change_read"],"expires_in":"1d"})"
    );
    const auto token = *parse_json(made.body);
    auto revoked = follow(std::string(text_or_empty(token, "secret")));
    viewer->request("DELETE", fmt::format("/api/v1/tokens/{}", text_or_empty(token, "id")));
    EXPECT_TRUE(ends_soon(*revoked));
    auto without_role = follow(viewer->bearer);
    admin->request("PUT", "/api/v1/people/person-viewer", R"({"name":"V"})");
    EXPECT_TRUE(ends_soon(*without_role));
    admin->request("PUT", "/api/v1/people/person-viewer", R"({"name":"V","roles":["viewer"]})");
    auto reset = follow(viewer->bearer);
    admin->request(
        "POST", "/api/v1/people/person-viewer/password", R"({"password":"fresh harbour 9"})"
    );
    EXPECT_TRUE(ends_soon(*reset));
}

TEST_F(Serving, a_record_is_written_only_where_it_is_new_or_only_where_it_is_there) {
    auto c = client("engineer");
    const std::string_view web = R"({"name":"Web"})";
    EXPECT_EQ(c->request("PUT", "/api/v1/cis/web", web, "If-Match: *\r\n").status, 412);
    EXPECT_EQ(c->request("PUT", "/api/v1/cis/web", web, "If-None-Match: *\r\n").status, 201);
    EXPECT_EQ(c->request("PUT", "/api/v1/cis/web", web, "If-None-Match: *\r\n").status, 412);
    EXPECT_EQ(c->request("PUT", "/api/v1/cis/web", web, "If-Match: *\r\n").status, 200);
    EXPECT_EQ(c->request("PUT", "/api/v1/cis/web", web, "If-None-Match: \"v1\"\r\n").status, 400);
    EXPECT_EQ(
        c->request("POST", "/api/v1/changes", R"({"title":"x"})", "If-None-Match: *\r\n").status,
        400
    );
}

TEST_F(Serving, an_import_larger_than_one_commit_says_how_much_was_written) {
    auto c = client("engineer");
    std::string lines;
    for (std::size_t i = 0; i < limits::import_commit_max; ++i)
        lines += fmt::format("{{\"id\":\"ci-{}\",\"name\":\"C\"}}\n", i);
    const std::string type = "Content-Type: application/x-ndjson\r\n";
    const auto broken = c->request(
        "POST", "/api/v1/cis/import", lines + "{\"id\":\"breaks\",\"name\":\"C\"}\n", type
    );
    EXPECT_EQ(broken.status, 503);
    EXPECT_NE(broken.body.find("1000 of 1001 records were written"), std::string::npos)
        << broken.body;
}

TEST_F(Serving, a_stop_breaks_an_import_off) {
    auto c = client("engineer");
    auto idle = client();
    idle->request("GET", "/api/v1/health");
    std::string lines = "{\"id\":\"waits\",\"name\":\"C\"}\n";
    for (std::size_t i = 0; i < 2 * limits::import_commit_max; ++i)
        lines += fmt::format("{{\"id\":\"ci-{}\",\"name\":\"C\"}}\n", i);
    auto answer = std::async(std::launch::async, [&] {
        return c->request(
            "POST", "/api/v1/cis/import", lines, "Content-Type: application/x-ndjson\r\n"
        );
    });
    turnstile().wait_for(1);
    auto stopped = std::async(std::launch::async, [&] { listener->stop(); });
    EXPECT_TRUE(idle->closed_by_server());
    turnstile().release();
    const auto reply = answer.get();
    EXPECT_EQ(reply.status, 503);
    EXPECT_NE(reply.body.find("1000 of 2001 records were written"), std::string::npos)
        << reply.body;
    stopped.get();
}

TEST_F(Serving, asking_about_an_export_does_not_make_it) {
    auto c = client("engineer");
    const auto path =
        c->request("POST", "/api/v1/changes", R"({"title":"x"})").headers.at("location");
    const auto head = c->request("HEAD", path + "/export");
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.headers.count("content-length"), 0);
    EXPECT_EQ(exports, 0);
    EXPECT_EQ(c->request("HEAD", "/api/v1/changes/CHG-99999/export").status, 404);
    EXPECT_EQ(c->request("GET", path + "/export").body, "zip");
    EXPECT_EQ(exports, 1);
}

TEST_F(Serving, stop_lets_requests_in_flight_end) {
    auto c = client("engineer");
    auto idle = client();
    idle->request("GET", "/api/v1/health");
    auto answer = std::async(std::launch::async, [&] {
        return c->request("POST", "/api/v1/changes/CHG-1/wait", "{}");
    });
    turnstile().wait_for(1);
    auto stopped = std::async(std::launch::async, [&] { listener->stop(); });
    EXPECT_TRUE(idle->closed_by_server());
    turnstile().release();
    const auto reply = answer.get();
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers.at("connection"), "close");
    stopped.get();
    EXPECT_EQ(Client(listener->port()).request("GET", "/api/v1/health").status, 0);
}

// Apart from the others: where these limits are short, a slow machine ends what a test holds.
class Impatient : public ServerTest {
  protected:
    static http::ListenerOptions impatient() {
        http::ListenerOptions options;
        options.request_timeout = std::chrono::milliseconds(500);
        options.idle_timeout = std::chrono::milliseconds(300);
        return options;
    }

    Impatient() : ServerTest(impatient()) {}
};

TEST_F(Impatient, a_request_that_does_not_arrive_is_closed) {
    auto head = client();
    head->send("GET /api/v1/health HTTP/1.1\r\nHost: x\r\n");
    EXPECT_TRUE(head->closed_by_server());
    auto body = client("engineer");
    body->send(fmt::format(
        "POST /api/v1/changes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n"
        "Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{{",
        body->bearer
    ));
    EXPECT_TRUE(body->closed_by_server());
    auto idle = client();
    EXPECT_EQ(idle->request("GET", "/api/v1/health").status, 200);
    EXPECT_TRUE(idle->closed_by_server());
}

class Narrow : public ServerTest {
  protected:
    static http::ListenerOptions narrow() {
        http::ListenerOptions options;
        options.workers = 1;
        options.quick_workers = 1;
        options.queue = 1;
        options.connections = 4;
        options.downloads = 1;
        options.event_streams = 1;
        options.event_heartbeat = std::chrono::milliseconds(50);
        return options;
    }

    Narrow() : ServerTest(narrow()) {}
};

TEST_F(Narrow, a_full_queue_and_too_many_connections_are_refused) {
    const auto bearer = session("engineer");
    // A change for each, so that none of them finds that another has written meanwhile.
    const auto wait = [&](int change) {
        return fmt::format(
            "POST /api/v1/changes/CHG-{}/wait HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n"
            "Content-Length: 0\r\n\r\n",
            change, bearer
        );
    };
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 4; ++i)
        clients.push_back(client());
    clients[0]->send(wait(1));
    turnstile().wait_for(1);
    // One of three takes the only place in the queue, and which one is not said.
    std::counting_semaphore<4> answered(0);
    std::vector<std::future<Reply>> replies;
    for (int i = 1; i < 4; ++i) {
        clients[i]->send(wait(i + 1));
        replies.push_back(std::async(std::launch::async, [&answered, &client = *clients[i]] {
            auto reply = client.receive();
            answered.release();
            return reply;
        }));
    }
    answered.acquire();
    answered.acquire();
    const auto beyond = client()->receive();
    EXPECT_TRUE(beyond.status == 503 || beyond.status == 0);
    turnstile().release();
    EXPECT_EQ(clients[0]->receive().status, 200);
    int done = 0;
    for (auto& reply : replies) {
        auto got = reply.get();
        if (got.status == 200) {
            ++done;
            continue;
        }
        EXPECT_EQ(got.status, 503);
        EXPECT_EQ(got.headers["retry-after"], "1");
    }
    EXPECT_EQ(done, 1);
}

class Crowded : public ServerTest {
  protected:
    static http::ListenerOptions crowded() {
        http::ListenerOptions options;
        options.connections_per_network = 2;
        options.spare_loopback = false;
        return options;
    }

    Crowded() : ServerTest(crowded()) {}
};

TEST_F(Crowded, one_network_cannot_take_all_connections) {
    auto first = client();
    EXPECT_EQ(first->request("GET", "/api/v1/health").status, 200);
    {
        auto second = client();
        EXPECT_EQ(second->request("GET", "/api/v1/health").status, 200);
        EXPECT_EQ(client()->receive().status, 503);
    }
    // The place of the second comes back as soon as the server has seen it go.
    int status = 0;
    for (int i = 0; i < 1000 && status != 200; ++i)
        status = client()->request("GET", "/api/v1/health").status;
    EXPECT_EQ(status, 200);
}

TEST_F(Narrow, heartbeats_and_the_limit_of_streams) {
    const auto bearer = session("viewer");
    const std::string follow = fmt::format(
        "GET /api/v1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", bearer
    );
    auto c = client();
    c->send(follow);
    EXPECT_FALSE(c->receive_until(": heartbeat\n\n").empty());
    auto second = client();
    second->send(follow);
    EXPECT_EQ(second->receive().status, 503);
}

TEST_F(Narrow, no_more_downloads_are_made_than_can_be_sent) {
    const std::string bytes(40 * 1024 * 1024, 'x');
    const auto digest = sha256(bytes);
    store.blobs[digest] = bytes;
    auto slow = client("viewer");
    slow->send(fmt::format(
        "GET /api/v1/attachments/{} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
        digest.hex(), slow->bearer
    ));
    EXPECT_FALSE(slow->receive_until("\r\n\r\n").empty());
    auto c = client("viewer");
    EXPECT_EQ(c->request("GET", "/api/v1/changes/CHG-1/export").status, 503);
    EXPECT_EQ(exports, 0);
}

} // namespace

} // namespace slipway::test
