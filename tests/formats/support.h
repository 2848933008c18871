// What the tests of file formats share: hex dumps, the golden files, SHA-256.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/testing.h"

namespace netwright::test {

// "0a ff 00" -> three bytes; white space is ignored.
std::string from_hex(std::string_view hex);
std::string to_hex(std::string_view bytes);

// Hex digest (FIPS 180-4).
std::string sha256(std::string_view bytes);

// NETWRIGHT_GOLDEN, or ../shared/golden next to the source; empty when it isn't there.
std::string golden_folder();

}  // namespace netwright::test

// Leaves the test with one line when the golden files aren't there.
#define NETWRIGHT_NEEDS_GOLDEN(subfolder)                                          \
  const std::string golden = ::netwright::test::golden_folder() + "/" + subfolder; \
  if (!std::filesystem::is_directory(golden)) GTEST_SKIP() << "SKIPPED: no golden folder " << golden
