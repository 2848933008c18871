// netwright bench build: what it takes to build, count and lower networks.
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "commands/device_flags.h"
#include "core/text.h"
#include "engine/program.h"
#include "formats/json_text.h"
#include "graph/count.h"
#include "models/registry.h"
#include "models/resolve.h"

namespace netwright {
namespace {

struct BuildBenchOptions {
  std::vector<std::string> models;
  DeviceChoice device;
  int64_t batch = 16;
  int64_t rounds = 5;
  bool json = false;
};

Flags declare(BuildBenchOptions& o) {
  Flags flags({.usage = "bench build [MODEL...] [flags]",
               .about =
                   "Measures the milliseconds and the memory that it takes to build networks, to count them and to "
                   "lower them for training in fp32; of all in `netwright models` if none is given. Weights are "
                   "not made.",
               .example = "netwright bench build efficientnet-b7 amoeba_net_d"});
  flags.positionals("MODEL", o.models, 0, "a name (`netwright models`), SPACE:INDICES, or a file");
  flags.section("measurement");
  flags.add("batch", o.batch, {.help = "images a step", .range = between(1, 1 << 20)});
  flags.add("rounds", o.rounds, {.help = "the best of these is shown", .range = between(1, 1e6)});
  flags.add("json", o.json, {.help = "print JSON"});
  declare_device_flags(flags, o.device);
  return flags;
}

struct BuildRow {
  std::string name;
  size_t nodes = 0;
  size_t parameters = 0;  // tensors
  double build = 0.0;     // seconds
  double count = 0.0;
  double lower = 0.0;
  int64_t graph_bytes = 0;
  int64_t program_bytes = 0;
};

int64_t allocated_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<int64_t>(info.uordblks + info.hblkhd);
}

// The seconds that `make` takes, if they are the fewest yet, and the bytes of what it returns.
template <typename Make>
auto timed(double& seconds, int64_t& bytes, Make make) {
  const int64_t before = allocated_bytes();
  const auto start = std::chrono::steady_clock::now();
  auto made = make();
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  bytes = allocated_bytes() - before;
  if (seconds == 0.0 || elapsed < seconds) seconds = elapsed;
  return made;
}

BuildRow measure_build(const std::string& name, const ResolvedModel& model, const BuildBenchOptions& options,
                       Backend& backend) {
  BuildRow row = {.name = name};
  for (int64_t i = 0; i < options.rounds; ++i) {
    int64_t ignored = 0;
    const auto graph =
        timed(row.build, row.graph_bytes, [&] { return std::make_unique<Graph>(model.build(ModelOptions())); });
    timed(row.count, ignored, [&] { return count(*graph); });
    timed(row.lower, row.program_bytes, [&] {
      return std::make_unique<Program>(*graph, backend,
                                       training_options(*graph, options.batch, Precision::kFloat32, 0.0));
    });
    row.nodes = graph->nodes().size();
    row.parameters = graph->parameters().size();
  }
  return row;
}

void print_rows(const std::vector<BuildRow>& rows) {
  size_t width = 5;
  for (const BuildRow& row : rows) width = std::max(width, row.name.size());
  print("{:<{}}{:>7}{:>11}{:>11}{:>11}{:>11}{:>12}{:>12}\n", "model", width, "nodes", "variables", "build ms",
        "count ms", "lower ms", "graph", "program");
  for (const BuildRow& row : rows) {
    print("{:<{}}{:>7}{:>11}{:>11.2f}{:>11.2f}{:>11.2f}{:>12}{:>12}\n", row.name, width, row.nodes, row.parameters,
          1e3 * row.build, 1e3 * row.count, 1e3 * row.lower, format_bytes(row.graph_bytes),
          format_bytes(row.program_bytes));
  }
}

void print_json(const std::vector<BuildRow>& rows) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const BuildRow& row : rows) {
    list.push_back({{"name", row.name},
                    {"nodes", row.nodes},
                    {"variables", row.parameters},
                    {"build_ms", 1e3 * row.build},
                    {"count_ms", 1e3 * row.count},
                    {"lower_ms", 1e3 * row.lower},
                    {"graph_bytes", row.graph_bytes},
                    {"program_bytes", row.program_bytes}});
  }
  print("{}\n", json_text(list, 2));
}

}  // namespace

int run_bench_build(CommandContext& context) {
  BuildBenchOptions options;
  Flags flags = declare(options);
  if (!context.parse(flags)) return 0;
  std::vector<std::string> models = options.models;
  if (models.empty()) {
    for (const ModelInfo& model : all_models()) models.emplace_back(model.name);
  }
  std::vector<ResolvedModel> resolved;
  for (const std::string& model : models) resolved.push_back(resolve_model(model));
  Backend& backend = load_backend(options.device);
  context.begin_work();
  std::vector<BuildRow> rows;
  for (size_t i = 0; i < models.size(); ++i) rows.push_back(measure_build(models[i], resolved[i], options, backend));
  options.json ? print_json(rows) : print_rows(rows);
  return 0;
}

}  // namespace netwright
