#include "structure/include_rules.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <regex>

#include <fmt/format.h>

namespace netwright {
namespace {

// Lowest first.
constexpr std::array<std::string_view, 14> kLayers = {"core",   "kernels", "formats", "graph",    "data",
                                                      "models", "spaces",  "engine",  "backends", "train",
                                                      "export", "search",  "serve",   "commands"};
constexpr std::array<std::string_view, 5> kLibtorch = {"ATen/", "c10/", "torch/", "caffe2/", "torchgen/"};

// Where a path's first folder stands; nothing for what isn't a layer.
std::optional<size_t> layer_of(const std::string& path) {
  const auto found = std::find(kLayers.begin(), kLayers.end(), path.substr(0, path.find('/')));
  if (found == kLayers.end()) return std::nullopt;
  return static_cast<size_t>(found - kLayers.begin());
}

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

// What is wrong with `file` (below src/) including `header`; empty if nothing.
std::string fault(const std::string& file, const std::string& header) {
  const bool libtorch = std::any_of(kLibtorch.begin(), kLibtorch.end(),
                                    [&](std::string_view prefix) { return header.starts_with(prefix); });
  if (libtorch && !file.starts_with("backends/torch/")) {
    return fmt::format("only backends/torch may include libtorch's {}", header);
  }
  const std::optional<size_t> from = layer_of(file);
  const std::optional<size_t> to = layer_of(header);
  if (!from) return fmt::format("{} is not a layer of the design", folder_of(file));
  if (!to || header.find('/') == std::string::npos) return "";
  if (*to > *from) return fmt::format("{} includes {} from a higher layer", folder_of(file), header);
  // A backend may include what all backends share, but not another backend.
  const bool other_folder = *to == *from && folder_of(header) != folder_of(file) && folder_of(header) != kLayers[*to];
  if (other_folder) return fmt::format("{} includes {} from its neighbour", folder_of(file), header);
  return "";
}

}  // namespace

std::vector<std::string> include_violations(const std::filesystem::path& root) {
  static const std::regex include_line(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
  std::vector<std::string> violations;
  const std::filesystem::path src = root / "src";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(src)) {
    const std::string extension = entry.path().extension();
    if (extension != ".cc" && extension != ".h" && extension != ".cu" && extension != ".cuh") continue;
    const std::string file = std::filesystem::relative(entry.path(), src);
    std::ifstream stream(entry.path());
    std::string line;
    for (int number = 1; std::getline(stream, line); ++number) {
      std::smatch match;
      if (!std::regex_search(line, match, include_line)) continue;
      const std::string what = fault(file, match[1]);
      if (!what.empty()) violations.push_back(fmt::format("src/{}:{}: {}", file, number, what));
    }
  }
  std::sort(violations.begin(), violations.end());
  return violations;
}

}  // namespace netwright
