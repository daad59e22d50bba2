// SPDX-License-Identifier: Apache-2.0
// A change in a state that no command of the test leads to.
#pragma once

#include <utility>

#include <gtest/gtest.h>

#include "app/actor.hpp"
#include "app/event.hpp"
#include "app/ports/store.hpp"
#include "domain/change/change.hpp"

namespace slipway::worker {

// Writes CHG-1 as it is to be, behind the door's back.
inline void bring(app::Store& store, const domain::Change& to_be, const app::Actor& by, Time now) {
    const app::StreamKey key{by.tenant, "change", "CHG-1"};
    const auto version = store.load(key)->version;
    app::StreamWrite write{key, version, {}, encode(to_be), false, {}};
    write.events.push_back(app::make_event({key, version + 1, now, by}, "brought", "{}"));
    app::Commit commit;
    commit.writes.push_back(std::move(write));
    EXPECT_TRUE(store.commit(std::move(commit)).has_value());
}

} // namespace slipway::worker
