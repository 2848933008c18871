#include "train/weights.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/text.h"
#include "formats/checkpoint_state.h"
#include "formats/safetensors.h"
#include "formats/tensor_bundle.h"

namespace netwright {
namespace {

constexpr std::string_view kStepName = "global_step";
constexpr std::string_view kOwnPrefix = "netwright/";
constexpr size_t kListed = 10;  // names in a message

// What a file has that it shouldn't, and hasn't that it should.
struct Differences {
  std::vector<std::string> missing;
  std::vector<std::string> misshapen;
  std::vector<std::string> extra;

  bool none() const { return missing.empty() && misshapen.empty() && extra.empty(); }
};

// "; 12 missing: a, b, ..." with up to `most` names; "" for none.
std::string listed(std::string_view what, const std::vector<std::string>& names, size_t most) {
  if (names.empty()) return "";
  const std::string list = join(std::span(names).first(std::min(most, names.size())), ", ");
  return fmt::format("; {} {}: {}{}", names.size(), what, list, names.size() > most ? ", ..." : "");
}

void refuse_differences(const TensorFile& file, const Differences& found) {
  if (found.none()) return;
  const size_t kinds =
      (found.missing.empty() ? 0 : 1) + (found.misshapen.empty() ? 0 : 1) + (found.extra.empty() ? 0 : 1);
  const size_t most = kListed / kinds;
  fail("{}: is not a checkpoint of this network{}{}{}", file.path(), listed("missing", found.missing, most),
       listed("of another shape", found.misshapen, most), listed("extra", found.extra, most));
}

// Notes the tensor unless it is there with that shape; `same` compares the shapes.
template <typename Same>
void compare(const TensorFile& file, const std::string& name, const Shape& wanted, Same same, Differences& found) {
  const std::optional<Shape> shape = file.shape(name);
  if (!shape) {
    found.missing.push_back(name);
  } else if (!same(*shape, wanted)) {
    found.misshapen.push_back(fmt::format("{} is {}, expected {}", name, shape_text(*shape), shape_text(wanted)));
  }
}

// VARIABLE/SLOT goes with its variable.
bool is_extra(const std::string& name, const TensorFile& file, const ParameterLayout& layout) {
  const size_t slash = name.rfind('/');
  if (slash == std::string::npos || name.starts_with(kOwnPrefix)) return false;
  const std::string variable = name.substr(0, slash);
  return layout.find(name) == nullptr && layout.find(variable) == nullptr && !file.shape(variable);
}

std::span<float> part_of(std::vector<float>& values, const FlatTensor& tensor) {
  return std::span(values).subspan(static_cast<size_t>(tensor.offset), static_cast<size_t>(tensor.size));
}

// ---- TensorFlow's names

// How many of the layout's tensors the file has under NAME + suffix.
size_t count_named(const TensorFile& file, const ParameterLayout& layout, std::string_view suffix) {
  const auto& tensors = layout.tensors();
  return static_cast<size_t>(std::count_if(tensors.begin(), tensors.end(), [&](const FlatTensor& tensor) {
    return file.shape(tensor.name + std::string(suffix)).has_value();
  }));
}

void read_tensorflow(const TensorFile& file, const ParameterLayout& layout, std::optional<bool> average,
                     LoadedWeights& loaded) {
  const bool there = count_named(file, layout, kAverageSuffix) > 0;
  if (average.value_or(false) && !there) {
    fail("{}: holds no moving averages (NAME{}); --noaverage takes the weights themselves", loaded.path,
         kAverageSuffix);
  }
  loaded.averaged = average.value_or(there);
  std::vector<WantedTensor> wanted;
  for (const FlatTensor& tensor : layout.tensors()) {
    wanted.push_back({loaded.averaged ? tensor.name + std::string(kAverageSuffix) : tensor.name, &tensor});
  }
  check_tensors(file, layout, wanted);
  for (const WantedTensor& want : wanted) file.read(want.name, part_of(loaded.values, *want.tensor));
}

// ---- PyTorch's names

// The graph's parameters as a convention has them, and where they are in a file.
struct Reading {
  const WeightConvention* convention = nullptr;
  std::vector<ForeignTensor> tensors;
  std::string prefix;  // before each name: "state_dict."
  size_t found = 0;
};

bool is_average(std::string_view prefix) { return prefix.find("ema") != std::string_view::npos; }

// What stands before `name` in names that end with it, with a point between.
std::vector<std::string> prefixes_of(const std::vector<std::string>& names, const std::string& name) {
  std::vector<std::string> prefixes;
  for (const std::string& known : names) {
    if (!known.ends_with(name)) continue;
    std::string prefix = known.substr(0, known.size() - name.size());
    if (prefix.empty() || prefix.ends_with('.')) prefixes.push_back(std::move(prefix));
  }
  return prefixes;
}

std::string choose_prefix(const TensorFile& file, const std::vector<ForeignTensor>& tensors,
                          std::optional<bool> average) {
  std::vector<std::string> prefixes = prefixes_of(file.names(), tensors.front().name);
  if (prefixes.empty()) return "";
  const bool wanted = average.value_or(true);
  const auto found = std::find_if(prefixes.begin(), prefixes.end(),
                                  [&](const std::string& prefix) { return is_average(prefix) == wanted; });
  return found == prefixes.end() ? prefixes.front() : *found;
}

// The convention that names most of the parameters in the file; nothing found: an empty one.
Reading best_reading(const TensorFile& file, const Graph& graph, std::optional<bool> average) {
  Reading best;
  for (const WeightConvention& convention : weight_conventions()) {
    std::optional<std::vector<ForeignTensor>> tensors = foreign_tensors(graph, convention);
    if (!tensors || tensors->empty()) continue;
    Reading reading = {&convention, std::move(*tensors), "", 0};
    reading.prefix = choose_prefix(file, reading.tensors, average);
    for (const ForeignTensor& tensor : reading.tensors) {
      if (file.shape(reading.prefix + tensor.name)) ++reading.found;
    }
    if (reading.found > best.found) best = std::move(reading);
  }
  return best;
}

// A convolution of 1 x 1 and a dense layer hold the same values in the same order.
bool same_but_ones(const Shape& a, const Shape& b) {
  const auto without_ones = [](Shape shape) {
    std::erase(shape, 1);
    return shape;
  };
  return without_ones(a) == without_ones(b);
}

void check_reading(const TensorFile& file, const Reading& reading) {
  Differences found;
  std::set<std::string> wanted;
  for (const ForeignTensor& tensor : reading.tensors) {
    const std::string name = reading.prefix + tensor.name;
    wanted.insert(name);
    compare(file, name, tensor.shape, same_but_ones, found);
  }
  for (const std::string& name : file.names()) {
    const bool counts = name.starts_with(reading.prefix) && !name.ends_with(kCounterSuffix);
    if (counts && !wanted.contains(name)) found.extra.push_back(name);
  }
  refuse_differences(file, found);
}

void read_foreign(const TensorFile& file, const Graph& graph, const ParameterLayout& layout, const Reading& reading,
                  std::optional<bool> average, LoadedWeights& loaded) {
  loaded.averaged = is_average(reading.prefix);
  if (average.value_or(false) && !loaded.averaged) {
    fail("{}: holds no moving averages (a key with \"ema\"); --noaverage takes the weights themselves", loaded.path);
  }
  check_reading(file, reading);
  std::vector<float> foreign;
  for (size_t id = 0; id < graph.parameters().size(); ++id) {
    const FlatTensor& tensor = layout.of(static_cast<int>(id));
    foreign.resize(static_cast<size_t>(tensor.size));
    file.read(reading.prefix + reading.tensors[id].name, foreign);
    reading.tensors[id].to_ours(foreign, part_of(loaded.values, tensor));
  }
  loaded.names = reading.convention->name;
}

// ---- Writing

std::span<const float> part_of(std::span<const float> values, const FlatTensor& tensor) {
  return values.subspan(static_cast<size_t>(tensor.offset), static_cast<size_t>(tensor.size));
}

}  // namespace

void check_tensors(const TensorFile& file, const ParameterLayout& layout, std::span<const WantedTensor> wanted) {
  Differences found;
  for (const WantedTensor& want : wanted) compare(file, want.name, want.tensor->shape, std::equal_to<Shape>(), found);
  for (const std::string& name : file.names()) {
    if (is_extra(name, file, layout)) found.extra.push_back(name);
  }
  refuse_differences(file, found);
}

LoadedWeights load_weights(const Graph& graph, const std::string& path, std::optional<bool> average) {
  const std::unique_ptr<TensorFile> file = open_tensor_file(path);
  const ParameterLayout layout(graph);
  LoadedWeights loaded;
  loaded.path = file->path();
  loaded.step = file->step();
  loaded.names = kTensorFlowNames;
  loaded.values.assign(static_cast<size_t>(layout.size()), 0.0F);
  const size_t own = std::max(count_named(*file, layout, ""), count_named(*file, layout, kAverageSuffix));
  const Reading reading = own == layout.tensors().size() ? Reading{} : best_reading(*file, graph, average);
  if (reading.found > own) {
    read_foreign(*file, graph, layout, reading, average, loaded);
  } else {
    read_tensorflow(*file, layout, average, loaded);
  }
  return loaded;
}

LoadedWeights load_newest_weights(const Graph& graph, const std::string& model_dir, std::optional<bool> average) {
  for (;;) {
    const std::optional<CheckpointState> before = read_checkpoint_state(model_dir);
    try {
      return load_weights(graph, model_dir, average);
    } catch (const Error&) {
      const std::optional<CheckpointState> now = read_checkpoint_state(model_dir);
      if (!before || !now || now->latest == before->latest) throw;
    }
  }
}

void save_safetensors(const std::string& path, const Graph& graph, std::span<const float> values,
                      std::string_view convention, const WeightNotes& notes) {
  SafetensorsWriter writer;
  for (const auto& [key, text] : notes.texts) writer.set_metadata(key, text);
  const ParameterLayout layout(graph);
  if (convention == kTensorFlowNames) {
    for (const FlatTensor& tensor : layout.tensors()) {
      writer.add_floats(tensor.name, tensor.shape, part_of(values, tensor));
    }
    if (notes.step) writer.add_ints(std::string(kStepName), {}, std::span(&*notes.step, 1));
    return writer.write(path);
  }
  const WeightConvention& names = find_weight_convention(convention);
  const std::optional<std::vector<ForeignTensor>> tensors = foreign_tensors(graph, names);
  if (!tensors) fail("{}: {} has no names for all layers of this network", graph.name(), names.where);
  std::vector<float> foreign;
  for (size_t id = 0; id < tensors->size(); ++id) {
    const ForeignTensor& tensor = (*tensors)[id];
    const std::span<const float> ours = part_of(values, layout.of(static_cast<int>(id)));
    foreign.resize(ours.size());
    tensor.from_ours(ours, foreign);
    writer.add_floats(tensor.name, tensor.shape, foreign);
  }
  constexpr int64_t kNoBatches = 0;
  for (const std::string& name : foreign_counters(graph, names)) writer.add_ints(name, {}, std::span(&kNoBatches, 1));
  writer.set_metadata("format", "pt");
  writer.write(path);
}

void save_bundle(const std::string& prefix, const Graph& graph, std::span<const float> values, bool averages,
                 const WeightNotes& notes) {
  const ParameterLayout layout(graph);
  BundleWriter writer(prefix);
  for (const FlatTensor& tensor : layout.tensors()) {
    writer.add_floats(tensor.name, tensor.shape, part_of(values, tensor));
    if (!averages) continue;
    writer.add_floats(tensor.name + std::string(kAverageSuffix), tensor.shape, part_of(values, tensor));
  }
  if (notes.step) writer.add_int64_scalar(kStepName, *notes.step);
  for (const auto& [key, text] : notes.texts) {
    writer.add_strings(std::string(kNotePrefix) + key, {}, {&text, 1});
  }
  writer.finish();
}

}  // namespace netwright
