// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fmt/format.h>

#include "base/limits.hpp"
#include "domain/ledger/checkpoint.hpp"
#include "domain/ledger/merkle.hpp"
#include "domain/ledger/note.hpp"

namespace slipway::domain {
namespace {

// The example of the published note format: keys, text and signature.
constexpr auto example_private =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
constexpr auto example_public =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr auto example_text = "If you think cryptography is the answer to your problem,\n"
                              "then you don't know what your problem is.\n";
constexpr auto example_note =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\xE2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvq"
    "fqdngotpRZb6KE6RyyBwJnAM=\n";

SigningKey key_named(std::string_view name, std::uint8_t seed = 7) {
    KeyBytes bytes;
    bytes.fill(seed);
    return make_signing_key(name, bytes).value();
}

TEST(Note, PublishedExample) {
    const auto signer = signing_key_from_text(example_private).value();
    const auto verifier = verifier_key_from_text(example_public).value();
    EXPECT_EQ(signer.verifier, verifier);
    EXPECT_EQ(key_text(signer), example_private);
    EXPECT_EQ(key_text(verifier), example_public);
    EXPECT_EQ(sign_note(example_text, signer), example_note);
    EXPECT_EQ(verify_note(example_note, verifier).value(), example_text);
}

TEST(Note, RefusesBadKeys) {
    for (const std::string_view name :
         {"", "a b", "a+b", "a\nb",
          "a\xC2\xA0"
          "b",
          "\xFF"})
        EXPECT_FALSE(make_signing_key(name, {})) << name;
    EXPECT_FALSE(make_signing_key(std::string(limits::name_max + 1, 'a'), {}));
    const std::string good = example_public;
    EXPECT_FALSE(verifier_key_from_text(""));
    EXPECT_FALSE(verifier_key_from_text("PeterNeumann"));
    EXPECT_FALSE(verifier_key_from_text("PeterNeumann+c74f20a3"));
    EXPECT_FALSE(verifier_key_from_text(good.substr(0, good.size() - 4)));
    EXPECT_FALSE(verifier_key_from_text("PeterNeumann+c74f20a4" + good.substr(21)));
    EXPECT_FALSE(verifier_key_from_text("Peter" + good.substr(12)));
    EXPECT_FALSE(signing_key_from_text(good));
}

TEST(Note, RefusesMalformedNotes) {
    const std::string note = example_note;
    const std::string line = note.substr(note.find("\xE2\x80\x94"));
    EXPECT_FALSE(parse_note(""));
    EXPECT_FALSE(parse_note("text\n"));
    EXPECT_FALSE(parse_note("text\n\n"));
    EXPECT_FALSE(parse_note("text\n\nnot a signature\n"));
    EXPECT_FALSE(parse_note("text\n" + line)) << "no blank line";
    EXPECT_FALSE(parse_note(note.substr(0, note.size() - 1))) << "no newline at the end";
    EXPECT_FALSE(parse_note("a\tb\n\n" + line)) << "control character";
    EXPECT_FALSE(parse_note("a\xFF\n\n" + line)) << "not UTF-8";
    EXPECT_FALSE(parse_note("text\n\n\xE2\x80\x94 name AAAA\n")) << "too short";
    EXPECT_FALSE(parse_note("text\n\n\xE2\x80\x94 na+me AAAAAAA=\n")) << "plus in the name";
    EXPECT_FALSE(parse_note("text\n\n\xE2\x80\x94 name AAAAAAB=\n")) << "base64 with loose bits";
    EXPECT_TRUE(parse_note("te\n\nxt\n\n" + line)) << "an empty line in the text";
}

TEST(Note, LimitsAreReached) {
    std::string many = "text\n\n";
    for (std::size_t i = 0; i < limits::note_signatures_max; ++i)
        many += "\xE2\x80\x94 name AAAAAAA=\n";
    EXPECT_TRUE(parse_note(many));
    many += "\xE2\x80\x94 name AAAAAAA=\n";
    EXPECT_EQ(parse_note(many).error().code, ErrorCode::limit_exceeded);
    EXPECT_EQ(
        parse_note(std::string(limits::note_max + 1, 'x')).error().code, ErrorCode::limit_exceeded
    );
}

TEST(Note, OtherSignaturesArePassedOverButNotAFalseOneOfTheKey) {
    const auto log = key_named("log");
    const auto witness = key_named("witness", 9);
    const std::string text = "a\n";
    const auto by_log = sign_note(text, log);
    const auto by_witness = sign_note(text, witness);
    const auto line = [&](const std::string& note) { return note.substr(text.size() + 1); };
    EXPECT_TRUE(verify_note(by_log + line(by_witness), log.verifier));
    EXPECT_TRUE(verify_note(by_log + line(by_witness), witness.verifier));
    EXPECT_FALSE(verify_note(by_witness, log.verifier));
    const auto elsewhere = sign_note("b\n", log);
    EXPECT_FALSE(verify_note(by_log + line(elsewhere), log.verifier));
}

RC_GTEST_PROP(Note, AnyFlippedBitIsRefused, ()) {
    const auto key = key_named("slipway.example/ledger");
    const auto text = fmt::format("text {}\n", *rc::gen::inRange(0, 1000000));
    auto note = sign_note(text, key);
    RC_ASSERT(verify_note(note, key.verifier).value() == text);
    const auto bit = *rc::gen::inRange<std::size_t>(0, note.size() * 8);
    note[bit / 8] = static_cast<char>(note[bit / 8] ^ (1 << bit % 8));
    RC_ASSERT(!verify_note(note, key.verifier));
}

TEST(Checkpoint, IsTheSpecifiedText) {
    const Checkpoint checkpoint{"slipway.example/ledger", 20852163, leaf_hash("x"), {}};
    EXPECT_EQ(
        checkpoint_text(checkpoint),
        "slipway.example/ledger\n20852163\n" + to_base64(checkpoint.root.view()) + "\n"
    );
    EXPECT_EQ(parse_checkpoint(checkpoint_text(checkpoint)).value(), checkpoint);
    const Checkpoint extended{"o", 0, empty_root(), {"one", "two"}};
    EXPECT_EQ(parse_checkpoint(checkpoint_text(extended)).value(), extended);
}

TEST(Checkpoint, RefusesAndNamesTheLine) {
    const std::string root = to_base64(empty_root().view());
    const auto field = [](const std::string& text) {
        const auto parsed = parse_checkpoint(text);
        return parsed ? std::string("accepted") : parsed.error().fields.front().field;
    };
    EXPECT_EQ(field(""), "checkpoint.text");
    EXPECT_EQ(field("o\n1\n"), "checkpoint.text");
    EXPECT_EQ(field("o\n1\n" + root), "checkpoint.text");
    EXPECT_EQ(field("\n1\n" + root + "\n"), "checkpoint.text");
    EXPECT_EQ(field("o\n1\n" + root + "\n\n"), "checkpoint.text");
    for (const std::string size : {"01", "-1", "+1", "1 ", "x", "18446744073709551616"})
        EXPECT_EQ(field("o\n" + size + "\n" + root + "\n"), "checkpoint.size") << size;
    EXPECT_EQ(field("o\n18446744073709551615\n" + root + "\n"), "accepted");
    EXPECT_EQ(field("o\n1\nAAAA\n"), "checkpoint.root");
    EXPECT_EQ(field("o\n1\n" + root.substr(0, 42) + "V=\n"), "checkpoint.root") << "loose bits";
}

TEST(Checkpoint, SignedOpensOnlyWithItsKey) {
    const auto key = key_named("slipway.example/ledger");
    const Checkpoint checkpoint{key.verifier.name, 3, leaf_hash("x"), {}};
    const auto note = sign_checkpoint(checkpoint, key);
    EXPECT_EQ(open_checkpoint(note, key.verifier).value(), checkpoint);
    EXPECT_FALSE(open_checkpoint(note, key_named("slipway.example/ledger", 8).verifier));
    EXPECT_FALSE(open_checkpoint(sign_note("not a checkpoint\n", key), key.verifier));
}

} // namespace
} // namespace slipway::domain
