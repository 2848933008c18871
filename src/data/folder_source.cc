#include <algorithm>
#include <cctype>
#include <filesystem>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "data/sources.h"

namespace netwright {
namespace {

namespace fs = std::filesystem;

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

fs::directory_iterator open_folder(const fs::path& folder) {
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  if (error) fail("{}: can't be read: {}", folder.string(), error.message());
  return entries;
}

std::vector<std::string> list_images(const fs::path& folder) {
  std::vector<std::string> paths;
  for (const fs::directory_entry& entry : open_folder(folder)) {
    if (!is_hidden(entry.path()) && is_image_name(entry.path())) paths.push_back(entry.path().string());
  }
  std::ranges::sort(paths);
  return paths;
}

}  // namespace

bool is_image_name(const fs::path& path) {
  std::string extension = path.extension().string();
  std::ranges::transform(extension, extension.begin(), [](unsigned char c) { return std::tolower(c); });
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

std::vector<std::string> list_folders(const fs::path& root) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : open_folder(root)) {
    if (entry.is_directory() && !is_hidden(entry.path())) names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

fs::path find_split_folder(const fs::path& root, DataSplit split) {
  const auto names =
      split == DataSplit::kTrain ? std::vector<std::string>{"train"} : std::vector<std::string>{"validation", "val"};
  for (const std::string& name : names) {
    if (fs::is_directory(root / name)) return root / name;
  }
  return {};
}

FolderSource::FolderSource(const fs::path& root, std::vector<std::string> classes) : classes_(std::move(classes)) {
  const std::vector<std::string> folders = list_folders(root);
  if (classes_.empty()) classes_ = folders;
  for (const std::string& folder : folders) {
    const auto found = std::ranges::find(classes_, folder);
    if (found == classes_.end()) {
      fail("{}: class folder {} is not among the {} classes of the training set{}", root.string(), folder,
           classes_.size(), did_you_mean(folder, classes_));
    }
    for (std::string& path : list_images(root / folder)) {
      items_.push_back({std::move(path), found - classes_.begin()});
    }
  }
  if (items_.empty()) {
    fail("{}: no images; expected folders of .jpg, .jpeg or .png files, one folder a class", root.string());
  }
}

void FolderSource::read(int64_t index, Sample& sample) const {
  const Item& item = items_[static_cast<size_t>(index)];
  sample.encoded = read_file(item.path);
  sample.decoded = false;
  sample.label = item.label;
}

}  // namespace netwright
