// SPDX-License-Identifier: Apache-2.0
#include "cli/session.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace slipway::cli {

namespace {

Result<std::string> read_stream(std::istream& in, const std::string& name, std::size_t limit) {
    std::string out;
    char buffer[16 * 1024];
    while (in.read(buffer, sizeof buffer) || in.gcount() > 0) {
        out.append(buffer, static_cast<std::size_t>(in.gcount()));
        if (out.size() > limit)
            return fail(
                ErrorCode::limit_exceeded, fmt::format("{}: is larger than {} bytes", name, limit)
            );
    }
    if (in.bad())
        return fail(ErrorCode::unavailable, fmt::format("{}: cannot be read", name));
    return out;
}

tl::unexpected<Error> cannot(std::string_view what, const std::string& path) {
    return fail(
        ErrorCode::unavailable, fmt::format("{}: cannot {}: {}", path, what, std::strerror(errno))
    );
}

Result<void> write_private(const std::string& path, std::string_view bytes) {
    const int file =
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return cannot("write", path);
    bool written = ::fchmod(file, 0600) == 0;
    while (written && !bytes.empty()) {
        const auto count = ::write(file, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR)
            continue;
        written = count > 0;
        bytes.remove_prefix(written ? static_cast<std::size_t>(count) : 0);
    }
    written = written && ::fsync(file) == 0;
    written = ::close(file) == 0 && written;
    if (!written)
        return cannot("write", path);
    return {};
}

} // namespace

Result<std::optional<Session>> read_session(const std::string& path) {
    struct stat found {};

    if (path.empty() || ::stat(path.c_str(), &found) != 0)
        return std::optional<Session>{};
    if ((found.st_mode & 077) != 0)
        return fail(
            ErrorCode::forbidden,
            fmt::format("{}: others may read this file; chmod 600, or sign in again", path)
        );
    const auto bytes = TRY(read_file(path, limits::text_max * 4, std::cin));
    const auto json = parse_json(bytes);
    auto session = json ? restore<Session>(*json) : tl::unexpected(json.error());
    if (!session || session->token.empty())
        return fail(
            ErrorCode::invalid_input, fmt::format("{}: is not a session; sign in again", path)
        );
    return std::optional(*std::move(session));
}

Result<void> write_session(const std::string& path, const Session& session) {
    if (path.empty())
        return fail(
            ErrorCode::unavailable, "there is no home directory to keep the session in; "
                                    "set HOME or XDG_CONFIG_HOME"
        );
    std::error_code failed;
    const auto folder = std::filesystem::path(path).parent_path();
    std::filesystem::create_directories(folder, failed);
    if (failed)
        return fail(
            ErrorCode::unavailable,
            fmt::format("{}: cannot be made: {}", folder.string(), failed.message())
        );
    const std::string beside = path + ".new";
    TRY(write_private(beside, encode(session) + "\n"));
    if (std::rename(beside.c_str(), path.c_str()) != 0)
        return cannot("write", path);
    return {};
}

Result<bool> remove_session(const std::string& path) {
    if (path.empty() || std::remove(path.c_str()) == 0)
        return !path.empty();
    if (errno == ENOENT)
        return false;
    return cannot("remove", path);
}

Result<std::string> read_file(const std::string& path, std::size_t limit, std::istream& in) {
    if (path == "-")
        return read_stream(in, "standard input", limit);
    std::error_code failed;
    if (std::filesystem::is_directory(path, failed))
        return fail(ErrorCode::invalid_input, fmt::format("{}: is a directory", path));
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return fail(
            errno == ENOENT ? ErrorCode::not_found : ErrorCode::unavailable,
            fmt::format("{}: {}", path, std::strerror(errno))
        );
    return read_stream(file, path, limit);
}

} // namespace slipway::cli
