// SPDX-License-Identifier: Apache-2.0
// What a runner is told of the ring that it runs for: whose secrets it may ask for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/ports/fake_connectors.hpp"
#include "domain/change/testing/tenant.hpp"
#include "door_fixture.hpp"
#include "worker/tasks.hpp"

namespace slipway::worker {

namespace {

using namespace std::chrono_literals;

class RememberingRunner final : public app::Runner {
  public:
    domain::StepResult
    run_step(const domain::RunbookStep& step, const app::RingSetting& setting, std::stop_token, const app::LineSink&)
        override {
        rings.insert(fmt::format("{} {}", to_text(setting.kind), setting.ring));
        domain::StepResult result;
        result.name = step.name;
        result.exit_status = 0;
        result.started = result.ended = SystemClock{}.now();
        return result;
    }

    domain::CheckResult run_check(
        const domain::SmokeCheck& check, const app::RingSetting& setting, std::stop_token
    ) override {
        rings.insert(fmt::format("{} {}", to_text(setting.kind), setting.ring));
        domain::CheckResult result;
        result.name = check.name;
        return result;
    }

    std::set<std::string> rings;
};

class RingSettingTest : public app::DoorTest {
  protected:
    // A change with a deployment runbook and the test ring edge, and this command.
    void ask_for(const std::string& command, std::string_view body) {
        put_ring("edge");
        const auto& file = domain::testing::deployment_file();
        auto blob = *store->new_blob(main);
        ASSERT_TRUE(blob->write(file.bytes).has_value());
        ASSERT_TRUE(blob->finish().has_value());
        ASSERT_TRUE(does("open", R"({"title":"Harbor site 1.5","test_ring":"edge"})"));
        ASSERT_TRUE(does(
            "pin_runbook", fmt::format(
                               R"({{"purpose":"deployment","digest":"{}","name":"{}"}})",
                               file.digest.hex(), file.name
                           )
        ));
        const auto answer = does(command, body);
        ASSERT_TRUE(answer) << answer.error().message;
    }

    TaskContext claimed() {
        task = store->claim_tasks("a", clock.now(), clock.now() + 60s, 1)->at(0);
        return {parts, task, {}, false};
    }

    app::FakeConnectors connectors;
    app::LiveTranscripts live;
    RememberingRunner runner;
    app::StoredTask task; // in hand
    const WorkerParts parts{
        .door = *door, .connectors = connectors, .runner = runner, .server = "a", .live = live};
};

TEST_F(RingSettingTest, what_runs_for_a_ring_may_ask_for_the_secrets_of_this_ring_alone) {
    ask_for("start_run", R"({"purpose":"ring_deploy"})");
    ASSERT_TRUE(carry_out_run(claimed()).has_value());
    EXPECT_THAT(runner.rings, testing::ElementsAre("staging edge"));
    runner.rings.clear();
    ASSERT_TRUE(does("run_smoke", R"({"occasion":"staging"})"));
    ASSERT_TRUE(carry_out_smoke(claimed()).has_value());
    EXPECT_THAT(runner.rings, testing::ElementsAre("staging edge"));
}

TEST_F(RingSettingTest, a_list_for_a_test_ring_does_not_run_on_what_became_production) {
    ask_for("run_smoke", R"({"occasion":"staging"})");
    auto became = record("ring", "edge");
    became.body = *parse_json(R"({"name":"x","kind":"production","hosts":[{"host":"web"}]})");
    ASSERT_TRUE(door->put_record(ina, became));
    ASSERT_TRUE(carry_out_smoke(claimed()).has_value());
    EXPECT_TRUE(runner.rings.empty()) << "nothing ran";
    const auto result = door->load_change(ina, "CHG-1")->smoke_reports.at(0).results.at(0);
    EXPECT_FALSE(result.passed);
    EXPECT_THAT(result.detail, testing::HasSubstr("never runs on production"));
}

} // namespace

} // namespace slipway::worker
