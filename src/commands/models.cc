// netwright models: all architectures.
#include <fnmatch.h>

#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "core/error.h"
#include "core/text.h"
#include "core/thread_pool.h"
#include "formats/json_text.h"
#include "graph/count.h"
#include "graph/subgraph.h"
#include "models/published.h"

namespace netwright {
namespace {

struct ModelsOptions {
  std::string filter = "*";
  std::string table;
  bool json = false;
};

Flags declare(ModelsOptions& o) {
  Flags flags({.usage = "models [flags]",
               .about = "Lists all architectures with what they cost at their own resolution and their published top-1 "
                        "accuracy on ImageNet.",
               .example = "netwright models --filter='efficientnet-lite*'"});
  flags.add("filter", o.filter, {.help = "only names that match this pattern", .value = "PATTERN"});
  flags.add("table", o.table,
            {.help = "instead, a published table of widths and resolutions beside what this program counts",
             .choices = {"mnasnet"}});
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
    if (fnmatch(filter.c_str(), std::string(model.name).c_str(), FNM_CASEFOLD) == 0) rows.push_back({&model, {}, 0});
  }
  ThreadPool(thread_count(0)).parallel_for(static_cast<int64_t>(rows.size()), [&](int64_t i) {
    Row& row = rows[static_cast<size_t>(i)];
    const Graph graph = inference_graph(row.model->build(*row.model, {}));
    row.cost = count(graph);
    row.classes = graph.classes();
  });
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
  print("{}\n", json_text(list, 2));
}

void print_table(const std::vector<Row>& rows) {
  print("{:<34}{:>10}{:>14}{:>17}{:>7}\n", "name", "resolution", "parameters", "multiply-adds", "top-1");
  for (const Row& row : rows) {
    const double top1 = row.model->published_top1;
    print("{:<34}{:>10}{:>14}{:>17}{:>7}\n", row.model->name, row.model->resolution, with_commas(row.cost.parameters),
          with_commas(row.cost.multiply_adds), top1 > 0 ? fmt::format("{:.1f}", top1) : "-");
  }
}

double millions(int64_t count) { return static_cast<double>(count) / 1e6; }

void print_published_json() {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const PublishedMnasNet& row : published_mnasnets()) {
    const Cost cost = count(build_published(row));
    list.push_back({{"size", row.size},
                    {"depth_multiplier", row.depth_multiplier},
                    {"parameters", cost.parameters},
                    {"tflite_operations", cost.tflite_operations},
                    {"multiply_adds", cost.multiply_adds},
                    {"published_parameters_millions", row.parameters},
                    {"published_multiply_adds_millions", row.multiply_adds},
                    {"published_top1", row.top1},
                    {"published_top5", row.top5},
                    {"published_pixel1_ms", row.pixel1_ms}});
  }
  print("{}\n", json_text(list, 2));
}

// Each published figure stands behind the counted one.
void print_published() {
  print("{:>4}{:>7}{:>13}{:>7}{:>15}{:>8}{:>8}{:>8}{:>12}\n", "size", "width", "parameters", "", "multiply-adds", "",
        "top-1", "top-5", "Pixel 1 ms");
  for (const PublishedMnasNet& row : published_mnasnets()) {
    const Cost cost = count(build_published(row));
    print("{:>4}{:>7}{:>12.3f}M{:>7.1f}{:>14.3f}M{:>8.1f}{:>8.1f}{:>8.1f}{:>12}\n", row.size, row.depth_multiplier,
          millions(cost.parameters), row.parameters, millions(cost.tflite_operations) / 2, row.multiply_adds, row.top1,
          row.top5, row.pixel1_ms);
  }
  print(
      "\nmnasnet-a1: counted, then published. Multiply-adds are half the operations that TensorFlow's old converter\n"
      "estimates, as in the published table; `netwright summary --count=tflite` counts so.\n");
}

}  // namespace

int run_models(CommandContext& context) {
  ModelsOptions options;
  Flags flags = declare(options);
  if (!context.parse(flags)) return 0;
  if (!options.table.empty()) {
    if (flags.given("filter")) fail("--filter goes with the list of architectures, not with --table");
    options.json ? print_published_json() : print_published();
    return 0;
  }
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
