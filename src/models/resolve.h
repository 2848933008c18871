// What a MODEL argument may be: a name of the registry, a member of a search space by its indices, or a file that
// describes a network.
//
//   efficientnet-b0                        a row of the registry, in any common spelling
//   proxylessnas_search:0:0:0:1:...        a space and the indices of one of its members; commas do as well
//   0:0:0:1:...                            indices alone: the first searchable space that they fit, as the original's
//                                          tools take proxylessnas_search unless told
//   run/model_spec.json                    TuNAS's description of a network; with ":0:1:..." that of a space
//   net.json                               a graph as JSON, as `summary --graph` writes it
//   net.prototxt                           a network in AutoShrink's layer language
//
// A file is known by what is in it, not by its name.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/prototxt.h"
#include "models/registry.h"
#include "models/spec.h"

namespace netwright {

struct ResolvedModel {
  std::string name;    // resolves to the same network again; the graph's name
  std::string family;  // decides the recipe
  std::function<Graph(const ModelOptions& options)> build;
  // Of TuNAS's networks their description, before the widths are scaled.
  std::optional<Spec> spec = std::nullopt;
  // Of those in AutoShrink's language their blocks.
  std::optional<std::vector<PrototxtBlock>> layers = std::nullopt;
  std::string file = {};  // that it was read from; its path begins `name`
};

// Throws Error for what is none of these, with the nearest names, and for indices that don't fit.
ResolvedModel resolve_model(std::string_view text);

// A run keeps a copy of the file that describes its network, and calls the network by that copy: the name without the
// file's folder. `name` itself where there is no file.
std::string name_in_run(const ResolvedModel& model);
// What such a name stands for in the run's folder.
std::string model_of_run(const std::string& name, const std::string& folder);

}  // namespace netwright
