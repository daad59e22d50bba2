// SPDX-License-Identifier: Apache-2.0
// The bodies of the commands about snapshots, of which commands.hpp is the whole list.
#pragma once

#include "domain/change/change.hpp"

namespace slipway::domain {

struct TakeSnapshot {
    std::string host;

    SLIPWAY_FIELDS {
        visit("host", self.host, optional("one host; all by default", limits::name_max));
    }
};

struct ReportSnapshot {
    std::string host;
    std::string id;
    std::string connector;
    std::string tag;
    SnapshotState state{};
    std::optional<Time> taken_at;
    std::uint64_t size_bytes = 0;
    bool read_back = false;
    std::string detail;
    bool measured = false;

    SLIPWAY_FIELDS {
        visit("host", self.host, required("the host", limits::name_max));
        visit("id", self.id, optional("the provider's id", limits::name_max));
        visit("connector", self.connector, optional("who took it", 64));
        visit("tag", self.tag, optional("the tag as read back", 100));
        visit("state", self.state, required("taken, failed, reverted or removed; not requested"));
        visit("taken_at", self.taken_at, optional("when it was taken"));
        visit("size_bytes", self.size_bytes, optional("how large it is"));
        visit("read_back", self.read_back, optional("it was read back from the provider"));
        visit("detail", self.detail, printed("what the provider said", limits::text_max));
        visit("measured", self.measured, optional("one that was taken before was looked at again"));
    }
};

struct ExtendSnapshot {
    std::string host;
    std::string id;
    Time until{};
    std::string reason;

    SLIPWAY_FIELDS {
        visit("host", self.host, required("the host", limits::name_max));
        visit("id", self.id, optional("the provider's id, when it has several", limits::name_max));
        visit("until", self.until, required("when it is to be removed"));
        visit("reason", self.reason, required("why it is still needed", limits::text_max));
    }
};

struct RevertSnapshot {
    std::string host;
    std::string reason;

    SLIPWAY_FIELDS {
        visit("host", self.host, optional("one host; all by default", limits::name_max));
        visit("reason", self.reason, required("why the deployment failed", limits::text_max));
    }
};

} // namespace slipway::domain
