// SPDX-License-Identifier: Apache-2.0
// Tasks that take long: what becomes of a smoke list while its change moves on, that nothing is
// done twice beside itself, and that runs wait for none of it.
#include <atomic>
#include <future>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/ports/fake_connectors.hpp"
#include "domain/change/smoke_subject.hpp"
#include "domain/change/testing/scenario.hpp"
#include "worker/tasks.hpp"

#include "door_fixture.hpp"

namespace slipway::worker {

namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Passes everything, and does what a test wants in every check.
class SlowRunner final : public app::Runner {
  public:
    domain::StepResult
    run_step(const domain::RunbookStep& step, const app::RingSetting&, std::stop_token, const app::LineSink&)
        override {
        domain::StepResult result;
        result.name = step.name;
        result.exit_status = 0;
        result.started = result.ended = SystemClock{}.now();
        return result;
    }

    domain::CheckResult run_check(
        const domain::SmokeCheck& check, const app::RingSetting&, std::stop_token stop
    ) override {
        ++checks;
        if (on_check)
            on_check(stop);
        domain::CheckResult result;
        result.name = check.name;
        return result;
    }

    std::atomic<int> checks{0};
    std::function<void(std::stop_token)> on_check;
};

class LongTasks : public app::DoorTest {
  protected:
    // A change with a runbook and a ring for each purpose.
    void open_change() {
        put_ring("staging");
        put_ring("other");
        const auto production =
            *parse_json(R"({"name":"x","kind":"production","hosts":[{"host":"live"}]})");
        ASSERT_TRUE(door->put_record(petra, {"ring", "production", production, {}, {}, {}}));
        must("open", R"({"title":"Harbor site 1.5"})");
        must("assign", R"({"test_ring":"staging","production_ring":"production"})");
        const auto& file = domain::testing::deployment_file();
        auto blob = *store->new_blob(main);
        ASSERT_TRUE(blob->write(file.bytes));
        ASSERT_TRUE(blob->finish());
        must(
            "pin_runbook", fmt::format(
                               R"({{"purpose":"deployment","digest":"{}","name":"{}"}})",
                               file.digest.hex(), file.name
                           )
        );
    }

    void must(const std::string& command, std::string_view body) {
        const auto done = does(command, body);
        ASSERT_TRUE(done) << command << ": " << done.error().message;
    }

    // Somebody else deploys to the test ring.
    void begin_run() { must("start_run", R"({"purpose":"ring_deploy","executor":"external"})"); }

    void end_run() {
        const auto run = change().runs.back();
        for (const auto& step : run.steps)
            must(
                "report_run", fmt::format(
                                  R"({{"run":"{}","steps":[{{"name":"{}","state":"succeeded"}}]}})",
                                  run.id.value, step.name
                              )
            );
    }

    domain::Change change() {
        const auto shown = door->show_change(ina, "CHG-1");
        return *restore<domain::Change>(std::string_view(shown->body));
    }

    std::vector<app::StoredTask> waiting() { return *store->list_tasks({.tenant = main}); }

    app::StoredTask claim() {
        const auto claimed = store->claim_tasks("a", clock.now(), clock.now() + 60s, 1);
        EXPECT_TRUE(claimed && claimed->size() == 1);
        return claimed && !claimed->empty() ? claimed->front() : app::StoredTask{};
    }

    WorkerParts parts() {
        return {
            .door = *door, .connectors = connectors, .runner = runner, .server = "a", .live = live};
    }

    void carry_out() {
        auto given = parts();
        given.report = [&](std::string_view line) { log.emplace_back(line); };
        const auto done = carry_out_smoke({given, claim(), {}, false});
        ASSERT_TRUE(done) << done.error().message;
    }

    std::string why_not() {
        const auto state = change();
        const auto wrong = domain::mismatch_of(state, state.smoke_reports.back());
        return wrong ? wrong->message + ": " + wrong->evidence : "";
    }

    app::FakeConnectors connectors;
    app::LiveTranscripts live;
    SlowRunner runner;
    std::vector<std::string> log; // of what was carried out
};

constexpr auto on_staging = R"({"occasion":"staging"})";

TEST_F(LongTasks, what_was_looked_at_before_a_run_ended_is_no_smoke_test_of_it) {
    open_change();
    must("run_smoke", on_staging);
    runner.on_check = [&](const std::stop_token&) {
        if (runner.checks > 1)
            return;
        begin_run();
        const auto looked = clock.now();
        while (clock.now() <= looked)
            std::this_thread::yield();
        end_run();
    };
    carry_out();
    const auto state = change();
    ASSERT_THAT(state.smoke_reports, SizeIs(1));
    EXPECT_GT(state.smoke_reports[0].at, state.runs.at(0).started_at);
    EXPECT_THAT(why_not(), HasSubstr("before the run that it judges"));
    must("run_smoke", on_staging);
    carry_out();
    EXPECT_EQ(why_not(), "");
    EXPECT_EQ(change().smoke_reports.back().run, RunId("run-1"));
}

TEST_F(LongTasks, a_smoke_report_names_the_ring_that_was_looked_at) {
    open_change();
    begin_run();
    end_run();
    must("run_smoke", on_staging);
    runner.on_check = [&](const std::stop_token&) { must("assign", R"({"test_ring":"other"})"); };
    carry_out();
    EXPECT_EQ(change().test_ring, "other");
    EXPECT_EQ(change().smoke_reports.back().ring, "staging");
    EXPECT_EQ(why_not(), "");
}

TEST_F(LongTasks, a_list_does_not_look_at_another_run_than_it_was_asked_for) {
    open_change();
    begin_run();
    end_run();
    must("run_smoke", on_staging);
    begin_run();
    carry_out();
    EXPECT_EQ(runner.checks, 0);
    EXPECT_THAT(change().smoke_reports, IsEmpty());
    EXPECT_THAT(waiting(), IsEmpty());
}

TEST_F(LongTasks, a_report_that_comes_behind_the_next_run_is_dropped) {
    open_change();
    begin_run();
    end_run();
    must("run_smoke", on_staging);
    runner.on_check = [&](const std::stop_token&) {
        if (runner.checks == 1)
            begin_run();
    };
    carry_out();
    EXPECT_THAT(change().smoke_reports, IsEmpty());
    EXPECT_THAT(waiting(), IsEmpty());
    EXPECT_THAT(log, Contains(HasSubstr("record_smoke is refused"))) << "and not in silence";
}

TEST_F(LongTasks, that_are_in_hand_are_not_asked_for_again_until_they_are_given_up) {
    open_change();
    put_ci(main, "site", "Site");
    must("describe", R"({"summary":"site 1.4 -> 1.5","cis":[{"ci":"site","host":"web"}]})");
    const auto vault = *parse_json(
        R"({"name":"x","kind":"production","hosts":[{"host":"live"}],"backup_connector":"vault"})"
    );
    const app::Actor rut{main, PersonId("rut"), {domain::Role::administrator}, {}, "session"};
    const auto restic = *parse_json(R"({"manifest":"restic"})");
    ASSERT_TRUE(door->put_record(rut, {"connector", "vault", restic, {}, {}, {}}));
    ASSERT_TRUE(door->put_record(petra, {"ring", "production", vault, {}, {}, {}}));
    for (const auto& [command, body, kind] :
         {std::tuple{"run_smoke", on_staging, "smoke"},
          {"verify_backup", "{}", "backup"},
          {"preflight", "{}", "preflight"}}) {
        must(command, body);
        const auto task = claim();
        EXPECT_EQ(task.kind, kind);
        const auto refused = does(command, body);
        ASSERT_FALSE(refused) << command;
        EXPECT_EQ(refused.error().code, ErrorCode::blocked);
        EXPECT_EQ(
            refused.error().reasons.at(0).evidence,
            fmt::format("task {}, asked for by ina", task.id.value)
        );
        ASSERT_TRUE(store->fail_task({task.id, task.lease}, "no route", {}));
        must(command, body);
        claim();
    }
}

TEST_F(LongTasks, a_ring_is_gathered_once_at_a_time) {
    put_ring("staging");
    put_ring("other");
    ASSERT_TRUE(door->gather_ring(ina, "staging", {}));
    const auto refused = door->gather_ring(ina, "staging", {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::blocked);
    EXPECT_THAT(refused.error().reasons.at(0).evidence, HasSubstr("asked for by ina"));
    ASSERT_TRUE(door->gather_ring(ina, "other", {}));
    const auto task = claim();
    ASSERT_TRUE(store->fail_task({task.id, task.lease}, "no route", {}));
    EXPECT_TRUE(door->gather_ring(ina, "staging", {}));
}

TEST_F(LongTasks, that_are_asked_for_twice_at_the_same_moment_are_asked_for_once) {
    open_change();
    for (int round = 0; round < 20; ++round) {
        std::promise<bool> told[2];
        for (auto& one : told)
            door->execute_later(ina, asked("run_smoke", on_staging), [&](auto answer) {
                one.set_value(answer && answer->has_value());
            });
        EXPECT_EQ(told[0].get_future().get() + told[1].get_future().get(), 1);
        ASSERT_THAT(waiting(), SizeIs(1));
        const auto task = claim();
        app::Commit done;
        done.task_end = app::TaskEnd{task.id, task.lease};
        ASSERT_TRUE(store->commit(std::move(done)));
    }
}

TEST_F(LongTasks, hold_up_no_run) {
    open_change();
    std::atomic<bool> seen{false};
    runner.on_check = [&](const std::stop_token&) {
        const auto end = std::chrono::steady_clock::now() + 20s;
        const auto ran = [&] {
            const auto state = change();
            return !state.runs.empty() && state.runs.at(0).state == domain::RunState::succeeded;
        };
        while (!ran() && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(20ms); // house: bounded poll
        seen = ran();
    };
    must("run_smoke", on_staging); // is due before the run
    must("start_run", R"({"purpose":"ring_deploy"})");
    auto given = parts();
    given.threads = 1;
    {
        Worker worker(given);
        const auto end = std::chrono::steady_clock::now() + 30s;
        while (change().smoke_reports.empty() && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(20ms); // house: bounded poll
    }
    EXPECT_TRUE(seen);
}

TEST_F(LongTasks, for_which_there_is_no_room_wait_and_are_done_in_the_end) {
    open_change();
    std::atomic<int> at_once{0};
    std::atomic<int> most{0};
    runner.on_check = [&](const std::stop_token&) {
        ++at_once;
        for (int look = 0; look < 4; ++look) {
            most = std::max<int>(most, at_once);
            std::this_thread::sleep_for(5ms); // house: bounded poll
        }
        --at_once;
    };
    must("run_smoke", on_staging);
    app::Commit second; // as an earlier version would have allowed it
    second.tasks.push_back({"smoke", main, "CHG-1", waiting().at(0).payload, {}});
    ASSERT_TRUE(store->commit(std::move(second)));
    auto given = parts();
    given.long_tasks = 1;
    {
        Worker worker(given);
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (change().smoke_reports.size() < 2 && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(20ms); // house: bounded poll
    }
    EXPECT_THAT(change().smoke_reports, SizeIs(2));
    EXPECT_EQ(most, 1);
}

TEST_F(LongTasks, are_cut_short_when_the_server_ends) {
    open_change();
    std::promise<void> begun;
    runner.on_check = [&](const std::stop_token& stop) {
        begun.set_value();
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (!stop.stop_requested() && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(5ms); // house: bounded poll
    };
    must("run_smoke", on_staging);
    const auto given = parts();
    Worker worker(given);
    begun.get_future().wait();
    const auto before = std::chrono::steady_clock::now();
    worker.stop();
    EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
    EXPECT_THAT(change().smoke_reports, IsEmpty());
    EXPECT_THAT(waiting(), SizeIs(1)); // the next server runs it
}

} // namespace

} // namespace slipway::worker
