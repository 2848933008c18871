// The specifications of TuNAS's nine spaces against what the original writes, and their text form.
#include "models/mobile_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "models/choices.h"
#include "models/scaling.h"
#include "models/spec_json.h"
#include "support/golden.h"
#include "support/testing.h"

namespace netwright {
namespace {

using nlohmann::json;
using test::error_of;
using testing::HasSubstr;

class GoldenSpaces : public testing::Test {
 protected:
  void SetUp() override {
    golden_ = golden::json_of("tunas/spaces.json");
    if (golden_.is_null()) GTEST_SKIP() << "SKIPPED: no golden file tunas/spaces.json";
  }

  json golden_;
};

TEST_F(GoldenSpaces, TextsAreTheOriginals) {
  for (const SpaceDefinition& space : all_spaces()) {
    SCOPED_TRACE(space.name);
    const Spec spec = space.build();
    const std::string text = spec_to_json(spec);
    const std::string path = golden::path_of(fmt::format("tunas/spaces/{}.model_spec.json", space.name));
    EXPECT_EQ(text, read_file(path));
    EXPECT_EQ(spec_from_json(text, "text"), spec);
  }
}

std::vector<std::string> tag_counts(const std::vector<Decision>& decisions) {
  std::map<std::string, int> counts;
  for (const Decision& decision : decisions) ++counts[decision.tag];
  std::vector<std::string> lines;
  for (const auto& [tag, count] : counts) lines.push_back(fmt::format("{} {}", tag, count));
  return lines;
}

// The choices of integers and multiples as the original prints them; of layers only the kind (their text depends on
// what Python prints for the decisions inside).
std::string choice_text(const Spec& choice) {
  const std::string text = to_string(choice);
  return choice.get<SpecRecord>() != nullptr && choice.record(RecordKind::kFilterMultiplier) == nullptr
             ? text.substr(0, text.find('('))
             : text;
}

TEST_F(GoldenSpaces, DecisionsInOrder) {
  ASSERT_EQ(golden_["spaces"].size(), all_spaces().size());
  for (const SpaceDefinition& space : all_spaces()) {
    SCOPED_TRACE(space.name);
    const json& wanted = golden_["spaces"][std::string(space.name)];
    EXPECT_EQ(space.like_mobilenet_v3, wanted["v3_like"].get<bool>());
    const Spec spec = space.build();
    std::vector<std::string> found;
    for_each_one_of(spec, [&](const std::string& path, const SpecOneOf& node) {
      std::string line = fmt::format("{} {}", path, node.tag);
      for (const Spec& choice : node.choices) line += " " + choice_text(choice);
      found.push_back(line);
    });
    ASSERT_EQ(found.size(), wanted["decisions"].size());
    for (size_t i = 0; i < found.size(); ++i) {
      const json& decision = wanted["decisions"][i];
      std::string line = decision["path"].get<std::string>() + " " + decision["tag"].get<std::string>();
      for (const json& item : decision["choices"]) {
        const auto text = item.get<std::string>();
        line += " " + (text.find("Spec(") == std::string::npos ? text : text.substr(0, text.find('(')));
      }
      EXPECT_EQ(found[i], line);
    }
    std::vector<std::string> tags;
    for (const auto& [tag, count] : wanted["tag_counts"].items())
      tags.push_back(fmt::format("{} {}", tag, count.get<int>()));
    EXPECT_EQ(tag_counts(decisions(spec)), tags);
  }
}

std::vector<std::vector<int64_t>> widths_of(const Spec& spec) {
  std::vector<std::vector<int64_t>> widths;
  for_each_one_of(spec, [&](const std::string& /*path*/, const SpecOneOf& node) {
    if (node.tag != kFiltersTag || node.choices.front().get<int64_t>() == nullptr) return;
    widths.emplace_back();
    for (const Spec& choice : node.choices) widths.back().push_back(*choice.get<int64_t>());
  });
  return widths;
}

TEST_F(GoldenSpaces, WidthsAfterMultipliers) {
  size_t compared = 0;
  for (const SpaceDefinition& space : all_spaces()) {
    for (const auto& [name, wanted] : golden_["spaces"][std::string(space.name)]["filters_after_multiplier"].items()) {
      SCOPED_TRACE(fmt::format("{} {}", space.name, name));
      const auto multipliers = json::parse("[" + name + "]").get<std::vector<double>>();
      // The original's lists have the multiples of FilterMultiplier nodes as well.
      std::vector<std::vector<int64_t>> widths;
      for (const json& list : wanted) {
        if (list[0].is_number_integer()) widths.push_back(list.get<std::vector<int64_t>>());
      }
      EXPECT_EQ(widths_of(scale_widths(space.build(), multipliers)), widths);
      ++compared;
    }
  }
  EXPECT_GE(compared, golden::at_least(90));
}

TEST_F(GoldenSpaces, RoundingRules) {
  ASSERT_GE(golden_["scale_filters"].size(), golden::at_least(1000));
  ASSERT_GE(golden_["make_divisible"].size(), golden::at_least(1000));
  for (const json& row : golden_["scale_filters"]) {
    EXPECT_EQ(scale_filters(row[0], row[1].get<double>(), row[2]), row[3].get<int64_t>()) << row.dump();
  }
  for (const json& row : golden_["make_divisible"]) {
    // Widths need not be whole.
    EXPECT_EQ(round_filters(1, row[0].get<double>(), row[1]), row[2].get<int64_t>()) << row.dump();
  }
}

// The cases of the original's search_space_utils_test.
TEST(ScaleFilters, RoundsHalfUp) {
  EXPECT_EQ(scale_filters(32, 0.25, 8), 8);
  EXPECT_EQ(scale_filters(64, 1.0 / 3, 8), 24);
  EXPECT_EQ(scale_filters(68, 1.0, 8), 72);
  EXPECT_EQ(scale_filters(68, 1.2, 8), 80);
  EXPECT_EQ(scale_filters(64, 0.0, 8), 8);
  EXPECT_THAT(error_of([] { scale_filters(64, -1.0, 8); }), HasSubstr("width multiplier -1"));
  EXPECT_THAT(error_of([] { scale_filters(1 << 20, 1e6, 8); }), HasSubstr("become too many"));
}

// The original's schema_test: children first, and parents see what their children became.
TEST(Spec, ChildrenComeFirst) {
  const auto node = [](std::vector<Spec> choices, const char* tag) { return SpecOneOf{std::move(choices), tag}; };
  const Spec spec = node({node({node({1}, "leaf"), node({2, 3}, "leaf")}, "level1"), 4}, "root");
  std::vector<std::string> paths;
  for (const Decision& decision : decisions(spec)) paths.push_back(decision.path + ":" + decision.tag);
  EXPECT_EQ(paths, (std::vector<std::string>{"choices/0/choices/0:leaf", "choices/0/choices/1:leaf", "choices/0:level1",
                                             ":root"}));
  FixedChoices choices({0, 1, 1, 0});
  EXPECT_EQ(to_string(prune(spec, choices)),
            "OneOf(choices=[OneOf(choices=[OneOf(choices=[3], tag='leaf')], tag='level1')], tag='root')");
}

TEST(SpecJson, KeepsEveryKind) {
  const Spec spec = SpecDict{{{"a", SpecTuple{{1, 0.5, 1.0, true, "x", Spec{}}}},
                              {"b", SpecRecord{RecordKind::kFilterMultiplier, {3.0}}},
                              {"c", SpecOneOf{{SpecList{}, 2}, "tag"}}}};
  EXPECT_EQ(spec_from_json(spec_to_json(spec), "text"), spec);
  EXPECT_EQ(spec_from_json(R"(["namedtuple:basic_specs.ZeroSPec"])", "text"), Spec(SpecRecord{RecordKind::kZero, {}}));
}

TEST(SpecJson, BadTextsAreNamed) {
  const auto error = [](std::string_view text) { return error_of([&] { spec_from_json(text, "spec.json"); }); };
  EXPECT_THAT(error("[1, 2"), HasSubstr("spec.json: not JSON: byte"));
  EXPECT_THAT(error("1e999"), HasSubstr("spec.json: a number in it is too large"));
  EXPECT_THAT(error("[1, 2]"), HasSubstr("the specification: expected a number, a text or an array"));
  EXPECT_THAT(error(R"({"a": 1})"), HasSubstr("expected a number, a text or an array that begins with its kind"));
  EXPECT_THAT(error(R"(["list", ["lst"]])"), HasSubstr("spec.json: 0: Unsupported __type \"lst\""));
  EXPECT_THAT(error(R"(["namedtuple:foo.Bar"])"), HasSubstr("Namedtuple name 'foo.Bar' is not registered"));
  EXPECT_THAT(error(R"(["namedtuple:basic_specs.FilterMultiplier", ["scale", 1.0], ["baz", 1]])"),
              HasSubstr("Invalid field: baz"));
  EXPECT_THAT(error(R"(["namedtuple:basic_specs.FilterMultiplier"])"), HasSubstr("Missing field: scale"));
  EXPECT_THAT(error(R"(["oneof", ["tag", "x"], ["choices", ["list", 1]]])"), HasSubstr("choices and a tag, in this"));
  EXPECT_THAT(error(R"(["oneof", ["choices", ["list"]], ["tag", "x"]])"), HasSubstr("a list with at least one"));
  EXPECT_THAT(error(R"(["dict", ["a", 1], ["a", 2]])"), HasSubstr("the key \"a\" is there twice"));
  EXPECT_EQ(error(R"(["a\nb"])").find('\n'), std::string::npos);
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += R"(["list", )";
  deep += "1" + std::string(100, ']');
  EXPECT_THAT(error(deep), HasSubstr("more than 64 levels"));
}

TEST(Indices, AreReadWithColonsOrCommas) {
  EXPECT_EQ(parse_indices(" 1:2:3 "), (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(parse_indices("1,2, 3"), (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(parse_indices("  "), std::vector<int64_t>{});
  EXPECT_EQ(print_indices({1, 2, 3}), "1:2:3");
  EXPECT_THAT(error_of([] { parse_indices("1:x:3"); }), HasSubstr("index 1 is \"x\""));
  EXPECT_THAT(error_of([] { parse_indices("1:2:"); }), HasSubstr("index 2 is \"\""));
  EXPECT_THAT(error_of([] { parse_indices("1:99999999999999999999"); }), HasSubstr("index 1 is"));
}

}  // namespace
}  // namespace netwright
