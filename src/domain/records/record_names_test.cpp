// SPDX-License-Identifier: Apache-2.0
// A name in a document that leads nowhere is refused by its field, with what there is instead.
#include "domain/records/record_names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/records/records.hpp"
#include "domain/records/register_table.hpp"

namespace slipway::domain {
namespace {

using ::testing::HasSubstr;

Records registered() {
    Records records;
    for (const auto* person : {"anna", "ben"})
        records.people.edit()[PersonId(person)].name = person;
    records.cis.edit()[CiId("web-1")].name = "Web server";
    records.rings.edit()["staging"].name = "Staging";
    records.connectors.edit()["mail"].manifest = "smtp";
    return records;
}

Result<void>
check(std::string_view kind, std::string_view document, const std::set<std::string>& together) {
    const auto* row = find_register(kind);
    const auto stored = TRY(row->normalise("x", TRY(parse_json(document))));
    return row->check_names(stored, registered(), together);
}

constexpr std::string_view shift =
    R"({"name":"R","shifts":[{"person":"anna","role":"primary","when":{"from":"2026-01-01T00:00",
        "duration":"1d","zone":"UTC"}}])";
constexpr std::string_view freeze =
    R"({"name":"F","reason":"money","recurrence":{"from":"2026-01-01T00:00","duration":"1d",
        "zone":"UTC"})";

TEST(RecordNames, that_lead_nowhere_are_refused_and_what_there_is_is_named) {
    const struct {
        const char* kind;
        std::string document;
        const char* field;
        const char* instead;
    } rows[] = {
        {"ci", R"({"name":"C","ci_class":"host","owner":"nobody"})", "owner", "are anna, ben"},
        {"ci", R"({"name":"C","ci_class":"host","ring":"nope"})", "ring", "is staging"},
        {"ci", R"({"name":"C","ci_class":"host","backup_connector":"nope"})", "backup_connector",
         "is mail"},
        {"ci", R"({"name":"C","ci_class":"host","depends_on":["nope"]})", "depends_on[0]",
         "is web-1"},
        {"ring", R"({"name":"R","kind":"test","snapshot_connector":"nope"})", "snapshot_connector",
         "is mail"},
        {"ring", R"({"name":"R","kind":"test","backup_connector":"nope"})", "backup_connector",
         "is mail"},
        {"board", R"({"name":"B","emergency":true,"members":["anna","ghost"]})", "members[1]",
         "are anna, ben"},
        {"board", R"({"name":"B","emergency":true,"members":["anna"],"chair":"ghost"})", "chair",
         "are anna, ben"},
        {"roster", std::string(shift).replace(shift.find("anna"), 4, "nobo") + "}",
         "shifts[0].person", "are anna, ben"},
        {"roster", std::string(shift) + R"(,"client_contact":"ghost"})", "client_contact",
         "are anna, ben"},
        {"roster", std::string(shift) + R"(,"connector":"nope"})", "connector", "is mail"},
        {"blackout", std::string(freeze) + R"(,"cis":["web-1","nope"]})", "cis[1]", "is web-1"},
        {"blackout", std::string(freeze) + R"(,"services":["nope"]})", "services[0]", "is web-1"},
        {"channel", R"({"name":"C","connector":"mail","services":["nope"]})", "services[0]",
         "is web-1"},
        {"channel", R"({"name":"C","connector":"nope"})", "connector", "is mail"},
    };

    for (const auto& row : rows) {
        const auto checked = check(row.kind, row.document, {});
        ASSERT_FALSE(checked) << row.document;
        ASSERT_EQ(checked.error().fields.size(), 1u) << checked.error().message;
        EXPECT_EQ(checked.error().fields[0].field, row.field);
        EXPECT_THAT(checked.error().fields[0].message, HasSubstr(row.instead));
        EXPECT_THAT(checked.error().fields[0].message, HasSubstr("put it first"));
    }
}

TEST(RecordNames, that_are_registered_or_come_along_are_taken) {
    EXPECT_TRUE(check(
        "ci",
        R"({"name":"C","ci_class":"host","owner":"anna","ring":"staging","depends_on":["web-1",
            "web-2"],"backup_connector":"external"})",
        {"web-2"}
    ));
    EXPECT_TRUE(check("ci", R"({"name":"C","ci_class":"host"})", {}));
    EXPECT_TRUE(check("roster", std::string(shift) + R"(,"connector":"mail"})", {}));
    EXPECT_TRUE(check("blackout", std::string(freeze) + R"(,"cis":["web-1"]})", {}));
    EXPECT_TRUE(check("channel", R"({"name":"C","connector":"mail","services":["web-1"]})", {}));
    EXPECT_TRUE(
        check("ring", R"({"name":"R","kind":"test","hosts":[{"host":"h","ci":"comes-later"}]})", {})
    );
}

TEST(RecordNames, are_not_all_listed_where_there_are_many) {
    auto records = registered();
    records.people.edit().clear();
    const auto* board = find_register("board");
    const auto document =
        *board->normalise("x", *parse_json(R"({"name":"B","emergency":true,"members":["ghost"]})"));
    EXPECT_THAT(
        board->check_names(document, records, {}).error().message, HasSubstr("none is registered")
    );
    for (int i = 0; i < 7; ++i)
        records.people.edit()[PersonId(fmt::format("p{}", i))].name = "P";
    EXPECT_THAT(
        board->check_names(document, records, {}).error().message,
        HasSubstr("there are p0, p1, p2, p3, p4 and 2 more")
    );
}

} // namespace
} // namespace slipway::domain
