// SPDX-License-Identifier: Apache-2.0
#include "domain/ledger/checkpoint.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/assert.hpp"

namespace slipway::domain {

namespace {

bool is_line(std::string_view text) {
    return !text.empty() && text.find('\n') == text.npos;
}

std::vector<std::string_view> split_lines(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

} // namespace

std::string checkpoint_text(const Checkpoint& checkpoint) {
    ASSERT(is_line(checkpoint.origin));
    auto text = fmt::format(
        "{}\n{}\n{}\n", checkpoint.origin, checkpoint.size, to_base64(checkpoint.root.view())
    );
    for (const auto& extension : checkpoint.extensions) {
        ASSERT(is_line(extension));
        text += extension + '\n';
    }
    return text;
}

Result<Checkpoint> parse_checkpoint(std::string_view text) {
    const auto bad = [](std::string_view line, std::string_view expected) {
        return fail_field(fmt::format("checkpoint.{}", line), fmt::format("expected {}", expected));
    };
    const auto lines = split_lines(text);
    if (!text.ends_with('\n') || lines.size() < 3)
        return bad("text", "three lines or more, each with a newline");
    if (std::any_of(lines.begin(), lines.end(), [](auto line) { return line.empty(); }))
        return bad("text", "no empty line");
    Checkpoint checkpoint;
    checkpoint.origin = lines[0];
    const auto size = lines[1];
    const auto [end, failed] =
        std::from_chars(size.data(), size.data() + size.size(), checkpoint.size);
    // Writing it again finds leading zeroes, signs and anything behind the number.
    if (failed != std::errc{} || fmt::format("{}", checkpoint.size) != size)
        return bad("size", "a decimal number without leading zeroes");
    const auto root = from_base64(lines[2]);
    if (!root || root->size() != checkpoint.root.bytes.size() || to_base64(*root) != lines[2])
        return bad("root", "the base64 of 32 bytes");
    std::copy(root->begin(), root->end(), checkpoint.root.bytes.begin());
    checkpoint.extensions.assign(lines.begin() + 3, lines.end());
    return checkpoint;
}

std::string sign_checkpoint(const Checkpoint& checkpoint, const SigningKey& key) {
    return sign_note(checkpoint_text(checkpoint), key);
}

Result<Checkpoint> open_checkpoint(std::string_view note, const VerifierKey& key) {
    return parse_checkpoint(TRY(verify_note(note, key)));
}

} // namespace slipway::domain
