#include "data/shard_names.h"

#include <charconv>
#include <filesystem>
#include <map>
#include <set>

#include <fmt/format.h>

#include "core/text.h"

namespace netwright {
namespace {

namespace fs = std::filesystem;

constexpr size_t kShownShards = 8;

std::optional<int64_t> read_number(std::string_view digits) {
  constexpr size_t kLeastDigits = 5;
  int64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, code] = std::from_chars(digits.data(), end, value);
  if (digits.size() < kLeastDigits || stop != end || code != std::errc()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<ShardName> parse_shard_name(const std::string& path) {
  const std::string name = fs::path(path).filename().string();
  const size_t of = name.rfind("-of-");
  if (of == std::string::npos || of == 0) return std::nullopt;
  const size_t dash = name.rfind('-', of - 1);
  if (dash == std::string::npos) return std::nullopt;
  const auto shard = read_number(std::string_view(name).substr(dash + 1, of - dash - 1));
  const auto count = read_number(std::string_view(name).substr(of + 4));
  if (!shard || !count) return std::nullopt;
  return ShardName{name.substr(0, dash), *shard, *count};
}

std::vector<ShardFault> check_shard_names(const std::vector<std::string>& paths) {
  std::map<int64_t, std::set<int64_t>> shards;  // by their number
  std::string stem;
  for (const std::string& path : paths) {
    const std::optional<ShardName> name = parse_shard_name(path);
    if (!name) continue;
    std::set<int64_t>& present = shards[name->of];
    if (name->shard < name->of) present.insert(name->shard);
    stem = (fs::path(path).parent_path() / name->set).string();
  }
  std::vector<ShardFault> faults;
  if (shards.size() > 1) {
    std::vector<std::string> numbers;
    for (const auto& [of, present] : shards) numbers.push_back(fmt::format("{}", of));
    faults.push_back({stem + "-*", fmt::format("sets of {} shards are mixed", join(numbers, " and of "))});
  }
  for (const auto& [of, present] : shards) {
    const int64_t count = of - static_cast<int64_t>(present.size());
    if (count == 0) continue;
    std::vector<std::string> missing;
    for (int64_t shard = 0; shard < of && missing.size() < kShownShards; ++shard) {
      if (!present.contains(shard)) missing.push_back(fmt::format("{:05d}", shard));
    }
    faults.push_back({fmt::format("{}-*-of-{:05d}", stem, of),
                      fmt::format("{} of {} shards are missing: {}{}", count, of, join(missing, ", "),
                                  count > static_cast<int64_t>(kShownShards) ? ", ..." : "")});
  }
  return faults;
}

}  // namespace netwright
