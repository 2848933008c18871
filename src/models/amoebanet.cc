#include "models/amoebanet.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <vector>

#include "core/error.h"
#include "graph/builder.h"
#include "models/options.h"

namespace netwright {
namespace {

constexpr int kReductions = 2;
constexpr int kStemCells = 2;
constexpr double kAuxLossWeight = 0.4;
constexpr double kFusedEpsilon = 1.001e-5;

// ---- layers with the original's names and initial values ----

// Truncated normals of deviation sqrt(1.3 * 2 / fan out) (spec 4.1).
Initializer weights_of(const Shape& shape) {
  Shape kernel = shape;
  // A depthwise kernel's last axis is its multiplier.
  const auto fan_out = static_cast<double>(kernel.size() == 4 ? kernel[0] * kernel[1] * kernel[3] : kernel.back());
  return {Initializer::Kind::kTruncatedNormal, std::sqrt(1.3 * 2.0 / fan_out)};
}

struct ConvShape {
  int kernel_h = 1;
  int kernel_w = 1;
  int stride_h = 1;
  int stride_w = 1;
  int dilation = 1;
  Padding padding = Padding::kSame;

  Window window() const { return {kernel_h, kernel_w, stride_h, stride_w, dilation, padding}; }
};

ConvShape square(int kernel, int stride) { return {kernel, kernel, stride, stride}; }

class Layers {
 public:
  Layers(GraphBuilder& builder, const AmoebaNetParams& params) : builder_(builder), params_(params) {}

  int64_t channels(NodeId x) const { return builder_.shape(x).back(); }
  bool same_size(NodeId x, NodeId y) const {
    return builder_.shape(x)[0] == builder_.shape(y)[0] && builder_.shape(x)[1] == builder_.shape(y)[1];
  }

  // SCOPE/NAME/weights, then the batch norm SCOPE/NORM.
  NodeId conv_norm(NodeId x, const ConvShape& shape, int64_t filters, std::string_view name, std::string_view norm) {
    return batch_norm(conv(x, shape, filters, name), norm);
  }

  NodeId conv(NodeId x, const ConvShape& shape, int64_t filters, std::string_view name) {
    Conv2D op = {.window = shape.window(), .filters = filters};
    op.kernel =
        weights(name, "weights", {shape.kernel_h, shape.kernel_w, channels(x), filters}, ParameterRole::kKernel);
    return builder_.add(op, {x});
  }

  // Depthwise and pointwise without anything between them.
  NodeId separable_norm(NodeId x, int kernel, int stride, int64_t filters, int number) {
    const std::string name = fmt::format("separable_{0}x{0}_{1}", kernel, number);
    DepthwiseConv2D depthwise = {.window = square(kernel, stride).window()};
    depthwise.kernel =
        weights(name, "depthwise_weights", {kernel, kernel, channels(x), 1}, ParameterRole::kDepthwiseKernel);
    Conv2D pointwise = {.filters = filters};
    pointwise.kernel = weights(name, "pointwise_weights", {1, 1, channels(x), filters}, ParameterRole::kKernel);
    x = builder_.add(pointwise, {builder_.add(depthwise, {x})});
    return batch_norm(x, fmt::format("bn_sep_{0}x{0}_{1}", kernel, number));
  }

  NodeId batch_norm(NodeId x, std::string_view name) {
    const Shape shape = {channels(x)};
    BatchNorm op = {.momentum = params_.batch_norm_momentum,
                    .epsilon = std::max(params_.batch_norm_epsilon, kFusedEpsilon),
                    .unbiased_moving_variance = true,
                    .combine = BatchNormCombine::kNone};
    const auto add = [&](std::string_view leaf, ParameterRole role, Initializer::Kind initial) {
      return builder_.parameter({path(name, leaf), shape, role, {initial, 0.0}, 0.0});
    };
    op.beta = add("beta", ParameterRole::kBeta, Initializer::Kind::kZeros);
    op.gamma = add("gamma", ParameterRole::kGamma, Initializer::Kind::kOnes);
    op.moving_mean = add("moving_mean", ParameterRole::kMovingMean, Initializer::Kind::kZeros);
    op.moving_variance = add("moving_variance", ParameterRole::kMovingVariance, Initializer::Kind::kOnes);
    return builder_.add(op, {x});
  }

  // One node however many read it.
  NodeId relu(NodeId x) {
    const auto [found, is_new] = relu_of_.try_emplace(x, -1);
    if (is_new) found->second = builder_.add(Activation{ActivationKind::kRelu}, {x});
    return found->second;
  }

  NodeId dense(NodeId x) {
    Dense op = {.units = params_.classes};
    op.kernel = weights("FC", "weights", {channels(x), params_.classes}, ParameterRole::kDenseKernel);
    op.bias = builder_.parameter({path("FC", "biases"), {params_.classes}, ParameterRole::kBias, {}, 0.0});
    return builder_.add(op, {x});
  }

  // Half the filters from the rows and columns 0, 2, 4, ..., half from 1, 3, 5, ... (spec 2.6).
  NodeId factorized_reduction(NodeId x, int64_t filters, int stride) {
    if (filters % 2 != 0) {
      fail("{}: {} can't halve {} filters in a factorised reduction, expected an even number (reduction_size is {})",
           params_.name, builder_.current_scope(), filters, params_.reduction_size);
    }
    if (stride == 1) return conv_norm(x, {}, filters, "path_conv", "path_bn");
    const NodeId even = conv(sample(x), {}, filters / 2, "path1_conv");
    const NodeId odd = conv(sample(builder_.add(Pad{.top = -1, .bottom = 1, .left = -1, .right = 1}, {x})), {},
                            filters / 2, "path2_conv");
    return batch_norm(builder_.add(Concat{}, {even, odd}), "final_path_bn");
  }

 private:
  std::string path(std::string_view name, std::string_view leaf) const {
    return fmt::format("{}/{}/{}", builder_.current_scope(), name, leaf);
  }
  ParameterRef weights(std::string_view name, std::string_view leaf, Shape shape, ParameterRole role) {
    const Initializer initializer = weights_of(shape);
    return builder_.parameter({path(name, leaf), std::move(shape), role, initializer, 1.0});
  }
  NodeId sample(NodeId x) { return builder_.add(Pool{PoolKind::kAverage, {1, 1, 2, 2, 1, Padding::kValid}}, {x}); }

  GraphBuilder& builder_;
  const AmoebaNetParams& params_;
  std::map<NodeId, NodeId> relu_of_;
};

// ---- operations (spec 2.5) ----

// The digit on both sides of an "x".
int kernel_of(std::string_view operation) {
  for (size_t x = 1; x + 1 < operation.size(); ++x) {
    const char digit = operation[x - 1];
    if (operation[x] == 'x' && digit >= '1' && digit <= '9' && operation[x + 1] == digit) return digit - '0';
  }
  fail("operation \"{}\" has no size such as 3x3", operation);
}

// The number behind the last "_"; 1 when that is the size.
int last_number(std::string_view operation) {
  const std::string_view last = operation.substr(operation.rfind('_') + 1);
  if (last.find('x') != std::string_view::npos) return 1;
  int number = 0;
  const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), number);
  constexpr int kMost = 64;
  if (error != std::errc() || end != last.data() + last.size() || number < 1 || number > kMost) {
    fail("operation \"{}\" ends in \"{}\", expected 1 to {}", operation, last, kMost);
  }
  return number;
}

// The convolutions in the middle of a bottleneck.
struct Middle {
  std::string name;
  ConvShape shape;
  std::string norm;
};
struct Bottleneck {
  double share;  // of the filters, truncated
  std::vector<Middle> middle;
};

Middle middle_of(std::string name, int kernel_h, int kernel_w, int stride, std::string norm) {
  ConvShape shape = {kernel_h, kernel_w, kernel_h > 1 ? stride : 1, kernel_w > 1 ? stride : 1};
  return {std::move(name), shape, std::move(norm)};
}

std::optional<Bottleneck> bottleneck_of(std::string_view operation, int stride) {
  if (operation == "3x3") return Bottleneck{0.25, {middle_of("3x3", 3, 3, stride, "bn")}};
  if (operation == "1x7_7x1") {
    return Bottleneck{0.25, {middle_of("1x7", 1, 7, stride, "bn_1x7_7x1"), middle_of("7x1", 7, 1, stride, "bn")}};
  }
  if (operation == "1x3_3x1") {
    return Bottleneck{0.375, {middle_of("1x3", 1, 3, stride, "bn_1x3_3x1"), middle_of("3x1", 3, 1, stride, "bn")}};
  }
  if (operation.starts_with("dilated_3x3_rate_")) {
    Middle dilated = middle_of("dilated_3x3", 3, 3, stride, "bn");
    dilated.shape.dilation = last_number(operation);
    if (dilated.shape.dilation > 1 && stride > 1) fail("operation \"{}\" can't have stride {}", operation, stride);
    return Bottleneck{0.25, {std::move(dilated)}};
  }
  return std::nullopt;
}

class Operations {
 public:
  Operations(GraphBuilder& builder, Layers& layers) : builder_(builder), layers_(layers) {}

  NodeId apply(std::string_view operation, NodeId x, int stride, int64_t filters) {
    if (operation.find("separable") != std::string_view::npos) return separable(operation, x, stride, filters);
    if (const auto bottleneck = bottleneck_of(operation, stride)) return squeeze(*bottleneck, x, filters);
    if (operation == "1x1" || operation == "none") {
      const bool identity = operation == "none" && stride == 1 && layers_.channels(x) == filters;
      return identity ? x : layers_.conv_norm(layers_.relu(x), square(1, stride), filters, "1x1", "bn_1");
    }
    if (operation.find("pool") != std::string_view::npos) return pool(operation, x, stride, filters);
    fail("operation \"{}\" is unknown", operation);
  }

 private:
  NodeId separable(std::string_view operation, NodeId x, int stride, int64_t filters) {
    const int kernel = kernel_of(operation);
    const int layers = last_number(operation);
    for (int layer = 1; layer <= layers; ++layer) {
      x = layers_.separable_norm(layers_.relu(x), kernel, layer == 1 ? stride : 1, filters, layer);
    }
    return x;
  }

  NodeId squeeze(const Bottleneck& bottleneck, NodeId x, int64_t filters) {
    const auto squeezed = static_cast<int64_t>(static_cast<double>(filters) * bottleneck.share);
    if (squeezed >= 1) x = layers_.conv_norm(layers_.relu(x), {}, squeezed, "pre_1x1", "pre_bn");
    for (const Middle& middle : bottleneck.middle) {
      x = layers_.conv_norm(layers_.relu(x), middle.shape, squeezed >= 1 ? squeezed : filters, middle.name,
                            middle.norm);
    }
    if (squeezed >= 1) x = layers_.conv_norm(layers_.relu(x), {}, filters, "post_1x1", "post_bn");
    return x;
  }

  NodeId pool(std::string_view operation, NodeId x, int stride, int64_t filters) {
    static constexpr std::array<std::pair<std::string_view, PoolKind>, 3> kKinds = {
        {{"avg_pool_", PoolKind::kAverage}, {"max_pool_", PoolKind::kMax}, {"min_pool_", PoolKind::kMin}}};
    for (const auto& [prefix, kind] : kKinds) {
      if (!operation.starts_with(prefix)) continue;
      x = builder_.add(Pool{kind, square(kernel_of(operation), stride).window()}, {x});
      return layers_.channels(x) == filters ? x : layers_.conv_norm(x, {}, filters, "1x1", "bn_1");
    }
    fail("operation \"{}\" is unknown", operation);
  }

  GraphBuilder& builder_;
  Layers& layers_;
};

// ---- the network (spec 2.2, 2.4, 2.8 to 2.10) ----

void check(const AmoebaNetParams& params) {
  const auto within = [&](std::string_view what, int64_t value, int64_t most) {
    if (value < 1 || value > most) fail("{}: {} {}, expected 1 to {}", params.name, what, value, most);
  };
  within("num_cells", params.num_cells, 1000);
  within("reduction_size", params.reduction_size, 1 << 16);
  within("stem_reduction_size", params.stem_reduction_size, 1 << 16);
  if (!(params.aux_scaling > 0.0 && params.aux_scaling <= 1e3)) {
    fail("{}: aux_scaling {}, expected more than 0 and at most 1000", params.name, params.aux_scaling);
  }
  check_classes(params.name, params.classes);
  check_dropout(params.name, params.dropout_rate);
  check_survival(params.name, params.survival_probability);
  for (const CellGenotype* cell : {&params.genotype.normal, &params.genotype.reduction}) {
    for (int i = 0; i < 5; ++i) {
      const Combination& c = cell->combinations[static_cast<size_t>(i)];
      for (const int state : {c.left_state, c.right_state}) {
        if (state < 0 || state > i + 1) {
          fail("{}: combination {} reads state {}, expected 0 to {}", params.name, i, state, i + 1);
        }
      }
    }
  }
}

class Assembly {
 public:
  explicit Assembly(const AmoebaNetParams& params)
      : params_(params),
        builder_(params.name, params.input),
        layers_(builder_, params),
        operations_(builder_, layers_) {
    for (int p = 1; p <= kReductions; ++p) {
      const double part = static_cast<double>(p) / (kReductions + 1) * static_cast<double>(params.num_cells);
      reductions_.push_back(static_cast<int64_t>(part));
    }
  }

  Graph build() {
    outputs_ = {add_stem()};
    for (int i = 0; i < kStemCells; ++i) {
      add_cell(fmt::format("cell_stem_{}", i), params_.genotype.reduction, i == 0 ? 0.25 : 0.5, 2);
    }
    double scaling = 1.0;
    for (int64_t c = 0; c < params_.num_cells; ++c) {
      const auto reduction = std::find(reductions_.begin(), reductions_.end(), c);
      if (reduction != reductions_.end()) {
        scaling *= 2.0;
        add_cell(fmt::format("reduction_cell_{}", reduction - reductions_.begin()), params_.genotype.reduction, scaling,
                 2);
      }
      add_cell(fmt::format("cell_{}", c), params_.genotype.normal, scaling, 1);
      if (params_.use_aux_head && c == reductions_.back() - 1) add_aux_head(c);
    }
    add_final_layer();
    return builder_.finish();
  }

 private:
  NodeId add_stem() {
    const GraphBuilder::Scope scope = builder_.scope("stem");
    const ConvShape shape = {3, 3, 2, 2, 1, Padding::kValid};
    return layers_.conv_norm(builder_.input(), shape, params_.stem_reduction_size, "conv0", "conv0_bn");
  }

  void add_cell(const std::string& name, const CellGenotype& cell, double scaling, int stride) {
    const GraphBuilder::Scope scope = builder_.scope(name);
    const auto filters = static_cast<int64_t>(static_cast<double>(params_.reduction_size) * scaling);
    if (filters < 1) fail("{}: {} has no filters (reduction_size is {})", params_.name, name, params_.reduction_size);
    const NodeId input = outputs_.back();
    std::vector<NodeId> states(2);
    states[1] = match_previous(input, filters);
    states[0] = layers_.conv_norm(layers_.relu(input), {}, filters, "1x1", "beginning_bn");
    for (size_t i = 0; i < cell.combinations.size(); ++i) {
      const GraphBuilder::Scope combination = builder_.scope(fmt::format("comb_iter_{}", i));
      const Combination& c = cell.combinations[i];
      const NodeId left = add_operand("left", c.left, states, c.left_state, stride, filters);
      const NodeId right = add_operand("right", c.right, states, c.right_state, stride, filters);
      states.push_back(builder_.add(Add{}, {left, right}));
    }
    outputs_.push_back(join_states(cell, states));
    builder_.endpoint(name, outputs_.back());
    ++cells_;
  }

  // The input before the present one, with the present one's size and the cell's filters.
  NodeId match_previous(NodeId input, int64_t filters) {
    if (outputs_.size() < 2) return input;
    const NodeId previous = outputs_[outputs_.size() - 2];
    if (!layers_.same_size(previous, input)) return layers_.factorized_reduction(layers_.relu(previous), filters, 2);
    if (layers_.channels(previous) == filters) return previous;
    return layers_.conv_norm(layers_.relu(previous), {}, filters, "prev_1x1", "prev_bn");
  }

  // The cell's stride is applied to its two inputs; what combinations gave has it already.
  NodeId add_operand(std::string_view side, std::string_view operation, const std::vector<NodeId>& states, int state,
                     int stride, int64_t filters) {
    const GraphBuilder::Scope scope = builder_.scope(side);
    NodeId x = -1;
    try {
      x = operations_.apply(operation, states[static_cast<size_t>(state)], state < 2 ? stride : 1, filters);
    } catch (const Error& error) {
      fail("{}: {}: {}", params_.name, builder_.current_scope(), error.what());
    }
    const bool drops = params_.survival_probability > 0.0 && params_.survival_probability < 1.0;
    return drops && operation != "none" ? builder_.add(drop_path(), {x}) : x;
  }

  DropPath drop_path() const {
    const double all = static_cast<double>(params_.num_cells + kReductions + kStemCells);
    const double depth = params_.drop_path == DropPathRule::kStep ? 1.0 : static_cast<double>(cells_ + 1) / all;
    return {.survival = 1.0 - depth * (1.0 - params_.survival_probability),
            .ramps = params_.drop_path != DropPathRule::kCell};
  }

  // The states that nothing used, side by side; the inputs among them are brought to the last one's size first.
  NodeId join_states(const CellGenotype& cell, const std::vector<NodeId>& states) {
    const GraphBuilder::Scope scope = builder_.scope("cell_output");
    std::vector<NodeId> joined;
    for (size_t i = 0; i < states.size(); ++i) {
      if (cell.used[i]) continue;
      const bool same = layers_.same_size(states[i], states.back());
      const int64_t filters = layers_.channels(states.back());
      if (same && layers_.channels(states[i]) == filters) {
        joined.push_back(states[i]);
        continue;
      }
      const GraphBuilder::Scope reduction = builder_.scope(fmt::format("reduction_{}", i));
      joined.push_back(layers_.factorized_reduction(states[i], filters, same ? 1 : 2));
    }
    return builder_.add(Concat{}, std::move(joined));
  }

  // On the last cell before the second reduction.
  void add_aux_head(int64_t cell) {
    const GraphBuilder::Scope scope = builder_.scope(fmt::format("aux_{}/aux_logits", cell));
    const auto width = [&](double filters) { return static_cast<int64_t>(filters * params_.aux_scaling); };
    constexpr int kPool = 5;
    const Shape& map = builder_.shape(outputs_.back());
    if (map[0] < kPool || map[1] < kPool) {
      fail("{}: the auxiliary head needs a map of {} x {}, cell_{} gives {}; take larger images or no use_aux_head",
           params_.name, kPool, kPool, cell, to_string(map));
    }
    NodeId x = layers_.relu(outputs_.back());
    x = builder_.add(Pool{PoolKind::kAverage, {kPool, kPool, 3, 3, 1, Padding::kValid}}, {x});
    x = layers_.relu(layers_.conv_norm(x, {}, width(128), "proj", "aux_bn0"));
    const Shape& rest = builder_.shape(x);
    const ConvShape all = {static_cast<int>(rest[0]), static_cast<int>(rest[1]), 1, 1, 1, Padding::kValid};
    x = layers_.relu(layers_.conv_norm(x, all, width(768), "Conv", "aux_bn1"));
    builder_.output("aux_logits", layers_.dense(x), kAuxLossWeight);
  }

  void add_final_layer() {
    const GraphBuilder::Scope scope = builder_.scope("final_layer");
    NodeId x = builder_.add(GlobalPool{}, {layers_.relu(outputs_.back())});
    builder_.endpoint("global_pool", x);
    if (params_.dropout_rate > 0.0) x = builder_.add(Dropout{params_.dropout_rate}, {x});
    builder_.output("logits", layers_.dense(x));
  }

  const AmoebaNetParams& params_;
  GraphBuilder builder_;
  Layers layers_;
  Operations operations_;
  std::vector<int64_t> reductions_;  // the normal cells that a reduction cell precedes
  std::vector<NodeId> outputs_;      // the stem's and every cell's
  int64_t cells_ = 0;                // so far, of all kinds
};

// ---- what there is by name ----

struct NamedGenotype {
  char letter;
  CellGenotype normal;
  CellGenotype reduction;
};

const std::array<NamedGenotype, 4>& genotypes() {
  static const std::array<NamedGenotype, 4> table = {{
      {'a',
       {{{{"avg_pool_3x3", 0, "max_pool_3x3", 0},
          {"separable_3x3_2", 1, "none", 1},
          {"none", 0, "avg_pool_3x3", 1},
          {"separable_3x3_2", 0, "separable_5x5_2", 2},
          {"avg_pool_3x3", 5, "separable_3x3_2", 0}}},
        {true, false, true, false, false, true, false}},
       {{{{"separable_3x3_2", 1, "avg_pool_3x3", 0},
          {"max_pool_3x3", 0, "separable_7x7_2", 2},
          {"max_pool_3x3", 1, "max_pool_3x3", 0},
          {"separable_3x3_2", 4, "1x7_7x1", 0},
          {"avg_pool_3x3", 1, "separable_7x7_2", 0}}},
        {true, true, false, false, false, false, false}}},
      {'b',
       {{{{"1x1", 1, "max_pool_3x3", 1},
          {"none", 1, "separable_3x3_2", 0},
          {"1x1", 1, "separable_3x3_2", 0},
          {"1x1", 2, "none", 2},
          {"avg_pool_3x3", 1, "1x1", 5}}},
        {false, true, true, false, false, true, false}},
       {{{{"max_pool_2x2", 0, "max_pool_3x3", 0},
          {"none", 2, "3x3", 1},
          {"dil_2_separable_5x5_2", 2, "max_pool_3x3", 2},  // not dilated, whatever its name says
          {"none", 3, "separable_3x3_2", 1},
          {"avg_pool_3x3", 4, "1x1", 3}}},
        {true, true, true, true, true, false, false}}},
      {'c',
       {{{{"avg_pool_3x3", 0, "separable_3x3_2", 0},
          {"none", 0, "separable_3x3_2", 0},
          {"avg_pool_3x3", 2, "separable_3x3_2", 1},
          {"none", 0, "separable_3x3_2", 1},
          {"avg_pool_3x3", 3, "separable_3x3_2", 0}}},
        {true, false, false, true, false, false, false}},
       {{{{"max_pool_3x3", 0, "max_pool_3x3", 0},
          {"separable_7x7_2", 2, "separable_3x3_2", 0},
          {"separable_7x7_2", 0, "max_pool_3x3", 1},
          {"separable_5x5_2", 4, "separable_5x5_2", 4},
          {"max_pool_3x3", 1, "separable_3x3_2", 1}}},
        {false, true, false, false, false, false, false}}},
      {'d',
       {{{{"1x1", 1, "max_pool_3x3", 1},
          {"none", 1, "1x7_7x1", 0},
          {"1x1", 0, "1x7_7x1", 0},
          {"max_pool_3x3", 2, "none", 2},
          {"avg_pool_3x3", 1, "1x1", 5}}},
        {false, true, true, false, false, true, false}},
       {{{{"max_pool_2x2", 0, "max_pool_3x3", 0},
          {"none", 2, "3x3", 1},
          {"1x7_7x1", 2, "max_pool_3x3", 2},
          {"none", 3, "max_pool_2x2", 1},
          {"avg_pool_3x3", 2, "1x1", 3}}},
        {true, true, true, true, false, false, false}}},
  }};
  return table;
}

// "amoeba_net_d-fast": the letter, and the size.
struct Preset {
  std::string_view suffix;
  int64_t num_cells;
  int64_t reduction_size;
};
constexpr std::string_view kPrefix = "amoeba_net_";
constexpr Preset kPresets[] = {{"", 12, 256}, {"-fast", 6, 256}, {"-n18", 18, 256}};

AmoebaNetParams named_params(std::string_view name) {
  for (const Preset& preset : kPresets) {
    if (name.substr(kPrefix.size() + 1) != preset.suffix) continue;
    AmoebaNetParams params;
    params.name = name;
    params.genotype = amoebanet_genotype(name[kPrefix.size()]);
    params.num_cells = preset.num_cells;
    params.reduction_size = preset.reduction_size;
    params.input.resize = ResizeMethod::kBilinear;
    params.input.crop = CentreCrop::kCentral;
    params.input.mean = params.input.deviation = {127.5F, 127.5F, 127.5F};
    return params;
  }
  fail("{}: the registry has this AmoebaNet, but its builder does not", name);
}

}  // namespace

Genotype amoebanet_genotype(char letter) {
  for (const NamedGenotype& row : genotypes()) {
    if (row.letter == letter) return {row.normal, row.reduction};
  }
  fail("there is no AmoebaNet \"{}\"; there are a, b, c and d", letter);
}

Graph build_amoebanet(const AmoebaNetParams& params) {
  check(params);
  return Assembly(params).build();
}

Graph build_named_amoebanet(const ModelInfo& model, const ModelOptions& options) {
  refuse_options_but(model, options,
                     {"dropout_rate", "survival_probability", "num_cells", "reduction_size", "stem_reduction_size",
                      "use_aux_head", "aux_scaling"});
  AmoebaNetParams params = named_params(model.name);
  params.input = input_of(model, options, params.input);
  params.classes = options.classes.value_or(params.classes);
  params.num_cells = options.num_cells.value_or(params.num_cells);
  params.reduction_size = options.reduction_size.value_or(params.reduction_size);
  params.stem_reduction_size = options.stem_reduction_size.value_or(params.stem_reduction_size);
  params.use_aux_head = options.use_aux_head.value_or(params.use_aux_head);
  params.aux_scaling = options.aux_scaling.value_or(params.aux_scaling);
  params.dropout_rate = options.dropout_rate.value_or(params.dropout_rate);
  params.survival_probability = options.survival_probability.value_or(params.survival_probability);
  params.batch_norm_momentum = options.batch_norm_momentum.value_or(params.batch_norm_momentum);
  params.batch_norm_epsilon = options.batch_norm_epsilon.value_or(params.batch_norm_epsilon);
  return build_amoebanet(params);
}

}  // namespace netwright
