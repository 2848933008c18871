#include "data/bad_records.h"

#include <algorithm>

#include "core/error.h"
#include "core/log.h"

namespace netwright {
namespace {

constexpr size_t kWarned = 10;

}  // namespace

void count_bad_records(BadRecordList& known, const BadRecordList& met, int64_t limit) {
  for (const BadRecord& bad : met) {
    if (std::ranges::find(known, bad.index, &BadRecord::index) != known.end()) continue;
    if (static_cast<int64_t>(known.size()) >= limit) {
      fail("{} (bad record {}; --max_bad_records={} allows no more)", bad.reason, known.size() + 1, limit);
    }
    known.push_back(bad);
    if (known.size() <= kWarned) log_warning("bad record: {}", bad.reason);
    if (known.size() == kWarned) log_warning("further bad records are listed at the end");
  }
}

void report_bad_records(const BadRecordList& known, std::string_view what) {
  if (known.empty()) return;
  log_warning("{} bad record{} {}:", known.size(), known.size() == 1 ? " was" : "s were", what);
  for (const BadRecord& bad : known) log_warning("  {}", bad.reason);
}

}  // namespace netwright
