// netwright models: all architectures.
#include <fnmatch.h>

#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "core/error.h"
#include "core/text.h"
#include "graph/count.h"
#include "models/registry.h"

namespace netwright {
namespace {

struct ModelsOptions {
  std::string filter = "*";
  bool json = false;
};

Flags declare(ModelsOptions& o) {
  Flags flags({.usage = "models [flags]",
               .about = "Lists all architectures with what they cost at their own resolution and their published top-1 "
                        "accuracy on ImageNet.",
               .example = "netwright models --filter='efficientnet-lite*'"});
  flags.add("filter", o.filter, {.help = "only names that match this pattern", .value = "PATTERN"});
  flags.add("json", o.json, {.help = "print JSON"});
  return flags;
}

struct Row {
  const ModelInfo* model;
  Cost cost;
  int64_t classes;
};

std::vector<Row> matching_rows(const std::string& filter) {
  std::vector<Row> rows;
  for (const ModelInfo& model : all_models()) {
    if (fnmatch(filter.c_str(), std::string(model.name).c_str(), FNM_CASEFOLD) != 0) continue;
    const Graph graph = model.build(model, {});
    rows.push_back({&model, count(graph), graph.classes()});
  }
  return rows;
}

void print_json(const std::vector<Row>& rows) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Row& row : rows) {
    nlohmann::ordered_json item = {{"name", row.model->name},
                                   {"family", row.model->family},
                                   {"parameters", row.cost.parameters},
                                   {"multiply_adds", row.cost.multiply_adds},
                                   {"resolution", row.model->resolution},
                                   {"classes", row.classes}};
    if (row.model->published_top1 > 0) {
      item["published_top1"] = row.model->published_top1;
      item["published_top1_source"] = row.model->source;
    }
    list.push_back(std::move(item));
  }
  print("{}\n", list.dump(2));
}

void print_table(const std::vector<Row>& rows) {
  print("{:<34}{:>10}{:>14}{:>17}{:>7}\n", "name", "resolution", "parameters", "multiply-adds", "top-1");
  for (const Row& row : rows) {
    const double top1 = row.model->published_top1;
    print("{:<34}{:>10}{:>14}{:>17}{:>7}\n", row.model->name, row.model->resolution, with_commas(row.cost.parameters),
          with_commas(row.cost.multiply_adds), top1 > 0 ? fmt::format("{:.1f}", top1) : "-");
  }
}

}  // namespace

int run_models(CommandContext& context) {
  ModelsOptions options;
  Flags flags = declare(options);
  if (!context.parse(flags)) return 0;
  const std::vector<Row> rows = matching_rows(options.filter);
  if (rows.empty()) fail("--filter={}: no architecture's name matches; `netwright models` lists them", options.filter);
  if (options.json) {
    print_json(rows);
  } else {
    print_table(rows);
  }
  return 0;
}

}  // namespace netwright
