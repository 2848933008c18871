// Fuzz targets: each hands arbitrary bytes to one parser of outside bytes and does with the result what the program
// does. A finding is everything but success and Error: another exception, a crash, a sanitizer's report, a broken
// promise (require), a hang, more memory than the bytes are worth.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "core/error.h"

namespace netwright::fuzz {

struct Target {
  std::string_view name;  // also of its folders in corpus/ and its file in dictionaries/
  void (*run)(std::string_view bytes);
  int max_bytes;  // longer inputs teach nothing new
};

std::span<const Target> all_targets();
// Throws Error that lists them all.
const Target& find_target(std::string_view name);

// Error is how bad input must end.
void attempt(const std::function<void()>& body);
// How many attempts that are part of no other ended without one so far.
int accepted();

// Ends the process when a promise is broken.
void require(bool kept, std::string_view promise);

// Writes the bytes to a file NAME in a folder of this process; gives the path. The next call overwrites it.
std::string in_file(std::string_view name, std::string_view bytes);
// The folder itself.
const std::string& scratch_folder();

// The targets of each kind of outside bytes.
std::span<const Target> record_targets();
std::span<const Target> bundle_targets();
std::span<const Target> array_targets();
std::span<const Target> image_targets();
std::span<const Target> text_targets();

}  // namespace netwright::fuzz
