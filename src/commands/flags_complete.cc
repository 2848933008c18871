// How a command line that is being typed may go on.
#include <algorithm>

#include "commands/flag_values.h"
#include "commands/flags.h"

namespace netwright {
namespace {

void keep_those_like(std::vector<std::string>& words, const std::string& word) {
  std::erase_if(words, [&](const std::string& candidate) { return !candidate.starts_with(word); });
}

bool is_long_flag(const std::string& word) { return word.starts_with("--") && word.size() > 2; }

// "--learning-rate" -> "learning_rate".
std::string flag_name(const std::string& word) {
  std::string name = word.substr(2);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

}  // namespace

std::vector<std::string> Flags::flags_like(const std::string& word) const {
  const bool all = is_long_flag(word);
  const bool negated = word.starts_with("--no");
  std::vector<std::string> forms = {"--help"};
  for (const Flag& flag : flags_) {
    if (flag.text.rare && !all) continue;
    const bool is_bool = is_bool_flag(flag.target);
    forms.push_back("--" + flag.name + (is_bool ? "" : "="));
    if (is_bool && negated) forms.push_back("--no" + flag.name);
  }
  keep_those_like(forms, word);
  return forms;
}

Offers Flags::values_of(std::string_view name, const std::string& word) const {
  const Flag* flag = find(name).first;
  if (flag == nullptr) return {};
  Offers offers{.words = flag->text.choices, .files = names_path(flag->text)};
  if (is_bool_flag(flag->target)) offers.words = {"true", "false"};
  keep_those_like(offers.words, word);
  return offers;
}

Offers Flags::complete(std::span<const std::string> words) const {
  const std::string word = words.empty() ? "" : words.back();
  size_t arguments = 0;  // before the word
  bool wants_value = false;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (wants_value) {
      wants_value = false;
    } else if (is_long_flag(words[i])) {
      const Flag* flag = find(flag_name(words[i])).first;
      wants_value = flag != nullptr && !is_bool_flag(flag->target);
    } else {
      ++arguments;
    }
  }
  if (wants_value) return values_of(flag_name(words[words.size() - 2]), word);
  const size_t equals = word.find('=');
  if (is_long_flag(word) && equals != std::string::npos) {
    return values_of(flag_name(word.substr(0, equals)), word.substr(equals + 1));
  }
  if (word.starts_with("-")) return {.words = flags_like(word), .files = false};
  if (positionals_.empty()) return {};
  const Positional& positional = positionals_[std::min(arguments, positionals_.size() - 1)];
  if (arguments >= positionals_.size() && positional.rest == nullptr) return {};
  Offers offers = positional.offers;
  keep_those_like(offers.words, word);
  return offers;
}

}  // namespace netwright
