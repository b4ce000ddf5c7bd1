// How far the scaled Schur complement is from the identity, exactly: a sparse product, row by row (Gustavson 1978).
#include <algorithm>
#include <cmath>

#include "schur.hpp"
#include "threads.hpp"

namespace ml {

namespace {

// One row of the sparse product: values by column, and which columns have any.
struct SparseRow {
  std::vector<double> value;
  std::vector<char> there;
  std::vector<std::int64_t> columns;

  explicit SparseRow(std::int64_t size) : value(size, 0.0), there(size, 0) {}
  void add(std::int64_t column, double v) {
    if (!there[column]) {
      there[column] = 1;
      columns.push_back(column);
    }
    value[column] += v;
  }
  void clear() {
    for (std::int64_t c : columns) {
      value[c] = 0.0;
      there[c] = 0;
    }
    columns.clear();
  }
};

}  // namespace

double SchurSystem::squared_couplings(double most_work) const {
  if (chain_.depth() != 1 || *std::max_element(effects_.begin(), effects_.end()) > 1) return -1.0;
  double work = 0.0;
  for (std::int64_t i = 0; i < chain_.members()[0].m; ++i) {
    double met = 0.0;
    for (const BlockTable& t : down_[0]) met += static_cast<double>(t.start[i + 1] - t.start[i]);
    work += met * met;
  }
  if (work > most_work) return -1.0;
  const double root = chain_.lambda(0)[0];
  std::vector<double> partial(core_parts_.size(), 0.0);
  const int workers = threads_for(1);
  std::vector<SparseRow> rows(workers, SparseRow(core_));
  on_threads(static_cast<std::int64_t>(core_parts_.size()), workers, [&](std::int64_t part, int worker) {
    const auto [b, p] = core_parts_[part];
    const CoreFactor& here = core_list_[b];
    SparseRow& row = rows[worker];
    for (std::int64_t l = here.limits[p]; l < here.limits[p + 1]; ++l) {
      const BlockTable& up = up_[b][0];
      for (std::int64_t e = up.start[l]; e < up.start[l + 1]; ++e) {
        const std::int32_t i = up.index[e];
        const double g = root / *chain_.factor_of(0, i), v = g * g * up.scalar(e);
        for (std::size_t c = 0; c < core_list_.size(); ++c) {
          const BlockTable& down = down_[0][c];
          for (std::int64_t d = down.start[i]; d < down.start[i + 1]; ++d)
            row.add(core_list_[c].at + down.index[d], -v * down.scalar(d) * lambda_[core_list_[c].factor][0]);
        }
      }
      for (std::size_t c = 0; c < core_list_.size(); ++c) {
        if (c == static_cast<std::size_t>(b)) continue;
        const BlockTable& across = across_[b][c];
        for (std::int64_t e = across.start[l]; e < across.start[l + 1]; ++e)
          row.add(core_list_[c].at + across.index[e], across.scalar(e) * lambda_[core_list_[c].factor][0]);
      }
      const double own = lambda_[here.factor][0] / P_[here.at + l];
      std::sort(row.columns.begin(), row.columns.end());
      for (std::int64_t c : row.columns)
        if (c != here.at + l) partial[part] += std::pow(own * row.value[c] / P_[c], 2);
      row.clear();
    }
  });
  double sum = 0.0;
  for (double v : partial) sum += v;
  return sum;
}

}  // namespace ml
