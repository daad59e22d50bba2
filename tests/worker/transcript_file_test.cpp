// SPDX-License-Identifier: Apache-2.0
#include "worker/transcript_file.hpp"

#include <csignal>
#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include <sys/resource.h>

#include "base/limits.hpp"

namespace slipway::worker {
namespace {

const app::RunningStep drain{TenantId("main"), "CHG-1", "run-1", "drain", 1};

class TranscriptFileTest : public testing::Test {
  protected:
    TranscriptFileTest() {
        std::string pattern = (std::filesystem::temp_directory_path() / "lines-XXXXXX").string();
        folder = ::mkdtemp(pattern.data());
    }

    ~TranscriptFileTest() override { std::filesystem::remove_all(folder); }

    std::filesystem::path only_file() const {
        return std::filesystem::directory_iterator(folder)->path();
    }

    std::filesystem::path folder;
};

TEST_F(TranscriptFileTest, outlives_who_wrote_it_until_it_is_removed) {
    {
        TranscriptFile file(folder, drain);
        file.add("one\n");
        file.add("two\n");
        EXPECT_EQ(left_transcript(folder, drain), "one\ntwo\n") << "there at once";
    }
    EXPECT_EQ(left_transcript(folder, drain), "one\ntwo\n");
    auto again = drain;
    again.attempt = 2;
    EXPECT_EQ(left_transcript(folder, again), "");
    remove_left_transcript(folder, drain);
    EXPECT_EQ(left_transcript(folder, drain), "");
    TranscriptFile file(folder, drain);
    file.remove();
    EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST_F(TranscriptFileTest, a_line_that_was_cut_off_is_no_line) {
    TranscriptFile(folder, drain).add("one\n");
    std::ofstream(only_file(), std::ios::app) << "tw";
    EXPECT_EQ(left_transcript(folder, drain), "one\n");
}

TEST_F(TranscriptFileTest, a_full_disk_keeps_whole_lines_and_stops_nobody) {
    // A limit on the size of files stands for a disk that is full.
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto heard = std::signal(SIGXFSZ, SIG_IGN);
    rlimit small = before;
    small.rlim_cur = 1000;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const std::string line = std::string(299, 'x') + "\n";
    {
        TranscriptFile file(folder, drain);
        for (int i = 0; i < 10; ++i)
            file.add(line);
    }
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, heard);
    EXPECT_EQ(left_transcript(folder, drain), line + line + line);
}

TEST_F(TranscriptFileTest, without_a_folder_nothing_is_kept) {
    for (const auto& nowhere : {std::filesystem::path(), folder / "missing"}) {
        TranscriptFile file(nowhere, drain);
        file.add("one\n");
        EXPECT_EQ(left_transcript(nowhere, drain), "");
        file.remove();
    }
    sweep_transcripts({});
}

TEST_F(TranscriptFileTest, what_nobody_asked_for_is_swept_away) {
    TranscriptFile(folder, drain).add("one\n");
    sweep_transcripts(folder);
    EXPECT_EQ(left_transcript(folder, drain), "one\n");
    std::filesystem::last_write_time(
        only_file(), std::filesystem::file_time_type::clock::now() - limits::runbook_time_max -
                         std::chrono::hours(1)
    );
    sweep_transcripts(folder);
    EXPECT_TRUE(std::filesystem::is_empty(folder));
}

} // namespace
} // namespace slipway::worker
