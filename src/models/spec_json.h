// The text form of specifications: TuNAS's model_spec.json.
//
// Every value is JSON's own but containers, which are arrays that begin with their kind: ["list", ...], ["tuple", ...],
// ["dict", [key, value], ...], ["namedtuple:NAME", [field, value], ...], ["oneof", ["choices", LIST], ["tag", TEXT]].
// Files have two spaces of indentation a level, an element a line, and no newline at the end.
#pragma once

#include <string>
#include <string_view>

#include "models/spec.h"

namespace netwright {

// What the original writes, byte for byte.
std::string spec_to_json(const Spec& spec);

// Throws Error that names `source`, the place in the tree and what was expected there.
Spec spec_from_json(std::string_view text, std::string_view source);

// Whether a file's text may be a specification: JSON whose first value is such a kind.
bool looks_like_spec(std::string_view text);

}  // namespace netwright
