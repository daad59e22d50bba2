// SPDX-License-Identifier: Apache-2.0
#include "runner/html_form.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>

#include "base/ascii.hpp"
#include "base/limits.hpp"
#include "runner/http_fetch.hpp"

namespace slipway::runner {

namespace {

constexpr std::string_view blanks = " \t\r\n\f";

void append_character(std::string& out, std::uint32_t code) {
    if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        code = 0xfffd; // as browsers do
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xc0 | (code >> 6));
        out += static_cast<char>(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        out += static_cast<char>(0xe0 | (code >> 12));
        out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (code & 0x3f));
    } else {
        out += static_cast<char>(0xf0 | (code >> 18));
        out += static_cast<char>(0x80 | ((code >> 12) & 0x3f));
        out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (code & 0x3f));
    }
}

// "amp", "#38" or "#x26"; false for a name that is not known.
bool append_entity(std::string& out, std::string_view name) {
    static const std::map<std::string_view, char> known{
        {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    if (const auto found = known.find(name); found != known.end()) {
        out += found->second;
        return true;
    }
    if (!name.starts_with('#'))
        return false;
    name.remove_prefix(1);
    const bool hexadecimal = name.starts_with('x') || name.starts_with('X');
    name.remove_prefix(hexadecimal ? 1 : 0);
    std::uint32_t code = 0;
    const auto* end = name.data() + name.size();
    const auto read = std::from_chars(name.data(), end, code, hexadecimal ? 16 : 10);
    if (read.ec != std::errc() || read.ptr != end)
        return false;
    append_character(out, code);
    return true;
}

std::string decoded(std::string_view text) {
    constexpr std::size_t entity_max = 12;
    std::string out;
    while (!text.empty()) {
        const auto mark = std::min(text.find('&'), text.size());
        out += text.substr(0, mark);
        text.remove_prefix(mark);
        if (text.empty())
            break;
        const auto end = text.substr(0, entity_max).find(';');
        if (end != std::string_view::npos && append_entity(out, text.substr(1, end - 1))) {
            text.remove_prefix(end + 1);
            continue;
        }
        out += '&';
        text.remove_prefix(1);
    }
    return out;
}

struct Tag {
    std::string name; // lower case; "/form" for an end
    std::map<std::string, std::string> attributes;

    std::string get(const std::string& attribute) const {
        const auto found = attributes.find(attribute);
        return found == attributes.end() ? std::string() : found->second;
    }
};

void skip_blanks(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
}

// Up to one of these characters, or the end.
std::string_view take_until(std::string_view& text, std::string_view ends) {
    const auto taken = text.substr(0, text.find_first_of(ends));
    text.remove_prefix(taken.size());
    return taken;
}

std::string take_value(std::string_view& text) {
    if (text.empty() || (text.front() != '"' && text.front() != '\''))
        return decoded(take_until(text, " \t\r\n\f>"));
    const char quote = text.front();
    text.remove_prefix(1);
    const auto value = take_until(text, {&quote, 1});
    text.remove_prefix(std::min<std::size_t>(1, text.size()));
    return decoded(value);
}

// What stands behind "<"; the text goes on behind ">".
Tag take_tag(std::string_view& text) {
    Tag tag;
    tag.name = ascii_lower(take_until(text, " \t\r\n\f>"));
    if (tag.name.size() > 1 && tag.name.ends_with('/'))
        tag.name.pop_back();
    for (;;) {
        text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n\f/"), text.size()));
        if (text.empty())
            return tag;
        if (text.front() == '>') {
            text.remove_prefix(1);
            return tag;
        }
        auto name = ascii_lower(take_until(text, "= \t\r\n\f/>"));
        skip_blanks(text);
        std::string value;
        if (text.starts_with('=')) {
            text.remove_prefix(1);
            skip_blanks(text);
            value = take_value(text);
        }
        // The first of two counts.
        if (tag.attributes.size() < limits::sso_fields_max)
            tag.attributes.emplace(std::move(name), std::move(value));
    }
}

// Behind the end of an element whose content is no markup.
void skip_content(std::string_view& text, const std::string& name) {
    const auto end = "</" + name;
    while (!text.empty()) {
        text.remove_prefix(std::min(text.find('<'), text.size()));
        if (ascii_lower(text.substr(0, end.size())) == end)
            return;
        text.remove_prefix(std::min<std::size_t>(1, text.size()));
    }
}

void add_field(HtmlForm& form, const Tag& tag) {
    HtmlField field{ascii_lower(tag.get("type")), tag.get("name"), tag.get("value")};
    if (field.type.empty())
        field.type = tag.name == "button" ? "submit" : "text";
    const bool ticked = field.type == "checkbox" || field.type == "radio";
    if (field.name.empty() || tag.attributes.contains("disabled") ||
        (ticked && !tag.attributes.contains("checked")))
        return;
    if (ticked && !tag.attributes.contains("value"))
        field.value = "on";
    if (form.fields.size() < limits::sso_fields_max)
        form.fields.push_back(std::move(field));
}

} // namespace

std::vector<HtmlForm> find_forms(std::string_view html) {
    std::vector<HtmlForm> forms;
    bool inside = false;
    while (true) {
        html.remove_prefix(std::min(html.find('<'), html.size()));
        if (html.empty())
            return forms;
        if (html.starts_with("<!--")) {
            const auto end = html.find("-->", 4);
            html.remove_prefix(end == std::string_view::npos ? html.size() : end + 3);
            continue;
        }
        html.remove_prefix(1);
        const auto tag = take_tag(html);
        if (tag.name == "script" || tag.name == "style" || tag.name == "textarea" ||
            tag.name == "title") {
            skip_content(html, tag.name);
        } else if (tag.name == "form" && !inside) {
            if (forms.size() >= limits::sso_forms_max)
                return forms;
            forms.push_back({tag.get("action"), ascii_lower(tag.get("method")) == "post", {}});
            inside = true;
        } else if (tag.name == "/form") {
            inside = false;
        } else if (inside && (tag.name == "input" || tag.name == "button")) {
            add_field(forms.back(), tag);
        }
    }
}

LoginFields login_fields(HtmlForm& form) {
    LoginFields found;
    for (auto& field : form.fields) {
        if (field.type == "password") {
            if (found.password != nullptr)
                return {}; // a form that sets a new one
            found.password = &field;
        } else if (found.password == nullptr && (field.type == "text" || field.type == "email" || field.type == "tel")) {
            found.user = &field;
        }
    }
    return found;
}

std::string form_body(const HtmlForm& form) {
    std::string body;
    bool submitted = false;
    for (const auto& field : form.fields) {
        const bool button = field.type == "submit" || field.type == "image";
        if (field.type == "button" || field.type == "reset" || field.type == "file" ||
            (button && submitted))
            continue;
        submitted = submitted || button;
        body +=
            (body.empty() ? "" : "&") + url_encoded(field.name) + "=" + url_encoded(field.value);
    }
    return body;
}

} // namespace slipway::runner
