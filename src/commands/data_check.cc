// netwright data check: everything in a data set read once; exit code 1 when something is wrong.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "core/text.h"
#include "core/thread_pool.h"
#include "data/check.h"

namespace netwright {
namespace {

using Json = nlohmann::ordered_json;

struct Choice {
  CheckOptions check;
  int64_t show = 100;
  bool json = false;
};

Flags declare(Choice& o) {
  Flags flags({.usage = "data check DATA... [flags]",
               .about = "Reads every record and decodes every picture. What is missing or damaged is listed with file, "
                        "record (from 0) and byte offset, and the exit code is then 1. DATA is a folder, a file of "
                        "records or a pattern.",
               .example = "netwright data check fashion --classes=10"});
  flags.positionals("DATA", o.check.data, 1, "folders, files of records or patterns");
  flags.add("classes", o.check.classes, {.help = "as many as labels.txt has if not given", .range = at_least(1)});
  flags.add(
      "label_base", o.check.label_base,
      {.help = "the first class's label; if not given 1, of TensorFlow Datasets and images 0", .range = between(0, 1)});
  flags.add("show", o.show, {.help = "list at most so many faults (--json: all)", .range = at_least(0)});
  flags.add("threads", o.check.threads, {.help = "0: one a core", .range = between(0, 1024)});
  flags.add("json", o.json, {.help = "print JSON"});
  return flags;
}

Json to_json(const CheckReport& report) {
  Json sets = Json::array();
  for (const CheckedSet& set : report.sets) {
    sets.push_back({{"name", set.name}, {"files", set.files}, {"items", set.items}});
  }
  Json faults = Json::array();
  for (const FileFault& fault : report.faults) {
    Json row = {{"file", fault.place.file}};
    if (fault.place.record) row["record"] = *fault.place.record;
    if (fault.place.offset) row["offset"] = *fault.place.offset;
    row["what"] = fault.what;
    faults.push_back(std::move(row));
  }
  return {{"sets", std::move(sets)}, {"faults", std::move(faults)}};
}

void print_report(const CheckReport& report, int64_t show) {
  const auto count = static_cast<int64_t>(report.faults.size());
  for (int64_t i = 0; i < std::min(show, count); ++i) {
    const FileFault& fault = report.faults[static_cast<size_t>(i)];
    print("{}\n", one_line(place_text(fault.place) + ": " + fault.what));
  }
  if (count > show) print("... and {} more\n", with_commas(count - show));
  for (const CheckedSet& set : report.sets) {
    print("{}: {} in {} file{}\n", one_line(set.name), with_commas(set.items), with_commas(set.files),
          set.files == 1 ? "" : "s");
  }
  print("{}\n", count == 0 ? "all good" : fmt::format("{} fault{}", with_commas(count), count == 1 ? "" : "s"));
}

}  // namespace

int run_data_check(CommandContext& context) {
  Choice choice;
  choice.check.threads = 0;
  Flags flags = declare(choice);
  if (!context.parse(flags)) return 0;
  choice.check.threads = thread_count(choice.check.threads);
  const CheckReport report = check_data(choice.check, [&context] { context.begin_work(); });
  if (choice.json) {
    print("{}\n", to_json(report).dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    print_report(report, choice.show);
  }
  return report.faults.empty() ? 0 : 1;
}

}  // namespace netwright
