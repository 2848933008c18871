#include "models/aliases.h"

#include "models/options.h"

namespace netwright {
namespace {

// A name of timm's without "tf_". Those with a multiplier exist without "tf_" only.
struct Row {
  std::string_view name;
  std::string_view model;
  double multiplier = 0.0;  // of the widths
  std::optional<double> ModelOptions::*option = &ModelOptions::depth_multiplier;
};
constexpr auto kFilters = &ModelOptions::filters_multiplier;

// ImageNet's, without the background that TuNAS adds.
constexpr int64_t kTimmClasses = 1000;

// huggingface/pytorch-image-models, timm/models/efficientnet.py and mobilenetv3.py.
constexpr Row kRows[] = {
    {"efficientnet_b0", "efficientnet-b0"},
    {"efficientnet_b1", "efficientnet-b1"},
    {"efficientnet_b2", "efficientnet-b2"},
    {"efficientnet_b3", "efficientnet-b3"},
    {"efficientnet_b4", "efficientnet-b4"},
    {"efficientnet_b5", "efficientnet-b5"},
    {"efficientnet_b6", "efficientnet-b6"},
    {"efficientnet_b7", "efficientnet-b7"},
    {"efficientnet_b8", "efficientnet-b8"},
    {"efficientnet_l2", "efficientnet-l2"},
    {"efficientnet_lite0", "efficientnet-lite0"},
    {"efficientnet_lite1", "efficientnet-lite1"},
    {"efficientnet_lite2", "efficientnet-lite2"},
    {"efficientnet_lite3", "efficientnet-lite3"},
    {"efficientnet_lite4", "efficientnet-lite4"},
    {"efficientnet_es", "efficientnet-edgetpu-S"},
    {"efficientnet_em", "efficientnet-edgetpu-M"},
    {"efficientnet_el", "efficientnet-edgetpu-L"},
    {"efficientnet_cc_b0_4e", "efficientnet-condconv-b0-4e"},
    {"efficientnet_cc_b0_8e", "efficientnet-condconv-b0-8e"},
    {"efficientnet_cc_b1_8e", "efficientnet-condconv-b0-8e-depth"},
    {"mixnet_s", "mixnet-s"},
    {"mixnet_m", "mixnet-m"},
    {"mixnet_l", "mixnet-l"},
    {"mnasnet_050", "mnasnet-b1", 0.5},
    {"mnasnet_075", "mnasnet-b1", 0.75},
    {"mnasnet_100", "mnasnet-b1", 1.0},
    {"mnasnet_140", "mnasnet-b1", 1.4},
    {"semnasnet_050", "mnasnet-a1", 0.5},
    {"semnasnet_075", "mnasnet-a1", 0.75},
    {"semnasnet_100", "mnasnet-a1", 1.0},
    {"semnasnet_140", "mnasnet-a1", 1.4},
    {"mnasnet_small", "mnasnet-small", 1.0},
    {"mobilenetv2_100", "mobilenet_v2", 1.0, kFilters},
    {"mobilenetv2_140", "mobilenet_v2", 1.4, kFilters},
    {"mobilenetv3_large_100", "mobilenet_v3_large", 1.0, kFilters},
};

}  // namespace

std::optional<ModelAlias> find_alias(std::string_view name) {
  constexpr std::string_view kTensorFlow = "tf_";
  const bool tensorflow = name.starts_with(kTensorFlow);
  const std::string_view plain = tensorflow ? name.substr(kTensorFlow.size()) : name;
  for (const Row& row : kRows) {
    if (row.name != plain || (tensorflow && row.multiplier != 0.0)) continue;
    ModelAlias alias = {.name = name, .model = row.model, .options = {}};
    if (!tensorflow) {
      alias.options.timm = true;
      alias.options.classes = kTimmClasses;
    }
    if (row.multiplier != 0.0) alias.options.*row.option = row.multiplier;
    return alias;
  }
  return std::nullopt;
}

ModelOptions with_alias(const ModelOptions& asked, const ModelAlias& alias) {
  ModelOptions options = asked;
  for_each_option([&](const char* /*name*/, auto option) {
    if (!(options.*option)) options.*option = alias.options.*option;
  });
  return options;
}

}  // namespace netwright
