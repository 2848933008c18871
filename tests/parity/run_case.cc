#include "parity/run_case.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include "engine/program.h"
#include "models/resolve.h"
#include "parity/comparison.h"
#include "parity/training_spec.h"
#include "support/testing.h"
#include "train/evaluator.h"
#include "train/schedule.h"

namespace netwright::golden {
namespace {

// The rule's floors, and how far single tensors may pass them. The noise of one tensor is one sample of rounding, and a
// small one may be luck: these cases, run here in float64, miss the rule on the same tensors by as much as in float32.
// Measured so: update/ 3.3e-6, gradients 2.4e-5, slots 3.5e-5 (efficientnet-b0-97x131); with ReLU, whose units flip,
// 0.43 for a slot (mnasnet-b1, blocks_7/conv2d_14/kernel/RMSProp_1). So a group must keep the rule but for a few
// tensors, and those few the wider floor.
struct Floors {
  Floor update;
  Floor gradient;
  Floor slot;   // those that hold gradients: RMSProp_1, Momentum, LARSOptimizer
  Floor state;  // variables, averages, mean squares
};

constexpr Floors kSmoothFloors = {{1e-6, 1e-5}, {1e-5, 2e-4}, {1e-5, 5e-4}, {1e-5, 1e-5}};
constexpr Floors kReluFloors = {{1e-6, 1e-4}, {1e-2, 1e-1}, {5e-2, 6e-1}, {5e-2, 1e-1}};

// A few steps change a tensor by 1e-7 to 2e-3 of its norm, far below the floors of the state, which untouched state
// would keep: so the changes themselves are held, too. Measured, of a group's changes that stand out of the noise:
// without ReLU at least 95 % are right to 3 % and half to 0.2 %; with ReLU at least 75 % to 30 % (average,
// efficientnet-lite4-128) and half to 10 % (average, efficientnet-x-b0-128), most far better. mnasnet-small's eight
// steps leave moving statistics whose changes are 2.4 times their noise, and half of those are right to 46 %.
// Untouched state has none right, nor has a momentum m whose 1 - m is off by more than 1 / (1 - part) times; half_part
// is for what shifts all changes by less, such as a wrong decay of the averages (19 % for 0.1 in amoebanet_a). The
// limits leave other cases room for more rounding than these have.
constexpr ChangeRule kSmoothChanges = {0.01, 0.03, 0.8};
constexpr ChangeRule kReluChanges = {0.18, 0.3, 0.5};
constexpr ChangeRule kLateReluChanges = {0.7, 0.7, 0.5};
constexpr int64_t kLateSteps = 5;

constexpr double kForwardFloor = 1e-6;
constexpr double kTrainingFloor = 1e-5;
constexpr double kReluTrainingFloor = 5e-2;
constexpr double kTooNoisy = 0.1;

// Of the largest logit in float32. Where the filled network magnifies rounding beyond the ceiling, nothing is said.
constexpr double kBfloat16Tolerance = 3e-2;
constexpr double kBfloat16Ceiling = 0.5;

bool has_relu(const Graph& graph) {
  return std::any_of(graph.nodes().begin(), graph.nodes().end(), [](const Node& node) {
    const auto* activation = std::get_if<Activation>(&node.op);
    return activation != nullptr &&
           (activation->kind == ActivationKind::kRelu || activation->kind == ActivationKind::kRelu6);
  });
}

// The same network whose moving statistics become the batch's own in one pass.
Graph with_momentum_zero(const Case& golden_case) {
  std::vector<std::string> ignored;
  ModelOptions options = model_options(golden_case.json, ignored);
  options.batch_norm_momentum = 0.0;
  return build_model(golden_case.json["model"].get<std::string>(), options);
}

// Biases in front of a batch norm, which takes them away again: their gradient is zero, and what is in their slots is
// rounding on both sides.
std::set<std::string> cancelled_biases(const Graph& graph) {
  std::set<std::string> names;
  for (const Node& node : graph.nodes()) {
    if (!std::holds_alternative<BatchNorm>(node.op)) continue;
    for (const ParameterRef& ref : parameter_refs(graph.node(node.inputs[0]).op)) {
      const Parameter& parameter = graph.parameter(ref.id);
      if (parameter.role == ParameterRole::kBias) names.insert(parameter.name);
    }
  }
  return names;
}

// How many values a channel's moments are taken over, by the name of the moving variance.
std::map<std::string, double> moment_counts(const Graph& graph, int64_t batch) {
  std::map<std::string, double> counts;
  for (const Node& node : graph.nodes()) {
    const auto* norm = std::get_if<BatchNorm>(&node.op);
    if (norm == nullptr || !norm->unbiased_moving_variance) continue;
    counts[graph.parameter(norm->moving_variance.id).name] =
        static_cast<double>(batch * element_count(node.shape)) / static_cast<double>(node.shape.back());
  }
  return counts;
}

ChangeRule change_rule(bool relu, int64_t steps) {
  if (!relu) return kSmoothChanges;
  return steps < kLateSteps ? kReluChanges : kLateReluChanges;
}

class CaseRun {
 public:
  CaseRun(const Case& golden_case, const Graph& graph, Backend& backend)
      : case_(golden_case),
        graph_(graph),
        backend_(backend),
        layout_(graph),
        cancelled_(cancelled_biases(graph)),
        relu_(has_relu(graph)),
        floors_(relu_ ? kReluFloors : kSmoothFloors),
        spec_(training_spec(golden_case)),
        comparison_(golden_case, change_rule(relu_, spec_.steps)) {
    const Shape shape = golden_case.json["input_shape"].get<Shape>();
    batch_ = shape[0];
    images_ = affine("input/images", element_count(shape), 0.0, 2.0);
    const int64_t classes = graph.classes();
    labels_.resize(static_cast<size_t>(batch_ * classes));
    label_numbers_ = labels(batch_, classes);
    one_hot(label_numbers_, classes, labels_);
    weights_.assign(static_cast<size_t>(batch_), 1.0F / static_cast<float>(batch_));
  }

  CaseResult run() {
    if (case_.json.contains("regularization_loss")) check_regularization();
    check_moving_and_training_logits();
    check_evaluation();
    if (has_gradients()) check_update_and_gradients();
    if (spec_.steps > 0) {
      check_training();
    } else if (case_.tensors->contains("train/loss")) {
      comparison_.fail("the case has training steps, and nothing that says how");
    }
    return comparison_.finish();
  }

 private:
  double label_smoothing() const { return spec_.label_smoothing; }
  double weight_decay() const { return spec_.weight_decay; }

  // The fill, with moving statistics (0, 1) or the case's own.
  std::vector<float> initial_values(bool case_statistics) const {
    std::vector<float> values(static_cast<size_t>(layout_.size()), 0.0F);
    for (size_t id = 0; id < graph_.parameters().size(); ++id) {
      const Parameter& parameter = graph_.parameters()[id];
      const FlatTensor& tensor = layout_.of(static_cast<int>(id));
      std::vector<float> part;
      if (parameter.trainable()) {
        part = filled(parameter, expert_fan_in(graph_, static_cast<int>(id)));
      } else if (case_statistics) {
        part = case_.tensors->read_floats("moving/" + parameter.name);
      } else {
        part.assign(static_cast<size_t>(tensor.size), parameter.role == ParameterRole::kMovingVariance ? 1.0F : 0.0F);
      }
      std::copy(part.begin(), part.end(), values.begin() + tensor.offset);
    }
    return values;
  }

  std::unique_ptr<FlatBuffer> upload(const std::vector<float>& values) const {
    auto buffer = backend_.make_buffer(static_cast<int64_t>(values.size()), 0.0F);
    buffer->upload(0, values);
    return buffer;
  }
  std::vector<float> download(const FlatBuffer& buffer) const {
    std::vector<float> values(static_cast<size_t>(buffer.size()));
    buffer.download(0, values);
    return values;
  }

  std::unique_ptr<Program> lower(const Graph& graph, LowerOptions options) const {
    options.drops = false;
    auto program = std::make_unique<Program>(graph, backend_, std::move(options));
    program->set_images(images_);
    program->set_labels(labels_);
    program->set_weights(weights_);
    return program;
  }

  void check_regularization() {
    const auto wanted = case_.json["regularization_loss"].get<double>();
    const double found =
        backend_.l2_loss(*upload(initial_values(true)), layout_.l2_ranges(spec_.steps > 0 ? weight_decay() : 4e-5));
    comparison_.note("regularization_loss", std::abs(found - wanted) / wanted, kForwardFloor);
  }

  void check_moving_and_training_logits() {
    const Graph graph = with_momentum_zero(case_);
    LowerOptions options = inference_options(batch_, Precision::kFloat32);
    options.batch_statistics = true;
    options.update_moving = true;
    const auto program = lower(graph, options);
    std::vector<float> values = initial_values(false);
    for (const FlatTensor& tensor : layout_.tensors()) {
      if (tensor.role == ParameterRole::kMovingVariance) std::fill_n(values.begin() + tensor.offset, tensor.size, 0.0F);
    }
    const auto buffer = upload(values);
    program->forward(*buffer);
    check_outputs(*program, "_train");
    check_metrics(program->read(program->graph().output("logits")));
    values = download(*buffer);
    const std::map<std::string, double> counts = moment_counts(graph, batch_);
    for (const FlatTensor& tensor : layout_.tensors()) {
      if (tensor.role != ParameterRole::kMovingMean && tensor.role != ParameterRole::kMovingVariance) continue;
      std::span<float> part(values.data() + tensor.offset, static_cast<size_t>(tensor.size));
      if (const auto count = counts.find(tensor.name); count != counts.end()) {
        const double m = count->second;
        for (float& value : part) value = static_cast<float>(value * (std::max(m - 1.0, 1.0) / m));
      }
      comparison_.tensor("moving/" + tensor.name, "moving", part, kForwardFloor);
    }
  }

  // A number of the case, where it has it.
  void check_number(const std::string& name, double found) {
    if (!case_.tensors->contains(name)) return;
    const std::vector<float> value = {static_cast<float>(found)};
    comparison_.tensor(name, name, value, kForwardFloor);
  }

  // The outputs that the case has: by name, and those without a loss in their order.
  void check_outputs(const Program& program, const std::string& suffix) {
    int unnamed = 0;
    for (const Output& output : program.graph().outputs()) {
      const std::string name = output.name + suffix;
      if (case_.tensors->contains(name) || output.name == "logits") {
        comparison_.tensor(name, name, program.read(output.node), kForwardFloor);
      }
      if (output.loss_weight > 0.0 || suffix != "_train") continue;
      const std::string numbered = fmt::format("output/{}", unnamed++);
      if (case_.tensors->contains(numbered)) {
        comparison_.tensor(numbered, numbered, program.read(output.node), kForwardFloor);
      }
    }
  }

  // Those of a layer file, in its order: [Accuracy] and [TopkAcc].
  void check_metrics(const std::vector<float>& logits) {
    if (!case_.tensors->contains("metric/0")) return;
    EvalCounts counts;
    count_logits(logits, label_numbers_, 0.0, counts);
    int number = 0;
    const ResolvedModel model = resolve_model(case_.json["model"].get<std::string>());
    for (const PrototxtBlock& block : model.layers.value()) {
      if (block.kind != "Accuracy" && block.kind != "TopkAcc") continue;
      const std::string name = fmt::format("metric/{}", number++);
      const PrototxtField* k = block.find("k");
      if (k != nullptr && k->cleaned() != "5") {
        comparison_.leave_out(fmt::format("{}: of the {} best, where evaluation counts 1 and 5", name, k->cleaned()));
        continue;
      }
      const int64_t hits = block.kind == "Accuracy" ? counts.top1 : counts.top5;
      const double found = static_cast<double>(hits) / static_cast<double>(counts.images);
      comparison_.note(name, std::abs(found - case_.tensors->read_floats(name).at(0)), kForwardFloor);
    }
  }

  void check_evaluation() {
    LowerOptions options = inference_options(batch_, Precision::kFloat32);
    options.losses = {{.output = "logits", .weight = 1.0, .label_smoothing = label_smoothing()}};
    for (const NamedNode& endpoint : graph_.endpoints()) options.keep.push_back(endpoint.node);
    const auto program = lower(graph_, options);
    const auto buffer = upload(initial_values(true));
    program->forward(*buffer);
    check_outputs(*program, "_eval");
    if (case_.tensors->contains("loss_eval")) {
      const double loss = program->loss() + backend_.l2_loss(*buffer, layout_.l2_ranges(weight_decay()));
      const std::vector<float> found = {static_cast<float>(loss)};
      comparison_.tensor("loss_eval", "loss_eval", found, kForwardFloor);
    }
    check_number("loss/cross_entropy_eval", program->loss());
    for (const NamedNode& endpoint : graph_.endpoints()) check_endpoint(endpoint.name, program->read(endpoint.node));
    check_endpoint_names();
    check_bfloat16(program->read(graph_.output("logits")));
  }

  void check_bfloat16(const std::vector<float>& exact) {
    const auto program = lower(graph_, inference_options(batch_, Precision::kBfloat16));
    const auto buffer = upload(initial_values(true));
    program->forward(*buffer);
    const std::vector<float> rounded = program->read(graph_.output("logits"));
    // Filled weights make networks that magnify rounding: the case's noise says by how much for 1e-6, bf16 rounds to
    // 2^-8.
    // TuNAS's noise is rounding alone, since scaling the input cancels in the first batch norm: measured up to 5.8.
    const double factor = case_.json.contains("ssd") ? 8.0 : 3.0;
    const double magnified = factor * case_.json["noise"].value("logits_eval", 0.0) * 0x1p-8 / 1e-6;
    const double difference = test::relative_difference(exact, rounded);
    if (magnified > kBfloat16Ceiling) {
      if (!std::isfinite(difference)) comparison_.fail("bf16 logits_eval: not finite");
      comparison_.leave_out(fmt::format("bf16 logits_eval: rounding is magnified to {:.2f} of them", magnified));
      return;
    }
    comparison_.note("bf16 logits_eval", difference, std::max(kBfloat16Tolerance, magnified));
  }

  void check_endpoint_names() {
    if (!case_.json.contains("endpoints")) return;
    for (const auto& item : case_.json["endpoints"].items()) {
      const std::string& name = item.key();
      const bool there = std::any_of(graph_.endpoints().begin(), graph_.endpoints().end(),
                                     [&](const NamedNode& endpoint) { return endpoint.name == name; });
      if (!there) comparison_.fail(fmt::format("endpoint {} is missing", name));
    }
  }

  // [mean, standard deviation, dot, norm].
  void check_endpoint(const std::string& endpoint, const std::vector<float>& found) {
    const std::string name = "endpoint/" + endpoint;
    if (!case_.tensors->contains(name)) return;
    const std::vector<double> wanted = case_.tensors->read_doubles(name);
    double sum = 0.0;
    double square = 0.0;
    double dot = 0.0;
    for (size_t i = 0; i < found.size(); ++i) {
      sum += found[i];
      square += static_cast<double>(found[i]) * static_cast<double>(found[i]);
      dot += static_cast<double>(found[i]) * symmetric(name, i);
    }
    const auto count = static_cast<double>(found.size());
    const double mean = sum / count;
    const double deviation = std::sqrt(std::max(square / count - mean * mean, 0.0));
    const double statistics = case_.tolerance("endpoint mean, std", name, false, kForwardFloor);
    comparison_.note(name + " mean", std::abs(mean - wanted[0]) / std::max(std::abs(wanted[0]), wanted[1]), statistics);
    comparison_.note(name + " deviation", std::abs(deviation - wanted[1]) / wanted[1], statistics);
    comparison_.note(name + " dot", std::abs(dot - wanted[2]) / wanted[3],
                     case_.tolerance("endpoint dot", name, true, kForwardFloor));
    comparison_.note(name + " norm", std::abs(std::sqrt(square) - wanted[3]) / wanted[3], statistics);
  }

  // Whether the case has one pass's losses, update or gradients; TuNAS's have training steps instead.
  bool has_gradients() const {
    if (case_.tensors->contains("loss/cross_entropy")) return true;
    return std::any_of(layout_.tensors().begin(), layout_.tensors().end(), [&](const FlatTensor& tensor) {
      return case_.tensors->contains("grad/norm/" + tensor.name) ||
             case_.tensors->contains("update/norm/" + tensor.name);
    });
  }

  void check_update_and_gradients() {
    const auto program = lower(graph_, training_options(graph_, batch_, Precision::kFloat32, label_smoothing()));
    const auto values = upload(initial_values(false));
    const auto gradients = backend_.make_buffer(layout_.trainable_size(), 0.0F);
    program->forward(*values);
    program->backward(*values, *gradients, false);
    check_number("loss/cross_entropy", program->loss());
    check_number("loss/regularization", backend_.l2_loss(*values, layout_.l2_ranges(weight_decay())));
    const std::vector<float> after = download(*values);
    for (const FlatTensor& tensor : layout_.tensors()) {
      if (tensor.offset < layout_.trainable_size() || !case_.tensors->contains("update/norm/" + tensor.name)) continue;
      comparison_.norm_and_dot({"update", tensor.name, "", part(after, tensor), {}, floors_.update});
    }
    std::vector<float> total = download(*gradients);
    for (const L2Range& l2 : layout_.l2_ranges(weight_decay())) {
      for (int64_t i = l2.range.begin; i < l2.range.end; ++i) {
        total[static_cast<size_t>(i)] += static_cast<float>(l2.coefficient) * after[static_cast<size_t>(i)];
      }
    }
    for (const FlatTensor& tensor : layout_.tensors()) {
      if (tensor.offset >= layout_.trainable_size() || !case_.tensors->contains("grad/norm/" + tensor.name)) continue;
      comparison_.norm_and_dot({"grad", tensor.name, "", part(total, tensor), {}, floors_.gradient});
    }
  }

  static std::span<const float> part(const std::vector<float>& values, const FlatTensor& tensor) {
    return {values.data() + tensor.offset, static_cast<size_t>(tensor.size)};
  }

  void check_training() {
    if (!spec_.unknown.empty()) {
      comparison_.fail("training steps: " + spec_.unknown);
      return;
    }
    if (!spec_.missing.empty()) {
      comparison_.leave_out("training steps: " + spec_.missing);
      return;
    }
    const auto program = lower(graph_, training_options(graph_, batch_, Precision::kFloat32, label_smoothing()));
    const auto values = upload(initial_values(true));
    const auto averages = upload(initial_values(true));
    const auto gradients = backend_.make_buffer(layout_.trainable_size(), 0.0F);
    OptimizerUpdate update = spec_.optimizer;
    std::vector<std::unique_ptr<FlatBuffer>> slots;
    for (const std::string& name : spec_.slots) {
      slots.push_back(backend_.make_buffer(layout_.trainable_size(), name == "RMSProp" ? 1.0F : 0.0F));
      update.slots.push_back(slots.back().get());
    }
    const std::vector<L2Range> l2 = layout_.l2_ranges(weight_decay());
    const std::vector<FlatSegment> segments = lars_segments(layout_);
    update.values = values.get();
    update.gradients = gradients.get();
    update.l2 = l2;
    update.segments = segments;
    const std::vector<float> given_rates = case_.tensors->read_floats("train/learning_rate");
    std::vector<float> losses;
    std::vector<float> cross_entropies;
    std::vector<float> penalties;
    std::vector<float> used_rates;
    const double decay = spec_.average_decay;
    for (int64_t step = 0; step < spec_.steps; ++step) {
      program->forward(*values);
      cross_entropies.push_back(static_cast<float>(program->loss()));
      penalties.push_back(static_cast<float>(backend_.l2_loss(*values, l2)));
      losses.push_back(static_cast<float>(program->loss() + (spec_.loss_has_l2 ? backend_.l2_loss(*values, l2) : 0.0)));
      program->backward(*values, *gradients, false);
      update.learning_rate = spec_.rate ? spec_.rate(step) : given_rates[static_cast<size_t>(step)];
      used_rates.push_back(update.learning_rate);
      backend_.update(update);
      if (decay > 0) backend_.average(*averages, *values, average_decay(decay, step + 1));
    }
    check_losses("train/loss", losses);
    check_losses("train/empirical_loss", cross_entropies);
    check_losses("train/regularization_loss", penalties);
    if (spec_.rate) {
      check_rates(used_rates);
    } else {
      comparison_.leave_out("the schedule: the case's own rates were used");
    }
    const std::vector<float> initial = initial_values(true);
    compare_state(download(*values), initial, "", "variable", "moving statistics");
    for (size_t i = 0; i < slots.size(); ++i) {
      const bool holds_squares = spec_.slots[i] == "RMSProp";
      const std::vector<float> before(holds_squares ? static_cast<size_t>(layout_.trainable_size()) : 0, 1.0F);
      compare_state(download(*slots[i]), before, "/" + spec_.slots[i], spec_.slots[i], "");
    }
    if (decay > 0) {
      compare_state(download(*averages), initial, "/ExponentialMovingAverage", "average",
                    spec_.averages_moving ? "average of moving statistics" : "");
    }
  }

  // One a step, where the case has them.
  void check_losses(const std::string& name, const std::vector<float>& losses) {
    if (!case_.tensors->contains(name)) return;
    const std::vector<float> wanted = case_.tensors->read_floats(name);
    const nlohmann::json noise =
        case_.json.value("noise_by_tensor", nlohmann::json::object()).value(name, nlohmann::json::array());
    for (size_t i = 0; i < wanted.size(); ++i) {
      double floor = i == 0 ? kForwardFloor : kTrainingFloor;
      // Steps whose gradients are off by as much as their floor move the loss that much more or less. Measured:
      // efficientnet-x-b0-128 has 6.706 to 6.714 at train/loss[2] for images within 2e-6 of each other.
      if (relu_) floor = std::max(floor, floors_.gradient.rule * std::abs(wanted[i] - wanted[0]) / std::abs(wanted[i]));
      if (relu_ && i >= 3) floor = kReluTrainingFloor;
      const double own = i < noise.size() ? noise[i].get<double>() : case_.json["noise"].value(name, 0.0);
      if (own > kTooNoisy) {
        comparison_.count_unreliable(1);
        continue;
      }
      comparison_.note(fmt::format("{}[{}]", name, i), std::abs(losses[i] - wanted[i]) / std::abs(wanted[i]),
                       std::max(10 * own, floor));
    }
  }

  void check_rates(const std::vector<float>& rates) {
    const std::vector<float> wanted = case_.tensors->read_floats("train/learning_rate");
    for (size_t i = 0; i < wanted.size(); ++i) {
      const double unit = std::nextafter(wanted[i], INFINITY) - static_cast<double>(wanted[i]);
      comparison_.note(fmt::format("train/learning_rate[{}]", i), std::abs(static_cast<double>(rates[i]) - wanted[i]),
                       2 * unit);
    }
  }

  // `initial`: what it was before the first step; empty where it was 0 throughout, and its change is all of it.
  void compare_state(const std::vector<float>& state, const std::vector<float>& initial, const std::string& suffix,
                     const std::string& trainable_group, const std::string& moving_group) {
    const bool holds_gradients = suffix == "/RMSProp_1" || suffix == "/Momentum" || suffix == "/LARSOptimizer";
    for (const FlatTensor& tensor : layout_.tensors()) {
      const bool trainable = tensor.offset < layout_.trainable_size();
      if (!trainable && moving_group.empty()) continue;
      if (holds_gradients && cancelled_.contains(tensor.name)) {
        comparison_.count_unreliable(2);
        continue;
      }
      comparison_.norm_and_dot({"train", tensor.name + suffix, trainable ? trainable_group : moving_group,
                                part(state, tensor), initial.empty() ? std::span<const float>() : part(initial, tensor),
                                holds_gradients ? floors_.slot : floors_.state});
    }
  }

  const Case& case_;
  const Graph& graph_;
  Backend& backend_;
  ParameterLayout layout_;
  std::set<std::string> cancelled_;
  bool relu_;
  Floors floors_;
  int64_t batch_;
  std::vector<float> images_;
  std::vector<int32_t> label_numbers_;
  std::vector<float> labels_;
  std::vector<float> weights_;
  TrainingSpec spec_;
  Comparison comparison_;
};

}  // namespace

CaseResult run_case(const Case& golden_case, const Graph& graph, Backend& backend) {
  return CaseRun(golden_case, graph, backend).run();
}

}  // namespace netwright::golden
