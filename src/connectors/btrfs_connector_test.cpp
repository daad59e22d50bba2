// SPDX-License-Identifier: Apache-2.0
// The shipped manifest of btrfs with the real btrfs, on a file system in a file of the test's own.
// That needs root and a kernel that mounts it; where it cannot be mounted the test is skipped, and
// what speaks for the manifest is the program of testdata in snapshot_connectors_test.cpp and
// backup_connectors_test.cpp.
#include "connectors/connectors_fixture.hpp"

namespace slipway::connectors {

namespace {

using namespace test;
using namespace std::chrono_literals;

class BtrfsForReal : public ConnectorsTest {
  protected:
    ~BtrfsForReal() override {
        if (mounted_)
            prints("umount disk");
    }

    bool mount() {
        mounted_ = prints("PATH=$PATH:/usr/sbin:/sbin; truncate -s 300M image; mkdir disk; "
                          "mkfs.btrfs -q image; mount -o loop image disk")
                       .has_value();
        return mounted_;
    }

    // The names in the store, with blanks between them.
    std::string stored() { return prints("ls -m disk/store").value_or("nothing"); }

    bool mounted_ = false;
};

TEST_F(BtrfsForReal, TakesGoesBackRemovesAndProves) {
    if (!mount())
        GTEST_SKIP() << "no btrfs can be mounted here (as root: apt-get install btrfs-progs)";
    ASSERT_TRUE(prints("cd disk; btrfs subvolume create web; mkdir store; echo 1.4 > web/version; "
                       "btrfs subvolume snapshot -r web store/foreign.1; "
                       "btrfs subvolume snapshot -r web "
                       "store/slipway.CHG-999.web-1.20200101T000000Z"));
    const auto disk = path("disk");
    configure(
        "btrfs",
        JsonObject{
            {"subvolumes", JsonObject{{"web-1", disk + "/web"}}},
            {"store", disk + "/store"},
            {"items", JsonObject{{"site", "foreign."}}},
            {"content", JsonObject{{"site", JsonObject{{"must_contain", JsonArray{"version"}}}}}}}
    );
    const auto expires = clock_.now() + 168h;
    const auto take = [&] {
        return ask("btrfs", app::SnapshotTake{"web-1", "slipway-CHG-12", expires});
    };
    const auto taken = take();
    ASSERT_TRUE(taken) << all_texts(taken.error());
    EXPECT_EQ(take()->id, taken->id) << "the same piece of work";
    const auto read = ask("btrfs", app::SnapshotRead{taken->id});
    ASSERT_TRUE(read) << all_texts(read.error());
    EXPECT_EQ(read->tag, "slipway-CHG-12");
    EXPECT_EQ(read->host, "web-1");
    ASSERT_TRUE(read->expires);
    EXPECT_LT(expires - *read->expires, Span(1s));

    ASSERT_TRUE(prints("echo 1.5 > disk/web/version"));
    EXPECT_FALSE(ask("btrfs", app::SnapshotRevert{taken->id, "slipway-CHG-13"}));
    EXPECT_EQ(prints("cat disk/web/version"), "1.5\n");
    const auto back = ask("btrfs", app::SnapshotRevert{taken->id, "slipway-CHG-12"});
    ASSERT_TRUE(back) << all_texts(back.error());
    EXPECT_EQ(prints("cat disk/web/version"), "1.4\n");
    EXPECT_EQ(prints("cat disk/web.before-slipway-CHG-12-*/version"), "1.5\n");
    EXPECT_TRUE(prints("echo 1.6 > disk/web/version")) << "it can be written to again";

    const auto status = ask("btrfs", app::BackupCheck{CiId("site"), "web-1"});
    ASSERT_TRUE(status) << all_texts(status.error());
    EXPECT_EQ(status->point, "foreign.1");
    const auto proof = ask("btrfs", app::BackupProve{CiId("site"), "web-1", status->point});
    ASSERT_TRUE(proof) << all_texts(proof.error());
    EXPECT_EQ(proof->files, 1);
    EXPECT_EQ(proof->bytes, 4);
    EXPECT_EQ(proof->ci, CiId("site"));
    EXPECT_EQ(proof->point_at, status->last_success);
    ASSERT_TRUE(proof->point_at);
    EXPECT_LT(SystemClock{}.now() - *proof->point_at, Span(10min)) << "the time is in UTC";

    EXPECT_EQ(ask("btrfs", app::SnapshotList{"slipway-CHG-12"})->snapshots.size(), 1U);
    EXPECT_FALSE(ask("btrfs", app::SnapshotRemove{taken->id, "slipway-CHG-13"}));
    EXPECT_TRUE(ask("btrfs", app::SnapshotRemove{taken->id, "slipway-CHG-12"})->done);
    EXPECT_TRUE(ask("btrfs", app::SnapshotRemove{taken->id, "slipway-CHG-12"})->done) << "again";
    EXPECT_EQ(stored(), "foreign.1, slipway.CHG-999.web-1.20200101T000000Z\n");
}

} // namespace

} // namespace slipway::connectors
