// A whole checkpoint as one fuzz input: for each data file its size (one byte, below 255) and bytes, the byte 255, then
// for each entry of the index the key's size (one byte), the key, the value's size (two bytes) and the value. What is
// cut short ends early.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace netwright::fuzz {

struct BundleInput {
  std::vector<std::string> shards;
  std::map<std::string, std::string> entries;
};

BundleInput unpack_bundle(std::string_view bytes);
std::string pack_bundle(const BundleInput& input);

// Entries get the CRCs of the bytes that they name.
void mend_bundle(BundleInput& input);

// Writes PREFIX.index and PREFIX.data-?????-of-?????.
void write_bundle(const std::string& prefix, const BundleInput& input);

}  // namespace netwright::fuzz
