// SPDX-License-Identifier: Apache-2.0
// Steps of a parallel group, really run: that they overlap, what one that fails does to the others,
// and what a server that was killed among them leaves.
#include <fstream>
#include <sstream>
#include <thread>

#include "app/ports/fake_connectors.hpp"
#include "domain/change/run_steps.hpp"
#include "door_fixture.hpp"
#include "runner/local_runner.hpp"
#include "worker/tasks.hpp"
#include "worker/transcript_file.hpp"

namespace slipway::worker {

namespace {

using namespace std::chrono_literals;
using domain::RunState;
using domain::RunStepState;

// Our own runner for this machine.
class Machine final : public app::Runner {
  public:
    Machine(const Clock& clock, const std::filesystem::path& folder)
        : folder_(folder), local_(clock, folder / "scratch", Confinement()) {}

    domain::StepResult run_step(
        const domain::RunbookStep& step, const app::RingSetting& setting, std::stop_token stop,
        const app::LineSink& sink
    ) override {
        struct Lines final : runner::TranscriptSink {
            explicit Lines(const app::LineSink& given) : to(given) {}

            void add(const domain::TranscriptLine& line) override { to(line); }

            const app::LineSink& to;
        } lines(sink);

        return local_.run_step(step, {folder_, setting.variables, {}, {}, stop}, lines);
    }

    domain::CheckResult
    run_check(const domain::SmokeCheck&, const app::RingSetting&, std::stop_token) override {
        return {};
    }

  private:
    std::filesystem::path folder_;
    runner::LocalRunner local_;
};

std::string block(const std::string& name, const std::string& group, const std::string& script) {
    return fmt::format(
        "```sh {{\"name\":\"{}\",\"timeout\":\"60s\"{}}}\n{}\n```\n", name,
        group.empty() ? "" : fmt::format(",\"parallel\":\"{}\"", group), script
    );
}

// A script that waits until somebody makes this file.
std::string wait_for(const std::string& file) {
    return fmt::format(
        "tries=0; until [ -e {} ]; do tries=$((tries+1)); [ $tries -lt 2000 ] || exit 9; sleep "
        "0.01; "
        "done",
        file
    );
}

class ParallelSteps : public app::DoorTest {
  protected:
    ParallelSteps() { std::filesystem::create_directory(folder / "transcripts"); }

    void must(const std::string& command, std::string_view body) {
        const auto done = does(command, body);
        ASSERT_TRUE(done) << command << ": " << done.error().message;
    }

    // A run on the test ring of these blocks; its working directory is `folder`.
    void begin(const std::string& blocks) {
        put_ring("staging");
        auto blob = *store->new_blob(main);
        ASSERT_TRUE(blob->write(
            "---\ntitle: Site\npurpose: deployment\nengineer: ina\ntime_limit: 45m\n---\n" +
            blocks + "```smoke\n- name: site\n  command: \"true\"\n```\n"
        ));
        const auto digest = blob->finish();
        ASSERT_TRUE(digest);
        must("open", R"({"title":"Site 1.5"})");
        must("assign", R"({"test_ring":"staging"})");
        must(
            "pin_runbook",
            fmt::format(R"({{"purpose":"deployment","digest":"{}","name":"d.md"}})", digest->hex())
        );
        must("start_run", R"({"purpose":"ring_deploy"})");
    }

    // What an earlier server told.
    void told(std::string_view steps) {
        const auto done = door->execute(
            system, asked("report_run", fmt::format(R"({{"run":"run-1","steps":[{}]}})", steps))
        );
        ASSERT_TRUE(done) << done.error().message;
    }

    void decide(std::string_view choice, std::string_view step = {}) {
        must(
            "decide_run", fmt::format(
                              R"({{"run":"run-1","choice":"{}","reason":"looked at it"{}}})",
                              choice, step.empty() ? "" : fmt::format(R"(,"step":"{}")", step)
                          )
        );
    }

    WorkerParts parts() {
        return {
            .door = *door,
            .connectors = connectors,
            .runner = machine,
            .server = "a",
            .live = live,
            .poll = 20ms,
            .transcripts = folder / "transcripts"};
    }

    Result<void> carry_out() {
        const auto given = parts();
        const auto tasks = store->claim_tasks("a", clock.now(), clock.now() + 60s, 1);
        if (!tasks || tasks->size() != 1)
            return fail(ErrorCode::not_found, "there is no task");
        return carry_out_run({given, tasks->front(), {}, false});
    }

    domain::Run run() { return door->load_change(system, "CHG-1")->runs.at(0); }

    std::string transcript(std::size_t step) {
        std::string bytes;
        const auto read =
            store->read_blob(main, run().steps.at(step).transcript, [&](std::string_view chunk) {
                bytes += chunk;
                return Result<void>{};
            });
        EXPECT_TRUE(read);
        return bytes;
    }

    std::string file(const std::string& name) const {
        std::ifstream stream(folder / name);
        std::stringstream text;
        text << stream.rdbuf();
        return text.str();
    }

    bool no_task_is_left() {
        return store->list_tasks({.tenant = main, .change = "CHG-1"})->empty();
    }

    // Waits at most twenty seconds.
    template <class Predicate>
    bool comes(const Predicate& predicate) {
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (!predicate() && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(5ms); // house: bounded poll
        return predicate();
    }

    const app::Actor system{main, PersonId("slipway"), {}, {}, "worker"};
    app::FakeConnectors connectors;
    app::LiveTranscripts live;
    Machine machine{clock, folder};
};

// Each waits for what the other one does, so that neither could end before the other has begun.
TEST_F(ParallelSteps, overlap_and_each_has_a_transcript_of_its_own) {
    begin(
        block("web1", "web", "touch one; " + wait_for("two") + "; echo met by one") +
        block("web2", "web", "touch two; " + wait_for("one") + "; echo met by two") +
        block("verify", "", "rm one two; echo both were there")
    );
    const auto done = carry_out();
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(run().state, RunState::succeeded);
    EXPECT_NE(transcript(0).find("met by one"), std::string::npos);
    EXPECT_EQ(transcript(0).find("met by two"), std::string::npos);
    EXPECT_NE(transcript(1).find("met by two"), std::string::npos);
    EXPECT_NE(transcript(2).find("both were there"), std::string::npos);
    EXPECT_TRUE(std::filesystem::is_empty(folder / "transcripts"));
    EXPECT_TRUE(no_task_is_left());
}

TEST_F(ParallelSteps, go_on_to_their_end_when_one_fails_and_only_that_one_runs_again) {
    begin(
        block("web1", "web", "echo web1 >> ran; [ -e go ]") +
        block("web2", "web", "echo web2 >> ran; " + wait_for("go")) +
        block("verify", "", "echo verify >> ran")
    );
    std::jthread onlooker([&] {
        // The failure is on the record while the other one runs.
        EXPECT_TRUE(comes([&] { return run().steps[0].state == RunStepState::failed; }));
        EXPECT_EQ(run().steps[1].state, RunStepState::running);
        EXPECT_EQ(run().state, RunState::running);
        std::ofstream(folder / "go").close();
    });
    const auto done = carry_out();
    onlooker.join();
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(run().state, RunState::waiting);
    EXPECT_EQ(run().steps[1].state, RunStepState::succeeded);
    EXPECT_EQ(run().steps[2].state, RunStepState::pending);
    EXPECT_TRUE(no_task_is_left());
    decide("retry");
    ASSERT_TRUE(carry_out());
    EXPECT_EQ(run().state, RunState::succeeded);
    EXPECT_EQ(run().steps[0].attempts, 2);
    EXPECT_EQ(run().steps[1].attempts, 1);
    const auto ran = file("ran");
    EXPECT_EQ(ran.substr(ran.size() - 12), "web1\nverify\n") << ran;
}

TEST_F(ParallelSteps, of_a_server_that_was_killed_are_each_unknown_but_for_those_that_had_ended) {
    const auto writes = [](const std::string& name) { return "echo " + name + " >> ran"; };
    begin(
        block("web1", "web", writes("web1")) + block("web2", "web", writes("web2")) +
        block("web3", "web", writes("web3")) + block("verify", "", writes("verify"))
    );
    told(R"({"name":"web1","state":"running"},{"name":"web2","state":"running"},
        {"name":"web3","state":"running"})");
    told(R"({"name":"web1","state":"succeeded"})");
    for (const auto* step : {"web2", "web3"})
        TranscriptFile(folder / "transcripts", {main, "CHG-1", "run-1", step, 1})
            .add(fmt::format("2026-11-22T20:00:00.000Z half way on {}\n", step));
    ASSERT_TRUE(carry_out());
    EXPECT_EQ(file("ran"), "");
    EXPECT_EQ(run().state, RunState::waiting);
    EXPECT_EQ(run().steps[0].state, RunStepState::succeeded);
    EXPECT_EQ(run().steps[1].state, RunStepState::unknown);
    EXPECT_EQ(run().steps[2].state, RunStepState::unknown);
    EXPECT_EQ(transcript(1), "2026-11-22T20:00:00.000Z half way on web2\n");
    EXPECT_EQ(transcript(2), "2026-11-22T20:00:00.000Z half way on web3\n");
    EXPECT_TRUE(std::filesystem::is_empty(folder / "transcripts"));
    EXPECT_TRUE(no_task_is_left());
    decide("retry", "web3");
    EXPECT_EQ(run().state, RunState::waiting); // web2 is not decided on
    EXPECT_TRUE(no_task_is_left());
    decide("resume", "web2");
    ASSERT_TRUE(carry_out());
    EXPECT_EQ(run().state, RunState::succeeded);
    EXPECT_EQ(file("ran"), "web3\nverify\n");
}

TEST_F(ParallelSteps, are_all_stopped_when_their_run_is_aborted) {
    begin(
        block("web1", "web", "echo begun; sleep 50") + block("web2", "web", "echo begun; sleep 50")
    );
    Worker worker(parts());
    const auto both = [&](RunStepState state) {
        const auto steps = run().steps;
        return steps[0].state == state && steps[1].state == state;
    };
    ASSERT_TRUE(comes([&] { return both(RunStepState::running); }));
    decide("abort");
    EXPECT_TRUE(comes([&] { return both(RunStepState::failed); }));
    EXPECT_EQ(run().state, RunState::aborted);
    EXPECT_TRUE(comes([&] { return no_task_is_left(); }));
}

} // namespace

} // namespace slipway::worker
