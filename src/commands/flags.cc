#include "commands/flags.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "commands/flag_values.h"
#include "core/error.h"
#include "core/text.h"

namespace netwright {
namespace {

bool is_flag(const std::string& arg) { return arg.size() > 1 && arg[0] == '-'; }

// "--learning-rate=1e-3" in parts: "learning_rate" and "1e-3".
struct SplitFlag {
  std::string name;
  std::optional<std::string> value;
};

SplitFlag split_flag(const std::string& arg) {
  const size_t equals = arg.find('=');
  SplitFlag out{arg.substr(0, equals), std::nullopt};
  out.name.erase(0, out.name.starts_with("--") ? 2 : 1);  // one dash or two, as the originals' flags
  std::replace(out.name.begin(), out.name.end(), '-', '_');
  if (equals != std::string::npos) out.value = arg.substr(equals + 1);
  return out;
}

}  // namespace

void Flags::add_flag(std::string_view name, FlagTarget target, FlagText text, std::string_view initial) {
  std::string present = std::holds_alternative<FlagParser>(target) ? std::string(initial) : flag_value_text(target);
  flags_.push_back({std::string(name), std::move(target), std::move(text), section_, std::move(present), {}});
}

void Flags::positional(std::string_view name, std::string& variable, std::string_view help, Offers offers) {
  positionals_.push_back(
      {.name = std::string(name), .help = std::string(help), .offers = std::move(offers), .one = &variable});
}

void Flags::positionals(std::string_view name, std::vector<std::string>& variable, size_t min_count,
                        std::string_view help, Offers offers) {
  positionals_.push_back({.name = std::string(name),
                          .help = std::string(help),
                          .offers = std::move(offers),
                          .rest = &variable,
                          .min_count = min_count});
}

std::string Flags::command() const {
  std::string words;
  for (const std::string& word : split(help_.usage, ' ')) {
    if (word.empty() || !std::islower(static_cast<unsigned char>(word[0]))) break;
    words += " " + word;
  }
  return "netwright" + words;
}

void Flags::assign(Flag& flag, const std::string& text) {
  try {
    set_flag_value(flag.target, text, flag.text);
    flag.given = text;
  } catch (const Error& error) {
    fail("--{}={}: {}", flag.name, text, error.what());
  }
}

void Flags::assign_positionals(std::span<const std::string> args) {
  // As "$UNSET" gives them.
  if (std::ranges::find(args, "") != args.end()) fail("an argument is empty; usage: netwright {}", help_.usage);
  for (const Positional& positional : positionals_) {
    const size_t wanted = positional.rest ? positional.min_count : 1;
    if (args.size() < wanted) fail("{} is missing; usage: netwright {}", positional.name, help_.usage);
    if (positional.rest) {
      positional.rest->assign(args.begin(), args.end());
      return;
    }
    *positional.one = args[0];
    args = args.subspan(1);
  }
  if (!args.empty()) fail("unexpected argument '{}'; usage: netwright {}", args[0], help_.usage);
}

void Flags::fail_unknown(const std::string& arg) const {
  const std::string name = arg.substr(0, arg.find('='));
  std::vector<std::string> known = {"--help"};
  for (const Flag& flag : flags_) {
    known.push_back("--" + flag.name);
    if (is_bool_flag(flag.target)) known.push_back("--no" + flag.name);
  }
  const std::string nearest = did_you_mean(name, known);
  fail("unknown flag {}; {}", name, nearest.empty() ? fmt::format("`{} --help_all` lists them", command()) : nearest);
}

// The flag that a name means; `negated` for --noNAME of a bool.
std::pair<const Flags::Flag*, bool> Flags::find(std::string_view name) const {
  for (const Flag& flag : flags_) {
    if (flag.name == name) return {&flag, false};
    if (is_bool_flag(flag.target) && name.starts_with("no") && name.substr(2) == flag.name) return {&flag, true};
  }
  return {nullptr, false};
}

void Flags::parse(std::span<const std::string> args) {
  for (Flag& flag : flags_) flag.given.reset();
  std::vector<std::string> rest;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "--") {
      rest.insert(rest.end(), args.begin() + static_cast<std::ptrdiff_t>(i) + 1, args.end());
      break;
    }
    if (!is_flag(args[i])) {
      rest.push_back(args[i]);
      continue;
    }
    auto [name, value] = split_flag(args[i]);
    const auto [flag, negated] = find(name);
    if (!flag) fail_unknown(args[i]);
    if (negated && value) fail("--{} takes no value; write --{}={}", name, flag->name, *value);
    if (is_bool_flag(flag->target) && !value) {
      value = negated ? "false" : "true";
    } else if (!value) {
      if (i + 1 == args.size() || args[i + 1].starts_with("--")) fail("--{} needs a value", name);
      value = args[++i];
    }
    assign(flags_[static_cast<size_t>(flag - flags_.data())], *value);
  }
  assign_positionals(rest);
}

bool Flags::given(std::string_view name) const {
  return std::any_of(flags_.begin(), flags_.end(),
                     [&](const Flag& flag) { return flag.name == name && flag.given.has_value(); });
}

std::vector<std::pair<std::string, std::string>> Flags::values() const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const Flag& flag : flags_) {
    const bool parsed = std::holds_alternative<FlagParser>(flag.target);
    out.emplace_back(flag.name, parsed ? flag.given.value_or(flag.initial) : flag_value_text(flag.target));
  }
  return out;
}

}  // namespace netwright
