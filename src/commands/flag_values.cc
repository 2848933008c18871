#include "commands/flag_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <type_traits>

#include <fmt/format.h>

#include "core/error.h"
#include "core/text.h"

namespace netwright {
namespace {

template <typename T>
struct Unwrapped {
  using Type = T;
};
template <typename T>
struct Unwrapped<std::optional<T>> {
  using Type = T;
};

bool inside(const Range& range, double value) {
  const bool above = range.above_min ? value > range.min : value >= range.min;
  const bool below = range.below_max ? value < range.max : value <= range.max;
  return above && below;
}

bool read_bool(const std::string& text) {
  static constexpr std::array<std::string_view, 3> kTrue = {"true", "1", "yes"};
  static constexpr std::array<std::string_view, 3> kFalse = {"false", "0", "no"};
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (std::find(kTrue.begin(), kTrue.end(), lower) != kTrue.end()) return true;
  if (std::find(kFalse.begin(), kFalse.end(), lower) != kFalse.end()) return false;
  fail("must be true or false");
}

template <typename T>
T read_number(const std::string& text, const Range& range) {
  const char* what = std::is_integral_v<T> ? "a whole number" : "a number";
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) fail("too large or too small for {}", what);
  const bool finite = std::is_integral_v<T> || std::isfinite(static_cast<double>(value));
  if (error != std::errc() || end != text.data() + text.size() || !finite) fail("not {}", what);
  if (!inside(range, static_cast<double>(value))) fail("must be {}", range_text(range));
  return value;
}

std::string read_choice(const std::string& text, const std::vector<std::string>& choices) {
  if (text.empty()) fail("an empty value");
  if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) {
    fail("must be one of {}", join(choices, ", "));
  }
  return text;
}

template <typename T>
T read_value(const std::string& text, const FlagText& declared) {
  if constexpr (std::is_same_v<T, bool>) {
    return read_bool(text);
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (text.empty() && names_path(declared)) fail("an empty name");
    return read_choice(text, declared.choices);
  } else {
    return read_number<T>(text, declared.range);
  }
}

template <typename T>
std::string write_value(const std::optional<T>& value) {
  return value ? fmt::format("{}", *value) : "";
}
template <typename T>
std::string write_value(const T& value) {
  return fmt::format("{}", value);
}

}  // namespace

bool names_path(const FlagText& declared) { return declared.value == "FILE" || declared.value == "DIR"; }

void set_flag_value(const FlagTarget& target, const std::string& text, const FlagText& declared) {
  std::visit(
      [&](const auto& variable) {
        if constexpr (std::is_same_v<std::decay_t<decltype(variable)>, FlagParser>) {
          variable(text);
        } else {
          using Value = typename Unwrapped<std::decay_t<decltype(*variable)>>::Type;
          *variable = read_value<Value>(text, declared);
        }
      },
      target);
}

std::string flag_value_text(const FlagTarget& target) {
  return std::visit(
      [](const auto& variable) -> std::string {
        if constexpr (std::is_same_v<std::decay_t<decltype(variable)>, FlagParser>) {
          return "";
        } else {
          return write_value(*variable);
        }
      },
      target);
}

std::string_view flag_value_name(const FlagTarget& target) {
  if (std::holds_alternative<double*>(target) || std::holds_alternative<std::optional<double>*>(target)) return "X";
  if (std::holds_alternative<std::string*>(target) || std::holds_alternative<std::optional<std::string>*>(target) ||
      std::holds_alternative<FlagParser>(target)) {
    return "TEXT";
  }
  return "N";
}

bool is_bool_flag(const FlagTarget& target) {
  return std::holds_alternative<bool*>(target) || std::holds_alternative<std::optional<bool>*>(target);
}

std::string range_text(const Range& range) {
  const bool low = std::isfinite(range.min);
  const bool high = std::isfinite(range.max);
  if (low && high) {
    return fmt::format("in {}{}, {}{}", range.above_min ? '(' : '[', range.min, range.max, range.below_max ? ')' : ']');
  }
  if (low) return fmt::format("{} {}", range.above_min ? "above" : "at least", range.min);
  if (high) return fmt::format("{} {}", range.below_max ? "below" : "at most", range.max);
  return "";
}

}  // namespace netwright
