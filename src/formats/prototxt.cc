#include "formats/prototxt.h"

#include <algorithm>
#include <iterator>

#include "core/error.h"

namespace netwright {
namespace {

std::string without_quotes(std::string_view text) {
  std::string out;
  std::copy_if(text.begin(), text.end(), std::back_inserter(out),
               [](char c) { return c != '\'' && c != '"' && c != ' '; });
  return out;
}

// Names become those of variables, which TensorFlow has in ASCII only.
bool is_plain(char c) { return c == '\t' || (c >= ' ' && c <= '~'); }

// A line as a message shows it.
std::string shown(std::string_view line) {
  constexpr size_t kMost = 60;
  return fmt::format("{:?}", line.size() > kMost ? std::string(line.substr(0, kMost)) + "..." : std::string(line));
}

class Parser {
 public:
  Parser(std::string_view name, std::vector<PrototxtRemark>* remarks) : name_(name), remarks_(remarks) {}

  void add_line(std::string_view line) {
    ++number_;
    while (line.ends_with('\r')) line.remove_suffix(1);
    if (!std::all_of(line.begin(), line.end(), is_plain)) refuse(line, "expected plain text in ASCII");
    if (line.empty()) {
      in_block_ = false;
    } else if (line.front() == '[') {
      add_header(line);
    } else if (!in_block_) {
      refuse(line, "expected a header such as [Convolutional]");
    } else {
      add_field(line);
    }
  }

  template <typename... Args>
  void remark(fmt::format_string<Args...> format, Args&&... args) {
    if (remarks_ != nullptr) remarks_->push_back({number_, fmt::format(format, std::forward<Args>(args)...)});
  }

  std::vector<PrototxtBlock> take() { return std::move(blocks_); }

 private:
  [[noreturn]] void refuse(std::string_view line, std::string_view expected) const {
    fail("{}:{}: {}, {}", name_, number_, shown(line), expected);
  }

  void add_header(std::string_view line) {
    if (in_block_) refuse(line, "expected an empty line before the next block");
    const std::string_view header = line.substr(0, line.find_last_not_of(" \t") + 1);
    const bool sound = header.size() > 2 && header.find(']') == header.size() - 1;
    if (!sound) refuse(line, "expected a header such as [Convolutional]");
    if (header != line) remark("blanks behind {}, for which the original passes the block over", header);
    blocks_.push_back({std::string(header.substr(1, header.size() - 2)), {}, number_});
    in_block_ = true;
  }

  void add_field(std::string_view line) {
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) refuse(line, "expected key=value, or nothing at all where the block ends");
    PrototxtField field = {without_quotes(line.substr(0, equals)), std::string(line.substr(equals + 1)), number_};
    if (field.key.empty() || field.key.front() == '[') refuse(line, "expected a key before the =");
    if (field.value.find('=') != std::string::npos) {
      remark("{}: what follows the second = is passed over", shown(line));
    }
    PrototxtBlock& block = blocks_.back();
    if (const PrototxtField* known = block.find(field.key)) {
      remark("a second {} in this [{}], which counts; the first is in line {}", field.key, block.kind, known->line);
    }
    block.fields.push_back(std::move(field));
  }

  std::string_view name_;
  std::vector<PrototxtRemark>* remarks_;
  int number_ = 0;
  bool in_block_ = false;
  std::vector<PrototxtBlock> blocks_;
};

}  // namespace

std::string PrototxtField::cleaned() const {
  return without_quotes(std::string_view(value).substr(0, value.find('=')));
}

const PrototxtField* PrototxtBlock::find(std::string_view key) const {
  const auto found = std::find_if(fields.rbegin(), fields.rend(), [&](const auto& field) { return field.key == key; });
  return found == fields.rend() ? nullptr : &*found;
}

std::vector<PrototxtBlock> parse_prototxt(std::string_view text, std::string_view name,
                                          std::vector<PrototxtRemark>* remarks) {
  Parser parser(name, remarks);
  while (!text.empty()) {
    const size_t end = text.find('\n');
    parser.add_line(text.substr(0, end));
    if (end == std::string_view::npos) {
      parser.remark("the last line has no newline; the original loses its last character");
      break;
    }
    text.remove_prefix(end + 1);
  }
  return parser.take();
}

std::string to_prototxt(const std::vector<PrototxtBlock>& blocks) {
  std::string text;
  for (const PrototxtBlock& block : blocks) {
    text += fmt::format("[{}]\n", block.kind);
    for (const PrototxtField& field : block.fields) text += fmt::format("{}={}\n", field.key, field.value);
    text += '\n';
  }
  return text;
}

}  // namespace netwright
