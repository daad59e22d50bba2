// SPDX-License-Identifier: Apache-2.0
// Documents of the registers: what each kind refuses, by field, and that the stored bytes of an
// accepted one go into the snapshot.
#include <array>

#include <gtest/gtest.h>

#include "domain/records/records.hpp"
#include "domain/records/register_table.hpp"

namespace slipway::domain {
namespace {

Result<std::string> put(std::string_view kind, const std::string& id, std::string_view document) {
    const auto* row = find_register(kind);
    if (row == nullptr)
        return fail_field("kind", "unknown");
    return row->normalise(id, TRY(parse_json(document)));
}

const std::string runbook(64, 'a');

TEST(Registers, refuse_and_name_the_field) {
    const struct {
        const char* kind;
        const char* id;
        std::string document;
        const char* field;
    } rows[] = {
        {"person", "a", R"({})", "name"},
        {"person", "a", R"({"name":"  "})", "name"},
        {"person", "a", "{\"name\":\"a\u202eb\"}", "name"},
        {"person", "a", R"({"name":"A","email":"nobody"})", "email"},
        {"person", "a", R"({"name":"A","email":"a@b\r\nBcc: c@d"})", "email"},
        {"person", "a", R"({"name":"A","roles":["king"]})", "roles[0]"},
        {"person", "a", R"({"name":"A","password":"x"})", "password"},
        {"ci", "a", R"({"name":"A"})", "ci_class"},
        {"ci", "a", R"({"name":"A","ci_class":"host","depends_on":["a"]})", "depends_on"},
        {"ci", "a", R"({"name":"A","ci_class":"host","depends_on":["../b"]})", "depends_on[0]"},
        {"ci", "a",
         R"({"name":"A","ci_class":"scheduled_job","schedule":{"from":"x","zone":"UTC"}})",
         "schedule"},
        {"board", "a", R"({"name":"A","emergency":true,"members":[]})", "members"},
        {"board", "a", R"({"name":"A","emergency":true,"members":["b"],"quorum":2})", "quorum"},
        {"board", "a", R"({"name":"A","members":["b"]})", ""},
        {"catalogue_entry", "a",
         R"({"title":"T","deployment_runbook":")" + runbook +
             R"(","ci_classes":["host"],"approved_by":["b","b"],"expires_at":"2027-01-01T00:00:00Z"})",
         "approved_by[1]"},
        {"catalogue_entry", "a",
         R"({"title":"T","deployment_runbook":")" + runbook +
             R"(","ci_classes":[],"approved_by":["b","c"],"expires_at":"2027-01-01T00:00:00Z"})",
         "ci_classes"},
        {"roster", "a",
         R"({"name":"A","shifts":[{"person":"b","role":"primary",
             "when":{"from":"2026-01-01T00:00","zone":"Mars/X","duration":"1d"}}]})",
         "shifts[0].when"},
        {"channel", "a", R"({"name":"A","connector":"c","recipients":["a@b\nx"]})", "recipients"},
        {"ring", "a", R"({"name":"A","kind":"test","hosts":[],"variables":{"a b":"c"}})",
         "variables.a b"},
        {"ring", "a", R"({"name":"A","kind":"test","hosts":[],"variables":{"A":"secret:hunter2"}})",
         "variables.A"},
        {"ring", "a", R"({"name":"A","kind":"moon","hosts":[]})", "kind"},
        {"connector", "a", R"({"manifest":"../x"})", "manifest"},
        {"organisation", "other", R"({"name":"A","zone":"UTC"})", "id"},
        {"organisation", "main", R"({"name":"A","zone":"Mars/X"})", "zone"},
        {"blackout", "a", R"({"id":"b","name":"A","reason":"r",
             "recurrence":{"from":"2026-01-01T00:00","zone":"UTC","duration":"1d"}})",
         "id"},
        {"blackout", "a", R"({"name":"A","reason":"r",
             "recurrence":{"from":"2026-01-01T00:00","zone":"UTC","duration":"1d","rule":"FREQ=X"}})",
         "recurrence"},
    };

    for (const auto& row : rows) {
        SCOPED_TRACE(row.kind + (" " + row.document));
        const auto answer = put(row.kind, row.id, row.document);
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, ErrorCode::invalid_input);
        ASSERT_FALSE(answer.error().fields.empty());
        EXPECT_TRUE(answer.error().fields[0].field.starts_with(row.field))
            << answer.error().fields[0].field;
        EXPECT_FALSE(answer.error().fields[0].message.empty());
    }
    EXPECT_EQ(find_register("spaceship"), nullptr);
}

TEST(Registers, wrong_shapes_are_refused_by_every_kind) {
    for (const auto& row : register_table())
        for (const auto* text :
             {"null", "[]", "7", "{}", R"({"name":[],"title":{},"manifest":1})"}) {
            const auto json = parse_json(text);
            ASSERT_TRUE(json);
            const auto answer = row.normalise("a", *json);
            ASSERT_FALSE(answer) << row.name << " " << text;
            EXPECT_EQ(answer.error().code, ErrorCode::invalid_input);
        }
}

// Who plans a change would otherwise choose who judges it, and when it is forbidden.
TEST(Registers, engineers_write_neither_boards_nor_blackouts_nor_the_catalogue) {
    for (const auto* name : {"board", "blackout", "catalogue_entry"}) {
        const auto write = find_register(name)->write;
        EXPECT_FALSE(grants(std::array{Role::engineer}, write)) << name;
        EXPECT_FALSE(grants(std::array{Role::administrator}, write)) << name;
        EXPECT_TRUE(grants(std::array{Role::change_manager}, write)) << name;
    }
    EXPECT_TRUE(grants(std::array{Role::engineer}, find_register("ci")->write));
}

Result<void> written(
    const std::string* before, const std::string& after, const char* writer,
    const char* now = "2026-11-01T00:00:00Z"
) {
    return find_register("catalogue_entry")
        ->check_writer(before, after, PersonId(writer), *time_from_text(now));
}

std::string entry(const char* approved_by, const char* more = "") {
    const auto document =
        put("catalogue_entry", "a",
            fmt::format(
                R"({{"title":"T","deployment_runbook":"{}","ci_classes":["host"],"approved_by":[{}],
                "expires_at":"2027-01-01T00:00:00Z"{}}})",
                runbook, approved_by, more
            ));
    EXPECT_TRUE(document);
    return document.value_or("");
}

TEST(Registers, nobody_pre_approves_a_standard_change_in_another_name) {
    const auto forged = written(nullptr, entry(R"("petra","cora")"), "petra");
    ASSERT_FALSE(forged);
    EXPECT_EQ(forged.error().fields.at(0).field, "approved_by[1]");
    EXPECT_FALSE(written(nullptr, entry(R"("cora")"), "petra"));
    const auto first = entry(R"("petra")");
    EXPECT_TRUE(written(nullptr, first, "petra"));
    EXPECT_TRUE(written(nullptr, entry(""), "jonas"));
    const auto both = entry(R"("petra","cora")");
    EXPECT_TRUE(written(&first, both, "cora"));
    EXPECT_FALSE(written(&first, both, "paul"));
    // An edit takes away what others approved; suspending it does not.
    EXPECT_FALSE(written(&both, entry(R"("petra","cora")", R"(,"last_trials":["failed"])"), "cora")
    );
    const auto suspended = entry(R"("petra","cora")", R"(,"suspended_because":"it hurts")");
    EXPECT_TRUE(written(&both, suspended, "paul"));
    EXPECT_FALSE(written(&suspended, both, "paul"));
    EXPECT_TRUE(written(&suspended, entry(R"("paul")"), "paul"));
}

TEST(Registers, a_standard_change_that_has_expired_is_not_put) {
    const auto document = entry(R"("petra")");
    EXPECT_TRUE(written(nullptr, document, "petra", "2026-12-31T23:59:59Z"));
    const auto late = written(nullptr, document, "petra", "2027-01-01T00:00:00Z");
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().fields.at(0).field, "expires_at");
    EXPECT_NE(late.error().message.find("after now, 2027-01-01"), std::string::npos);
}

TEST(Registers, an_item_depends_only_on_what_is_registered_or_comes_with_it) {
    const auto* row = find_register("ci");
    const auto site =
        put("ci", "site",
            R"({"name":"Site","ci_class":"application","depends_on":["web-1","db"]})");
    ASSERT_TRUE(site);
    Records records;
    ASSERT_TRUE(put_record(records, "ci", "web-1", R"({"name":"Web","ci_class":"host"})"));
    const auto refused = row->check_names(*site, records, {"site"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_input);
    EXPECT_EQ(refused.error().fields.at(0).field, "depends_on[1]");
    EXPECT_NE(refused.error().message.find("no configuration item db"), std::string::npos);
    EXPECT_TRUE(row->check_names(*site, records, {"db", "site"}));
    EXPECT_EQ(*row->names(*site), (std::vector<std::string>{"web-1", "db"}));
    EXPECT_TRUE(row->named_by(records, "web-1").empty());
    ASSERT_TRUE(put_record(records, "ci", "site", *site));
    ASSERT_EQ(row->named_by(records, "web-1").size(), 1U);
    EXPECT_EQ(row->named_by(records, "web-1").front().id, "site");
}

TEST(Registers, boards_and_rosters_name_people) {
    Records records;
    ASSERT_TRUE(put_record(
        records, "board", "cab", R"({"name":"CAB","chair":"cora","members":["cora","mika"]})"
    ));
    ASSERT_TRUE(put_record(
        records, "roster", "ops",
        R"({"name":"Ops","client_contact":"carl","shifts":[{"person":"pia","role":"primary",
            "when":{"from":"2026-01-01T00:00","duration":"1d","zone":"UTC"}}]})"
    ));
    const std::map<std::string, std::string> expected{
        {"cora", "board/cab chair"},
        {"mika", "board/cab members"},
        {"pia", "roster/ops shifts"},
        {"carl", "roster/ops client_contact"},
        {"vic", ""}};
    for (const auto& [person, named] : expected) {
        std::string found;
        for (const auto& use : find_register("person")->named_by(records, person))
            found += fmt::format("{}/{} {}", use.kind, use.id, use.field);
        EXPECT_EQ(found, named);
    }
}

TEST(Registers, an_accepted_document_is_canonical_and_enters_the_snapshot) {
    const auto bytes =
        put("ci", "site", R"({"depends_on":["web-1"],"ci_class":"application","name":"Site"})");
    ASSERT_TRUE(bytes);
    EXPECT_EQ(*bytes, R"({"name":"Site","ci_class":"application","depends_on":["web-1"]})");
    Records records;
    ASSERT_TRUE(put_record(records, "ci", "site", *bytes));
    EXPECT_EQ(records.cis.at(CiId("site")).name, "Site");
    EXPECT_EQ(records.dependents.at(CiId("web-1")), std::vector<CiId>{CiId("site")});
    EXPECT_FALSE(put_record(records, "ci", "site", "no json"));
}

TEST(Registers, the_snapshot_follows_what_is_put_again_and_dropped) {
    const auto ci = [](std::string_view needs) {
        return fmt::format(
            R"({{"name":"Site","ci_class":"application","depends_on":[{}]}})", needs
        );
    };
    Records records;
    ASSERT_TRUE(put_record(records, "ci", "site", ci(R"("web-1","db")")));
    ASSERT_TRUE(put_record(records, "ci", "feed", ci(R"("db")")));
    const auto before = records;
    ASSERT_TRUE(put_record(records, "ci", "site", ci(R"("db")")));
    EXPECT_FALSE(records.dependents.contains(CiId("web-1")));
    EXPECT_EQ(records.dependents.at(CiId("db")), (std::vector{CiId("feed"), CiId("site")}));
    drop_record(records, "ci", "feed");
    EXPECT_FALSE(records.cis.contains(CiId("feed")));
    EXPECT_EQ(records.dependents.at(CiId("db")), std::vector{CiId("site")});
    EXPECT_TRUE(before.cis.contains(CiId("feed"))) << "an earlier snapshot stands still";
    clear_records(records, "ci");
    EXPECT_TRUE(records.cis.empty());
    EXPECT_TRUE(records.dependents.empty());
}

TEST(Registers, every_kind_can_be_looked_up_and_has_a_schema) {
    for (const auto& row : register_table()) {
        EXPECT_EQ(find_register(row.name), &row);
        EXPECT_TRUE(row.schema().is_object()) << row.name;
    }
}

} // namespace
} // namespace slipway::domain
