// SPDX-License-Identifier: Apache-2.0
#include "base/confinement.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway {
namespace {

namespace fs = std::filesystem;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

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
        EXPECT_EQ(::pipe(ends), 0);
        const auto child = ::fork();
        if (child == 0)
            start(script, std::move(environment), ends[1]);
        ::close(ends[1]);
        std::string said;
        char byte = 0;
        while (::read(ends[0], &byte, 1) == 1)
            said += byte;
        ::close(ends[0]);
        int status = 0;
        EXPECT_EQ(::waitpid(child, &status, 0), child);
        return said + "exit " + std::to_string(WEXITSTATUS(status));
    }

    [[noreturn]] void
    start(const std::string& script, std::vector<std::string> environment, int output) const {
        if (stranger()) {
            if (::setgid(nobody) != 0 || ::setuid(nobody) != 0)
                std::_Exit(1);
            ::prctl(PR_SET_DUMPABLE, 1); // or /proc/self/exe is root's
        }
        const auto made = Confinement::make(
            "/proc/self/exe",
            {{path("data"), path("tls.key")}, {path("data/programs")}, {path("data/work")}}
        );
        ::dup2(output, STDOUT_FILENO);
        ::dup2(output, STDERR_FILENO);
        if (!made) {
            (void)!::write(output, made.error().message.data(), made.error().message.size());
            std::_Exit(1);
        }
        environment.emplace_back("PATH=/usr/sbin:/usr/bin:/sbin:/bin");
        auto program = made->confine(
            {{"/bin/sh", "-c", script}, std::move(environment)}, {path("data/scratch/script")}, {}
        );
        std::vector<char*> arguments;
        std::vector<char*> variables;
        for (auto& argument : program.arguments)
            arguments.push_back(argument.data());
        for (auto& variable : program.environment)
            variables.push_back(variable.data());
        arguments.push_back(nullptr);
        variables.push_back(nullptr);
        if (::chdir(path("data/work").c_str()) == 0)
            ::execve(arguments[0], arguments.data(), variables.data());
        std::_Exit(1);
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

// A library that is preloaded runs before main(), when nothing is hidden yet.
TEST_P(ConfinementTest, a_variable_of_the_dynamic_linker_reaches_the_program_alone) {
    const auto said = run("echo done", {"LD_PRELOAD=/nowhere/evil.so", "LD_DEBUG=files"});
    EXPECT_THAT(said, HasSubstr("initialize program: /bin/sh"));
    EXPECT_THAT(said, Not(HasSubstr("base_test")));
}

INSTANTIATE_TEST_SUITE_P(Users, ConfinementTest, testing::Bool(), [](const auto& of) {
    return of.param ? "somebody_without_rights" : "who_runs_the_tests";
});

TEST(Confinement, what_cannot_be_hidden_is_named) {
    const auto made = Confinement::make("/proc/self/exe", {{"/nowhere/at/all"}, {}, {}});
    ASSERT_FALSE(made);
    EXPECT_THAT(
        made.error().message, AnyOf(HasSubstr("/nowhere/at/all"), HasSubstr("no namespace"))
    );
}

} // namespace
} // namespace slipway

int main(int argc, char** argv) {
    if (const auto failed = slipway::confined_main(argc, argv))
        return *failed;
    testing::InitGoogleMock(&argc, argv);
    return RUN_ALL_TESTS();
}
