// SPDX-License-Identifier: Apache-2.0
// The rows of each resource; all_routes() is the whole API in the order of its document. The
// services must outlive the rows. `openapi` is filled after the rows are known.
#pragma once

#include "http/route.hpp"
#include "http/services.hpp"

namespace slipway::http {

void add_changes(Routes& routes, Services& services);
void add_records(Routes& routes, Services& services);
void add_rings(Routes& routes, Services& services);
void add_attachments(Routes& routes, Services& services);
void add_ledger(Routes& routes, Services& services);
void add_identity(Routes& routes, Services& services);
void add_snapshots(Routes& routes, Services& services);
void add_tasks(Routes& routes, Services& services);
void add_probes(Routes& routes, Services& services);
void add_stream(Routes& routes, Services& services);
void add_system(Routes& routes, Services& services, const std::string& openapi);

Routes all_routes(Services& services, const std::string& openapi);

// The OpenAPI 3.1 document of the rows, indented, ending with a newline.
std::string openapi_document(const Routes& routes, std::string_view version);

} // namespace slipway::http
