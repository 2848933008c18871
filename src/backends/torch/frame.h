// Storage of a Program on a libtorch device: one tensor a slot, adopted from the operator that made it.
//
// Pictures are NCHW tensors in channels-last memory, so the bytes are NHWC; vectors are [N, C].
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <tuple>
#include <vector>

#include <ATen/core/Tensor.h>

#include "engine/backend.h"

namespace netwright::torch_backend {

at::ScalarType scalar_type(Precision precision);

class TorchBuffer : public FlatBuffer {
 public:
  TorchBuffer(int64_t size, float value, at::Device device);
  void upload(int64_t offset, std::span<const float> values) override;
  void download(int64_t offset, std::span<float> values) const override;

  const at::Tensor& tensor() const { return tensor_; }  // [size], float32

 private:
  at::Tensor tensor_;
};

const TorchBuffer& torch_buffer(const FlatBuffer& buffer);
TorchBuffer& torch_buffer(FlatBuffer& buffer);

class TorchFrame : public Frame {
 public:
  TorchFrame(const Graph& graph, const ParameterLayout& layout, const Plan& plan, const LowerOptions& options,
             at::Device device);

  void bind(FlatBuffer& values, FlatBuffer* gradients) override;
  void write(int slot, std::span<const float> values) override;
  void read(int slot, std::span<float> values) const override;
  double read_scalar(int slot) const override;
  void release(int slot) override;

  const at::Tensor& at(int slot) const { return tensors_[static_cast<size_t>(slot)]; }
  // Adopts a tensor.
  void set(int slot, at::Tensor tensor) { tensors_[static_cast<size_t>(slot)] = std::move(tensor); }
  // Nobody else holds the slot's storage: it may be written over. To be asked before a step copies the tensor.
  bool is_only_user(int slot) const;

  // A parameter in TensorFlow's layout: a float32 view of the flat values, or gradients.
  at::Tensor value_of(const ParameterRef& parameter) const;
  at::Tensor gradient_of(const ParameterRef& parameter) const;
  // A parameter that is small and read as it is (bias, gamma, beta), as the type that the computation needs.
  at::Tensor vector_of(const ParameterRef& parameter, at::ScalarType type) const;
  // A kernel as libtorch wants it ([out, in / groups, kh, kw], channels-last; a depthwise one's
  // out is channels x multiplier), packed once per version of the values.
  const at::Tensor& packed_kernel(const ParameterRef& parameter, bool depthwise);
  // The same of any kernel in TensorFlow's layout, into `packed`, which is made if it isn't there.
  void pack(const at::Tensor& kernel, bool depthwise, at::Tensor& packed) const;
  // Changes whenever any of the values do, moving statistics too.
  std::pair<uint64_t, uint64_t> version() const { return {version_, statistics_version_}; }
  // Scatters a gradient in libtorch's layout.
  void write_kernel_gradient(const ParameterGradient& gradient, const at::Tensor& value, bool depthwise,
                             bool accumulate);
  // `value` has the parameter's own shape.
  void write_gradient(const ParameterGradient& gradient, const at::Tensor& value, bool accumulate);
  // Sets or adds a value's gradient; nothing when the plan needs none.
  void give(const InputGradient& gradient, at::Tensor value);

  const LowerOptions& options() const { return options_; }
  at::ScalarType type() const { return type_; }
  at::ScalarType statistics_type() const { return type_ == at::kDouble ? at::kDouble : at::kFloat; }
  at::Device device() const { return device_; }
  const Slot& slot(int number) const { return plan_.slots[static_cast<size_t>(number)]; }

 private:
  struct Packed {
    at::Tensor tensor;
    uint64_t version = 0;
  };

  at::Tensor view(const at::Tensor& flat, const ParameterRef& parameter) const;

  const Graph& graph_;
  const ParameterLayout& layout_;
  const Plan& plan_;
  const LowerOptions& options_;
  at::ScalarType type_;
  at::Device device_;
  std::vector<at::Tensor> tensors_;
  TorchBuffer* values_ = nullptr;
  TorchBuffer* gradients_ = nullptr;
  uint64_t version_ = 0;
  uint64_t statistics_version_ = 0;
  std::map<std::pair<int, Shape>, Packed> packed_;
};

inline TorchFrame& torch_frame(Frame& frame) { return static_cast<TorchFrame&>(frame); }

}  // namespace netwright::torch_backend
