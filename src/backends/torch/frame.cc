#include "backends/torch/frame.h"

#include <ATen/ops/copy.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>

#include <cstring>

#include "backends/torch/guard.h"
#include "core/error.h"

namespace netwright::torch_backend {
namespace {

// Fewer dimensions let libtorch's copy use its blocked transpose.
bool is_pointwise(at::IntArrayRef shape) { return shape.size() == 4 && shape[0] == 1 && shape[1] == 1; }

std::vector<int64_t> permutation(bool depthwise) {
  return depthwise ? std::vector<int64_t>{2, 3, 0, 1} : std::vector<int64_t>{3, 2, 0, 1};
}

}  // namespace

at::ScalarType scalar_type(Precision precision) {
  switch (precision) {
    case Precision::kFloat32:
      return at::kFloat;
    case Precision::kBfloat16:
      return at::kBFloat16;
    case Precision::kFloat64:
      return at::kDouble;
  }
  return at::kFloat;
}

TorchBuffer::TorchBuffer(int64_t size, float value, at::Device device)
    : FlatBuffer(size), tensor_(at::full({size}, value, at::TensorOptions().dtype(at::kFloat).device(device))) {}

void TorchBuffer::upload(int64_t offset, std::span<const float> values) {
  guarded([&] {
    const at::Tensor host =
        at::from_blob(const_cast<float*>(values.data()), {static_cast<int64_t>(values.size())}, at::kFloat);
    tensor_.narrow(0, offset, host.size(0)).copy_(host);
  });
  touch();
}

void TorchBuffer::download(int64_t offset, std::span<float> values) const {
  guarded([&] {
    at::Tensor host = at::from_blob(values.data(), {static_cast<int64_t>(values.size())}, at::kFloat);
    host.copy_(tensor_.narrow(0, offset, host.size(0)));
  });
}

const TorchBuffer& torch_buffer(const FlatBuffer& buffer) { return static_cast<const TorchBuffer&>(buffer); }
TorchBuffer& torch_buffer(FlatBuffer& buffer) { return static_cast<TorchBuffer&>(buffer); }

TorchFrame::TorchFrame(const Graph& graph, const ParameterLayout& layout, const Plan& plan, const LowerOptions& options,
                       at::Device device)
    : graph_(graph),
      layout_(layout),
      plan_(plan),
      options_(options),
      type_(scalar_type(options.precision)),
      device_(device),
      tensors_(plan.slots.size()) {}

void TorchFrame::bind(FlatBuffer& values, FlatBuffer* gradients) {
  if (values.size() < layout_.size())
    fail("the values have {} elements, {} needs {}", values.size(), graph_.name(), layout_.size());
  values_ = &torch_buffer(values);
  gradients_ = gradients == nullptr ? nullptr : &torch_buffer(*gradients);
  version_ = values.version();
  statistics_version_ = values.statistics_version();
}

void TorchFrame::write(int slot, std::span<const float> values) {
  const Slot& target = plan_.slots[static_cast<size_t>(slot)];
  if (static_cast<int64_t>(values.size()) != element_count(target.shape)) {
    fail("{} was given {} values for an input of shape {}", graph_.name(), values.size(), to_string(target.shape));
  }
  guarded([&] {
    at::Tensor tensor = at::from_blob(const_cast<float*>(values.data()), target.shape, at::kFloat);
    if (target.shape.size() == 4) tensor = tensor.permute({0, 3, 1, 2});
    const bool is_statistic = target.kind == SlotKind::kLabels || target.kind == SlotKind::kWeights;
    set(slot, tensor.to(device_, is_statistic ? statistics_type() : type_));
  });
}

void TorchFrame::read(int slot, std::span<float> values) const {
  at::Tensor tensor = at(slot);
  if (!tensor.defined())
    fail("{} keeps no value for slot {}; name its node in LowerOptions::keep", graph_.name(), slot);
  if (tensor.dim() == 4) {
    const c10::InferenceMode guard;
    tensor = tensor.permute({0, 2, 3, 1});
  }
  if (tensor.numel() != static_cast<int64_t>(values.size())) {
    fail("{} was asked for {} values of a slot with {}", graph_.name(), values.size(), tensor.numel());
  }
  guarded([&] {
    tensor = tensor.to(at::kCPU, at::kFloat).contiguous();
    std::memcpy(values.data(), tensor.const_data_ptr<float>(), values.size() * sizeof(float));
  });
}

double TorchFrame::read_scalar(int slot) const {
  return guarded([&] { return at(slot).item().toDouble(); });
}

void TorchFrame::release(int slot) { tensors_[static_cast<size_t>(slot)].reset(); }

bool TorchFrame::is_only_user(int slot) const {
  // A gradient passed on is the same tensor in two slots; a view is another tensor of one storage.
  return at(slot).use_count() == 1 && at(slot).storage().use_count() == 1;
}

at::Tensor TorchFrame::view(const at::Tensor& flat, const ParameterRef& parameter) const {
  const FlatTensor& tensor = layout_.of(parameter.id);
  std::vector<int64_t> strides(tensor.shape.size(), 1);
  for (size_t i = strides.size(); i-- > 1;) strides[i - 1] = strides[i] * tensor.shape[i];
  return flat.as_strided(parameter.extent, strides, tensor.offset);
}

at::Tensor TorchFrame::value_of(const ParameterRef& parameter) const { return view(values_->tensor(), parameter); }

at::Tensor TorchFrame::gradient_of(const ParameterRef& parameter) const {
  return view(gradients_->tensor(), parameter);
}

at::Tensor TorchFrame::vector_of(const ParameterRef& parameter, at::ScalarType type) const {
  return parameter ? value_of(parameter).to(type) : at::Tensor();
}

const at::Tensor& TorchFrame::packed_kernel(const ParameterRef& parameter, bool depthwise) {
  Packed& packed = packed_[{parameter.id, parameter.extent}];
  if (packed.version != version_) {
    pack(value_of(parameter), depthwise, packed.tensor);
    packed.version = version_;
  }
  return packed.tensor;
}

void TorchFrame::pack(const at::Tensor& kernel, bool depthwise, at::Tensor& packed) const {
  const at::IntArrayRef shape = kernel.sizes();
  if (!packed.defined()) {
    const Shape wanted =
        depthwise ? Shape{shape[2] * shape[3], 1, shape[0], shape[1]} : Shape{shape[3], shape[2], shape[0], shape[1]};
    packed = at::empty(wanted, at::TensorOptions().dtype(type_).device(device_), at::MemoryFormat::ChannelsLast);
  }
  if (is_pointwise(shape) && !depthwise) {
    packed.view({shape[3], shape[2]}).copy_(kernel.view({shape[2], shape[3]}).t());
  } else {
    packed.copy_(kernel.permute(permutation(depthwise)).reshape(packed.sizes()));
  }
}

void TorchFrame::write_kernel_gradient(const ParameterGradient& gradient, const at::Tensor& value, bool depthwise,
                                       bool accumulate) {
  const Shape& shape = gradient.parameter.extent;
  if (is_pointwise(shape) && !depthwise && !accumulate && gradient.write == GradientWrite::kSet) {
    gradient_of(gradient.parameter).view({shape[2], shape[3]}).copy_(value.reshape({shape[3], shape[2]}).t());
    return;
  }
  if (depthwise) {
    const at::Tensor by_channel = value.reshape({shape[2], shape[3], shape[0], shape[1]});
    write_gradient(gradient, by_channel.permute({2, 3, 0, 1}), accumulate);
    return;
  }
  write_gradient(gradient, value.permute({2, 3, 1, 0}), accumulate);
}

void TorchFrame::write_gradient(const ParameterGradient& gradient, const at::Tensor& value, bool accumulate) {
  at::Tensor target = gradient_of(gradient.parameter);
  if (accumulate || gradient.write == GradientWrite::kAdd) {
    target.add_(value);
  } else {
    target.copy_(value);
  }
}

void TorchFrame::give(const InputGradient& gradient, at::Tensor value) {
  if (gradient.slot < 0) return;
  if (gradient.write == GradientWrite::kSet) {
    set(gradient.slot, std::move(value));
  } else if (is_only_user(gradient.slot)) {
    at(gradient.slot).add_(value);
  } else {
    set(gradient.slot, at(gradient.slot).add(value));
  }
}

}  // namespace netwright::torch_backend
