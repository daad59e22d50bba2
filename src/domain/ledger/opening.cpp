// SPDX-License-Identifier: Apache-2.0
#include "domain/ledger/opening.hpp"

#include "domain/ledger/envelope.hpp"

namespace slipway::domain {

Result<LedgerOpening> read_opening(std::string_view entry) {
    const auto envelope = scan_envelope(entry);
    if (!envelope || envelope->type != opening_type)
        return fail(ErrorCode::invalid_input, "the first entry does not open a ledger");
    const auto json = TRY(parse_json(entry));
    const auto* data = find(json, "data");
    if (data == nullptr)
        return fail(ErrorCode::invalid_input, "the first entry has no data");
    return decode<LedgerOpening>(*data);
}

} // namespace slipway::domain
