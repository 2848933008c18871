#include "support/testing.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>

namespace netwright::test {

double relative_difference(std::span<const float> wanted, std::span<const float> found) {
  if (wanted.size() != found.size()) return std::numeric_limits<double>::infinity();
  double largest = 0.0;
  double difference = 0.0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const double apart = std::abs(static_cast<double>(wanted[i]) - found[i]);
    if (std::isnan(apart)) return std::numeric_limits<double>::infinity();
    largest = std::max(largest, std::abs(static_cast<double>(wanted[i])));
    difference = std::max(difference, apart);
  }
  return difference == 0.0 ? 0.0 : difference / largest;
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "netwright-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw Error("can't make a temporary folder");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::file(std::string_view name) const { return path_ + "/" + std::string(name); }

std::string TemporaryFolder::write(std::string_view name, std::string_view content) const {
  std::ofstream(file(name), std::ios::binary) << content;
  return file(name);
}

std::vector<std::string> TemporaryFolder::names() const {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(path_))
    found.push_back(entry.path().filename().string());
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace netwright::test
