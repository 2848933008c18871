#include "train/archive.h"

#include <cstdlib>
#include <filesystem>
#include <limits>

#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "formats/checkpoint_state.h"

namespace netwright {
namespace {

namespace fs = std::filesystem;

// Minus infinity where there is none yet.
double best_objective(const std::string& path) {
  if (!fs::exists(path)) return -std::numeric_limits<double>::infinity();
  const std::string text = read_file(path);
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end == text.c_str()) fail("{}: expected a number, found `{}`", path, text.substr(0, 40));
  return value;
}

// A Python dictionary, as the original prints its own.
std::string metrics_text(const EvalResult& result, int64_t step) {
  return fmt::format("{{'global_step': {}, 'loss': {}, 'top_1_accuracy': {}, 'top_5_accuracy': {}}}", step, result.loss,
                     result.top1, result.top5);
}

void link_or_copy(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::create_hard_link(from, to, error);
  if (!error) return;
  fs::copy_file(from, to, error);
  if (error) fail("{}: can't be copied to {}: {}", from.string(), to.string(), error.message());
  sync_path(to);
}

// The files PREFIX.* into the folder.
void copy_checkpoint(const std::string& prefix, const fs::path& folder) {
  const fs::path path(prefix);
  const std::string begin = path.filename().string() + ".";
  for (const fs::directory_entry& entry : fs::directory_iterator(path.parent_path())) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(begin)) link_or_copy(entry.path(), folder / name);
  }
}

// Puts the new archive into its place. Each step leaves a whole one, there or beside it.
void exchange(const fs::path& fresh, const fs::path& archive, const fs::path& old) {
  fs::remove_all(old);
  if (fs::exists(archive)) fs::rename(archive, old);
  fs::rename(fresh, archive);
  sync_path(archive.parent_path());
  fs::remove_all(old);
}

// After a process that died in an exchange.
void finish_exchange(const fs::path& archive, const fs::path& old) {
  if (!fs::exists(archive) && fs::exists(old)) fs::rename(old, archive);
}

}  // namespace

bool archive_best(const std::string& model_dir, const std::string& prefix, const EvalResult& result, int64_t step) {
  const FileLock lock(model_dir + "/.archive.lock", model_dir, FileLock::Mode::kWait);
  const fs::path archive = fs::path(model_dir) / "archive";
  const fs::path fresh = fs::path(model_dir) / "archive.new";
  const fs::path old = fs::path(model_dir) / "archive.old";
  const std::string objective_path = model_dir + "/best_objective.txt";
  try {
    finish_exchange(archive, old);
    if (best_objective(objective_path) > result.top1 || !fs::exists(prefix + ".index")) return false;
    fs::remove_all(fresh);
    fs::create_directory(fresh);
    copy_checkpoint(prefix, fresh);
    const std::string copy = (fresh / fs::path(prefix).filename()).string();
    write_checkpoint_state(fresh, {.latest = copy, .all = {copy}});
    write_file_atomically(fresh / "best_eval.txt", metrics_text(result, step));
    exchange(fresh, archive, old);
    write_file_atomically(objective_path, fmt::format("{:f}", result.top1));
  } catch (const std::exception& error) {
    std::error_code ignored;
    fs::remove_all(fresh, ignored);
    // A run that trains on may have dropped it meanwhile.
    if (!fs::exists(prefix + ".index", ignored)) return false;
    fail("{} can't be archived: {}", prefix, error.what());
  }
  log_info("step {} is the best so far: {}", step, archive.string());
  return true;
}

}  // namespace netwright
