// Random members of a search space, and those whose estimated cost lies in a window.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/random.h"
#include "models/choices.h"

namespace netwright {

// Draws each decision uniformly: the n-th draw of a seed is the same whatever was drawn before.
class RandomChoices : public Choices {
 public:
  RandomChoices(uint64_t seed, uint64_t draw) : stream_(seed, RandomPurpose::kArchitecture, 0, draw) {}
  std::vector<float> shares(const Decision& decision) override;
  // What was drawn so far.
  const std::vector<int64_t>& indices() const { return indices_; }

 private:
  RandomStream stream_;
  std::vector<int64_t> indices_;
};

struct SampledArchitecture {
  std::vector<int64_t> indices;
  float cost = 0.0F;  // milliseconds
};

struct SampleRequest {
  std::string space;
  double min_cost = 83.0;  // milliseconds; both ends belong to the window
  double max_cost = 85.0;
  int64_t count = 1;
  uint64_t seed = 0;
  int64_t most_draws = 10'000'000;  // give up then
};

// Told after every hundred draws and at the end.
using SampleProgress = std::function<void(int64_t draws, int64_t found)>;

// Throws Error for a space without a cost model, a window with its ends exchanged, and a count below 1.
void check_request(const SampleRequest& request);

// Draws members until `count` of them lie in the window; a seed gives the same ones again. Throws
// Error as check_request and when so many draws don't give enough.
std::vector<SampledArchitecture> sample_architectures(const SampleRequest& request, const SampleProgress& progress);

// How many index strings a space has, as a decimal number: the product of the choices of every decision.
std::string count_members(const std::vector<Decision>& decisions);

}  // namespace netwright
