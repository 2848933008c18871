// tf.train.Example: named lists of bytes, integers or floats. Source: shared spec formats.md, section 2.1.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace netwright {

class Example {
 public:
  enum class Kind { kNothing, kBytes, kInt64, kFloat };

  // Reads a serialised Example: lists packed or not, a key given twice counts the last time, unknown fields are
  // skipped. Throws Error when it isn't one. The caller adds file and record to the message.
  static Example parse(std::string_view bytes);

  // The value of a feature with exactly one value; nothing when the key is missing or its feature has no list. Throws
  // Error that names the key when the list is of another kind or length.
  const std::string* bytes(std::string_view key) const;
  std::optional<int64_t> int64(std::string_view key) const;
  std::optional<float> float32(std::string_view key) const;

  // All values; empty when the key is missing or its feature has no list. Throws Error when the kind is another.
  std::span<const std::string> bytes_list(std::string_view key) const;
  std::span<const int64_t> int64_list(std::string_view key) const;
  std::span<const float> float_list(std::string_view key) const;

  // Whether the key is there, with or without a list.
  bool contains(std::string_view key) const { return features_.find(key) != features_.end(); }
  // Of the key's list; kNothing also when the key is missing.
  Kind kind(std::string_view key) const;
  // All keys, sorted.
  std::vector<std::string> keys() const;

  void set_bytes(std::string key, std::string value);
  void set_int64(std::string key, int64_t value);
  void set_floats(std::string key, std::vector<float> values);

  // Features in the order of their keys, so equal Examples have equal bytes. (TensorFlow's own order is unspecified.)
  std::string serialize() const;

 private:
  // Alternatives in the order of Kind.
  using Feature = std::variant<std::monostate, std::vector<std::string>, std::vector<int64_t>, std::vector<float>>;
  template <typename T>
  const std::vector<T>* list(std::string_view key) const;
  template <typename T>
  const T* single(std::string_view key) const;

  std::map<std::string, Feature, std::less<>> features_;
};

}  // namespace netwright
