// SPDX-License-Identifier: Apache-2.0
#include "domain/identity/roles.hpp"

#include <algorithm>

namespace slipway::domain {

namespace {

using enum Permission;

constexpr std::array administrator{
    change_read, record_write, audit_read, people_manage, system_manage};
constexpr std::array change_manager{change_read,   change_write, change_run, change_approve,
                                    change_manage, record_write, audit_read};
constexpr std::array cab_chair{change_read, change_write, change_approve, change_manage};
constexpr std::array cab_member{change_read, change_write, change_approve};
constexpr std::array engineer{change_read, change_write, change_run, record_write};
constexpr std::array on_call{change_read, change_write, change_run};
constexpr std::array auditor{change_read, audit_read};
constexpr std::array viewer{change_read};
constexpr std::array runner{change_read, change_run};
constexpr std::array probe{smoke_probe};

} // namespace

std::span<const Permission> permissions_of(Role role) {
    switch (role) {
    case Role::administrator:
        return administrator;
    case Role::change_manager:
        return change_manager;
    case Role::cab_chair:
        return cab_chair;
    case Role::cab_member:
        return cab_member;
    case Role::engineer:
        return engineer;
    case Role::on_call:
        return on_call;
    case Role::auditor:
        return auditor;
    case Role::viewer:
        return viewer;
    case Role::runner:
        return runner;
    case Role::probe:
        return probe;
    }
    return {};
}

bool grants(std::span<const Role> roles, Permission permission) {
    return std::any_of(roles.begin(), roles.end(), [&](Role role) {
        const auto granted = permissions_of(role);
        return std::find(granted.begin(), granted.end(), permission) != granted.end();
    });
}

} // namespace slipway::domain
