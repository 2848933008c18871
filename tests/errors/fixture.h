// The damaged files that the rows of docs/errors.md name.
#pragma once

#include <string>

namespace netwright::test {

// Fills the folder, with a short run of a tiny network in FOLDER/run. To try a new kind of damage, add it here and a
// row to the page.
void make_damaged_files(const std::string& folder);

}  // namespace netwright::test
