#include "models/efficientnet.h"

#include <cmath>

#include "core/error.h"
#include "models/layers.h"
#include "models/options.h"
#include "models/scaling.h"

namespace netwright {
namespace {

constexpr NodeId kNoRouting = -1;

// A stage whose first block brings rows and columns into the channels, or that goes on from there (spec 2.3): the
// widths count for the smaller picture, the kernels are about half as large. After a stride of 2 all that is over.
std::vector<BlockSpec> space_to_depth_blocks(const BlockSpec& stage, int repeats) {
  BlockSpec first = stage;
  const int larger = 4 / stage.stride_h / stage.stride_w;
  first.input_filters *= larger;
  first.output_filters *= larger;
  if (larger > 1) first.kernels = {(stage.kernels.front() + 1) / 2};
  BlockSpec others = first;
  if (stage.stride_h == 2 && stage.stride_w == 2) {
    first.stride_h = first.stride_w = 1;
    others = stage;
    others.space_to_depth = 0;
  } else if (stage.space_to_depth == 1) {
    others.space_to_depth = 2;
  }
  others.input_filters = others.output_filters;
  others.stride_h = others.stride_w = 1;
  std::vector<BlockSpec> blocks(static_cast<size_t>(repeats), others);
  blocks.front() = first;
  return blocks;
}

std::vector<BlockSpec> plain_blocks(const BlockSpec& stage, int repeats) {
  std::vector<BlockSpec> blocks(static_cast<size_t>(repeats), stage);
  for (BlockSpec& block : std::span(blocks).subspan(1)) {
    block.input_filters = block.output_filters;
    block.stride_h = block.stride_w = 1;
  }
  return blocks;
}

// Stages to blocks: widths and repeats scaled, repeats written out.
std::vector<BlockSpec> blocks_of(const EfficientNetParams& params) {
  const auto width = [&](int64_t filters) {
    return round_filters(filters, params.width_coefficient, params.depth_divisor, params.min_depth);
  };
  std::vector<BlockSpec> blocks;
  for (size_t i = 0; i < params.stages.size(); ++i) {
    BlockSpec stage = params.stages[i];
    const bool fixed = params.fix_head_stem && (i == 0 || i + 1 == params.stages.size());
    const int repeats = fixed ? stage.repeats : round_repeats(stage.repeats, params.depth_coefficient);
    stage.input_filters = width(stage.input_filters);
    stage.output_filters = width(stage.output_filters);
    stage.repeats = 1;
    const auto made = stage.space_to_depth == 0 ? plain_blocks(stage, repeats) : space_to_depth_blocks(stage, repeats);
    blocks.insert(blocks.end(), made.begin(), made.end());
  }
  return blocks;
}

void check(const EfficientNetParams& params) {
  if (params.stages.empty()) fail("{}: a network needs at least one stage", params.name);
  check_classes(params.name, params.classes);
  check_dropout(params.name, params.dropout_rate);
  check_survival(params.name, params.survival_probability);
  for (const BlockSpec& stage : params.stages) {
    const std::string text = print_block(stage, BlockNotation::kEfficientNet);
    if (stage.space_to_depth != 0 && stage.type == 1)
      fail("{}: stage {}: c1 and d exclude each other", params.name, text);
    if (stage.space_to_depth != 0 && stage.stride_h * stage.stride_w > 4) {
      fail("{}: stage {}: strides with d are 1 or 2", params.name, text);
    }
    if (stage.condconv && stage.type == 1) fail("{}: stage {}: c1 and cc exclude each other", params.name, text);
    if (stage.condconv && params.experts < 1) fail("{}: stage {}: a cc stage needs experts", params.name, text);
  }
}

class Assembly {
 public:
  explicit Assembly(const EfficientNetParams& params)
      : params_(params),
        blocks_(blocks_of(params)),
        norm_{.kind = "tpu_batch_normalization",
              .momentum = params.batch_norm_momentum,
              .epsilon = params.batch_norm_epsilon,
              .unbiased_moving_variance = params.timm,
              .combine = params.timm ? BatchNormCombine::kNone : BatchNormCombine::kMeanOfVariances},
        builder_(params.name, params.input) {}

  Graph build() {
    const GraphBuilder::Scope model = builder_.scope(params_.name);
    NodeId x = add_stem();
    for (size_t i = 0; i < blocks_.size(); ++i) x = add_block(i, x);
    builder_.endpoint("features", x);
    builder_.output("logits", add_head(x));
    return builder_.finish();
  }

 private:
  int64_t end_filters(int64_t filters) const {
    if (params_.fix_head_stem) return filters;
    return round_filters(filters, params_.width_coefficient, params_.depth_divisor, params_.min_depth);
  }

  Padding padding() const { return params_.timm ? Padding::kSymmetric : Padding::kSame; }

  // Convolution, batch norm; `routing` mixes the kernel from experts, whose names count over the whole graph: three
  // convolutions (fused, expand, project: `role` 0, 1, 2) and one depthwise a block.
  NodeId conv_norm(NodeId x, ConvStyle style, NodeId routing = kNoRouting, int role = 0) {
    style.padding = padding();
    if (routing == kNoRouting) {
      x = add_conv(builder_, x, style, builder_.unique_name("conv2d"));
    } else {
      const std::string name = expert_name("cond_conv2d", 3 * condconv_blocks_ + role) + "/condconv_kernel";
      x = add_conv_of_experts(builder_, x, routing, style, name);
    }
    return add_batch_norm(builder_, x, norm_);
  }

  NodeId depthwise_norm(NodeId x, ConvStyle style, NodeId routing) {
    style.padding = padding();
    if (routing == kNoRouting) {
      x = add_depthwise(builder_, x, style, builder_.unique_name("depthwise_conv2d"));
    } else {
      const std::string name = expert_name("depthwise_cond_conv2d", condconv_blocks_) + "/depthwise_condconv_kernel";
      x = add_depthwise_of_experts(builder_, x, routing, style, name);
    }
    return add_batch_norm(builder_, x, norm_);
  }

  // Keras names its variables by a scope of its own (spec 2.5).
  std::string expert_name(std::string_view kind, int number) const {
    const std::string_view block = std::string_view(builder_.current_scope()).substr(params_.name.size() + 1);
    const std::string name = fmt::format("{}/model/{}/{}", params_.name, block, kind);
    return number == 0 ? name : fmt::format("{}_{}", name, number);
  }

  NodeId add_stem() {
    const GraphBuilder::Scope scope = builder_.scope("stem");
    NodeId x = conv_norm(builder_.input(),
                         {.kernel = 3, .stride_h = 2, .stride_w = 2, .filters = end_filters(params_.stem_filters)});
    x = add_activation(builder_, x, params_.activation);
    builder_.endpoint("stem", x);
    return x;
  }

  NodeId add_block(size_t index, NodeId input) {
    const GraphBuilder::Scope scope = builder_.scope(fmt::format("blocks_{}", index));
    const BlockSpec& block = blocks_[index];
    const NodeId begin = builder_.next_node();
    const NodeId expanded = block.type == 1 ? expand_without_depthwise(block, input) : expand_mbconv(block, input);
    NodeId x = conv_norm(expanded, {.filters = block.output_filters}, routing_, 2);
    if (block.condconv) ++condconv_blocks_;
    if (has_residual(block, input, x)) x = add_residual(index, input, x);
    builder_.block({block.stage, begin, builder_.next_node()});
    name_block(index, input, x, expanded);
    return x;
  }

  ActivationKind activation(const BlockSpec& block) const {
    if (!block.activation) return params_.activation;
    return *block.activation == 0 ? ActivationKind::kRelu : ActivationKind::kSwish;
  }

  NodeId expand_mbconv(const BlockSpec& block, NodeId input) {
    const ActivationKind act = activation(block);
    const ConvStyle spatial = {.kernel = block.kernels.front(),
                               .stride_h = block.stride_h,
                               .stride_w = block.stride_w,
                               .filters = block.input_filters * block.expansion};
    routing_ = block.condconv ? add_routing(input) : kNoRouting;
    NodeId x = block.space_to_depth == 1 ? add_space_to_depth(block, input) : input;
    if (block.fused) {
      x = add_activation(builder_, conv_norm(x, spatial, routing_, 0), act);
    } else {
      if (block.expansion != 1) {
        x = add_activation(builder_, conv_norm(x, {.filters = spatial.filters}, routing_, 1), act);
      }
      x = add_activation(builder_, depthwise_norm(x, spatial, routing_), act);
    }
    if (!params_.squeeze_excite || !block.se_ratio) return x;
    const GraphBuilder::Scope scope = builder_.scope("se");
    const double ratio = *block.se_ratio * params_.se_coefficient;
    auto squeezed = static_cast<int64_t>(static_cast<double>(block.input_filters) * ratio);
    if (block.space_to_depth == 1) squeezed /= 4;
    return add_squeeze_excite(builder_, x,
                              {.reduce_name = builder_.unique_name("conv2d"),
                               .expand_name = builder_.unique_name("conv2d"),
                               .squeezed = std::max<int64_t>(1, squeezed),
                               .expanded = spatial.filters,
                               .activation = act});
  }

  // A convolution whose windows do not overlap: it may learn to lay four pixels side by side on the channels.
  NodeId add_space_to_depth(const BlockSpec& block, NodeId input) {
    const GraphBuilder::Scope scope = builder_.scope("space2depth");
    const ConvStyle style = {.kernel = 2, .stride_h = 2, .stride_w = 2, .filters = block.input_filters};
    return add_activation(builder_, conv_norm(input, style), activation(block));
  }

  // EdgeTPU's block: the expansion is a 3 x 3 convolution whatever `k` says; without one the stride is lost too.
  NodeId expand_without_depthwise(const BlockSpec& block, NodeId input) {
    routing_ = kNoRouting;
    if (block.expansion == 1) return input;
    const ConvStyle style = {.kernel = 3,
                             .stride_h = block.stride_h,
                             .stride_w = block.stride_w,
                             .filters = block.input_filters * block.expansion};
    return add_activation(builder_, conv_norm(input, style), activation(block));
  }

  NodeId add_routing(NodeId input) {
    const NodeId pooled = builder_.add(GlobalPool{}, {input});
    const auto fan = static_cast<double>(builder_.shape(pooled).back() + params_.experts);
    const NodeId dense =
        add_dense(builder_, pooled, params_.experts, std::sqrt(6.0 / fan), builder_.unique_name("dense"));
    return add_activation(builder_, dense, ActivationKind::kSigmoid);
  }

  // An MBConv block looks at the channels that arrive, the other at the filters that its string states.
  bool has_residual(const BlockSpec& block, NodeId input, NodeId output) const {
    if (!block.skip || block.stride_h != 1 || block.stride_w != 1) return false;
    if (block.type == 1) return block.input_filters == block.output_filters;
    return builder_.shape(input).back() == builder_.shape(output).back();
  }

  NodeId add_residual(size_t index, NodeId input, NodeId x) {
    if (params_.survival_probability > 0.0) {
      const double survival =
          block_survival(params_.survival_probability, static_cast<int>(index), static_cast<int>(blocks_.size()));
      if (survival < 1.0) x = builder_.add(DropPath{survival}, {x});
    }
    return builder_.add(Add{}, {x, input});
  }

  void name_block(size_t index, NodeId input, NodeId output, NodeId expanded) {
    name_output(fmt::format("block_{}", index), output, expanded);
    // What a first block that halves the picture is given is the first reduction; it is none itself.
    if (index == 0 && blocks_[0].space_to_depth == 1) {
      builder_.endpoint(fmt::format("reduction_{}", ++reductions_), input);
      return;
    }
    const bool reduces = index + 1 == blocks_.size() || blocks_[index + 1].stride_h > 1;
    if (reduces) name_output(fmt::format("reduction_{}", ++reductions_), output, expanded);
  }

  void name_output(const std::string& name, NodeId output, NodeId expanded) {
    builder_.endpoint(name, output);
    builder_.endpoint(name + "/expansion_output", expanded);
  }

  NodeId add_head(NodeId x) {
    const GraphBuilder::Scope scope = builder_.scope("head");
    x = add_activation(builder_, conv_norm(x, {.filters = end_filters(params_.head_filters)}), params_.activation);
    builder_.endpoint("head_1x1", x);
    x = builder_.add(GlobalPool{.keep_dimensions = params_.local_pooling}, {x});
    builder_.endpoint("pooled_features", x);
    if (params_.dropout_rate > 0.0) x = builder_.add(Dropout{params_.dropout_rate}, {x});
    builder_.endpoint("global_pool", x);
    const double limit = 1.0 / std::sqrt(static_cast<double>(params_.classes));
    x = add_dense(builder_, x, params_.classes, limit, builder_.unique_name("dense"));
    builder_.endpoint("head", x);
    return x;
  }

  const EfficientNetParams& params_;
  std::vector<BlockSpec> blocks_;
  BatchNormStyle norm_;
  GraphBuilder builder_;
  NodeId routing_ = kNoRouting;  // of the block that is being built
  int condconv_blocks_ = 0;
  int reductions_ = 0;
};

constexpr std::string_view kBaseStages[] = {"r1_k3_s11_e1_i32_o16_se0.25",  "r2_k3_s22_e6_i16_o24_se0.25",
                                            "r2_k5_s22_e6_i24_o40_se0.25",  "r3_k3_s22_e6_i40_o80_se0.25",
                                            "r3_k5_s11_e6_i80_o112_se0.25", "r4_k5_s22_e6_i112_o192_se0.25",
                                            "r1_k3_s11_e6_i192_o320_se0.25"};
constexpr std::string_view kCondConvStages[] = {"r1_k3_s11_e1_i32_o16_se0.25",     "r2_k3_s22_e6_i16_o24_se0.25",
                                                "r2_k5_s22_e6_i24_o40_se0.25",     "r3_k3_s22_e6_i40_o80_se0.25",
                                                "r3_k5_s11_e6_i80_o112_se0.25_cc", "r4_k5_s22_e6_i112_o192_se0.25_cc",
                                                "r1_k3_s11_e6_i192_o320_se0.25_cc"};
constexpr std::string_view kEdgeTpuStages[] = {"r1_k3_s11_e4_i24_o24_c1_noskip", "r2_k3_s22_e8_i24_o32_c1",
                                               "r4_k3_s22_e8_i32_o48_c1",        "r5_k5_s22_e8_i48_o96",
                                               "r4_k5_s11_e8_i96_o144",          "r2_k5_s22_e8_i144_o192"};

constexpr std::string_view kXStages[] = {"r1_k3_s11_e1_i32_o16_se0.25_d1_a0", "r2_k3_s22_e6_i16_o24_se0.25_f1_d2_a1",
                                         "r2_k5_s22_e6_i24_o40_se0.25_f1_a1", "r3_k3_s22_e6_i40_o80_se0.25_a0",
                                         "r3_k5_s11_e6_i80_o112_se0.25_a0",   "r4_k5_s22_e6_i112_o192_se0.25_a0",
                                         "r1_k3_s11_e6_i192_o320_se0.25_a0"};
constexpr std::string_view kHStages[] = {"r1_k3_s11_e1_i32_o16_se0.25_d1_a0", "r2_k3_s22_e4_i16_o24_se0.25_f1_d2_a1",
                                         "r2_k5_s22_e4_i24_o40_se0.25_f1_a1", "r3_k3_s22_e4_i40_o80_se0.25_a0",
                                         "r3_k5_s11_e6_i80_o112_se0.25_a0",   "r4_k5_s22_e6_i112_o192_se0.25_a0",
                                         "r1_k3_s11_e6_i192_o320_se0.25_a0"};

constexpr std::array<float, 3> kCentreMean = {127.0F, 127.0F, 127.0F};
constexpr std::array<float, 3> kCentreDeviation = {128.0F, 128.0F, 128.0F};

// What the members of a branch of the family share.
struct Branch {
  std::span<const std::string_view> stages;
  ActivationKind activation;
  bool squeeze_excite;
  bool mobile;  // pools locally and normalises to about [-1, 1]
  bool fix_head_stem;
};
constexpr Branch kBase = {kBaseStages, ActivationKind::kSwish, true, false, false};
constexpr Branch kLite = {kBaseStages, ActivationKind::kRelu6, false, true, true};
constexpr Branch kEdgeTpu = {kEdgeTpuStages, ActivationKind::kRelu, false, true, false};
constexpr Branch kCondConv = {kCondConvStages, ActivationKind::kSwish, true, false, false};
constexpr Branch kX = {kXStages, ActivationKind::kRelu, true, false, false};
constexpr Branch kH = {kHStages, ActivationKind::kRelu, true, false, false};

// Spec efficientnet 2.4.
struct Variant {
  std::string_view name;
  const Branch& branch;
  double width;
  double depth;
  double dropout;
  int experts = 0;
  double se_coefficient = 1.0;
};
constexpr Variant kVariants[] = {
    {"efficientnet-b0", kBase, 1.0, 1.0, 0.2},
    {"efficientnet-b1", kBase, 1.0, 1.1, 0.2},
    {"efficientnet-b2", kBase, 1.1, 1.2, 0.3},
    {"efficientnet-b3", kBase, 1.2, 1.4, 0.3},
    {"efficientnet-b4", kBase, 1.4, 1.8, 0.4},
    {"efficientnet-b5", kBase, 1.6, 2.2, 0.4},
    {"efficientnet-b6", kBase, 1.8, 2.6, 0.5},
    {"efficientnet-b7", kBase, 2.0, 3.1, 0.5},
    {"efficientnet-b8", kBase, 2.2, 3.6, 0.5},
    {"efficientnet-l2", kBase, 4.3, 5.3, 0.5},
    {"efficientnet-lite0", kLite, 1.0, 1.0, 0.2},
    {"efficientnet-lite1", kLite, 1.0, 1.1, 0.2},
    {"efficientnet-lite2", kLite, 1.1, 1.2, 0.3},
    {"efficientnet-lite3", kLite, 1.2, 1.4, 0.3},
    {"efficientnet-lite4", kLite, 1.4, 1.8, 0.3},
    {"efficientnet-edgetpu-S", kEdgeTpu, 1.0, 1.0, 0.2},
    {"efficientnet-edgetpu-M", kEdgeTpu, 1.0, 1.1, 0.2},
    {"efficientnet-edgetpu-L", kEdgeTpu, 1.2, 1.4, 0.3},
    {"efficientnet-condconv-b0-4e", kCondConv, 1.0, 1.0, 0.25, 4},
    {"efficientnet-condconv-b0-8e", kCondConv, 1.0, 1.0, 0.25, 8},
    {"efficientnet-condconv-b0-8e-depth", kCondConv, 1.0, 1.1, 0.25, 8},
    {"efficientnet-x-b0", kX, 1.0, 1.0, 0.2, 0, 4.0},
    {"efficientnet-x-b1", kX, 1.0, 1.1, 0.2, 0, 2.0},
    {"efficientnet-x-b2", kX, 1.1, 1.2, 0.3},
    {"efficientnet-x-b3", kX, 1.2, 1.4, 0.3},
    {"efficientnet-x-b4", kX, 1.4, 1.8, 0.4},
    {"efficientnet-x-b5", kX, 1.6, 2.2, 0.4},
    {"efficientnet-x-b6", kX, 1.8, 2.6, 0.5},
    {"efficientnet-x-b7", kX, 2.0, 3.1, 0.5},
    {"efficientnet-h-b5", kH, 1.92, 2.2, 0.4},
    {"efficientnet-h-b6", kH, 2.16, 2.6, 0.5},
    {"efficientnet-h-b7", kH, 2.4, 3.1, 0.5},
    {"efficientnet-x-tpu-b0", kX, 1.0, 1.0, 0.2, 0, 4.0},
    {"efficientnet-x-tpu-b1", kX, 1.05, 1.09, 0.2, 0, 2.0},
    {"efficientnet-x-tpu-b2", kX, 1.13, 1.29, 0.3},
    {"efficientnet-x-tpu-b3", kX, 1.27, 1.62, 0.3},
    {"efficientnet-x-tpu-b4", kX, 1.54, 2.38, 0.4},
    {"efficientnet-x-tpu-b5", kX, 1.96, 2.76, 0.4},
    {"efficientnet-x-tpu-b6", kX, 2.75, 3.01, 0.5},
    {"efficientnet-x-tpu-b7", kX, 3.26, 3.44, 0.5},
    {"efficientnet-h-tpu-b5", kH, 2.3, 2.76, 0.4},
    {"efficientnet-h-tpu-b6", kH, 3.0, 3.01, 0.5},
    {"efficientnet-h-tpu-b7", kH, 3.6, 3.44, 0.5},
    {"efficientnet-x-gpu-b0", kX, 1.0, 1.0, 0.2, 0, 4.0},
    {"efficientnet-x-gpu-b1", kX, 1.05, 1.09, 0.2, 0, 2.0},
    {"efficientnet-x-gpu-b2", kX, 1.13, 1.24, 0.3},
    {"efficientnet-x-gpu-b3", kX, 1.31, 1.63, 0.3},
    {"efficientnet-x-gpu-b4", kX, 1.63, 2.4, 0.4},
    {"efficientnet-x-gpu-b5", kX, 1.94, 3.29, 0.4},
    {"efficientnet-x-gpu-b6", kX, 2.25, 4.28, 0.5},
    {"efficientnet-x-gpu-b7", kX, 2.58, 5.46, 0.5},
};

EfficientNetParams named_params(std::string_view name) {
  for (const Variant& variant : kVariants) {
    if (variant.name != name) continue;
    const Branch& branch = variant.branch;
    EfficientNetParams params;
    params.name = name;
    params.stages = parse_blocks(branch.stages, BlockNotation::kEfficientNet);
    params.activation = branch.activation;
    params.squeeze_excite = branch.squeeze_excite;
    params.local_pooling = branch.mobile;
    params.fix_head_stem = branch.fix_head_stem;
    params.width_coefficient = variant.width;
    params.depth_coefficient = variant.depth;
    params.dropout_rate = variant.dropout;
    params.experts = variant.experts;
    params.se_coefficient = variant.se_coefficient;
    // The originals train and evaluate every branch on bicubic pictures (spec 9.3).
    params.input.resize = ResizeMethod::kBicubic;
    params.input.crop = CentreCrop::kEfficientNet;
    const bool centred = branch.mobile || variant.experts > 0;
    params.input.mean = centred ? kCentreMean : kImageNetMean;
    params.input.deviation = centred ? kCentreDeviation : kImageNetDeviation;
    return params;
  }
  fail("{}: the registry has this EfficientNet, but its builder does not", name);
}

}  // namespace

Graph build_efficientnet(const EfficientNetParams& params) {
  check(params);
  return Assembly(params).build();
}

Graph build_named_efficientnet(const ModelInfo& model, const ModelOptions& options) {
  refuse_options_but(model, options,
                     {"dropout_rate", "survival_probability", "width_coefficient", "depth_coefficient", "timm"});
  EfficientNetParams params = named_params(model.name);
  params.timm = options.timm.value_or(false);
  if (params.timm) {
    params.batch_norm_epsilon = kTimmEpsilon;
    params.batch_norm_momentum = kTimmMomentum;
    params.input = timm_input(params.input);
  }
  params.input = input_of(model, options, params.input);
  params.classes = options.classes.value_or(params.classes);
  params.dropout_rate = options.dropout_rate.value_or(params.dropout_rate);
  params.survival_probability = options.survival_probability.value_or(params.survival_probability);
  params.batch_norm_momentum = options.batch_norm_momentum.value_or(params.batch_norm_momentum);
  params.batch_norm_epsilon = options.batch_norm_epsilon.value_or(params.batch_norm_epsilon);
  // As the original: 0 is ignored (spec 6.1).
  if (options.width_coefficient.value_or(0.0) != 0.0) params.width_coefficient = *options.width_coefficient;
  if (options.depth_coefficient.value_or(0.0) != 0.0) params.depth_coefficient = *options.depth_coefficient;
  return build_efficientnet(params);
}

}  // namespace netwright
