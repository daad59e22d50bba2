// SPDX-License-Identifier: Apache-2.0
#include "http/transcript_feed.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/limits.hpp"
#include "domain/runbook/parallel.hpp"
#include "http/answers.hpp"

namespace slipway::http {

namespace {

// What an entry says about one step of a run.
struct StepEntry {
    app::RunningStep step;
    std::string_view state;
    Digest transcript;

    bool begins() const { return state == "running"; }
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
    out.step.tenant = event.key.tenant;
    out.step.change = event.key.id;
    out.step.run = text_or_empty(*data, "run");
    out.step.step = text_or_empty(*step, "name");
    out.state = text_or_empty(*step, "state");
    if (const auto* attempts = find(*step, "attempts"); attempts && attempts->is_int64())
        out.step.attempt = static_cast<int>(attempts->get_int64());
    out.transcript = digest_from_hex(text_or_empty(*step, "transcript")).value_or(Digest{});
    return out;
}

} // namespace

Result<EventPlace> event_place(const std::string& field, std::string_view text) {
    std::vector<std::uint64_t> numbers;
    for (auto rest = text;;) {
        const auto dot = std::min(rest.find('.'), rest.size());
        numbers.push_back(TRY(whole_number(field, rest.substr(0, dot))));
        if (dot == rest.size() || numbers.size() > 1 + 2 * domain::parallel_steps_max)
            break;
        rest.remove_prefix(dot + 1);
    }
    if (numbers.size() % 2 == 0 || numbers.size() > 1 + 2 * domain::parallel_steps_max)
        return fail_field(field, "expected the id of an event, such as 57 or 60.57.1200");
    EventPlace place{numbers[0]};
    for (std::size_t i = 1; i < numbers.size(); i += 2)
        place.transcripts.push_back({numbers[i], numbers[i + 1]});
    return place;
}

std::string to_text(const EventPlace& place) {
    auto text = fmt::format("{}", place.entry);
    for (const auto& [began, seen] : place.transcripts)
        text += fmt::format(".{}.{}", began, seen);
    return text;
}

Result<void> TranscriptFeed::begin(std::uint64_t entry, const TranscriptPlaces& places) {
    const app::StreamKey key{tenant_, "change", change_};
    std::uint64_t version = 0;
    for (;;) {
        const auto events = TRY(store_.events_of(key, version, limits::event_stream_batch));
        for (const auto& event : events) {
            if (event.seq >= entry)
                return {};
            Json json;
            const auto step = step_entry(event, json);
            if (step && !step->begins())
                std::erase_if(in_hand_, [&](const InHand& one) { return one.step == step->step; });
            note(event);
            for (const auto& place : places)
                if (!in_hand_.empty() && place.began == event.seq &&
                    in_hand_.back().began == event.seq)
                    in_hand_.back().seen = place.seen;
            version = event.version;
        }
        if (events.size() < limits::event_stream_batch)
            return {};
    }
}

Result<std::string> TranscriptFeed::before(const app::StoredEvent& event, std::uint64_t last_id) {
    more_ = false;
    Json json;
    const auto step = step_entry(event, json);
    const auto ended = step && !step->begins() ? find_in_hand(step->step) : in_hand_.end();
    if (ended == in_hand_.end())
        return std::string{};
    std::string out;
    if (step->transcript != Digest{}) {
        const auto part = TRY(kept(step->transcript, ended->seen));
        out = write(*ended, part, last_id);
        more_ = part.more;
    }
    if (!more_)
        in_hand_.erase(ended);
    return out;
}

void TranscriptFeed::note(const app::StoredEvent& event) {
    Json json;
    const auto step = step_entry(event, json);
    // A runner may say more than once that a step runs.
    if (step && step->begins() && find_in_hand(step->step) == in_hand_.end())
        take_in_hand({event.seq, step->step});
}

std::string TranscriptFeed::lines(std::uint64_t last_id) {
    more_ = false;
    std::string out;
    for (auto& from : in_hand_) {
        const auto part = live_.after(from.step, from.seen, limits::transcript_batch);
        more_ = more_ || part.more;
        out += write(from, part, last_id);
    }
    return out;
}

TranscriptPlaces TranscriptFeed::places() const {
    TranscriptPlaces places;
    for (const auto& one : in_hand_)
        places.push_back({one.began, one.seen});
    return places;
}

std::vector<TranscriptFeed::InHand>::iterator
TranscriptFeed::find_in_hand(const app::RunningStep& step) {
    return std::find_if(in_hand_.begin(), in_hand_.end(), [&](const InHand& one) {
        return one.step == step;
    });
}

// A step whose end never came on the record (another runner's, whose run was aborted) is left
// behind by those of another run, and by its own next attempt.
void TranscriptFeed::take_in_hand(InHand begun) {
    std::erase_if(in_hand_, [&](const InHand& one) {
        return one.step.run != begun.step.run || one.step.step == begun.step.step;
    });
    if (in_hand_.size() == domain::parallel_steps_max)
        in_hand_.erase(in_hand_.begin());
    in_hand_.push_back(std::move(begun));
}

// "2026-11-22T19:53:12.123Z text" each. A transcript that somebody else's runner sent may hold
// anything; what is no line of a transcript is passed over.
std::string
TranscriptFeed::write(InHand& from, const app::LiveTranscripts::Part& part, std::uint64_t last_id) {
    std::string out;
    std::string_view rest = part.text;
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        const auto line = rest.substr(0, end);
        rest.remove_prefix(end + 1);
        from.seen += end + 1;
        const auto blank = line.find(' ');
        if (blank == std::string_view::npos || !is_valid_text(line))
            continue;
        out += fmt::format(
            "id: {}\nevent: transcript_line\ndata: {{\"type\":\"transcript_line\",\"run\":",
            to_text(EventPlace{last_id, places()})
        );
        append_quoted(out, from.step.run);
        out += ",\"step\":";
        append_quoted(out, from.step.step);
        out += ",\"at\":";
        append_quoted(out, line.substr(0, blank));
        out += ",\"text\":";
        append_quoted(out, line.substr(blank + 1));
        out += "}\n\n";
    }
    return out;
}

// No more than one batch is held, and no more than a transcript is read.
Result<app::LiveTranscripts::Part>
TranscriptFeed::kept(const Digest& transcript, std::uint64_t first) const {
    std::string bytes;
    std::uint64_t at = 0;
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
