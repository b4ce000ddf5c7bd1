// Cross-products of a design: all that the criterion depends on.
#pragma once

#include <cstdint>
#include <vector>

namespace ml {

// Cross-products of the rows of two factors f < g: for level i of f the levels of g that meet it, with K_f x K_g blocks.
struct PairTable {
  int f = 0, g = 0;
  std::vector<std::int64_t> start;  // m_f + 1
  std::vector<std::int32_t> index;  // levels of g
  std::vector<double> value;        // K_f x K_g each
};

struct Moments {
  int p = 0;                           // columns of X
  std::vector<int> effects, levels;    // by factor
  std::vector<std::vector<double>> A;  // by factor: m x K x K
  std::vector<std::vector<double>> C;  // by factor: m x K x (p+1), the response last
  std::vector<double> D;               // (p+1) x (p+1)
  std::vector<PairTable> pairs;
};

}  // namespace ml
