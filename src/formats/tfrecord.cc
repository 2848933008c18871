#include "formats/tfrecord.h"

#include <sys/uio.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <new>

#include "core/error.h"
#include "formats/crc32c.h"
#include "formats/file_io.h"
#include "formats/little_endian.h"

namespace netwright {
namespace {

constexpr size_t kHeaderSize = 12;
constexpr size_t kFooterSize = 4;
constexpr uint64_t kOverhead = kHeaderSize + kFooterSize;
// Memory grows with what was really read, whatever a length says.
constexpr size_t kReadStep = 256 << 10;

bool crc_matches(std::string_view bytes, const char* stored) {
  return crc32c_mask(crc32c(bytes)) == load_little<uint32_t>(stored);
}

// Null when the header is right.
const char* header_fault(const char* header, int64_t offset) {
  if (crc_matches({header, 8}, header + 8)) return nullptr;
  return offset == 0
             ? "corrupted length (its CRC doesn't match); perhaps this isn't a TFRecord file, or it is compressed"
             : "corrupted length (its CRC doesn't match)";
}

constexpr const char* kPayloadFault = "corrupted payload (its CRC doesn't match)";

[[noreturn]] void refuse_record(const std::string& path, int64_t number, int64_t offset, std::string_view what) {
  fail("{}: record {} at byte {}: {}", path, number, offset, what);
}

std::string truncated_header(size_t found) {
  return fmt::format("truncated header: the file ends after {} of {} bytes", found, kHeaderSize);
}

std::string truncated_record(uint64_t length, uint64_t found) {
  return fmt::format("truncated record: {} bytes of payload and CRC expected, {} found", length + kFooterSize, found);
}

bool looks_compressed(const ReadOnlyFile& file) {
  std::array<char, 2> magic{};
  file.read_some(0, magic.data(), magic.size());
  const bool gzip = magic[0] == '\x1f' && magic[1] == '\x8b';
  const bool zlib = magic[0] == '\x78' && (magic[1] == '\x01' || magic[1] == '\x9c' || magic[1] == '\xda');
  return gzip || zlib;
}

}  // namespace

RecordReader::RecordReader(const std::string& path, Compression compression, bool check_crc)
    : path_(path), check_crc_(check_crc), stream_(open_byte_stream(path, compression)) {}

RecordReader::~RecordReader() = default;

bool RecordReader::next(std::string& record) {
  if (!failure_.empty()) throw Error(failure_);
  try {
    return read_record(record);
  } catch (const Error& error) {
    failure_ = error.what();
    throw;
  }
}

size_t RecordReader::read_bytes(char* target, size_t count) {
  try {
    return stream_->read(target, count);
  } catch (const Error& error) {
    fail("{} (in record {} at byte {})", error.what(), index_ + 1, next_offset_);
  }
}

void RecordReader::refuse(std::string_view what) { refuse_record(path_, index_ + 1, next_offset_, what); }

bool RecordReader::read_record(std::string& record) {
  std::array<char, kHeaderSize> header{};
  size_t got = 0;
  try {
    got = read_bytes(header.data(), header.size());
    if (got == 0) return false;
    if (got < header.size()) refuse(truncated_header(got));
    if (const char* fault = header_fault(header.data(), next_offset_)) refuse(fault);
    const auto length = load_little<uint64_t>(header.data());
    if (length > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) - kOverhead) {
      refuse(fmt::format("a length of {} bytes is impossible", length));
    }
    read_payload(record, length);
    offset_ = next_offset_;
    next_offset_ += static_cast<int64_t>(length + kOverhead);
    ++index_;
    return true;
  } catch (const std::bad_alloc&) {
    refuse("the record doesn't fit into memory");
  }
}

void RecordReader::read_payload(std::string& record, uint64_t length) {
  record.clear();
  while (record.size() < length) {
    const size_t begin = record.size();
    const size_t step = static_cast<size_t>(std::min<uint64_t>(length - begin, std::max(begin, kReadStep)));
    record.resize(begin + step);
    const size_t got = read_bytes(record.data() + begin, step);
    if (got < step) refuse(truncated_record(length, begin + got));
  }
  std::array<char, kFooterSize> footer{};
  const size_t got = read_bytes(footer.data(), footer.size());
  if (got < footer.size()) refuse(truncated_record(length, length + got));
  if (check_crc_ && !crc_matches(record, footer.data())) refuse(kPayloadFault);
}

RecordIndex find_records(const std::string& path) {
  const ReadOnlyFile file(path);
  RecordIndex index;
  uint64_t offset = 0;
  try {
    while (offset < file.size()) {
      const auto number = static_cast<int64_t>(index.records.size());
      const auto refuse = [&](std::string_view what) {
        refuse_record(path, number, static_cast<int64_t>(offset), what);
      };
      std::array<char, kHeaderSize> header{};
      const size_t got = file.read_some(offset, header.data(), header.size());
      if (got < header.size()) refuse(truncated_header(got));
      if (const char* fault = header_fault(header.data(), static_cast<int64_t>(offset))) refuse(fault);
      const auto length = load_little<uint64_t>(header.data());
      const uint64_t left = file.size() - offset - kHeaderSize;
      if (left < kFooterSize || length > left - kFooterSize) refuse(truncated_record(length, left));
      if (length > std::numeric_limits<uint32_t>::max()) refuse(fmt::format("{} bytes are too long a record", length));
      index.records.push_back(
          {static_cast<int64_t>(offset), static_cast<uint32_t>(length), static_cast<uint32_t>(number)});
      offset += length + kOverhead;
    }
  } catch (const Error& error) {
    index.fault = error.what();
    if (index.records.empty() && looks_compressed(file)) {
      index.fault = path + ": compressed; records are read at random, so decompress the file first";
    }
  }
  return index;
}

std::vector<RecordLocation> index_records(const std::string& path) {
  RecordIndex index = find_records(path);
  if (!index.fault.empty()) throw Error(index.fault);
  return std::move(index.records);
}

RecordFile::RecordFile(const std::string& path) : file_(std::make_unique<ReadOnlyFile>(path)) {}
RecordFile::~RecordFile() = default;
RecordFile::RecordFile(RecordFile&&) noexcept = default;
RecordFile& RecordFile::operator=(RecordFile&&) noexcept = default;

void RecordFile::read_at(const RecordLocation& location, std::string& record) const {
  const auto refuse = [&](std::string_view what) {
    refuse_record(file_->path(), location.number, location.offset, what);
  };
  std::array<char, kHeaderSize> header{};
  std::array<char, kFooterSize> footer{};
  record.resize(location.length);
  // One call of the system for what is usually there at once.
  std::array<iovec, 3> parts = {iovec{header.data(), header.size()}, iovec{record.data(), record.size()},
                                iovec{footer.data(), footer.size()}};
  const auto offset = static_cast<uint64_t>(location.offset);
  const ssize_t got = preadv(file_->descriptor(), parts.data(), parts.size(), static_cast<off_t>(offset));
  if (got != static_cast<ssize_t>(record.size() + kOverhead)) {
    const size_t present = file_->read_some(offset, header.data(), header.size());
    if (present < header.size()) refuse(truncated_header(present));
    const size_t payload = file_->read_some(offset + kHeaderSize, record.data(), record.size());
    const size_t end = file_->read_some(offset + kHeaderSize + record.size(), footer.data(), footer.size());
    if (payload + end < record.size() + footer.size()) refuse(truncated_record(record.size(), payload + end));
  }
  if (const char* fault = header_fault(header.data(), location.offset)) refuse(fault);
  const auto length = load_little<uint64_t>(header.data());
  if (length != record.size()) {
    refuse(fmt::format("the file has changed: {} bytes expected, {} found", record.size(), length));
  }
  if (!crc_matches(record, footer.data())) refuse(kPayloadFault);
}

// Compresses as TensorFlow's writer does: level 6, memory level 9, nothing flushed before the end.
class RecordWriter::Deflater {
 public:
  Deflater(OutputFile& file, Compression compression) : file_(file), buffer_(256 << 10, '\0') {
    const int window_bits = compression == Compression::kGzip ? 15 + 16 : 15;
    if (deflateInit2(&state_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_bits, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
      fail("{}: zlib can't start", file.path());
    }
  }
  ~Deflater() { deflateEnd(&state_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto part = static_cast<uInt>(std::min<size_t>(bytes.size(), 1U << 30));
      state_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
      state_.avail_in = part;
      drain(Z_NO_FLUSH);
      bytes.remove_prefix(part);
    }
  }
  void finish() { drain(Z_FINISH); }

 private:
  void drain(int flush) {
    do {
      state_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
      state_.avail_out = static_cast<uInt>(buffer_.size());
      deflate(&state_, flush);
      file_.write({buffer_.data(), buffer_.size() - state_.avail_out});
    } while (state_.avail_out == 0);
  }

  OutputFile& file_;
  std::string buffer_;
  z_stream state_{};
};

RecordWriter::RecordWriter(const std::string& path, Compression compression)
    : file_(std::make_unique<OutputFile>(path)) {
  if (compression != Compression::kNone) deflater_ = std::make_unique<Deflater>(*file_, compression);
}

RecordWriter::~RecordWriter() = default;

void RecordWriter::append(std::string_view bytes) {
  if (deflater_) {
    deflater_->write(bytes);
  } else {
    file_->write(bytes);
  }
}

void RecordWriter::write(std::string_view record) {
  std::string header;
  append_little<uint64_t>(header, record.size());
  append_little(header, crc32c_mask(crc32c(header)));
  std::string footer;
  append_little(footer, crc32c_mask(crc32c(record)));
  append(header);
  append(record);
  append(footer);
}

void RecordWriter::flush() {
  if (deflater_) fail("{}: a compressed file can't be flushed before its end", file_->path());
  file_->sync();
}

void RecordWriter::close() {
  if (deflater_) deflater_->finish();
  deflater_.reset();
  file_->close();
}

}  // namespace netwright
