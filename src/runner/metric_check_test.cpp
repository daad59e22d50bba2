// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/check.hpp"
#include "runner/loopback_server.hpp"

namespace slipway::runner {
namespace {

using namespace std::chrono_literals;
using domain::RunOutcome;
using domain::SmokeCheck;
using testing::HasSubstr;

// As Prometheus answers, with the query as it stands in the URL.
class FakePrometheus {
  public:
    static std::string path(const std::string& escaped) { return "/api/v1/query?query=" + escaped; }

    static std::string success(const std::string& type, const std::string& result) {
        return http_answer(
            "200 OK",
            fmt::format(
                R"({{"status":"success","data":{{"resultType":"{}","result":{}}}}})", type, result
            )
        );
    }

    static std::string samples(std::size_t count) {
        std::string list;
        for (std::size_t i = 0; i < count; ++i)
            list += fmt::format(
                R"({}{{"metric":{{"instance":"web-{}"}},"value":[1.5,"{}"]}})", i == 0 ? "" : ",",
                i, i
            );
        return "[" + list + "]";
    }
};

class MetricCheck : public testing::Test {
  protected:
    CheckAnswer look(const std::string& query, const std::string& value) {
        SmokeCheck check;
        check.name = "errors";
        check.kind = domain::SmokeKind::metric;
        check.timeout = 10s;
        check.url = "http://" + server_.address() + "/";
        check.metric = domain::MetricDemands{query, value};
        return check_metric(check, {});
    }

    using Fake = FakePrometheus;

    LoopbackServer server_{std::map<std::string, std::string>{
        {Fake::path("none"), Fake::success("vector", "[]")},
        {Fake::path("three"), Fake::success("vector", Fake::samples(3))},
        {Fake::path("bare"), Fake::success("vector", R"([{"metric":{},"value":[1.5,"5"]}])")},
        {Fake::path("many"), Fake::success("vector", Fake::samples(limits::smoke_samples_max + 1))},
        {Fake::path("scalar%281%29"), Fake::success("scalar", R"([1.5,"0.02"])")},
        {Fake::path("up%7Bjob%3D%22a%22%7D"), Fake::success("scalar", R"([1.5,"1"])")},
        {Fake::path("nan"), Fake::success("scalar", R"([1.5,"NaN"])")},
        {Fake::path("inf"), Fake::success("scalar", R"([1.5,"+Inf"])")},
        {Fake::path("text"), Fake::success("string", R"([1.5,"1"])")},
        {Fake::path("range"), Fake::success("matrix", R"([{"values":[[1.5,"1"]]}])")},
        {Fake::path("number"), Fake::success("scalar", "[1.5,1]")},
        {Fake::path("short"), Fake::success("scalar", "[1.5]")},
        {Fake::path("word"), Fake::success("scalar", R"([1.5,"1x"])")},
        {Fake::path("warned"),
         http_answer(
             "200 OK", R"({"status":"success","warnings":["store b was away"],"data":)"
                       R"({"resultType":"scalar","result":[1.5,"1"]}})"
         )},
        {Fake::path("partial"), http_answer(
                                    "200 OK", R"({"status":"success","isPartial":true,"data":)"
                                              R"({"resultType":"scalar","result":[1.5,"1"]}})"
                                )},
        {Fake::path("infos"),
         http_answer(
             "200 OK", R"({"status":"success","warnings":[],"isPartial":false,"infos":["i"],)"
                       R"("data":{"resultType":"scalar","result":[1.5,"1"]}})"
         )},
        {Fake::path("odd"), http_answer("200 OK", R"({"status":"success"})")},
        {Fake::path("page"), http_answer("200 OK", "<html>")},
        {Fake::path("bad%28"),
         http_answer(
             "400 Bad Request",
             R"({"status":"error","errorType":"bad_data","error":"unclosed left parenthesis"})"
         )},
        {Fake::path("down"), http_answer("503 Down", "")},
    }};
};

TEST_F(MetricCheck, refuses_what_is_no_answer) {
    for (const auto* query : {"text", "range", "number", "short", "word", "odd", "page"})
        EXPECT_EQ(look(query, "> 0").outcome, RunOutcome::unexpected_output) << query;
    EXPECT_EQ(look("down", "> 0").outcome, RunOutcome::failed);
    EXPECT_EQ(look("down", "> 0").status, 503);
    const auto bad = look("bad(", "> 0");
    EXPECT_EQ(bad.outcome, RunOutcome::failed);
    EXPECT_THAT(bad.message, HasSubstr("unclosed left parenthesis"));
    EXPECT_EQ(look("three", "0").outcome, RunOutcome::not_started);
}

TEST_F(MetricCheck, refuses_values_that_are_not_so) {
    EXPECT_EQ(look("none", "> 0").outcome, RunOutcome::unexpected_output);
    EXPECT_THAT(look("none", "> 0").message, HasSubstr("there is no sample"));
    EXPECT_EQ(look("many", ">= 0").outcome, RunOutcome::unexpected_output);
    EXPECT_THAT(look("many", ">= 0").message, HasSubstr("the limit is 1000"));
    const auto told = look("three", "< 2");
    EXPECT_EQ(told.outcome, RunOutcome::unexpected_output);
    EXPECT_THAT(
        told.message, HasSubstr("the value is 2, expected < 2, for {\"instance\":\"web-2\"}")
    );
    EXPECT_THAT(told.message, HasSubstr("web-2"));
    EXPECT_EQ(look("bare", "< 1").message, "the value is 5, expected < 1"); // no labels, so none
    for (const auto* value : {"> 0", "< 0", "== 0", "!= 0"})
        EXPECT_EQ(look("nan", value).outcome, RunOutcome::unexpected_output) << value;
    EXPECT_EQ(look("inf", "< 1").outcome, RunOutcome::unexpected_output);
}

TEST_F(MetricCheck, an_answer_that_may_lack_samples_proves_nothing) {
    const auto warned = look("warned", "> 0");
    EXPECT_EQ(warned.outcome, RunOutcome::unexpected_output);
    EXPECT_THAT(warned.message, HasSubstr("store b was away"));
    EXPECT_EQ(look("partial", "> 0").outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(look("infos", "> 0").outcome, RunOutcome::passed);
}

TEST_F(MetricCheck, compares) {
    EXPECT_EQ(look("three", "<= 2").outcome, RunOutcome::passed) << look("three", "<= 2").message;
    EXPECT_EQ(look("scalar(1)", "< 0.03").outcome, RunOutcome::passed);
    EXPECT_EQ(look("scalar(1)", "== 0.02").outcome, RunOutcome::passed);
    EXPECT_EQ(look("scalar(1)", "!= 0.02").outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(look("inf", "> 1").outcome, RunOutcome::passed);
    EXPECT_EQ(look("up{job=\"a\"}", ">= 1").outcome, RunOutcome::passed);
}

} // namespace
} // namespace slipway::runner
