// Bytes of a file from beginning to end, inflated on the way when asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace netwright {

// What a whole file is wrapped in. Chosen by the caller; never detected.
enum class Compression { kNone, kGzip, kZlib };

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // Fills `target` with up to `count` bytes; fewer only at the end. Throws Error that names the file and, when the
  // compressed data are damaged or cut short, how far they could be inflated.
  virtual size_t read(char* target, size_t count) = 0;
};

// Throws Error when the file can't be opened. Concatenated gzip members read as one stream, as current TensorFlow does;
// in a zlib file, bytes behind the stream are an Error.
std::unique_ptr<ByteStream> open_byte_stream(const std::string& path, Compression compression);

}  // namespace netwright
