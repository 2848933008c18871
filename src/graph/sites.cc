#include "graph/sites.h"

#include <algorithm>

namespace netwright {
namespace {

bool is_conv(const Node& node) { return std::holds_alternative<Conv2D>(node.op); }
bool is_depthwise(const Node& node) { return std::holds_alternative<DepthwiseConv2D>(node.op); }

class SiteFinder {
 public:
  explicit SiteFinder(const Graph& graph) : graph_(graph), sites_(graph.nodes().size()) {}

  std::vector<Site> find() {
    find_blocks();
    find_others();
    follow();
    std::vector<Site> found(graph_.parameters().size());
    for (size_t id = 0; id < sites_.size(); ++id) {
      for (const ParameterRef& ref : parameter_refs(graph_.nodes()[id].op)) {
        found[static_cast<size_t>(ref.id)] = sites_[id];
      }
    }
    return found;
  }

 private:
  Site& site(NodeId id) { return sites_[static_cast<size_t>(id)]; }

  // Whether a convolution works on what is left of a picture after pooling, inside a squeeze-and-excite.
  bool is_gate(NodeId id) const {
    if (!is_conv(graph_.node(id))) return false;
    NodeId from = graph_.node(id).inputs[0];
    while (std::holds_alternative<Activation>(graph_.node(from).op)) from = graph_.node(from).inputs[0];
    return std::holds_alternative<GlobalPool>(graph_.node(from).op) || is_gate(from);
  }

  // Layers of one kind side by side.
  void assign(const std::vector<NodeId>& nodes, Site like) {
    for (size_t i = 0; i < nodes.size(); ++i) {
      like.part = nodes.size() > 1 ? static_cast<int>(i) : -1;
      site(nodes[i]) = like;
    }
  }

  void find_blocks() {
    for (size_t i = 0; i < graph_.blocks().size(); ++i) {
      const BlockSpan& span = graph_.blocks()[i];
      const bool same_stage = i > 0 && graph_.blocks()[i - 1].stage == span.stage;
      Site in_block;
      in_block.stage = span.stage;
      in_block.block = same_stage ? last_block_ + 1 : 0;
      in_block.index = static_cast<int>(i);
      last_block_ = in_block.block;
      find_block(span, in_block);
    }
  }

  void find_block(const BlockSpan& span, Site like) {
    std::vector<NodeId> space_to_depth;
    std::vector<NodeId> before;
    std::vector<NodeId> depthwise;
    std::vector<NodeId> gate;
    std::vector<NodeId> after;
    for (NodeId id = span.begin; id < span.end; ++id) {
      const Node& node = graph_.node(id);
      if (is_depthwise(node)) {
        depthwise.push_back(id);
      } else if (std::holds_alternative<Dense>(node.op)) {
        like.layer = Layer::kRouting;
        site(id) = like;
      } else if (is_gate(id)) {
        gate.push_back(id);
      } else if (is_conv(node)) {
        const Window& window = std::get<Conv2D>(node.op).window;
        const bool cuts = window.kernel_h == 2 && window.stride_h == 2;
        (cuts ? space_to_depth : depthwise.empty() ? before : after).push_back(id);
      }
    }
    if (depthwise.empty() && before.size() == 2) {
      after = {before.back()};
      before.pop_back();
    }
    like.form = form_of(before, depthwise, after);
    const Layer first = like.form == BlockForm::kPlain   ? Layer::kPlain
                        : like.form == BlockForm::kFused ? Layer::kFused
                                                         : Layer::kExpand;
    place(like, Layer::kSpaceToDepth, space_to_depth);
    place(like, first, before);
    place(like, Layer::kDepthwise, depthwise);
    if (gate.size() == 2) {
      like.layer = Layer::kSqueeze;
      site(gate[0]) = like;
      like.layer = Layer::kExcite;
      site(gate[1]) = like;
      ++like.position;
    }
    place(like, Layer::kProject, after);
  }

  void place(Site& like, Layer layer, const std::vector<NodeId>& nodes) {
    if (nodes.empty()) return;
    like.layer = layer;
    assign(nodes, like);
    ++like.position;
  }

  static BlockForm form_of(const std::vector<NodeId>& before, const std::vector<NodeId>& depthwise,
                           const std::vector<NodeId>& after) {
    if (!depthwise.empty()) return before.empty() ? BlockForm::kSeparable : BlockForm::kInverted;
    return after.empty() ? BlockForm::kPlain : BlockForm::kFused;
  }

  // What stands before and after the blocks.
  void find_others() {
    if (graph_.blocks().empty()) return;
    const NodeId begin = graph_.blocks().front().begin;
    const auto size = static_cast<NodeId>(graph_.nodes().size());
    std::vector<NodeId> stem;
    std::vector<NodeId> head;
    bool dense = false;
    for (NodeId id = 0; id < begin; ++id) {
      if (is_conv(graph_.node(id))) stem.push_back(id);
    }
    for (NodeId id = graph_.blocks().back().end; id < size; ++id) {
      if (is_conv(graph_.node(id))) head.push_back(id);
      dense |= std::holds_alternative<Dense>(graph_.node(id).op);
      if (std::holds_alternative<Dense>(graph_.node(id).op)) site(id).layer = Layer::kClassifier;
    }
    if (stem.size() == 1) site(stem[0]).layer = Layer::kStem;
    if (!dense && !head.empty()) {  // a 1 x 1 convolution classifies
      site(head.back()).layer = Layer::kClassifier;
      head.pop_back();
    }
    if (head.empty()) return;
    site(head.back()).layer = Layer::kHead;
    head.pop_back();
    for (size_t i = 0; i < head.size(); ++i) {
      Site& own = site(head[i]);
      own.layer = Layer::kPlain;
      own.form = BlockForm::kPlain;
      own.stage = graph_.blocks().back().stage + 1 + static_cast<int>(i);
      own.index = static_cast<int>(graph_.blocks().size() + i);
    }
  }

  // Experts belong to the convolution that uses them, a batch norm to the convolutions before it.
  void follow() {
    for (size_t id = 0; id < graph_.nodes().size(); ++id) {
      const Node& node = graph_.nodes()[id];
      if ((is_conv(node) || is_depthwise(node)) && node.inputs.size() == 2) site(node.inputs[1]) = sites_[id];
      if (!std::holds_alternative<BatchNorm>(node.op)) continue;
      NodeId from = node.inputs[0];
      if (std::holds_alternative<Concat>(graph_.node(from).op)) from = graph_.node(from).inputs[0];
      sites_[id] = site(from);
      sites_[id].part = -1;
      sites_[id].norm = true;
    }
  }

  const Graph& graph_;
  std::vector<Site> sites_;  // by node
  int last_block_ = 0;
};

}  // namespace

std::vector<Site> parameter_sites(const Graph& graph) { return SiteFinder(graph).find(); }

}  // namespace netwright
