// SPDX-License-Identifier: Apache-2.0
#include "http/transcript_feed.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/limits.hpp"
#include "http/answers.hpp"

namespace slipway::http {

namespace {

// What an entry says about one step of a run.
struct StepEntry {
    std::string run;
    std::string step;
    std::string_view state;
    int attempt = 0;
    Digest transcript;
};

// Reads the entry into `json`, which the result refers to.
std::optional<StepEntry> step_entry(const app::StoredEvent& event, Json& json) {
    if (event.type != "run_step_reported")
        return std::nullopt;
    auto parsed = parse_json(event.body);
    if (!parsed)
        return std::nullopt;
    json = *std::move(parsed);
    const auto* data = find(json, "data");
    const auto* step = data ? find(*data, "step") : nullptr;
    if (step == nullptr)
        return std::nullopt;
    StepEntry out;
    out.run = text_or_empty(*data, "run");
    out.step = text_or_empty(*step, "name");
    out.state = text_or_empty(*step, "state");
    if (const auto* attempts = find(*step, "attempts"); attempts && attempts->is_int64())
        out.attempt = static_cast<int>(attempts->get_int64());
    out.transcript = digest_from_hex(text_or_empty(*step, "transcript")).value_or(Digest{});
    return out;
}

bool is(const StepEntry& entry, const app::RunningStep& step) {
    return entry.run == step.run && entry.step == step.step && entry.attempt == step.attempt;
}

} // namespace

Result<EventPlace> event_place(const std::string& field, std::string_view text) {
    std::vector<std::uint64_t> numbers;
    for (auto rest = text;;) {
        const auto dot = std::min(rest.find('.'), rest.size());
        numbers.push_back(TRY(whole_number(field, rest.substr(0, dot))));
        if (dot == rest.size() || numbers.size() > 3)
            break;
        rest.remove_prefix(dot + 1);
    }
    if (numbers.size() == 1)
        return EventPlace{numbers[0]};
    if (numbers.size() != 3)
        return fail_field(field, "expected the id of an event, such as 57 or 60.57.1200");
    return EventPlace{numbers[0], TranscriptPlace{numbers[1], numbers[2]}};
}

std::string to_text(const EventPlace& place) {
    return place.transcript
               ? fmt::format(
                     "{}.{}.{}", place.entry, place.transcript->began, place.transcript->seen
                 )
               : fmt::format("{}", place.entry);
}

Result<void>
TranscriptFeed::begin(std::uint64_t entry, const std::optional<TranscriptPlace>& place) {
    const app::StreamKey key{tenant_, "change", change_};
    std::uint64_t version = 0;
    for (;;) {
        const auto events = TRY(store_.events_of(key, version, limits::event_stream_batch));
        for (const auto& event : events) {
            if (event.seq >= entry)
                return {};
            Json json;
            const auto step = step_entry(event, json);
            if (step && step->state != "running" && in_hand_ && is(*step, in_hand_->step))
                in_hand_.reset();
            note(event);
            if (in_hand_ && place && place->began == event.seq)
                in_hand_->seen = place->seen;
            version = event.version;
        }
        if (events.size() < limits::event_stream_batch)
            return {};
    }
}

Result<std::string> TranscriptFeed::before(const app::StoredEvent& event, std::uint64_t last_id) {
    more_ = false;
    Json json;
    const auto step = in_hand_ ? step_entry(event, json) : std::nullopt;
    if (!step || step->state == "running" || !is(*step, in_hand_->step))
        return std::string{};
    std::string out;
    if (step->transcript != Digest{}) {
        const auto part = TRY(kept(step->transcript));
        out = write(part, last_id);
        more_ = part.more;
    }
    if (!more_)
        in_hand_.reset();
    return out;
}

void TranscriptFeed::note(const app::StoredEvent& event) {
    Json json;
    const auto step = step_entry(event, json);
    // A runner may say more than once that a step runs.
    if (step && step->state == "running" && (!in_hand_ || !is(*step, in_hand_->step)))
        in_hand_ = InHand{event.seq, {tenant_, change_, step->run, step->step, step->attempt}};
}

std::string TranscriptFeed::lines(std::uint64_t last_id) {
    more_ = false;
    if (!in_hand_)
        return {};
    const auto part = live_.after(in_hand_->step, in_hand_->seen, limits::transcript_batch);
    more_ = part.more;
    return write(part, last_id);
}

std::optional<TranscriptPlace> TranscriptFeed::place() const {
    return in_hand_ ? std::optional(TranscriptPlace{in_hand_->began, in_hand_->seen})
                    : std::nullopt;
}

// "2026-11-22T19:53:12.123Z text" each. A transcript that somebody else's runner sent may hold
// anything; what is no line of a transcript is passed over.
std::string TranscriptFeed::write(const app::LiveTranscripts::Part& part, std::uint64_t last_id) {
    std::string out;
    std::string_view rest = part.text;
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        const auto line = rest.substr(0, end);
        rest.remove_prefix(end + 1);
        in_hand_->seen += end + 1;
        const auto blank = line.find(' ');
        if (blank == std::string_view::npos || !is_valid_text(line))
            continue;
        out += fmt::format(
            "id: {}\nevent: transcript_line\ndata: {{\"type\":\"transcript_line\",\"run\":",
            to_text(EventPlace{last_id, place()})
        );
        append_quoted(out, in_hand_->step.run);
        out += ",\"step\":";
        append_quoted(out, in_hand_->step.step);
        out += ",\"at\":";
        append_quoted(out, line.substr(0, blank));
        out += ",\"text\":";
        append_quoted(out, line.substr(blank + 1));
        out += "}\n\n";
    }
    return out;
}

// No more than one batch is held, and no more than a transcript is read.
Result<app::LiveTranscripts::Part> TranscriptFeed::kept(const Digest& transcript) const {
    std::string bytes;
    std::uint64_t at = 0;
    const auto first = in_hand_->seen;
    const auto last = first + limits::transcript_batch;
    bool behind = false;
    const auto read =
        store_.read_blob(tenant_, transcript, [&](std::string_view chunk) -> Result<void> {
            const auto from = std::clamp(first, at, at + chunk.size());
            const auto to = std::clamp(last, at, at + chunk.size());
            bytes += chunk.substr(from - at, to - from);
            at += chunk.size();
            behind = at > last;
            return behind ? Result<void>(fail(ErrorCode::limit_exceeded, "enough"))
                          : Result<void>{};
        });
    if (!read && !behind && read.error().code != ErrorCode::not_found)
        return tl::unexpected(read.error());
    auto part = app::part_of(bytes, 0, bytes.size());
    // Without a line in all of a batch it is no transcript.
    part.more = behind && !part.text.empty() && last < limits::transcript_max;
    return part;
}

} // namespace slipway::http
