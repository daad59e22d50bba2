// SPDX-License-Identifier: Apache-2.0
#include "runner/transcript.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/json.hpp"

namespace slipway::runner {

namespace {

// The length of the well-formed UTF-8 sequence (RFC 3629) at the front, or 0.
std::size_t sequence_length(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    return text.size() >= length && is_valid_text(text.substr(0, length)) ? length : 0;
}

// Of a well-formed sequence of two or three bytes; those of four hold no control.
unsigned character(std::string_view sequence) {
    unsigned value =
        static_cast<unsigned char>(sequence.front()) & (0xffU >> (sequence.size() + 1));
    for (const char c : sequence.substr(1))
        value = value << 6 | (static_cast<unsigned char>(c) & 0x3fU);
    return value;
}

// The C1 controls, which some terminals obey, and the marks that turn the direction of writing, so
// that a line would read otherwise than it is.
bool is_control(std::string_view sequence) {
    if (sequence.size() > 3)
        return false;
    const auto c = character(sequence);
    return (c >= 0x80 && c <= 0x9f) || c == 0x61c || c == 0x200e || c == 0x200f ||
           (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

} // namespace

std::string safe_text(std::string_view bytes) {
    std::string safe;
    safe.reserve(bytes.size());
    while (!bytes.empty()) {
        const auto c = static_cast<unsigned char>(bytes.front());
        std::size_t length = 1;
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            fmt::format_to(std::back_inserter(safe), "\\x{:02x}", c);
        } else if (c < 0x80) {
            safe += static_cast<char>(c);
        } else if (length = sequence_length(bytes); length == 0) {
            length = 1;
            safe += "\xef\xbf\xbd";
        } else if (is_control(bytes.substr(0, length))) {
            fmt::format_to(
                std::back_inserter(safe), "\\u{:04x}", character(bytes.substr(0, length))
            );
        } else {
            safe += bytes.substr(0, length);
        }
        bytes.remove_prefix(length);
    }
    return safe;
}

void Transcript::take(std::string_view bytes, Time at) {
    if (mask_.empty())
        return split(bytes, at);
    split(mask_.take(bytes), at);
}

void Transcript::split(std::string_view bytes, Time at) {
    while (!bytes.empty()) {
        const auto end = std::min(bytes.find('\n'), bytes.size());
        const auto room = limits::transcript_line_max - line_.size();
        line_ += bytes.substr(0, std::min(end, room));
        line_cut_ = line_cut_ || end > room;
        if (end == bytes.size())
            return;
        bytes.remove_prefix(end + 1);
        end_line(at);
    }
}

void Transcript::finish(Time at) {
    split(mask_.finish(), at);
    if (!line_.empty())
        end_line(at);
}

void Transcript::end_line(Time at) {
    std::string_view raw = line_;
    if (!line_cut_ && raw.ends_with('\r'))
        raw.remove_suffix(1);
    domain::TranscriptLine line{at, safe_text(raw)};
    // Making bytes safe can make them longer, so the limit is held again.
    if (line.text.size() > limits::transcript_line_max) {
        auto size = limits::transcript_line_max;
        while ((static_cast<unsigned char>(line.text[size]) & 0xc0) == 0x80)
            --size;
        line.text.resize(size);
        line_cut_ = true;
    }
    if (line_cut_)
        line.text += " [line cut]";
    line_.clear();
    line_cut_ = false;
    if (truncated_)
        return;
    constexpr std::size_t room_for_mark = 100;
    if (size_ + transcript_text(line).size() + room_for_mark > limits::transcript_max) {
        truncated_ = true;
        return add({at, fmt::format("[the transcript ends here: {} bytes]", limits::transcript_max)}
        );
    }
    output_ += line.text;
    output_ += '\n';
    add(std::move(line));
}

void Transcript::add(domain::TranscriptLine line) {
    const auto text = transcript_text(line);
    size_ += text.size();
    hash_.update(text);
    sink_.add(line);
}

} // namespace slipway::runner
