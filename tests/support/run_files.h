// What a run leaves in its folder, to be compared.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace netwright::test {

// The lines of metrics.jsonl without what the clock decides.
std::vector<std::string> metrics_of(const std::string& folder);

// The checkpoints of a step, and the metrics, are the same to the bit.
void expect_same_run(const std::string& a, const std::string& b, int64_t step);

}  // namespace netwright::test
