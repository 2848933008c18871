// Builds graphs: scopes and numbering that give the original variable names, shapes inferred as nodes are added.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "graph/graph.h"

namespace netwright {

class GraphBuilder {
 public:
  // Throws Error when the input's size or deviation is impossible.
  GraphBuilder(std::string name, InputSpec input);

  // The Input node.
  NodeId input() const { return 0; }

  // Adds a node under the present scope and infers its shape. Throws Error that names the layer and what it was given
  // when the operator can't be applied.
  NodeId add(Operator op, std::vector<NodeId> inputs);

  // Adds a variable; a name that exists already is an Error, as is a shape with a size below 1.
  ParameterRef parameter(Parameter parameter);

  // Names are unique among the outputs, and among the endpoints; anything else is an Error.
  void output(std::string name, NodeId node, double loss_weight = 1.0);
  void endpoint(std::string name, NodeId node);

  // Nodes [begin, end) are a block of `stage`. Error when they don't exist or don't come after the last block's, and
  // when stages go back.
  void block(const BlockSpan& span);
  // The node that is added next.
  NodeId next_node() const { return static_cast<NodeId>(graph_.nodes_.size()); }

  const Shape& shape(NodeId node) const;

  // A scope lasts as long as the object: "model" / "blocks_3" / "se".
  class Scope {
   public:
    Scope(GraphBuilder& builder, std::string_view name);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    GraphBuilder& builder_;
    size_t length_;
  };
  [[nodiscard]] Scope scope(std::string_view name) { return Scope(*this, name); }
  const std::string& current_scope() const { return scope_; }

  // tf.layers' numbering: the n-th use of `kind` inside the present scope is "kind", "kind_1", "kind_2", ...; the
  // result has the scope in front.
  std::string unique_name(std::string_view kind);

  // The graph; the builder is empty afterwards. Throws Error when no output was named.
  Graph finish();

 private:
  template <typename Named>
  void check_name(const std::vector<Named>& names, std::string_view what, std::string_view name, NodeId node) const;
  // What messages call the place where building stands.
  const std::string& layer() const;

  Graph graph_;
  std::string scope_;
  std::map<std::string, int> uses_;
  std::unordered_set<std::string> parameter_names_;
};

}  // namespace netwright
