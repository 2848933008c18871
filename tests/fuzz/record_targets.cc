// TFRecord files, the Examples in them, and event files.
#include <array>

#include "formats/event_file.h"
#include "formats/example.h"
#include "formats/tfrecord.h"
#include "fuzz/mend.h"
#include "fuzz/target.h"

namespace netwright::fuzz {
namespace {

std::vector<std::string> read_all(const std::string& path, Compression compression) {
  std::vector<std::string> records;
  RecordReader reader(path, compression);
  for (std::string record; reader.next(record);) records.push_back(record);
  return records;
}

// From beginning to end and at random give the same.
void read_plain(std::string_view bytes) {
  const std::string path = in_file("records", bytes);
  attempt([&] { RecordReader(path, Compression::kNone, false); });
  attempt([&] {
    const std::vector<RecordLocation> locations = index_records(path);
    const RecordFile file(path);
    std::vector<std::string> records(locations.size());
    for (size_t i = 0; i < locations.size(); ++i) file.read_at(locations[i], records[i]);
    require(records == read_all(path, Compression::kNone), "records are the same in order and at random");
  });
  attempt([&] { read_all(path, Compression::kNone); });
}

void fuzz_tfrecord(std::string_view bytes) {
  read_plain(bytes);
  std::string mended(bytes);
  mend_records(mended);
  read_plain(mended);
}

void fuzz_tfrecord_gzip(std::string_view bytes) {
  attempt([&] { read_all(in_file("records.gz", bytes), Compression::kGzip); });
}

void fuzz_tfrecord_zlib(std::string_view bytes) {
  attempt([&] { read_all(in_file("records.z", bytes), Compression::kZlib); });
}

void read_feature(const Example& example, const std::string& key) {
  attempt([&] { example.bytes(key); });
  attempt([&] { example.int64(key); });
  attempt([&] { example.float32(key); });
  attempt([&] { example.bytes_list(key); });
  attempt([&] { example.int64_list(key); });
  attempt([&] { example.float_list(key); });
}

void fuzz_example(std::string_view bytes) {
  attempt([&] {
    const Example example = Example::parse(bytes);
    for (const std::string& key : example.keys()) read_feature(example, key);
    const std::string written = example.serialize();
    require(Example::parse(written).serialize() == written, "an Example that is written reads back the same");
  });
}

void fuzz_events(std::string_view bytes) {
  std::string mended(bytes);
  mend_records(mended);
  attempt([&] { read_events(in_file("events", mended)); });
}

constexpr std::array<Target, 5> kTargets = {{{"tfrecord", fuzz_tfrecord, 4096},
                                             {"tfrecord_gzip", fuzz_tfrecord_gzip, 4096},
                                             {"tfrecord_zlib", fuzz_tfrecord_zlib, 4096},
                                             {"example", fuzz_example, 4096},
                                             {"events", fuzz_events, 4096}}};

}  // namespace

std::span<const Target> record_targets() { return kTargets; }

}  // namespace netwright::fuzz
