#include "data/inspect.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <memory>
#include <mutex>
#include <set>

#include "core/error.h"
#include "core/progress.h"
#include "core/thread_pool.h"
#include "data/decode.h"

namespace netwright {
namespace {

constexpr int64_t kChunk = 64;
constexpr size_t kShownFaults = 10;
constexpr size_t kShortText = 40;

template <typename T>
void widen(ValueRange<T>& range, T value) {
  range.min = std::min(range.min, value);
  range.max = std::max(range.max, value);
}

std::string short_text(const std::string& value) {
  const bool printable = std::ranges::all_of(value, [](unsigned char c) { return std::isprint(c) != 0; });
  return printable && value.size() <= kShortText ? value : std::string();
}

// What was seen in a chunk of records; merged in their order, so that the report doesn't depend on threads.
struct Tally {
  std::map<std::string, FeatureSummary> features;
  std::set<std::string> layouts;
  std::vector<int64_t> widths, heights, bytes;
  std::map<std::string, int64_t> encodings;
  std::map<int64_t, int64_t> labels;
  std::vector<FileFault> faults;
  std::vector<KeptPicture> kept;
};

void add_values(const Example& example, const std::string& key, FeatureSummary& feature) {
  const auto count = [&](const auto& values) { widen(feature.values, static_cast<int64_t>(values.size())); };
  switch (example.kind(key)) {
    case Example::Kind::kBytes: {
      const auto values = example.bytes_list(key);
      count(values);
      for (const auto& value : values) widen(feature.whole, static_cast<int64_t>(value.size()));
      if (feature.records == 0 && !values.empty()) feature.example = short_text(values.front());
      break;
    }
    case Example::Kind::kInt64: {
      const auto values = example.int64_list(key);
      count(values);
      for (const int64_t value : values) widen(feature.whole, value);
      break;
    }
    case Example::Kind::kFloat: {
      const auto values = example.float_list(key);
      count(values);
      for (const float value : values) {
        if (std::isnan(value)) {
          ++feature.not_numbers;
        } else {
          widen(feature.real, static_cast<double>(value));
        }
      }
      break;
    }
    case Example::Kind::kNothing:
      break;
  }
}

void add_features(const Example& example, Tally& tally) {
  for (const std::string& key : example.keys()) {
    FeatureSummary& feature = tally.features[key];
    const Example::Kind kind = example.kind(key);
    if (feature.records == 0) feature.kind = kind;
    if (kind == feature.kind) {
      add_values(example, key, feature);
    } else {
      feature.mixed_kinds = true;
    }
    ++feature.records;
  }
}

std::string encoding_name(const ImageHeader& header) {
  std::string name(image_kind_name(header.kind));
  const bool jpeg = header.kind == ImageKind::kJpeg;
  if (header.channels == 1) name += ", grey";
  if (header.channels == 2) name += ", grey with alpha";
  if (header.channels == 4) name += jpeg ? ", CMYK" : ", with alpha";
  return name;
}

void add_picture(const DataItem& item, const RecordLayout* layout, Tally& tally) {
  if (item.example && layout == nullptr) return;  // records of something else
  check_not_empty(item, layout);
  if (item.decoded) {
    tally.widths.push_back(item.pixels.width());
    tally.heights.push_back(item.pixels.height());
    tally.bytes.push_back(0);
    ++tally.encodings["raw pixels"];
    return;
  }
  const ImageHeader header = read_image_header(item.encoded);
  tally.widths.push_back(header.width);
  tally.heights.push_back(header.height);
  tally.bytes.push_back(static_cast<int64_t>(item.encoded.size()));
  ++tally.encodings[encoding_name(header)];
}

void keep_picture(DataItem& item, Tally& tally) {
  if (!item.decoded && item.encoded.empty()) return;
  tally.kept.push_back({item.decoded ? std::move(item.pixels) : decode_image(item.encoded), item.label});
}

void look_into(const DataSet& set, int64_t index, bool keep, DataItem& item, Tally& tally) {
  try {
    set.items->read(index, item);
    const RecordLayout* layout = nullptr;
    if (item.example) {
      add_features(*item.example, tally);
      layout = find_layout(*item.example);
      tally.layouts.insert(layout != nullptr ? std::string(layout->name) : std::string());
    }
    if (item.label) ++tally.labels[*item.label];
    add_picture(item, layout, tally);
    if (keep) keep_picture(item, tally);
  } catch (const Error& error) {
    tally.faults.push_back({set.items->place(index), error.what()});
  }
}

template <typename T>
void merge(ValueRange<T>& all, const ValueRange<T>& part) {
  all.min = std::min(all.min, part.min);
  all.max = std::max(all.max, part.max);
}

void merge(FeatureSummary& all, const FeatureSummary& part) {
  if (all.records == 0) {
    all = part;
    return;
  }
  all.mixed_kinds |= part.mixed_kinds || part.kind != all.kind;
  all.records += part.records;
  all.not_numbers += part.not_numbers;
  merge(all.values, part.values);
  merge(all.whole, part.whole);
  merge(all.real, part.real);
}

void merge(Tally& all, Tally& part) {
  for (const auto& [key, feature] : part.features) merge(all.features[key], feature);
  all.layouts.merge(part.layouts);
  for (const auto member : {&Tally::widths, &Tally::heights, &Tally::bytes}) {
    (all.*member).insert((all.*member).end(), (part.*member).begin(), (part.*member).end());
  }
  for (const auto& [name, count] : part.encodings) all.encodings[name] += count;
  for (const auto& [label, count] : part.labels) all.labels[label] += count;
  all.faults.insert(all.faults.end(), part.faults.begin(), part.faults.end());
  std::ranges::move(part.kept, std::back_inserter(all.kept));
}

Quartiles quartiles(std::vector<int64_t>& values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  return {values.front(), values[values.size() / 2], values.back()};
}

// `count` numbers below `size`, evenly spread.
int64_t spread(int64_t i, int64_t count, int64_t size) {
  return static_cast<int64_t>(static_cast<__int128>(i) * size / count);
}

void summarize(Tally& tally, SetSummary& summary) {
  summary.features = std::move(tally.features);
  if (tally.layouts.size() == 1) summary.layout = *tally.layouts.begin();
  summary.pictures = {.count = static_cast<int64_t>(tally.widths.size()),
                      .width = quartiles(tally.widths),
                      .height = quartiles(tally.heights),
                      .bytes = quartiles(tally.bytes),
                      .encodings = std::move(tally.encodings)};
  summary.labels = std::move(tally.labels);
  if (!summary.labels.empty()) {
    const int64_t least = summary.labels.begin()->first;
    if (least == 0 || least == 1) summary.label_base = least;
  }
  summary.faults.insert(summary.faults.end(), tally.faults.begin(), tally.faults.end());
  summary.fault_count = static_cast<int64_t>(summary.faults.size());
  summary.faults.resize(std::min(summary.faults.size(), kShownFaults));
  std::ranges::stable_sort(tally.kept, {}, [](const KeptPicture& picture) { return picture.label.value_or(-1); });
  summary.kept = std::move(tally.kept);
}

SetSummary inspect_set(DataSet& set, const InspectOptions& options, ThreadPool& pool) {
  SetSummary summary{.name = set.name, .kind = set.kind, .files = set.files, .bytes = set.bytes};
  summary.items = set.items->size();
  summary.looked_into = options.sample > 0 ? std::min(options.sample, summary.items) : summary.items;
  summary.class_names = std::move(set.class_names);
  summary.faults = std::move(set.faults);
  const int64_t looked = summary.looked_into;
  const int64_t kept = std::min(options.pictures, looked);
  std::set<int64_t> keep;
  for (int64_t i = 0; i < kept; ++i) keep.insert(spread(i, kept, looked));
  Progress progress("looking into " + set.name, set.kind == "TFRecords" ? "records" : "images", looked);
  std::vector<Tally> parts(static_cast<size_t>((looked + kChunk - 1) / kChunk));
  std::mutex mutex;
  int64_t done = 0;
  pool.parallel_for(static_cast<int64_t>(parts.size()), [&](int64_t chunk) {
    Tally& part = parts[static_cast<size_t>(chunk)];
    DataItem item;
    const int64_t end = std::min(looked, (chunk + 1) * kChunk);
    for (int64_t i = chunk * kChunk; i < end; ++i) {
      look_into(set, spread(i, looked, summary.items), keep.contains(i), item, part);
    }
    const std::lock_guard lock(mutex);
    done += end - chunk * kChunk;
    progress.update(done);
  });
  progress.finish();
  Tally all;
  for (Tally& part : parts) merge(all, part);
  summarize(all, summary);
  return summary;
}

}  // namespace

std::vector<SetSummary> inspect_data(const InspectOptions& options, const std::function<void()>& opened) {
  std::vector<DataSet> sets = open_data_sets(options.data);
  if (opened) opened();
  ThreadPool pool(options.threads);
  std::vector<SetSummary> summaries;
  for (DataSet& set : sets) summaries.push_back(inspect_set(set, options, pool));
  return summaries;
}

}  // namespace netwright
