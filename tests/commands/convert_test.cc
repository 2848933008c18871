// `netwright convert`: files, names, and what it refuses. tests/interop compares with timm and torchvision.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "commands/subprocess.h"
#include "formats/safetensors.h"
#include "formats/tensor_bundle.h"
#include "models/registry.h"
#include "support/testing.h"
#include "train/run_info.h"
#include "train/weights.h"

namespace netwright {
namespace {

using ::testing::HasSubstr;

const ModelOptions kSmall = {.classes = 10, .height = 64, .width = 64, .depth_multiplier = 0.35};

class Convert : public ::testing::Test {
 protected:
  Convert() : graph_(build_model("mnasnet-a1", kSmall)), values_(static_cast<size_t>(ParameterLayout(graph_).size())) {
    initialize_parameters(ParameterLayout(graph_), 5, values_);
    save_safetensors(file("tf.safetensors"), graph_, values_, kTensorFlowNames, {.step = 12, .texts = {}});
  }

  std::string file(const std::string& name) const { return folder_.file(name); }
  static ProgramResult convert(std::vector<std::string> words) {
    words.insert(words.begin(), "convert");
    return run_netwright(words);
  }
  // Of the small network.
  ProgramResult convert_small(const std::string& from, const std::string& to, std::vector<std::string> more = {}) {
    std::vector<std::string> words = {
        "mnasnet-a1",          "--classes=10", "--image_size=64", "--depth_multiplier=0.35", "--weights=" + file(from),
        "--output=" + file(to)};
    words.insert(words.end(), more.begin(), more.end());
    return convert(words);
  }
  LoadedWeights load(const std::string& name) const { return load_weights(graph_, file(name), std::nullopt); }
  static void refuses(const ProgramResult& result, const std::string& message) {
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr(message));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }

  test::TemporaryFolder folder_;
  Graph graph_;
  std::vector<float> values_;
};

TEST_F(Convert, ThroughEveryKindOfFile) {
  ProgramResult result = convert_small("tf.safetensors", "timm.safetensors", {"--names=timm"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("tensorflow names to timm names"));
  const SafetensorsReader timm(file("timm.safetensors"));
  ASSERT_TRUE(timm.contains("blocks.2.1.conv_dw.weight"));
  EXPECT_EQ(timm.find("blocks.2.1.conv_dw.weight")->shape, (Shape{48, 1, 5, 5}));
  EXPECT_EQ(timm.find("bn1.num_batches_tracked")->dtype, "I64");
  EXPECT_EQ(load("timm.safetensors").values, values_);
  EXPECT_EQ(load("timm.safetensors").names, "timm");
  // The file tells the model.
  result = convert({"--weights=" + file("timm.safetensors"), "--output=" + file("model.ckpt"), "--shadows"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const LoadedWeights bundle = load("model.ckpt");
  EXPECT_EQ(bundle.values, values_);
  EXPECT_TRUE(bundle.averaged);
  result = convert({"--weights=" + file("model.ckpt"), "--output=" + file("told.safetensors")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(load("told.safetensors").values, values_);
  EXPECT_EQ(convert_small("model.ckpt.index", "lukemelas.safetensors", {"--names=lukemelas", "--noaverage"}).exit_code,
            0);
  EXPECT_TRUE(SafetensorsReader(file("lukemelas.safetensors")).contains("_blocks.15._bn2.running_var"));
  EXPECT_EQ(load("lukemelas.safetensors").values, values_);
  EXPECT_EQ(load("lukemelas.safetensors").names, "lukemelas");
}

TEST_F(Convert, KeepsTheStep) {
  ASSERT_EQ(convert_small("tf.safetensors", "model.ckpt").exit_code, 0);
  EXPECT_EQ(load("model.ckpt").step, 12);
  EXPECT_FALSE(load("model.ckpt").averaged);
}

TEST_F(Convert, CarriesWhatTheNetworkExpects) {
  ASSERT_EQ(convert_small("tf.safetensors", "out.safetensors", {"--eval_crop=none", "--resize=bicubic"}).exit_code, 0);
  const SafetensorsReader reader(file("out.safetensors"));
  const WeightsOrigin origin = parse_origin(reader.metadata().at(std::string(kOriginKey)), "out");
  EXPECT_EQ(origin.model, "mnasnet-a1");
  EXPECT_EQ(origin.options.depth_multiplier, 0.35);
  EXPECT_EQ(origin.input.height, 64);
  EXPECT_EQ(origin.input.crop, CentreCrop::kNone);
  EXPECT_EQ(origin.input.resize, ResizeMethod::kBicubic);
  EXPECT_EQ(origin.input.mean, graph_.input_spec().mean);
}

TEST_F(Convert, RefusesOtherNetworks) {
  // Ten names in all.
  const ProgramResult other =
      convert({"mnasnet-b1", "--weights=" + file("tf.safetensors"), "--output=" + file("x.safetensors")});
  refuses(other, "tf.safetensors: is not a checkpoint of this network; ");
  EXPECT_THAT(other.err, HasSubstr(" missing: mnasnet-b1/"));
  EXPECT_THAT(other.err, HasSubstr(" extra: mnasnet-a1/"));
  EXPECT_EQ(std::count(other.err.begin(), other.err.end(), ','), 10);
  // Another width, with timm's names.
  ASSERT_EQ(convert_small("tf.safetensors", "timm.safetensors", {"--names=timm"}).exit_code, 0);
  const Graph wide = build_model("mnasnet-a1", {.classes = 10, .height = 64, .width = 64});
  const std::string message = test::error_of([&] { load_weights(wide, file("timm.safetensors"), std::nullopt); });
  EXPECT_THAT(message, HasSubstr("of another shape: conv_stem.weight is [16,3,3,3], expected [32,3,3,3], "));
  // One tensor that is missing, one too many.
  const SafetensorsReader timm(file("timm.safetensors"));
  SafetensorsWriter writer;
  for (const SafeTensor& tensor : timm.tensors()) {
    const std::string name = tensor.name == "conv_head.weight" ? "conv_tail.weight" : tensor.name;
    writer.add(name, tensor.dtype, tensor.shape, timm.read_raw(tensor.name));
  }
  writer.write(file("renamed.safetensors"));
  EXPECT_EQ(test::error_of([&] { load("renamed.safetensors"); }),
            file("renamed.safetensors") +
                ": is not a checkpoint of this network; 1 missing: conv_head.weight; 1 extra: conv_tail.weight");
}

TEST_F(Convert, RefusesWhatItCanNotWrite) {
  refuses(convert_small("tf.safetensors", "out.pth"), "PyTorch's own files are read, not written");
  refuses(convert_small("tf.safetensors", "model.ckpt", {"--names=timm"}), "--names=timm goes with");
  refuses(convert_small("tf.safetensors", "out.safetensors", {"--shadows"}), "--shadows goes with a TensorFlow");
  refuses(convert_small("tf.safetensors", "none/out.safetensors"), "there is no folder");
  refuses(convert_small("tf.safetensors", ""), "is a folder; name a file");
  refuses(convert({"mnasnet-a1", "--weights=" + file("tf.safetensors")}), "--output is missing");
  refuses(convert({"--weights=" + file("tf.safetensors"), "--output=" + file("a.safetensors")}), "name it: MODEL");
  const Graph x = build_model("efficientnet-x-b0", {.height = 32, .width = 32});
  const std::vector<float> zeros(static_cast<size_t>(ParameterLayout(x).size()));
  EXPECT_EQ(test::error_of([&] { save_safetensors(file("x.safetensors"), x, zeros, "timm", {}); }),
            "efficientnet-x-b0: timm has no names for all layers of this network");
}

}  // namespace
}  // namespace netwright
