// Metropolis steps of group effects: proposals from the curvature of each level's own conditional density.
#include "metropolis.hpp"

#include <algorithm>
#include <cmath>

#include "small_dense.hpp"

namespace ml {

namespace {

RowVector<double> in_order(const RowVector<double>& values, const std::vector<std::int64_t>& row) {
  RowVector<double> out(values.empty() ? 0 : row.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = values[row[i]];
  return out;
}

// The conditional density of one level's whitened effects at a point, as a proposal needs it.
struct Local {
  std::vector<double> u, L, mean;  // K, K x K factor of the curvature, K
  double value = 0.0, log_det = 0.0;

  explicit Local(int K) : u(K), L(static_cast<std::size_t>(K) * K), mean(K) {}
};

// The work space of one factor's steps.
struct Workspace {
  const Response& response;
  const double *Z, *root, *aux, *rows_aux;
  int K;
  Proposal proposal;
  std::vector<double> d1, d2, A, AR, v;

  // Fills `at` from its u: log density but for a constant, mean and curvature of the proposal made there.
  bool evaluate(const double* eta, std::int64_t first, std::int64_t last, Local& at) {
    double value = two_derivatives(response, aux, rows_aux, eta, first, last, d1.data(), d2.data());
    for (int a = 0; a < K; ++a) value -= 0.5 * at.u[a] * at.u[a];
    at.value = value;
    if (!std::isfinite(value)) return false;
    sum_rows(first, last);
    multiply(A.data(), root, AR.data(), K, K, K);
    for (int a = 0; a < K; ++a) {
      double g = -at.u[a];
      for (int c = a; c < K; ++c) g += root[c * K + a] * v[c];
      at.mean[a] = g;
      for (int b = 0; b <= a; ++b) {
        double h = a == b ? 1.0 : 0.0;
        for (int c = a; c < K; ++c) h += root[c * K + a] * AR[c * K + b];
        at.L[a * K + b] = h;
      }
    }
    if (!cholesky(at.L.data(), K)) return false;
    solve_lower(at.L.data(), at.mean.data(), K, 1);
    solve_lower_transposed(at.L.data(), at.mean.data(), K, 1);
    at.log_det = 0.0;
    for (int a = 0; a < K; ++a) {
      at.mean[a] = at.u[a] + proposal.pull * at.mean[a];
      at.log_det += std::log(at.L[a * K + a]);
    }
    return true;
  }

  // A = sum of w z z' and v = sum of d1 z over the rows, w the curvature of a row where it is positive.
  void sum_rows(std::int64_t first, std::int64_t last) {
    std::fill(A.begin(), A.end(), 0.0);
    std::fill(v.begin(), v.end(), 0.0);
    for (std::int64_t i = first; i < last; ++i) {
      const double* z = Z + i * K;
      const double w = std::max(-d2[i], 0.0);
      for (int a = 0; a < K; ++a) {
        v[a] += d1[i] * z[a];
        for (int b = 0; b <= a; ++b) A[a * K + b] += w * z[a] * z[b];
      }
    }
    for (int a = 0; a < K; ++a)
      for (int b = 0; b < a; ++b) A[b * K + a] = A[a * K + b];
  }

  // Squared length of x - mean in the metric of the proposal at a point.
  double distance(const Local& at, const std::vector<double>& x) const {
    double sum = 0.0;
    for (int a = 0; a < K; ++a) {
      double s = 0.0;
      for (int c = a; c < K; ++c) s += at.L[c * K + a] * (x[c] - at.mean[c]);
      sum += s * s;
    }
    return sum / (proposal.spread * proposal.spread);
  }
};

}  // namespace

Metropolis::Metropolis(Response response, std::vector<FactorRows> factors)
    : response_(std::move(response)), factors_(std::move(factors)) {
  const std::int64_t n = response_.n();
  for (const FactorRows& factor : factors_) {
    Sorted s;
    s.start.assign(factor.m + 1, 0);
    for (std::int32_t level : factor.level) ++s.start[level + 1];
    for (int j = 0; j < factor.m; ++j) s.start[j + 1] += s.start[j];
    s.row.resize(n);
    std::vector<std::int64_t> next(s.start.begin(), s.start.end() - 1);
    for (std::int64_t i = 0; i < n; ++i) s.row[next[factor.level[i]]++] = i;
    s.response = response_;
    s.response.y = in_order(response_.y, s.row);
    s.response.trials = in_order(response_.trials, s.row);
    s.response.frequency = in_order(response_.frequency, s.row);
    s.Z.resize(factor.Z.size());
    for (std::int64_t i = 0; i < n; ++i)
      std::copy_n(factor.Z.begin() + s.row[i] * factor.K, factor.K, s.Z.begin() + i * factor.K);
    sorted_.push_back(std::move(s));
  }
}

void Metropolis::add_effects(const std::vector<const double*>& effects, double* eta) const {
  for (std::size_t f = 0; f < factors_.size(); ++f) {
    const FactorRows& factor = factors_[f];
    for (std::int64_t i = 0; i < n(); ++i) {
      const double* z = factor.Z.data() + i * factor.K;
      const double* b = effects[f] + static_cast<std::int64_t>(factor.level[i]) * factor.K;
      for (int a = 0; a < factor.K; ++a) eta[i] += z[a] * b[a];
    }
  }
}

StepCounts Metropolis::step(int f, const double* root, const double* aux, const double* rows_aux, const double* noise,
                            const double* log_uniform, const Proposal& proposal, double* b, double* eta) {
  const Sorted& rows = sorted_[f];
  const int K = factors_[f].K, m = factors_[f].m;
  std::vector<double> here(n()), there(n()), inflation(rows_aux ? n() : 0);
  for (std::int64_t i = 0; i < n(); ++i) here[i] = eta[rows.row[i]];
  if (rows_aux)
    for (std::int64_t i = 0; i < n(); ++i) inflation[i] = rows_aux[rows.row[i]];
  const std::size_t KK = static_cast<std::size_t>(K) * K;
  Workspace work{rows.response, rows.Z.data(), root, aux, rows_aux ? inflation.data() : nullptr, K, proposal,
                 std::vector<double>(n()), std::vector<double>(n()), std::vector<double>(KK), std::vector<double>(KK),
                 std::vector<double>(K)};
  Local now(K), then(K);
  std::vector<double> moved(K);
  StepCounts counts;
  for (int j = 0; j < m; ++j) {
    const std::int64_t first = rows.start[j], last = rows.start[j + 1];
    const double* xi = noise + static_cast<std::int64_t>(j) * K;
    double* own = b + static_cast<std::int64_t>(j) * K;
    std::copy_n(own, K, now.u.begin());
    solve_lower(root, now.u.data(), K, 1);
    if (!work.evaluate(here.data(), first, last, now)) {
      ++counts.impossible;
      continue;
    }
    std::copy_n(xi, K, then.u.begin());
    solve_lower_transposed(now.L.data(), then.u.data(), K, 1);
    double length = 0.0;
    for (int a = 0; a < K; ++a) {
      then.u[a] = now.mean[a] + proposal.spread * then.u[a];
      length += xi[a] * xi[a];
    }
    for (int a = 0; a < K; ++a) {
      double s = 0.0;
      for (int c = 0; c <= a; ++c) s += root[a * K + c] * then.u[c];
      moved[a] = s;
    }
    for (std::int64_t i = first; i < last; ++i) {
      double s = here[i];
      for (int a = 0; a < K; ++a) s += rows.Z[i * K + a] * (moved[a] - own[a]);
      there[i] = s;
    }
    if (!work.evaluate(there.data(), first, last, then)) {
      ++counts.impossible;
      continue;
    }
    const double forth = now.log_det - 0.5 * length, back = then.log_det - 0.5 * work.distance(then, now.u);
    const double ratio = then.value - now.value + back - forth;
    if (!(log_uniform[j] < ratio)) continue;
    ++counts.accepted;
    std::copy_n(moved.begin(), K, own);
    for (std::int64_t i = first; i < last; ++i) eta[rows.row[i]] = there[i];
  }
  return counts;
}

}  // namespace ml
