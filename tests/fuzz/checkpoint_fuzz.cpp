// SPDX-License-Identifier: Apache-2.0
// Notes, keys, checkpoints and the heads of entries: what is accepted must be written again as the
// same bytes.
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/assert.hpp"
#include "domain/ledger/checkpoint.hpp"
#include "domain/ledger/envelope.hpp"
#include "domain/ledger/note.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace slipway::domain;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    if (const auto checkpoint = parse_checkpoint(input))
        ASSERT(checkpoint_text(*checkpoint) == input);
    if (const auto key = verifier_key_from_text(input))
        ASSERT(key_text(*key) == input);
    if (const auto key = signing_key_from_text(input))
        ASSERT(key_text(*key) == input);
    if (const auto note = parse_note(input)) {
        ASSERT(input.starts_with(note->text) && !note->signatures.empty());
        static const auto key = make_signing_key("slipway.example/ledger", KeyBytes{1}).value();
        const auto text = verify_note(input, key.verifier);
        ASSERT(!text || *text == note->text);
        ASSERT(verify_note(sign_note(note->text, key), key.verifier).value() == note->text);
    }
    if (const auto envelope = scan_envelope(input))
        ASSERT(input.starts_with(write_envelope(*envelope)));
    return 0;
}
