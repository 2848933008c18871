#include "models/choices.h"

#include <algorithm>
#include <charconv>

#include <fmt/ranges.h>

#include "core/error.h"
#include "core/text.h"

namespace netwright {
namespace {

std::string trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
}

}  // namespace

std::vector<float> one_hot(int64_t choices, int64_t index) {
  std::vector<float> shares(static_cast<size_t>(choices), 0.0F);
  shares.at(static_cast<size_t>(index)) = 1.0F;
  return shares;
}

std::vector<float> FixedChoices::shares(const Decision& decision) {
  const size_t position = next_++;
  if (position >= indices_.size()) {
    fail("{} indices were given, there is none for decision {} ({})", indices_.size(), position, decision.path);
  }
  if (indices_[position] < 0 || indices_[position] >= decision.choices) {
    fail("index {} ({}) is {}, expected 0 to {}", position, decision.path, indices_[position], decision.choices - 1);
  }
  return one_hot(decision.choices, indices_[position]);
}

std::vector<float> NoChoices::shares(const Decision& decision) {
  if (decision.choices != 1) {
    fail("decision {} is open: it has {} choices, and no indices were given", decision.path, decision.choices);
  }
  return {1.0F};
}

Answers ask(const Spec& spec, Choices& choices) {
  Answers answers;
  for_each_one_of(spec, [&](const std::string& path, const SpecOneOf& node) {
    answers[&node] = choices.shares({path, node.tag, static_cast<int64_t>(node.choices.size())});
  });
  return answers;
}

Spec prune(const Spec& spec, Choices& choices) {
  return map_one_ofs(spec, [&](const std::string& path, SpecOneOf node) {
    const auto shares = choices.shares({path, node.tag, static_cast<int64_t>(node.choices.size())});
    const auto chosen = std::find(shares.begin(), shares.end(), 1.0F);
    if (chosen == shares.end()) fail("decision {}: no alternative is chosen alone", path);
    return SpecOneOf{{std::move(node.choices[static_cast<size_t>(chosen - shares.begin())])}, std::move(node.tag)};
  });
}

std::vector<int64_t> parse_indices(std::string_view text) {
  std::string normal = trimmed(text);
  if (normal.empty()) return {};
  std::replace(normal.begin(), normal.end(), ',', ':');
  std::vector<int64_t> indices;
  for (const std::string& part : split(normal, ':')) {
    const std::string digits = trimmed(part);
    int64_t index = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (error != std::errc() || end != digits.data() + digits.size()) {
      fail("index {} is \"{}\", expected a whole number; indices are written 0:1:2", indices.size(), digits);
    }
    indices.push_back(index);
  }
  return indices;
}

std::string print_indices(const std::vector<int64_t>& indices) { return fmt::format("{}", fmt::join(indices, ":")); }

void check_indices(std::string_view name, const std::vector<Decision>& decisions, const std::vector<int64_t>& indices) {
  if (indices.size() != decisions.size()) {
    fail("{}: Wrong number of indices. Expected: {} but got: {}", name, decisions.size(), indices.size());
  }
  for (size_t i = 0; i < indices.size(); ++i) {
    const Decision& decision = decisions[i];
    if (indices[i] >= 0 && indices[i] < decision.choices) continue;
    fail("{}: Invalid index: {} for path: {} with {} choices; it is index {}, expected 0 to {}", name, indices[i],
         decision.path, decision.choices, i, decision.choices - 1);
  }
}

}  // namespace netwright
