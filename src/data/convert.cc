#include "data/convert.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>

#include "core/error.h"
#include "core/log.h"
#include "core/text.h"
#include "data/encode.h"
#include "data/imagenet_files.h"
#include "data/picture_files.h"
#include "data/shards.h"
#include "data/sources.h"

namespace netwright {
namespace {

namespace fs = std::filesystem;

struct ShardCounts {
  int64_t train;
  int64_t validation;
};
constexpr ShardCounts kImagenetShards = {1024, 128};
constexpr ShardCounts kOtherShards = {8, 1};
constexpr size_t kImagenetClasses = 1000;

// ImageNet's files under the names that they are downloaded with.
constexpr const char* kTrainArchive = "ILSVRC2012_img_train.tar";
constexpr const char* kValidationArchive = "ILSVRC2012_img_val.tar";
constexpr const char* kValidationLabels[] = {"synset_labels.txt", "imagenet_2012_validation_synset_labels.txt",
                                             "LOC_val_solution.csv"};

ShardCounts shard_counts(const ConvertOptions& options, const ShardCounts& usual) {
  return {options.train_shards.value_or(usual.train), options.validation_shards.value_or(usual.validation)};
}

std::vector<std::string> default_class_names(const fs::path& input, int64_t classes) {
  if (input.lexically_normal().string().find("fashion-mnist") != std::string::npos && classes == 10) {
    return {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"};
  }
  std::vector<std::string> names;
  for (int64_t i = 0; i < classes; ++i) names.push_back(std::to_string(i));
  return names;
}

ShardPart idx_part(std::string name, int64_t shards, std::shared_ptr<const IdxSource> source) {
  ShardPart part{.name = std::move(name), .shards = shards, .size = source->size()};
  Image image;
  for (int64_t i = 0; i < part.size; ++i) {
    source->read_grey(i, image);
    const std::string_view pixels(reinterpret_cast<const char*>(image.pixels()), static_cast<size_t>(image.bytes()));
    part.fingerprint = extend_fingerprint(part.fingerprint, pixels, source->label(i));
    part.bytes += image.bytes();
  }
  part.picture = [name = part.name, source = std::move(source)](int64_t index) {
    Image grey;
    source->read_grey(index, grey);
    return LabelledPicture{encode_png(grey), source->label(index), fmt::format("{}_{:05d}.png", name, index)};
  };
  return part;
}

ShardSet plan_idx(const ConvertOptions& options, const IdxPair& train, const IdxPair& validation) {
  ShardSet set;
  int64_t classes = 0;
  const auto add = [&](const std::string& name, int64_t shards, const IdxPair& pair) {
    if (pair.images.empty()) return;
    auto source = std::make_shared<const IdxSource>(pair.images, pair.labels);
    for (int64_t i = 0; i < source->size(); ++i) {
      classes = std::max(classes, source->label(i) + 1);
      if (!options.class_names.empty() && classes > static_cast<int64_t>(options.class_names.size())) {
        fail("{}: label {} of image {} has no name; {} class names were given", pair.labels, classes - 1, i,
             options.class_names.size());
      }
    }
    set.parts.push_back(idx_part(name, shards, std::move(source)));
  };
  const ShardCounts shards = shard_counts(options, kOtherShards);
  add("train", shards.train, train);
  add("validation", shards.validation, validation);
  set.class_names = options.class_names.empty() ? default_class_names(options.input, classes) : options.class_names;
  return set;
}

PictureFiles files_of(const FolderSource& source) {
  PictureFiles files;
  for (int64_t i = 0; i < source.size(); ++i) {
    std::error_code unknown;  // told when it is read
    const auto size = fs::file_size(source.path(i), unknown);
    files.items.push_back({.path = source.path(i), .label = source.label(i), .size = unknown ? 0 : size});
  }
  return files;
}

// An output among the classes would itself be one when the command is given again.
void check_outside(const std::string& output, const fs::path& root) {
  std::error_code ignored;
  const fs::path from = fs::weakly_canonical(fs::absolute(output, ignored), ignored);
  const fs::path relative = from.lexically_relative(fs::weakly_canonical(fs::absolute(root, ignored), ignored));
  if (relative.empty() || *relative.begin() == ".." || *relative.begin() == ".") return;
  fail("{}: inside {}, where each folder is a class; expected a folder elsewhere", output, root.string());
}

ShardSet plan_folders(const ConvertOptions& options) {
  const fs::path root = options.input;
  const fs::path train = find_split_folder(root, DataSplit::kTrain);
  const fs::path validation = find_split_folder(root, DataSplit::kValidation);
  const ShardCounts shards = shard_counts(options, kOtherShards);
  ShardSet set;
  set.class_names = list_folders(!train.empty() ? train : !validation.empty() ? validation : root);
  if (!train.empty() || validation.empty()) {
    const fs::path& folder = train.empty() ? root : train;
    check_outside(options.output, folder);
    const FolderSource source(folder, set.class_names);
    set.parts.push_back(picture_part("train", shards.train, files_of(source), PictureOrder::kShuffled, false));
  }
  if (!validation.empty()) {
    check_outside(options.output, validation);
    const FolderSource source(validation, set.class_names);
    set.parts.push_back(picture_part("validation", shards.validation, files_of(source), PictureOrder::kListed, false));
  }
  return set;
}

// ImageNet's files, as far as they are there.
struct ImagenetInput {
  std::string train_archive;
  fs::path train_folder;  // of folders of classes
  std::string validation_archive;
  fs::path validation_folder;  // of images
  std::string labels;

  // Folders of classes alone are nothing of ImageNet's own.
  bool found() const { return !train_archive.empty() || !validation_archive.empty() || !validation_folder.empty(); }
};

std::string given_or_found(const std::string& given, const fs::path& usual) {
  if (!given.empty()) return given;
  return fs::exists(usual) ? usual.string() : std::string();
}

ImagenetInput find_imagenet(const ConvertOptions& options) {
  const fs::path root = options.input;
  ImagenetInput input{.train_archive = given_or_found(options.train_archive, root / kTrainArchive),
                      .validation_archive = given_or_found(options.validation_archive, root / kValidationArchive),
                      .labels = options.validation_labels};
  // Before an archive is listed, which may take minutes.
  for (const std::string& given : {options.train_archive, options.validation_archive, options.validation_labels}) {
    if (!given.empty()) ReadOnlyFile{given};
  }
  for (const char* name : kValidationLabels) input.labels = given_or_found(input.labels, root / name);
  if (input.train_archive.empty()) input.train_folder = find_split_folder(root, DataSplit::kTrain);
  const fs::path folder = find_split_folder(root, DataSplit::kValidation);
  if (input.validation_archive.empty() && !folder.empty() && list_folders(folder).empty()) {
    if (!list_validation_folder(folder).items.empty()) input.validation_folder = folder;
  }
  return input;
}

SynsetFiles list_train(const ImagenetInput& input, const std::string& output) {
  if (!input.train_archive.empty()) return list_train_archive(input.train_archive);
  if (input.train_folder.empty()) return {};
  check_outside(output, input.train_folder);
  const FolderSource source(input.train_folder);
  SynsetFiles train{.files = files_of(source)};
  for (const PictureFiles::Item& item : train.files.items) {
    train.classes.push_back(source.class_names()[static_cast<size_t>(item.label)]);
  }
  return train;
}

SynsetFiles list_validation(const ImagenetInput& input, const std::string& asked) {
  SynsetFiles validation;
  const bool in_archive = !input.validation_archive.empty();
  if (!in_archive && input.validation_folder.empty()) {
    // Their classes count all the same: labels of a part of ImageNet stay those of the whole.
    if (!input.labels.empty()) validation.classes = read_validation_labels(input.labels, nullptr);
    return validation;
  }
  validation.files =
      in_archive ? list_validation_archive(input.validation_archive) : list_validation_folder(input.validation_folder);
  if (input.labels.empty()) {
    fail("{}: no labels of the validation images: expected {} there, or --validation_labels", asked,
         kValidationLabels[0]);
  }
  validation.classes = read_validation_labels(input.labels, &validation.files);
  return validation;
}

void warn_of_classes(const std::set<std::string>& all, const std::set<std::string>& trained) {
  if (all.size() != kImagenetClasses) {
    log_warning("{} classes, not ImageNet's {}: labels are ranks among these", all.size(), kImagenetClasses);
  }
  if (trained.empty() || trained.size() == all.size()) return;
  const auto missing = std::ranges::find_if(all, [&](const std::string& name) { return !trained.contains(name); });
  log_warning("{} of the {} classes have no training images, {} for one", all.size() - trained.size(), all.size(),
              *missing);
}

void number_classes(SynsetFiles& files, const std::vector<std::string>& names) {
  for (size_t i = 0; i < files.files.items.size(); ++i) {
    files.files.items[i].label = std::ranges::lower_bound(names, files.classes[i]) - names.begin();
  }
}

ShardSet plan_imagenet(const ConvertOptions& options, const ImagenetInput& input) {
  SynsetFiles validation = list_validation(input, options.input);
  SynsetFiles train = list_train(input, options.output);
  const std::set<std::string> trained(train.classes.begin(), train.classes.end());
  std::set<std::string> all = trained;
  all.insert(validation.classes.begin(), validation.classes.end());
  warn_of_classes(all, trained);
  ShardSet set{.class_names = {all.begin(), all.end()}};
  number_classes(train, set.class_names);
  number_classes(validation, set.class_names);
  const ShardCounts shards = shard_counts(options, kImagenetShards);
  if (!train.files.items.empty()) {
    set.parts.push_back(picture_part("train", shards.train, std::move(train.files), PictureOrder::kShuffled, true));
  }
  if (!validation.files.items.empty()) {
    set.parts.push_back(
        picture_part("validation", shards.validation, std::move(validation.files), PictureOrder::kListed, true));
  }
  return set;
}

void refuse_archives(const ConvertOptions& options, std::string_view found) {
  for (const auto& [flag, given] :
       {std::pair("train_archive", options.train_archive), std::pair("validation_archive", options.validation_archive),
        std::pair("validation_labels", options.validation_labels)}) {
    if (!given.empty()) fail("--{} is for ImageNet's archives, but {} holds {}", flag, options.input, found);
  }
}

// Images of a split, or of classes of none, beside the archive that was named would be left out.
void check_alone(const ConvertOptions& options) {
  const fs::path root = options.input;
  const fs::path train = find_split_folder(root, DataSplit::kTrain);
  const fs::path validation = find_split_folder(root, DataSplit::kValidation);
  const auto check = [&](const char* flag, const std::string& archive, const fs::path& own, const fs::path& other) {
    if (archive.empty()) return;
    for (const std::string& name : list_folders(root)) {
      const fs::path folder = root / name;
      if (folder == other || (folder != own && !has_images(folder))) continue;
      fail("--{}={}: {} would be left out; give the one or the other", flag, archive, folder.string());
    }
  };
  check("train_archive", options.train_archive, train, validation);
  check("validation_archive", options.validation_archive, validation, train);
}

ShardSet make_plan(const ConvertOptions& options) {
  std::error_code ignored;
  if (!fs::exists(options.input, ignored)) fail("{}: no such folder", options.input);
  if (!fs::is_directory(options.input, ignored)) {
    fail("{}: a file; expected the folder that holds the data (an archive elsewhere: --train_archive)", options.input);
  }
  const IdxPair train = find_idx(options.input, DataSplit::kTrain);
  const IdxPair validation = find_idx(options.input, DataSplit::kValidation);
  if (!train.images.empty() || !validation.images.empty()) {
    refuse_archives(options, "IDX files");
    return plan_idx(options, train, validation);
  }
  if (!options.class_names.empty()) fail("class names are given by the folders' names here, not by an option");
  check_alone(options);
  const ImagenetInput imagenet = find_imagenet(options);
  if (imagenet.found()) return plan_imagenet(options, imagenet);
  if (!list_folders(options.input).empty()) {
    refuse_archives(options, "folders of images");
    return plan_folders(options);
  }
  fail("{}: neither IDX files (train-images-idx3-ubyte, ...) nor ImageNet's archives ({}, ...) nor folders of images",
       options.input, kTrainArchive);
}

}  // namespace

ConvertResult convert_data(const ConvertOptions& options, const std::function<void()>& checked) {
  const ShardSet set = make_plan(options);
  ShardWriter writer(set, options.output);
  if (checked) checked();
  writer.write(options.threads);
  ConvertResult result{.class_names = set.class_names};
  for (const ShardPart& part : set.parts) {
    (part.name == "train" ? result.train_images : result.validation_images) = part.size;
  }
  return result;
}

}  // namespace netwright
