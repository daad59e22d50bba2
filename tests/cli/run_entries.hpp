// SPDX-License-Identifier: Apache-2.0
// Entries of a change as the server tells them to who follows a run: those that are there, and
// those that come while he looks on. The second of their time is their number.
#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

namespace slipway::test {

inline std::string run_entry(int seq, std::string_view type, std::string_view data) {
    return fmt::format(
        R"({{"seq":{},"entry":{{"type":"{}","at":"2026-11-22T18:00:0{}.000Z","actor":"ben",)"
        R"("data":{}}}}})",
        seq, type, seq, data
    );
}

inline std::string streamed_entry(int seq, std::string_view type, std::string_view data) {
    return fmt::format(
        "id: {}\ndata: {{\"type\":\"{}\",\"at\":\"2026-11-22T18:00:0{}.000Z\","
        "\"actor\":\"ben\",\"data\":{}}}\n\n",
        seq, type, seq, data
    );
}

inline const std::string run_started =
    run_entry(1, "run_started", R"({"run":{"id":"run-1","purpose":"deployment"}})");

} // namespace slipway::test
