#include <algorithm>
#include <cctype>
#include <filesystem>

#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
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

// What one or several folders of images hold.
struct Listing {
  std::vector<std::string> images;
  std::vector<std::string> others;  // neither images by their names nor hidden
};

Listing list_images(const fs::path& folder) {
  Listing list;
  for (const fs::directory_entry& entry : open_folder(folder)) {
    if (is_hidden(entry.path())) continue;
    const bool image = is_image_name(entry.path());
    // Reading a pipe would wait for ever, a device never end.
    if (image && entry.is_other()) fail("{}: not a regular file", entry.path().string());
    (image ? list.images : list.others).push_back(entry.path().string());
  }
  std::ranges::sort(list.images);
  std::ranges::sort(list.others);
  return list;
}

// What an image folder's user may have meant as data.
void warn_of_passed_over(const fs::path& root, size_t classes, const std::vector<std::string>& without_images,
                         const std::vector<std::string>& others) {
  if (!without_images.empty()) {
    log_warning("{}: {} of the {} classes have no images, {} for one", root.string(), without_images.size(), classes,
                without_images.front());
  }
  if (!others.empty()) {
    log_warning("{}: passed over what is no .jpg, .jpeg or .png file: {} in all, {} for one", root.string(),
                others.size(), others.front());
  }
}

}  // namespace

bool is_image_name(const fs::path& path) {
  std::string extension = path.extension().string();
  std::ranges::transform(extension, extension.begin(), [](unsigned char c) { return std::tolower(c); });
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

bool has_images(const fs::path& folder) { return !list_images(folder).images.empty(); }

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
  std::vector<std::string> others;
  std::vector<std::string> without;
  for (const std::string& folder : folders) {
    const auto found = std::ranges::find(classes_, folder);
    if (found == classes_.end()) {
      fail("{}: class folder {} is not among the {} classes of the training set{}", root.string(), folder,
           classes_.size(), and_did_you_mean(folder, classes_));
    }
    Listing list = list_images(root / folder);
    if (list.images.empty()) without.push_back(folder);
    for (std::string& path : list.images) items_.push_back({std::move(path), found - classes_.begin()});
    std::ranges::move(list.others, std::back_inserter(others));
  }
  if (items_.empty()) {
    fail("{}: no images; expected folders of .jpg, .jpeg or .png files, one folder a class", root.string());
  }
  warn_of_passed_over(root, folders.size(), without, others);
}

void FolderSource::read(int64_t index, Sample& sample) const {
  const Item& item = items_[static_cast<size_t>(index)];
  sample.encoded = read_file(item.path);
  sample.decoded = false;
  sample.label = item.label;
}

}  // namespace netwright
