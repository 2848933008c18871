#include "data/source.h"

#include <filesystem>

#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "core/text.h"
#include "data/shard_names.h"
#include "data/sources.h"

namespace netwright {
namespace {

namespace fs = std::filesystem;

std::shared_ptr<const ImageSource> open_folder(const SourceOptions& options) {
  const fs::path root = options.data;
  const IdxPair idx = find_idx(root, options.split);
  if (!idx.images.empty()) return std::make_shared<IdxSource>(idx.images, idx.labels);

  const std::string prefix = options.split == DataSplit::kTrain ? "train-*" : "validation-*";
  const std::string pattern = (root / prefix).string();
  std::vector<std::string> records = match_records(pattern);
  if (!records.empty()) {
    // Such a set still serves, but its user should know.
    for (const ShardFault& fault : check_shard_names(records)) log_warning("{}: {}", fault.files, fault.what);
    return std::make_shared<RecordSource>(std::move(records), options.label_base, pattern);
  }

  const fs::path split = find_split_folder(root, options.split);
  if (!split.empty()) {
    // Labels are the training set's, also where validation lacks a class.
    const fs::path train = find_split_folder(root, DataSplit::kTrain);
    return std::make_shared<FolderSource>(split, train.empty() ? std::vector<std::string>{} : list_folders(train));
  }
  const bool other_split =
      !find_split_folder(root, DataSplit::kTrain).empty() || !find_split_folder(root, DataSplit::kValidation).empty();
  if (!other_split && !list_folders(root).empty()) return std::make_shared<FolderSource>(root);
  fail("no data found in {}: no TFRecords {}, no IDX files, no folders of images", options.data, pattern);
}

std::shared_ptr<const ImageSource> open_patterns(const SourceOptions& options) {
  std::vector<std::string> paths;
  for (const std::string& pattern : split(options.data, ',')) {
    std::vector<std::string> matched = named_records(pattern);
    paths.insert(paths.end(), std::make_move_iterator(matched.begin()), std::make_move_iterator(matched.end()));
  }
  return std::make_shared<RecordSource>(std::move(paths), options.label_base, options.data);
}

}  // namespace

std::vector<std::string> match_records(const std::string& pattern) {
  std::vector<std::string> paths = match_files(pattern);
  std::erase_if(paths, [](const std::string& path) { return !fs::is_regular_file(path); });
  return paths;
}

std::vector<std::string> named_records(const std::string& word) {
  std::vector<std::string> paths = match_records(word);
  std::error_code ignored;
  if (paths.empty() && fs::exists(word, ignored)) fail("{}: not a regular file", word);
  if (paths.empty()) fail("no file matches {}", word);
  return paths;
}

std::shared_ptr<const ImageSource> open_source(const SourceOptions& options) {
  if (options.data.empty()) fail("no data given: expected a folder, a pattern of TFRecords, or \"fake\"");
  if (options.data == "fake") return std::make_shared<FakeSource>(options.fake);
  std::error_code ignored;
  return fs::is_directory(options.data, ignored) ? open_folder(options) : open_patterns(options);
}

std::vector<std::string> read_class_names(const std::string& path) {
  std::vector<std::string> names = split(read_file(path), '\n');
  if (!names.empty() && names.back().empty()) names.pop_back();
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].ends_with('\r')) names[i].pop_back();
    if (names[i].empty()) fail("{}: line {} is empty; expected one class name a line", path, i + 1);
  }
  return names;
}

}  // namespace netwright
