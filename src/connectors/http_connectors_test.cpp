// SPDX-License-Identifier: Apache-2.0
// HTTP manifests against a real server on loopback, hostile ones first.
#include "connectors/connectors_fixture.hpp"

#include "connectors/http_transport.hpp"

namespace slipway::connectors {

namespace {

using namespace test;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class HttpConnectors : public ConnectorsTest {
  protected:
    // A webhook at the server; its address is a secret, as with chat systems.
    void webhook(const HttpServer& server, const std::string& path = "/hook") {
        write("address", server.url() + path + "?token=" + "hidden-token");
        configure(
            "webhook",
            JsonObject{{"url", "file:" + this->path("address")}, {"token", secret_reference()}}
        );
    }

    Error failure(Span deadline = std::chrono::seconds(20)) {
        const auto answer = ask("webhook", notice, deadline);
        EXPECT_FALSE(answer);
        return answer ? Error{} : answer.error();
    }

    const app::NoticeSend notice{"ops", "Release 1.5", "It begins at 22:00", {"a@b.c"}, {}};
};

void expect_no_secret(const Error& error) {
    EXPECT_THAT(
        all_texts(error), AllOf(
                              Not(HasSubstr(secret)), Not(HasSubstr("hidden-token")),
                              Not(HasSubstr(percent_encode(secret)))
                          )
    );
}

TEST_F(HttpConnectors, EndlessBodyStopsAtTheLimit) {
    HttpServer server([](auto&, int) { return HttpReply{"HTTP/1.1 200 OK\r\n\r\n", true, false}; });
    webhook(server);
    const auto error = failure();
    EXPECT_EQ(error.code, ErrorCode::limit_exceeded);
    EXPECT_THAT(error.message, HasSubstr(std::to_string(limits::connector_answer_max)));
    EXPECT_EQ(app::retry_of(error).retry, app::Retry::never);
    expect_no_secret(error);
}

TEST_F(HttpConnectors, EndlessHeadersStopAtTheLimit) {
    HttpServer server([](auto&, int) { return HttpReply{"HTTP/1.1 200 OK\r\nX: ", true, false}; });
    webhook(server);
    const auto error = failure();
    EXPECT_NE(error.code, ErrorCode::internal);
    expect_no_secret(error);
}

TEST_F(HttpConnectors, SilentServerTimesOut) {
    HttpServer server([](auto&, int) {
        return HttpReply{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", false, true};
    });
    webhook(server);
    const auto error = failure(std::chrono::milliseconds(200));
    EXPECT_EQ(error.code, ErrorCode::timeout);
    EXPECT_EQ(app::retry_of(error).retry, app::Retry::later);
    expect_no_secret(error);
}

TEST_F(HttpConnectors, RedirectsElsewhereAreNotFollowed) {
    for (const std::string target :
         {"file:///etc/passwd", "gopher://127.0.0.1/", "http://127.0.0.1:1/", "//127.0.0.2/"}) {
        HttpServer server([&](auto&, int) { return reply(302, "", "Location: " + target + "\r\n"); }
        );
        webhook(server);
        const auto error = failure();
        EXPECT_EQ(error.code, ErrorCode::invalid_input) << target;
        EXPECT_THAT(error.message, HasSubstr("redirects elsewhere"));
        EXPECT_EQ(server.requests().size(), 1U);
        expect_no_secret(error);
    }
}

TEST_F(HttpConnectors, FailureThenSuccess) {
    HttpServer server([](auto&, int count) {
        return count == 1 ? reply(500, "token was " + secret) : reply(200, "");
    });
    webhook(server);
    const auto error = failure();
    EXPECT_EQ(error.code, ErrorCode::unavailable);
    EXPECT_EQ(app::retry_of(error).retry, app::Retry::later);
    EXPECT_THAT(error.detail, HasSubstr("[secret]")); // the server said it, nobody reads it
    expect_no_secret(error);
    const auto receipt = ask("webhook", notice);
    ASSERT_TRUE(receipt) << receipt.error().message;
    EXPECT_TRUE(receipt->delivered);
    for (const auto& request : server.requests())
        EXPECT_THAT(request, HasSubstr("Idempotency-Key: key-1\r\n"));
}

TEST_F(HttpConnectors, TooManyRequestsSaysWhen) {
    HttpServer server([](auto&, int) { return reply(429, "", "Retry-After: 7\r\n"); });
    webhook(server);
    const auto advice = app::retry_of(failure());
    EXPECT_EQ(advice.retry, app::Retry::after);
    EXPECT_EQ(advice.wait, std::chrono::seconds(7));
}

TEST_F(HttpConnectors, StatusesHaveTheirCodes) {
    int status = 0;
    HttpServer server([&](auto&, int) { return reply(status, "{}"); });
    webhook(server);
    for (const auto& [code, expected] : std::map<int, ErrorCode>{
             {400, ErrorCode::invalid_input},
             {401, ErrorCode::invalid_input},
             {403, ErrorCode::invalid_input},
             {404, ErrorCode::not_found},
             {409, ErrorCode::conflict},
             {422, ErrorCode::invalid_input},
             {501, ErrorCode::invalid_input},
             {503, ErrorCode::unavailable},
             {504, ErrorCode::unavailable}}) {
        status = code;
        EXPECT_EQ(failure().code, expected) << code;
    }
}

TEST_F(HttpConnectors, NobodyListens) {
    std::string url;
    {
        HttpServer server([](auto&, int) { return reply(200, ""); });
        webhook(server);
    }
    const auto error = failure();
    EXPECT_EQ(error.code, ErrorCode::unavailable);
    expect_no_secret(error);
}

TEST_F(HttpConnectors, WebhookPostsTheNotice) {
    HttpServer server([](auto&, int) { return reply(204, ""); });
    webhook(server);
    const auto receipt = ask("webhook", notice);
    ASSERT_TRUE(receipt) << receipt.error().message;
    EXPECT_EQ(receipt->message_id, "key-1");
    ASSERT_EQ(server.requests().size(), 1U);
    const auto request = server.requests()[0];
    EXPECT_THAT(request, HasSubstr("POST /hook?token=hidden-token HTTP/1.1\r\n"));
    EXPECT_THAT(request, HasSubstr("Authorization: Bearer " + secret + "\r\n"));
    EXPECT_THAT(request, HasSubstr("Content-Type: application/json\r\n"));
    EXPECT_THAT(request, HasSubstr(R"("subject":"Release 1.5")"));
}

constexpr auto monitor_manifest = R"yaml(
system: watch
title: Watch
transport: http
settings:
  - {name: url, type: url, help: where, required: true}
  - {name: key, type: text, help: the key, secret: true}
base: "{.settings.url}"
auth: {scheme: api_key_query, name: api_key, value: "{.settings.key}"}
capabilities:
  monitor:
    alerts:
      requests:
        - path: "/alerts/{.input.cis[0]}"
          query: {after: "{.page.cursor}", page: "{.page.number}", empty: "{null}"}
          page: {by: cursor, items: .answer.items, next: .answer.next}
      result: |
        {alerts: [.answer[] | {id: .n, ci: .on, title: .what, severity: "error"}]}
    agents:
      requests:
        - path: /agents
          poll: {until: .answer.done, interval: 1ms, limit: 5s}
          refuse: .answer.error
      result: .answer.result
  tickets:
    open:
      requests:
        - method: POST
          path: /tickets
          body: '{title: .input.title}'
      result: '{id: .answer.id}'
    tagged:
      requests:
        - path: /tickets
          page: {by: link, items: .answer}
      result: '{tickets: [.answer[] | {id: .}]}'
)yaml";

class WatchConnectors : public ConnectorsTest {
  protected:
    void watch(const HttpServer& server) {
        manifest("watch", monitor_manifest);
        configure("watch", JsonObject{{"url", server.url()}, {"key", secret_reference()}});
    }
};

// The server says that it is not done, and stops us: the next question would come in an hour.
TEST_F(WatchConnectors, AStopEndsTheWaitForAnAnswer) {
    std::stop_source stop;
    HttpServer server([&](auto&, int) {
        stop.request_stop();
        return reply(200, R"({"done":false})");
    });
    std::string text = monitor_manifest;
    const std::string_view quick = "interval: 1ms, limit: 5s";
    manifest("watch", text.replace(text.find(quick), quick.size(), "interval: 1h, limit: 2h"));
    configure("watch", JsonObject{{"url", server.url()}, {"key", secret_reference()}});
    const auto answer = app::ask(
        connectors(), {tenant, "watch", "key-1", std::chrono::hours(2), stop.get_token()},
        app::MonitorAgents{{CiId("web")}}
    );
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
}

TEST_F(WatchConnectors, WrongJsonIsNoAnswer) {
    std::string body;
    HttpServer server([&](auto&, int) { return reply(200, body); });
    watch(server);
    for (const auto* bad :
         {"<html>busy</html>", "{\"items\":", "\xff\xfe", "{\"items\":7}",
          "{\"items\":[{\"n\":1}]}", "[]", "null"}) {
        body = bad;
        const auto alerts = ask("watch", app::MonitorAlerts{{CiId("web")}, {}});
        ASSERT_FALSE(alerts) << bad;
        EXPECT_THAT(all_texts(alerts.error()), Not(HasSubstr(secret)));
    }
}

TEST_F(WatchConnectors, CursorPagesAreAllRead) {
    HttpServer server([](const std::string& request, int) {
        if (request.find("after=p%202") != std::string::npos)
            return reply(200, R"({"items":[{"n":"2","on":"web","what":"b"}],"next":null})");
        return reply(200, R"({"items":[{"n":"1","on":"web","what":"a"}],"next":"p 2"})");
    });
    watch(server);
    const auto alerts = ask("watch", app::MonitorAlerts{{CiId("web")}, {}});
    ASSERT_TRUE(alerts) << alerts.error().message;
    ASSERT_EQ(alerts->alerts.size(), 2U);
    EXPECT_EQ(alerts->alerts[1].id, "2");
    EXPECT_THAT(
        server.requests()[0],
        HasSubstr("GET /alerts/web?page=1&api_key=" + percent_encode(secret) + " HTTP")
    );
}

TEST_F(WatchConnectors, PagesWithoutEndAreRefused) {
    HttpServer server([](auto&, int) { return reply(200, R"({"items":[],"next":"again"})"); });
    watch(server);
    const auto alerts = ask("watch", app::MonitorAlerts{{CiId("web")}, {}});
    ASSERT_FALSE(alerts);
    EXPECT_EQ(alerts.error().code, ErrorCode::limit_exceeded);
    EXPECT_EQ(server.requests().size(), limits::connector_pages_max);
}

TEST_F(WatchConnectors, TooManyItemsAreRefused) {
    std::string items = "[1";
    for (std::size_t i = 1; i < limits::connector_items_max + 1; ++i)
        items += ",1";
    HttpServer server([&](auto&, int) { return reply(200, "{\"items\":" + items + "]}"); });
    watch(server);
    const auto alerts = ask("watch", app::MonitorAlerts{{CiId("web")}, {}});
    ASSERT_FALSE(alerts);
    EXPECT_EQ(alerts.error().code, ErrorCode::limit_exceeded);
    EXPECT_THAT(
        alerts.error().message, HasSubstr(std::to_string(limits::connector_items_max) + " items")
    );
}

TEST_F(WatchConnectors, RedirectsAreFollowedUpToTheLimit) {
    int redirects = limits::connector_redirects_max;
    HttpServer server([&](auto&, int count) {
        if (count % (redirects + 1) != 0)
            return reply(302, "", "Location: /again\r\n");
        return reply(200, R"({"done":true,"result":{"agents":[]}})");
    });
    HttpRequest request;
    request.method = "GET";
    request.url = server.url() + "/start";
    request.timeout = std::chrono::seconds(20);
    EXPECT_TRUE(http_exchange(request));
    redirects = limits::connector_redirects_max + 1000;
    const auto answer = http_exchange(request);
    ASSERT_FALSE(answer);
    EXPECT_THAT(
        answer.error().error.message,
        HasSubstr(fmt::format("more than {} times", limits::connector_redirects_max))
    );
}

TEST_F(WatchConnectors, LinkPagesStayAtTheirAddress) {
    std::string next = "</tickets?page=2>; rel=\"next\", </tickets>; rel=\"first\"";
    HttpServer server([&](const std::string& request, int) {
        if (request.find("page=2") != std::string::npos)
            return reply(200, R"(["b"])");
        return reply(200, R"(["a"])", "Link: " + next + "\r\n");
    });
    watch(server);
    const auto tickets = ask("watch", app::TicketsTagged{ChangeId("CHG-1"), {}});
    ASSERT_TRUE(tickets) << tickets.error().message;
    EXPECT_EQ(tickets->tickets.size(), 2U);
    EXPECT_THAT(server.requests()[1], HasSubstr("api_key=")); // signed in on each page
    next = "<http://127.0.0.1:1/steal>; rel=\"next\"";
    const auto stolen = ask("watch", app::TicketsTagged{ChangeId("CHG-1"), {}});
    ASSERT_FALSE(stolen);
    EXPECT_THAT(stolen.error().message, HasSubstr("another address"));
}

TEST_F(WatchConnectors, PollsUntilDone) {
    HttpServer server([](auto&, int count) {
        return reply(
            200, count < 3 ? R"({"done":false})" : R"({"done":true,"result":{"agents":[]}})"
        );
    });
    watch(server);
    const auto agents = ask("watch", app::MonitorAgents{{CiId("web")}});
    ASSERT_TRUE(agents) << agents.error().message;
    EXPECT_EQ(server.requests().size(), 3U);
}

TEST_F(WatchConnectors, PollingEndsAtTheDeadline) {
    HttpServer server([](auto&, int) { return reply(200, R"({"done":false})"); });
    watch(server);
    const auto agents =
        ask("watch", app::MonitorAgents{{CiId("web")}}, std::chrono::milliseconds(300));
    ASSERT_FALSE(agents);
    EXPECT_EQ(agents.error().code, ErrorCode::timeout);
}

TEST_F(WatchConnectors, AGoodStatusCanBeARefusal) {
    HttpServer server([](auto&, int) {
        return reply(200, R"({"error":{"code":"not_found","message":"no such host"}})");
    });
    watch(server);
    const auto agents = ask("watch", app::MonitorAgents{{CiId("web")}});
    ASSERT_FALSE(agents);
    EXPECT_EQ(agents.error().code, ErrorCode::not_found);
    EXPECT_THAT(agents.error().message, HasSubstr("no such host"));
}

TEST_F(WatchConnectors, ALostAnswerToAWriteIsNotTriedAgain) {
    HttpServer server([](auto&, int) {
        return HttpReply{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"};
    });
    watch(server);
    const auto ticket = ask("watch", app::TicketsOpen{{}, "Broken", "", {}});
    ASSERT_FALSE(ticket);
    EXPECT_EQ(ticket.error().code, ErrorCode::conflict);
    EXPECT_THAT(ticket.error().message, HasSubstr("look in Watch before trying again"));
    const auto alerts = ask("watch", app::MonitorAlerts{{CiId("web")}, {}}); // a read
    ASSERT_FALSE(alerts);
    EXPECT_EQ(alerts.error().code, ErrorCode::unavailable);
}

TEST_F(WatchConnectors, AnInputCannotLeaveItsPathSegmentOrGetASecret) {
    manifest("path", R"yaml(
system: path
title: Path
transport: http
settings:
  - {name: url, type: url, help: where, required: true}
  - {name: key, type: text, help: the key, secret: true}
base: "{.settings.url}"
headers: {X-Key: "{.settings.key}", X-Input: "{.input.id}"}
capabilities:
  snapshot:
    read:
      requests: [{path: "/items/{.input.id}/facts"}]
      result: '{id: .input.id, tag: .settings.key}'
)yaml");
    HttpServer server([](auto&, int) { return reply(200, "{}"); });
    configure("path", JsonObject{{"url", server.url() + "/"}, {"key", secret_reference()}});
    const auto answer = ask("path", app::SnapshotRead{"a/../b?c=#d"});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_THAT(server.requests()[0], HasSubstr("GET /items/a%2F..%2Fb%3Fc%3D%23d/facts HTTP"));
    EXPECT_THAT(server.requests()[0], HasSubstr("X-Key: " + secret + "\r\n"));
    EXPECT_EQ(answer->tag, "[secret]"); // a mapping cannot carry it out
    for (const auto* bad : {"..", ".", "a\r\nEvil: 1", "a\nb"}) {
        const auto refused = ask("path", app::SnapshotRead{bad});
        ASSERT_FALSE(refused) << bad;
        EXPECT_EQ(refused.error().code, ErrorCode::invalid_input);
    }
    EXPECT_EQ(server.requests().size(), 1U);
}

TEST(HttpTransport, RefusesBadAddresses) {
    for (const auto& url : std::vector<std::string>{
             "", "file:///etc/passwd", "ftp://host/", "http://", "http://user:pw@host/",
             "http://host/a b", "http://host/\r\nX: 1", "//host",
             "http://host/" + std::string(2000, 'a')}) {
        HttpRequest request;
        request.url = url;
        request.timeout = std::chrono::seconds(1);
        const auto answer = http_exchange(request);
        ASSERT_FALSE(answer) << url;
        EXPECT_EQ(answer.error().error.code, ErrorCode::invalid_input) << url;
        EXPECT_FALSE(answer.error().may_have_acted);
    }
}

TEST(HttpTransport, FollowsRedirectsAtTheSameAddressOnly) {
    HttpServer server([](const std::string& request, int) {
        if (request.find("GET /new ") != std::string::npos)
            return reply(200, "here");
        if (request.find("/loop ") != std::string::npos)
            return reply(302, "", "Location: /loop\r\n");
        return reply(302, "", "Location: /new\r\n");
    });
    HttpRequest request;
    request.url = server.url() + "/old";
    request.timeout = std::chrono::seconds(5);
    const auto answer = http_exchange(request);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "here");
    request.url = server.url() + "/loop";
    const auto loop = http_exchange(request);
    ASSERT_FALSE(loop);
    EXPECT_THAT(loop.error().error.message, HasSubstr("more than 3 times"));
    request.url = server.url() + "/old";
    request.method = "POST";
    EXPECT_FALSE(http_exchange(request));
}

TEST(HttpTransport, TlsToAPlainServerFails) {
    HttpServer server([](auto&, int) { return reply(200, ""); });
    HttpRequest request;
    request.url = "https://127.0.0.1:" + server.port() + "/";
    request.timeout = std::chrono::milliseconds(500);
    EXPECT_FALSE(http_exchange(request));
}

TEST(HttpTransport, NextLinkOfALinkHeader) {
    EXPECT_EQ(next_link("<a>; rel=\"prev\", <b?x=1,2>; rel=\"next\""), "b?x=1,2");
    EXPECT_EQ(next_link("<a>; rel=\"prev\""), "");
    EXPECT_EQ(next_link(""), "");
    EXPECT_EQ(next_link("<"), "");
}

} // namespace

} // namespace slipway::connectors
