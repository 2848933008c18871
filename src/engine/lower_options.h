// What a Program is lowered for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace netwright {

enum class Precision {
  kFloat32,
  kBfloat16,  // activations and packed weights; moments, logits, loss, gradients and masters stay float32
  kFloat64,   // for tests
};

// "fp32", "bf16", "fp64". Parsing throws Error for anything else.
std::string_view to_string(Precision precision);
Precision parse_precision(std::string_view text);

// Softmax cross-entropy of a named output against (soft) labels.
struct LossSpec {
  std::string output = "logits";
  double weight = 1.0;
  double label_smoothing = 0.0;  // targets become t * (1 - e) + e / classes
};

struct LowerOptions {
  int64_t batch = 1;
  Precision precision = Precision::kFloat32;
  bool backward = false;          // steps can run backward and fill the gradients
  bool batch_statistics = false;  // batch norm by the batch's moments instead of the moving ones
  bool update_moving = false;     // and the moving ones follow them
  bool drops = false;             // Dropout and DropPath take their masks; else they pass values on
  int batch_parts = 1;            // moments are taken over this many equal parts of the batch
  std::vector<NodeId> keep;       // nodes whose values the caller will read
  std::vector<LossSpec> losses;   // empty: no labels are needed
};

// The options of a training pass, with the loss of every output that has one, and of an inference pass.
LowerOptions training_options(const Graph& graph, int64_t batch, Precision precision, double label_smoothing);
LowerOptions inference_options(int64_t batch, Precision precision);

}  // namespace netwright
