#include "models/block_string.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace netwright {
namespace {

std::string error_of(std::string_view text, BlockNotation notation) {
  try {
    parse_block(text, notation);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// Spec mnasnet 8.
TEST(BlockString, ParsesMnasNets) {
  const BlockSpec block = parse_block("r2_k5_s22_e6_i16_o24_se0.25_noskip", BlockNotation::kMnasNet);
  BlockSpec expected;
  expected.repeats = 2;
  expected.kernels = {5};
  expected.stride_h = expected.stride_w = 2;
  expected.expansion = 6;
  expected.input_filters = 16;
  expected.output_filters = 24;
  expected.se_ratio = 0.25;
  expected.skip = false;
  EXPECT_EQ(block, expected);
}

TEST(BlockString, ParsesEfficientNets) {
  const BlockSpec block = parse_block("f1_a0_d2_c1_r3_k5_s12_e4_i8_o9_se1_cc", BlockNotation::kEfficientNet);
  EXPECT_TRUE(block.fused);
  EXPECT_EQ(block.activation, 0);
  EXPECT_EQ(block.space_to_depth, 2);
  EXPECT_EQ(block.type, 1);
  EXPECT_EQ(block.stride_h, 1);
  EXPECT_EQ(block.stride_w, 2);
  EXPECT_EQ(block.se_ratio, 1.0);
  EXPECT_TRUE(block.condconv);
  EXPECT_TRUE(block.skip);
}

// Spec efficientnet 2.1's example, and every string of spec mnasnet 2.3 comes back as it was.
TEST(BlockString, PrintsAsTheEncoders) {
  EXPECT_EQ(print_block(parse_block("r1_k3_s11_e1_i32_o16_se0.25", BlockNotation::kEfficientNet),
                        BlockNotation::kEfficientNet),
            "r1_k3_s11_e1_i32_o16_c0_f0_d0_se0.25");
  for (const char* text :
       {"r1_k3_s11_e1_i32_o16_noskip", "r2_k3_s22_e6_i16_o24", "r3_k5_s22_e3_i24_o40_se0.25", "r4_k3_s22_e6_i40_o80",
        "r2_k3_s11_e6_i80_o112_se0.25", "r3_k5_s22_e6_i112_o160_se0.25", "r1_k3_s11_e6_i160_o320",
        "r1_k3_s11_e6_i192_o320_noskip", "r5_k7_s11_e3_i96_o96", "r1_k7_s11_e6_i80_o320_noskip"}) {
    EXPECT_EQ(print_block(parse_block(text, BlockNotation::kMnasNet), BlockNotation::kMnasNet), text);
  }
  EXPECT_EQ(print_block(parse_block("r1_k3_s11_e1_i32_o16_se1", BlockNotation::kMnasNet), BlockNotation::kMnasNet),
            "r1_k3_s11_e1_i32_o16_se1.0");
}

TEST(BlockString, ParsesMixNets) {
  const BlockSpec block = parse_block("r1_k3.5.7_a1_p1.1_s22_e6_i40_o80_se0.25_sw_dilated", BlockNotation::kMixNet);
  EXPECT_EQ(block.kernels, (std::vector<int>{3, 5, 7}));
  EXPECT_EQ(block.expand_kernels, std::vector<int>{1});
  EXPECT_EQ(block.project_kernels, (std::vector<int>{1, 1}));
  EXPECT_EQ(block.activation, 1);
  EXPECT_TRUE(block.dilated);
  for (const char* text :
       {"r1_k3.5.7.9.11_a1_p1_s22_e6_i120_o200_se0.5_sw", "r1_k3_a1.1_p1.1_s11_e3_i24_o24_noskip_dilated"}) {
    EXPECT_EQ(print_block(parse_block(text, BlockNotation::kMixNet), BlockNotation::kMixNet), text);
  }
}

TEST(BlockString, RoundTripsEveryToken) {
  for (const char* text : {"r1_k3_s11_e4_i24_o24_c1_noskip", "r2_k3_s22_e6_i16_o24_se0.25_f1_d2_a1",
                           "r1_k3_s11_e1_i32_o16_se0.1_d1_a0", "r4_k5_s22_e6_i112_o192_se0.25_cc"}) {
    const BlockSpec block = parse_block(text, BlockNotation::kEfficientNet);
    EXPECT_EQ(parse_block(print_block(block, BlockNotation::kEfficientNet), BlockNotation::kEfficientNet), block);
  }
}

TEST(BlockString, ErrorsGiveTheTokenAndItsPosition) {
  struct Row {
    std::string_view text;
    BlockNotation notation;
    std::string_view message;
  };
  constexpr auto kMnas = BlockNotation::kMnasNet;
  constexpr auto kEfficient = BlockNotation::kEfficientNet;
  constexpr auto kMix = BlockNotation::kMixNet;
  const std::vector<Row> rows = {
      {"r1_k3_x5", kMnas, "unknown token \"x5\" at position 6"},
      {"r1\n", kMnas, "bad value in \"r1\\n\" at position 0"},
      {"r1_k3_s11_e1_i32_o16_nopskip", kMnas, "unknown token \"nopskip\" at position 21"},
      {"r1_k3_s11_e1_i32_o16_cc", kMnas, "unknown token \"cc\" at position 21"},
      {"r1_k3_s11_e1_i32_o16_f1", kMnas, "unknown token \"f1\" at position 21"},
      {"r1__k3", kMnas, "unknown token \"\" at position 3"},
      {"", kEfficient, "unknown token \"\" at position 0"},
      {"r1_k3_s11_e1_i32_o16_", kEfficient, "unknown token \"\" at position 21"},
      {"r1_k3_3_e1", kEfficient, "unknown token \"3\" at position 6"},
      {"r1_k3_s2_e1_i32_o16", kMnas, "bad value in \"s2\" at position 6: strides are two digits"},
      {"r1_k3_s222_e1_i32_o16", kMnas, "bad value in \"s222\" at position 6"},
      {"r1_k3_s2a_e1_i32_o16", kMnas, "bad value in \"s2a\" at position 6"},
      {"r1_k3_s10_e1_i32_o16", kMnas, "bad value in \"s10\" at position 6"},
      {"r2x_k3_s11_e1_i32_o16", kMnas, "bad value in \"r2x\" at position 0: repeats is a whole number from 1"},
      {"r0_k3_s11_e1_i32_o16", kMnas, "bad value in \"r0\" at position 0"},
      {"r1_k3.5_s11_e1_i32_o16", kMnas, "bad value in \"k3.5\" at position 3"},
      {"r1_k99999999999999999999_s11_e1_i32_o16", kMnas, "bad value in \"k99999999999999999999\" at position 3"},
      {"r1_k3_s11_e1_i32_o16_se0", kMnas, "bad value in \"se0\" at position 21: the squeeze-and-excite ratio"},
      {"r1_k3_s11_e1_i32_o16_se1.5", kMnas, "bad value in \"se1.5\" at position 21"},
      {"r1_k3_s11_e1_i32_o16_d3", kEfficient, "bad value in \"d3\" at position 21"},
      {"r1_k3_s11_e1_i32_o16_k5", kEfficient, "\"k5\" at position 21 gives k a second time"},
      {"r1_k3_s11_e1_i32_o16_cc_cc", kEfficient, "\"cc\" at position 24 gives cc a second time"},
      {"r1_k3_s22_e1_i32", kMnas, "it has no \"o\" (output filters)"},
      {"r1_k3_e1_i32_o16", kMnas, "it has no \"s\" (strides)"},
      {"r1_k3_s11_e1_i16_o16", kMix, "it has no \"a\" (expansion kernel size)"},
      {"r1_k3._a1_p1_s11_e1_i16_o16", kMix, "bad value in \"k3.\" at position 3: kernel size is a whole number"},
      {"r1_k3_a1_p1_s11_e1_i16_o16_c1", kMix, "unknown token \"c1\" at position 27"},
      {"r1_k3_s11_e1_i16_o16_sw", kMnas, "unknown token \"sw\" at position 21"},
  };
  for (const Row& row : rows) {
    const std::string error = error_of(row.text, row.notation);
    EXPECT_TRUE(error.starts_with(fmt::format("block string {:?}: {}", row.text, row.message))) << error;
  }
}

}  // namespace
}  // namespace netwright
