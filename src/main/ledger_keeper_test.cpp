// SPDX-License-Identifier: Apache-2.0
#include "main/ledger_keeper.hpp"

#include <gtest/gtest.h>

#include "base/limits.hpp"

namespace slipway {

namespace {

TEST(LedgerKeeper, an_export_that_would_fill_the_disk_is_refused) {
    std::vector<store::BundleAttachment> attachments(
        limits::export_max / limits::attachment_max,
        store::BundleAttachment{{}, "dump", limits::attachment_max}
    );
    EXPECT_TRUE(check_export_size(attachments).has_value());
    attachments.push_back({{}, "one more", 1});
    const auto refused = check_export_size(attachments);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::limit_exceeded);
    EXPECT_NE(refused.error().message.find(std::to_string(limits::export_max)), std::string::npos);
}

} // namespace

} // namespace slipway
