// Images of one data set under the labels that another gave the same classes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/source.h"

namespace netwright {

// What a network calls its classes; empty names: nobody knows.
struct KnownClasses {
  std::vector<std::string> names;
  int64_t count = 0;
  int64_t first_label = 0;  // of names[0]; 1: before it stands the background, which data don't name
};

// The source's images, labelled as `known` labels the classes of their names; as they are where one side has no names.
// Throws Error, which calls the source `data`, for a class that isn't known and for more classes than there are.
std::shared_ptr<const ImageSource> match_classes(std::shared_ptr<const ImageSource> source, const KnownClasses& known,
                                                 const std::string& data);

}  // namespace netwright
