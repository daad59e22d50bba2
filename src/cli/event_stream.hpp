// SPDX-License-Identifier: Apache-2.0
// Server-sent events (WHATWG HTML, section 9.2) as the server writes them: id, event, data on one
// line each. Comments and unknown fields are passed over. An event larger than
// limits::cli_event_max ends the stream with an error, so a hostile server cannot fill the memory.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace slipway::cli {

struct StreamEvent {
    std::string id;
    std::string type;
    std::string data;
};

class EventReader {
  public:
    // `take` returns false when the caller has seen enough.
    explicit EventReader(std::function<bool(const StreamEvent&)> take) : take_(std::move(take)) {}

    // False when no more bytes are wanted: enough was seen, or an event was too large.
    bool add(std::string_view bytes);

    bool too_large() const { return too_large_; }

    bool enough() const { return enough_; }

    const std::string& last_id() const { return last_id_; }

    // A new connection begins with a new line.
    void restart();

  private:
    bool line(std::string_view text);

    std::function<bool(const StreamEvent&)> take_;
    std::string buffer_;
    StreamEvent event_;
    std::string last_id_;
    bool too_large_ = false;
    bool enough_ = false;
};

} // namespace slipway::cli
