// Pictures read, decoded, augmented and gathered into batches by threads of their own.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "data/augment.h"
#include "data/bad_records.h"
#include "data/source.h"
#include "graph/input_spec.h"

namespace netwright {

// Batches that may be out of the pipeline at once.
inline constexpr int kBatchesOut = 2;

struct PipelineOptions {
  InputSpec spec;
  int64_t batch = 0;    // images
  int64_t classes = 0;  // labels must lie in 0..classes-1
  bool training = true;
  TrainAugment augment;  // of training
  uint64_t seed = 0;
  int threads = 1;
  int prefetch = 2;  // batches that are made ready ahead of the one in use
  // Samples that can't be had don't end the stream: training takes others in their places, evaluation leaves them out.
  bool skip_bad_records = false;
};

struct Batch {
  float* images = nullptr;      // [batch, height, width, 3], normalised, 64-byte aligned
  std::vector<int32_t> labels;  // [batch]; -1: a bad record of an evaluation, to be left out
  int64_t position = 0;         // of the first row in the stream of all samples, from 0
  int64_t valid = 0;            // rows in use; in the others pixels and labels are 0
  BadRecordList bad_records;    // met while the batch was made, in the order of its rows
};

// The stream of samples is a function of the source, the seed and the options other than `batch`, `threads` and
// `prefetch`; position p is the same sample with the same draws whatever the number of threads and wherever the stream
// was begun.
//
// Training: endless. Position p is sample p mod N of epoch p / N, in the epoch's own order (EpochOrder), its draws
// those of RandomStream(seed, kAugment, epoch, index of the image). Batches may reach over an epoch's end. In place of
// a bad record stands another image, drawn like its augmentation from RandomStream(seed, kReplace, epoch, index of the
// record): so which images a batch has depends on nothing else in this case, too. Evaluation: every image once, in the
// source's order; the last batch may be short.
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

  // Waits for the next batch; null when an evaluation is at its end. Up to kBatchesOut may be out before one is
  // recycled. A sample that can't be had (a bad record that isn't skipped, a label out of range) is an Error that names
  // it, thrown in its batch's turn, the first of the batch; the pipeline has then ended and throws the same again.
  Batch* next();

  // Whether next() will not have to wait, within this time: for those who must look at other things meanwhile.
  bool is_ready_within(std::chrono::milliseconds time);

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
