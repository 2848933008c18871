// Checkpoints: round trip, what TensorFlow wrote, damage, other networks.
#include "train/checkpoint.h"

#include <algorithm>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "core/file.h"
#include "formats/checkpoint_state.h"
#include "formats/safetensors.h"
#include "formats/support.h"
#include "formats/tensor_bundle.h"
#include "support/golden.h"
#include "train/support.h"
#include "train/weights.h"

namespace netwright {
namespace {

using test::error_of;
using test::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The buffers of a run, filled so that each element differs.
struct State {
  Graph graph;
  ParameterLayout layout{graph};
  std::unique_ptr<FlatBuffer> values;
  std::unique_ptr<FlatBuffer> averages;
  std::vector<std::unique_ptr<FlatBuffer>> slots;

  explicit State(float first, const ModelOptions& options = test::tiny_options())
      : graph(build_model(test::kTinyModel, options)) {
    values = filled(layout.size(), first);
    averages = filled(layout.size(), first + 1);
    slots.push_back(filled(layout.trainable_size(), first + 2));
    slots.push_back(filled(layout.trainable_size(), first + 3));
  }

  std::unique_ptr<FlatBuffer> filled(int64_t size, float first) const {
    std::vector<float> content(static_cast<size_t>(size), 0.0F);
    for (const FlatTensor& tensor : layout.tensors()) {
      if (tensor.offset >= size) continue;
      for (int64_t i = 0; i < tensor.size; ++i) {
        content[static_cast<size_t>(tensor.offset + i)] = first + static_cast<float>(tensor.offset + i) * 1e-3F;
      }
    }
    return test::upload(content);
  }

  TrainingBuffers buffers() const {
    return {&layout, values.get(), averages.get(), OptimizerKind::kRmsProp, {slots[0].get(), slots[1].get()}};
  }
};

constexpr TrainingProgress kProgress{.step = 7, .position = 28, .seed = ~0ULL, .loss_sum = 1.0 / 3, .loss_count = 2};

TEST(Checkpoint, GivesBackWhatWasSaved) {
  const TemporaryFolder folder;
  const State saved(5.0F);
  save_checkpoint(folder.path(), saved.buffers(), kProgress, 5);
  const State restored(0.0F);
  EXPECT_EQ(restore_checkpoint(*latest_checkpoint(folder.path()), restored.buffers(), {}, 4), kProgress);
  EXPECT_EQ(test::download(*restored.values), test::download(*saved.values));
  EXPECT_EQ(test::download(*restored.averages), test::download(*saved.averages));
  EXPECT_EQ(test::download(*restored.slots[0]), test::download(*saved.slots[0]));
  EXPECT_EQ(test::download(*restored.slots[1]), test::download(*saved.slots[1]));
}

TEST(Checkpoint, HasTensorFlowsNames) {
  const TemporaryFolder folder;
  const State saved(5.0F);
  save_checkpoint(folder.path(), saved.buffers(), kProgress, 5);
  const BundleReader reader(folder.file("model.ckpt-7"));
  const std::string gamma = "mnasnet-small/mnas_blocks_0/batch_normalization/gamma";
  for (const char* suffix : {"", "/ExponentialMovingAverage", "/RMSProp", "/RMSProp_1"}) {
    EXPECT_TRUE(reader.contains(gamma + suffix)) << suffix;
  }
  const std::string mean = "mnasnet-small/mnas_blocks_0/batch_normalization/moving_mean";
  EXPECT_TRUE(reader.contains(mean + "/ExponentialMovingAverage"));
  EXPECT_FALSE(reader.contains(mean + "/RMSProp"));
  EXPECT_EQ(reader.read_int64_scalar("global_step"), 7);
  const std::vector<std::string> order = reader.names_in_data_order();
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(Checkpoint, KeepsTheNewest) {
  const TemporaryFolder folder;
  const State state(1.0F);
  for (int64_t step = 1; step <= 4; ++step) save_checkpoint(folder.path(), state.buffers(), {.step = step}, 2);
  EXPECT_THAT(folder.names(), ElementsAre("checkpoint", "model.ckpt-3.data-00000-of-00001", "model.ckpt-3.index",
                                          "model.ckpt-4.data-00000-of-00001", "model.ckpt-4.index"));
  EXPECT_THAT(*latest_checkpoint(folder.path()), ::testing::EndsWith("model.ckpt-4"));
}

TEST(Checkpoint, RefusesDamage) {
  const TemporaryFolder folder;
  const State state(1.0F);
  save_checkpoint(folder.path(), state.buffers(), kProgress, 5);
  const std::string data = folder.file("model.ckpt-7.data-00000-of-00001");
  const std::string whole = read_file(data);
  const auto restored = [&] {
    return error_of([&] { restore_checkpoint(folder.file("model.ckpt-7"), state.buffers(), {}, 4); });
  };
  std::string flipped = whole;
  flipped[1000] = static_cast<char>(flipped[1000] ^ 0x10);
  write_file_atomically(data, flipped);
  EXPECT_THAT(restored(), HasSubstr("model.ckpt-7"));
  write_file_atomically(data, whole.substr(0, whole.size() / 2));
  EXPECT_THAT(restored(), HasSubstr("model.ckpt-7"));
  const std::string index = folder.file("model.ckpt-7.index");
  write_file_atomically(data, whole);
  write_file_atomically(index, read_file(index).substr(0, 100));
  EXPECT_THAT(restored(), HasSubstr("model.ckpt-7"));
}

TEST(Checkpoint, ListsWhatDoesNotFit) {
  const TemporaryFolder folder;
  const State state(1.0F);
  save_checkpoint(folder.path(), state.buffers(), kProgress, 5);
  const std::string prefix = folder.file("model.ckpt-7");

  ModelOptions more = test::tiny_options();
  more.classes = 11;
  const State other(0.0F, more);
  EXPECT_THAT(error_of([&] { restore_checkpoint(prefix, other.buffers(), {}, 4); }),
              HasSubstr("is not a checkpoint of this network; 8 of another shape: mnasnet-small/"));
  EXPECT_THAT(error_of([&] { load_weights(other.graph, prefix, false); }),
              HasSubstr("dense/bias is [10], expected [11]"));

  const Graph a1 = build_model("mnasnet-a1", test::tiny_options());
  const std::string message = error_of([&] { load_weights(a1, prefix, false); });
  EXPECT_THAT(message, HasSubstr(" missing: mnasnet-a1/"));
  EXPECT_THAT(message, HasSubstr(" extra: mnasnet-small/"));
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 0);
  EXPECT_EQ(std::count(message.begin(), message.end(), ','), 10);  // five names and "...", twice
}

TEST(Checkpoint, OtherOptimizersSlotsAreMissing) {
  const TemporaryFolder folder;
  const State state(1.0F);
  save_checkpoint(folder.path(), state.buffers(), kProgress, 5);
  TrainingBuffers momentum = state.buffers();
  momentum.optimizer = OptimizerKind::kMomentum;
  momentum.slots.pop_back();
  EXPECT_THAT(error_of([&] { restore_checkpoint(folder.file("model.ckpt-7"), momentum, {}, 4); }),
              HasSubstr("/Momentum"));
}

TEST(Weights, RawAndAveraged) {
  const TemporaryFolder folder;
  const State state(1.0F);
  save_checkpoint(folder.path(), state.buffers(), kProgress, 5);
  const LoadedWeights raw = load_weights(state.graph, folder.path(), false);
  EXPECT_EQ(raw.values, test::download(*state.values));
  EXPECT_FALSE(raw.averaged);
  EXPECT_EQ(raw.step, 7);
  const LoadedWeights averaged = load_weights(state.graph, folder.file("model.ckpt-7.index"), std::nullopt);
  EXPECT_EQ(averaged.values, test::download(*state.averages));
  EXPECT_TRUE(averaged.averaged);
}

TEST(Weights, Safetensors) {
  const TemporaryFolder folder;
  const State state(1.0F);
  const std::vector<float> values = test::download(*state.values);
  SafetensorsWriter writer;
  for (const FlatTensor& tensor : state.layout.tensors()) {
    writer.add_floats(tensor.name, tensor.shape,
                      std::span(values).subspan(static_cast<size_t>(tensor.offset), static_cast<size_t>(tensor.size)));
  }
  const std::string path = folder.file("weights.safetensors");
  writer.write(path);
  EXPECT_EQ(load_weights(state.graph, path, std::nullopt).values, values);
  EXPECT_EQ(
      error_of([&] { load_weights(state.graph, path, true); }),
      path + ": holds no moving averages (NAME/ExponentialMovingAverage); --noaverage takes the weights themselves");
}

TEST(Weights, MissingFilesAreNamed) {
  const TemporaryFolder folder;
  const State state(1.0F);
  for (const char* name : {"nothing", "nothing.safetensors"}) {
    EXPECT_THAT(error_of([&] { load_weights(state.graph, folder.file(name), std::nullopt); }), HasSubstr(name));
  }
  EXPECT_THAT(error_of([&] { load_weights(state.graph, folder.path(), std::nullopt); }), HasSubstr(folder.path()));
}

// TensorFlow's own checkpoint of a run of eight steps: everything is there for going on.
TEST(Checkpoint, ContinuesTensorFlows) {
  NETWRIGHT_NEEDS_GOLDEN("checkpoints/mnasnet-small");
  const State state(0.0F, {});
  const TrainingProgress fresh{.seed = 3};
  const TrainingProgress found = restore_checkpoint(golden + "/model.ckpt-8", state.buffers(), fresh, 256);
  EXPECT_EQ(found, (TrainingProgress{.step = 8, .position = 8 * 256, .seed = 3}));
  const BundleReader reader(golden + "/model.ckpt-8");
  const FlatTensor& last = state.layout.tensors()[3];
  const auto in = [&](const FlatBuffer& buffer) {
    std::vector<float> part(static_cast<size_t>(last.size));
    buffer.download(last.offset, part);
    return part;
  };
  EXPECT_EQ(in(*state.values), reader.read_floats(last.name));
  EXPECT_EQ(in(*state.averages), reader.read_floats(last.name + "/ExponentialMovingAverage"));
  EXPECT_EQ(in(*state.slots[0]), reader.read_floats(last.name + "/RMSProp"));
  EXPECT_EQ(in(*state.slots[1]), reader.read_floats(last.name + "/RMSProp_1"));
}

}  // namespace
}  // namespace netwright
