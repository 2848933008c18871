// The `bench` commands at tiny sizes: what they report adds up. Times are never looked at.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "commands/subprocess.h"
#include "graph/count.h"
#include "models/registry.h"

namespace netwright {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// As output_of asks for it.
const ModelOptions kSmall = {.classes = 10, .height = 32, .width = 32};

class Bench : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(NETWRIGHT_BINARY_DIR "/libnetwright_torch.so")) {
      GTEST_SKIP() << "SKIPPED: built without libtorch";
    }
  }

  static json output_of(std::vector<std::string> args) {
    args.insert(args.begin(), "bench");
    args.insert(args.end(), {"--image_size=32", "--classes=10", "--threads=1", "--json"});
    const ProgramResult result = run_netwright(args);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.exit_code == 0 ? json::parse(result.out) : json();
  }
};

double sum_of(const json& rows, const char* key) {
  double sum = 0.0;
  for (const json& row : rows) sum += row.at(key).get<double>();
  return sum;
}

TEST_F(Bench, TrainReportsRoundsMemoryAndProfile) {
  const json report =
      output_of({"train", "mnasnet-small", "--batch=2", "--steps=1", "--rounds=3", "--warmup=1", "--profile"});
  EXPECT_EQ(report.at("batch"), 2);
  const json& rates = report.at("images_per_second");
  ASSERT_EQ(rates.at("rounds").size(), 3U);
  std::vector<double> rounds = rates.at("rounds");
  std::sort(rounds.begin(), rounds.end());
  EXPECT_NEAR(rates.at("best").get<double>(), rounds[2], 1e-9 * rounds[2]);
  EXPECT_NEAR(rates.at("median").get<double>(), rounds[1], 1e-9 * rounds[1]);
  EXPECT_NEAR(report.at("milliseconds_a_step").at("best").get<double>(), 2000.0 / rounds[2], 1e-6 * rounds[2]);
  // Flat buffers: values and averages, gradients and the two slots of RMSProp; 762,074 parameters.
  const int64_t predicted = report.at("memory").at("predicted_bytes");
  const int64_t tensors = report.at("memory").at("tensor_bytes");
  EXPECT_GT(predicted, 5 * 4 * 762074);
  EXPECT_GT(tensors, predicted * 9 / 10);
  EXPECT_GE(report.at("memory").at("measured_bytes").get<int64_t>(), tensors * 9 / 10);
  // Every node but the input is a step, and the loss. The recipe adds a dropout.
  const json& kinds = report.at("profile").at("kinds");
  const Graph graph = build_model("mnasnet-small", {.dropout_rate = 0.2});
  EXPECT_EQ(sum_of(kinds, "steps"), static_cast<double>(graph.nodes().size()));
  for (const json& kind : kinds) {
    EXPECT_GT(kind.at("forward_ms").get<double>(), 0.0) << kind;
    EXPECT_GT(kind.at("backward_ms").get<double>(), 0.0) << kind;
  }
  EXPECT_EQ(sum_of(report.at("profile").at("longest"), "steps"), 12);
  // Two operations a multiply-add, for the value and both gradients, but for the picture's.
  const Graph small = build_model("mnasnet-small", kSmall);
  const int64_t stem = 27 * element_count(small.node(1).shape);
  EXPECT_EQ(sum_of(kinds, "operations"), static_cast<double>(2 * 2 * (3 * count(small).multiply_adds - stem)));
}

TEST_F(Bench, InferRunsNothingBackward) {
  const json report = output_of({"infer", "mnasnet-small", "--batch=2", "--steps=1", "--rounds=2", "--profile"});
  EXPECT_EQ(sum_of(report.at("profile").at("kinds"), "backward_ms"), 0.0);
  const json& kinds = report.at("profile").at("kinds");
  EXPECT_GT(sum_of(kinds, "forward_ms"), 0.0);
  const Graph small = build_model("mnasnet-small", kSmall);
  EXPECT_EQ(sum_of(kinds, "operations"), static_cast<double>(2 * 2 * count(small).multiply_adds));
  const auto dense = std::ranges::find_if(kinds, [](const json& kind) { return kind.at("name") == "Dense"; });
  EXPECT_EQ(dense->at("bytes"), 4 * (2 * 1280 + 2 * 10 + 1280 * 10 + 10));
}

TEST_F(Bench, CheckFindsWhatAPrecisionLoses) {
  const json exact = output_of({"--check", "mnasnet-small", "--mode=eval", "--precision=fp64"});
  EXPECT_EQ(exact.at("worst").at("relative"), 0.0);
  const json fp32 = output_of({"--check", "mnasnet-small", "--mode=eval"});
  const json bf16 = output_of({"--check", "mnasnet-small", "--mode=eval", "--precision=bf16", "--worst=3"});
  EXPECT_GT(fp32.at("worst").at("relative").get<double>(), 1e-9);
  EXPECT_LT(fp32.at("worst").at("relative").get<double>(), 1e-4);
  EXPECT_GT(bf16.at("worst").at("relative").get<double>(), 1e-3);
  EXPECT_EQ(bf16.at("nodes").size(), 3U);
  EXPECT_EQ(bf16.at("nodes").at(0).at("name"), bf16.at("worst").at("name"));
  for (const json& node : fp32.at("nodes")) EXPECT_GT(node.at("largest").get<double>(), 0.0) << node;

  const ProgramResult above = run_netwright(
      {"bench", "--check", "mnasnet-small", "--mode=eval", "--image_size=32", "--precision=bf16", "--tolerance=1e-4"});
  EXPECT_EQ(above.exit_code, 1);
  EXPECT_THAT(above.err, HasSubstr("is above --tolerance=0.0001\n"));
}

TEST(BenchLoad, CountsImagesOfBothModes) {
  for (const char* mode : {"train", "eval"}) {
    const ProgramResult result =
        run_netwright({"bench", "load", "mnasnet-a1", "--data=fake", std::string("--mode=") + mode, "--batch=4",
                       "--image_size=32", "--steps=2", "--rounds=2", "--json"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const json report = json::parse(result.out);
    EXPECT_EQ(report.at("input_shape"), json({32, 32, 3}));
    EXPECT_EQ(report.at("images_per_second").at("rounds").size(), 2U);
  }
}

TEST(BenchLoad, RefusesDataThatAreNotThere) {
  const ProgramResult none = run_netwright({"bench", "load", "mnasnet-a1", "--data=/no/such/folder"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("/no/such/folder"));
  EXPECT_EQ(run_netwright({"bench", "load", "mnasnet-a1"}).exit_code, 2);
  EXPECT_EQ(run_netwright({"bench", "train", "mnasnet-a1", "--steps=0"}).exit_code, 2);
  EXPECT_EQ(run_netwright({"bench", "fly"}).exit_code, 2);
}

TEST_F(Bench, BuildCountsWhatTheGraphHas) {
  const ProgramResult result =
      run_netwright({"bench", "build", "mnasnet-a1", "amoeba_net_d", "--rounds=1", "--batch=2", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json rows = json::parse(result.out);
  ASSERT_EQ(rows.size(), 2U);
  for (const json& row : rows) {
    const Graph graph = build_model(row.at("name").get<std::string>());
    EXPECT_EQ(row.at("nodes"), graph.nodes().size());
    EXPECT_EQ(row.at("variables"), graph.parameters().size());
    // Each node and each step of the program takes some memory.
    EXPECT_GT(row.at("graph_bytes").get<size_t>(), sizeof(Node) * graph.nodes().size());
    EXPECT_GT(row.at("program_bytes").get<size_t>(), row.at("graph_bytes").get<size_t>());
  }
}

}  // namespace
}  // namespace netwright
