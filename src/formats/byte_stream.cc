#include "formats/byte_stream.h"

#include <zlib.h>

#include <cstring>
#include <vector>

#include "core/error.h"
#include "formats/file_io.h"

namespace netwright {
namespace {

constexpr size_t kBufferSize = 256 << 10;

// Small reads from a buffer, large ones straight into place.
class PlainStream : public ByteStream {
 public:
  explicit PlainStream(const std::string& path) : file_(path), buffer_(kBufferSize) {}

  size_t read(char* target, size_t count) override {
    size_t done = 0;
    while (done < count) {
      if (begin_ == end_) {
        const size_t wanted = count - done;
        if (wanted >= buffer_.size()) {
          const size_t got = file_.read_some(position_, target + done, wanted);
          position_ += got;
          return done + got;
        }
        begin_ = 0;
        end_ = file_.read_some(position_, buffer_.data(), buffer_.size());
        position_ += end_;
        if (end_ == 0) return done;
      }
      const size_t part = std::min(count - done, end_ - begin_);
      std::memcpy(target + done, buffer_.data() + begin_, part);
      begin_ += part;
      done += part;
    }
    return done;
  }

 private:
  ReadOnlyFile file_;
  std::vector<char> buffer_;
  uint64_t position_ = 0;  // in the file, of the end of the buffer
  size_t begin_ = 0;
  size_t end_ = 0;
};

class InflatingStream : public ByteStream {
 public:
  InflatingStream(const std::string& path, Compression compression)
      : file_(path), input_(kBufferSize), gzip_(compression == Compression::kGzip) {
    if (inflateInit2(&state_, gzip_ ? 15 + 16 : 15) != Z_OK) fail("{}: zlib can't start", path);
  }
  ~InflatingStream() override { inflateEnd(&state_); }

  size_t read(char* target, size_t count) override {
    size_t done = 0;
    while (done < count && !at_end_) {
      const auto part = static_cast<uInt>(std::min<size_t>(count - done, 1U << 30));
      state_.next_out = reinterpret_cast<Bytef*>(target + done);
      state_.avail_out = part;
      inflate_some();
      done += part - state_.avail_out;
      inflated_ += part - state_.avail_out;
    }
    return done;
  }

 private:
  bool refill() {
    if (state_.avail_in > 0) return true;
    const size_t got = file_.read_some(position_, input_.data(), input_.size());
    position_ += got;
    state_.next_in = reinterpret_cast<Bytef*>(input_.data());
    state_.avail_in = static_cast<uInt>(got);
    return got > 0;
  }

  void inflate_some() {
    if (!refill()) {
      if (inside_) refuse("the compressed data are cut short");
      at_end_ = true;
      return;
    }
    inside_ = true;
    const int result = inflate(&state_, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      finish_member();
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      refuse(fmt::format("the compressed data are damaged ({})", state_.msg != nullptr ? state_.msg : "zlib error"));
    }
  }

  void finish_member() {
    inside_ = false;
    if (!gzip_) {
      if (refill()) refuse("there are bytes behind the compressed data");
      at_end_ = true;
    } else {
      inflateReset(&state_);
    }
  }

  [[noreturn]] void refuse(std::string_view what) {
    fail("{}: {}; {} bytes were inflated before", file_.path(), what, inflated_);
  }

  ReadOnlyFile file_;
  std::vector<char> input_;
  bool gzip_;
  z_stream state_{};
  uint64_t position_ = 0;
  uint64_t inflated_ = 0;
  bool inside_ = false;  // a gzip member or zlib stream has begun and not ended
  bool at_end_ = false;
};

}  // namespace

std::unique_ptr<ByteStream> open_byte_stream(const std::string& path, Compression compression) {
  if (compression == Compression::kNone) return std::make_unique<PlainStream>(path);
  return std::make_unique<InflatingStream>(path, compression);
}

}  // namespace netwright
