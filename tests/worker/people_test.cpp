// SPDX-License-Identifier: Apache-2.0
// People who are relied on stay: whom a change, a board or a roster names, and the last one who
// administers. Also when both are asked for at the same moment.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "door_fixture.hpp"

namespace slipway::app {

namespace {

class PeopleTest : public DoorTest {
  protected:
    static RecordRequest
    person(const std::string& id, std::string_view role, bool inactive = false) {
        auto request = record("person", id);
        request.body = *parse_json(
            fmt::format(R"({{"name":"x","roles":["{}"],"inactive":{}}})", role, inactive)
        );
        return request;
    }

    static RecordRequest board_of(std::string_view member) {
        auto request = record("board", "ecab");
        request.body = *parse_json(
            fmt::format(R"({{"name":"ECAB","emergency":true,"members":["{}"]}})", member)
        );
        return request;
    }

    Result<Answer> puts_person(const RecordRequest& request) {
        return door->put_record(rut, request);
    }

    Result<Answer> removes_person(const std::string& id) {
        return door->remove_record(rut, record("person", id));
    }

    void gives_password(const std::string& id) {
        Commit commit;
        commit.put_credentials.push_back({main, PersonId(id), "$argon2id$", 0, {}});
        ASSERT_TRUE(store->commit(std::move(commit)));
    }

    // The rule that refuses; empty when nothing is.
    static std::string rule(const Result<Answer>& answer) {
        if (answer)
            return {};
        EXPECT_EQ(answer.error().code, ErrorCode::blocked) << answer.error().message;
        if (answer.error().reasons.empty())
            return answer.error().message;
        EXPECT_FALSE(answer.error().reasons.front().remedy.empty());
        return answer.error().reasons.front().gate;
    }

    const Actor rut{main, PersonId("rut"), {domain::Role::administrator}, {}, "session"};
};

// Nobody who brings a leaver back expects what let him in before.
TEST_F(PeopleTest, sessions_and_tokens_end_when_somebody_is_made_inactive) {
    const auto gives = [&](std::string_view id, std::string_view kind) {
        Bearer bearer;
        bearer.digest = sha256(fmt::format("{} {}", id, kind));
        bearer.tenant = main;
        bearer.person = PersonId(std::string(id));
        bearer.id = fmt::format("{}-{}", id, kind);
        bearer.kind = kind;
        bearer.expires_at = clock.now() + std::chrono::hours(1);
        Commit commit;
        commit.put_bearers.push_back(bearer);
        ASSERT_TRUE(store->commit(std::move(commit)));
    };
    const auto left = [&](const std::string& id) {
        return store->list_bearers(main, PersonId(id))->size();
    };
    for (const std::string id : {"ivar", "pia"}) {
        ASSERT_TRUE(puts_person(person(id, "engineer")));
        for (const auto* kind : {"session", "token", "code"})
            gives(id, kind);
    }
    ASSERT_TRUE(puts_person(person("ivar", "viewer")));
    EXPECT_EQ(left("ivar"), 3U) << "other roles end nothing";
    ASSERT_TRUE(puts_person(person("ivar", "viewer", true)));
    EXPECT_EQ(left("ivar"), 0U);
    gives("ivar", "session"); // by a sign-in at the same moment
    ASSERT_TRUE(puts_person(person("ivar", "viewer")));
    EXPECT_EQ(left("ivar"), 0U) << "and none of then lives again";
    EXPECT_EQ(left("pia"), 3U);
    ASSERT_TRUE(removes_person("pia"));
    EXPECT_EQ(left("pia"), 0U);
}

TEST_F(PeopleTest, whom_an_open_change_names_are_not_removed) {
    const std::map<std::string, std::string> parts{
        {"implementer", "ivar"}, {"rollback_owner", "pia"}, {"rollback_backup", "sven"}};
    for (const auto& [part, id] : parts)
        ASSERT_TRUE(puts_person(person(id, "engineer")));
    ASSERT_TRUE(does(
        "open",
        R"({"title":"Site","implementer":"ivar","rollback_owner":"pia","rollback_backup":"sven"})"
    ));
    for (const auto& [part, id] : parts) {
        const auto refused = removes_person(id);
        ASSERT_EQ(rule(refused), "in-use") << id;
        EXPECT_EQ(refused.error().reasons.at(0).field, part);
        EXPECT_EQ(refused.error().reasons.at(0).evidence, "CHG-1 (Site) is planning");
    }
    EXPECT_TRUE(puts_person(person("pia", "engineer", true))) << "who has left is made inactive";
    ASSERT_TRUE(does("cancel", R"({"reason":"not needed"})"));
    for (const auto& [part, id] : parts)
        EXPECT_TRUE(removes_person(id)) << id;
}

TEST_F(PeopleTest, who_have_a_step_or_an_action_that_is_open_are_not_removed) {
    for (const auto* id : {"tom", "nils"})
        ASSERT_TRUE(puts_person(person(id, "engineer")));
    ASSERT_TRUE(does("open", R"({"title":"Site"})"));
    ASSERT_TRUE(does("assign_step", R"({"step":"scope","person":"tom"})"));
    ASSERT_TRUE(does("assign_step", R"({"step":"backup","person":"tom"})"));
    ASSERT_TRUE(
        does("add_action", R"({"title":"Mend","owner":"nils","due_at":"2027-12-20T10:00:00Z"})")
    );
    const auto of_step = removes_person("tom");
    ASSERT_EQ(rule(of_step), "in-use");
    EXPECT_EQ(of_step.error().reasons.at(0).field, "assignee");
    EXPECT_THAT(
        of_step.error().reasons.at(0).remedy,
        testing::HasSubstr("slipway change assign_step CHG-1 --step STEP --person PERSON")
    );
    ASSERT_TRUE(does("cancel", R"({"reason":"not needed"})"));
    EXPECT_TRUE(removes_person("tom")) << "its steps are nobody's any more";
    const auto of_action = removes_person("nils");
    ASSERT_EQ(rule(of_action), "in-use") << "actions outlive the change";
    EXPECT_EQ(of_action.error().reasons.at(0).message, "CHG-1 has an open action of his");
    ASSERT_TRUE(door->execute(
        {main, PersonId("nils"), {domain::Role::engineer}, {}, "session"},
        asked("complete_action", R"({"id":"A-1"})")
    ));
    EXPECT_TRUE(removes_person("nils"));
}

TEST_F(PeopleTest, who_sit_on_a_board_or_are_on_call_are_not_removed) {
    for (const auto* id : {"mika", "pia", "carl"})
        ASSERT_TRUE(puts_person(person(id, "cab_member")));
    ASSERT_TRUE(puts(board_of("mika")));
    auto roster = record("roster", "ops");
    roster.body = *parse_json(
        R"({"name":"Ops","shifts":[{"person":"pia","role":"primary","when":
            {"from":"2026-01-01T00:00","duration":"1d","zone":"UTC"}}]})"
    );
    ASSERT_TRUE(puts(roster));
    for (const auto& [id, says] : std::map<std::string, std::string>{
             {"mika", "change advisory board ecab has him as a member"},
             {"pia", "on-call roster ops has him on call"}}) {
        const auto refused = removes_person(id);
        ASSERT_EQ(rule(refused), "in-use") << id;
        EXPECT_EQ(refused.error().reasons.at(0).message, says);
    }
    ASSERT_TRUE(puts(board_of("carl")));
    EXPECT_TRUE(removes_person("mika"));
    EXPECT_TRUE(door->remove_record(petra, record("roster", "ops")));
    EXPECT_TRUE(removes_person("pia"));
}

std::vector<std::string> said_in(const Result<Answer>& answer) {
    std::vector<std::string> lines;
    EXPECT_TRUE(answer) << answer.error().message;
    const auto body = answer ? *parse_json(answer->body) : Json{};
    const auto* said = body.is_object() ? find(body, "said") : nullptr;
    for (const auto& line : said ? said->get_array() : JsonArray{})
        lines.emplace_back(view(line.get_string()));
    return lines;
}

TEST_F(PeopleTest, who_leave_are_told_where_they_are_still_named) {
    ASSERT_TRUE(puts_person(person("pia", "change_manager")));
    ASSERT_TRUE(puts(board_of("pia")));
    auto roster = record("roster", "ops");
    roster.body = *parse_json(
        R"({"name":"Ops","shifts":[{"person":"pia","role":"primary","when":
            {"from":"2026-01-01T00:00","duration":"1d","zone":"UTC"}}]})"
    );
    ASSERT_TRUE(puts(roster));
    ASSERT_TRUE(does("open", R"({"title":"Site","rollback_backup":"pia"})"));
    ASSERT_TRUE(does("assign_step", R"({"step":"scope","person":"pia"})"));
    ASSERT_TRUE(
        does("add_action", R"({"title":"Mend","owner":"pia","due_at":"2027-12-20T10:00:00Z"})")
    );
    EXPECT_THAT(said_in(puts_person(person("pia", "engineer"))), testing::IsEmpty());
    const auto gone = puts_person(person("pia", "engineer", true));
    EXPECT_THAT(
        said_in(gone),
        testing::ElementsAre(
            "change advisory board ecab still has him as a member",
            "on-call roster ops still has him on call", "CHG-1 has him as its rollback backup",
            "CHG-1 has an open step that is assigned to him", "CHG-1 has an open action of his"
        )
    );
    auto again = record("person", "pia");
    again.body = *parse_json(gone->body);
    again.body.get_object().erase("id");
    EXPECT_THAT(said_in(puts_person(again)), testing::IsEmpty()) << "sent back as it was answered";
}

TEST_F(PeopleTest, who_cannot_vote_is_named_when_the_board_is_written) {
    ASSERT_TRUE(puts_person(person("eva", "on_call")));
    ASSERT_TRUE(puts_person(person("mika", "cab_member")));
    ASSERT_TRUE(puts_person(person("zoe", "cab_member", true)));
    auto board = board_of("mika");
    board.body = *parse_json(
        R"({"name":"ECAB","emergency":true,"members":["eva","mika","zoe"],"chair":"rut"})"
    );
    ASSERT_TRUE(puts_person(person("rut", "administrator")));
    EXPECT_THAT(
        said_in(puts(board)),
        testing::ElementsAre(
            "eva cannot vote: he has no role that votes",
            "rut cannot vote: he is an administrator, who never approves",
            "zoe cannot vote: he is inactive",
            "this board can approve nothing: 1 of its people can vote, and 2 votes are needed"
        )
    );
    for (const auto* id : {"eva", "zoe"})
        ASSERT_TRUE(puts_person(person(id, "change_manager")));
    board.body.get_object().erase("chair");
    EXPECT_THAT(said_in(puts(board)), testing::IsEmpty());
}

TEST_F(PeopleTest, whose_approval_of_an_entry_is_gone_is_said) {
    const Actor cora{main, PersonId("cora"), {domain::Role::change_manager}, {}, "session"};
    auto entry = record("catalogue_entry", "restart");
    const auto approved_by = [&](std::string_view names) {
        entry.body = *parse_json(fmt::format(
            R"({{"title":"Restart","deployment_runbook":"{}","ci_classes":["host"],)"
            R"("expires_at":"2099-01-01T00:00:00Z","approved_by":[{}]}})",
            std::string(64, 'a'), names
        ));
        return entry;
    };
    EXPECT_THAT(said_in(door->put_record(cora, approved_by(R"("cora")"))), testing::IsEmpty());
    EXPECT_THAT(
        said_in(door->put_record(petra, approved_by(R"("cora","petra")"))), testing::IsEmpty()
    );
    EXPECT_THAT(
        said_in(door->put_record(petra, approved_by(R"("petra")"))),
        testing::ElementsAre("cora's approval is gone: to approve the entry as it stands now, cora "
                             "puts it with that name added to approved_by")
    );
}

TEST_F(PeopleTest, who_are_named_beside_their_removal_stay) {
    for (const auto* id : {"ivar", "mika"})
        ASSERT_TRUE(puts_person(person(id, "engineer")));
    ASSERT_TRUE(does("open", R"({"title":"Site"})"));
    clock.at_look(removal_decided, [&] {
        EXPECT_TRUE(does("assign", R"({"implementer":"ivar"})"));
    });
    EXPECT_EQ(rule(removes_person("ivar")), "in-use");
    clock.at_look(removal_decided, [&] { EXPECT_TRUE(puts(board_of("mika"))); });
    EXPECT_EQ(rule(removes_person("mika")), "in-use");
}

TEST_F(PeopleTest, who_are_removed_beside_a_change_that_names_them_are_missed) {
    for (const auto* id : {"ivar", "pia"})
        ASSERT_TRUE(puts_person(person(id, "engineer")));
    ASSERT_TRUE(does("open", R"({"title":"Site"})"));
    // The door has looked at the registers, and is not told of this.
    remove_behind_the_door({main, "person", "ivar"});
    const auto refused = does("assign", R"({"implementer":"ivar"})");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fields.at(0).field, "implementer");
}

TEST_F(PeopleTest, an_id_is_one_person_for_good) {
    ASSERT_TRUE(puts_person(person("mika", "cab_member")));
    ASSERT_TRUE(removes_person("mika"));
    const auto again = puts_person(person("mika", "cab_member"));
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().fields.at(0).field, "id");
    const auto imported =
        door->put_records(rut, "person", {{"mika", person("mika", "viewer").body}});
    ASSERT_FALSE(imported);
    EXPECT_EQ(imported.error().fields.at(0).field, "[0].id");
}

TEST_F(PeopleTest, nobody_has_the_id_of_the_server) {
    const auto refused = puts_person(person("slipway", "cab_member"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fields.at(0).field, "id");
    const auto imported =
        door->put_records(rut, "person", {{"slipway", person("slipway", "viewer").body}});
    ASSERT_FALSE(imported);
    EXPECT_EQ(imported.error().fields.at(0).field, "[0].id");
}

TEST_F(PeopleTest, the_last_active_administrator_stays_one) {
    ASSERT_TRUE(puts_person(person("rut", "administrator")));
    ASSERT_TRUE(puts_person(person("rita", "administrator", true)));
    EXPECT_EQ(rule(puts_person(person("rut", "viewer"))), "last-administrator");
    EXPECT_EQ(rule(puts_person(person("rut", "administrator", true))), "last-administrator");
    EXPECT_EQ(rule(removes_person("rut")), "last-administrator");
    const auto draft = [](const RecordRequest& request) {
        return RecordDraft{request.id, request.body};
    };
    const auto demoted = draft(person("rut", "viewer"));
    EXPECT_FALSE(door->put_records(rut, "person", {demoted}));
    EXPECT_TRUE(door->put_records(rut, "person", {demoted, draft(person("rita", "administrator"))}))
        << "one follows the other";
    EXPECT_TRUE(removes_person("rut"));
    EXPECT_EQ(rule(removes_person("rita")), "last-administrator");
}

TEST_F(PeopleTest, who_never_had_a_password_is_no_administrator_who_can_sign_in) {
    for (const auto* id : {"rut", "rita"})
        ASSERT_TRUE(puts_person(person(id, "administrator")));
    gives_password("rut");
    const std::vector<std::function<Result<Answer>()>> ways{
        [&] { return puts_person(person("rut", "viewer")); },
        [&] { return puts_person(person("rut", "administrator", true)); },
        [&] { return removes_person("rut"); }};
    for (const auto& way : ways) {
        const auto refused = way();
        ASSERT_EQ(rule(refused), "last-administrator");
        const auto& reason = refused.error().reasons.front();
        EXPECT_EQ(reason.message, "rut is the last active administrator who can sign in");
        EXPECT_EQ(reason.evidence, "rita is an administrator and has never had a password");
        EXPECT_NE(reason.remedy.find("slipway password set rita"), std::string::npos);
    }
    const RecordDraft demoted{"rut", person("rut", "viewer").body};
    EXPECT_FALSE(
        door->put_records(rut, "person", {demoted, {"ralf", person("ralf", "administrator").body}})
    ) << "whoever follows has no password yet";
    EXPECT_TRUE(removes_person("rita")) << "nobody relies on who cannot sign in";
    EXPECT_EQ(rule(removes_person("rut")), "last-administrator");
    ASSERT_TRUE(puts_person(person("ralf", "administrator")));
    gives_password("ralf");
    EXPECT_TRUE(removes_person("rut"));
}

TEST_F(PeopleTest, two_administrators_who_demote_each_other_leave_one) {
    for (const auto* id : {"rut", "rita"}) {
        ASSERT_TRUE(puts_person(person(id, "administrator")));
        gives_password(id);
    }
    clock.at_look(put_decided, [&] { EXPECT_TRUE(puts_person(person("rita", "viewer"))); });
    EXPECT_EQ(rule(puts_person(person("rut", "viewer"))), "last-administrator");
    ASSERT_TRUE(puts_person(person("rita", "administrator")));
    clock.at_look(removal_decided, [&] { EXPECT_TRUE(removes_person("rita")); });
    EXPECT_EQ(rule(removes_person("rut")), "last-administrator");
}

} // namespace

} // namespace slipway::app
