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

// Sum over the groups with a well-conditioned A of weighted b b', A^-1; the rest is left out.
Guess from_groups(const Moments& mo, const Block& b, const Vec& beta, double n, double yy) {
  const int K = mo.effects[b.factor], k = b.size, r = mo.p + 1, m = mo.levels[b.factor];
  Vec L(k * k), inv(k * k), c(k), Bsum(k * k, 0.0), Isum(k * k, 0.0), traces;
  double rss = yy, used = 0.0, weight = 0.0, size = 0.0;
  auto load = [&](int j) {
    const double* A = mo.A[b.factor].data() + static_cast<std::size_t>(j) * K * K;
    const double* C = mo.C[b.factor].data() + static_cast<std::size_t>(j) * K * r;
    for (int x = 0; x < k; ++x) {
      c[x] = C[(b.start + x) * r + r - 1];
      for (int j = 0; j < mo.p; ++j) c[x] -= C[(b.start + x) * r + j] * beta[j];
      for (int y = 0; y < k; ++y) L[x * k + y] = A[(b.start + x) * K + b.start + y];
    }
    const Vec diag = [&] { Vec d(k); for (int x = 0; x < k; ++x) d[x] = L[x * k + x]; return d; }();
    if (!cholesky(L.data(), k)) return false;
    for (int x = 0; x < k; ++x)
      if (L[x * k + x] * L[x * k + x] < 1e-4 * diag[x]) return false;
    std::fill(inv.begin(), inv.end(), 0.0);
    for (int x = 0; x < k; ++x) inv[x * k + x] = 1.0;
    solve_lower(L.data(), inv.data(), k, k);
    solve_lower_transposed(L.data(), inv.data(), k, k);
    return true;
  };
  const int step = std::max(1, m / 2000);
  for (int j = 0; j < m; j += step)
    if (load(j)) {
      double t = 0.0;
      for (int x = 0; x < k; ++x) t += inv[x * k + x];
      traces.push_back(t);
    }
  double middle = 0.0;
  if (!traces.empty()) {
    std::nth_element(traces.begin(), traces.begin() + static_cast<std::ptrdiff_t>(traces.size() / 2), traces.end());
    middle = traces[traces.size() / 2];
  }
  for (int j = 0; j < m; ++j) {
    if (!load(j)) continue;
    double t = 0.0;
    for (int x = 0; x < k; ++x) t += inv[x * k + x];
    const double w = middle / (t + middle);
    Vec e(k, 0.0);
    for (int x = 0; x < k; ++x)
      for (int y = 0; y < k; ++y) e[x] += inv[x * k + y] * c[y];
    for (int x = 0; x < k; ++x) {
      rss -= e[x] * c[x];
      for (int y = 0; y < k; ++y) {
        Bsum[x * k + y] += w * e[x] * e[y];
        Isum[x * k + y] += w * inv[x * k + y];
      }
    }
    used += k;
    weight += w;
    size += 1.0;
  }
  Guess out{Vec(k * k, 0.0), yy / n};
  if (n - used > 0.5) out.within = std::max(rss, 1e-10 * yy) / (n - used);
  if (size < std::max(2.0, 0.1 * m)) {  // too few groups stand alone: signal equal to noise
    out.within = yy / n;
    for (int x = 0; x < k; ++x) {
      double a = 0.0;
      for (int j = 0; j < m; ++j) a += mo.A[b.factor][static_cast<std::size_t>(j) * K * K + (b.start + x) * (K + 1)] / m;
      out.T[x * k + x] = out.within / std::max(a, 1e-10);
    }
    return out;
  }
  // floor: at least a tenth of the noise of the groups' own estimates, in every direction
  for (double& x : Bsum) x /= weight;
  for (double& x : Isum) x *= out.within / weight;
  Vec F = Isum, M(k * k), V, w;
  for (int e = 0; e < k * k; ++e) M[e] = Bsum[e] - Isum[e];
  if (!cholesky(F.data(), k)) return out;
  solve_lower(F.data(), M.data(), k, k);
  Vec Mt(k * k);
  for (int x = 0; x < k; ++x)
    for (int y = 0; y < k; ++y) Mt[x * k + y] = M[y * k + x];
  solve_lower(F.data(), Mt.data(), k, k);
  symmetric_eigen(Mt, k, w, V);
  Vec X(k * k, 0.0);  // F V
  for (int x = 0; x < k; ++x)
    for (int y = 0; y < k; ++y)
      for (int z = 0; z <= x; ++z) X[x * k + y] += F[x * k + z] * V[z * k + y];
  for (int x = 0; x < k; ++x)
    for (int y = 0; y < k; ++y)
      for (int z = 0; z < k; ++z) out.T[x * k + y] += std::max(w[z], 0.1) * X[x * k + z] * X[y * k + z];
  return out;
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
    yy = std::max(ols.r2, 1e-10 * yy);
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
