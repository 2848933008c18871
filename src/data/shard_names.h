// What the names of shards promise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace netwright {

// "train-00003-of-00008": set "train", shard 3 of 8.
struct ShardName {
  std::string set;
  int64_t shard = 0;
  int64_t of = 0;
};

// Nothing when a file isn't named so.
std::optional<ShardName> parse_shard_name(const std::string& path);

struct ShardFault {
  std::string files;  // as a pattern
  std::string what;
};

// Shards of one set that are missing, or sets of different numbers side by side. Other files are passed over.
std::vector<ShardFault> check_shard_names(const std::vector<std::string>& paths);

}  // namespace netwright
