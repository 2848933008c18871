// Shards that are written in several goes.
#include "data/shards.h"

#include <filesystem>

#include "core/file.h"
#include "data/encode.h"
#include "formats/support.h"
#include "formats/tfrecord.h"

namespace netwright {
namespace {

using test::error_of;
using test::TemporaryFolder;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;

namespace fs = std::filesystem;

// `size` grey pictures, each of its place's brightness; asked for picture `broken` it fails.
ShardSet pictures(int64_t size, int64_t shards, int64_t broken = -1) {
  ShardPart part{.name = "train", .shards = shards, .size = size, .fingerprint = 7};
  part.picture = [broken](int64_t place) {
    if (place == broken) fail("picture {} is broken", place);
    Image image;
    image.reshape(2, 2, 1);
    std::fill_n(image.pixels(), 4, static_cast<uint8_t>(place));
    return LabelledPicture{encode_png(image), place % 2, std::to_string(place)};
  };
  return {{std::move(part)}, {"even", "odd"}};
}

void write(const ShardSet& set, const std::string& folder) { ShardWriter(set, folder).write(2); }

int64_t count_records(const std::string& path) { return static_cast<int64_t>(index_records(path).size()); }

TEST(Shards, SizesAreTheOriginals) {
  const TemporaryFolder folder;
  write(pictures(10, 4), folder.path());
  // ceil(10 / 4) = 3.
  EXPECT_EQ(count_records(folder.file("train-00002-of-00004")), 3);
  EXPECT_EQ(count_records(folder.file("train-00003-of-00004")), 1);
  EXPECT_EQ(read_file(folder.file("labels.txt")), "even\nodd\n");
}

TEST(Shards, GoOnAfterAFailure) {
  const TemporaryFolder whole;
  write(pictures(40, 8), whole.path());
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { write(pictures(40, 8, 27), folder.path()); }), HasSubstr("picture 27 is broken"));
  EXPECT_FALSE(fs::exists(folder.file("train-00005-of-00008")));
  EXPECT_FALSE(fs::exists(folder.file("labels.txt")));
  EXPECT_THAT(folder.names(), Each(Not(HasSubstr(".partial"))));
  ASSERT_TRUE(fs::exists(folder.file("train-00000-of-00008")));
  // What is there isn't written again, not even asked for.
  folder.write("train-00000-of-00008", "kept");
  folder.write(".train-00006-of-00008.partial", "left by a killed process");
  const ShardSet set = pictures(40, 8, 2);
  ShardWriter writer(set, folder.path());
  EXPECT_GE(writer.kept(), 1);
  writer.write(2);
  EXPECT_EQ(read_file(folder.file("train-00000-of-00008")), "kept");
  fs::copy_file(whole.file("train-00000-of-00008"), folder.file("train-00000-of-00008"),
                fs::copy_options::overwrite_existing);
  EXPECT_EQ(folder.names(), whole.names());
  for (const std::string& name : whole.names()) EXPECT_EQ(read_file(folder.file(name)), read_file(whole.file(name)));
}

TEST(Shards, ClassNamesThatLabelsCanNotHold) {
  const TemporaryFolder folder;
  const auto message = [&](const std::vector<std::string>& names) {
    ShardSet set = pictures(4, 2);
    set.class_names = names;
    return error_of([&] { write(set, folder.path()); });
  };
  EXPECT_EQ(message({"even", "o\ndd"}), "class names: \"o\ndd\" has a control character; expected names of one line");
  EXPECT_THAT(message({"even", "odd\r"}), HasSubstr("has a control character"));
  EXPECT_EQ(message({"even", ""}), "class names: an empty name");
  EXPECT_EQ(message({"odd", "odd"}), "class names: odd is there twice");
  EXPECT_EQ(folder.names().size(), 0U);
  EXPECT_EQ(message({"gerade",
                     "ungerade Stra\xc3\x9f"
                     "e"}),
            "(no error)");
}

TEST(Shards, FoldersThatHoldSomethingElse) {
  const TemporaryFolder folder;
  write(pictures(4, 2), folder.path());
  EXPECT_THAT(error_of([&] { write(pictures(4, 3), folder.path()); }),
              HasSubstr("train-00000-of-00002: in the way; it was written from other data or with other settings"));
  ShardSet other = pictures(4, 2);
  other.parts[0].fingerprint = 8;
  EXPECT_THAT(error_of([&] { write(other, folder.path()); }), HasSubstr("in the way; it was written from other data"));
  other = pictures(4, 2);
  other.class_names[1] = "uneven";
  EXPECT_THAT(error_of([&] { write(other, folder.path()); }), HasSubstr("in the way; it was written from other data"));
  fs::remove(folder.file("conversion.txt"));
  EXPECT_THAT(error_of([&] { write(pictures(4, 2), folder.path()); }), HasSubstr("it would be read together"));
}

TEST(Shards, FoldersThatCanNotBeUsed) {
  const TemporaryFolder folder;
  const ShardSet set = pictures(4, 2);
  {
    const ShardWriter first(set, folder.path());
    EXPECT_THAT(error_of([&] { ShardWriter(set, folder.path()); }), HasSubstr(folder.path() + " is in use"));
  }
  EXPECT_THAT(error_of([&] { ShardWriter(set, folder.write("file", "")); }), HasSubstr("file"));
  EXPECT_THAT(error_of([&] { ShardWriter(set, ""); }), HasSubstr("no output folder given"));
  EXPECT_THAT(error_of([&] { ShardWriter(pictures(4, 0), folder.path()); }), HasSubstr("0 shards; expected 1 to"));
  ShardSet large = pictures(4, 2);
  large.parts[0].bytes = int64_t{1} << 60;
  EXPECT_THAT(error_of([&] { ShardWriter(large, folder.path()); }), HasSubstr("the records need about "));
}

}  // namespace
}  // namespace netwright
