#include "formats/histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace netwright {
namespace {

std::vector<double> make_limits() {
  std::vector<double> positive;
  for (double limit = 1e-12; limit < 1e20; limit *= 1.1) positive.push_back(limit);
  positive.push_back(std::numeric_limits<double>::max());
  std::vector<double> limits;
  for (auto limit = positive.rbegin(); limit != positive.rend(); ++limit) limits.push_back(-*limit);
  limits.push_back(0.0);
  limits.insert(limits.end(), positive.begin(), positive.end());
  return limits;
}

const std::vector<double>& all_limits() {
  static const std::vector<double> limits = make_limits();
  return limits;
}

// A run of empty buckets becomes one with the run's last limit.
void add_buckets(const std::vector<int64_t>& counts, Histogram& histogram) {
  for (size_t i = 0; i < counts.size(); ++i) {
    const bool goes_on = counts[i] == 0 && i + 1 < counts.size() && counts[i + 1] == 0;
    if (goes_on) continue;
    histogram.limits.push_back(all_limits()[i]);
    histogram.buckets.push_back(static_cast<double>(counts[i]));
  }
}

}  // namespace

Histogram make_histogram(std::span<const float> values) {
  const std::vector<double>& limits = all_limits();
  std::vector<int64_t> counts(limits.size());
  Histogram histogram{.min = std::numeric_limits<double>::max(), .max = std::numeric_limits<double>::lowest()};
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    const double x = value;
    ++counts[static_cast<size_t>(std::upper_bound(limits.begin(), limits.end(), x) - limits.begin())];
    histogram.min = std::min(histogram.min, x);
    histogram.max = std::max(histogram.max, x);
    histogram.count += 1.0;
    histogram.sum += x;
    histogram.sum_of_squares += x * x;
  }
  if (histogram.count == 0.0) return {};
  add_buckets(counts, histogram);
  return histogram;
}

}  // namespace netwright
