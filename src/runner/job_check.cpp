// SPDX-License-Identifier: Apache-2.0
// Whether a scheduled job fired, or each of several agents reported: the time at which it last did,
// from a file that it writes, from a document or from a command, must not be older than the list
// allows. A time that is ahead of this machine's clock proves nothing; a few minutes of difference
// between two clocks are passed over.
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <map>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>

#include "base/ascii.hpp"
#include "base/jq.hpp"
#include "runner/http_fetch.hpp"

namespace slipway::runner {

using domain::JobDemands;
using domain::RunOutcome;
using domain::SmokeCheck;

namespace {

constexpr double latest_seconds = 253402300799.0; // the end of the year 9999
constexpr std::size_t silent_shown_max = 10;

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

// Up to the next blank, which is taken away as well.
std::string_view take_word(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    const auto word = text.substr(0, text.find_first_of(" \t\r\n"));
    text.remove_prefix(word.size());
    return word;
}

std::vector<std::string> names_of(const JobDemands& demands) {
    std::vector<std::string> names;
    std::string_view rest = demands.each;
    for (auto name = take_word(rest); !name.empty(); name = take_word(rest))
        if (std::find(names.begin(), names.end(), name) == names.end())
            names.emplace_back(name);
    return names;
}

// Nothing: a time stands there that is none.
using Times = std::map<std::string, std::optional<Time>, std::less<>>;

// What is wrong with the time of one name; empty when nothing is.
std::string find_silence(
    const JobDemands& demands, const std::string& name, const Times& times, Time now, Span& oldest
) {
    const auto found = times.find(name);
    if (found == times.end())
        return "it is not among those that are told of";
    if (!found->second)
        return "what is told of it is no time";
    const auto at = *found->second;
    if (at > now + limits::smoke_ahead_max)
        return fmt::format("{} is ahead of this machine's clock", to_text(at));
    const auto age = std::max(now - at, Span::zero());
    oldest = std::max(oldest, age);
    return age <= demands.max_age ? std::string() : fmt::format("{} ago", age_text(age));
}

CheckAnswer judge_each(const JobDemands& demands, const Times& times, Time now) {
    const auto names = names_of(demands);
    if (names.empty() || names.size() > limits::smoke_each_max)
        return {
            RunOutcome::not_started, 0,
            fmt::format(
                "each has {} names, expected 1 to {}", names.size(), limits::smoke_each_max
            )};
    std::string silent;
    std::size_t count = 0;
    Span oldest{};
    for (const auto& name : names) {
        const auto why = find_silence(demands, name, times, now, oldest);
        if (why.empty() || ++count > silent_shown_max)
            continue;
        silent += fmt::format("{}{} ({})", silent.empty() ? "" : ", ", shown(name), why);
    }
    if (count == 0)
        return {
            RunOutcome::passed, 0,
            fmt::format("all {}: the longest ago is {}", names.size(), age_text(oldest))};
    return {
        RunOutcome::unexpected_output, 0,
        fmt::format(
            "{} of {} not within {}: {}{}", count, names.size(), to_text(demands.max_age), silent,
            count > silent_shown_max ? " and others" : ""
        )};
}

// What is no line "name time" may be a heading: a name that nobody told of is missing anyway.
Times times_of_lines(std::string_view output) {
    Times times;
    while (!output.empty()) {
        auto line = output.substr(0, output.find('\n'));
        output.remove_prefix(std::min(line.size() + 1, output.size()));
        const auto name = take_word(line);
        const auto time = take_word(line);
        if (!name.empty() && !time.empty() && take_word(line).empty())
            times[std::string(name)] = time_of_text(time);
    }
    return times;
}

std::optional<Times> times_of_json(const Json& json) {
    const auto* object = json.if_object();
    if (object == nullptr)
        return std::nullopt;
    Times times;
    for (const auto& member : *object)
        times[std::string(member.key())] = time_of_json(member.value());
    return times;
}

// What `at` makes of the document; null when that is nothing.
Seen<Json> document_value(const SmokeCheck& check, const std::stop_token& stop) {
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
    if (!values)
        return unseen(
            RunOutcome::unexpected_output,
            fmt::format(
                "{} cannot be told of the document{}", clipped(check.job->at),
                limit_of_jq(values.error())
            ),
            200
        );
    // The first of several times would be fresh whatever the others say.
    if (values->size() > 1)
        return unseen(
            RunOutcome::unexpected_output,
            fmt::format(
                "{} gives {} values, expected {}", clipped(check.job->at), values->size(),
                check.job->each.empty()
                    ? fmt::format(
                          "one time; [{}] | min is the oldest of them", clipped(check.job->at)
                      )
                    : std::string("one object of names and times")
            ),
            200
        );
    return values->empty() ? Json{} : values->front();
}

CheckAnswer judge_document(const SmokeCheck& check, const Json& value, Time now) {
    const auto& demands = *check.job;
    if (demands.each.empty()) {
        if (const auto time = time_of_json(value))
            return judge_age(demands, *time, now);
        return {
            RunOutcome::unexpected_output, 200,
            fmt::format(
                "{} gives no time, which is a text such as 2026-11-22T20:00:00Z or the seconds "
                "since 1970",
                clipped(demands.at)
            )};
    }
    if (const auto times = times_of_json(value))
        return judge_each(demands, *times, now);
    return {
        RunOutcome::unexpected_output, 200,
        fmt::format("{} gives no object of names and times", clipped(demands.at))};
}

} // namespace

CheckAnswer check_job(const SmokeCheck& check, Time now, const std::stop_token& stop) {
    if (!check.job)
        return {RunOutcome::not_started, 0, "the check does not say of which job"};
    if (!check.url.empty()) {
        const auto value = document_value(check, stop);
        return value ? judge_document(check, *value, now) : value.error();
    }
    const auto fired = file_time(check.job->file);
    return fired ? judge_age(*check.job, *fired, now) : fired.error();
}

CheckAnswer judge_job_output(const SmokeCheck& check, std::string_view output, Time now) {
    const auto demands = check.job.value_or(JobDemands{});
    if (!demands.each.empty())
        return judge_each(demands, times_of_lines(output), now);
    if (const auto fired = time_of_text(trimmed(output.substr(0, output.find('\n')))))
        return judge_age(demands, *fired, now);
    return {
        RunOutcome::unexpected_output, 0,
        "the first line of the output is no time, which is a text such as "
        "2026-11-22T20:00:00Z or the seconds since 1970"};
}

} // namespace slipway::runner
