// SPDX-License-Identifier: Apache-2.0
// Finds the row for a method and a path: a tree over segments, literal names before parameters.
// Built once; find() is read-only and may run on any thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/route.hpp"

namespace slipway::http {

struct Match {
    const Route* route = nullptr;                  // null: not found, or found with other methods
    std::vector<std::string_view> parameters = {}; // views into the target
    std::string allow = {}; // for 405 and OPTIONS: "GET, HEAD"; empty when there is no such path
};

class Router {
  public:
    // Two rows with one method and path, or one operation id, are a mistake of ours (ASSERT).
    explicit Router(Routes routes);

    const Routes& routes() const { return routes_; }

    Match find(Method method, const std::vector<std::string>& segments) const;

  private:
    struct Node {
        std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
        std::unique_ptr<Node> parameter;
        std::vector<const Route*> routes; // at most one a method
    };

    void add(const Route& route);
    static const Node* descend(
        const Node& node, const std::vector<std::string>& segments, std::size_t depth,
        std::vector<std::string_view>& parameters
    );

    Routes routes_;
    Node root_;
};

} // namespace slipway::http
