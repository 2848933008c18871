// netwright cost: how long a network takes, by a published model.
#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "core/error.h"
#include "formats/json_text.h"
#include "models/choices.h"
#include "models/mobile_spec.h"
#include "models/resolve.h"
#include "spaces/cost_model.h"

namespace netwright {
namespace {

struct CostOptions {
  std::vector<std::string> models;
  bool json = false;
};

Flags declare(CostOptions& o) {
  Flags flags({.usage = "cost MODEL... [flags]",
               .about =
                   "Estimates the latency of members of TuNAS's search spaces on a Pixel 1 phone, in milliseconds, "
                   "with the linear model that was published with it.",
               .example = "netwright cost proxylessnas_search:$(seq -s: 73 | sed 's/[0-9]*/0/g')"});
  flags.positionals("MODEL", o.models, 1, "SPACE:INDICES, or indices alone");
  flags.add("json", o.json, {.help = "print JSON"});
  return flags;
}

float milliseconds(const ResolvedModel& model) {
  const size_t colon = model.name.find(':');
  const SpaceDefinition* space = find_space(model.name.substr(0, colon));
  if (space == nullptr) {
    fail("{}: there is no cost model of it; there are models of the members of TuNAS's search spaces, SPACE:INDICES",
         model.name);
  }
  return estimate_cost(
      space->name, colon == std::string::npos ? std::vector<int64_t>{} : parse_indices(model.name.substr(colon + 1)));
}

}  // namespace

int run_cost(CommandContext& context) {
  CostOptions options;
  Flags flags = declare(options);
  if (!context.parse(flags)) return 0;
  std::vector<std::pair<std::string, float>> costs;
  for (const std::string& text : options.models) {
    const ResolvedModel model = resolve_model(text);
    costs.emplace_back(model.name, milliseconds(model));
  }
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& [name, cost] : costs) {
    if (options.json) {
      list.push_back({{"model", name}, {"device", "pixel1"}, {"milliseconds", cost}});
    } else {
      print("{}  {:.4f} ms\n", name, cost);
    }
  }
  if (options.json) print("{}\n", json_text(list, 2));
  return 0;
}

}  // namespace netwright
