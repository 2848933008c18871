// The values of flags as text: strict reading, and writing as one would give them.
#pragma once

#include <string>

#include "commands/flags.h"

namespace netwright {

// Sets the variable from `text`. Throws Error that says what was expected; the caller names the flag.
void set_flag_value(const FlagTarget& target, const std::string& text, const FlagText& declared);

// The variable's present value; "" for an optional one that is not set and for a parser.
std::string flag_value_text(const FlagTarget& target);

// Whether the value is the name of a file or folder.
bool names_path(const FlagText& declared);

// How help calls a value of this type: "N", "X", "TEXT".
std::string_view flag_value_name(const FlagTarget& target);

// Whether --flag and --noflag are forms of it.
bool is_bool_flag(const FlagTarget& target);

// "at least 1", "in [0, 1)"; "" for any.
std::string range_text(const Range& range);

}  // namespace netwright
