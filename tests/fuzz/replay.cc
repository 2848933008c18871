// fuzz_replay TARGET CORPUS FINDINGS runs a target over every file of CORPUS/TARGET and, where there is one, of
// FINDINGS/TARGET, in any build. A finding ends the process with a signal; the last line names the file. The corpus is
// where fuzzing starts, so its inputs must be accepted: what is refused at the door tests the door. fuzz_replay --list
// prints all targets with their longest useful input.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "core/file.h"
#include "core/text.h"
#include "fuzz/target.h"

namespace netwright::fuzz {
namespace {

int list() {
  for (const Target& target : all_targets()) std::printf("%s %d\n", std::string(target.name).c_str(), target.max_bytes);
  return 0;
}

// Whether the target accepted the file, as a whole or one of the things that it tries with it.
bool replay(const Target& target, const std::string& path) {
  std::fprintf(stderr, "%s\n", path.c_str());
  // On the heap and of exactly this size, so that a sanitizer sees a read behind the end.
  const std::string content = read_file(path);
  const std::vector<char> bytes(content.begin(), content.end());
  const int before = accepted();
  target.run({bytes.data(), bytes.size()});
  return accepted() > before;
}

int replay_all(const std::string& name, const std::string& corpus, const std::string& findings) {
  const Target& target = find_target(name);
  const std::vector<std::string> starts = match_files(fmt::format("{}/{}/*", corpus, name));
  if (starts.empty()) fail("{}: no corpus for the target {}", corpus, name);
  std::vector<std::string> refused;
  for (const std::string& path : starts) {
    if (!replay(target, path)) refused.push_back(path);
  }
  const std::vector<std::string> found = match_files(fmt::format("{}/{}/*", findings, name));
  for (const std::string& path : found) replay(target, path);
  std::printf("%zu inputs, %zu findings\n", starts.size(), found.size());
  if (!refused.empty()) fail("refused, so nothing behind its first check is tried: {}", join(refused, ", "));
  return 0;
}

}  // namespace
}  // namespace netwright::fuzz

int main(int argc, char** argv) {
  try {
    if (argc == 2 && std::string_view(argv[1]) == "--list") return netwright::fuzz::list();
    if (argc != 4) netwright::fail("usage: fuzz_replay TARGET CORPUS FINDINGS, or --list");
    return netwright::fuzz::replay_all(argv[1], argv[2], argv[3]);
  } catch (const netwright::Error& error) {
    std::fprintf(stderr, "fuzz_replay: %s\n", error.what());
    return 2;
  }
}
