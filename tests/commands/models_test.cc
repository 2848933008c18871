// What `models` and `summary` print, against the golden lists of variables and what they cost.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "commands/subprocess.h"
#include "core/file.h"
#include "graph/text.h"
#include "models/registry.h"
#include "support/golden.h"
#include "support/testing.h"

namespace netwright {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

json output_of(const std::vector<std::string>& args) {
  const ProgramResult result = run_netwright(args);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  return json::parse(result.out);
}

TEST(Models, JsonEqualsTheGoldenLists) {
  const std::optional<std::string> golden = golden::folder();
  if (!golden) GTEST_SKIP() << "SKIPPED: no golden folder";
  int compared = 0;
  for (const json& model : output_of({"models", "--json"})) {
    const std::string name = model.at("name");
    const std::string family = model.at("family");
    if (family == "tunas") continue;  // its golden files have another form: models/tower_test.cc
    // One program made both.
    const std::string folder = family == "mixnet" ? "mnasnet" : family;
    const std::filesystem::path file = std::filesystem::path(*golden) / folder / "variables" / (name + ".json");
    if (name == "amoeba_net_d") {
      EXPECT_EQ(model.at("parameters"), 84'007'145);  // without its auxiliary head
    }
    if (!std::filesystem::exists(file)) continue;
    const json expected = json::parse(std::ifstream(file));
    SCOPED_TRACE(name);
    EXPECT_EQ(model.at("parameters"), expected.at("trainable_parameters"));
    EXPECT_EQ(model.at("multiply_adds"), expected.at("macs").at("total"));
    EXPECT_EQ(model.at("resolution"), expected.at("input_shape").at(1));
    EXPECT_EQ(model.at("classes"), expected.at("num_classes"));
    ++compared;
  }
  EXPECT_GE(compared, 59);
}

TEST(Models, FilterTakesWildcards) {
  std::vector<std::string> names;
  for (const json& model : output_of({"models", "--json", "--filter=*-LITE?"})) names.push_back(model.at("name"));
  EXPECT_THAT(names, ::testing::ElementsAre("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2",
                                            "efficientnet-lite3", "efficientnet-lite4"));
  const ProgramResult none = run_netwright({"models", "--filter", "resnet*"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_EQ(none.err,
            "netwright models: --filter=resnet*: no architecture's name matches; `netwright models` lists them\n");
}

// The first row of the published table (spec mnasnet 3.2).
TEST(Models, PublishedTable) {
  const ProgramResult result = run_netwright({"models", "--table=mnasnet"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("\n 224    1.4       6.106M    6.1       591.507M   591.5    77.2    93.5"));
  EXPECT_EQ(output_of({"models", "--table=mnasnet", "--json"}).size(), 25);
  EXPECT_EQ(run_netwright({"models", "--table=mnasnet", "--filter=*"}).exit_code, 2);
}

TEST(Models, TableNamesEveryModel) {
  const ProgramResult result = run_netwright({"models"});
  EXPECT_THAT(result.out, ::testing::ContainsRegex("efficientnet-b0 +224 +5,288,548 +385,814,752 +76.7\n"));
}

TEST(Summary, JsonOfAnOverriddenModelAddsUp) {
  // Golden: mnasnet/variables/mnasnet-a1-035.json.
  const json summary = output_of({"summary", "mnasnet_a1", "--depth-multiplier=0.35", "--json"});
  EXPECT_EQ(summary.at("parameters"), 1747018);
  EXPECT_EQ(summary.at("multiply_adds"), 61681920);
  int64_t parameters = 0;
  int64_t multiply_adds = 0;
  for (const json& layer : summary.at("layers")) {
    parameters += layer.at("parameters").get<int64_t>();
    multiply_adds += layer.at("multiply_adds").get<int64_t>();
  }
  EXPECT_EQ(parameters, 1747018);
  EXPECT_EQ(multiply_adds, 61681920);
}

TEST(Summary, ShapesFollowClassesAndImageSize) {
  const json summary = output_of({"summary", "efficientnet-b0", "--classes=10", "--image_size=97x131", "--json"});
  EXPECT_EQ(summary.at("input_shape"), json({97, 131, 3}));
  EXPECT_EQ(summary.at("classes"), 10);
  const json& layers = summary.at("layers");
  EXPECT_EQ(layers.at(0).at("shape"), json({97, 131, 3}));
  EXPECT_EQ(layers.at(1).at("operator"), "Conv2D 3x3 /2");
  EXPECT_EQ(layers.at(1).at("shape"), json({49, 66, 32}));
  EXPECT_EQ(layers.back().at("shape"), json({10}));
}

TEST(Summary, TableEndsWithTheTotals) {
  const ProgramResult result = run_netwright({"summary", "EfficientNetB0", "--blocks"});
  EXPECT_THAT(result.out, ::testing::ContainsRegex("\nblocks_15 +\\[7, 7, 320\\] +717,232 +29,520,000\n"));
  EXPECT_THAT(result.out, ::testing::ContainsRegex("  parameters +5,288,548\n"));
  EXPECT_THAT(result.out, ::testing::ContainsRegex("  multiply-adds +385,814,752\n"));
}

TEST(Summary, TextIsTheGraph) {
  const ProgramResult result = run_netwright({"summary", "mnasnet-small", "--text"});
  EXPECT_EQ(result.out, to_text(build_model("mnasnet-small")));
  EXPECT_EQ(run_netwright({"summary", "mnasnet-small", "--text", "--json"}).err,
            "netwright summary: --text goes with neither --json nor --blocks\n");
}

TEST(Summary, RefusesWhatIsImpossible) {
  const auto refused = [](const std::string& flag) {
    const ProgramResult result = run_netwright({"summary", "efficientnet-b0", flag});
    EXPECT_EQ(result.exit_code, 2) << flag;
    EXPECT_EQ(result.out, "");
    return result.err;
  };
  EXPECT_EQ(refused("--classes=0"), "netwright summary: --classes=0: must be in [1, 1000000]\n");
  EXPECT_EQ(refused("--classes=12x"), "netwright summary: --classes=12x: not a whole number\n");
  EXPECT_EQ(refused("--image_size=0"), "netwright summary: --image_size=0: must be in [1, 8192]\n");
  EXPECT_EQ(refused("--image_size=1x2x3"),
            "netwright summary: --image_size=1x2x3: not a size; write 224 or, height first, 97x131\n");
  EXPECT_EQ(refused("--dropout_rate=1"), "netwright summary: --dropout_rate=1: must be in [0, 1)\n");
  EXPECT_EQ(refused("--depth_multiplier=-1"), "netwright summary: --depth_multiplier=-1: must be above 0\n");
  EXPECT_THAT(refused("--depth_multiplier=0.5"), HasSubstr("depth_multiplier"));
  EXPECT_THAT(refused("--width_coefficient=1e30"), ::testing::StartsWith("netwright summary: "));
}

TEST(Summary, DrawsIntoFilesAndToStandardOutput) {
  const test::TemporaryFolder folder;
  const ProgramResult files = run_netwright(
      {"summary", "mnasnet-a1", "--svg=" + folder.file("a1.svg"), "--dot", folder.file("a1.dot"), "--block=mnas_stem"});
  EXPECT_EQ(files.exit_code, 0) << files.err;
  EXPECT_EQ(files.out, "");
  EXPECT_THAT(read_file(folder.file("a1.svg")), HasSubstr("mnas_stem of mnasnet-a1"));
  EXPECT_THAT(read_file(folder.file("a1.dot")), StartsWith("digraph \"mnasnet-a1\""));
  const ProgramResult piped = run_netwright({"summary", "mnasnet-a1", "--svg=-"});
  EXPECT_EQ(piped.exit_code, 0);
  EXPECT_THAT(piped.out, AllOf(StartsWith("<svg "), EndsWith("</svg>\n")));
}

TEST(Summary, RefusesWhatItCannotDraw) {
  const auto error = [](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"summary", "efficientnet-b0"});
    const ProgramResult result = run_netwright(flags);
    EXPECT_EQ(result.exit_code, 2);
    return result.err;
  };
  EXPECT_THAT(error({"--svg=-", "--json"}), HasSubstr("--svg writes a file instead of a table"));
  EXPECT_THAT(error({"--dot=-", "--blocks"}), HasSubstr("--dot writes a file instead of a table"));
  EXPECT_THAT(error({"--block=stem"}), HasSubstr("--block=stem says what --svg=FILE draws"));
  EXPECT_THAT(error({"--svg=-", "--block=stme"}), HasSubstr("has no block \"stme\"; did you mean stem"));
  EXPECT_THAT(error({"--svg=/nowhere/a.svg"}), HasSubstr("/nowhere"));
}

}  // namespace
}  // namespace netwright
