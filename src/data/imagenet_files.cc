#include "data/imagenet_files.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/text.h"
#include "core/thread_pool.h"
#include "data/sources.h"
#include "formats/tar_archive.h"

namespace netwright {
namespace {

namespace fs = std::filesystem;

// Reading headers all over a large file is waiting, not computing.
constexpr int kListThreads = 16;
constexpr std::string_view kKaggleHeader = "ImageId,";

void warn_unless_closed(const TarList& list, const std::string& name) {
  if (!list.closed) log_warning("{}: no end-of-archive blocks; perhaps it is cut short", name);
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_synset(std::string_view text) { return text.size() == 9 && text[0] == 'n' && is_digits(text.substr(1)); }

std::vector<PictureFiles::Item> list_class(const ReadOnlyFile& file, const TarEntry& archive) {
  const std::string name = file.path() + ": " + archive.name;
  const std::string synset = fs::path(archive.name).stem().string();
  const TarList list = list_tar(file, archive.offset, archive.size, name);
  warn_unless_closed(list, name);
  std::vector<PictureFiles::Item> items;
  for (const TarEntry& entry : list.entries) {
    if (!is_image_name(entry.name)) continue;
    const std::string path = synset + "/" + fs::path(entry.name).filename().string();
    items.push_back({.path = path, .offset = entry.offset, .size = entry.size});
  }
  if (items.empty()) fail("{}: no images in it", name);
  return items;
}

void check_class_archives(const TarList& list, const std::string& path) {
  if (list.entries.empty()) fail("{}: nothing in it; expected one archive a class", path);
  std::set<fs::path> classes;
  for (const TarEntry& entry : list.entries) {
    const fs::path name = fs::path(entry.name).filename();
    if (!classes.insert(name).second) fail("{}: holds {} twice", path, name.string());
    if (name.extension() == ".tar") continue;
    fail("{}: holds {}; expected one archive a class, such as n01440764.tar (is this the training archive?)", path,
         entry.name);
  }
}

void sort_by_path(PictureFiles& files) { std::ranges::sort(files.items, {}, &PictureFiles::Item::path); }

std::string stem_of(const PictureFiles::Item& item) { return fs::path(item.path).stem().string(); }

void check_synset(const std::string& text, const std::string& path, size_t line) {
  if (is_synset(text)) return;
  fail("{}: line {} is \"{}\"; expected a WordNet id such as n01440764{}", path, line, text,
       is_digits(text) ? " (the development kit's numbers are in no order that says which class they mean; take"
                         " synset_labels.txt)"
                       : "");
}

// "ILSVRC2012_val_00048981,n03995372 85 1 499 272": an image, and classes with their boxes, all of one class.
std::vector<std::string> match_kaggle_labels(const std::string& path, const std::vector<std::string>& lines,
                                             const PictureFiles* images) {
  std::map<std::string, std::string> synsets;
  for (size_t i = 1; i < lines.size(); ++i) {
    const size_t comma = lines[i].find(',');
    const std::string label = comma == std::string::npos ? lines[i] : lines[i].substr(comma + 1);
    const std::string synset = label.substr(0, label.find(' '));
    check_synset(synset, path, i + 1);
    synsets[lines[i].substr(0, comma)] = synset;
  }
  std::vector<std::string> found;
  if (images == nullptr) {
    for (const auto& [image, synset] : synsets) found.push_back(synset);
    return found;
  }
  for (const PictureFiles::Item& item : images->items) {
    const auto entry = synsets.find(stem_of(item));
    if (entry == synsets.end()) fail("{}: no label for {}", path, fs::path(item.path).filename().string());
    found.push_back(entry->second);
  }
  return found;
}

}  // namespace

SynsetFiles list_train_archive(const std::string& path) {
  SynsetFiles found;
  found.files.archive = std::make_shared<const ReadOnlyFile>(path);
  const ReadOnlyFile& file = *found.files.archive;
  const TarList outer = list_tar(file);
  check_class_archives(outer, path);
  warn_unless_closed(outer, path);
  const auto count = static_cast<int64_t>(outer.entries.size());
  ThreadPool pool(static_cast<int>(std::min<int64_t>(kListThreads, count)));
  Progress progress("listing " + path, "classes", count);
  std::mutex mutex;
  int64_t done = 0;
  pool.parallel_for(count, [&](int64_t i) {
    std::vector<PictureFiles::Item> items = list_class(file, outer.entries[static_cast<size_t>(i)]);
    const std::lock_guard lock(mutex);
    std::ranges::move(items, std::back_inserter(found.files.items));
    progress.update(++done);
  });
  sort_by_path(found.files);
  for (const PictureFiles::Item& item : found.files.items) {
    found.classes.push_back(fs::path(item.path).parent_path().string());
  }
  return found;
}

PictureFiles list_validation_archive(const std::string& path) {
  PictureFiles files;
  files.archive = std::make_shared<const ReadOnlyFile>(path);
  const TarList list = list_tar(*files.archive);
  warn_unless_closed(list, path);
  for (const TarEntry& entry : list.entries) {
    if (fs::path(entry.name).extension() == ".tar") {
      fail("{}: holds {}; expected images (is this the validation archive?)", path, entry.name);
    }
    if (!is_image_name(entry.name)) continue;
    files.items.push_back(
        {.path = fs::path(entry.name).filename().string(), .offset = entry.offset, .size = entry.size});
  }
  if (files.items.empty()) fail("{}: no images in it", path);
  sort_by_path(files);
  return files;
}

PictureFiles list_validation_folder(const fs::path& folder) {
  PictureFiles files;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') || !is_image_name(name) || !entry.is_regular_file()) continue;
    files.items.push_back({.path = entry.path().string(), .size = entry.file_size()});
  }
  if (error) fail("{}: can't be read: {}", folder.string(), error.message());
  sort_by_path(files);
  return files;
}

std::vector<std::string> read_validation_labels(const std::string& path, const PictureFiles* images) {
  std::vector<std::string> lines = split(read_file(path), '\n');
  for (std::string& line : lines) {
    if (line.ends_with('\r')) line.pop_back();
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  if (lines.empty()) fail("{}: no labels in it", path);
  if (lines.front().starts_with(kKaggleHeader)) return match_kaggle_labels(path, lines, images);
  for (size_t i = 0; i < lines.size(); ++i) check_synset(lines[i], path, i + 1);
  if (images != nullptr && lines.size() != images->items.size()) {
    fail("{}: {} labels, but there are {} validation images", path, with_commas(static_cast<int64_t>(lines.size())),
         with_commas(static_cast<int64_t>(images->items.size())));
  }
  return lines;
}

}  // namespace netwright
