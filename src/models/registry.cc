#include "models/registry.h"

#include <algorithm>
#include <cctype>

#include "core/error.h"
#include "core/text.h"
#include "models/aliases.h"
#include "models/amoebanet.h"
#include "models/efficientnet.h"
#include "models/mixnet.h"
#include "models/mnasnet.h"
#include "models/resolve.h"
#include "models/shrinkcnn.h"
#include "models/tunas.h"

namespace netwright {
namespace {

constexpr std::string_view kBaseline = "tensorflow/tpu efficientnet/README.md, baseline preprocessing";
constexpr std::string_view kAutoAugment = "tensorflow/tpu efficientnet/README.md, AutoAugment";
constexpr std::string_view kAdvProp = "tensorflow/tpu efficientnet/README.md, AdvProp and AutoAugment";
constexpr std::string_view kNoisyStudent = "tensorflow/tpu efficientnet/README.md, NoisyStudent and RandAugment";
constexpr std::string_view kLite = "tensorflow/tpu efficientnet/lite/README.md, float32";
constexpr std::string_view kEdgeTpu = "tensorflow/tpu efficientnet/edgetpu/README.md, float";
constexpr std::string_view kCondConv = "tensorflow/tpu efficientnet/condconv/README.md";
constexpr std::string_view kMnasNet = "tensorflow/tpu mnasnet/README.md";
constexpr std::string_view kMixNetPaper = "arXiv 1907.09595, table 2";
constexpr std::string_view kSlim = "tensorflow/models research/slim/nets/mobilenet/README.md";
constexpr std::string_view kProxyless = "mit-han-lab/proxylessnas README.md";

constexpr auto kEfficientNet = build_named_efficientnet;
constexpr auto kMnas = build_named_mnasnet;
constexpr auto kMix = build_named_mixnet;
constexpr auto kTunas = build_named_tunas;

constexpr std::string_view kAmoeba = "tensorflow/tpu amoeba_net/README.md: above";
constexpr std::string_view kAmoebaFast = "DAWNBench, AmoebaNet-D N6F256 on a TPU, 35 epochs";
constexpr auto kAmoebaNet = build_named_amoebanet;

constexpr std::string_view kAutoShrink = "lordzth666/AutoShrink README.md";
constexpr auto kShrinkCnn = build_named_shrinkcnn;

constexpr ModelInfo kModels[] = {
    {"efficientnet-b0", "efficientnet", 224, 76.7, kBaseline, kEfficientNet},
    {"efficientnet-b1", "efficientnet", 240, 78.7, kBaseline, kEfficientNet},
    {"efficientnet-b2", "efficientnet", 260, 79.8, kBaseline, kEfficientNet},
    {"efficientnet-b3", "efficientnet", 300, 81.1, kBaseline, kEfficientNet},
    {"efficientnet-b4", "efficientnet", 380, 82.5, kBaseline, kEfficientNet},
    {"efficientnet-b5", "efficientnet", 456, 83.1, kBaseline, kEfficientNet},
    {"efficientnet-b6", "efficientnet", 528, 84.0, kAutoAugment, kEfficientNet},
    {"efficientnet-b7", "efficientnet", 600, 84.3, kAutoAugment, kEfficientNet},
    {"efficientnet-b8", "efficientnet", 672, 85.5, kAdvProp, kEfficientNet},
    {"efficientnet-l2", "efficientnet", 800, 88.4, kNoisyStudent, kEfficientNet},
    {"efficientnet-lite0", "efficientnet", 224, 75.1, kLite, kEfficientNet},
    {"efficientnet-lite1", "efficientnet", 240, 76.7, kLite, kEfficientNet},
    {"efficientnet-lite2", "efficientnet", 260, 77.6, kLite, kEfficientNet},
    {"efficientnet-lite3", "efficientnet", 280, 79.8, kLite, kEfficientNet},
    {"efficientnet-lite4", "efficientnet", 300, 81.5, kLite, kEfficientNet},
    {"efficientnet-edgetpu-S", "efficientnet", 224, 77.23, kEdgeTpu, kEfficientNet},
    {"efficientnet-edgetpu-M", "efficientnet", 240, 78.69, kEdgeTpu, kEfficientNet},
    {"efficientnet-edgetpu-L", "efficientnet", 300, 80.62, kEdgeTpu, kEfficientNet},
    {"efficientnet-condconv-b0-4e", "efficientnet", 224, 77.8, kCondConv, kEfficientNet},
    {"efficientnet-condconv-b0-8e", "efficientnet", 224, 78.3, kCondConv, kEfficientNet},
    {"efficientnet-condconv-b0-8e-depth", "efficientnet", 224, 79.5, kCondConv, kEfficientNet},
    {"efficientnet-x-b0", "efficientnet", 224, 0.0, "", kEfficientNet},
    {"efficientnet-x-b1", "efficientnet", 240, 0.0, "", kEfficientNet},
    {"efficientnet-x-b2", "efficientnet", 260, 0.0, "", kEfficientNet},
    {"efficientnet-x-b3", "efficientnet", 300, 0.0, "", kEfficientNet},
    {"efficientnet-x-b4", "efficientnet", 380, 0.0, "", kEfficientNet},
    {"efficientnet-x-b5", "efficientnet", 456, 0.0, "", kEfficientNet},
    {"efficientnet-x-b6", "efficientnet", 528, 0.0, "", kEfficientNet},
    {"efficientnet-x-b7", "efficientnet", 600, 0.0, "", kEfficientNet},
    {"efficientnet-h-b5", "efficientnet", 456, 0.0, "", kEfficientNet},
    {"efficientnet-h-b6", "efficientnet", 528, 0.0, "", kEfficientNet},
    {"efficientnet-h-b7", "efficientnet", 600, 0.0, "", kEfficientNet},
    {"efficientnet-x-tpu-b0", "efficientnet", 224, 0.0, "", kEfficientNet},
    {"efficientnet-x-tpu-b1", "efficientnet", 229, 0.0, "", kEfficientNet},
    {"efficientnet-x-tpu-b2", "efficientnet", 244, 0.0, "", kEfficientNet},
    {"efficientnet-x-tpu-b3", "efficientnet", 263, 0.0, "", kEfficientNet},
    {"efficientnet-x-tpu-b4", "efficientnet", 299, 0.0, "", kEfficientNet},
    {"efficientnet-x-tpu-b5", "efficientnet", 332, 0.0, "", kEfficientNet},
    {"efficientnet-x-tpu-b6", "efficientnet", 328, 0.0, "", kEfficientNet},
    {"efficientnet-x-tpu-b7", "efficientnet", 350, 0.0, "", kEfficientNet},
    {"efficientnet-h-tpu-b5", "efficientnet", 332, 0.0, "", kEfficientNet},
    {"efficientnet-h-tpu-b6", "efficientnet", 328, 0.0, "", kEfficientNet},
    {"efficientnet-h-tpu-b7", "efficientnet", 350, 0.0, "", kEfficientNet},
    {"efficientnet-x-gpu-b0", "efficientnet", 224, 0.0, "", kEfficientNet},
    {"efficientnet-x-gpu-b1", "efficientnet", 229, 0.0, "", kEfficientNet},
    {"efficientnet-x-gpu-b2", "efficientnet", 237, 0.0, "", kEfficientNet},
    {"efficientnet-x-gpu-b3", "efficientnet", 255, 0.0, "", kEfficientNet},
    {"efficientnet-x-gpu-b4", "efficientnet", 282, 0.0, "", kEfficientNet},
    {"efficientnet-x-gpu-b5", "efficientnet", 306, 0.0, "", kEfficientNet},
    {"efficientnet-x-gpu-b6", "efficientnet", 328, 0.0, "", kEfficientNet},
    {"efficientnet-x-gpu-b7", "efficientnet", 350, 0.0, "", kEfficientNet},
    {"mnasnet-a1", "mnasnet", 224, 75.2, kMnasNet, kMnas},
    {"mnasnet-b1", "mnasnet", 224, 74.4, "tensorflow/tpu mnasnet/README.md, an older version: about", kMnas},
    {"mnasnet-small", "mnasnet", 224, 66.0, "tensorflow/tpu mnasnet/README.md: about", kMnas},
    {"mnasnet-d1", "mnasnet", 224, 0.0, "", kMnas},
    {"mnasnet-d1-320", "mnasnet", 320, 0.0, "", kMnas},
    {"mixnet-s", "mixnet", 224, 75.8, kMixNetPaper, kMix},
    {"mixnet-m", "mixnet", 224, 77.0, kMixNetPaper, kMix},
    {"mixnet-l", "mixnet", 224, 78.9, kMixNetPaper, kMix},
    {"amoeba_net_d", "amoebanet", 299, 80.0, kAmoeba, kAmoebaNet},
    {"amoeba_net_d-fast", "amoebanet", 224, 76.2, kAmoebaFast, kAmoebaNet},
    {"amoeba_net_d-n18", "amoebanet", 331, 0.0, "", kAmoebaNet},
    {"amoeba_net_a", "amoebanet", 299, 0.0, "", kAmoebaNet},
    {"amoeba_net_a-fast", "amoebanet", 224, 0.0, "", kAmoebaNet},
    {"amoeba_net_a-n18", "amoebanet", 331, 0.0, "", kAmoebaNet},
    {"amoeba_net_b", "amoebanet", 299, 0.0, "", kAmoebaNet},
    {"amoeba_net_b-fast", "amoebanet", 224, 0.0, "", kAmoebaNet},
    {"amoeba_net_b-n18", "amoebanet", 331, 0.0, "", kAmoebaNet},
    {"amoeba_net_c", "amoebanet", 299, 0.0, "", kAmoebaNet},
    {"amoeba_net_c-fast", "amoebanet", 224, 0.0, "", kAmoebaNet},
    {"amoeba_net_c-n18", "amoebanet", 331, 0.0, "", kAmoebaNet},
    {"mobilenet_v2", "tunas", 224, 71.8, kSlim, kTunas},
    {"mobilenet_v3_large", "tunas", 224, 75.2, kSlim, kTunas},
    {"tunas-mnasnet_b1", "tunas", 224, 74.0, kProxyless, kTunas},
    {"proxylessnas_mobile", "tunas", 224, 74.6, kProxyless, kTunas},
    {"mobilenet_multi_avg", "tunas", 224, 0.0, "", kTunas},
    {"mobilenet_multi_max", "tunas", 224, 0.0, "", kTunas},
    {"shrinkcnn-a", "shrinkcnn", 224, 73.9, kAutoShrink, kShrinkCnn},
    {"shrinkcnn-b", "shrinkcnn", 224, 75.1, kAutoShrink, kShrinkCnn},
};

// Other names that the originals accept.
struct Alias {
  std::string_view name;
  std::string_view model;
};
constexpr Alias kAliases[] = {{"evol_net_g", "amoeba_net_a"},
                              {"evol_net_h", "amoeba_net_b"},
                              {"evol_net_a", "amoeba_net_c"},
                              {"evol_net_x", "amoeba_net_d"}};

// "EfficientNetB0", "efficientnet_b0" and "efficientnet-b0" are one name.
std::string folded(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c != '-' && c != '_') out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

}  // namespace

std::span<const ModelInfo> all_models() { return kModels; }

const ModelInfo* find_registered(std::string_view name) {
  if (const auto alias = find_alias(name)) return find_registered(alias->model);
  std::string wanted = folded(name);
  for (const Alias& alias : kAliases) {
    if (folded(alias.name) == wanted) wanted = folded(alias.model);
  }
  const auto* found = std::find_if(std::begin(kModels), std::end(kModels),
                                   [&](const ModelInfo& model) { return folded(model.name) == wanted; });
  return found == std::end(kModels) ? nullptr : found;
}

const ModelInfo& find_model(std::string_view name) {
  if (const ModelInfo* found = find_registered(name)) return *found;
  std::vector<std::string> known;
  for (const ModelInfo& model : kModels) known.emplace_back(model.name);
  const std::string hint = did_you_mean(name, known);
  fail("unknown model \"{}\"{}", name, hint.empty() ? "; `netwright models` lists them" : "; " + hint);
}

Graph build_model(std::string_view name, const ModelOptions& options) { return resolve_model(name).build(options); }

}  // namespace netwright
