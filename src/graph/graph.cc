#include "graph/graph.h"

#include "core/error.h"
#include "core/text.h"
#include "graph/fields.h"

namespace netwright {

NodeId Graph::output(std::string_view name) const {
  for (const Output& named : outputs_) {
    if (named.name == name) return named.node;
  }
  std::vector<std::string> known;
  for (const Output& named : outputs_) known.push_back(named.name);
  fail("{} has no output \"{}\"; it has {}", name_, name, join(known, ", "));
}

int64_t Graph::classes() const { return node(output("logits")).shape.back(); }

std::vector<ParameterRef> parameter_refs(const Operator& op) {
  using Refs = std::vector<ParameterRef>;
  Refs refs = std::visit(Overloaded{
                             [](const Conv2D& conv) {
                               return Refs{conv.kernel, conv.bias};
                             },
                             [](const DepthwiseConv2D& conv) {
                               return Refs{conv.kernel, conv.bias};
                             },
                             [](const BatchNorm& norm) {
                               return Refs{norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance};
                             },
                             [](const Dense& dense) {
                               return Refs{dense.kernel, dense.bias};
                             },
                             [](const MixExperts& mix) { return Refs{mix.experts}; },
                             [](const Scale& scale) { return Refs{scale.scale}; },
                             [](const Input&) { return Refs{}; },
                             [](const Activation&) { return Refs{}; },
                             [](const Pool&) { return Refs{}; },
                             [](const GlobalPool&) { return Refs{}; },
                             [](const Flatten&) { return Refs{}; },
                             [](const Add&) { return Refs{}; },
                             [](const Multiply&) { return Refs{}; },
                             [](const Weigh&) { return Refs{}; },
                             [](const Concat&) { return Refs{}; },
                             [](const Split&) { return Refs{}; },
                             [](const Pad&) { return Refs{}; },
                             [](const Dropout&) { return Refs{}; },
                             [](const DropPath&) { return Refs{}; },
                             [](const SpaceToDepth&) { return Refs{}; },
                             [](const Softmax&) { return Refs{}; },
                         },
                         op);
  std::erase_if(refs, [](const ParameterRef& ref) { return !ref; });
  return refs;
}

std::string_view operator_name(const Operator& op) {
  return std::visit([]<typename Kind>(const Kind&) { return Fields<Kind>::name; }, op);
}

}  // namespace netwright
