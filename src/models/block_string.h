// The block strings of EfficientNet, MnasNet and MixNet: a stage in a line, e.g. "r2_k5_s22_e6_i24_o40_se0.25".
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace netwright {

// Whose tokens: MnasNet has r k s e i o se noskip; EfficientNet also c f d a cc; MixNet also a p sw dilated, and its
// k, a and p are lists, "k3.5.7" (specs efficientnet 2.1, mnasnet 2.1 and 2.2).
enum class BlockNotation { kEfficientNet, kMnasNet, kMixNet };

// A stage: blocks of one kind, the first with these strides and input filters.
struct BlockSpec {
  int repeats = 1;                 // r
  std::vector<int> kernels = {3};  // k: square; of a list, each for its part of the channels
  int stride_h = 1;                // s: two digits
  int stride_w = 1;
  int expansion = 1;               // e
  int64_t input_filters = 0;       // i: before width scaling
  int64_t output_filters = 0;      // o
  std::optional<double> se_ratio;  // se: of the input filters, above 0 and at most 1; absent: no squeeze-and-excite
  bool skip = true;                // "noskip" clears it
  int type = 0;                    // c: 0 MBConv, 1 without depthwise
  bool fused = false;              // f: one dense convolution instead of expansion and depthwise
  int space_to_depth = 0;          // d: 0, 1 or 2
  std::optional<int> activation;   // a: 0 ReLU, else swish ("sw" in MixNet); absent: the network's own
  bool condconv = false;           // "cc"
  std::vector<int> expand_kernels = {1};   // a in MixNet: of the expansion, as `kernels`
  std::vector<int> project_kernels = {1};  // p: of the projection
  int stage = 0;                           // not in the string: which one it is of a network's
  bool dilated = false;                    // "dilated": where the stride is 1, large kernels are spread 3 x 3 ones

  bool operator==(const BlockSpec&) const = default;
};

// Unlike the originals, which skip what they do not know, an unknown or repeated token, a missing key and a bad value
// are Errors: block string "r1_k3_x5": unknown token "x5" at position 6 (counted from 0).
BlockSpec parse_block(std::string_view text, BlockNotation notation);
// With their stages, 0, 1, ...
std::vector<BlockSpec> parse_blocks(std::span<const std::string_view> texts, BlockNotation notation);

// As the originals' encoders write it; parse_block reads it back to an equal value. EfficientNet's encoder forgets the
// activation, this one writes it.
std::string print_block(const BlockSpec& block, BlockNotation notation);

}  // namespace netwright
