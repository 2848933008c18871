// Histograms with TensorFlow's buckets, as TensorBoard shows them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace netwright {

// Bucket i holds the values from limits[i - 1] (included) up to limits[i]. The limits are 0 and +-1e-12 * 1.1^n below
// 1e20 and at both ends the largest double (TensorFlow's histogram.cc); neighbouring buckets without a value are one.
struct Histogram {
  double min = 0.0;
  double max = 0.0;
  double count = 0.0;
  double sum = 0.0;
  double sum_of_squares = 0.0;
  std::vector<double> limits;
  std::vector<double> buckets;
};

// Of the finite values; all zero, without buckets, when there are none.
Histogram make_histogram(std::span<const float> values);

}  // namespace netwright
