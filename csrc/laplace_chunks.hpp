// Rows in pieces that stay in the nearest cache, and sums over them.
#pragma once

#include <algorithm>

#include "laplace.hpp"

namespace ml {

constexpr std::int64_t rows_at_once = 1024;

// Calls work(first, last) for one piece after another.
template <class Work>
void Laplace::by_chunk(const Work& work) const {
  for (std::int64_t first = 0; first < n(); first += rows_at_once) work(first, std::min(n(), first + rows_at_once));
}

// Sum of products in four parts, an order that compilers need not change to use vector instructions.
inline double dot(const double* x, const double* y, std::int64_t size) {
  double part[4] = {0.0, 0.0, 0.0, 0.0};
  std::int64_t i = 0;
  for (; i + 4 <= size; i += 4)
    for (int j = 0; j < 4; ++j) part[j] += x[i + j] * y[i + j];
  for (; i < size; ++i) part[0] += x[i] * y[i];
  return (part[0] + part[1]) + (part[2] + part[3]);
}

}  // namespace ml
