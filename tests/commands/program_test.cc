// The program as a whole: its lists, its help, its answers to what it can't do.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "commands/command.h"
#include "commands/subprocess.h"
#include "core/file.h"
#include "core/text.h"

namespace netwright {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Words of every command: {"models"}, {"data", "convert"}.
void collect(std::span<const Command> commands, const std::vector<std::string>& before,
             std::vector<std::vector<std::string>>& out) {
  for (const Command& command : commands) {
    std::vector<std::string> words = before;
    words.emplace_back(command.name);
    if (command.run) out.push_back(words);
    collect(command.subcommands, words, out);
  }
}

std::vector<std::vector<std::string>> command_words() {
  std::vector<std::vector<std::string>> out;
  collect(all_commands(), {}, out);
  return out;
}

void expect_refused(const std::vector<std::string>& args, const std::string& line) {
  const ProgramResult result = run_netwright(args);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err, line + "\n");
  EXPECT_EQ(result.out, "");
}

TEST(Program, ListsItsCommands) {
  const ProgramResult bare = run_netwright({});
  EXPECT_EQ(bare.exit_code, 0);
  for (const Command& command : all_commands()) EXPECT_THAT(bare.out, HasSubstr(std::string(command.name)));
  EXPECT_EQ(run_netwright({"--help"}).out, bare.out);
  EXPECT_THAT(run_netwright({"data"}).out, HasSubstr("convert"));
  EXPECT_THAT(run_netwright({"--version"}).out, ::testing::MatchesRegex("netwright [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(Program, HelpOfEachCommandFitsAScreen) {
  for (std::vector<std::string> words : command_words()) {
    words.emplace_back("--help");
    SCOPED_TRACE(join(words, " "));
    const ProgramResult result = run_netwright(words);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.err, "");
    EXPECT_THAT(result.out, StartsWith("usage: netwright " + words[0]));
    EXPECT_THAT(result.out, HasSubstr("\nexample:\n  netwright " + words[0]));
    const std::vector<std::string> lines = split(result.out, '\n');
    EXPECT_LE(lines.size() - 1, 24) << result.out;
    for (const std::string& line : lines) EXPECT_LE(line.size(), 80) << line;
  }
}

TEST(Program, AnswersUnknownCommandsWithTheNearest) {
  expect_refused({"model"},
                 "netwright: unknown command model; did you mean models or "
                 "infer_mobile_cost_model?");
  expect_refused({"sumary", "x"}, "netwright: unknown command sumary; did you mean summary?");
  expect_refused({"frobnicate"}, "netwright: unknown command frobnicate; `netwright --help` lists the commands");
  expect_refused({"data", "konvert"}, "netwright data: unknown command konvert; did you mean convert?");
  expect_refused({"--verbose"}, "netwright: unknown flag --verbose; `netwright --help` lists the commands");
}

TEST(Program, AnswersUnknownFlagsAndModelsWithTheNearest) {
  expect_refused({"models", "--jsn"}, "netwright models: unknown flag --jsn; did you mean --json?");
  const ProgramResult result = run_netwright({"summary", "efficientnet-b"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, StartsWith("netwright summary: "));
  EXPECT_THAT(result.err, HasSubstr("efficientnet-b0"));
}

TEST(Program, AnErrorIsOneLineWhateverItQuotes) {
  expect_refused({"models", "--a\nb\x1b[31m"},
                 "netwright models: unknown flag --a b\\x1b[31m; `netwright models --help_all` lists them");
}

TEST(Program, SaysWhenResultsCanNotBeWritten) {
  const ProgramResult result = run_netwright({"models"}, "/dev/full");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err, "netwright models: can't write to standard output: No space left on device\n");
}

TEST(Program, LivesWithoutStandardError) {
  EXPECT_EQ(run({"bash", "-c", NETWRIGHT_BINARY_DIR "/netwright frobnicate 2> /dev/full"}).exit_code, 2);
}

TEST(Program, EndsQuietlyWhenItsReaderLeaves) {
  // A reader that takes one byte of more than a pipe holds.
  const ProgramResult result =
      run({"bash", "-c",
           "set -o pipefail; " NETWRIGHT_BINARY_DIR "/netwright summary efficientnet-b7 --json | { read -rn 1; }"});
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.exit_code, 141);
}

// Loading libtorch takes half a second and hundreds of megabytes.
TEST(Program, DoesNotLinkLibtorch) {
  for (const char* name : {"/netwright", "/libnetwright.so"}) {
    const ProgramResult result = run({"readelf", "-d", NETWRIGHT_BINARY_DIR + std::string(name)});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr("NEEDED"));
    EXPECT_THAT(result.out, Not(HasSubstr("libtorch")));
    EXPECT_THAT(result.out, Not(HasSubstr("libc10")));
  }
}

TEST(Program, ReferencePageIsTheProgramsOwn) {
  EXPECT_EQ(read_file(NETWRIGHT_SOURCE_DIR "/docs/commands.md"), run_netwright({"--reference"}).out)
      << "`make reference` rewrites docs/commands.md";
}

}  // namespace
}  // namespace netwright
