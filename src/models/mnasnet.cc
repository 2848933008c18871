#include "models/mnasnet.h"

#include <cmath>
#include <optional>

#include "core/error.h"
#include "models/layers.h"
#include "models/options.h"
#include "models/scaling.h"

namespace netwright {
namespace {

constexpr ActivationKind kActivation = ActivationKind::kRelu;  // of stem, head and most blocks

std::vector<BlockSpec> blocks_of(const MnasNetParams& params) {
  const auto width = [&](int64_t filters) {
    return round_filters(filters, params.depth_multiplier, params.depth_divisor, params.min_depth);
  };
  std::vector<BlockSpec> blocks;
  for (BlockSpec block : params.stages) {
    const int repeats = block.repeats;
    block.input_filters = width(block.input_filters);
    block.output_filters = width(block.output_filters);
    block.repeats = 1;
    for (int repeat = 0; repeat < repeats; ++repeat) {
      blocks.push_back(block);
      block.input_filters = block.output_filters;
      block.stride_h = block.stride_w = 1;
    }
  }
  return blocks;
}

// The layers' names, whole: with their scopes. A layer of several kernel sizes has one for each.
struct BlockNames {
  std::vector<std::string> expand;
  std::vector<std::string> depthwise;
  std::string se_reduce;
  std::string se_expand;
  std::vector<std::string> project;
};
struct Names {
  std::string stem;
  std::vector<BlockNames> blocks;
  std::string head;
  std::string dense;
};

// Gives the layers of one kind their numbers.
class Numbering {
 public:
  explicit Numbering(std::string_view kind) : kind_(kind) {}

  std::string next(const std::string& scope) {
    const int number = used_++;
    return number == 0 ? scope + kind_ : fmt::format("{}{}_{}", scope, kind_, number);
  }
  std::vector<std::string> next(const std::string& scope, size_t count) {
    std::vector<std::string> names;
    for (size_t i = 0; i < count; ++i) names.push_back(next(scope));
    return names;
  }

 private:
  std::string kind_;
  int used_ = 0;
};

// Keras numbers its layers over the whole network in the order in which they are made: the blocks first, then stem and
// head. tf.layers numbers within each scope.
Names names_of(const MnasNetParams& params, const std::vector<BlockSpec>& blocks) {
  const MnasNetScopes& scopes = params.scopes;
  const std::string keras = fmt::format("{}/{}/{}", params.name, scopes.keras, scopes.layers);
  const std::string plain = fmt::format("{}/{}", params.name, scopes.layers);
  const std::string& top = params.use_keras ? keras : plain;
  const bool keras_depthwise = params.use_keras || scopes.depthwise_is_keras;
  Numbering all_convs("conv2d");
  Numbering all_depthwise("depthwise_conv2d");
  Names names;
  for (size_t i = 0; i < blocks.size(); ++i) {
    const BlockSpec& block = blocks[i];
    const std::string scope = fmt::format("{}blocks_{}/", top, i);
    Numbering own_convs("conv2d");
    Numbering own_se("conv2d");
    Numbering own_depthwise("depthwise_conv2d");
    Numbering& convs = params.use_keras ? all_convs : own_convs;
    Numbering& se = params.use_keras ? all_convs : own_se;
    BlockNames& own = names.blocks.emplace_back();
    if (block.expansion != 1) own.expand = convs.next(scope, block.expand_kernels.size());
    own.depthwise = keras_depthwise ? all_depthwise.next(fmt::format("{}blocks_{}/", keras, i), block.kernels.size())
                                    : own_depthwise.next(scope, block.kernels.size());
    if (block.se_ratio) {
      own.se_reduce = se.next(scope + "se/");
      own.se_expand = se.next(scope + "se/");
    }
    own.project = convs.next(scope, block.project_kernels.size());
  }
  names.stem = params.use_keras ? all_convs.next(top + "stem/") : top + "stem/conv2d";
  names.head = params.use_keras ? all_convs.next(top + "head/") : top + "head/conv2d";
  names.dense = top + "head/dense";
  return names;
}

void check(const MnasNetParams& params) {
  if (params.stages.empty()) fail("{}: a network needs at least one stage", params.name);
  check_classes(params.name, params.classes);
  check_dropout(params.name, params.dropout_rate);
}

class Assembly {
 public:
  explicit Assembly(const MnasNetParams& params)
      : params_(params),
        blocks_(blocks_of(params)),
        names_(names_of(params, blocks_)),
        norm_{.kind = "batch_normalization",
              .momentum = params.batch_norm_momentum,
              .epsilon = params.batch_norm_epsilon,
              .unbiased_moving_variance = true,
              .combine = BatchNormCombine::kNone},
        builder_(params.name, params.input) {}

  Graph build() {
    const GraphBuilder::Scope model = builder_.scope(params_.name);
    NodeId x = add_stem();
    for (size_t i = 0; i < blocks_.size(); ++i) x = add_block(i, x);
    builder_.endpoint("global_pool", x);
    builder_.output("logits", add_head(x));
    return builder_.finish();
  }

 private:
  NodeId norm(NodeId x) { return add_batch_norm(builder_, x, norm_); }
  NodeId norm_activate(NodeId x, ActivationKind activation) { return add_activation(builder_, norm(x), activation); }
  std::string scope_name(std::string_view name) const { return fmt::format("{}{}", params_.scopes.layers, name); }

  Padding padding() const { return params_.timm ? Padding::kSymmetric : Padding::kSame; }

  NodeId add_stem() {
    const GraphBuilder::Scope scope = builder_.scope(scope_name("stem"));
    const int64_t filters =
        round_filters(params_.stem_filters, params_.depth_multiplier, params_.depth_divisor, params_.min_depth);
    const ConvStyle style = {.kernel = 3, .stride_h = 2, .stride_w = 2, .filters = filters, .padding = padding()};
    const NodeId x = norm_activate(add_conv(builder_, builder_.input(), style, names_.stem), kActivation);
    builder_.endpoint("stem", x);
    return x;
  }

  NodeId add_block(size_t index, NodeId input) {
    const GraphBuilder::Scope scope = builder_.scope(scope_name(fmt::format("blocks_{}", index)));
    const BlockSpec& block = blocks_[index];
    const BlockNames& names = names_.blocks[index];
    const NodeId begin = builder_.next_node();
    const NodeId expanded = expand(block, names, input);
    NodeId x = norm(add_mixed(
        builder_, expanded,
        {.conv = {.filters = block.output_filters}, .kernels = block.project_kernels, .names = names.project}));
    // The declared widths decide: mnasnet-small's first block has none, though 8 channels go in and 8 come out.
    const int64_t filters = params_.timm ? builder_.shape(input).back() : block.input_filters;
    const bool skips = block.skip && block.stride_h == 1 && block.stride_w == 1 && filters == block.output_filters;
    if (skips) x = builder_.add(Add{}, {x, input});
    builder_.block({block.stage, begin, builder_.next_node()});
    name_block(index, x, expanded);
    return x;
  }

  NodeId expand(const BlockSpec& block, const BlockNames& names, NodeId x) {
    const int64_t filters = block.input_filters * block.expansion;
    const ActivationKind activation = block.activation.value_or(0) == 0 ? kActivation : ActivationKind::kSwish;
    if (block.expansion != 1) {
      x = add_mixed(builder_, x,
                    {.conv = {.filters = filters}, .kernels = block.expand_kernels, .names = names.expand});
      x = norm_activate(x, activation);
    }
    x = add_mixed(
        builder_, x,
        {.conv = {.stride_h = block.stride_h, .stride_w = block.stride_w, .filters = filters, .padding = padding()},
         .kernels = block.kernels,
         .names = names.depthwise,
         .depthwise = true,
         .dilated = block.dilated && block.stride_h == 1});
    x = norm_activate(x, activation);
    if (!block.se_ratio) return x;
    const GraphBuilder::Scope scope = builder_.scope("se");
    const auto squeezed = static_cast<int64_t>(static_cast<double>(block.input_filters) * *block.se_ratio);
    return add_squeeze_excite(builder_, x,
                              {.reduce_name = names.se_reduce,
                               .expand_name = names.se_expand,
                               .squeezed = std::max<int64_t>(1, squeezed),
                               .expanded = filters,
                               .activation = activation});
  }

  void name_block(size_t index, NodeId output, NodeId expanded) {
    name_output(fmt::format("block_{}", index), output, expanded);
    const bool reduces = index + 1 == blocks_.size() || blocks_[index + 1].stride_h > 1;
    if (reduces) name_output(fmt::format("reduction_{}", ++reductions_), output, expanded);
  }

  void name_output(const std::string& name, NodeId output, NodeId expanded) {
    builder_.endpoint(name, output);
    builder_.endpoint(name + "/expansion_output", expanded);
  }

  NodeId add_head(NodeId x) {
    const GraphBuilder::Scope scope = builder_.scope(scope_name("head"));
    x = norm_activate(add_conv(builder_, x, {.filters = params_.head_filters}, names_.head), kActivation);
    x = builder_.add(GlobalPool{}, {x});
    if (params_.dropout_rate > 0.0) x = builder_.add(Dropout{params_.dropout_rate}, {x});
    const double limit = 1.0 / std::sqrt(static_cast<double>(params_.classes));
    x = add_dense(builder_, x, params_.classes, limit, names_.dense);
    builder_.endpoint("head", x);
    return x;
  }

  const MnasNetParams& params_;
  std::vector<BlockSpec> blocks_;
  Names names_;
  BatchNormStyle norm_;
  GraphBuilder builder_;
  int reductions_ = 0;
};

constexpr std::string_view kA1[] = {"r1_k3_s11_e1_i32_o16_noskip",  "r2_k3_s22_e6_i16_o24",
                                    "r3_k5_s22_e3_i24_o40_se0.25",  "r4_k3_s22_e6_i40_o80",
                                    "r2_k3_s11_e6_i80_o112_se0.25", "r3_k5_s22_e6_i112_o160_se0.25",
                                    "r1_k3_s11_e6_i160_o320"};
constexpr std::string_view kB1[] = {"r1_k3_s11_e1_i32_o16_noskip",  "r3_k3_s22_e3_i16_o24", "r3_k5_s22_e3_i24_o40",
                                    "r3_k5_s22_e6_i40_o80",         "r2_k3_s11_e6_i80_o96", "r4_k5_s22_e6_i96_o192",
                                    "r1_k3_s11_e6_i192_o320_noskip"};
constexpr std::string_view kSmall[] = {
    "r1_k3_s11_e1_i16_o8",         "r1_k3_s22_e3_i8_o16",         "r2_k3_s22_e6_i16_o16", "r4_k5_s22_e6_i16_o32_se0.25",
    "r3_k3_s11_e6_i32_o32_se0.25", "r3_k5_s22_e6_i32_o88_se0.25", "r1_k3_s11_e6_i88_o144"};
constexpr std::string_view kD1[] = {"r1_k3_s11_e9_i32_o24",        "r3_k3_s22_e9_i24_o36", "r5_k3_s22_e9_i36_o48",
                                    "r4_k5_s22_e9_i48_o96",        "r5_k7_s11_e3_i96_o96", "r3_k3_s22_e9_i96_o80",
                                    "r1_k7_s11_e6_i80_o320_noskip"};
constexpr std::string_view kD1At320[] = {"r3_k5_s11_e6_i32_o24",  "r4_k7_s22_e9_i24_o36",  "r5_k5_s22_e9_i36_o48",
                                         "r5_k7_s22_e6_i48_o96",  "r5_k3_s11_e9_i96_o144", "r5_k5_s22_e6_i144_o160",
                                         "r1_k7_s11_e9_i160_o320"};

// Spec mnasnet 2.3. The originals' trainer names every variable in Keras' style, whatever the model (6.3).
struct Variant {
  std::string_view name;
  std::span<const std::string_view> stages;
  int64_t stem_filters;
  double dropout;
};
constexpr Variant kVariants[] = {
    {"mnasnet-a1", kA1, 32, 0.2}, {"mnasnet-b1", kB1, 32, 0.2},          {"mnasnet-small", kSmall, 8, 0.0},
    {"mnasnet-d1", kD1, 32, 0.2}, {"mnasnet-d1-320", kD1At320, 32, 0.2},
};

MnasNetParams named_params(std::string_view name) {
  for (const Variant& variant : kVariants) {
    if (variant.name != name) continue;
    MnasNetParams params;
    params.name = name;
    params.stages = parse_blocks(variant.stages, BlockNotation::kMnasNet);
    params.stem_filters = variant.stem_filters;
    params.dropout_rate = variant.dropout;
    params.input.resize = ResizeMethod::kBilinear;
    params.input.crop = CentreCrop::kMnasNet;
    return params;
  }
  fail("{}: the registry has this MnasNet, but its builder does not", name);
}

// The original's flags for these are floats; only whole numbers work there as well (spec 2.4).
int64_t whole_number(std::string_view name, std::string_view option, double value, double least) {
  constexpr double kMost = 1 << 24;
  if (!(value >= least && value <= kMost) || value != std::floor(value)) {
    fail("{}: {} {}, expected a whole number of at least {}", name, option, value, least);
  }
  return static_cast<int64_t>(value);
}

}  // namespace

Graph build_mnasnet(const MnasNetParams& params) {
  check(params);
  return Assembly(params).build();
}

Graph build_mnasnet(const ModelInfo& model, const ModelOptions& options, MnasNetParams params) {
  refuse_options_but(model, options,
                     {"dropout_rate", "depth_multiplier", "depth_divisor", "min_depth", "use_keras", "timm"});
  params.timm = options.timm.value_or(false);
  if (params.timm) {
    params.batch_norm_epsilon = kTimmEpsilon;
    params.batch_norm_momentum = kTimmMomentum;
    params.input = timm_input(params.input);
  }
  params.input = input_of(model, options, params.input);
  params.classes = options.classes.value_or(params.classes);
  params.dropout_rate = options.dropout_rate.value_or(params.dropout_rate);
  params.batch_norm_momentum = options.batch_norm_momentum.value_or(params.batch_norm_momentum);
  params.batch_norm_epsilon = options.batch_norm_epsilon.value_or(params.batch_norm_epsilon);
  params.depth_multiplier = options.depth_multiplier.value_or(params.depth_multiplier);
  params.use_keras = options.use_keras.value_or(params.use_keras);
  if (options.depth_divisor)
    params.depth_divisor = whole_number(model.name, "depth_divisor", *options.depth_divisor, 1);
  if (options.min_depth) params.min_depth = whole_number(model.name, "min_depth", *options.min_depth, 0);
  return build_mnasnet(params);
}

Graph build_named_mnasnet(const ModelInfo& model, const ModelOptions& options) {
  return build_mnasnet(model, options, named_params(model.name));
}

}  // namespace netwright
