#include "models/model_file.h"

#include <cctype>
#include <filesystem>

#include "core/error.h"
#include "graph/json.h"
#include "models/layer_network.h"
#include "models/options.h"

namespace netwright {

bool looks_like_graph(std::string_view content) {
  const size_t first = content.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && content[first] == '{' &&
         content.find("\"format\"") != std::string_view::npos;
}

bool looks_like_layers(std::string_view content) {
  for (size_t at = content.find('['); at != std::string_view::npos; at = content.find('[', at + 1)) {
    const bool begins_line = at == 0 || content[at - 1] == '\n';
    if (begins_line && at + 1 < content.size() && std::isalpha(static_cast<unsigned char>(content[at + 1])))
      return true;
  }
  return false;
}

Graph build_graph_file(const std::string& path, std::string_view content, const ModelOptions& options) {
  Graph graph;
  try {
    graph = from_json(content);
  } catch (const Error& error) {
    fail("{}: {}", path, error.what());
  }
  for_each_option([&](std::string_view name, auto option) {
    if (!(options.*option) || name == "height" || name == "width" || name == "strict") return;
    fail("{}: a graph is taken as it is; there is no {} to choose", path, name);
  });
  const Shape& shape = graph.input_shape();
  if (options.height.value_or(shape[0]) != shape[0] || options.width.value_or(shape[1]) != shape[1]) {
    fail("{}: the graph is for images of {} x {}, not {} x {}", path, shape[0], shape[1],
         options.height.value_or(shape[0]), options.width.value_or(shape[1]));
  }
  return graph;
}

LayerFile read_layer_file(const std::string& path, std::string_view content) {
  LayerFile file = {path, {}, {}};
  file.blocks = parse_prototxt(content, path, &file.remarks);
  return file;
}

Graph build_layer_file(const LayerFile& file, const ModelOptions& options) {
  LayerNetworkParams params = layer_network_params(file.path, options);
  for (const PrototxtRemark& remark : file.remarks) params.strictness.warn(remark.line, remark.text);
  params.name = std::filesystem::path(file.path).stem().string();
  for (const PrototxtBlock& block : file.blocks) {
    const PrototxtField* name = block.kind == "Model" ? block.find("name") : nullptr;
    if (name != nullptr && !name->cleaned().empty()) params.name = name->cleaned();
  }
  return build_layer_network(file.blocks, params);
}

}  // namespace netwright
