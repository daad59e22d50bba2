// SPDX-License-Identifier: Apache-2.0
#include "base/confinement.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/program.hpp"
#include "base/spawn.hpp"

namespace slipway {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr uid_t nobody = 65534;

// A server's folder, and a shell that is started confined by whoever the parameter says: the user
// who runs the tests, or somebody without any rights.
class ConfinementTest : public testing::TestWithParam<bool> {
  protected:
    void SetUp() override {
        if (stranger() && ::geteuid() != 0)
            GTEST_SKIP() << "only root can be somebody else";
        char name[] = "/tmp/slipway-confined-XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        folder_ = name;
        for (const auto* made : {"data", "data/work", "data/programs", "data/scratch"})
            fs::create_directories(folder_ / made);
        write("data/slipway.db", "the ledger");
        write("data/scratch/script", "the script");
        write("data/scratch/other", "of another step");
        write("data/programs/vault", "a program");
        write("tls.key", "the key");
        if (stranger()) {
            ASSERT_EQ(::chown(folder_.c_str(), nobody, nobody), 0);
            for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
                ASSERT_EQ(::chown(entry.path().c_str(), nobody, nobody), 0);
            }
        }
        if (run("true").find("no namespace") != std::string::npos)
            GTEST_SKIP() << "this system permits no namespaces";
    }

    void TearDown() override {
        if (!folder_.empty())
            fs::remove_all(folder_);
    }

    static bool stranger() { return GetParam(); }

    std::string path(const std::string& name) const { return (folder_ / name).string(); }

    void write(const std::string& name, const std::string& text) const {
        std::ofstream(folder_ / name) << text;
    }

    std::string read(const std::string& name) const {
        std::ifstream file(folder_ / name);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    // What the script prints, and how it ends. It starts in data/work.
    std::string run(const std::string& script, std::vector<std::string> environment = {}) const {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        Spawn shell;
        shell.arguments = {"/bin/sh", "-c", script};
        shell.environment = std::move(environment);
        shell.environment.emplace_back("PATH=/usr/sbin:/usr/bin:/sbin:/bin");
        shell.files = {-1, ends[1], ends[1]};
        shell.folder = path("data/work");
        shell.confinement = {
            {path("data"), path("tls.key")},
            {path("data/programs"), path("data/scratch/script")},
            {path("data/work")}};
        const auto child = stranger() ? as_stranger(shell) : start_program(shell);
        ::close(ends[1]);
        std::string said;
        char byte = 0;
        while (::read(ends[0], &byte, 1) == 1)
            said += byte;
        ::close(ends[0]);
        if (!child)
            return child.error().message;
        int status = 0;
        EXPECT_EQ(::waitpid(child->pid, &status, 0), child->pid);
        return said + "exit " + std::to_string(WEXITSTATUS(status));
    }

    // A process of a stranger's that starts it, and ends as it does.
    static Result<Started> as_stranger(const Spawn& shell) {
        const auto child = ::fork();
        if (child != 0)
            return Started{child, FileDescriptor()};
        int status = 0;
        if (::setgid(nobody) == 0 && ::setuid(nobody) == 0) {
            ::prctl(PR_SET_DUMPABLE, 1); // or /proc/self is root's
            if (const auto started = start_program(shell); started)
                ::waitpid(started->pid, &status, 0);
            else
                (void)!::write(
                    shell.files[1], started.error().message.data(), started.error().message.size()
                );
        }
        std::_Exit(WEXITSTATUS(status));
    }

    fs::path folder_;
};

TEST_P(ConfinementTest, a_step_read_and_wrote_the_servers_database) {
    const auto database = path("data/slipway.db");
    EXPECT_THAT(run("cat " + database), Not(HasSubstr("the ledger")));
    EXPECT_THAT(run("cat " + path("tls.key")), Not(HasSubstr("the key")));
    EXPECT_THAT(run("cat ../slipway.db ../scratch/other"), Not(HasSubstr("the ledger")));
    EXPECT_THAT(run("echo mine > " + database + " || echo refused"), HasSubstr("refused"));
    EXPECT_THAT(
        run("mv " + path("data") + " " + path("moved") + " || echo refused"), HasSubstr("refused")
    );
    EXPECT_EQ(run("ls " + path("data/scratch")), "script\nexit 0");
    EXPECT_EQ(read("data/slipway.db"), "the ledger");
}

TEST_P(ConfinementTest, what_is_hidden_is_not_brought_back) {
    const auto look = "; cat " + path("data/slipway.db");
    for (const std::string& way :
         {"umount -l " + path("data"), "unshare -Urm sh -c 'umount -l " + path("data") + look + "'",
          "mount --bind / /mnt && cat /mnt" + path("data/slipway.db"),
          "cat /proc/$PPID/root" + path("data/slipway.db"),
          "cat /proc/$PPID/cwd/../slipway.db; nsenter -t $PPID -m cat " + path("data/slipway.db")})
        EXPECT_THAT(run(way + look), Not(HasSubstr("the ledger"))) << way;
}

TEST_P(ConfinementTest, what_a_program_needs_is_there) {
    EXPECT_EQ(run("cat " + path("data/scratch/script")), "the scriptexit 0");
    EXPECT_EQ(run("cat " + path("data/programs/vault")), "a programexit 0");
    EXPECT_THAT(
        run("echo mine > " + path("data/programs/vault") + " || echo refused"), HasSubstr("refused")
    );
    EXPECT_EQ(run("pwd; echo made > here; exit 3"), path("data/work") + "\nexit 3");
    EXPECT_EQ(read("data/work/here"), "made\n");
    EXPECT_EQ(
        run("echo gone > /dev/null && echo $0 $VERSION", {"VERSION=1.5"}), "/bin/sh 1.5\nexit 0"
    );
}

// Who rotates a key gives its link another target, and takes the old one away.
TEST_P(ConfinementTest, a_rotated_key_was_shown_and_then_stopped_every_step) {
    const auto rotate_to = [&](const std::string& key) {
        write(key, "the key");
        fs::create_symlink(key, folder_ / "new");
        fs::rename(folder_ / "new", folder_ / "tls.key");
    };
    const auto look = "cat " + path("tls.key") + " " + path("key-2") + "; echo ran";
    rotate_to("key-1");
    EXPECT_EQ(run("cat " + path("tls.key") + " " + path("key-1")), "exit 0");
    rotate_to("key-2");
    EXPECT_EQ(run(look), "ran\nexit 0");
    fs::remove(folder_ / "key-1");
    EXPECT_EQ(run(look), "ran\nexit 0");
    fs::remove(folder_ / "key-2");
    EXPECT_THAT(run(look + " on"), HasSubstr("ran on")) << "there is no key, so nothing to hide";
}

TEST_P(ConfinementTest, without_its_key_it_still_does_not_see_the_data) {
    fs::remove(folder_ / "tls.key");
    EXPECT_THAT(run("cat " + path("data/slipway.db")), Not(HasSubstr("the ledger")));
    fs::create_symlink("data/tls.key", folder_ / "tls.key");
    write("data/tls.key", "the key");
    EXPECT_THAT(
        run("cat " + path("tls.key") + "; echo ran"),
        AllOf(HasSubstr("ran"), Not(HasSubstr("the key")))
    );
}

INSTANTIATE_TEST_SUITE_P(Users, ConfinementTest, testing::Bool(), [](const auto& of) {
    return of.param ? "somebody_without_rights" : "who_runs_the_tests";
});

TEST(Confinement, what_cannot_be_hidden_is_named) {
    const std::string too_long = "/" + std::string(300, 'x');
    const auto tried = try_confinement({{too_long}, {}, {}});
    ASSERT_FALSE(tried);
    EXPECT_THAT(tried.error().message, AnyOf(HasSubstr(too_long), HasSubstr("no namespace")));
}

TEST(Spawn, a_program_gets_nothing_of_ours) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0); // left open on purpose, as a library might
    const int own = ::open("/dev/null", O_RDONLY);
    Spawn shell;
    shell.arguments = {
        "/bin/sh", "-c", "ls /proc/self/fd | wc -l; pwd; env | grep -v PWD; ps -o pgid= -p $$"};
    shell.environment = {"ONE=1"};
    shell.files[STDOUT_FILENO] = ends[1];
    shell.folder = "/tmp";
    std::signal(SIGPIPE, SIG_IGN);
    const auto child = start_program(shell);
    ASSERT_TRUE(child) << child.error().message;
    ::close(ends[1]);
    std::string said;
    char byte = 0;
    while (::read(ends[0], &byte, 1) == 1)
        said += byte;
    ::close(ends[0]);
    ::close(own);
    EXPECT_EQ(::waitpid(child->pid, nullptr, 0), child->pid);
    const auto group = std::to_string(child->pid);
    EXPECT_THAT(said, StartsWith("4\n/tmp\nONE=1\n")) << "three, and the one that ls reads";
    EXPECT_THAT(said, HasSubstr(group));
}

TEST(Program, is_found_by_a_bare_name_alone) {
    EXPECT_THAT(find_program("sh"), StartsWith("/"));
    for (const auto* other : {"", "/bin/sh", "../bin/sh", "no-such-program"})
        EXPECT_EQ(find_program(other), "") << other;
}

TEST(Spawn, what_cannot_be_started_is_told_with_the_reason) {
    Spawn nothing;
    nothing.arguments = {"/nowhere/at/all"};
    const auto started = start_program(nothing);
    ASSERT_FALSE(started);
    EXPECT_EQ(
        started.error().message, "cannot start it: /nowhere/at/all: No such file or directory"
    );
    nothing.arguments = {"/bin/true"};
    nothing.folder = "/nowhere";
    EXPECT_THAT(start_program(nothing).error().message, HasSubstr("/nowhere: No such file"));
}

} // namespace
} // namespace slipway
