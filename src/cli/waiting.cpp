// SPDX-License-Identifier: Apache-2.0
#include "cli/waiting.hpp"

#include <algorithm>
#include <ostream>

#include <fmt/format.h>

#include "base/limits.hpp"

namespace slipway::cli {

bool is_passing(const Error& error) {
    return error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout ||
           error.code == ErrorCode::limit_exceeded;
}

std::vector<Option> wait_options() {
    return {
        flag("wait", "wait for the report; exit 0 only when it is good, 6 when it is not"),
        valued("timeout", "SPAN", "with --wait: at most this long, then exit 8; 30m by default"),
    };
}

Result<Json> wait_for_report(
    const Context& context, const Arguments& arguments, const std::string& what,
    const std::function<Result<std::optional<Json>>()>& look
) {
    const auto most = span_from_text(arguments.text("timeout", "30m"));
    if (!most)
        return fail_option("timeout", most.error().message);
    const Time deadline = context.around.clock.now() + *most;
    if (!context.quiet)
        context.around.err << fmt::format("waiting for {}\n", clean(what)) << std::flush;
    for (;;) {
        auto found = look();
        if (!found && !is_passing(found.error()))
            return tl::unexpected(found.error());
        if (found && *found)
            return **std::move(found);
        const Span left = std::chrono::duration_cast<Span>(deadline - context.around.clock.now());
        const auto pause = std::min<Span>(limits::cli_wait_min, left);
        if (left <= Span::zero() || !context.around.wait(pause))
            return fail(
                ErrorCode::timeout,
                fmt::format(
                    "{} did not come within {}; slipway task list shows whether it is still tried",
                    what, to_text(*most)
                )
            );
    }
}

} // namespace slipway::cli
