// SPDX-License-Identifier: Apache-2.0
#include "app/live/live_transcripts.hpp"

namespace slipway::app {

LiveTranscripts::Part part_of(std::string_view transcript, std::uint64_t seen, std::size_t most) {
    if (seen >= transcript.size())
        return {};
    const auto rest = transcript.substr(seen);
    const auto end = rest.substr(0, most).rfind('\n');
    if (end == std::string_view::npos)
        return {};
    return {std::string(rest.substr(0, end + 1)), end + 1 < rest.size()};
}

void LiveTranscripts::on_added(std::function<void()> told) {
    const std::lock_guard lock(mutex_);
    told_ = std::move(told);
}

void LiveTranscripts::begin(const RunningStep& step) {
    const std::lock_guard lock(mutex_);
    steps_[step].clear();
}

void LiveTranscripts::add(const RunningStep& step, std::string_view lines) {
    const std::lock_guard lock(mutex_);
    steps_[step] += lines;
    if (told_)
        told_();
}

void LiveTranscripts::end(const RunningStep& step) {
    const std::lock_guard lock(mutex_);
    steps_.erase(step);
}

std::string LiveTranscripts::text(const RunningStep& step) const {
    const std::lock_guard lock(mutex_);
    const auto found = steps_.find(step);
    return found == steps_.end() ? std::string() : found->second;
}

LiveTranscripts::Part
LiveTranscripts::after(const RunningStep& step, std::uint64_t seen, std::size_t most) const {
    const std::lock_guard lock(mutex_);
    const auto found = steps_.find(step);
    return found == steps_.end() ? Part{} : part_of(found->second, seen, most);
}

} // namespace slipway::app
