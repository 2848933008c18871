// Who answers the decisions that a specification leaves open. One builder makes every network of a space: with fixed
// indices a stand-alone network, with a sampler or a controller what a search runs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "models/spec.h"

namespace netwright {

// Asked for every decision in its order, also for those inside an alternative that is not taken.
class Choices {
 public:
  virtual ~Choices() = default;

  // The share of each of the decision's alternatives, adding up to 1. A network has one share of 1; the warm-up of a
  // search mixes several.
  virtual std::vector<float> shares(const Decision& decision) = 0;
};

// One share of 1, the others 0.
std::vector<float> one_hot(int64_t choices, int64_t index);

// The indices of an index string, which must fit the decisions (check_indices).
class FixedChoices : public Choices {
 public:
  explicit FixedChoices(std::vector<int64_t> indices) : indices_(std::move(indices)) {}
  std::vector<float> shares(const Decision& decision) override;

 private:
  std::vector<int64_t> indices_;
  size_t next_ = 0;
};

// For a specification with nothing left open. A decision with several alternatives is an Error.
class NoChoices : public Choices {
 public:
  std::vector<float> shares(const Decision& decision) override;
};

// The shares of every OneOf of one tree, which must stay where it is.
using Answers = std::unordered_map<const SpecOneOf*, std::vector<float>>;
Answers ask(const Spec& spec, Choices& choices);

// The specification with each OneOf narrowed to the alternative that is chosen; `choices` must choose one each.
Spec prune(const Spec& spec, Choices& choices);

// "0:1:2" or "0,1,2" as numbers; empty and blank: none. Throws Error that names the position of what isn't a number.
std::vector<int64_t> parse_indices(std::string_view text);
// With colons, as the original's tools print them.
std::string print_indices(const std::vector<int64_t>& indices);

// Throws Error when the indices aren't an answer to each decision of `name`'s specification. The messages begin with
// the name and have the original's wording, then the position and what was expected.
void check_indices(std::string_view name, const std::vector<Decision>& decisions, const std::vector<int64_t>& indices);

}  // namespace netwright
