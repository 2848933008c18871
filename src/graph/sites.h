// Where each parameter stands in a network of stages and blocks, told from the structure of the graph alone: what
// conventions other than TensorFlow's name layers by.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace netwright {

enum class Layer {
  kStem,
  kSpaceToDepth,  // the convolution that brings 2 x 2 pixels into the channels
  kExpand,
  kDepthwise,
  kFused,    // a dense convolution instead of expansion and depthwise
  kSqueeze,  // squeeze-and-excite: the first convolution
  kExcite,   // and the second
  kProject,
  kPlain,    // a block's only convolution
  kRouting,  // what chooses experts
  kHead,
  kClassifier,
  kOther,
};

// A block by its convolutions.
enum class BlockForm {
  kNone,       // not in a block
  kSeparable,  // depthwise, projection
  kInverted,   // expansion, depthwise, projection
  kFused,      // dense, projection
  kPlain,      // one convolution
};

struct Site {
  Layer layer = Layer::kOther;
  BlockForm form = BlockForm::kNone;
  int stage = 0;     // from 0
  int block = 0;     // within the stage
  int index = 0;     // of the block over the whole network
  int position = 0;  // of the layer among the block's, squeeze and excite being one
  int part = -1;     // of a layer that is several side by side; else -1
  bool norm = false;
};

// By parameter. After the blocks the classifier comes last, a dense layer or a convolution, before it the head;
// convolutions before that are plain blocks of further stages (MobileNetV3's).
std::vector<Site> parameter_sites(const Graph& graph);

}  // namespace netwright
