// What the tests of file formats share: hex dumps, folders to write into, the golden files, SHA-256.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace netwright::test {

// "0a ff 00" -> three bytes; white space is ignored.
std::string from_hex(std::string_view hex);
std::string to_hex(std::string_view bytes);

// Hex digest (FIPS 180-4).
std::string sha256(std::string_view bytes);

// NETWRIGHT_GOLDEN, or ../shared/golden next to the source; empty when it isn't there.
std::string golden_folder();

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

// Leaves the test with one line when the golden files aren't there.
#define NETWRIGHT_NEEDS_GOLDEN(subfolder)                                          \
  const std::string golden = ::netwright::test::golden_folder() + "/" + subfolder; \
  if (!std::filesystem::is_directory(golden)) GTEST_SKIP() << "SKIPPED: no golden folder " << golden
