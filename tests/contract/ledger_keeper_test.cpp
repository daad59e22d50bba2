// SPDX-License-Identifier: Apache-2.0
// The beginning of a ledger: one first entry, with its mode and its key, whoever starts together
// and whatever ends half-way.
#include <latch>
#include <thread>

#include <fmt/format.h>

#include "contract/contract.hpp"
#include "main/ledger_keeper.hpp"

namespace slipway::contract {

using testing::HasSubstr;

class KeeperContract : public StoreContract {
  protected:
    Result<std::unique_ptr<LedgerKeeper>>
    open_keeper(app::Store& store, std::optional<Mode> mode = std::nullopt) {
        return LedgerKeeper::open(store, clock_, random_, mode);
    }

    domain::LedgerReport verify() { return must(store::verify(place(), std::nullopt)); }

    FixedClock clock_{at(1'800'000'000'000)};
    SystemRandom random_;
};

TEST_P(KeeperContract, servers_that_start_together_begin_one_ledger) {
    constexpr int servers = 6;
    for (int round = 0; round < 4; ++round) {
        std::vector<std::unique_ptr<app::Store>> stores;
        const auto database = is_sqlite() ? std::string() : new_database();
        for (int i = 0; i < servers && !is_sqlite(); ++i)
            stores.push_back(must(store::open_postgres({database})));
        std::vector<std::thread> threads;
        std::vector<std::string> keys(servers);
        std::latch together(servers);
        for (std::size_t i = 0; i < servers; ++i)
            threads.emplace_back([&, i] {
                auto& mine = is_sqlite() ? store() : *stores[i];
                together.arrive_and_wait();
                const auto mode = i % 2 == 0 ? Mode::production : Mode::sandbox;
                if (const auto keeper = open_keeper(mine, mode))
                    keys[i] = std::string(to_text((*keeper)->mode())) +
                              domain::key_text((*keeper)->key().verifier);
                else
                    EXPECT_EQ(keeper.error().code, ErrorCode::conflict) << keeper.error().message;
            });
        for (auto& thread : threads)
            thread.join();
        std::erase(keys, "");
        // One mode won, and all servers of that mode have one key.
        EXPECT_EQ(keys.size(), servers / 2U);
        EXPECT_THAT(keys, testing::Each(keys.at(0)));
        auto& any = is_sqlite() ? store() : *stores[0];
        EXPECT_EQ(must(any.ledger_size()), 1U);
        if (is_sqlite())
            break;
    }
}

TEST_P(KeeperContract, a_new_ledger_is_signed_from_its_first_entry_on) {
    must(open_keeper(store()));
    const auto report = verify();
    EXPECT_TRUE(report.intact()) << encode(report);
    EXPECT_EQ(report.signed_entries, 1U);
}

TEST_P(KeeperContract, the_mode_is_the_one_of_the_first_entry) {
    must(open_keeper(store(), Mode::sandbox));
    must(store().put_setting("mode", "production"));
    EXPECT_EQ(must(open_keeper(store()))->mode(), Mode::sandbox);
    EXPECT_EQ(code_of(open_keeper(store(), Mode::production)), ErrorCode::conflict);
    EXPECT_EQ(verify().mode, Mode::sandbox) << "and whoever verifies is told";
}

TEST_P(KeeperContract, another_key_than_that_of_the_first_entry_is_refused) {
    must(open_keeper(store()));
    const auto other = must(domain::make_signing_key("other", domain::KeyBytes{9}));
    must(store().put_setting("ledger_key", domain::key_text(other)));
    const auto opened = open_keeper(store());
    ASSERT_EQ(code_of(opened), ErrorCode::internal);
    EXPECT_THAT(opened.error().message, HasSubstr("first entry"));
    damage("delete from setting where name = 'ledger_key'");
    EXPECT_EQ(code_of(open_keeper(store())), ErrorCode::internal);
    EXPECT_EQ(must(store().ledger_size()), 1U);
}

TEST_P(KeeperContract, a_ledger_without_its_first_entry_is_not_begun_again) {
    must(open_keeper(store()));
    damage("delete from event where seq = 0");
    EXPECT_EQ(code_of(open_keeper(store())), ErrorCode::blocked);
    EXPECT_EQ(must(store().ledger_size()), 1U);
}

TEST_P(KeeperContract, a_ledger_whose_end_is_gone_is_not_written_on) {
    must(open_keeper(store()));
    must(store().commit(commit_of(write_of(key_of("web"), 0, 3))));
    damage("delete from event where seq = 3");
    const auto refused = open_keeper(store());
    ASSERT_EQ(code_of(refused), ErrorCode::blocked);
    EXPECT_THAT(refused.error().message, HasSubstr("states 4 entries"));
    EXPECT_THAT(refused.error().message, HasSubstr("slipway verify"));
}

TEST_P(KeeperContract, nothing_is_signed_while_the_hashes_for_proofs_differ) {
    const auto keeper = must(open_keeper(store()));
    must(store().commit(commit_of(write_of(key_of("web"), 0, 300))));
    damage(fmt::format("update ledger_node set hash = '{}'", Digest{}.hex()));
    ASSERT_EQ(code_of(keeper->publish()), ErrorCode::internal);
    damage("delete from ledger_node");
    ASSERT_EQ(code_of(keeper->publish()), ErrorCode::internal);
    EXPECT_EQ(must(store().checkpoints(2, 10)).size(), 0U);
}

CONTRACT(KeeperContract);

} // namespace slipway::contract
