// SPDX-License-Identifier: Apache-2.0
// Facts of rings and preflights, from the command to the record, with a runner that answers as the
// scripts do.
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <pthread.h>

#include "app/ports/fake_connectors.hpp"
#include "app/tenant_records.hpp"
#include "domain/change/testing/tenant.hpp"
#include "domain/records/ring_contents.hpp"
#include "store/open.hpp"
#include "worker/tasks.hpp"
#include "worker/worker.hpp"

namespace slipway::worker {

namespace {

using namespace std::chrono_literals;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const TenantId main_tenant("main");

constexpr std::string_view facts_script = "print facts\n";
constexpr std::string_view preflight_script = "look ahead\n";

// Says for each host what the test wants it to say; one that it does not know does not answer.
class AnsweringRunner final : public app::Runner {
  public:
    domain::StepResult run_step(
        const domain::RunbookStep& step, const app::RingSetting& setting, std::stop_token,
        const app::LineSink& sink
    ) override {
        if (out_of_memory)
            throw std::bad_alloc();
        const std::lock_guard lock(mutex);
        const auto& variables = setting.variables;
        seen[step.host] = variables;
        rings.insert(fmt::format("{} {}", to_text(setting.kind), setting.ring));
        scripts.push_back(step.script);
        domain::StepResult result;
        result.name = step.name;
        const auto answer = answers.find(step.host);
        if (step.script == ":") {
            result.outcome = variables.begin()->second == "secret:file:/there"
                                 ? domain::RunOutcome::passed
                                 : domain::RunOutcome::not_started;
            result.message = "the secret is not to be had";
        } else if (answer == answers.end()) {
            result.outcome = domain::RunOutcome::not_started;
            result.message = "could not connect to " + step.host;
        } else {
            for (const auto& line : answer->second)
                sink({SystemClock{}.now(), line});
        }
        return result;
    }

    domain::CheckResult
    run_check(const domain::SmokeCheck&, const app::RingSetting&, std::stop_token) override {
        return {};
    }

    bool out_of_memory = false;
    std::mutex mutex;
    std::map<std::string, std::vector<std::string>> answers;
    std::map<std::string, domain::Variables> seen;
    std::set<std::string> rings; // whose secrets could be asked for
    std::vector<std::string> scripts;
};

class ProbeTest : public testing::Test {
  protected:
    ProbeTest() {
        std::string pattern = (std::filesystem::temp_directory_path() / "probe-XXXXXX").string();
        folder = ::mkdtemp(pattern.data());
        store = *store::open_sqlite({folder.string()});
        auto opened = app::Door::open({*store, clock, random, SLIPWAY_ROOT, {}});
        EXPECT_TRUE(opened.has_value()) << opened.error().message;
        door = *std::move(opened);
        put_ring("staging", "staging", R"([{"host":"stage-1","address":"stage1"}])");
        put_ring(
            "production", "production",
            R"([{"host":"web-1","address":"web1"},{"host":"web-2","address":"web2"}])"
        );
    }

    ~ProbeTest() override {
        door.reset();
        store.reset();
        std::filesystem::remove_all(folder);
    }

    void put_ring(const std::string& id, std::string_view kind, std::string_view hosts) {
        const auto ring = *parse_json(fmt::format(
            R"({{"name":"{}","kind":"{}","fact_files":["/etc/hosts","/etc/motd"],"hosts":{},)"
            R"("variables":{{"WEB":"{}","KEY":"secret:file:/there"}}}})",
            id, kind, hosts, id == "production" ? "web1" : "stage1"
        ));
        const auto put = door->put_record(petra, {"ring", id, ring, {}, {}, {}});
        ASSERT_TRUE(put.has_value()) << put.error().message;
    }

    Json does(const std::string& command, std::string_view body = "{}") {
        const std::string change = command == "open" ? "" : "CHG-1";
        const auto answer = door->execute(ina, {change, command, *parse_json(body), {}, {}, {}});
        EXPECT_TRUE(answer.has_value()) << command << ": " << answer.error().message;
        return answer ? *parse_json(answer->body) : Json{};
    }

    app::StoredTask claim() {
        const auto tasks = store->claim_tasks("a", clock.now(), clock.now() + 60s, 1);
        EXPECT_TRUE(tasks.has_value() && tasks->size() == 1);
        return tasks && !tasks->empty() ? tasks->front() : app::StoredTask{};
    }

    WorkerParts parts() {
        WorkerParts parts{
            .door = *door, .connectors = connectors, .runner = runner, .server = "a", .live = live};
        parts.facts_script = facts_script;
        parts.preflight_script = preflight_script;
        return parts;
    }

    void ask_to_gather(const std::string& ring) {
        const auto asked = door->gather_ring(ina, ring, {});
        ASSERT_TRUE(asked.has_value()) << asked.error().message;
    }

    void gather(const std::string& ring) {
        ask_to_gather(ring);
        const auto given = parts();
        const auto done = carry_out_gather({given, claim(), {}, false});
        ASSERT_TRUE(done.has_value()) << done.error().message;
    }

    domain::RingRecord ring(const std::string& id) {
        const auto shown = door->show_record(system, "ring", id);
        EXPECT_TRUE(shown.has_value());
        return *restore<domain::RingRecord>(std::string_view(shown->body));
    }

    domain::Change change() {
        const auto shown = door->show_change(system, "CHG-1");
        return *restore<domain::Change>(std::string_view(shown->body));
    }

    static std::vector<std::string> printed(std::string_view facts) {
        return {
            "Welcome", R"({"slipway_facts":1,)", R"("gathered_at":"2026-11-22T20:00:00Z",)",
            fmt::format(R"("facts":{{{}}}}})", facts)};
    }

    void pin(const std::string& purpose, const std::string& bytes) {
        auto blob = *store->new_blob(main_tenant);
        ASSERT_TRUE(blob->write(bytes).has_value());
        does(
            "pin_runbook",
            fmt::format(
                R"({{"purpose":"{}","digest":"{}","name":"f.md"}})", purpose, blob->finish()->hex()
            )
        );
    }

    const app::Actor system{main_tenant, PersonId("slipway"), {}, {}, "worker"};
    const app::Actor ina{main_tenant, PersonId("ina"), {domain::Role::engineer}, {}, "session s"};
    const app::Actor petra{
        main_tenant, PersonId("petra"), {domain::Role::change_manager}, {}, "session p"};
    const app::Actor vic{main_tenant, PersonId("vic"), {domain::Role::viewer}, {}, "session v"};
    const SystemClock clock;
    SystemRandom random;
    std::filesystem::path folder;
    std::unique_ptr<app::Store> store;
    std::unique_ptr<app::Door> door;
    app::FakeConnectors connectors;
    app::LiveTranscripts live;
    AnsweringRunner runner;
};

TEST_F(ProbeTest, facts_are_kept_with_who_wanted_them_and_what_gathered_them) {
    runner.answers = {{"web1", printed(R"("kernel":"6","package.nginx":"1.22")")}};
    const auto contents = domain::ring_contents("production", ring("production"));
    gather("production");
    const auto after = ring("production");
    const auto& found = after.hosts.at(0).found;
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->by, PersonId("ina"));
    EXPECT_EQ(found->script, sha256(facts_script));
    EXPECT_EQ(found->count, 2u);
    EXPECT_EQ(found->fault, "");
    EXPECT_TRUE(store->blob_size(main_tenant, found->transcript).has_value());
    // The host that did not answer is told.
    ASSERT_TRUE(after.hosts.at(1).found.has_value());
    EXPECT_EQ(after.hosts.at(1).found->fault, "could not connect to web2");
    EXPECT_EQ(domain::ring_contents("production", after), contents);
    // The script gets the files to look at and nothing else of the ring.
    EXPECT_EQ(
        runner.seen.at("web1"), (domain::Variables{{"SLIPWAY_FACT_FILES", "/etc/hosts\n/etc/motd"}})
    );
    EXPECT_THAT(runner.scripts, Each(std::string(facts_script)));
    const auto asked = *store->events_of({main_tenant, "ring_gathering", "production"}, 0, 10);
    ASSERT_EQ(asked.size(), 1u);
    EXPECT_EQ(asked[0].type, "ring_gather_asked");
    EXPECT_THAT(asked[0].body, HasSubstr("ina"));
    EXPECT_TRUE(store->list_tasks({.tenant = main_tenant})->empty());
}

TEST_F(ProbeTest, rings_are_gathered_compared_and_differ_in_what_differs) {
    runner.answers = {
        {"stage1", printed(R"("kernel":"6","package.nginx":"1.26")")},
        {"web1", printed(R"("kernel":"6","package.nginx":"1.22")")},
        {"web2", printed(R"("kernel":"6","package.nginx":"1.26")")}};
    gather("staging");
    gather("production");
    does("open", R"({"title":"Harbor site 1.5"})");
    does("assign", R"({"test_ring":"staging","production_ring":"production"})");
    does("compare_ring");
    const auto compared = change();
    std::vector<std::string> ids;
    for (const auto& divergence : compared.parity->divergences)
        ids.push_back(divergence.id);
    EXPECT_THAT(ids, testing::ElementsAre("hosts", "web-1/package.nginx"));
    EXPECT_EQ(compared.parity->facts_compared, 4u);
    EXPECT_EQ(compared.parity->compared.size(), 3u);
}

TEST_F(ProbeTest, facts_of_a_host_are_not_written_by_hand_and_stay_when_the_record_is_put) {
    runner.answers = {{"stage1", printed(R"("kernel":"6")")}};
    gather("staging");
    const auto before = ring("staging").hosts.at(0).found;
    ASSERT_TRUE(before.has_value());
    put_ring("staging", "staging", R"([{"host":"stage-1","address":"stage1","role":"web"}])");
    ASSERT_TRUE(ring("staging").hosts.at(0).found.has_value());
    EXPECT_EQ(ring("staging").hosts.at(0).found->transcript, before->transcript);
    auto forged = *before;
    forged.count = 99;
    put_ring(
        "staging", "staging",
        fmt::format(
            R"([{{"host":"stage-1","address":"stage1","found":{}}},{{"host":"stage-2","found":{}}}])",
            encode(forged), encode(forged)
        )
    );
    EXPECT_EQ(ring("staging").hosts.at(0).found->count, 1u);
    EXPECT_FALSE(ring("staging").hosts.at(1).found.has_value());
    const auto brought = *parse_json(fmt::format(
        R"({{"name":"staging","kind":"staging","hosts":[{{"host":"stage-1","address":"stage1",)"
        R"("found":{}}}]}})",
        encode(forged)
    ));
    ASSERT_TRUE(door->put_records(ina, "ring", {{"staging", brought}}).has_value());
    EXPECT_EQ(ring("staging").hosts.at(0).found->count, 1u);
}

// A ring that was edited names who did that, however often its facts were gathered since.
TEST_F(ProbeTest, who_gathers_facts_is_not_who_wrote_the_ring) {
    runner.answers = {{"stage1", printed(R"("kernel":"6")")}};
    gather("staging");
    gather("staging");
    app::TenantRecords records(*store);
    EXPECT_EQ((*records.of(main_tenant))->ring_writes.get().at("staging").by, PersonId("petra"));
}

TEST_F(ProbeTest, a_host_that_was_moved_meanwhile_does_not_get_the_facts_of_the_other_machine) {
    runner.answers = {{"stage1", printed(R"("kernel":"6")")}};
    ASSERT_TRUE(door->gather_ring(ina, "staging", {}).has_value());
    const app::HostFound found{"stage-1", "stage1", {}};
    put_ring("staging", "staging", R"([{"host":"stage-1","address":"elsewhere"}])");
    const auto task = claim();
    ASSERT_TRUE(
        door->record_found(system, "staging", {found}, {}, app::TaskEnd{task.id, task.lease})
            .has_value()
    );
    EXPECT_FALSE(ring("staging").hosts.at(0).found.has_value());
}

TEST_F(ProbeTest, facts_are_imported_as_the_script_printed_them) {
    const auto document = *parse_json(
        R"({"slipway_facts":1,"gathered_at":"2026-11-20T20:00:00Z","facts":{"kernel":"6"}})"
    );
    const auto import = [&](const app::Actor& actor, const std::string& host, const Json& json) {
        return door->import_facts(actor, "staging", host, json, {});
    };
    ASSERT_TRUE(import(ina, "stage-1", document).has_value());
    const auto found = *ring("staging").hosts.at(0).found;
    EXPECT_EQ(found.at, *time_from_text("2026-11-20T20:00:00Z"));
    EXPECT_EQ(found.by, PersonId("ina"));
    EXPECT_FALSE(found.script.has_value());
    const auto shown = *parse_json(*door->show_facts(vic, "staging"));
    EXPECT_EQ(shown.at("items").at(0).at("facts").at("kernel"), "6");
    EXPECT_EQ(find(shown, "next"), nullptr) << "a ring is one page";

    EXPECT_EQ(import(vic, "stage-1", document).error().code, ErrorCode::forbidden);
    EXPECT_EQ(import(ina, "stage-9", document).error().fields.at(0).field, "host");
    auto later = document;
    later.as_object()["gathered_at"] = to_text(clock.now() + 1h);
    EXPECT_EQ(import(ina, "stage-1", later).error().fields.at(0).field, "document.gathered_at");
    auto undated = document;
    undated.as_object().erase("gathered_at");
    EXPECT_EQ(import(ina, "stage-1", undated).error().fields.at(0).field, "document.gathered_at");
    auto secret = document;
    secret.as_object()["facts"] = {{"db.password", "hunter2"}};
    EXPECT_EQ(
        import(ina, "stage-1", secret).error().fields.at(0).field, "document.facts.db.password"
    );
}

TEST_F(ProbeTest, gathering_is_for_who_may_run_something_and_for_rings_with_hosts) {
    EXPECT_EQ(door->gather_ring(vic, "staging", {}).error().code, ErrorCode::forbidden);
    EXPECT_EQ(door->gather_ring(ina, "nowhere", {}).error().code, ErrorCode::not_found);
    put_ring("staging", "staging", "[]");
    EXPECT_EQ(door->gather_ring(ina, "staging", {}).error().fields.at(0).field, "hosts");
    const app::IdempotencyKey key{"again", sha256("again")};
    ASSERT_TRUE(door->gather_ring(ina, "production", key).has_value());
    EXPECT_TRUE(door->gather_ring(ina, "production", key)->replayed);
    EXPECT_EQ(store->list_tasks({.tenant = main_tenant})->size(), 1u);
}

// As where the system has no thread left: one that begins would need more room than there can be.
class NoMoreThreads {
  public:
    NoMoreThreads() {
        ::pthread_getattr_default_np(&before_);
        pthread_attr_t large = before_;
        ::pthread_attr_setstacksize(&large, std::size_t(1) << 47);
        EXPECT_EQ(::pthread_setattr_default_np(&large), 0);
    }

    ~NoMoreThreads() { ::pthread_setattr_default_np(&before_); }

  private:
    pthread_attr_t before_{};
};

TEST_F(ProbeTest, hosts_that_no_thread_was_left_for_ended_the_server) {
    runner.answers = {{"web1", printed(R"("kernel":"6")")}, {"web2", printed(R"("kernel":"6")")}};
    ask_to_gather("production");
    const auto given = parts();
    const auto task = claim();
    {
        const NoMoreThreads none;
        EXPECT_THROW(std::thread([] {}).join(), std::system_error);
        const auto done = carry_out_gather({given, task, {}, false});
        EXPECT_TRUE(done.has_value()) << done.error().message;
    }
    for (const auto& host : ring("production").hosts)
        EXPECT_TRUE(host.found.has_value() && host.found->count == 1u) << host.host;
}

TEST_F(ProbeTest, a_task_that_threw_ended_the_server) {
    runner.out_of_memory = true;
    ask_to_gather("production");
    const auto failure = [&] {
        return store->list_tasks({.tenant = main_tenant})->at(0).last_error;
    };
    Worker worker(parts());
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (failure().empty() && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(20ms); // house: bounded poll
    EXPECT_EQ(failure(), "exception");
}

// --- preflight ---------------------------------------------------------------------------------

class PreflightTest : public ProbeTest {
  protected:
    // A change whose deployment runs on web1 and needs nginx there.
    void ask_for_preflight() {
        does("open", R"({"title":"Harbor site 1.5"})");
        does("assign", R"({"test_ring":"staging","production_ring":"production"})");
        auto bytes = domain::testing::deployment_file().bytes;
        const std::string head = "purpose: deployment\n";
        bytes.insert(bytes.find(head) + head.size(), "needs:\n  - tools: [nginx]\n");
        for (const std::string name : {"name=drain", "name=switch", "name=verify"})
            bytes.insert(bytes.find(name) + name.size(), " host=\"${WEB}\"");
        const std::string command = "  command: run-nightly\n";
        bytes.insert(bytes.find(command) + command.size(), "  host: ${WEB}\n");
        pin("deployment", bytes);
        does("preflight");
    }

    domain::Preflight look() {
        const auto given = parts();
        const auto done = carry_out_preflight({given, claim(), {}, false});
        EXPECT_TRUE(done.has_value()) << done.error().message;
        const auto state = change();
        EXPECT_TRUE(state.preflight.has_value());
        return state.preflight ? *state.preflight : domain::Preflight{};
    }

    static std::vector<std::string> failed(const domain::Preflight& preflight) {
        std::vector<std::string> subjects;
        for (const auto& check : preflight.checks)
            if (!check.passed)
                subjects.push_back(fmt::format("{} {}", to_text(check.kind), check.name));
        return subjects;
    }
};

TEST_F(PreflightTest, asks_every_machine_of_the_runbooks_and_keeps_what_it_said) {
    runner.answers = {
        {"web1",
         {"passed tool.sh /bin/sh", "passed tool.nginx /usr/sbin/nginx", "preflight done"}}};
    ask_for_preflight();
    const auto preflight = look();
    EXPECT_THAT(failed(preflight), IsEmpty());
    EXPECT_EQ(preflight.asked_by, PersonId("ina"));
    EXPECT_EQ(preflight.script, sha256(preflight_script));
    EXPECT_EQ(preflight.ring_contents, domain::ring_contents("production", ring("production")));
    ASSERT_EQ(preflight.evidence.size(), 1u);
    EXPECT_EQ(preflight.evidence[0].host, "web1");
    EXPECT_TRUE(store->blob_size(main_tenant, preflight.evidence[0].transcript).has_value());
    // No secret goes to another machine to be looked for there.
    EXPECT_EQ(
        runner.seen.at("web1"),
        (domain::Variables{{"SLIPWAY_TOOLS", "nginx sh"}, {"SLIPWAY_DISK", ""}})
    );
    // And those of this ring alone are asked for.
    EXPECT_THAT(runner.rings, testing::ElementsAre("production production"));
    EXPECT_TRUE(store->list_tasks({.tenant = main_tenant})->empty());
}

TEST_F(PreflightTest, tells_of_a_host_that_does_not_answer_and_a_secret_that_is_not_there) {
    const auto record = *parse_json(
        R"({"name":"p","kind":"production","hosts":[{"host":"web-1","address":"web1"}],)"
        R"("variables":{"WEB":"web1","KEY":"secret:file:/gone"}})"
    );
    ASSERT_TRUE(door->put_record(petra, {"ring", "production", record, {}, {}, {}}).has_value());
    ask_for_preflight();
    const auto preflight = look();
    EXPECT_THAT(failed(preflight), testing::ElementsAre("host ", "credential KEY"));
    EXPECT_EQ(preflight.checks.at(0).host, "web1");
    EXPECT_EQ(preflight.checks.at(0).detail, "could not connect to web1");
}

TEST_F(PreflightTest, lists_at_most_so_many_checks_and_what_failed_first) {
    std::string bytes = "---\ntitle: Many\npurpose: deployment\nengineer: ina\n"
                        "backup_engineer: pia\ntime_limit: 1h\nneeds:\n";
    std::vector<std::string> said{"preflight done", "passed tool.sh /bin/sh"};
    for (int need = 0; need < 3; ++need) {
        bytes += "  - tools: [";
        for (int i = 0; i < 190; ++i) {
            bytes += fmt::format("{}p{}-{}", i ? ", " : "", need, i);
            said.push_back(fmt::format("passed tool.p{}-{} /bin/p", need, i));
        }
        bytes += "]\n";
    }
    bytes += "---\n# Many\n\n```sh {\"name\":\"one\",\"host\":\"web1\",\"timeout\":\"9s\"}\n"
             "true\n```\n\n```smoke\n- name: page\n  http: http://localhost/\n```\n";
    said.erase(said.end() - 1); // the last program is not there
    runner.answers = {{"web1", said}};
    does("open", R"({"title":"Harbor site 1.5"})");
    does("assign", R"({"test_ring":"staging","production_ring":"production"})");
    pin("deployment", bytes);
    does("preflight");
    const auto preflight = look();
    ASSERT_EQ(preflight.checks.size(), limits::preflight_checks_max);
    EXPECT_EQ(preflight.checks.front().name, "p2-189");
    EXPECT_FALSE(preflight.checks.front().passed);
    EXPECT_THAT(preflight.checks.back().detail, HasSubstr("only 499 are listed"));
}

TEST_F(PreflightTest, asks_no_machine_that_is_none_of_the_ring) {
    put_ring("production", "production", R"([{"host":"web-1","address":"elsewhere"}])");
    ask_for_preflight();
    const auto preflight = look();
    EXPECT_FALSE(preflight.checks.at(0).passed);
    EXPECT_EQ(preflight.checks.at(0).host, "web1");
    EXPECT_THAT(preflight.checks.at(0).detail, HasSubstr("no address of the ring's hosts"));
    EXPECT_THAT(runner.seen, testing::Not(testing::Contains(testing::Key("web1"))));
}

TEST_F(PreflightTest, asks_at_most_so_many_hosts) {
    std::string bytes = "---\ntitle: Many\npurpose: deployment\nengineer: ina\n"
                        "backup_engineer: pia\ntime_limit: 1h\n---\n# Many\n\n";
    std::string hosts;
    for (std::size_t i = 0; i <= limits::preflight_hosts_max; ++i) {
        bytes += fmt::format(
            "```sh {{\"name\":\"s{0}\",\"host\":\"h{0}\",\"timeout\":\"9s\"}}\ntrue\n```\n\n", i
        );
        hosts += fmt::format(R"({}{{"host":"h{}","address":"h{}"}})", i ? "," : "", i, i);
    }
    put_ring("production", "production", "[" + hosts + "]");
    bytes += "```smoke\n- name: page\n  http: http://localhost/\n```\n";
    does("open", R"({"title":"Harbor site 1.5"})");
    does("assign", R"({"test_ring":"staging","production_ring":"production"})");
    pin("deployment", bytes);
    does("preflight");
    const auto given = parts();
    ASSERT_TRUE(carry_out_preflight({given, claim(), {}, true}).has_value());
    EXPECT_THAT(change().preflight->checks.at(0).detail, HasSubstr("a preflight asks 100"));
}

TEST_F(PreflightTest, that_cannot_be_made_in_the_end_is_on_the_record) {
    ask_for_preflight();
    does("assign", R"({"production_ring":"","test_ring":""})");
    ASSERT_TRUE(door->remove_record(petra, {"ring", "production", {}, {}, {}, {}}).has_value());
    const auto given = parts();
    const auto task = claim();
    EXPECT_FALSE(carry_out_preflight({given, task, {}, false}).has_value());
    ASSERT_TRUE(carry_out_preflight({given, task, {}, true}).has_value());
    const auto state = change();
    ASSERT_TRUE(state.preflight.has_value());
    EXPECT_THAT(state.preflight->checks.at(0).detail, HasSubstr("could not be made"));
}

} // namespace

} // namespace slipway::worker
