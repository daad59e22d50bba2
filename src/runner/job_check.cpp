// SPDX-License-Identifier: Apache-2.0
// Whether a scheduled job fired: the time at which it last did, from a file that it writes, from a
// document or from a command, must not be older than the list allows. A time that is ahead of this
// machine's clock proves nothing; a few minutes of difference between two clocks are passed over.
#include <cerrno>
#include <cmath>

#include <fmt/format.h>
#include <sys/stat.h>

#include "base/jq.hpp"
#include "runner/http_fetch.hpp"

namespace slipway::runner {

using domain::JobDemands;
using domain::RunOutcome;
using domain::SmokeCheck;

namespace {

constexpr double latest_seconds = 253402300799.0; // the end of the year 9999

// "1d2h1m": so that ages can be read. Below a second the milliseconds are all there is.
std::string age_text(Span age) {
    if (age < std::chrono::seconds(1))
        return to_text(age);
    auto left = std::chrono::floor<std::chrono::seconds>(age).count();
    constexpr std::pair<std::int64_t, char> units[] = {
        {24 * 3600, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    std::string text;
    for (const auto& [seconds, unit] : units) {
        if (left >= seconds)
            text += fmt::format("{}{}", left / seconds, unit);
        left %= seconds;
    }
    return text;
}

CheckAnswer judge_age(const JobDemands& demands, Time fired, Time now) {
    if (fired > now + limits::smoke_ahead_max)
        return {
            RunOutcome::unexpected_output, 0,
            fmt::format(
                "it fired at {}, which is ahead of this machine's clock ({})", to_text(fired),
                to_text(now)
            )};
    const auto age = std::max(now - fired, Span::zero());
    const auto seen = fmt::format("it fired {} ago, at {}", age_text(age), to_text(fired));
    if (age <= demands.max_age)
        return {RunOutcome::passed, 0, seen};
    return {
        RunOutcome::unexpected_output, 0,
        fmt::format("{}; expected at most {}", seen, to_text(demands.max_age))};
}

std::optional<Time> time_of_seconds(double seconds) {
    if (!std::isfinite(seconds) || seconds < 0 || seconds > latest_seconds)
        return std::nullopt;
    return Time(Span(std::llround(seconds * 1000)));
}

std::optional<Time> time_of_text(std::string_view text) {
    if (const auto seconds = number_from(text))
        return time_of_seconds(*seconds);
    const auto time = time_from_text(text);
    return time ? std::optional(*time) : std::nullopt;
}

std::optional<Time> time_of_json(const Json& json) {
    if (const auto* text = json.if_string())
        return time_of_text(view(*text));
    return json.is_number() ? time_of_seconds(json.to_number<double>()) : std::nullopt;
}

Seen<Time> file_time(const std::string& path) {
    struct stat file {};

    if (path.empty() || path.front() != '/')
        return unseen(
            RunOutcome::not_started, fmt::format("{} is not an absolute path", shown(path))
        );
    if (::stat(path.c_str(), &file) != 0)
        return unseen(
            RunOutcome::failed,
            fmt::format("{}: {}", shown(path), std::generic_category().message(errno))
        );
    if (!S_ISREG(file.st_mode))
        return unseen(RunOutcome::failed, fmt::format("{} is not a file", shown(path)));
    const auto since_epoch =
        std::chrono::seconds(file.st_mtim.tv_sec) + std::chrono::nanoseconds(file.st_mtim.tv_nsec);
    return Time(std::chrono::floor<Span>(since_epoch));
}

Seen<Time> document_time(const SmokeCheck& check, const std::stop_token& stop) {
    const auto answer =
        fetch(check.url, static_cast<int>(limits::smoke_redirects_max), limit_of(check), stop);
    if (!answer)
        return tl::unexpected(answer.error());
    const auto json = json_of(*answer, shown_url(check.url));
    if (!json)
        return tl::unexpected(json.error());
    const auto program = JqProgram::compile(check.job->at);
    if (!program)
        return unseen(RunOutcome::not_started, "at: " + program.error().message, 200);
    const auto values = program->run_all(*json);
    // The first of several times would be fresh whatever the others say.
    if (values && values->size() > 1)
        return unseen(
            RunOutcome::unexpected_output,
            fmt::format(
                "{0} gives {1} values, expected one time; [{0}] | min is the oldest of them",
                clipped(check.job->at), values->size()
            ),
            200
        );
    const auto time = values && !values->empty() ? time_of_json(values->front()) : std::nullopt;
    if (!time)
        return unseen(
            RunOutcome::unexpected_output,
            fmt::format(
                "{} gives no time, which is a text such as 2026-11-22T20:00:00Z or the seconds "
                "since 1970",
                clipped(check.job->at)
            ),
            200
        );
    return *time;
}

} // namespace

CheckAnswer check_job(const SmokeCheck& check, Time now, const std::stop_token& stop) {
    const auto demands = check.job.value_or(JobDemands{});
    const auto fired = check.url.empty() ? file_time(demands.file) : document_time(check, stop);
    return fired ? judge_age(demands, *fired, now) : fired.error();
}

CheckAnswer judge_job_line(const SmokeCheck& check, std::string_view line, Time now) {
    const auto begin = line.find_first_not_of(" \t");
    if (begin != std::string_view::npos)
        line = line.substr(begin, line.find_last_not_of(" \t") - begin + 1);
    const auto fired = time_of_text(line);
    if (!fired)
        return {
            RunOutcome::unexpected_output, 0,
            "the first line of the output is no time, which is a text such as "
            "2026-11-22T20:00:00Z or the seconds since 1970"};
    return judge_age(check.job.value_or(JobDemands{}), *fired, now);
}

} // namespace slipway::runner
