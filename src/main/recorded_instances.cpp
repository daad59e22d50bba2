// SPDX-License-Identifier: Apache-2.0
#include "main/recorded_instances.hpp"

namespace slipway {

Result<std::vector<app::ConnectorInstance>> RecordedInstances::of(const TenantId& tenant) {
    const app::Actor worker{tenant, PersonId(std::string(app::the_server)), {}, {}, "worker"};
    std::vector<app::ConnectorInstance> instances;
    std::string after;
    do {
        const auto page =
            TRY(door_.list_records(worker, "connector", after, limits::page_size_max));
        for (const auto& [version, document] : page.rows) {
            const auto json = TRY(parse_json(document));
            const auto* settings = find(json, "settings");
            instances.push_back(
                {std::string(text_or_empty(json, "id")),
                 std::string(text_or_empty(json, "manifest")),
                 settings ? *settings : Json(JsonObject{})}
            );
        }
        after = page.next;
    } while (!after.empty());
    return instances;
}

} // namespace slipway
