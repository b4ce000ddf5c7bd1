// Rows -> cross-products: one pass, columns shifted and scaled on the way.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ml {

// A column (x - centre) * factor, times the root of the row's weight.
struct ColumnRef {
  const double* data;
  double centre, factor;
};

struct FactorRef {
  const std::int32_t* index;
  int m;
  std::vector<ColumnRef> z;
};

struct CrossProducts {
  std::vector<std::vector<double>> A, C;  // by factor: m x K x K, m x K x r
  std::vector<double> D;                  // r x r
};

// xy: the columns of X, then the response; root: square roots of the row weights or null.
CrossProducts cross_products(std::int64_t n, const std::vector<FactorRef>& factors, const std::vector<ColumnRef>& xy,
                             const double* root, int threads);

// Z_f'Z_g by pairs of levels that share a row: start (m_f + 1), index (levels of g, ascending), value (K_f x K_g each).
void pair_table(std::int64_t n, const FactorRef& f, const FactorRef& g, const double* root, std::vector<std::int64_t>& start,
                std::vector<std::int32_t>& index, std::vector<double>& value);

// Z'y of one factor (m x K) and [X y]'y for a new response; the same arithmetic as cross_products.
void response_products(std::int64_t n, const std::vector<FactorRef>& factors, const std::vector<ColumnRef>& xy,
                       const double* root, std::vector<std::vector<double>>& c, std::vector<double>& d);

// Mean and root mean square deviation of each column, from evenly spread blocks of rows if there are many.
// A column gets deviation 0 only if all of it is constant (to rounding).
void column_moments(std::int64_t n, const std::vector<const double*>& columns, double* mean, double* deviation);

}  // namespace ml
