// SPDX-License-Identifier: Apache-2.0
#include "connectors/capability_schemas.hpp"

namespace slipway::connectors {

namespace {

template <class T>
Result<Json> check_as(const Json& value) {
    return to_json(TRY(decode<T>(value)));
}

template <class Request>
CapabilitySchema schema(bool reads) {
    return {
        Request::capability, Request::operation, reads, check_as<Request>,
        check_as<typename Request::Answer>};
}

constexpr bool reads = true;
constexpr bool writes = false;

} // namespace

const std::vector<CapabilitySchema>& capability_schemas() {
    static const std::vector<CapabilitySchema> schemas{
        schema<app::ItsmOpen>(writes),       schema<app::ItsmUpdate>(writes),
        schema<app::CmdbPush>(writes),       schema<app::CmdbRead>(reads),
        schema<app::BackupCheck>(reads),     schema<app::BackupProve>(reads),
        schema<app::SnapshotTake>(writes),   schema<app::SnapshotRead>(reads),
        schema<app::SnapshotList>(reads),    schema<app::SnapshotRemove>(writes),
        schema<app::SnapshotRevert>(writes), schema<app::NoticeSend>(writes),
        schema<app::OncallWho>(reads),       schema<app::OncallPage>(writes),
        schema<app::MonitorAlerts>(reads),   schema<app::MonitorAgents>(reads),
        schema<app::TicketsTagged>(reads),   schema<app::TicketsOpen>(writes),
        schema<app::DocsPush>(writes),       schema<app::DocsRead>(reads),
    };
    return schemas;
}

const CapabilitySchema* find_schema(app::Capability capability, std::string_view operation) {
    for (const auto& schema : capability_schemas())
        if (schema.capability == capability && schema.operation == operation)
            return &schema;
    return nullptr;
}

} // namespace slipway::connectors
