#include "data/convert.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>

#include "core/error.h"
#include "core/file.h"
#include "core/progress.h"
#include "core/text.h"
#include "core/thread_pool.h"
#include "data/decode.h"
#include "data/encode.h"
#include "data/epoch_order.h"
#include "data/sources.h"
#include "formats/example.h"
#include "formats/tfrecord.h"

namespace netwright {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kOrderSeed = 0;

struct Picture {
  std::string encoded;
  int64_t label = 0;  // from 0
  std::string filename;
};

struct Part {
  std::string name;  // "train", "validation"
  int64_t shards = 0;
  int64_t size = 0;
  std::function<Picture(int64_t)> picture;
};

struct Plan {
  std::vector<Part> parts;
  std::vector<std::string> class_names;
};

std::vector<std::string> default_class_names(const fs::path& input, int64_t classes) {
  if (input.lexically_normal().string().find("fashion-mnist") != std::string::npos && classes == 10) {
    return {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"};
  }
  std::vector<std::string> names;
  for (int64_t i = 0; i < classes; ++i) names.push_back(std::to_string(i));
  return names;
}

Part idx_part(std::string name, int64_t shards, std::shared_ptr<const IdxSource> source) {
  const int64_t size = source->size();
  auto picture = [name, source = std::move(source)](int64_t index) {
    Image image;
    source->read_grey(index, image);
    return Picture{encode_png(image), source->label(index), fmt::format("{}_{:05d}.png", name, index)};
  };
  return {std::move(name), shards, size, std::move(picture)};
}

Plan plan_idx(const ConvertOptions& options, const IdxPair& train, const IdxPair& validation) {
  Plan plan;
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
    plan.parts.push_back(idx_part(name, shards, std::move(source)));
  };
  add("train", options.train_shards, train);
  add("validation", options.validation_shards, validation);
  plan.class_names = options.class_names.empty() ? default_class_names(options.input, classes) : options.class_names;
  return plan;
}

// A file's bytes, checked as far as its header and its end.
std::string read_image_file(const std::string& path) {
  std::string bytes = read_file(path);
  try {
    const ImageHeader header = read_image_header(bytes);
    if (header.kind == ImageKind::kJpeg && header.channels == 4) {
      return encode_jpeg(decode_image(bytes), {.quality = 100, .subsampling = false});
    }
  } catch (const Error& error) {
    fail("{}: {}", path, error.what());
  }
  return bytes;
}

Part folder_part(std::string name, int64_t shards, std::shared_ptr<const FolderSource> source) {
  const int64_t size = source->size();
  std::shared_ptr<const EpochOrder> order;
  if (name == "train") order = std::make_shared<const EpochOrder>(kOrderSeed, size);
  auto picture = [order, source = std::move(source)](int64_t place) {
    const int64_t index = order ? order->at(0, place) : place;
    const std::string& path = source->path(index);
    return Picture{read_image_file(path), source->label(index), fs::path(path).filename().string()};
  };
  return {std::move(name), shards, size, std::move(picture)};
}

Plan plan_folders(const ConvertOptions& options) {
  if (!options.class_names.empty()) fail("class names are given by the folders' names here, not by an option");
  const fs::path root = options.input;
  const fs::path train = find_split_folder(root, DataSplit::kTrain);
  const fs::path validation = find_split_folder(root, DataSplit::kValidation);
  Plan plan;
  if (train.empty() && validation.empty()) {
    auto source = std::make_shared<const FolderSource>(root);
    plan.class_names = source->class_names();
    plan.parts.push_back(folder_part("train", options.train_shards, std::move(source)));
    return plan;
  }
  plan.class_names = list_folders(train.empty() ? validation : train);
  const auto add = [&](const std::string& name, int64_t shards, const fs::path& folder) {
    if (folder.empty()) return;
    plan.parts.push_back(folder_part(name, shards, std::make_shared<const FolderSource>(folder, plan.class_names)));
  };
  add("train", options.train_shards, train);
  add("validation", options.validation_shards, validation);
  return plan;
}

Plan make_plan(const ConvertOptions& options) {
  std::error_code ignored;
  if (!fs::is_directory(options.input, ignored)) fail("{}: no such folder", options.input);
  const IdxPair train = find_idx(options.input, DataSplit::kTrain);
  const IdxPair validation = find_idx(options.input, DataSplit::kValidation);
  if (!train.images.empty() || !validation.images.empty()) return plan_idx(options, train, validation);
  if (!list_folders(options.input).empty()) return plan_folders(options);
  fail("{}: neither IDX files (train-images-idx3-ubyte, ...) nor folders of images", options.input);
}

std::string shard_name(const Part& part, int64_t shard) {
  return fmt::format("{}-{:05d}-of-{:05d}", part.name, shard, part.shards);
}

// Shards of another number beside ours would be read together with them.
void check_output(const std::string& output, const Plan& plan) {
  for (const char* name : {"train", "validation"}) {
    const auto part = std::ranges::find(plan.parts, name, &Part::name);
    const std::string ours = part == plan.parts.end() ? "" : fmt::format("-of-{:05d}", part->shards);
    for (const std::string& path : match_files(fmt::format("{}/{}-*", output, name))) {
      if (ours.empty() || !path.ends_with(ours)) {
        fail("{}: in the way; it would be read together with the new records (give an empty folder)", path);
      }
    }
  }
}

std::string serialize(const Picture& picture, const std::vector<std::string>& class_names) {
  const ImageHeader header = read_image_header(picture.encoded);
  Example example;
  example.set_int64("image/height", header.height);
  example.set_int64("image/width", header.width);
  example.set_int64("image/channels", 3);  // what it decodes to, as the original writes for grey pictures too
  example.set_bytes("image/colorspace", "RGB");
  example.set_bytes("image/format", std::string(image_kind_name(header.kind)));
  example.set_bytes("image/filename", picture.filename);
  example.set_bytes("image/encoded", picture.encoded);
  example.set_int64("image/class/label", picture.label + 1);
  example.set_bytes("image/class/synset", class_names[static_cast<size_t>(picture.label)]);
  return example.serialize();
}

// A file under a temporary name until it is whole; a hidden one, which no pattern of shards matches.
class TemporaryFile {
 public:
  TemporaryFile(const std::string& folder, const std::string& name)
      : path_(folder + "/." + name + ".partial"), final_(folder + "/" + name) {}
  ~TemporaryFile() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& path() const { return path_; }
  void commit() const {
    sync_path(path_);
    std::error_code error;
    fs::rename(path_, final_, error);
    if (error) fail("{}: can't be written: {}", final_, error.message());
  }

 private:
  std::string path_;
  std::string final_;
};

void write_part(const Part& part, const std::vector<std::string>& class_names, const std::string& output,
                ThreadPool& pool) {
  Progress progress("converting " + part.name, "images", part.size);
  std::mutex mutex;
  int64_t done = 0;
  const int64_t chunk = (part.size + part.shards - 1) / part.shards;
  pool.parallel_for(part.shards, [&](int64_t shard) {
    const TemporaryFile file(output, shard_name(part, shard));
    RecordWriter writer(file.path());
    const int64_t end = std::min(part.size, (shard + 1) * chunk);
    for (int64_t i = shard * chunk; i < end; ++i) {
      writer.write(serialize(part.picture(i), class_names));
      const std::lock_guard lock(mutex);
      progress.update(++done);
    }
    writer.close();
    file.commit();
  });
  progress.finish();
}

}  // namespace

ConvertResult convert_data(const ConvertOptions& options, const std::function<void()>& checked) {
  for (const int64_t shards : {options.train_shards, options.validation_shards}) {
    if (shards < 1 || shards > 99999) fail("{} shards; expected 1 to 99999", shards);
  }
  if (options.output.empty()) fail("no output folder given");
  const Plan plan = make_plan(options);
  make_writable_folder(options.output);
  check_output(options.output, plan);
  if (checked) checked();
  ThreadPool pool(options.threads);
  ConvertResult result;
  for (const Part& part : plan.parts) {
    write_part(part, plan.class_names, options.output, pool);
    (part.name == "train" ? result.train_images : result.validation_images) = part.size;
  }
  write_file_atomically(options.output + "/labels.txt", join(plan.class_names, "\n") + "\n");
  result.class_names = plan.class_names;
  return result;
}

}  // namespace netwright
