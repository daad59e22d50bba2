// SPDX-License-Identifier: Apache-2.0
// The lines of running steps between the entries of the ledger: none is left out, none comes twice.
#include "server_fixture.hpp"

namespace slipway::test {

namespace {

// A change whose steps run, and those who look on.
class Looking : public ServerTest {
  protected:
    void SetUp() override {
        ServerTest::SetUp();
        writer = client("engineer");
        path =
            writer->request("POST", "/api/v1/changes", R"({"title":"x"})").headers.at("location");
        change = path.substr(path.rfind('/') + 1);
        bearer = session("viewer");
        step = {TenantId("main"), change, "run-1", "drain", 1};
    }

    // An entry about the step; its position.
    std::uint64_t report(std::string_view state, const std::string& transcript = {}) {
        return report(step, state, transcript);
    }

    std::uint64_t
    report(const app::RunningStep& of, std::string_view state, const std::string& transcript = {}) {
        std::string kept;
        if (!transcript.empty()) {
            const std::lock_guard lock(store.mutex);
            store.blobs[sha256(transcript)] = transcript;
            kept = fmt::format(R"(,"transcript":"{}")", sha256(transcript).hex());
        }
        app::StreamWrite write;
        write.key = {TenantId("main"), "change", change};
        const auto known = store.load(write.key);
        write.expected_version = known->version;
        write.state = known->state;
        write.events.push_back(
            {"run_step_reported",
             clock.now(),
             fmt::format(
                 R"({{"data":{{"run":"run-1","step":{{"name":"{}","state":"{}","attempts":{}{}}}}}}})",
                 of.step, state, of.attempt, kept
             ),
             {}}
        );
        app::Commit commit;
        commit.writes.push_back(std::move(write));
        EXPECT_TRUE(store.commit(std::move(commit)).has_value());
        return store.ledger_size().value() - 1;
    }

    std::unique_ptr<Client> look(const std::string& query, const std::string& header = {}) {
        auto c = client();
        c->send(fmt::format(
            "GET /api/v1/events/stream?change={}&transcript=true{} HTTP/1.1\r\nHost: x\r\n"
            "Authorization: Bearer {}\r\n{}\r\n",
            change, query, bearer, header
        ));
        c->receive_until(": connected\n\n");
        return c;
    }

    static std::string line(int number) {
        return fmt::format("2026-11-22T20:00:00.00{}Z line {}\n", number, number);
    }

    static std::string event(const std::string& id, int number, std::string_view of = "drain") {
        return fmt::format(
            "id: {}\nevent: transcript_line\ndata: "
            "{{\"type\":\"transcript_line\",\"run\":\"run-1\","
            "\"step\":\"{}\",\"at\":\"2026-11-22T20:00:00.00{}Z\",\"text\":\"line {}\"}}\n\n",
            id, of, number, number
        );
    }

    std::unique_ptr<Client> writer;
    std::string path;
    std::string change;
    std::string bearer;
    app::RunningStep step;
    const std::size_t size = line(1).size();
};

TEST_F(Looking, lines_of_a_running_step_reach_those_who_look_on) {
    const auto began = report("running");
    live.begin(step);
    live.add(step, line(1)); // before anybody looked
    const auto c = look("");
    EXPECT_EQ(c->receive_until("\n\n"), event(fmt::format("{0}.{0}.{1}", began, size), 1));
    auto foreign = step;
    foreign.tenant = TenantId("other");
    live.begin(foreign);
    live.add(foreign, line(9));
    live.add(step, "2026-11-22T20:00:00.002Z a \"quoted\" line\n");
    EXPECT_NE(c->receive_until("\n\n").find(R"(a \"quoted\" line)"), std::string::npos);
    writer->request("POST", path + "/rename", R"({"title":"y"})");
    EXPECT_NE(c->receive_until("\n\n").find("event: change_rename"), std::string::npos);
    auto refused = client("viewer");
    EXPECT_EQ(refused->request("GET", "/api/v1/events/stream?transcript=true").status, 400);
    EXPECT_EQ(
        refused->request("GET", "/api/v1/events/stream?change=CHG-1&transcript=yes").status, 400
    );
    for (const auto* id : {"1.2", "1.2.3.4", "1..3", "x.1.2"})
        EXPECT_EQ(
            refused->request("GET", fmt::format("/api/v1/events/stream?after={}", id)).status, 400
        ) << id;
}

// The server was killed while the step ran; the next one knows its lines from the entry alone.
TEST_F(Looking, the_lines_of_a_step_have_no_gap_after_a_restart) {
    const auto began = report("running");
    live.begin(step);
    live.add(step, line(1) + line(2));
    const auto c = look(fmt::format("&after={}", began - 1));
    EXPECT_NE(c->receive_until("\n\n").find("\"running\""), std::string::npos);
    const auto first = fmt::format("{0}.{0}.{1}", began, size);
    EXPECT_EQ(c->receive_until("\n\n"), event(first, 1));
    live.end(step);
    const auto ended = report("unknown", line(1) + line(2) + line(3));
    const auto resumed = look("", fmt::format("Last-Event-ID: {}\r\n", first));
    EXPECT_EQ(
        resumed->receive_until("\n\n"), event(fmt::format("{0}.{0}.{1}", began, 2 * size), 2)
    );
    EXPECT_EQ(
        resumed->receive_until("\n\n"), event(fmt::format("{0}.{0}.{1}", began, 3 * size), 3)
    );
    EXPECT_TRUE(resumed->receive_until("\n\n").starts_with(fmt::format("id: {}", ended)));
    // Who saw all of them gets none again, and an entry between them is a place like any other.
    step.attempt = 2;
    const auto again = report("running");
    writer->request("POST", path + "/rename", R"({"title":"y"})");
    const auto renamed = store.ledger_size().value() - 1;
    report("succeeded", line(4) + line(5));
    const auto late = look("", fmt::format("Last-Event-ID: {}.{}.{}\r\n", renamed, again, size));
    EXPECT_EQ(
        late->receive_until("\n\n"), event(fmt::format("{}.{}.{}", renamed, again, 2 * size), 5)
    );
}

TEST_F(Looking, lines_of_steps_that_run_at_the_same_time_are_told_apart_and_none_is_lost) {
    auto other = step;
    other.step = "switch";
    const auto first = report(step, "running");
    const auto second = report(other, "running");
    live.begin(step);
    live.begin(other);
    live.add(step, line(1));
    live.add(other, line(2) + line(3));
    const auto c = look("");
    const auto place = [&](std::uint64_t entry, std::size_t of_first, std::size_t of_second) {
        return fmt::format(
            "{}.{}.{}.{}.{}", entry, first, of_first * size, second, of_second * size
        );
    };
    EXPECT_EQ(c->receive_until("\n\n"), event(place(second, 1, 0), 1));
    EXPECT_EQ(c->receive_until("\n\n"), event(place(second, 1, 1), 2, "switch"));
    EXPECT_EQ(c->receive_until("\n\n"), event(place(second, 1, 2), 3, "switch"));
    // One ends; the other goes on, and its place with it.
    live.end(step);
    const auto ended = report(step, "succeeded", line(1) + line(4));
    EXPECT_EQ(c->receive_until("\n\n"), event(place(second, 2, 2), 4));
    EXPECT_TRUE(
        c->receive_until("\n\n").starts_with(fmt::format("id: {}.{}.{}\n", ended, second, 2 * size))
    );
    live.add(other, line(5));
    EXPECT_EQ(
        c->receive_until("\n\n"),
        event(fmt::format("{}.{}.{}", ended, second, 3 * size), 5, "switch")
    );
    // Whoever lost the connection in the middle of both goes on in the middle of both.
    const auto resumed = look("", fmt::format("Last-Event-ID: {}\r\n", place(second, 1, 1)));
    EXPECT_EQ(resumed->receive_until("\n\n"), event(place(second, 2, 1), 4));
    EXPECT_NE(resumed->receive_until("\n\n").find("\"succeeded\""), std::string::npos);
    EXPECT_EQ(
        resumed->receive_until("\n\n"),
        event(fmt::format("{}.{}.{}", ended, second, 2 * size), 3, "switch")
    );
}

TEST_F(Looking, a_long_transcript_comes_in_batches_and_whole) {
    std::string transcript;
    while (transcript.size() < 2 * limits::transcript_batch)
        transcript += line(1) + line(2) + line(3);
    const auto lines = transcript.size() / size;
    const auto began = report("running");
    report("succeeded", transcript);
    const auto c = look(fmt::format("&after={}", began - 1));
    const auto seen = c->receive_until("\"succeeded\"");
    std::size_t count = 0;
    for (auto at = seen.find("event: transcript_line"); at != std::string::npos;
         at = seen.find("event: transcript_line", at + 1))
        ++count;
    EXPECT_EQ(count, lines);
}

} // namespace

} // namespace slipway::test
