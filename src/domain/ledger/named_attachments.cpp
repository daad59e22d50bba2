// SPDX-License-Identifier: Apache-2.0
#include "domain/ledger/named_attachments.hpp"

namespace slipway::domain {

namespace {

constexpr std::string_view size_member = "size_bytes";
constexpr std::string_view transcript_member = "transcript";

void collect(const Json& value, std::vector<Digest>& digests) {
    if (const auto* array = value.if_array())
        for (const auto& element : *array)
            collect(element, digests);
    const auto* object = value.if_object();
    if (object == nullptr)
        return;
    const auto add = [&](std::string_view member) {
        const auto digest = digest_from_hex(text_or_empty(value, member));
        if (digest && *digest != Digest{})
            digests.push_back(*digest);
    };
    if (find(value, size_member) != nullptr)
        add("digest");
    add(transcript_member);
    for (const auto& member : *object)
        collect(member.value(), digests);
}

bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

// Whether there is one that is not all zeros. A digest is 64 digits in a row, so one of them stands
// 64 places behind any other character at most: little else has to be looked at.
bool has_digest(std::string_view text) {
    constexpr std::size_t digits = 64;
    for (std::size_t at = digits - 1; at < text.size(); at += digits) {
        if (!is_hex(text[at]))
            continue;
        auto begin = at;
        while (begin > 0 && is_hex(text[begin - 1]))
            --begin;
        while (at < text.size() && is_hex(text[at]))
            ++at;
        if (at - begin >= digits &&
            text.substr(begin, at - begin).find_first_not_of('0') != std::string_view::npos)
            return true;
    }
    return false;
}

} // namespace

std::vector<Digest> named_attachments(const Json& entry) {
    std::vector<Digest> digests;
    collect(entry, digests);
    return digests;
}

// An escape could hide a name, but the members of entries are written without.
bool may_name_attachments(std::string_view entry) {
    return has_digest(entry) && (entry.find(size_member) != std::string_view::npos ||
                                 entry.find(transcript_member) != std::string_view::npos);
}

} // namespace slipway::domain
