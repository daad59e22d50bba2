// SPDX-License-Identifier: Apache-2.0
// Request bodies from the command line, driven by the JSON Schema of the body: each property is an
// option, so a field that the server learns is a field that the command line has. What is checked
// here is only the shape of the text (a number, one of the names, JSON); rules are the server's.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "cli/command.hpp"

namespace slipway::cli {

// How a property stands on the command line. text_file is long text, which --{name}_file can read
// from a file; digest has --file (--{name}_file unless the property is called digest), whose file
// is uploaded first; document is JSON or @file.json.
enum class FieldKind : unsigned char { text, text_file, digest, number, truth, list, document };

FieldKind kind_of(const Json& property);

// The options of a schema's properties, without those named in `except`, and --json_body.
std::vector<Option>
body_options(const Json& schema, const std::vector<std::string_view>& except = {});

// Uploads a file and returns its digest in hexadecimal.
using Upload = std::function<Result<std::string>(const std::string& path)>;

// The body: --json_body first, then what the options say. Errors: those of options,
// also for required members that are missing; those of reading files and of the upload.
Result<Json> body_of(
    const Json& schema, const Arguments& arguments, std::istream& in, const Upload& upload,
    const std::vector<std::string_view>& except = {}
);

} // namespace slipway::cli
