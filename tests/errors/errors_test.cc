// docs/errors.md, row by row: what the program says to bad input, with which exit code, and that it leaves no trace.
#include <algorithm>
#include <filesystem>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "commands/subprocess.h"
#include "core/file.h"
#include "core/text.h"
#include "errors/fixture.h"
#include "support/testing.h"

namespace netwright::test {
namespace {

namespace fs = std::filesystem;

constexpr int kSeconds = 100;  // a command that takes longer hangs

struct Row {
  std::string what;
  std::string command;
  int exit_code = 0;
  std::string line;
};

// "`text`" -> "text", with "\|" for "|".
std::string unquoted(const std::string& cell) {
  const size_t begin = cell.find('`');
  std::string text = cell.substr(begin + 1, cell.rfind('`') - begin - 1);
  for (size_t at = text.find("\\|"); at != std::string::npos; at = text.find("\\|", at)) text.erase(at, 1);
  return text;
}

// The rows "| what | `command` | code | `line` |" of the page: every line of its tables but their heads.
std::vector<Row> read_rows(const std::string& path) {
  std::vector<Row> rows;
  for (const std::string& line : split(read_file(path), '\n')) {
    if (!line.starts_with("|") || line.starts_with("| what is wrong |") || line.starts_with("|---")) continue;
    std::vector<std::string> cells;
    for (size_t begin = 2; begin < line.size();) {
      const size_t end = std::min(line.find(" | ", begin), line.size() - 2);
      cells.push_back(line.substr(begin, end - begin));
      begin = end + 3;
    }
    if (cells.size() != 4) throw Error(path + ": not four cells: " + line);
    rows.push_back({cells[0], unquoted(cells[1]), std::stoi(cells[2]), unquoted(cells[3])});
  }
  return rows;
}

// `pattern` has "…" for what differs from machine to machine or is long.
bool matches(const std::string& text, const std::string& pattern) {
  constexpr std::string_view kDots = "…";
  size_t at = 0;
  size_t begin = 0;
  for (;;) {
    const size_t dots = pattern.find(kDots, begin);
    const std::string part = pattern.substr(begin, dots == std::string::npos ? dots : dots - begin);
    const size_t found = dots == std::string::npos && begin > 0 ? text.rfind(part) : text.find(part, at);
    if (found == std::string::npos || found < at || (begin == 0 && found != 0)) return false;
    at = found + part.size();
    if (dots == std::string::npos) return at == text.size();
    begin = dots + kDots.size();
  }
}

// Every file below the folder with its content.
std::map<std::string, std::string> snapshot(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().filename() == ".lock") continue;
    files[entry.path().string()] = entry.is_directory() ? "" : read_file(entry.path());
  }
  return files;
}

// What is in `after` and not, or otherwise, in `before`.
std::string changes(const std::map<std::string, std::string>& before, const std::map<std::string, std::string>& after) {
  std::string text;
  for (const auto& [path, content] : after) {
    const auto old = before.find(path);
    if (old == before.end() || old->second != content) text += " " + path;
  }
  for (const auto& [path, content] : before) {
    if (!after.contains(path)) text += " (deleted) " + path;
  }
  return text;
}

bool is_temporary(const std::string& path) {
  return path.find(".tmp") != std::string::npos || path.find(".tempstate") != std::string::npos;
}

// The last line of standard error and nothing on standard output; or, where it isn't the program that speaks, a line of
// a report.
void check_line(const Row& row, const ProgramResult& result) {
  const bool is_report = !row.line.starts_with("netwright");
  std::vector<std::string> lines = split(is_report ? result.out : result.err, '\n');
  lines.pop_back();  // behind the last newline
  ASSERT_FALSE(lines.empty());
  const auto is_it = [&](const std::string& line) { return matches(line, row.line); };
  if (is_report) {
    EXPECT_TRUE(std::ranges::any_of(lines, is_it)) << "printed:\n" << result.out << "\nexpected: " << row.line;
    return;
  }
  EXPECT_EQ(result.out, "");
  EXPECT_TRUE(is_it(lines.back())) << "printed:  " << lines.back() << "\nexpected: " << row.line;
}

void check(const Row& row, const std::string& folder, const std::map<std::string, std::string>& before) {
  SCOPED_TRACE(row.what + ": " + row.command);
  const ProgramResult result =
      run({"timeout", std::to_string(kSeconds), "bash", "-c",
           fmt::format("cd {} && PATH={}:$PATH && {}", folder, NETWRIGHT_BINARY_DIR, row.command)});
  EXPECT_EQ(result.exit_code, row.exit_code) << result.err;
  check_line(row, result);
  const auto after = snapshot(folder);
  if (row.exit_code == 2) {
    EXPECT_EQ(changes(before, after), "") << "refused, but files changed";
  }
  for (const auto& [path, content] : after) EXPECT_FALSE(is_temporary(path)) << path;
  fs::remove_all(folder + "/new");
}

TEST(Errors, EachRowOfThePageIsWhatTheProgramSays) {
  const TemporaryFolder folder;
  make_damaged_files(folder.path());
  const std::vector<Row> rows = read_rows(NETWRIGHT_SOURCE_DIR "/docs/errors.md");
  EXPECT_GE(rows.size(), 160U);
  const auto before = snapshot(folder.path());
  for (const Row& row : rows) check(row, folder.path(), before);
}

TEST(Errors, DotsStandForAnything) {
  EXPECT_TRUE(matches("a 12 b", "a … b"));
  EXPECT_TRUE(matches("a 12 b 3", "a … b …"));
  EXPECT_FALSE(matches("a 12 b c", "a … b"));
  EXPECT_FALSE(matches("xa 12 b", "a … b"));
  EXPECT_TRUE(matches("same", "same"));
  EXPECT_FALSE(matches("same ", "same"));
}

}  // namespace
}  // namespace netwright::test
