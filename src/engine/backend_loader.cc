#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>

#include "core/error.h"
#include "engine/backend.h"

namespace netwright {
namespace {

namespace fs = std::filesystem;

// The folder of the library that holds this function.
fs::path own_folder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&load_backend), &info) == 0 || info.dli_fname == nullptr) return ".";
  return fs::path(info.dli_fname).parent_path();
}

// GCC's OpenMP, which libtorch uses, lets a thread that waits spin for some 6 ms. Where other programs want the cores,
// too, that takes the time of those it waits for: training small images on two busy cores was five times slower. This
// many turns are below 0.1 ms, longer than the pauses between a network's operators. It reads the variable when it is
// loaded.
void shorten_spinning() {
  constexpr const char* kTurns = "3000";
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) setenv("GOMP_SPINCOUNT", kTurns, /*overwrite=*/0);
}

}  // namespace

Backend& load_backend(std::string_view name, const DeviceOptions& options) {
  const char* given = std::getenv("NETWRIGHT_BACKENDS");
  const fs::path folder = given != nullptr ? fs::path(given) : own_folder();
  const fs::path path = folder / fmt::format("libnetwright_{}.so", name);
  if (!fs::exists(path)) {
    fail(
        "backend {}: {} is missing; `make build` makes it, with libtorch from LIBTORCH=DIR or from the virtual "
        "environment that `make setup` makes",
        name, path.string());
  }
  shorten_spinning();
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    fail("backend {}: can't load {}: {}; `make setup` installs libtorch, or set LIBTORCH and build again", name,
         path.string(), dlerror());
  }
  using Entry = Backend* (*)(int);
  const auto entry = reinterpret_cast<Entry>(dlsym(library, "netwright_backend"));
  Backend* backend = entry == nullptr ? nullptr : entry(kBackendAbi);
  if (backend == nullptr) {
    fail("backend {}: {} is of another version of netwright; build both together", name, path.string());
  }
  backend->open(options);
  return *backend;
}

}  // namespace netwright
