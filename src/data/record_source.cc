#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <thread>

#include "core/error.h"
#include "core/progress.h"
#include "core/thread_pool.h"
#include "data/sources.h"
#include "formats/example.h"

namespace netwright {
namespace {

constexpr size_t kFilesWorthProgress = 32;

// Every shard stays open: 1024 of them are more than a process may open by default.
void allow_open_files(size_t count) {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = count + 256;
  if (limit.rlim_cur >= wanted) return;
  if (limit.rlim_max < wanted) {
    fail("{} record files can't be open at once: this system's limit is {} (see `ulimit -n`)", count, limit.rlim_max);
  }
  limit.rlim_cur = wanted;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

RecordSource::RecordSource(std::vector<std::string> paths, int64_t label_base, const std::string& asked)
    : paths_(std::move(paths)), label_base_(label_base), records_(paths_.size()) {
  allow_open_files(paths_.size());
  const auto count = static_cast<int64_t>(paths_.size());
  // Waiting for the disk, not computing: more threads than processors.
  ThreadPool pool(static_cast<int>(std::min<int64_t>(16, count)));
  std::mutex mutex;
  int64_t done = 0;
  std::unique_ptr<Progress> progress;
  if (paths_.size() >= kFilesWorthProgress) progress = std::make_unique<Progress>("indexing", "files", count);
  pool.parallel_for(count, [&](int64_t i) {
    records_[static_cast<size_t>(i)] = index_records(paths_[static_cast<size_t>(i)]);
    const std::lock_guard lock(mutex);
    ++done;
    if (progress) progress->update(done);
  });
  if (progress) progress->finish();
  first_.push_back(0);
  for (size_t i = 0; i < paths_.size(); ++i) {
    files_.emplace_back(paths_[i]);
    first_.push_back(first_.back() + static_cast<int64_t>(records_[i].size()));
  }
  if (size() == 0) fail("{}: no records in {}", asked, count == 1 ? "the file" : fmt::format("all {} files", count));
}

RecordSource::Place RecordSource::place(int64_t index) const {
  const auto file = static_cast<size_t>(std::ranges::upper_bound(first_, index) - first_.begin()) - 1;
  return {file, &records_[file][static_cast<size_t>(index - first_[file])]};
}

std::string RecordSource::describe(int64_t index) const {
  const Place at = place(index);
  return fmt::format("{}, record {} at byte {}", paths_[at.file], at.record->number, at.record->offset);
}

void RecordSource::read(int64_t index, Sample& sample) const {
  const Place at = place(index);
  std::string record;
  files_[at.file].read_at(*at.record, record);
  try {
    parse(record, sample);
  } catch (const Error& error) {
    fail("{}: {}", describe(index), error.what());
  }
}

void RecordSource::parse(const std::string& record, Sample& sample) const {
  const Example example = Example::parse(record);
  const std::string* encoded = example.bytes("image/encoded");
  if (encoded == nullptr) fail("the record has no image/encoded");
  if (encoded->empty()) fail("image/encoded is empty");
  const std::optional<int64_t> label = example.int64("image/class/label");
  if (!label) fail("the record has no image/class/label");
  sample.encoded = *encoded;
  sample.decoded = false;
  sample.label = *label - label_base_;
}

std::vector<std::string> RecordSource::class_names() const {
  const std::filesystem::path path = std::filesystem::path(paths_.front()).parent_path() / "labels.txt";
  return std::filesystem::exists(path) ? read_class_names(path) : std::vector<std::string>{};
}

}  // namespace netwright
