// SPDX-License-Identifier: Apache-2.0
#include "base/confinement.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/spawn.hpp"

namespace slipway {

namespace {

namespace fs = std::filesystem;

// With one of these root could bring back what is hidden, or read it some other way.
constexpr std::array root_loses{CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_SYS_MODULE,
                                CAP_SYS_RAWIO, CAP_MKNOD,      CAP_DAC_READ_SEARCH};

// Nothing when it is not there. A path of which the system does not say where it leads to stays as
// it is, so that hiding it tells why.
std::optional<std::string> place_of(const std::string& path) {
    std::error_code failed;
    auto place = fs::canonical(path, failed);
    if (failed == std::errc::no_such_file_or_directory || failed == std::errc::not_a_directory)
        return std::nullopt;
    return failed ? path : place.string();
}

bool is_folder(const std::string& path) {
    std::error_code unknown; // is told when the path is used
    return fs::is_directory(path, unknown);
}

// What lies between a hidden folder and a path within it, from the top.
template <class IsHidden>
std::vector<std::string>
folders_between(const IsHidden& is_hidden, const fs::path& path, bool itself) {
    std::vector<std::string> folders;
    for (auto at = itself ? path : path.parent_path(); at.has_relative_path();
         at = at.parent_path()) {
        if (is_hidden(at.native()))
            break;
        folders.insert(folders.begin(), at.native());
    }
    return folders;
}

// Removed just now, or it lay in what is hidden by now.
bool is_gone(const char* path) noexcept {
    struct stat entry {};

    return ::lstat(path, &entry) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

bool write_file(const char* path, std::string_view text) noexcept {
    const int file = ::open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    const bool written =
        ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    ::close(file);
    return written;
}

// "/proc/self/fd/" and the number, without memory of its own.
class FilePath {
  public:
    explicit FilePath(int file) noexcept {
        char* at = text_.data() + text_.size() - 1;
        for (*at = 0; file != 0 || *at == 0; file /= 10)
            *--at = static_cast<char>('0' + file % 10);
        at -= prefix.size();
        std::copy(prefix.begin(), prefix.end(), at);
        begin_ = at;
    }

    const char* get() const noexcept { return begin_; }

  private:
    static constexpr std::string_view prefix = "/proc/self/fd/";
    std::array<char, 32> text_{};
    const char* begin_ = nullptr;
};

// What a file system was mounted with stays, since nobody in a user namespace may take it back.
unsigned long kept_flags(const struct statvfs& system) noexcept {
    constexpr std::array<std::pair<unsigned long, unsigned long>, 6> flags{{
        {ST_NOSUID, MS_NOSUID},
        {ST_NODEV, MS_NODEV},
        {ST_NOEXEC, MS_NOEXEC},
        {ST_NOATIME, MS_NOATIME},
        {ST_NODIRATIME, MS_NODIRATIME},
        {ST_RELATIME, MS_RELATIME},
    }};
    unsigned long kept = 0;
    for (const auto& [seen, kept_as] : flags)
        if ((system.f_flag & seen) != 0)
            kept |= kept_as;
    return kept;
}

bool make_read_only(const char* path) noexcept {
    struct statvfs system {};

    return ::statvfs(path, &system) == 0 &&
           ::mount(
               nullptr, path, nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | kept_flags(system),
               nullptr
           ) == 0;
}

bool give_up_capabilities() noexcept {
    if (::geteuid() == 0) {
        for (const auto capability : root_loses)
            if (::prctl(PR_CAPBSET_DROP, capability) != 0)
                return false;
        return true;
    }
    for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability) >= 0; ++capability)
        if (::prctl(PR_CAPBSET_DROP, capability) != 0)
            return false;
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

} // namespace

Enclosure::Enclosure(const Confinement& confinement) : confines_(!confinement.hidden.empty()) {
    for (const auto& path : confinement.hidden)
        if (auto place = place_of(path)) {
            const bool folder = is_folder(*place);
            hidden_.push_back({*std::move(place), folder});
        }
    const auto is_hidden = [&](const std::string& path) {
        return std::any_of(hidden_.begin(), hidden_.end(), [&](const Hidden& hidden) {
            return hidden.path == path;
        });
    };
    for (const auto* paths : {&confinement.readable, &confinement.writable})
        for (const auto& path : *paths) {
            const bool folder = is_folder(path);
            shown_.push_back(
                {path, folder, paths == &confinement.readable,
                 folders_between(is_hidden, path, folder), -1}
            );
        }
    if (::geteuid() == 0)
        return;
    user_map_ = fmt::format("{0} {0} 1", ::geteuid());
    group_map_ = fmt::format("{0} {0} 1", ::getegid());
}

int Enclosure::namespaces() const {
    if (!confines_)
        return 0;
    return user_map_.empty() ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;
}

const char* Enclosure::map_user() const noexcept {
    if (user_map_.empty())
        return nullptr;
    if (!write_file("/proc/self/setgroups", "deny") ||
        !write_file("/proc/self/uid_map", user_map_) ||
        !write_file("/proc/self/gid_map", group_map_))
        return "no user in the namespace";
    return nullptr;
}

const char* Enclosure::hide(const Hidden& hidden) noexcept {
    const auto* path = hidden.path.c_str();
    const bool done = hidden.folder
                          ? ::mount("slipway", path, "tmpfs", 0, "mode=0755,size=64k") == 0
                          : ::mount("/dev/null", path, nullptr, MS_BIND, nullptr) == 0;
    return done || is_gone(path) ? nullptr : path;
}

const char* Enclosure::show(const Shown& shown) noexcept {
    const auto* path = shown.path.c_str();
    for (const auto& folder : shown.made)
        if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
            return path;
    if (!shown.folder) {
        const int made = ::open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0400);
        if (made < 0)
            return path;
        ::close(made);
    }
    const FilePath held(shown.held);
    if (::mount(held.get(), path, nullptr, MS_BIND | MS_REC, nullptr) != 0)
        return path;
    return shown.read_only && !make_read_only(path) ? path : nullptr;
}

const char* Enclosure::enter() noexcept {
    if (!confines_)
        return nullptr;
    if (const auto* failed = map_user())
        return failed;
    // Nothing that is mounted from here on reaches anybody else.
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return "the mounts cannot be parted";
    for (auto& shown : shown_)
        if ((shown.held = ::open(shown.path.c_str(), O_PATH | O_CLOEXEC)) < 0)
            return shown.path.c_str();
    for (const auto& hidden : hidden_)
        if (const auto* failed = hide(hidden))
            return failed;
    for (const auto& shown : shown_)
        if (const auto* failed = show(shown))
            return failed;
    for (const auto& hidden : hidden_)
        if (!make_read_only(hidden.path.c_str()) && !is_gone(hidden.path.c_str()))
            return hidden.path.c_str();
    return give_up_capabilities() ? nullptr : "capabilities cannot be given up";
}

Result<void> try_confinement(const Confinement& confinement) {
    Spawn spawn;
    spawn.arguments = {"/bin/true"};
    spawn.confinement = confinement;
    const auto started = TRY(start_program(spawn));
    int status = 0;
    while (::waitpid(started.pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return {};
    return fail(ErrorCode::unavailable, "a confined program does not run");
}

} // namespace slipway
