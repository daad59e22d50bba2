// SPDX-License-Identifier: Apache-2.0
// Any bytes as the page of an identity provider: no crash, the limits hold, and what is sent of a
// form has no byte that a form does not have.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "runner/html_form.hpp"
#include "runner/url.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace slipway;
    auto forms = runner::find_forms({reinterpret_cast<const char*>(data), size});
    ASSERT(forms.size() <= limits::sso_forms_max);
    for (auto& form : forms) {
        ASSERT(form.fields.size() <= limits::sso_fields_max);
        const auto fields = runner::login_fields(form);
        ASSERT(fields.password == nullptr || fields.password->type == "password");
        const auto body = runner::form_body(form);
        for (const char c : body)
            ASSERT(c > ' ' && c < 0x7f);
        const auto target = runner::resolve_url("https://login.example.com/in", form.action);
        ASSERT(!target || target->starts_with("http"));
    }
    return 0;
}
