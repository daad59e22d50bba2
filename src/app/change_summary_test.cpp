// SPDX-License-Identifier: Apache-2.0
#include "app/change_summary.hpp"

#include <gtest/gtest.h>

namespace slipway::app {
namespace {

TEST(ChangeNumber, that_was_typed_otherwise_is_named_as_it_is_written) {
    for (const auto* text : {"chg-3", "3", "CHG3", "Chg-3"})
        EXPECT_TRUE(no_change_called(text).ends_with("; did you mean CHG-3?")) << text;
    for (const auto* text : {"x-3", "chg-", "-3", "", "chg-three"})
        EXPECT_EQ(no_change_called(text), fmt::format("there is no change {}", text));
}

} // namespace
} // namespace slipway::app
