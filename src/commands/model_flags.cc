#include "commands/model_flags.h"

#include <charconv>

#include "core/error.h"
#include "core/text.h"

namespace netwright {
namespace {

constexpr int64_t kMaxImageSize = 8192;

int64_t read_side(const std::string& text) {
  int64_t side = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), side);
  if (error != std::errc() || end != text.data() + text.size()) fail("not a size; write 224 or, height first, 97x131");
  if (side < 1 || side > kMaxImageSize) fail("must be in [1, {}]", kMaxImageSize);
  return side;
}

// "224" or "97x131", height first.
void read_image_size(const std::string& text, ModelOptions& options) {
  const std::vector<std::string> sides = split(text, 'x');
  if (sides.size() > 2) fail("not a size; write 224 or, height first, 97x131");
  options.height = read_side(sides.front());
  options.width = read_side(sides.back());
}

}  // namespace

Offers model_offers(bool files) {
  Offers offers{.words = {}, .files = files};
  for (const ModelInfo& model : all_models()) offers.words.emplace_back(model.name);
  return offers;
}

void declare_model_flags(Flags& flags, ModelChoice& choice) {
  flags.positional("MODEL", choice.name, "a name (`netwright models`), SPACE:INDICES, or a file", model_offers(true));
  declare_model_options(flags, choice.options);
}

void declare_model_options(Flags& flags, ModelOptions& o) {
  flags.section("model");
  flags.add("classes", o.classes,
            {.help = "number of classes; the model's own if not given",
             .range = between(1, 1e6),
             .origin = "efficientnet, mnasnet: --num_label_classes"});
  flags.add_parsed("image_size", [&o](const std::string& text) { read_image_size(text, o); },
                   {.help = "height and width of the input in pixels: 224 or 97x131; the model's own if not given",
                    .value = "N|HxW",
                    .origin = "efficientnet, mnasnet: --input_image_size"});
  flags.add("dropout_rate", o.dropout_rate,
            {.help = "share of the features dropped before the classifier",
             .range = kRate,
             .origin = "efficientnet, mnasnet: --dropout_rate",
             .rare = true});
  flags.add("survival_prob", o.survival_probability,
            {.help = "share of examples for which the last block (EfficientNet) or an operation (AmoebaNet) survives",
             .range = {.min = 0, .max = 1, .above_min = true},
             .origin = "efficientnet: --survival_prob, amoeba_net: --drop_connect_keep_prob",
             .rare = true});
  flags.add("batch_norm_momentum", o.batch_norm_momentum,
            {.help = "share of a moving statistic that a step keeps",
             .range = between(0, 1),
             .origin = "efficientnet, mnasnet: --batch_norm_momentum",
             .rare = true});
  flags.add("batch_norm_epsilon", o.batch_norm_epsilon,
            {.help = "added to the variance",
             .range = above(0),
             .origin = "efficientnet, mnasnet: --batch_norm_epsilon",
             .rare = true});
  flags.add("width_coefficient", o.width_coefficient,
            {.help = "times the base network's widths",
             .range = above(0),
             .origin = "efficientnet: --width_coefficient",
             .rare = true});
  flags.add("depth_coefficient", o.depth_coefficient,
            {.help = "times the base network's repeats",
             .range = above(0),
             .origin = "efficientnet: --depth_coefficient",
             .rare = true});
  flags.add("depth_multiplier", o.depth_multiplier,
            {.help = "times the base network's widths",
             .range = above(0),
             .origin = "mnasnet: --depth_multiplier",
             .rare = true});
  flags.add("depth_divisor", o.depth_divisor,
            {.help = "widths are rounded to multiples of it",
             .range = above(0),
             .origin = "mnasnet: --depth_divisor",
             .rare = true});
  flags.add("min_depth", o.min_depth,
            {.help = "the smallest width", .range = at_least(0), .origin = "mnasnet: --min_depth", .rare = true});
  flags.add("use_keras", o.use_keras,
            {.help = "names of variables as the Keras layers of the original give them",
             .origin = "mnasnet: --use_keras",
             .rare = true});
  flags.add("num_cells", o.num_cells,
            {.help = "normal cells of an AmoebaNet in all three stacks",
             .range = between(1, 1000),
             .origin = "amoeba_net: --num_cells",
             .rare = true});
  flags.add("reduction_size", o.reduction_size,
            {.help = "filters of an AmoebaNet's first stack",
             .range = between(1, 65536),
             .origin = "amoeba_net: --reduction_size",
             .rare = true});
  flags.add("stem_reduction_size", o.stem_reduction_size,
            {.help = "filters of an AmoebaNet's first convolution",
             .range = between(1, 65536),
             .origin = "amoeba_net: --stem_reduction_size",
             .rare = true});
  flags.add("use_aux_head", o.use_aux_head,
            {.help = "a second head, for training, on the cells before the last reduction",
             .origin = "amoeba_net: --use_aux_head",
             .rare = true});
  flags.add("aux_scaling", o.aux_scaling,
            {.help = "times the second head's widths",
             .range = above(0),
             .origin = "amoeba_net: --aux_scaling",
             .rare = true});
  flags.add("timm", o.timm,
            {.help = "timm's and torchvision's padding, epsilon and momentum; names as timm spells them say so, too",
             .rare = true});
  flags.add("filters_multiplier", o.filters_multiplier,
            {.help = "times the base network's widths",
             .range = at_least(0),
             .origin = "tunas: --filters_multiplier",
             .rare = true});
  flags.add("strict", o.strict,
            {.help = "refuse what a .prototxt file has that the original passes over, rather than warn", .rare = true});
}

}  // namespace netwright
