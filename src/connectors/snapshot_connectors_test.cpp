// SPDX-License-Identifier: Apache-2.0
// Snapshots through the shipped manifests: a life with each provider, and random runs beside
// snapshots of others, which stay as they are. `files` is real; zfs, btrfs, lvm and virsh are
// programs of testdata that keep a state and answer as the real ones document it.
#include "connectors/connectors_fixture.hpp"

#include <random>

#include "connectors/command_transport.hpp"

namespace slipway::connectors {

namespace {

using namespace test;
using namespace std::chrono_literals;
using testing::HasSubstr;

using Ids = std::set<std::string>;

std::string text_at(const Json& object, std::string_view name) {
    const auto* found = object.as_object().if_contains(name);
    return found && found->is_string() ? std::string(view(found->get_string())) : "";
}

struct Provider {
    const char* system;
    const char* program; // of testdata
    std::string state;   // that it begins with; @ is the folder of the test
    std::string settings;
    std::vector<std::string> make_foreign; // arguments; # is a number
    // The ids of what is not ours, in the program's state.
    std::function<Ids(const Json&)> foreign;
};

Ids ids(const Json& list, const std::function<std::string(const Json&)>& id) {
    Ids found;
    for (const auto& one : list.as_array())
        if (auto text = id(one); !text.empty())
            found.insert(std::move(text));
    return found;
}

const std::vector<Provider>& providers() {
    static const std::vector<Provider> all{
        {"zfs",
         "zfs.py",
         R"({"clock":1795300000,"datasets":{"tank/web":"/nowhere"},"snapshots":[]})",
         R"({"datasets":{"web-1":"tank/web"},"program":"@/zfs.py"})",
         {"snapshot", "tank/web@hand-#"},
         [](const Json& state) {
             return ids(state.at("snapshots"), [](const Json& one) {
                 return text_at(one, "slipway:tag").empty() ? text_at(one, "name") : "";
             });
         }},
        {"btrfs",
         "btrfs.py",
         R"({"clock":1795300000,"snapshots":{}})",
         R"({"subvolumes":{"web-1":"@/site"},"store":"@/store","program":"@/btrfs.py"})",
         {"subvolume", "snapshot", "-r", "@/site", "@/store/hand-#"},
         [](const Json& state) {
             Ids found;
             for (const auto& [path, one] : state.at("snapshots").as_object())
                 if (path.find("/store/hand-") != std::string::npos)
                     found.insert(text_at(one, "uuid"));
             return found;
         }},
        {"lvm",
         "lvm.py",
         R"({"clock":1795300000,"lv":[{"vg_name":"vg0","lv_name":"web","origin":"","lv_time":"",
            "lv_size":"107374182400","data_percent":"","lv_attr":"-wi-a-----","lv_tags":""}]})",
         R"({"volumes":{"web-1":"vg0/web"},"extents":"20%ORIGIN","program":"@/lvm.py"})",
         {"lvcreate", "--snapshot", "--name=hand-#", "--addtag=nightly", "vg0/web"},
         [](const Json& state) {
             return ids(state.at("lv"), [](const Json& one) {
                 return text_at(one, "lv_tags").starts_with("slipway")
                            ? ""
                            : "vg0/" + text_at(one, "lv_name");
             });
         }},
        {"libvirt",
         "virsh.py",
         R"({"clock":1795300000,"domains":{"web":{}}})",
         R"({"domains":{"web-1":"web"},"program":"@/virsh.py"})",
         {"snapshot-create-as", "--domain=web", "--name=hand-#",
          "--description=before the upgrade"},
         [](const Json& state) {
             Ids found;
             for (const auto& [name, one] : state.at("domains").at("web").as_object())
                 if (!text_at(one, "said").starts_with("slipway "))
                     found.insert("web/" + std::string(name));
             return found;
         }},
    };
    return all;
}

class SnapshotConnectors : public ConnectorsTest, public testing::WithParamInterface<Provider> {
  protected:
    SnapshotConnectors() {
        write("site/index.html", "1.4");
        std::filesystem::create_directories(path("store"));
        const auto& provider = GetParam();
        std::filesystem::copy_file(
            std::filesystem::path(SLIPWAY_ROOT "/src/connectors/testdata") / provider.program,
            path(provider.program)
        );
        write(state_file(), provider.state);
        configure(provider.system, *parse_json(in_folder(provider.settings)));
    }

    static std::string state_file() { return std::string(GetParam().program) + ".json"; }

    std::string in_folder(std::string text) const {
        for (auto at = text.find('@'); at != std::string::npos; at = text.find('@', at + 1))
            if (at + 1 < text.size() && text[at + 1] == '/')
                text.replace(at, 1, folder_);
        return text;
    }

    Json state() const {
        std::ifstream file(path(state_file()));
        return *parse_json(std::string(std::istreambuf_iterator<char>(file), {}));
    }

    Ids foreign() const { return GetParam().foreign(state()); }

    // Somebody else makes a snapshot.
    void make_foreign(int number) {
        CommandRequest request;
        request.arguments = {path(GetParam().program)};
        for (auto word : GetParam().make_foreign) {
            if (const auto at = word.find('#'); at != std::string::npos)
                word.replace(at, 1, std::to_string(number));
            request.arguments.push_back(in_folder(word));
        }
        request.timeout = 20s;
        const auto made = run_command(request);
        ASSERT_TRUE(made && made->status == 0) << (made ? made->last_words : "");
    }

    template <class Request>
    Result<typename Request::Answer> asks(const Request& request) {
        return ask(GetParam().system, request);
    }
};

INSTANTIATE_TEST_SUITE_P(
    Providers, SnapshotConnectors, testing::ValuesIn(providers()),
    [](const auto& one) { return std::string(one.param.system); }
);

TEST_P(SnapshotConnectors, LiveTheirLife) {
    make_foreign(0);
    const auto mine = foreign();
    const auto expires = *time_from_text("2026-12-04T10:00:00Z");
    const auto taken = asks(app::SnapshotTake{"web-1", "CHG-12", expires});
    ASSERT_TRUE(taken) << all_texts(taken.error());
    EXPECT_EQ(taken->tag, "CHG-12");
    EXPECT_EQ(taken->host, "web-1");
    EXPECT_EQ(taken->expires, expires);
    EXPECT_EQ(asks(app::SnapshotTake{"web-1", "CHG-12", expires})->id, taken->id) << "done once";
    const auto read = asks(app::SnapshotRead{taken->id});
    ASSERT_TRUE(read) << all_texts(read.error());
    EXPECT_EQ(read->tag, "CHG-12");
    EXPECT_EQ(read->host, "web-1");
    EXPECT_EQ(read->expires, expires);
    EXPECT_TRUE(read->created.has_value());
    EXPECT_EQ(asks(app::SnapshotList{"CHG-"})->snapshots.size(), 1U);
    EXPECT_TRUE(asks(app::SnapshotList{"CHG-13"})->snapshots.empty());

    EXPECT_FALSE(asks(app::SnapshotTake{"nowhere", "CHG-12", expires}));
    EXPECT_EQ(asks(app::SnapshotRemove{taken->id, "CHG-13"}).error().code, ErrorCode::conflict)
        << "of another change";
    EXPECT_EQ(asks(app::SnapshotRevert{taken->id, "CHG-13"}).error().code, ErrorCode::conflict);
    EXPECT_EQ(foreign(), mine);

    const auto reverted = asks(app::SnapshotRevert{taken->id, "CHG-12"});
    ASSERT_TRUE(reverted) << all_texts(reverted.error());
    EXPECT_TRUE(asks(app::SnapshotRemove{taken->id, "CHG-12"})->done);
    EXPECT_TRUE(asks(app::SnapshotRemove{taken->id, "CHG-12"})->done) << "it is gone already";
    EXPECT_EQ(asks(app::SnapshotRead{taken->id}).error().code, ErrorCode::not_found);
    EXPECT_EQ(foreign(), mine);
}

// Whatever is asked, with whatever id and tag, what others made stays; and of ours only that goes
// which carries the tag.
TEST_P(SnapshotConnectors, NeverTouchWhatOthersMade) {
    for (const unsigned seed : {1U, 2U}) {
        std::mt19937 random(seed);
        const auto any = [&](std::size_t size) { return random() % size; };
        std::map<std::string, std::string> ours; // id -> tag
        for (int step = 0; step < 9; ++step) {
            SCOPED_TRACE(fmt::format("seed {} step {}", seed, step));
            if (any(4) == 0)
                make_foreign(static_cast<int>(seed) * 100 + step);
            const auto before = foreign();
            std::vector<std::string> known(before.begin(), before.end());
            for (const auto& [id, tag] : ours)
                known.push_back(id);
            const auto tag = fmt::format("CHG-{}", 1 + any(2));
            const auto id = known.empty() ? std::string("none/none") : known[any(known.size())];
            const bool mine = ours.contains(id) && ours.at(id) == tag;
            switch (any(3)) {
            case 0: {
                const Time expires = clock_.now() + std::chrono::hours(1 + step);
                const auto taken = asks(app::SnapshotTake{"web-1", tag, expires});
                ASSERT_TRUE(taken) << all_texts(taken.error());
                ours[taken->id] = tag;
                break;
            }
            case 1: {
                const auto removed = asks(app::SnapshotRemove{id, tag});
                if (mine) {
                    EXPECT_TRUE(removed) << all_texts(removed.error());
                    ours.erase(id);
                } else if (before.contains(id) || ours.contains(id)) {
                    EXPECT_FALSE(removed) << id;
                }
                break;
            }
            default: {
                const auto reverted = asks(app::SnapshotRevert{id, tag});
                EXPECT_TRUE(mine || !reverted) << id;
                if (mine && reverted && !asks(app::SnapshotRead{id}))
                    ours.erase(id); // a merge uses it up
            }
            }
            EXPECT_EQ(foreign(), before);
            Ids listed;
            const auto all = asks(app::SnapshotList{"CHG-"});
            ASSERT_TRUE(all) << all_texts(all.error());
            for (const auto& one : all->snapshots)
                listed.insert(one.id);
            Ids expected;
            for (const auto& [known_id, known_tag] : ours)
                expected.insert(known_id);
            EXPECT_EQ(listed, expected);
        }
        write(state_file(), GetParam().state);
        std::filesystem::remove_all(path("store"));
        std::filesystem::create_directories(path("store"));
    }
}

class OneProvider : public SnapshotConnectors {};

INSTANTIATE_TEST_SUITE_P(Lvm, OneProvider, testing::Values(providers()[2]), [](const auto&) {
    return "lvm";
});

TEST_P(OneProvider, WhatHasOverflowedIsNoWayBack) {
    const auto expires = *time_from_text("2026-12-04T10:00:00Z");
    const auto taken = asks(app::SnapshotTake{"web-1", "CHG-12", expires});
    ASSERT_TRUE(taken) << all_texts(taken.error());
    EXPECT_EQ(taken->size_bytes, 5368709) << "what has changed, not what there is room for";
    auto text = to_text(state());
    text.replace(text.find("swi-a-s---"), 10, "swi-I-s---");
    write(state_file(), text);
    const auto read = asks(app::SnapshotRead{taken->id});
    ASSERT_FALSE(read);
    EXPECT_THAT(all_texts(read.error()), HasSubstr("has overflowed"));
    EXPECT_FALSE(asks(app::SnapshotRevert{taken->id, "CHG-12"}));
    EXPECT_TRUE(asks(app::SnapshotRemove{taken->id, "CHG-12"})->done);
}

// LVM puts a merge off while the volume is in use, as that of a running machine is, and ends well.
// It was recorded as reverted, and the change as rolled back.
TEST_P(OneProvider, AMergeThatWasPutOffWasCalledDone) {
    const auto expires = *time_from_text("2026-12-04T10:00:00Z");
    const auto taken = asks(app::SnapshotTake{"web-1", "CHG-12", expires});
    ASSERT_TRUE(taken) << all_texts(taken.error());
    const auto set = [&](const std::string& from, const std::string& to) {
        auto text = to_text(state());
        const auto at = text.find(from);
        ASSERT_NE(at, std::string::npos) << text;
        write(state_file(), text.replace(at, from.size(), to));
    };
    const auto refusal = [&] {
        const auto reverted = asks(app::SnapshotRevert{taken->id, "CHG-12"});
        return reverted ? "done: " + reverted->detail : all_texts(reverted.error());
    };
    set("-wi-a-----", "owi-aos---");
    EXPECT_THAT(refusal(), HasSubstr("vg0/web or the snapshot is in use"));
    EXPECT_TRUE(asks(app::SnapshotRead{taken->id})) << "it is still a way back";
    set("owi-aos---", "owi-a-s---");
    set("\"clock\"", "\"opened_meanwhile\":true,\"clock\"");
    EXPECT_THAT(refusal(), HasSubstr("the merge was put off"));
    EXPECT_THAT(refusal(), HasSubstr("is being merged"));
    const auto removed = asks(app::SnapshotRemove{taken->id, "CHG-12"});
    ASSERT_FALSE(removed) << "it still goes back by itself some day";
    EXPECT_EQ(removed.error().code, ErrorCode::conflict);
}

class BtrfsProvider : public SnapshotConnectors {
  protected:
    std::string page() const {
        std::ifstream file(path("site/index.html"));
        return {std::istreambuf_iterator<char>(file), {}};
    }
};

INSTANTIATE_TEST_SUITE_P(Btrfs, BtrfsProvider, testing::Values(providers()[1]), [](const auto&) {
    return "btrfs";
});

// The server was killed when the subvolume was aside and nothing was in its place yet. All that the
// next attempt knew was that there was nothing to put aside.
TEST_P(BtrfsProvider, ARevertThatWasKilledHalfWayGoesOn) {
    const auto expires = *time_from_text("2026-12-04T10:00:00Z");
    const auto taken = asks(app::SnapshotTake{"web-1", "CHG-12", expires});
    ASSERT_TRUE(taken) << all_texts(taken.error());
    const app::SnapshotRevert back{taken->id, "CHG-12"};
    const auto aside = path("site.before-CHG-12-20261126T104000Z");
    write("site/index.html", "1.5");
    std::filesystem::rename(path("site"), aside);
    // When it cannot go on, what was there is where it was.
    std::filesystem::rename(path("store"), path("lost"));
    EXPECT_FALSE(asks(back));
    EXPECT_EQ(page(), "1.5");
    std::filesystem::rename(path("lost"), path("store"));
    std::filesystem::rename(path("site"), aside);

    const auto reverted = asks(back);
    ASSERT_TRUE(reverted) << all_texts(reverted.error());
    EXPECT_THAT(reverted->detail, HasSubstr(aside));
    EXPECT_EQ(page(), "1.4");
    EXPECT_TRUE(std::filesystem::exists(aside + "/index.html"));
    std::filesystem::remove_all(path("site"));
    std::filesystem::remove_all(aside);
    EXPECT_THAT(all_texts(asks(back).error()), HasSubstr("nothing was put aside there"));
}

} // namespace

} // namespace slipway::connectors
