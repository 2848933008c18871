// Labelled image files, in folders or inside archives, on their way into shards.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/shards.h"
#include "formats/file_io.h"

namespace netwright {

// The files of one split.
struct PictureFiles {
  struct Item {
    std::string path;     // in the archive, or on the disk
    int64_t label = 0;    // from 0
    uint64_t offset = 0;  // in the archive's file
    uint64_t size = 0;    // in bytes
  };
  std::vector<Item> items;
  std::shared_ptr<const ReadOnlyFile> archive;  // null: each item is a file of its own
};

enum class PictureOrder { kListed, kShuffled };

// A part whose pictures are the files as they are, but for CMYK JPEGs (and PNGs too, with `jpeg_only`), which become
// RGB JPEGs of quality 100.
ShardPart picture_part(std::string name, int64_t shards, PictureFiles files, PictureOrder order, bool jpeg_only);

}  // namespace netwright
