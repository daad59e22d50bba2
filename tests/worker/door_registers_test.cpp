// SPDX-License-Identifier: Apache-2.0
// The real door on a private SQLite store: what it asks of boards and rings that are written, and
// what it shows of them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/tenant_records.hpp"
#include "domain/change/testing/scenario.hpp"
#include "domain/records/ring_contents.hpp"

#include "door_fixture.hpp"

namespace slipway::app {

namespace {

TEST_F(DoorTest, a_board_shows_the_quorum_that_applies) {
    put_people({"cora", "mika", "ivar"});
    const auto board = [](int quorum) {
        return *parse_json(fmt::format(
            R"({{"name":"CAB","chair":"cora","members":["cora","mika","ivar"],"quorum":{},"schedule":)"
            R"({{"lead_time":"48h","meetings":{{"from":"2026-01-01T10:00","duration":"1h",)"
            R"("zone":"UTC","rule":"FREQ=DAILY"}}}}}})",
            quorum
        ));
    };
    ASSERT_TRUE(door->put_record(petra, {"board", "cab", board(0), {}, {}, {}}));
    const auto applies = [&] {
        const auto shown = *parse_json(door->show_record(petra, "board", "cab")->body);
        const auto listed =
            *parse_json(door->list_records(petra, "board", "", 9)->rows.at(0).second);
        EXPECT_EQ(listed.at("quorum_applies"), shown.at("quorum_applies"));
        return shown.at("quorum_applies").to_number<int>();
    };
    EXPECT_EQ(applies(), 2) << "the policy's";
    const auto read = *parse_json(door->show_record(petra, "board", "cab")->body);
    EXPECT_TRUE(door->put_record(petra, {"board", "cab", read, {}, {}, {}})) << "sent back as read";
    ASSERT_TRUE(door->put_record(petra, {"board", "cab", board(3), {}, {}, {}})) << "its own";
    EXPECT_EQ(applies(), 3);
}

TEST_F(DoorTest, a_board_without_meetings_shows_none_and_can_be_sent_back) {
    put_people({"mika"});
    auto request = record("board", "ecab");
    request.body = *parse_json(R"({"name":"ECAB","emergency":true,"members":["mika"]})");
    const auto put = door->put_record(petra, request);
    ASSERT_TRUE(put) << put.error().message;
    const auto read = *parse_json(door->show_record(petra, "board", "ecab")->body);
    auto written = *parse_json(put->body);
    EXPECT_TRUE(written.as_object().erase("said")) << "mika cannot vote";
    EXPECT_EQ(
        written, read
    ) << "a writing answers what a reading shows, and what is to be said of it";
    EXPECT_EQ(find(read, "schedule"), nullptr);
    request.body = read;
    const auto back = door->put_record(petra, request);
    EXPECT_TRUE(back) << back.error().message;
}

TEST_F(DoorTest, a_ring_shows_the_contents_that_a_catalogue_entry_names) {
    put_ring("live");
    const auto read = *parse_json(door->show_record(petra, "ring", "live")->body);
    EXPECT_EQ(
        text_or_empty(read, "contents"),
        domain::ring_contents("live", *restore<domain::RingRecord>(read)).hex()
    );
    const auto back = door->put_record(petra, {"ring", "live", read, {}, {}, {}});
    EXPECT_TRUE(back) << "sent back as read: " << back.error().message;
}

TEST_F(DoorTest, a_record_whose_lists_are_empty_could_not_be_sent_back) {
    for (const auto* row :
         {R"({"kind":"ring","body":{"name":"x","kind":"staging","hosts":[]}})",
          R"({"kind":"roster","body":{"name":"x","shifts":[]}})"}) {
        const auto wanted = *parse_json(row);
        auto request = record(std::string(text_or_empty(wanted, "kind")), "bare");
        request.body = *wanted.as_object().if_contains("body");
        const auto put = puts(request);
        ASSERT_TRUE(put) << row << put.error().message;
        request.body = *parse_json(door->show_record(petra, request.kind, "bare")->body);
        const auto again = puts(request);
        EXPECT_TRUE(again) << row << again.error().message;
    }
}

TEST_F(DoorTest, registers_know_who_wrote_a_ring_last) {
    TenantRecords records(*store);
    put_ring("live");
    EXPECT_EQ((*records.of(main))->ring_writes.at("live").by.value, "petra") << "with all others";
    const auto read = *parse_json(door->show_record(petra, "ring", "live")->body);
    ASSERT_TRUE(door->put_record(ina, {"ring", "live", read, {}, {}, {}}));
    records.forget(main);
    const auto written = (*records.of(main))->ring_writes.at("live");
    EXPECT_EQ(written.by.value, "ina") << "by itself";
    EXPECT_NE(written.at, Time{});
}

TEST_F(DoorTest, a_ring_names_no_secret_that_may_never_be_asked_for) {
    const auto strict = *Door::open(
        {*store,
         clock,
         random,
         SLIPWAY_ROOT,
         {},
         [](domain::RingKind kind, const std::string& id,
            std::string_view reference) -> Result<void> {
             const auto place = fmt::format("/secrets/{}/{}/", to_text(kind), id);
             if (reference.starts_with("file:" + place))
                 return {};
             return fail(ErrorCode::invalid_input, "file: needs a path below " + place);
         }}
    );
    const auto ring = [](const std::string& token) {
        return *parse_json(
            R"({"name":"Edge","kind":"staging","hosts":[],"variables":{"PLAIN":"env:HOME","TOKEN":")" +
            token + "\"}}"
        );
    };
    const auto refused =
        strict->put_record(petra, {"ring", "edge", ring("secret:env:HOME"), {}, {}});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_input);
    EXPECT_EQ(refused.error().fields.front().field, "variables.TOKEN");
    EXPECT_EQ(
        refused.error().fields.front().message, "file: needs a path below /secrets/staging/edge/"
    );
    const std::string good = "secret:file:/secrets/staging/edge/token";
    EXPECT_TRUE(strict->put_record(petra, {"ring", "edge", ring(good), {}, {}}));
    EXPECT_FALSE(strict->put_record(petra, {"ring", "other", ring(good), {}, {}}));
    const auto imported =
        strict->put_records(petra, "ring", {{"edge", ring(good)}, {"two", ring(good)}}, {});
    ASSERT_FALSE(imported);
    EXPECT_EQ(imported.error().fields.front().field, "[1].variables.TOKEN");
}

TEST_F(DoorTest, a_password_in_a_connectors_settings_was_in_the_ledger_for_good) {
    const Actor rut{main, PersonId("rut"), {domain::Role::administrator}, {}, "session"};
    const auto check = [](const std::string& id,
                          const domain::ConnectorRecord& connector) -> Result<void> {
        const auto given = text_or_empty(connector.settings, "password");
        return given.starts_with("file:/secrets/" + id)
                   ? Result<void>()
                   : fail_field("settings.password", "expected a reference to the secret");
    };
    const auto strict = *Door::open({*store, clock, random, SLIPWAY_ROOT, {}, {}, check});
    const auto connector = [](const std::string& password) {
        return *parse_json(R"({"manifest":"restic","settings":{"password":")" + password + "\"}}");
    };
    const auto refused =
        strict->put_record(rut, {"connector", "nightly", connector("hunter2"), {}, {}, {}});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_input);
    EXPECT_EQ(refused.error().fields.front().field, "settings.password");
    const auto good = connector("file:/secrets/nightly");
    const auto imported = strict->put_records(
        rut, "connector", {{"nightly", good}, {"other", connector("hunter2")}}, {}
    );
    ASSERT_FALSE(imported);
    EXPECT_EQ(imported.error().fields.front().field, "[1].settings.password");
    EXPECT_TRUE(strict->put_record(rut, {"connector", "nightly", good, {}, {}, {}}));
}

TEST_F(DoorTest, a_channel_names_a_connector_that_is_there_and_keeps_it) {
    const Actor rut{main, PersonId("rut"), {domain::Role::administrator}, {}, "session"};
    const auto document = [](std::string_view connector) {
        return *parse_json(fmt::format(R"({{"name":"x","connector":"{}"}})", connector));
    };
    for (const auto* kind : {"channel", "roster"}) {
        const auto refused = puts({kind, "mail", document("nosuch"), {}, {}, {}});
        ASSERT_FALSE(refused) << kind;
        EXPECT_EQ(refused.error().code, ErrorCode::invalid_input);
        EXPECT_EQ(refused.error().fields.front().field, "connector");
        const auto imported = door->check_references(petra, kind, {{"m", document("nosuch")}});
        ASSERT_FALSE(imported) << kind;
        EXPECT_EQ(imported.error().fields.front().field, "[0].connector");
        EXPECT_TRUE(puts({kind, "by-hand", document("external"), {}, {}, {}})) << kind;
    }
    const auto smtp = *parse_json(R"({"manifest":"smtp"})");
    ASSERT_TRUE(door->put_record(rut, {"connector", "smtp", smtp, {}, {}, {}}));
    ASSERT_TRUE(puts({"channel", "mail", document("smtp"), {}, {}, {}}));
    const auto used = door->remove_record(rut, record("connector", "smtp"));
    ASSERT_FALSE(used);
    EXPECT_EQ(used.error().code, ErrorCode::blocked);
    ASSERT_TRUE(removes(record("channel", "mail")));
    EXPECT_TRUE(door->remove_record(rut, record("connector", "smtp")));
}

TEST_F(DoorTest, an_item_that_names_what_is_not_there_is_refused_alone_and_in_an_import) {
    const auto document = [](std::string_view owner) {
        return *parse_json(fmt::format(R"({{"name":"x","ci_class":"host","owner":"{}"}})", owner));
    };
    put_people({"ivar"});
    const auto alone = puts({"ci", "web", document("iver"), {}, {}, {}});
    ASSERT_FALSE(alone);
    EXPECT_EQ(alone.error().fields.front().field, "owner");
    EXPECT_NE(alone.error().message.find("there is ivar"), std::string::npos);
    const auto imported =
        door->check_references(petra, "ci", {{"web", document("ivar")}, {"db", document("iver")}});
    ASSERT_FALSE(imported);
    EXPECT_EQ(imported.error().fields.front().field, "[1].owner");
    EXPECT_TRUE(puts({"ci", "web", document("ivar"), {}, {}, {}}));
}

TEST_F(DoorTest, nobody_makes_a_production_ring_one_for_tests_to_run_there_what_nobody_approved) {
    const auto ring = [](std::string_view kind) {
        return *parse_json(fmt::format(R"({{"name":"x","kind":"{}","hosts":[]}})", kind));
    };
    const auto put = [&](const Actor& actor, std::string_view kind) {
        return door->put_record(actor, {"ring", "harbor", ring(kind), {}, {}, {}});
    };
    EXPECT_TRUE(put(ina, "pilot"));
    EXPECT_TRUE(put(ina, "production"));
    const auto edited = put(ina, "production");
    ASSERT_FALSE(edited) << "its machines could be a test ring's for a moment";
    EXPECT_EQ(edited.error().reasons.at(0).field, "ring");
    EXPECT_NE(edited.error().reasons.at(0).remedy, "");
    EXPECT_TRUE(put(petra, "production"));
    const auto refused = put(petra, "test");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::blocked);
    EXPECT_EQ(refused.error().reasons.at(0).gate, "run-exact");
    EXPECT_EQ(refused.error().reasons.at(0).field, "kind");
    EXPECT_NE(refused.error().reasons.at(0).remedy, "");
    const auto imported = door->put_records(ina, "ring", {{"harbor", ring("staging")}}, {});
    ASSERT_FALSE(imported);
    EXPECT_EQ(imported.error().code, ErrorCode::blocked);
    EXPECT_FALSE(door->remove_record(ina, {"ring", "harbor", {}, {}, {}, {}}));
    ASSERT_TRUE(door->remove_record(petra, {"ring", "harbor", {}, {}, {}, {}}));
    EXPECT_FALSE(put(ina, "test")) << "removed and put anew";
    const Actor alma{main, PersonId("alma"), {domain::Role::administrator}, {}, "session"};
    EXPECT_TRUE(put(alma, "test"));
    EXPECT_TRUE(put(ina, "staging"));
}

TEST_F(DoorTest, no_ring_for_tests_has_a_machine_of_production) {
    const auto ring = [](std::string_view kind, std::string_view address) {
        return *parse_json(fmt::format(
            R"({{"name":"x","kind":"{}","hosts":[{{"host":"web","address":"{}"}}]}})", kind, address
        ));
    };
    const auto put = [&](const std::string& id, const Json& body) {
        return door->put_record(ina, {"ring", id, body, {}, {}, {}});
    };
    ASSERT_TRUE(put("live", ring("production", "web-1")));
    const auto refused = put("fake", ring("staging", "root@WEB-1"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::blocked);
    const auto& reason = refused.error().reasons.at(0);
    EXPECT_EQ(reason.field, "hosts[0]");
    EXPECT_EQ(reason.evidence, "fake has web (root@WEB-1), live has web (web-1)");
    EXPECT_NE(reason.remedy, "");
    EXPECT_FALSE(door->show_record(ina, "ring", "fake"));
    // Nor is production put where a test ring is.
    ASSERT_TRUE(put("edge", ring("test", "edge-1")));
    EXPECT_FALSE(put("live", ring("production", "edge-1")));
    EXPECT_TRUE(put("other", ring("test", "edge-1"))) << "rings for tests share what they like";
    const auto imported = door->put_records(
        ina, "ring", {{"one", ring("pilot", "pilot-1")}, {"two", ring("pilot", "web-1")}}, {}
    );
    ASSERT_FALSE(imported);
    EXPECT_EQ(imported.error().reasons.at(0).field, "[1].hosts[0]");
    // Two rings change places in one import, and not one after the other.
    EXPECT_TRUE(door->remove_record(ina, {"ring", "other", {}, {}, {}, {}}));
    EXPECT_TRUE(door->put_records(
        petra, "ring", {{"live", ring("production", "edge-1")}, {"edge", ring("test", "web-1")}}, {}
    ));
}

TEST_F(DoorTest, of_two_rings_that_are_put_on_one_machine_at_the_same_moment_one_is_refused) {
    const auto ring = [](std::string_view kind) {
        return *parse_json(fmt::format(
            R"({{"name":"x","kind":"{}","hosts":[{{"host":"web","address":"web-1"}}]}})", kind
        ));
    };
    clock.at_look(put_decided, [&] {
        EXPECT_TRUE(door->put_record(petra, {"ring", "live", ring("production"), {}, {}, {}}));
    });
    const auto late = door->put_record(ina, {"ring", "fake", ring("staging"), {}, {}, {}});
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::blocked);
}

TEST_F(DoorTest, the_registers_know_who_wrote_a_board_last) {
    put_people({"mika"});
    const auto board = *parse_json(R"({"name":"ECAB","emergency":true,"members":["mika"]})");
    const Actor carla{main, PersonId("carla"), {domain::Role::cab_chair}, {}, "session"};
    TenantRecords records(*store);
    for (const auto* writer : {&petra, &carla}) {
        ASSERT_TRUE(door->put_record(*writer, {"board", "ecab", board, {}, {}, {}}));
        records.forget(main);
        EXPECT_EQ((*records.of(main))->board_writes.at("ecab").by, writer->person);
    }
    TenantRecords later(*store);
    EXPECT_EQ((*later.of(main))->board_writes.at("ecab").by, carla.person) << "from the ledger";
    ASSERT_TRUE(door->remove_record(petra, record("board", "ecab")));
    records.forget(main);
    EXPECT_TRUE((*records.of(main))->board_writes.empty());
}

TEST_F(DoorTest, there_is_one_board_for_emergencies) {
    put_people({"mika"});
    const auto ecab = *parse_json(R"({"name":"ECAB","emergency":true,"members":["mika"]})");
    const auto put = [&](const char* id) {
        return door->put_record(petra, {"board", id, ecab, {}, {}, {}});
    };
    EXPECT_FALSE(door->put_records(petra, "board", {{"day", ecab}, {"night", ecab}}));
    clock.at_look(put_decided, [&] { EXPECT_TRUE(put("day")); });
    const auto late = put("night");
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().reasons.at(0).gate, "cab-decision");
    EXPECT_EQ(late.error().reasons.at(0).evidence, "day (ECAB) is the ECAB");
    EXPECT_FALSE(door->put_records(petra, "board", {{"night", ecab}}));
    EXPECT_TRUE(put("day")) << "the same one may be edited";
    ASSERT_TRUE(door->remove_record(petra, record("board", "day")));
    EXPECT_TRUE(put("night"));
}

TEST_F(DoorTest, nobody_composes_the_board_of_his_own_change) {
    put_people({"cora", "mika"});
    const auto board = *parse_json(
        R"({"name":"CAB","chair":"cora","members":["cora","mika"],"schedule":{"lead_time":"48h",)"
        R"("meetings":{"from":"2026-01-01T10:00","duration":"1h","zone":"UTC","rule":"FREQ=DAILY"}}})"
    );
    const Actor carla{main, PersonId("carla"), {domain::Role::change_manager}, {}, "session"};
    ASSERT_TRUE(door->put_record(petra, {"board", "cab", board, {}, {}, {}}));
    const StreamKey key{main, "change", "CHG-1"};
    ChangeSummary summary;
    summary.id = "CHG-1";
    summary.number = 1;
    summary.state = "in_review";
    summary.requester = "petra";
    summary.meeting = "cab@2026-11-25T10:00:00.000Z";
    StreamWrite write{key, 0, {}, "{}", false, summary};
    write.events.push_back(make_event({key, 1, clock.now(), carla}, "brought", "{}"));
    Commit commit;
    commit.writes.push_back(std::move(write));
    ASSERT_TRUE(store->commit(std::move(commit)));
    const auto refused = door->put_record(petra, {"board", "cab", board, {}, {}, {}});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reasons.at(0).gate, "cab-decision");
    EXPECT_NE(refused.error().reasons.at(0).evidence.find("CHG-1"), std::string::npos);
    EXPECT_FALSE(door->put_records(petra, "board", {{"cab", board}}));
    EXPECT_FALSE(door->remove_record(petra, {"board", "cab", {}, {}, {}, {}}));
    EXPECT_TRUE(door->put_record(petra, {"board", "other", board, {}, {}, {}}));
    EXPECT_TRUE(door->put_record(carla, {"board", "cab", board, {}, {}, {}}));
}

TEST_F(DoorTest, a_command_that_edits_a_record_keeps_what_others_wrote_into_it) {
    auto change = domain::testing::deployed().change;
    change.tenant = main;
    change.id = ChangeId("CHG-1");
    const auto scoped = change.scope->cis.front();
    ASSERT_FALSE(scoped.version_to.empty());
    for (const auto& each : change.scope->cis)
        put_ci(main, each.ci.value, "before");
    const StreamKey key{main, "change", "CHG-1"};
    StreamWrite write{key, 0, {}, encode(change), false, {}};
    write.events.push_back(make_event({key, 1, clock.now(), petra}, "brought", "{}"));
    Commit commit;
    commit.writes.push_back(std::move(write));
    ASSERT_TRUE(store->commit(std::move(commit)));
    clock.at_look(command_decided, [&] { put_ci(main, scoped.ci.value, "meanwhile"); });
    const auto told = does("update_cmdb", "{}");
    ASSERT_TRUE(told) << told.error().message;
    const auto shown = *parse_json(door->show_record(petra, "ci", scoped.ci.value)->body);
    EXPECT_EQ(text_or_empty(shown, "name"), "meanwhile");
    EXPECT_EQ(text_or_empty(shown, "version"), scoped.version_to);
    // Who does not wait is asked again.
    clock.at_look(command_decided, [&] { put_ci(main, scoped.ci.value, "once more"); });
    EXPECT_FALSE(later(asked("update_cmdb", "{}")));
}

} // namespace

} // namespace slipway::app
