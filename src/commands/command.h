// What a subcommand is, and what the program gives it.
//
// To add one, say `netwright frobnicate`:
//   1. src/commands/frobnicate.cc: a struct with its options and their defaults, the declaration of its flags, and
//
//        int run_frobnicate(CommandContext& context) {
//          FrobnicateOptions options;
//          Flags flags = declare(options);
//          if (!context.parse(flags)) return 0;      // --help was asked for and printed
//          ... refuse impossible combinations and missing files: fail("...") exits with 2 ...
//          context.begin_work();                     // from here on fail("...") exits with 1
//          ... call the library; print(...) results on standard output; log_info(...) the rest ...
//          return 0;
//        }
//
//   2. a row in the table of src/commands/commands.cc.
//   3. `make reference`, which rewrites docs/commands.md. (A test compares the page, and the length of each --help.)
// Flags that choose and change a model are declared once, in model_flags.h.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "commands/flags.h"

namespace netwright {

class CommandContext {
 public:
  explicit CommandContext(std::span<const std::string> args) : args_(args) {}
  // Nothing is run: parse() writes the command's section of the reference page, or how the last of the words may go
  // on.
  explicit CommandContext(std::string& reference) : reference_(&reference) {}
  CommandContext(std::span<const std::string> words, Offers& completion) : args_(words), completion_(&completion) {}

  // Sets the flags' variables from the command line; throws Error as Flags::parse. False when the line asked for help,
  // which has been printed: nothing else is to be done.
  bool parse(Flags& flags);

  // Says that the command line and what it names are sound: an Error from here on exits with 1 instead of 2.
  void begin_work() { working_ = true; }
  bool working() const { return working_; }

  // The words after the command's own.
  std::span<const std::string> args() const { return args_; }

 private:
  std::span<const std::string> args_;
  std::string* reference_ = nullptr;
  Offers* completion_ = nullptr;
  bool working_ = false;
};

// A row of the table: a command, or a group of them ("data") with rows of its own and no function.
struct Command {
  std::string_view name;
  std::string_view summary;
  int (*run)(CommandContext& context) = nullptr;  // the exit code; throws Error
  std::span<const Command> subcommands = {};
};

// All commands, in the order in which they are listed.
std::span<const Command> all_commands();

// The whole program: finds the command of args (without the program's name), runs it and gives the exit code. Errors
// end as one line on standard error.
int run_program(std::span<const std::string> args);

// The reference page of all commands, docs/commands.md.
std::string reference_page();

// How the last of these words, which is being typed, may go on; the words are those after the program's name. Nothing
// for a line that can't be understood.
Offers complete(std::span<const std::string> words);

// Foreign text, such as a file's name, without what would break the line or reach the terminal as a command:
// "a\x1b[31m".
std::string one_line(std::string_view text);

// Results, on standard output. A failure to write (a full disk, a reader that left) is told when the command ends.
void print_text(std::string_view text);
template <typename... Args>
void print(fmt::format_string<Args...> format, Args&&... args) {
  print_text(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace netwright
