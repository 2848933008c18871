#include "models/mobile_spec.h"

#include <algorithm>
#include <array>
#include <set>

#include "core/error.h"
#include "core/text.h"
#include "models/scaling.h"

namespace netwright {
namespace {

Spec record(RecordKind kind, std::vector<Spec> fields = {}) { return SpecRecord{kind, std::move(fields)}; }
Spec one_of(std::string_view tag, std::vector<Spec> choices) { return SpecOneOf{std::move(choices), std::string(tag)}; }
Spec operation(std::vector<Spec> choices) { return one_of(kOpTag, std::move(choices)); }
Spec width(std::vector<Spec> choices) { return one_of(kFiltersTag, std::move(choices)); }

Spec activation(const char* name) { return record(RecordKind::kActivation, {name}); }
Spec zero() { return record(RecordKind::kZero); }
Spec endpoint() { return record(RecordKind::kDetectionEndpoint); }
Spec pool() { return record(RecordKind::kGlobalAveragePool); }
Spec times(double scale) { return record(RecordKind::kFilterMultiplier, {scale}); }
Spec residual(Spec layer) { return record(RecordKind::kResidual, {std::move(layer)}); }
Spec conv(Spec kernel, int stride, bool batch_norm = true) {
  return record(RecordKind::kConv, {std::move(kernel), stride, batch_norm});
}
Spec separable(Spec kernel, int stride) {
  return record(RecordKind::kSeparableConv, {std::move(kernel), stride, activation("relu")});
}
Spec bottleneck(Spec kernel, Spec expansion, Spec squeeze_excite, int stride, const char* act) {
  return record(RecordKind::kBottleneck, {std::move(kernel), std::move(expansion), std::move(squeeze_excite), stride,
                                          activation(act), activation("relu"), activation("sigmoid")});
}
Spec block(std::vector<Spec> layers, Spec filters) {
  return record(RecordKind::kBlock, {SpecList{std::move(layers)}, std::move(filters)});
}
Spec tower(std::vector<Spec> blocks, int filters_base) {
  return record(RecordKind::kConvTower, {SpecList{std::move(blocks)}, filters_base});
}

// The searched spaces' bottleneck: each decision for itself, weights shared between its values.
Spec searched_bottleneck(std::span<const double> expansions, Spec squeeze_excite, int stride, const char* act) {
  std::vector<Spec> multiples;
  for (const double scale : expansions) multiples.push_back(times(scale));
  return bottleneck(operation({3, 5, 7}), width(std::move(multiples)), std::move(squeeze_excite), stride, act);
}

// ---- The ProxylessNAS family (Cai et al., arXiv:1812.00332, table of its search space): nine blocks of one layout.

constexpr std::array<double, 2> kProxylessExpansions = {3.0, 6.0};
constexpr std::array<int, 5> kProxylessStrides = {2, 2, 2, 1, 2};  // blocks 2 to 6
constexpr int kZeroOperation = 6;                                  // of a known network's operations

Spec collapsed(int stride) { return searched_bottleneck(kProxylessExpansions, false, stride, "relu"); }
Spec separable_choice() { return operation({separable(3, 1), separable(5, 1), separable(7, 1)}); }

// Operation 0 to 5 of a known network: kernels 3, 5, 7 three times as wide as their input, then six times; 6: nothing.
Spec known_operation(int operation_index, int stride) {
  if (operation_index == kZeroOperation) return operation({zero()});
  const int kernel = 3 + 2 * (operation_index % 3);
  return operation({bottleneck(kernel, times(operation_index < 3 ? 3.0 : 6.0), false, stride, "relu")});
}

// The layout; `separable_layer` is block 1's first layer, `layer(stride, may_skip)` each of the 21 that follow.
template <typename Layer>
Spec proxyless_tower(const std::vector<Spec>& widths, Spec separable_layer, Layer layer) {
  std::vector<Spec> blocks;
  blocks.push_back(block({conv(3, 2), activation("relu")}, widths[0]));
  blocks.push_back(block({std::move(separable_layer), endpoint()}, widths[1]));
  for (size_t b = 2; b <= 6; ++b) {
    std::vector<Spec> layers = {layer(kProxylessStrides[b - 2], false)};
    for (int i = 0; i < 3; ++i) layers.push_back(residual(layer(1, true)));
    if (b != 4) layers.push_back(endpoint());
    blocks.push_back(block(std::move(layers), widths[b]));
  }
  blocks.push_back(block({layer(1, false), endpoint()}, widths[7]));
  blocks.push_back(block({conv(1, 1), activation("relu"), pool()}, widths[8]));
  return tower(std::move(blocks), 8);
}

template <size_t N>
std::vector<Spec> single_widths(const std::array<int, N>& filters) {
  std::vector<Spec> widths;
  for (const int f : filters) widths.push_back(width({f}));
  return widths;
}

Spec searched_proxyless(const std::vector<Spec>& widths) {
  return proxyless_tower(widths, separable_choice(), [](int stride, bool may_skip) {
    return may_skip ? operation({collapsed(stride), zero()}) : operation({collapsed(stride)});
  });
}

Spec known_proxyless(const std::array<int, 9>& filters, const std::array<int, 21>& operations) {
  size_t next = 0;
  return proxyless_tower(single_widths(filters), operation({separable(3, 1)}),
                         [&](int stride, bool /*may_skip*/) { return known_operation(operations[next++], stride); });
}

constexpr std::array<double, 7> kMultipliers = {0.5, 0.625, 0.75, 1.0, 1.25, 1.5, 2.0};

Spec proxylessnas_search() {
  return searched_proxyless(single_widths(std::array{32, 16, 32, 40, 80, 96, 192, 320, 1280}));
}
Spec proxylessnas_enlarged_search() {
  return scale_widths(searched_proxyless(single_widths(std::array{16, 16, 16, 32, 64, 128, 256, 512, 1024})),
                      kMultipliers);
}
Spec mobilenet_v2() {
  return known_proxyless({32, 16, 24, 32, 64, 96, 160, 320, 1280},
                         {3, 3, 6, 6, 3, 3, 3, 6, 3, 3, 3, 3, 3, 3, 3, 6, 3, 3, 3, 6, 3});
}
Spec mnasnet_b1() {
  return known_proxyless({32, 16, 24, 40, 80, 96, 192, 320, 1280},
                         {0, 0, 0, 6, 1, 1, 1, 6, 4, 4, 4, 6, 3, 3, 6, 6, 4, 4, 4, 4, 3});
}
Spec proxylessnas_mobile() {
  return known_proxyless({32, 16, 32, 40, 80, 96, 192, 320, 1280},
                         {1, 0, 6, 6, 2, 0, 1, 1, 5, 1, 1, 1, 4, 1, 1, 1, 5, 5, 2, 2, 5});
}

// ---- The MobileNetV3 family: known layers as rows, and the searched space.

struct Row {
  int kernel;
  int expansion;
  bool squeeze_excite;
};
struct RowBlock {
  int filters;
  int stride;  // of the first layer; the others have a residual connection
  const char* activation;
  bool endpoint;
  std::vector<Row> rows;
};

Spec row_block(const RowBlock& b) {
  std::vector<Spec> layers;
  for (const Row& row : b.rows) {
    const int stride = layers.empty() ? b.stride : 1;
    Spec layer = bottleneck(row.kernel, width({row.expansion}), row.squeeze_excite, stride, b.activation);
    layers.push_back(layers.empty() ? std::move(layer) : residual(std::move(layer)));
  }
  if (b.endpoint) layers.push_back(endpoint());
  return block(std::move(layers), width({b.filters}));
}

// Stem, rows, and the head of 1 x 1 convolutions before and after the pooling.
Spec row_tower(Spec stem, const std::vector<RowBlock>& rows, const char* act, Spec head, Spec last, int filters_base) {
  std::vector<Spec> blocks = {std::move(stem)};
  for (const RowBlock& b : rows) blocks.push_back(row_block(b));
  blocks.push_back(block({conv(1, 1), activation(act), pool()}, std::move(head)));
  blocks.push_back(block({conv(1, 1, false), activation(act)}, std::move(last)));
  return tower(std::move(blocks), filters_base);
}

// Howard et al., "Searching for MobileNetV3", arXiv:1905.02244, table 1; the gates are sigmoids as in TuNAS.
Spec mobilenet_v3_large() {
  const std::vector<RowBlock> rows = {
      {24, 2, "relu", true, {{3, 64, false}, {3, 72, false}}},
      {40, 2, "relu", true, {{5, 72, true}, {5, 120, true}, {5, 120, true}}},
      {80, 2, "swish6", false, {{3, 240, false}, {3, 200, false}, {3, 184, false}, {3, 184, false}}},
      {112, 1, "swish6", true, {{3, 480, true}, {3, 672, true}}},
      {160, 2, "swish6", true, {{5, 672, true}, {5, 960, true}, {5, 960, true}}},
  };
  Spec stem = block({conv(3, 2), activation("swish6"), residual(separable(3, 1)), endpoint()}, width({16}));
  return row_tower(std::move(stem), rows, "swish6", width({960}), width({1280}), 8);
}

// Chu et al., "Discovering multi-hardware mobile models via architecture search", arXiv:2008.08178.
Spec multi_hardware(const std::vector<RowBlock>& rows) {
  Spec stem = block({conv(3, 2), activation("relu"), endpoint()}, width({32}));
  return row_tower(std::move(stem), rows, "relu", width({960}), width({1280}), 32);
}
Spec mobilenet_multi_avg() {
  return multi_hardware({
      {32, 2, "relu", true, {{3, 96, false}, {3, 64, false}}},
      {64, 2, "relu", true, {{5, 160, false}, {3, 192, false}, {3, 128, false}, {3, 192, false}}},
      {128, 2, "relu", false, {{5, 384, false}, {3, 384, false}, {3, 384, false}, {3, 384, false}}},
      {160, 1, "relu", true, {{3, 768, false}, {3, 640, false}}},
      {192, 2, "relu", true, {{3, 960, false}, {5, 768, false}, {5, 768, false}, {5, 768, false}}},
  });
}
Spec mobilenet_multi_max() {
  return multi_hardware({
      {32, 2, "relu", true, {{3, 96, false}}},
      {64, 2, "relu", true, {{5, 192, false}, {3, 128, false}, {3, 128, false}}},
      {128, 2, "relu", false, {{5, 384, false}, {3, 512, false}, {3, 384, false}, {3, 384, false}}},
      {128, 1, "relu", true, {{3, 768, false}, {3, 384, false}}},
      {160, 2, "relu", true, {{3, 768, false}, {5, 640, false}, {3, 800, false}, {5, 640, false}}},
  });
}

Spec mobilenet_v3_like_search() {
  static constexpr std::array<double, 6> kExpansions = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0};
  struct SearchBlock {
    int filters;
    int stride;
    const char* activation;
    bool endpoint;
  };
  static constexpr std::array<SearchBlock, 5> kBlocks = {{
      {16, 2, "relu", true},
      {32, 2, "relu", true},
      {64, 2, "swish6", false},
      {128, 1, "swish6", true},
      {256, 2, "swish6", true},
  }};
  const auto bneck = [](int stride, const char* act) {
    return searched_bottleneck(kExpansions, operation({false, true}), stride, act);
  };
  std::vector<Spec> blocks;
  Spec stem_layer = residual(operation({separable(operation({3, 5, 7}), 1), zero()}));
  blocks.push_back(
      block({conv(operation({3, 5}), 2), activation("swish6"), std::move(stem_layer), endpoint()}, width({16})));
  for (const SearchBlock& b : kBlocks) {
    std::vector<Spec> layers = {bneck(b.stride, b.activation)};
    for (int i = 0; i < 3; ++i) layers.push_back(residual(operation({bneck(1, b.activation), zero()})));
    if (b.endpoint) layers.push_back(endpoint());
    blocks.push_back(block(std::move(layers), width({b.filters})));
  }
  blocks.push_back(block({conv(1, 1), activation("swish6"), pool()}, width({512})));
  blocks.push_back(block({conv(1, 1, false), activation("swish6")}, width({1024})));
  return scale_widths(tower(std::move(blocks), 8), kMultipliers);
}

constexpr std::array<SpaceDefinition, 9> kSpaces = {{
    {"mobilenet_v2", false, false, mobilenet_v2},
    {"mnasnet_b1", false, false, mnasnet_b1},
    {"proxylessnas_mobile", false, false, proxylessnas_mobile},
    {"mobilenet_v3_large", false, true, mobilenet_v3_large},
    {"proxylessnas_search", true, false, proxylessnas_search},
    {"proxylessnas_enlarged_search", true, false, proxylessnas_enlarged_search},
    {"mobilenet_v3_like_search", true, true, mobilenet_v3_like_search},
    {"mobilenet_multi_avg", false, true, mobilenet_multi_avg},
    {"mobilenet_multi_max", false, true, mobilenet_multi_max},
}};

}  // namespace

std::span<const SpaceDefinition> all_spaces() { return kSpaces; }

const SpaceDefinition* find_space(std::string_view name) {
  std::string wanted(name);
  std::replace(wanted.begin(), wanted.end(), '-', '_');
  const auto* found = std::find_if(kSpaces.begin(), kSpaces.end(), [&](const auto& s) { return s.name == wanted; });
  return found == kSpaces.end() ? nullptr : found;
}

const SpaceDefinition& space_of(std::string_view name) {
  if (const SpaceDefinition* found = find_space(name)) return *found;
  std::vector<std::string> known;
  for (const SpaceDefinition& space : kSpaces) known.emplace_back(space.name);
  fail("Unsupported SSD \"{}\"; there are {}", name, join(known, ", "));
}

Spec scale_widths(const Spec& spec, std::span<const double> multipliers) {
  const SpecRecord* conv_tower = spec.record(RecordKind::kConvTower);
  const auto* base = conv_tower == nullptr ? nullptr : field(*conv_tower, "filters_base").get<int64_t>();
  if (base == nullptr) fail("widths can't be scaled: the specification is no ConvTowerSpec with a filters_base");
  return map_one_ofs(spec, [&](const std::string& /*path*/, SpecOneOf node) -> Spec {
    if (node.tag != kFiltersTag || node.choices.empty() || node.choices.front().get<int64_t>() == nullptr) return node;
    std::set<int64_t> widths;
    for (const Spec& choice : node.choices) {
      const auto* filters = choice.get<int64_t>();
      if (filters == nullptr) return node;
      for (const double multiplier : multipliers) widths.insert(scale_filters(*filters, multiplier, *base));
    }
    return SpecOneOf{{widths.begin(), widths.end()}, node.tag};
  });
}

}  // namespace netwright
