// SPDX-License-Identifier: Apache-2.0
#include "worker/transcript_file.hpp"

#include <cerrno>
#include <fstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/limits.hpp"

namespace slipway::worker {

namespace {

// All parts are slugs, and none of them can be left out, so the name is one file's alone.
std::string path_of(const std::filesystem::path& folder, const app::RunningStep& step) {
    return (folder /
            fmt::format(
                "{}+{}+{}+{}+{}", step.tenant.value, step.change, step.run, step.step, step.attempt
            ))
        .string();
}

} // namespace

TranscriptFile::TranscriptFile(const std::filesystem::path& folder, const app::RunningStep& step) {
    if (folder.empty())
        return;
    path_ = path_of(folder, step);
    constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
    file_ = ::open(path_.c_str(), flags, S_IRUSR | S_IWUSR);
}

TranscriptFile::~TranscriptFile() {
    if (file_ >= 0)
        ::close(file_);
}

void TranscriptFile::add(std::string_view lines) {
    const auto whole = size_ + lines.size();
    while (file_ >= 0 && !lines.empty()) {
        const auto count = ::write(file_, lines.data(), lines.size());
        if (count > 0) {
            lines.remove_prefix(static_cast<std::size_t>(count));
        } else if (errno != EINTR) {
            // A line that is there in part would be another line.
            (void)!::ftruncate(file_, static_cast<off_t>(size_));
            ::close(file_);
            file_ = -1;
        }
    }
    size_ = file_ >= 0 ? whole : size_;
}

void TranscriptFile::remove() {
    if (!path_.empty())
        ::unlink(path_.c_str());
}

std::string left_transcript(const std::filesystem::path& folder, const app::RunningStep& step) {
    if (folder.empty())
        return {};
    std::ifstream file(path_of(folder, step), std::ios::binary);
    std::string lines(limits::transcript_max, '\0');
    file.read(lines.data(), static_cast<std::streamsize>(lines.size()));
    lines.resize(static_cast<std::size_t>(file.gcount()));
    // The server was ended while it wrote the last line.
    lines.resize(lines.rfind('\n') + 1);
    return lines;
}

void remove_left_transcript(const std::filesystem::path& folder, const app::RunningStep& step) {
    if (!folder.empty())
        ::unlink(path_of(folder, step).c_str());
}

void sweep_transcripts(const std::filesystem::path& folder) {
    if (folder.empty())
        return;
    const auto before = std::filesystem::file_time_type::clock::now() - limits::runbook_time_max;
    std::error_code failed;
    for (std::filesystem::directory_iterator walk(folder, failed), end; !failed && walk != end;) {
        const auto path = walk->path();
        walk.increment(failed);
        std::error_code ignored;
        if (const auto written = std::filesystem::last_write_time(path, ignored);
            !ignored && written < before)
            std::filesystem::remove(path, ignored);
    }
}

} // namespace slipway::worker
