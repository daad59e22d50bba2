// SPDX-License-Identifier: Apache-2.0
// What a smoke list may say, and that lists of before are read and digested as they were.
#include <chrono>
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/runbook/blocks.hpp"
#include "domain/runbook/runbook.hpp"

namespace slipway::domain {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

// The list begins on line 9.
std::string with_list(const std::string& list) {
    return "---\ntitle: T\npurpose: deployment\nengineer: anna\nbackup_engineer: ben\n"
           "time_limit: 45m\n---\n```smoke\n" +
           list + "```\n```sh {name=go timeout=1s}\n./go\n```\n";
}

std::string check(const std::string& lines) {
    std::string text = "- name: a\n";
    for (std::size_t begin = 0; begin < lines.size();) {
        const auto end = std::min(lines.find('\n', begin), lines.size());
        text += "  " + lines.substr(begin, end - begin) + "\n";
        begin = end + 1;
    }
    return text;
}

SmokeCheck read(const std::string& lines) {
    auto runbook = parse_runbook(with_list(check(lines)));
    EXPECT_TRUE(runbook) << lines << ": " << (runbook ? "" : runbook.error().message);
    return runbook && !runbook->smoke.empty() ? runbook->smoke.front() : SmokeCheck{};
}

TEST(SmokeList, refuses_and_names_line_and_key) {
    const struct {
        std::string lines; // the first is on line 10
        std::string line;
        std::string message;
    } rows[] = {
        {"http: http://x/\ntcp: h:1", "line 9", "one of http, tcp"},
        {"http: http://x/\ncolour: red", "line 11", "colour"},
        {"tls: h:443\nstatus: 200", "line 11", "status: belongs to a check of http"},
        {"http: http://x/\ndays: 21", "line 11", "days: belongs to a check of tls"},
        {"dns: x\nexpect: y", "line 11", "expect: belongs to a check of http or command or sql"},
        {"http: http://x/\nheaders: {'a b': c}", "line 11", "no name of a header"},
        {"http: http://x/\nheaders: {a: /(/}", "line 11", "RE2"},
        {"http: http://x/\nheaders: [a]", "line 11", "headers"},
        {"http: http://x/\njson: env", "line 11", "json"},
        {"http: http://x/\nwithin: 11s", "line 11", "to the timeout"},
        {"http: http://x/\nwithin: 0s", "line 11", "to the timeout"},
        {"http: http://x/\nredirects: 6", "line 11", "0 to 5"},
        {"http: http://x/\nredirects: -1", "line 11", "0 to 5"},
        {"http: http://x/\nfinal_url: /(/", "line 11", "RE2"},
        {"tls: host", "line 10", "host:port"},
        {"tls: h:443\ndays: 3651", "line 11", "0 to 3650"},
        {"tls: h:443\nserver_name: a/b", "line 11", "no name of a server"},
        {"dns: a b", "line 10", "no name"},
        {"dns: a..b", "line 10", "no name"},
        {"dns: x\ntype: PTR", "line 11", "expected one of: A, AAAA, CNAME, TXT, MX"},
        {"dns: x\nserver: a b", "line 11", "write an address"},
        {"dns: x\nhas: [1.2]", "line 11", "expected a text"},
        {"dns: x\nhas: ['1.2.3']", "line 11", "no record of type A"},
        {"dns: x\ntype: AAAA\nexactly: ['192.0.2.1']", "line 12", "no record of type AAAA"},
        {"dns: x\ntype: MX\none_of: [mail.x]", "line 12", "no record of type MX"},
        {"dns: x\nhas: ['192.0.2.1']\none_of: ['192.0.2.1']", "line 10", "more than one of"},
        {"job: {}", "line 10", "one of file, url and command"},
        {"job: {file: /x, url: 'http://x/'}\nmax_age: 1h", "line 10", "one of file"},
        {"job: {pipe: /x}\nmax_age: 1h", "line 10", "pipe"},
        {"job: {file: x}\nmax_age: 1h", "line 10", "absolute path"},
        {"job: {url: 'ftp://x/'}\nat: .t\nmax_age: 1h", "line 10", "http://"},
        {"job: {url: 'http://x/'}\nmax_age: 1h", "line 9", "at: is a jq program"},
        {"job: {file: /x}\nat: .t\nmax_age: 1h", "line 11", "belongs to no other"},
        {"job: {url: 'http://x/'}\nat: input\nmax_age: 1h", "line 11", "at"},
        {"job: {file: /x}", "line 10", "needs max_age"},
        {"job: {file: /x}\nmax_age: 0s", "line 11", "must be 1ms to"},
        {"job: {file: /x}\nmax_age: 1h\nhost: web1", "line 12", "a job's command"},
        {"job: {file: /x}\nmax_age: 1h\neach: web1 web2", "line 12", "a file has one time"},
        {"job: {command: x}\nmax_age: 1h\neach: ' '", "line 12", "names nobody"},
        {"command: x\neach: web1", "line 11", "belongs to a check of job"},
        {"sso: login", "line 10", "http://"},
        {"sso: 'http://x/?a=1'", "line 10", "without a query"},
        {"sso: http://x/", "line 10", "needs client"},
        {"sso: http://x/\nclient: a", "line 10", "needs redirect"},
        {"sso: http://x/\nclient: a\nredirect: /back", "line 10", "needs redirect"},
        {"sso: http://x/\nclient: a\nredirect: http://y/", "line 10", "needs user by reference"},
        {"sso: http://x/\nclient: a\nredirect: http://y/\nuser: smoke", "line 10",
         "needs user by reference, never itself"},
        {"sso: http://x/\nclient: a\nredirect: http://y/\nuser: env:U", "line 10",
         "needs password"},
        {"sso: http://x/\nclient: a\nredirect: http://y/\nuser: env:U\npassword: s3cr3t", "line 10",
         "needs password by reference"},
        {"sso: http://x/\nclient: a\ngrant: direct\nredirect: http://y/", "line 13",
         "belongs to grant: code"},
        {"sso: http://x/\nclient: a\ngrant: direct\nuser: env:U\npassword: env:P\n"
         "client_secret: s3cr3t",
         "line 15", "write a reference"},
        {"sso: http://x/\nclient: a\ngrant: implicit", "line 12", "expected one of: code, direct"},
        {"http: http://x/\nuser: env:U", "line 11", "belongs to a check of sso"},
        {"command: x\nhost: -oProxyCommand=x", "line 11", "as OpenSSH knows it"},
        {"job: {command: x}\nmax_age: 1h\nhost: web1 web2", "line 12", "as OpenSSH knows it"},
        {"metric: up", "line 10", "needs prometheus"},
        {"metric: up\nprometheus: http://p/", "line 10", "needs value"},
        {"metric: up\nprometheus: http://p/\nvalue: '1'", "line 12", "begin with <"},
        {"metric: up\nprometheus: http://p/\nvalue: '> one'", "line 12", "not a number"},
        {"metric: up\nprometheus: http://p/\nvalue: '> inf'", "line 12", "not a number"},
        {"sql: select 1\nvalue: '> 0'", "line 10", "needs database"},
        {"sql: select 1\ndatabase: host=db password=x\nvalue: '> 0'", "line 10", "reference"},
        {"sql: select 1\ndatabase: env:D", "line 10", "needs value"},
        {"sql: select 1\ndatabase: env:D\nvalue: '> 0'\nexpect: x", "line 10", "needs value"},
        {"tcp: h:1\nretries: 31", "line 11", "0 to 30"},
        {"tcp: h:1\nevery: 1s", "line 11", "needs retries"},
        {"tcp: h:1\nretries: 1\nevery: 11m", "line 12", "must be 1ms to 10m"},
        {"tcp: h:1\nsettle: 61m", "line 11", "must be 1ms to 1h"},
        {"tcp: h:1\nsettle: soon", "line 11", "settle"},
    };

    for (const auto& row : rows) {
        const auto runbook = parse_runbook(with_list(check(row.lines)));
        ASSERT_FALSE(runbook) << row.lines;
        EXPECT_EQ(runbook.error().fields.front().field, row.line) << row.lines;
        EXPECT_THAT(runbook.error().fields.front().message, HasSubstr(row.message)) << row.lines;
    }
}

TEST(SmokeList, refuses_more_than_its_limits) {
    std::string headers = "http: http://x/\nheaders:";
    for (std::size_t i = 0; i <= limits::smoke_headers_max; ++i)
        headers += fmt::format("\n  h{}: x", i);
    EXPECT_FALSE(parse_runbook(with_list(check(headers))));
    std::string records = "dns: x\nhas:";
    for (std::size_t i = 0; i <= limits::smoke_records_max; ++i)
        records += fmt::format("\n- '192.0.2.{}'", i);
    EXPECT_FALSE(parse_runbook(with_list(check(records))));
    EXPECT_FALSE(parse_runbook(with_list(
        check("http: http://x/\njson: '" + std::string(limits::expression_max + 1, 'x') + "'")
    )));
    EXPECT_FALSE(parse_runbook(with_list(check(
        "sql: '" + std::string(limits::smoke_sql_max + 1, 'x') + "'\ndatabase: env:D\nvalue: '> 0'"
    ))));
    EXPECT_FALSE(parse_runbook(
        with_list(check("job: {file: /x}\nmax_age: " + to_text(Span(limits::smoke_age_max) + 1ms)))
    ));
    const auto programs = [](std::size_t count) {
        std::string list;
        for (std::size_t i = 0; i < count; ++i)
            list += fmt::format("- {{name: c{}, http: 'http://x/', json: .ok}}\n", i);
        return parse_runbook(with_list(list));
    };
    EXPECT_TRUE(programs(limits::smoke_programs_max));
    const auto more = programs(limits::smoke_programs_max + 1);
    ASSERT_FALSE(more);
    EXPECT_THAT(more.error().message, HasSubstr("more than 20 checks with a jq program"));
}

TEST(SmokeList, reads_each_kind) {
    const auto http = read("http: ${URL}/\nheaders: {Content-Type: /json/, X-A: ''}\njson: .ok\n"
                           "within: 800ms\nredirects: 0\nfinal_url: ${URL}/b");
    ASSERT_TRUE(http.http);
    EXPECT_THAT(
        http.http->headers,
        ElementsAre(testing::Pair("Content-Type", "/json/"), testing::Pair("X-A", ""))
    );
    EXPECT_EQ(http.http->json, ".ok");
    EXPECT_EQ(http.http->within, 800ms);
    EXPECT_EQ(http.http->redirects, 0);
    EXPECT_EQ(http.http->final_url, "${URL}/b");

    const auto tls = read("tls: ${HOST}:443\ndays: 21\nserver_name: www.x\nca: /ca.pem");
    EXPECT_EQ(tls.kind, SmokeKind::tls);
    EXPECT_EQ(tls.address, "${HOST}:443");
    EXPECT_EQ(tls.tls, (TlsDemands{21, "www.x", "/ca.pem"}));

    const auto dns = read("dns: www.x\ntype: TXT\nserver: 192.0.2.53:5353\nexactly: [v=1, b]");
    EXPECT_EQ(dns.kind, SmokeKind::dns);
    EXPECT_EQ(
        dns.dns, (DnsDemands{"www.x", DnsType::TXT, "192.0.2.53:5353", {}, {"v=1", "b"}, {}})
    );
    EXPECT_EQ(read("dns: x").dns->type, DnsType::A);

    const auto file = read("job: {file: /x}\nmax_age: 26h");
    EXPECT_EQ(file.kind, SmokeKind::job);
    EXPECT_EQ(file.job, (JobDemands{"/x", "", 26h}));
    const auto url = read("job: {url: 'http://x/'}\nat: .t\nmax_age: 1h");
    EXPECT_EQ(url.url, "http://x/");
    EXPECT_EQ(url.job, (JobDemands{"", ".t", 1h}));
    const auto command = read("job: {command: ./last}\nhost: deploy@${HOST}\nmax_age: 1h");
    EXPECT_EQ(command.script, "./last");
    EXPECT_EQ(command.host, "deploy@${HOST}");

    const auto metric = read("metric: up\nprometheus: http://p/\nvalue: < 0.02");
    EXPECT_EQ(metric.kind, SmokeKind::metric);
    EXPECT_EQ(metric.url, "http://p/");
    EXPECT_EQ(metric.metric, (MetricDemands{"up", "< 0.02"}));

    const auto sql = read("sql: select 1\ndatabase: env:D\nvalue: == 1");
    EXPECT_EQ(sql.kind, SmokeKind::sql);
    EXPECT_EQ(sql.sql, (SqlDemands{"env:D", "select 1", "== 1"}));
    EXPECT_EQ(read("sql: select 'x'\ndatabase: env:D\nexpect: x").expect_body, "x");
}

TEST(SmokeList, reads_how_patient_a_check_is) {
    EXPECT_FALSE(read("tcp: h:1").patience);
    EXPECT_EQ(
        read("tcp: h:1\nretries: 5\nevery: 2s\nsettle: 30s").patience, (SmokePatience{5, 2s, 30s})
    );
    EXPECT_EQ(read("tcp: h:1\nretries: 5").patience, (SmokePatience{5, smoke_every_default, 0s}));
    EXPECT_EQ(read("tcp: h:1\nsettle: 30s").patience, (SmokePatience{0, 0s, 30s}));
}

// A change that was approved before there was more to say must not look edited.
TEST(SmokeList, keeps_the_digest_of_lists_that_use_nothing_new) {
    const auto digest_of = [](const std::string& list) {
        const auto runbook = parse_runbook(with_list(list));
        return runbook ? runbook->smoke_digest : Digest{};
    };
    EXPECT_EQ(
        digest_of("- name: page\n  http: http://x/\n  expect: ok\n  outside: true\n"
                  "- name: port\n  tcp: h:1\n- name: age\n  command: ./age\n  exit: 2\n"),
        sha256(R"([{"name":"page","kind":"http","url":"http://x/","expect_status":200,)"
               R"("expect_body":"ok","timeout":"10s","outside":true,"line":0},)"
               R"({"name":"port","kind":"tcp","address":"h:1","expect_status":0,)"
               R"("timeout":"10s","line":0},)"
               R"({"name":"age","kind":"command","script":"./age","expect_status":2,)"
               R"("timeout":"10s","line":0}])")
    );
}

TEST(SmokeList, digests_every_field) {
    const std::string lists[] = {
        "http: http://x/",
        "http: http://x/\nheaders: {a: b}",
        "http: http://x/\nheaders: {a: c}",
        "http: http://x/\njson: .ok",
        "http: http://x/\nwithin: 1s",
        "http: http://x/\nredirects: 0",
        "http: http://x/\nfinal_url: http://x/y",
        "http: http://x/\nretries: 1",
        "http: http://x/\nretries: 1\nevery: 1s",
        "http: http://x/\nsettle: 1s",
        "tls: h:1",
        "tls: h:1\ndays: 0",
        "tls: h:1\nserver_name: a",
        "tls: h:1\nca: a",
        "dns: x",
        "dns: x\ntype: TXT",
        "dns: x\nserver: '192.0.2.1'",
        "dns: x\nhas: ['192.0.2.1']",
        "dns: x\nexactly: ['192.0.2.1']",
        "dns: x\none_of: ['192.0.2.1']",
        "job: {file: /x}\nmax_age: 1h",
        "job: {file: /x}\nmax_age: 2h",
        "job: {file: /y}\nmax_age: 1h",
        "job: {url: 'http://x/'}\nat: .a\nmax_age: 1h",
        "job: {url: 'http://x/'}\nat: .b\nmax_age: 1h",
        "job: {command: a}\nmax_age: 1h",
        "job: {command: a}\nmax_age: 1h\neach: web-1",
        "sso: http://x/\nclient: a\ngrant: direct\nuser: env:U\npassword: env:P",
        "sso: http://x/\nclient: a\nredirect: http://y/\nuser: env:U\npassword: env:P",
        "sso: http://x/\nclient: a\nredirect: http://y/\nuser: env:U\npassword: env:P\njson: .a",
        "metric: a\nprometheus: http://x/\nvalue: '> 0'",
        "metric: b\nprometheus: http://x/\nvalue: '> 0'",
        "metric: a\nprometheus: http://y/\nvalue: '> 0'",
        "metric: a\nprometheus: http://x/\nvalue: '> 1'",
        "sql: a\ndatabase: env:D\nvalue: '> 0'",
        "sql: b\ndatabase: env:D\nvalue: '> 0'",
        "sql: a\ndatabase: env:E\nvalue: '> 0'",
        "sql: a\ndatabase: env:D\nvalue: '> 1'",
        "sql: a\ndatabase: env:D\nexpect: '> 1'",
    };
    std::map<std::string, std::string> seen;
    for (const auto& list : lists) {
        const auto runbook = parse_runbook(with_list(check(list)));
        ASSERT_TRUE(runbook) << list << runbook.error().message;
        const auto restored = restore<Runbook>(encode(*runbook));
        ASSERT_TRUE(restored) << list;
        EXPECT_EQ(*restored, *runbook) << list;
        const auto [other, is_new] = seen.emplace(runbook->smoke_digest.hex(), list);
        EXPECT_TRUE(is_new) << list << "\nhas the digest of\n" << other->second;
    }
}

TEST(SmokeList, fills_variables_wherever_a_ring_differs) {
    const Variables variables{{"V", "192.0.2.1"}};
    const auto filled = [&](const std::string& lines) {
        auto full = fill_variables(read(lines), variables);
        EXPECT_TRUE(full) << lines;
        return full ? encode(*full) : std::string();
    };
    for (const std::string lines :
         {"http: http://x/\nheaders: {a: '${V}'}\nfinal_url: '${V}'",
          "tls: '${V}:1'\nserver_name: '${V}'\nca: '${V}'",
          "dns: '${V}'\nserver: '${V}'\nhas: ['${V}']", "dns: x\nexactly: ['${V}']",
          "dns: x\none_of: ['${V}']", "job: {file: '${V}'}\nmax_age: 1h",
          "job: {url: '${V}'}\nat: .a\nmax_age: 1h", "job: {command: x}\nmax_age: 1h\neach: a ${V}",
          "metric: up{a='${V}'}\nprometheus: '${V}'\nvalue: '> 0'",
          "sql: x\ndatabase: '${V}'\nvalue: '> 0'",
          "sso: '${V}'\nclient: '${V}'\nredirect: '${V}'\nuser: '${V}'\npassword: '${V}'\n"
          "client_secret: '${V}'"}) {
        EXPECT_THAT(filled(lines), HasSubstr("192.0.2.1")) << lines;
        EXPECT_THAT(filled(lines), testing::Not(HasSubstr("${V}"))) << lines;
        EXPECT_FALSE(fill_variables(read(lines), {})) << lines;
    }
    // What is a program in a language of its own is left alone.
    EXPECT_THAT(
        filled("sql: select '${V}'\ndatabase: env:D\nvalue: '> 0'"), HasSubstr("select '${V}'")
    );
    EXPECT_THAT(filled("http: http://x/\njson: '\"${V}\"'"), HasSubstr("${V}"));
}

// One ring could empty the check of a list whose digest stays the same.
TEST(SmokeList, a_variable_that_is_empty_empties_no_demand) {
    const auto why = [](const std::string& lines, const Variables& variables) {
        const auto filled = fill_variables(read(lines), variables);
        return filled ? std::string() : filled.error().fields.front().message;
    };
    for (const std::string demand :
         {"expect: ${V}", "expect: Harbor ${V}", "final_url: ${V}", "headers: {a: '${V}'}"}) {
        const auto lines = "http: http://x/\n" + demand;
        EXPECT_THAT(why(lines, {{"V", ""}}), HasSubstr("${V} is empty")) << lines;
        EXPECT_EQ(why(lines, {{"V", "1.5"}, {"W", ""}}), "") << lines;
    }
    EXPECT_THAT(
        why("http: http://x/\nexpect: /x${V}/", {{"V", "*"}}), HasSubstr("holds of any answer")
    );
    EXPECT_EQ(why("http: http://x/${V}", {{"V", ""}}), "") << "an address may be shorter";
}

TEST(SmokeList, lint_says_what_is_left_open) {
    const auto rules = [](const std::string& lines) {
        std::vector<std::string> found;
        for (const auto& finding : lint_text(with_list(check(lines))).findings)
            found.push_back(
                fmt::format("{} {} {}", finding.line, to_text(finding.severity), finding.rule)
            );
        return found;
    };
    EXPECT_THAT(rules("http: http://x/\njson: '.ok |'"), ElementsAre("9 error bad-expression"));
    EXPECT_THAT(
        rules("job: {url: 'http://x/'}\nat: '.ok |'\nmax_age: 1h"),
        ElementsAre("9 error bad-expression")
    );
    EXPECT_THAT(rules("tls: h:1"), ElementsAre("9 warning no-days"));
    EXPECT_THAT(rules("command: x\noutside: true"), ElementsAre("9 warning no-probe"));
    EXPECT_THAT(
        rules("job: {file: /x}\nmax_age: 1h\noutside: true"), ElementsAre("9 warning no-probe")
    );
    EXPECT_THAT(rules("http: http://x/\noutside: true"), ElementsAre());
    EXPECT_THAT(rules("dns: x"), ElementsAre("9 warning no-records"));
    EXPECT_THAT(rules("tcp: h:1\nsettle: 1h"), ElementsAre());
    EXPECT_THAT(
        rules("tcp: h:1\nsettle: 1h\nretries: 1\nevery: 1ms"),
        ElementsAre("0 warning smoke-takes-long")
    );
    EXPECT_THAT(rules("tls: h:1\ndays: 21"), ElementsAre());
    EXPECT_THAT(rules("dns: x\nhas: ['192.0.2.1']"), ElementsAre());
    EXPECT_THAT(rules("http: http://x/\njson: .ok"), ElementsAre());
}

TEST(SmokeList, the_examples_of_the_reference_are_lists) {
    std::ifstream file(std::string(SLIPWAY_ROOT) + "/docs/reference/runbook-format.md");
    std::stringstream document;
    document << file.rdbuf();
    std::set<SmokeKind> kinds;
    for (const auto& fenced : find_blocks(document.str()).fenced) {
        if (fenced.info != "yaml")
            continue;
        const auto report = lint_text(with_list(fenced.body));
        EXPECT_TRUE(report.findings.empty()) << fenced.body << report.findings.front().message;
        ASSERT_TRUE(report.runbook) << fenced.body;
        for (const auto& one : report.runbook->smoke)
            kinds.insert(one.kind);
    }
    EXPECT_EQ(kinds.size(), enum_names(SmokeKind{}).size());
}

TEST(Comparison, is_an_operator_and_a_number) {
    for (const auto* bad :
         {"", "1", "=1", "=> 1", "<", "< ", "< x", "< 1x", "< nan", "<inf", "~ 1"})
        EXPECT_FALSE(comparison_from_text(bad)) << bad;
    const auto holds = [](std::string_view text, double value) {
        return comparison_from_text(text)->holds(value);
    };
    EXPECT_TRUE(holds("< 2", 1));
    EXPECT_FALSE(holds("< 2", 2));
    EXPECT_TRUE(holds("<=2", 2));
    EXPECT_FALSE(holds("<= 2", 2.1));
    EXPECT_TRUE(holds("> -1.5e0", -1));
    EXPECT_FALSE(holds(">   2", 2));
    EXPECT_TRUE(holds(">= 2", 2));
    EXPECT_FALSE(holds(">= 2", 1));
    EXPECT_TRUE(holds("== 0", 0));
    EXPECT_FALSE(holds("== 0", 0.1));
    EXPECT_TRUE(holds("!= 0", 0.1));
    EXPECT_FALSE(holds("!= 0", std::nan("")));
    EXPECT_FALSE(holds("< 2", std::nan("")));
}

} // namespace
} // namespace slipway::domain
