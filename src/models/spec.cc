#include "models/spec.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "core/error.h"
#include "core/text.h"

namespace netwright {
namespace {

constexpr std::array<std::string_view, 2> kTowerFields = {"blocks", "filters_base"};
constexpr std::array<std::string_view, 2> kBlockFields = {"layers", "filters"};
constexpr std::array<std::string_view, 1> kMultiplierFields = {"scale"};
constexpr std::array<std::string_view, 1> kActivationFields = {"name"};
constexpr std::array<std::string_view, 3> kConvFields = {"kernel_size", "strides", "use_batch_norm"};
constexpr std::array<std::string_view, 3> kSeparableFields = {"kernel_size", "strides", "activation"};
constexpr std::array<std::string_view, 7> kBottleneckFields = {
    "kernel_size", "expansion_filters",   "use_squeeze_and_excite", "strides",
    "activation",  "se_inner_activation", "se_gating_activation"};
constexpr std::array<std::string_view, 1> kResidualFields = {"layer"};

// In the order of RecordKind.
constexpr std::array<RecordType, 11> kRecordTypes = {{
    {"basic_specs.ConvTowerSpec", "", kTowerFields},
    {"basic_specs.Block", "", kBlockFields},
    {"basic_specs.FilterMultiplier", "", kMultiplierFields},
    {"basic_specs.ZeroSpec", "basic_specs.ZeroSPec", {}},
    {"mobile_search_space_v3.ActivationSpec", "", kActivationFields},
    {"mobile_search_space_v3.ConvSpec", "", kConvFields},
    {"mobile_search_space_v3.SeparableConvSpec", "", kSeparableFields},
    {"mobile_search_space_v3.DepthwiseBottleneckSpec", "", kBottleneckFields},
    {"mobile_search_space_v3.GlobalAveragePoolSpec", "", {}},
    {"mobile_search_space_v3.ResidualSpec", "", kResidualFields},
    {"mobile_search_space_v3.DetectionEndpointSpec", "", {}},
}};

// Calls visit(path component, child) for each child of a node that may be const; leaves have none.
template <typename Node, typename Visit>
void for_each_child(Node& spec, Visit visit) {
  std::visit(
      [&](auto& value) {
        using Kind = std::remove_cvref_t<decltype(value)>;
        if constexpr (std::is_same_v<Kind, SpecList> || std::is_same_v<Kind, SpecTuple>) {
          for (size_t i = 0; i < value.items.size(); ++i) visit(std::to_string(i), value.items[i]);
        } else if constexpr (std::is_same_v<Kind, SpecDict>) {
          for (auto& [key, child] : value.items) visit(key, child);
        } else if constexpr (std::is_same_v<Kind, SpecRecord>) {
          const RecordType& type = record_type(value.kind);
          for (size_t i = 0; i < value.fields.size(); ++i) visit(std::string(type.fields[i]), value.fields[i]);
        } else if constexpr (std::is_same_v<Kind, SpecOneOf>) {
          for (size_t i = 0; i < value.choices.size(); ++i) visit(fmt::format("choices/{}", i), value.choices[i]);
        }
      },
      spec.value);
}

std::string below(const std::string& path, const std::string& component) {
  return path.empty() ? component : path + "/" + component;
}

void walk(const Spec& spec, const std::string& path,
          const std::function<void(const std::string& path, const SpecOneOf& node)>& visit) {
  for_each_child(spec,
                 [&](const std::string& component, const Spec& child) { walk(child, below(path, component), visit); });
  if (const auto* node = spec.get<SpecOneOf>()) visit(path, *node);
}

void map(Spec& spec, const std::string& path,
         const std::function<Spec(const std::string& path, SpecOneOf node)>& replace) {
  for_each_child(spec, [&](const std::string& component, Spec& child) { map(child, below(path, component), replace); });
  if (auto* node = std::get_if<SpecOneOf>(&spec.value)) spec = replace(path, std::move(*node));
}

std::string list_text(const std::vector<Spec>& items) {
  std::vector<std::string> texts;
  for (const Spec& item : items) texts.push_back(to_string(item));
  return join(texts, ", ");
}

// Control characters would break a message's one line.
std::string quoted(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return std::iscntrl(c) != 0; }, '?');
  return "'" + text + "'";
}

struct Printer {
  std::string operator()(std::nullptr_t) const { return "None"; }
  std::string operator()(bool value) const { return value ? "True" : "False"; }
  std::string operator()(int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const {
    const std::string text = fmt::format("{}", value);
    return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
  }
  std::string operator()(const std::string& value) const { return quoted(value); }
  std::string operator()(const SpecList& value) const { return "[" + list_text(value.items) + "]"; }
  std::string operator()(const SpecTuple& value) const { return "(" + list_text(value.items) + ")"; }
  std::string operator()(const SpecDict& value) const {
    std::vector<std::string> texts;
    for (const auto& [key, child] : value.items) texts.push_back(fmt::format("{}: {}", quoted(key), to_string(child)));
    return "{" + join(texts, ", ") + "}";
  }
  std::string operator()(const SpecRecord& value) const {
    const RecordType& type = record_type(value.kind);
    std::vector<std::string> texts;
    for (size_t i = 0; i < value.fields.size(); ++i) {
      texts.push_back(fmt::format("{}={}", type.fields[i], to_string(value.fields[i])));
    }
    return fmt::format("{}({})", type.name.substr(type.name.find('.') + 1), join(texts, ", "));
  }
  std::string operator()(const SpecOneOf& value) const {
    return fmt::format("OneOf(choices=[{}], tag={})", list_text(value.choices), quoted(value.tag));
  }
};

}  // namespace

const RecordType& record_type(RecordKind kind) { return kRecordTypes.at(static_cast<size_t>(kind)); }

bool SpecList::operator==(const SpecList& other) const { return items == other.items; }
bool SpecTuple::operator==(const SpecTuple& other) const { return items == other.items; }
bool SpecDict::operator==(const SpecDict& other) const { return items == other.items; }
bool SpecRecord::operator==(const SpecRecord& other) const { return kind == other.kind && fields == other.fields; }
bool SpecOneOf::operator==(const SpecOneOf& other) const { return choices == other.choices && tag == other.tag; }

Spec::Spec(SpecList list) : value(std::move(list)) {}
Spec::Spec(SpecTuple tuple) : value(std::move(tuple)) {}
Spec::Spec(SpecDict dict) : value(std::move(dict)) {}
Spec::Spec(SpecRecord record) : value(std::move(record)) {}
Spec::Spec(SpecOneOf node) : value(std::move(node)) {}

const SpecRecord* Spec::record(RecordKind kind) const {
  const auto* found = get<SpecRecord>();
  return found != nullptr && found->kind == kind ? found : nullptr;
}

const Spec& field(const SpecRecord& record, std::string_view name) {
  const auto& names = record_type(record.kind).fields;
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) fail("{} has no field {}", record_type(record.kind).name, name);
  return record.fields.at(static_cast<size_t>(found - names.begin()));
}

std::string to_string(const Spec& spec) { return std::visit(Printer{}, spec.value); }

void for_each_one_of(const Spec& spec,
                     const std::function<void(const std::string& path, const SpecOneOf& node)>& visit) {
  walk(spec, "", visit);
}

Spec map_one_ofs(Spec spec, const std::function<Spec(const std::string& path, SpecOneOf node)>& replace) {
  map(spec, "", replace);
  return spec;
}

std::vector<Decision> decisions(const Spec& spec) {
  std::vector<Decision> list;
  for_each_one_of(spec, [&](const std::string& path, const SpecOneOf& node) {
    list.push_back({path, node.tag, static_cast<int64_t>(node.choices.size())});
  });
  return list;
}

}  // namespace netwright
