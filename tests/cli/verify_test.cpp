// SPDX-License-Identifier: Apache-2.0
// slipway verify: which hook looks, and how its report is shown.
#include "cli_fixture.hpp"

namespace slipway::test {

namespace {

TEST_F(CliTest, EvidenceIsVerifiedThroughTheHooks) {
    const auto file = write("CHG-1.zip", "PK");
    local.verify_bundle = [](const std::string&, const std::string& key) -> Result<Json> {
        return *parse_json(fmt::format(
            R"({{"change":"CHG-1","entries":40,"attachments":2,"checkpoint_size":90,)"
            R"("key":"k","key_trusted":{},"findings":[]}})",
            !key.empty()
        ));
    };
    local.verify_data_directory = [](const std::string&, const std::string&) -> Result<Json> {
        return *parse_json(
            R"({"entries":9,"checkpoints":1,"signed_entries":7,"root":"ab","findings":[)"
            R"({"seq_from":3,"seq_to":3,"kind":"altered","message":"is not what was hashed"}]})"
        );
    };
    local.verify_postgres = [](const std::string& conninfo, const std::string&) -> Result<Json> {
        EXPECT_EQ(conninfo, "dbname=slipway");
        return *parse_json(R"({"entries":9,"attachments":4,"findings":[]})");
    };
    EXPECT_EQ(run({"verify"}), 64);
    EXPECT_EQ(run({"verify", file, "--postgres", "dbname=slipway"}), 64);
    EXPECT_EQ(run({"verify", "--postgres", "dbname=slipway"}), 0);
    EXPECT_NE(out.str().find("4 attachments"), std::string::npos);
    EXPECT_EQ(run({"verify", file, "--key", "k"}), 0);
    EXPECT_NE(out.str().find("the key you gave"), std::string::npos);
    local.verify_bundle = [](const std::string&, const std::string&) -> Result<Json> {
        return *parse_json(R"({"change":"CHG-1","entries":40,"attachments":2,"key":"k",)"
                           R"("findings":[{"file":"key.txt","kind":"untrusted_key","message":""}]})"
        );
    };
    EXPECT_EQ(run({"verify", file, "--key", "k"}), 6);
    EXPECT_NE(out.str().find("NOT signed by the key you gave"), std::string::npos);
    EXPECT_EQ(run({"verify", folder.string()}), 6);
    EXPECT_EQ(
        out.str(), "9 entries, 7 of them covered by a signed checkpoint (1 checkpoints hold), "
                   "0 attachments\n"
                   "root ab\n"
                   "  altered  entry 3: is not what was hashed\n"
                   "not intact\n"
    );
}

// Who reads the evidence of a training server sees that it is one.
TEST_F(CliTest, VerifySaysOfWhatKindOfServerItIs) {
    const auto file = write("CHG-1.zip", "PK");
    std::string mode;
    local.verify_bundle = [&](const std::string&, const std::string&) -> Result<Json> {
        return *parse_json(fmt::format(R"({{"change":"CHG-1","entries":4{}}})", mode));
    };
    local.verify_data_directory = [&](const std::string& path, const std::string&) -> Result<Json> {
        EXPECT_EQ(path, folder.string());
        return *parse_json(fmt::format(R"({{"entries":4{}}})", mode));
    };
    const auto says = [&](const std::string& path) {
        EXPECT_EQ(run({"verify", path}), 0);
        return out.str();
    };
    const auto database = write("slipway.db", "SQLite format 3");
    EXPECT_NE(says(file).find("whether it is of a sandbox is not told"), std::string::npos);
    EXPECT_EQ(says(folder.string()).find("sandbox"), std::string::npos);
    mode = R"(,"mode":"sandbox")";
    for (const auto& path : {file, folder.string(), database})
        EXPECT_NE(says(path).find("of a sandbox: its clock could be"), std::string::npos) << path;
    mode = R"(,"mode":"production")";
    for (const auto& path : {file, folder.string(), database})
        EXPECT_NE(says(path).find("of a production server"), std::string::npos) << path;
}

} // namespace

} // namespace slipway::test
