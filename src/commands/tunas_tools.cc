// Drop-in forms of two of TuNAS's tools: their flags, defaults and output.
#include <random>

#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "core/log.h"
#include "formats/json_text.h"
#include "models/choices.h"
#include "models/mobile_spec.h"
#include "spaces/cost_model.h"
#include "spaces/sampling.h"

namespace netwright {
namespace {

struct Tool {
  std::string ssd = "proxylessnas_search";
  bool dry_run = false;
};

void add_common(Flags& flags, Tool& o) {
  std::vector<std::string> names;
  for (const SpaceDefinition& space : all_spaces()) names.emplace_back(space.name);
  flags.add("ssd", o.ssd, {.help = "search-space definition", .choices = names});
  flags.add("dry_run", o.dry_run, {.help = "only print the native command that this becomes"});
}

// Whether there is more to do.
bool announce(const Tool& tool, const std::string& command) {
  if (tool.dry_run) {
    print("{}\n", command);
  } else {
    log_info("{}", command);
  }
  return !tool.dry_run;
}

struct SampleTool : Tool {
  int64_t min_cost = 83;
  int64_t max_cost = 85;
  int64_t num_samples = 1;
};

Flags declare(SampleTool& o) {
  Flags flags({.usage = "sample_random_architectures [flags]",
               .about =
                   "TuNAS's tools/sample_random_architectures.py: random architectures within a range of estimated "
                   "latencies, as JSON after lines of progress. `netwright sample` is the native form.",
               .example = "netwright sample_random_architectures --num_samples=3"});
  flags.add("min_cost", o.min_cost, {.help = "milliseconds"});
  flags.add("max_cost", o.max_cost, {.help = "milliseconds"});
  flags.add("num_samples", o.num_samples, {.help = "how many are to be found", .range = at_least(1)});
  add_common(flags, o);
  return flags;
}

struct CostTool : Tool {
  std::string indices;
};

Flags declare(CostTool& o) {
  Flags flags({.usage = "infer_mobile_cost_model --indices=0:1:... [flags]",
               .about =
                   "TuNAS's tools/infer_mobile_cost_model.py: the estimated latency of an architecture on a Pixel 1 "
                   "phone. `netwright cost` is the native form.",
               .example = "netwright infer_mobile_cost_model --indices=$(seq -s: 73 | sed 's/[0-9]*/0/g')"});
  flags.add("indices", o.indices, {.help = "one index a decision, with colons", .value = "0:1:..."});
  add_common(flags, o);
  return flags;
}

}  // namespace

int run_sample_random_architectures(CommandContext& context) {
  SampleTool o;
  Flags flags = declare(o);
  if (!context.parse(flags)) return 0;
  SampleRequest request;
  request.space = o.ssd;
  request.min_cost = static_cast<double>(o.min_cost);
  request.max_cost = static_cast<double>(o.max_cost);
  request.count = o.num_samples;
  request.seed = std::random_device{}();  // as the original, other architectures every time
  check_request(request);
  if (!announce(o, fmt::format("netwright sample {} --min_cost={} --max_cost={} --num_samples={} --seed={} --json",
                               o.ssd, o.min_cost, o.max_cost, o.num_samples, request.seed))) {
    return 0;
  }
  context.begin_work();
  const auto found = sample_architectures(request, [&](int64_t draws, int64_t valid) {
    print("generated {} samples, found {} / {} valid architectures\n", draws, valid, o.num_samples);
  });
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const SampledArchitecture& one : found) {
    list.push_back({{"indices", print_indices(one.indices)}, {"cost", static_cast<double>(one.cost)}});
  }
  print("{}\n", json_text(list, 2));
  return 0;
}

int run_infer_mobile_cost_model(CommandContext& context) {
  CostTool o;
  Flags flags = declare(o);
  if (!context.parse(flags)) return 0;
  const float cost = estimate_cost(o.ssd, parse_indices(o.indices));
  if (announce(o, fmt::format("netwright cost {}:{}", o.ssd, o.indices))) print("estimated cost: {:.6f}\n", cost);
  return 0;
}

}  // namespace netwright
