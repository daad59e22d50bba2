// SPDX-License-Identifier: Apache-2.0
// Puts "[secret]" in the place of secrets in a stream of bytes, also where a secret comes in
// several pieces, spans lines or overlaps another. Only what may be the beginning of a secret is
// held back, so that lines stay live. Where the stream ends, the beginning of a secret is masked
// when it has beginning_min bytes or more, or more than half of the secret. Texts below
// secret_shown_min bytes are not looked for. Of a secret of several lines each line is a secret
// too (base/secret_lines.hpp). Internal to src/runner.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::runner {

class Mask {
  public:
    static constexpr std::size_t beginning_min = 8;

    explicit Mask(const std::vector<std::string>& secrets = {});

    // Nothing is looked for: what is taken comes back as it is.
    bool empty() const { return texts_.empty(); }

    // What can be shown now of all that was taken so far.
    std::string take(std::string_view bytes);
    // The rest, and so the end of the stream.
    std::string finish();
    // A whole text at once, beside the stream.
    std::string hide(std::string_view text) const;

  private:
    struct Found {
        std::size_t length = 0; // of the longest secret that begins here
        bool open = false;      // more bytes could make it a (longer) one
        bool tells = false;     // if no more come, it is too much of one to be shown
    };

    Found look(std::string_view bytes) const;
    std::string show(bool last);

    std::vector<std::string> texts_;                     // the longest first
    std::array<std::vector<std::uint32_t>, 256> begins_; // by their first byte
    std::bitset<65536> pairs_;                           // their first two bytes
    std::string held_;
    std::size_t covered_ = 0; // bytes at the front of held_ that belong to a secret already shown
};

} // namespace slipway::runner
