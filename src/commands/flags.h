// Flags of a command, each declared once: name, type, range, default, help and origin. Parsing, `--help`, `--reference`
// and what a run writes down all come from that declaration.
//
//   struct EvalOptions {
//     std::string model;
//     int64_t batch = 100;
//     std::optional<std::string> labels;
//     bool averages = true;
//   };
//   ...
//   Flags flags({.usage = "eval MODEL [flags]", .about = "Evaluates a checkpoint.", .example = "netwright eval ..."});
//   flags.positional("MODEL", options.model, "architecture");
//   flags.add("batch", options.batch, {.help = "images a step", .range = at_least(1)});
//   flags.add("labels", options.labels, {.help = "names of the classes, one a line", .value = "FILE"});
//   flags.add("averages", options.averages, {.help = "evaluate the moving averages of the weights"});
//
// The default is what the variable holds when it is declared; an optional one has none. The variables must outlive the
// Flags. On the command line a name has underscores or dashes alike: --flag=v, --flag v; --flag and --noflag for a
// bool.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace netwright {

// The values that a number may have; both ends are included unless said.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool above_min = false;  // min itself is left out
  bool below_max = false;  // max itself is left out
};
constexpr Range at_least(double min) { return {.min = min}; }
constexpr Range above(double min) { return {.min = min, .above_min = true}; }
constexpr Range between(double min, double max) { return {.min = min, .max = max}; }
// A share that can't be all: [0, 1).
constexpr Range kRate = {.min = 0, .max = 1, .below_max = true};

// What a declaration says beside name and variable.
struct FlagText {
  std::string_view help;               // a few words, no full stop
  Range range = {};                    // for numbers
  std::vector<std::string> choices{};  // for texts: the only values there are; empty: any
  std::string_view value = {};         // how help calls the value: "FILE"; by its type if empty
  std::string_view origin = {};        // where it comes from, if not ours: "mnasnet --train_batch_size"
  bool rare = false;                   // only `--help_all` shows it, so that `--help` fits a screen
};

// The variable that a flag sets. A parser throws Error that says what is wrong with the text ("not a size").
using FlagParser = std::function<void(const std::string& text)>;
using FlagTarget =
    std::variant<bool*, int*, int64_t*, double*, std::string*, std::optional<bool>*, std::optional<int>*,
                 std::optional<int64_t>*, std::optional<double>*, std::optional<std::string>*, FlagParser>;

// What a command's help says beside its flags.
struct CommandHelp {
  std::string_view usage;    // without the program's name: "summary MODEL [flags]"
  std::string_view about;    // one sentence or two
  std::string_view example;  // a command line that works
};

// What an argument may be, for completion.
struct Offers {
  std::vector<std::string> words = {};
  bool files = false;
};

class Flags {
 public:
  explicit Flags(CommandHelp help) : help_(help) {}

  // Heading of the flags declared from here on.
  void section(std::string_view title) { section_ = title; }

  template <typename T>
  void add(std::string_view name, T& variable, const FlagText& text) {
    add_flag(name, &variable, text);
  }
  // A value with a syntax of its own; `initial` is what help shows as the default.
  void add_parsed(std::string_view name, FlagParser parser, FlagText text, std::string_view initial = {}) {
    add_flag(name, std::move(parser), std::move(text), initial);
  }

  // An argument without a flag, in the order of declaration. It must be given.
  void positional(std::string_view name, std::string& variable, std::string_view help, Offers offers = {.files = true});
  // All further arguments, at least `min_count`.
  void positionals(std::string_view name, std::vector<std::string>& variable, size_t min_count, std::string_view help,
                   Offers offers = {.files = true});

  // Sets the variables. Throws Error of one line: an unknown flag (with the nearest names), a value that isn't of the
  // flag's type or range, a missing or surplus argument. Of a flag given twice the last one counts.
  void parse(std::span<const std::string> args);

  // Whether the last parse() had the flag on the command line.
  bool given(std::string_view name) const;
  // Every flag with its present value as one would write it; "" for an optional one that is not set.
  std::vector<std::pair<std::string, std::string>> values() const;

  // How the last of these words, which is being typed, may go on: flags, a flag's values (without `--flag=`), what an
  // argument may be. Files are left to the shell. Rare flags are offered from the first letter on.
  Offers complete(std::span<const std::string> words) const;

  // At most 80 columns wide; without the rare flags unless `all`.
  std::string help(bool all) const;
  // The section of the reference page, in Markdown.
  std::string reference() const;

 private:
  struct Flag {
    std::string name;
    FlagTarget target;
    FlagText text;
    std::string section;
    std::string initial;               // the default as one would write it
    std::optional<std::string> given;  // its text on the command line
  };
  struct Positional {
    std::string name;
    std::string help;
    Offers offers;
    std::string* one = nullptr;
    std::vector<std::string>* rest = nullptr;
    size_t min_count = 1;
  };

  void add_flag(std::string_view name, FlagTarget target, FlagText text, std::string_view initial = {});
  std::pair<const Flag*, bool> find(std::string_view name) const;
  void assign(Flag& flag, const std::string& text);
  void assign_positionals(std::span<const std::string> args);
  [[noreturn]] void fail_unknown(const std::string& arg) const;
  std::string command() const;
  std::vector<std::string> flags_like(const std::string& word) const;
  Offers values_of(std::string_view name, const std::string& word) const;

  CommandHelp help_;
  std::string section_;
  std::vector<Flag> flags_;
  std::vector<Positional> positionals_;
};

}  // namespace netwright
