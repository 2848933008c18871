// Logs go to standard error; standard output is for results.
#pragma once

#include <string_view>

#include <fmt/format.h>

namespace netwright {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Messages below this level are dropped; kInfo at the start.
void set_log_level(LogLevel level);

// One line, whatever thread it comes from. A progress line that is being drawn is cleared before it.
void log_message(LogLevel level, std::string_view message);

template <typename... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace netwright
