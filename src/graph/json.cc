#include "graph/json.h"

#include <cmath>
#include <limits>
#include <map>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/text.h"
#include "graph/builder.h"
#include "graph/fields.h"

namespace netwright {

template <>
struct EnumNames<ParameterRole> {
  static constexpr std::array<std::string_view, 10> names = {
      "kernel", "depthwise_kernel", "expert_kernels",  "dense_kernel", "bias", "gamma",
      "beta",   "moving_mean",      "moving_variance", "scale"};
};
template <>
struct EnumNames<Initializer::Kind> {
  static constexpr std::array<std::string_view, 5> names = {"zeros", "ones", "normal", "uniform", "truncated_normal"};
};

namespace {

using Json = nlohmann::ordered_json;

// ---- writing ----

class Writer {
 public:
  explicit Writer(const Graph& graph) : graph_(graph) {}

  Json graph() const {
    Json out;
    out["format"] = "netwright-graph";
    out["name"] = graph_.name();
    out["input"] = input(graph_.input_spec());
    for (const char* key : {"parameters", "nodes", "outputs", "endpoints"}) out[key] = Json::array();
    for (const Parameter& item : graph_.parameters()) out["parameters"].push_back(parameter(item));
    for (const Node& item : graph_.nodes()) out["nodes"].push_back(node(item));
    for (const Output& item : graph_.outputs()) out["outputs"].push_back(output(item));
    for (const NamedNode& item : graph_.endpoints()) out["endpoints"].push_back(named(item));
    for (const BlockSpan& span : graph_.blocks()) {
      out["blocks"].push_back({{"stage", span.stage}, {"begin", span.begin}, {"end", span.end}});
    }
    return out;
  }

 private:
  static Json input(const InputSpec& spec) {
    return {{"height", spec.height},        {"width", spec.width}, {"resize", enum_name(spec.resize)},
            {"crop", enum_name(spec.crop)}, {"mean", spec.mean},   {"deviation", spec.deviation}};
  }

  static Json parameter(const Parameter& item) {
    Json json = {{"name", item.name},
                 {"shape", item.shape},
                 {"role", enum_name(item.role)},
                 {"initializer", {{"kind", enum_name(item.initializer.kind)}, {"scale", item.initializer.scale}}},
                 {"l2", item.l2}};
    if (item.frozen) json["frozen"] = true;
    return json;
  }

  static Json output(const Output& item) {
    return {{"name", item.name}, {"node", item.node}, {"loss_weight", item.loss_weight}};
  }

  static Json named(const NamedNode& item) { return {{"name", item.name}, {"node", item.node}}; }

  Json node(const Node& item) const {
    Json attributes = Json::object();
    std::visit(
        [&](const auto& op) {
          for_each_field(
              op, [&](std::string_view name, const auto& member) { attributes[std::string(name)] = value(member); });
        },
        item.op);
    return {{"operator", operator_name(item.op)},
            {"attributes", attributes},
            {"inputs", item.inputs},
            {"scope", item.scope},
            {"shape", item.shape}};
  }

  static Json value(const Shape& shape) { return shape; }
  template <typename Number>
  requires std::is_arithmetic_v<Number>
  static Json value(Number number) { return number; }
  template <typename Enum>
  requires std::is_enum_v<Enum>
  static Json value(Enum item) { return enum_name(item); }
  static Json value(const Window& window) {
    Json out = Json::object();
    for_each_field(window, [&](std::string_view name, const auto& member) { out[std::string(name)] = value(member); });
    return out;
  }
  Json value(const ParameterRef& ref) const {
    if (!ref) return nullptr;
    const Parameter& parameter = graph_.parameter(ref.id);
    if (ref.extent == parameter.shape) return parameter.name;
    return {{"parameter", parameter.name}, {"extent", ref.extent}};
  }

  const Graph& graph_;
};

// ---- reading ----

// A value and where it stands, for messages.
class Place {
 public:
  Place(const Json& value, std::string path) : value_(value), path_(std::move(path)) {}

  [[noreturn]] void refuse(std::string_view expected) const {
    fail("graph JSON: {}: expected {}, found {}", path_.empty() ? "the document" : path_, expected, description());
  }

  Place member(std::string_view name) const {
    if (!value_.is_object()) refuse("an object");
    const auto found = value_.find(std::string(name));
    if (found == value_.end()) fail("graph JSON: {} has no \"{}\"", path_.empty() ? "the document" : path_, name);
    return {*found, path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name)};
  }

  // Refuses what the reader would pass over.
  void expect_members(std::span<const std::string> known) const {
    if (!value_.is_object()) refuse("an object");
    for (const auto& [name, item] : value_.items()) {
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        fail("graph JSON: {} has an unknown {:?}{}", path_.empty() ? "the document" : path_, name,
             and_did_you_mean(name, known));
      }
    }
  }

  std::vector<Place> items() const {
    if (!value_.is_array()) refuse("a list");
    std::vector<Place> places;
    for (size_t i = 0; i < value_.size(); ++i) places.emplace_back(value_[i], fmt::format("{}[{}]", path_, i));
    return places;
  }

  bool has(std::string_view name) const { return value_.contains(std::string(name)); }
  bool is_null() const { return value_.is_null(); }
  bool is_string() const { return value_.is_string(); }

  void read(std::string& out) const {
    if (!value_.is_string()) refuse("a string");
    out = value_.get<std::string>();
    // Names go into messages and files of one line.
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' '; };
    if (std::any_of(out.begin(), out.end(), is_control)) refuse("a string without control characters");
  }
  void read(bool& out) const {
    if (!value_.is_boolean()) refuse("true or false");
    out = value_.get<bool>();
  }
  void read(double& out) const {
    if (!value_.is_number()) refuse("a number");
    out = value_.get<double>();
  }
  void read(float& out) const {
    double wide = 0.0;
    read(wide);
    out = static_cast<float>(wide);
    if (!std::isfinite(out)) refuse("a number that float32 can hold");
  }
  void read(int64_t& out) const {
    const bool too_large = value_.is_number_unsigned() &&
                           value_.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    if (!value_.is_number_integer() || too_large) refuse("a whole number");
    out = value_.get<int64_t>();
  }
  void read(int& out) const {
    int64_t wide = 0;
    read(wide);
    if (wide < std::numeric_limits<int>::min() || wide > std::numeric_limits<int>::max()) refuse("a smaller number");
    out = static_cast<int>(wide);
  }
  template <typename Item>
  void read(std::vector<Item>& out) const {
    out.clear();
    for (const Place& place : items()) place.read(out.emplace_back());
  }
  void read(std::array<float, 3>& out) const {
    const std::vector<Place> places = items();
    if (places.size() != out.size()) refuse("three numbers");
    for (size_t i = 0; i < out.size(); ++i) places[i].read(out[i]);
  }
  template <typename Enum>
  requires std::is_enum_v<Enum>
  void read(Enum& out) const {
    constexpr auto& names = EnumNames<Enum>::names;
    std::string name;
    read(name);
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      const std::vector<std::string> known(names.begin(), names.end());
      refuse("one of " + join(known, ", "));
    }
    out = static_cast<Enum>(found - names.begin());
  }

 private:
  // Short whatever the value is, and without recursion into it: a file may nest as deep as it likes.
  std::string description() const {
    constexpr size_t kMostShown = 60;
    constexpr size_t kMostItems = 8;
    if (value_.is_object()) return "an object";
    const bool plain =
        std::none_of(value_.begin(), value_.end(), [](const Json& item) { return item.is_structured(); });
    if (value_.is_array() && (!plain || value_.size() > kMostItems)) return fmt::format("a list of {}", value_.size());
    const std::string text = value_.dump();
    return text.size() > kMostShown ? text.substr(0, kMostShown) + "..." : text;
  }

  const Json& value_;
  std::string path_;
};

class Reader {
 public:
  explicit Reader(const Json& document) : document_(document, "") {}

  Graph read() {
    document_.expect_members(
        std::vector<std::string>{"format", "name", "input", "parameters", "nodes", "outputs", "endpoints", "blocks"});
    std::string format;
    document_.member("format").read(format);
    if (format != "netwright-graph") document_.member("format").refuse("\"netwright-graph\"");
    std::string name;
    document_.member("name").read(name);
    GraphBuilder builder(name, input(document_.member("input")));
    for (const Place& place : document_.member("parameters").items()) add_parameter(builder, place);
    add_nodes(builder);
    for (const Place& place : document_.member("outputs").items()) {
      const Output item = output(place);
      builder.output(item.name, item.node, item.loss_weight);
    }
    for (const Place& place : document_.member("endpoints").items()) {
      const NamedNode item = named(place);
      builder.endpoint(item.name, item.node);
    }
    if (document_.has("blocks")) {
      for (const Place& place : document_.member("blocks").items()) builder.block(block(place));
    }
    return builder.finish();
  }

 private:
  static BlockSpan block(const Place& place) {
    place.expect_members(std::vector<std::string>{"stage", "begin", "end"});
    BlockSpan span;
    place.member("stage").read(span.stage);
    place.member("begin").read(span.begin);
    place.member("end").read(span.end);
    return span;
  }

  static InputSpec input(const Place& place) {
    place.expect_members(std::vector<std::string>{"height", "width", "resize", "crop", "mean", "deviation"});
    InputSpec spec;
    place.member("height").read(spec.height);
    place.member("width").read(spec.width);
    place.member("resize").read(spec.resize);
    place.member("crop").read(spec.crop);
    place.member("mean").read(spec.mean);
    place.member("deviation").read(spec.deviation);
    return spec;
  }

  void add_parameter(GraphBuilder& builder, const Place& place) {
    place.expect_members(std::vector<std::string>{"name", "shape", "role", "initializer", "l2", "frozen"});
    Parameter parameter;
    place.member("name").read(parameter.name);
    place.member("shape").read(parameter.shape);
    place.member("role").read(parameter.role);
    const Place initializer = place.member("initializer");
    initializer.expect_members(std::vector<std::string>{"kind", "scale"});
    initializer.member("kind").read(parameter.initializer.kind);
    initializer.member("scale").read(parameter.initializer.scale);
    if (!(parameter.initializer.scale >= 0.0)) initializer.member("scale").refuse("a number of at least 0");
    place.member("l2").read(parameter.l2);
    if (!(parameter.l2 >= 0.0)) place.member("l2").refuse("a number of at least 0");
    if (place.has("frozen")) place.member("frozen").read(parameter.frozen);
    const std::string name = parameter.name;
    parameters_.emplace(name, builder.parameter(std::move(parameter)));
  }

  void add_nodes(GraphBuilder& builder) {
    const std::vector<Place> places = document_.member("nodes").items();
    if (places.empty()) document_.member("nodes").refuse("at least the Input");
    for (size_t i = 0; i < places.size(); ++i) {
      const Place& place = places[i];
      place.expect_members(std::vector<std::string>{"operator", "attributes", "inputs", "scope", "shape"});
      std::vector<NodeId> inputs;
      place.member("inputs").read(inputs);
      std::string scope_name;
      place.member("scope").read(scope_name);
      Shape shape;
      place.member("shape").read(shape);
      Operator op = read_operator<0>(place);
      if (i == 0) {
        check_input(builder, place, op, inputs.empty() && scope_name.empty());
      } else {
        const GraphBuilder::Scope scope = builder.scope(scope_name);
        builder.add(std::move(op), std::move(inputs));
      }
      const Shape& inferred = builder.shape(static_cast<NodeId>(i));
      if (inferred != shape) place.member("shape").refuse(to_string(inferred));
    }
  }

  static void check_input(const GraphBuilder& builder, const Place& place, const Operator& op, bool plain) {
    const auto* input = std::get_if<Input>(&op);
    if (input == nullptr || !plain || input->shape != builder.shape(0)) {
      place.refuse(fmt::format("an Input of {} without scope or inputs", to_string(builder.shape(0))));
    }
  }

  template <size_t kIndex>
  Operator read_operator(const Place& place) {
    if constexpr (kIndex == std::variant_size_v<Operator>) {
      place.member("operator").refuse("the name of an operator");
    } else {
      using Kind = std::variant_alternative_t<kIndex, Operator>;
      std::string name;
      place.member("operator").read(name);
      if (name != Fields<Kind>::name) return read_operator<kIndex + 1>(place);
      Kind op;
      read_fields(place.member("attributes"), op);
      return op;
    }
  }

  template <typename Struct>
  void read_fields(const Place& place, Struct& out) {
    std::vector<std::string> known;
    for_each_field(out, [&](std::string_view name, auto&) { known.emplace_back(name); });
    place.expect_members(known);
    for_each_field(out, [&](std::string_view name, auto& member) { read_value(place.member(name), member); });
  }

  template <typename Value>
  void read_value(const Place& place, Value& out) {
    place.read(out);
  }
  void read_value(const Place& place, Window& out) { read_fields(place, out); }
  void read_value(const Place& place, ParameterRef& out) {
    if (place.is_null()) return;
    std::string name;
    const bool whole = place.is_string();
    if (!whole) place.expect_members(std::vector<std::string>{"parameter", "extent"});
    (whole ? place : place.member("parameter")).read(name);
    const auto found = parameters_.find(name);
    if (found == parameters_.end()) place.refuse("the name of a parameter");
    out = found->second;
    if (!whole) place.member("extent").read(out.extent);
  }

  static Output output(const Place& place) {
    place.expect_members(std::vector<std::string>{"name", "node", "loss_weight"});
    Output item;
    place.member("name").read(item.name);
    place.member("node").read(item.node);
    place.member("loss_weight").read(item.loss_weight);
    return item;
  }

  static NamedNode named(const Place& place) {
    place.expect_members(std::vector<std::string>{"name", "node"});
    NamedNode item;
    place.member("name").read(item.name);
    place.member("node").read(item.node);
    return item;
  }

  Place document_;
  std::map<std::string, ParameterRef, std::less<>> parameters_;
};

}  // namespace

std::string to_json(const Graph& graph) { return Writer(graph).graph().dump(1) + "\n"; }

Graph from_json(std::string_view text) {
  Json document;
  try {
    document = Json::parse(text);
  } catch (const Json::parse_error& error) {
    fail("graph JSON: not well formed at byte {}", error.byte);
  } catch (const Json::out_of_range&) {
    fail("graph JSON: it has a number too large for a double");
  }
  return Reader(document).read();
}

}  // namespace netwright
