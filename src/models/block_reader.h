// Typed reads of a block's fields, as the original's; messages begin with file and line.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "formats/prototxt.h"
#include "graph/operators.h"

namespace netwright {

// What the original ignores or reads otherwise than it looks: a warning "FILE:LINE: ...", once in a process, or that as
// Error when strict.
struct Strictness {
  std::string file;
  bool strict = false;

  void warn(int line, std::string_view message) const;
};

// A field that is missing gives the default. All throw Error for what can't be read; None is no number.
class BlockReader {
 public:
  BlockReader(const PrototxtBlock& block, const Strictness& strictness) : block_(block), strictness_(strictness) {}

  const PrototxtBlock& block() const { return block_; }
  // "FILE:LINE" of the field, or of the block when it has none such.
  std::string place(std::string_view key = "") const;

  template <typename... Args>
  [[noreturn]] void refuse(std::string_view key, fmt::format_string<Args...> format, Args&&... args) const {
    fail("{}: [{}] {}", place(key), block_.kind, fmt::format(format, std::forward<Args>(args)...));
  }
  void warn(int line, std::string_view message) const { strictness_.warn(line, message); }
  // Warns when the field is there with another value than these, which say nothing.
  void passes_over(std::string_view key, std::initializer_list<std::string_view> harmless) const;

  // None is as empty.
  std::string text(std::string_view key, std::string_view otherwise = "") const;
  std::string name() const;
  // True is true, whatever else is false.
  bool flag(std::string_view key, bool otherwise) const;
  int whole(std::string_view key, int otherwise, int least) const;
  // At least 0 and finite.
  double number(std::string_view key, double otherwise) const;
  Padding padding(bool any_case) const;
  // The names of "a", "a,b" or "[a,b]" in `input`.
  std::vector<std::string> inputs() const;

 private:
  const PrototxtBlock& block_;
  const Strictness& strictness_;
};

}  // namespace netwright
