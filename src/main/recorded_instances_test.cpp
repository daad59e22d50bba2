// SPDX-License-Identifier: Apache-2.0
#include "main/recorded_instances.hpp"

#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "store/open.hpp"

namespace slipway {

namespace {

TEST(RecordedInstances, more_than_a_page_of_connectors_are_all_there) {
    std::string pattern = (std::filesystem::temp_directory_path() / "instances-XXXXXX").string();
    const std::filesystem::path folder = ::mkdtemp(pattern.data());
    {
        const auto store = *store::open_sqlite({folder.string()});
        const SystemClock clock;
        SystemRandom random;
        const auto door = *app::Door::open({*store, clock, random, SLIPWAY_ROOT, {}});
        const TenantId tenant("main");
        const app::Actor system{tenant, PersonId("slipway"), {}, {}, "worker"};
        std::vector<app::RecordDraft> records;
        for (std::size_t i = 0; i <= limits::page_size_max; ++i)
            records.push_back({fmt::format("c{:03}", i), JsonObject{{"manifest", "webhook"}}});
        ASSERT_TRUE(door->put_records(system, "connector", records).has_value());
        const auto found = RecordedInstances(*door).of(tenant);
        ASSERT_TRUE(found.has_value());
        EXPECT_EQ(found->size(), limits::page_size_max + 1);
        EXPECT_EQ(found->back().name, "c200");
        records.resize(limits::import_commit_max + 1, {"one-more", JsonObject{{"manifest", "x"}}});
        EXPECT_EQ(
            door->put_records(system, "connector", records).error().code, ErrorCode::limit_exceeded
        );
    }
    std::filesystem::remove_all(folder);
}

} // namespace

} // namespace slipway
