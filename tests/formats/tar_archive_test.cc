// Archives made by the system's tar, with names too long for a plain header; damaged ones.
#include "formats/tar_archive.h"

#include <filesystem>
#include <fstream>

#include "core/file.h"
#include "formats/support.h"

namespace netwright {
namespace {

using test::error_of;
using test::TemporaryFolder;
using ::testing::HasSubstr;

std::string content(const ReadOnlyFile& file, const TarEntry& entry) {
  std::string bytes(entry.size, '\0');
  file.read_at(entry.offset, bytes.data(), bytes.size());
  return bytes;
}

// FOLDER/NAME.tar with these files, by the system's tar.
std::string make_tar(const TemporaryFolder& folder, const std::string& name, const std::string& words) {
  const std::string command = fmt::format("cd {} && tar -cf {}.tar {}", folder.path(), name, words);
  if (std::system(command.c_str()) != 0) ADD_FAILURE() << command;
  return folder.file(name + ".tar");
}

TEST(TarArchive, ListsWhatSystemTarWrote) {
  const std::string long_name(150, 'x');
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.file("sub"));
  folder.write("a", "first");
  folder.write("sub/" + long_name, std::string(1000, 'b'));
  folder.write("empty", "");
  std::filesystem::create_symlink("a", folder.file("link"));
  for (const std::string format : {"gnu", "pax"}) {
    const ReadOnlyFile file(make_tar(folder, format, "--format=" + format + " a sub empty link"));
    const TarList list = list_tar(file);
    EXPECT_TRUE(list.closed);
    ASSERT_EQ(list.entries.size(), 3U) << format;
    EXPECT_EQ(list.entries[0].name, "a");
    EXPECT_EQ(content(file, list.entries[0]), "first");
    EXPECT_EQ(list.entries[1].name, "sub/" + long_name);
    EXPECT_EQ(content(file, list.entries[1]), std::string(1000, 'b'));
    EXPECT_EQ(list.entries[2].name, "empty");
    EXPECT_EQ(list.entries[2].size, 0U);
  }
}

TEST(TarArchive, AnArchiveWithinAnArchive) {
  const TemporaryFolder folder;
  folder.write("1.JPEG", "one");
  folder.write("2.JPEG", std::string(5000, '2'));
  make_tar(folder, "n1", "1.JPEG");
  make_tar(folder, "n2", "1.JPEG 2.JPEG");
  const ReadOnlyFile file(make_tar(folder, "all", "n1.tar n2.tar"));
  const TarList outer = list_tar(file);
  ASSERT_EQ(outer.entries.size(), 2U);
  const TarEntry& second = outer.entries[1];
  EXPECT_EQ(second.name, "n2.tar");
  const TarList inner = list_tar(file, second.offset, second.size, "all.tar: n2.tar");
  ASSERT_EQ(inner.entries.size(), 2U);
  EXPECT_TRUE(inner.closed);
  EXPECT_EQ(content(file, inner.entries[0]), "one");
  EXPECT_EQ(content(file, inner.entries[1]), std::string(5000, '2'));
}

TEST(TarArchive, DamagedOnesAreRefused) {
  const TemporaryFolder folder;
  for (const char* name : {"a", "b", "c"}) folder.write(name, std::string(3000, *name));
  const std::string whole = read_file(make_tar(folder, "whole", "a b c"));
  const auto message = [&](const std::string& bytes) {
    const ReadOnlyFile file(folder.write("t.tar", bytes));
    return error_of([&] { list_tar(file); });
  };
  // A file of 3000 bytes takes a header and six blocks: 3584 bytes.
  EXPECT_THAT(message(whole.substr(0, 4000)), HasSubstr("t.tar: damaged or cut short near byte "));
  EXPECT_THAT(message(whole.substr(0, 3584 + 100)), HasSubstr("t.tar: damaged or cut short near byte "));
  EXPECT_THAT(message(whole.substr(0, 3 * 3584 - 80)), HasSubstr("t.tar: damaged or cut short near byte "));
  std::string flipped = whole;
  flipped[3584 + 130] ^= 1;  // in the size of the second file: the header's checksum is wrong
  EXPECT_THAT(message(flipped), HasSubstr("t.tar: damaged or cut short near byte "));
  EXPECT_THAT(message(std::string(20000, 'x')), HasSubstr("t.tar: not a tar archive"));
  EXPECT_THAT(message(""), HasSubstr("t.tar: not a tar archive"));
  EXPECT_THAT(message("\x1f\x8b\x08" + whole), HasSubstr("t.tar: compressed"));
}

TEST(TarArchive, CutBetweenTwoFilesIsNotClosed) {
  const TemporaryFolder folder;
  folder.write("a", std::string(512, 'a'));
  folder.write("b", std::string(512, 'b'));
  const std::string whole = read_file(make_tar(folder, "whole", "a b"));
  const ReadOnlyFile file(folder.write("t.tar", whole.substr(0, 1024)));
  const TarList list = list_tar(file);
  EXPECT_EQ(list.entries.size(), 1U);
  EXPECT_FALSE(list.closed);
}

}  // namespace
}  // namespace netwright
