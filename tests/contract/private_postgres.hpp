// SPDX-License-Identifier: Apache-2.0
// A PostgreSQL server of the tests' own: made with initdb in a temporary directory, listening on a
// unix socket in it and nowhere else, and ended by its process id when the object goes, or by the
// system when the test is killed. As root it runs as the user postgres or nobody, because it
// refuses to run as root.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "base/result.hpp"

namespace slipway::contract {

class PrivatePostgres {
  public:
    static Result<std::unique_ptr<PrivatePostgres>> start();
    ~PrivatePostgres();
    PrivatePostgres(const PrivatePostgres&) = delete;
    PrivatePostgres& operator=(const PrivatePostgres&) = delete;

    // Makes a database and gives its connection string.
    Result<std::string> new_database();

    // Stops the server at once and starts it again, as a failing machine would.
    Result<void> restart();

  private:
    PrivatePostgres() = default;
    Result<void> launch();
    void stop(int signal);
    std::string conninfo(const std::string& database) const;

    std::string directory_;
    pid_t pid_ = -1;
    int databases_ = 0;
};

} // namespace slipway::contract
