// SPDX-License-Identifier: Apache-2.0
// Finding changes: filters, pages and full-text search, the same on both databases whatever people
// type.
#include <fmt/format.h>

#include "contract/contract.hpp"

namespace slipway::contract {

class SearchContract : public StoreContract {
  protected:
    void put(std::uint64_t number, const std::string& text, TenantId tenant = acme) {
        app::ChangeSummary summary;
        summary.number = number;
        summary.search_text = text;
        put(summary, std::move(tenant));
    }

    void put(const app::ChangeSummary& summary, TenantId tenant = acme) {
        must(store().commit(commit_of(change_write(summary, std::move(tenant)))));
    }

    std::vector<std::uint64_t> find(app::ChangeQuery query) {
        query.tenant = acme;
        std::vector<std::uint64_t> numbers;
        for (const auto& summary : must(store().find_changes(query)))
            numbers.push_back(summary.number);
        return numbers;
    }

    std::vector<std::uint64_t> text(const std::string& words) {
        app::ChangeQuery query;
        query.text = words;
        return find(query);
    }
};

using testing::ElementsAre;
using testing::IsEmpty;

TEST_P(SearchContract, hostile_text_is_text) {
    put(1, "deploy the billing service");
    for (const auto* hostile :
         {"\"",
          "'",
          "*",
          "\"deploy\" OR 1",
          "deploy NOT billing",
          "deploy AND (",
          "NEAR(deploy)",
          "words:deploy",
          "deploy'; drop table event; --",
          "!deploy & |",
          "deploy:*b",
          "<->",
          "\\",
          "deploy\xFF\xFE",
          "%",
          ":seq",
          "$1",
          "{",
          "^deploy x",
          "-deploy y",
          "\xC3"}) {
        app::ChangeQuery query;
        query.tenant = acme;
        query.text = hostile;
        const auto found = store().find_changes(query);
        EXPECT_TRUE(found.has_value()) << hostile;
    }
    EXPECT_THAT(text("deploy NOT billing"), IsEmpty()) << "NOT is a word like any other";
    EXPECT_THAT(text("\"deploy\" (billing*"), ElementsAre(1));
    EXPECT_THAT(text("***"), IsEmpty());
    EXPECT_THAT(text(std::string(100'000, '"') + "deploy"), ElementsAre(1));
    EXPECT_THAT(text(std::string(100'000, 'a')), IsEmpty());
}

TEST_P(SearchContract, hostile_text_can_be_stored) {
    put(1, "a 'quote' \"double\" back\\slash co:lon 1.4.2 user@host.example foo-bar_baz");
    put(2, "broken \xFF\xFE utf and \xED\xA0\x80 surrogate fine");
    put(3, std::string(200'000, 'x') + " tail");
    put(4, "");
    EXPECT_THAT(text("double back"), ElementsAre(1));
    EXPECT_THAT(text("1.4.2"), ElementsAre(1));
    EXPECT_THAT(text("host.example"), ElementsAre(1));
    EXPECT_THAT(text("foo baz"), ElementsAre(1));
    EXPECT_THAT(text("surrogate fine"), ElementsAre(2));
    EXPECT_THAT(text("tail"), ElementsAre(3));
}

TEST_P(SearchContract, all_words_must_be_there_and_the_last_may_be_a_beginning) {
    put(1, "Upgrade the ROUTER firmware");
    put(2, "Upgrade of the database");
    put(3, "\xC3\x84nderung der Datenbank in K\xC3\xB6ln");
    EXPECT_THAT(text("upgrade"), ElementsAre(2, 1));
    EXPECT_THAT(text("upgrade rout"), ElementsAre(1));
    EXPECT_THAT(text("upg router"), IsEmpty()) << "only the last word may be a beginning";
    EXPECT_THAT(text("dat"), ElementsAre(3, 2));
    EXPECT_THAT(text("\xC3\xA4nderung"), ElementsAre(3));
    EXPECT_THAT(text("K\xC3\x96LN"), ElementsAre(3));
    EXPECT_THAT(text("firmware router"), ElementsAre(1)) << "in any order";
    EXPECT_THAT(text("outer"), IsEmpty());
}

TEST_P(SearchContract, search_text_is_replaced_only_when_it_changed) {
    put(1, "before");
    auto write = write_of({acme, "change", "CHG-1"}, 1);
    write.summary.emplace();
    write.summary->id = "CHG-1";
    write.summary->number = 1;
    write.summary->search_text = "after";
    write.search_changed = false;
    must(store().commit(commit_of(write)));
    EXPECT_THAT(text("before"), ElementsAre(1));
    write.expected_version = 2;
    write.events = {event_of(write.key, 3)};
    write.search_changed = true;
    must(store().commit(commit_of(write)));
    EXPECT_THAT(text("before"), IsEmpty());
    EXPECT_THAT(text("after"), ElementsAre(1));
    write.expected_version = 3;
    write.events = {event_of(write.key, 4)};
    write.removed = true;
    must(store().commit(commit_of(write)));
    EXPECT_THAT(text("after"), IsEmpty());
    EXPECT_THAT(find({}), IsEmpty());
}

TEST_P(SearchContract, filters_work_alone_and_together) {
    for (std::uint64_t number = 1; number <= 30; ++number) {
        app::ChangeSummary summary;
        summary.number = number;
        summary.state = number % 3 == 0 ? "closed" : number % 3 == 1 ? "draft" : "approved";
        summary.type = number % 2 == 0 ? "normal" : "standard";
        summary.requester = fmt::format("person-{}", number % 5);
        summary.change_owner = fmt::format("owner-{}", number % 4);
        summary.meeting = number % 10 == 0 ? "cab-7" : "";
        summary.cis = {fmt::format("ci-{}", number % 6), "shared", "shared"};
        summary.window_start = at(static_cast<std::int64_t>(number) * 100);
        summary.window_end = at(static_cast<std::int64_t>(number) * 100 + 50);
        summary.search_text = number % 7 == 0 ? "seventh harbor" : "harbor";
        put(summary);
    }
    EXPECT_THAT(find({.states = {"closed"}, .limit = 3}), ElementsAre(30, 27, 24));
    EXPECT_THAT(find({.states = {"closed", "draft"}, .limit = 4}), ElementsAre(30, 28, 27, 25));
    EXPECT_THAT(
        find({.states = {"closed", "draft"}, .before_number = 27, .limit = 2}), ElementsAre(25, 24)
    );
    EXPECT_THAT(find({.states = {"closed"}, .types = {"normal"}, .limit = 2}), ElementsAre(30, 24));
    EXPECT_THAT(find({.requester = "person-0", .change_owner = "owner-0"}), ElementsAre(20));
    EXPECT_THAT(find({.cis = {"ci-5"}, .before_number = 20}), ElementsAre(17, 11, 5));
    EXPECT_THAT(find({.cis = {"shared"}, .limit = 2}), ElementsAre(30, 29));
    EXPECT_THAT(find({.states = {"draft"}, .cis = {"ci-4"}}), ElementsAre(28, 22, 16, 10, 4));
    EXPECT_THAT(find({.cis = {"ci-5", "ci-4"}, .limit = 3}), ElementsAre(29, 28, 23));
    EXPECT_THAT(find({.text = "seventh", .cis = {"ci-1"}}), ElementsAre(7));
    EXPECT_THAT(
        find({.cis = {"ci-5", "shared"}, .window_from = at(450), .window_until = at(700)}),
        ElementsAre(6, 5)
    );
    EXPECT_THAT(
        find({.cis = {"ci-5"}, .window_from = at(450), .window_until = at(700)}), ElementsAre(5)
    );
    EXPECT_THAT(find({.meeting = "cab-7"}), ElementsAre(30, 20, 10));
    EXPECT_THAT(find({.window_from = at(450), .window_until = at(700)}), ElementsAre(6, 5));
    EXPECT_THAT(find({.window_from = at(2950)}), ElementsAre(30));
    EXPECT_THAT(find({.window_until = at(250)}), ElementsAre(2, 1));
    EXPECT_THAT(find({.text = "seventh", .states = {"closed"}}), ElementsAre(21));
    EXPECT_THAT(find({.text = "harbor", .before_number = 3}), ElementsAre(2, 1));
    EXPECT_THAT(find({.before_number = 1}), IsEmpty());
    EXPECT_THAT(find({.states = {"nowhere"}}), IsEmpty());
}

TEST_P(SearchContract, overridden_classifications_are_found_alone_and_with_other_filters) {
    for (std::uint64_t number = 1; number <= 6; ++number) {
        app::ChangeSummary summary;
        summary.number = number;
        summary.title = R"("overridden":true)"; // only looks like one
        summary.state = number > 3 ? "closed" : "planning";
        summary.overridden = number % 2 == 0;
        put(summary);
    }
    EXPECT_THAT(find({.overridden = true}), ElementsAre(6, 4, 2));
    EXPECT_THAT(find({.overridden = true, .limit = 1}), ElementsAre(6));
    EXPECT_THAT(find({.states = {"planning"}, .overridden = true}), ElementsAre(2));
    EXPECT_EQ(find({}).size(), 6U);
}

TEST_P(SearchContract, a_summary_comes_back_as_it_was_and_follows_its_change) {
    app::ChangeSummary summary;
    summary.number = 12;
    summary.id = "CHG-12";
    summary.title = "Title";
    summary.state = "draft";
    summary.risk = "high";
    summary.cis = {"b", "a"};
    summary.opened_at = at(5);
    summary.wake_at = at(100);
    put(summary);
    const auto read = must(store().find_changes({.tenant = acme}));
    ASSERT_EQ(read.size(), 1U);
    auto shown = summary;
    shown.updated_at = must(store().events_of(key_of("CHG-12", "change"), 0, 10)).back().at;
    EXPECT_EQ(encode(read[0]), encode(shown)) << "when it was last touched is in its events";
    EXPECT_THAT(must(store().changes_to_wake(at(99), 10)), IsEmpty());
    EXPECT_THAT(
        must(store().changes_to_wake(at(100), 10)),
        ElementsAre(app::StreamKey{acme, "change", "CHG-12"})
    );
    must(store().rest_change({acme, "change", "CHG-12"}, at(200)));
    EXPECT_THAT(must(store().changes_to_wake(at(199), 10)), IsEmpty());
    EXPECT_EQ(must(store().changes_to_wake(at(200), 10)).size(), 1U);
    app::StreamWrite write;
    write.key = {acme, "change", "CHG-12"};
    write.expected_version = 1;
    write.summary = summary;
    write.summary->cis = {"c"};
    write.summary->state = "closed";
    write.summary->wake_at.reset();
    must(store().commit(commit_of(write)));
    EXPECT_EQ(must(store().load(write.key)).state, R"({"version":1})") << "only a summary";
    EXPECT_THAT(find({.cis = {"a"}}), IsEmpty());
    EXPECT_THAT(find({.cis = {"c"}}), ElementsAre(12));
    EXPECT_THAT(find({.states = {"draft"}}), IsEmpty());
    EXPECT_THAT(must(store().changes_to_wake(at(1000), 10)), IsEmpty());
}

TEST_P(SearchContract, changes_that_use_a_record_are_found_while_they_do) {
    app::ChangeSummary summary;
    summary.state = "planning";
    for (const std::uint64_t number : {1U, 2U, 3U}) {
        summary.number = number;
        summary.records = {fmt::format("board/b{}", number), "ring/edge_1", "roster/ops"};
        put(summary);
    }
    put(summary, zeta);
    EXPECT_THAT(find({.record = "ring/edge_1"}), ElementsAre(3, 2, 1));
    EXPECT_THAT(find({.states = {"planning", "closed"}, .record = "board/b2"}), ElementsAre(2));
    for (const auto* other : {"ring/edge-1", "ring/edge_", "ring/edge_11", "roster", "board/b4"})
        EXPECT_THAT(find({.record = other}), IsEmpty()) << other;
    auto write = write_of({acme, "change", "CHG-2"}, 1);
    write.summary = summary;
    write.summary->id = "CHG-2";
    write.summary->number = 2;
    write.summary->records = {"roster/ops"};
    must(store().commit(commit_of(write)));
    EXPECT_THAT(find({.record = "ring/edge_1"}), ElementsAre(3, 1));
    EXPECT_THAT(find({.record = "roster/ops"}), ElementsAre(3, 2, 1));
}

TEST_P(SearchContract, words_have_limits) {
    std::string many;
    for (std::size_t i = 0; i < limits::search_words_max; ++i)
        many += fmt::format("word{} ", i);
    put(1, many);
    EXPECT_THAT(text(many), ElementsAre(1U));
    EXPECT_THAT(text("other " + many), IsEmpty());
    EXPECT_THAT(text(many + "other"), ElementsAre(1U)) << "words beyond the limit do not count";
    std::string text_of_change;
    for (std::size_t i = 0; i < limits::indexed_words_max; ++i)
        text_of_change += fmt::format("w{} ", i);
    put(2, text_of_change + "beyond");
    EXPECT_THAT(text(fmt::format("w{}", limits::indexed_words_max - 1)), ElementsAre(2U));
    EXPECT_THAT(text("beyond"), IsEmpty());
}

// PostgreSQL's vector loses words without a sound when they are more than 1 MiB.
TEST_P(SearchContract, words_that_are_found_on_one_database_are_found_on_the_other) {
    const auto word = [](std::size_t i) { return fmt::format("{:x>64}", fmt::format("w{}", i)); };
    std::string long_words;
    for (std::size_t i = 0; i < limits::indexed_words_max; ++i)
        long_words += word(i) + ' ';
    app::ChangeSummary summary;
    summary.number = 1;
    auto write = change_write(summary);
    write.summary->search_text = long_words; // more than one entry holds
    must(store().commit(commit_of(std::move(write))));
    const auto last = limits::indexed_text_max / 65 - 1;
    for (std::size_t i = 0; i <= last; i += last / 40)
        EXPECT_THAT(text(word(i)), ElementsAre(1U)) << i;
    EXPECT_THAT(text(word(last)), ElementsAre(1U));
    EXPECT_THAT(text(word(last + 1)), IsEmpty());
}

CONTRACT(SearchContract);

} // namespace slipway::contract
