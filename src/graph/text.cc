#include "graph/text.h"

#include <iterator>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "graph/fields.h"

namespace netwright {
namespace {

// How each type of attribute prints.
class AttributeText {
 public:
  explicit AttributeText(const Graph& graph) : graph_(graph) {}

  std::string operator()(const Shape& shape) const { return to_string(shape); }
  template <typename Number>
  requires std::is_arithmetic_v<Number> std::string operator()(Number value) const { return fmt::format("{}", value); }
  template <typename Enum>
  requires std::is_enum_v<Enum> std::string operator()(Enum value) const { return std::string(enum_name(value)); }
  std::string operator()(const Window& window) const {
    std::string text = fmt::format("{}x{}", window.kernel_h, window.kernel_w);
    if (window.stride_h != window.stride_w) {
      text += fmt::format("/{}x{}", window.stride_h, window.stride_w);
    } else if (window.stride_h != 1) {
      text += fmt::format("/{}", window.stride_h);
    }
    if (window.dilation != 1) text += fmt::format(",dilation={}", window.dilation);
    if (window.padding != Padding::kSame) text += fmt::format(",{}", enum_name(window.padding));
    return text;
  }
  // The name, with the extent where only a part of the parameter is used.
  std::string operator()(const ParameterRef& ref) const {
    const Parameter& parameter = graph_.parameter(ref.id);
    return ref.extent == parameter.shape ? parameter.name : parameter.name + to_string(ref.extent);
  }

 private:
  const Graph& graph_;
};

}  // namespace

std::vector<std::pair<std::string, std::string>> attribute_texts(const Graph& graph, const Operator& op) {
  std::vector<std::pair<std::string, std::string>> texts;
  std::visit(
      [&]<typename Kind>(const Kind& kind) {
        const Kind plain;
        const AttributeText print(graph);
        for_each_field(kind, [&]<typename Member>(std::string_view name, const Member& member) {
          bool is_default = false;
          for_each_field(plain, [&]<typename Other>(std::string_view other_name, const Other& other) {
            if constexpr (std::is_same_v<Member, Other>) {
              if (other_name == name) is_default = other == member;
            }
          });
          if (!is_default) texts.emplace_back(name, print(member));
        });
      },
      op);
  return texts;
}

std::string to_text(const Graph& graph) {
  std::string text = fmt::format("graph {}\n", graph.name());
  auto out = std::back_inserter(text);
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    std::vector<std::string> inputs;
    for (const NodeId input : node.inputs) inputs.push_back(fmt::format("%{}", input));
    fmt::format_to(out, "%{} = {}({})", i, operator_name(node.op), fmt::join(inputs, ", "));
    for (const auto& [name, value] : attribute_texts(graph, node.op)) fmt::format_to(out, " {}={}", name, value);
    fmt::format_to(out, " : {}", to_string(node.shape));
    if (!node.scope.empty()) fmt::format_to(out, " @ {}", node.scope);
    text += '\n';
  }
  for (const Output& named : graph.outputs()) {
    fmt::format_to(out, "output {} = %{}", named.name, named.node);
    if (named.loss_weight != 1.0) fmt::format_to(out, " loss_weight={}", named.loss_weight);
    text += '\n';
  }
  for (const NamedNode& named : graph.endpoints()) fmt::format_to(out, "endpoint {} = %{}\n", named.name, named.node);
  return text;
}

}  // namespace netwright
