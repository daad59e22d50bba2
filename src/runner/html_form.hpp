// SPDX-License-Identifier: Apache-2.0
// The forms of an HTML page, as far as a login needs them: where each goes, its fields, and what
// stands in them. A page is anybody's bytes: what is not understood is passed over, and nothing is
// run. Forms that a script would build are not seen. Limits: sso_forms_max and sso_fields_max; what
// is beyond them is left out. Internal to src/runner.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::runner {

struct HtmlField {
    std::string type; // lower case: "text", "password", "hidden", "submit" ...
    std::string name;
    std::string value;
};

struct HtmlForm {
    std::string action; // as it stands there; empty: the page itself
    bool post = false;
    std::vector<HtmlField> fields; // those with a name, in their order
};

std::vector<HtmlForm> find_forms(std::string_view html);

// Which fields of a form take who signs in; nullptr: none does.
struct LoginFields {
    HtmlField* user = nullptr;     // the last field before the password that a user could be
    HtmlField* password = nullptr; // the only one of its kind
};

LoginFields login_fields(HtmlForm& form);

// The form as it is sent when it is submitted by its first button (application/x-www-form-
// urlencoded).
std::string form_body(const HtmlForm& form);

} // namespace slipway::runner
