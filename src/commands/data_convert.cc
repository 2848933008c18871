// netwright data convert: ImageNet's archives, IDX files or folders of images into TFRecord shards.
#include "commands/command.h"
#include "core/text.h"
#include "core/thread_pool.h"
#include "data/convert.h"
#include "data/shards.h"

namespace netwright {
namespace {

void read_class_names(const std::string& text, ConvertOptions& o) {
  o.class_names = split(text, ',');
  check_class_names(o.class_names);
}

Flags declare(ConvertOptions& o) {
  Flags flags({.usage = "data convert INPUT OUTPUT [flags]",
               .about =
                   "Turns data sets into TFRecord shards and labels.txt in OUTPUT. INPUT is a folder with ImageNet's "
                   "archives as they are downloaded (ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar, "
                   "synset_labels.txt), or MNIST's IDX files, or images in CLASS/* (all for training), or in "
                   "train/CLASS/* and validation/CLASS/*. Given again, it goes on where it was stopped.",
               .example = "netwright data convert /usr/share/datasets/fashion-mnist fashion"});
  flags.positional("INPUT", o.input, "the folder with the data");
  flags.positional("OUTPUT", o.output, "a folder, made if need be");
  flags.add("train_shards", o.train_shards,
            {.help = "files of training images; 1024 of ImageNet, else 8", .range = between(1, 99999)});
  flags.add("validation_shards", o.validation_shards,
            {.help = "files of validation images; 128 of ImageNet, else 1", .range = between(1, 99999)});
  flags.add_parsed(
      "class_names", [&o](const std::string& text) { read_class_names(text, o); },
      {.help = "of IDX files, in the order of their labels; the labels themselves if not given", .value = "A,B,..."});
  flags.add("threads", o.threads, {.help = "0: one a core", .range = between(0, 1024)});
  flags.section("ImageNet's files, where they aren't in INPUT under their own names");
  flags.add("train_archive", o.train_archive, {.help = "a tar with one tar a class", .value = "FILE"});
  flags.add("validation_archive", o.validation_archive, {.help = "a tar of images", .value = "FILE"});
  flags.add("validation_labels", o.validation_labels,
            {.help = "WordNet ids, one a line in the order of the images' names, or Kaggle's LOC_val_solution.csv",
             .value = "FILE"});
  return flags;
}

}  // namespace

int run_data_convert(CommandContext& context) {
  ConvertOptions options;
  options.threads = 0;
  Flags flags = declare(options);
  if (!context.parse(flags)) return 0;
  options.threads = thread_count(options.threads);
  const ConvertResult result = convert_data(options, [&context] { context.begin_work(); });
  print("{}: {} training and {} validation images of {} classes\n", options.output, with_commas(result.train_images),
        with_commas(result.validation_images), result.class_names.size());
  return 0;
}

}  // namespace netwright
