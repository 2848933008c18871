#include "export/dot.h"

#include <memory>

#include <graphviz/cgraph.h>
#include <gtest/gtest.h>

#include "export/graphs.h"
#include "graph/builder.h"
#include "graph/count.h"
#include "models/registry.h"

namespace netwright {
namespace {

struct Close {
  void operator()(Agraph_t* graph) const { agclose(graph); }
};
using DotGraph = std::unique_ptr<Agraph_t, Close>;

// As `dot` reads it: with Graphviz's own parser.
DotGraph read_dot(const std::string& text) { return DotGraph(agmemread(text.c_str())); }

std::string attribute(void* object, std::string name) {
  const char* value = agget(object, name.data());
  return value == nullptr ? "(none)" : value;
}

Agnode_t* find_node(Agraph_t* graph, NodeId id) {
  std::string name = "n" + std::to_string(id);
  return agnode(graph, name.data(), 0);
}

std::string dimensions(const Shape& shape) {
  std::string text;
  for (const int64_t size : shape) text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

void expect_whole(const Graph& graph) {
  const DotGraph dot = read_dot(to_dot(graph));
  ASSERT_NE(dot, nullptr) << "Graphviz can't parse it";
  EXPECT_EQ(agnameof(dot.get()), graph.name());
  ASSERT_EQ(static_cast<size_t>(agnnodes(dot.get())), graph.nodes().size());
  const std::vector<Cost> costs = count_nodes(graph);
  int edges = 0;
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes().size()); ++id) {
    Agnode_t* node = find_node(dot.get(), id);
    ASSERT_NE(node, nullptr) << id;
    EXPECT_EQ(attribute(node, "op"), operator_name(graph.node(id).op));
    EXPECT_EQ(attribute(node, "scope"), graph.node(id).scope);
    EXPECT_EQ(attribute(node, "output_shape"), dimensions(graph.node(id).shape));
    EXPECT_EQ(attribute(node, "parameters"), std::to_string(costs[static_cast<size_t>(id)].parameters));
    EXPECT_EQ(attribute(node, "multiply_adds"), std::to_string(costs[static_cast<size_t>(id)].multiply_adds));
    for (const NodeId input : graph.node(id).inputs) {
      EXPECT_NE(agedge(dot.get(), find_node(dot.get(), input), node, nullptr, 0), nullptr) << input << " to " << id;
      ++edges;
    }
  }
  EXPECT_EQ(agnedges(dot.get()), edges);
}

TEST(Dot, HoldsEveryModelWhole) {
  for (const ModelInfo& model : all_models()) {
    SCOPED_TRACE(model.name);
    expect_whole(build_model(model.name));
  }
  expect_whole(cell_network(4));
}

TEST(Dot, HasTheOperatorsAttributes) {
  const DotGraph dot = read_dot(to_dot(build_model("efficientnet-b0")));
  Agnode_t* stem = find_node(dot.get(), 1);
  EXPECT_EQ(attribute(stem, "window"), "3x3/2");
  EXPECT_EQ(attribute(stem, "filters"), "32");
  EXPECT_EQ(attribute(stem, "kernel"), "efficientnet-b0/stem/conv2d/kernel");
  EXPECT_EQ(attribute(find_node(dot.get(), 3), "endpoints"), "stem");
}

TEST(Dot, QuotesNames) {
  GraphBuilder builder("a \"net\" \\ {", {.height = 4, .width = 4});
  const auto scope = builder.scope("part \"one\" <b> -> ;");
  builder.output("logits", builder.add(GlobalPool{}, {builder.input()}));
  const DotGraph dot = read_dot(to_dot(builder.finish()));
  ASSERT_NE(dot, nullptr);
  EXPECT_STREQ(agnameof(dot.get()), "a \"net\" \\\\ {") << "DOT keeps the backslash's own escape";
  EXPECT_EQ(attribute(find_node(dot.get(), 1), "scope"), "part \"one\" <b> -> ;");
}

}  // namespace
}  // namespace netwright
