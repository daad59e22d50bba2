// SPDX-License-Identifier: Apache-2.0
// Secrets by reference, resolved when a call is made and forgotten when it ends. Expressions only
// ever see a *mark* in a secret's place, an unguessable word made for this one call; the mark is
// exchanged for the secret in the finished header, body, query or environment and nowhere else. So
// no mapping, no error of jq and no input text can carry a secret out. What a system says back is
// searched for the secrets before anybody reads it.
#pragma once

#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/confinement.hpp"
#include "base/json.hpp"
#include "base/random.hpp"

namespace slipway::connectors {

// What references and settings may reach on this machine. A ring reaches less than the server does
// (ring_secrets.hpp).
struct SecretPolicy {
    // `file:` paths stand below one of these after symbolic links are followed.
    std::vector<std::string> secret_folders = {"/etc/slipway/secrets", "/run/secrets"};
    // `env:` names begin so; the server's own environment is nobody's secret store. Empty: there is
    // no such name.
    std::string environment_prefix = "SLIPWAY_SECRET_";
    // Programs of `command:` references and of settings of type `program` stand below one of these.
    std::vector<std::string> program_folders = {};
    // Files of the server's own, which are nobody's secrets wherever they lie: what opens the
    // database that holds the ledger and its key.
    std::vector<std::string> withheld = {};
    // What a program of a `command:` reference sees, besides its folders for secrets; or why no
    // program can be run. A ring's record gives it its arguments.
    Result<Confinement> confinement = {};
};

// Whether the text is a reference that the policy allows; does not resolve it.
Result<void> check_reference(std::string_view reference, const SecretPolicy& policy);

// file:/path (first trailing line end removed), env:NAME, command:/program arguments (split at
// spaces, no shell). Errors: unavailable (at a stop too) or invalid_input; they hold no value.
Result<std::string> resolve_reference(
    std::string_view reference, const SecretPolicy& policy, const std::stop_token& stop = {}
);

// Whether a path stands below one of the folders, symbolic links followed where it exists.
bool is_below(const std::string& path, const std::vector<std::string>& folders);

class Secrets {
  public:
    explicit Secrets(Random& random) : nonce_(to_nonce(random)) {}

    // Takes a secret and returns the mark that stands for it.
    std::string add(std::string_view name, std::string secret);

    using Encode = std::function<std::string(std::string_view)>;
    // The text with every mark exchanged for its secret; `encode` is applied to the secret first.
    std::string reveal(std::string_view text, const Encode& encode = {}) const;
    // Every text inside the value, keys aside.
    Json reveal(const Json& value) const;
    bool has_mark(std::string_view text) const;
    // The text with every secret exchanged for "[secret]", in whatever form (secret_forms.hpp).
    std::string redact(std::string text) const;
    Json redact(const Json& value) const;

  private:
    struct Known {
        std::string secret;
        std::vector<std::string> forms;
    };

    static std::string to_nonce(Random& random);

    std::string nonce_;
    std::map<std::string, Known> by_mark_;
};

} // namespace slipway::connectors
