// SPDX-License-Identifier: Apache-2.0
// The connectors that a tenant has set up are records; the port of connectors wants them as
// instances.
#pragma once

#include "app/door.hpp"
#include "app/ports/connectors.hpp"

namespace slipway {

class RecordedInstances final : public app::ConnectorInstances {
  public:
    explicit RecordedInstances(app::Door& door) : door_(door) {}

    Result<std::vector<app::ConnectorInstance>> of(const TenantId& tenant) override;

  private:
    app::Door& door_;
};

} // namespace slipway
