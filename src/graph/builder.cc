#include "graph/builder.h"

#include <cmath>
#include <utility>

#include "core/error.h"
#include "graph/shape_inference.h"

namespace netwright {
namespace {

constexpr int64_t kMostPixels = 65536;

}  // namespace

GraphBuilder::GraphBuilder(std::string name, InputSpec input) {
  if (input.height < 1 || input.width < 1 || input.height > kMostPixels || input.width > kMostPixels) {
    fail("{}: images of {} x {} pixels, expected 1 to {} in each direction", name, input.height, input.width,
         kMostPixels);
  }
  for (const float deviation : input.deviation) {
    if (!(deviation > 0.0F)) fail("{}: a channel's deviation is {}, expected more than 0", name, deviation);
  }
  const Shape shape = {input.height, input.width, 3};
  graph_.name_ = std::move(name);
  graph_.input_spec_ = input;
  graph_.nodes_.push_back({Input{shape}, {}, "", shape});
}

NodeId GraphBuilder::add(Operator op, std::vector<NodeId> inputs) {
  const auto id = static_cast<NodeId>(graph_.nodes_.size());
  std::vector<const Shape*> shapes;
  for (const NodeId input : inputs) {
    if (input < 0 || input >= id) fail("{}: {} reads node {}, but there are {}", layer(), operator_name(op), input, id);
    shapes.push_back(&graph_.node(input).shape);
  }
  if (std::holds_alternative<Input>(op)) fail("{}: a second Input; a graph has one", layer());
  Shape shape;
  try {
    shape = infer_shape(op, shapes, graph_.parameters_);
  } catch (const Error& error) {
    fail("{}: {} {}", layer(), operator_name(op), error.what());
  }
  graph_.nodes_.push_back({std::move(op), std::move(inputs), scope_, std::move(shape)});
  return id;
}

ParameterRef GraphBuilder::parameter(Parameter parameter) {
  if (!parameter_names_.insert(parameter.name).second) {
    fail("{}: there are two parameters named {}", layer(), parameter.name);
  }
  check_shape(parameter.shape, fmt::format("{}: parameter {}", layer(), parameter.name));
  ParameterRef ref = {static_cast<int>(graph_.parameters_.size()), parameter.shape};
  graph_.parameters_.push_back(std::move(parameter));
  return ref;
}

void GraphBuilder::block(const BlockSpan& span) {
  const BlockSpan last = graph_.blocks_.empty() ? BlockSpan{0, 0, 1} : graph_.blocks_.back();
  if (span.begin < last.end || span.end <= span.begin || span.end > next_node() || span.stage < last.stage) {
    fail("{}: nodes {} to {} can't be a block of stage {} after those to {} of stage {}", layer(), span.begin, span.end,
         span.stage, last.end, last.stage);
  }
  graph_.blocks_.push_back(span);
}

template <typename Named>
void GraphBuilder::check_name(const std::vector<Named>& names, std::string_view what, std::string_view name,
                              NodeId node) const {
  if (node < 0 || static_cast<size_t>(node) >= graph_.nodes_.size()) {
    fail("{}: {} \"{}\" is node {}, but there are {}", graph_.name_, what, name, node, graph_.nodes_.size());
  }
  for (const Named& known : names) {
    if (known.name == name) fail("{}: there are two of the {} \"{}\"", graph_.name_, what, name);
  }
}

void GraphBuilder::output(std::string name, NodeId node, double loss_weight) {
  check_name(graph_.outputs_, "output", name, node);
  if (!(loss_weight >= 0.0 && std::isfinite(loss_weight))) {
    fail("{}: output \"{}\" has the loss weight {}, expected at least 0", graph_.name_, name, loss_weight);
  }
  graph_.outputs_.push_back({std::move(name), node, loss_weight});
}

void GraphBuilder::endpoint(std::string name, NodeId node) {
  check_name(graph_.endpoints_, "endpoint", name, node);
  graph_.endpoints_.push_back({std::move(name), node});
}

const Shape& GraphBuilder::shape(NodeId node) const { return graph_.nodes_.at(static_cast<size_t>(node)).shape; }

GraphBuilder::Scope::Scope(GraphBuilder& builder, std::string_view name)
    : builder_(builder), length_(builder.scope_.size()) {
  if (length_ > 0 && !name.empty()) builder_.scope_ += '/';
  builder_.scope_ += name;
}

GraphBuilder::Scope::~Scope() { builder_.scope_.resize(length_); }

std::string GraphBuilder::unique_name(std::string_view kind) {
  std::string name = scope_.empty() ? std::string(kind) : fmt::format("{}/{}", scope_, kind);
  const int uses = uses_[name]++;
  return uses == 0 ? name : fmt::format("{}_{}", name, uses);
}

const std::string& GraphBuilder::layer() const { return scope_.empty() ? graph_.name_ : scope_; }

Graph GraphBuilder::finish() {
  if (graph_.outputs_.empty()) fail("{}: a graph needs at least one output", graph_.name_);
  return std::move(graph_);
}

}  // namespace netwright
