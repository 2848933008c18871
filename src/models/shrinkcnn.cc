#include "models/shrinkcnn.h"

#include "core/error.h"
#include "models/layer_network.h"

namespace netwright {
namespace {

constexpr std::string_view kDecay = "4e-05";

struct Stage {
  int filters;  // half of what its cells give
  int cells;
};
constexpr Stage kStages[] = {{12, 1}, {24, 3}, {44, 4}, {88, 6}, {180, 4}};

// Writes blocks with their fields in the released files' order.
class Writer {
 public:
  explicit Writer(std::string_view activation) : activation_(activation) {}

  std::vector<PrototxtBlock> write() {
    add_prologue();
    std::string previous = add_conv("conv_pre1", "input", 44, 3, 2, activation_);
    int stage_number = 0;
    for (const Stage& stage : kStages) {
      ++stage_number;
      for (int cell = 1; cell <= stage.cells; ++cell) {
        const bool pools = cell == 1 && stage_number > 1;
        previous = add_cell(fmt::format("DAG_{}_{}/", stage_number, cell), previous, stage.filters, pools);
      }
    }
    add_epilogue(add_conv("conv1x1", previous, 1280, 1, 1, activation_));
    return std::move(blocks_);
  }

 private:
  using Fields = std::vector<std::pair<std::string_view, std::string>>;

  std::string add(std::string_view kind, const Fields& fields) {
    PrototxtBlock block{std::string(kind), {}, static_cast<int>(blocks_.size()) + 1};
    for (const auto& [key, value] : fields) block.fields.push_back({std::string(key), value, block.line});
    blocks_.push_back(std::move(block));
    return blocks_.back().fields.front().value;
  }

  void add_prologue() {
    const std::string name = fmt::format("swiftnet-0809-imagenet224-{}-1.40", activation_);
    add("Model", {{"name", name}, {"pretrain", "./models/" + name}});
    for (const auto& [input, shape] : {std::pair("input", "[224, 224, 3]"), std::pair("label", "[1001]")}) {
      add("Input", {{"name", input}, {"input_shape", shape}, {"dtype", "float32"}, {"mean", "-1"}, {"std", "-1"}});
    }
  }

  std::string add_conv(const std::string& name, const std::string& input, int filters, int kernel, int stride,
                       std::string_view activation) {
    return add("Convolutional", {{"name", name},
                                 {"input", input},
                                 {"filters", std::to_string(filters)},
                                 {"kernel_size", std::to_string(kernel)},
                                 {"strides", std::to_string(stride)},
                                 {"padding", "SAME"},
                                 {"activation", std::string(activation)},
                                 {"regularizer_strength", std::string(kDecay)},
                                 {"dropout", "0.000"},
                                 {"use_bias", "False"},
                                 {"trainable", "True"},
                                 {"batchnorm", "True"}});
  }

  std::string add_separable(const std::string& name, const std::string& input, int filters,
                            std::string_view activation) {
    return add("SeparableConv", {{"name", name},
                                 {"input", input},
                                 {"filters", std::to_string(filters)},
                                 {"kernel_size", "3"},
                                 {"strides", "1"},
                                 {"padding", "SAME"},
                                 {"activation", std::string(activation)},
                                 {"regularizer_strength", std::string(kDecay)},
                                 {"trainable", "True"},
                                 {"dropout", "0.000"},
                                 {"batchnorm", "True"},
                                 {"use_bias", "False"}});
  }

  std::string add_concat(const std::string& name, const std::string& first, const std::string& second) {
    return add("Concat", {{"name", name}, {"input", fmt::format("['{}', '{}']", first, second)}});
  }

  // Two wirings that pass their input on beside what they add, then two operators, whose outputs are joined and added
  // to the cell's input as it was before pooling.
  std::string add_cell(const std::string& scope, const std::string& previous, int filters, bool pools) {
    std::string x = previous;
    if (pools) {
      x = add("MaxPool", {{"name", scope + "maxpool"},
                          {"input", previous},
                          {"pool_size", "2"},
                          {"strides", "2"},
                          {"padding", "SAME"}});
    }
    const std::string left =
        add_concat(scope + "conv_concat_left", x, add_separable(scope + "conv_wiring_left", x, filters, activation_));
    const std::string right =
        add_concat(scope + "conv_concat_right", x, add_separable(scope + "conv_wiring_right", x, filters, activation_));
    const std::string first = add_separable(scope + "conv_left", left, filters, "linear");
    const std::string second = add_conv(scope + "conv_right", right, filters, 1, 1, "linear");
    const std::string joined = add_concat(scope + "all_concat", first, second);
    return add("Add", {{"name", scope + "residual_out"},
                       {"input", fmt::format("['{}', '{}']", previous, joined)},
                       {"activation", "linear"}});
  }

  void add_epilogue(const std::string& features) {
    add("GlobalAvgPool", {{"name", "avg_1k"}, {"input", features}});
    add("Flatten", {{"name", "flatten"}, {"input", "avg_1k"}});
    add("Dropout", {{"name", "fc_drop"}, {"input", "flatten"}, {"dropout", "0.0"}});
    add("Dense", {{"name", "logits"},
                  {"input", "fc_drop"},
                  {"units", "1001"},
                  {"dropout", "0.0"},
                  {"activation", "linear"},
                  {"batchnorm", "False"},
                  {"regularizer_strength", std::string(kDecay)},
                  {"use_bias", "True"}});
    add("SoftmaxLoss",
        {{"name", "softmax_loss"}, {"input", "logits"}, {"labels", "label"}, {"label_smoothing", "0.1"}});
    add("Accuracy", {{"name", "accuracy"}, {"logits", "logits"}, {"labels", "label"}});
    add("TopkAcc", {{"name", "top_5_acc"}, {"logits", "logits"}, {"labels", "label"}, {"k", "5"}});
  }

  std::string_view activation_;
  std::vector<PrototxtBlock> blocks_;
};

struct Variant {
  std::string_view name;
  std::string_view activation;
};
constexpr Variant kVariants[] = {{"shrinkcnn-a", "relu"}, {"shrinkcnn-b", "swish"}};

}  // namespace

std::vector<PrototxtBlock> shrinkcnn_blocks(std::string_view activation) { return Writer(activation).write(); }

Graph build_named_shrinkcnn(const ModelInfo& model, const ModelOptions& options) {
  return build_layer_network(named_shrinkcnn_blocks(model), layer_network_params(model.name, options));
}

std::vector<PrototxtBlock> named_shrinkcnn_blocks(const ModelInfo& model) {
  for (const Variant& variant : kVariants) {
    if (variant.name == model.name) return shrinkcnn_blocks(variant.activation);
  }
  fail("{}: the registry has this ShrinkCNN, but its builder does not", model.name);
}

}  // namespace netwright
