// SPDX-License-Identifier: Apache-2.0
#include "runner/far_side.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>

#include <fmt/format.h>

namespace slipway::runner {

namespace {

using SteadyClock = std::chrono::steady_clock;

// The far side gives the group two seconds after SIGTERM; the rest is for the way there and back.
constexpr Span grace_of_far_side = std::chrono::seconds(5);
// How long ssh may take to end once the script's status is here.
constexpr Span grace_after_status = std::chrono::seconds(5);

// What the far side does with what it is sent. Traps that do nothing instead of ignored signals,
// since a child inherits the latter. A background process watches for the end of the connection,
// and stands in the same group as the step, whose leader is the session that sshd made. Before it
// kills the group, itself with it, it says so; in the background, since nobody may be left to read
// it. The script is read from a descriptor of its own, so that its standard input is empty, as it
// is on this machine. At the end, what the step left running is ended with it, and this shell too.
constexpr std::string_view far_side_program = R"sh(
slipway_interpreter=$(slipway_read) || exit 1
slipway_variables=$(slipway_read) || exit 1
slipway_script=$(slipway_read) || exit 1
trap : HUP TERM PIPE
exec 5<&0 </dev/null
if ! command -v "$slipway_interpreter" >/dev/null 2>&1; then
    printf "%s\n" "$slipway_mark missing"
    exit 1
fi
(
    while read -r slipway_line <&5; do :; done
    trap "" HUP TERM PIPE
    kill -TERM 0
    sleep 2
    printf "%s\n" "$slipway_mark ended" &
    sleep 0.2 || sleep 1
    kill -KILL 0
) 2>/dev/null &
(
    eval "$slipway_variables"
    exec "$slipway_interpreter" /dev/fd/3 2>&1 5<&- 3<<SLIPWAY_END
$slipway_script
SLIPWAY_END
)
slipway_status=$?
printf "%s\n" "$slipway_mark exit $slipway_status"
trap "" HUP TERM PIPE
kill -TERM 0
sleep 0.2 || sleep 1
kill -KILL 0
)sh";

// As a POSIX shell reads it back: in single quotes, which nothing but a single quote ends.
std::string shell_quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text)
        out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

std::string exports(const domain::Variables& environment) {
    std::string text;
    for (const auto& [name, value] : environment)
        text += fmt::format("export {}={}\n", name, shell_quoted(value));
    return text;
}

// How much of the end of the text may be the beginning of the mark.
std::size_t begun_mark(std::string_view text, std::string_view mark) {
    for (auto size = std::min(text.size(), mark.size() - 1); size > 0; --size)
        if (mark.starts_with(text.substr(text.size() - size)))
            return size;
    return 0;
}

} // namespace

// It reads its program to the mark and obeys it. In single quotes, without a quote, an exclamation
// mark or a line end within, so that every login shell hands it on as it is. Where printf is a
// program of its own, its arguments could be seen by others; such shells have print.
constexpr std::string_view bootstrap =
    R"(exec sh -c 'case $(command -v printf) in printf) ;; )"
    R"(*) printf() { print -r -- "$2"; } ;; esac; )"
    R"(slipway_read() { while IFS= read -r slipway_line; do )"
    R"(if [ "$slipway_line" = "$slipway_mark" ]; then return 0; fi; )"
    R"(printf "%s\n" "$slipway_line"; done; return 1; }; )"
    R"(IFS= read -r slipway_mark || exit 1; printf "%s\n" "$slipway_mark ready"; )"
    R"(slipway_text=$(slipway_read) || exit 1; eval "$slipway_text"')";

const std::string_view far_side_command = bootstrap;

bool is_program_name(std::string_view name) {
    return !name.empty() && name.front() != '-' && name.front() != '.' &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == '-' || c == '+';
           });
}

FarSide::FarSide(
    std::string mark, const domain::RunbookStep& step, const domain::Variables& environment,
    Span connecting, Transcript& transcript
)
    : mark_(std::move(mark)), to_send_(mark_ + "\n"), transcript_(transcript),
      ready_by_(SteadyClock::now() + connecting) {
    const auto variables = exports(environment);
    for (const std::string_view part :
         {far_side_program, std::string_view(step.interpreter), std::string_view(variables),
          std::string_view(step.script)})
        program_ += fmt::format("{}\n{}\n", part, mark_);
}

void FarSide::take_output(std::string_view bytes, Time at) {
    if (phase_ == Phase::done)
        return; // written by what the step left running
    held_ += bytes;
    if (phase_ == Phase::connecting)
        take_greeting(at);
    else
        take_running(at);
}

void FarSide::take_greeting(Time at) {
    const auto ready = mark_ + " ready\n";
    const auto found = held_.find(ready);
    if (found == std::string::npos) {
        if (held_.size() > limits::ssh_words_max)
            held_.erase(0, held_.size() - ready.size());
        return;
    }
    held_.erase(0, found + ready.size());
    if (asked_to_end_)
        return; // too late: nothing is sent any more
    phase_ = Phase::running;
    to_send_ = std::move(program_);
    sent_ = 0;
    take_running(at);
}

void FarSide::take_running(Time at) {
    const auto found = held_.find(mark_);
    if (found == std::string::npos) {
        const auto keep = begun_mark(held_, mark_);
        transcript_.take(std::string_view(held_).substr(0, held_.size() - keep), at);
        held_.erase(0, held_.size() - keep);
        return;
    }
    transcript_.take(std::string_view(held_).substr(0, found), at);
    held_.erase(0, found);
    const auto end = held_.find('\n');
    if (end == std::string::npos && held_.size() < 2 * mark_.size())
        return; // the rest of the line is on its way
    if (!take_ending(std::string_view(held_).substr(mark_.size(), end - mark_.size())))
        transcript_.take("[the far side does not say how the step ended]\n", at);
    be_done();
}

bool FarSide::take_ending(std::string_view line) {
    constexpr std::string_view exit = " exit ";
    missing_ = line == " missing";
    killed_ = line == " ended";
    if (missing_ || killed_)
        return true;
    if (!line.starts_with(exit))
        return false;
    line.remove_prefix(exit.size());
    int status = -1;
    const auto read = std::from_chars(line.data(), line.data() + line.size(), status);
    if (read.ec != std::errc{} || read.ptr != line.data() + line.size() || status < 0)
        return false;
    status_ = status;
    return true;
}

void FarSide::be_done() {
    phase_ = Phase::done;
    done_by_itself_ = !asked_to_end_;
    gone_by_ = SteadyClock::now() + grace_after_status;
    held_.clear();
}

void FarSide::take_errors(std::string_view bytes) {
    words_ += bytes;
    if (words_.size() > limits::ssh_words_max)
        words_.erase(0, words_.size() - limits::ssh_words_max);
}

std::string_view FarSide::input() {
    return std::string_view(to_send_).substr(sent_);
}

void FarSide::written(std::size_t count) {
    sent_ += count;
    began_ = began_ || phase_ != Phase::connecting;
}

MonotonicTime FarSide::deadline(MonotonicTime planned) const {
    switch (phase_) {
    case Phase::connecting:
        return std::min(planned, ready_by_);
    case Phase::running:
        return planned;
    case Phase::done:
        break;
    }
    return gone_by_;
}

void FarSide::ask_to_end(Process& process) {
    asked_to_end_ = true;
    // The end of the input is what the far side waits for; before it listens there is nobody to
    // ask.
    process.close_input();
    if (phase_ != Phase::running)
        process.signal_group(SIGTERM);
}

Span FarSide::grace() const {
    return grace_of_far_side;
}

void FarSide::finish(Time at) {
    if (phase_ == Phase::running)
        transcript_.take(held_, at);
    held_.clear();
    transcript_.finish(at);
}

} // namespace slipway::runner
