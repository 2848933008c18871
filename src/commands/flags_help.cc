// How flags show themselves: help on a terminal, a section of the reference page.
#include <algorithm>

#include <fmt/format.h>

#include "commands/flag_values.h"
#include "commands/flags.h"
#include "core/text.h"

namespace netwright {
namespace {

constexpr size_t kWidth = 80;
constexpr size_t kTextColumn = 27;

// `text` broken at spaces into lines of at most `width` columns (a longer word stands alone).
std::vector<std::string> wrapped(std::string_view text, size_t width) {
  std::vector<std::string> lines(1);
  for (const std::string& word : split(text, ' ')) {
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width) lines.emplace_back();
    lines.back() += (lines.back().empty() ? "" : " ") + word;
  }
  return lines;
}

// "  --batch=N                images a step [100]", further lines under the text.
std::string item(const std::string& head, const std::string& text) {
  std::string out = "  " + head;
  if (out.size() + 2 > kTextColumn) {
    out += "\n" + std::string(kTextColumn, ' ');
  } else {
    out.resize(kTextColumn, ' ');
  }
  const std::vector<std::string> lines = wrapped(text, kWidth - kTextColumn);
  return out + fmt::format("{}\n", fmt::join(lines, "\n" + std::string(kTextColumn, ' ')));
}

std::string flag_form(const std::string& name, const FlagTarget& target, const FlagText& text) {
  if (is_bool_flag(target)) return "--[no]" + name;
  return fmt::format("--{}={}", name, text.value.empty() ? flag_value_name(target) : text.value);
}

std::string limits_text(const FlagText& text) {
  return text.choices.empty() ? range_text(text.range) : "one of " + join(text.choices, ", ");
}

// In a Markdown table a bar ends the cell.
std::string cell(std::string_view text) { return fmt::format("{}", fmt::join(split(text, '|'), "\\|")); }

}  // namespace

std::string Flags::help(bool all) const {
  std::string out = fmt::format("usage: netwright {}\n", help_.usage);
  for (const std::string& line : wrapped(help_.about, kWidth)) out += line + "\n";
  out += "\n";
  for (const Positional& positional : positionals_) out += item(positional.name, positional.help);
  std::string section;
  size_t hidden = 0;
  for (const Flag& flag : flags_) {
    if (flag.text.rare && !all) {
      ++hidden;
      continue;
    }
    if (flag.section != section && all) out += fmt::format("\n{}:\n", flag.section);
    section = flag.section;
    std::string text(flag.text.help);
    if (!flag.text.choices.empty()) text += ": " + join(flag.text.choices, ", ");
    if (!flag.initial.empty() && flag.initial != "false") text += fmt::format(" [{}]", flag.initial);
    out += item(flag_form(flag.name, flag.target, flag.text), text);
  }
  if (hidden > 0) out += item("--help_all", fmt::format("{} more flags", hidden));
  return out + fmt::format("\nexample:\n  {}\n", help_.example);
}

std::string Flags::reference() const {
  std::string out = fmt::format("{}\n\n    netwright {}\n\n", help_.about, help_.usage);
  for (const Positional& positional : positionals_)
    out += fmt::format("- `{}`: {}\n", positional.name, positional.help);
  if (!positionals_.empty()) out += "\n";
  if (!flags_.empty()) out += "| flag | default | meaning | values | origin |\n|---|---|---|---|---|\n";
  for (const Flag& flag : flags_) {
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", cell(flag_form(flag.name, flag.target, flag.text)),
                       cell(flag.initial), cell(flag.text.help), cell(limits_text(flag.text)), cell(flag.text.origin));
  }
  return out + fmt::format("\nExample: `{}`\n", help_.example);
}

}  // namespace netwright
