// SPDX-License-Identifier: Apache-2.0
#include "http/router.hpp"

#include <set>

#include "base/assert.hpp"

namespace slipway::http {

Router::Router(Routes routes) : routes_(std::move(routes)) {
    std::set<std::string_view> operations;
    for (const auto& route : routes_) {
        ASSERT(operations.insert(route.operation_id).second);
        add(route);
    }
}

void Router::add(const Route& route) {
    Node* node = &root_;
    const auto target = parse_target(route.path);
    ASSERT(target.has_value());
    for (const auto& segment : target->segments) {
        auto& next = segment.front() == '{' ? node->parameter : node->literals[segment];
        if (!next)
            next = std::make_unique<Node>();
        node = next.get();
    }
    for (const auto* known : node->routes)
        ASSERT(known->method != route.method);
    node->routes.push_back(&route);
}

const Router::Node* Router::descend(
    const Node& node, const std::vector<std::string>& segments, std::size_t depth,
    std::vector<std::string_view>& parameters
) {
    if (depth == segments.size())
        return node.routes.empty() ? nullptr : &node;
    if (const auto next = node.literals.find(segments[depth]); next != node.literals.end())
        if (const auto* found = descend(*next->second, segments, depth + 1, parameters))
            return found;
    if (!node.parameter)
        return nullptr;
    parameters.push_back(segments[depth]);
    if (const auto* found = descend(*node.parameter, segments, depth + 1, parameters))
        return found;
    parameters.pop_back();
    return nullptr;
}

Match Router::find(Method method, const std::vector<std::string>& segments) const {
    Match match;
    const auto* node = descend(root_, segments, 0, match.parameters);
    if (node == nullptr)
        return match;
    const Method wanted = method == Method::head ? Method::get : method;
    for (const auto* route : node->routes)
        if (route->method == wanted)
            match.route = route;
    if (match.route != nullptr)
        return match;
    for (const auto* route : node->routes) {
        match.allow += method_name(route->method);
        match.allow += route->method == Method::get ? ", HEAD, " : ", ";
    }
    match.allow += "OPTIONS";
    return match;
}

} // namespace slipway::http
