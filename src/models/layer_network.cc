#include "models/layer_network.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "core/error.h"
#include "core/text.h"
#include "graph/builder.h"
#include "models/options.h"

namespace netwright {
namespace {

constexpr int64_t kDefaultSide = 224;

// "[224, 224, 3]"; the original only shows it and has the size from its command line.
void read_size(const BlockReader& reader, InputSpec& spec) {
  std::string text = reader.text("input_shape");
  if (text.empty()) return;
  std::erase_if(text, [](char c) { return c == '[' || c == ']'; });
  Shape shape;
  for (const std::string& part : split(text, ',')) {
    int64_t side = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), side);
    if (error != std::errc() || end != part.data() + part.size()) shape.clear();
    shape.push_back(side);
  }
  if (shape.size() != 3 || shape[2] != 3) {
    reader.refuse("input_shape", "input_shape={}, expected [height, width, 3]", reader.text("input_shape"));
  }
  spec.height = shape[0];
  spec.width = shape[1];
}

InputSpec input_spec(const std::vector<PrototxtBlock>& blocks, const LayerNetworkParams& params) {
  InputSpec spec;
  spec.height = spec.width = kDefaultSide;
  for (const PrototxtBlock& block : blocks) {
    if (block.kind != "Input") continue;
    read_size(BlockReader(block, params.strictness), spec);
    break;
  }
  spec.height = params.height.value_or(spec.height);
  spec.width = params.width.value_or(spec.width);
  spec.resize = ResizeMethod::kBicubic;
  spec.crop = CentreCrop::kCentral;
  spec.mean = spec.deviation = {127.5F, 127.5F, 127.5F};
  return spec;
}

const BlockKind* find_kind(std::string_view name) {
  const auto found = std::find_if(block_kinds().begin(), block_kinds().end(),
                                  [&](const BlockKind& kind) { return kind.name == name; });
  return found == block_kinds().end() ? nullptr : &*found;
}

// Whether others can read a block of the kind.
bool is_referable(std::string_view kind) {
  const BlockKind* found = find_kind(kind);
  return kind == "Input" || (found != nullptr && found->is_layer);
}

// Null, with a warning, for a kind that is passed over; unknown fields are warned of.
const BlockKind* known_kind(const BlockReader& reader) {
  const PrototxtBlock& block = reader.block();
  const BlockKind* found = find_kind(block.kind);
  if (found == nullptr) {
    std::vector<std::string> kinds;
    for (const BlockKind& kind : block_kinds()) kinds.emplace_back(kind.name);
    reader.warn(block.line, fmt::format("unknown kind [{}]; the block is passed over{}", block.kind,
                                        and_did_you_mean(block.kind, kinds)));
    return nullptr;
  }
  const std::vector<std::string> keys(found->fields.begin(), found->fields.end());
  for (const PrototxtField& field : block.fields) {
    if (std::find(keys.begin(), keys.end(), field.key) != keys.end()) continue;
    reader.warn(field.line, fmt::format("unknown field {} of [{}]; it is passed over{}", field.key, block.kind,
                                        and_did_you_mean(field.key, keys)));
  }
  return found;
}

// Resolves the blocks' names and makes their layers in order.
class Assembly {
 public:
  Assembly(const std::vector<PrototxtBlock>& blocks, const LayerNetworkParams& params)
      : blocks_(blocks), params_(params), builder_(params.name, input_spec(blocks, params)) {
    for (const PrototxtBlock& block : blocks_) {
      const PrototxtField* name = is_referable(block.kind) ? block.find("name") : nullptr;
      if (name != nullptr) lines_.try_emplace(name->cleaned(), block.line);
      if (block.kind != "SoftmaxLoss") continue;
      if (loss_input_.empty()) loss_input_ = BlockReader(block, params_.strictness).text("input");
      last_loss_line_ = block.line;
    }
  }

  Graph build() {
    for (const PrototxtBlock& block : blocks_) {
      const BlockReader reader(block, params_.strictness);
      const BlockKind* kind = known_kind(reader);
      if (kind == nullptr || kind->name == "Model") continue;
      try {
        add_block(reader, *kind);
      } catch (const Error& error) {
        const std::string_view message = error.what();
        if (message.starts_with(params_.strictness.file + ":")) throw;
        fail("{}: {}", reader.place(), message);
      }
    }
    name_outputs();
    return builder_.finish();
  }

 private:
  void add_block(const BlockReader& reader, const BlockKind& kind) {
    const std::string name = reader.name();
    if (kind.is_layer) {
      add_layer(reader, name);
    } else if (kind.name == "Input") {
      add_input(reader, name);
    } else if (kind.name == "Output" || kind.name == "OutputWithSoftmax") {
      add_output(reader, name, kind.name == "OutputWithSoftmax");
    } else if (kind.name == "SoftmaxLoss") {
      const NodeId node = resolve(reader, "input", reader.text("input"));
      reader.number("label_smoothing", 0.0);
      if (loss_ < 0) loss_ = node;
      check_labels(reader);
    } else {
      resolve(reader, "logits", reader.text("logits"));
      reader.whole("k", 1, 1);
      check_labels(reader);
    }
  }

  void add_layer(const BlockReader& reader, const std::string& name) {
    declare(reader, name);
    const GraphBuilder::Scope scope = builder_.scope(name);
    LayerPlace place;
    for (const std::string& input : reader.inputs()) place.inputs.push_back(resolve(reader, "input", input));
    if (name == loss_input_) place.units = params_.classes;
    place.decays = last_loss_line_ == 0 || reader.block().line < last_loss_line_;
    const NodeId node = make_layer(builder_, reader, params_.settings, std::move(place));
    nodes_.at(name) = node;
    builder_.endpoint(name, node);
  }

  void add_input(const BlockReader& reader, const std::string& name) {
    declare(reader, name);
    if (inputs_ == 0) {
      nodes_.at(name) = builder_.input();
    } else if (inputs_ == 1) {
      nodes_.erase(name);
      labels_ = name;
    } else {
      reader.refuse("name", "is a third one; there are images and labels");
    }
    ++inputs_;
  }

  void add_output(const BlockReader& reader, const std::string& name, bool softmax) {
    for (const NamedOutput& output : outputs_) {
      if (output.name == name) reader.refuse("name", "is named {}, as the output in line {} is", name, output.line);
    }
    outputs_.push_back({name, resolve(reader, "input", reader.text("input")), softmax, reader.block().line});
  }

  // ---- names

  void declare(const BlockReader& reader, const std::string& name) {
    if (!nodes_.try_emplace(name, -1).second || labels_ == name) {
      reader.refuse("name", "is named {}, as the block in line {} is", name, lines_.at(name));
    }
  }

  NodeId resolve(const BlockReader& reader, std::string_view key, const std::string& name) const {
    if (name.empty()) reader.refuse(key, "has no {}", key);
    const auto found = nodes_.find(name);
    if (found != nodes_.end() && found->second >= 0) return found->second;
    if (name == labels_) reader.refuse(key, "reads {}, which holds the labels", name);
    if (found != nodes_.end()) reader.refuse(key, "reads itself: {}", name);
    const auto line = lines_.find(name);
    if (line != lines_.end() && line->second > reader.block().line) {
      reader.refuse(key, "reads {}, which stands later, in line {}: a cycle, or blocks in the wrong order", name,
                    line->second);
    }
    std::vector<std::string> known;
    for (const auto& [other, node] : nodes_) known.push_back(other);
    reader.refuse(key, "reads {}, but no layer before it has that name{}", name, and_did_you_mean(name, known));
  }

  void check_labels(const BlockReader& reader) const {
    const std::string name = reader.text("labels");
    if (name.empty()) reader.refuse("labels", "has no labels");
    if (labels_.empty()) reader.refuse("labels", "has the labels {}, but there is no second [Input] before it", name);
    if (name != labels_) reader.refuse("labels", "has the labels {}, but the second [Input] is {}", name, labels_);
  }

  // ---- outputs

  struct NamedOutput {
    std::string name;
    NodeId node;
    bool softmax;
    int line;
  };

  void name_outputs() {
    const std::string& file = params_.strictness.file;
    if (loss_ < 0 && outputs_.empty()) {
      fail("{}: it has no [SoftmaxLoss] and no [Output], so nothing says what it gives", file);
    }
    const NodeId logits = loss_ >= 0 ? loss_ : outputs_.front().node;
    if (builder_.shape(logits).size() != 1) {
      fail("{}: what its loss or output reads is {}, expected one number a class", file,
           to_string(builder_.shape(logits)));
    }
    builder_.output("logits", logits);
    for (const NamedOutput& output : outputs_) {
      const bool is_logits = output.name == "logits";
      if (is_logits && output.node == logits && !output.softmax) continue;
      if (is_logits)
        fail("{}:{}: the output logits is what the loss reads; name this one otherwise", file, output.line);
      builder_.output(output.name, output.softmax ? builder_.add(Softmax{}, {output.node}) : output.node, 0.0);
    }
  }

  const std::vector<PrototxtBlock>& blocks_;
  const LayerNetworkParams& params_;
  GraphBuilder builder_;
  std::map<std::string, int> lines_;     // of the first layer or input of each name
  std::map<std::string, NodeId> nodes_;  // of the layers so far; -1 while one is made
  std::string labels_;
  std::string loss_input_;  // the layer whose units are the classes
  int last_loss_line_ = 0;  // L2 terms are collected there: later layers have none
  std::vector<NamedOutput> outputs_;
  NodeId loss_ = -1;
  int inputs_ = 0;
};

}  // namespace

Graph build_layer_network(const std::vector<PrototxtBlock>& blocks, const LayerNetworkParams& params) {
  if (params.classes) check_classes(params.name, *params.classes);
  if (params.settings.dropout_rate) check_dropout(params.name, *params.settings.dropout_rate);
  return Assembly(blocks, params).build();
}

double label_smoothing(const std::vector<PrototxtBlock>& blocks) {
  const Strictness origin = {"[SoftmaxLoss]"};
  for (const PrototxtBlock& block : blocks) {
    if (block.kind == "SoftmaxLoss") return BlockReader(block, origin).number("label_smoothing", 0.0);
  }
  return 0.0;
}

LayerNetworkParams layer_network_params(std::string_view name, const ModelOptions& options) {
  const ModelInfo model = {name, "shrinkcnn", 0, 0.0, "", nullptr};
  refuse_options_but(model, options, {"dropout_rate", "strict"});
  LayerNetworkParams params;
  params.name = name;
  params.strictness = {params.name, options.strict.value_or(false)};
  params.classes = options.classes;
  params.height = options.height;
  params.width = options.width;
  LayerSettings& settings = params.settings;
  settings.dropout_rate = options.dropout_rate;
  settings.batch_norm_momentum = options.batch_norm_momentum.value_or(settings.batch_norm_momentum);
  settings.batch_norm_epsilon = options.batch_norm_epsilon.value_or(settings.batch_norm_epsilon);
  return params;
}

}  // namespace netwright
