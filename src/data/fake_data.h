// Made-up pictures as a data set on the disk, for trials and measurements where no data are at hand.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/random.h"
#include "data/image.h"

namespace netwright {

struct FakeDataOptions {
  std::string output;  // a folder, made if need be
  int64_t train_images = 1000;
  int64_t validation_images = 100;
  int64_t classes = 10;
  int64_t height = 375;
  int64_t width = 500;
  int quality = 90;  // of the JPEGs, 1..100
  int64_t train_shards = 8;
  int64_t validation_shards = 1;
  uint64_t seed = 0;
  int threads = 1;
};

// An RGB picture that shows its class: stripes whose direction, width and colour are the class's own, with a phase,
// shades and noise that are drawn.
void paint_fake_picture(int64_t label, RandomStream& draws, Image& image);

// Writes the pictures as JPEG into shards with a labels.txt, as convert_data does. Each class has as many pictures as
// the next, one more or less; the classes' order is drawn. Equal options give equal files, whatever the number of
// threads. Throws Error as ShardWriter does, and for numbers that make no set. `checked`, if given, is called when the
// output is found sound.
void write_fake_data(const FakeDataOptions& options, const std::function<void()>& checked = {});

}  // namespace netwright
