// Guarded Newton in Lambda coordinates; boundary by the certificate G >= 0, G T = 0 (ALGORITHMS: KKT on the PSD cone).
#include "optimise.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ml {

namespace {

using Vec = std::vector<double>;

// -|H|^-1 g and the decrement g'|H|^-1 g / 2: eigenvalues by absolute value, floored.
void newton_direction(const Vec& g, const Vec& H, Vec& step, double& decrement) {
  const int n = static_cast<int>(g.size());
  Vec a = H, w, V;
  symmetric_eigen(a, n, w, V);
  double top = 0.0;
  for (double x : w) top = std::max(top, std::abs(x));
  const double floor = std::max(1e-9 * top, 1e-300);
  step.assign(n, 0.0);
  decrement = 0.0;
  for (int j = 0; j < n; ++j) {
    double c = 0.0;
    for (int i = 0; i < n; ++i) c += V[i * n + j] * g[i];
    const double scaled = c / std::max(std::abs(w[j]), floor);
    decrement += 0.5 * c * scaled;
    for (int i = 0; i < n; ++i) step[i] -= V[i * n + j] * scaled;
  }
}

// H with its eigenvalues replaced by their absolute values.
void positive(Vec& H, int n) {
  Vec a = H, w, V;
  symmetric_eigen(a, n, w, V);
  std::fill(H.begin(), H.end(), 0.0);
  for (int c = 0; c < n; ++c)
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < n; ++j) H[i * n + j] += std::abs(w[c]) * V[i * n + c] * V[j * n + c];
}

// Lower factor of a positive semidefinite T (k x k): a pivot that is zero to rounding gives a zero column.
Vec semidefinite_factor(const Vec& T, int k) {
  Vec L(T.size(), 0.0);
  for (int j = 0; j < k; ++j) {
    double d = T[j * k + j];
    for (int c = 0; c < j; ++c) d -= L[j * k + c] * L[j * k + c];
    if (!(d > 1e-13 * T[j * k + j])) continue;
    L[j * k + j] = std::sqrt(d);
    for (int i = j + 1; i < k; ++i) {
      double s = T[i * k + j];
      for (int c = 0; c < j; ++c) s -= L[i * k + c] * L[j * k + c];
      L[i * k + j] = s / L[j * k + j];
    }
  }
  return L;
}

class Search {
 public:
  Search(Profile& p, const std::vector<Block>& b, const Options& o, const Watch& w)
      : profile(p), blocks(b), options(o), watch(w) {}

  Outcome run(Vec start) {
    out.theta = std::move(start);
    if (!evaluate(out.theta)) {
      out.end = End::undefined;
      return out;
    }
    out.end = End::limit;
    for (int escapes = 0; escapes < 20; ++escapes) {
      if (!descend()) return out;
      if (out.saturated) return out;
      snap();
      certify();
      if (out.gain <= options.dual_tolerance) {
        out.end = End::optimal;
        return out;
      }
      if (!escape()) {
        out.end = End::stalled;
        return out;
      }
    }
    out.end = End::stalled;
    return out;
  }

 private:
  // Value and derivatives at theta become the current point. False where the criterion is not defined.
  bool evaluate(const Vec& theta) {
    const double d = profile.value(theta.data());
    ++out.evaluations;
    if (!std::isfinite(d)) return false;
    accept(theta, d);
    return true;
  }

  void accept(const Vec& theta, double d) {
    out.theta = theta;
    out.value = d;
    const Vec before = out.gradient;
    profile.derivatives(out.gradient, out.hessian);
    Vec curvature = out.hessian;
    if (!profile.exact_hessian()) {
      remember(theta, before);
      correct(curvature);
    }
    last_theta = theta;
    newton_direction(out.gradient, curvature, step, out.decrement);
  }

  // Keeps the last steps and the gradient differences along them.
  void remember(const Vec& theta, const Vec& before) {
    if (last_theta.size() != theta.size() || before.size() != theta.size()) return;
    Vec s(theta.size()), y(theta.size());
    for (std::size_t i = 0; i < s.size(); ++i) {
      s[i] = theta[i] - last_theta[i];
      y[i] = out.gradient[i] - before[i];
    }
    steps.push_back(std::move(s));
    differences.push_back(std::move(y));
    if (steps.size() > 3) {
      steps.erase(steps.begin());
      differences.erase(differences.begin());
    }
  }

  // The average information is not the Hessian; where convergence is slow, BFGS updates over the last steps correct
  // it (Dennis, Gay and Welsch 1981: structured secant updates).
  void correct(Vec& H) const {
    const std::size_t n = out.theta.size(), m = out.trace.size();
    if (m < 3 || !(out.trace[m - 1].decrement > 0.1 * out.trace[m - 2].decrement)) return;
    positive(H, static_cast<int>(n));
    for (std::size_t u = 0; u < steps.size(); ++u) {
      const Vec &s = steps[u], &y = differences[u];
      Vec Hs(n, 0.0);
      double sy = 0.0, sHs = 0.0;
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) Hs[i] += H[i * n + j] * s[j];
        sy += s[i] * y[i];
        sHs += s[i] * Hs[i];
      }
      if (!(sy > 1e-3 * sHs) || !(sHs > 0.0)) continue;
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) H[i * n + j] += y[i] * y[j] / sy - Hs[i] * Hs[j] / sHs;
    }
  }

  double slack() const { return 1e-14 * (std::abs(out.value) + profile.criterion.n) + profile.rounding(); }
  double tolerance() const { return std::max(options.tolerance, profile.rounding()); }

  bool descend() {
    while (true) {
      out.trace.push_back({out.value, out.decrement, 0.0});
      if (watch && !watch(out.evaluations, out.value, out.decrement)) return stop(End::interrupted);
      if (profile.saturated()) return saturate();
      if (out.decrement < tolerance()) return true;
      if (out.evaluations >= options.max_evaluations) return stop(End::limit);
      if (!line_search()) {
        if (profile.saturated(100.0)) return saturate();
        return out.decrement < 1e3 * tolerance() || stop(End::stalled);
      }
    }
  }

  // Residual variance zero: as theta grows the coefficients tend to a limit, but at a huge theta they have lost their
  // digits. Stop where both errors are small.
  bool saturate() {
    double largest = 0.0;
    for (double x : out.theta) largest = std::max(largest, std::abs(x));
    Vec theta = out.theta;
    for (double& x : theta) x *= std::min(1.0, 3e3 / largest);
    evaluate(theta);
    certify();
    out.saturated = true;
    return true;
  }

  bool stop(End end) {
    out.end = end;
    certify();
    return false;
  }

  bool line_search() {
    double largest = 0.0, scale = 0.5, slope = 0.0;
    for (std::size_t i = 0; i < step.size(); ++i) {
      largest = std::max(largest, std::abs(step[i]));
      scale = std::max(scale, std::abs(out.theta[i]));
      slope += out.gradient[i] * step[i];
    }
    double alpha = std::min(1.0, 2.0 * scale / std::max(largest, 1e-300));
    for (int halving = 0; halving < 40; ++halving) {
      Vec theta = out.theta;
      for (std::size_t i = 0; i < step.size(); ++i) theta[i] += alpha * step[i];
      const double d = profile.value(theta.data());
      ++out.evaluations;
      if (std::isfinite(d) && d <= out.value + 1e-4 * alpha * slope + slack()) {
        const bool moved = d < out.value - slack() || alpha > 1e-6;
        accept(theta, d);
        out.trace.back().length = alpha;
        return moved;
      }
      double shrink = 0.25;
      if (std::isfinite(d)) shrink = std::clamp(-0.5 * alpha * slope / (d - out.value - alpha * slope), 0.1, 0.5);
      alpha *= shrink;
    }
    Vec theta = out.theta;  // back to the current point, so that the profile's state is that of theta
    evaluate(theta);
    return false;
  }

  Vec T_of(const Block& b) const {
    const int K = profile.layout.effects[b.factor], k = b.size;
    const Vec& lam = profile.lambda[b.factor];
    Vec T(static_cast<std::size_t>(k) * k, 0.0);
    for (int i = 0; i < k; ++i)
      for (int j = 0; j < k; ++j)
        for (int c = b.start; c < b.start + k; ++c) T[i * k + j] += lam[(b.start + i) * K + c] * lam[(b.start + j) * K + c];
    return T;
  }

  Vec part(const std::vector<Vec>& full, const Block& b) const {
    const int K = profile.layout.effects[b.factor], k = b.size;
    Vec M(static_cast<std::size_t>(k) * k);
    for (int i = 0; i < k; ++i)
      for (int j = 0; j < k; ++j) M[i * k + j] = full[b.factor][(b.start + i) * K + b.start + j];
    return M;
  }

  // Writes a block's Lambda back into theta.
  void put(const Block& b, const Vec& L, Vec& theta) const {
    const Layout& lay = profile.layout;
    for (std::size_t e = 0; e < lay.par.size(); ++e) {
      const int i = lay.row[e] - b.start, j = lay.col[e] - b.start;
      if (lay.fac[e] == b.factor && i >= 0 && i < b.size && j >= 0 && j < b.size) theta[lay.par[e]] = L[i * b.size + j];
    }
  }

  double levels(const Block& b) const { return std::max(1, profile.levels[b.factor]); }

  // T in units of the information about one group: a ratio of signal to noise.
  // Directions whose ratio is below 1e-8 become exactly zero if the criterion does not notice; signs are made standard.
  void snap() {
    Vec theta = out.theta;
    for (const Block& b : blocks) {
      const int k = b.size;
      Vec T = T_of(b), I = part(profile.sum_E, b);
      for (double& x : I) x /= levels(b);
      if (b.kind == Kind::unstructured) {
        put(b, semidefinite_factor(without_small(T, I, k), k), theta);
      } else {
        Vec L(T.size(), 0.0);
        double trace = 0.0;
        for (int a = 0; a < k; ++a) trace += I[a * k + a] / k;
        for (int a = 0; a < k; ++a) {
          const double unit = b.kind == Kind::scalar ? trace : I[a * k + a];
          L[a * k + a] = T[a * k + a] * unit < 1e-8 ? 0.0 : std::sqrt(T[a * k + a]);
        }
        put(b, L, theta);
      }
    }
    if (theta == out.theta) return;
    const Vec before = out.theta;
    const double d = out.value, decrement = out.decrement;
    if (evaluate(theta) && out.value <= d + 1e-9 + slack()) return;
    evaluate(before);
    out.decrement = decrement;
  }

  static Vec without_small(const Vec& T, const Vec& I, int k) {
    Vec L = I;
    if (!cholesky(L.data(), k)) return T;
    Vec A(T.size(), 0.0), w, V;  // A = L' T L
    for (int i = 0; i < k; ++i)
      for (int j = 0; j < k; ++j)
        for (int a = i; a < k; ++a)
          for (int b = j; b < k; ++b) A[i * k + j] += L[a * k + i] * T[a * k + b] * L[b * k + j];
    symmetric_eigen(A, k, w, V);
    if (w[0] >= 1e-8) return T;
    Vec X = V;  // columns L^-T v
    solve_lower_transposed(L.data(), X.data(), k, k);
    Vec R(T.size(), 0.0);
    for (int c = 0; c < k; ++c)
      if (w[c] >= 1e-8)
        for (int i = 0; i < k; ++i)
          for (int j = 0; j < k; ++j) R[i * k + j] += w[c] * X[i * k + c] * X[j * k + c];
    return R;
  }

  // dual: least eigenvalue of G in units of sum_E; gain: bound on what the criterion could lose by leaving the boundary.
  void certify() {
    out.dual = 0.0;
    out.gain = out.complementarity = 0.0;
    out.block_dual.clear();
    worst = -1;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const Block& b = blocks[i];
      const int k = b.size;
      Vec G = part(profile.G, b), I = part(profile.sum_E, b), T = T_of(b), v(k, 0.0);
      const double dual = smallest_direction(b, G, I, v);
      out.block_dual.push_back(dual);
      const double gain = dual < 0.0 ? 0.5 * levels(b) * dual * dual : 0.0;
      if (gain > out.gain) {
        out.gain = gain;
        worst = static_cast<int>(i);
        direction = v;
        size = -dual * levels(b);
      }
      out.dual = std::min(out.dual, dual);
      double inner = 0.0;
      for (std::size_t e = 0; e < G.size(); ++e)
        if (b.kind == Kind::unstructured || e % (k + 1) == 0) inner += G[e] * T[e];
      out.complementarity = std::max(out.complementarity, std::abs(inner) / levels(b));
    }
  }

  static double smallest_direction(const Block& b, const Vec& G, const Vec& I, Vec& v) {
    const int k = b.size;
    if (b.kind == Kind::scalar) {
      double g = 0.0, e = 0.0;
      for (int a = 0; a < k; ++a) {
        g += G[a * k + a];
        e += I[a * k + a];
      }
      v.assign(k, std::sqrt(1.0 / std::max(e, 1e-300)));
      return e > 0.0 ? g / e : 0.0;
    }
    if (b.kind == Kind::diagonal) {
      double dual = std::numeric_limits<double>::infinity();
      for (int a = 0; a < k; ++a) {
        const double e = std::max(I[a * k + a], 1e-300), x = G[a * k + a] / e;
        if (x < dual) {
          dual = x;
          std::fill(v.begin(), v.end(), 0.0);
          v[a] = 1.0 / std::sqrt(e);
        }
      }
      return dual;
    }
    Vec L = I, M = G, w, V;
    if (!cholesky(L.data(), k)) return 0.0;
    solve_lower(L.data(), M.data(), k, k);
    Vec Mt(M.size());
    for (int i = 0; i < k; ++i)
      for (int j = 0; j < k; ++j) Mt[i * k + j] = M[j * k + i];
    solve_lower(L.data(), Mt.data(), k, k);
    symmetric_eigen(Mt, k, w, V);
    for (int i = 0; i < k; ++i) v[i] = V[i * k];
    solve_lower_transposed(L.data(), v.data(), k, 1);
    return w[0];
  }

  // Leaves a false optimum on the boundary along the direction in which the certificate fails.
  bool escape() {
    const Block& b = blocks[worst];
    const int k = b.size;
    Vec T0 = T_of(b);
    for (int halving = 0; halving < 30; ++halving, size *= 0.25) {
      Vec T = T0, theta = out.theta;
      for (int i = 0; i < k; ++i)
        for (int j = 0; j < k; ++j)
          if (b.kind == Kind::unstructured || i == j) T[i * k + j] += size * direction[i] * direction[j];
      put(b, semidefinite_factor(T, k), theta);
      const double d = profile.value(theta.data());
      ++out.evaluations;
      if (std::isfinite(d) && d < out.value - 1e-12) {
        accept(theta, d);
        return true;
      }
    }
    evaluate(Vec(out.theta));
    return false;
  }

  Profile& profile;
  const std::vector<Block>& blocks;
  const Options& options;
  const Watch& watch;
  Outcome out;
  Vec step, direction, last_theta;
  std::vector<Vec> steps, differences;
  double size = 0.0;
  int worst = -1;
};

}  // namespace

Outcome optimise(Profile& profile, const std::vector<Block>& blocks, std::vector<double> start, const Options& options,
                 const Watch& watch) {
  return Search(profile, blocks, options, watch).run(std::move(start));
}

}  // namespace ml
