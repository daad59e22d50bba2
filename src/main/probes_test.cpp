// SPDX-License-Identifier: Apache-2.0
// The probes as they are shipped, run for real: on this machine, and over SSH to a server of the
// tests' own.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdlib.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/preflight_plan.hpp"
#include "domain/records/ring_comparison.hpp"
#include "main/machine_runner.hpp"
#include "main/resources.hpp"
#include "runner/loopback_sshd.hpp"

namespace slipway {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class ProbesTest : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/slipway-probes-XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        folder_ = name;
        std::filesystem::create_directories(folder_ / "work");
    }

    void TearDown() override { std::filesystem::remove_all(folder_); }

    void write(const std::string& name, const std::string& text) const {
        std::ofstream(folder_ / name) << text;
    }

    domain::StepResult
    run(std::string_view probe_name, const domain::Variables& variables, const std::string& host) {
        MachineRunnerOptions options{folder_ / "scratch", folder_ / "work", {}, {}};
        if (sshd_)
            options.ssh.config_file = sshd_->config();
        MachineRunner runner(clock_, random_, std::move(options));
        domain::RunbookStep step;
        step.name = "probe";
        step.kind = domain::RunbookStepKind::verify;
        step.interpreter = "sh";
        step.host = host;
        step.script = probe(probe_name);
        step.timeout = 60s;
        lines_.clear();
        return runner.run_step(
            step, {{}, "edge", variables}, {},
            [&](const domain::TranscriptLine& line) { lines_.push_back(line.text); }
        );
    }

    domain::HostFacts
    gather(const std::vector<std::string>& files = {}, const std::string& host = {}) {
        const auto result =
            run("facts.sh", {{"SLIPWAY_FACT_FILES", fmt::format("{}", fmt::join(files, "\n"))}},
                host);
        EXPECT_TRUE(result.passed()) << result.message;
        const auto document = domain::read_printed_facts(lines_);
        EXPECT_TRUE(document.has_value()) << document.error().message;
        EXPECT_TRUE(document && document->gathered_at);
        return document ? document->facts : domain::HostFacts{};
    }

    static domain::RingComparison
    compared(const domain::HostFacts& mine, const domain::HostFacts& theirs) {
        domain::RingRecord ring;
        domain::RingRecord production;
        ring.hosts = {{"mine", {}, {}, mine}};
        production.hosts = {{"theirs", {}, {}, theirs}};
        return domain::compare_rings(ring, production, {});
    }

    std::set<std::string> files_there() const {
        std::set<std::string> names;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_))
            names.insert(entry.path().string());
        return names;
    }

    std::filesystem::path folder_;
    std::optional<runner::LoopbackSshd> sshd_;
    SystemClock clock_;
    SystemRandom random_;
    std::vector<std::string> lines_;
};

TEST_F(ProbesTest, this_machine_gathered_twice_does_not_differ_from_itself) {
    write("site.conf", "listen 80\n");
    const std::vector<std::string> files{(folder_ / "site.conf").string()};
    const auto first = gather(files);
    const auto second = gather(files);
    const auto comparison = compared(first, second);
    for (const auto& difference : comparison.differences)
        ADD_FAILURE() << difference.id << ": " << difference.ring_value << " / "
                      << difference.production_value;
    EXPECT_GT(comparison.facts_compared, 10u);
    for (const auto* name : {"os.name", "os.build", "kernel", "machine", "os.init"})
        EXPECT_TRUE(first.contains(name)) << name;
    const bool packages = std::any_of(first.begin(), first.end(), [](const auto& fact) {
        return domain::kind_of_fact(fact.first) == "package";
    });
    EXPECT_TRUE(packages);
}

TEST_F(ProbesTest, a_drift_of_a_configuration_file_is_found_and_its_content_stays_where_it_is) {
    write("site.conf", "password = hunter2\n");
    const auto path = (folder_ / "site.conf").string();
    const auto before = gather({path});
    EXPECT_EQ(before.at("file." + path), "sha256 " + sha256("password = hunter2\n").hex());
    write("site.conf", "password = hunter3\n");
    const auto after = gather({path});
    for (const auto& line : lines_)
        EXPECT_EQ(line.find("hunter"), std::string::npos);
    const auto comparison = compared(before, after);
    ASSERT_EQ(comparison.differences.size(), 1u);
    EXPECT_EQ(comparison.differences[0].id, "theirs/file." + path);
}

TEST_F(ProbesTest, what_cannot_be_looked_at_is_said) {
    std::filesystem::create_directory(folder_ / "folder");
    const auto odd = (folder_ / "a\\b \"c\"").string();
    write("a\\b \"c\"", "x");
    const auto facts =
        gather({(folder_ / "absent").string(), (folder_ / "folder").string(), "relative", odd});
    EXPECT_EQ(facts.at("file." + (folder_ / "absent").string()), "absent");
    EXPECT_THAT(facts.at("file." + (folder_ / "folder").string()), StartsWith("unknown: "));
    EXPECT_THAT(facts.at("file.relative"), StartsWith("unknown: "));
    EXPECT_EQ(facts.at("file." + odd), "sha256 " + sha256("x").hex());
}

TEST_F(ProbesTest, gathering_leaves_nothing_behind) {
    write("site.conf", "listen 80\n");
    (void)gather(); // makes the folder for scripts
    const auto before = files_there();
    (void)gather({(folder_ / "site.conf").string()});
    EXPECT_EQ(files_there(), before);
}

TEST_F(ProbesTest, the_same_facts_come_over_ssh) {
    sshd_.emplace();
    const auto here = gather({"/etc/os-release"});
    const auto there = gather({"/etc/os-release"}, "web1");
    for (const auto& difference : compared(here, there).differences)
        ADD_FAILURE() << difference.id << ": " << difference.ring_value << " / "
                      << difference.production_value;
}

TEST_F(ProbesTest, a_host_that_is_not_there_has_no_facts) {
    sshd_.emplace();
    const auto result = run("facts.sh", {}, "nobody");
    EXPECT_FALSE(result.passed());
    EXPECT_THAT(result.message, HasSubstr("could not connect to nobody"));
    EXPECT_FALSE(domain::read_printed_facts(lines_).has_value());
}

TEST_F(ProbesTest, a_preflight_sees_what_is_there_and_what_is_not) {
    sshd_.emplace();
    const domain::HostNeeds needs{
        {"sh", "no-such-program", "/bin/sh"}, {{"/", 1}, {"/no/such/place", 1}}};
    for (const std::string host : {"", "web1"}) {
        SCOPED_TRACE(host);
        const auto result = run("preflight.sh", domain::preflight_variables(needs), host);
        std::set<std::string> failed;
        for (const auto& check : domain::judge_host(host, needs, result, lines_))
            if (!check.passed)
                failed.insert(check.name + ": " + check.detail);
        ASSERT_EQ(failed.size(), 1u) << fmt::format("{}", fmt::join(failed, "; "));
        EXPECT_THAT(*failed.begin(), HasSubstr("not found on PATH"));
    }
    const auto silent = run("preflight.sh", domain::preflight_variables(needs), "nobody");
    const auto checks = domain::judge_host("nobody", needs, silent, lines_);
    ASSERT_EQ(checks.size(), 1u);
    EXPECT_FALSE(checks[0].passed);
    EXPECT_THAT(checks[0].detail, HasSubstr("could not connect"));
}

TEST_F(ProbesTest, a_preflight_sums_what_is_wanted_on_one_disk) {
    const auto free = std::filesystem::space("/tmp").available / 1024;
    const auto failed = [&](std::map<std::string, std::uint64_t> disk) {
        const domain::HostNeeds needs{{}, std::move(disk)};
        const auto result = run("preflight.sh", domain::preflight_variables(needs), "");
        std::set<std::string> names;
        for (const auto& check : domain::judge_host("", needs, result, lines_))
            if (!check.passed)
                names.insert(check.name + ": " + check.detail);
        return names;
    };
    EXPECT_THAT(failed({{"/tmp/one", free * 6 / 10}}), testing::IsEmpty());
    const auto both = failed({{"/tmp/one", free * 6 / 10}, {"/tmp/two", free * 6 / 10}});
    ASSERT_EQ(both.size(), 2u) << fmt::format("{}", fmt::join(both, "; "));
    EXPECT_THAT(*both.begin(), StartsWith("/tmp/one: "));
    EXPECT_THAT(*both.rbegin(), HasSubstr("KiB with what else is wanted on this disk"));
    EXPECT_EQ(failed({{"/tmp", std::uint64_t{1} << 50}}).size(), 1u);
}

TEST(Probes, are_the_programs_own_and_not_laid_out_for_anybody_to_edit) {
    EXPECT_THAT(std::string(probe("facts.sh")), StartsWith("#!/bin/sh"));
    EXPECT_THAT(std::string(probe("preflight.sh")), StartsWith("#!/bin/sh"));
    EXPECT_EQ(probe("no-such.sh"), "");
    char name[] = "/tmp/slipway-probes-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    const std::filesystem::path folder(name);
    ASSERT_TRUE(lay_out_resources(folder.string()).has_value());
    EXPECT_TRUE(std::filesystem::exists(folder / "policies" / "default.yaml"));
    EXPECT_FALSE(std::filesystem::exists(folder / "probes"));
    std::filesystem::remove_all(folder);
}

} // namespace
} // namespace slipway
