#include "models/layer_kinds.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

namespace netwright {
namespace {

constexpr double kFusedEpsilon = 1.001e-5;
constexpr double kNoDropout = 1e-12;
constexpr double kDefaultStrength = 1e-4;
// Of the projections in additions, whatever their block says; our unit of decay.
constexpr double kProjectionStrength = 4e-5;
// The deviation of a normal that is cut at two deviations.
constexpr double kTruncated = 0.87962566103423978;

Window square_window(int kernel, int stride, Padding padding) { return {kernel, kernel, stride, stride, 1, padding}; }

Initializer fan_out_normal(const Shape& kernel) {
  const auto fan = static_cast<double>(kernel[0] * kernel[1] * kernel[3]);
  return {Initializer::Kind::kTruncatedNormal, std::sqrt(2.0 / fan) / kTruncated};
}
Initializer glorot_normal(const Shape& kernel) {
  const auto fan = static_cast<double>(kernel[0] * kernel[1] * (kernel[2] + kernel[3])) / 2.0;
  return {Initializer::Kind::kTruncatedNormal, std::sqrt(1.0 / fan) / kTruncated};
}

// One layer while it is made. Parameters are added in the order in which TensorFlow created the variables.
class Layer {
 public:
  Layer(GraphBuilder& builder, const BlockReader& reader, const LayerSettings& settings, LayerPlace place)
      : builder_(builder), reader_(reader), settings_(settings), place_(std::move(place)) {}

  NodeId convolution() {
    NodeId x = only_input();
    refuse_hyper();
    reader_.passes_over("trainable", {"True"});
    const Window window =
        square_window(reader_.whole("kernel_size", 3, 1), reader_.whole("strides", 1, 1), reader_.padding(true));
    const int64_t filters = filters_of(x);
    Conv2D op = weighted_convolution(x, "conv/kernel", window, filters);
    if (reader_.flag("use_bias", true)) op.bias = bias("conv/bias", filters);
    x = builder_.add(op, {x});
    if (reader_.flag("batchnorm", false)) x = normalize(x, "bn");
    x = activate(x, reader_.text("activation", "relu"));
    return drop(x, reader_.number("dropout", 0.0));
  }

  // The depthwise half of a linear layer has a ReLU all the same. Both halves share one bias.
  NodeId separable_convolution() {
    NodeId x = only_input();
    refuse_hyper();
    reader_.passes_over("trainable", {"True"});
    const std::string scope = "depthwise/separable_conv2d/";
    const bool norm = reader_.flag("batchnorm", false);
    const std::string activation = reader_.text("activation", "relu");
    const int64_t filters = filters_of(x);
    DepthwiseConv2D depthwise = {.window = depthwise_window()};
    depthwise.kernel = depthwise_kernel(x, scope + "depthwise_kernel", depthwise, 0.0);
    if (reader_.flag("use_bias", true)) {
      if (filters != channels(x)) {
        reader_.refuse("use_bias", "has one bias for its {} input and {} output channels; write use_bias=False",
                       channels(x), filters);
      }
      depthwise.bias = bias(scope + "bias", filters);
    }
    x = builder_.add(depthwise, {x});
    if (norm) x = normalize(x, scope + "depthwise_bn/bn");
    x = activate(x, activation.empty() || activation == "linear" ? "relu" : activation);
    Conv2D pointwise = weighted_convolution(x, scope + "pointwise_kernel", Window{}, filters);
    pointwise.bias = depthwise.bias;
    x = builder_.add(pointwise, {x});
    if (norm) x = normalize(x, scope + "pointwise_bn/bn");
    return drop(activate(x, activation), reader_.number("dropout", 0.0));
  }

  NodeId depthwise_convolution() {
    NodeId x = only_input();
    reader_.passes_over("trainable", {"True"});
    reader_.passes_over("dropout", {"0", "0.0", "0.000"});
    DepthwiseConv2D op = {.window = depthwise_window(), .multiplier = reader_.whole("depthwise_multiplier", 1, 1)};
    op.kernel = depthwise_kernel(x, "depthwise_kernel", op, reader_.number("regularizer_strength", kDefaultStrength));
    if (reader_.flag("use_bias", true)) op.bias = bias("bias", channels(x) * op.multiplier);
    x = builder_.add(op, {x});
    if (reader_.flag("batchnorm", false)) x = normalize(x, "depthwise_bn/bn");
    return activate(x, reader_.text("activation", "relu"));
  }

  NodeId dense() {
    NodeId x = only_input();
    frozen_ = !reader_.flag("trainable", true);
    Dense op = {.units = place_.units.value_or(reader_.whole("units", 10, 1))};
    op.kernel = parameter("dense/kernel", {channels(x), op.units}, ParameterRole::kDenseKernel,
                          {Initializer::Kind::kNormal, 0.01}, reader_.number("regularizer_strength", kDefaultStrength));
    if (reader_.flag("use_bias", true)) op.bias = bias("dense/bias", op.units);
    x = builder_.add(op, {x});
    if (reader_.flag("batchnorm", false)) x = normalize(x, "bn");
    x = activate(x, reader_.text("activation", "relu"));
    return drop(x, reader_.number("dropout", 0.0));
  }

  NodeId batch_norm() {
    reader_.passes_over("activation", {"linear", "None"});
    frozen_ = !reader_.flag("trainable", true);
    return normalize(only_input(), "bn");
  }
  NodeId activation() { return activate(only_input(), reader_.text("activation")); }

  // The first of two is brought to the shape of the second.
  NodeId sum() {
    const std::vector<NodeId>& inputs = place_.inputs;
    if (inputs.size() < 2) reader_.refuse("input", "reads one layer, expected two");
    if (inputs.size() > 2) {
      reader_.warn(reader_.block().line,
                   fmt::format("[Add] reads {} layers; those after the second are passed over", inputs.size()));
    }
    NodeId a = inputs[0];
    const NodeId b = inputs[1];
    if (builder_.shape(a)[0] < builder_.shape(b)[0]) {
      reader_.refuse("input", "can't bring {} to the larger {}", to_string(builder_.shape(a)),
                     to_string(builder_.shape(b)));
    }
    // Rounded up: for odd sizes, at which the original fails, as well.
    const int64_t stride = (builder_.shape(a)[0] + builder_.shape(b)[0] - 1) / builder_.shape(b)[0];
    if (stride > 1 || channels(a) != channels(b)) {
      a = project(a, make_projection(channels(a), channels(b), static_cast<int>(stride)));
    }
    return activate(builder_.add(Add{}, {a, b}), reader_.text("activation"));
  }

  NodeId weighted_sum() {
    const std::vector<NodeId>& inputs = place_.inputs;
    if (inputs.size() < 2) reader_.refuse("input", "reads one layer, expected two or more");
    const int64_t width = channels(inputs.back());
    std::optional<Projection> projection;
    std::vector<NodeId> terms;
    for (size_t k = 0; k < inputs.size(); ++k) {
      const Scale scale = {
          parameter(fmt::format("scale_{}", k), {}, ParameterRole::kScale, {Initializer::Kind::kOnes, 0.0}, 0.0)};
      NodeId x = inputs[k];
      if (channels(x) != width) {
        if (!projection) projection = make_projection(channels(x), width, 1);
        x = project(x, *projection);
      }
      terms.push_back(builder_.add(scale, {x}));
    }
    return activate(builder_.add(Add{}, std::move(terms)), reader_.text("activation"));
  }

  NodeId concat() {
    reader_.passes_over("axis", {"-1", "3"});
    return place_.inputs.size() == 1 ? place_.inputs.front() : builder_.add(Concat{}, place_.inputs);
  }
  NodeId max_pool() { return pool(PoolKind::kMax); }
  NodeId average_pool() { return pool(PoolKind::kAverage); }
  // The original's window is as wide as the map is high: the same for the square maps that it can have.
  NodeId global_average() { return builder_.add(GlobalPool{.keep_dimensions = true}, {only_input()}); }
  NodeId flatten() { return builder_.add(Flatten{}, {only_input()}); }
  NodeId dropout() {
    const double rate = reader_.number("dropout", 0.0);
    return drop(only_input(), settings_.dropout_rate.value_or(rate));
  }
  NodeId identity() { return only_input(); }

 private:
  NodeId only_input() const {
    if (place_.inputs.size() != 1) reader_.refuse("input", "reads {} layers, expected one", place_.inputs.size());
    return place_.inputs.front();
  }
  int64_t channels(NodeId x) const { return builder_.shape(x).back(); }

  void refuse_hyper() const {
    if (reader_.flag("hyper", false)) reader_.refuse("hyper", "hyper=True, which the original never had");
  }
  // 1 and -1 mean the input's width.
  int64_t filters_of(NodeId x) const {
    const int filters = reader_.whole("filters", 32, -1);
    if (filters == 0) reader_.refuse("filters", "filters=0, expected 1 or more, or -1");
    return filters == 1 || filters == -1 ? channels(x) : filters;
  }
  Window depthwise_window() const {
    return square_window(reader_.whole("kernel_size", 3, 1), reader_.whole("strides", 1, 1), reader_.padding(false));
  }

  // ---- variables

  ParameterRef parameter(std::string_view leaf, const Shape& shape, ParameterRole role, const Initializer& initializer,
                         double strength) {
    const double l2 = place_.decays ? strength / kProjectionStrength : 0.0;
    return builder_.parameter(
        {fmt::format("{}/{}", builder_.current_scope(), leaf), shape, role, initializer, l2, frozen_});
  }
  ParameterRef bias(std::string_view leaf, int64_t width) {
    return parameter(leaf, {width}, ParameterRole::kBias, {}, 0.0);
  }
  ParameterRef depthwise_kernel(NodeId x, std::string_view leaf, const DepthwiseConv2D& op, double strength) {
    const Shape shape = {op.window.kernel_h, op.window.kernel_w, channels(x), op.multiplier};
    return parameter(leaf, shape, ParameterRole::kDepthwiseKernel, fan_out_normal(shape), strength);
  }
  Conv2D weighted_convolution(NodeId x, std::string_view leaf, Window window, int64_t filters) {
    Conv2D op = {.window = window, .filters = filters};
    const Shape shape = {window.kernel_h, window.kernel_w, channels(x), filters};
    op.kernel = parameter(leaf, shape, ParameterRole::kKernel, fan_out_normal(shape),
                          reader_.number("regularizer_strength", kDefaultStrength));
    return op;
  }

  // The batch norm of a vector makes beta before gamma.
  BatchNorm norm_of(std::string_view scope, int64_t width, bool vector) {
    BatchNorm op = {.momentum = settings_.batch_norm_momentum,
                    .epsilon = std::max(settings_.batch_norm_epsilon, kFusedEpsilon),
                    .unbiased_moving_variance = true,
                    .combine = BatchNormCombine::kNone};
    const auto add = [&](std::string_view leaf, ParameterRole role, Initializer::Kind initial) {
      return parameter(fmt::format("{}/{}", scope, leaf), {width}, role, {initial, 0.0}, 0.0);
    };
    const auto add_gamma = [&] { op.gamma = add("gamma", ParameterRole::kGamma, Initializer::Kind::kOnes); };
    if (!vector) add_gamma();
    op.beta = add("beta", ParameterRole::kBeta, Initializer::Kind::kZeros);
    if (vector) add_gamma();
    op.moving_mean = add("moving_mean", ParameterRole::kMovingMean, Initializer::Kind::kZeros);
    op.moving_variance = add("moving_variance", ParameterRole::kMovingVariance, Initializer::Kind::kOnes);
    return op;
  }
  NodeId normalize(NodeId x, std::string_view scope) {
    return builder_.add(norm_of(scope, channels(x), builder_.shape(x).size() == 1), {x});
  }

  // ---- what several kinds have

  NodeId activate(NodeId x, const std::string& name) {
    static const std::map<std::string_view, ActivationKind> kinds = {
        {"relu", ActivationKind::kRelu},      {"relu6", ActivationKind::kRelu6},
        {"elu", ActivationKind::kElu},        {"leaky", ActivationKind::kLeakyRelu},
        {"swish", ActivationKind::kSwish},    {"hswish", ActivationKind::kHardSwish},
        {"sigmoid", ActivationKind::kSigmoid}};
    if (name.empty() || name == "linear") return x;
    if (name == "softmax") return builder_.add(Softmax{}, {x});
    const auto found = kinds.find(name);
    if (found != kinds.end()) return builder_.add(Activation{found->second}, {x});
    reader_.refuse("activation",
                   "activation={}, expected relu, relu6, elu, leaky, swish, hswish, softmax, sigmoid or linear", name);
  }

  NodeId drop(NodeId x, double rate) { return rate > kNoDropout ? builder_.add(Dropout{rate}, {x}) : x; }

  NodeId pool(PoolKind kind) {
    const Window window =
        square_window(reader_.whole("pool_size", 2, 1), reader_.whole("strides", 2, 1), reader_.padding(true));
    return builder_.add(Pool{kind, window}, {only_input()});
  }

  // Its variables, once made, serve every input that needs them.
  struct Projection {
    Conv2D conv;
    BatchNorm norm;
  };
  Projection make_projection(int64_t from, int64_t to, int stride) {
    const Shape shape = {1, 1, from, to};
    Projection projection;
    projection.conv = {.window = square_window(1, stride, Padding::kSame), .filters = to};
    projection.conv.kernel =
        parameter("conv/kernel", shape, ParameterRole::kKernel, glorot_normal(shape), kProjectionStrength);
    projection.norm = norm_of("bn", to, false);
    return projection;
  }
  NodeId project(NodeId x, const Projection& projection) {
    return builder_.add(projection.norm, {builder_.add(projection.conv, {x})});
  }

  GraphBuilder& builder_;
  const BlockReader& reader_;
  const LayerSettings& settings_;
  LayerPlace place_;
  bool frozen_ = false;
};

using Maker = NodeId (Layer::*)();

const std::map<std::string_view, Maker>& makers() {
  static const std::map<std::string_view, Maker> table = {{"Convolutional", &Layer::convolution},
                                                          {"SeparableConv", &Layer::separable_convolution},
                                                          {"DepthwiseConv", &Layer::depthwise_convolution},
                                                          {"Dense", &Layer::dense},
                                                          {"BatchNorm", &Layer::batch_norm},
                                                          {"Activation", &Layer::activation},
                                                          {"Add", &Layer::sum},
                                                          {"Add_n", &Layer::weighted_sum},
                                                          {"Concat", &Layer::concat},
                                                          {"MaxPool", &Layer::max_pool},
                                                          {"AvgPool", &Layer::average_pool},
                                                          {"GlobalAvgPool", &Layer::global_average},
                                                          {"Flatten", &Layer::flatten},
                                                          {"Dropout", &Layer::dropout},
                                                          {"Identity", &Layer::identity}};
  return table;
}

}  // namespace

// Fields of ordinary layers include skip_from, which only the original's printed summary shows.
const std::vector<BlockKind>& block_kinds() {
  static const std::vector<BlockKind> table = {
      {"Model", false, {"name", "pretrain", "drop_last_nvars"}},
      {"Input", false, {"name", "input_shape", "dtype", "mean", "std"}},
      {"Convolutional",
       true,
       {"name", "input", "filters", "kernel_size", "strides", "padding", "batchnorm", "activation", "use_bias",
        "regularizer_strength", "dropout", "hyper", "trainable", "skip_from"}},
      {"SeparableConv",
       true,
       {"name", "input", "filters", "kernel_size", "strides", "padding", "batchnorm", "activation", "use_bias",
        "regularizer_strength", "dropout", "hyper", "trainable", "skip_from"}},
      {"DepthwiseConv",
       true,
       {"name", "input", "kernel_size", "strides", "padding", "depthwise_multiplier", "batchnorm", "activation",
        "use_bias", "regularizer_strength", "dropout", "trainable", "skip_from"}},
      {"Dense",
       true,
       {"name", "input", "units", "use_bias", "batchnorm", "activation", "regularizer_strength", "dropout", "trainable",
        "skip_from"}},
      {"BatchNorm", true, {"name", "input", "trainable", "activation", "skip_from"}},
      {"Activation", true, {"name", "input", "activation", "skip_from"}},
      {"Add", true, {"name", "input", "activation", "regularizer_strength", "skip_from"}},
      {"Add_n", true, {"name", "input", "activation", "regularizer_strength", "skip_from"}},
      {"Concat", true, {"name", "input", "axis", "skip_from"}},
      {"MaxPool", true, {"name", "input", "pool_size", "strides", "padding", "skip_from"}},
      {"AvgPool", true, {"name", "input", "pool_size", "strides", "padding", "skip_from"}},
      {"GlobalAvgPool", true, {"name", "input", "skip_from"}},
      {"Flatten", true, {"name", "input", "skip_from"}},
      {"Dropout", true, {"name", "input", "dropout", "skip_from"}},
      {"Identity", true, {"name", "input", "skip_from"}},
      {"SoftmaxLoss", false, {"name", "input", "labels", "label_smoothing"}},
      {"Accuracy", false, {"name", "logits", "labels"}},
      {"TopkAcc", false, {"name", "logits", "labels", "k"}},
      {"Output", false, {"name", "input"}},
      {"OutputWithSoftmax", false, {"name", "input"}},
  };
  return table;
}

NodeId make_layer(GraphBuilder& builder, const BlockReader& reader, const LayerSettings& settings, LayerPlace place) {
  Layer layer(builder, reader, settings, std::move(place));
  return (layer.*makers().at(reader.block().kind))();
}

}  // namespace netwright
