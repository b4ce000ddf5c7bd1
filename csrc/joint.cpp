// The joint density: effects from the coarsest factor to the finest, rows, and the same way back.
#include "joint.hpp"

#include <utility>

#include "joint_level.hpp"
#include "joint_scalar.hpp"

namespace ml {

struct Joint::Work {
  std::vector<double> eta, away, rows_aux;  // n: predictor, its distance from the mode, that of zero inflation
  std::vector<std::vector<double>> g, x, v, R, b, M;
  std::vector<double> by_b, by_g, scratch;
  RowDerivatives rows;

  // The levels of a factor of one effect, whose numbers begin at `z`.
  joint::Levels levels(const JointFactor& factor, std::size_t f, const double* z) {
    M[f].resize(factor.m);
    return {factor.m,    factor.W.data(), z,           g[f].data(), M[f].data(),
            R[f].data(), x[f].data(),     v[f].data(), b[f].data()};
  }
};

Joint::Joint(Response response, std::vector<double> offset, std::vector<double> X, int p, std::vector<double> inflation,
             int q, std::vector<double> beta_mode, std::vector<JointFactor> factors)
    : response_(std::move(response)),
      offset_(std::move(offset)),
      X_(std::move(X)),
      inflation_(std::move(inflation)),
      beta_mode_(std::move(beta_mode)),
      p_(p),
      q_(q),
      factors_(std::move(factors)) {
  for (const JointFactor& f : factors_) n_z_ += static_cast<std::int64_t>(f.m) * f.K;
}

double Joint::forward(const JointPoint& at, Work& w) const {
  const std::int64_t rows = n();
  w.eta = offset_;
  w.away.assign(rows, 0.0);
  for (int j = 0; j < p_; ++j) {
    const double *x = X_.data() + j * rows, beta = at.beta[j], away = at.beta[j] - beta_mode_[j];
    for (std::int64_t i = 0; i < rows; ++i) {
      w.eta[i] += x[i] * beta;
      w.away[i] += x[i] * away;
    }
  }
  if (q_ > 0) w.rows_aux.assign(rows, 0.0);
  for (int j = 0; j < q_; ++j)
    for (std::int64_t i = 0; i < rows; ++i) w.rows_aux[i] += inflation_[j * rows + i] * at.inflation[j];
  const std::size_t F = factors_.size();
  for (auto* all : {&w.g, &w.x, &w.v, &w.R, &w.b, &w.M}) all->resize(F);
  double sum = 0.0;
  std::int64_t first = n_z_;
  for (std::size_t f = F; f-- > 0;) {
    const JointFactor& factor = factors_[f];
    const int K = factor.K, m = factor.m;
    first -= static_cast<std::int64_t>(m) * K;
    std::vector<double>& g = w.g[f] = factor.pull;
    for (auto* some : {&w.x[f], &w.v[f], &w.b[f]}) some->resize(static_cast<std::size_t>(m) * K);
    w.R[f].resize(static_cast<std::size_t>(m) * K * K);
    if (K == 1) {
      for (std::int64_t i = 0; i < rows; ++i) g[factor.level[i]] -= factor.weight[i] * w.away[i] * factor.Z[i];
      sum += joint::to_scalar_effects(at.lambda[f][0], w.levels(factor, f, at.z + first));
      const double *b = w.b[f].data(), *mode = factor.mode.data();
      for (std::int64_t i = 0; i < rows; ++i) {
        const std::int32_t l = factor.level[i];
        w.eta[i] += factor.Z[i] * b[l];
        w.away[i] += factor.Z[i] * (b[l] - mode[l]);
      }
      continue;
    }
    for (std::int64_t i = 0; i < rows; ++i) {
      const double push = factor.weight[i] * w.away[i];
      for (int a = 0; a < K; ++a) g[factor.level[i] * K + a] -= push * factor.Z[i * K + a];
    }
    w.scratch.resize(K * K);
    double* scratch = w.scratch.data();
    for (int l = 0; l < m; ++l) {
      const joint::Level level{g.data() + l * K, w.x[f].data() + l * K, w.v[f].data() + l * K, w.R[f].data() + l * K * K};
      sum += joint::to_effects(K, at.lambda[f], factor.W.data() + l * K * K, at.z + first + l * K, scratch, level,
                               w.b[f].data() + l * K);
    }
    for (std::int64_t i = 0; i < rows; ++i) {
      const double *z = factor.Z.data() + i * K, *b = w.b[f].data() + factor.level[i] * K;
      const double* mode = factor.mode.data() + factor.level[i] * K;
      for (int a = 0; a < K; ++a) {
        w.eta[i] += z[a] * b[a];
        w.away[i] += z[a] * (b[a] - mode[a]);
      }
    }
  }
  return sum;
}

void Joint::backward(const JointPoint& at, Work& w, JointGradient& out) const {
  const std::int64_t rows = n();
  std::vector<double>& slope = w.away;  // by eta, then by what moves eta and the distance from the mode
  slope.assign(w.rows.d1.begin(), w.rows.d1.end());
  out.z.resize(n_z_);
  out.lambda.resize(factors_.size());
  std::int64_t first = 0;
  for (std::size_t f = 0; f < factors_.size(); ++f) {
    const JointFactor& factor = factors_[f];
    const int K = factor.K, m = factor.m;
    std::vector<double>&by_b = w.by_b, &by_g = w.by_g;
    by_b.assign(static_cast<std::size_t>(m) * K, 0.0);
    by_g.resize(static_cast<std::size_t>(m) * K);
    if (K == 1) {
      for (std::int64_t i = 0; i < rows; ++i) by_b[factor.level[i]] += slope[i] * factor.Z[i];
      const joint::Levels levels = w.levels(factor, f, at.z + first);
      double* by_z = out.z.data() + first;
      out.lambda[f].assign(1, joint::from_scalar_effects(at.lambda[f][0], levels, by_b.data(), by_z, by_g.data()));
      for (std::int64_t i = 0; i < rows; ++i) slope[i] -= factor.weight[i] * factor.Z[i] * by_g[factor.level[i]];
      first += m;
      continue;
    }
    w.scratch.resize(K + 3 * K * K);
    double* scratch = w.scratch.data();
    for (std::int64_t i = 0; i < rows; ++i)
      for (int a = 0; a < K; ++a) by_b[factor.level[i] * K + a] += slope[i] * factor.Z[i * K + a];
    out.lambda[f].assign(K * K, 0.0);
    for (int l = 0; l < m; ++l) {
      const joint::Level level{w.g[f].data() + l * K, w.x[f].data() + l * K, w.v[f].data() + l * K,
                               w.R[f].data() + l * K * K};
      joint::from_effects(K, at.lambda[f], factor.W.data() + l * K * K, level, by_b.data() + l * K, scratch,
                          out.z.data() + first + l * K, by_g.data() + l * K, out.lambda[f].data());
    }
    for (std::int64_t i = 0; i < rows; ++i) {
      double s = 0.0;
      for (int a = 0; a < K; ++a) s += factor.Z[i * K + a] * by_g[factor.level[i] * K + a];
      slope[i] -= factor.weight[i] * s;
    }
    first += static_cast<std::int64_t>(m) * K;
  }
  out.beta.resize(p_);
  for (int j = 0; j < p_; ++j) {
    const double* x = X_.data() + j * rows;
    out.beta[j] = joint::sum_of(rows, [&](std::int64_t i) { return x[i] * slope[i]; });
  }
}

double Joint::evaluate(const JointPoint& at, JointGradient& out) const {
  thread_local Work w;
  double sum = forward(at, w);
  const int n_aux = response_.n_aux();
  w.rows.resize(n(), n_aux);
  derivatives_by_row(response_, at.aux, q_ > 0 ? w.rows_aux.data() : nullptr, w.eta.data(), 0, n(), w.rows);
  sum += joint::sum_of(n(), [&](std::int64_t i) { return w.rows.l[i]; });
  out.aux.assign(response_.n_global, 0.0);
  for (int j = 0; j < n_aux; ++j)
    for (std::int64_t i = 0; i < n(); ++i) {
      if (response_.ordinal()) {
        const int threshold = static_cast<int>(response_.y[i]) - 2 + j;
        if (threshold >= 0 && threshold < response_.n_global) out.aux[threshold] += w.rows.by_aux[j][i];
      } else if (j < response_.n_global) {
        out.aux[j] += w.rows.by_aux[j][i];
      }
    }
  out.inflation.assign(q_, 0.0);
  for (int j = 0; j < q_; ++j)
    for (std::int64_t i = 0; i < n(); ++i)
      out.inflation[j] += inflation_[j * n() + i] * w.rows.by_aux[response_.n_global][i];
  backward(at, w, out);
  return sum;
}

std::vector<std::vector<double>> Joint::effects(const JointPoint& at) const {
  Work w;
  forward(at, w);
  return std::move(w.b);
}

}  // namespace ml
