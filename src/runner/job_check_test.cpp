// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "runner/check.hpp"
#include "runner/loopback_server.hpp"

namespace slipway::runner {
namespace {

using namespace std::chrono_literals;
using domain::RunOutcome;
using domain::SmokeCheck;
using testing::HasSubstr;
using testing::Not;

const Time now = *time_from_text("2026-11-22T20:00:00Z");

SmokeCheck job() {
    SmokeCheck check;
    check.name = "export";
    check.kind = domain::SmokeKind::job;
    check.timeout = 10s;
    check.job = domain::JobDemands{"", "", 26h};
    return check;
}

CheckAnswer judged_line(std::string_view line) {
    return judge_job_output(job(), line, now);
}

TEST(JobCheck, refuses_what_is_too_old_or_no_time) {
    auto told = judged_line("2026-11-21T17:59:00Z");
    EXPECT_EQ(told.outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(
        told.message, "it fired 1d2h1m ago, at 2026-11-21T17:59:00.000Z; expected at most 26h"
    );
    for (const auto* bad : {"", "yes", "-1", "nan", "1e300", "2026-11-22", "12 s3cr3t"}) {
        told = judged_line(bad);
        EXPECT_EQ(told.outcome, RunOutcome::unexpected_output) << bad;
        EXPECT_THAT(told.message, Not(HasSubstr("s3cr3t")));
    }
    EXPECT_EQ(judged_line("2026-11-21T18:00:00Z").outcome, RunOutcome::passed);
    EXPECT_EQ(judged_line(" 2026-11-22T21:00:00+01:00\t").outcome, RunOutcome::passed);
    EXPECT_EQ(judged_line(std::to_string(now.time_since_epoch() / 1s)).outcome, RunOutcome::passed);
}

TEST(JobCheck, says_ages_in_seconds) {
    EXPECT_EQ(
        judged_line("2026-11-22T19:59:52.478Z").message,
        "it fired 7s ago, at 2026-11-22T19:59:52.478Z"
    );
    EXPECT_THAT(judged_line("2026-11-22T19:59:59.438Z").message, HasSubstr("562ms ago"));
}

TEST(JobCheck, refuses_a_time_ahead_of_the_clock) {
    EXPECT_EQ(judged_line("2026-11-22T20:05:00Z").outcome, RunOutcome::passed);
    const auto told = judged_line("2026-11-22T20:05:01Z");
    EXPECT_EQ(told.outcome, RunOutcome::unexpected_output);
    EXPECT_THAT(told.message, HasSubstr("ahead of this machine's clock"));
}

class JobFile : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/slipway-job-XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        folder_ = name;
    }

    void TearDown() override { std::filesystem::remove_all(folder_); }

    CheckAnswer look(const std::string& path) {
        auto check = job();
        check.job->file = path;
        return check_job(check, now, {});
    }

    std::filesystem::path folder_;
};

TEST_F(JobFile, looks_at_the_age_of_a_file) {
    const auto path = (folder_ / "done").string();
    EXPECT_EQ(look(path).outcome, RunOutcome::failed);
    EXPECT_THAT(look(path).message, HasSubstr("No such file"));
    EXPECT_EQ(look(folder_).outcome, RunOutcome::failed);
    EXPECT_EQ(look("done").outcome, RunOutcome::not_started);
    EXPECT_EQ(look("").outcome, RunOutcome::not_started);
    std::ofstream(path) << "done";
    const auto touch = [&](Time at) {
        const auto seconds = std::chrono::floor<std::chrono::seconds>(at.time_since_epoch());
        const timespec times[2] = {{seconds.count(), 0}, {seconds.count(), 0}};
        ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
    };
    touch(now - 26h);
    EXPECT_EQ(look(path).outcome, RunOutcome::passed);
    EXPECT_EQ(look(path).message, "it fired 1d2h ago, at 2026-11-21T18:00:00.000Z");
    touch(now - 26h - 1s);
    EXPECT_EQ(look(path).outcome, RunOutcome::unexpected_output);
    touch(now + 1h);
    EXPECT_EQ(look(path).outcome, RunOutcome::unexpected_output);
    // A pipe that nobody writes to is not waited for.
    const auto pipe = (folder_ / "pipe").string();
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_EQ(look(pipe).outcome, RunOutcome::failed);
}

TEST(JobUrl, takes_the_time_out_of_a_document) {
    LoopbackServer server({
        {"/jobs?token=s3cr3t",
         http_answer("200 OK", R"({"text": "2026-11-22T19:00:00Z", "number": 1795374000.5,
                              "old": "2026-11-01T00:00:00Z", "none": null})")},
        {"/bad", http_answer("500 Oops", "{}")},
        {"/page", http_answer("200 OK", "<html>")},
    });
    const auto look = [&](const std::string& path, const std::string& at) {
        auto check = job();
        check.url = "http://" + server.address() + path;
        check.job->at = at;
        return check_job(check, now, {});
    };
    const std::string jobs = "/jobs?token=s3cr3t";
    EXPECT_EQ(look("/bad", ".text").outcome, RunOutcome::failed);
    EXPECT_EQ(look("/page", ".text").outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(look(jobs, ".none").outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(look(jobs, ".[0]").outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(look(jobs, ".text |").outcome, RunOutcome::not_started);
    EXPECT_EQ(look(jobs, "empty").outcome, RunOutcome::unexpected_output);
    // The first one alone would pass.
    const auto two = look(jobs, ".text, .old");
    EXPECT_EQ(two.outcome, RunOutcome::unexpected_output);
    EXPECT_THAT(two.message, HasSubstr(".text, .old gives 2 values, expected one time"));
    EXPECT_EQ(look(jobs, "[.text, .old] | min").outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(look(jobs, ".old").outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(look(jobs, ".text").outcome, RunOutcome::passed) << look(jobs, ".text").message;
    EXPECT_EQ(look(jobs, ".number").outcome, RunOutcome::passed) << look(jobs, ".number").message;
    EXPECT_THAT(look("/page?token=s3cr3t", ".x").message, Not(HasSubstr("s3cr3t")));
}

SmokeCheck agents(const std::string& names) {
    auto check = job();
    check.job->max_age = 10min;
    check.job->each = names;
    return check;
}

TEST(JobOfEach, refuses_who_is_silent_or_not_told_of) {
    const std::string output = "HOST LAST SEEN\n"
                               "web-1 2026-11-22T19:55:00Z\n"
                               "web-2 2026-11-22T16:58:00Z\n"
                               "web-3 soon\n"
                               "web-4 2026-11-22T20:30:00Z\n";
    auto told = judge_job_output(agents("web-1 web-2 web-3\tweb-4 web-5 web-5"), output, now);
    EXPECT_EQ(told.outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(
        told.message,
        "4 of 5 not within 10m: \"web-2\" (3h2m ago), \"web-3\" (what is told of it is no time), "
        "\"web-4\" (2026-11-22T20:30:00.000Z is ahead of this machine's clock), \"web-5\" (it is "
        "not among those that are told of)"
    );
    // A name is a whole word of its own.
    EXPECT_EQ(judge_job_output(agents("web"), output, now).outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(judge_job_output(agents("web-1"), "", now).outcome, RunOutcome::unexpected_output);
    told = judge_job_output(agents("web-1"), output, now);
    EXPECT_EQ(told.outcome, RunOutcome::passed);
    EXPECT_EQ(told.message, "all 1: the longest ago is 5m");
}

TEST(JobOfEach, names_at_most_ten_and_asks_for_at_most_a_thousand) {
    std::string names;
    for (std::size_t i = 0; i < limits::smoke_each_max; ++i)
        names += fmt::format("w{} ", i);
    auto told = judge_job_output(agents(names), "", now);
    EXPECT_EQ(told.outcome, RunOutcome::unexpected_output);
    EXPECT_THAT(told.message, HasSubstr("\"w9\" ("));
    EXPECT_THAT(told.message, HasSubstr(" and others"));
    EXPECT_THAT(told.message, Not(HasSubstr("\"w10\"")));
    told = judge_job_output(agents(names + "more"), "", now);
    EXPECT_EQ(told.outcome, RunOutcome::not_started);
    EXPECT_THAT(told.message, HasSubstr("1001 names"));
    // A variable that is empty asks for nobody, which proves nothing.
    EXPECT_EQ(judge_job_output(agents(" "), "", now).outcome, RunOutcome::not_started);
}

TEST(JobOfEach, takes_names_and_times_out_of_a_document) {
    LoopbackServer server({
        {"/agents", http_answer("200 OK", R"({"agents": [
            {"host": "web-1", "seen": "2026-11-22T19:59:00Z"},
            {"host": "web-2", "seen": 1795374000}]})")},
    });
    const auto look = [&](const std::string& names, const std::string& at) {
        auto check = agents(names);
        check.url = "http://" + server.address() + "/agents";
        check.job->at = at;
        return check_job(check, now, {});
    };
    const std::string at = "[.agents[] | {key: .host, value: .seen}] | from_entries";
    EXPECT_EQ(look("web-1", ".agents").outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(look("web-1", ".agents[0].host").outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(look("web-1 web-3", at).outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(look("web-1", at).outcome, RunOutcome::passed) << look("web-1", at).message;
    const auto told = look("web-1 web-2", at);
    EXPECT_EQ(told.outcome, RunOutcome::unexpected_output);
    EXPECT_THAT(told.message, HasSubstr("\"web-2\" (1h ago)"));
}

} // namespace
} // namespace slipway::runner
