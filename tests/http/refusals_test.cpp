// SPDX-License-Identifier: Apache-2.0
// What the server refuses, on the wire.
#include "http/problem.hpp"
#include "server_fixture.hpp"

namespace slipway::test {

namespace {

using Refusals = ServerTest;

std::string code_of(const Reply& reply) {
    EXPECT_EQ(reply.headers.at("content-type"), "application/problem+json");
    const auto json = parse_json(reply.body);
    return json ? std::string(text_or_empty(*json, "code")) : "not JSON: " + reply.body;
}

TEST_F(Refusals, without_or_with_a_wrong_secret) {
    auto c = client();
    const auto none = c->request("GET", "/api/v1/changes");
    EXPECT_EQ(none.status, 401);
    EXPECT_EQ(code_of(none), "unauthenticated");
    EXPECT_EQ(none.headers.count("www-authenticate"), 1);
    for (const auto* wrong : {"x", "slps_", "slpt_0123"}) {
        c->bearer = wrong;
        EXPECT_EQ(c->request("GET", "/api/v1/changes").status, 401);
    }
    c->bearer = "slps_" + std::string(64, '0');
    EXPECT_EQ(c->request("GET", "/api/v1/changes").status, 401);
    c->bearer.clear();
    EXPECT_EQ(
        c->request("GET", "/api/v1/changes", {}, "Authorization: Basic eDp5\r\n").status, 401
    );
}

TEST_F(Refusals, permission_is_missing) {
    auto c = client("viewer");
    const auto reply = c->request("POST", "/api/v1/changes", R"({"title":"x"})");
    EXPECT_EQ(reply.status, 403);
    EXPECT_EQ(code_of(reply), "forbidden");
    EXPECT_NE(reply.body.find("change_write"), std::string::npos);
    EXPECT_EQ(c->request("GET", "/api/v1/ledger/entries").status, 403);
    EXPECT_EQ(c->request("PUT", "/api/v1/cis/web", R"({"name":"x"})").status, 403);
}

TEST_F(Refusals, addresses_and_methods) {
    auto c = client("engineer");
    EXPECT_EQ(c->request("GET", "/api/v1/nothing").status, 404);
    EXPECT_EQ(c->request("GET", "/").status, 404);
    EXPECT_EQ(c->request("GET", "/api/v1/changes/CHG-99999").status, 404);
    EXPECT_EQ(c->request("POST", "/api/v1/changes/CHG-1/tick", "{}").status, 404);
    const auto reply = c->request("DELETE", "/api/v1/changes");
    EXPECT_EQ(reply.status, 405);
    EXPECT_EQ(reply.headers.at("allow"), "GET, HEAD, POST, OPTIONS");
    EXPECT_EQ(c->request("BREW", "/api/v1/changes").status, 405);
    EXPECT_EQ(c->request("OPTIONS", "/api/v1/changes").status, 204);
}

TEST_F(Refusals, path_tricks) {
    auto c = client("engineer");
    for (const auto* path :
         {"/api/v1/changes/..%2fx", "/api/v1/changes/%2e%2e", "/api/v1/../x", "/api/v1//changes",
          "/api/v1/changes/%00", "/api/v1/changes/a%0ab", "/api/v1/changes/%ff",
          "/api/v1/changes/%zz", "/api/v1/changes/%2", "/api/v1/changes/a%5cb",
          "/api/v1/changes/a%20b", "http://localhost/api/v1/changes", "*"}) {
        const auto reply = c->request("GET", path);
        EXPECT_EQ(reply.status, 400) << path;
        EXPECT_EQ(code_of(reply), "invalid_input") << path;
    }
    EXPECT_EQ(c->request("GET", "/api/v1/" + std::string(5000, 'a')).status, 414);
}

TEST_F(Refusals, query_parameters) {
    auto c = client("engineer");
    const auto reply = c->request("GET", "/api/v1/changes?stat=x");
    EXPECT_EQ(reply.status, 400);
    EXPECT_NE(reply.body.find("window_from"), std::string::npos) << reply.body;
    for (const auto* query :
         {"limit=0", "limit=201", "limit=-1", "limit=x", "cursor=x", "window_from=now", "q=%ff",
          "q=a&q=b", "q=%0", "state=plannig", "state=planning,planing", "type=urgent"})
        EXPECT_EQ(c->request("GET", fmt::format("/api/v1/changes?{}", query)).status, 400) << query;
    std::string many = "/api/v1/changes?";
    for (int i = 0; i < 40; ++i)
        many += fmt::format("a{}=1&", i);
    EXPECT_EQ(c->request("GET", many).status, 400);
    std::string items = "/api/v1/changes?ci=0";
    for (int i = 1; i <= 200; ++i)
        items += fmt::format(",{}", i);
    EXPECT_EQ(c->request("GET", items).status, 400);
}

// The packed bytes were stored, and their digest given as that of the evidence.
TEST_F(Refusals, packed_bodies) {
    for (const auto* path : {"/api/v1/changes", "/api/v1/attachments", "/api/v1/cis/import"}) {
        const auto reply =
            client("engineer")
                ->request(
                    "POST", path, path == std::string_view("/api/v1/cis/import") ? "[]" : "{}",
                    "Content-Encoding: gzip\r\n"
                );
        EXPECT_EQ(reply.status, 415) << path << reply.body;
        EXPECT_NE(reply.body.find("bodies are sent as they are"), std::string::npos) << reply.body;
    }
    const auto plain =
        client("engineer")
            ->request(
                "POST", "/api/v1/changes", R"({"title":"x"})", "Content-Encoding: identity\r\n"
            );
    EXPECT_EQ(plain.status, 201) << plain.body;
}

TEST_F(Refusals, a_body_that_is_no_json_is_named_with_its_member) {
    auto c = client("engineer");
    const auto bytes = c->request("POST", "/api/v1/changes", "{\"title\":\"caf\xe9\"}");
    EXPECT_EQ(bytes.status, 400);
    EXPECT_NE(
        bytes.body.find(R"("fields":[{"field":"title","message":"is not valid UTF-8 at byte 13"}])"
        ),
        std::string::npos
    ) << bytes.body;
    const auto twice = c->request("POST", "/api/v1/changes", R"({"title":"a","title":"b"})");
    EXPECT_EQ(twice.status, 400);
    EXPECT_NE(twice.body.find(R"("field":"title","message":"stands twice)"), std::string::npos)
        << twice.body;
}

TEST_F(Refusals, the_events_of_no_change) {
    EXPECT_EQ(
        client("viewer")->request("GET", "/api/v1/events/stream?change=CHG-99999").status, 404
    );
}

TEST_F(Refusals, a_state_that_is_named_again_and_again_was_looked_for_as_often) {
    auto c = client("viewer");
    std::string many = "/api/v1/changes?limit=1&state=closed";
    for (int i = 0; i < 400; ++i)
        many += ",planning";
    const auto reply = c->request("GET", many);
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_NE(reply.body.find(R"("state":"closed,planning")"), std::string::npos) << reply.body;
}

TEST_F(Refusals, numbers_that_no_ledger_reaches) {
    auto c = client("auditor");
    for (const auto* path :
         {"/api/v1/events/stream?after=18446744073709551615",
          "/api/v1/events/stream?after=9223372036854775807",
          "/api/v1/ledger/entries?from=18446744073709551615",
          "/api/v1/ledger/entries?from=99999999999999999999999",
          "/api/v1/changes?cursor=18446744073709551615"}) {
        const auto reply = c->request("GET", path);
        EXPECT_EQ(reply.status, 400) << path;
        EXPECT_NE(reply.body.find("9223372036854775806"), std::string::npos) << reply.body;
    }
    const auto resumed =
        c->request("GET", "/api/v1/events/stream", {}, "Last-Event-ID: 18446744073709551615\r\n");
    EXPECT_EQ(resumed.status, 400);
    EXPECT_NE(resumed.body.find("9223372036854775806"), std::string::npos) << resumed.body;
    EXPECT_EQ(c->request("GET", "/api/v1/ledger/entries?from=9223372036854775806").status, 200);
}

TEST_F(Refusals, malformed_json) {
    auto c = client("engineer");
    std::string deep(100, '[');
    for (const std::string& body :
         {std::string("{"), std::string("[]"), std::string("{\"title\":\"x\"} x"),
          std::string("{\"title\":\"\xff\"}"), std::string("{\"title\":1}"),
          std::string("{\"title\":\"a\",\"title\":\"b\"}"), std::string("nul"),
          std::string("{\"title\":\"x\",\"unknown\":1}"), std::string("{}"),
          "{\"title\":\"" + std::string(300, 'x') + "\"}"}) {
        const auto reply = c->request("POST", "/api/v1/changes", body);
        EXPECT_EQ(reply.status, 400) << body << reply.body;
        EXPECT_EQ(code_of(reply), "invalid_input");
    }
    EXPECT_EQ(c->request("POST", "/api/v1/changes", "{\"a\":" + deep).status, 413);
    EXPECT_TRUE(store.ledger.size() == 1); // nothing but the person
}

TEST_F(Refusals, media_types) {
    auto c = client("engineer");
    const std::string_view body = R"({"title":"x"})";
    for (const auto* type :
         {"text/plain", "application/xml", "application/json; charset=utf-16", "", "json"})
        EXPECT_EQ(
            c->request("POST", "/api/v1/changes", body, fmt::format("Content-Type: {}\r\n", type))
                .status,
            415
        ) << type;
    EXPECT_EQ(c->request("GET", "/api/v1/changes", {}, "Accept: text/html\r\n").status, 406);
    EXPECT_EQ(
        c->request("GET", "/api/v1/changes", {}, "Accept: application/json;q=0\r\n").status, 406
    );
    EXPECT_EQ(c->request("GET", "/api/v1/changes", {}, "Accept: text/html, */*\r\n").status, 200);
}

TEST_F(Refusals, bodies_that_are_too_large) {
    auto c = client("engineer");
    c->send(fmt::format(
        "POST /api/v1/changes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1048577\r\n\r\n{{",
        c->bearer
    ));
    EXPECT_EQ(c->receive().status, 413);
    auto chunked = client("engineer");
    chunked->send(fmt::format(
        "POST /api/v1/changes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        chunked->bearer
    ));
    const std::string piece = "40000\r\n" + std::string(0x40000, ' ') + "\r\n";
    for (int i = 0; i < 5; ++i)
        chunked->send(piece);
    const auto refused = chunked->receive();
    EXPECT_EQ(refused.status, 413);
    EXPECT_NE(refused.body.find("at most 1048576 bytes"), std::string::npos) << refused.body;
    auto none = client("engineer");
    EXPECT_EQ(none->request("GET", "/api/v1/changes", "{}").status, 413);
}

TEST_F(Refusals, little_is_read_of_strangers) {
    const std::string login = "POST /api/v1/login HTTP/1.1\r\nHost: x\r\n"
                              "Content-Type: application/json\r\n";
    auto known = client();
    known->send(login + "Content-Length: 8193\r\n\r\n" + std::string(8193, ' '));
    const auto refused = known->receive();
    EXPECT_EQ(refused.status, 413);
    EXPECT_NE(refused.body.find("at most 8192 bytes"), std::string::npos) << refused.body;
    auto chunked = client();
    chunked->send(
        login + "Transfer-Encoding: chunked\r\n\r\n2100\r\n" + std::string(0x2100, ' ') + "\r\n"
    );
    EXPECT_EQ(chunked->receive().status, 413);
    // Nothing of these bodies is ever sent, so an answer proves that none was waited for.
    const std::string open = "POST /api/v1/changes HTTP/1.1\r\nHost: x\r\n"
                             "Content-Type: application/json\r\n";
    for (const auto* length : {"Content-Length: 65537", "Transfer-Encoding: chunked"}) {
        auto c = client();
        c->send(open + length + "\r\n\r\n");
        EXPECT_EQ(c->receive().status, 401) << length;
    }
}

TEST_F(Refusals, large_bodies_of_strangers_are_not_read) {
    auto c = client();
    c->send("POST /api/v1/cis/import HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            "Content-Length: 60000000\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(c->receive().status, 401);
    auto upload = client();
    upload->send("POST /api/v1/attachments HTTP/1.1\r\nHost: x\r\nContent-Length: 6000\r\n\r\nab");
    EXPECT_EQ(upload->receive().status, 401);
    auto huge = client("engineer");
    huge->send(fmt::format(
        "POST /api/v1/attachments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n"
        "Content-Length: 67108865\r\n\r\n",
        huge->bearer
    ));
    EXPECT_EQ(huge->receive().status, 413);
    EXPECT_EQ(store.unfinished_blobs, 0);
}

TEST_F(Refusals, what_is_not_http) {
    struct Row {
        std::string bytes;
        int status;
    };

    const std::string get = "GET /api/v1/health HTTP/1.1\r\n";
    const Row rows[] = {
        {"\x16\x03\x01 hello there\r\n\r\n", 400},
        {"GET /api/v1/health HTTP/9.9\r\nHost: x\r\n\r\n", 400},
        {get + "\r\n", 400},
        {get + "Host: x\r\nHost: y\r\n\r\n", 400},
        {get + "Host: x\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n", 400},
        {get + "Host: x\r\nbad header\r\n\r\n", 400},
        {get + "Host: x\r\nExpect: tea\r\n\r\n", 417},
        {get + "Host: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {get + "Host: x\r\nTransfer-Encoding: gzip\r\n\r\n", 400},
        {get + "Host: x\r\nContent-Length: -1\r\n\r\n", 400},
        {get + "Host: x\r\nX: " + std::string(20000, 'x') + "\r\n\r\n", 431},
    };
    for (const auto& row : rows) {
        auto c = client();
        c->send(row.bytes);
        EXPECT_EQ(c->receive().status, row.status) << row.bytes.substr(0, 80);
        EXPECT_TRUE(c->closed_by_server()) << row.bytes.substr(0, 80);
    }
    std::string flood = get + "Host: x\r\n";
    for (int i = 0; i < 3000; ++i)
        flood += fmt::format("X-{}: y\r\n", i);
    auto c = client();
    c->send(flood);
    EXPECT_EQ(c->receive().status, 431);
}

TEST_F(Refusals, versions_and_keys) {
    auto c = client("engineer");
    const auto opened = c->request("POST", "/api/v1/changes", R"({"title":"x"})");
    ASSERT_EQ(opened.status, 201);
    const std::string path = opened.headers.at("location") + "/rename";
    const auto stale = c->request("POST", path, R"({"title":"y"})", "If-Match: \"v7\"\r\n");
    EXPECT_EQ(stale.status, 412);
    EXPECT_EQ(code_of(stale), "conflict");
    EXPECT_EQ(c->request("POST", path, R"({"title":"y"})", "If-Match: v1\r\n").status, 400);
    const std::string key = "Idempotency-Key: k1\r\n";
    EXPECT_EQ(c->request("POST", path, R"({"title":"y"})", key).status, 200);
    EXPECT_EQ(c->request("POST", path, R"({"title":"z"})", key).status, 409);
    EXPECT_EQ(
        c->request(
             "POST", path, R"({"title":"z"})", "Idempotency-Key: " + std::string(201, 'k') + "\r\n"
        )
            .status,
        400
    );
    EXPECT_EQ(c->request("POST", "/api/v1/tokens", "{}", "Idempotency-Key: k\r\n").status, 400);
}

TEST_F(Refusals, a_gate_says_why) {
    auto c = client("engineer");
    const auto reply = c->request("POST", "/api/v1/changes/CHG-1/block", "{}");
    EXPECT_EQ(reply.status, 409);
    const auto json = *parse_json(reply.body);
    EXPECT_EQ(text_or_empty(json, "code"), "blocked");
    const auto& reason = json.at("reasons").at(0);
    EXPECT_EQ(text_or_empty(reason, "gate"), "window");
    EXPECT_EQ(text_or_empty(reason, "remedy"), "wait for the window");
    EXPECT_EQ(text_or_empty(json, "instance"), "/api/v1/changes/CHG-1/block");
}

TEST_F(Refusals, a_reason_without_evidence_still_has_the_member) {
    Error error{ErrorCode::blocked, "no"};
    error.reasons.push_back({"smoke-production", "smoke", "a smoke check failed", "", "mend it"});
    const auto json = *parse_json(http::problem(error, "/api/v1/changes/CHG-1/close").body);
    ASSERT_NE(find(json.at("reasons").at(0), "evidence"), nullptr);
    EXPECT_EQ(text_or_empty(json.at("reasons").at(0), "evidence"), "");
}

TEST_F(Refusals, internal_errors_show_a_correlation_id_only) {
    auto c = client("engineer");
    const auto reply = c->request("POST", "/api/v1/changes/CHG-1/explode", "{}");
    EXPECT_EQ(reply.status, 500);
    EXPECT_EQ(reply.body.find("secret"), std::string::npos) << reply.body;
    const auto instance = std::string(text_or_empty(*parse_json(reply.body), "instance"));
    ASSERT_TRUE(instance.starts_with("urn:slipway:error:"));
    ASSERT_EQ(reports.size(), 1);
    EXPECT_NE(reports[0].find(instance.substr(18)), std::string::npos);
    EXPECT_NE(reports[0].find("the inside of it"), std::string::npos);
}

TEST_F(Refusals, internal_errors_that_somebody_can_mend_say_how) {
    Error error{ErrorCode::internal, "slipway.db is damaged", "the inside of it"};
    error.reasons.push_back({"integrity", "slipway.db", "page 6", {}, "restore a backup"});
    const auto reply = http::problem(error, "urn:slipway:error:1");
    EXPECT_EQ(reply.status, 500);
    const auto json = *parse_json(reply.body);
    EXPECT_EQ(text_or_empty(json, "detail"), "slipway.db is damaged: restore a backup");
    EXPECT_EQ(reply.body.find("the inside of it"), std::string::npos) << reply.body;
}

TEST_F(Refusals, cookies_from_foreign_pages) {
    auto c = client();
    const std::string cookie = "Cookie: a=b; slipway_session=" + session("engineer") + "\r\n";
    EXPECT_EQ(c->request("GET", "/api/v1/changes", {}, cookie).status, 200);
    const std::string_view body = R"({"title":"x"})";
    EXPECT_EQ(c->request("POST", "/api/v1/changes", body, cookie).status, 403);
    for (const auto* origin :
         {"Origin: http://evil.example\r\n", "Origin: null\r\n",
          "Origin: http://localhost.evil.example\r\n", "Sec-Fetch-Site: cross-site\r\n"})
        EXPECT_EQ(c->request("POST", "/api/v1/changes", body, cookie + origin).status, 403)
            << origin;
    EXPECT_EQ(
        c->request("POST", "/api/v1/changes", body, cookie + "Origin: http://localhost\r\n").status,
        201
    );
}

TEST_F(Refusals, sandbox_clock_on_a_production_server) {
    auto c = client("administrator");
    EXPECT_EQ(c->request("POST", "/api/v1/sandbox/clock", R"({"by":"1h"})").status, 403);
}

TEST_F(Refusals, import_is_all_or_nothing) {
    auto c = client("engineer");
    const auto before = store.ledger.size();
    const auto reply =
        c->request("POST", "/api/v1/cis/import", R"([{"id":"a","name":"A"},{"id":"b","nam":"B"}])");
    EXPECT_EQ(reply.status, 400);
    EXPECT_NE(reply.body.find("[1].nam"), std::string::npos) << reply.body;
    EXPECT_EQ(
        c->request(
             "POST", "/api/v1/cis/import",
             "{\"id\":\"a\",\"name\":\"A\"}\n{\"id\":", "Content-Type: application/x-ndjson\r\n"
        )
            .status,
        400
    );
    EXPECT_EQ(
        c->request("POST", "/api/v1/cis/import", R"([{"id":"../x","name":"A"}])").status, 400
    );
    const auto twice = c->request(
        "POST", "/api/v1/cis/import", R"([{"id":"a","name":"A"},{"id":"a","name":"B"}])"
    );
    EXPECT_EQ(twice.status, 400);
    EXPECT_NE(twice.body.find("stands at [0] too"), std::string::npos) << twice.body;
    std::string many;
    for (std::size_t i = 0; i <= limits::import_records_max; ++i)
        many += "{\"id\":\"a\"}\n";
    const auto refused =
        c->request("POST", "/api/v1/cis/import", many, "Content-Type: application/x-ndjson\r\n");
    EXPECT_EQ(refused.status, 413);
    EXPECT_NE(refused.body.find("at most 200000 records"), std::string::npos) << refused.body;
    EXPECT_EQ(store.ledger.size(), before);
}

} // namespace

} // namespace slipway::test
