// What the shell is offered, from `netwright --complete` and from bash itself.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "commands/command.h"
#include "commands/subprocess.h"
#include "core/file.h"
#include "core/text.h"
#include "support/testing.h"

namespace netwright {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;
using testing::StartsWith;
using testing::UnorderedElementsAre;
using Words = std::vector<std::string>;

Words words_for(const Words& line) { return complete(line).words; }

TEST(Complete, CommandsAndGroups) {
  EXPECT_THAT(words_for({""}), IsSupersetOf({"models", "summary", "train", "data", "bench"}));
  EXPECT_THAT(words_for({"su"}), ElementsAre("summary"));
  EXPECT_THAT(words_for({"data", "conv"}), ElementsAre("convert"));
  EXPECT_THAT(words_for({"nonsense", "x"}), IsEmpty());
  EXPECT_THAT(words_for({"--"}), ElementsAre("--help", "--version"));
  EXPECT_THAT(words_for({"data", "--h"}), ElementsAre("--help"));
}

TEST(Complete, FlagsAndTheirValues) {
  EXPECT_THAT(words_for({"summary", "--"}),
              AllOf(IsSupersetOf({"--help", "--json", "--svg="}), Not(Contains("--use_keras"))));
  EXPECT_THAT(words_for({"summary", "--use_k"}), ElementsAre("--use_keras")) << "a rare one once it is begun";
  EXPECT_THAT(words_for({"summary", "--nojs"}), ElementsAre("--nojson"));
  EXPECT_THAT(words_for({"bench", "train", "--precision="}), UnorderedElementsAre("fp32", "bf16"));
  EXPECT_THAT(words_for({"bench", "train", "mnasnet-a1", "--precision", "b"}), ElementsAre("bf16"));
  EXPECT_TRUE(complete(Words{"summary", "x", "--svg="}).files);
  EXPECT_TRUE(complete(Words{"train", "--data", ""}).files);
  EXPECT_THAT(words_for({"summary", "--classes="}), IsEmpty());
  EXPECT_FALSE(complete(Words{"summary", "--classes="}).files);
}

TEST(Complete, ModelsAndFiles) {
  EXPECT_THAT(words_for({"summary", "efficientnet-lite"}),
              AllOf(Contains("efficientnet-lite0"), Each(StartsWith("efficientnet-lite"))));
  EXPECT_THAT(words_for({"summary", "--json", "mnasnet-a"}), ElementsAre("mnasnet-a1"));
  EXPECT_THAT(words_for({"summary", "--classes", "10", "mnasnet-a"}), ElementsAre("mnasnet-a1"));
  EXPECT_THAT(words_for({"summary", "mnasnet-a1", ""}), IsEmpty()) << "there is no second argument";
  EXPECT_TRUE(complete(Words{"predict", "mnasnet-a1", ""}).files);
  EXPECT_TRUE(complete(Words{"data", "convert", ""}).files);
  EXPECT_THAT(words_for({"completion", ""}), ElementsAre("bash", "zsh", "fish"));
}

// bash's own completion of a line, as on the Tab key.
Words bash_offers(const std::string& line, const std::string& folder) {
  const std::string program = NETWRIGHT_BINARY_DIR "/netwright";
  const std::string script = fmt::format(
      "cd {0} && PATH={1}:$PATH && source <(netwright completion bash) && COMP_LINE='{2}' && "
      "COMP_POINT=${{#COMP_LINE}} && "
      "compopt() {{ :; }} && _netwright && printf '%s\\n' \"${{COMPREPLY[@]}}\"",
      folder, NETWRIGHT_BINARY_DIR, line);
  const ProgramResult result = run({"bash", "-c", script});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  Words words = split(result.out, '\n');
  std::erase(words, "");
  return words;
}

TEST(Complete, BashItself) {
  const test::TemporaryFolder folder;
  folder.write("picture.png", "");
  folder.write("pictures.txt", "");
  EXPECT_THAT(bash_offers("netwright mo", folder.path()), ElementsAre("models"));
  EXPECT_THAT(bash_offers("netwright bench ", folder.path()), IsSupersetOf({"train", "infer", "load"}));
  EXPECT_THAT(bash_offers("netwright summary mnasnet-d1", folder.path()),
              UnorderedElementsAre("mnasnet-d1", "mnasnet-d1-320"));
  EXPECT_THAT(bash_offers("netwright summary mnasnet-d1 --sv", folder.path()), ElementsAre("--svg="));
  EXPECT_THAT(bash_offers("netwright bench train --precision=f", folder.path()), ElementsAre("fp32"));
  EXPECT_THAT(bash_offers("netwright summary mnasnet-d1 --svg=pic", folder.path()),
              UnorderedElementsAre("picture.png", "pictures.txt"));
  EXPECT_THAT(bash_offers("netwright predict --weights pict", folder.path()), Contains("picture.png"));
}

bool is_installed(const std::string& shell) { return run({"bash", "-c", "command -v " + shell}).exit_code == 0; }

Words fish_offers(const std::string& line, const std::string& folder) {
  const std::string script =
      fmt::format("cd {}; set -x PATH {} $PATH; netwright completion fish | source; complete -C '{}'", folder,
                  NETWRIGHT_BINARY_DIR, line);
  const ProgramResult result = run({"fish", "--no-config", "-c", script});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  Words words = split(result.out, '\n');
  std::erase(words, "");
  return words;
}

TEST(Complete, FishItself) {
  if (!is_installed("fish")) GTEST_SKIP() << "fish is not installed";
  const test::TemporaryFolder folder;
  folder.write("picture.png", "");
  folder.write("pic two.txt", "");
  EXPECT_THAT(fish_offers("netwright tr", folder.path()), ElementsAre("train"));
  EXPECT_THAT(fish_offers("netwright bench ", folder.path()), IsSupersetOf({"train", "infer", "load"}));
  EXPECT_THAT(fish_offers("netwright bench train --precision=f", folder.path()), ElementsAre("--precision=fp32"));
  EXPECT_THAT(fish_offers("netwright bench train --precision f", folder.path()), ElementsAre("fp32"));
  EXPECT_THAT(fish_offers("netwright summary mnasnet-d1 --svg=pic", folder.path()),
              UnorderedElementsAre("--svg=picture.png", "--svg=pic two.txt"));
  EXPECT_THAT(fish_offers("netwright summary mnasnet-d1 --svg pic\\\\ t", folder.path()), ElementsAre("pic two.txt"));
}

// zsh completes in a terminal only; not every machine has made-up ones.
bool has_pseudo_terminals() { return run({"python3", "-c", "import pty; pty.openpty()"}).exit_code == 0; }

// What zsh makes of a line at the Tab key, in a terminal of its own; "" when nothing comes.
std::string zsh_completes(const std::string& line, const test::TemporaryFolder& folder) {
  const std::string script = fmt::format(
      R"(cd {0}; rm -f ready line; zmodload zsh/zpty; zpty shell zsh -f -i
until_there() {{ for i in {{1..300}}; do [[ -e $1 ]] && return; zpty -r -t shell ignored; sleep 0.03; done }}
zpty -w shell 'PATH={1}:$PATH; autoload -U compinit; compinit -u -D; source <(netwright completion zsh)'
zpty -w shell 'show() {{ print -rn -- $BUFFER > line.new; mv line.new line }}; zle -N show; bindkey "^Xw" show; : > ready'
until_there ready
zpty -w -n shell $'{2}	w'
until_there line
zpty -d shell)",
      folder.path(), NETWRIGHT_BINARY_DIR, line);
  run({"zsh", "-f", "-c", script});
  return fs::exists(folder.file("line")) ? read_file(folder.file("line")) : "";
}

TEST(Complete, ZshItself) {
  if (!is_installed("zsh")) GTEST_SKIP() << "zsh is not installed";
  if (!has_pseudo_terminals()) GTEST_SKIP() << "there are no pseudo-terminals";
  const test::TemporaryFolder folder;
  folder.write("picture.png", "");
  EXPECT_EQ(zsh_completes("netwright tr", folder), "netwright train ");
  EXPECT_EQ(zsh_completes("netwright summary mnasnet-a1 --sv", folder), "netwright summary mnasnet-a1 --svg=");
  EXPECT_EQ(zsh_completes("netwright bench train --precision=f", folder), "netwright bench train --precision=fp32 ");
  EXPECT_EQ(zsh_completes("netwright summary mnasnet-d1 --svg=pic", folder),
            "netwright summary mnasnet-d1 --svg=picture.png ");
}

TEST(Complete, UnknownShellIsRefused) {
  const ProgramResult result = run_netwright({"completion", "tcsh"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("expected bash, zsh or fish, found tcsh"));
}

}  // namespace
}  // namespace netwright
