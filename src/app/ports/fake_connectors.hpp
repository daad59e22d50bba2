// SPDX-License-Identifier: Apache-2.0
// Connectors for tests: answers are set beforehand, calls are kept. An operation that has no answer
// fails with not_found, so a test never passes on something that nobody said. The last answer set
// for an operation is repeated; earlier ones are used up in order.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "app/ports/connectors.hpp"

namespace slipway::app {

class FakeConnectors final : public Connectors {
  public:
    void answer(
        const std::string& connector, Capability capability, const std::string& operation,
        Result<Json> answer
    ) {
        const std::scoped_lock lock(mutex_);
        answers_[key(connector, capability, operation)].push_back(std::move(answer));
    }

    // fake.answer<BackupCheck>("vm-backup", BackupStatus{...});
    template <class Request>
    void answer(const std::string& connector, const typename Request::Answer& value) {
        answer(connector, Request::capability, std::string(Request::operation), to_json(value));
    }

    template <class Request>
    void fail_with(const std::string& connector, Error error) {
        answer(
            connector, Request::capability, std::string(Request::operation),
            tl::unexpected(std::move(error))
        );
    }

    // Is called once, while the next call is under way.
    void at_call(std::function<void()> meanwhile) {
        const std::scoped_lock lock(mutex_);
        meanwhile_ = std::move(meanwhile);
    }

    Result<Json> call(const ConnectorCall& call) override {
        if (const auto meanwhile = take_meanwhile())
            meanwhile();
        const std::scoped_lock lock(mutex_);
        calls_.push_back(call);
        const auto found = answers_.find(key(call.connector, call.capability, call.operation));
        if (found == answers_.end())
            return fail(ErrorCode::not_found, "no connector '" + call.connector + "'");
        auto& queue = found->second;
        auto answer = queue.front();
        if (queue.size() > 1)
            queue.pop_front();
        return answer;
    }

    Result<std::vector<ConnectorInfo>> list(const TenantId&) override {
        const std::scoped_lock lock(mutex_);
        std::map<std::string, ConnectorInfo> found;
        for (const auto& [where, queue] : answers_) {
            auto& info = found[where.connector];
            info.name = where.connector;
            info.system = "fake";
            info.title = "A fake for tests";
            info.capabilities[std::string(to_text(where.capability))].push_back(where.operation);
        }
        std::vector<ConnectorInfo> infos;
        for (auto& [name, info] : found)
            infos.push_back(std::move(info));
        return infos;
    }

    std::vector<SystemInfo> systems() override { return {}; }

    Result<void> check(const ConnectorInstance&) override { return {}; }

    std::vector<ConnectorCall> calls() const {
        const std::scoped_lock lock(mutex_);
        return calls_;
    }

  private:
    struct Where {
        std::string connector;
        Capability capability;
        std::string operation;
        auto operator<=>(const Where&) const = default;
    };

    static Where
    key(const std::string& connector, Capability capability, const std::string& operation) {
        return {connector, capability, operation};
    }

    std::function<void()> take_meanwhile() {
        const std::scoped_lock lock(mutex_);
        return std::exchange(meanwhile_, nullptr);
    }

    mutable std::mutex mutex_;
    std::function<void()> meanwhile_;
    std::map<Where, std::deque<Result<Json>>> answers_;
    std::vector<ConnectorCall> calls_;
};

} // namespace slipway::app
