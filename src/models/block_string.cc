#include "models/block_string.h"

#include <array>
#include <charconv>
#include <cmath>

#include <fmt/ranges.h>

#include "core/error.h"
#include "core/text.h"

namespace netwright {
namespace {

constexpr int64_t kMostOfAnything = 1'000'000;

// One field of the string: the letters before its first digit, the rest, and where it begins.
struct Token {
  std::string_view text;
  std::string_view key;
  std::string_view value;
  size_t position;
};

// Which notations know a key: a bit each.
using Notations = unsigned;
constexpr Notations bit(BlockNotation notation) { return 1U << static_cast<unsigned>(notation); }
constexpr Notations kEfficientNets = bit(BlockNotation::kEfficientNet);
constexpr Notations kMixNets = bit(BlockNotation::kMixNet);
constexpr Notations kAll = kEfficientNets | kMixNets | bit(BlockNotation::kMnasNet);

// A numeric key with the range that it accepts.
struct IntegerKey {
  std::string_view key;
  std::string_view meaning;
  int64_t least;
  int64_t most;
  bool required;
  Notations notations;
  void (*set)(BlockSpec& block, int64_t value);
};

constexpr IntegerKey kIntegerKeys[] = {
    {"r", "repeats", 1, kMostOfAnything, true, kAll, [](BlockSpec& b, int64_t v) { b.repeats = static_cast<int>(v); }},
    {"e", "expansion", 1, 1000, true, kAll, [](BlockSpec& b, int64_t v) { b.expansion = static_cast<int>(v); }},
    {"i", "input filters", 1, kMostOfAnything, true, kAll, [](BlockSpec& b, int64_t v) { b.input_filters = v; }},
    {"o", "output filters", 1, kMostOfAnything, true, kAll, [](BlockSpec& b, int64_t v) { b.output_filters = v; }},
    {"c", "block type", 0, 1, false, kEfficientNets, [](BlockSpec& b, int64_t v) { b.type = static_cast<int>(v); }},
    {"f", "fused", 0, 1, false, kEfficientNets, [](BlockSpec& b, int64_t v) { b.fused = v == 1; }},
    {"d", "space-to-depth state", 0, 2, false, kEfficientNets,
     [](BlockSpec& b, int64_t v) { b.space_to_depth = static_cast<int>(v); }},
    {"a", "activation", 0, 1000, false, kEfficientNets,
     [](BlockSpec& b, int64_t v) { b.activation = static_cast<int>(v); }},
};

// Kernel sizes: one, or in `lists` several with points between them.
struct KernelKey {
  std::string_view key;
  std::string_view meaning;
  Notations notations;
  Notations lists;
  std::vector<int> BlockSpec::*kernels;
};
constexpr int64_t kMostKernel = 1000;
constexpr KernelKey kKernelKeys[] = {
    {"k", "kernel size", kAll, kMixNets, &BlockSpec::kernels},
    {"a", "expansion kernel size", kMixNets, kMixNets, &BlockSpec::expand_kernels},
    {"p", "projection kernel size", kMixNets, kMixNets, &BlockSpec::project_kernels},
};

struct FlagKey {
  std::string_view key;
  Notations notations;
  void (*set)(BlockSpec& block);
};
constexpr FlagKey kFlagKeys[] = {
    {"noskip", kAll, [](BlockSpec& b) { b.skip = false; }},
    {"cc", kEfficientNets, [](BlockSpec& b) { b.condconv = true; }},
    {"sw", kMixNets, [](BlockSpec& b) { b.activation = 1; }},
    {"dilated", kMixNets, [](BlockSpec& b) { b.dilated = true; }},
};

// Null when `text` isn't a whole number from `least` to `most` and nothing else.
std::optional<int64_t> whole_number(std::string_view text, int64_t least, int64_t most) {
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value < least || value > most) return std::nullopt;
  return value;
}

class Parser {
 public:
  Parser(std::string_view text, BlockNotation notation) : text_(text), notation_(notation) {}

  BlockSpec parse() {
    size_t begin = 0;
    while (begin <= text_.size()) {
      const size_t end = std::min(text_.find('_', begin), text_.size());
      apply(token(begin, end));
      begin = end + 1;
    }
    for (const IntegerKey& key : kIntegerKeys) {
      if (key.required && !seen(key.key)) refuse_missing(key.key, key.meaning);
    }
    for (const KernelKey& key : kKernelKeys) {
      if (known(key.notations) && !seen(key.key)) refuse_missing(key.key, key.meaning);
    }
    if (!seen("s")) refuse_missing("s", "strides");
    return block_;
  }

 private:
  Token token(size_t begin, size_t end) const {
    const std::string_view text = text_.substr(begin, end - begin);
    const size_t digit = std::min(text.find_first_of("0123456789"), text.size());
    return {text, text.substr(0, digit), text.substr(digit), begin};
  }

  void apply(const Token& token) {
    if (token.value.empty()) {
      apply_flag(token);
    } else if (token.key == "s") {
      remember(token, token.key);
      apply_strides(token);
    } else if (token.key == "se") {
      remember(token, token.key);
      apply_ratio(token);
    } else {
      apply_number(token);
    }
  }

  bool known(Notations notations) const { return (notations & bit(notation_)) != 0; }

  void apply_flag(const Token& token) {
    for (const FlagKey& flag : kFlagKeys) {
      if (flag.key != token.text || !known(flag.notations)) continue;
      remember(token, flag.key);
      flag.set(block_);
      return;
    }
    refuse_unknown(token);
  }

  void apply_strides(const Token& token) {
    const std::string_view digits = token.value;
    const bool pair = digits.size() == 2 && digits.find_first_not_of("123456789") == std::string_view::npos;
    if (!pair) refuse_value(token, "strides are two digits from 1 to 9, rows and columns");
    block_.stride_h = digits[0] - '0';
    block_.stride_w = digits[1] - '0';
  }

  void apply_ratio(const Token& token) {
    double ratio = 0.0;
    const char* end = token.value.data() + token.value.size();
    const auto [stop, error] = std::from_chars(token.value.data(), end, ratio);
    if (error != std::errc() || stop != end || !(ratio > 0.0 && ratio <= 1.0)) {
      refuse_value(token, "the squeeze-and-excite ratio is a number above 0 and at most 1");
    }
    block_.se_ratio = ratio;
  }

  void apply_number(const Token& token) {
    for (const KernelKey& key : kKernelKeys) {
      if (key.key == token.key && known(key.notations)) return apply_kernels(token, key);
    }
    for (const IntegerKey& key : kIntegerKeys) {
      if (key.key != token.key || !known(key.notations)) continue;
      remember(token, key.key);
      const std::optional<int64_t> value = whole_number(token.value, key.least, key.most);
      if (!value) {
        refuse_value(token, fmt::format("{} is a whole number from {} to {}", key.meaning, key.least, key.most));
      }
      key.set(block_, *value);
      return;
    }
    refuse_unknown(token);
  }

  void apply_kernels(const Token& token, const KernelKey& key) {
    remember(token, key.key);
    const bool list = known(key.lists);
    std::vector<int> kernels;
    for (const std::string& text :
         list ? split(token.value, '.') : std::vector<std::string>{std::string(token.value)}) {
      const std::optional<int64_t> kernel = whole_number(text, 1, kMostKernel);
      if (!kernel) {
        refuse_value(token, fmt::format("{} is a whole number from 1 to {}{}", key.meaning, kMostKernel,
                                        list ? ", or several with points between them" : ""));
      }
      kernels.push_back(static_cast<int>(*kernel));
    }
    block_.*key.kernels = std::move(kernels);
  }

  bool seen(std::string_view key) const {
    for (const std::string_view known : seen_) {
      if (known == key) return true;
    }
    return false;
  }

  void remember(const Token& token, std::string_view key) {
    if (seen(key)) {
      fail("block string {:?}: {:?} at position {} gives {} a second time", text_, token.text, token.position, key);
    }
    seen_.push_back(key);
  }

  [[noreturn]] void refuse_unknown(const Token& token) const {
    fail("block string {:?}: unknown token {:?} at position {}", text_, token.text, token.position);
  }
  [[noreturn]] void refuse_value(const Token& token, std::string_view expected) const {
    fail("block string {:?}: bad value in {:?} at position {}: {}", text_, token.text, token.position, expected);
  }
  [[noreturn]] void refuse_missing(std::string_view key, std::string_view meaning) const {
    fail("block string {:?}: it has no \"{}\" ({})", text_, key, meaning);
  }

  std::string_view text_;
  BlockNotation notation_;
  BlockSpec block_;
  std::vector<std::string_view> seen_;
};

// Python's repr of a float: the shortest digits that read back, with a point.
std::string print_ratio(double ratio) {
  std::string text = fmt::format("{}", ratio);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

}  // namespace

BlockSpec parse_block(std::string_view text, BlockNotation notation) { return Parser(text, notation).parse(); }

std::vector<BlockSpec> parse_blocks(std::span<const std::string_view> texts, BlockNotation notation) {
  std::vector<BlockSpec> blocks;
  for (const std::string_view text : texts) {
    blocks.push_back(parse_block(text, notation));
    blocks.back().stage = static_cast<int>(blocks.size()) - 1;
  }
  return blocks;
}

std::string print_block(const BlockSpec& block, BlockNotation notation) {
  const bool efficientnet = notation == BlockNotation::kEfficientNet;
  const bool mixnet = notation == BlockNotation::kMixNet;
  std::string text = fmt::format("r{}_k{}", block.repeats, fmt::join(block.kernels, "."));
  if (mixnet) {
    text += fmt::format("_a{}_p{}", fmt::join(block.expand_kernels, "."), fmt::join(block.project_kernels, "."));
  }
  text += fmt::format("_s{}{}_e{}_i{}_o{}", block.stride_h, block.stride_w, block.expansion, block.input_filters,
                      block.output_filters);
  if (efficientnet) {
    text += fmt::format("_c{}_f{}_d{}", block.type, block.fused ? 1 : 0, block.space_to_depth);
    if (block.activation) text += fmt::format("_a{}", *block.activation);
  }
  if (block.se_ratio) text += "_se" + print_ratio(*block.se_ratio);
  if (!block.skip) text += "_noskip";
  if (efficientnet && block.condconv) text += "_cc";
  if (mixnet && block.activation) text += "_sw";
  if (mixnet && block.dilated) text += "_dilated";
  return text;
}

}  // namespace netwright
