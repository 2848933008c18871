#include "commands/recipe_flags.h"

namespace netwright {
namespace {

void declare_length(Flags& flags, RecipeOverrides& o) {
  flags.section("length");
  flags.add("epochs", o.epochs,
            {.help = "passes over the training images", .range = {.min = 0, .max = kMostEpochs, .above_min = true}});
  flags.add("train_steps", o.train_steps,
            {.help = "steps in all, instead of --epochs",
             .range = between(1, kMostSteps),
             .origin = "efficientnet, mnasnet: --train_steps",
             .rare = true});
  flags.add(
      "batch", o.batch,
      {.help = "images a step", .range = between(1, 1 << 20), .origin = "efficientnet, mnasnet: --train_batch_size"});
}

void declare_optimizer(Flags& flags, RecipeOverrides& o) {
  flags.section("optimiser");
  flags.add("optimizer", o.optimizer,
            {.help = "update rule",
             .choices = {"rmsprop", "momentum", "sgd", "lars"},
             .origin = "efficientnet: --optimizer"});
  flags.add("base_learning_rate", o.base_learning_rate,
            {.help = "for 256 images a step; grows with --batch",
             .range = between(0, kMostRate),
             .origin = "efficientnet, mnasnet: --base_learning_rate"});
  flags.add("lr_schedule", o.lr_schedule,
            {.help = "course of the rate",
             .choices = {"exponential", "cosine", "constant", "poly", "cosine_after_warmup"},
             .origin = "efficientnet: --lr_schedule"});
  flags.add("lr_decay_factor", o.lr_decay_factor,
            {.help = "exponential: what a stair leaves of the rate",
             .range = between(0, 1),
             .origin = "efficientnet: --lr_decay_factor",
             .rare = true});
  flags.add("lr_decay_epoch", o.lr_decay_epochs,
            {.help = "exponential: epochs of a stair",
             .range = between(kLeastDecayEpochs, kMostEpochs),
             .origin = "efficientnet: --lr_decay_epoch",
             .rare = true});
  flags.add("lr_warmup_epochs", o.lr_warmup_epochs,
            {.help = "epochs over which the rate rises from 0",
             .range = between(0, kMostEpochs),
             .origin = "efficientnet: --lr_warmup_epochs",
             .rare = true});
  flags.add("lars_weight_decay", o.lars_weight_decay,
            {.help = "lars: its own weight decay",
             .range = at_least(0),
             .origin = "efficientnet: --lars_weight_decay",
             .rare = true});
  flags.add("lars_epsilon", o.lars_epsilon,
            {.help = "lars: added to the norms' sum",
             .range = at_least(0),
             .origin = "efficientnet: --lars_epsilon",
             .rare = true});
}

void declare_regularization(Flags& flags, RecipeOverrides& o) {
  flags.section("regularisation");
  flags.add("weight_decay", o.weight_decay,
            {.help = "L2 coefficient",
             .range = between(0, kMostRate),
             .origin = "efficientnet, mnasnet: --weight_decay",
             .rare = true});
  flags.add("label_smoothing", o.label_smoothing,
            {.help = "share of a label that is spread over all classes",
             .range = kRate,
             .origin = "efficientnet, mnasnet: --label_smoothing",
             .rare = true});
  flags.add("moving_average_decay", o.average_decay,
            {.help = "of the averaged weights; 0: none are kept",
             .range = kRate,
             .origin = "efficientnet, mnasnet: --moving_average_decay",
             .rare = true});
}

void declare_input(Flags& flags, RecipeOverrides& o) {
  flags.section("input");
  flags.add("train_crop", o.train_crop,
            {.help = "window of a training image", .choices = {"random", "none"}, .rare = true});
  flags.add("flip", o.flip, {.help = "mirror half of the training images", .rare = true});
  flags.add("shift", o.shift,
            {.help = "pixels that a training image is moved by at most", .range = at_least(0), .rare = true});
  flags.add("eval_crop", o.eval_crop,
            {.help = "window of an image in evaluation",
             .choices = {"efficientnet", "mnasnet", "central", "none"},
             .rare = true});
  flags.add("resize", o.resize, {.help = "method", .choices = {"bilinear", "bicubic", "pillow-bicubic"}, .rare = true});
  flags.add("precision", o.precision, {.help = "of the computing", .choices = {"fp32", "bf16"}});
}

}  // namespace

void declare_recipe_flags(Flags& flags, RecipeOverrides& o) {
  declare_length(flags, o);
  declare_optimizer(flags, o);
  declare_regularization(flags, o);
  declare_input(flags, o);
}

}  // namespace netwright
