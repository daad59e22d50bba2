// SPDX-License-Identifier: Apache-2.0
#include "main/resources.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdlib.h>

#include <gtest/gtest.h>

namespace slipway {

namespace {

namespace fs = std::filesystem;

class ResourcesTest : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/slipway-resources-XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        folder_ = name;
    }

    void TearDown() override { fs::remove_all(folder_); }

    std::string policy() const {
        std::ifstream file(folder_ / "policies/default.yaml");
        return {std::istreambuf_iterator<char>(file), {}};
    }

    fs::path folder_;
};

// A first start on a full disk; the next one has room.
TEST_F(ResourcesTest, a_file_that_was_cut_short_is_written_anew) {
    fs::create_directories(folder_ / "policies");
    std::ofstream(folder_ / "policies/default.yaml.new") << "half of";
    ASSERT_TRUE(lay_out_resources(folder_).has_value());
    EXPECT_GT(policy().size(), 100U);
    for (const auto& entry : fs::recursive_directory_iterator(folder_))
        EXPECT_NE(entry.path().extension(), ".new") << entry.path();
}

TEST_F(ResourcesTest, a_file_that_cannot_be_written_does_not_count) {
    fs::create_directories(folder_ / "policies/default.yaml.new"); // in the way
    EXPECT_FALSE(lay_out_resources(folder_).has_value());
    EXPECT_FALSE(fs::exists(folder_ / "policies/default.yaml"));
}

TEST_F(ResourcesTest, what_people_have_edited_stays) {
    fs::create_directories(folder_ / "policies");
    std::ofstream(folder_ / "policies/default.yaml") << "ours";
    ASSERT_TRUE(lay_out_resources(folder_).has_value());
    EXPECT_EQ(policy(), "ours");
}

} // namespace

} // namespace slipway
