// SPDX-License-Identifier: Apache-2.0
#include "runner/mask.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "base/secret_lines.hpp"

namespace slipway::runner {

namespace {

constexpr std::string_view shown_instead = "[secret]";

unsigned char byte(std::string_view bytes, std::size_t at) {
    return static_cast<unsigned char>(bytes[at]);
}

std::size_t pair(std::string_view bytes) {
    return static_cast<std::size_t>(byte(bytes, 0)) << 8 | byte(bytes, 1);
}

// A few letters at the end of a text are the beginning of a secret by chance ("... of a host"), and
// tell nothing of it; many are not.
bool tells(std::size_t beginning, std::size_t secret) {
    return beginning >= Mask::beginning_min || beginning * 2 > secret;
}

} // namespace

Mask::Mask(const std::vector<std::string>& secrets) {
    for (const auto& secret : secrets) {
        if (secret.size() >= limits::secret_shown_min)
            texts_.push_back(secret);
        for (auto& line : secret_lines(secret))
            texts_.push_back(std::move(line));
    }
    std::sort(texts_.begin(), texts_.end(), [](const auto& left, const auto& right) {
        return left.size() != right.size() ? left.size() > right.size() : left < right;
    });
    texts_.erase(std::unique(texts_.begin(), texts_.end()), texts_.end());
    for (std::uint32_t i = 0; i < texts_.size(); ++i) {
        begins_[byte(texts_[i], 0)].push_back(i);
        pairs_.set(pair(texts_[i]));
    }
}

std::string Mask::take(std::string_view bytes) {
    if (empty())
        return std::string(bytes);
    held_ += bytes;
    return show(false);
}

std::string Mask::finish() {
    return show(true);
}

std::string Mask::hide(std::string_view text) const {
    auto fresh = *this;
    fresh.held_.clear();
    fresh.covered_ = 0;
    auto shown = fresh.take(text);
    return shown += fresh.finish(); // after what comes before it, whatever the order of operands
}

Mask::Found Mask::look(std::string_view bytes) const {
    const auto& known = begins_[byte(bytes, 0)];
    if (known.empty() || (bytes.size() > 1 && !pairs_.test(pair(bytes))))
        return {};
    Found found;
    for (const auto index : known) {
        const std::string_view text = texts_[index];
        if (text.size() > bytes.size()) {
            const bool open = text.starts_with(bytes);
            found.open = found.open || open;
            found.tells = found.tells || (open && tells(bytes.size(), text.size()));
        } else if (bytes.starts_with(text)) {
            found.length = text.size();
            return found;
        }
    }
    return found;
}

std::string Mask::show(bool last) {
    std::string shown;
    shown.reserve(held_.size());
    std::size_t at = 0;
    for (; at < held_.size(); ++at) {
        const auto rest = std::string_view(held_).substr(at);
        auto found = look(rest);
        if (found.open && !last)
            break;
        if (found.tells)
            found.length = rest.size();
        if (found.length > covered_) {
            if (covered_ == 0)
                shown += shown_instead;
            covered_ = found.length;
        }
        if (covered_ > 0)
            --covered_;
        else
            shown += rest.front();
    }
    held_.erase(0, at);
    return shown;
}

} // namespace slipway::runner
