// netwright sample: random architectures of a space within a range of costs.
#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "core/log.h"
#include "formats/json_text.h"
#include "spaces/sampling.h"

namespace netwright {
namespace {

struct SampleOptions {
  SampleRequest request;
  int64_t seed = 0;
  bool json = false;
};

Flags declare(SampleOptions& o) {
  Flags flags({.usage = "sample SPACE [flags]",
               .about =
                   "Draws members of one of TuNAS's search spaces, uniformly, and prints those whose estimated "
                   "latency on a Pixel 1 phone lies in a range. Each line begins with a MODEL for the other commands.",
               .example = "netwright sample mobilenet_v3_like_search --min_cost=57 --max_cost=59"});
  flags.positional("SPACE", o.request.space,
                   "proxylessnas_search, proxylessnas_enlarged_search or mobilenet_v3_like_search");
  flags.add("min_cost", o.request.min_cost, {.help = "milliseconds", .origin = "tunas: --min_cost"});
  flags.add("max_cost", o.request.max_cost, {.help = "milliseconds", .origin = "tunas: --max_cost"});
  flags.add("num_samples", o.request.count,
            {.help = "how many are to be found", .range = at_least(1), .origin = "tunas: --num_samples"});
  flags.add("seed", o.seed, {.help = "of the draws", .range = at_least(0)});
  flags.add("most_draws", o.request.most_draws, {.help = "give up after so many", .range = at_least(1), .rare = true});
  flags.add("json", o.json, {.help = "print JSON"});
  return flags;
}

}  // namespace

int run_sample(CommandContext& context) {
  SampleOptions options;
  Flags flags = declare(options);
  if (!context.parse(flags)) return 0;
  SampleRequest& request = options.request;
  request.seed = static_cast<uint64_t>(options.seed);
  check_request(request);
  context.begin_work();
  constexpr int64_t kLogEvery = 10'000;
  const auto progress = [&](int64_t draws, int64_t found) {
    if (draws % kLogEvery == 0) log_info("{} draws, {} of {} found", draws, found, request.count);
  };
  const std::vector<SampledArchitecture> found = sample_architectures(request, progress);
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const SampledArchitecture& one : found) {
    const std::string name = fmt::format("{}:{}", request.space, print_indices(one.indices));
    if (options.json) {
      list.push_back({{"model", name}, {"milliseconds", one.cost}});
    } else {
      print("{}  {:.4f} ms\n", name, one.cost);
    }
  }
  if (options.json) print("{}\n", json_text(list, 2));
  return 0;
}

}  // namespace netwright
