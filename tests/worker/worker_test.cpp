// SPDX-License-Identifier: Apache-2.0
// What the worker does with tasks that are its own, that it has lost, and that it cannot carry out.
#include <thread>

#include "domain/records/ring_contents.hpp"
#include "worker_fixture.hpp"

namespace slipway::worker {

namespace {

using namespace std::chrono_literals;

TEST_F(WorkerTest, a_step_does_not_run_where_the_lease_is_lost) {
    ask_for_run();
    const auto given = parts();
    const auto mine = claim("a", clock.now());
    const auto theirs = claim("b", clock.now() + 61s);
    const auto late = carry_out_run({given, mine, {}, false});
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(late.error().code, ErrorCode::conflict);
    EXPECT_EQ(runner.steps, 0);
    EXPECT_TRUE(carry_out_run({given, theirs, {}, false}).has_value());
    EXPECT_EQ(runner.steps, 3);
    EXPECT_EQ(change().runs.at(0).state, domain::RunState::succeeded);
}

TEST_F(WorkerTest, a_step_that_another_server_has_taken_over_is_stopped) {
    ask_for_run();
    std::atomic<bool> stopped{false};
    runner.on_step = [&](std::stop_token stop) {
        // Another server believes that this one is gone.
        const auto later = clock.now() + 24h * 365 * 11; // a lease of the only server does not end
        const auto taken = store->claim_tasks("b", later, later + 1h, 1);
        EXPECT_TRUE(taken.has_value() && taken->size() == 1);
        std::mutex mutex;
        std::unique_lock lock(mutex);
        std::condition_variable_any never;
        never.wait_for(lock, stop, 20s, [] { return false; });
        stopped = stop.stop_requested();
    };
    auto given = parts();
    given.lease = 600ms;
    const auto poll = given.poll;
    {
        Worker worker(given);
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (!stopped && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(poll / 20); // house: bounded poll
    }
    EXPECT_TRUE(stopped);
    EXPECT_EQ(runner.steps, 1);
    // What came of it is for the other server to find out.
    EXPECT_EQ(change().runs.at(0).steps.at(0).state, domain::RunStepState::running);
}

TEST_F(WorkerTest, facts_are_gathered_at_once_though_the_clock_of_the_sandbox_is_ahead) {
    put_ring();
    clock.advance(1h);
    ASSERT_TRUE(door->gather_ring(ina, "staging", {}));
    EXPECT_EQ(claim("a", machine.now()).kind, "gather");
}

TEST_F(WorkerTest, a_run_that_is_aborted_is_stopped_at_its_step) {
    ask_for_run();
    std::atomic<bool> stopped{false};
    runner.on_step = [&](std::stop_token stop) {
        does(
            ina, "decide_run",
            fmt::format(
                R"({{"run":"{}","choice":"abort","reason":"the wrong ring"}})",
                change().runs.at(0).id.value
            )
        );
        std::mutex mutex;
        std::unique_lock lock(mutex);
        std::condition_variable_any never;
        never.wait_for(lock, stop, 20s, [] { return false; });
        stopped = stop.stop_requested();
    };
    {
        Worker worker(parts());
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (!store->list_tasks({.tenant = acme, .change = "CHG-1"})->empty() &&
               std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(20ms); // house: bounded poll
    }
    EXPECT_TRUE(stopped);
    EXPECT_EQ(runner.steps, 1);
    const auto run = change().runs.at(0);
    EXPECT_EQ(run.state, domain::RunState::aborted);
    // What the step wrote until then is not lost.
    EXPECT_EQ(run.steps.at(0).state, domain::RunStepState::failed);
    EXPECT_NE(blob(run.steps.at(0).transcript).find("running "), std::string::npos);
    EXPECT_TRUE(store->list_tasks({.tenant = acme, .change = "CHG-1"})->empty());
}

TEST_F(WorkerTest, the_end_of_a_step_is_heard_though_its_change_was_cancelled_meanwhile) {
    ask_for_run();
    runner.on_step = [&](const std::stop_token&) {
        does(ina, "cancel", R"({"reason":"not wanted"})");
    };
    ASSERT_TRUE(carry_out_run({parts(), claim("a", clock.now()), {}, false}).has_value());
    EXPECT_EQ(change().state, domain::ChangeState::cancelled);
    EXPECT_EQ(change().runs.at(0).state, domain::RunState::aborted);
    EXPECT_NE(change().runs.at(0).steps.at(0).state, domain::RunStepState::running);
    EXPECT_TRUE(store->list_tasks({.tenant = acme, .change = "CHG-1"})->empty());
}

TEST_F(WorkerTest, a_step_whose_end_nobody_saw_is_unknown_and_not_run_again) {
    ask_for_run();
    leave_running("2026-11-22T20:00:00.000Z half way\n2026-11-22T20:00:00.001Z cut o");
    ASSERT_TRUE(carry_out_run({parts(), claim("a", clock.now()), {}, false}).has_value());
    EXPECT_EQ(runner.steps, 0);
    const auto run = change().runs.at(0);
    EXPECT_EQ(run.state, domain::RunState::waiting);
    EXPECT_EQ(run.steps.at(0).state, domain::RunStepState::unknown);
    EXPECT_EQ(blob(run.steps.at(0).transcript), "2026-11-22T20:00:00.000Z half way\n");
    EXPECT_TRUE(std::filesystem::is_empty(folder / "transcripts"));
    // It was done: the run goes on behind it.
    does(
        ina, "decide_run",
        fmt::format(
            R"({{"run":"{}","choice":"resume","reason":"the balancer says so"}})", run.id.value
        )
    );
    ASSERT_TRUE(carry_out_run({parts(), claim("a", clock.now()), {}, false}).has_value());
    EXPECT_EQ(runner.steps, 2);
    EXPECT_EQ(change().runs.at(0).state, domain::RunState::succeeded);
    EXPECT_TRUE(std::filesystem::is_empty(folder / "transcripts"));
}

TEST_F(WorkerTest, waiting_for_a_decision_takes_nothing_of_the_time_limit) {
    ask_for_run();
    leave_running("2026-11-22T20:00:00.000Z half way\n");
    clock.advance(12h); // nobody was there; the runbook may take a quarter of an hour
    ASSERT_TRUE(carry_out_run({parts(), claim("a", clock.now()), {}, false}).has_value());
    ASSERT_EQ(change().runs.at(0).state, domain::RunState::waiting);
    clock.advance(12h);
    does(
        ina, "decide_run",
        fmt::format(
            R"({{"run":"{}","choice":"retry","reason":"we slept on it"}})",
            change().runs.at(0).id.value
        )
    );
    ASSERT_TRUE(carry_out_run({parts(), claim("a", clock.now()), {}, false}).has_value());
    EXPECT_EQ(change().runs.at(0).state, domain::RunState::succeeded);
    EXPECT_EQ(runner.steps, 3);
}

TEST_F(WorkerTest, what_is_tried_again_has_the_time_limit_that_its_first_attempt_had) {
    auto text = domain::testing::deployment_file().bytes;
    text.replace(text.find("time_limit: 15m"), 15, "time_limit: 1m");
    ask_for(
        "start_run", R"({"purpose":"ring_deploy"})",
        domain::testing::runbook_file("deploy-short.md", text)
    );
    leave_running("2026-11-22T20:00:00.000Z half way\n");
    clock.advance(5min); // the first step may take the whole minute, and did
    ASSERT_TRUE(carry_out_run({parts(), claim("a", clock.now()), {}, false}).has_value());
    does(
        ina, "decide_run",
        fmt::format(
            R"({{"run":"{}","choice":"retry","reason":"it hung"}})", change().runs.at(0).id.value
        )
    );
    ASSERT_TRUE(carry_out_run({parts(), claim("a", clock.now()), {}, false}).has_value());
    EXPECT_EQ(change().runs.at(0).state, domain::RunState::succeeded);
}

TEST_F(WorkerTest, a_step_that_was_aborted_before_the_server_was_killed_is_unknown_too) {
    ask_for_run();
    leave_running("2026-11-22T20:00:00.000Z half way\n");
    const auto id = change().runs.at(0).id.value;
    does(
        ina, "decide_run",
        fmt::format(R"({{"run":"{}","choice":"abort","reason":"the wrong ring"}})", id)
    );
    ASSERT_TRUE(carry_out_run({parts(), claim("a", clock.now()), {}, false}).has_value());
    const auto run = change().runs.at(0);
    EXPECT_EQ(run.state, domain::RunState::aborted);
    EXPECT_EQ(run.steps.at(0).state, domain::RunStepState::unknown);
    EXPECT_NE(run.steps.at(0).transcript, Digest{});
}

TEST_F(WorkerTest, a_run_that_a_stop_cuts_short_between_two_steps_goes_on_by_itself) {
    ask_for_run();
    const auto given = parts();
    std::stop_source stop;
    stop.request_stop();
    const auto task = claim("a", clock.now());
    const auto cut = carry_out_run({given, task, stop.get_token(), true});
    ASSERT_FALSE(cut.has_value());
    EXPECT_EQ(cut.error().code, ErrorCode::unavailable);
    EXPECT_EQ(runner.steps, 0);
    ASSERT_TRUE(carry_out_run({given, task, {}, false}).has_value());
    EXPECT_EQ(change().runs.at(0).state, domain::RunState::succeeded);
}

TEST_F(WorkerTest, executed_steps_carry_their_digest_and_others_do_not_run) {
    ask_for_run();
    ASSERT_TRUE(carry_out_run({parts(), claim("a", clock.now()), {}, false}).has_value());
    const auto state = change();
    const auto& pinned = state.runbooks.at("deployment").steps;
    for (std::size_t i = 0; i < pinned.size(); ++i)
        EXPECT_EQ(state.runs.at(0).steps.at(i).digest, pinned[i].digest);
}

TEST_F(WorkerTest, a_step_that_ended_while_the_disk_was_full_is_told_when_there_is_room) {
    ask_for_run();
    open_store(1000);
    runner.also = std::string(100'000, '.'); // needs room of its own
    int kept = 0;
    const auto fill = [&](std::size_t bytes) {
        for (;;) {
            app::Commit commit;
            commit.answer = app::KeptAnswer{acme,
                                            PersonId("ina"),
                                            fmt::format("junk-{}", kept++),
                                            {},
                                            200,
                                            std::string(bytes, 'x'),
                                            "1",
                                            clock.now() - 25h};
            if (!store->commit(std::move(commit)))
                return;
        }
    };
    std::thread cleaner;
    runner.on_step = [&](const std::stop_token&) {
        if (runner.steps > 1)
            return;
        for (const std::size_t bytes : {100'000, 1'000, 10})
            fill(bytes);
        cleaner = std::thread([&] {
            for (int look = 0; look < 15; ++look) {
                EXPECT_EQ(change().runs.at(0).steps.at(0).state, domain::RunStepState::running);
                std::this_thread::sleep_for(20ms); // house: bounded poll
            }
            EXPECT_TRUE(store->sweep(clock.now(), clock.now() - 24h).has_value());
        });
    };
    auto given = parts();
    given.poll = 20ms;
    const auto task = claim("a", clock.now());
    EXPECT_TRUE(carry_out_run({given, task, {}, false}).has_value());
    cleaner.join();
    const auto run = change().runs.at(0);
    EXPECT_EQ(run.state, domain::RunState::succeeded);
    EXPECT_EQ(runner.steps, 3);
    EXPECT_NE(run.steps.at(0).transcript, Digest{});
}

TEST_F(WorkerTest, other_tasks_do_not_wait_for_runs) {
    ask_for("run_smoke", R"({"occasion":"staging"})");
    const auto smoke = claim("a", clock.now());
    does(ina, "start_run", R"({"purpose":"ring_deploy"})");
    // So it is due after the run.
    ASSERT_TRUE(store->put_off_task({smoke.id, smoke.lease}, clock.now()).has_value());
    std::atomic<bool> smoke_done{false};
    runner.on_step = [&](const std::stop_token&) {
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (change().smoke_reports.empty() && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(20ms); // house: bounded poll
        smoke_done = !change().smoke_reports.empty();
    };
    auto given = parts();
    given.threads = 1;
    {
        Worker worker(given);
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (!smoke_done && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(20ms); // house: bounded poll
    }
    EXPECT_TRUE(smoke_done);
}

TEST_F(WorkerTest, what_the_only_server_left_in_hand_is_due_when_it_starts_again) {
    ask_for_run();
    const auto held = claim("a", clock.now());
    EXPECT_TRUE(store->claim_tasks("a", clock.now(), clock.now() + 60s, 1)->empty());
    door.reset();
    store.reset();
    store = *store::open_sqlite({folder.string()});
    EXPECT_EQ(claim("b", clock.now()).id, held.id);
}

TEST_F(WorkerTest, a_run_goes_to_its_end_and_its_lines_are_heard) {
    ask_for_run();
    std::vector<std::string> heard;
    runner.on_step = [&](const std::stop_token&) {
        const auto run = change().runs.at(0);
        const auto& step = run.steps.at(heard.size());
        heard.push_back(live.text({acme, "CHG-1", run.id.value, step.name, step.attempts}));
    };
    {
        Worker worker(parts());
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (change().runs.at(0).state == domain::RunState::running &&
               std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(20ms); // house: bounded poll
    }
    const auto run = change().runs.at(0);
    EXPECT_EQ(run.state, domain::RunState::succeeded);
    ASSERT_EQ(heard.size(), run.steps.size());
    // What was heard is, byte for byte, what is kept.
    for (std::size_t i = 0; i < heard.size(); ++i) {
        EXPECT_NE(heard[i].find("running " + run.steps[i].name), std::string::npos);
        EXPECT_EQ(heard[i], blob(run.steps[i].transcript));
    }
}

TEST_F(WorkerTest, a_smoke_test_that_a_stop_cuts_short_is_no_failure) {
    ask_for("run_smoke", R"({"occasion":"staging"})");
    const auto given = parts();
    std::stop_source stop;
    stop.request_stop();
    // Even the last attempt: it is carried out again after the next start.
    const auto cut = carry_out_smoke({given, claim("a", clock.now()), stop.get_token(), true});
    ASSERT_FALSE(cut.has_value());
    EXPECT_EQ(cut.error().code, ErrorCode::unavailable);
    EXPECT_TRUE(change().smoke_reports.empty());
    ASSERT_TRUE(carry_out_smoke({given, claim("a", clock.now() + 61s), {}, false}).has_value());
    const auto state = change();
    ASSERT_EQ(state.smoke_reports.size(), 1);
    EXPECT_EQ(state.smoke_reports.at(0).results.at(0).tries, 3);
}

// The list of the tests' runbook, whose first check must be seen from the outside too.
const domain::testing::RunbookFile& outside_file() {
    static const auto file = [] {
        auto text = domain::testing::deployment_file().bytes;
        const std::string check = "  http: http://localhost/\n";
        text.insert(text.find(check) + check.size(), "  outside: true\n");
        return domain::testing::runbook_file("deploy-outside.md", text);
    }();
    return file;
}

// A change that was deployed, whose list is to be seen from the outside too.
domain::Change deployed_to_be_seen() {
    auto change = domain::testing::deployed().change;
    change.id = ChangeId("CHG-1");
    change.tenant = acme;
    auto& pinned = change.runbooks.edit().at("deployment");
    pinned.digest = outside_file().digest;
    pinned.smoke_digest = domain::parse_runbook(outside_file().bytes)->smoke_digest;
    return change;
}

TEST_F(WorkerTest, a_smoke_test_that_no_probe_looks_at_says_so_and_claims_nothing) {
    store_file(outside_file());
    bring(deployed_to_be_seen());
    does(ina, "run_smoke", R"({"occasion":"production"})");
    ASSERT_TRUE(carry_out_smoke({parts(), claim("a", clock.now()), {}, false}).has_value());
    const auto report = change().smoke_reports.back();
    EXPECT_EQ(report.not_outside, "this server takes no probes");
    EXPECT_EQ(report.results.size(), 2);
    for (const auto& result : report.results)
        EXPECT_FALSE(result.outside);
}

TEST_F(WorkerTest, a_test_ring_is_not_shown_to_probes) {
    ask_for("run_smoke", R"({"occasion":"staging"})", outside_file());
    ASSERT_TRUE(carry_out_smoke({parts(), claim("a", clock.now()), {}, false}).has_value());
    EXPECT_EQ(change().smoke_reports.at(0).not_outside, "");
}

TEST_F(WorkerTest, what_a_probe_saw_stands_beside_what_was_seen_here) {
    store_file(outside_file());
    bring(deployed_to_be_seen());
    does(ina, "run_smoke", R"({"occasion":"production"})");
    app::Probes probes({clock, random, [](const TenantId&) {
                            return Result<domain::OrganisationRecord>(domain::OrganisationRecord{
                                "Harbor", "UTC", {}, {}, {"10.0.0.0/8"}});
                        }});
    const auto line = probes.dial_in(acme, PersonId("outpost"), "berlin", "203.0.113.7");
    ASSERT_TRUE(line);
    std::jthread probe([&] {
        std::optional<app::ProbeWork> work;
        while (!work) {
            work = probes.next_work(**line).value();
            std::this_thread::yield();
        }
        domain::CheckResult refused;
        refused.name = "front-page";
        refused.outcome = domain::RunOutcome::failed;
        refused.message = "refused";
        EXPECT_TRUE(probes.report(
            acme, PersonId("outpost"), "203.0.113.7", {work->id, work->list, {refused}}
        ));
    });
    auto given = parts();
    given.probes = &probes;
    ASSERT_TRUE(carry_out_smoke({given, claim("a", clock.now()), {}, false}).has_value());
    const auto report = change().smoke_reports.back();
    EXPECT_EQ(report.not_outside, "");
    ASSERT_EQ(report.results.size(), 3);
    EXPECT_TRUE(report.results.at(0).passed);
    EXPECT_FALSE(report.results.at(0).outside);
    EXPECT_EQ(report.results.at(2).name, "front-page");
    EXPECT_FALSE(report.results.at(2).passed);
    EXPECT_TRUE(report.results.at(2).outside);
    EXPECT_EQ(report.results.at(2).seen_from, "berlin at 203.0.113.7");
    EXPECT_EQ(report.results.at(2).detail, "refused");
}

TEST_F(WorkerTest, what_cannot_be_run_in_the_end_is_on_the_record) {
    ask_for("run_smoke", R"({"occasion":"staging"})");
    does(ina, "start_run", R"({"purpose":"ring_deploy"})");
    does(ina, "assign", R"({"test_ring":""})"); // what a change uses is not removed
    const auto gone = door->remove_record(system, {"ring", "staging", {}, {}, {}, {}});
    ASSERT_TRUE(gone.has_value()) << gone.error().message;
    const auto given = parts();
    const auto smoke = claim("a", clock.now());
    const auto run = claim("a", clock.now());
    EXPECT_FALSE(carry_out_run({given, run, {}, false}).has_value());
    EXPECT_FALSE(carry_out_smoke({given, smoke, {}, false}).has_value());
    EXPECT_TRUE(carry_out_run({given, run, {}, true}).has_value());
    EXPECT_TRUE(carry_out_smoke({given, smoke, {}, true}).has_value());
    const auto state = change();
    EXPECT_EQ(state.runs.at(0).state, domain::RunState::waiting);
    EXPECT_EQ(state.runs.at(0).steps.at(0).state, domain::RunStepState::failed);
    EXPECT_NE(state.runs.at(0).steps.at(0).detail.find("could not be run"), std::string::npos);
    ASSERT_EQ(state.smoke_reports.size(), 1);
    EXPECT_FALSE(state.smoke_reports.at(0).results.at(0).passed);
    EXPECT_TRUE(store->list_tasks({.tenant = acme, .change = "CHG-1"})->empty());
}

// It hung as "running" while the task was tried again and again, and nobody was told.
TEST_F(WorkerTest, a_run_whose_runbook_was_altered_stops_at_once_and_says_so) {
    ask_for_run();
    alter_runbook();
    ASSERT_TRUE(carry_out_run({parts(), claim("a", clock.now()), {}, false}).has_value());
    EXPECT_EQ(runner.steps, 0);
    const auto run = change().runs.at(0);
    EXPECT_EQ(run.state, domain::RunState::waiting);
    EXPECT_EQ(run.steps.at(0).state, domain::RunStepState::failed);
    const auto& detail = run.steps.at(0).detail;
    EXPECT_NE(detail.find("the stored runbook is not the pinned one"), std::string::npos) << detail;
    EXPECT_NE(detail.find(run.runbook.hex()), std::string::npos) << detail;
    EXPECT_TRUE(store->list_tasks({.tenant = acme, .change = "CHG-1"})->empty());
}

TEST_F(WorkerTest, a_run_whose_task_cannot_be_read_stops_on_the_record) {
    ask_for_run();
    auto task = claim("a", clock.now());
    task.payload = "{\"change\":";
    ASSERT_TRUE(carry_out_run({parts(), task, {}, false}).has_value());
    const auto run = change().runs.at(0);
    EXPECT_EQ(run.state, domain::RunState::waiting);
    EXPECT_NE(run.steps.at(0).detail.find("could not be run"), std::string::npos);
    EXPECT_TRUE(store->list_tasks({.tenant = acme, .change = "CHG-1"})->empty());
}

TEST_F(WorkerTest, no_run_begins_whose_runbook_was_altered) {
    ask_for("run_smoke", R"({"occasion":"staging"})");
    alter_runbook();
    const auto refused = [&](std::string_view body) {
        return door->execute(ina, {"CHG-1", "start_run", *parse_json(body), {}, {}, {}});
    };
    const auto error = refused(R"({"purpose":"ring_deploy"})").error();
    ASSERT_EQ(error.reasons.size(), 1);
    const auto& reason = error.reasons.at(0);
    const auto pinned = domain::testing::deployment_file().digest.hex();
    EXPECT_EQ(reason.gate, "run-exact");
    EXPECT_EQ(reason.message, "the stored runbook is not the pinned one");
    EXPECT_EQ(reason.evidence.find("pinned " + pinned + ", stored "), 0U) << reason.evidence;
    EXPECT_NE(reason.remedy.find("slipway verify DATA"), std::string::npos);
    EXPECT_TRUE(change().runs.empty());
    // What runs elsewhere is not read from our store.
    EXPECT_TRUE(refused(R"({"purpose":"ring_deploy","executor":"external"})"));
    // A smoke test of it is over at once too.
    ASSERT_TRUE(carry_out_smoke({parts(), claim("a", clock.now()), {}, false}).has_value());
    EXPECT_FALSE(change().smoke_reports.at(0).results.at(0).passed);
}

TEST_F(WorkerTest, a_step_does_not_run_on_a_ring_that_was_edited_since_its_run_began) {
    ask_for_run();
    put_ring("/elsewhere");
    ASSERT_TRUE(carry_out_run({parts(), claim("a", clock.now()), {}, false}).has_value());
    EXPECT_EQ(runner.steps, 0);
    const auto run = change().runs.at(0);
    EXPECT_EQ(run.state, domain::RunState::waiting);
    EXPECT_EQ(run.steps.at(0).state, domain::RunStepState::failed);
    EXPECT_NE(run.steps.at(0).detail.find("was edited"), std::string::npos);
}

TEST_F(WorkerTest, a_run_stops_behind_the_step_during_which_its_ring_was_edited) {
    ask_for_run();
    runner.on_step = [&](const std::stop_token&) { put_ring("/elsewhere"); };
    ASSERT_TRUE(carry_out_run({parts(), claim("a", clock.now()), {}, false}).has_value());
    EXPECT_EQ(runner.steps, 1);
    const auto run = change().runs.at(0);
    EXPECT_EQ(run.state, domain::RunState::waiting);
    EXPECT_EQ(run.steps.at(0).state, domain::RunStepState::succeeded);
}

TEST_F(WorkerTest, a_smoke_test_looks_at_no_ring_that_was_edited_since_the_run) {
    ask_for_run();
    ASSERT_TRUE(carry_out_run({parts(), claim("a", clock.now()), {}, false}).has_value());
    does(ina, "run_smoke", R"({"occasion":"staging"})");
    put_ring("/elsewhere");
    ASSERT_TRUE(carry_out_smoke({parts(), claim("a", clock.now()), {}, false}).has_value());
    ASSERT_EQ(change().smoke_reports.size(), 1);
    EXPECT_FALSE(change().smoke_reports.at(0).results.at(0).passed);
}

TEST_F(WorkerTest, what_follows_a_deployment_goes_where_it_went_whatever_the_ring_says_now) {
    auto brought = domain::testing::deployed().change;
    brought.id = ChangeId("CHG-1");
    brought.tenant = acme;
    domain::RingRecord held;
    held.kind = domain::RingKind::production;
    held.variables = {{"SITE", "/srv/site"}};
    brought.ring_record = held;
    brought.runs.back().ring_contents = domain::ring_contents("production", held);
    bring(brought);
    store_file(domain::testing::deployment_file());
    store_file(domain::testing::rollback_file());
    put_ring("/elsewhere", "production");
    does(ina, "run_smoke", R"({"occasion":"production"})");
    ASSERT_TRUE(carry_out_smoke({parts(), claim("a", clock.now()), {}, false}).has_value());
    EXPECT_TRUE(change().smoke_reports.back().results.at(0).passed);
    EXPECT_EQ(runner.setting().variables["SITE"], "/srv/site");
    runner.keep({});
    const app::Actor pia{acme, PersonId("pia"), {domain::Role::on_call}, {}, "session s"};
    does(pia, "roll_back", R"({"reason":"the feed is empty"})");
    clock.advance(12h); // nobody was there to decide; the runbook may take ten minutes
    const auto run = change().runs.back();
    EXPECT_NE(run.ring_edits.find("/elsewhere"), std::string::npos) << run.ring_edits;
    does(
        pia, "confirm_step",
        fmt::format(
            R"({{"run":"{}","step":"{}","note":"seen"}})", run.id.value, run.steps.at(0).name
        )
    );
    ASSERT_TRUE(carry_out_run({parts(), claim("a", clock.now()), {}, false}).has_value());
    EXPECT_EQ(runner.steps, 2);
    EXPECT_EQ(runner.setting().variables["SITE"], "/srv/site");
    EXPECT_EQ(change().runs.back().state, domain::RunState::succeeded);
}

TEST_F(WorkerTest, a_dead_task_is_tried_again_when_an_administrator_wants_it) {
    ask_for_run();
    const auto task = claim("a", clock.now());
    const app::Actor alma{acme, PersonId("alma"), {domain::Role::administrator}, {}, "session s"};
    EXPECT_EQ(door->retry_task(alma, task.id, {}).error().code, ErrorCode::conflict);
    ASSERT_TRUE(store->fail_task({task.id, task.lease}, "no route", {}).has_value());
    EXPECT_EQ(door->retry_task(ina, task.id, {}).error().code, ErrorCode::forbidden);
    EXPECT_EQ(door->list_tasks(ina, {}).error().code, ErrorCode::forbidden);
    EXPECT_EQ(door->list_tasks(alma, {.only_dead = true})->at(0).last_error, "no route");
    EXPECT_EQ(door->retry_task(alma, TaskId("99"), {}).error().code, ErrorCode::not_found);
    const app::IdempotencyKey key{"again", sha256("again")};
    const auto done = door->retry_task(alma, task.id, key);
    ASSERT_TRUE(done.has_value()) << done.error().message;
    const auto repeated = door->retry_task(alma, task.id, key);
    ASSERT_TRUE(repeated.has_value()) << repeated.error().message;
    EXPECT_TRUE(repeated->replayed);
    EXPECT_EQ(door->retry_task(alma, task.id, {}).error().code, ErrorCode::conflict);
    const auto entries = *store->events_of({acme, "task", task.id.value}, 0, 10);
    ASSERT_EQ(entries.size(), 1);
    EXPECT_EQ(entries[0].type, "task_retried");
    EXPECT_NE(entries[0].body.find("alma"), std::string::npos);
    EXPECT_EQ(claim("a", clock.now()).id, task.id);
}

TEST_F(WorkerTest, what_has_ended_is_swept_away) {
    app::Commit commit;
    app::Bearer ended;
    ended.digest = sha256("ended");
    ended.tenant = acme;
    ended.person = PersonId("ina");
    ended.kind = "session";
    ended.expires_at = clock.now() - 1s;
    commit.put_bearers.push_back(ended);
    commit.answer =
        app::KeptAnswer{acme, PersonId("ina"), "key", {}, 200, "{}", "1", clock.now() - 25h};
    ASSERT_TRUE(store->commit(commit).has_value());
    Worker worker(parts());
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (*store->find_bearer(ended.digest) && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(20ms); // house: bounded poll
    EXPECT_FALSE(*store->find_bearer(ended.digest));
    EXPECT_FALSE(*store->find_answer(acme, PersonId("ina"), "key"));
}

} // namespace

} // namespace slipway::worker
