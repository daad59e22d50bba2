// SPDX-License-Identifier: Apache-2.0
// What a server that loses its database does with the step in hand, and how the end of a step is
// told while nobody hears it.
#include <deque>
#include <future>
#include <thread>

#include <gmock/gmock.h>

#include "brought.hpp"
#include "store/sql_store.hpp"
#include "worker_fixture.hpp"

namespace slipway::worker {

namespace {

using namespace std::chrono_literals;
using domain::RunStepState;

void wait_for_stop(const std::stop_token& stop) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any never;
    never.wait_for(lock, stop, 20s, [] { return false; });
}

// A step is whatever the test does in its place.
class HeldRunner final : public app::Runner {
  public:
    domain::StepResult run_step(
        const domain::RunbookStep& step, const app::RingSetting&, std::stop_token stop,
        const app::LineSink& sink
    ) override {
        ++steps;
        sink({SystemClock{}.now(), "running " + step.name});
        domain::StepResult result;
        result.name = step.name;
        result.exit_status = 0;
        result.started = result.ended = SystemClock{}.now();
        if (const auto work = std::exchange(on_step, nullptr))
            work(stop);
        if (stop.stop_requested())
            result.outcome = domain::RunOutcome::stopped;
        return result;
    }

    domain::CheckResult
    run_check(const domain::SmokeCheck&, const app::RingSetting&, std::stop_token) override {
        return {};
    }

    std::atomic<int> steps{0};
    std::function<void(const std::stop_token&)> on_step; // the first one
};

// A database whose connection is lost in a commit: before it is done, or before its answer is here.
// It may refuse as well that a task is given back, or be long in answering.
class FailingStore final : public store::SqlStore {
  public:
    using SqlStore::SqlStore;

    enum class Fate { refused, answer_lost };

    Result<app::Receipt> commit(app::Commit commit) override {
        const auto fate = next();
        if (fate == Fate::refused)
            return lost();
        auto receipt = SqlStore::commit(std::move(commit));
        if (fate == Fate::answer_lost)
            return lost();
        return receipt;
    }

    void expect(std::deque<Fate> next) {
        const std::lock_guard lock(mutex_);
        fates_ = std::move(next);
    }

    Result<void> fail_task(
        const app::TaskEnd& task, const std::string& error, std::optional<Time> retry_at
    ) override {
        if (kept-- > 0)
            return lost();
        return SqlStore::fail_task(task, error, retry_at);
    }

    Result<void> put_off_task(const app::TaskEnd& task, Time until) override {
        if (kept-- > 0)
            return lost();
        return SqlStore::put_off_task(task, until);
    }

    Result<std::vector<app::StreamKey>> changes_to_wake(Time now, std::size_t limit) override {
        if (wakes_thrown-- > 0)
            throw std::bad_alloc();
        return SqlStore::changes_to_wake(now, limit);
    }

    Result<std::vector<app::StoredTask>> claim_tasks(
        const std::string& server, Time now, Time lease_until, std::size_t limit,
        const std::vector<std::string>& except
    ) override {
        if (claims_thrown-- > 0)
            throw std::bad_alloc();
        return SqlStore::claim_tasks(server, now, lease_until, limit, except);
    }

    Result<app::StoredStream> load(const app::StreamKey& key, std::uint64_t version) override {
        if (const auto first = take_first())
            first();
        return SqlStore::load(key, version);
    }

    // Is called once, in the next load.
    void at_load(std::function<void()> first) {
        const std::lock_guard lock(mutex_);
        at_load_ = std::move(first);
    }

    std::atomic<int> kept{0}; // so many tasks are not given back
    std::atomic<int> wakes_thrown{0};
    std::atomic<int> claims_thrown{0};

  private:
    static tl::unexpected<Error> lost() {
        return fail(ErrorCode::unavailable, "the connection was lost");
    }

    std::optional<Fate> next() {
        const std::lock_guard lock(mutex_);
        if (fates_.empty())
            return std::nullopt;
        const auto fate = fates_.front();
        fates_.pop_front();
        return fate;
    }

    std::function<void()> take_first() {
        const std::lock_guard lock(mutex_);
        return std::exchange(at_load_, nullptr);
    }

    std::mutex mutex_;
    std::deque<Fate> fates_; // of the next commits; those behind them are done
    std::function<void()> at_load_;
};

using Fate = FailingStore::Fate;

class LeaseTest : public testing::Test {
  protected:
    LeaseTest() {
        std::string pattern = (std::filesystem::temp_directory_path() / "lease-XXXXXX").string();
        folder = ::mkdtemp(pattern.data());
        EXPECT_TRUE(store::open_sqlite({folder.string()}).has_value()); // makes the tables
        open_store(store::LockFile{});
        ask_for_run();
    }

    ~LeaseTest() override {
        door.reset();
        store.reset();
        std::filesystem::remove_all(folder);
    }

    // Without the lock of the directory it is a database that others may write to.
    void open_store(store::LockFile lock) {
        const store::SqliteFile file{(folder / "slipway.db").string()};
        auto writer = file;
        writer.writer = true;
        auto failing = std::make_unique<FailingStore>(std::move(lock), file, writer, 4);
        fates = failing.get();
        store = std::move(failing);
        door = *app::Door::open({*store, clock, random, SLIPWAY_ROOT, {}});
    }

    void does(const std::string& command, std::string_view body) {
        const std::string change = command == "open" ? "" : "CHG-1";
        const auto answer = door->execute(ina, {change, command, *parse_json(body), {}, {}, {}});
        EXPECT_TRUE(answer.has_value()) << command << ": " << answer.error().message;
    }

    void ask_for_run() {
        const auto ring =
            *parse_json(R"({"name":"s","kind":"staging","hosts":[{"host":"localhost"}],)"
                        R"("variables":{"SITE":"/srv/site"}})");
        EXPECT_TRUE(door->put_record(system, {"ring", "staging", ring, {}, {}, {}}).has_value());
        const auto& file = domain::testing::deployment_file();
        auto blob = *store->new_blob(acme);
        EXPECT_TRUE(blob->write(file.bytes).has_value());
        does("open", R"({"title":"Harbor site 1.5"})");
        does("assign", R"({"test_ring":"staging"})");
        does(
            "pin_runbook", fmt::format(
                               R"({{"purpose":"deployment","digest":"{}","name":"{}"}})",
                               blob->finish()->hex(), file.name
                           )
        );
        does("start_run", R"({"purpose":"ring_deploy"})");
    }

    void bring(const domain::Change& to_be) { worker::bring(*store, to_be, system, clock.now()); }

    // Who does not carry out a run is refused when he reports of it.
    void hand_run_to(domain::Executor executor) {
        auto edited = change();
        edited.runs.at(0).executor = executor;
        bring(edited);
    }

    void abort_run() {
        does(
            "decide_run", fmt::format(
                              R"({{"run":"{}","choice":"abort","reason":"the wrong ring"}})",
                              change().runs.at(0).id.value
                          )
        );
    }

    std::unique_ptr<store::Connection> connect() const {
        return std::make_unique<store::Connection>(store::SqliteFile{
            (folder / "slipway.db").string()});
    }

    // The database answers, and refuses whatever is to be recorded.
    void refuse_entries() const {
        connect()->run("create trigger refuse before insert on event "
                       "begin select raise(abort, 'not now'); end");
    }

    void accept_entries() const { connect()->run("drop trigger refuse"); }

    app::StoredTask claim() {
        const auto tasks = store->claim_tasks("a", clock.now(), clock.now() + 60s, 1);
        EXPECT_TRUE(tasks.has_value() && tasks->size() == 1);
        return tasks && !tasks->empty() ? tasks->front() : app::StoredTask{};
    }

    WorkerParts parts() {
        return {
            .door = *door,
            .connectors = connectors,
            .runner = runner,
            .server = "a",
            .live = live,
            .poll = 20ms};
    }

    // A server until this is so, at most for a while.
    void serve_until(const WorkerParts& given, const std::function<bool()>& done) {
        Worker worker(given);
        const auto end = std::chrono::steady_clock::now() + 30s;
        while (!done() && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(20ms); // house: bounded poll
        EXPECT_TRUE(done());
    }

    domain::Change change() {
        const auto shown = door->show_change(system, "CHG-1");
        return *restore<domain::Change>(std::string_view(shown->body));
    }

    RunStepState first_step() { return change().runs.at(0).steps.at(0).state; }

    bool nothing_left() { return store->list_tasks({.tenant = acme, .change = "CHG-1"})->empty(); }

    const app::Actor system{acme, PersonId("slipway"), {}, {}, "worker"};
    const app::Actor ina{acme, PersonId("ina"), {domain::Role::engineer}, {}, "session s"};
    const SystemClock clock;
    SystemRandom random;
    std::filesystem::path folder;
    FailingStore* fates = nullptr; // of what is committed next
    std::unique_ptr<app::Store> store;
    std::unique_ptr<app::Door> door;
    app::FakeConnectors connectors;
    app::LiveTranscripts live;
    HeldRunner runner;
};

TEST_F(LeaseTest, a_server_that_cannot_renew_a_lease_stops_the_step_before_another_may_claim_it) {
    std::atomic<bool> stopped_in_time{false};
    runner.on_step = [&](const std::stop_token& stop) {
        // Who wants to write waits for ten seconds, and is then told that it cannot.
        const auto cut = connect();
        cut->begin();
        wait_for_stop(stop);
        const auto lease = store->list_tasks({.tenant = acme, .change = "CHG-1"})->at(0).due_at;
        stopped_in_time = stop.stop_requested() && clock.now() < lease;
        cut->rollback();
    };
    auto given = parts();
    given.lease = 4s;
    std::vector<std::string> lines;
    std::mutex mutex;
    given.report = [&](std::string_view line) {
        const std::lock_guard lock(mutex);
        lines.emplace_back(line);
    };
    serve_until(given, [&] { return first_step() == RunStepState::failed; });
    EXPECT_TRUE(stopped_in_time);
    EXPECT_EQ(runner.steps, 1);
    const std::lock_guard lock(mutex);
    EXPECT_THAT(lines, testing::Contains(testing::HasSubstr("its lease could not be renewed")));
}

TEST_F(LeaseTest, a_lease_that_is_renewed_stops_nothing) {
    runner.on_step = [](const std::stop_token&) {
        rest({}, 2600ms); // longer than a lease that nobody renews
    };
    auto given = parts();
    given.lease = 2400ms;
    serve_until(given, [&] { return nothing_left(); });
    EXPECT_EQ(change().runs.at(0).state, domain::RunState::succeeded);
    EXPECT_EQ(runner.steps, 3);
}

TEST_F(LeaseTest, an_end_that_the_database_refuses_is_told_until_it_is_heard) {
    std::thread mend;
    runner.on_step = [&](const std::stop_token&) {
        refuse_entries();
        mend = std::thread([&] {
            for (int look = 0; look < 15; ++look) {
                EXPECT_EQ(first_step(), RunStepState::running);
                std::this_thread::sleep_for(20ms); // house: bounded poll
            }
            accept_entries();
        });
    };
    EXPECT_TRUE(carry_out_run({parts(), claim(), {}, false}).has_value());
    mend.join();
    EXPECT_EQ(change().runs.at(0).state, domain::RunState::succeeded);
    EXPECT_EQ(runner.steps, 3);
}

TEST_F(LeaseTest, the_end_of_an_aborted_step_is_told_until_it_is_heard_too) {
    std::thread mend;
    runner.on_step = [&](const std::stop_token& stop) {
        abort_run();
        wait_for_stop(stop);
        refuse_entries();
        mend = std::thread([&] {
            rest({}, 300ms); // some tries
            accept_entries();
        });
    };
    serve_until(parts(), [&] { return nothing_left(); });
    mend.join();
    const auto run = change().runs.at(0);
    EXPECT_EQ(run.state, domain::RunState::aborted);
    EXPECT_EQ(run.steps.at(0).state, RunStepState::failed) << "and not unknown";
}

TEST_F(LeaseTest, a_server_that_ends_does_not_wait_until_it_is_heard) {
    runner.on_step = [&](const std::stop_token&) { refuse_entries(); };
    serve_until(parts(), [&] { return runner.steps == 1; });
    EXPECT_EQ(first_step(), RunStepState::running);
    accept_entries();
    EXPECT_TRUE(carry_out_run({parts(), claim(), {}, false}).has_value());
    EXPECT_EQ(first_step(), RunStepState::unknown);
    EXPECT_EQ(runner.steps, 1);
}

TEST_F(LeaseTest, an_end_that_meets_another_commit_on_its_change_is_decided_again) {
    // The only writer trusts his cache, which here knows nothing of the other entry.
    door.reset();
    store.reset();
    open_store(*store::LockFile::take(folder.string()));
    runner.on_step = [&](const std::stop_token&) { bring(change()); };
    auto given = parts();
    given.report = [](std::string_view line) { ADD_FAILURE() << line; };
    EXPECT_TRUE(carry_out_run({given, claim(), {}, false}).has_value());
    EXPECT_EQ(change().runs.at(0).state, domain::RunState::succeeded);
}

TEST_F(LeaseTest, an_end_that_is_refused_loses_neither_its_task_nor_its_lines) {
    const auto transcripts = folder / "transcripts";
    std::filesystem::create_directory(transcripts);
    auto given = parts();
    given.transcripts = transcripts;
    const auto task = claim();
    runner.on_step = [&](const std::stop_token&) { hand_run_to(domain::Executor::external); };
    const auto refused = carry_out_run({given, task, {}, false});
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::blocked);
    EXPECT_FALSE(nothing_left());
    EXPECT_FALSE(std::filesystem::is_empty(transcripts));

    hand_run_to(domain::Executor::local);
    ASSERT_TRUE(carry_out_run({given, task, {}, false}).has_value());
    const auto step = change().runs.at(0).steps.at(0);
    EXPECT_EQ(step.state, RunStepState::unknown);
    EXPECT_NE(step.transcript, Digest{});
    EXPECT_TRUE(std::filesystem::is_empty(transcripts));
    EXPECT_EQ(runner.steps, 1);
}

TEST_F(LeaseTest, an_end_whose_commit_went_through_unheard_leaves_no_run_without_a_task) {
    const auto transcripts = folder / "transcripts";
    std::filesystem::create_directory(transcripts);
    auto given = parts();
    given.transcripts = transcripts;
    // It is told with the beginning of the second step.
    runner.on_step = [&](const std::stop_token&) { fates->expect({Fate::answer_lost}); };
    EXPECT_TRUE(carry_out_run({given, claim(), {}, false}).has_value());
    EXPECT_EQ(change().runs.at(0).state, domain::RunState::succeeded);
    EXPECT_EQ(runner.steps, 3);
    EXPECT_TRUE(nothing_left());
    EXPECT_TRUE(std::filesystem::is_empty(transcripts));
}

TEST_F(LeaseTest, a_step_whose_beginning_is_not_heard_at_once_is_not_unknown) {
    for (const auto& next :
         {std::deque{Fate::answer_lost}, {Fate::refused, Fate::refused, Fate::answer_lost}}) {
        fates->expect(next);
        EXPECT_TRUE(carry_out_run({parts(), claim(), {}, false}).has_value());
        EXPECT_EQ(change().runs.back().state, domain::RunState::succeeded);
        EXPECT_TRUE(nothing_left());
        does("start_run", R"({"purpose":"ring_deploy"})");
    }
    EXPECT_EQ(runner.steps, 6);
}

TEST_F(LeaseTest, a_step_that_another_server_has_begun_meanwhile_is_not_begun_here_too) {
    fates->expect({Fate::refused});
    auto given = parts();
    given.report = [&](std::string_view) { // that it has to be told again
        const auto later = clock.now() + 61s;
        const auto taken = store->claim_tasks("b", later, later + 60s, 1);
        ASSERT_TRUE(taken.has_value() && taken->size() == 1);
        const auto run = change().runs.at(0);
        app::CommandRequest begun{"CHG-1", "report_run", {}, {}, {}, {}};
        begun.body = *parse_json(fmt::format(
            R"({{"run":"{}","steps":[{{"name":"{}","state":"running"}}]}})", run.id.value,
            run.steps.at(0).name
        ));
        begun.task_end = app::TaskEnd{taken->front().id, taken->front().lease, false};
        const auto told = door->execute(system, begun);
        EXPECT_TRUE(told.has_value()) << told.error().message;
    };
    const auto lost = carry_out_run({given, claim(), {}, false});
    ASSERT_FALSE(lost.has_value());
    EXPECT_TRUE(app::is_lease_lost(lost.error()));
    EXPECT_EQ(runner.steps, 0);
}

TEST_F(LeaseTest, a_step_that_is_to_stop_before_it_is_heard_to_begin_does_not_begin) {
    fates->expect(std::deque(100, Fate::refused));
    std::stop_source stop;
    auto given = parts();
    given.report = [&](std::string_view) { stop.request_stop(); };
    const auto cut = carry_out_run({given, claim(), stop.get_token(), false});
    ASSERT_FALSE(cut.has_value());
    EXPECT_EQ(first_step(), RunStepState::pending);
    EXPECT_EQ(runner.steps, 0);
}

TEST_F(LeaseTest, what_came_of_a_task_is_told_until_it_is_heard_and_not_done_again) {
    const auto ring = *parse_json(R"({"name":"p","kind":"production","hosts":[{"host":"web-1"}],
        "snapshot_connector":"snap"})");
    const auto snap = *parse_json(R"({"manifest":"files"})");
    ASSERT_TRUE(door->put_record(system, {"connector", "snap", snap, {}, {}, {}}));
    ASSERT_TRUE(door->put_record(system, {"ring", "production", ring, {}, {}, {}}));
    does("assign", R"({"production_ring":"production"})");
    does("take_snapshot", "{}");
    claim(); // the run
    const auto task = claim();
    fates->expect({Fate::refused, Fate::refused});
    EXPECT_TRUE(carry_out_snapshot({parts(), task, {}, false}).has_value());
    EXPECT_EQ(change().snapshots.back().state, domain::SnapshotState::failed);
    EXPECT_EQ(connectors.calls().size(), 1);
}

TEST_F(LeaseTest, the_facts_of_a_ring_are_told_until_they_are_heard) {
    ASSERT_TRUE(door->gather_ring(ina, "staging", {}));
    claim(); // the run
    const auto task = claim();
    fates->expect({Fate::refused, Fate::refused});
    EXPECT_TRUE(carry_out_gather({parts(), task, {}, false}).has_value());
    EXPECT_EQ(runner.steps, 1);
}

TEST_F(LeaseTest, what_will_be_refused_again_is_not_waited_for) {
    const auto task = claim();
    const auto given = parts();
    const TaskContext context{given, task, {}, false};
    int tries = 0;
    const auto told = tell_past_faults(context, [&](bool) -> Result<void> {
        ++tries;
        return fail(ErrorCode::internal, "a bug");
    });
    ASSERT_FALSE(told.has_value());
    EXPECT_EQ(told.error().message, "a bug");
    EXPECT_EQ(tries, 1);
}

TEST_F(LeaseTest, a_task_that_cannot_be_given_back_at_once_is_not_held_for_good) {
    app::Commit commit;
    commit.tasks.push_back({"nothing", acme, "CHG-1", "{}", {}});
    ASSERT_TRUE(store->commit(std::move(commit)).has_value());
    fates->kept = 3;
    serve_until(parts(), [&] {
        return !store->list_tasks({.tenant = acme, .kind = "nothing", .only_dead = true})->empty();
    });
}

TEST_F(LeaseTest, a_server_that_is_ended_while_its_database_hangs_stops_the_step_at_once) {
    std::promise<void> hangs;
    std::promise<void> answers;
    std::atomic<bool> stopped{false};
    runner.on_step = [&](const std::stop_token& stop) {
        // Whoever asks next is who looks whether the run was ended.
        fates->at_load([&] {
            hangs.set_value();
            answers.get_future().wait();
        });
        wait_for_stop(stop);
        stopped = stop.stop_requested();
        answers.set_value();
    };
    Worker worker(parts());
    ASSERT_EQ(hangs.get_future().wait_for(30s), std::future_status::ready);
    worker.stop();
    EXPECT_TRUE(stopped);
}

TEST_F(LeaseTest, a_step_that_ends_with_the_server_says_so_and_not_that_somebody_asked_for_it) {
    std::promise<void> begun;
    runner.on_step = [&](const std::stop_token& stop) {
        begun.set_value();
        wait_for_stop(stop);
    };
    {
        Worker worker(parts());
        ASSERT_EQ(begun.get_future().wait_for(30s), std::future_status::ready);
        worker.stop();
    }
    const auto step = change().runs.at(0).steps.at(0);
    EXPECT_EQ(step.state, domain::RunStepState::failed);
    EXPECT_THAT(step.detail, testing::StartsWith("the server was ended"));
}

TEST_F(LeaseTest, want_of_memory_ends_a_turn_of_a_loop_and_not_the_server) {
    fates->wakes_thrown = 2;
    fates->claims_thrown = 2;
    std::promise<void> thrown;
    std::atomic<bool> while_it_ran{false};
    runner.on_step = [&](const std::stop_token&) {
        // Whoever asks next is who keeps the leases.
        fates->at_load([&] {
            thrown.set_value();
            throw std::bad_alloc();
        });
        while_it_ran = thrown.get_future().wait_for(20s) == std::future_status::ready;
    };
    serve_until(parts(), [&] {
        return nothing_left() && fates->wakes_thrown <= 0 && fates->claims_thrown <= 0;
    });
    EXPECT_TRUE(while_it_ran);
    EXPECT_EQ(change().runs.at(0).state, domain::RunState::succeeded);
}

} // namespace

} // namespace slipway::worker
