// Specifications: the trees in which TuNAS describes a search space and each network in it. What is still open is a
// OneOf node; a tree whose OneOf nodes have one choice each describes one network.
//
// Everything about a space is a function of its tree: its decisions and their order, its size, the text form
// (spec_json.h), the network (tower.h), the features of its cost model. Source: Bender et al., "Can weight sharing
// outperform random architecture search?", CVPR 2020, and its program's schema.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace netwright {

struct Spec;

// The named tuples that a specification is made of. Their names and fields stand in record_type().
enum class RecordKind {
  kConvTower,
  kBlock,
  kFilterMultiplier,
  kZero,
  kActivation,
  kConv,
  kSeparableConv,
  kBottleneck,
  kGlobalAveragePool,
  kResidual,
  kDetectionEndpoint,
};
struct RecordType {
  std::string_view name;   // as files say it: "basic_specs.Block"
  std::string_view alias;  // an older name, read but not written; or empty
  std::span<const std::string_view> fields;
};
const RecordType& record_type(RecordKind kind);

struct SpecList {
  std::vector<Spec> items;
  bool operator==(const SpecList& other) const;
};
struct SpecTuple {
  std::vector<Spec> items;
  bool operator==(const SpecTuple& other) const;
};
struct SpecDict {
  std::vector<std::pair<std::string, Spec>> items;  // by key, ascending
  bool operator==(const SpecDict& other) const;
};
struct SpecRecord {
  RecordKind kind = RecordKind::kZero;
  std::vector<Spec> fields;  // in the order of record_type(kind).fields
  bool operator==(const SpecRecord& other) const;
};
struct SpecOneOf {
  std::vector<Spec> choices;
  std::string tag;
  bool operator==(const SpecOneOf& other) const;
};

// The two tags of the mobile spaces: operations and kernels; widths.
inline constexpr std::string_view kOpTag = "op_indices";
inline constexpr std::string_view kFiltersTag = "filters_indices";

struct Spec {
  using Value = std::variant<std::nullptr_t, bool, int64_t, double, std::string, SpecList, SpecTuple, SpecDict,
                             SpecRecord, SpecOneOf>;
  Value value;

  Spec() = default;
  Spec(bool b) : value(b) {}
  Spec(int i) : value(int64_t{i}) {}
  Spec(int64_t i) : value(i) {}
  Spec(double d) : value(d) {}
  Spec(const char* text) : value(std::string(text)) {}
  Spec(std::string text) : value(std::move(text)) {}
  Spec(SpecList list);
  Spec(SpecTuple tuple);
  Spec(SpecDict dict);
  Spec(SpecRecord record);
  Spec(SpecOneOf node);
  bool operator==(const Spec&) const = default;

  template <typename T>
  const T* get() const {
    return std::get_if<T>(&value);
  }
  // The record, when it is one of this kind; else nullptr.
  const SpecRecord* record(RecordKind kind) const;
};

// The field of a record that has it.
const Spec& field(const SpecRecord& record, std::string_view name);

// "OneOf(choices=[3, 5], tag='op_indices')", "ZeroSpec()": a node in one line, for messages and tables.
std::string to_string(const Spec& spec);

// A decision that a specification leaves open. The n-th index of an index string answers the n-th decision.
struct Decision {
  std::string path;  // "blocks/2/layers/1/layer/choices/0/kernel_size"
  std::string tag;
  int64_t choices = 0;

  bool operator==(const Decision&) const = default;
};

// Calls visit for every OneOf with its path: children before their parent, fields and elements in order. Nodes with one
// choice count as well.
void for_each_one_of(const Spec& spec,
                     const std::function<void(const std::string& path, const SpecOneOf& node)>& visit);

// A copy in which each OneOf is what `replace` makes of it; the choices that it is given have been replaced before.
Spec map_one_ofs(Spec spec, const std::function<Spec(const std::string& path, SpecOneOf node)>& replace);

// All decisions in their order.
std::vector<Decision> decisions(const Spec& spec);

}  // namespace netwright
