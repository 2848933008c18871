#include "spaces/sampling.h"

#include <algorithm>

#include "core/error.h"
#include "models/mobile_spec.h"
#include "spaces/cost_model.h"

namespace netwright {

std::vector<float> RandomChoices::shares(const Decision& decision) {
  indices_.push_back(static_cast<int64_t>(stream_.below(static_cast<uint64_t>(decision.choices))));
  return one_hot(decision.choices, indices_.back());
}

void check_request(const SampleRequest& request) {
  if (!(request.min_cost <= request.max_cost)) {
    fail("costs of {} to {} ms: expected the smaller one first", request.min_cost, request.max_cost);
  }
  if (request.count < 1) fail("{} architectures were asked for, expected at least 1", request.count);
  modelled_space(request.space);
}

std::vector<SampledArchitecture> sample_architectures(const SampleRequest& request, const SampleProgress& progress) {
  constexpr int64_t kReportEvery = 100;
  check_request(request);
  const CostModel model(request.space);
  const Spec spec = space_of(request.space).build();
  std::vector<SampledArchitecture> found;
  int64_t draws = 0;
  while (static_cast<int64_t>(found.size()) < request.count) {
    if (draws == request.most_draws) {
      fail("{}: {} of {} draws cost {} to {} ms, {} were asked for", request.space, found.size(), draws,
           request.min_cost, request.max_cost, request.count);
    }
    RandomChoices choices(request.seed, static_cast<uint64_t>(draws++));
    const float cost = model.estimate(cost_features(spec, ask(spec, choices)));
    if (cost >= request.min_cost && cost <= request.max_cost) found.push_back({choices.indices(), cost});
    if (draws % kReportEvery == 0) progress(draws, static_cast<int64_t>(found.size()));
  }
  if (draws % kReportEvery != 0) progress(draws, static_cast<int64_t>(found.size()));
  return found;
}

std::string count_members(const std::vector<Decision>& decisions) {
  std::string digits = "1";  // lowest first
  for (const Decision& decision : decisions) {
    int64_t carry = 0;
    for (char& digit : digits) {
      const int64_t value = (digit - '0') * decision.choices + carry;
      digit = static_cast<char>('0' + value % 10);
      carry = value / 10;
    }
    for (; carry > 0; carry /= 10) digits += static_cast<char>('0' + carry % 10);
  }
  return {digits.rbegin(), digits.rend()};
}

}  // namespace netwright
