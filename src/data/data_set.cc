#include "data/data_set.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>

#include "core/error.h"
#include "core/progress.h"
#include "core/thread_pool.h"
#include "data/shard_names.h"
#include "data/source.h"
#include "data/sources.h"
#include "formats/tfrecord.h"

namespace netwright {
namespace {

namespace fs = std::filesystem;

constexpr RecordLayout kLayouts[] = {
    {"imagenet_to_gcs", "image/encoded", "image/class/label", 1},
    {"TensorFlow Datasets", "image", "label", 0},
};

constexpr int kIndexThreads = 16;
constexpr size_t kFilesWorthProgress = 32;

// An error about a record begins with its place, which the caller tells apart from what is wrong.
std::string without_place(const std::string& message, const std::string& path) {
  if (!message.starts_with(path + ": ")) return message;
  const std::string rest = message.substr(path.size() + 2);
  const size_t colon = rest.find(": ");
  return rest.starts_with("record ") && colon != std::string::npos ? rest.substr(colon + 2) : rest;
}

class RecordItems : public DataItems {
 public:
  struct File {
    std::string path;
    std::vector<RecordLocation> records;
  };
  explicit RecordItems(std::vector<File> files) : files_(std::move(files)), first_{0} {
    for (const File& file : files_) first_.push_back(first_.back() + static_cast<int64_t>(file.records.size()));
  }

  int64_t size() const override { return first_.back(); }

  void read(int64_t index, DataItem& item) const override {
    const auto [file, record] = find(index);
    std::string bytes;
    try {
      // Opened anew each time: a set has more files than a process may hold open.
      RecordFile(file->path).read_at(*record, bytes);
    } catch (const Error& error) {
      throw Error(without_place(error.what(), file->path));
    }
    item.example = Example::parse(bytes);
    item.encoded.clear();
    item.label.reset();
    item.decoded = false;
    const RecordLayout* layout = find_layout(*item.example);
    if (layout == nullptr) return;
    if (const std::string* encoded = item.example->bytes(layout->image)) item.encoded = *encoded;
    item.label = item.example->int64(layout->label);
  }

  DataPlace place(int64_t index) const override {
    const auto [file, record] = find(index);
    return {file->path, record->number, record->offset};
  }

 private:
  std::pair<const File*, const RecordLocation*> find(int64_t index) const {
    const auto file = static_cast<size_t>(std::ranges::upper_bound(first_, index) - first_.begin()) - 1;
    return {&files_[file], &files_[file].records[static_cast<size_t>(index - first_[file])]};
  }

  std::vector<File> files_;
  std::vector<int64_t> first_;  // of each file's first record, and the total
};

class SourceItems : public DataItems {
 public:
  explicit SourceItems(std::shared_ptr<const ImageSource> source) : source_(std::move(source)) {}

  int64_t size() const override { return source_->size(); }

  void read(int64_t index, DataItem& item) const override {
    Sample sample;
    try {
      source_->read(index, sample);
    } catch (const Error& error) {
      throw Error(without_place(error.what(), source_->describe(index)));
    }
    item.example.reset();
    item.encoded = std::move(sample.encoded);
    item.pixels = std::move(sample.pixels);
    item.decoded = sample.decoded;
    item.label = sample.label;
  }

  DataPlace place(int64_t index) const override { return {.file = source_->describe(index)}; }

 private:
  std::shared_ptr<const ImageSource> source_;
};

// The fault of a file, with the place of the record that can't be found.
FileFault file_fault(const std::string& path, const RecordIndex& index) {
  DataPlace place{.file = path, .record = static_cast<int64_t>(index.records.size()), .offset = 0};
  if (!index.records.empty()) {
    constexpr int64_t kFraming = 16;
    place.offset = index.records.back().offset + index.records.back().length + kFraming;
  }
  return {std::move(place), without_place(index.fault, path) + "; what follows can't be found"};
}

DataSet open_records(std::string name, const std::vector<std::string>& paths) {
  DataSet set{.name = std::move(name), .kind = "TFRecords", .files = static_cast<int64_t>(paths.size())};
  for (const ShardFault& fault : check_shard_names(paths)) set.faults.push_back({{fault.files}, fault.what});
  std::vector<RecordItems::File> files(paths.size());
  ThreadPool pool(static_cast<int>(std::min<int64_t>(kIndexThreads, set.files)));
  std::unique_ptr<Progress> progress;
  if (paths.size() >= kFilesWorthProgress) progress = std::make_unique<Progress>("indexing", "files", set.files);
  std::mutex mutex;
  int64_t done = 0;
  pool.parallel_for(set.files, [&](int64_t i) {
    const std::string& path = paths[static_cast<size_t>(i)];
    RecordIndex index;
    try {
      index = find_records(path);
    } catch (const Error& error) {
      index.fault = error.what();
    }
    std::error_code unknown;
    const auto bytes = fs::file_size(path, unknown);
    const std::lock_guard lock(mutex);
    if (!unknown) set.bytes += static_cast<int64_t>(bytes);
    if (!index.fault.empty()) set.faults.push_back(file_fault(path, index));
    files[static_cast<size_t>(i)] = {path, std::move(index.records)};
    if (progress) progress->update(++done);
  });
  std::ranges::stable_sort(set.faults, {}, [](const FileFault& fault) { return fault.place.file; });
  set.items = std::make_unique<RecordItems>(std::move(files));
  if (set.items->size() == 0) {
    set.faults.push_back({{set.name}, fmt::format("no records in {} file{}", set.files, set.files == 1 ? "" : "s")});
  }
  const fs::path labels = fs::path(paths.front()).parent_path() / "labels.txt";
  if (fs::exists(labels)) set.class_names = read_class_names(labels);
  return set;
}

void open_record_sets(const std::string& word, const std::vector<std::string>& paths, std::vector<DataSet>& sets) {
  std::map<std::string, std::vector<std::string>> by_name;
  for (const std::string& path : paths) {
    const std::optional<ShardName> name = parse_shard_name(path);
    by_name[name ? name->set : word].push_back(path);
  }
  for (const auto& [name, members] : by_name) sets.push_back(open_records(name, members));
}

void open_folder(const std::string& word, std::vector<DataSet>& sets) {
  std::vector<std::string> records;
  for (const char* pattern : {"/train-*", "/validation-*", "/*.tfrecord*"}) {
    const std::vector<std::string> matched = match_records(word + pattern);
    records.insert(records.end(), matched.begin(), matched.end());
  }
  const bool idx =
      !find_idx(word, DataSplit::kTrain).images.empty() || !find_idx(word, DataSplit::kValidation).images.empty();
  if (!records.empty() && !idx) return open_record_sets(word, records, sets);
  const bool one_split = !idx && find_split_folder(word, DataSplit::kTrain).empty() &&
                         find_split_folder(word, DataSplit::kValidation).empty();
  for (const DataSplit split : {DataSplit::kTrain, DataSplit::kValidation}) {
    const bool train = split == DataSplit::kTrain;
    const bool there = idx ? !find_idx(word, split).images.empty() : !find_split_folder(word, split).empty();
    if (one_split ? !train : !there) continue;
    auto source = open_source({.data = word, .split = split});
    DataSet set{.name = one_split ? word
                        : train   ? "train"
                                  : "validation",
                .kind = idx ? "IDX files" : "folders of images",
                .files = idx ? 2 : source->size(),
                .class_names = source->class_names()};
    set.items = std::make_unique<SourceItems>(std::move(source));
    sets.push_back(std::move(set));
  }
}

}  // namespace

std::string place_text(const DataPlace& place) {
  std::string text = place.file;
  if (place.record) text += fmt::format(", record {}", *place.record);
  if (place.offset) text += fmt::format(" at byte {}", *place.offset);
  return text;
}

const RecordLayout* find_layout(const Example& example) {
  const auto found = std::ranges::find_if(
      kLayouts, [&](const RecordLayout& layout) { return example.kind(layout.image) == Example::Kind::kBytes; });
  return found == std::end(kLayouts) ? nullptr : found;
}

void check_not_empty(const DataItem& item, const RecordLayout* layout) {
  if (!item.decoded && item.encoded.empty()) fail("{} is empty", layout != nullptr ? layout->image : "the file");
}

std::vector<DataSet> open_data_sets(const std::vector<std::string>& words) {
  std::vector<DataSet> sets;
  for (const std::string& word : words) {
    std::error_code ignored;
    if (fs::is_directory(word, ignored)) {
      open_folder(word, sets);
      continue;
    }
    open_record_sets(word, named_records(word), sets);
  }
  return sets;
}

}  // namespace netwright
