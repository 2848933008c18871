// netwright data fake: a data set of made-up pictures.
#include "commands/command.h"
#include "core/text.h"
#include "core/thread_pool.h"
#include "data/fake_data.h"

namespace netwright {
namespace {

Flags declare(FakeDataOptions& o, int64_t& seed) {
  Flags flags({.usage = "data fake OUTPUT [flags]",
               .about = "Writes made-up pictures as TFRecord shards and labels.txt, laid out as ImageNet's. Each class "
                        "has stripes of its own, so a network can learn them. Equal flags give equal files.",
               .example = "netwright data fake fake --train_images=200 --validation_images=50 --classes=5"});
  flags.positional("OUTPUT", o.output, "a folder, made if need be");
  flags.add("train_images", o.train_images, {.help = "pictures to train with", .range = between(0, 1U << 31)});
  flags.add("validation_images", o.validation_images,
            {.help = "pictures to evaluate with", .range = between(0, 1U << 31)});
  flags.add("classes", o.classes, {.help = "as many pictures of each", .range = between(1, 1e6)});
  flags.add("height", o.height, {.help = "pixels", .range = between(1, 1 << 14)});
  flags.add("width", o.width, {.help = "pixels", .range = between(1, 1 << 14)});
  flags.add("quality", o.quality, {.help = "of the JPEGs", .range = between(1, 100)});
  flags.add("train_shards", o.train_shards, {.help = "files of training images", .range = between(1, 99999)});
  flags.add("validation_shards", o.validation_shards,
            {.help = "files of validation images", .range = between(1, 99999)});
  flags.add("seed", seed, {.help = "other pictures", .range = at_least(0)});
  flags.add("threads", o.threads, {.help = "0: one a core", .range = between(0, 1024)});
  return flags;
}

}  // namespace

int run_data_fake(CommandContext& context) {
  FakeDataOptions options;
  options.threads = 0;
  int64_t seed = 0;
  Flags flags = declare(options, seed);
  if (!context.parse(flags)) return 0;
  options.seed = static_cast<uint64_t>(seed);
  options.threads = thread_count(options.threads);
  write_fake_data(options, [&context] { context.begin_work(); });
  print("{}: {} training and {} validation images of {} classes, {} x {} pixels\n", options.output,
        with_commas(options.train_images), with_commas(options.validation_images), options.classes, options.height,
        options.width);
  return 0;
}

}  // namespace netwright
