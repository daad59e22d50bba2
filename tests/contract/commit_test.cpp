// SPDX-License-Identifier: Apache-2.0
// Commits: what is refused, that a refusal leaves nothing, and that the ledger has no gaps.
#include <array>
#include <atomic>
#include <future>
#include <latch>
#include <thread>

#include <fmt/format.h>

#include "contract/contract.hpp"
#include "store/committer.hpp"
#include "store/place.hpp"

namespace slipway::contract {

using CommitContract = StoreContract;
using testing::ElementsAre;
using testing::IsEmpty;

TEST_P(CommitContract, what_passes_is_told_from_what_is_wrong) {
    if (is_sqlite())
        GTEST_SKIP() << "no SQLSTATE there";
    store::Connection connection(store::target_of(place(), false));
    const auto code_for = [&](const std::string& state) {
        try {
            connection.run(
                fmt::format("do $$ begin raise exception 'x' using errcode = '{}'; end $$", state)
            );
        } catch (const store::DatabaseError& error) {
            return error.code;
        }
        return ErrorCode::not_found;
    };
    EXPECT_EQ(code_for("40001"), ErrorCode::conflict);    // could not serialize
    EXPECT_EQ(code_for("40P01"), ErrorCode::conflict);    // deadlock
    EXPECT_EQ(code_for("55P03"), ErrorCode::unavailable); // lock_timeout
    EXPECT_EQ(code_for("22012"), ErrorCode::internal);    // division by zero
}

// Rows that are waited for are read anew, whatever the database's default is.
TEST_P(CommitContract, writers_do_not_depend_on_the_isolation_that_the_database_prefers) {
    if (is_sqlite())
        GTEST_SKIP() << "one writer";
    store::Connection connection(store::target_of(place(), false));
    connection.run("set default_transaction_isolation = 'serializable'");
    connection.run("set default_transaction_read_only = on");
    connection.run(connection.dialect().begin);
    EXPECT_EQ(connection.text("show transaction_isolation"), "read committed");
    EXPECT_EQ(connection.text("show transaction_read_only"), "off");
    connection.run("rollback");
}

TEST_P(CommitContract, a_stream_that_never_was_is_not_found) {
    EXPECT_EQ(code_of(store().load(key_of("web"))), ErrorCode::not_found);
    EXPECT_EQ(must(store().ledger_size()), 0U);
    EXPECT_EQ(must(store().ledger_root(0)), domain::empty_root());
    EXPECT_EQ(code_of(store().ledger_root(1)), ErrorCode::not_found);
}

TEST_P(CommitContract, another_version_is_a_conflict_and_nothing_is_written) {
    must(store().commit(commit_of(write_of(key_of("web"), 0))));
    for (const std::uint64_t expected : {0, 2, 7}) {
        auto commit = commit_of(write_of(key_of("web"), expected));
        commit.writes.insert(commit.writes.begin(), write_of(key_of("other"), 0));
        commit.tasks.push_back({"notice", acme, "", "{}", at(0)});
        EXPECT_EQ(code_of(store().commit(commit)), ErrorCode::conflict);
    }
    EXPECT_EQ(must(store().load(key_of("web"))).version, 1U);
    EXPECT_EQ(code_of(store().load(key_of("other"))), ErrorCode::not_found);
    EXPECT_THAT(must(store().list_tasks({.tenant = acme})), IsEmpty());
    EXPECT_EQ(must(store().ledger_size()), 1U);
}

TEST_P(CommitContract, sizes_have_limits) {
    auto write = write_of(key_of("web"), 0);
    write.state = std::string(limits::state_document_max + limits::state_document_spare + 1, 'x');
    EXPECT_EQ(code_of(store().commit(commit_of(write))), ErrorCode::limit_exceeded);
    write = write_of(key_of("web"), 0);
    write.events[0].body = std::string(limits::event_body_max + 1, 'x');
    EXPECT_EQ(code_of(store().commit(commit_of(write))), ErrorCode::limit_exceeded);
    EXPECT_EQ(must(store().ledger_size()), 0U);
}

TEST_P(CommitContract, what_was_committed_is_read_back_byte_for_byte) {
    const auto key = key_of("web");
    auto write = write_of(key, 0, 3);
    write.state = "{\"name\":\"Gr\xC3\xB6\xC3\x9F"
                  "e \\\" ' ; -- :x $1\"}";
    const auto receipt = must(store().commit(commit_of(write)));
    EXPECT_EQ(receipt.first_seq, 0U);
    EXPECT_EQ(receipt.next_seq, 3U);
    const auto stream = must(store().load(key));
    EXPECT_EQ(stream.version, 3U);
    EXPECT_EQ(stream.state, write.state);
    EXPECT_EQ(must(store().load(key, 3)).state, "");
    EXPECT_EQ(must(store().load(key, 2)).state, write.state);
    const auto events = must(store().events_of(key, 1, 10));
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0].seq, 1U);
    EXPECT_EQ(events[0].version, 2U);
    EXPECT_EQ(events[0].key, key);
    EXPECT_EQ(events[0].body, write.events[1].body);
    EXPECT_EQ(events[0].leaf, write.events[1].leaf);
    EXPECT_EQ(events[0].at, at(2));
    EXPECT_EQ(must(store().events_from(2, 10)).size(), 1U);
    expect_sound_ledger();
}

// However many of the other type were written since: they are not read one by one.
TEST_P(CommitContract, the_last_entry_of_another_type_is_found_at_once) {
    const auto key = key_of("staging", "ring");
    auto write = write_of(key, 0, 2);
    for (std::uint64_t version = 3; version <= 20; ++version)
        write.events.push_back(event_with(key, version, "ring_found", "{}"));
    must(store().commit(commit_of(std::move(write))));
    must(store().commit(commit_of(write_of(key_of("other", "ring"), 0))));
    const auto last = must(store().last_event(key, "ring_found"));
    ASSERT_TRUE(last.has_value());
    EXPECT_EQ(last->version, 2U);
    EXPECT_EQ(last->key, key);
    EXPECT_EQ(must(store().last_event(key, ""))->version, 20U);
    EXPECT_FALSE(must(store().last_event(key_of("nobody"), "ring_found")).has_value());
}

TEST_P(CommitContract, a_state_that_lags_comes_with_the_events_it_lacks) {
    const auto key = key_of("web");
    auto write = write_of(key, 0);
    write.state = "";
    EXPECT_EQ(code_of(store().commit(commit_of(write))), ErrorCode::internal);
    must(store().commit(commit_of(write_of(key, 0, 2))));
    const auto state = must(store().load(key)).state;
    EXPECT_THAT(must(store().load(key)).since, IsEmpty());
    for (std::uint64_t version = 2; version < 5; ++version) {
        write = write_of(key, version);
        write.state = "";
        must(store().commit(commit_of(write)));
    }
    const auto lagging = must(store().load(key));
    EXPECT_EQ(lagging.version, 5U);
    EXPECT_EQ(lagging.state, state);
    ASSERT_EQ(lagging.since.size(), 3U);
    EXPECT_EQ(lagging.since.front().version, 3U);
    EXPECT_EQ(lagging.since.back().version, 5U);
    const auto known = must(store().load(key, 5));
    EXPECT_EQ(known.state, "");
    EXPECT_THAT(known.since, IsEmpty());
    must(store().commit(commit_of(write_of(key, 5))));
    EXPECT_THAT(must(store().load(key)).since, IsEmpty());
    expect_sound_ledger();
}

TEST_P(CommitContract, a_commit_writes_several_streams_and_one_twice) {
    auto commit = commit_of(write_of(key_of("a"), 0));
    commit.writes.push_back(write_of(key_of("b"), 0, 2));
    commit.writes.push_back(write_of(key_of("a"), 1));
    must(store().commit(commit));
    EXPECT_EQ(must(store().load(key_of("a"))).version, 2U);
    EXPECT_EQ(must(store().load(key_of("b"))).version, 2U);
    expect_sound_ledger();
}

TEST_P(CommitContract, a_list_is_in_order_of_ids_and_leaves_out_what_was_removed) {
    for (const auto* id : {"b", "B", "a", "c", "d"})
        must(store().commit(commit_of(write_of(key_of(id), 0))));
    auto removal = write_of(key_of("c"), 1);
    removal.removed = true;
    must(store().commit(commit_of(removal)));
    const auto ids = [&](const std::string& after, std::size_t limit) {
        std::vector<std::string> found;
        for (const auto& stream : must(store().list(acme, "ci", after, limit)))
            found.push_back(stream.key.id);
        return found;
    };
    EXPECT_THAT(ids("", 10), ElementsAre("B", "a", "b", "d"));
    EXPECT_THAT(ids("a", 1), ElementsAre("b"));
    EXPECT_TRUE(must(store().load(key_of("c"))).removed);
}

TEST_P(CommitContract, a_kind_version_grows_with_every_write_of_its_kind) {
    EXPECT_EQ(must(store().kind_version(acme, "ci")), 0U);
    must(store().commit(commit_of(write_of(key_of("a"), 0))));
    const auto first = must(store().kind_version(acme, "ci"));
    EXPECT_GT(first, 0U);
    must(store().commit(commit_of(write_of(key_of("x", "person"), 0))));
    EXPECT_EQ(must(store().kind_version(acme, "ci")), first);
    auto without_events = write_of(key_of("a"), 1, 0);
    must(store().commit(commit_of(without_events)));
    EXPECT_GT(must(store().kind_version(acme, "ci")), first);
}

TEST_P(CommitContract, tenants_never_see_each_other) {
    must(store().commit(commit_of(write_of(key_of("web"), 0))));
    app::ChangeSummary summary;
    summary.number = 1;
    summary.state = "draft";
    summary.cis = {"web"};
    summary.search_text = "secret of acme";
    must(store().commit(commit_of(change_write(summary))));
    EXPECT_EQ(code_of(store().load(key_of("web", "ci", zeta))), ErrorCode::not_found);
    EXPECT_THAT(must(store().list(zeta, "ci", "", 10)), IsEmpty());
    EXPECT_THAT(must(store().events_from(0, 10, zeta)), IsEmpty());
    must(store().commit(commit_of(write_of(key_of("web", "ci", zeta), 0))));
    summary.search_text = "other text";
    summary.state = "closed";
    must(store().commit(commit_of(change_write(summary, zeta))));
    app::ChangeQuery query;
    query.tenant = zeta;
    query.text = "secret";
    EXPECT_THAT(must(store().find_changes(query)), IsEmpty());
    query.text.clear();
    query.cis = {"web"};
    ASSERT_EQ(must(store().find_changes(query)).size(), 1U);
    EXPECT_EQ(must(store().find_changes(query))[0].state, "closed");
    query.states = {"draft"};
    EXPECT_THAT(must(store().find_changes(query)), IsEmpty());
    EXPECT_EQ(must(store().events_from(0, 10, zeta)).size(), 2U);
    EXPECT_THAT(must(store().tenants()), ElementsAre(acme, zeta));
}

TEST_P(CommitContract, numbered_streams_have_no_gaps_whatever_fails) {
    std::atomic<int> calls = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 10; ++i) {
                const bool fails = (t + i) % 3 == 0;
                const auto result =
                    store().commit_numbered(acme, "change", [&](std::uint64_t number) {
                        ++calls;
                        if (fails)
                            return Result<app::Commit>(fail(ErrorCode::blocked, "no"));
                        app::ChangeSummary summary;
                        summary.number = number;
                        return Result<app::Commit>(commit_of(change_write(summary)));
                    });
                EXPECT_EQ(result.has_value(), !fails);
            }
        });
    for (auto& thread : threads)
        thread.join();
    app::ChangeQuery query;
    query.tenant = acme;
    query.limit = 100;
    const auto found = must(store().find_changes(query));
    ASSERT_FALSE(found.empty());
    for (std::size_t i = 0; i < found.size(); ++i)
        EXPECT_EQ(found[i].number, found.size() - i);
    EXPECT_EQ(must(store().ledger_size()), found.size());
}

TEST_P(CommitContract, sixty_four_threads_leave_no_gap_and_lose_nothing) {
    constexpr int threads_count = 64, commits_each = 12;
    std::atomic<int> conflicts = 0;
    std::atomic<std::uint64_t> announced = 0;
    store().on_committed([&](std::uint64_t size) {
        announced = size;
        announced.notify_all();
    });
    std::latch together(threads_count);
    std::vector<std::thread> threads;
    for (int t = 0; t < threads_count; ++t)
        threads.emplace_back([&, t] {
            together.arrive_and_wait();
            const auto key = key_of(fmt::format("own-{}", t));
            for (std::uint64_t i = 0; i < commits_each; ++i) {
                must(store().commit(commit_of(write_of(key, i))));
                // All of them want this one: exactly one may have it.
                if (i == 0 && !store().commit(commit_of(write_of(key_of("wanted"), 0))))
                    ++conflicts;
            }
        });
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(conflicts, threads_count - 1);
    constexpr std::uint64_t all = threads_count * commits_each + 1U;
    EXPECT_EQ(must(store().ledger_size()), all);
    // Callers are told first, so the last announcement may still be on its way.
    for (auto seen = announced.load(); seen != all; seen = announced.load())
        announced.wait(seen);
    for (int t = 0; t < threads_count; ++t)
        EXPECT_EQ(must(store().load(key_of(fmt::format("own-{}", t)))).version, commits_each);
    expect_sound_ledger();
}

TEST_P(CommitContract, what_is_not_waited_for_is_told_once_it_is_there_or_refused) {
    std::promise<Result<app::Receipt>> first;
    std::promise<Result<app::Receipt>> second;
    store().commit_later(commit_of(write_of(key_of("web"), 0, 2)), [&](auto told) {
        first.set_value(std::move(told));
    });
    const auto receipt = first.get_future().get();
    EXPECT_EQ(must(receipt).next_seq, 2U);
    EXPECT_EQ(must(store().load(key_of("web"))).version, 2U);
    store().commit_later(commit_of(write_of(key_of("web"), 0)), [&](auto told) {
        second.set_value(std::move(told));
    });
    EXPECT_EQ(code_of(second.get_future().get()), ErrorCode::conflict);
    EXPECT_EQ(must(store().ledger_size()), 2U);
}

TEST_P(CommitContract, records_that_are_held_must_be_as_they_were) {
    must(store().commit(commit_of(write_of(key_of("web"), 0))));
    must(store().commit(commit_of(write_of(key_of("db"), 0))));
    const auto seen = must(store().ledger_size());
    std::uint64_t made = 0;
    const auto holding = [&](std::uint64_t size, std::vector<app::StreamKey> keys) {
        auto commit = commit_of(write_of(key_of(fmt::format("own-{}", made), "ring"), 0));
        commit.records_held = {size, std::move(keys)};
        auto done = store().commit(commit);
        made += done ? 1 : 0;
        return done;
    };
    const auto any_ci = key_of("");
    must(holding(seen, {key_of("web"), key_of("never-was"), any_ci}));
    EXPECT_EQ(code_of(holding(seen - 1, {key_of("db")})), ErrorCode::conflict);
    EXPECT_EQ(code_of(holding(seen - 1, {any_ci})), ErrorCode::conflict);
    must(holding(seen - 1, {key_of("web")}));
    // Other kinds, other tenants and other records do not count.
    must(store().commit(commit_of(write_of(key_of("x", "person"), 0))));
    must(store().commit(commit_of(write_of(key_of("web", "ci", zeta), 0))));
    must(holding(seen, {any_ci}));
    must(store().commit(commit_of(write_of(key_of("db"), 1))));
    must(holding(seen, {key_of("web")}));
    const auto size = must(store().ledger_size());
    EXPECT_EQ(code_of(holding(seen, {key_of("web"), key_of("db")})), ErrorCode::conflict);
    EXPECT_EQ(code_of(holding(seen, {any_ci})), ErrorCode::conflict);
    EXPECT_EQ(must(store().ledger_size()), size);
    must(holding(size, {key_of("db"), any_ci}));
}

TEST_P(CommitContract, records_that_are_named_must_be_there) {
    const auto naming = [](app::StreamWrite write, std::set<app::StreamKey> keys) {
        auto commit = commit_of(std::move(write));
        commit.records_named = std::move(keys);
        return commit;
    };
    const auto site = write_of(key_of("site"), 0);
    EXPECT_EQ(code_of(store().commit(naming(site, {key_of("web")}))), ErrorCode::conflict);
    must(store().commit(commit_of(write_of(key_of("web", "ci", zeta), 0))));
    must(store().commit(commit_of(write_of(key_of("web", "ring"), 0))));
    EXPECT_EQ(code_of(store().commit(naming(site, {key_of("web")}))), ErrorCode::conflict);
    must(store().commit(commit_of(write_of(key_of("web"), 0))));
    must(store().commit(naming(site, {key_of("web")})));
    auto removal = write_of(key_of("web"), 1);
    removal.removed = true;
    must(store().commit(commit_of(removal)));
    const auto again = write_of(key_of("site"), 1);
    EXPECT_EQ(code_of(store().commit(naming(again, {key_of("web")}))), ErrorCode::conflict);
    must(store().commit(commit_of(write_of(key_of("web"), 2))));
    must(store().commit(naming(again, {key_of("web")})));
    expect_sound_ledger();
}

TEST_P(CommitContract, changes_that_must_be_absent_are_looked_for_at_the_commit) {
    app::ChangeSummary summary;
    summary.number = 1;
    summary.state = "planning";
    summary.requester = "ina";
    summary.cis = {"web"};
    summary.records = {"ring/edge"};
    must(store().commit(commit_of(change_write(summary))));
    const auto removing = [&](app::ChangeQuery query) {
        query.tenant = acme;
        auto commit = commit_of(write_of(key_of("gone", "ring"), 0));
        commit.changes_absent = {{.tenant = acme, .cis = {"db"}}, query};
        return store().commit(commit);
    };
    const auto size = must(store().ledger_size());
    EXPECT_EQ(code_of(removing({.cis = {"web"}})), ErrorCode::conflict);
    EXPECT_EQ(code_of(removing({.requester = "ina"})), ErrorCode::conflict);
    const auto refused = removing({.states = {"planning", "approved"}, .record = "ring/edge"});
    ASSERT_EQ(code_of(refused), ErrorCode::conflict);
    EXPECT_THAT(refused.error().message, testing::HasSubstr("CHG-1"));
    EXPECT_EQ(must(store().ledger_size()), size);
    must(removing({.states = {"closed"}, .record = "ring/edge"}));
}

// While the first waits for the writer, the others gather, and all are written in one transaction.
TEST_P(CommitContract, what_a_batch_wrote_before_counts_for_the_commits_after_it) {
    must(store().commit(commit_of(write_of(key_of("web"), 0))));
    const auto seen = must(store().ledger_size());
    std::promise<void> begun;
    std::promise<void> go_on;
    std::thread first([&] {
        must(store().commit_numbered(acme, "change", [&](std::uint64_t number) {
            begun.set_value();
            go_on.get_future().wait();
            app::ChangeSummary summary;
            summary.number = number;
            return Result<app::Commit>(commit_of(change_write(summary)));
        }));
    });
    begun.get_future().wait();
    auto removal = commit_of(write_of(key_of("web"), 1));
    removal.writes[0].removed = true;
    removal.records_held = {seen, {key_of("")}};
    auto naming = commit_of(write_of(key_of("site"), 0));
    naming.records_named = {key_of("web")};
    auto late = commit_of(write_of(key_of("late", "ring"), 0));
    late.records_held = {seen, {key_of("")}};
    std::array<std::promise<Result<app::Receipt>>, 3> told;
    const auto later = [&](app::Commit commit, std::size_t i) {
        store().commit_later(std::move(commit), [&told, i](auto done) {
            told[i].set_value(std::move(done));
        });
    };
    later(removal, 0);
    later(naming, 1);
    later(late, 2);
    go_on.set_value();
    first.join();
    must(told[0].get_future().get());
    EXPECT_EQ(code_of(told[1].get_future().get()), ErrorCode::conflict);
    EXPECT_EQ(code_of(told[2].get_future().get()), ErrorCode::conflict);
    EXPECT_EQ(code_of(store().load(key_of("site"))), ErrorCode::not_found);
    expect_sound_ledger();
}

TEST_P(CommitContract, subtrees_and_roots_are_those_of_rfc_6962) {
    std::vector<Digest> leaves;
    for (std::uint64_t i = 0; i < 11; ++i)
        must(store().commit(commit_of(write_of(key_of("long"), i * 60, 60))));
    must(store().scan_ledger(0, [&](std::uint64_t, std::string_view body, std::string_view) {
        leaves.push_back(domain::leaf_hash(body));
        return true;
    }));
    ASSERT_EQ(leaves.size(), 660U);
    domain::Frontier frontier;
    for (std::size_t i = 0; i < leaves.size(); ++i) {
        frontier.append(leaves[i]);
        if (i % 37 == 0 || i == 255 || i == 511) {
            EXPECT_EQ(must(store().ledger_root(i + 1)), frontier.root()) << i;
        }
    }
    domain::Frontier first;
    for (std::size_t i = 0; i < 512; ++i)
        first.append(leaves[i]);
    EXPECT_EQ(must(store().ledger_subtree(9, 0)), first.root());
    EXPECT_EQ(must(store().ledger_subtree(0, 659)), leaves[659]);
    EXPECT_EQ(must(store().ledger_subtree(1, 100)), domain::node_hash(leaves[200], leaves[201]));
    EXPECT_EQ(code_of(store().ledger_subtree(8, 2)), ErrorCode::not_found);
    EXPECT_EQ(code_of(store().ledger_subtree(64, 0)), ErrorCode::not_found);
}

TEST_P(CommitContract, a_checkpoint_is_kept_once_and_never_ahead_of_the_ledger) {
    must(store().commit(commit_of(write_of(key_of("a"), 0, 3))));
    EXPECT_FALSE(store().put_checkpoint({4, at(1), "ahead"}));
    must(store().put_checkpoint({1, at(1), "one"}));
    must(store().put_checkpoint({3, at(2), "three"}));
    must(store().put_checkpoint({3, at(9), "again"}));
    const auto found = must(store().checkpoints(2, 10));
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].note, "three");
    EXPECT_EQ(found[0].at, at(2));
}

// What makes room, such as a sweep, must not fail with what there is no room for.
TEST_P(CommitContract, of_a_batch_that_fills_the_disk_what_fits_is_written) {
    store::Committer committer(store::target_of(place(), false));
    std::promise<void> begun;
    std::promise<void> go_on;
    committer.submit(
        [&](store::Batch&) -> Result<void> {
            begun.set_value();
            go_on.get_future().wait();
            return {};
        },
        [](const Result<void>&) {}
    );
    begun.get_future().wait();
    std::promise<Result<void>> too_large;
    std::promise<Result<void>> fits;
    committer.submit(
        [](store::Batch&) -> Result<void> {
            constexpr int sqlite_full = 13;
            throw store::DatabaseError(ErrorCode::unavailable, "full", false, sqlite_full);
        },
        [&](Result<void> done) { too_large.set_value(std::move(done)); }
    );
    committer.submit(
        [](store::Batch&) -> Result<void> { return {}; },
        [&](Result<void> done) { fits.set_value(std::move(done)); }
    );
    go_on.set_value();
    EXPECT_EQ(code_of(too_large.get_future().get()), ErrorCode::unavailable);
    must(fits.get_future().get());
}

TEST_P(CommitContract, a_full_queue_refuses_and_says_when_to_come_again) {
    constexpr std::size_t waiting = 3;
    store::Committer committer(store::target_of(place(), false), waiting);
    std::promise<void> begun;
    std::promise<void> go_on;
    std::thread first([&] {
        must(committer.run([&](store::Batch&) -> Result<void> {
            begun.set_value();
            go_on.get_future().wait();
            return {};
        }));
    });
    begun.get_future().wait();
    const auto nothing = [](store::Batch&) -> Result<void> { return {}; };
    std::atomic<int> refused = 0;
    std::vector<std::thread> more;
    for (std::size_t i = 0; i < waiting + 1; ++i)
        more.emplace_back([&] {
            const auto done = committer.run(nothing);
            if (done)
                return;
            EXPECT_EQ(done.error().code, ErrorCode::limit_exceeded);
            EXPECT_GT(done.error().retry_after_ms, 0);
            ++refused;
            go_on.set_value(); // only now can the others go on
        });
    for (auto& thread : more)
        thread.join();
    first.join();
    EXPECT_EQ(refused, 1);
}

CONTRACT(CommitContract);

} // namespace slipway::contract
