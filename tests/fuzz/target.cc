#include "fuzz/target.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "core/text.h"
#include "support/testing.h"

namespace netwright::fuzz {

std::span<const Target> all_targets() {
  static const std::vector<Target> kTargets = [] {
    std::vector<Target> targets;
    for (const auto& some : {record_targets(), bundle_targets(), array_targets(), image_targets(), text_targets()}) {
      targets.insert(targets.end(), some.begin(), some.end());
    }
    return targets;
  }();
  return kTargets;
}

const Target& find_target(std::string_view name) {
  std::vector<std::string> names;
  for (const Target& target : all_targets()) {
    if (target.name == name) return target;
    names.emplace_back(target.name);
  }
  fail("unknown fuzz target {}; there are {}", name, join(names, ", "));
}

namespace {

int attempts_under_way = 0;
int attempts_accepted = 0;

}  // namespace

void attempt(const std::function<void()>& body) {
  ++attempts_under_way;
  try {
    body();
    if (attempts_under_way == 1) ++attempts_accepted;
  } catch (const Error&) {  // NOLINT(bugprone-empty-catch)
  }
  --attempts_under_way;
}

int accepted() { return attempts_accepted; }

void require(bool kept, std::string_view promise) {
  if (kept) return;
  std::fprintf(stderr, "broken promise: %.*s\n", static_cast<int>(promise.size()), promise.data());
  std::abort();
}

const std::string& scratch_folder() {
  static const test::TemporaryFolder kFolder;
  return kFolder.path();
}

std::string in_file(std::string_view name, std::string_view bytes) {
  const std::string path = scratch_folder() + "/" + std::string(name);
  std::FILE* file = std::fopen(path.c_str(), "wb");
  require(file != nullptr && std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size(), "scratch file");
  std::fclose(file);
  return path;
}

}  // namespace netwright::fuzz
