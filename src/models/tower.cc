#include "models/tower.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "graph/builder.h"
#include "models/options.h"
#include "models/scaling.h"

namespace netwright {
namespace {

// No value: the alternative was not chosen, so only its variables are made; or it is zeros.
constexpr NodeId kNone = -1;

// Channels: those in use, and those that the shared variables have. Masked: they depend on an open decision.
struct Width {
  int64_t chosen = 0;
  int64_t largest = 0;
  bool masked = false;
};
Width fixed_width(int64_t filters) { return {filters, filters, false}; }

constexpr double kSqueezeRatio = 0.25;

// A normal cut at two deviations that has the variance 2 / fan-in afterwards (TuNAS's layers).
Initializer truncated(int64_t fan_in) {
  constexpr double kDeviationOfTruncated = 0.87962566103423978;
  return {Initializer::Kind::kTruncatedNormal, std::sqrt(2.0 / static_cast<double>(fan_in)) / kDeviationOfTruncated};
}

// A node for a message: in one line that isn't too long.
std::string shown(const Spec& spec) {
  constexpr size_t kMost = 120;
  const std::string text = to_string(spec);
  return text.size() <= kMost ? text : text.substr(0, kMost) + "...";
}

ActivationKind activation_kind(const std::string& name, const TowerOptions& options) {
  if (name == "relu") return options.relu;
  if (name == "relu6") return ActivationKind::kRelu6;
  if (name == "swish6") return ActivationKind::kHardSwish;
  if (name == "sigmoid") return options.sigmoid;
  fail("unknown activation {}; there are relu, relu6, swish6 and sigmoid", shown(name));
}

// ---- Typed access to a tree that may come from a file.

template <typename T>
const T& expect(const Spec& spec, std::string_view what) {
  const auto* value = spec.get<T>();
  if (value == nullptr) fail("{} is {}", what, shown(spec));
  return *value;
}

const SpecRecord& expect_record(const Spec& spec, RecordKind kind) {
  const SpecRecord* found = spec.record(kind);
  if (found == nullptr) fail("expected {}, found {}", record_type(kind).name, shown(spec));
  return *found;
}

int whole(const Spec& spec, std::string_view what, int64_t least, int64_t most) {
  const auto value = expect<int64_t>(spec, fmt::format("{}: expected a whole number, it", what));
  if (value < least || value > most) fail("{} is {}, expected {} to {}", what, value, least, most);
  return static_cast<int>(value);
}

struct Strides {
  int h = 1;
  int w = 1;
};
Strides read_strides(const Spec& spec) {
  constexpr int kMostStride = 16;
  const auto stride = [](const Spec& item) { return whole(item, "a stride", 1, kMostStride); };
  const auto* list = spec.get<SpecList>();
  const auto* tuple = spec.get<SpecTuple>();
  if (list == nullptr && tuple == nullptr) return {stride(spec), stride(spec)};
  const std::vector<Spec>& items = list != nullptr ? list->items : tuple->items;
  if (items.size() != 2) fail("strides are {}, expected a number or two", shown(spec));
  return {stride(items[0]), stride(items[1])};
}

int read_kernel(const Spec& spec) {
  constexpr int kMostKernel = 64;
  return whole(spec, "kernel_size", 1, kMostKernel);
}

class TowerBuilder {
 public:
  // `where` follows the building, for messages.
  TowerBuilder(const Spec& spec, Choices& choices, const TowerOptions& options, std::string& where)
      : where_(where),
        tower_(expect_record(spec, RecordKind::kConvTower)),
        options_(options),
        answers_(ask(spec, choices)),
        base_(whole(field(tower_, "filters_base"), "filters_base", 1, 1 << 16)),
        builder_(options.name, options.input) {
    stateful_ =
        std::all_of(answers_.begin(), answers_.end(), [](const auto& answer) { return answer.second.size() == 1; });
  }

  Graph build() {
    const auto root = open("Sequential");
    NodeId x = builder_.input();
    const auto& blocks = expect<SpecList>(field(tower_, "blocks"), "blocks: expected a list, it").items;
    for (size_t i = 0; i < blocks.size(); ++i) {
      where_ = fmt::format("blocks/{}", i);
      x = add_block(expect_record(blocks[i], RecordKind::kBlock), x);
      builder_.endpoint(fmt::format("block_{}", i), x);
    }
    where_ = "classifier";
    builder_.output("logits", add_head(x));
    return builder_.finish();
  }

 private:
  // ---- Names

  // The scope of a composite layer: its class, numbered within the present scope.
  GraphBuilder::Scope open(std::string_view kind) {
    const std::string name = builder_.unique_name(kind);
    const size_t outer = builder_.current_scope().size();
    return builder_.scope(std::string_view(name).substr(outer == 0 ? 0 : outer + 1));
  }

  ActivationKind read_activation(const Spec& spec) const {
    const Spec& name = field(expect_record(spec, RecordKind::kActivation), "name");
    return activation_kind(expect<std::string>(name, "an activation's name"), options_);
  }

  // ---- Weight layers. An input of kNone makes the variables alone.

  ParameterRef variable(std::string name, Shape largest, Shape extent, ParameterRole role, Initializer initializer,
                        double l2) {
    ParameterRef ref = builder_.parameter({std::move(name), std::move(largest), role, initializer, l2});
    ref.extent = std::move(extent);
    return ref;
  }

  Window window(int kernel, Strides strides) const {
    return {.kernel_h = kernel,
            .kernel_w = kernel,
            .stride_h = strides.h,
            .stride_w = strides.w,
            .padding = options_.padding};
  }

  NodeId conv(NodeId x, const Width& in, const Width& out, int kernel, Strides strides, bool bias) {
    const std::string name = builder_.unique_name(in.masked || out.masked ? "MaskedConv2D" : "Conv2D");
    Conv2D op = {.window = window(kernel, strides), .filters = out.chosen};
    op.kernel =
        variable(name + "/kernel", {kernel, kernel, in.largest, out.largest}, {kernel, kernel, in.chosen, out.chosen},
                 ParameterRole::kKernel, truncated(int64_t{kernel} * kernel * in.largest), 1.0);
    if (bias) op.bias = variable(name + "/bias", {out.largest}, {out.chosen}, ParameterRole::kBias, {}, 0.0);
    return x == kNone ? kNone : builder_.add(op, {x});
  }

  NodeId depthwise(NodeId x, const Width& width, int kernel, Strides strides) {
    const std::string name = builder_.unique_name(width.masked ? "MaskedDepthwiseConv2D" : "DepthwiseConv2D");
    DepthwiseConv2D op = {.window = window(kernel, strides)};
    op.kernel = variable(name + "/kernel", {kernel, kernel, width.largest, 1}, {kernel, kernel, width.chosen, 1},
                         ParameterRole::kDepthwiseKernel, truncated(int64_t{kernel} * kernel), 1.0);
    if (x == kNone) return kNone;
    ++depthwise_nodes_;
    return builder_.add(op, {x});
  }

  NodeId norm(NodeId x, const Width& width) {
    const std::string name = builder_.unique_name(width.masked ? "MaskedStatelessBatchNorm" : "BatchNorm");
    const auto vector = [&](const char* part, ParameterRole role, Initializer::Kind kind) {
      return variable(name + part, {width.largest}, {width.chosen}, role, {kind, 0.0}, 0.0);
    };
    BatchNorm op = {.momentum = options_.batch_norm_momentum,
                    .epsilon = options_.batch_norm_epsilon,
                    .unbiased_moving_variance = true};
    op.beta = vector("/beta", ParameterRole::kBeta, Initializer::Kind::kZeros);
    op.gamma = vector("/gamma", ParameterRole::kGamma, Initializer::Kind::kOnes);
    if (stateful_) {
      op.moving_mean = vector("/moving_mean", ParameterRole::kMovingMean, Initializer::Kind::kZeros);
      op.moving_variance = vector("/moving_variance", ParameterRole::kMovingVariance, Initializer::Kind::kOnes);
    }
    return x == kNone ? kNone : builder_.add(op, {x});
  }

  NodeId activate(NodeId x, ActivationKind kind) { return x == kNone ? kNone : builder_.add(Activation{kind}, {x}); }

  // ---- Cells

  NodeId pointwise_cell(NodeId x, const Width& in, const Width& out) {
    const auto scope = open("Sequential");
    return norm(conv(x, in, out, 1, {}, false), out);
  }

  NodeId depthwise_cell(NodeId x, const Width& width, const Spec& kernel_size, Strides strides, ActivationKind act) {
    return over_choices(kernel_size, x, [&](const Spec& kernel, NodeId input) {
      const auto scope = open("Sequential");
      return activate(norm(depthwise(input, width, read_kernel(kernel), strides), width), act);
    });
  }

  // ---- Decisions

  // A value, or a decision over values: the sum of what the chosen ones give, times their shares. One choice leaves no
  // trace in the names.
  template <typename Build>
  NodeId over_choices(const Spec& spec, NodeId x, Build build) {
    const auto* node = spec.get<SpecOneOf>();
    if (node == nullptr) return build(spec, x);
    if (node->choices.size() == 1) return build(node->choices.front(), x);
    const auto scope = open("Switch");
    const std::vector<float>& shares = answers_.at(node);
    std::vector<NodeId> parts;
    for (size_t i = 0; i < node->choices.size(); ++i) {
      const bool chosen = shares[i] != 0.0F;
      const NodeId part = build(node->choices[i], chosen ? x : kNone);
      if (!chosen || part == kNone) continue;
      parts.push_back(shares[i] == 1.0F ? part : builder_.add(Weigh{shares[i]}, {part}));
    }
    if (parts.empty()) return kNone;
    return parts.size() == 1 ? parts.front() : builder_.add(Add{}, parts);
  }

  // The same with a scope for a decision that is made: layers, and whether there is squeeze-and-excite.
  template <typename Build>
  NodeId over_choices_in_scope(const Spec& spec, NodeId x, Build build) {
    const auto* node = spec.get<SpecOneOf>();
    if (node == nullptr || node->choices.size() > 1) return over_choices(spec, x, build);
    const auto scope = open("Sequential");
    return build(node->choices.front(), x);
  }

  // Filters, a multiple of the input's, or a decision over either.
  Width read_width(const Spec& spec, const Width& in) {
    constexpr int64_t kMostFilters = 1 << 24;
    if (const SpecRecord* times = spec.record(RecordKind::kFilterMultiplier)) {
      const auto scale = expect<double>(field(*times, "scale"), "the scale of a FilterMultiplier");
      return {scale_filters(in.chosen, scale, base_), scale_filters(in.largest, scale, base_), in.masked};
    }
    const auto* node = spec.get<SpecOneOf>();
    if (node == nullptr) return fixed_width(whole(spec, "filters", 1, kMostFilters));
    if (node->choices.size() == 1) return read_width(node->choices.front(), in);
    const std::vector<float>& shares = answers_.at(node);
    const auto chosen = static_cast<size_t>(std::max_element(shares.begin(), shares.end()) - shares.begin());
    Width width = {0, 0, true};
    for (size_t i = 0; i < node->choices.size(); ++i) {
      const Width one = read_width(node->choices[i], in);
      if (i == chosen) width.chosen = one.chosen;
      width.largest = std::max(width.largest, one.largest);
    }
    return width;
  }

  // ---- Layers. Each takes the width that arrives (width_) to its block's.

  NodeId add_block(const SpecRecord& block, NodeId x) {
    const Width out = read_width(field(block, "filters"), width_);
    const std::string path = where_;
    bool has_depthwise = false;
    const auto& layers = expect<SpecList>(field(block, "layers"), "layers: expected a list, it").items;
    for (size_t i = 0; i < layers.size(); ++i) {
      where_ = fmt::format("{}/layers/{}", path, i);
      if (layers[i].record(RecordKind::kDetectionEndpoint) != nullptr) {
        if (x == builder_.input()) fail("an endpoint needs a layer before it");
        builder_.endpoint(fmt::format("endpoint_{}", endpoints_++), x);
        continue;
      }
      const NodeId begin = builder_.next_node();
      depthwise_nodes_ = 0;
      x = add_layer(layers[i], x, out);
      if (depthwise_nodes_ > 0) builder_.block({stages_, begin, builder_.next_node()});
      has_depthwise |= depthwise_nodes_ > 0;
      if (x == kNone) fail("a layer that gives zeros must stand inside a residual");
      width_ = out;
    }
    if (has_depthwise) ++stages_;
    return x;
  }

  NodeId add_layer(const Spec& layer, NodeId x, const Width& out) {
    if (layer.get<SpecOneOf>() != nullptr) {
      return over_choices_in_scope(layer, x,
                                   [&](const Spec& choice, NodeId input) { return add_layer(choice, input, out); });
    }
    const auto* record = layer.get<SpecRecord>();
    if (record == nullptr) fail("expected a layer, found {}", shown(layer));
    switch (record->kind) {
      case RecordKind::kConv:
        return add_conv_layer(*record, x, out);
      case RecordKind::kSeparableConv:
        return add_separable(*record, x, out);
      case RecordKind::kBottleneck:
        return add_bottleneck(*record, x, out);
      case RecordKind::kResidual:
        return add_residual(field(*record, "layer"), x, out);
      case RecordKind::kActivation:
        return activate(x, read_activation(layer));
      case RecordKind::kGlobalAveragePool:
        return x == kNone ? kNone : builder_.add(GlobalPool{.keep_dimensions = true}, {x});
      case RecordKind::kZero:
        return kNone;
      default:
        fail("{} is no layer", record_type(record->kind).name);
    }
  }

  NodeId add_conv_layer(const SpecRecord& spec, NodeId x, const Width& out) {
    const Strides strides = read_strides(field(spec, "strides"));
    const bool batch_norm = expect<bool>(field(spec, "use_batch_norm"), "use_batch_norm: expected a bool, it");
    return over_choices(field(spec, "kernel_size"), x, [&](const Spec& kernel, NodeId input) {
      const auto scope = open("Sequential");
      const NodeId y = conv(input, width_, out, read_kernel(kernel), strides, !batch_norm);
      return batch_norm ? norm(y, out) : y;
    });
  }

  NodeId add_separable(const SpecRecord& spec, NodeId x, const Width& out) {
    const auto scope = open("Sequential");
    x = depthwise_cell(x, width_, field(spec, "kernel_size"), read_strides(field(spec, "strides")),
                       read_activation(field(spec, "activation")));
    return pointwise_cell(x, width_, out);
  }

  NodeId add_bottleneck(const SpecRecord& spec, NodeId x, const Width& out) {
    const auto scope = open("Sequential");
    const ActivationKind act = read_activation(field(spec, "activation"));
    const Width expanded = read_width(field(spec, "expansion_filters"), width_);
    x = activate(pointwise_cell(x, width_, expanded), act);
    x = depthwise_cell(x, expanded, field(spec, "kernel_size"), read_strides(field(spec, "strides")), act);
    x = over_choices_in_scope(field(spec, "use_squeeze_and_excite"), x, [&](const Spec& use, NodeId input) {
      const bool used = expect<bool>(use, "use_squeeze_and_excite: expected a bool, it");
      return used ? squeeze_excite(spec, input, expanded) : input;
    });
    return pointwise_cell(x, expanded, out);
  }

  NodeId squeeze_excite(const SpecRecord& spec, NodeId x, const Width& width) {
    const auto product = open("ParallelProduct");
    const auto scope = open("Sequential");
    const Width hidden = {round_filters(width.chosen, kSqueezeRatio, base_),
                          round_filters(width.largest, kSqueezeRatio, base_), width.masked};
    NodeId gate = x == kNone ? kNone : builder_.add(GlobalPool{.keep_dimensions = true}, {x});
    gate = activate(conv(gate, width, hidden, 1, {}, true), read_activation(field(spec, "se_inner_activation")));
    gate = activate(conv(gate, hidden, width, 1, {}, true), read_activation(field(spec, "se_gating_activation")));
    return x == kNone ? kNone : builder_.add(Multiply{}, {x, gate});
  }

  // The layer's value and its input; where the layer is zeros for certain, the input without a scope.
  NodeId add_residual(const Spec& layer, NodeId x, const Width& out) {
    const auto* node = layer.get<SpecOneOf>();
    const Spec& only = node != nullptr && node->choices.size() == 1 ? node->choices.front() : layer;
    if (only.record(RecordKind::kZero) != nullptr) return x;
    const auto scope = open("ParallelSum");
    const NodeId y = add_layer(layer, x, out);
    if (y == kNone) return x;
    return builder_.add(Add{}, {y, x});
  }

  NodeId add_head(NodeId x) {
    constexpr double kDeviation = 0.01;
    const auto scope = open("Sequential");
    if (options_.dropout_rate > 0.0) x = builder_.add(Dropout{options_.dropout_rate}, {x});
    const std::string name = builder_.unique_name("Conv2D");
    const int64_t classes = options_.classes;
    Conv2D op = {.filters = classes};
    op.kernel = variable(name + "/kernel", {1, 1, width_.largest, classes}, {1, 1, width_.chosen, classes},
                         ParameterRole::kKernel, {Initializer::Kind::kNormal, kDeviation}, 0.0);
    op.bias = variable(name + "/bias", {classes}, {classes}, ParameterRole::kBias, {}, 0.0);
    return builder_.add(GlobalPool{}, {builder_.add(op, {x})});
  }

  std::string& where_;
  const SpecRecord& tower_;
  const TowerOptions& options_;
  Answers answers_;
  int64_t base_;
  bool stateful_ = true;
  GraphBuilder builder_;
  Width width_ = fixed_width(3);  // of the value that the next layer is given
  int endpoints_ = 0;
  int stages_ = 0;           // BlockSpecs that had depthwise convolutions
  int depthwise_nodes_ = 0;  // of the layer that is being built
};

}  // namespace

Graph build_tower(const Spec& spec, Choices& choices, const TowerOptions& options) {
  check_classes(options.name, options.classes);
  check_dropout(options.name, options.dropout_rate);
  std::string where = "the specification";
  try {
    return TowerBuilder(spec, choices, options, where).build();
  } catch (const Error& error) {
    fail("{}: {}: {}", options.name, where, error.what());
  }
}

}  // namespace netwright
