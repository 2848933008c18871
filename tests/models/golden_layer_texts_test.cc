// The texts of networks that the original's search and builder wrote: read, written, built and counted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <iostream>

#include "core/file.h"
#include "graph/count.h"
#include "models/layer_network.h"
#include "support/golden.h"

namespace netwright {
namespace {

using nlohmann::json;

// As the original counts: no gamma and beta.
int64_t counted_parameters(const Graph& graph) {
  int64_t sum = 0;
  for (const Parameter& parameter : graph.parameters()) {
    const bool of_norm = parameter.role == ParameterRole::kGamma || parameter.role == ParameterRole::kBeta;
    if (parameter.trainable() && !of_norm) sum += element_count(parameter.shape);
  }
  return sum;
}

struct Seen {
  int texts = 0;  // with fragments, which have no input
  int networks = 0;
  int counts = 0;
};

void check_network(const json& item, const std::vector<PrototxtBlock>& blocks, Seen& seen) {
  LayerNetworkParams params;
  params.name = "network";
  params.strictness = {"text", true};
  const Graph graph = build_layer_network(blocks, params);
  ++seen.networks;
  if (!item.contains("parameters") || !item["parameters"].is_number()) return;
  ++seen.counts;
  EXPECT_EQ(counted_parameters(graph), item["parameters"].get<int64_t>());
  EXPECT_EQ(count(graph).multiply_adds, item["macs"].get<int64_t>());
}

// Every object below with a member "text".
void check_texts(const json& value, Seen& seen) {
  if (value.is_object() && value.contains("text") && value["text"].is_string()) {
    const auto text = value["text"].get<std::string>();
    const std::vector<PrototxtBlock> blocks = parse_prototxt(text, "text");
    EXPECT_EQ(to_prototxt(blocks), text);
    ++seen.texts;
    if (!blocks.empty() && blocks.front().kind == "Model") check_network(value, blocks, seen);
  } else if (value.is_structured()) {
    for (const json& item : value) check_texts(item, seen);
  }
}

TEST(GoldenLayerTexts, AreReadWrittenBuiltAndCounted) {
  NETWRIGHT_NEEDS_GOLDEN("autoshrink");
  Seen all;
  for (const std::string& file : golden::other_files(golden)) {
    SCOPED_TRACE(file);
    Seen seen;
    check_texts(json::parse(read_file(golden + "/" + file)), seen);
    std::cout << fmt::format("  {}: {} texts, {} networks, {} with counts\n", file, seen.texts, seen.networks,
                             seen.counts);
    all.texts += seen.texts;
    all.counts += seen.counts;
  }
  EXPECT_GT(all.texts, 0);
  EXPECT_GT(all.counts, 0);
}

}  // namespace
}  // namespace netwright
