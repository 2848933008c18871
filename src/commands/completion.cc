// netwright completion: scripts that let a shell ask `netwright --complete WORD...` how a line may go on.
#include "commands/command.h"
#include "core/error.h"

namespace netwright {
namespace {

// bash takes what stands behind a "=" for a word of its own, so values are offered without their flag.
constexpr std::string_view kBash = R"(# netwright completion bash
_netwright() {
  local line="${COMP_LINE:0:COMP_POINT}" value offer
  local -a words
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  value="${words[-1]}"
  [[ $value == --*=* ]] && value="${value#*=}"
  COMPREPLY=()
  while IFS= read -r offer; do
    case "$offer" in
      :files) compopt -o filenames; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$value") ;;
      *=) compopt -o nospace; COMPREPLY+=("$offer") ;;
      *) COMPREPLY+=("$offer") ;;
    esac
  done < <("${words[0]}" --complete "${words[@]:1}" 2> /dev/null)
}
complete -F _netwright netwright
)";

constexpr std::string_view kZsh = R"(#compdef netwright
# netwright completion zsh
_netwright() {
  local offer
  local -a offers
  offers=("${(@f)$("${words[1]}" --complete "${(@)words[2,CURRENT]}" 2> /dev/null)}")
  compset -P '--*='
  for offer in $offers; do
    case "$offer" in
      :files) _files ;;
      *=) compadd -S '' -- "$offer" ;;
      *) compadd -- "$offer" ;;
    esac
  done
}
# Sourced, or loaded from a folder of fpath at the first Tab.
if [[ ${funcstack[1]} == _netwright ]]; then _netwright; else compdef _netwright netwright; fi
)";

constexpr std::string_view kFish = R"(# netwright completion fish
function __netwright_complete
  set -l words (commandline -opc)
  set -l word (commandline -ct)
  set -l plain (string unescape -- "$word") && set word "$plain"
  set -l flag (string match -r -- '^--[^=]*=' "$word")
  for offer in ($words[1] --complete $words[2..-1] "$word" 2> /dev/null)
    if test "$offer" = :files
      for path in (__fish_complete_path (string replace -r -- '^--[^=]*=' '' "$word"))
        echo "$flag$path"
      end
    else
      echo "$flag$offer"
    end
  end
end
complete -c netwright -f -a '(__netwright_complete)'
)";

}  // namespace

int run_completion(CommandContext& context) {
  std::string shell;
  Flags flags({.usage = "completion SHELL",
               .about =
                   "Prints a script for bash, zsh or fish that completes commands, flags, their values, models and "
                   "files on the Tab key.",
               .example = "netwright completion bash >> ~/.bashrc"});
  flags.positional("SHELL", shell, "bash, zsh or fish", {.words = {"bash", "zsh", "fish"}});
  if (!context.parse(flags)) return 0;
  if (shell == "bash") {
    print_text(kBash);
  } else if (shell == "zsh") {
    print_text(kZsh);
  } else if (shell == "fish") {
    print_text(kFish);
  } else {
    fail("SHELL: expected bash, zsh or fish, found {}", shell);
  }
  return 0;
}

}  // namespace netwright
