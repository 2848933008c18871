#include "train/memory.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "data/pipeline.h"
#include "engine/plan.h"
#include "train/optimizer.h"

namespace netwright {
namespace {

constexpr auto kFloat = static_cast<int64_t>(sizeof(float));
// What libraries take beside the plan: packed weights, reordered values, primitives. Training steps of EfficientNet-B0
// and MnasNet-A1 took 76 to 89 MB more than planned, 8 to 14 %.
constexpr double kLibraryShare = 0.15;
constexpr int64_t kLibraryBytes = int64_t{64} << 20;

int64_t with_library(int64_t bytes) {
  return bytes + static_cast<int64_t>(kLibraryShare * static_cast<double>(bytes)) + kLibraryBytes;
}

// On a host that is the device.
int64_t pipeline_bytes(const Graph& graph, int64_t batch, const Backend& backend) {
  if (!backend.computes_on_host()) return 0;
  return (PipelineOptions{}.prefetch + kBatchesOut) * batch * element_count(graph.input_shape()) * kFloat;
}

int64_t flat_bytes(const Recipe& recipe, const ParameterLayout& layout) {
  const auto slots = static_cast<int64_t>(slot_names(recipe.optimizer.value).size());
  const int64_t whole = layout.size() * (recipe.keeps_averages() ? 2 : 1);
  return (whole + layout.trainable_size() * (1 + slots)) * kFloat;
}

[[noreturn]] void refuse(const std::string& flag, int64_t batch, int64_t largest, int64_t available,
                         const MemoryNeed& need, const std::string& advice) {
  const std::string begin = fmt::format("{}={} needs {} of memory (predicted), {} can be had", flag, batch,
                                        format_bytes(need(batch)), format_bytes(available));
  if (largest == 0) fail("{}; one image alone needs {}", begin, format_bytes(need(1)));
  fail("{}; the largest that fits is {}{}", begin, largest, advice);
}

// The smallest number of parts with which the batch fits; "" where none does.
std::string advise_parts(const Recipe& recipe, int64_t micro_batches, int64_t available, const Backend& backend) {
  const int64_t batch = recipe.batch.value;
  for (int64_t parts = micro_batches + 1; parts <= std::min<int64_t>(batch, 4096); ++parts) {
    if (batch % parts != 0 || training_need(recipe, batch, parts, backend) > available) continue;
    return fmt::format("; with --micro_batches={} this one fits, too", parts);
  }
  return "";
}

}  // namespace

int64_t largest_batch(int64_t most, int64_t available, const MemoryNeed& need) {
  int64_t fits = 0;
  int64_t too_large = most + 1;
  while (too_large - fits > 1) {
    const int64_t middle = fits + (too_large - fits) / 2;
    (need(middle) <= available ? fits : too_large) = middle;
  }
  return fits;
}

int64_t training_need(const Recipe& recipe, int64_t batch, int64_t micro_batches, const Backend& backend) {
  const Graph graph = build_model(recipe.model, recipe.model_options);
  const ParameterLayout layout(graph);
  const int64_t part = (batch + micro_batches - 1) / micro_batches;
  const LowerOptions options = training_options(graph, part, recipe.precision.value, recipe.label_smoothing.value);
  const int64_t flat = flat_bytes(recipe, layout);
  const int64_t peak = std::max(make_plan(graph, layout, backend, options).peak_bytes, flat);
  return with_library(flat + peak) + pipeline_bytes(graph, batch, backend);
}

int64_t evaluation_need(const Graph& graph, int64_t batch, Precision precision, const Backend& backend) {
  const ParameterLayout layout(graph);
  const int64_t peak = make_plan(graph, layout, backend, inference_options(batch, precision)).peak_bytes;
  return with_library(layout.size() * kFloat + peak) + pipeline_bytes(graph, batch, backend);
}

void check_training_memory(const Recipe& recipe, std::optional<int64_t> micro_batches, const Backend& backend) {
  const int64_t available = backend.available_bytes();
  const int64_t batch = recipe.batch.value;
  const int64_t parts = micro_batches.value_or(1);
  const MemoryNeed need = [&](int64_t images) { return training_need(recipe, images, parts, backend); };
  if (need(batch) <= available) return;
  refuse("--batch", batch, largest_batch(batch - 1, available, need), available, need,
         micro_batches ? advise_parts(recipe, parts, available, backend) : "");
}

void check_evaluation_memory(const Graph& graph, int64_t batch, Precision precision, const Backend& backend,
                             const char* flag) {
  const int64_t available = backend.available_bytes();
  const MemoryNeed need = [&](int64_t images) { return evaluation_need(graph, images, precision, backend); };
  if (need(batch) <= available) return;
  refuse(flag, batch, largest_batch(batch - 1, available, need), available, need, "");
}

}  // namespace netwright
