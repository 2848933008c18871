#include "train/support.h"

#include "engine/parameters.h"

namespace netwright::test {

Backend& backend() {
  static Backend& opened = load_backend("torch", {.threads = 1});
  return opened;
}

ModelOptions tiny_options() {
  ModelOptions options;
  options.classes = 10;
  options.height = options.width = 16;
  options.depth_multiplier = 0.35;
  return options;
}

Recipe tiny_recipe(int64_t train_steps) {
  RecipeOverrides overrides;
  overrides.batch = 4;
  overrides.train_steps = train_steps;
  overrides.train_images = 64;
  overrides.lr_warmup_epochs = 0.5;
  return make_recipe(kTinyModel, tiny_options(), overrides);
}

std::shared_ptr<const ImageSource> fake_data(int64_t images, uint64_t seed) {
  SourceOptions options;
  options.data = "fake";
  options.fake = {.size = images, .classes = 10, .height = 16, .width = 16, .seed = seed};
  return open_source(options);
}

RunInfo tiny_run(const Recipe& recipe, uint64_t seed) {
  const Graph graph = build_model(recipe.model, recipe.model_options);
  RunInfo info;
  info.version = "test";
  info.model = recipe.model;
  info.options = recipe.model_options;
  info.input = recipe.input;
  info.classes = graph.classes();
  info.variables = hash_variables(ParameterLayout(graph));
  info.seed = seed;
  info.train_data = DataFingerprint{"fake", 64, 0, "0"};
  return info;
}

std::vector<float> download(const FlatBuffer& buffer) {
  std::vector<float> values(static_cast<size_t>(buffer.size()));
  buffer.download(0, values);
  return values;
}

std::unique_ptr<FlatBuffer> upload(const std::vector<float>& values) {
  auto buffer = backend().make_buffer(static_cast<int64_t>(values.size()), 0.0F);
  buffer->upload(0, values);
  return buffer;
}

}  // namespace netwright::test
