// SPDX-License-Identifier: Apache-2.0
// A worker's surroundings: a store and a door on a directory of their own, a runner that passes
// everything, and a change whose run or smoke test is asked for.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <mutex>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "app/event.hpp"
#include "app/ports/fake_connectors.hpp"
#include "domain/change/testing/scenario.hpp"
#include "store/open.hpp"
#include "worker/tasks.hpp"
#include "worker/transcript_file.hpp"

namespace slipway::worker {

inline const TenantId acme("main");

// Passes everything, unless a test says otherwise.
class TestRunner final : public app::Runner {
  public:
    domain::StepResult run_step(
        const domain::RunbookStep& step, const app::RingSetting& given, std::stop_token stop,
        const app::LineSink& sink
    ) override {
        ++steps;
        keep(given);
        sink({SystemClock{}.now(), "running " + step.name + also});
        domain::StepResult result;
        result.name = step.name;
        result.exit_status = 0;
        result.started = result.ended = SystemClock{}.now();
        if (on_step)
            on_step(stop);
        if (stop.stop_requested())
            result.outcome = domain::RunOutcome::stopped;
        return result;
    }

    domain::CheckResult run_check(
        const domain::SmokeCheck& check, const app::RingSetting& given, std::stop_token
    ) override {
        keep(given);
        domain::CheckResult result;
        result.name = check.name;
        result.tries = 3;
        return result;
    }

    // That the last step or check was given; a run and a list may be carried out beside each other.
    app::RingSetting setting() const {
        const std::lock_guard lock(mutex_);
        return setting_;
    }

    void keep(const app::RingSetting& given) {
        const std::lock_guard lock(mutex_);
        setting_ = given;
    }

    std::string also; // is written too
    std::atomic<int> steps{0};
    std::function<void(std::stop_token)> on_step;

  private:
    mutable std::mutex mutex_;
    app::RingSetting setting_;
};

class WorkerTest : public testing::Test {
  protected:
    WorkerTest() {
        std::string pattern = (std::filesystem::temp_directory_path() / "worker-XXXXXX").string();
        folder = ::mkdtemp(pattern.data());
        std::filesystem::create_directory(folder / "transcripts");
        open_store();
    }

    // With so many pages on the disk; 0: as many as there are.
    void open_store(std::size_t pages = 0) {
        door.reset();
        store.reset();
        store::SqliteOptions options{folder.string()};
        options.max_page_count = pages;
        store = *store::open_sqlite(options);
        auto opened = app::Door::open({*store, clock, random, SLIPWAY_ROOT, {}});
        EXPECT_TRUE(opened.has_value()) << opened.error().message;
        door = *std::move(opened);
    }

    // What a server leaves that is killed while the first step runs.
    void leave_running(std::string_view lines) {
        const auto run = change().runs.at(0);
        const auto& step = run.steps.at(0).name;
        does(
            system, "report_run",
            fmt::format(
                R"({{"run":"{}","steps":[{{"name":"{}","state":"running"}}]}})", run.id.value, step
            )
        );
        TranscriptFile file(folder / "transcripts", {acme, "CHG-1", run.id.value, step, 1});
        file.add(lines);
    }

    std::string blob(const Digest& digest) {
        std::string bytes;
        const auto read = store->read_blob(acme, digest, [&](std::string_view chunk) {
            bytes += chunk;
            return Result<void>{};
        });
        EXPECT_TRUE(read.has_value());
        return bytes;
    }

    ~WorkerTest() override {
        door.reset();
        store.reset();
        std::filesystem::remove_all(folder);
    }

    Json does(const app::Actor& actor, const std::string& command, std::string_view body) {
        const std::string change = command == "open" ? "" : "CHG-1";
        auto request = app::CommandRequest{change, command, *parse_json(body), {}, {}, {}};
        const auto answer = door->execute(actor, request);
        EXPECT_TRUE(answer.has_value()) << command << ": " << answer.error().message;
        return answer ? *parse_json(answer->body) : Json{};
    }

    // A change with a runbook, whose deployment to the staging ring, or smoke test, is asked for.
    void ask_for(
        const std::string& command, std::string_view body,
        const domain::testing::RunbookFile& file = domain::testing::deployment_file()
    ) {
        put_ring();
        put_ring("/srv/site", "production");
        auto blob = *store->new_blob(acme);
        ASSERT_TRUE(blob->write(file.bytes).has_value());
        const auto digest = blob->finish();
        ASSERT_TRUE(digest.has_value());
        does(ina, "open", R"({"title":"Harbor site 1.5"})");
        does(ina, "assign", R"({"test_ring":"staging","production_ring":"production"})");
        does(
            ina, "pin_runbook",
            fmt::format(
                R"({{"purpose":"deployment","digest":"{}","name":"{}"}})", digest->hex(), file.name
            )
        );
        does(ina, command, body);
    }

    void ask_for_run() { ask_for("start_run", R"({"purpose":"ring_deploy"})"); }

    void put_ring(std::string_view site = "/srv/staging", const std::string& id = "staging") {
        const auto ring = *parse_json(fmt::format(
            R"({{"name":"{0}","kind":"{0}","hosts":[{{"host":"localhost"}}],)"
            R"("variables":{{"SITE":"{1}"}}}})",
            id, site
        ));
        const auto put = door->put_record(system, {"ring", id, ring, {}, {}, {}});
        ASSERT_TRUE(put.has_value()) << put.error().message;
    }

    void store_file(const domain::testing::RunbookFile& file) {
        auto blob = *store->new_blob(acme);
        ASSERT_TRUE(blob->write(file.bytes).has_value());
        ASSERT_TRUE(blob->finish().has_value());
    }

    // One character of the stored deployment runbook becomes another, past the program.
    void alter_runbook() {
        door.reset();
        store.reset();
        auto bytes = domain::testing::deployment_file().bytes;
        bytes.back() = '!';
        sqlite3* file = nullptr;
        ASSERT_EQ(::sqlite3_open((folder / "slipway.db").c_str(), &file), SQLITE_OK);
        const auto alter = fmt::format(
            "update blob_chunk set data = '{}' where data = '{}'", to_base64(bytes),
            to_base64(domain::testing::deployment_file().bytes)
        );
        EXPECT_EQ(::sqlite3_exec(file, alter.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
        EXPECT_EQ(::sqlite3_changes(file), 1);
        ::sqlite3_close(file);
        open_store();
    }

    // The change as it is, without what led to it.
    void bring(const domain::Change& change) {
        const app::StreamKey key{acme, "change", change.id.value};
        app::StreamWrite write{key, 0, {}, encode(change), false, {}};
        write.events.push_back(app::make_event({key, 1, clock.now(), system}, "brought", "{}"));
        app::Commit commit;
        commit.writes.push_back(std::move(write));
        ASSERT_TRUE(store->commit(std::move(commit)).has_value());
    }

    app::StoredTask claim(const std::string& server, Time now) {
        const auto tasks = store->claim_tasks(server, now, now + std::chrono::seconds(60), 1);
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
            .transcripts = folder / "transcripts"};
    }

    domain::Change change() {
        const auto shown = door->show_change(system, "CHG-1");
        return *restore<domain::Change>(std::string_view(shown->body));
    }

    const app::Actor system{acme, PersonId("slipway"), {}, {}, "worker"};
    const app::Actor ina{acme, PersonId("ina"), {domain::Role::engineer}, {}, "session s"};
    const SystemClock machine;
    SandboxClock clock{machine};
    SystemRandom random;
    std::filesystem::path folder;
    std::unique_ptr<app::Store> store;
    std::unique_ptr<app::Door> door;
    app::FakeConnectors connectors;
    app::LiveTranscripts live;
    TestRunner runner;
};

} // namespace slipway::worker
