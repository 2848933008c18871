#include "models/block_reader.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <mutex>
#include <set>

#include "core/log.h"
#include "core/text.h"

namespace netwright {

void Strictness::warn(int line, std::string_view message) const {
  const std::string text = fmt::format("{}:{}: {}", file, line, message);
  if (strict) fail("{}", text);
  static std::mutex mutex;
  static std::set<std::string> told;
  const std::lock_guard lock(mutex);
  if (told.insert(text).second) log_warning("{}", text);
}

std::string BlockReader::place(std::string_view key) const {
  const PrototxtField* field = block_.find(key);
  return fmt::format("{}:{}", strictness_.file, field ? field->line : block_.line);
}

void BlockReader::passes_over(std::string_view key, std::initializer_list<std::string_view> harmless) const {
  const PrototxtField* field = block_.find(key);
  if (field == nullptr) return;
  const std::string value = field->cleaned();
  if (std::find(harmless.begin(), harmless.end(), value) != harmless.end()) return;
  warn(field->line, fmt::format("{}={} has no effect on [{}]; it is passed over", key, value, block_.kind));
}

std::string BlockReader::text(std::string_view key, std::string_view otherwise) const {
  const PrototxtField* field = block_.find(key);
  if (field == nullptr) return std::string(otherwise);
  const std::string value = field->cleaned();
  return value == "None" ? "" : value;
}

std::string BlockReader::name() const {
  std::string name = text("name");
  if (name.empty()) refuse("name", "has no name");
  return name;
}

bool BlockReader::flag(std::string_view key, bool otherwise) const {
  const PrototxtField* field = block_.find(key);
  if (field == nullptr) return otherwise;
  const std::string value = field->cleaned();
  if (value != "True" && value != "False") {
    warn(field->line, fmt::format("{}={} counts as False; write True or False", key, value));
  }
  return value == "True";
}

int BlockReader::whole(std::string_view key, int otherwise, int least) const {
  const PrototxtField* field = block_.find(key);
  if (field == nullptr) return otherwise;
  int value = 0;
  const std::string text = field->cleaned();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  constexpr int kMost = 1 << 24;
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > kMost) {
    refuse(key, "{}={}, expected a whole number from {} to {}", key, text, least, kMost);
  }
  return value;
}

double BlockReader::number(std::string_view key, double otherwise) const {
  const PrototxtField* field = block_.find(key);
  if (field == nullptr) return otherwise;
  double value = 0.0;
  const std::string text = field->cleaned();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0.0 && std::isfinite(value))) {
    refuse(key, "{}={}, expected a number of at least 0", key, text);
  }
  return value;
}

Padding BlockReader::padding(bool any_case) const {
  const std::string given = text("padding", "SAME");
  std::string value = given;
  if (any_case) {
    for (char& c : value) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  if (value == "SAME") return Padding::kSame;
  if (value == "VALID") return Padding::kValid;
  refuse("padding", "padding={}, expected SAME or VALID", given);
}

std::vector<std::string> BlockReader::inputs() const {
  std::string list = text("input");
  std::erase_if(list, [](char c) { return c == '[' || c == ']'; });
  if (list.empty()) refuse("input", "has no input");
  return split(list, ',');
}

}  // namespace netwright
