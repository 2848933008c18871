// Networks in files of their own: a graph as JSON (graph/json.h), AutoShrink's layer language (layer_network.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/prototxt.h"
#include "models/registry.h"

namespace netwright {

// Told by the content: an object that says its format; a line that begins a block.
bool looks_like_graph(std::string_view content);
bool looks_like_layers(std::string_view content);

// The graph of a file's content. It is taken as it is: Error when an option asks for another one.
Graph build_graph_file(const std::string& path, std::string_view content, const ModelOptions& options);

struct LayerFile {
  std::string path;  // what messages call it
  std::vector<PrototxtBlock> blocks;
  std::vector<PrototxtRemark> remarks;
};

// Throws Error for a malformed line.
LayerFile read_layer_file(const std::string& path, std::string_view content);

// Named by its [Model], or else by the file. Throws Error as build_layer_network.
Graph build_layer_file(const LayerFile& file, const ModelOptions& options);

}  // namespace netwright
