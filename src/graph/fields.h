// The attributes of each operator by name, for the passes that only print, write or read them (text, JSON).
//
// A new operator without a row here does not compile, and neither does a row that leaves an attribute out.
#pragma once

#include <string_view>
#include <tuple>

#include "graph/input_spec.h"
#include "graph/operators.h"

namespace netwright {

template <typename Struct, typename Member>
struct Field {
  std::string_view name;
  Member Struct::*member;
};
template <typename Struct, typename Member>
constexpr Field<Struct, Member> field(std::string_view name, Member Struct::*member) {
  return {name, member};
}

template <typename Struct>
struct Fields;

template <>
struct Fields<Window> {
  static constexpr std::string_view name = "Window";
  static constexpr auto list = std::make_tuple(
      field("kernel_h", &Window::kernel_h), field("kernel_w", &Window::kernel_w), field("stride_h", &Window::stride_h),
      field("stride_w", &Window::stride_w), field("dilation", &Window::dilation), field("padding", &Window::padding));
};
template <>
struct Fields<Input> {
  static constexpr std::string_view name = "Input";
  static constexpr auto list = std::make_tuple(field("shape", &Input::shape));
};
template <>
struct Fields<Conv2D> {
  static constexpr std::string_view name = "Conv2D";
  static constexpr auto list =
      std::make_tuple(field("window", &Conv2D::window), field("filters", &Conv2D::filters),
                      field("groups", &Conv2D::groups), field("kernel", &Conv2D::kernel), field("bias", &Conv2D::bias));
};
template <>
struct Fields<DepthwiseConv2D> {
  static constexpr std::string_view name = "DepthwiseConv2D";
  static constexpr auto list =
      std::make_tuple(field("window", &DepthwiseConv2D::window), field("multiplier", &DepthwiseConv2D::multiplier),
                      field("kernel", &DepthwiseConv2D::kernel), field("bias", &DepthwiseConv2D::bias));
};
template <>
struct Fields<BatchNorm> {
  static constexpr std::string_view name = "BatchNorm";
  static constexpr auto list = std::make_tuple(
      field("momentum", &BatchNorm::momentum), field("epsilon", &BatchNorm::epsilon),
      field("unbiased_moving_variance", &BatchNorm::unbiased_moving_variance), field("combine", &BatchNorm::combine),
      field("gamma", &BatchNorm::gamma), field("beta", &BatchNorm::beta), field("moving_mean", &BatchNorm::moving_mean),
      field("moving_variance", &BatchNorm::moving_variance));
};
template <>
struct Fields<Activation> {
  static constexpr std::string_view name = "Activation";
  static constexpr auto list = std::make_tuple(field("kind", &Activation::kind));
};
template <>
struct Fields<Pool> {
  static constexpr std::string_view name = "Pool";
  static constexpr auto list = std::make_tuple(field("kind", &Pool::kind), field("window", &Pool::window));
};
template <>
struct Fields<GlobalPool> {
  static constexpr std::string_view name = "GlobalPool";
  static constexpr auto list = std::make_tuple(field("keep_dimensions", &GlobalPool::keep_dimensions));
};
template <>
struct Fields<Dense> {
  static constexpr std::string_view name = "Dense";
  static constexpr auto list =
      std::make_tuple(field("units", &Dense::units), field("kernel", &Dense::kernel), field("bias", &Dense::bias));
};
template <>
struct Fields<Flatten> {
  static constexpr std::string_view name = "Flatten";
  static constexpr auto list = std::make_tuple();
};
template <>
struct Fields<Scale> {
  static constexpr std::string_view name = "Scale";
  static constexpr auto list = std::make_tuple(field("scale", &Scale::scale));
};
template <>
struct Fields<Add> {
  static constexpr std::string_view name = "Add";
  static constexpr auto list = std::make_tuple();
};
template <>
struct Fields<Multiply> {
  static constexpr std::string_view name = "Multiply";
  static constexpr auto list = std::make_tuple();
};
template <>
struct Fields<Weigh> {
  static constexpr std::string_view name = "Weigh";
  static constexpr auto list = std::make_tuple(field("factor", &Weigh::factor));
};
template <>
struct Fields<Concat> {
  static constexpr std::string_view name = "Concat";
  static constexpr auto list = std::make_tuple();
};
template <>
struct Fields<Split> {
  static constexpr std::string_view name = "Split";
  static constexpr auto list = std::make_tuple(field("begin", &Split::begin), field("size", &Split::size));
};
template <>
struct Fields<Pad> {
  static constexpr std::string_view name = "Pad";
  static constexpr auto list = std::make_tuple(field("top", &Pad::top), field("bottom", &Pad::bottom),
                                               field("left", &Pad::left), field("right", &Pad::right));
};
template <>
struct Fields<Dropout> {
  static constexpr std::string_view name = "Dropout";
  static constexpr auto list = std::make_tuple(field("rate", &Dropout::rate));
};
template <>
struct Fields<DropPath> {
  static constexpr std::string_view name = "DropPath";
  static constexpr auto list =
      std::make_tuple(field("survival", &DropPath::survival), field("ramps", &DropPath::ramps));
};
template <>
struct Fields<SpaceToDepth> {
  static constexpr std::string_view name = "SpaceToDepth";
  static constexpr auto list = std::make_tuple(field("block", &SpaceToDepth::block));
};
template <>
struct Fields<MixExperts> {
  static constexpr std::string_view name = "MixExperts";
  static constexpr auto list =
      std::make_tuple(field("kernel_shape", &MixExperts::kernel_shape), field("experts", &MixExperts::experts));
};
template <>
struct Fields<Softmax> {
  static constexpr std::string_view name = "Softmax";
  static constexpr auto list = std::make_tuple();
};

// Something that initialises a member of any type: with it an aggregate's members can be counted.
struct AnyMember {
  template <typename T>
  operator T() const;
};
template <typename Struct, typename... Members>
consteval size_t member_count() {
  if constexpr (requires { Struct{Members{}..., AnyMember{}}; }) {
    return member_count<Struct, Members..., AnyMember>();
  } else {
    return sizeof...(Members);
  }
}

// Calls visit(name, member) for each attribute of `value`, which may be const.
template <typename Struct, typename Visit>
void for_each_field(Struct& value, Visit&& visit) {
  using Plain = std::remove_const_t<Struct>;
  constexpr auto& list = Fields<Plain>::list;
  static_assert(std::tuple_size_v<std::remove_cvref_t<decltype(list)>> == member_count<Plain>(),
                "Fields leaves an attribute out");
  std::apply([&](const auto&... fields) { (visit(fields.name, value.*(fields.member)), ...); }, list);
}

// The names of each enumeration's values, in their order.
template <typename Enum>
struct EnumNames;
template <>
struct EnumNames<Padding> {
  static constexpr std::array<std::string_view, 3> names = {"same", "valid", "symmetric"};
};
template <>
struct EnumNames<ActivationKind> {
  static constexpr std::array<std::string_view, 9> names = {"relu",         "relu6", "swish", "sigmoid",   "hard_swish",
                                                            "hard_sigmoid", "tanh",  "elu",   "leaky_relu"};
};
template <>
struct EnumNames<PoolKind> {
  static constexpr std::array<std::string_view, 3> names = {"max", "average", "min"};
};
template <>
struct EnumNames<BatchNormCombine> {
  static constexpr std::array<std::string_view, 2> names = {"none", "mean_of_variances"};
};
template <>
struct EnumNames<ResizeMethod> {
  static constexpr std::array<std::string_view, 3> names = {"bilinear", "bicubic", "pillow-bicubic"};
};
template <>
struct EnumNames<CentreCrop> {
  static constexpr std::array<std::string_view, 4> names = {"efficientnet", "mnasnet", "central", "none"};
};

template <typename Enum>
constexpr std::string_view enum_name(Enum value) {
  return EnumNames<Enum>::names.at(static_cast<size_t>(value));
}

}  // namespace netwright
