// SPDX-License-Identifier: Apache-2.0
#include "app/change_cache.hpp"

#include <gtest/gtest.h>

namespace slipway::app {

namespace {

StreamKey key_of(std::size_t number) {
    return {TenantId("main"), "change", "CHG-" + std::to_string(number)};
}

LoadedChange state(std::uint64_t version, std::size_t size = 1) {
    return {version, std::make_shared<const domain::Change>(), version, size, {}, {}};
}

std::uint64_t version_in(ChangeCache& cache, std::size_t number) {
    const auto found = cache.find(key_of(number));
    return found ? found->version : 0;
}

} // namespace

TEST(ChangeCache, an_older_state_replaces_no_newer_one) {
    ChangeCache cache;
    const auto moment = cache.moment();
    cache.put(key_of(1), state(5));
    cache.put_read(key_of(1), state(4), moment);
    EXPECT_EQ(version_in(cache, 1), 5U);
    cache.put(key_of(1), state(3));
    EXPECT_EQ(version_in(cache, 1), 5U);
    cache.put_read(key_of(1), state(6), moment);
    EXPECT_EQ(version_in(cache, 1), 6U);
}

TEST(ChangeCache, a_reader_that_comes_late_brings_no_old_state_back) {
    ChangeCache cache(100);
    const auto moment = cache.moment(); // and now it reads version 4
    cache.put(key_of(1), state(5));
    cache.put(key_of(2), state(1, 100)); // takes the place of the newer one
    ASSERT_EQ(version_in(cache, 1), 0U);
    cache.put_read(key_of(1), state(4), moment);
    EXPECT_EQ(version_in(cache, 1), 0U);
    cache.put_read(key_of(1), state(5), cache.moment());
    EXPECT_EQ(version_in(cache, 1), 5U);
}

TEST(ChangeCache, holds_no_more_bytes_than_it_may_and_keeps_what_is_used) {
    ChangeCache cache(100);
    for (const std::size_t number : {1, 2, 3})
        cache.put(key_of(number), state(1, 30));
    EXPECT_EQ(version_in(cache, 1), 1U); // used last
    cache.put(key_of(4), state(1, 30));
    EXPECT_EQ(version_in(cache, 2), 0U);
    EXPECT_EQ(version_in(cache, 1), 1U);
    cache.put(key_of(3), state(2, 5)); // has become smaller
    cache.put(key_of(5), state(1, 30));
    for (const std::size_t number : {1, 3, 4, 5})
        EXPECT_NE(version_in(cache, number), 0U) << number;
    cache.put(key_of(6), state(1, 101));
    EXPECT_EQ(version_in(cache, 6), 0U) << "more than there is room for";
    EXPECT_EQ(version_in(cache, 5), 0U);
    cache.put(key_of(7), state(1, 100));
    EXPECT_EQ(version_in(cache, 7), 1U) << "the count of bytes is of what is there";
}

TEST(ChangeCache, holds_no_more_changes_than_it_may) {
    ChangeCache cache;
    for (std::size_t number = 1; number <= limits::cached_changes_max + 1; ++number)
        cache.put(key_of(number), state(1));
    EXPECT_EQ(version_in(cache, 1), 0U);
    EXPECT_EQ(version_in(cache, 2), 1U);
}

} // namespace slipway::app
