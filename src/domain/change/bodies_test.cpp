// SPDX-License-Identifier: Apache-2.0
// Hostile bodies for every command: the schema of each row is read as an attacker would, and each
// of its fields is handed the wrong thing. All of it is invalid input that names the field.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "domain/change/testing/scenario.hpp"

namespace slipway::domain::testing {
namespace {

const Scenario& planned() {
    static const Scenario story = [] {
        Scenario s;
        open(s);
        plan(s);
        return s;
    }();
    return story;
}

Result<Decision> send(const CommandRow& row, const Json& body) {
    static const auto facts = planned().facts("rosa");
    return row.decide(planned().change, body, facts);
}

// A value that the schema accepts, so that only what a test puts in is wrong.
Json good_value(const Json& schema) {
    if (const auto* names = find(schema, "enum"))
        return names->as_array().back();
    const auto type = text_or_empty(schema, "type");
    if (type == "boolean")
        return true;
    if (type == "integer" || type == "number")
        return 1;
    if (type == "array")
        return JsonArray{};
    if (type == "object")
        return JsonObject{};
    const auto format = text_or_empty(schema, "format");
    if (format == "date-time")
        return "2026-12-01T10:00:00Z";
    const auto pattern = text_or_empty(schema, "pattern");
    if (pattern.find("64") != std::string_view::npos &&
        pattern.find("0-9a-f") != std::string_view::npos)
        return Json(boost::json::string(deployment_file().digest.hex()));
    return "x1";
}

JsonObject good_body(const CommandRow& row) {
    JsonObject body;
    const auto schema = row.schema();
    const auto* required = find(schema, "required");
    for (const auto& name : required ? required->as_array() : JsonArray{})
        body[name.as_string()] =
            good_value(*find(*find(schema, "properties"), view(name.as_string())));
    return body;
}

void expect_named(const Result<Decision>& answer, std::string_view field) {
    ASSERT_FALSE(answer) << field;
    EXPECT_EQ(answer.error().code, ErrorCode::invalid_input) << explain(answer.error());
    bool named = false;
    for (const auto& error : answer.error().fields) {
        EXPECT_FALSE(error.message.empty());
        named = named || error.field.starts_with(field);
    }
    EXPECT_TRUE(named) << field << ": " << explain(answer.error());
}

TEST(Bodies, that_are_no_objects_are_refused) {
    for (const auto& row : command_table())
        for (const auto* text : {"null", "[]", "\"x\"", "7", "true"}) {
            SCOPED_TRACE(fmt::format("{} {}", row.name, text));
            const auto answer = send(row, json(text));
            ASSERT_FALSE(answer);
            EXPECT_EQ(answer.error().code, ErrorCode::invalid_input);
            EXPECT_FALSE(answer.error().message.empty());
        }
}

TEST(Bodies, unknown_fields_are_named) {
    for (const auto& row : command_table()) {
        SCOPED_TRACE(row.name);
        auto body = good_body(row);
        body["no_such_field"] = 1;
        expect_named(send(row, body), "no_such_field");
    }
}

TEST(Bodies, missing_required_fields_are_named) {
    for (const auto& row : command_table())
        for (const auto& member : good_body(row)) {
            SCOPED_TRACE(row.name);
            auto body = good_body(row);
            body.erase(member.key());
            expect_named(send(row, body), {member.key().data(), member.key().size()});
        }
}

TEST(Bodies, wrong_types_huge_texts_and_lists_are_named) {
    const std::string huge(1024 * 1024, 'x');
    const JsonArray long_list(20000, Json("x"));
    for (const auto& row : command_table()) {
        const auto schema = row.schema();
        const auto* properties = find(schema, "properties");
        for (const auto& member : properties ? properties->as_object() : JsonObject{}) {
            const std::string_view name{member.key().data(), member.key().size()};
            const auto type = text_or_empty(member.value(), "type");
            if (type.empty() && !find(member.value(), "enum"))
                continue; // any JSON: the form of a step
            SCOPED_TRACE(fmt::format("{} {}", row.name, name));
            std::vector<Json> wrong;
            if (type != "object")
                wrong.push_back(json(R"({"a":{"b":[]}})"));
            if (type != "array")
                wrong.push_back(JsonArray{JsonArray{}});
            else
                wrong.push_back(long_list);
            if (type != "boolean")
                wrong.emplace_back(true);
            if (type != "integer" && type != "number")
                wrong.emplace_back(1e300);
            else
                wrong.emplace_back(-1e300);
            if (type != "array")
                wrong.emplace_back(huge);
            for (const auto& value : wrong) {
                auto body = good_body(row);
                body[member.key()] = value;
                expect_named(send(row, body), name);
            }
        }
    }
}

rc::Gen<Json> any_json(int depth) {
    auto scalar = rc::gen::oneOf(
        rc::gen::map(rc::gen::arbitrary<std::int64_t>(), [](auto n) { return Json(n); }),
        rc::gen::map(rc::gen::arbitrary<bool>(), [](bool b) { return Json(b); }),
        rc::gen::map(rc::gen::arbitrary<double>(), [](double d) { return Json(d); }),
        rc::gen::just(Json(nullptr)),
        rc::gen::map(
            rc::gen::arbitrary<std::string>(),
            [](const std::string& t) { return Json(boost::json::string(t)); }
        ),
        rc::gen::elementOf(std::vector<Json>{"CHG-12", "run-1", "normal", "D-1", "../x", "scope"})
    );
    if (depth == 0)
        return scalar;
    return rc::gen::oneOf(
        scalar,
        rc::gen::map(
            rc::gen::container<std::vector<Json>>(any_json(depth - 1)),
            [](const auto& list) { return Json(JsonArray(list.begin(), list.end())); }
        ),
        rc::gen::map(
            any_json(depth - 1),
            [](const Json& value) {
                return Json{{"ci", value}};
            }
        )
    );
}

TEST(Bodies, that_classify_offer_no_type_that_is_refused) {
    const auto* row = find_command("classify");
    ASSERT_NE(row, nullptr);
    const auto schema = row->schema();
    const auto& types = find(*find(*find(schema, "properties"), "type"), "enum")->as_array();
    EXPECT_EQ(types, JsonArray({"standard", "normal", "emergency"}));
}

TEST(Bodies, of_any_shape_never_crash_a_command) {
    EXPECT_TRUE(rc::check([] {
        const auto rows = command_table();
        const auto& row =
            rows[*rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::size_t>(0, rows.size()))];
        auto body = good_body(row);
        const auto schema = row.schema();
        const auto* properties = find(schema, "properties");
        for (const auto& member : properties ? properties->as_object() : JsonObject{})
            if (*rc::gen::arbitrary<bool>())
                body[member.key()] = *any_json(2);
        const auto answer = send(row, body);
        RC_ASSERT(answer || answer.error().code != ErrorCode::internal);
        RC_ASSERT(answer || !answer.error().fields.empty() || !answer.error().reasons.empty());
    }));
}

} // namespace
} // namespace slipway::domain::testing
