#include "data/check.h"

#include <algorithm>
#include <mutex>
#include <tuple>

#include "core/error.h"
#include "core/progress.h"
#include "core/thread_pool.h"
#include "data/decode.h"

namespace netwright {
namespace {

// Items a thread takes at a time: neighbours, which lie one after the other on the disk.
constexpr int64_t kChunk = 64;

// The labels that a set may have.
struct LabelRange {
  std::optional<int64_t> base;  // when not given, the layout's
  std::optional<int64_t> classes;
  const std::vector<std::string>& names;
};

void check_label(const DataItem& item, const RecordLayout* layout, const LabelRange& range) {
  if (!item.label) fail("the record has no {}", layout != nullptr ? layout->label : "label");
  const int64_t base = range.base.value_or(layout != nullptr ? layout->label_base : 0);
  const bool below = *item.label < base;
  if (range.classes && (below || *item.label - base >= *range.classes)) {
    fail("label {} is out of range; expected {}..{} for {} classes", *item.label, base, base + *range.classes - 1,
         *range.classes);
  }
  if (below) fail("label {} is out of range; expected {} or more", *item.label, base);
  const int64_t label = *item.label - base;
  if (!item.example) return;
  const std::string* synset = item.example->bytes("image/class/synset");
  if (synset == nullptr || label >= static_cast<int64_t>(range.names.size())) return;
  const std::string& name = range.names[static_cast<size_t>(label)];
  if (*synset != name) fail("label {} is {}, but image/class/synset is {}", *item.label, name, *synset);
}

void check_side(const Example& example, std::string_view key, int64_t pixels) {
  const std::optional<int64_t> said = example.int64(key);
  if (said && *said != pixels) fail("{} is {}, but the picture's is {}", key, *said, pixels);
}

void check_picture(const DataItem& item, const RecordLayout* layout, ImageDecoder& decoder, Image& pixels) {
  if (item.decoded) return;
  if (item.example && layout == nullptr) fail("the record has no picture (neither image/encoded nor image)");
  check_not_empty(item, layout);
  decoder.open(item.encoded);
  decoder.decode({}, pixels);
  if (!item.example) return;
  check_side(*item.example, "image/height", pixels.height());
  check_side(*item.example, "image/width", pixels.width());
}

void check_items(const DataSet& set, const LabelRange& range, ThreadPool& pool, std::vector<FileFault>& faults) {
  const int64_t size = set.items->size();
  Progress progress("checking " + set.name, set.kind == "TFRecords" ? "records" : "images", size);
  std::mutex mutex;
  int64_t done = 0;
  pool.parallel_for((size + kChunk - 1) / kChunk, [&](int64_t chunk) {
    ImageDecoder decoder;
    Image pixels;
    DataItem item;
    std::vector<FileFault> found;
    const int64_t end = std::min(size, (chunk + 1) * kChunk);
    for (int64_t i = chunk * kChunk; i < end; ++i) {
      try {
        set.items->read(i, item);
        const RecordLayout* layout = item.example ? find_layout(*item.example) : nullptr;
        check_picture(item, layout, decoder, pixels);
        check_label(item, layout, range);
      } catch (const Error& error) {
        found.push_back({set.items->place(i), error.what()});
      }
    }
    const std::lock_guard lock(mutex);
    faults.insert(faults.end(), found.begin(), found.end());
    done += end - chunk * kChunk;
    progress.update(done);
  });
  progress.finish();
}

}  // namespace

CheckReport check_data(const CheckOptions& options, const std::function<void()>& opened) {
  std::vector<DataSet> sets = open_data_sets(options.data);
  if (opened) opened();
  CheckReport report;
  ThreadPool pool(options.threads);
  for (DataSet& set : sets) {
    const int64_t size = set.items->size();
    report.sets.push_back({set.name, set.files, size});
    std::vector<FileFault> faults = std::move(set.faults);
    LabelRange range{options.label_base, options.classes, set.class_names};
    if (!range.classes && !set.class_names.empty()) range.classes = static_cast<int64_t>(set.class_names.size());
    check_items(set, range, pool, faults);
    std::ranges::stable_sort(faults, {}, [](const FileFault& fault) {
      return std::tuple(fault.place.file, fault.place.record.value_or(-1));
    });
    report.faults.insert(report.faults.end(), faults.begin(), faults.end());
  }
  return report;
}

}  // namespace netwright
