// netwright data inspect: what is in a data set, as text, JSON and a sheet of pictures.
#include <algorithm>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "core/thread_pool.h"
#include "data/encode.h"
#include "data/inspect.h"
#include "data/sheet.h"

namespace netwright {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kListedClasses = 10;
constexpr std::string_view kKindNames[] = {"nothing", "bytes", "int64", "float"};

struct Choice {
  InspectOptions inspect;
  std::string sheet;
  int64_t pictures = 48;
  int64_t columns = 8;
  bool json = false;
};

Flags declare(Choice& o) {
  Flags flags({.usage = "data inspect DATA... [flags]",
               .about = "Tells what is in data sets: features of the records, numbers, sizes of the pictures, labels. "
                        "Any file of tf.Examples will do, and folders of images and IDX files.",
               .example = "netwright data inspect fashion --sheet=sheet.png"});
  flags.positionals("DATA", o.inspect.data, 1, "folders, files of records or patterns");
  flags.add("sample", o.inspect.sample,
            {.help = "look into so many records of a set, evenly spread; 0: all", .range = at_least(0)});
  flags.add("sheet", o.sheet, {.help = "write pictures with their labels as PNG", .value = "FILE"});
  flags.add("pictures", o.pictures, {.help = "on the sheet, of each set", .range = between(1, 10000)});
  flags.add("columns", o.columns, {.help = "of the sheet", .range = between(1, 1000)});
  flags.add("threads", o.inspect.threads, {.help = "0: one a core", .range = between(0, 1024)});
  flags.add("json", o.json, {.help = "print JSON"});
  return flags;
}

std::string_view kind_name(const FeatureSummary& feature) {
  return feature.mixed_kinds ? "mixed" : kKindNames[static_cast<size_t>(feature.kind)];
}

template <typename T>
std::string range_text(const ValueRange<T>& range) {
  if (range.min > range.max) return "-";
  return range.min == range.max ? fmt::format("{}", range.min) : fmt::format("{}..{}", range.min, range.max);
}

std::string range_text(const FeatureSummary& feature) {
  if (feature.kind != Example::Kind::kFloat) return range_text(feature.whole);
  const std::string nan = feature.not_numbers > 0 ? fmt::format(", {} NaN", with_commas(feature.not_numbers)) : "";
  return range_text(feature.real) + nan;
}

std::string class_name(const SetSummary& set, int64_t label) {
  const int64_t index = label - set.label_base.value_or(0);
  if (index < 0 || index >= static_cast<int64_t>(set.class_names.size())) return {};
  return set.class_names[static_cast<size_t>(index)];
}

std::string label_text(const SetSummary& set, int64_t label) {
  const std::string name = class_name(set, label);
  return name.empty() ? std::to_string(label) : one_line(fmt::format("{} {}", label, name));
}

void print_features(const SetSummary& set) {
  if (set.features.empty()) return;
  size_t width = 0;
  for (const auto& [key, feature] : set.features) width = std::max(width, one_line(key).size());
  print("  {:<{}}  {:<6}{:>10}  {:<8}{}\n", "feature", width, "kind", "records", "values", "range (bytes: length)");
  for (const auto& [key, feature] : set.features) {
    print("  {:<{}}  {:<6}{:>10}  {:<8}{}{}\n", one_line(key), width, kind_name(feature), with_commas(feature.records),
          range_text(feature.values), range_text(feature),
          feature.example.empty() ? "" : fmt::format("  \"{}\"", feature.example));
  }
}

void print_pictures(const PictureSummary& pictures) {
  if (pictures.count == 0) return print("  pictures: none found\n");
  print("  {:<10}{:>12}{:>12}{:>12}\n", "pictures", "least", "median", "most");
  const auto row = [](std::string_view name, const Quartiles& values) {
    print("  {:<10}{:>12}{:>12}{:>12}\n", name, with_commas(values.min), with_commas(values.median),
          with_commas(values.max));
  };
  row("width", pictures.width);
  row("height", pictures.height);
  if (pictures.bytes.max > 0) row("bytes", pictures.bytes);
  std::vector<std::string> encodings;
  for (const auto& [name, count] : pictures.encodings) {
    encodings.push_back(fmt::format("{} {}", with_commas(count), name));
  }
  print("  encodings: {}\n", join(encodings, "; "));
}

void print_labels(const SetSummary& set) {
  if (set.labels.empty()) return print("  labels: none found\n");
  std::vector<std::pair<int64_t, int64_t>> classes;  // count, label
  for (const auto& [label, count] : set.labels) classes.emplace_back(count, label);
  print("  labels: {}..{} ({} classes seen), label base {}\n", set.labels.begin()->first, set.labels.rbegin()->first,
        with_commas(static_cast<int64_t>(classes.size())),
        set.label_base ? std::to_string(*set.label_base) : "unknown: the smallest is neither 0 nor 1");
  if (static_cast<int64_t>(classes.size()) <= kListedClasses) {
    for (const auto& [label, count] : set.labels) print("    {:>10}  {}\n", with_commas(count), label_text(set, label));
    return;
  }
  std::ranges::sort(classes);
  const auto row = [&](std::string_view name, const std::pair<int64_t, int64_t>& entry) {
    print("    {:<8}{:>10}  {}\n", name, with_commas(entry.first), label_text(set, entry.second));
  };
  print("    pictures a class:\n");
  row("least", classes.front());
  row("median", classes[classes.size() / 2]);
  row("most", classes.back());
}

void print_set(const SetSummary& set) {
  print("{}: {} {}{} in {} file{}, {}", one_line(set.name), with_commas(set.items),
        set.kind == "TFRecords" ? "record" : "image", set.items == 1 ? "" : "s", with_commas(set.files),
        set.files == 1 ? "" : "s", set.kind);
  print("{}{}\n", set.bytes > 0 ? ", " + format_bytes(set.bytes) : "",
        set.looked_into < set.items ? fmt::format("; looked into {}", with_commas(set.looked_into)) : "");
  if (!set.features.empty()) print("  layout: {}\n", set.layout.empty() ? "none that is known" : set.layout);
  print_features(set);
  print_pictures(set.pictures);
  print_labels(set);
  for (const FileFault& fault : set.faults)
    print("  damaged: {}\n", one_line(place_text(fault.place) + ": " + fault.what));
  if (set.fault_count > static_cast<int64_t>(set.faults.size())) {
    print("  {} faults in all; `netwright data check` lists them\n", with_commas(set.fault_count));
  }
}

template <typename T>
Json to_json(const ValueRange<T>& range) {
  return range.min > range.max ? Json(nullptr) : Json{{"min", range.min}, {"max", range.max}};
}

Json to_json(const Quartiles& values) { return {{"min", values.min}, {"median", values.median}, {"max", values.max}}; }

Json to_json(const SetSummary& set) {
  Json features = Json::object();
  for (const auto& [key, feature] : set.features) {
    features[key] = {{"kind", kind_name(feature)},
                     {"records", feature.records},
                     {"values", to_json(feature.values)},
                     {feature.kind == Example::Kind::kBytes ? "bytes" : "range",
                      feature.kind == Example::Kind::kFloat ? to_json(feature.real) : to_json(feature.whole)}};
    if (feature.not_numbers > 0) features[key]["nan"] = feature.not_numbers;
  }
  Json counts = Json::object();
  for (const auto& [label, count] : set.labels) counts[std::to_string(label)] = count;
  Json faults = Json::array();
  for (const FileFault& fault : set.faults) {
    faults.push_back({{"place", place_text(fault.place)}, {"what", fault.what}});
  }
  const PictureSummary& pictures = set.pictures;
  return {{"name", set.name},
          {"kind", set.kind},
          {"files", set.files},
          {"bytes", set.bytes},
          {"items", set.items},
          {"looked_into", set.looked_into},
          {"layout", set.layout.empty() ? Json(nullptr) : Json(set.layout)},
          {"features", std::move(features)},
          {"pictures",
           {{"count", pictures.count},
            {"width", to_json(pictures.width)},
            {"height", to_json(pictures.height)},
            {"bytes", to_json(pictures.bytes)},
            {"encodings", pictures.encodings}}},
          {"labels",
           {{"base", set.label_base ? Json(*set.label_base) : Json(nullptr)},
            {"counts", std::move(counts)},
            {"names", set.class_names}}},
          {"faults", std::move(faults)},
          {"fault_count", set.fault_count}};
}

void write_sheet(const Choice& choice, const std::vector<SetSummary>& sets) {
  std::vector<SheetPicture> pictures;
  for (const SetSummary& set : sets) {
    for (const KeptPicture& kept : set.kept) {
      pictures.push_back({&kept.image, kept.label ? label_text(set, *kept.label) : std::string()});
    }
  }
  if (pictures.empty()) fail("{}: no sheet: no pictures were found", choice.sheet);
  write_file_atomically(choice.sheet, encode_png(picture_sheet(pictures, {.columns = choice.columns})));
}

void check_sheet(const std::string& path) {
  if (path.empty()) return;
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty() && !std::filesystem::is_directory(folder))
    fail("--sheet={}: no folder {}", path, folder.string());
  if (std::filesystem::is_directory(path)) fail("--sheet={}: it is a folder; expected a file's name", path);
}

}  // namespace

int run_data_inspect(CommandContext& context) {
  Choice choice;
  choice.inspect.threads = 0;
  Flags flags = declare(choice);
  if (!context.parse(flags)) return 0;
  check_sheet(choice.sheet);
  choice.inspect.threads = thread_count(choice.inspect.threads);
  if (!choice.sheet.empty()) choice.inspect.pictures = choice.pictures;
  const std::vector<SetSummary> sets = inspect_data(choice.inspect, [&context] { context.begin_work(); });
  if (choice.json) {
    Json list = Json::array();
    for (const SetSummary& set : sets) list.push_back(to_json(set));
    print("{}\n", list.dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    for (const SetSummary& set : sets) print_set(set);
  }
  if (!choice.sheet.empty()) write_sheet(choice, sets);
  const bool damaged = std::ranges::any_of(sets, [](const SetSummary& set) { return set.fault_count > 0; });
  return damaged ? 1 : 0;
}

}  // namespace netwright
