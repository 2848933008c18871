// Records that can't be used: unreadable, damaged, no image.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace netwright {

struct BadRecord {
  int64_t index = 0;   // in the source
  std::string reason;  // with the file, the record and its byte offset: "DIR/train-00000-of-00002, record 17 at ..."

  bool operator==(const BadRecord&) const = default;
};
using BadRecordList = std::vector<BadRecord>;

// Adds to `known` what was `met`, each record once, and warns of the first ones. Throws Error, which names the record,
// when there are more than `limit` (--max_bad_records).
void count_bad_records(BadRecordList& known, const BadRecordList& met, int64_t limit);

// Lists them at the end of the work, a line of the log each; nothing when there are none. `what` was done with them:
// "left out".
void report_bad_records(const BadRecordList& known, std::string_view what);

}  // namespace netwright
