#include "commands/command.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>

#include "core/error.h"
#include "core/progress.h"
#include "core/text.h"

namespace netwright {
namespace {

constexpr int kSuccess = 0;
constexpr int kFailed = 1;   // while working
constexpr int kRefused = 2;  // before any work

// The first failure to write to standard output, as errno.
int output_error = 0;

bool asks_for(std::span<const std::string> args, std::initializer_list<std::string_view> forms) {
  for (const std::string& arg : args) {
    if (arg == "--") return false;
    for (const std::string_view form : forms) {
      if (arg == form) return true;
    }
  }
  return false;
}

void print_error(std::string_view who, std::string_view message) {
  clear_progress_line();
  // Not fmt::print, which throws when standard error is gone.
  std::fputs(fmt::format("{}: {}\n", who, one_line(message)).c_str(), stderr);
}

// Dashes do for underscores; a name that begins with them ("--check") keeps them.
const Command* find_command(std::span<const Command> commands, std::string_view given) {
  std::string name(given);
  if (!name.starts_with('-')) std::replace(name.begin(), name.end(), '-', '_');
  for (const Command& command : commands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

[[noreturn]] void fail_unknown_command(std::span<const Command> commands, const std::string& given,
                                       const std::string& program) {
  std::vector<std::string> known;
  for (const Command& command : commands) known.emplace_back(command.name);
  const std::string nearest = did_you_mean(given, known);
  fail("unknown {} {}; {}", given.starts_with("-") ? "flag" : "command", given,
       nearest.empty() ? fmt::format("`{} --help` lists the commands", program) : nearest);
}

std::string command_list(std::span<const Command> commands, const std::string& program) {
  std::string out = fmt::format("usage: {} COMMAND [flags]\n\n", program);
  size_t width = 0;
  for (const Command& command : commands) width = std::max(width, std::string_view(command.name).size());
  for (const Command& command : commands) out += fmt::format("  {:<{}}  {}\n", command.name, width, command.summary);
  return out + fmt::format("\n`{} COMMAND --help` tells more of one.\n", program);
}

// The user must know when results are not whole.
int finish_output(int code, const std::string& program) {
  print_text({});
  if (output_error == 0) return code;
  // A reader that left has what it wanted: as if the signal had ended us.
  if (output_error == EPIPE) return code == kSuccess ? 128 + SIGPIPE : code;
  print_error(program, fmt::format("can't write to standard output: {}", std::strerror(output_error)));
  return code == kSuccess ? kFailed : code;
}

int run_command(const Command& command, std::span<const std::string> args, const std::string& program) {
  CommandContext context(args);
  try {
    return command.run(context);
  } catch (const Error& error) {
    print_error(program, error.what());
    return context.working() ? kFailed : kRefused;
  } catch (const std::bad_alloc&) {
    print_error(program, "out of memory");
  } catch (const std::exception& error) {
    print_error(program, fmt::format("unexpected error: {}", error.what()));
  }
  return kFailed;
}

int dispatch(std::span<const Command> commands, std::span<const std::string> args, std::string& program) {
  if (args.empty() || args[0] == "--help" || args[0] == "-h" || args[0] == "help") {
    print("{}", command_list(commands, program));
    return kSuccess;
  }
  const Command* command = find_command(commands, args[0]);
  if (!command) fail_unknown_command(commands, args[0], program);
  program += " " + args[0];
  if (!command->run) return dispatch(command->subcommands, args.subspan(1), program);
  return run_command(*command, args.subspan(1), program);
}

// A word a line, and ":files" where the shell's own files may stand; scripts of `netwright completion` read it.
void print_offers(const Offers& offers) {
  for (const std::string& word : offers.words) print("{}\n", word);
  if (offers.files) print(":files\n");
}

void append_reference(std::span<const Command> commands, const std::string& program, std::string& page) {
  for (const Command& command : commands) {
    const std::string name = program + " " + std::string(command.name);
    if (!command.run) {
      append_reference(command.subcommands, name, page);
      continue;
    }
    std::string section;
    CommandContext context(section);
    command.run(context);
    page += fmt::format("\n## {}\n\n{}", name, section);
  }
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n' || c == '\t') {
      out += ' ';
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

bool CommandContext::parse(Flags& flags) {
  if (reference_) {
    *reference_ = flags.reference();
    return false;
  }
  if (completion_) {
    *completion_ = flags.complete(args_);
    return false;
  }
  if (asks_for(args_, {"--help", "-h"})) {
    print("{}", flags.help(false));
    return false;
  }
  if (asks_for(args_, {"--help_all", "--help-all"})) {
    print("{}", flags.help(true));
    return false;
  }
  flags.parse(args_);
  return true;
}

void print_text(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  const bool flushed = !text.empty() || std::fflush(stdout) == 0;
  if ((!written || !flushed) && output_error == 0) output_error = errno;
}

std::string reference_page() {
  std::string page =
      "# Commands\n\nPrinted by `netwright --reference`. Names of flags have underscores or dashes alike; `--flag=v` "
      "and "
      "`--flag v` are the same, and `[no]` marks flags that `--noflag` turns off.\n";
  append_reference(all_commands(), "netwright", page);
  return page;
}

Offers complete(std::span<const std::string> words) {
  if (words.empty()) return {};
  std::span<const Command> commands = all_commands();
  for (; words.size() > 1; words = words.subspan(1)) {
    const Command* command = find_command(commands, words[0]);
    if (!command) return {};
    if (command->run) {
      Offers offers;
      CommandContext context(words.subspan(1), offers);
      command->run(context);
      return offers;
    }
    commands = command->subcommands;
  }
  Offers offers;
  for (const Command& command : commands) {
    if (command.name.starts_with(words[0])) offers.words.emplace_back(command.name);
  }
  if (!words[0].starts_with("-")) return offers;
  for (const std::string_view flag : {"--help", "--version"}) {
    const bool here = flag != "--version" || commands.data() == all_commands().data();
    if (here && flag.starts_with(words[0])) offers.words.emplace_back(flag);
  }
  return offers;
}

int run_program(std::span<const std::string> args) {
  // A reader that leaves (`netwright models | head`) must not end a run that has work to save.
  std::signal(SIGPIPE, SIG_IGN);
  std::string program = "netwright";
  int code = kSuccess;
  try {
    if (!args.empty() && args[0] == "--version") {
      print("netwright {}\n", NETWRIGHT_VERSION);
    } else if (!args.empty() && args[0] == "--reference") {
      print("{}", reference_page());
    } else if (!args.empty() && args[0] == "--complete") {
      print_offers(complete(args.subspan(1)));
    } else {
      code = dispatch(all_commands(), args, program);
    }
  } catch (const Error& error) {
    print_error(program, error.what());
    code = kRefused;
  }
  return finish_output(code, program);
}

}  // namespace netwright
