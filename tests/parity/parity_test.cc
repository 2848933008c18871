// Every golden case of each family: NETWRIGHT_GOLDEN=DIR runs whatever cases another folder of the same form holds.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "graph/count.h"
#include "parity/run_case.h"

namespace netwright::golden {
namespace {

namespace fs = std::filesystem;

void say(const std::string& line) { std::cout << line << std::endl; }

// What TuNAS's cases say beside their variables.
void check_sizes(const Case& golden_case, const Graph& graph) {
  const nlohmann::json& json = golden_case.json;
  if (!json.contains("macs_at_this_size")) return;
  const Cost cost = count(graph);
  EXPECT_EQ(cost.parameters, json["parameters"].get<int64_t>()) << golden_case.name;
  EXPECT_EQ(cost.multiply_adds, json["macs_at_this_size"].get<int64_t>()) << golden_case.name;
  std::vector<Shape> shapes;
  for (const NamedNode& endpoint : graph.endpoints()) {
    if (!endpoint.name.starts_with("endpoint_")) continue;
    shapes.push_back(graph.node(endpoint.node).shape);
    shapes.back().insert(shapes.back().begin(), json["input_shape"][0].get<int64_t>());
  }
  EXPECT_EQ(shapes, json["endpoint_shapes"].get<std::vector<Shape>>()) << golden_case.name;
}

// Whether everything that the case holds could be held against the program, right or wrong.
bool check_case(const Case& golden_case, Backend& backend) {
  const std::string model = golden_case.json["model"].get<std::string>();
  std::vector<std::string> not_understood;
  const ModelOptions options = model_options(golden_case.json, not_understood);
  for (const std::string& key : not_understood)
    ADD_FAILURE() << golden_case.name << ": override " << key << " has no counterpart";
  const Graph graph = build_model(model, options);
  const std::vector<std::string> differences = compare_variables(golden_case.json["variables"], graph);
  for (const std::string& line : differences) ADD_FAILURE() << golden_case.name << ": " << line;
  for (const std::string& line : compare_counts(golden_case.json, graph)) {
    ADD_FAILURE() << golden_case.name << ": " << line;
  }
  if (golden_case.json.contains("layers")) {
    for (const std::string& line : compare_layers(golden_case.json["layers"], graph)) {
      ADD_FAILURE() << golden_case.name << ": " << line;
    }
  }
  if (!differences.empty()) return false;
  check_sizes(golden_case, graph);
  const CaseResult result = run_case(golden_case, graph, backend);
  for (const std::string& line : result.failures) ADD_FAILURE() << golden_case.name << ": " << line;
  say(fmt::format("  {}: {} values compared, {} unreliable ones left out, worst {:.2f} of its tolerance ({})",
                  golden_case.name, result.compared, result.unreliable, result.worst, result.worst_name));
  if (!result.changes.empty()) {
    say(fmt::format("  {}: changes in training, very right/right/judged/all: {}", golden_case.name,
                    fmt::join(result.changes, ", ")));
  }
  for (const std::string& line : result.left_out) say(fmt::format("  {}: left out: {}", golden_case.name, line));
  return true;
}

bool check_variable_list(const std::string& path) {
  std::ifstream file(path);
  const nlohmann::json json = nlohmann::json::parse(file);
  const std::string name = fs::path(path).stem().string();
  std::vector<std::string> not_understood;
  const Graph graph = build_model(json["model"].get<std::string>(), model_options(json, not_understood));
  for (const std::string& key : not_understood) ADD_FAILURE() << name << ": override " << key << " has no counterpart";
  for (const std::string& line : compare_variables(json["variables"], graph)) ADD_FAILURE() << name << ": " << line;
  for (const std::string& line : compare_counts(json, graph)) ADD_FAILURE() << name << ": " << line;
  const Cost cost = count(graph);
  say(fmt::format("  {}: {} variables, {} parameters, {} multiply-adds", name, json["variables"].size(),
                  cost.parameters, cost.multiply_adds));
  return true;
}

// Every family is there, so a model that can't be built fails, and the cases after it still run.
template <typename Check>
int checked_without_error(const std::string& name, Check check) {
  try {
    return check() ? 1 : 0;
  } catch (const std::exception& error) {
    ADD_FAILURE() << name << ": " << error.what();
    return 0;
  }
}

// `least`: cases and lists in the default folder. Another may hold any number of them.
void check_family(const std::string& family, size_t least) {
  NETWRIGHT_NEEDS_GOLDEN(family);
  size_t checked = 0;
  size_t seen = 0;
  for (const std::string& list : variable_lists(golden)) {
    checked += checked_without_error(list, [&] { return check_variable_list(list); });
    ++seen;
  }
  const std::vector<Case> cases = load_cases(golden);
  Backend& backend = load_backend("torch", {});
  for (const Case& golden_case : cases) {
    checked += checked_without_error(golden_case.name, [&] { return check_case(golden_case, backend); });
    ++seen;
  }
  for (const std::string& file : other_files(golden)) {
    say(fmt::format("  {}: skipped here, neither a network's case nor a list of variables", file));
  }
  say(fmt::format("{}: {} of {} cases and lists checked", family, checked, seen));
  EXPECT_EQ(checked, seen);
  EXPECT_GE(seen, at_least(least)) << golden;
}

TEST(Parity, EfficientNet) { check_family("efficientnet", 65); }
TEST(Parity, MnasNet) { check_family("mnasnet", 23); }
TEST(Parity, AmoebaNet) { check_family("amoebanet", 13); }
TEST(Parity, Tunas) { check_family("tunas/standalone", 17); }
TEST(Parity, AutoShrink) { check_family("autoshrink", 12); }

}  // namespace
}  // namespace netwright::golden
