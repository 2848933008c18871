// How long a network of a search space takes on a phone, estimated by a linear model over its decisions.
//
// The features of a network: a layer's are those of its specification. A value is [1]; a record, list or tuple the
// Kronecker product of its parts; a decision the features of its alternatives in a row, each times its share. A layer
// is crossed with the widths around it: out x previous x layer, `out` being the shares of its block's width and
// `previous` those of the layer before it. Layers with one feature are left out; if none is left the features are [1].
// Source: the cost model of Bender et al., CVPR 2020, as its program defines it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/choices.h"
#include "models/mobile_spec.h"
#include "models/spec.h"

namespace netwright {

// Throws Error for a specification that isn't a ConvTowerSpec.
std::vector<float> cost_features(const Spec& spec, const Answers& answers);

// The space, if the cost model knows it; throws Error otherwise.
const SpaceDefinition& modelled_space(std::string_view name);

// The regression to milliseconds on a Pixel 1 phone that was published for the three searchable spaces.
class CostModel {
 public:
  // Throws Error as modelled_space.
  explicit CostModel(std::string_view space);

  int64_t features() const { return static_cast<int64_t>(kernel_.size()); }
  // Milliseconds, to the last digit of the original's float32. Throws Error for another number of features.
  float estimate(std::span<const float> features) const;

 private:
  std::string space_;
  std::vector<float> kernel_;
  float bias_ = 0.0F;
};

// The estimate of a member by its indices; throws Error as check_indices and for a space without a model.
float estimate_cost(std::string_view space, const std::vector<int64_t>& indices);

}  // namespace netwright
