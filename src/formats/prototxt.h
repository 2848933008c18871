// AutoShrink's text format of networks: blocks of a "[Kind]" line and "key=value" lines, with empty lines between them.
// Caffe-like by name only; no protobuf. Syntax alone: what the kinds mean is models/layer_network.h's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace netwright {

struct PrototxtField {
  std::string key;
  std::string value;  // as it is written, all that follows the =
  int line = 0;

  // The value as the original reads it: up to a second =, without quotes and spaces anywhere, which mean nothing.
  std::string cleaned() const;
};

struct PrototxtBlock {
  std::string kind;
  std::vector<PrototxtField> fields;
  int line = 0;  // of its header

  // The last of that key, which counts; null when there is none.
  const PrototxtField* find(std::string_view key) const;
};

// A line that the original reads otherwise than it looks.
struct PrototxtRemark {
  int line = 0;
  std::string text;
};

// Throws Error "NAME:LINE: ..." for a line that is neither a header, nor a field of a block, nor empty; and for a block
// that begins without an empty line before it. Lines may end in LF or CR LF. Adds a remark for each of: a key that a
// block has twice, a second = in a line, blanks behind a header, a last line without a newline.
std::vector<PrototxtBlock> parse_prototxt(std::string_view text, std::string_view name,
                                          std::vector<PrototxtRemark>* remarks = nullptr);

// The blocks as a file, with an empty line after each.
std::string to_prototxt(const std::vector<PrototxtBlock>& blocks);

}  // namespace netwright
