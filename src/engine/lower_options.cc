#include "engine/lower_options.h"

#include "core/error.h"

namespace netwright {

std::string_view to_string(Precision precision) {
  switch (precision) {
    case Precision::kFloat32:
      return "fp32";
    case Precision::kBfloat16:
      return "bf16";
    case Precision::kFloat64:
      return "fp64";
  }
  return "fp32";
}

Precision parse_precision(std::string_view text) {
  for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16, Precision::kFloat64}) {
    if (text == to_string(precision)) return precision;
  }
  fail("precision \"{}\" is unknown; fp32, bf16 and fp64 are known", text);
}

LowerOptions training_options(const Graph& graph, int64_t batch, Precision precision, double label_smoothing) {
  LowerOptions options;
  options.batch = batch;
  options.precision = precision;
  options.backward = true;
  options.batch_statistics = true;
  options.update_moving = true;
  options.drops = true;
  for (const Output& output : graph.outputs()) {
    if (output.loss_weight > 0.0) options.losses.push_back({output.name, output.loss_weight, label_smoothing});
  }
  return options;
}

LowerOptions inference_options(int64_t batch, Precision precision) {
  LowerOptions options;
  options.batch = batch;
  options.precision = precision;
  return options;
}

}  // namespace netwright
