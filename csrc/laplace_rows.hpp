// Loops over the rows of a model's grouping factors: effects to rows, and sums of rows by level and by pairs of levels.
#pragma once

#include <cstdint>
#include <vector>

#include "elimination.hpp"
#include "row_vector.hpp"

namespace ml {

// One factor's rows: the level of each and its effect columns, row by row.
struct FactorRows {
  int m = 0, K = 0;
  RowVector<std::int32_t> level;  // n
  RowVector<double> Z;            // n x K
};

// All for rows first .. last - 1; arrays with a number per row are the whole ones, those by node are laid out as
// the elimination's. Every sum is made in the order of the rows.
class LaplaceRows {
 public:
  LaplaceRows(std::vector<FactorRows> factors, const Elimination& e);

  const std::vector<FactorRows>& factors() const { return factors_; }
  // out += Z b.
  void add_effects(const double* b, std::int64_t first, std::int64_t last, double* out) const;
  // Z'WZ with W = -d2, and C += Z'r if r is given.
  void add_products(const Elimination::Values& to, const double* d2, const double* r, std::int64_t first,
                    std::int64_t last) const;
  // by_node += Z'r.
  void add_sums(const double* r, std::int64_t first, std::int64_t last, double* by_node) const;
  // C (effects x p) += Z'V for V of one column after another, `stride` apart, its row `first` at its start.
  void add_columns(const double* V, std::int64_t stride, int p, std::int64_t first, std::int64_t last, double* C) const;
  // s += z'Cov z, from the covariances of levels and of pairs of levels.
  void add_variances(const double* cov, const double* pairs, const double* core, std::int64_t first, std::int64_t last,
                     double* s) const;

 private:
  void place(const Elimination& e);

  std::vector<FactorRows> factors_;
  std::vector<char> ones_;                                            // factors whose one column is all ones
  std::vector<RowVector<std::int32_t>> at_effect_;                    // by factor and row: place of its level's effects
  std::vector<RowVector<std::int64_t>> at_block_;                     // and of its block
  std::vector<std::vector<RowVector<Elimination::Spot>>> at_pair_;    // by f, g > f, row; or, both having one effect,
  std::vector<std::vector<RowVector<std::int64_t>>> at_single_;       // the place alone, its complement in the core
};

}  // namespace ml
