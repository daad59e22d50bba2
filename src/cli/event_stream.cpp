// SPDX-License-Identifier: Apache-2.0
#include "cli/event_stream.hpp"

#include "base/limits.hpp"

namespace slipway::cli {

bool EventReader::line(std::string_view text) {
    if (text.ends_with('\r'))
        text.remove_suffix(1);
    if (text.empty()) {
        StreamEvent done;
        std::swap(done, event_);
        if (!done.id.empty())
            last_id_ = done.id;
        if (!done.data.empty())
            enough_ = !take_(done);
        return !enough_;
    }
    const auto colon = text.find(':');
    const auto name = text.substr(0, colon);
    auto value = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
    if (value.starts_with(' '))
        value.remove_prefix(1);
    if (name == "id")
        event_.id = value; // whole: where to go on grows with the steps in hand
    else if (name == "event")
        event_.type = value.substr(0, 100);
    else if (name == "data") {
        if (!event_.data.empty())
            event_.data += '\n';
        event_.data += value;
        too_large_ = event_.data.size() > limits::cli_event_max;
    }
    return !too_large_;
}

bool EventReader::add(std::string_view bytes) {
    buffer_ += bytes;
    std::size_t from = 0;
    for (auto end = buffer_.find('\n'); end != std::string::npos; end = buffer_.find('\n', from)) {
        if (!line(std::string_view(buffer_).substr(from, end - from)))
            return false;
        from = end + 1;
    }
    buffer_.erase(0, from);
    too_large_ = too_large_ || buffer_.size() > limits::cli_event_max;
    return !too_large_;
}

void EventReader::restart() {
    buffer_.clear();
    event_ = {};
}

} // namespace slipway::cli
