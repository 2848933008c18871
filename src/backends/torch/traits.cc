#include <algorithm>

#include "backends/torch/geometry.h"
#include "backends/torch/steps.h"
#include "core/error.h"

namespace netwright::torch_backend {
namespace {

bool backward_reads_output(ActivationKind kind) {
  return kind == ActivationKind::kRelu || kind == ActivationKind::kRelu6 || kind == ActivationKind::kSigmoid ||
         kind == ActivationKind::kTanh || kind == ActivationKind::kElu || kind == ActivationKind::kLeakyRelu;
}

// Sizes in bytes of a node's values in the program's precision.
class Sizes {
 public:
  Sizes(const Graph& graph, NodeId node, const LowerOptions& options) : graph_(graph), node_(graph.node(node)) {
    unit_ = options.batch * (options.precision == Precision::kBfloat16  ? 2
                             : options.precision == Precision::kFloat64 ? 8
                                                                        : 4);
  }
  int64_t output() const { return unit_ * element_count(node_.shape); }
  int64_t input(size_t index) const { return unit_ * element_count(graph_.node(node_.inputs[index]).shape); }
  const Shape& input_shape(size_t index) const { return graph_.node(node_.inputs[index]).shape; }
  const Shape& shape() const { return node_.shape; }

 private:
  const Graph& graph_;
  const Node& node_;
  int64_t unit_;
};

// Kernels are packed (TorchFrame::packed_kernel).
StepTraits convolution_traits(const Window& window, const ParameterRef& kernel, const Sizes& sizes) {
  StepTraits traits;
  traits.keeps_inputs = {0};
  traits.copies = kernel;
  const ConvolutionGeometry geometry = convolution_geometry(window, sizes.input_shape(0)[0], sizes.input_shape(0)[1]);
  if (geometry.is_cropped()) {
    const double growth = static_cast<double>(geometry.full_output[0] * geometry.full_output[1]) /
                          static_cast<double>(geometry.output[0] * geometry.output[1]);
    const auto full = static_cast<int64_t>(static_cast<double>(sizes.output()) * growth);
    traits.forward_workspace = full;
    traits.backward_workspace = full;
  }
  if (!kernel) {
    traits.keeps_inputs = {0, 1};
    traits.forward_workspace += sizes.output();
    traits.backward_workspace += sizes.input(0) + sizes.input(1);
  }
  return traits;
}

}  // namespace

StepTraits traits_of(const Graph& graph, NodeId id, const LowerOptions& options) {
  const Sizes sizes(graph, id, options);
  StepTraits traits;
  std::visit(Overloaded{
                 [&](const Input&) {},
                 [&](const Conv2D& op) { traits = convolution_traits(op.window, op.kernel, sizes); },
                 [&](const DepthwiseConv2D& op) { traits = convolution_traits(op.window, op.kernel, sizes); },
                 [&](const BatchNorm&) {
                   traits.keeps_inputs = {0};
                   traits.saved = {2 * 4 * sizes.shape().back() * options.batch_parts};
                   // libtorch's backward on channels-last pictures holds one more tensor of that size while it runs
                   // (measured).
                   traits.backward_workspace = sizes.output();
                   if (options.batch_parts > 1) {
                     traits.forward_workspace = 2 * sizes.output();
                     traits.backward_workspace = 2 * sizes.output();
                   }
                 },
                 [&](const Activation& op) {
                   traits.keeps_output = backward_reads_output(op.kind);
                   if (!traits.keeps_output) traits.keeps_inputs = {0};
                   traits.may_overwrite = {0};
                   traits.gradient_in_place = true;
                   if (op.kind == ActivationKind::kHardSwish || op.kind == ActivationKind::kHardSigmoid) {
                     traits.backward_workspace = sizes.output();
                   }
                 },
                 [&](const Pool& op) {
                   const bool extended =
                       pool_geometry(op.window, sizes.input_shape(0)[0], sizes.input_shape(0)[1]).is_extended();
                   if (extended) traits.forward_workspace = traits.backward_workspace = sizes.input(0);
                   if (op.kind == PoolKind::kAverage) {
                     if (extended) traits.backward_workspace += sizes.output();
                     return;
                   }
                   // libtorch counts with 64 bits where 32 are kept.
                   const int64_t values = options.batch * element_count(sizes.shape());
                   traits.saved = {4 * values};
                   traits.forward_workspace += 8 * values;
                   traits.backward_workspace += 8 * values;
                   if (op.kind == PoolKind::kMin) traits.forward_workspace += sizes.input(0);
                 },
                 [&](const GlobalPool&) { traits.backward_workspace = sizes.output(); },
                 [&](const Dense&) { traits.keeps_inputs = {0}; },
                 [&](const Flatten&) {
                   traits.may_overwrite = {0};
                   traits.gradient_passes_on = true;
                 },
                 [&](const Scale&) {
                   traits.keeps_inputs = {0};
                   traits.backward_workspace = sizes.output();
                 },
                 [&](const Add&) {
                   traits.gradient_passes_on = true;
                   for (int k = 0; k < static_cast<int>(graph.node(id).inputs.size()); ++k)
                     traits.may_overwrite.push_back(k);
                 },
                 [&](const Multiply&) {
                   traits.keeps_inputs = {0, 1};
                   traits.gradient_in_place = true;
                   traits.backward_workspace = sizes.output();
                 },
                 [&](const Weigh&) {
                   traits.may_overwrite = {0};
                   traits.gradient_in_place = true;
                 },
                 [&](const Concat&) {
                   const bool pictures = sizes.shape().size() == 3;
                   traits.forward_workspace = pictures ? sizes.output() : 0;
                 },
                 [&](const Split&) { traits.backward_workspace = sizes.input(0); },
                 [&](const Pad&) { traits.forward_workspace = sizes.output(); },
                 [&](const Dropout&) {
                   traits.may_overwrite = {0};
                   traits.gradient_in_place = true;
                 },
                 [&](const DropPath&) {
                   traits.may_overwrite = {0};
                   traits.gradient_in_place = true;
                 },
                 [&](const SpaceToDepth&) {
                   traits.forward_workspace = sizes.output();
                   traits.backward_workspace = sizes.output();
                 },
                 [&](const MixExperts&) {
                   traits.keeps_inputs = {0};
                   traits.backward_workspace = sizes.output();
                 },
                 [&](const Softmax&) {
                   traits.keeps_output = true;
                   traits.keeps_inputs = {0};
                 },
             },
             graph.node(id).op);
  return traits;
}

// In bf16 for its precision; in fp32 the reference stays operator by operator. A kernel that is an input differs by
// example and isn't packed.
bool folds_batch_norm_of(const Graph& graph, NodeId convolution, const LowerOptions& options) {
  return options.precision == Precision::kBfloat16 && !parameter_refs(graph.node(convolution).op).empty();
}

}  // namespace netwright::torch_backend
