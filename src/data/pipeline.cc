#include "data/pipeline.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <exception>
#include <iterator>
#include <mutex>
#include <optional>
#include <thread>

#include "core/error.h"
#include "core/random.h"
#include "data/epoch_order.h"

namespace netwright {
namespace {

struct FreeAligned {
  void operator()(float* memory) const { std::free(memory); }
};
using AlignedFloats = std::unique_ptr<float[], FreeAligned>;

// Among records of which half are bad, one in 2^64 rows finds nothing.
constexpr int kReplacements = 64;

AlignedFloats allocate_floats(int64_t count) {
  const auto bytes = (static_cast<size_t>(count) * sizeof(float) + 63) / 64 * 64;
  auto* memory = static_cast<float*>(std::aligned_alloc(64, bytes));
  if (memory == nullptr) fail("no memory for a batch of {} bytes", bytes);
  return AlignedFloats(memory);
}

void check_options(const PipelineOptions& options, int64_t position) {
  const auto at_least = [](int64_t value, int64_t limit, const char* what) {
    if (value < limit) fail("{} is {}; expected at least {}", what, value, limit);
  };
  at_least(options.batch, 1, "the batch size");
  at_least(options.classes, 1, "the number of classes");
  at_least(options.threads, 1, "the number of data threads");
  at_least(options.prefetch, 1, "the number of prefetched batches");
  at_least(options.spec.height, 1, "the image height");
  at_least(options.spec.width, 1, "the image width");
  at_least(options.augment.shift, 0, "the shift");
  at_least(position, 0, "the position in the data");
  const int64_t shorter = std::min(options.spec.height, options.spec.width);
  if (options.augment.shift >= shorter) {
    fail("the shift is {} pixels; expected less than the image's {}", options.augment.shift, shorter);
  }
}

}  // namespace

class Pipeline::Impl {
 public:
  Impl(std::shared_ptr<const ImageSource> source, const PipelineOptions& options, int64_t position);
  ~Impl();

  Batch* next();
  bool is_ready_within(std::chrono::milliseconds time);
  void recycle(Batch* batch);
  double wait_seconds() const { return wait_seconds_; }
  int64_t size() const { return source_->size(); }
  int64_t batches() const { return (size() + options_.batch - 1) / options_.batch; }

 private:
  // A batch of the ring.
  struct Slot {
    Batch batch;
    AlignedFloats memory;
    int64_t claimed = 0;  // rows that threads have taken up
    int64_t done = 0;
    int64_t error_row = -1;
    std::exception_ptr error;
    std::vector<BadRecordList> bad_records;  // of each row
  };
  struct Claim {
    Slot* slot;
    int64_t row;
  };
  // A thread's own tools.
  struct Worker {
    explicit Worker(const InputSpec& spec) : preprocessor(spec) {}
    Preprocessor preprocessor;
    Sample sample;
  };

  void work();
  std::optional<Claim> claim();
  void begin_batch();
  bool at_end() const { return !options_.training && next_position_ >= source_->size(); }
  // Of the batch whose turn it is. With the mutex held.
  bool is_ready() const { return begun_.empty() ? at_end() : begun_.front()->done == begun_.front()->batch.valid; }
  template <typename Wait>
  void wait_until_ready(std::unique_lock<std::mutex>& lock, Wait wait);
  void fill_row(const Claim& claim, Worker& worker);
  void replace_row(const Claim& claim, int64_t epoch, int64_t bad_index, Worker& worker);
  std::optional<BadRecord> fill_sample(const Claim& claim, int64_t index, Worker& worker, RandomStream& stream) const;
  void preprocess(Worker& worker, RandomStream& stream, float* target) const;
  void check_label(int64_t label, int64_t index) const;
  void finish(const Claim& claim, std::exception_ptr error);

  const std::shared_ptr<const ImageSource> source_;
  const PipelineOptions options_;
  const int64_t row_floats_;
  std::optional<EpochOrder> order_;
  double wait_seconds_ = 0.0;

  std::mutex mutex_;  // guards what follows
  std::condition_variable work_;
  std::condition_variable ready_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> free_;
  std::deque<Slot*> begun_;  // in the order of their positions
  int64_t next_position_;
  bool stopping_ = false;
  std::exception_ptr failure_;

  std::vector<std::thread> threads_;  // last: they use all of the above
};

Pipeline::Impl::Impl(std::shared_ptr<const ImageSource> source, const PipelineOptions& options, int64_t position)
    : source_(std::move(source)),
      options_(options),
      row_floats_(options.spec.height * options.spec.width * 3),
      next_position_(position) {
  check_options(options, position);
  if (options.training) order_.emplace(options.seed, source_->size());
  for (int i = 0; i < options.prefetch + kBatchesOut; ++i) {
    auto slot = std::make_unique<Slot>();
    slot->memory = allocate_floats(options.batch * row_floats_);
    slot->batch.images = slot->memory.get();
    slot->batch.labels.resize(static_cast<size_t>(options.batch));
    slot->bad_records.resize(static_cast<size_t>(options.batch));
    free_.push_back(slot.get());
    slots_.push_back(std::move(slot));
  }
  for (int i = 0; i < options.threads; ++i) threads_.emplace_back([this] { work(); });
}

Pipeline::Impl::~Impl() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

template <typename Wait>
void Pipeline::Impl::wait_until_ready(std::unique_lock<std::mutex>& lock, Wait wait) {
  if (failure_ || is_ready()) return;
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  wait(lock);
  wait_seconds_ += std::chrono::duration<double>(Clock::now() - begin).count();
}

bool Pipeline::Impl::is_ready_within(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  wait_until_ready(lock, [&](auto& held) { ready_.wait_for(held, time, [this] { return is_ready(); }); });
  return failure_ || is_ready();
}

Batch* Pipeline::Impl::next() {
  std::unique_lock lock(mutex_);
  wait_until_ready(lock, [&](auto& held) { ready_.wait(held, [this] { return is_ready(); }); });
  if (failure_) std::rethrow_exception(failure_);
  if (begun_.empty()) return nullptr;
  Slot* slot = begun_.front();
  begun_.pop_front();
  if (slot->error) {
    failure_ = slot->error;
    stopping_ = true;
    work_.notify_all();
    std::rethrow_exception(failure_);
  }
  for (BadRecordList& of_row : slot->bad_records) {
    std::ranges::move(of_row, std::back_inserter(slot->batch.bad_records));
    of_row.clear();
  }
  return &slot->batch;
}

void Pipeline::Impl::recycle(Batch* batch) {
  {
    const std::lock_guard lock(mutex_);
    const auto slot = std::ranges::find_if(slots_, [&](const auto& candidate) { return &candidate->batch == batch; });
    free_.push_back(slot->get());
  }
  work_.notify_all();
}

void Pipeline::Impl::work() {
  Worker worker(options_.spec);
  while (const std::optional<Claim> claimed = claim()) {
    std::exception_ptr error;
    try {
      fill_row(*claimed, worker);
    } catch (...) {
      error = std::current_exception();
    }
    finish(*claimed, error);
  }
}

// The next row that nobody has taken up; nothing when the work is over.
std::optional<Pipeline::Impl::Claim> Pipeline::Impl::claim() {
  std::unique_lock lock(mutex_);
  const auto is_open = [this] { return !begun_.empty() && begun_.back()->claimed < begun_.back()->batch.valid; };
  work_.wait(lock, [&] { return stopping_ || is_open() || at_end() || !free_.empty(); });
  if (stopping_) return std::nullopt;
  if (!is_open()) {
    if (at_end()) return std::nullopt;
    begin_batch();
  }
  Slot* slot = begun_.back();
  return Claim{slot, slot->claimed++};
}

void Pipeline::Impl::begin_batch() {
  Slot* slot = free_.back();
  free_.pop_back();
  Batch& batch = slot->batch;
  batch.position = next_position_;
  batch.valid = options_.batch;
  if (!options_.training) batch.valid = std::min(options_.batch, source_->size() - next_position_);
  next_position_ += batch.valid;
  slot->claimed = 0;
  slot->done = 0;
  slot->error_row = -1;
  slot->error = nullptr;
  batch.bad_records.clear();
  std::fill(batch.labels.begin() + batch.valid, batch.labels.end(), 0);
  std::fill(batch.images + batch.valid * row_floats_, batch.images + options_.batch * row_floats_, 0.0F);
  begun_.push_back(slot);
  work_.notify_all();
}

void Pipeline::Impl::fill_row(const Claim& claim, Worker& worker) {
  Batch& batch = claim.slot->batch;
  const int64_t position = batch.position + claim.row;
  const int64_t epoch = options_.training ? position / source_->size() : 0;
  const int64_t place = options_.training ? position % source_->size() : position;
  const int64_t index = order_ ? order_->at(epoch, place) : place;
  RandomStream stream(options_.seed, RandomPurpose::kAugment, static_cast<uint64_t>(epoch),
                      static_cast<uint64_t>(index));
  std::optional<BadRecord> bad = fill_sample(claim, index, worker, stream);
  if (!bad) return;
  if (!options_.skip_bad_records) fail("{}", bad->reason);
  claim.slot->bad_records[static_cast<size_t>(claim.row)].push_back(std::move(*bad));
  if (options_.training) return replace_row(claim, epoch, index, worker);
  batch.labels[static_cast<size_t>(claim.row)] = -1;
  std::fill_n(batch.images + claim.row * row_floats_, row_floats_, 0.0F);
}

void Pipeline::Impl::replace_row(const Claim& claim, int64_t epoch, int64_t bad_index, Worker& worker) {
  RandomStream stream(options_.seed, RandomPurpose::kReplace, static_cast<uint64_t>(epoch),
                      static_cast<uint64_t>(bad_index));
  BadRecordList& met = claim.slot->bad_records[static_cast<size_t>(claim.row)];
  for (int attempt = 0; attempt < kReplacements; ++attempt) {
    const auto index = static_cast<int64_t>(stream.below(static_cast<uint64_t>(source_->size())));
    std::optional<BadRecord> bad = fill_sample(claim, index, worker, stream);
    if (!bad) return;
    met.push_back(std::move(*bad));
  }
  fail("{} records drawn one after another are bad; the last: {}", kReplacements, met.back().reason);
}

// Fills the row with the sample; gives back why it can't be had.
std::optional<BadRecord> Pipeline::Impl::fill_sample(const Claim& claim, int64_t index, Worker& worker,
                                                     RandomStream& stream) const {
  Batch& batch = claim.slot->batch;
  try {
    source_->read(index, worker.sample);
  } catch (const Error& error) {
    return BadRecord{index, error.what()};
  }
  check_label(worker.sample.label, index);
  try {
    preprocess(worker, stream, batch.images + claim.row * row_floats_);
  } catch (const Error& error) {
    return BadRecord{index, fmt::format("{}: {}", source_->describe(index), error.what())};
  }
  batch.labels[static_cast<size_t>(claim.row)] = static_cast<int32_t>(worker.sample.label);
  return std::nullopt;
}

void Pipeline::Impl::check_label(int64_t label, int64_t index) const {
  if (label >= 0 && label < options_.classes) return;
  const int64_t base = source_->label_base();
  fail("{}: label {} is out of range; expected {}..{} for {} classes", source_->describe(index), label + base, base,
       base + options_.classes - 1, options_.classes);
}

void Pipeline::Impl::preprocess(Worker& worker, RandomStream& stream, float* target) const {
  const Sample& sample = worker.sample;
  Preprocessor& preprocessor = worker.preprocessor;
  if (!options_.training) {
    sample.decoded ? preprocessor.evaluate(sample.pixels, target) : preprocessor.evaluate(sample.encoded, target);
  } else if (sample.decoded) {
    preprocessor.train(sample.pixels, options_.augment, stream, target);
  } else {
    preprocessor.train(sample.encoded, options_.augment, stream, target);
  }
}

void Pipeline::Impl::finish(const Claim& claim, std::exception_ptr error) {
  const std::lock_guard lock(mutex_);
  Slot& slot = *claim.slot;
  if (error && (slot.error_row < 0 || claim.row < slot.error_row)) {
    slot.error = std::move(error);
    slot.error_row = claim.row;
  }
  if (++slot.done == slot.batch.valid) ready_.notify_one();
}

Pipeline::Pipeline(std::shared_ptr<const ImageSource> source, const PipelineOptions& options, int64_t position)
    : impl_(std::make_unique<Impl>(std::move(source), options, position)) {}
Pipeline::~Pipeline() = default;
Batch* Pipeline::next() { return impl_->next(); }
bool Pipeline::is_ready_within(std::chrono::milliseconds time) { return impl_->is_ready_within(time); }
void Pipeline::recycle(Batch* batch) { impl_->recycle(batch); }
double Pipeline::wait_seconds() const { return impl_->wait_seconds(); }
int64_t Pipeline::size() const { return impl_->size(); }
int64_t Pipeline::batches() const { return impl_->batches(); }

}  // namespace netwright
