// Reads golden cases: what the original programs computed (their README says how), and the values that both sides make
// from a tensor's name.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "formats/safetensors.h"
#include "graph/graph.h"
#include "models/registry.h"

namespace netwright::golden {

// NETWRIGHT_GOLDEN, else ../shared/golden beside the project; nullopt when there is no such folder.
std::optional<std::string> folder();

// A file or folder in it, and a file's JSON; "" and null without a golden folder, or when NETWRIGHT_GOLDEN's lacks it.
// Throws when the project's own folder lacks it: a test that is skipped then would be off without anybody seeing it.
std::string path_of(std::string_view name);
nlohmann::json json_of(std::string_view name);

// How many of something must at least have been compared: `count` of the project's own folder, 1 of another.
size_t at_least(size_t count);

// The fill: s(name, i) in [-1, 1), and values a + b s.
double symmetric(std::string_view name, uint64_t index);
std::vector<float> affine(std::string_view name, int64_t count, double a, double b);
std::vector<int32_t> labels(int64_t count, int64_t classes);
// A trainable parameter's filled values; `fan_in` is needed for the kernels of conditional convolutions only.
std::vector<float> filled(const Parameter& parameter, std::optional<int64_t> fan_in);
// The fan-in of one expert's kernel, of the parameters that MixExperts nodes hold.
std::optional<int64_t> expert_fan_in(const Graph& graph, int parameter);

struct Case {
  std::string name;
  nlohmann::json json;
  std::unique_ptr<SafetensorsReader> tensors;

  // The tolerance rule: max(10 * noise, floor), the noise of the single tensor where the case has one.
  double tolerance(const std::string& group, const std::string& tensor, bool dot, double floor) const;
  // The largest noise after training among the tensors of the same operation (its scope's parent) that end alike. One
  // tensor's noise is one sample: where an operation's units flip, they flip for all of its tensors.
  double operation_noise(const std::string& tensor) const;
  bool is_unreliable(const std::string& tensor) const;
};

// The cases FOLDER/*.json, without those that are not cases of a model.
std::vector<Case> load_cases(const std::string& folder);

// "--name=value" words of a case's command line, by name; empty when it has none.
std::map<std::string, std::string> flags_of(const nlohmann::json& json);

// The model options that a case's overrides and flags ask for; `not_understood` gets those that have no counterpart.
ModelOptions model_options(const nlohmann::json& json, std::vector<std::string>& not_understood);

// Files that list a network's variables alone: FOLDER/variables/*.json and FOLDER/variables_*.json, in order.
std::vector<std::string> variable_lists(const std::string& folder);

// Parameters, moving statistics and multiply-adds that a list or case gives, where it does, against the graph's.
std::vector<std::string> compare_counts(const nlohmann::json& json, const Graph& graph);

// "name [shape] trainable" lines that differ between a case's list and the graph, at most ten; empty when equal.
std::vector<std::string> compare_variables(const nlohmann::json& variables, const Graph& graph);

// The same of "name [shape]" lines of a case's layers, as the endpoints say.
std::vector<std::string> compare_layers(const nlohmann::json& layers, const Graph& graph);

// The JSON files of the folder that are neither cases nor lists of variables.
std::vector<std::string> other_files(const std::string& folder);

}  // namespace netwright::golden

// `golden` is the path of a file or folder; without a golden folder the test is left with one line.
#define NETWRIGHT_NEEDS_GOLDEN(name)                             \
  const std::string golden = ::netwright::golden::path_of(name); \
  if (golden.empty()) GTEST_SKIP() << "SKIPPED: no golden " << name
