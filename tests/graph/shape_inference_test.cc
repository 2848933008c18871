#include "graph/shape_inference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace netwright {
namespace {

using testing::HasSubstr;

Shape infer(const Operator& op, const std::vector<Shape>& inputs, const std::vector<Parameter>& parameters = {}) {
  std::vector<const Shape*> pointers;
  for (const Shape& input : inputs) pointers.push_back(&input);
  return infer_shape(op, pointers, parameters);
}

std::string error_of(const Operator& op, const std::vector<Shape>& inputs,
                     const std::vector<Parameter>& parameters = {}) {
  try {
    infer(op, inputs, parameters);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::vector<Parameter> parameters_of(const std::vector<Shape>& shapes) {
  std::vector<Parameter> parameters;
  for (size_t i = 0; i < shapes.size(); ++i) parameters.push_back({.name = fmt::format("p{}", i), .shape = shapes[i]});
  return parameters;
}

Conv2D conv(int kernel, int stride, Padding padding, const Shape& shape) {
  return {.window = {kernel, kernel, stride, stride, 1, padding}, .filters = shape[3], .kernel = {0, shape}};
}

// Spec mnasnet 2.5: at stride 2 on an even size.
TEST(WindowAxis, SamePaddingIsTensorFlows) {
  const std::vector<std::array<int, 3>> rows = {{3, 0, 1}, {5, 1, 2}, {7, 2, 3}, {9, 3, 4}, {11, 4, 5}};
  for (const auto& [kernel, before, after] : rows) {
    EXPECT_EQ(window_axis(224, kernel, 2, 1, Padding::kSame), (WindowAxis{112, before, after})) << kernel;
  }
  EXPECT_EQ(window_axis(97, 3, 2, 1, Padding::kSame), (WindowAxis{49, 1, 1}));
  EXPECT_EQ(window_axis(5, 2, 1, 1, Padding::kSame), (WindowAxis{5, 0, 1}));
  EXPECT_EQ(window_axis(7, 1, 2, 1, Padding::kSame), (WindowAxis{4, 0, 0}));
  EXPECT_EQ(window_axis(10, 3, 1, 4, Padding::kSame), (WindowAxis{10, 4, 4}));
}

TEST(WindowAxis, ValidAndSymmetric) {
  EXPECT_EQ(window_axis(7, 3, 2, 1, Padding::kValid), (WindowAxis{3, 0, 0}));
  EXPECT_EQ(window_axis(8, 3, 2, 1, Padding::kValid), (WindowAxis{3, 0, 0}));
  EXPECT_EQ(window_axis(2, 3, 1, 1, Padding::kValid).output, 0);
  EXPECT_EQ(window_axis(224, 3, 2, 1, Padding::kSymmetric), (WindowAxis{112, 1, 1}));
  EXPECT_EQ(window_axis(223, 5, 2, 1, Padding::kSymmetric), (WindowAxis{112, 2, 2}));
}

TEST(InferShape, Convolutions) {
  const auto parameters = parameters_of({{3, 3, 8, 16}});
  EXPECT_EQ(infer(conv(3, 2, Padding::kSame, {3, 3, 8, 16}), {{9, 12, 8}}, parameters), (Shape{5, 6, 16}));
  EXPECT_EQ(infer(conv(3, 1, Padding::kValid, {3, 3, 8, 16}), {{9, 12, 8}}, parameters), (Shape{7, 10, 16}));
  Conv2D grouped = conv(3, 1, Padding::kSame, {3, 3, 8, 16});
  grouped.groups = 2;
  EXPECT_EQ(infer(grouped, {{9, 12, 16}}, parameters), (Shape{9, 12, 16}));
  const DepthwiseConv2D depthwise = {.window = {5, 5, 2, 2}, .kernel = {0, {5, 5, 8, 1}}};
  EXPECT_EQ(infer(depthwise, {{9, 12, 8}}, parameters_of({{5, 5, 8, 1}})), (Shape{5, 6, 8}));
}

TEST(InferShape, KernelsOfExperts) {
  const MixExperts mix = {.kernel_shape = {1, 1, 8, 16}, .experts = {0, {4, 128}}};
  const Shape kernel = infer(mix, {{4}}, parameters_of({{4, 128}}));
  EXPECT_EQ(kernel, (Shape{1, 1, 8, 16}));
  const Conv2D conv = {.filters = 16};
  EXPECT_EQ(infer(conv, {{9, 12, 8}, kernel}), (Shape{9, 12, 16}));
  EXPECT_THAT(error_of(conv, {{9, 12, 4}, kernel}),
              HasSubstr("is given a kernel [1, 1, 8, 16], expected [1, 1, 4, 16]"));
  EXPECT_THAT(error_of(mix, {{5}}, parameters_of({{4, 128}})), HasSubstr("[4, 128], expected [5, 128]"));
}

TEST(InferShape, SlicesOfLargerParameters) {
  const auto parameters = parameters_of({{3, 3, 32, 64}});
  EXPECT_EQ(infer(conv(3, 1, Padding::kSame, {3, 3, 8, 16}), {{9, 9, 8}}, parameters), (Shape{9, 9, 16}));
  EXPECT_THAT(error_of(conv(3, 1, Padding::kSame, {3, 3, 8, 65}), {{9, 9, 8}}, parameters), HasSubstr("too small"));
}

TEST(InferShape, Others) {
  EXPECT_EQ(infer(Pool{PoolKind::kMax, {3, 3, 2, 2}}, {{9, 12, 8}}), (Shape{5, 6, 8}));
  EXPECT_EQ(infer(GlobalPool{}, {{9, 12, 8}}), (Shape{8}));
  EXPECT_EQ(infer(GlobalPool{true}, {{9, 12, 8}}), (Shape{1, 1, 8}));
  EXPECT_EQ(infer(Multiply{}, {{9, 12, 8}, {1, 1, 8}}), (Shape{9, 12, 8}));
  EXPECT_EQ(infer(Concat{}, {{9, 12, 8}, {9, 12, 3}}), (Shape{9, 12, 11}));
  EXPECT_EQ(infer(Split{6, 2}, {{9, 12, 8}}), (Shape{9, 12, 2}));
  EXPECT_EQ(infer(Pad{0, 1, 2, 3}, {{9, 12, 8}}), (Shape{10, 17, 8}));
  EXPECT_EQ(infer(Pad{-1, 1, 0, -2}, {{9, 12, 8}}), (Shape{9, 10, 8}));
  EXPECT_EQ(infer(Flatten{}, {{9, 12, 8}}), (Shape{864}));
  EXPECT_EQ(infer(Scale{{0, {}}}, {{9, 12, 8}}, parameters_of({{}})), (Shape{9, 12, 8}));
  EXPECT_EQ(infer(DepthwiseConv2D{.window = {5, 5, 2, 2}, .multiplier = 2, .kernel = {0, {5, 5, 8, 2}}}, {{9, 12, 8}},
                  parameters_of({{5, 5, 8, 2}})),
            (Shape{5, 6, 16}));
  EXPECT_EQ(infer(SpaceToDepth{2}, {{8, 12, 3}}), (Shape{4, 6, 12}));
  EXPECT_EQ(infer(Dense{.units = 10, .kernel = {0, {8, 10}}}, {{1, 1, 8}}, parameters_of({{8, 10}})), (Shape{10}));
}

struct Refusal {
  Operator op;
  std::vector<Shape> inputs;
  std::string message;
};

TEST(InferShape, RefusesAndSaysWhatItWasGiven) {
  const std::vector<Refusal> refusals = {
      {Add{}, {{9, 12, 8}, {9, 12, 7}}, "can't add [9, 12, 8] and [9, 12, 7]"},
      {Add{}, {{9, 12, 8}}, "has 1 inputs, expected two or more"},
      {Multiply{}, {{9, 12, 8}, {1, 1, 4}}, "can't multiply [9, 12, 8] and [1, 1, 4]"},
      {Concat{}, {{9, 12, 8}, {9, 11, 8}}, "can't put [9, 11, 8] beside [9, 12, 8]"},
      {Split{4, 5}, {{9, 12, 8}}, "can't take 5 channels from channel 4 on of [9, 12, 8]"},
      {Split{0, 0}, {{8}}, "can't take 0 channels"},
      {Split{INT64_MAX, 2}, {{8}}, "can't take 2 channels"},
      {SpaceToDepth{2}, {{9, 12, 8}}, "can't cut [9, 12, 8] into blocks of 2 x 2"},
      {Pad{-5, -4, 0, 0},
       {{9, 12, 8}},
       "pads -5, -4, 0, 0 (top, bottom, left, right), which leaves nothing of [9, 12, 8]"},
      {Pad{0, 0, -20, 20}, {{9, 12, 8}}, "which leaves nothing of [9, 12, 8]"},
      {Flatten{}, {{8}}, "input 0 is [8], expected [height, width, channels]"},
      {Scale{}, {{8}}, "has no scale, expected one of []"},
      {DepthwiseConv2D{.multiplier = 0}, {{9, 12, 8}}, "has the multiplier 0"},
      {Pool{PoolKind::kMax, {3, 3, 1, 1, 2}}, {{9, 12, 8}}, "has the dilation 2, expected 1"},
      {Pool{PoolKind::kMax, {3, 3, 1, 1, 1, Padding::kValid}}, {{2, 9, 8}}, "does not fit into [2, 9, 8]"},
      {Pool{PoolKind::kMax, {3, 3, 0, 1}}, {{9, 9, 8}}, "strides 0 x 1"},
      {Pool{}, {{8}}, "input 0 is [8], expected [height, width, channels]"},
      {Conv2D{.filters = 0}, {{9, 9, 8}}, "has 0 filters"},
      {Conv2D{.filters = 4, .groups = 3}, {{9, 9, 8}}, "can't split 8 channels and 4 filters into 3 groups"},
      {Conv2D{.filters = 4}, {{9, 9, 8}}, "has neither a kernel nor a second input"},
      {Conv2D{.filters = 4, .kernel = {7, {1, 1, 8, 4}}}, {{9, 9, 8}}, "kernel is parameter 7, but there are 0"},
      {Dense{.units = 10}, {{2, 1, 8}}, "is given [2, 1, 8]"},
      {Dropout{1.0}, {{8}}, "has rate 1,"},
      {Weigh{NAN}, {{8}}, "has the factor nan,"},
      {DropPath{0.0}, {{8}}, "has survival probability 0,"},
      {BatchNorm{.momentum = 1.5}, {{8}}, "has momentum 1.5"},
      {BatchNorm{.epsilon = 0.0}, {{8}}, "has epsilon 0"},
      {BatchNorm{.moving_variance = {0, {8}}}, {{8}}, "has no moving mean, expected one of [8]"},
      {Softmax{}, {{8}, {8}}, "has 2 inputs, expected 1"},
      {Pad{INT32_MAX, 0, INT32_MAX, 0}, {{9, 9, 1024}}, "is too large"},
  };
  for (const Refusal& refusal : refusals) {
    EXPECT_THAT(error_of(refusal.op, refusal.inputs), HasSubstr(refusal.message)) << operator_name(refusal.op);
  }
}

}  // namespace
}  // namespace netwright
