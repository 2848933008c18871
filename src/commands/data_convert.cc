// netwright data convert: IDX files or folders of images into TFRecord shards.
#include <algorithm>
#include <thread>

#include "commands/command.h"
#include "core/error.h"
#include "core/text.h"
#include "data/convert.h"

namespace netwright {
namespace {

void read_class_names(const std::string& text, ConvertOptions& o) {
  o.class_names = split(text, ',');
  if (std::ranges::find(o.class_names, "") != o.class_names.end()) fail("an empty name");
}

Flags declare(ConvertOptions& o) {
  Flags flags({.usage = "data convert INPUT OUTPUT [flags]",
               .about = "Turns MNIST's IDX files or folders of images by class into TFRecord shards and labels.txt in "
                        "OUTPUT. INPUT has the IDX files, or CLASS/* (all for training), or train/CLASS/* and "
                        "validation/CLASS/*.",
               .example = "netwright data convert /usr/share/datasets/fashion-mnist fashion"});
  flags.positional("INPUT", o.input, "a folder of IDX files, plain or gzipped, or of images");
  flags.positional("OUTPUT", o.output, "a folder, made if need be");
  flags.add("train_shards", o.train_shards, {.help = "files of training images", .range = between(1, 99999)});
  flags.add("validation_shards", o.validation_shards,
            {.help = "files of validation images", .range = between(1, 99999)});
  flags.add_parsed(
      "class_names", [&o](const std::string& text) { read_class_names(text, o); },
      {.help = "of IDX files, in the order of their labels; the labels themselves if not given", .value = "A,B,..."});
  flags.add("threads", o.threads, {.help = "0: one a core", .range = between(0, 1024)});
  return flags;
}

}  // namespace

int run_data_convert(CommandContext& context) {
  ConvertOptions options;
  options.threads = 0;
  Flags flags = declare(options);
  if (!context.parse(flags)) return 0;
  if (options.threads == 0) options.threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const ConvertResult result = convert_data(options, [&context] { context.begin_work(); });
  print("{}: {} training and {} validation images of {} classes\n", options.output, with_commas(result.train_images),
        with_commas(result.validation_images), result.class_names.size());
  return 0;
}

}  // namespace netwright
