// `forward` against the original's logits from checkpoints that TensorFlow wrote, and against its own definitions.
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "commands/subprocess.h"
#include "core/file.h"
#include "engine/parameters.h"
#include "formats/safetensors.h"
#include "formats/tensor_bundle.h"
#include "support/golden.h"
#include "support/testing.h"

namespace netwright {
namespace {

namespace fs = std::filesystem;
using test::relative_difference;
using ::testing::AllOf;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Lt;

class Forward : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(NETWRIGHT_BINARY_DIR "/libnetwright_torch.so")) GTEST_SKIP() << "SKIPPED: built without libtorch";
    folder_ = fs::path(::testing::TempDir()) / ("forward_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    input_ = (folder_ / "in.safetensors").string();
    output_ = (folder_ / "out.safetensors").string();
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write_images(const Shape& shape, const std::vector<int64_t>& labels = {}, double scale = 2.0,
                    const std::string& name = "input/images") const {
    SafetensorsWriter file;
    file.add_floats("images", shape, golden::affine(name, element_count(shape), 0.0, scale));
    if (!labels.empty()) file.add_ints("labels", {static_cast<int64_t>(labels.size())}, labels);
    file.write(input_);
  }

  // Initial values of the model as a file of weights.
  std::string write_weights(const Graph& graph) const {
    const ParameterLayout layout(graph);
    std::vector<float> values(static_cast<size_t>(layout.size()));
    initialize_parameters(layout, 1, values);
    SafetensorsWriter file;
    for (const FlatTensor& tensor : layout.tensors()) {
      file.add_floats(tensor.name, tensor.shape,
                      std::span(values).subspan(static_cast<size_t>(tensor.offset), static_cast<size_t>(tensor.size)));
    }
    const std::string path = (folder_ / "weights.safetensors").string();
    file.write(path);
    return path;
  }

  ProgramResult forward(const std::string& model, const std::string& weights,
                        std::vector<std::string> more = {}) const {
    std::vector<std::string> args = {
        "forward", model, "--weights=" + weights, "--input=" + input_, "--output=" + output_, "--threads=1"};
    args.insert(args.end(), more.begin(), more.end());
    return run_netwright(args);
  }

  std::vector<float> logits_of(const std::string& model, const std::string& weights,
                               const std::vector<std::string>& more = {}) const {
    const ProgramResult result = forward(model, weights, more);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.out, "");
    return result.exit_code == 0 ? SafetensorsReader(output_).read_floats("logits") : std::vector<float>();
  }

  void expect_refused(const ProgramResult& result, const std::string& part) const {
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr(part));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_FALSE(fs::exists(output_));
  }

  fs::path folder_;
  std::string input_;
  std::string output_;
};

double tolerance(double noise) { return std::max(10.0 * noise, 1e-6); }

nlohmann::json read_json(const std::string& path) { return nlohmann::json::parse(std::ifstream(path)); }

TEST_F(Forward, GivesTheLogitsOfTensorFlowsCheckpoint) {
  NETWRIGHT_NEEDS_GOLDEN("checkpoints/mnasnet-small");
  const nlohmann::json noise = read_json(golden + "/model.ckpt-8.json").at("noise");
  const SafetensorsReader expected(golden + "/logits.safetensors");
  write_images({2, 224, 224, 3});
  const std::vector<float> raw = expected.read_floats("logits_eval_raw");
  const std::vector<float> averaged = expected.read_floats("logits_eval_ema");
  EXPECT_LE(relative_difference(raw, logits_of("mnasnet-small", golden, {"--noaverage"})),
            tolerance(noise.at("logits_eval_raw")));
  EXPECT_LE(relative_difference(averaged, logits_of("mnasnet-small", golden + "/model.ckpt-8", {"--average"})),
            tolerance(noise.at("logits_eval_ema")));
  EXPECT_EQ(SafetensorsReader(output_).metadata().at("weights"), "averaged");
  EXPECT_GT(relative_difference(raw, averaged), 1e-3);
}

TEST_F(Forward, GivesTheLogitsOfAShardedCheckpoint) {
  NETWRIGHT_NEEDS_GOLDEN("checkpoints/sharded");
  const nlohmann::json noise = golden::json_of("mnasnet/mnasnet-a1-035-10.json").at("noise");
  const SafetensorsReader expected(golden::path_of("mnasnet/mnasnet-a1-035-10.safetensors"));
  const std::vector<std::string> model = {"--depth_multiplier=0.35", "--classes=10"};
  std::vector<std::string> train = model;
  train.emplace_back("--mode=train");
  write_images({2, 64, 64, 3});
  EXPECT_LE(relative_difference(expected.read_floats("logits_eval"), logits_of("mnasnet-a1", golden, model)),
            tolerance(noise.at("logits_eval")));
  EXPECT_LE(relative_difference(expected.read_floats("logits_train"), logits_of("mnasnet-a1", golden, train)),
            tolerance(noise.at("logits_train")));
}

// By the network's name and by the specification that the original wrote beside the checkpoint.
TEST_F(Forward, GivesTheLogitsOfTunasCheckpoint) {
  NETWRIGHT_NEEDS_GOLDEN("checkpoints/tunas-mobilenet_v2-x0.35");
  // No noise is recorded: images larger by 1e-6 of themselves move these logits by so much.
  constexpr double kNoise = 1.4e-6;
  const std::vector<float> expected = SafetensorsReader(golden + "/logits_eval.safetensors").read_floats("logits_eval");
  write_images({8, 64, 64, 3}, {}, 2.0, "input/validation_images");
  const std::vector<float> named = logits_of("mobilenet_v2", golden, {"--filters_multiplier=0.35"});
  EXPECT_LE(relative_difference(expected, named), tolerance(kNoise));
  EXPECT_EQ(logits_of(golden + "/model_spec.json", golden), named);
}

TEST_F(Forward, EndpointsAreTheNetworksOwnValues) {
  const ModelOptions options = {.classes = 7, .height = 33, .width = 47, .width_coefficient = 0.25};
  const Graph graph = build_model("efficientnet-b0", options);
  const std::string weights = write_weights(graph);
  write_images({2, 33, 47, 3});
  const std::vector<std::string> flags = {"--classes=7", "--width_coefficient=0.25", "--mode=train", "--endpoints"};
  const std::vector<float> logits = logits_of("EfficientNetB0", weights, flags);
  const SafetensorsReader file(output_);
  for (const NamedNode& endpoint : graph.endpoints()) {
    Shape shape = graph.node(endpoint.node).shape;
    shape.insert(shape.begin(), 2);
    ASSERT_TRUE(file.contains(endpoint.name)) << endpoint.name;
    EXPECT_EQ(file.find(endpoint.name)->shape, shape) << endpoint.name;
  }
  EXPECT_EQ(file.tensors().size(), graph.endpoints().size() + 1);
  // The dense layer by hand, from the endpoint before it.
  const std::vector<float> pooled = file.read_floats("global_pool");
  const SafetensorsReader stored(weights);
  const std::vector<float> kernel = stored.read_floats("efficientnet-b0/head/dense/kernel");
  std::vector<float> expected(logits.size());
  const size_t features = pooled.size() / 2;
  for (size_t i = 0; i < expected.size(); ++i) {
    double sum = 0.0;
    for (size_t k = 0; k < features; ++k) sum += pooled[i / 7 * features + k] * kernel[k * 7 + i % 7];
    expected[i] = static_cast<float>(sum);
  }
  EXPECT_LE(relative_difference(expected, logits), 1e-5);
  const auto expected_metadata = std::map<std::string, std::string>{
      {"model", "efficientnet-b0"}, {"mode", "train"}, {"precision", "fp32"}, {"weights", "raw"}};
  EXPECT_EQ(file.metadata(), expected_metadata);
}

TEST_F(Forward, StatisticsOfTheBatchUndoTheImagesScale) {
  const std::string weights = write_weights(build_model("mnasnet-small", {.classes = 5}));
  std::map<std::string, std::vector<float>> logits;
  for (const double scale : {2.0, 8.0}) {
    write_images({4, 64, 64, 3}, {}, scale);
    for (const std::string mode : {"train", "eval"}) {
      const std::vector<float> found = logits_of("mnasnet-small", weights, {"--classes=5", "--mode=" + mode});
      if (scale == 2.0) {
        logits[mode] = found;
      } else if (mode == "train") {
        EXPECT_LE(relative_difference(logits[mode], found), 0.05);
      } else {
        EXPECT_THAT(relative_difference(logits[mode], found), AllOf(Ge(0.5), Lt(INFINITY)));
      }
    }
  }
}

TEST_F(Forward, LossIsTheMeanCrossEntropyInEveryPrecision) {
  const std::string weights = write_weights(build_model("mnasnet-small", {.classes = 5}));
  write_images({3, 64, 64, 3}, {4, 0, 2});
  std::vector<float> exact;
  for (const char* precision : {"fp64", "fp32", "bf16"}) {
    const std::vector<float> logits =
        logits_of("mnasnet-small", weights, {"--classes=5", std::string("--precision=") + precision});
    ASSERT_EQ(logits.size(), 15U);
    double loss = 0.0;
    for (size_t i = 0; i < 3; ++i) {
      double sum = 0.0;
      for (size_t c = 0; c < 5; ++c) sum += std::exp(static_cast<double>(logits[5 * i + c]));
      loss += (std::log(sum) - logits[5 * i + std::vector<size_t>{4, 0, 2}[i]]) / 3.0;
    }
    EXPECT_NEAR(SafetensorsReader(output_).read_floats("loss").at(0), loss, 1e-6) << precision;
    if (exact.empty()) exact = logits;
    const double difference = relative_difference(exact, logits);
    EXPECT_LE(difference, std::string(precision) == "bf16" ? 1e-1 : 1e-5) << precision;
    if (std::string(precision) == "bf16") {
      EXPECT_GT(difference, 1e-5);
    }
  }
}

TEST_F(Forward, RefusesWhatDoesNotFit) {
  const std::string weights = write_weights(build_model("mnasnet-small", {.classes = 5}));
  write_images({2, 32, 32, 3}, {4, 5});
  expect_refused(forward("mnasnet-small", weights, {"--classes=5"}), "labels[1] is 5, expected 0 to 4");
  write_images({2, 32, 32, 3}, {4, 5, 6});
  expect_refused(forward("mnasnet-small", weights), "`labels` is [3], expected [2], one an image");
  write_images({2, 32, 32, 1});
  expect_refused(forward("mnasnet-small", weights), "`images` is [2, 32, 32, 1], expected [N, H, W, 3]");
  write_images({2, 32, 32, 3});
  expect_refused(
      forward("mnasnet-small", weights),
      "2 of another shape: mnasnet-small/mnas_net_model/mnas_head/dense/kernel is [1280,5], expected [1280,1000]");
  expect_refused(forward("mnasnet-a1", weights, {"--classes=5"}), "is not a checkpoint of this network");
  expect_refused(forward("mnasnet-small", weights, {"--classes=5", "--average"}), "holds no moving averages");
  expect_refused(forward("mnasnet-small", weights, {"--image_size=32"}), "--image_size is told by the images");
  expect_refused(forward("mnasnet-smal", weights), "did you mean mnasnet-small");
  expect_refused(forward("mnasnet-small", (folder_ / "none.safetensors").string()), "none.safetensors");
  write_file_atomically(input_, "not a safetensors file");
  expect_refused(forward("mnasnet-small", weights), "in.safetensors");
  SafetensorsWriter other;
  other.add_floats("pixels", {1}, std::vector<float>{1.0F});
  other.write(input_);
  expect_refused(forward("mnasnet-small", weights), "has no tensor `images`; it has pixels");
}

}  // namespace
}  // namespace netwright
