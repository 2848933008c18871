// cost, sample and the drop-in forms of TuNAS's tools, against what the originals print.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "commands/subprocess.h"
#include "core/file.h"
#include "support/golden.h"
#include "support/testing.h"

namespace netwright {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* kT1 =
    "0:0:0:1:0:0:0:0:1:0:0:1:0:0:1:0:1:1:0:1:0:0:1:0:0:0:0:0:0:2:1:0:1:1:0:2:1:0:2:1:0:0:1:1:0:0:0:0:1:0:0:1:0:0:0:1:1:"
    "0:2:0:"
    "0:0:0:0:1:0:0:0:2:1:0:0:0";

std::string zeros(int count) {
  std::string text = "0";
  for (int i = 1; i < count; ++i) text += ":0";
  return text;
}

TEST(Cost, PrintsMilliseconds) {
  const ProgramResult result = run_netwright({"cost", kT1, "mobilenet_v3_like_search:" + zeros(86)});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, std::string("proxylessnas_search:") + kT1 + "  84.0167 ms\n" +
                            "mobilenet_v3_like_search:" + zeros(86) + "  11.0751 ms\n");
  const json list = json::parse(run_netwright({"cost", kT1, "--json"}).out);
  EXPECT_EQ(list[0]["milliseconds"].get<float>(), 84.01667022705078F);
}

TEST(Cost, RefusesInOneLine) {
  const auto error = [](const std::vector<std::string>& args) {
    const ProgramResult result = run_netwright(args);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    return result.err;
  };
  EXPECT_THAT(error({"cost", "efficientnet-b0"}), HasSubstr("efficientnet-b0: there is no cost model of it"));
  EXPECT_THAT(error({"cost", "mobilenet_v2"}), HasSubstr("there is no cost model of mobilenet_v2"));
  EXPECT_THAT(error({"cost", "0:1"}), HasSubstr("2 indices fit no search space"));
  EXPECT_THAT(error({"sample", "nonsense"}), HasSubstr("Unsupported SSD \"nonsense\""));
  EXPECT_THAT(error({"sample", "proxylessnas_search", "--min_cost=9", "--max_cost=8"}), HasSubstr("the smaller one"));
  EXPECT_THAT(error({"summary", "efficientnet-b0", "--model_spec=-"}), HasSubstr("efficientnet-b0 is none of TuNAS's"));
  EXPECT_THAT(error({"recipe", "proxylessnas_search:0:1"}), HasSubstr("Expected: 73 but got: 2"));
}

TEST(Sample, EachLineIsAModel) {
  const std::vector<std::string> args = {"sample", "proxylessnas_search", "--num_samples=2", "--seed=5", "--json"};
  const ProgramResult result = run_netwright(args);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(run_netwright(args).out, result.out);
  const json found = json::parse(result.out);
  ASSERT_EQ(found.size(), 2U);
  for (const json& one : found) {
    const json cost = json::parse(run_netwright({"cost", one["model"].get<std::string>(), "--json"}).out);
    EXPECT_EQ(cost[0]["milliseconds"], one["milliseconds"]);
  }
}

TEST(Sample, GivesUpWithAnError) {
  const ProgramResult result =
      run_netwright({"sample", "proxylessnas_search", "--min_cost=1", "--max_cost=2", "--most_draws=20"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("0 of 20 draws cost 1 to 2 ms, 1 were asked for"));
}

// The form of what the original prints: lines of progress, then a list with two spaces of indentation.
TEST(TunasTools, SamplerPrintsAsTheOriginal) {
  NETWRIGHT_NEEDS_GOLDEN("tunas/sampler/proxylessnas_search.stdout");
  const std::string wanted = read_file(golden);
  const ProgramResult result = run_netwright({"sample-random-architectures", "--num_samples=20"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto shape = [](std::string text) {
    for (char& c : text) c = std::isdigit(static_cast<unsigned char>(c)) != 0 ? '0' : c;
    return text;
  };
  std::istringstream lines(result.out);
  std::string line;
  int progress = 0;
  while (std::getline(lines, line) && line != "[") {
    EXPECT_EQ(shape(line.substr(0, 10)), "generated ") << line;
    EXPECT_THAT(line, HasSubstr(" / 20 valid architectures"));
    ++progress;
  }
  EXPECT_GE(progress, 1);
  const std::string found = result.out.substr(result.out.find("[\n"));
  EXPECT_EQ(json::parse(found).size(), 20U);
  // The same text but for the digits: the first entry, up to the cost's decimals.
  const auto head = [&](const std::string& text) {
    const std::string list = text.substr(text.find("[\n"));
    return shape(list.substr(0, list.find('.')));
  };
  EXPECT_EQ(head(result.out), head(wanted));
  EXPECT_THAT(result.err, HasSubstr("netwright sample proxylessnas_search --min_cost=83 --max_cost=85"));
}

TEST(TunasTools, CostPrintsAsTheOriginal) {
  const ProgramResult result = run_netwright({"infer_mobile_cost_model", std::string("--indices=") + kT1});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "estimated cost: 84.016670\n");
  const ProgramResult dry = run_netwright({"infer_mobile_cost_model", std::string("--indices=") + kT1, "--dry_run"});
  EXPECT_EQ(dry.out, std::string("netwright cost proxylessnas_search:") + kT1 + "\n");
  const ProgramResult short_one = run_netwright({"infer_mobile_cost_model", "--indices=0:1"});
  EXPECT_EQ(short_one.exit_code, 2);
  EXPECT_THAT(short_one.err, HasSubstr("Wrong number of indices. Expected: 73 but got: 2"));
}

TEST(ModelSpec, IsTheOriginals) {
  NETWRIGHT_NEEDS_GOLDEN("tunas/spaces/mobilenet_v3_large.model_spec.json");
  EXPECT_EQ(run_netwright({"summary", "mobilenet_v3_large", "--model_spec=-"}).out, read_file(golden));
}

TEST(ModelSpec, IsWrittenAndReadBack) {
  const ProgramResult text = run_netwright({"summary", "mobilenet_v3_large", "--model_spec=-"});
  ASSERT_EQ(text.exit_code, 0) << text.err;
  const test::TemporaryFolder folder;
  const std::string file = folder.write("model_spec.json", text.out);
  const json summary = json::parse(run_netwright({"summary", file, "--json"}).out);
  EXPECT_EQ(summary["parameters"], 5484313);
  EXPECT_EQ(summary["multiply_adds"], 216591040);
  const ProgramResult narrow =
      run_netwright({"summary", "mobilenet_v2", "--model_spec=-", "--filters_multiplier=0.35"});
  const std::string narrow_file = folder.write("narrow.json", narrow.out);
  EXPECT_EQ(json::parse(run_netwright({"summary", narrow_file, "--json"}).out)["parameters"], 741129);
}

}  // namespace
}  // namespace netwright
