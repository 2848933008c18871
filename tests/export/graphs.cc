#include "export/graphs.h"

#include <fmt/format.h>

#include "graph/builder.h"

namespace netwright {
namespace {

class Network {
 public:
  explicit Network(std::string name) : builder(std::move(name), InputSpec{.height = 32, .width = 32}) {}

  NodeId conv(NodeId x, int64_t filters, Window window = {}) {
    const std::string name = builder.unique_name("conv");
    Conv2D conv = {.window = window, .filters = filters};
    conv.kernel = builder.parameter(
        {.name = name + "/kernel", .shape = {window.kernel_h, window.kernel_w, builder.shape(x).back(), filters}});
    return builder.add(conv, {x});
  }
  NodeId depthwise(NodeId x, int kernel, int stride = 1) {
    DepthwiseConv2D conv = {.window = {.kernel_h = kernel, .kernel_w = kernel, .stride_h = stride, .stride_w = stride}};
    conv.kernel = builder.parameter({.name = builder.unique_name("depthwise") + "/kernel",
                                     .shape = {kernel, kernel, builder.shape(x).back(), 1},
                                     .role = ParameterRole::kDepthwiseKernel});
    return builder.add(conv, {x});
  }
  NodeId relu(NodeId x) { return builder.add(Activation{ActivationKind::kRelu}, {x}); }
  NodeId separable(NodeId x, int kernel, int64_t filters, int stride) {
    return conv(depthwise(relu(x), kernel, stride), filters);
  }
  NodeId stem() {
    const auto scope = builder.scope("stem");
    return conv(builder.input(), 16, {.kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2});
  }
  Graph finish(NodeId x) {
    {
      const auto scope = builder.scope("head");
      x = builder.add(GlobalPool{}, {x});
      const ParameterRef kernel = builder.parameter(
          {.name = "head/kernel", .shape = {builder.shape(x).back(), 10}, .role = ParameterRole::kDenseKernel});
      x = builder.add(Dense{.units = 10, .kernel = kernel}, {x});
    }
    builder.output("logits", x);
    return builder.finish();
  }

  GraphBuilder builder;
};

NodeId add_cell(Network& net, NodeId now, NodeId before, int64_t filters, int stride) {
  GraphBuilder& b = net.builder;
  if (b.shape(before) != b.shape(now)) {
    const int step = static_cast<int>(b.shape(before)[0] / b.shape(now)[0]);
    before = net.conv(net.relu(before), filters, {.stride_h = step, .stride_w = step});
  }
  now = net.conv(net.relu(now), filters);
  if (b.shape(before).back() != filters) before = net.conv(before, filters);
  const Window pooling = {.kernel_h = 3, .kernel_w = 3, .stride_h = stride, .stride_w = stride};
  const NodeId first =
      b.add(Add{}, {net.separable(now, 5, filters, stride), net.separable(before, 3, filters, stride)});
  const NodeId second =
      b.add(Add{}, {b.add(Pool{PoolKind::kMax, pooling}, {now}), net.separable(before, 7, filters, stride)});
  const NodeId third = b.add(Add{}, {b.add(Pool{PoolKind::kAverage, {.kernel_h = 3, .kernel_w = 3}}, {first}), second});
  return b.add(Concat{}, {first, third});
}

NodeId add_mixed_block(Network& net, NodeId x, int64_t filters, int stride) {
  GraphBuilder& b = net.builder;
  const NodeId input = x;
  x = net.relu(net.conv(x, 6 * b.shape(x).back()));
  const int64_t share = b.shape(x).back() / 3;
  std::vector<NodeId> parts;
  for (int i = 0; i < 3; ++i) {
    parts.push_back(net.depthwise(b.add(Split{.begin = i * share, .size = share}, {x}), 3 + 2 * i, stride));
  }
  x = net.relu(b.add(Concat{}, parts));
  const NodeId gate =
      b.add(Activation{ActivationKind::kSigmoid},
            {net.conv(net.relu(net.conv(b.add(GlobalPool{.keep_dimensions = true}, {x}), 8)), b.shape(x).back())});
  x = net.conv(b.add(Multiply{}, {x, gate}), filters);
  return b.shape(x) == b.shape(input) ? b.add(Add{}, {x, input}) : x;
}

}  // namespace

Graph cell_network(int cells) {
  Network net("cells");
  const auto scope = net.builder.scope("cells");
  NodeId before = net.stem();
  NodeId now = before;
  for (int i = 0; i < cells; ++i) {
    const bool reduces = i % 3 == 2;
    const auto cell = net.builder.scope(fmt::format("cell_{}", i));
    const NodeId next = add_cell(net, now, before, int64_t{16} << (i / 3), reduces ? 2 : 1);
    before = now;
    now = next;
  }
  return net.finish(now);
}

Graph mixed_kernel_network() {
  Network net("mixed");
  const auto scope = net.builder.scope("mixed");
  NodeId x = net.stem();
  for (int i = 0; i < 3; ++i) {
    const auto block = net.builder.scope(fmt::format("blocks_{}", i));
    x = add_mixed_block(net, x, 24, i == 0 ? 2 : 1);
  }
  return net.finish(x);
}

}  // namespace netwright
