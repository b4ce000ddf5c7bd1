// Sets of levels and rows that share nothing with other sets: the effects of different ones are independent.
#pragma once

#include <cstdint>
#include <vector>

#include "laplace_rows.hpp"

namespace ml {

// The connected parts of the graph whose edges are the rows, each joining its levels of all factors. One factor has a
// part for each level, nested factors one for each level of the outermost, crossed factors mostly one in all.
struct Components {
  int count = 0;
  std::vector<std::int32_t> of_row;                 // n
  std::vector<std::vector<std::int32_t>> of_level;  // by factor and level; levels without rows are parts of their own

  Components() = default;
  explicit Components(const std::vector<FactorRows>& factors);
};

}  // namespace ml
