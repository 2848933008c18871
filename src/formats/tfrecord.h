// TFRecord files: records one after the other, each with its length and two CRCs. Source: shared spec formats.md,
// section 1. Every Error names the file, the record's number (from 0) and its byte offset.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formats/byte_stream.h"

namespace netwright {

class OutputFile;
class ReadOnlyFile;

// Reads one file from beginning to end. Not thread-safe.
class RecordReader {
 public:
  // Throws Error when the file can't be opened. Without `check_crc` only the lengths' CRCs are checked.
  explicit RecordReader(const std::string& path, Compression compression = Compression::kNone, bool check_crc = true);
  ~RecordReader();
  RecordReader(const RecordReader&) = delete;
  RecordReader& operator=(const RecordReader&) = delete;

  // The next record, or false at the end of the file. Throws Error for a wrong CRC, a record cut short anywhere (a
  // header too, which TensorFlow takes for the end of the file), an impossible length and damaged compression; the
  // reader can't go on after that and throws the same again.
  bool next(std::string& record);

  // Of the record that next() returned last: offset of its first length byte in the inflated stream, and number.
  int64_t offset() const { return offset_; }
  int64_t record_index() const { return index_; }

 private:
  bool read_record(std::string& record);
  size_t read_bytes(char* target, size_t count);
  void read_payload(std::string& record, uint64_t length);
  [[noreturn]] void refuse(std::string_view what);

  std::string path_;
  bool check_crc_;
  std::unique_ptr<ByteStream> stream_;
  int64_t next_offset_ = 0;
  int64_t offset_ = -1;
  int64_t index_ = -1;
  std::string failure_;
};

// Where a record lies in an uncompressed file. Small, since an index of ImageNet has 1.3 million of them.
struct RecordLocation {
  int64_t offset = 0;   // of the first length byte
  uint32_t length = 0;  // of the payload, in bytes
  uint32_t number = 0;  // of the record in its file, from 0
  bool operator==(const RecordLocation&) const = default;
};

// The records of a file as far as they can be found, and what is wrong with the next one.
struct RecordIndex {
  std::vector<RecordLocation> records;
  std::string fault;  // as a RecordReader would say it; empty when all of the file is found
};

// Finds records by their lengths alone: payloads are skipped and not checked. Throws Error only when the file can't be
// read.
RecordIndex find_records(const std::string& path);

// All records of an uncompressed file, found by their lengths alone: payloads are skipped and not checked. Throws Error
// for a wrong CRC of a length, a file cut short and a record of 4 GiB or more.
std::vector<RecordLocation> index_records(const std::string& path);

// Random access to an uncompressed file. read_at() may be called by several threads at once.
class RecordFile {
 public:
  explicit RecordFile(const std::string& path);
  ~RecordFile();
  RecordFile(RecordFile&&) noexcept;
  RecordFile& operator=(RecordFile&&) noexcept;

  // Reads the payload at `location` and checks both CRCs and the length. Throws Error as RecordReader does.
  void read_at(const RecordLocation& location, std::string& record) const;

 private:
  std::unique_ptr<ReadOnlyFile> file_;
};

// Writes one file from its beginning; an existing one is replaced.
class RecordWriter {
 public:
  explicit RecordWriter(const std::string& path, Compression compression = Compression::kNone);
  // Without close() the file may lack its end.
  ~RecordWriter();
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  void write(std::string_view record);
  // Hands what was written so far to the operating system and syncs it. Only for uncompressed files.
  void flush();
  // Ends the file. Throws Error when the disk is full.
  void close();

 private:
  class Deflater;
  void append(std::string_view bytes);

  std::unique_ptr<OutputFile> file_;
  std::unique_ptr<Deflater> deflater_;
};

}  // namespace netwright
