#include "structure/include_rules.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/testing.h"

namespace netwright {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A source tree in a folder of its own.
class Tree {
 public:
  void write(const std::string& file, const std::string& text) {
    std::filesystem::create_directories((root() / file).parent_path());
    std::ofstream(root() / file) << text;
  }
  std::filesystem::path root() const { return folder_.path(); }

 private:
  const test::TemporaryFolder folder_;
};

TEST(IncludeRules, HoldInOurSources) { EXPECT_THAT(include_violations(NETWRIGHT_SOURCE_DIR), IsEmpty()); }

TEST(IncludeRules, AllowLowerLayersAndOwnFolder) {
  Tree tree;
  tree.write("src/data/a.cc",
             "#include \"data/a.h\"\n#include \"core/error.h\"\n#include <vector>\n#include <zlib.h>\n");
  tree.write("src/backends/torch/a.cc", "#include <ATen/core/Tensor.h>\n#include \"engine/program.h\"\n");
  EXPECT_THAT(include_violations(tree.root()), IsEmpty());
}

TEST(IncludeRules, FindAnIncludeThatGoesUp) {
  Tree tree;
  tree.write("src/graph/a.cc", "// text\n  #include \"models/registry.h\"\n");
  EXPECT_THAT(include_violations(tree.root()),
              ElementsAre("src/graph/a.cc:2: graph includes models/registry.h from a higher layer"));
}

TEST(IncludeRules, FindLibtorchOutsideItsBackend) {
  Tree tree;
  tree.write("src/train/a.h", "#include <ATen/core/Tensor.h>\n");
  tree.write("src/backends/cpu/a.h", "#include <c10/util/Exception.h>\n#include \"backends/torch/a.h\"\n");
  EXPECT_THAT(include_violations(tree.root()),
              ElementsAre("src/backends/cpu/a.h:1: only backends/torch may include libtorch's c10/util/Exception.h",
                          "src/backends/cpu/a.h:2: backends/cpu includes backends/torch/a.h from its neighbour",
                          "src/train/a.h:1: only backends/torch may include libtorch's ATen/core/Tensor.h"));
}

TEST(IncludeRules, FindAFolderThatIsNoLayer) {
  Tree tree;
  tree.write("src/misc/a.h", "#include \"core/error.h\"\n");
  EXPECT_THAT(include_violations(tree.root()), ElementsAre("src/misc/a.h:1: misc is not a layer of the design"));
}

}  // namespace
}  // namespace netwright
