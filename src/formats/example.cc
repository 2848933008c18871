#include "formats/example.h"

#include <array>
#include <limits>

#include "core/error.h"
#include "formats/example.pb.h"

namespace netwright {
namespace {

// In the order of the variant's alternatives.
constexpr std::array<const char*, 4> kKinds = {"nothing", "bytes", "int64", "float"};

template <typename T>
constexpr const char* kind_of() {
  if constexpr (std::is_same_v<T, std::string>) return kKinds[1];
  if constexpr (std::is_same_v<T, int64_t>) return kKinds[2];
  return kKinds[3];
}

}  // namespace

Example Example::parse(std::string_view bytes) {
  proto::Example message;
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max()) ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    fail("not a tf.train.Example: {} bytes that don't parse", bytes.size());
  }
  Example example;
  for (proto::FeatureEntry& entry : *message.mutable_features()->mutable_feature()) {
    Feature& feature = example.features_[std::move(*entry.mutable_key())];
    proto::Feature& value = *entry.mutable_value();
    switch (value.kind_case()) {
      case proto::Feature::kBytesList: {
        auto& values = *value.mutable_bytes_list()->mutable_value();
        feature =
            std::vector<std::string>(std::make_move_iterator(values.begin()), std::make_move_iterator(values.end()));
        break;
      }
      case proto::Feature::kInt64List:
        feature = std::vector<int64_t>(value.int64_list().value().begin(), value.int64_list().value().end());
        break;
      case proto::Feature::kFloatList:
        feature = std::vector<float>(value.float_list().value().begin(), value.float_list().value().end());
        break;
      case proto::Feature::KIND_NOT_SET:
        feature = std::monostate();
        break;
    }
  }
  return example;
}

template <typename T>
const std::vector<T>* Example::list(std::string_view key) const {
  const auto found = features_.find(key);
  if (found == features_.end() || std::holds_alternative<std::monostate>(found->second)) return nullptr;
  const auto* values = std::get_if<std::vector<T>>(&found->second);
  if (values == nullptr) fail("feature {} holds {}, expected {}", key, kKinds[found->second.index()], kind_of<T>());
  return values;
}

template <typename T>
const T* Example::single(std::string_view key) const {
  const std::vector<T>* values = list<T>(key);
  if (values == nullptr) return nullptr;
  if (values->size() != 1) fail("feature {} holds {} {} values, expected one", key, values->size(), kind_of<T>());
  return values->data();
}

const std::string* Example::bytes(std::string_view key) const { return single<std::string>(key); }

std::optional<int64_t> Example::int64(std::string_view key) const {
  const int64_t* value = single<int64_t>(key);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

std::optional<float> Example::float32(std::string_view key) const {
  const float* value = single<float>(key);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

std::span<const std::string> Example::bytes_list(std::string_view key) const {
  const auto* values = list<std::string>(key);
  return values == nullptr ? std::span<const std::string>() : *values;
}

std::span<const int64_t> Example::int64_list(std::string_view key) const {
  const auto* values = list<int64_t>(key);
  return values == nullptr ? std::span<const int64_t>() : *values;
}

std::span<const float> Example::float_list(std::string_view key) const {
  const auto* values = list<float>(key);
  return values == nullptr ? std::span<const float>() : *values;
}

Example::Kind Example::kind(std::string_view key) const {
  const auto found = features_.find(key);
  return found == features_.end() ? Kind::kNothing : static_cast<Kind>(found->second.index());
}

std::vector<std::string> Example::keys() const {
  std::vector<std::string> names;
  for (const auto& [key, feature] : features_) names.push_back(key);
  return names;
}

void Example::set_bytes(std::string key, std::string value) {
  features_[std::move(key)] = std::vector<std::string>{std::move(value)};
}

void Example::set_int64(std::string key, int64_t value) { features_[std::move(key)] = std::vector<int64_t>{value}; }

void Example::set_floats(std::string key, std::vector<float> values) { features_[std::move(key)] = std::move(values); }

std::string Example::serialize() const {
  proto::Example message;
  proto::Features& features = *message.mutable_features();
  for (const auto& [key, feature] : features_) {
    proto::FeatureEntry& entry = *features.add_feature();
    entry.set_key(key);
    proto::Feature& value = *entry.mutable_value();
    if (const auto* bytes = std::get_if<std::vector<std::string>>(&feature)) {
      *value.mutable_bytes_list()->mutable_value() = {bytes->begin(), bytes->end()};
    } else if (const auto* ints = std::get_if<std::vector<int64_t>>(&feature)) {
      *value.mutable_int64_list()->mutable_value() = {ints->begin(), ints->end()};
    } else if (const auto* floats = std::get_if<std::vector<float>>(&feature)) {
      *value.mutable_float_list()->mutable_value() = {floats->begin(), floats->end()};
    }
  }
  return message.SerializeAsString();
}

}  // namespace netwright
