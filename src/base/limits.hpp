// SPDX-License-Identifier: Apache-2.0
// Every limit on what comes from outside, in one place. Sizes are bytes unless the name says
// otherwise. Each has a test that reaches it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace slipway::limits {

using namespace std::chrono_literals;

// JSON and HTTP
inline constexpr std::size_t json_depth_max = 32;
inline constexpr std::size_t request_body_max = 1024 * 1024;
inline constexpr std::size_t import_body_max = 64 * 1024 * 1024;
inline constexpr std::size_t request_header_max = 16 * 1024;
inline constexpr std::size_t attachment_max = 64 * 1024 * 1024;
inline constexpr std::size_t blob_chunk = 256 * 1024;
inline constexpr std::size_t page_size_max = 200;
inline constexpr std::size_t page_size_default = 50;
inline constexpr std::size_t connections_max = 1024;
inline constexpr auto request_timeout = 30s;
inline constexpr auto idle_timeout = 60s;

// Text fields
inline constexpr std::size_t title_max = 200;
inline constexpr std::size_t text_max = 4000;
inline constexpr std::size_t paragraph_max = 20000;
inline constexpr std::size_t name_max = 255;
inline constexpr std::size_t url_max = 2000;
inline constexpr std::size_t list_max = 200;

// Records of one change
inline constexpr std::size_t attachments_per_change_max = 500;
inline constexpr std::size_t runs_per_change_max = 200;
inline constexpr std::size_t state_document_max = 4 * 1024 * 1024;
inline constexpr std::size_t event_body_max = 256 * 1024;

// Workflows, policies, runbooks
inline constexpr std::size_t yaml_file_max = 1024 * 1024;
inline constexpr std::size_t yaml_depth_max = 32;
inline constexpr std::size_t yaml_nodes_max = 100000;
inline constexpr std::size_t runbook_file_max = 1024 * 1024;
inline constexpr std::size_t runbook_steps_max = 500;
inline constexpr std::size_t smoke_checks_max = 200;
inline constexpr std::size_t transcript_max = 4 * 1024 * 1024;
inline constexpr std::size_t transcript_line_max = 4000;

// Expressions (jq)
inline constexpr std::size_t expression_max = 4000;
inline constexpr auto expression_timeout = 200ms;

// Work
inline constexpr std::size_t commit_batch_max = 256;
inline constexpr std::size_t commit_queue_max = 4096;
inline constexpr int task_attempts_max = 8;
inline constexpr int decide_retries_max = 16;

} // namespace slipway::limits
