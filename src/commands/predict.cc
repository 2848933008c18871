// netwright predict: the most probable classes of images.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "commands/device_flags.h"
#include "commands/model_flags.h"
#include "commands/trained_model.h"
#include "core/error.h"
#include "core/file.h"
#include "data/augment.h"
#include "data/source.h"
#include "engine/program.h"
#include "formats/json_text.h"
#include "train/recipe.h"

namespace netwright {
namespace {

constexpr int64_t kBatch = 16;

struct PredictOptions {
  std::vector<std::string> words;  // MODEL, if named, and images
  TrainedChoice trained;
  DeviceChoice device;
  std::optional<std::string> labels;
  int top = 5;
  std::string precision = "fp32";
  bool json = false;
};

Flags declare(PredictOptions& o) {
  Flags flags({.usage = "predict [MODEL] --model_dir=DIR|--weights=FILE IMAGE... [flags]",
               .about = "Shows the most probable classes of JPEG and PNG images.",
               .example = "netwright predict --model_dir=run cat.jpg dog.png"});
  flags.positionals("MODEL IMAGE...", o.words, 1, "image files; before them the architecture, if no run tells it",
                    model_offers(true));
  declare_trained_flags(flags, o.trained);
  flags.section("output");
  flags.add("labels", o.labels, {.help = "names of the classes, one a line; the run's if not given", .value = "FILE"});
  flags.add("top", o.top, {.help = "how many classes an image", .range = at_least(1), .rare = true});
  flags.add("precision", o.precision, {.help = "of the computing", .choices = {"fp32", "bf16"}, .rare = true});
  flags.add("json", o.json, {.help = "print JSON"});
  declare_device_flags(flags, o.device);
  return flags;
}

// The first word is the architecture unless a run's folder tells it; there it may be one all the same. An image alone
// is an image: what is missing then is the model.
std::vector<std::string> take_model(PredictOptions& o) {
  std::vector<std::string> images = o.words;
  const bool told = tells_model(o.trained);
  const bool several = images.size() > 1;
  const bool is_file = std::filesystem::exists(images.front());
  if (told ? several && !is_file : several || !is_file) {
    o.trained.model = images.front();
    images.erase(images.begin());
  }
  if (images.empty()) fail("IMAGE is missing: which files?");
  for (const std::string& image : images) {
    if (!std::filesystem::exists(image)) fail("{}: no such file", image);
  }
  return images;
}

std::vector<std::string> class_names(const PredictOptions& o, const TrainedModel& trained) {
  std::vector<std::string> names;
  if (o.labels) {
    names = read_class_names(*o.labels);
  } else if (trained.run) {
    names = trained.run->class_names;
  }
  const int64_t classes = trained.graph.classes();
  if (first_named_label(trained.label_base, classes, names.size()) == 1) names.insert(names.begin(), "background");
  if ((o.labels || !names.empty()) && static_cast<int64_t>(names.size()) != classes) {
    fail("{}: {} names for {} classes", o.labels.value_or("run.json"), names.size(), classes);
  }
  return names;
}

struct Ranked {
  int64_t label;
  double probability;
};

std::vector<Ranked> most_probable(std::span<const float> logits, int top) {
  std::vector<int64_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto count = std::min(static_cast<size_t>(top), order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<int64_t>(count), order.end(), [&](int64_t a, int64_t b) {
    const float za = logits[static_cast<size_t>(a)];
    const float zb = logits[static_cast<size_t>(b)];
    return za != zb ? za > zb : a < b;
  });
  const double largest = logits[static_cast<size_t>(order.front())];
  double sum = 0.0;
  for (const float z : logits) sum += std::exp(z - largest);
  std::vector<Ranked> ranked;
  for (size_t i = 0; i < count; ++i) {
    ranked.push_back({order[i], std::exp(logits[static_cast<size_t>(order[i])] - largest) / sum});
  }
  return ranked;
}

// Decodes as evaluation does and runs the network on one image after another.
class Predictor {
 public:
  Predictor(const TrainedModel& trained, Backend& backend, Precision precision, int64_t batch)
      : preprocessor_(trained.input), program_(trained.graph, backend, inference_options(batch, precision)) {
    values_ = backend.make_buffer(static_cast<int64_t>(trained.weights.values.size()), 0.0F);
    values_->upload(0, trained.weights.values);
    row_ = static_cast<size_t>(element_count(trained.graph.input_shape()));
    pixels_.resize(row_ * static_cast<size_t>(batch));
  }

  // Takes in up to `batch` images, to the first that can't be read: gives the number before it, and `failure` says why.
  size_t read(std::span<const std::string> images, std::string& failure) {
    for (size_t i = 0; i < images.size(); ++i) {
      try {
        preprocessor_.evaluate(read_file(images[i]), pixels_.data() + i * row_);
      } catch (const Error& error) {
        failure = error.what();
        if (!failure.starts_with(images[i])) failure = fmt::format("{}: {}", images[i], failure);
        return i;
      }
    }
    return images.size();
  }

  // Logits of the images taken in, a row each.
  std::vector<float> run() {
    program_.set_images(pixels_);
    program_.forward(*values_);
    return program_.read(program_.graph().output("logits"));
  }

 private:
  Preprocessor preprocessor_;
  Program program_;
  std::unique_ptr<FlatBuffer> values_;
  size_t row_ = 0;
  std::vector<float> pixels_;
};

std::string name_of(const std::vector<std::string>& names, int64_t label) {
  return names.empty() ? fmt::format("class {}", label) : names[static_cast<size_t>(label)];
}

nlohmann::ordered_json to_json(const std::string& image, const std::vector<Ranked>& ranked,
                               const std::vector<std::string>& names) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Ranked& r : ranked) {
    nlohmann::ordered_json item = {{"class", r.label}};
    if (!names.empty()) item["name"] = name_of(names, r.label);
    item["probability"] = r.probability;
    list.push_back(std::move(item));
  }
  return {{"image", image}, {"top", std::move(list)}};
}

void print_ranked(const std::string& image, const std::vector<Ranked>& ranked, const std::vector<std::string>& names) {
  print("{}\n", one_line(image));
  for (const Ranked& r : ranked) print("  {:6.2f} %  {}\n", 100.0 * r.probability, one_line(name_of(names, r.label)));
}

}  // namespace

int run_predict(CommandContext& context) {
  PredictOptions options;
  Flags flags = declare(options);
  if (!context.parse(flags)) return 0;
  const std::vector<std::string> images = take_model(options);
  const TrainedModel trained = open_trained(options.trained);
  const std::vector<std::string> names = class_names(options, trained);
  Backend& backend = load_backend(options.device);
  context.begin_work();
  const auto batch = std::min<int64_t>(kBatch, static_cast<int64_t>(images.size()));
  Predictor predictor(trained, backend, parse_precision(options.precision), batch);
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  const auto classes = static_cast<size_t>(trained.graph.classes());
  std::string failure;
  for (size_t begin = 0; begin < images.size() && failure.empty(); begin += static_cast<size_t>(batch)) {
    const auto part = std::span(images).subspan(begin, std::min(static_cast<size_t>(batch), images.size() - begin));
    const size_t count = predictor.read(part, failure);
    const std::vector<float> logits = count > 0 ? predictor.run() : std::vector<float>{};
    for (size_t i = 0; i < count; ++i) {
      const auto row = std::span(logits).subspan(i * classes, classes);
      if (!std::ranges::all_of(row, [](float z) { return std::isfinite(z); })) {
        fail("{}: the network's outputs for it aren't finite", part[i]);
      }
      const auto ranked = most_probable(row, options.top);
      if (options.json) {
        all.push_back(to_json(part[i], ranked, names));
      } else {
        print_ranked(part[i], ranked, names);
      }
    }
  }
  if (options.json && !all.empty()) print("{}\n", json_text(all, 2));
  if (!failure.empty()) fail("{}", failure);
  return 0;
}

}  // namespace netwright
