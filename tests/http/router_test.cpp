// SPDX-License-Identifier: Apache-2.0
// The pure parts: targets, entity tags, the router, the document of the API.
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "http/head.hpp"
#include "http/problem.hpp"
#include "http/target.hpp"
#include "server_fixture.hpp"

namespace slipway::test {

namespace {

using namespace slipway::http;

RC_GTEST_PROP(target, any_bytes_give_clean_segments_or_a_refusal, (const std::string& bytes)) {
    const auto parsed = parse_target("/" + bytes);
    if (!parsed)
        return;
    for (const auto& segment : parsed->segments) {
        RC_ASSERT(!segment.empty() && segment != "." && segment != "..");
        RC_ASSERT(segment.find_first_of(std::string("/\\\0", 3)) == std::string::npos);
        RC_ASSERT(is_valid_text(segment));
    }
}

TEST(target, decodes) {
    const auto parsed = parse_target("/a/b%20c?x=1+2&y=%C3%A4&z");
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->segments, (std::vector<std::string>{"a", "b c"}));
    EXPECT_EQ(
        parsed->query,
        (std::vector<std::pair<std::string, std::string>>{{"x", "1 2"}, {"y", "ä"}, {"z", ""}})
    );
}

TEST(target, entity_tags_and_lists) {
    EXPECT_EQ(parse_etag("If-Match", "\"v12\"").value(), 12);
    EXPECT_EQ(parse_etag("If-Match", "\"v12-0a1b2c3d\"").value(), 12) << "of a reading";
    for (const auto* bad :
         {"", "v12", "\"12\"", "\"v\"", "\"v-1\"", "\"v1\" ", "\"v1\",\"v2\"", "\"v1-\"",
          "\"v1-x\"", "\"v1-0a\",\"v2\""})
        EXPECT_FALSE(parse_etag("If-Match", bad).has_value()) << bad;
    EXPECT_TRUE(etag_matches("\"v1\", W/\"v2\"", "\"v2\""));
    EXPECT_FALSE(etag_matches("\"v1\"", "\"v2\""));
    EXPECT_TRUE(accepts("text/html, application/*;q=0.5", "application/json"));
    EXPECT_FALSE(accepts("*/*;q=0", "application/json"));
    EXPECT_EQ(cookie_value("a=1; slipway_session=x=y", "slipway_session"), "x=y");
    EXPECT_EQ(media_type("Application/JSON; charset=utf-8"), "application/json");
}

TEST(problem, every_code_has_its_status) {
    const std::pair<ErrorCode, int> rows[] = {
        {ErrorCode::invalid_input, 400},  {ErrorCode::unauthenticated, 401},
        {ErrorCode::forbidden, 403},      {ErrorCode::not_found, 404},
        {ErrorCode::conflict, 409},       {ErrorCode::blocked, 409},
        {ErrorCode::limit_exceeded, 413}, {ErrorCode::unavailable, 503},
        {ErrorCode::timeout, 504},        {ErrorCode::internal, 500},
    };
    for (const auto& [code, status] : rows)
        EXPECT_EQ(status_of(Error{code, "x"}, false), status);
    EXPECT_EQ(status_of(Error{ErrorCode::conflict, "x"}, true), 412);
    Error slow{ErrorCode::limit_exceeded, "x"};
    slow.retry_after_ms = 1500;
    EXPECT_EQ(status_of(slow, false), 429);
    EXPECT_NE(problem(slow, "/x").body.find("\"retry_after\":2"), std::string::npos);
}

TEST(head, date_as_the_standard_writes_it) {
    EXPECT_EQ(http_date(*time_from_text("1994-11-06T08:49:37Z")), "Sun, 06 Nov 1994 08:49:37 GMT");
}

class Document : public ServerTest {
  protected:
    Json document = *parse_json(api.openapi());
};

TEST_F(Document, every_route_is_described) {
    for (const auto& route : api.routes()) {
        const auto* path = document.at("paths").as_object().if_contains(route.path);
        ASSERT_NE(path, nullptr) << route.path;
        std::string method(method_name(route.method));
        for (char& c : method)
            c = static_cast<char>(std::tolower(c));
        const auto* operation = find(*path, method);
        ASSERT_NE(operation, nullptr) << method << route.path;
        EXPECT_EQ(text_or_empty(*operation, "operationId"), route.operation_id);
    }
}

TEST_F(Document, every_operation_is_routed_and_complete) {
    const Router router(api.routes());
    std::set<std::string> operations;
    for (const auto& path : document.at("paths").as_object()) {
        const auto target = parse_target({path.key().data(), path.key().size()});
        for (const auto& method : path.value().as_object()) {
            std::string name(method.key());
            for (char& c : name)
                c = static_cast<char>(std::toupper(c));
            const auto match = router.find(method_from_name(name), target->segments);
            ASSERT_NE(match.route, nullptr) << name << path.key();
            const Json& operation = method.value();
            EXPECT_EQ(text_or_empty(operation, "operationId"), match.route->operation_id);
            EXPECT_FALSE(text_or_empty(operation, "summary").empty());
            EXPECT_FALSE(text_or_empty(operation, "x-permission").empty());
            EXPECT_EQ(
                text_or_empty(operation.at("responses").at("default"), "$ref"),
                "#/components/responses/problem"
            );
            EXPECT_TRUE(operations.insert(match.route->operation_id).second);
        }
    }
    EXPECT_EQ(operations.size(), api.routes().size());
    EXPECT_FALSE(operations.contains("tick"));
}

} // namespace

} // namespace slipway::test
