// Start values: T_0 = Cov(b_hat_j) - s^2 mean(A_j^-1), made positive definite (ALGORITHMS section 1.3).
#include "start.hpp"

#include <algorithm>
#include <cmath>

namespace ml {

namespace {

using Vec = std::vector<double>;

struct Guess {
  Vec T;          // k x k, absolute
  double within;  // residual variance inside the groups
};

// The least-squares estimates of a block's groups, one at a time.
class Groups {
 public:
  Groups(const Moments& m, const Block& b, const Vec& beta)
      : k(b.size), estimate(b.size), score(b.size), inverse(b.size * b.size), mo(m), block(b), beta_(beta), L(inverse) {}

  // A_j^-1 and A_j^-1 c_j of group j, c_j the cross-products with the least-squares residuals; false if A_j is
  // not well conditioned.
  bool load(int j) {
    const int K = mo.effects[block.factor], r = mo.p + 1;
    const double* A = mo.A[block.factor].data() + static_cast<std::size_t>(j) * K * K;
    const double* C = mo.C[block.factor].data() + static_cast<std::size_t>(j) * K * r;
    for (int x = 0; x < k; ++x) {
      const double* row = C + static_cast<std::size_t>(block.start + x) * r;
      score[x] = row[r - 1];
      for (int i = 0; i < mo.p; ++i) score[x] -= row[i] * beta_[i];
      for (int y = 0; y < k; ++y) L[x * k + y] = A[(block.start + x) * K + block.start + y];
    }
    const Vec before = L;
    if (!cholesky(L.data(), k)) return false;
    for (int x = 0; x < k; ++x)
      if (L[x * k + x] * L[x * k + x] < 1e-4 * before[x * k + x]) return false;
    std::fill(inverse.begin(), inverse.end(), 0.0);
    for (int x = 0; x < k; ++x) inverse[x * k + x] = 1.0;
    solve_lower(L.data(), inverse.data(), k, k);
    solve_lower_transposed(L.data(), inverse.data(), k, k);
    multiply(inverse.data(), score.data(), estimate.data(), k, k, 1);
    return true;
  }

  double trace() const {
    double t = 0.0;
    for (int x = 0; x < k; ++x) t += inverse[x * k + x];
    return t;
  }

  const int k;
  Vec estimate, score, inverse;

 private:
  const Moments& mo;
  const Block& block;
  const Vec& beta_;
  Vec L;
};

// Median trace of A_j^-1 over a systematic sample of the groups, 0 if there are none.
double middle_trace(Groups& groups, int m) {
  Vec traces;
  for (int j = 0; j < m; j += std::max(1, m / 2000))
    if (groups.load(j)) traces.push_back(groups.trace());
  if (traces.empty()) return 0.0;
  const auto middle = traces.begin() + static_cast<std::ptrdiff_t>(traces.size() / 2);
  std::nth_element(traces.begin(), middle, traces.end());
  return *middle;
}

// Signal equal to noise: where too few groups stand alone.
Guess even_guess(const Moments& mo, const Block& b, double variance) {
  const int K = mo.effects[b.factor], k = b.size, m = mo.levels[b.factor];
  Guess out{Vec(k * k, 0.0), variance};
  for (int x = 0; x < k; ++x) {
    double a = 0.0;
    for (int j = 0; j < m; ++j) a += mo.A[b.factor][static_cast<std::size_t>(j) * K * K + (b.start + x) * (K + 1)] / m;
    out.T[x * k + x] = variance / std::max(a, 1e-10);
  }
  return out;
}

// total - noise, its eigenvalues in units of the noise raised to a tenth at least; empty if noise is not definite.
Vec positive_difference(const Vec& total, const Vec& noise, int k) {
  Vec F = noise, M(k * k), Mt(k * k), V, w;
  for (int e = 0; e < k * k; ++e) M[e] = total[e] - noise[e];
  if (!cholesky(F.data(), k)) return {};
  solve_lower(F.data(), M.data(), k, k);
  for (int x = 0; x < k; ++x)
    for (int y = 0; y < k; ++y) Mt[x * k + y] = M[y * k + x];
  solve_lower(F.data(), Mt.data(), k, k);
  symmetric_eigen(Mt, k, w, V);
  Vec X(k * k, 0.0), T(k * k, 0.0);  // X = F V
  for (int x = 0; x < k; ++x)
    for (int y = 0; y < k; ++y)
      for (int z = 0; z <= x; ++z) X[x * k + y] += F[x * k + z] * V[z * k + y];
  for (int x = 0; x < k; ++x)
    for (int y = 0; y < k; ++y)
      for (int z = 0; z < k; ++z) T[x * k + y] += std::max(w[z], 0.1) * X[x * k + z] * X[y * k + z];
  return T;
}

// Weighted over the groups with a well-conditioned A; precise groups count more.
Guess from_groups(const Moments& mo, const Block& b, const Vec& beta, double n, double yy) {
  const int k = b.size, m = mo.levels[b.factor];
  Groups groups(mo, b, beta);
  const double middle = middle_trace(groups, m);
  Vec total(k * k, 0.0), noise(k * k, 0.0);
  double rss = yy, used = 0.0, weight = 0.0, size = 0.0;
  for (int j = 0; j < m; ++j) {
    if (!groups.load(j)) continue;
    const double w = middle / (groups.trace() + middle);
    for (int x = 0; x < k; ++x) {
      rss -= groups.estimate[x] * groups.score[x];
      for (int y = 0; y < k; ++y) {
        total[x * k + y] += w * groups.estimate[x] * groups.estimate[y];
        noise[x * k + y] += w * groups.inverse[x * k + y];
      }
    }
    used += k;
    weight += w;
    size += 1.0;
  }
  if (size < std::max(2.0, 0.1 * m)) return even_guess(mo, b, yy / n);
  const double within = n - used > 0.5 ? std::max(rss, 1e-13 * yy) / (n - used) : yy / n;
  for (double& x : total) x /= weight;
  for (double& x : noise) x *= within / weight;
  Vec T = positive_difference(total, noise, k);
  return T.empty() ? even_guess(mo, b, yy / n) : Guess{std::move(T), within};
}

}  // namespace

std::vector<double> moment_start(const Moments& mo, const Layout& layout, const std::vector<Block>& blocks, double n,
                                 double known_sigma) {
  const int r = mo.p + 1;
  // residual sum of squares of least squares: y minus its projection on X
  FixedStage ols;
  ols.p = mo.p;
  double yy = mo.D[static_cast<std::size_t>(r) * r - 1];
  if (ols.factor(mo.D))
    yy = std::max(ols.r2, 1e-13 * yy);
  else
    ols.beta.assign(mo.p, 0.0);
  if (!(yy > 0.0)) yy = 1.0;
  std::vector<Guess> guess;
  double sigma2 = yy / n, smallest = sigma2;
  for (const Block& b : blocks) {
    guess.push_back(from_groups(mo, b, ols.beta, n, yy));
    const int K = mo.effects[b.factor], k = b.size;
    double explained = 0.0;
    for (int j = 0; j < mo.levels[b.factor]; ++j) {
      const double* A = mo.A[b.factor].data() + static_cast<std::size_t>(j) * K * K;
      for (int x = 0; x < k; ++x)
        for (int y = 0; y < k; ++y) explained += guess.back().T[x * k + y] * A[(b.start + x) * K + b.start + y];
    }
    sigma2 -= explained / n;
    smallest = std::min(smallest, guess.back().within);
  }
  sigma2 = blocks.size() == 1 ? guess[0].within : std::max(sigma2, 0.2 * smallest);
  if (known_sigma > 0.0) sigma2 = known_sigma * known_sigma;
  std::vector<double> theta(layout.n_theta, 0.0);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const Block& b = blocks[i];
    const int k = b.size;
    Vec L = guess[i].T;
    for (double& x : L) x /= sigma2;
    if (b.kind != Kind::unstructured) {
      double mean = 0.0;
      for (int x = 0; x < k; ++x) mean += L[x * k + x] / k;
      for (int x = 0; x < k; ++x)
        for (int y = 0; y < k; ++y)
          L[x * k + y] = x != y ? 0.0 : std::sqrt(b.kind == Kind::scalar ? mean : L[x * k + x]);
    } else if (!cholesky(L.data(), k)) {
      for (int x = 0; x < k; ++x)
        for (int y = 0; y < k; ++y) L[x * k + y] = x == y ? 1.0 : 0.0;
    }
    for (std::size_t e = 0; e < layout.par.size(); ++e) {
      const int x = layout.row[e] - b.start, y = layout.col[e] - b.start;
      if (layout.fac[e] == b.factor && x >= 0 && x < k && y >= 0 && y < k) theta[layout.par[e]] = L[x * k + y];
    }
  }
  return theta;
}

}  // namespace ml
