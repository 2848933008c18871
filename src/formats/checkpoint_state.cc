#include "formats/checkpoint_state.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "core/file.h"
#include "formats/file_io.h"
#include "formats/tensor_bundle.pb.h"

namespace netwright {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStateName = "checkpoint";

// Keeps the first complaint of the parser, which would print all of them.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (text_.empty()) text_ = fmt::format("line {}, column {}: {}", line + 1, column + 1, message);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

bool has_index(const std::string& prefix) {
  std::error_code ignored;
  return fs::exists(prefix + ".index", ignored);
}

std::string usable_path(const std::string& folder, const std::string& stored) {
  const fs::path path(stored);
  if (path.is_relative()) return (fs::path(folder) / path).string();
  const std::string moved = (fs::path(folder) / path.filename()).string();
  return !has_index(stored) && has_index(moved) ? moved : stored;
}

std::string stored_path(const std::string& folder, const std::string& prefix) {
  const fs::path absolute = fs::absolute(prefix).lexically_normal();
  const fs::path relative = absolute.lexically_relative(fs::absolute(folder + "/").lexically_normal());
  const bool inside = !relative.empty() && *relative.begin() != "..";
  return inside ? relative.string() : absolute.string();
}

// "PREFIX.data-00000-of-00001", whatever the numbers.
bool is_data_of(const std::string& name, const std::string& prefix_name) {
  constexpr std::string_view kPattern = ".data-NNNNN-of-NNNNN";
  if (name.size() != prefix_name.size() + kPattern.size() || !name.starts_with(prefix_name)) return false;
  return std::equal(kPattern.begin(), kPattern.end(), name.begin() + static_cast<std::ptrdiff_t>(prefix_name.size()),
                    [](char p, char c) { return p == 'N' ? c >= '0' && c <= '9' : p == c; });
}

template <typename Predicate>
void remove_files(const std::string& folder, Predicate&& matches) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    std::error_code failed;
    if (matches(entry.path().filename().string())) fs::remove(entry.path(), failed);
  }
}

}  // namespace

std::optional<CheckpointState> read_checkpoint_state(const std::string& folder) {
  const std::string path = (fs::path(folder) / kStateName).string();
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return std::nullopt;
  proto::CheckpointState message;
  FirstError error;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  if (!parser.ParseFromString(read_file(path), &message)) {
    fail("{}: can't parse TensorFlow's checkpoint state: {}", path, error.text());
  }
  if (message.model_checkpoint_path().empty()) fail("{}: names no model_checkpoint_path", path);
  CheckpointState state;
  state.latest = usable_path(folder, message.model_checkpoint_path());
  for (const std::string& stored : message.all_model_checkpoint_paths()) {
    state.all.push_back(usable_path(folder, stored));
  }
  return state;
}

void write_checkpoint_state(const std::string& folder, const CheckpointState& state) {
  proto::CheckpointState message;
  message.set_model_checkpoint_path(stored_path(folder, state.latest));
  for (const std::string& prefix : state.all) message.add_all_model_checkpoint_paths(stored_path(folder, prefix));
  std::string text;
  google::protobuf::TextFormat::PrintToString(message, &text);
  write_file_atomically((fs::path(folder) / kStateName).string(), text);
}

std::optional<std::string> latest_checkpoint(const std::string& folder) {
  const std::optional<CheckpointState> state = read_checkpoint_state(folder);
  if (!state) return std::nullopt;
  if (!has_index(state->latest)) {
    fail("{}/{}: names {}, but there is no {}.index", folder, kStateName, state->latest, state->latest);
  }
  return state->latest;
}

std::string resolve_checkpoint(const std::string& folder_or_prefix) {
  std::error_code ignored;
  if (fs::is_directory(folder_or_prefix, ignored)) {
    const std::optional<std::string> latest = latest_checkpoint(folder_or_prefix);
    if (!latest) fail("{}: no checkpoint in this folder: it has no file named {}", folder_or_prefix, kStateName);
    return *latest;
  }
  if (has_index(folder_or_prefix)) return folder_or_prefix;
  const fs::path path(folder_or_prefix);
  const std::string extension = path.extension().string();
  const std::string prefix = (path.parent_path() / path.stem()).string();
  const bool is_file_of_one =
      extension == ".index" || extension == ".meta" || is_data_of(path.filename().string(), path.stem().string());
  if (is_file_of_one && has_index(prefix)) return prefix;
  fail("{}: no checkpoint: neither a folder with one nor the beginning of the names of one ({}.index is missing)",
       folder_or_prefix, is_file_of_one ? prefix : folder_or_prefix);
}

void remove_checkpoint(const std::string& prefix) {
  std::error_code ignored;
  fs::remove(prefix + ".index", ignored);
  fs::remove(prefix + ".meta", ignored);
  const std::string base = fs::path(prefix).filename().string();
  remove_files(folder_of(prefix), [&](const std::string& name) { return is_data_of(name, base); });
}

void remove_unfinished_checkpoints(const std::string& folder) {
  remove_files(folder, [](const std::string& name) {
    return name.find(".tempstate") != std::string::npos || name.starts_with(std::string(kStateName) + ".tmp");
  });
}

}  // namespace netwright
