// Checksums put right in damaged files, so that a fuzzer gets past them to the parsers behind.
#pragma once

#include <string>

namespace netwright::fuzz {

// CRCs of the lengths and payloads of a TFRecord file, as far as its lengths lead.
void mend_records(std::string& bytes);

// CRCs of the blocks of a LevelDB table that its footer and index reach.
void mend_table(std::string& bytes);

// CRCs of the chunks of a PNG.
void mend_png(std::string& bytes);

// CRCs of the members of a zip, which are stored as they are, in its directory and before each of them.
void mend_zip(std::string& bytes);

// Sums of the headers of a tar archive, wherever a block looks like one.
void mend_tar(std::string& bytes);

}  // namespace netwright::fuzz
