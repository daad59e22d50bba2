// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/http_fetch.hpp"
#include "runner/loopback_server.hpp"

namespace slipway::runner {
namespace {

using namespace std::chrono_literals;
using domain::HttpDemands;
using domain::RunOutcome;
using domain::SmokeCheck;
using testing::HasSubstr;
using testing::Not;

SmokeCheck check_of(HttpDemands demands) {
    SmokeCheck check;
    check.name = "page";
    check.kind = domain::SmokeKind::http;
    check.expect_status = 200;
    check.timeout = 10s;
    check.http = std::move(demands);
    return check;
}

HttpAnswer answer_of(std::string body) {
    HttpAnswer answer;
    answer.status = 200;
    answer.body = std::move(body);
    answer.headers = {
        {"content-type", "text/html"},
        {"x-version", "1.4"},
        {"set-cookie", "session=s3cr3t"},
        {"location", "https://www.example.com/next?code=s3cr3t"},
        {"x-version", "1.5"}};
    answer.url = "https://anna:s3cr3t@www.example.com/page?token=s3cr3t#top";
    answer.redirects = 1;
    answer.took = 801ms;
    return answer;
}

CheckAnswer judged(HttpDemands demands, std::string body = "{}") {
    return judge_http(check_of(std::move(demands)), answer_of(std::move(body)));
}

HttpDemands header(const std::string& name, const std::string& expect) {
    HttpDemands demands;
    demands.headers[name] = expect;
    return demands;
}

HttpDemands json(const std::string& program) {
    HttpDemands demands;
    demands.json = program;
    return demands;
}

TEST(HttpCheck, refuses_another_header) {
    auto told = judged(header("X-Missing", ""));
    EXPECT_EQ(told.outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(told.status, 200);
    EXPECT_EQ(told.message, "there is no header X-Missing");
    told = judged(header("X-Version", "1.6"));
    EXPECT_EQ(told.outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(told.message, "the header X-Version is \"1.4, 1.5\", expected \"1.6\"");
    EXPECT_EQ(judged(header("content-type", "/^json$/")).outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(judged(header("CONTENT-TYPE", "/html$/")).outcome, RunOutcome::passed);
    EXPECT_EQ(judged(header("x-version", "1.5")).outcome, RunOutcome::passed);
    EXPECT_EQ(judged(header("Set-Cookie", "")).outcome, RunOutcome::passed);
}

TEST(HttpCheck, shows_no_secret) {
    EXPECT_THAT(judged(header("Set-Cookie", "other")).message, Not(HasSubstr("s3cr3t")));
    EXPECT_EQ(
        judged(header("Location", "/other")).message,
        "the header Location is \"https://www.example.com/next\", expected \"/other\""
    );
    HttpDemands elsewhere;
    elsewhere.final_url = "https://www.example.com/other";
    EXPECT_EQ(
        judged(elsewhere).message,
        "it led to https://www.example.com/page, expected \"https://www.example.com/other\""
    );
    auto check = check_of({});
    check.expect_body = "Harbor";
    const auto told = judge_http(check, answer_of("password s3cr3t"));
    EXPECT_EQ(told.outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(told.message, "the body does not have \"Harbor\" (15 bytes)");
    EXPECT_THAT(
        judged(json(".password == \"x\""), R"({"password": "s3cr3t"})").message,
        Not(HasSubstr("s3cr3t"))
    );
}

TEST(HttpCheck, refuses_json_that_does_not_hold) {
    EXPECT_THAT(judged(json(".ok"), "no").message, HasSubstr("not valid JSON"));
    auto told = judged(json(".status == \"up\""), R"({"status": "down", "db": 1})");
    EXPECT_EQ(told.outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(
        told.message, ".status == \"up\" does not hold of the body, which is an object with "
                      "\"status\", \"db\": it gives false"
    );
    told = judged(json(".[0].ok"), R"({"status": "down"})"); // jq raises an error
    EXPECT_EQ(told.outcome, RunOutcome::unexpected_output);
    EXPECT_THAT(told.message, HasSubstr("cannot be told of the body"));
    EXPECT_THAT(told.message, Not(HasSubstr("down")));
    told = judged(json("def f: f; f"), R"({"status": "down"})");
    EXPECT_EQ(told.outcome, RunOutcome::unexpected_output);
    EXPECT_THAT(
        told.message, HasSubstr("not finished after " + to_text(limits::expression_timeout))
    );
    EXPECT_EQ(judged(json(".ok |"), "{}").outcome, RunOutcome::not_started);
    EXPECT_EQ(judged(json("all(.[]; .ok)"), R"([{"ok": true}])").outcome, RunOutcome::passed);
    auto cut = answer_of("{}");
    cut.body_cut = true;
    EXPECT_EQ(judge_http(check_of(json(".")), cut).outcome, RunOutcome::unexpected_output);
    auto maintenance = check_of(json(".maintenance"));
    maintenance.expect_status = 503;
    auto answer = answer_of(R"({"maintenance": true})");
    answer.status = 503;
    EXPECT_EQ(judge_http(maintenance, answer).outcome, RunOutcome::passed);
}

TEST(HttpCheck, every_value_of_a_jq_program_must_hold) {
    const std::string body = R"({"servers": [{"up": true}, {"up": false}, {"up": null}]})";
    auto told = judged(json(".servers[].up"), body);
    EXPECT_EQ(told.outcome, RunOutcome::unexpected_output);
    EXPECT_THAT(told.message, HasSubstr(".servers[].up does not hold of the body"));
    EXPECT_THAT(told.message, HasSubstr(": value 2 of 3 is false"));
    told = judged(json(".servers[0].up, .none"), body);
    EXPECT_EQ(told.outcome, RunOutcome::unexpected_output);
    EXPECT_THAT(told.message, HasSubstr(": value 2 of 2 is null"));
    // The second value is an error of jq.
    EXPECT_EQ(judged(json("true, .servers.up"), body).outcome, RunOutcome::unexpected_output);
    told = judged(json(".servers[]"), R"({"servers": []})");
    EXPECT_EQ(told.outcome, RunOutcome::unexpected_output);
    EXPECT_THAT(told.message, HasSubstr(": it gives no value"));
    EXPECT_EQ(judged(json(".servers[0].up, 0, \"\""), body).outcome, RunOutcome::passed);
}

TEST(HttpCheck, refuses_what_takes_too_long) {
    HttpDemands demands;
    demands.within = 800ms;
    const auto told = judged(demands);
    EXPECT_EQ(told.outcome, RunOutcome::timed_out);
    EXPECT_EQ(told.message, "it took 801ms, expected at most 800ms");
    demands.within = 801ms;
    EXPECT_EQ(judged(demands).outcome, RunOutcome::passed);
}

TEST(HttpCheck, counts_redirects_and_knows_where_they_led) {
    LoopbackServer server({
        {"/", http_answer("200 OK", "{}", "X-Where: end\r\n")},
        {"/1", http_answer("301 Moved", "", "Location: /\r\nX-Where: begin\r\n")},
        {"/2", http_answer("302 Found", "", "Location: /1\r\n")},
    });
    const auto outcome = [&](const std::string& path, HttpDemands demands, int status = 200) {
        auto check = check_of(std::move(demands));
        check.url = "http://" + server.address() + path;
        check.expect_status = status;
        return check_http(check, {});
    };
    HttpDemands once;
    once.redirects = 1;
    EXPECT_EQ(outcome("/", once).outcome, RunOutcome::failed);
    EXPECT_THAT(outcome("/", once).message, HasSubstr("0 redirects, expected 1"));
    EXPECT_EQ(outcome("/2", once).outcome, RunOutcome::failed);
    EXPECT_EQ(outcome("/1", once).outcome, RunOutcome::passed);
    HttpDemands none = header("Location", "/");
    none.redirects = 0;
    EXPECT_EQ(outcome("/1", none).outcome, RunOutcome::failed);
    EXPECT_EQ(outcome("/1", none, 301).outcome, RunOutcome::passed);
    HttpDemands where;
    where.final_url = "http://" + server.address() + "/";
    EXPECT_EQ(outcome("/2", where).outcome, RunOutcome::passed);
    where.final_url = "/:\\d+/$/";
    EXPECT_EQ(outcome("/2", where).outcome, RunOutcome::passed);
    where.final_url = "http://" + server.address() + "/1";
    EXPECT_EQ(outcome("/2", where).outcome, RunOutcome::failed);
    // The headers are those of the last answer alone.
    EXPECT_EQ(outcome("/1", header("X-Where", "end")).outcome, RunOutcome::passed);
    EXPECT_EQ(outcome("/1", header("X-Where", "begin")).outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(outcome("/1", header("Location", "")).outcome, RunOutcome::unexpected_output);
}

TEST(HttpCheck, follows_no_redirect_to_a_file) {
    LoopbackServer server({{"/", http_answer("302 Found", "", "Location: file:///etc/passwd\r\n")}}
    );
    auto check = check_of({});
    check.url = "http://" + server.address() + "/";
    const auto told = check_http(check, {});
    EXPECT_EQ(told.outcome, RunOutcome::failed);
    EXPECT_EQ(told.message, "it leads to an address that is neither http nor https");
}

TEST(HttpCheck, cuts_headers_that_are_too_long) {
    std::string more;
    for (std::size_t i = 0; i <= limits::smoke_answer_header_max / 1000; ++i)
        more += "X-Filler: " + std::string(1000, 'x') + "\r\n";
    LoopbackServer server({{"/", http_answer("200 OK", "", more + "X-Last: yes\r\n")}});
    auto check = check_of(header("X-Last", "yes"));
    check.url = "http://" + server.address() + "/";
    const auto told = check_http(check, {});
    EXPECT_EQ(told.outcome, RunOutcome::unexpected_output);
    EXPECT_THAT(told.message, HasSubstr("in the part that was read"));
}

TEST(Shown, is_short_and_safe) {
    EXPECT_EQ(shown("a\x1b[2J"), "\"a\\x1b[2J\"");
    const auto cut = shown(std::string(limits::smoke_shown_max + 1, 'x'));
    EXPECT_EQ(cut, "\"" + std::string(limits::smoke_shown_max, 'x') + "...\"");
    EXPECT_EQ(shown_url("http://u:p@h:1/a@b?c#d"), "http://h:1/a@b");
    EXPECT_EQ(shown_url("http://h"), "http://h");
    EXPECT_EQ(shown_url("u:p@h/x"), "h/x");
}

} // namespace
} // namespace slipway::runner
