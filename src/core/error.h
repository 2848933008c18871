// The one exception type for what a user can cause.
#pragma once

#include <stdexcept>
#include <string>

#include <fmt/format.h>

namespace netwright {

// Bad input of any kind: a flag, a file, a record, an image, a checkpoint, a request. The message is one line that
// names the thing, what was found and what was expected. Commands print it and exit with 2 before work has started, 1
// after.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws Error with a formatted message: fail("{}: no such file", path).
template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace netwright
