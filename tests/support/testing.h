// What all tests share: the message of an error, how far tensors are apart, folders to write into.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace netwright::test {

// The message of the Error that `body` throws, or "(no error)".
template <typename Body>
std::string error_of(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "(no error)";
}

// max |wanted - found| / max |wanted|; infinite for what is not a number and for spans of different length.
double relative_difference(std::span<const float> wanted, std::span<const float> found);

// A folder of its own for a test, deleted at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string file(std::string_view name) const;
  // Writes a file and gives its path.
  std::string write(std::string_view name, std::string_view content) const;
  // Base names, sorted.
  std::vector<std::string> names() const;

 private:
  std::string path_;
};

}  // namespace netwright::test
