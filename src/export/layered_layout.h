// Places the boxes of a directed graph in layers, with curves between them: Graphviz's `dot`.
#pragma once

#include <span>
#include <vector>

#include "export/svg.h"

namespace netwright {

struct LayoutBox {
  double width = 0.0;  // pixels
  double height = 0.0;
};

struct LayoutEdge {
  int from = 0;  // boxes
  int to = 0;
};

struct Layout {
  double width = 0.0;
  double height = 0.0;
  std::vector<Point> corners;  // of each box, upper left; y grows downwards
  std::vector<std::vector<Point>>
      curves;  // of each edge: 1 + 3 n points of Bezier pieces, the last at the box it meets
};

// Edges run downwards. Not thread-safe, as Graphviz isn't. Throws Error when Graphviz can't.
Layout layered_layout(std::span<const LayoutBox> boxes, std::span<const LayoutEdge> edges);

}  // namespace netwright
