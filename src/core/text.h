// Small helpers for what people read.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace netwright {

// The names in `known` nearest to `given` (Damerau-Levenshtein distance, case and -/_ ignored), nearest first, at most
// `limit`; those too far to be a slip of the keyboard are left out.
std::vector<std::string> nearest_names(std::string_view given, std::span<const std::string> known, size_t limit = 3);

// "did you mean a, b or c?" for the nearest names, or an empty string.
std::string did_you_mean(std::string_view given, std::span<const std::string> known);
// The same to be put behind a sentence: "; did you mean a, b or c?" or an empty string.
std::string and_did_you_mean(std::string_view given, std::span<const std::string> known);

std::vector<std::string> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);

// 5288548 -> "5,288,548".
std::string with_commas(int64_t value);
// 4194304 -> "4.0 MiB".
std::string format_bytes(int64_t bytes);

}  // namespace netwright
