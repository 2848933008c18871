#include "models/resolve.h"

#include <array>
#include <filesystem>
#include <optional>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "models/aliases.h"
#include "models/choices.h"
#include "models/mobile_spec.h"
#include "models/model_file.h"
#include "models/shrinkcnn.h"
#include "models/spec_json.h"
#include "models/tunas.h"

namespace netwright {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTunasFamily = "tunas";
constexpr std::string_view kLayerFamily = "shrinkcnn";
constexpr std::string_view kGraphFamily = "graph";

bool is_indices(std::string_view text) {
  return text.find_first_not_of("0123456789:,- ") == std::string_view::npos &&
         text.find_first_of(":,") != std::string_view::npos;
}

// A network of TuNAS that has no row in the registry.
ResolvedModel described(const std::string& name, const Spec& spec, double dropout_rate) {
  return {name, std::string(kTunasFamily),
          [=](const ModelOptions& options) { return build_tunas(name, spec, options, dropout_rate); }, spec};
}

// A row of the registry, or another collection's name for it with what that name says beside.
ResolvedModel registered(const ModelInfo& model, const std::optional<ModelAlias>& alias) {
  ResolvedModel resolved = {std::string(alias ? alias->name : model.name), std::string(model.family),
                            [&model, alias](const ModelOptions& options) {
                              return model.build(model, alias ? with_alias(options, *alias) : options);
                            }};
  if (model.family == kTunasFamily) resolved.spec = space_of_model(model).build();
  if (model.family == kLayerFamily) resolved.layers = named_shrinkcnn_blocks(model);
  return resolved;
}

// ---- Members of a space

ResolvedModel member(const SpaceDefinition& space, std::string_view text) {
  const std::vector<Decision> open = decisions(space.build());
  std::vector<int64_t> indices;
  try {
    indices = parse_indices(text);
  } catch (const Error& error) {
    fail("{}: {}", space.name, error.what());
  }
  if (indices.empty()) {
    fail(
        "{} is a search space with {} decisions; name a member by its indices, {}:0:1:...; `netwright sample` draws "
        "some",
        space.name, open.size(), space.name);
  }
  return described(fmt::format("{}:{}", space.name, print_indices(indices)), member_spec(space, indices),
                   dropout_of(space));
}

bool fits(const std::vector<Decision>& decisions, const std::vector<int64_t>& indices) {
  if (decisions.size() != indices.size()) return false;
  for (size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < 0 || indices[i] >= decisions[i].choices) return false;
  }
  return true;
}

ResolvedModel member_of_any_space(std::string_view text) {
  const std::vector<int64_t> indices = parse_indices(text);
  const SpaceDefinition* of_this_length = nullptr;
  std::vector<std::string> lengths;
  for (const SpaceDefinition& space : all_spaces()) {
    if (!space.searchable) continue;
    const std::vector<Decision> open = decisions(space.build());
    if (fits(open, indices)) return member(space, text);
    if (open.size() == indices.size() && of_this_length == nullptr) of_this_length = &space;
    lengths.push_back(fmt::format("{} has {}", space.name, open.size()));
  }
  if (of_this_length != nullptr) return member(*of_this_length, text);  // says which index is wrong
  fail("{} indices fit no search space: {}", indices.size(), join(lengths, ", "));
}

// "proxylessnas_search" or "proxylessnas_search:0:1:...", of the spaces that have members to choose from, or any with
// indices given.
std::optional<ResolvedModel> as_member(std::string_view text) {
  if (is_indices(text)) return member_of_any_space(text);
  const size_t colon = text.find(':');
  const SpaceDefinition* space = find_space(text.substr(0, colon));
  if (space == nullptr || (colon == std::string_view::npos && !space->searchable)) return std::nullopt;
  return member(*space, colon == std::string_view::npos ? "" : text.substr(colon + 1));
}

// ---- Files

struct ModelFile {
  std::string path;
  std::string indices;  // what follows the path after a colon
  std::string content;
};

ResolvedModel open_model_spec(const ModelFile& file) {
  const Spec spec = spec_from_json(file.content, file.path);
  const std::vector<Decision> open = decisions(spec);
  std::vector<int64_t> indices = parse_indices(file.indices);
  if (indices.empty()) {
    for (const Decision& decision : open) {
      if (decision.choices == 1) continue;
      fail("{}: decision {} is open with {} choices; give an index for each decision, {} in all, as in {}:0:1:...",
           file.path, decision.path, decision.choices, open.size(), file.path);
    }
    indices.assign(open.size(), 0);
  }
  check_indices(file.path, open, indices);
  FixedChoices choices(indices);
  const std::string name = file.indices.empty() ? file.path : file.path + ":" + print_indices(indices);
  return described(name, prune(spec, choices), 0.0);
}

void refuse_indices(const ModelFile& file) {
  if (!file.indices.empty()) fail("{}: it leaves nothing open that :{} could choose", file.path, file.indices);
}

ResolvedModel open_graph(const ModelFile& file) {
  refuse_indices(file);
  return {file.path, std::string(kGraphFamily),
          [file](const ModelOptions& options) { return build_graph_file(file.path, file.content, options); }};
}

ResolvedModel open_layers(const ModelFile& file) {
  refuse_indices(file);
  const LayerFile layers = read_layer_file(file.path, file.content);
  ResolvedModel resolved = {file.path, std::string(kLayerFamily),
                            [layers](const ModelOptions& options) { return build_layer_file(layers, options); }};
  resolved.layers = layers.blocks;
  return resolved;
}

// A kind of file, told by its content.
struct FileKind {
  std::string_view what;
  bool (*recognises)(std::string_view content);
  ResolvedModel (*open)(const ModelFile& file);
};
constexpr std::array<FileKind, 3> kFileKinds = {{
    {"a model_spec.json", looks_like_spec, open_model_spec},
    {"a graph as JSON", looks_like_graph, open_graph},
    {"layers as AutoShrink writes them", looks_like_layers, open_layers},
}};

ResolvedModel open_file(ModelFile file) {
  constexpr uintmax_t kMostBytes = 64 << 20;
  if (fs::file_size(file.path) > kMostBytes) {
    fail("{}: {} is no description of a network", file.path,
         format_bytes(static_cast<int64_t>(fs::file_size(file.path))));
  }
  file.content = read_file(file.path);
  std::vector<std::string> known;
  for (const FileKind& kind : kFileKinds) {
    if (kind.recognises(file.content)) {
      ResolvedModel model = kind.open(file);
      model.file = file.path;
      return model;
    }
    known.emplace_back(kind.what);
  }
  fail("{}: no description of a network: expected {}", file.path, join(known, " or "));
}

// The length of the path of a file in `folder` that `text` begins with, before its end or a colon.
std::optional<size_t> path_length(const fs::path& folder, std::string_view text) {
  std::error_code ignored;
  if (fs::is_regular_file(folder / text, ignored)) return text.size();
  for (size_t colon = text.find(':'); colon != std::string_view::npos; colon = text.find(':', colon + 1)) {
    if (fs::is_regular_file(folder / text.substr(0, colon), ignored)) return colon;
  }
  return std::nullopt;
}

std::optional<ResolvedModel> as_file(std::string_view text) {
  const std::optional<size_t> length = path_length("", text);
  if (!length) return std::nullopt;
  const std::string_view indices = text.substr(std::min(*length + 1, text.size()));
  return open_file({std::string(text.substr(0, *length)), std::string(indices), ""});
}

}  // namespace

ResolvedModel resolve_model(std::string_view text) {
  if (const ModelInfo* model = find_registered(text)) return registered(*model, find_alias(text));
  if (std::optional<ResolvedModel> found = as_member(text)) return *found;
  if (std::optional<ResolvedModel> found = as_file(text)) return *found;
  if (text.find('/') != std::string_view::npos || fs::path(text).has_extension()) {
    fail("{}: no such file, and no model of that name", text);
  }
  return registered(find_model(text), std::nullopt);  // throws with the nearest names
}

std::string name_in_run(const ResolvedModel& model) {
  if (model.file.empty()) return model.name;
  return fs::path(model.file).filename().string() + model.name.substr(model.file.size());
}

std::string model_of_run(const std::string& name, const std::string& folder) {
  const bool kept = find_registered(name) == nullptr && path_length(folder, name).has_value();
  return kept ? (fs::path(folder) / name).string() : name;
}

}  // namespace netwright
