#include "core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/testing.h"

namespace netwright {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

class File : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.file(name); }
  size_t entries() const { return folder_.names().size(); }

  const test::TemporaryFolder folder_;
};

TEST_F(File, WrittenAndReadWhole) {
  std::string content(300'000, '\0');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 31);
  write_file_atomically(path("f"), content);
  EXPECT_TRUE(read_file(path("f")) == content);
  write_file_atomically(path("f"), "");
  EXPECT_EQ(read_file(path("f")), "");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(File, FilesWithoutASizeAreRead) { EXPECT_THAT(read_file("/proc/self/status"), HasSubstr("Name:")); }

TEST_F(File, ReadingErrors) {
  EXPECT_THAT(error_of([&] { read_file(path("missing")); }), HasSubstr("missing: can't read: No such file"));
  EXPECT_THAT(error_of([&] { read_file(folder_.path()); }), HasSubstr("can't read: Is a directory"));
  EXPECT_EQ(error_of([] { read_file("/dev/zero"); }), "/dev/zero: not a regular file");
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);  // that nobody writes to
  EXPECT_EQ(error_of([&] { read_file(path("pipe")); }), path("pipe") + ": not a regular file");
}

TEST_F(File, AFailedReplacementKeepsTheOldFileAndLeavesNothing) {
  write_file_atomically(path("f"), "old");
  EXPECT_THAT(error_of([&] { write_file_atomically(path("no/f"), "new"); }),
              HasSubstr("no/f: can't write: No such file"));
  fs::create_directory(path("folder"));
  EXPECT_THAT(error_of([&] { write_file_atomically(path("folder"), "new"); }), HasSubstr("folder: can't replace: "));
  EXPECT_EQ(read_file(path("f")), "old");
  EXPECT_EQ(entries(), 2U);
}

// Otherwise a drawing written to /dev/null would be the end of it.
TEST_F(File, WhatIsNoFileIsWrittenToAndNotReplaced) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  const int pipe = open(path("pipe").c_str(), O_RDWR | O_NONBLOCK);
  write_file_atomically(path("pipe"), "through");
  char bytes[16];
  EXPECT_EQ(read(pipe, bytes, sizeof bytes), 7);
  close(pipe);
  EXPECT_TRUE(fs::is_fifo(path("pipe")));
  EXPECT_EQ(entries(), 1U);
}

TEST_F(File, ALinkGoesOnToPointToTheFile) {
  fs::create_directory(path("folder"));
  write_file_atomically(path("folder/f"), "old");
  fs::create_symlink("folder/f", path("link"));
  write_file_atomically(path("link"), "new");
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(read_file(path("folder/f")), "new");
  fs::create_symlink("nowhere", path("dangling"));
  write_file_atomically(path("dangling"), "here");
  EXPECT_EQ(read_file(path("dangling")), "here");
  EXPECT_EQ(entries(), 3U);
}

TEST_F(File, ANameWithoutAFolderIsInTheWorkingDirectory) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_.path());
  write_file_atomically("f", "here");
  fs::current_path(before);
  EXPECT_EQ(read_file(path("f")), "here");
}

TEST_F(File, Folders) {
  make_writable_folder(path("a/b/c"));
  make_writable_folder(path("a/b/c"));
  EXPECT_TRUE(fs::is_directory(path("a/b/c")));
  std::ofstream(path("file")) << "x";
  EXPECT_THAT(error_of([&] { make_writable_folder(path("file")); }),
              HasSubstr("file: can't make the folder: Not a directory"));
  EXPECT_THAT(error_of([&] { make_writable_folder(path("file/below")); }), HasSubstr("can't make the folder"));
}

TEST_F(File, AFolderThatIsShut) {
  fs::create_directory(path("shut"));
  chmod(path("shut").c_str(), 0555);
  chmod(folder_.path().c_str(), 0755);
  const auto try_it = [&] {
    if (geteuid() == 0 && setuid(65534) != 0) _exit(1);  // root may write anywhere
    std::cerr << error_of([&] { make_writable_folder(path("shut")); });
    _exit(0);
  };
  EXPECT_EXIT(try_it(), testing::ExitedWithCode(0), "shut: can't write into the folder: Permission denied");
}

TEST_F(File, Patterns) {
  for (const char* name : {"train-00001", "train-00000", "train-00010", "validation-00000"})
    std::ofstream(path(name)) << "x";
  EXPECT_THAT(match_files(path("train-*")), ElementsAre(path("train-00000"), path("train-00001"), path("train-00010")));
  EXPECT_THAT(match_files(path("train-0000?")), ElementsAre(path("train-00000"), path("train-00001")));
  EXPECT_THAT(match_files(path("validation-00000")), ElementsAre(path("validation-00000")));
  EXPECT_TRUE(match_files(path("test-*")).empty());
  EXPECT_TRUE(match_files(path("missing")).empty());
}

TEST_F(File, NamesThatLookLikePatterns) {
  for (const char* name : {"d[1]", "d1", "d*"}) {
    fs::create_directory(path(name));
    std::ofstream(path(name) + "/train-0") << "x";
  }
  EXPECT_THAT(match_files(path("d[1]/train-*")), ElementsAre(path("d[1]/train-0")));
  EXPECT_THAT(match_files(path("d*/train-*")), ElementsAre(path("d*/train-0")));
  EXPECT_THAT(match_files(path("d*")), ElementsAre(path("d*")));
  EXPECT_THAT(match_files(path("?1/train-*")), ElementsAre(path("d1/train-0")));
  std::ofstream(path("d1/a[b]")) << "x";
  EXPECT_THAT(match_files(path("d1/a[b]")), ElementsAre(path("d1/a[b]")));
  std::ofstream(path("d1/.hidden")) << "x";
  EXPECT_THAT(match_files(path("d1/*")), ElementsAre(path("d1/a[b]"), path("d1/train-0")));
  EXPECT_THAT(match_files(path("d1/.h*")), ElementsAre(path("d1/.hidden")));
}

TEST_F(File, ALockHasOneHolder) {
  std::optional<FileLock> first(std::in_place, path("lock"), "the run");
  const std::string message = error_of([&] { FileLock second(path("lock"), "the run"); });
  EXPECT_THAT(message, HasSubstr("the run is in use: another process holds it ("));
  first.reset();
  EXPECT_EQ(error_of([&] { FileLock again(path("lock"), "the run"); }), "(no error)");
  EXPECT_THAT(error_of([&] { FileLock nowhere(path("no/lock"), "the run"); }), HasSubstr("can't write"));
}

TEST_F(File, Sync) {
  std::ofstream(path("f")) << "x";
  EXPECT_EQ(error_of([&] { sync_path(path("f")); }), "(no error)");
  EXPECT_EQ(error_of([&] { sync_path(folder_.path()); }), "(no error)");
  EXPECT_THAT(error_of([&] { sync_path(path("missing")); }), HasSubstr("missing: can't sync"));
}

TEST(Errors, FormattedMessage) {
  EXPECT_EQ(error_of([] { fail("{}: found {}, expected {}", "x", 1, 2); }), "x: found 1, expected 2");
}

}  // namespace
}  // namespace netwright
