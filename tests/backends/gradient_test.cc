// Gradients of every operator against central differences in fp64.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <ostream>

#include "core/random.h"
#include "engine/program.h"
#include "graph/builder.h"

namespace netwright {
namespace {

constexpr int64_t kBatch = 4;
constexpr int64_t kSize = 6;
constexpr int64_t kChannels = 4;
constexpr int64_t kClasses = 3;

// Adds the operator under test to a picture [6, 6, 4]; gives its output.
using Build = std::function<NodeId(GraphBuilder&, NodeId)>;

struct OperatorCase {
  const char* name;
  Build build;
  int batch_parts = 1;
};

void PrintTo(const OperatorCase& operator_case, std::ostream* out) { *out << operator_case.name; }

ParameterRef kernel(GraphBuilder& builder, const char* name, Shape shape, ParameterRole role = ParameterRole::kKernel) {
  return builder.parameter({name, std::move(shape), role, {Initializer::Kind::kUniform, 0.4}, 1.0});
}

Window window(int size, int stride, Padding padding = Padding::kSame, int dilation = 1) {
  return {size, size, stride, stride, dilation, padding};
}

BatchNorm batch_norm(GraphBuilder& builder, int64_t channels, BatchNormCombine combine = BatchNormCombine::kNone) {
  BatchNorm norm;
  norm.combine = combine;
  norm.gamma = builder.parameter({"gamma", {channels}, ParameterRole::kGamma, {Initializer::Kind::kUniform, 2.0}, 0.0});
  norm.beta = builder.parameter({"beta", {channels}, ParameterRole::kBeta, {Initializer::Kind::kUniform, 1.0}, 0.0});
  norm.moving_mean = builder.parameter({"mean", {channels}, ParameterRole::kMovingMean, {}, 0.0});
  norm.moving_variance =
      builder.parameter({"variance", {channels}, ParameterRole::kMovingVariance, {Initializer::Kind::kOnes, 0}, 0.0});
  return norm;
}

Build convolution(Window geometry, int64_t groups = 1, bool bias = false) {
  return [=](GraphBuilder& b, NodeId x) {
    Conv2D op{geometry, 8, groups, {}, {}};
    op.kernel = kernel(b, "kernel", {geometry.kernel_h, geometry.kernel_w, kChannels / groups, 8});
    if (bias) op.bias = kernel(b, "bias", {8}, ParameterRole::kBias);
    return b.add(op, {x});
  };
}

Build depthwise(Window geometry, bool bias = false, int64_t multiplier = 1) {
  return [=](GraphBuilder& b, NodeId x) {
    DepthwiseConv2D op{geometry, multiplier, {}, {}};
    op.kernel = kernel(b, "kernel", {geometry.kernel_h, geometry.kernel_w, kChannels, multiplier},
                       ParameterRole::kDepthwiseKernel);
    if (bias) op.bias = kernel(b, "bias", {kChannels * multiplier}, ParameterRole::kBias);
    return b.add(op, {x});
  };
}

Build pool(PoolKind kind, Window geometry) {
  return [=](GraphBuilder& b, NodeId x) { return b.add(Pool{kind, geometry}, {x}); };
}

Build activation(ActivationKind kind) {
  return [=](GraphBuilder& b, NodeId x) { return b.add(Activation{kind}, {x}); };
}

// Of values that lie on every side of the bends at 3, -3 and 6.
Build bent_activation(ActivationKind kind) {
  return [=](GraphBuilder& b, NodeId x) { return b.add(Activation{kind}, {b.add(Weigh{8.0}, {x})}); };
}

// Routing weights from the picture itself, then per-example kernels.
NodeId experts(GraphBuilder& b, NodeId x, Shape kernel_shape) {
  const NodeId pooled = b.add(GlobalPool{}, {x});
  Dense dense{2, kernel(b, "routing", {kChannels, 2}, ParameterRole::kDenseKernel), {}};
  const NodeId routing = b.add(Activation{ActivationKind::kSigmoid}, {b.add(dense, {pooled})});
  const int64_t flat = element_count(kernel_shape);
  return b.add(MixExperts{std::move(kernel_shape), kernel(b, "experts", {2, flat}, ParameterRole::kExpertKernels)},
               {routing});
}

std::vector<OperatorCase> operator_cases() {
  return {
      {"Conv2D_1x1", convolution(window(1, 1))},
      {"Conv2D_3x3_bias", convolution(window(3, 1), 1, true)},
      {"Conv2D_3x3_stride2_uneven", convolution(window(3, 2))},
      {"Conv2D_5x5_stride2_uneven", convolution(window(5, 2))},
      {"Conv2D_2x2_uneven", convolution(window(2, 1))},
      {"Conv2D_valid", convolution(window(3, 1, Padding::kValid))},
      {"Conv2D_symmetric_stride2", convolution(window(3, 2, Padding::kSymmetric))},
      {"Conv2D_dilated", convolution(window(3, 1, Padding::kSame, 2))},
      {"Conv2D_groups", convolution(window(3, 1), 2)},
      {"Conv2D_rectangle", convolution({3, 1, 2, 1, 1, Padding::kSame})},
      {"DepthwiseConv2D_3x3", depthwise(window(3, 1), true)},
      {"DepthwiseConv2D_3x3_stride2_uneven", depthwise(window(3, 2))},
      {"DepthwiseConv2D_5x5_stride2_uneven", depthwise(window(5, 2))},
      {"DepthwiseConv2D_dilated", depthwise(window(3, 1, Padding::kSame, 2))},
      {"DepthwiseConv2D_multiplier", depthwise(window(3, 2), true, 3)},
      {"BatchNorm", [](GraphBuilder& b, NodeId x) { return b.add(batch_norm(b, kChannels), {x}); }},
      {"BatchNorm_two_parts", [](GraphBuilder& b, NodeId x) { return b.add(batch_norm(b, kChannels), {x}); }, 2},
      {"BatchNorm_two_parts_combined",
       [](GraphBuilder& b, NodeId x) {
         return b.add(batch_norm(b, kChannels, BatchNormCombine::kMeanOfVariances), {x});
       },
       2},
      {"Activation_relu", activation(ActivationKind::kRelu)},
      {"Activation_relu6", bent_activation(ActivationKind::kRelu6)},
      {"Activation_swish", activation(ActivationKind::kSwish)},
      {"Activation_sigmoid", activation(ActivationKind::kSigmoid)},
      {"Activation_hard_swish", bent_activation(ActivationKind::kHardSwish)},
      {"Activation_hard_sigmoid", bent_activation(ActivationKind::kHardSigmoid)},
      {"Activation_tanh", activation(ActivationKind::kTanh)},
      {"Activation_elu", activation(ActivationKind::kElu)},
      {"Activation_leaky_relu", activation(ActivationKind::kLeakyRelu)},
      {"Activation_over_batch_norm",
       [](GraphBuilder& b, NodeId x) {
         return b.add(Activation{ActivationKind::kRelu}, {b.add(batch_norm(b, kChannels), {x})});
       }},
      {"Pool_max_3x3_stride2", pool(PoolKind::kMax, window(3, 2))},
      {"Pool_max_2x2_uneven", pool(PoolKind::kMax, window(2, 1))},
      {"Pool_max_valid", pool(PoolKind::kMax, window(3, 2, Padding::kValid))},
      {"Pool_min_3x3", pool(PoolKind::kMin, window(3, 1))},
      {"Pool_average_3x3", pool(PoolKind::kAverage, window(3, 1))},
      {"Pool_average_3x3_stride2", pool(PoolKind::kAverage, window(3, 2))},
      {"Pool_average_4x4_uneven", pool(PoolKind::kAverage, window(4, 1))},
      {"Pool_average_rectangle", pool(PoolKind::kAverage, {4, 3, 3, 2, 1, Padding::kSame})},
      {"Pool_average_of_single_values", pool(PoolKind::kAverage, window(1, 2))},
      {"GlobalPool", [](GraphBuilder& b, NodeId x) { return b.add(GlobalPool{}, {x}); }},
      {"GlobalPool_keep", [](GraphBuilder& b, NodeId x) { return b.add(GlobalPool{true}, {x}); }},
      {"Dense",
       [](GraphBuilder& b, NodeId x) {
         const Dense op{5, kernel(b, "kernel", {kChannels, 5}, ParameterRole::kDenseKernel),
                        kernel(b, "bias", {5}, ParameterRole::kBias)};
         return b.add(op, {b.add(GlobalPool{}, {x})});
       }},
      {"Flatten", [](GraphBuilder& b, NodeId x) { return b.add(Flatten{}, {x}); }},
      {"Flatten_beside_another_reader",
       [](GraphBuilder& b, NodeId x) {
         const NodeId pooled = b.add(GlobalPool{}, {x});
         return b.add(Concat{}, {b.add(Flatten{}, {x}), pooled});
       }},
      {"Scale",
       [](GraphBuilder& b, NodeId x) {
         const Scale scale{kernel(b, "scale", {}, ParameterRole::kScale)};
         return b.add(Add{}, {b.add(scale, {x}), x});
       }},
      {"Add_residual",
       [](GraphBuilder& b, NodeId x) {
         return b.add(Add{}, {x, b.add(Activation{ActivationKind::kSwish}, {x})});
       }},
      {"Add_three",
       [](GraphBuilder& b, NodeId x) {
         return b.add(
             Add{}, {x, b.add(Activation{ActivationKind::kSwish}, {x}), b.add(Activation{ActivationKind::kTanh}, {x})});
       }},
      {"Add_itself",
       [](GraphBuilder& b, NodeId x) {
         return b.add(Add{}, {x, x});
       }},
      {"Multiply_gate",
       [](GraphBuilder& b, NodeId x) {
         const NodeId gate = b.add(Activation{ActivationKind::kSigmoid}, {b.add(GlobalPool{true}, {x})});
         return b.add(Multiply{}, {x, gate});
       }},
      {"Multiply",
       [](GraphBuilder& b, NodeId x) {
         return b.add(Multiply{}, {x, b.add(Activation{ActivationKind::kTanh}, {x})});
       }},
      {"Concat",
       [](GraphBuilder& b, NodeId x) {
         return b.add(Concat{}, {x, b.add(Activation{ActivationKind::kSwish}, {x})});
       }},
      {"Split",
       [](GraphBuilder& b, NodeId x) {
         const NodeId first = b.add(Split{0, 1}, {x});
         const NodeId rest = b.add(Activation{ActivationKind::kTanh}, {b.add(Split{1, 3}, {x})});
         return b.add(Concat{}, {rest, first});
       }},
      {"Pad",
       [](GraphBuilder& b, NodeId x) {
         return b.add(Activation{ActivationKind::kSwish}, {b.add(Pad{1, 2, 0, 3}, {x})});
       }},
      {"Pad_cuts",
       [](GraphBuilder& b, NodeId x) {
         return b.add(Activation{ActivationKind::kSwish}, {b.add(Pad{-1, 1, -2, 0}, {x})});
       }},
      {"Dropout", [](GraphBuilder& b, NodeId x) { return b.add(Dropout{0.4}, {x}); }},
      {"Weigh", [](GraphBuilder& b, NodeId x) { return b.add(Weigh{0.4}, {x}); }},
      {"Weigh_over_batch_norm",
       [](GraphBuilder& b, NodeId x) { return b.add(Weigh{-1.5}, {b.add(batch_norm(b, kChannels), {x})}); }},
      {"BatchNorm_without_moving_statistics",
       [](GraphBuilder& b, NodeId x) {
         BatchNorm norm = batch_norm(b, kChannels);
         norm.moving_mean = norm.moving_variance = {};
         return b.add(norm, {x});
       }},
      {"DropPath", [](GraphBuilder& b, NodeId x) { return b.add(DropPath{0.6}, {x}); }},
      {"SpaceToDepth",
       [](GraphBuilder& b, NodeId x) {
         const NodeId deep = b.add(SpaceToDepth{2}, {x});
         Conv2D op{window(1, 1), 4, 1, {}, {}};
         op.kernel = kernel(b, "kernel", {1, 1, 4 * kChannels, 4});
         return b.add(op, {deep});
       }},
      {"MixExperts_convolution",
       [](GraphBuilder& b, NodeId x) {
         return b.add(Conv2D{window(3, 2), 5, 1, {}, {}}, {x, experts(b, x, {3, 3, kChannels, 5})});
       }},
      {"MixExperts_depthwise",
       [](GraphBuilder& b, NodeId x) {
         return b.add(DepthwiseConv2D{.window = window(3, 1)}, {x, experts(b, x, {3, 3, kChannels, 1})});
       }},
      {"Softmax", [](GraphBuilder& b, NodeId x) { return b.add(Softmax{}, {b.add(GlobalPool{}, {x})}); }},
  };
}

// Images, a 1x1 convolution so that a gradient must flow through the operator, the operator, a head with logits.
Graph network_around(const OperatorCase& operator_case) {
  InputSpec input;
  input.height = kSize;
  input.width = kSize;
  GraphBuilder b("net", input);
  Conv2D stem{window(1, 1), kChannels, 1, {}, {}};
  stem.kernel = kernel(b, "stem", {1, 1, 3, kChannels});
  stem.bias = kernel(b, "stem_bias", {kChannels}, ParameterRole::kBias);
  NodeId x = operator_case.build(b, b.add(stem, {b.input()}));
  if (b.shape(x).size() == 3) {
    // Positions are told apart, so that a value in the wrong place is seen.
    Conv2D mix{
        {static_cast<int>(b.shape(x)[0]), static_cast<int>(b.shape(x)[1]), 1, 1, 1, Padding::kValid}, 6, 1, {}, {}};
    mix.kernel = kernel(b, "mix", {b.shape(x)[0], b.shape(x)[1], b.shape(x)[2], 6});
    x = b.add(GlobalPool{}, {b.add(mix, {x})});
  }
  const Dense head{kClasses, kernel(b, "head", {b.shape(x)[0], kClasses}, ParameterRole::kDenseKernel), {}};
  b.output("logits", b.add(head, {x}));
  return b.finish();
}

class Gradients : public testing::TestWithParam<OperatorCase> {};

TEST_P(Gradients, EqualCentralDifferences) {
  Backend& backend = load_backend("torch", {});
  const Graph graph = network_around(GetParam());
  LowerOptions options = training_options(graph, kBatch, Precision::kFloat64, 0.1);
  options.batch_parts = GetParam().batch_parts;
  options.update_moving = false;
  Program program(graph, backend, options);
  const ParameterLayout& layout = program.layout();

  RandomStream random(7, RandomPurpose::kTest);
  std::vector<float> images(kBatch * kSize * kSize * 3);
  for (float& value : images) value = static_cast<float>(random.normal());
  std::vector<float> labels(kBatch * kClasses);
  for (float& value : labels) value = random.uniform();
  const std::vector<float> weights = {0.25F, 0.5F, 0.0F, 0.25F};
  program.set_images(images);
  program.set_labels(labels);
  program.set_weights(weights);
  program.draw_masks(1, 2, 3);

  std::vector<float> values(static_cast<size_t>(layout.size()));
  initialize_parameters(layout, 11, values);
  const auto buffer = backend.make_buffer(layout.size(), 0.0F);
  const auto gradients = backend.make_buffer(layout.trainable_size(), 7.0F);
  buffer->upload(0, values);
  program.forward(*buffer);
  program.backward(*buffer, *gradients, false);
  std::vector<float> found(static_cast<size_t>(layout.trainable_size()));
  gradients->download(0, found);

  const auto loss_at = [&](int64_t index, float value) {
    buffer->upload(index, std::span<const float>(&value, 1));
    program.forward(*buffer);
    return program.loss();
  };
  double largest = 0.0;
  double difference = 0.0;
  for (const FlatTensor& tensor : layout.tensors()) {
    if (tensor.offset >= layout.trainable_size()) continue;
    const int64_t stride = std::max<int64_t>(1, tensor.size / 12);
    for (int64_t i = 0; i < tensor.size; i += stride) {
      const int64_t index = tensor.offset + i;
      const float value = values[static_cast<size_t>(index)];
      const float above = value + 0x1p-12F;
      const float below = value - 0x1p-12F;
      const double numeric =
          (loss_at(index, above) - loss_at(index, below)) / (static_cast<double>(above) - static_cast<double>(below));
      loss_at(index, value);
      largest = std::max(largest, std::abs(numeric));
      const double apart = std::abs(numeric - static_cast<double>(found[static_cast<size_t>(index)]));
      EXPECT_LT(apart, 5e-6 * std::max(1.0, std::abs(numeric)))
          << tensor.name << "[" << i << "]: numeric " << numeric << ", found " << found[static_cast<size_t>(index)];
      difference = std::max(difference, apart);
    }
  }
  EXPECT_GT(largest, 1e-3) << "the check says nothing when every gradient is small";
}

TEST_P(Gradients, AccumulateOverRuns) {
  Backend& backend = load_backend("torch", {});
  const Graph graph = network_around(GetParam());
  LowerOptions options = training_options(graph, kBatch, Precision::kFloat32, 0.0);
  options.batch_parts = GetParam().batch_parts;
  options.update_moving = false;
  Program program(graph, backend, options);
  std::vector<float> images(kBatch * kSize * kSize * 3, 0.0F);
  RandomStream random(5, RandomPurpose::kTest);
  for (float& value : images) value = static_cast<float>(random.normal());
  std::vector<float> labels(kBatch * kClasses, 0.3F);
  const std::vector<float> weights(kBatch, 0.25F);
  program.set_images(images);
  program.set_labels(labels);
  program.set_weights(weights);
  program.draw_masks(1, 2, 3);
  const int64_t size = program.layout().trainable_size();
  std::vector<float> values(static_cast<size_t>(program.layout().size()));
  initialize_parameters(program.layout(), 11, values);
  const auto buffer = backend.make_buffer(program.layout().size(), 0.0F);
  const auto gradients = backend.make_buffer(size, 0.0F);
  buffer->upload(0, values);
  std::vector<float> once(static_cast<size_t>(size));
  std::vector<float> twice(static_cast<size_t>(size));
  program.forward(*buffer);
  program.backward(*buffer, *gradients, false);
  gradients->download(0, once);
  program.forward(*buffer);
  program.backward(*buffer, *gradients, true);
  gradients->download(0, twice);
  for (size_t i = 0; i < once.size(); ++i) ASSERT_NEAR(twice[i], 2 * once[i], 1e-6 + 1e-5 * std::abs(once[i])) << i;
}

INSTANTIATE_TEST_SUITE_P(Operators, Gradients, testing::ValuesIn(operator_cases()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace netwright
