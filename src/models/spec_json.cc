#include "models/spec_json.h"

#include <algorithm>
#include <cctype>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace netwright {
namespace {

using nlohmann::json;

constexpr std::string_view kRecordPrefix = "namedtuple:";
constexpr size_t kMostMessage = 400;
constexpr int kMostLevels = 64;  // a network has about twelve

json to_tree(const Spec& spec);

json with_items(std::string_view kind, const std::vector<Spec>& items) {
  json out = json::array({kind});
  for (const Spec& item : items) out.push_back(to_tree(item));
  return out;
}

struct Writer {
  json operator()(const SpecList& value) const { return with_items("list", value.items); }
  json operator()(const SpecTuple& value) const { return with_items("tuple", value.items); }
  json operator()(const SpecDict& value) const {
    json out = json::array({"dict"});
    for (const auto& [key, child] : value.items) out.push_back(json::array({key, to_tree(child)}));
    return out;
  }
  json operator()(const SpecRecord& value) const {
    const RecordType& type = record_type(value.kind);
    json out = json::array({std::string(kRecordPrefix) + std::string(type.name)});
    for (size_t i = 0; i < value.fields.size(); ++i) {
      out.push_back(json::array({type.fields[i], to_tree(value.fields[i])}));
    }
    return out;
  }
  json operator()(const SpecOneOf& value) const {
    return json::array(
        {"oneof", json::array({"choices", with_items("list", value.choices)}), json::array({"tag", value.tag})});
  }
  template <typename Plain>
  json operator()(const Plain& value) const {
    return value;
  }
};

json to_tree(const Spec& spec) { return std::visit(Writer{}, spec.value); }

class Reader {
 public:
  explicit Reader(std::string_view source) : source_(source) {}

  Spec read(const json& value, const std::string& path, int level = 0) const {
    if (level > kMostLevels) refuse(path, "more than {} levels", kMostLevels);
    if (value.is_null()) return {};
    if (value.is_boolean()) return value.get<bool>();
    if (value.is_number_float()) return value.get<double>();
    if (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX) refuse(path, "{} is too large", value.dump());
    if (value.is_number()) return value.get<int64_t>();
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_array() || value.empty() || !value[0].is_string()) {
      refuse(path, "expected a number, a text or an array that begins with its kind");
    }
    const auto kind = value[0].get<std::string>();
    if (kind == "list") return SpecList{items(value, path, level)};
    if (kind == "tuple") return SpecTuple{items(value, path, level)};
    if (kind == "dict") return dict(value, path, level);
    if (kind == "oneof") return one_of(value, path, level);
    if (kind.starts_with(kRecordPrefix)) return record(value, kind.substr(kRecordPrefix.size()), path, level);
    refuse(path, "Unsupported __type \"{}\"; there are list, tuple, dict, oneof and namedtuple:NAME", kind);
  }

 private:
  template <typename... Args>
  [[noreturn]] void refuse(const std::string& path, fmt::format_string<Args...> format, Args&&... args) const {
    std::string text = fmt::format("{}: {}", path.empty() ? "the specification" : path,
                                   fmt::format(format, std::forward<Args>(args)...));
    // Names come from the file: the message stays one line.
    std::replace_if(
        text.begin(), text.end(), [](unsigned char c) { return std::iscntrl(c) != 0; }, '?');
    fail("{}: {}", source_, text.substr(0, kMostMessage));
  }

  static std::string below(const std::string& path, std::string_view component) {
    return path.empty() ? std::string(component) : fmt::format("{}/{}", path, component);
  }

  std::vector<Spec> items(const json& value, const std::string& path, int level) const {
    std::vector<Spec> list;
    for (size_t i = 1; i < value.size(); ++i) {
      list.push_back(read(value[i], below(path, std::to_string(i - 1)), level + 1));
    }
    return list;
  }

  // The name of a [name, value] pair.
  std::string name_of(const json& pair, const std::string& path) const {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string()) refuse(path, "expected pairs [name, value]");
    return pair[0].get<std::string>();
  }

  Spec dict(const json& value, const std::string& path, int level) const {
    SpecDict dict;
    for (size_t i = 1; i < value.size(); ++i) {
      const std::string key = name_of(value[i], path);
      dict.items.emplace_back(key, read(value[i][1], below(path, key), level + 1));
    }
    std::sort(dict.items.begin(), dict.items.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    const auto same = std::adjacent_find(dict.items.begin(), dict.items.end(),
                                         [](const auto& a, const auto& b) { return a.first == b.first; });
    if (same != dict.items.end()) refuse(path, "the key \"{}\" is there twice", same->first);
    return dict;
  }

  Spec one_of(const json& value, const std::string& path, int level) const {
    const bool sound = value.size() == 3 && name_of(value[1], path) == "choices" && name_of(value[2], path) == "tag" &&
                       value[2][1].is_string();
    if (!sound) refuse(path, "a oneof has choices and a tag, in this order");
    Spec choices = read(value[1][1], below(path, "choices"), level + 1);
    auto* list = std::get_if<SpecList>(&choices.value);
    if (list == nullptr || list->items.empty()) refuse(path, "the choices of a oneof are a list with at least one");
    return SpecOneOf{std::move(list->items), value[2][1].get<std::string>()};
  }

  Spec record(const json& value, const std::string& name, const std::string& path, int level) const {
    SpecRecord record{kind_of(name, path), {}};
    const auto& fields = record_type(record.kind).fields;
    std::vector<const json*> values(fields.size(), nullptr);
    for (size_t i = 1; i < value.size(); ++i) {
      const std::string given = name_of(value[i], path);
      const auto found = std::find(fields.begin(), fields.end(), given);
      if (found == fields.end()) refuse(path, "Invalid field: {}; {} has {}", given, name, fmt::join(fields, ", "));
      values[static_cast<size_t>(found - fields.begin())] = &value[i][1];
    }
    for (size_t i = 0; i < fields.size(); ++i) {
      if (values[i] == nullptr) refuse(path, "Missing field: {} of {}", fields[i], name);
      record.fields.push_back(read(*values[i], below(path, fields[i]), level + 1));
    }
    return record;
  }

  RecordKind kind_of(const std::string& name, const std::string& path) const {
    for (int i = 0; i <= static_cast<int>(RecordKind::kDetectionEndpoint); ++i) {
      const auto kind = static_cast<RecordKind>(i);
      const RecordType& type = record_type(kind);
      if (name == type.name || (!type.alias.empty() && name == type.alias)) return kind;
    }
    refuse(path, "Namedtuple name '{}' is not registered", name);
  }

  std::string_view source_;
};

}  // namespace

std::string spec_to_json(const Spec& spec) { return to_tree(spec).dump(2, ' ', true); }

Spec spec_from_json(std::string_view text, std::string_view source) {
  json value;
  try {
    value = json::parse(text);
  } catch (const json::parse_error& error) {
    fail("{}: not JSON: byte {}", source, error.byte);
  } catch (const json::exception&) {
    fail("{}: a number in it is too large", source);
  }
  return Reader(source).read(value, "");
}

bool looks_like_spec(std::string_view text) {
  const auto skip = [&](char c) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
    const bool there = text.starts_with(c);
    if (there) text.remove_prefix(1);
    return there;
  };
  return skip('[') && skip('"');
}

}  // namespace netwright
