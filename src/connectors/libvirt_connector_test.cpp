// SPDX-License-Identifier: Apache-2.0
// The shipped manifest of libvirt with the real libvirt and QEMU, which emulates a machine without
// a system, so no rights and no hardware are needed. libvirt answers root otherwise than anybody
// else: run by root, it is nobody's. What speaks for the manifest where they are not installed is
// the program of testdata in snapshot_connectors_test.cpp.
#include "connectors/connectors_fixture.hpp"

#include <random>

#include <unistd.h>

namespace slipway::connectors {

namespace {

using namespace test;
using namespace std::chrono_literals;

class LibvirtForReal : public ConnectorsTest {
  protected:
    ~LibvirtForReal() override {
        if (daemon_)
            virsh_prints("destroy web"); // before its daemon ends
    }

    static bool installed() {
        return std::filesystem::exists("/usr/sbin/libvirtd") &&
               std::filesystem::exists("/usr/bin/qemu-system-x86_64") &&
               std::filesystem::exists("/usr/bin/qemu-io");
    }

    std::optional<std::string> virsh_prints(const std::string& words) {
        return prints("virsh --connect=\"$URI\" " + words, {{"URI", uri()}});
    }

    std::string uri() const { return "qemu:///session?socket=" + path("vm/libvirt/libvirt-sock"); }

    // The daemon, and one machine with a disk of its own.
    void start() {
        write(
            "machine.xml",
            "<domain type='qemu'><name>web</name><memory unit='MiB'>32</memory>"
            "<os><type arch='x86_64' machine='pc'>hvm</type></os><devices>"
            "<emulator>/usr/bin/qemu-system-x86_64</emulator><disk type='file' device='disk'>"
            "<driver name='qemu' type='qcow2'/><source file='" +
                path("vm/disk.qcow2") +
                "'/><target dev='vda' bus='virtio'/></disk></devices></domain>"
        );
        write(
            "daemon",
            "cd " + path("vm") +
                "\nexport HOME=$PWD XDG_RUNTIME_DIR=$PWD XDG_CONFIG_HOME=$PWD XDG_CACHE_HOME=$PWD\n"
                "qemu-img create -q -f qcow2 disk.qcow2 8M\n: > daemon.conf\n"
                "exec /usr/sbin/libvirtd --config daemon.conf > daemon.log 2>&1\n"
        );
        const bool root = ::geteuid() == 0;
        ASSERT_TRUE(prints(root ? "chmod 755 .; install -d -o nobody vm" : "mkdir vm"));
        daemon_.emplace(
            (root ? "setpriv --reuid=nobody --regid=nogroup --clear-groups sh " : "exec sh ") +
            path("daemon")
        );
        Daemon::comes([&] { return virsh_prints("list").has_value(); });
        if (!virsh_prints("define machine.xml"))
            GTEST_SKIP() << "libvirt does not start a daemon here: "
                         << prints("cat vm/daemon.log").value_or("");
        configure("libvirt", JsonObject{{"domains", JsonObject{{"web-1", "web"}}}, {"uri", uri()}});
    }

    // The first byte of the machine's disk is the version of what runs on it.
    void install(int version) {
        ASSERT_TRUE(prints(fmt::format("qemu-io -c 'write -P {} 0 512' vm/disk.qcow2", version)));
    }

    bool has(int version) {
        const auto read =
            prints(fmt::format("qemu-io -c 'read -P {} 0 512' vm/disk.qcow2", version));
        return read && read->find("verification failed") == std::string::npos;
    }

    void virsh(const std::string& words) { ASSERT_TRUE(virsh_prints(words)) << words; }

    // The names of the snapshots that are not ours.
    std::string foreign() {
        return virsh_prints("--quiet snapshot-list --domain=web --name | grep -v ^slipway- | sort")
            .value_or("nothing");
    }

    template <class Request>
    Result<typename Request::Answer> asks(const Request& request) {
        return ask("libvirt", request, 60s);
    }

    std::optional<Daemon> daemon_;
};

TEST_F(LibvirtForReal, TakesGoesBackAndRemoves) {
    if (!installed())
        GTEST_SKIP() << "libvirt or QEMU is not installed (apt-get install libvirt-daemon "
                        "libvirt-daemon-driver-qemu libvirt-clients qemu-system-x86 qemu-utils)";
    start();
    if (IsSkipped())
        return;
    install(4);
    virsh("snapshot-create-as --domain=web --name=nightly --description='before the upgrade'");
    const auto others = foreign();
    const auto expires = *time_from_text("2026-12-04T10:00:00Z");
    const auto take = [&] { return asks(app::SnapshotTake{"web-1", "CHG-12", expires}); };
    const auto taken = take();
    ASSERT_TRUE(taken) << all_texts(taken.error());
    EXPECT_EQ(take()->id, taken->id) << "the same piece of work";
    const auto read = asks(app::SnapshotRead{taken->id});
    ASSERT_TRUE(read) << all_texts(read.error());
    EXPECT_EQ(read->tag, "CHG-12");
    EXPECT_EQ(read->host, "web-1");
    EXPECT_EQ(read->expires, expires);
    ASSERT_TRUE(read->created);
    EXPECT_LT(SystemClock{}.now() - *read->created, Span(10min)) << "the time is in UTC";
    EXPECT_EQ(asks(app::SnapshotRead{"web/nightly"}).error().code, ErrorCode::conflict);
    EXPECT_EQ(asks(app::SnapshotRead{"web/none"}).error().code, ErrorCode::not_found);

    install(5);
    EXPECT_FALSE(has(4));
    EXPECT_FALSE(asks(app::SnapshotRevert{taken->id, "CHG-13"})) << "of another change";
    EXPECT_FALSE(asks(app::SnapshotRevert{"web/nightly", "CHG-12"}));
    EXPECT_TRUE(has(5));
    const auto back = asks(app::SnapshotRevert{taken->id, "CHG-12"});
    ASSERT_TRUE(back) << all_texts(back.error());
    EXPECT_TRUE(has(4));

    // Of a machine that runs too, with its memory.
    virsh("start web");
    const auto running = asks(app::SnapshotTake{"web-1", "CHG-14", expires});
    ASSERT_TRUE(running) << all_texts(running.error());
    virsh("destroy web");
    install(6);
    EXPECT_TRUE(asks(app::SnapshotRevert{running->id, "CHG-14"}));
    virsh("destroy web"); // it ran again
    EXPECT_TRUE(has(4));

    EXPECT_EQ(asks(app::SnapshotList{"CHG-"})->snapshots.size(), 2U);
    EXPECT_FALSE(asks(app::SnapshotRemove{taken->id, "CHG-13"}));
    EXPECT_TRUE(asks(app::SnapshotRemove{taken->id, "CHG-12"})->done);
    EXPECT_TRUE(asks(app::SnapshotRemove{taken->id, "CHG-12"})->done) << "again";
    EXPECT_EQ(asks(app::SnapshotList{"CHG-"})->snapshots.size(), 1U) << "the one taken behind it";
    EXPECT_EQ(foreign(), others);
}

// Random work beside snapshots of others.
TEST_F(LibvirtForReal, NeverTouchesWhatOthersMade) {
    if (!installed())
        GTEST_SKIP() << "see above";
    start();
    if (IsSkipped())
        return;
    std::mt19937 random(7);
    std::map<std::string, std::string> ours; // id -> tag
    for (int step = 0; step < 20; ++step) {
        SCOPED_TRACE(step);
        if (random() % 3 == 0)
            virsh(fmt::format("snapshot-create-as --domain=web --name=hand-{}", step));
        const auto before = foreign();
        const auto tag = fmt::format("CHG-{}", 1 + random() % 2);
        auto id = before.substr(0, before.find('\n'));
        id = "web/" + (id.empty() ? "none" : id);
        if (!ours.empty() && random() % 3 != 0)
            id = std::next(ours.begin(), static_cast<int>(random() % ours.size()))->first;
        const bool mine = ours.contains(id) && ours.at(id) == tag;
        switch (random() % 3) {
        case 0: {
            const auto taken =
                asks(app::SnapshotTake{"web-1", tag, clock_.now() + std::chrono::hours(1 + step)});
            ASSERT_TRUE(taken) << all_texts(taken.error());
            ours[taken->id] = tag;
            break;
        }
        case 1:
            EXPECT_EQ(bool(asks(app::SnapshotRevert{id, tag})), mine) << id;
            break;
        default: {
            const auto removed = asks(app::SnapshotRemove{id, tag});
            EXPECT_TRUE(removed ? mine || id == "web/none" : !mine) << id;
            if (mine)
                ours.erase(id);
        }
        }
        EXPECT_EQ(foreign(), before);
        EXPECT_EQ(asks(app::SnapshotList{"CHG-"})->snapshots.size(), ours.size());
    }
}

} // namespace

} // namespace slipway::connectors
