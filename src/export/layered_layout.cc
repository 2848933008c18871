#include "export/layered_layout.h"

#include <string>

#include <graphviz/gvc.h>

#include <fmt/format.h>

#include "core/error.h"

namespace netwright {
namespace {

constexpr double kPointsPerInch = 72.0;  // we take a point for a pixel
constexpr double kGap = 16.0;            // between boxes side by side
constexpr double kLayerGap = 22.0;

// Graphviz's functions take char* and leave it alone.
char* c_string(std::string& text) { return text.data(); }
char* c_string(const char* text) { return const_cast<char*>(text); }

std::string inches(double pixels) { return fmt::format("{:.4f}", pixels / kPointsPerInch); }

// A laid out graph of Graphviz.
class DotLayout {
 public:
  DotLayout(std::span<const LayoutBox> boxes, std::span<const LayoutEdge> edges)
      : context_(the_context()), graph_(agopen(c_string("layout"), Agdirected, nullptr)) {
    agseterr(AGMAX);
    set_default(AGRAPH, "nodesep", inches(kGap));
    set_default(AGRAPH, "ranksep", inches(kLayerGap));
    set_default(AGNODE, "shape", "box");
    set_default(AGNODE, "fixedsize", "true");
    set_default(AGNODE, "label", "");
    set_default(AGEDGE, "arrowhead", "none");
    for (const LayoutBox& box : boxes) add_box(box);
    for (const LayoutEdge& edge : edges) {
      edges_.push_back(
          agedge(graph_, nodes_[static_cast<size_t>(edge.from)], nodes_[static_cast<size_t>(edge.to)], nullptr, 1));
    }
  }
  ~DotLayout() {
    if (laid_out_) gvFreeLayout(context_, graph_);
    agclose(graph_);
  }
  DotLayout(const DotLayout&) = delete;
  DotLayout& operator=(const DotLayout&) = delete;

  Layout lay_out() {
    laid_out_ = gvLayout(context_, graph_, "dot") == 0;
    if (!laid_out_) {
      fail("Graphviz can't lay out a graph of {} boxes: its `dot` layout plugin is missing or broken", nodes_.size());
    }
    Layout layout;
    const boxf& bounds = GD_bb(graph_);
    layout.width = bounds.UR.x - bounds.LL.x;
    layout.height = bounds.UR.y - bounds.LL.y;
    for (Agnode_t* node : nodes_) {
      const Point centre = place(ND_coord(node));
      layout.corners.push_back(
          {centre.x - ND_width(node) * kPointsPerInch / 2.0, centre.y - ND_height(node) * kPointsPerInch / 2.0});
    }
    for (Agedge_t* edge : edges_) layout.curves.push_back(curve_of(edge));
    return layout;
  }

 private:
  // One for the process, as freeing a context leaves memory behind.
  static GVC_t* the_context() {
    static GVC_t* const context = gvContext();
    return context;
  }

  void set_default(int kind, const char* name, std::string value) {
    agattr(graph_, kind, c_string(name), c_string(value));
  }

  void add_box(const LayoutBox& box) {
    std::string name = fmt::format("{}", nodes_.size());
    nodes_.push_back(agnode(graph_, c_string(name), 1));
    agsafeset(nodes_.back(), c_string("width"), inches(box.width).data(), c_string(""));
    agsafeset(nodes_.back(), c_string("height"), inches(box.height).data(), c_string(""));
  }

  // Graphviz's y grows upwards.
  Point place(pointf point) const {
    const boxf& bounds = GD_bb(graph_);
    return {point.x - bounds.LL.x, bounds.UR.y - point.y};
  }

  std::vector<Point> curve_of(Agedge_t* edge) const {
    std::vector<Point> points;
    const splines* lines = ED_spl(edge);
    if (lines == nullptr) fail("Graphviz left an edge without a line");
    const bezier& curve = lines->list[0];
    for (int i = 0; i < curve.size; ++i) points.push_back(place(curve.list[i]));
    return points;
  }

  GVC_t* context_;
  Agraph_t* graph_;
  std::vector<Agnode_t*> nodes_;
  std::vector<Agedge_t*> edges_;
  bool laid_out_ = false;
};

}  // namespace

Layout layered_layout(std::span<const LayoutBox> boxes, std::span<const LayoutEdge> edges) {
  return DotLayout(boxes, edges).lay_out();
}

}  // namespace netwright
