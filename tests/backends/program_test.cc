// Programs of whole networks: every family of the registry, precisions, memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "core/random.h"
#include "engine/program.h"
#include "models/registry.h"
#include "support/testing.h"

namespace netwright {
namespace {

// A thin copy of a registered network, so that the largest runs in a moment.
ModelOptions thin_options(const ModelInfo& model) {
  ModelOptions options;
  options.classes = 7;
  options.height = 32;
  options.width = 32;
  // By the means that the model's family has.
  ModelOptions narrow = options;
  narrow.depth_multiplier = 0.25;
  ModelOptions narrow_and_short = options;
  narrow_and_short.width_coefficient = 0.25;
  narrow_and_short.depth_coefficient = 0.5;
  ModelOptions scaled = options;
  scaled.filters_multiplier = 0.25;
  ModelOptions few_cells = options;
  few_cells.height = few_cells.width = 67;
  few_cells.num_cells = 3;
  few_cells.reduction_size = 16;
  few_cells.stem_reduction_size = 8;
  for (const ModelOptions& thin : {narrow, narrow_and_short, few_cells, scaled}) {
    if (test::error_of([&] { build_model(model.name, thin); }) == "(no error)") return thin;
  }
  return options;
}

struct Inputs {
  std::vector<float> images;
  std::vector<float> labels;
  std::vector<float> weights;

  Inputs(const Graph& graph, int64_t batch) {
    RandomStream random(3, RandomPurpose::kTest);
    images.resize(static_cast<size_t>(batch * element_count(graph.input_shape())));
    for (float& value : images) value = static_cast<float>(random.normal());
    const int64_t classes = graph.classes();
    labels.resize(static_cast<size_t>(batch * classes));
    std::vector<int32_t> indices(static_cast<size_t>(batch));
    for (int32_t& index : indices) index = static_cast<int32_t>(random.below(static_cast<uint64_t>(classes)));
    one_hot(indices, classes, labels);
    weights.assign(static_cast<size_t>(batch), 1.0F / static_cast<float>(batch));
  }
  void give(Program& program) const {
    program.set_images(images);
    program.set_labels(labels);
    program.set_weights(weights);
  }
};

std::unique_ptr<FlatBuffer> initial_values(Backend& backend, const ParameterLayout& layout, uint64_t seed = 1) {
  std::vector<float> values(static_cast<size_t>(layout.size()));
  initialize_parameters(layout, seed, values);
  auto buffer = backend.make_buffer(layout.size(), 0.0F);
  buffer->upload(0, values);
  return buffer;
}

TEST(Registry, EveryModelRunsAndEveryParameterHasAGradient) {
  Backend& backend = load_backend("torch", {});
  for (const ModelInfo& model : all_models()) {
    SCOPED_TRACE(model.name);
    const Graph graph = build_model(model.name, thin_options(model));
    Program program(graph, backend, training_options(graph, 4, Precision::kFloat32, 0.1));
    const Inputs inputs(graph, 4);
    inputs.give(program);
    program.draw_masks(1, 0, 0);
    const auto values = initial_values(backend, program.layout());
    const auto gradients = backend.make_buffer(program.layout().trainable_size(), NAN);
    program.forward(*values);
    program.backward(*values, *gradients, false);
    EXPECT_TRUE(std::isfinite(program.loss()));
    std::vector<float> found(static_cast<size_t>(program.layout().trainable_size()));
    gradients->download(0, found);
    int gates = 0;
    int learning_gates = 0;
    for (const FlatTensor& tensor : program.layout().tensors()) {
      if (tensor.offset >= program.layout().trainable_size()) continue;
      const auto begin = found.begin() + tensor.offset;
      EXPECT_TRUE(std::all_of(begin, begin + tensor.size, [](float g) { return std::isfinite(g); })) << tensor.name;
      // A squeeze of a few units may all be off; a kernel that learns nothing is a broken backward.
      const bool may_rest =
          tensor.name.find("/se/") != std::string::npos || tensor.name.find("/ParallelProduct/") != std::string::npos;
      const bool learns = std::any_of(begin, begin + tensor.size, [](float g) { return g != 0.0F; });
      EXPECT_TRUE(may_rest || learns) << tensor.name;
      gates += may_rest ? 1 : 0;
      learning_gates += may_rest && learns ? 1 : 0;
    }
    EXPECT_EQ(learning_gates > 0, gates > 0) << gates << " parameters of gates";
  }
}

TEST(Shapes, OfExecutionEqualInference) {
  Backend& backend = load_backend("torch", {});
  const ModelInfo& model = find_model("efficientnet-condconv-b0-4e");
  ModelOptions thin = thin_options(model);
  // Height and width differ, uneven and even, so that an axis treated as the other changes the size.
  thin.height = 33;
  thin.width = 50;
  const Graph graph = build_model(model.name, thin);
  LowerOptions options = inference_options(2, Precision::kFloat32);
  for (NodeId id = 1; id < static_cast<NodeId>(graph.nodes().size()); ++id) options.keep.push_back(id);
  Program program(graph, backend, options);
  const Inputs inputs(graph, 2);
  inputs.give(program);
  const auto values = initial_values(backend, program.layout());
  program.forward(*values);
  // read() refuses a value whose size is not the inferred one.
  for (const NodeId id : options.keep) EXPECT_NO_THROW(program.read(id)) << operator_name(graph.node(id).op);
}

std::vector<float> evaluation_logits(const Graph& graph, FlatBuffer& values, Precision precision) {
  Program program(graph, load_backend("torch", {}), inference_options(8, precision));
  const Inputs inputs(graph, 8);
  inputs.give(program);
  program.forward(values);
  return program.read(graph.output("logits"));
}

// The largest difference of bf16's logits from fp32's, relative to the largest logit.
double rounding_of_logits(const Graph& graph, FlatBuffer& values) {
  const std::vector<float> exact = evaluation_logits(graph, values, Precision::kFloat32);
  const std::vector<float> rounded = evaluation_logits(graph, values, Precision::kBfloat16);
  return test::relative_difference(exact, rounded);
}

TEST(Bfloat16, LogitsStayNearThoseOfFloat32) {
  for (const char* model :
       {"efficientnet-b0", "efficientnet-lite0", "mnasnet-small", "mnasnet-b1", "mnasnet-a1", "mnasnet-d1"}) {
    const Graph graph = build_model(model);
    const auto values = initial_values(load_backend("torch", {}), ParameterLayout(graph), 0);
    const double difference = rounding_of_logits(graph, *values);
    EXPECT_LT(difference, 3e-2) << model;
    EXPECT_GT(difference, 0.0) << model;
  }
}

// As of a trained network: every batch norm has a scale and a shift of its own.
std::unique_ptr<FlatBuffer> values_with_statistics(const Graph& graph) {
  const ParameterLayout layout(graph);
  auto buffer = initial_values(load_backend("torch", {}), layout);
  RandomStream random(4, RandomPurpose::kTest);
  for (const FlatTensor& tensor : layout.tensors()) {
    const bool is_shift = tensor.role == ParameterRole::kBeta || tensor.role == ParameterRole::kMovingMean;
    const bool is_scale = tensor.role == ParameterRole::kGamma || tensor.role == ParameterRole::kMovingVariance;
    if (!is_shift && !is_scale) continue;
    std::vector<float> values(static_cast<size_t>(tensor.size));
    for (float& value : values) value = static_cast<float>(random.uniform()) + (is_scale ? 0.5F : -0.5F);
    buffer->upload(tensor.offset, values);
  }
  return buffer;
}

TEST(FoldedBatchNorm, ScalesAndShiftsAsOfItsOwn) {
  for (const char* model : {"mnasnet-a1", "efficientnet-b0", "amoebanet-d"}) {
    const Graph graph = build_model(model, thin_options(find_model(model)));
    const auto values = values_with_statistics(graph);
    EXPECT_LT(rounding_of_logits(graph, *values), 3e-2) << model;
  }
}

TEST(FoldedBatchNorm, FollowsTheMovingStatistics) {
  Backend& backend = load_backend("torch", {});
  const Graph graph = build_model("mnasnet-small", thin_options(find_model("mnasnet-small")));
  const auto values = values_with_statistics(graph);
  const Inputs inputs(graph, 8);
  Program evaluation(graph, backend, inference_options(8, Precision::kBfloat16));
  inputs.give(evaluation);
  evaluation.forward(*values);
  const std::vector<float> before = evaluation.read(graph.output("logits"));
  Program training(graph, backend, training_options(graph, 8, Precision::kBfloat16, 0.0));
  inputs.give(training);
  training.draw_masks(1, 0, 0);
  training.forward(*values);
  evaluation.forward(*values);
  const std::vector<float> after = evaluation.read(graph.output("logits"));
  EXPECT_NE(after, before);
  EXPECT_EQ(after, evaluation_logits(graph, *values, Precision::kBfloat16));
}

TEST(FoldedBatchNorm, LeavesValuesThatTheCallerReads) {
  Backend& backend = load_backend("torch", {});
  const Graph graph = build_model("mnasnet-small", thin_options(find_model("mnasnet-small")));
  constexpr NodeId kStem = 1;
  ASSERT_TRUE(std::holds_alternative<Conv2D>(graph.node(kStem).op));
  const auto values = values_with_statistics(graph);
  const Inputs inputs(graph, 8);
  std::map<Precision, std::vector<float>> stem;
  for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
    LowerOptions options = inference_options(8, precision);
    options.keep = {kStem};
    Program program(graph, backend, options);
    inputs.give(program);
    program.forward(*values);
    stem[precision] = program.read(kStem);
  }
  for (size_t i = 0; i < stem[Precision::kFloat32].size(); ++i) {
    ASSERT_NEAR(stem[Precision::kBfloat16][i], stem[Precision::kFloat32][i], 3e-2);
  }
  const Program folded(graph, backend, inference_options(8, Precision::kBfloat16));
  EXPECT_THAT(test::error_of([&] { folded.read(kStem); }),
              testing::HasSubstr("never stores the value of node 1, Conv2D"));
}

// Predicted by what tensors held at most in a second pass.
double predicted_share(const Graph& graph, int batch, Precision precision) {
  Backend& backend = load_backend("torch", {});
  Program program(graph, backend, training_options(graph, batch, precision, 0.1));
  const Inputs inputs(graph, batch);
  inputs.give(program);
  program.draw_masks(1, 0, 0);
  const auto values = initial_values(backend, program.layout());
  const auto gradients = backend.make_buffer(program.layout().trainable_size(), 0.0F);
  const int64_t before = backend.allocated_bytes();
  program.forward(*values);
  program.backward(*values, *gradients, false);
  backend.reset_peak_allocated_bytes();
  program.forward(*values);
  program.backward(*values, *gradients, false);
  const auto measured = static_cast<double>(backend.peak_allocated_bytes() - before);
  return static_cast<double>(program.plan().peak_bytes) / measured;
}

TEST(Memory, PredictedPeakIsWithinATenthOfWhatTensorsHeld) {
  for (const char* model : {"efficientnet-b0", "mnasnet-a1"}) {
    const Graph graph = build_model(model);
    for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
      EXPECT_NEAR(predicted_share(graph, 16, precision), 1.0, 0.1) << model << " " << to_string(precision);
    }
  }
}

// Two images through many wide convolutions, whose copies are most of it.
TEST(Memory, CopiesOfKernelsArePredicted) {
  const Graph graph = build_model("amoeba_net_d-fast");
  EXPECT_NEAR(predicted_share(graph, 2, Precision::kFloat32), 1.0, 0.1);
}

TEST(Determinism, TwoRunsAreEqualBitForBit) {
  Backend& backend = load_backend("torch", {});
  const Graph graph = build_model("efficientnet-b0", thin_options(find_model("efficientnet-b0")));
  std::vector<float> first;
  for (int run = 0; run < 2; ++run) {
    Program program(graph, backend, training_options(graph, 8, Precision::kFloat32, 0.1));
    const Inputs inputs(graph, 8);
    inputs.give(program);
    program.draw_masks(5, 6, 7);
    const auto values = initial_values(backend, program.layout());
    const auto gradients = backend.make_buffer(program.layout().trainable_size(), 0.0F);
    program.forward(*values);
    program.backward(*values, *gradients, false);
    std::vector<float> found(static_cast<size_t>(program.layout().trainable_size()));
    gradients->download(0, found);
    if (run == 0) first = found;
    EXPECT_EQ(found, first);
  }
}

TEST(Lowering, RefusesWhatCannotBe) {
  Backend& backend = load_backend("torch", {});
  const Graph graph = build_model("mnasnet-small", thin_options(find_model("mnasnet-small")));
  LowerOptions options = training_options(graph, 0, Precision::kFloat32, 0.0);
  EXPECT_THROW(Program(graph, backend, options), Error);
  options.batch = 6;
  options.batch_parts = 4;
  EXPECT_THROW(Program(graph, backend, options), Error);
  options = inference_options(2, Precision::kFloat32);
  options.update_moving = true;
  EXPECT_THROW(Program(graph, backend, options), Error);
  EXPECT_THROW(load_backend("tpu", {}), Error);
}

}  // namespace
}  // namespace netwright
