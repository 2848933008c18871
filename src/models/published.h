// Published tables of widths and resolutions.
#pragma once

#include <span>

#include "models/registry.h"

namespace netwright {

// A row of MnasNet-A1's table (tensorflow/tpu mnasnet/README.md; spec mnasnet 3.2).
struct PublishedMnasNet {
  int64_t size;  // pixels
  double depth_multiplier;
  double top1;           // percent
  double top5;           // percent
  double parameters;     // millions, one digit behind the point
  double multiply_adds;  // millions, one digit behind the point: half of Cost::tflite_operations
  double pixel1_ms;      // a phone's time for an image
};

std::span<const PublishedMnasNet> published_mnasnets();

// The network of a row.
Graph build_published(const PublishedMnasNet& row);

}  // namespace netwright
