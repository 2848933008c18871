// Whether there is memory for a batch, before the first step.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "engine/backend.h"
#include "graph/graph.h"
#include "train/recipe.h"

namespace netwright {

// Bytes that working on a batch of so many images takes; grows with them.
using MemoryNeed = std::function<int64_t(int64_t batch)>;

// The largest batch of 1..`most` that needs no more than `available` bytes; 0 when not even one image fits.
int64_t largest_batch(int64_t most, int64_t available, const MemoryNeed& need);

// What a training takes with a batch in `micro_batches` parts: the plan's peak, the flat buffers (values, gradients,
// averages, slots; once more while they are saved), and on a CPU the batches that the pipeline holds.
int64_t training_need(const Recipe& recipe, int64_t batch, int64_t micro_batches, const Backend& backend);

// What an evaluation takes: the plan's peak, the weights, and on a CPU the pipeline's batches.
int64_t evaluation_need(const Graph& graph, int64_t batch, Precision precision, const Backend& backend);

// Throw Error when the device can't hold it, which names the largest batch that fits and, of a training, the number of
// parts (--micro_batches; none: there is no such flag) with which this one does. `flag` says the batch of an
// evaluation.
void check_training_memory(const Recipe& recipe, std::optional<int64_t> micro_batches, const Backend& backend);
void check_evaluation_memory(const Graph& graph, int64_t batch, Precision precision, const Backend& backend,
                             const char* flag);

}  // namespace netwright
