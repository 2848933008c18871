#include "export/units.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "graph/fields.h"

namespace netwright {
namespace {

template <typename Op>
const Op* as(const Node& node) {
  return std::get_if<Op>(&node.op);
}

// Groups of nodes, at first one each, that rules merge. A group never crosses the border of a block.
class Folding {
 public:
  explicit Folding(const Graph& graph) : graph_(graph), group_(graph.nodes().size()), members_(graph.nodes().size()) {
    uses_.resize(graph.nodes().size());
    for (NodeId id = 0; id < size(); ++id) {
      group_[index(id)] = id;
      members_[index(id)] = {id};
      for (const NodeId input : graph.node(id).inputs) ++uses_[index(input)];
    }
    for (const Output& output : graph.outputs()) ++uses_[index(output.node)];
    int number = 0;
    for (const Block& block : netwright::blocks_of(graph)) {
      block_.insert(block_.end(), index(block.last) - index(block.first) + 1, number++);
    }
  }

  void fold() {
    for (NodeId id = 0; id < size(); ++id) {
      fold_gate(id);
      fold_experts(id);
      fold_shared_channels(id);
    }
    for (NodeId id = 0; id < size(); ++id) fold_follower(id);
  }

  // Members of each group, in the order of the graph; groups by their last node.
  std::vector<std::vector<NodeId>> groups() const {
    std::vector<std::vector<NodeId>> list;
    for (std::vector<NodeId> nodes : members_) {
      if (nodes.empty()) continue;
      std::sort(nodes.begin(), nodes.end());
      list.push_back(std::move(nodes));
    }
    std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.back() < b.back(); });
    return list;
  }

 private:
  static size_t index(NodeId id) { return static_cast<size_t>(id); }
  NodeId size() const { return static_cast<NodeId>(graph_.nodes().size()); }
  bool used_once(NodeId id) const { return uses_[index(id)] == 1; }

  void merge(const std::vector<NodeId>& nodes, NodeId into) {
    const bool one_block =
        std::all_of(nodes.begin(), nodes.end(), [&](NodeId id) { return block_[index(id)] == block_[index(into)]; });
    if (!one_block) return;
    const int target = group_[index(into)];
    for (const NodeId id : nodes) {
      const int source = group_[index(id)];
      if (source == target) continue;
      for (const NodeId member : members_[index(source)]) {
        group_[index(member)] = target;
        members_[index(target)].push_back(member);
      }
      members_[index(source)].clear();
    }
  }

  // Squeeze-and-excite: a product of x with what a chain of single uses made of x's mean.
  void fold_gate(NodeId id) {
    const Node& node = graph_.node(id);
    if (!as<Multiply>(node)) return;
    std::vector<NodeId> chain;
    for (NodeId gate = node.inputs[1]; used_once(gate); gate = graph_.node(gate).inputs[0]) {
      const Node& link = graph_.node(gate);
      if (link.inputs.size() != 1) return;
      chain.push_back(gate);
      if (as<GlobalPool>(link)) {
        if (link.inputs[0] == node.inputs[0]) merge(chain, id);
        return;
      }
    }
  }

  void fold_experts(NodeId id) {
    for (const NodeId input : graph_.node(id).inputs) {
      if (as<MixExperts>(graph_.node(input)) && used_once(input)) merge({input}, id);
    }
  }

  // Convolutions side by side, each on its share of one value's channels.
  void fold_shared_channels(NodeId id) {
    const Node& node = graph_.node(id);
    if (!as<Concat>(node)) return;
    std::vector<NodeId> parts;
    std::optional<NodeId> whole;
    for (const NodeId input : node.inputs) {
      const Node& conv = graph_.node(input);
      const bool folds = (as<Conv2D>(conv) || as<DepthwiseConv2D>(conv)) && used_once(input);
      if (!folds || !used_once(conv.inputs[0])) return;
      const Node& share = graph_.node(conv.inputs[0]);
      if (!as<Split>(share)) return;
      if (whole.value_or(share.inputs[0]) != share.inputs[0]) return;
      whole = share.inputs[0];
      parts.insert(parts.end(), {input, conv.inputs[0]});
    }
    merge(parts, id);
  }

  void fold_follower(NodeId id) {
    const Node& node = graph_.node(id);
    const bool follows = as<BatchNorm>(node) || as<Activation>(node) || as<Dropout>(node) || as<DropPath>(node);
    if (follows && used_once(node.inputs[0]) && !as<Input>(graph_.node(node.inputs[0]))) merge({id}, node.inputs[0]);
  }

  const Graph& graph_;
  std::vector<int> uses_;
  std::vector<int> block_;
  std::vector<int> group_;
  std::vector<std::vector<NodeId>> members_;
};

std::string window_text(const Window& window) { return fmt::format("{}×{}", window.kernel_h, window.kernel_w); }

std::string stride_text(const Window& window) {
  std::string text;
  if (window.stride_h != window.stride_w) {
    text = fmt::format(" /{}×{}", window.stride_h, window.stride_w);
  } else if (window.stride_h > 1) {
    text = fmt::format(" /{}", window.stride_h);
  }
  if (window.dilation > 1) text += fmt::format(" dilated {}", window.dilation);
  return text;
}

struct Naming {
  UnitKind kind = UnitKind::kOther;
  std::string text;
  int64_t channels = 0;
};

int64_t channels_into(const Graph& graph, const Node& node) { return graph.node(node.inputs[0]).shape.back(); }

std::string convolution_text(const Graph& graph, const Node& node, const Conv2D& conv) {
  std::string text = window_text(conv.window) + stride_text(conv.window);
  if (conv.groups > 1) text += fmt::format(" in {} groups", conv.groups);
  const int64_t in = channels_into(graph, node);
  const bool from_picture = node.inputs[0] == 0;
  if (!from_picture && conv.filters % in == 0 && conv.filters > in) text += fmt::format(" ×{}", conv.filters / in);
  return text;
}

Naming named(UnitKind kind, std::string text, int64_t channels = 0) { return {kind, std::move(text), channels}; }

Naming name_operator(const Graph& graph, const Node& node) {
  return std::visit(
      Overloaded{
          [&](const Input&) { return named(UnitKind::kInput, shape_text(node.shape)); },
          [&](const Conv2D& op) {
            return named(UnitKind::kConvolution, convolution_text(graph, node, op), op.filters);
          },
          [](const DepthwiseConv2D& op) {
            const std::string wider = op.multiplier > 1 ? fmt::format(" ×{}", op.multiplier) : "";
            return named(UnitKind::kDepthwise, "dw " + window_text(op.window) + stride_text(op.window) + wider);
          },
          [](const BatchNorm&) { return named(UnitKind::kOther, "batch norm"); },
          [](const Activation&) { return named(UnitKind::kOther, ""); },  // its name comes with the followers
          [](const Pool& op) {
            constexpr std::array<std::string_view, 3> kKinds = {"max ", "mean ", "min "};
            const std::string kind(kKinds.at(static_cast<size_t>(op.kind)));
            return named(UnitKind::kPool, kind + window_text(op.window) + stride_text(op.window));
          },
          [](const GlobalPool&) { return named(UnitKind::kPool, "global mean"); },
          [](const Dense& op) { return named(UnitKind::kDense, "dense", op.units); },
          [](const Flatten&) { return named(UnitKind::kOther, "flatten"); },
          [](const Scale&) { return named(UnitKind::kOther, "scale"); },
          [](const Weigh& op) { return named(UnitKind::kOther, fmt::format("× {:.3g}", op.factor)); },
          [](const Add&) { return named(UnitKind::kJoin, "+"); },
          [](const Multiply&) { return named(UnitKind::kJoin, "×"); },
          [&](const Concat&) { return named(UnitKind::kJoin, "concat", node.shape.back()); },
          [](const Split& op) { return named(UnitKind::kJoin, fmt::format("channels {}+{}", op.begin, op.size)); },
          [](const Pad&) { return named(UnitKind::kOther, "pad"); },
          [](const Dropout&) { return named(UnitKind::kOther, "dropout"); },
          [](const DropPath&) { return named(UnitKind::kOther, "drop path"); },
          [&](const SpaceToDepth&) { return named(UnitKind::kOther, "space to depth", node.shape.back()); },
          [](const MixExperts&) { return named(UnitKind::kOther, "mix experts"); },
          [](const Softmax&) { return named(UnitKind::kOther, "softmax"); },
      },
      node.op);
}

// What the members of one unit are called together.
class UnitName {
 public:
  UnitName(const Graph& graph, const std::vector<NodeId>& nodes) : graph_(graph), nodes_(nodes) {}

  Naming name() const {
    Naming naming = whole();
    if (naming.kind == UnitKind::kGate) return naming;
    for (const NodeId id : nodes_) {
      if (const auto* activation = as<Activation>(graph_.node(id))) add_word(naming.text, enum_name(activation->kind));
    }
    if (const auto experts = number_of_experts()) naming.text += fmt::format(" of {} experts", *experts);
    return naming;
  }

 private:
  static void add_word(std::string& text, std::string_view word) {
    if (!text.empty()) text += ' ';
    text += word;
    std::replace(text.begin(), text.end(), '_', ' ');
  }

  template <typename Op>
  std::vector<NodeId> all() const {
    std::vector<NodeId> found;
    for (const NodeId id : nodes_) {
      if (as<Op>(graph_.node(id))) found.push_back(id);
    }
    return found;
  }

  Naming whole() const {
    if (nodes_.size() > 1 && !all<Multiply>().empty()) return gate();
    if (all<Split>().size() > 1) return shared_channels();
    for (const bool any : {false, true}) {
      for (const NodeId id : nodes_) {
        const Naming naming = name_operator(graph_, graph_.node(id));
        if (naming.kind != UnitKind::kOther || any) return naming;
      }
    }
    return {};
  }

  Naming gate() const {
    for (const NodeId id : nodes_) {
      const Node& node = graph_.node(id);
      if (as<Conv2D>(node) || as<Dense>(node)) return {UnitKind::kGate, "SE", node.shape.back()};
    }
    return {UnitKind::kGate, "gate"};
  }

  Naming shared_channels() const {
    const std::vector<NodeId> depthwise = all<DepthwiseConv2D>();
    if (depthwise.empty()) {
      const std::vector<NodeId> convs = all<Conv2D>();
      const auto& first = std::get<Conv2D>(graph_.node(convs[0]).op);
      return {UnitKind::kConvolution,
              fmt::format("{}{} in {} parts", window_text(first.window), stride_text(first.window), convs.size()),
              graph_.node(all<Concat>().back()).shape.back()};
    }
    std::vector<std::string> windows;
    for (const NodeId id : depthwise) {
      windows.push_back(window_text(std::get<DepthwiseConv2D>(graph_.node(id).op).window));
    }
    const Window& window = std::get<DepthwiseConv2D>(graph_.node(depthwise[0]).op).window;
    return {UnitKind::kDepthwise, fmt::format("dw {}{}", fmt::join(windows, "|"), stride_text(window))};
  }

  std::optional<int64_t> number_of_experts() const {
    const std::vector<NodeId> mixes = all<MixExperts>();
    if (mixes.empty() || nodes_.size() == 1) return std::nullopt;
    return channels_into(graph_, graph_.node(mixes[0]));
  }

  const Graph& graph_;
  const std::vector<NodeId>& nodes_;
};

void add_once(std::vector<int>& list, int value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
}

// A block that is being read: which of its units come from where.
class BlockReading {
 public:
  BlockReading(const Graph& graph, std::vector<Unit>& units, const std::vector<int>& unit_block, BlockUnits& block,
               int number)
      : graph_(graph), units_(units), unit_block_(unit_block), block_(block), number_(number) {}

  void read() {
    int previous = -1;
    for (const int id : block_.units) {
      Unit& unit = units_[static_cast<size_t>(id)];
      block_.cost += unit.cost;
      for (const int input : unit.inputs) add_source(input);
      unit.residual = is_residual(unit);
      const bool in_line = previous < 0 ? unit.inputs.size() <= 1 : follows(unit, previous);
      block_.chain = block_.chain && in_line;
      previous = id;
    }
    std::sort(block_.from.begin(), block_.from.end());
    block_.output = shape_of(block_.units.back());
    block_.input = latest_ < 0 ? block_.output : shape_of(latest_);
  }

 private:
  const Shape& shape_of(int unit) const { return graph_.node(units_[static_cast<size_t>(unit)].output()).shape; }
  bool is_inside(int unit) const { return unit_block_[static_cast<size_t>(unit)] == number_; }

  void add_source(int input) {
    if (is_inside(input)) return;
    if (source_ < 0) source_ = input;
    latest_ = std::max(latest_, input);
    add_once(block_.from, unit_block_[static_cast<size_t>(input)]);
  }

  bool is_residual(const Unit& unit) const {
    if (unit.inputs.size() != 2 || !std::holds_alternative<Add>(graph_.node(unit.nodes.front()).op)) return false;
    const auto [a, b] = std::minmax(unit.inputs[0], unit.inputs[1]);
    return a == source_ && is_inside(b);
  }

  bool follows(const Unit& unit, int previous) const {
    const bool reads_previous = std::find(unit.inputs.begin(), unit.inputs.end(), previous) != unit.inputs.end();
    return reads_previous && (unit.inputs.size() == 1 || unit.residual);
  }

  const Graph& graph_;
  std::vector<Unit>& units_;
  const std::vector<int>& unit_block_;
  BlockUnits& block_;
  int number_;
  int source_ = -1;  // the first unit from outside that it reads
  int latest_ = -1;  // the last one in the graph
};

}  // namespace

std::string shape_text(const Shape& shape) { return fmt::format("{}", fmt::join(shape, "×")); }

std::vector<Unit> units_of(const Graph& graph) {
  Folding folding(graph);
  folding.fold();
  const std::vector<Cost> costs = count_nodes(graph);
  std::vector<Unit> units;
  std::vector<int> unit_of(graph.nodes().size(), -1);
  for (std::vector<NodeId>& nodes : folding.groups()) {
    Naming naming = UnitName(graph, nodes).name();
    Unit unit{
        .kind = naming.kind, .label = std::move(naming.text), .channels = naming.channels, .nodes = std::move(nodes)};
    const auto number = static_cast<int>(units.size());
    for (const NodeId id : unit.nodes) unit_of[static_cast<size_t>(id)] = number;
    for (const NodeId id : unit.nodes) {
      unit.cost += costs[static_cast<size_t>(id)];
      for (const NodeId input : graph.node(id).inputs) {
        const int source = unit_of[static_cast<size_t>(input)];
        if (source != number) add_once(unit.inputs, source);
      }
    }
    units.push_back(std::move(unit));
  }
  return units;
}

std::vector<BlockUnits> blocks_of(const Graph& graph, std::vector<Unit>& units) {
  std::vector<BlockUnits> blocks;
  for (Block& block : blocks_of(graph)) blocks.push_back({.block = std::move(block)});
  std::vector<int> unit_block(units.size());
  for (size_t i = 0, number = 0; i < units.size(); ++i) {
    while (units[i].output() > blocks[number].block.last) ++number;
    unit_block[i] = static_cast<int>(number);
    blocks[number].units.push_back(static_cast<int>(i));
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    BlockReading(graph, units, unit_block, blocks[i], static_cast<int>(i)).read();
  }
  return blocks;
}

}  // namespace netwright
