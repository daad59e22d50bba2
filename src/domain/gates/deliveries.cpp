// SPDX-License-Identifier: Apache-2.0
#include "domain/gates/deliveries.hpp"

namespace slipway::domain::gates {

std::string how_to_deliver(const Notice& notice, const Delivery& delivery, const Facts& facts) {
    const auto channel = facts.records->channels.find(delivery.channel);
    const auto again = fmt::format("send_notice --kind {}", to_text(notice.kind));
    if (channel == facts.records->channels.end())
        return "Put the channel's record back, then send the notice again with " + again;
    if (delivery.state == DeliveryState::failed)
        return "Mend the channel and send the notice again with " + again;
    if (channel->second.connector == "external")
        return fmt::format(
            "Send it, then say so with report_delivery --notice {} --channel {} --state delivered",
            notice.id, delivery.channel
        );
    return fmt::format(
        "Wait: {} is sending it, and slipway task list shows what it does; a second notice would "
        "reach people twice",
        channel->second.connector
    );
}

} // namespace slipway::domain::gates
