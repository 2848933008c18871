#include "spaces/cost_model.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/error.h"
#include "core/text.h"

namespace netwright {
namespace {

constexpr char kTable[] =
#include "spaces/pixel1_latency.inc"
    ;

using Features = std::vector<float>;

Features kronecker(const Features& a, const Features& b) {
  Features product;
  product.reserve(a.size() * b.size());
  for (const float x : a) {
    for (const float y : b) product.push_back(x * y);
  }
  return product;
}

class FeatureMaker {
 public:
  explicit FeatureMaker(const Answers& answers) : answers_(answers) {}

  Features of(const Spec& spec) const {
    if (const auto* list = spec.get<SpecList>()) return product(list->items);
    if (const auto* tuple = spec.get<SpecTuple>()) return product(tuple->items);
    if (const auto* record = spec.get<SpecRecord>()) return product(record->fields);
    if (const auto* dict = spec.get<SpecDict>()) {
      Features features = {1.0F};
      for (const auto& [key, child] : dict->items) features = kronecker(features, of(child));
      return features;
    }
    const auto* node = spec.get<SpecOneOf>();
    if (node == nullptr) return {1.0F};
    Features features;
    const std::vector<float>& shares = answers_.at(node);
    for (size_t i = 0; i < node->choices.size(); ++i) {
      for (const float feature : of(node->choices[i])) features.push_back(shares[i] * feature);
    }
    return features;
  }

  // The shares of a width; [1] where nothing is to be decided.
  Features shares(const Spec& filters) const {
    const auto* node = filters.get<SpecOneOf>();
    return node == nullptr ? Features{1.0F} : answers_.at(node);
  }

 private:
  Features product(const std::vector<Spec>& items) const {
    Features features = {1.0F};
    for (const Spec& item : items) features = kronecker(features, of(item));
    return features;
  }

  const Answers& answers_;
};

const std::vector<Spec>& items_of(const SpecRecord& record, std::string_view name) {
  const auto* list = field(record, name).get<SpecList>();
  if (list == nullptr) fail("{} of a {} is no list", name, record_type(record.kind).name);
  return list->items;
}

template <typename T>
T parse_number(std::string_view text, int line) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    fail("the table of latencies, line {}: \"{}\" is no number", line, text);
  }
  return value;
}

// Calls visit(space, feature, milliseconds) for each row of the table; the feature is a number or "bias".
template <typename Visit>
void for_each_row(Visit visit) {
  std::string_view rest(kTable, sizeof(kTable) - 1);
  for (int line = 1; !rest.empty(); ++line) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view row = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (row.empty() || row.starts_with('#') || row.starts_with("search_space,")) continue;
    const size_t first = row.find(',');
    const size_t second = row.find(',', first + 1);
    visit(row.substr(0, first), row.substr(first + 1, second - first - 1), row.substr(second + 1), line);
  }
}

}  // namespace

std::vector<float> cost_features(const Spec& spec, const Answers& answers) {
  const SpecRecord* tower = spec.record(RecordKind::kConvTower);
  if (tower == nullptr) fail("a cost is estimated for a ConvTowerSpec, this is {}", to_string(spec).substr(0, 60));
  const FeatureMaker maker(answers);
  Features all;
  Features previous = {1.0F};
  for (const Spec& item : items_of(*tower, "blocks")) {
    const SpecRecord* block = item.record(RecordKind::kBlock);
    if (block == nullptr) fail("blocks of a ConvTowerSpec: expected a Block, found {}", to_string(item).substr(0, 60));
    const Features out = maker.shares(field(*block, "filters"));
    for (const Spec& layer : items_of(*block, "layers")) {
      const Features features = kronecker(kronecker(out, previous), maker.of(layer));
      if (features.size() > 1) all.insert(all.end(), features.begin(), features.end());
      previous = out;
    }
  }
  return all.empty() ? Features{1.0F} : all;
}

const SpaceDefinition& modelled_space(std::string_view name) {
  const SpaceDefinition& space = space_of(name);
  if (!space.searchable) {
    fail(
        "there is no cost model of {}; there are those of proxylessnas_search, proxylessnas_enlarged_search and "
        "mobilenet_v3_like_search",
        space.name);
  }
  return space;
}

CostModel::CostModel(std::string_view space) : space_(modelled_space(space).name) {
  const Spec spec = space_of(space).build();
  FixedChoices first(std::vector<int64_t>(decisions(spec).size(), 0));
  kernel_.assign(cost_features(spec, ask(spec, first)).size(), 0.0F);
  for_each_row([&](std::string_view row_space, std::string_view feature, std::string_view value, int line) {
    if (row_space != space_) return;
    const auto milliseconds = parse_number<float>(value, line);
    if (feature == "bias") {
      bias_ = milliseconds;
      return;
    }
    const auto index = parse_number<size_t>(feature, line);
    if (index >= kernel_.size()) fail("the table of latencies, line {}: {} has {} features", line, space_, features());
    kernel_[index] = milliseconds;
  });
}

float CostModel::estimate(std::span<const float> features) const {
  // The original's product of a row and a column goes through Eigen, which adds up 16 columns at a time.
  constexpr size_t kColumns = 16;
  if (features.size() != kernel_.size()) {
    fail("{} features were given, the cost model of {} has {}", features.size(), space_, kernel_.size());
  }
  float total = 0.0F;
  for (size_t begin = 0; begin < kernel_.size(); begin += kColumns) {
    float sum = 0.0F;
    for (size_t i = begin; i < std::min(begin + kColumns, kernel_.size()); ++i) sum += features[i] * kernel_[i];
    total += sum;
  }
  return total + bias_;
}

float estimate_cost(std::string_view space, const std::vector<int64_t>& indices) {
  const CostModel model(space);
  const Spec spec = space_of(space).build();
  check_indices(space, decisions(spec), indices);
  FixedChoices choices(indices);
  return model.estimate(cost_features(spec, ask(spec, choices)));
}

}  // namespace netwright
