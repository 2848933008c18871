// What the tests of file formats share: hex dumps, SHA-256.
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

}  // namespace netwright::test
