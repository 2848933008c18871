// Where the golden files lie.
#pragma once

#include <cstdlib>
#include <filesystem>

namespace netwright {

inline std::filesystem::path golden_folder() {
  const char* set = std::getenv("NETWRIGHT_GOLDEN");
  return set != nullptr ? std::filesystem::path(set) : std::filesystem::path(NETWRIGHT_SOURCE_DIR) / "../shared/golden";
}

}  // namespace netwright
