// Pictures read, decoded, augmented and gathered into batches by threads of their own.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/augment.h"
#include "data/source.h"
#include "graph/input_spec.h"

namespace netwright {

struct PipelineOptions {
  InputSpec spec;
  int64_t batch = 0;    // images
  int64_t classes = 0;  // labels must lie in 0..classes-1
  bool training = true;
  TrainAugment augment;  // of training
  uint64_t seed = 0;
  int threads = 1;
  int prefetch = 2;  // batches that are made ready ahead of the one in use
};

struct Batch {
  float* images = nullptr;      // [batch, height, width, 3], normalised, 64-byte aligned
  std::vector<int32_t> labels;  // [batch]
  int64_t position = 0;         // of the first row in the stream of all samples, from 0
  int64_t valid = 0;            // rows in use; in the others pixels and labels are 0
};

// The stream of samples is a function of the source, the seed and the options other than `batch`, `threads` and
// `prefetch`; position p is the same sample with the same draws whatever the number of threads and wherever the stream
// was begun.
//
// Training: endless. Position p is sample p mod N of epoch p / N, in the epoch's own order (EpochOrder), its draws
// those of RandomStream(seed, kAugment, epoch, index of the image). Batches may reach over an epoch's end. Evaluation:
// every image once, in the source's order; the last batch may be short.
//
// One consumer; next() and recycle() are called by the same thread.
class Pipeline {
 public:
  // Starts at `position`. Throws Error for options that make no sense.
  Pipeline(std::shared_ptr<const ImageSource> source, const PipelineOptions& options, int64_t position = 0);
  // Ends the threads, at any time.
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // Waits for the next batch; null when an evaluation is at its end. Up to two batches may be out before one is
  // recycled. A sample that can't be had (unreadable, damaged, label out of range) is an Error that names it, thrown in
  // its batch's turn, the first of the batch; the pipeline has then ended and throws the same again.
  Batch* next();

  // Gives a batch back to be filled anew.
  void recycle(Batch* batch);

  // Seconds that next() spent waiting, in total.
  double wait_seconds() const;

  // Images in an epoch, and batches in an evaluation that begins at 0.
  int64_t size() const;
  int64_t batches() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace netwright
