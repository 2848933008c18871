// Every golden case of each family: NETWRIGHT_GOLDEN=DIR runs whatever cases another folder of the same form holds.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include <fmt/format.h>

#include "core/error.h"
#include "graph/count.h"
#include "models/resolve.h"
#include "parity/run_case.h"

namespace netwright::golden {
namespace {

namespace fs = std::filesystem;

void say(const std::string& line) { std::cout << line << std::endl; }

// A missing model is a case to skip; anything else that goes wrong is a failure.
bool is_known(const std::string& name) {
  try {
    resolve_model(name);
    return true;
  } catch (const Error&) {
    return false;
  }
}

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

int check_case(const Case& golden_case, Backend& backend) {
  const std::string model = golden_case.json["model"].get<std::string>();
  if (!is_known(model)) {
    say(fmt::format("  {}: skipped, model {} is not registered", golden_case.name, model));
    return 0;
  }
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
  if (!differences.empty()) return 1;
  check_sizes(golden_case, graph);
  const CaseResult result = run_case(golden_case, graph, backend);
  for (const std::string& line : result.failures) ADD_FAILURE() << golden_case.name << ": " << line;
  say(fmt::format("  {}: {} values compared, {} unreliable ones left out, worst {:.2f} of its tolerance ({})",
                  golden_case.name, result.compared, result.unreliable, result.worst, result.worst_name));
  for (const std::string& line : result.left_out) say(fmt::format("  {}: left out: {}", golden_case.name, line));
  return 1;
}

int check_variable_list(const std::string& path) {
  std::ifstream file(path);
  const nlohmann::json json = nlohmann::json::parse(file);
  const std::string name = fs::path(path).stem().string();
  const std::string model = json["model"].get<std::string>();
  if (!is_known(model)) {
    say(fmt::format("  {}: skipped, model {} is not registered", name, model));
    return 0;
  }
  std::vector<std::string> not_understood;
  const Graph graph = build_model(model, model_options(json, not_understood));
  for (const std::string& key : not_understood) ADD_FAILURE() << name << ": override " << key << " has no counterpart";
  for (const std::string& line : compare_variables(json["variables"], graph)) ADD_FAILURE() << name << ": " << line;
  for (const std::string& line : compare_counts(json, graph)) ADD_FAILURE() << name << ": " << line;
  const Cost cost = count(graph);
  say(fmt::format("  {}: {} variables, {} parameters, {} multiply-adds", name, json["variables"].size(),
                  cost.parameters, cost.multiply_adds));
  return 1;
}

void check_family(const std::string& family) {
  const std::optional<std::string> root = folder();
  if (!root) GTEST_SKIP() << "SKIPPED: no golden folder";
  const fs::path path = fs::path(*root) / family;
  if (!fs::is_directory(path)) {
    say("SKIPPED: " + path.string() + " is not there");
    GTEST_SKIP();
  }
  int checked = 0;
  int seen = 0;
  for (const std::string& list : variable_lists(path.string())) checked += check_variable_list(list), ++seen;
  const std::vector<Case> cases = load_cases(path.string());
  Backend& backend = load_backend("torch", {});
  for (const Case& golden_case : cases) checked += check_case(golden_case, backend), ++seen;
  for (const std::string& file : other_files(path.string())) {
    say(fmt::format("  {}: skipped here, neither a network's case nor a list of variables", file));
  }
  say(fmt::format("{}: {} of {} cases and lists checked", family, checked, seen));
  EXPECT_GT(checked, 0) << "no case in " << path;
}

TEST(Parity, EfficientNet) { check_family("efficientnet"); }
TEST(Parity, MnasNet) { check_family("mnasnet"); }
TEST(Parity, AmoebaNet) { check_family("amoebanet"); }
TEST(Parity, Tunas) { check_family("tunas/standalone"); }
TEST(Parity, AutoShrink) { check_family("autoshrink"); }

}  // namespace
}  // namespace netwright::golden
