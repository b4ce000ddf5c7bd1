// Sparse tables of small blocks: many right sides at once through the levels of two factors that share rows.
#pragma once

#include <cstdint>
#include <vector>

namespace ml {

// Row i holds the blocks value[e] (k_row x k_col), start[i] <= e < start[i + 1], at the columns index[e].
class BlockTable {
 public:
  BlockTable() = default;
  BlockTable(int k_row, int k_col, std::vector<std::int64_t> start, std::vector<std::int32_t> index,
             const double* value);
  // The same blocks with rows and columns exchanged, for a table of so many columns.
  BlockTable transposed(std::int64_t columns) const;

  // out (k_row x s for each of the rows lo .. hi - 1, out is that of row 0) += sign sum_e value[e] z[index[e]], with
  // z k_col x s for each column. Sums run over e in order: the same bits for any partition of the rows.
  void add(std::int64_t lo, std::int64_t hi, const double* z, int s, double sign, double* out) const;

  std::int64_t rows() const { return static_cast<std::int64_t>(start.size()) - 1; }
  void block(std::int64_t e, double* out) const;
  double scalar(std::int64_t e) const {
    return kind_ == Kind::ones ? 1.0 : kind_ == Kind::singles ? static_cast<double>(singles_[e]) : doubles_[e];
  }

  int k_row = 0, k_col = 0;
  std::vector<std::int64_t> start;
  std::vector<std::int32_t> index;

 private:
  // Counts take no memory if all are 1, half if all fit in single precision without loss.
  enum class Kind { ones, singles, doubles };

  Kind kind_ = Kind::ones;
  std::vector<float> singles_;
  std::vector<double> doubles_;
};

// Rows cut into parts of about the same work, independent of the number of threads; weight[i] is that of row i.
std::vector<std::int64_t> cut_rows(const std::vector<std::int64_t>& weight, std::int64_t each);

}  // namespace ml
