#include "data/pipeline.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <exception>
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
  void fill_row(const Claim& claim, Worker& worker);
  void fill_sample(int64_t epoch, int64_t index, Worker& worker, float* target) const;
  void check_label(int64_t label) const;
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
  for (int i = 0; i < options.prefetch + 2; ++i) {
    auto slot = std::make_unique<Slot>();
    slot->memory = allocate_floats(options.batch * row_floats_);
    slot->batch.images = slot->memory.get();
    slot->batch.labels.resize(static_cast<size_t>(options.batch));
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

Batch* Pipeline::Impl::next() {
  using Clock = std::chrono::steady_clock;
  std::unique_lock lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
  const auto is_ready = [this] {
    if (begun_.empty()) return at_end();
    return begun_.front()->done == begun_.front()->batch.valid;
  };
  if (!is_ready()) {
    const auto begin = Clock::now();
    ready_.wait(lock, is_ready);
    wait_seconds_ += std::chrono::duration<double>(Clock::now() - begin).count();
  }
  if (begun_.empty()) return nullptr;
  Slot* slot = begun_.front();
  begun_.pop_front();
  if (slot->error) {
    failure_ = slot->error;
    stopping_ = true;
    work_.notify_all();
    std::rethrow_exception(failure_);
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
  source_->read(index, worker.sample);
  try {
    check_label(worker.sample.label);
    fill_sample(epoch, index, worker, batch.images + claim.row * row_floats_);
  } catch (const Error& error) {
    fail("{}: {}", source_->describe(index), error.what());
  }
  batch.labels[static_cast<size_t>(claim.row)] = static_cast<int32_t>(worker.sample.label);
}

void Pipeline::Impl::check_label(int64_t label) const {
  if (label >= 0 && label < options_.classes) return;
  const int64_t base = source_->label_base();
  fail("label {} is out of range; expected {}..{} for {} classes", label + base, base, base + options_.classes - 1,
       options_.classes);
}

void Pipeline::Impl::fill_sample(int64_t epoch, int64_t index, Worker& worker, float* target) const {
  const Sample& sample = worker.sample;
  Preprocessor& preprocessor = worker.preprocessor;
  if (!options_.training) {
    sample.decoded ? preprocessor.evaluate(sample.pixels, target) : preprocessor.evaluate(sample.encoded, target);
    return;
  }
  RandomStream stream(options_.seed, RandomPurpose::kAugment, static_cast<uint64_t>(epoch),
                      static_cast<uint64_t>(index));
  if (sample.decoded) {
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
void Pipeline::recycle(Batch* batch) { impl_->recycle(batch); }
double Pipeline::wait_seconds() const { return impl_->wait_seconds(); }
int64_t Pipeline::size() const { return impl_->size(); }
int64_t Pipeline::batches() const { return impl_->batches(); }

}  // namespace netwright
