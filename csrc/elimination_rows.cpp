// Cross-products written row by row, and solutions with the selected inverse: for weights that change at every step.
#include <algorithm>

#include "elimination.hpp"
#include "lapack.hpp"

namespace ml {

Elimination::Spot Elimination::spot(int f, int i, int g, int j) const {
  const int u = position_[f][i], v = position_[g][j], lo = std::min(u, v), hi = std::max(u, v);
  if (lo >= n_sparse_) {
    const std::int64_t Q = Q_, at = core_column_[hi] + static_cast<std::int64_t>(core_column_[lo]) * Q;
    return lo == u ? Spot{at, Q_, 1, true} : Spot{at, 1, Q_, true};
  }
  const auto begin = list_.begin() + list_start_[lo], end = list_.begin() + list_start_[lo + 1];
  const auto entry = std::lower_bound(begin, end, hi);
  const std::int64_t at = noff_[lo] + list_column_[entry - list_.begin()];
  return lo == u ? Spot{at, width_[lo], 1, false} : Spot{at, 1, width_[lo], false};
}

Elimination::Values Elimination::clear_values() {
  for (auto* v : {&A0_, &C0_, &N0_, &core0_}) std::fill(v->begin(), v->end(), 0.0);
  return {A0_.data(), C0_.data(), N0_.data(), core0_.data()};
}

void Elimination::finish_values() {
  for (int v = n_sparse_; v < n_nodes(); ++v) {
    const int k = k_of(v), c = core_column_[v];
    for (int a = 0; a < k; ++a)
      for (int b = 0; b <= a; ++b) core0_[(c + a) + static_cast<std::size_t>(c + b) * Q_] = A0_[aoff_[v] + a * k + b];
  }
}

// Forward as in eliminate_node, then from the last node to the first: b_p = K (c_p - N b_R), K = U'U; the core's
// Lambda S^-1 Lambda' is at hand.
void Elimination::solve_selected(std::vector<double>& c) const {
  std::vector<double> t, x(Q_), y(Q_, 0.0);
  auto apply_K = [&](int p, double* vector) {
    const int k = k_of(p);
    const double* U = U_.data() + aoff_[p];
    t.assign(k, 0.0);
    for (int a = 0; a < k; ++a)
      for (int i = 0; i < k; ++i) t[a] += U[a * k + i] * vector[i];
    for (int i = 0; i < k; ++i) {
      vector[i] = 0.0;
      for (int a = 0; a < k; ++a) vector[i] += U[a * k + i] * t[a];
    }
  };
  std::vector<double> K;
  for (int p = 0; p < n_sparse_; ++p) {
    const int k = k_of(p), w = width_[p];
    if (w == 0 || zero_factor_[factor_[p]]) continue;
    K.assign(c.begin() + eoff_[p], c.begin() + eoff_[p] + k);
    apply_K(p, K.data());
    add_to_later(p, N_of(p), K.data(), 1, -1.0, c.data());
  }
  if (Q_ > 0) {
    const std::int64_t first = eoff_[n_sparse_];
    for (int i = 0; i < Q_; ++i) x[i] = c[first + i];
    lapack::symmetric_multiply(S_.data(), x.data(), y.data(), Q_, 1, 1.0, 0.0);
    for (int i = 0; i < Q_; ++i) c[first + i] = y[i];
  }
  for (int p = n_sparse_ - 1; p >= 0; --p) {
    double* cp = c.data() + eoff_[p];
    add_later(p, N_of(p), c.data(), 1, -1.0, cp);
    apply_K(p, cp);
  }
}

}  // namespace ml
