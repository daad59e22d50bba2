// SPDX-License-Identifier: Apache-2.0
#include "base/yaml.hpp"

#include <gtest/gtest.h>

namespace slipway {
namespace {

std::string repeat(std::string_view text, std::size_t count) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i)
        all += text;
    return all;
}

TEST(Yaml, refuses_and_names_file_line_and_reason) {
    const struct {
        std::string text;
        std::string_view message;
    } rows[] = {
        {"", "f.yaml:1: the file is empty"},
        {"a: 1\nb: &x 2\n", "f.yaml:2: anchors"},
        {"a: 1\nb: *x\n", "f.yaml:2: not valid YAML: the referenced anchor is not defined"},
        {"a: &a [x]\nb: [*a, *a]\n", "f.yaml:1: anchors"},
        {"a: 1\n\na: 2\n", "f.yaml:3: duplicate key: a"},
        {"a: {b: 1, b: 2}\n", "f.yaml:1: duplicate key: b"},
        {"a: !!str 1\n", "f.yaml:1: explicit tags"},
        {"a: !x 1\n", "f.yaml:1: explicit tags"},
        {"a: 1\n---\nb: 2\n", "f.yaml:3: a second document"},
        {"a: [1, 2\n", "f.yaml:2: not valid YAML"},
        {"a: b: c\n", "f.yaml:1: not valid YAML"},
        {"a: \"x\n", "f.yaml:2: not valid YAML"},
        {"[a]: 1\n", "f.yaml:1: a name must be a text"},
        {"{a: 1}: 1\n", "f.yaml:1: a name must be a text"},
        {"a: 1\n~: 2\n", "f.yaml:2: a name is missing"},
        {"a: 99999999999999999999\n", "f.yaml:1: the number 99999999999999999999 does not fit"},
        {"a: 1e999\n", "f.yaml:1: the number 1e999 is out of range"},
        {"a: .inf\n", "f.yaml:1: the number .inf is not finite"},
        {"a: 1\nb: \xff\n", "f.yaml:2: not valid UTF-8"},
        {std::string("a: 1\nb: \0\n", 10), "f.yaml:2: not valid UTF-8"},
        {repeat("[", 40) + repeat("]", 40), "f.yaml:1: nested deeper than 32 levels"},
        {repeat("[", 100000), "f.yaml:1: "},
        {"[" + repeat("1,", limits::yaml_nodes_max) + "]", "f.yaml:1: more than 100000 nodes"},
        {"a: '" + repeat("x", limits::yaml_file_max) + "'", "f.yaml:1: 1048581 bytes long"},
        {repeat("k", 300) + ": 1", "f.yaml:1: a name must have 1 to 255 bytes"},
    };

    for (const auto& row : rows) {
        const auto document = parse_yaml(row.text, "f.yaml");
        ASSERT_FALSE(document) << row.message;
        EXPECT_TRUE(document.error().message.starts_with(row.message))
            << document.error().message << "\nexpected " << row.message;
        EXPECT_EQ(document.error().fields.size(), 1u);
    }
}

TEST(Yaml, ends_an_alias_bomb_at_its_first_anchor) {
    std::string bomb = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
    for (int i = 1; i < 10; ++i) {
        bomb += fmt::format("a{}: &a{} [", i, i);
        for (int k = 0; k < 9; ++k)
            bomb += fmt::format("{}*a{}", k ? ", " : "", i - 1);
        bomb += "]\n";
    }
    const auto document = parse_yaml(bomb, "bomb.yaml");
    ASSERT_FALSE(document);
    EXPECT_TRUE(document.error().message.starts_with("bomb.yaml:1: anchors"));
}

TEST(Yaml, types_plain_scalars_by_the_core_schema) {
    const struct {
        std::string_view yaml;
        std::string_view json;
    } rows[] = {
        {"true", "true"},
        {"False", "false"},
        {"yes", "\"yes\""},
        {"no", "\"no\""},
        {"on", "\"on\""},
        {"Off", "\"Off\""},
        {"y", "\"y\""},
        {"12:30", "\"12:30\""},
        {"1_000", "\"1_000\""},
        {"null", "null"},
        {"~", "null"},
        {"'null'", "\"null\""},
        {"\"1\"", "\"1\""},
        {"'true'", "\"true\""},
        {"42", "42"},
        {"-7", "-7"},
        {"+7", "7"},
        {"010", "10"},
        {"0o10", "8"},
        {"0x1F", "31"},
        {"0b1", "\"0b1\""},
        {"1.", "1E0"},
        {".5", "5E-1"},
        {"+2.5", "2.5E0"},
        {"1e3", "1E3"},
        {".", "\".\""},
        {"1.4.2", "\"1.4.2\""},
        {"2026-11-22", "\"2026-11-22\""},
        {"[1, a, {b: c}]", "[1,\"a\",{\"b\":\"c\"}]"},
    };

    for (const auto& row : rows) {
        const auto document = parse_yaml(fmt::format("v: {}\n", row.yaml), "f.yaml");
        ASSERT_TRUE(document) << row.yaml << ": " << document.error().message;
        EXPECT_EQ(to_text(document->value.at("v")), row.json) << row.yaml;
    }
}

TEST(Yaml, gives_the_line_of_a_node_or_of_the_nearest_above) {
    const auto document = parse_yaml("a:\n  - b: 1\n    c: 2\n  - b: 3\n", "f.yaml");
    ASSERT_TRUE(document);
    EXPECT_EQ(document->line_of("a"), 1u);
    EXPECT_EQ(document->line_of("a[0].c"), 3u);
    EXPECT_EQ(document->line_of("a[1].b"), 4u);
    EXPECT_EQ(document->line_of("a[1].missing.deep[3]"), 4u);
    EXPECT_EQ(document->line_of("elsewhere"), 1u);
}

struct Thing {
    std::string title;
    std::vector<std::uint32_t> counts;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("title", self.title, required("what it is called"));
        visit("counts", self.counts);
    }
};

TEST(Yaml, reads_a_type_and_places_every_field_error) {
    const auto good = read_yaml<Thing>("title: x\ncounts: [1, 2]\n", "f.yaml");
    ASSERT_TRUE(good);
    EXPECT_EQ(good->counts, (std::vector<std::uint32_t>{1, 2}));

    const auto bad = read_yaml<Thing>("counts:\n  - 1\n  - x\nextra: 1\n", "f.yaml");
    ASSERT_FALSE(bad);
    EXPECT_EQ(
        bad.error().message, "f.yaml:1: title: is required: what it is called\n"
                             "f.yaml:3: counts[1]: expected a whole number from 0 to 4294967295\n"
                             "f.yaml:4: extra: is not a field of this document"
    );
    EXPECT_EQ(bad.error().fields[1].field, "f.yaml:3");
}

TEST(Yaml, keeps_the_table_of_lines_small) {
    // Long names above many elements: paths would need a hundred times the bytes of the file.
    std::string text;
    for (std::size_t i = 0; i < 30; ++i)
        text += std::string(i, ' ') + repeat("k", 250) + ":\n";
    text += std::string(30, ' ') + "[" + repeat("1,", 90000) + "]\n";
    const auto document = parse_yaml(text, "f.yaml");
    ASSERT_TRUE(document) << document.error().message;
    std::size_t bytes = 0;
    for (const auto& [path, line] : document->lines)
        bytes += path.size();
    EXPECT_LE(bytes, limits::yaml_paths_max);
}

} // namespace
} // namespace slipway
