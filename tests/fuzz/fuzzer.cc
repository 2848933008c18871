// libFuzzer's entry: netwright_fuzz --target=NAME [libFuzzer's flags] [folders]. scripts/fuzz.sh runs it.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/log.h"
#include "fuzz/target.h"

namespace {

const netwright::fuzz::Target* target = nullptr;

}  // namespace

// libFuzzer's names.
// NOLINTBEGIN(readability-identifier-naming)
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  constexpr std::string_view kFlag = "--target=";
  try {
    for (int i = 1; i < *argc; ++i) {
      const std::string_view word = (*argv)[i];
      if (word.starts_with(kFlag)) target = &netwright::fuzz::find_target(word.substr(kFlag.size()));
    }
    if (target == nullptr) netwright::fail("give --target=NAME");
  } catch (const netwright::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    std::exit(2);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  target->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
// NOLINTEND(readability-identifier-naming)
