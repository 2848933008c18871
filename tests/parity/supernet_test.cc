// Networks of a search: one of a supernet's is lowered with slices of the shared weights, and its logits are compared
// with the original's, which multiplied masks over the whole.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>

#include <fmt/format.h>

#include "engine/program.h"
#include "models/mobile_spec.h"
#include "models/tower.h"
#include "support/golden.h"
#include "support/testing.h"

namespace netwright::golden {
namespace {

namespace fs = std::filesystem;

// The recorded masks, one after the other.
class RecordedShares : public Choices {
 public:
  explicit RecordedShares(std::vector<float> masks) : masks_(std::move(masks)) {}
  std::vector<float> shares(const Decision& decision) override {
    const auto begin = masks_.begin() + next_;
    next_ += decision.choices;
    return {begin, begin + decision.choices};
  }

 private:
  std::vector<float> masks_;
  int64_t next_ = 0;
};

std::vector<float> fill(const Graph& graph, const ParameterLayout& layout) {
  std::vector<float> values(static_cast<size_t>(layout.size()), 0.0F);
  for (size_t id = 0; id < graph.parameters().size(); ++id) {
    const std::vector<float> part = filled(graph.parameters()[id], std::nullopt);
    std::copy(part.begin(), part.end(), values.begin() + layout.of(static_cast<int>(id)).offset);
  }
  return values;
}

void check_images(const Graph& graph, Backend& backend, const nlohmann::json& json, const SafetensorsReader& tensors,
                  const std::string& kind) {
  const Shape shape = json[kind + "_input_shape"].get<Shape>();
  LowerOptions options = inference_options(shape[0], Precision::kFloat32);
  options.batch_statistics = true;
  Program program(graph, backend, options);
  const std::vector<float> values = fill(graph, ParameterLayout(graph));
  const auto buffer = backend.make_buffer(static_cast<int64_t>(values.size()), 0.0F);
  buffer->upload(0, values);
  const std::vector<float> images =
      affine(kind == "train" ? "input/images" : "input/validation_images", element_count(shape), 0.0, 2.0);
  program.set_images(images);
  program.forward(*buffer);
  const double difference =
      test::relative_difference(tensors.read_floats("logits_" + kind), program.read(graph.output("logits")));
  const double tolerance = std::max(10.0 * json["noise"]["logits_" + kind].get<double>(), 1e-6);
  EXPECT_LE(difference, tolerance) << kind;
  std::cout << fmt::format("  {} {}, {}: {:.2g} of a tolerance of {:.2g}\n", json["ssd"].get<std::string>(),
                           json["name"].get<std::string>(), kind, difference, tolerance);
}

TEST(Parity, TunasSupernets) {
  NETWRIGHT_NEEDS_GOLDEN("tunas/supernet");
  std::set<fs::path> cases;
  for (const fs::directory_entry& entry : fs::directory_iterator(golden)) {
    if (entry.path().extension() == ".safetensors") cases.insert(entry.path());
  }
  EXPECT_FALSE(cases.empty());
  Backend& backend = load_backend("torch", {});
  for (fs::path file : cases) {
    const SafetensorsReader tensors(file.string());
    std::ifstream stream(file.replace_extension(".json"));
    const nlohmann::json json = nlohmann::json::parse(stream);
    SCOPED_TRACE(file.stem().string());
    RecordedShares choices(tensors.read_floats("masks"));
    TowerOptions options;
    options.name = json["ssd"].get<std::string>();
    options.classes = json["num_classes"].get<int64_t>();
    options.input.height = json["train_input_shape"][1].get<int64_t>();
    options.input.width = json["train_input_shape"][2].get<int64_t>();
    const Graph graph = build_tower(space_of(options.name).build(), choices, options);
    check_images(graph, backend, json, tensors, "train");
    check_images(graph, backend, json, tensors, "validation");
  }
}

}  // namespace
}  // namespace netwright::golden
