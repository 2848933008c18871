// fuzz_replay TARGET FOLDER runs a target over every file of its kept corpus, in any build. A finding ends the process
// with a signal; the last line names the file. fuzz_replay --list prints all targets with their longest useful input.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "core/file.h"
#include "fuzz/target.h"

namespace netwright::fuzz {
namespace {

int list() {
  for (const Target& target : all_targets()) std::printf("%s %d\n", std::string(target.name).c_str(), target.max_bytes);
  return 0;
}

int replay(const std::string& name, const std::string& folder) {
  const Target& target = find_target(name);
  std::vector<std::string> paths = match_files(folder + "/*");
  if (paths.empty()) fail("{}: no corpus for the target {}", folder, name);
  for (const std::string& path : paths) {
    std::fprintf(stderr, "%s\n", path.c_str());
    // On the heap and of exactly this size, so that a sanitizer sees a read behind the end.
    const std::string content = read_file(path);
    const std::vector<char> bytes(content.begin(), content.end());
    target.run({bytes.data(), bytes.size()});
  }
  std::printf("%zu inputs\n", paths.size());
  return 0;
}

}  // namespace
}  // namespace netwright::fuzz

int main(int argc, char** argv) {
  try {
    if (argc == 2 && std::string_view(argv[1]) == "--list") return netwright::fuzz::list();
    if (argc != 3) netwright::fail("usage: fuzz_replay TARGET FOLDER, or --list");
    return netwright::fuzz::replay(argv[1], argv[2]);
  } catch (const netwright::Error& error) {
    std::fprintf(stderr, "fuzz_replay: %s\n", error.what());
    return 2;
  }
}
