#include "graph/shape_inference.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace netwright {
namespace {

// What an operator is applied to, with the checks that all of them share.
class Inference {
 public:
  Inference(std::span<const Shape* const> inputs, std::span<const Parameter> parameters)
      : inputs_(inputs), parameters_(parameters) {}

  const Shape& input(size_t i) const { return *inputs_[i]; }
  size_t input_count() const { return inputs_.size(); }

  void expect_inputs(size_t count) const {
    if (inputs_.size() != count) fail("has {} inputs, expected {}", inputs_.size(), count);
  }

  const Shape& only_input() const {
    expect_inputs(1);
    return input(0);
  }

  const Shape& picture(size_t i) const {
    if (input(i).size() != 3) fail("input {} is {}, expected [height, width, channels]", i, to_string(input(i)));
    return input(i);
  }

  void expect_parameter(const ParameterRef& ref, const Shape& shape, std::string_view what) const {
    if (!ref) fail("has no {}, expected one of {}", what, to_string(shape));
    if (static_cast<size_t>(ref.id) >= parameters_.size()) {
      fail("{} is parameter {}, but there are {}", what, ref.id, parameters_.size());
    }
    const Parameter& parameter = parameters_[static_cast<size_t>(ref.id)];
    if (ref.extent != shape) {
      fail("{} {} has the extent {}, expected {}", what, parameter.name, to_string(ref.extent), to_string(shape));
    }
    const bool fits = parameter.shape.size() == shape.size() &&
                      std::equal(shape.begin(), shape.end(), parameter.shape.begin(), std::less_equal<>());
    if (!fits)
      fail("{} {} is {}, too small for {}", what, parameter.name, to_string(parameter.shape), to_string(shape));
  }

  void expect_optional(const ParameterRef& ref, const Shape& shape, std::string_view what) const {
    if (ref) expect_parameter(ref, shape, what);
  }

  // The kernel from a parameter, or from a second input with one kernel an example.
  void expect_kernel(const ParameterRef& ref, const Shape& shape) const {
    if (ref) {
      expect_inputs(1);
      expect_parameter(ref, shape, "kernel");
      return;
    }
    if (inputs_.size() != 2) fail("has neither a kernel nor a second input that yields one");
    if (input(1) != shape) fail("is given a kernel {}, expected {}", to_string(input(1)), to_string(shape));
  }

 private:
  std::span<const Shape* const> inputs_;
  std::span<const Parameter> parameters_;
};

Shape slide(const Shape& in, const Window& window, int64_t channels) {
  if (window.kernel_h < 1 || window.kernel_w < 1 || window.stride_h < 1 || window.stride_w < 1 || window.dilation < 1) {
    fail("has a kernel of {} x {}, strides {} x {} and dilation {}, expected all to be at least 1", window.kernel_h,
         window.kernel_w, window.stride_h, window.stride_w, window.dilation);
  }
  const WindowAxis h = window_axis(in[0], window.kernel_h, window.stride_h, window.dilation, window.padding);
  const WindowAxis w = window_axis(in[1], window.kernel_w, window.stride_w, window.dilation, window.padding);
  if (h.output < 1 || w.output < 1) {
    fail("has a window of {} x {} that does not fit into {}", window.kernel_h, window.kernel_w, to_string(in));
  }
  return {h.output, w.output, channels};
}

Shape infer(const Inference& in, const Input& op) {
  in.expect_inputs(0);
  if (op.shape.size() != 3) fail("is {}, expected [height, width, channels]", to_string(op.shape));
  return op.shape;
}

Shape infer(const Inference& in, const Conv2D& op) {
  if (in.input_count() == 0) fail("has no input");
  const Shape& x = in.picture(0);
  if (op.filters < 1) fail("has {} filters, expected at least 1", op.filters);
  if (op.groups < 1 || x[2] % op.groups != 0 || op.filters % op.groups != 0) {
    fail("can't split {} channels and {} filters into {} groups", x[2], op.filters, op.groups);
  }
  const Shape kernel = {op.window.kernel_h, op.window.kernel_w, x[2] / op.groups, op.filters};
  Shape out = slide(x, op.window, op.filters);
  in.expect_kernel(op.kernel, kernel);
  in.expect_optional(op.bias, {op.filters}, "bias");
  return out;
}

Shape infer(const Inference& in, const DepthwiseConv2D& op) {
  if (in.input_count() == 0) fail("has no input");
  const Shape& x = in.picture(0);
  constexpr int64_t kMostMultiplier = 1 << 20;
  if (op.multiplier < 1 || op.multiplier > kMostMultiplier) {
    fail("has the multiplier {}, expected 1 to {}", op.multiplier, kMostMultiplier);
  }
  const int64_t channels = x[2] * op.multiplier;
  Shape out = slide(x, op.window, channels);
  in.expect_kernel(op.kernel, {op.window.kernel_h, op.window.kernel_w, x[2], op.multiplier});
  in.expect_optional(op.bias, {channels}, "bias");
  return out;
}

Shape infer(const Inference& in, const BatchNorm& op) {
  const Shape& x = in.only_input();
  if (x.size() != 3 && x.size() != 1) fail("is given {}, expected a picture or a vector", to_string(x));
  if (!(op.momentum >= 0.0 && op.momentum <= 1.0)) fail("has momentum {}, expected 0 to 1", op.momentum);
  if (!(op.epsilon > 0.0 && std::isfinite(op.epsilon))) fail("has epsilon {}, expected more than 0", op.epsilon);
  const Shape channels = {x.back()};
  in.expect_optional(op.gamma, channels, "gamma");
  in.expect_optional(op.beta, channels, "beta");
  if (!op.moving_mean && !op.moving_variance) return x;
  in.expect_parameter(op.moving_mean, channels, "moving mean");
  in.expect_parameter(op.moving_variance, channels, "moving variance");
  return x;
}

Shape infer(const Inference& in, const Activation&) { return in.only_input(); }

Shape infer(const Inference& in, const Pool& op) {
  in.expect_inputs(1);
  if (op.window.dilation != 1) fail("has the dilation {}, expected 1", op.window.dilation);
  return slide(in.picture(0), op.window, in.input(0)[2]);
}

Shape infer(const Inference& in, const GlobalPool& op) {
  in.expect_inputs(1);
  const int64_t channels = in.picture(0)[2];
  return op.keep_dimensions ? Shape{1, 1, channels} : Shape{channels};
}

Shape infer(const Inference& in, const Dense& op) {
  const Shape& x = in.only_input();
  const bool vector = x.size() == 1 || (x.size() == 3 && x[0] == 1 && x[1] == 1);
  if (!vector) fail("is given {}, expected [channels] or [1, 1, channels]", to_string(x));
  if (op.units < 1) fail("has {} units, expected at least 1", op.units);
  in.expect_parameter(op.kernel, {x.back(), op.units}, "kernel");
  in.expect_optional(op.bias, {op.units}, "bias");
  return {op.units};
}

Shape infer(const Inference& in, const Flatten&) {
  in.expect_inputs(1);
  return {element_count(in.picture(0))};
}

Shape infer(const Inference& in, const Scale& op) {
  const Shape& x = in.only_input();
  in.expect_parameter(op.scale, {}, "scale");
  return x;
}

Shape infer(const Inference& in, const Add&) {
  if (in.input_count() < 2) fail("has {} inputs, expected two or more", in.input_count());
  for (size_t i = 1; i < in.input_count(); ++i) {
    if (in.input(i) != in.input(0)) fail("can't add {} and {}", to_string(in.input(0)), to_string(in.input(i)));
  }
  return in.input(0);
}

Shape infer(const Inference& in, const Multiply&) {
  in.expect_inputs(2);
  const Shape& x = in.input(0);
  const Shape& gate = in.input(1);
  const bool broadcast = x.size() == 3 && gate == Shape{1, 1, x[2]};
  if (gate != x && !broadcast) fail("can't multiply {} and {}", to_string(x), to_string(gate));
  return x;
}

Shape infer(const Inference& in, const Weigh& op) {
  if (!std::isfinite(op.factor)) fail("has the factor {}, expected a finite number", op.factor);
  return in.only_input();
}

Shape infer(const Inference& in, const Concat&) {
  if (in.input_count() == 0) fail("has no input");
  Shape out = in.input(0);
  for (size_t i = 1; i < in.input_count(); ++i) {
    const Shape& x = in.input(i);
    const bool beside = x.size() == out.size() && std::equal(x.begin(), x.end() - 1, out.begin());
    if (!beside) fail("can't put {} beside {}", to_string(x), to_string(in.input(0)));
    out.back() += x.back();
  }
  return out;
}

Shape infer(const Inference& in, const Split& op) {
  Shape out = in.only_input();
  const int64_t channels = out.back();
  if (op.begin < 0 || op.size < 1 || op.size > channels || op.begin > channels - op.size) {
    fail("can't take {} channels from channel {} on of {}", op.size, op.begin, to_string(out));
  }
  out.back() = op.size;
  return out;
}

Shape infer(const Inference& in, const Pad& op) {
  in.expect_inputs(1);
  const Shape& x = in.picture(0);
  const Shape out = {x[0] + op.top + op.bottom, x[1] + op.left + op.right, x[2]};
  const bool cuts_too_much = std::min(op.top, op.bottom) < -x[0] || std::min(op.left, op.right) < -x[1];
  if (cuts_too_much || out[0] < 1 || out[1] < 1) {
    fail("pads {}, {}, {}, {} (top, bottom, left, right), which leaves nothing of {}", op.top, op.bottom, op.left,
         op.right, to_string(x));
  }
  return out;
}

Shape infer(const Inference& in, const Dropout& op) {
  if (!(op.rate >= 0.0 && op.rate < 1.0)) fail("has rate {}, expected at least 0 and below 1", op.rate);
  return in.only_input();
}

Shape infer(const Inference& in, const DropPath& op) {
  if (!(op.survival > 0.0 && op.survival <= 1.0)) {
    fail("has survival probability {}, expected above 0 and at most 1", op.survival);
  }
  return in.only_input();
}

Shape infer(const Inference& in, const SpaceToDepth& op) {
  in.expect_inputs(1);
  const Shape& x = in.picture(0);
  if (op.block < 1 || x[0] % op.block != 0 || x[1] % op.block != 0) {
    fail("can't cut {} into blocks of {} x {}", to_string(x), op.block, op.block);
  }
  return {x[0] / op.block, x[1] / op.block, x[2] * op.block * op.block};
}

Shape infer(const Inference& in, const MixExperts& op) {
  const Shape& routing = in.only_input();
  if (routing.size() != 1) fail("is given the routing {}, expected [experts]", to_string(routing));
  if (op.kernel_shape.size() != 4) fail("makes kernels {}, expected four dimensions", to_string(op.kernel_shape));
  check_shape(op.kernel_shape, "kernel");
  in.expect_parameter(op.experts, {routing[0], element_count(op.kernel_shape)}, "experts");
  return op.kernel_shape;
}

Shape infer(const Inference& in, const Softmax&) { return in.only_input(); }

}  // namespace

WindowAxis window_axis(int64_t size, int kernel, int stride, int dilation, Padding padding) {
  const int64_t reach = static_cast<int64_t>(kernel - 1) * dilation + 1;
  WindowAxis axis;
  if (padding == Padding::kSame) {
    axis.output = (size + stride - 1) / stride;
    const int64_t total = std::max<int64_t>((axis.output - 1) * stride + reach - size, 0);
    axis.before = total / 2;
    axis.after = total - axis.before;
    return axis;
  }
  if (padding == Padding::kSymmetric) {
    axis.before = axis.after = static_cast<int64_t>(kernel - 1) / 2 * dilation;
  }
  const int64_t room = size + axis.before + axis.after - reach;
  axis.output = room < 0 ? 0 : room / stride + 1;
  return axis;
}

void check_shape(const Shape& shape, std::string_view what) {
  constexpr int64_t kMostElements = int64_t{1} << 40;
  int64_t count = 1;
  for (const int64_t dimension : shape) {
    if (dimension < 1) fail("{} {} has a size below 1", what, to_string(shape));
    if (dimension > kMostElements / count) fail("{} {} is too large", what, to_string(shape));
    count *= dimension;
  }
}

Shape infer_shape(const Operator& op, std::span<const Shape* const> inputs, std::span<const Parameter> parameters) {
  const Inference inference(inputs, parameters);
  // The overloads of infer() are the exhaustive set: an operator without one does not compile.
  Shape shape = std::visit([&](const auto& kind) { return infer(inference, kind); }, op);
  check_shape(shape, "its value");
  return shape;
}

}  // namespace netwright
