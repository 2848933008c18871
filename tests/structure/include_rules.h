// The include rules of the source tree: the layers, and who may see libtorch.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace netwright {

// One line a violation, "src/data/x.cc:3: ...", over all sources below `root`/src; empty when the rules hold:
// - a file includes from its own folder and from those on lower lines of the design's list,
// - only backends/torch includes libtorch's headers.
std::vector<std::string> include_violations(const std::filesystem::path& root);

}  // namespace netwright
