// SPDX-License-Identifier: Apache-2.0
#include "base/confinement.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/spawn.hpp"

namespace slipway {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view confine_word = "confine-program";
constexpr std::string_view hide_option = "--hide";
constexpr std::string_view read_option = "--read";
constexpr std::string_view write_option = "--write";
constexpr std::string_view end_of_options = "--";
// The dynamic linker and the C library listen to variables. Until the program itself is started
// none of its variables may have its own name.
constexpr std::string_view variable_mark = "confined:";
constexpr int exit_not_confined = 126; // as a shell does for what cannot be executed

// With one of these root could bring back what is hidden, or read it some other way.
constexpr std::array root_loses{CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_SYS_MODULE,
                                CAP_SYS_RAWIO, CAP_MKNOD,      CAP_DAC_READ_SEARCH};

[[noreturn]] void give_up(const char* what, std::string_view about = {}) {
    const int number = errno;
    std::fprintf(
        stderr, "slipway: %s %.*s: %s\n", what, static_cast<int>(about.size()), about.data(),
        std::strerror(number)
    );
    std::_Exit(exit_not_confined);
}

void must(int failed, const char* what, std::string_view about = {}) {
    if (failed < 0)
        give_up(what, about);
}

void write_file(const char* path, const std::string& text) {
    const int file = ::open(path, O_WRONLY | O_CLOEXEC);
    must(file, "cannot open", path);
    if (::write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        give_up("cannot write", path);
    ::close(file);
}

void enter_namespaces() {
    const auto user = ::geteuid();
    const auto group = ::getegid();
    must(
        ::unshare(user == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER),
        "no namespace for the program"
    );
    if (user != 0) {
        write_file("/proc/self/setgroups", "deny");
        write_file("/proc/self/uid_map", fmt::format("{0} {0} 1", user));
        write_file("/proc/self/gid_map", fmt::format("{0} {0} 1", group));
    }
    // Nothing that is mounted from here on reaches anybody else.
    must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "cannot part the mounts");
}

// One path that is shown again within what is hidden, held while it is out of sight.
struct Shown {
    std::string path;
    int file;
    bool read_only;
    bool folder;
};

Shown hold(std::string path, bool read_only) {
    const int file = ::open(path.c_str(), O_PATH | O_CLOEXEC);
    must(file, "cannot show", path);
    const bool folder = fs::is_directory(path);
    return {std::move(path), file, read_only, folder};
}

void hide(const std::string& path) {
    if (fs::is_directory(path))
        must(
            ::mount("slipway", path.c_str(), "tmpfs", 0, "mode=0755,size=64k"), "cannot hide", path
        );
    else
        must(::mount("/dev/null", path.c_str(), nullptr, MS_BIND, nullptr), "cannot hide", path);
}

// What a file system was mounted with stays, since nobody in a user namespace may take it back.
unsigned long kept_flags(const std::string& path) {
    struct statvfs system {};

    must(::statvfs(path.c_str(), &system), "cannot look at", path);
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

void make_read_only(const std::string& path) {
    must(
        ::mount(
            nullptr, path.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | kept_flags(path),
            nullptr
        ),
        "cannot protect", path
    );
}

void show(const Shown& shown) {
    const fs::path path = shown.path;
    std::error_code failed;
    fs::create_directories(shown.folder ? path : path.parent_path(), failed);
    if (!shown.folder) {
        const int made = ::open(shown.path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0400);
        must(made, "cannot show", shown.path);
        ::close(made);
    }
    const auto held = fmt::format("/proc/self/fd/{}", shown.file);
    must(
        ::mount(held.c_str(), shown.path.c_str(), nullptr, MS_BIND | MS_REC, nullptr),
        "cannot show", shown.path
    );
    ::close(shown.file);
    if (shown.read_only)
        make_read_only(shown.path);
}

void give_up_capabilities() {
    if (::geteuid() == 0) {
        for (const auto capability : root_loses)
            must(::prctl(PR_CAPBSET_DROP, capability), "cannot give up a capability");
        return;
    }
    for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability) >= 0; ++capability)
        must(::prctl(PR_CAPBSET_DROP, capability), "cannot give up a capability");
    must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "cannot give up gaining rights");
}

[[noreturn]] void start(char** arguments, char** environment) {
    std::vector<char*> variables;
    for (auto* variable = environment; *variable != nullptr; ++variable)
        if (std::string_view(*variable).starts_with(variable_mark))
            variables.push_back(*variable + variable_mark.size());
    variables.push_back(nullptr);
    ::execve(arguments[0], arguments, variables.data());
    give_up("cannot start", arguments[0]);
}

void add(
    std::vector<std::string>& arguments, std::string_view option,
    const std::vector<std::string>& paths
) {
    for (const auto& path : paths) {
        arguments.emplace_back(option);
        arguments.push_back(path);
    }
}

// Runs it to its end. Gives what it printed when it did not end well.
Result<void> run_once(const Program& program) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return fail(ErrorCode::unavailable, std::strerror(errno));
    Spawn spawn(Spawn::Apart::group);
    posix_spawn_file_actions_addopen(spawn.files(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(spawn.files(), ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(spawn.files(), ends[1], STDERR_FILENO);
    std::vector<char*> arguments;
    for (const auto& argument : program.arguments)
        arguments.push_back(const_cast<char*>(argument.c_str())); // the POSIX signature
    arguments.push_back(nullptr);
    char* const environment[] = {nullptr};
    pid_t child = 0;
    const int failed = spawn.start(child, arguments.front(), arguments.data(), environment);
    ::close(ends[1]);
    std::string said;
    std::array<char, 1024> buffer{};
    ssize_t count = 0;
    while ((count = ::read(ends[0], buffer.data(), buffer.size())) > 0)
        said.append(buffer.data(), static_cast<std::size_t>(count));
    ::close(ends[0]);
    if (failed != 0)
        return fail(ErrorCode::unavailable, std::strerror(failed));
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return {};
    while (!said.empty() && said.back() == '\n')
        said.pop_back();
    return fail(ErrorCode::unavailable, said.empty() ? "it was ended" : std::move(said));
}

} // namespace

Result<Confinement> Confinement::make(std::string launcher, View view) {
    Confinement made;
    made.launcher_ = std::move(launcher);
    made.view_ = std::move(view);
    TRY(run_once(made.confine({{"/bin/true"}, {}}, {}, {})));
    return made;
}

Program Confinement::confine(
    Program program, const std::vector<std::string>& readable,
    const std::vector<std::string>& writable
) const {
    if (launcher_.empty())
        return program;
    Program confined;
    confined.arguments = {launcher_, std::string(confine_word)};
    add(confined.arguments, hide_option, view_.hidden);
    add(confined.arguments, read_option, view_.readable);
    add(confined.arguments, read_option, readable);
    add(confined.arguments, write_option, view_.writable);
    add(confined.arguments, write_option, writable);
    confined.arguments.emplace_back(end_of_options);
    for (auto& argument : program.arguments)
        confined.arguments.push_back(std::move(argument));
    for (const auto& variable : program.environment)
        confined.environment.push_back(std::string(variable_mark) + variable);
    return confined;
}

std::optional<int> confined_main(int argc, char** argv) {
    if (argc < 2 || argv[1] != confine_word)
        return std::nullopt;
    std::error_code failed;
    const auto folder = fs::current_path(failed);
    enter_namespaces();
    std::vector<std::string> hidden;
    std::vector<Shown> shown;
    int at = 2;
    for (; at + 1 < argc && argv[at] != end_of_options; at += 2) {
        const std::string_view option = argv[at];
        if (option == hide_option)
            hidden.emplace_back(argv[at + 1]);
        else
            shown.push_back(hold(argv[at + 1], option == read_option));
    }
    if (at + 1 >= argc)
        return exit_not_confined;
    for (const auto& path : hidden)
        hide(path);
    for (const auto& one : shown)
        show(one);
    // A tmpfs of its own mount: nothing of it needs to be written any more.
    for (const auto& path : hidden)
        make_read_only(path);
    // The working directory is still the one below what is now hidden, and ".." led back to it.
    if (!failed && ::chdir(folder.c_str()) != 0 && ::chdir("/") != 0)
        give_up("cannot go to", folder.native());
    give_up_capabilities();
    start(argv + at + 1, environ);
}

} // namespace slipway
