#include "graph/blocks.h"

#include <gtest/gtest.h>

#include "graph/builder.h"

namespace netwright {
namespace {

// One node in each of the scopes; "" is none.
std::string names(const std::vector<std::string>& scopes) {
  GraphBuilder builder("net", {.height = 4, .width = 4});
  NodeId x = builder.input();
  for (const std::string& name : scopes) {
    if (name.empty()) {
      x = builder.add(Activation{}, {x});
    } else {
      const auto scope = builder.scope(name);
      x = builder.add(Activation{}, {x});
    }
  }
  builder.output("logits", x);
  std::string text;
  for (const Block& block : blocks_of(builder.finish())) {
    text += block.name + ":" + std::to_string(block.last - block.first + 1) + " ";
  }
  return text;
}

TEST(Blocks, AreNamedBelowTheScopeThatAllShare) {
  EXPECT_EQ(names({"net/stem", "net/block_0", "net/block_0/se", "net/head"}), "input:1 stem:1 block_0:2 head:1 ");
  EXPECT_EQ(names({"stem", "cell_0/left/conv", "cell_0/right", "cell_1"}), "input:1 stem:1 cell_0:2 cell_1:1 ");
  EXPECT_EQ(names({"a/b/c/one", "a/b/c/two"}), "input:1 one:1 two:1 ");
}

TEST(Blocks, OfNodesDirectlyInTheSharedScopeOrInNone) {
  EXPECT_EQ(names({"net", "net/block", "net"}), "input:1 net:1 block:1 net:1 ");
  EXPECT_EQ(names({"net/only", "net/only"}), "input:1 only:2 ");
  EXPECT_EQ(names({"", "stem", ""}), "input:1 net:1 stem:1 net:1 ");
}

}  // namespace
}  // namespace netwright
