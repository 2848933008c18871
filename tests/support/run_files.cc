#include "support/run_files.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/text.h"

namespace netwright::test {

std::vector<std::string> metrics_of(const std::string& folder) {
  std::vector<std::string> lines;
  for (const std::string& line : split(read_file(folder + "/metrics.jsonl"), '\n')) {
    if (line.empty()) continue;
    nlohmann::ordered_json json = nlohmann::ordered_json::parse(line);
    for (const char* key : {"seconds", "examples/sec", "waiting_for_data"}) json.erase(key);
    lines.push_back(json.dump());
  }
  return lines;
}

void expect_same_run(const std::string& a, const std::string& b, int64_t step) {
  for (const char* part : {"index", "data-00000-of-00001"}) {
    const std::string file = fmt::format("/model.ckpt-{}.{}", step, part);
    EXPECT_TRUE(read_file(a + file) == read_file(b + file)) << file;
  }
  EXPECT_EQ(metrics_of(a), metrics_of(b));
}

}  // namespace netwright::test
