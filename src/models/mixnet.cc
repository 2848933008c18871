#include "models/mixnet.h"

#include "core/error.h"
#include "models/mnasnet.h"

namespace netwright {
namespace {

constexpr std::string_view kSmall[] = {
    "r1_k3_a1_p1_s11_e1_i16_o16",
    "r1_k3_a1.1_p1.1_s22_e6_i16_o24",
    "r1_k3_a1.1_p1.1_s11_e3_i24_o24",
    "r1_k3.5.7_a1_p1_s22_e6_i24_o40_se0.5_sw",
    "r3_k3.5_a1.1_p1.1_s11_e6_i40_o40_se0.5_sw",
    "r1_k3.5.7_a1_p1.1_s22_e6_i40_o80_se0.25_sw",
    "r2_k3.5_a1_p1.1_s11_e6_i80_o80_se0.25_sw",
    "r1_k3.5.7_a1.1_p1.1_s11_e6_i80_o120_se0.5_sw",
    "r2_k3.5.7.9_a1.1_p1.1_s11_e3_i120_o120_se0.5_sw",
    "r1_k3.5.7.9.11_a1_p1_s22_e6_i120_o200_se0.5_sw",
    "r2_k3.5.7.9_a1_p1.1_s11_e6_i200_o200_se0.5_sw",
};
constexpr std::string_view kMedium[] = {
    "r1_k3_a1_p1_s11_e1_i24_o24",
    "r1_k3.5.7_a1.1_p1.1_s22_e6_i24_o32",
    "r1_k3_a1.1_p1.1_s11_e3_i32_o32",
    "r1_k3.5.7.9_a1_p1_s22_e6_i32_o40_se0.5_sw",
    "r3_k3.5_a1.1_p1.1_s11_e6_i40_o40_se0.5_sw",
    "r1_k3.5.7_a1_p1_s22_e6_i40_o80_se0.25_sw",
    "r3_k3.5.7.9_a1.1_p1.1_s11_e6_i80_o80_se0.25_sw",
    "r1_k3_a1_p1_s11_e6_i80_o120_se0.5_sw",
    "r3_k3.5.7.9_a1.1_p1.1_s11_e3_i120_o120_se0.5_sw",
    "r1_k3.5.7.9_a1_p1_s22_e6_i120_o200_se0.5_sw",
    "r3_k3.5.7.9_a1_p1.1_s11_e6_i200_o200_se0.5_sw",
};

// Spec mnasnet 2.3.
struct Variant {
  std::string_view name;
  std::span<const std::string_view> stages;
  int64_t stem_filters;
  double dropout;
  double depth_multiplier;
};
constexpr Variant kVariants[] = {
    {"mixnet-s", kSmall, 16, 0.2, 0.0},
    {"mixnet-m", kMedium, 24, 0.25, 0.0},
    {"mixnet-l", kMedium, 24, 0.25, 1.3},
};

// Two strings make one stage where the second only goes on at the same width.
void join_stages(std::vector<BlockSpec>& stages) {
  int stage = -1;
  for (BlockSpec& block : stages) {
    if (stage < 0 || block.input_filters != block.output_filters) ++stage;
    block.stage = stage;
  }
}

MnasNetParams named_params(std::string_view name) {
  for (const Variant& variant : kVariants) {
    if (variant.name != name) continue;
    MnasNetParams params;
    params.name = name;
    params.stages = parse_blocks(variant.stages, BlockNotation::kMixNet);
    join_stages(params.stages);
    params.stem_filters = variant.stem_filters;
    params.head_filters = 1536;
    params.depth_multiplier = variant.depth_multiplier;
    params.dropout_rate = variant.dropout;
    params.scopes = {.layers = "", .keras = "mixnet_model", .depthwise_is_keras = true};
    params.input.resize = ResizeMethod::kBilinear;
    params.input.crop = CentreCrop::kMnasNet;
    return params;
  }
  fail("{}: the registry has this MixNet, but its builder does not", name);
}

}  // namespace

Graph build_named_mixnet(const ModelInfo& model, const ModelOptions& options) {
  return build_mnasnet(model, options, named_params(model.name));
}

}  // namespace netwright
