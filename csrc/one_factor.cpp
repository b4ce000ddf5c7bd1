// One grouping factor: see ALGORITHMS sections 1.2 (gradient, Hessian), 1.3 (evaluation) and 2.4 (merging).
#include "one_factor.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string_view>
#include <unordered_map>

namespace ml {

namespace {

// Lower R with A = RR' (n x n, lower triangle of A read); a pivot that is zero to rounding gives a zero column.
void semidefinite_root(const double* A, double* R, int n) {
  std::fill(R, R + static_cast<std::ptrdiff_t>(n) * n, 0.0);
  for (int j = 0; j < n; ++j) {
    double d = A[j * n + j];
    for (int c = 0; c < j; ++c) d -= R[j * n + c] * R[j * n + c];
    if (!(d > 1e-14 * A[j * n + j])) continue;
    R[j * n + j] = std::sqrt(d);
    for (int i = j + 1; i < n; ++i) {
      double s = A[i * n + j];
      for (int c = 0; c < j; ++c) s -= R[i * n + c] * R[j * n + c];
      R[i * n + j] = s / R[j * n + j];
    }
  }
}

// X := R^-1 X on the columns of R that are not zero, zero elsewhere; X (n x m) in the range of R.
void solve_semidefinite(const double* R, double* X, int n, int m) {
  for (int i = 0; i < n; ++i) {
    const double pivot = R[i * n + i];
    for (int c = 0; c < i; ++c)
      for (int j = 0; j < m; ++j) X[i * m + j] -= R[i * n + c] * X[c * m + j];
    for (int j = 0; j < m; ++j) X[i * m + j] = pivot > 0.0 ? X[i * m + j] / pivot : 0.0;
  }
}

}  // namespace

OneFactor::OneFactor(const Moments& moments, Layout given, Criterion crit)
    : k_(given.effects[0]), r_(moments.p + 1), m_(moments.levels[0]), moments_(moments) {
  layout = std::move(given);
  criterion = crit;
  levels = {m_};
  fixed.p = moments.p;
  choose_basis();
  merge();
}

// The symmetric matrices that T is a sum of: an entry of a term that fills its triangle, or the diagonal that one
// theta fills, however long.
void OneFactor::choose_basis() {
  std::vector<int> home(k_), only(k_, -1);  // rows joined by entries below the diagonal; theta of a row by itself
  for (int a = 0; a < k_; ++a) home[a] = a;
  for (std::size_t e = 0; e < layout.par.size(); ++e) {
    if (layout.row[e] == layout.col[e]) only[layout.row[e]] = layout.par[e];
    const int from = home[layout.row[e]], to = home[layout.col[e]];
    for (int& h : home)
      if (h == from) h = to;
  }
  std::vector<bool> joined(k_, false);
  for (int a = 0; a < k_; ++a)
    for (int b = 0; b < a; ++b)
      if (home[a] == home[b]) joined[a] = joined[b] = true;
  const auto add = [this](int a, int b) {
    first_.push_back(a);
    second_.push_back(b);
  };
  for (int a = 0; a < k_; ++a)
    for (int b = 0; b <= a && joined[a]; ++b)
      if (home[a] == home[b]) {
        begin_.push_back(static_cast<int>(first_.size()));
        add(a, b);
      }
  for (int i = 0; i < layout.n_theta; ++i) {
    const std::size_t before = first_.size();
    for (int a = 0; a < k_; ++a)
      if (!joined[a] && only[a] == i) add(a, a);
    if (first_.size() > before) begin_.push_back(static_cast<int>(before));
  }
  n_basis_ = static_cast<int>(begin_.size());
  begin_.push_back(static_cast<int>(first_.size()));
}

// Classes of groups with bit-equal A, in order of first appearance.
void OneFactor::merge() {
  const std::size_t bytes = sizeof(double) * k_ * k_;
  std::unordered_map<std::string_view, int> seen;
  std::vector<int> of(m_), first;
  seen.reserve(m_);
  for (int j = 0; j < m_; ++j) {
    const std::string_view key(reinterpret_cast<const char*>(moments_.A[0].data() + static_cast<std::size_t>(j) * k_ * k_), bytes);
    const auto [it, fresh] = seen.try_emplace(key, static_cast<int>(first.size()));
    if (fresh) first.push_back(j);
    of[j] = it->second;
  }
  const int S = static_cast<int>(first.size());
  std::vector<std::vector<int>> groups(S);
  for (int j = 0; j < m_; ++j) groups[of[j]].push_back(j);
  R_.assign(static_cast<std::size_t>(S) * k_ * k_, 0.0);
  L_ = R_;
  d_.clear();
  d_.reserve(moments_.C[0].size());
  count_.clear();
  start_.assign(1, 0);
  within_ = moments_.D;
  for (int s = 0; s < S; ++s) {
    double* R = R_.data() + static_cast<std::size_t>(s) * k_ * k_;
    semidefinite_root(moments_.A[0].data() + static_cast<std::size_t>(first[s]) * k_ * k_, R, k_);
    count_.push_back(static_cast<double>(groups[s].size()));
    compress(groups[s], R);
    start_.push_back(static_cast<std::int64_t>(d_.size()) / (k_ * r_));
  }
  for (int a = 0; a < r_; ++a)  // a column that is constant inside groups has nothing within: no rounding instead
    if (within_[a * r_ + a] < 1e-13 * moments_.D[a * r_ + a])
      for (int b = 0; b < r_; ++b) within_[a * r_ + b] = within_[b * r_ + a] = 0.0;
}

// Rows d_j = R^-1 C_j of a class: kept when few, else replaced by the triangular factor of their cross-product.
void OneFactor::compress(const std::vector<int>& groups, const double* R) {
  const int w = k_ * r_;
  const bool few = static_cast<int>(groups.size()) <= 2 * w;
  std::vector<double> X(few ? 0 : static_cast<std::size_t>(w) * w, 0.0), d(w);
  for (int j : groups) {
    const double* c = moments_.C[0].data() + static_cast<std::size_t>(j) * w;
    d.assign(c, c + w);
    solve_semidefinite(R, d.data(), k_, r_);
    for (int x = 0; x < k_; ++x)
      for (int a = 0; a < r_; ++a)
        for (int b = 0; b <= a; ++b) within_[a * r_ + b] -= d[x * r_ + a] * d[x * r_ + b];
    if (few) {
      d_.insert(d_.end(), d.begin(), d.end());
      continue;
    }
    for (int a = 0; a < w; ++a)
      for (int b = 0; b <= a; ++b) X[a * w + b] += d[a] * d[b];
  }
  if (few) return;
  std::vector<double> L(X.size(), 0.0);
  semidefinite_root(X.data(), L.data(), w);
  for (int c = 0; c < w; ++c) {
    if (L[c * w + c] == 0.0) continue;
    for (int i = 0; i < w; ++i) d_.push_back(L[i * w + c]);
  }
}

// With A = RR' and d = R^-1 C: [X y]'V^-1 [X y] = (D - sum d'd) + sum d'(I + R'TR)^-1 d. Nothing is subtracted that
// depends on T, so that groups which differ a million times more than their rows lose no digits.
template <int KT>
double OneFactor::forward() {
  const int k = KT > 0 ? KT : k_, r = r_, S = n_classes();
  const double* lam = lambda[0].data();
  std::vector<double> buffer(static_cast<std::size_t>(k) * k + static_cast<std::size_t>(k) * r);
  double *G = buffer.data(), *W = G + k * k;
  double log_det = 0.0;
  for (int s = 0; s < S; ++s) {
    const double* R = R_.data() + static_cast<std::size_t>(s) * k * k;
    double* L = L_.data() + static_cast<std::size_t>(s) * k * k;
    if constexpr (KT == 0) {
      std::fill(G, G + k * k, 0.0);
      for (int c = 0; c < k; ++c)
        for (int b = 0; b <= c; ++b) {
          const double l = lam[c * k + b];
          for (int a = 0; l != 0.0 && a <= c; ++a) G[a * k + b] += R[c * k + a] * l;
        }
    } else {
      for (int a = 0; a < k; ++a)
        for (int b = 0; b < k; ++b) {
          double x = 0.0;
          for (int c = std::max(a, b); c < k; ++c) x += R[c * k + a] * lam[c * k + b];
          G[a * k + b] = x;  // R'Lambda
        }
    }
    for (int a = 0; a < k; ++a)
      for (int b = 0; b <= a; ++b) {
        double x = a == b ? 1.0 : 0.0;
        for (int c = 0; c < k; ++c) x += G[a * k + c] * G[b * k + c];
        L[a * k + b] = x;
      }
    if (!cholesky(L, k)) return std::numeric_limits<double>::infinity();
    double det = 1.0;
    for (int a = 0; a < k; ++a) det *= L[a * k + a];
    log_det += count_[s] * 2.0 * std::log(det);
    for (std::int64_t i = start_[s]; i < start_[s + 1]; ++i) {
      std::copy_n(d_.data() + i * k * r, k * r, W);
      solve_lower(L, W, k, r);
      for (int c = 0; c < k; ++c) {
        const double* w = W + static_cast<std::ptrdiff_t>(c) * r;
        for (int a = 0; a < r; ++a)
          for (int b = 0; b <= a; ++b) D_[static_cast<std::size_t>(a) * r + b] += w[a] * w[b];
      }
    }
  }
  return log_det;
}

bool OneFactor::reduce(const double* theta, double& log_det) {
  fill_lambdas(theta);
  D_ = within_;
  switch (k_) {
    case 1: log_det = forward<1>(); break;
    case 2: log_det = forward<2>(); break;
    case 3: log_det = forward<3>(); break;
    case 4: log_det = forward<4>(); break;
    default: log_det = forward<0>();
  }
  return std::isfinite(log_det);
}

namespace {

// tr(B_s X B_t Y) for the symmetric matrices of pairs (a,b) and (c,d), symmetric k x k X and Y.
inline double basis_trace(const double* X, const double* Y, int k, int a, int b, int c, int d) {
  const double s = X[b * k + c] * Y[d * k + a] + X[a * k + c] * Y[d * k + b] + X[b * k + d] * Y[c * k + a] +
                   X[a * k + d] * Y[c * k + b];
  return s * (a == b ? 0.5 : 1.0) * (c == d ? 0.5 : 1.0);
}

}  // namespace

// Q = L^-1 R' and E = Q'Q = R (I + R'TR)^-1 R' of a class.
void OneFactor::class_information(int s, double* Q, double* E) const {
  const int k = k_;
  const double *R = R_.data() + static_cast<std::size_t>(s) * k * k, *L = L_.data() + static_cast<std::size_t>(s) * k * k;
  for (int i = 0; i < k; ++i)
    for (int j = 0; j < k; ++j) Q[i * k + j] = R[j * k + i];
  solve_lower(L, Q, k, k);
  for (int i = 0; i < k; ++i)
    for (int j = 0; j <= i; ++j) {
      double x = 0.0;
      for (int a = 0; a < k; ++a) x += Q[a * k + i] * Q[a * k + j];
      E[i * k + j] = E[j * k + i] = x;
    }
}

// One row of a class, H = Q'L^-1 d and g = H_y - H_X beta: adds to g g', H'B_s g and, for REML, H'B_s H and H R H'.
template <int KT>
void OneFactor::add_row(const double* H, double* g, double* gg, double* Y, double* HR) {
  const int k = KT > 0 ? KT : k_, r = r_, p = fixed.p;
  for (int a = 0; a < k; ++a) {
    g[a] = H[a * r + p];
    for (int j = 0; j < p; ++j) g[a] -= H[a * r + j] * fixed.beta[j];
  }
  for (int a = 0; a < k; ++a)
    for (int b = 0; b < k; ++b) gg[a * k + b] += g[a] * g[b];
  for (int b = 0, e = 0; e < begin_[n_basis_]; ++e) {
    while (e == begin_[b + 1]) ++b;
    const int u = first_[e], v = second_[e];
    const double *hu = H + static_cast<std::ptrdiff_t>(u) * r, *hv = H + static_cast<std::ptrdiff_t>(v) * r;
    double* out = Hg_.data() + static_cast<std::ptrdiff_t>(b) * p;
    for (int j = 0; j < p; ++j) out[j] += u == v ? hu[j] * g[u] : hu[j] * g[v] + hv[j] * g[u];
    if (!criterion.reml) continue;
    double* phi = Phi_.data() + static_cast<std::size_t>(b) * p * p;
    const double w = u == v ? 0.5 : 1.0;
    for (int j = 0; j < p; ++j)
      for (int l = 0; l <= j; ++l) phi[j * p + l] += w * (hu[j] * hv[l] + hv[j] * hu[l]);
  }
  if (!criterion.reml) return;
  for (int a = 0; a < k; ++a)
    for (int j = 0; j < p; ++j) {
      double x = 0.0;
      for (int l = 0; l < p; ++l) x += H[a * r + l] * fixed.R[l * p + j];
      HR[a * p + j] = x;
    }
  for (int a = 0; a < k; ++a)
    for (int b = 0; b <= a; ++b) {
      double x = 0.0;
      for (int j = 0; j < p; ++j) x += HR[a * p + j] * H[b * r + j];
      Y[a * k + b] += x;
      if (a != b) Y[b * k + a] += x;
    }
}

// Second pass: sums over classes and rows for the gradient and the Hessian.
template <int KT>
void OneFactor::accumulate() {
  const int k = KT > 0 ? KT : k_, r = r_, nb = n_basis_;
  const double c1 = 1.0 / sigma2();
  std::vector<double> Q(k * k), E(k * k), Y(k * k), gg(k * k), g(k), W(static_cast<std::size_t>(k) * r), H(W.size()),
      HR(static_cast<std::size_t>(k) * fixed.p);
  for (int s = 0; s < n_classes(); ++s) {
    class_information(s, Q.data(), E.data());
    const double* L = L_.data() + static_cast<std::size_t>(s) * k * k;
    std::fill(Y.begin(), Y.end(), 0.0);
    std::fill(gg.begin(), gg.end(), 0.0);
    for (std::int64_t i = start_[s]; i < start_[s + 1]; ++i) {
      std::copy_n(d_.data() + i * k * r, k * r, W.data());
      solve_lower(L, W.data(), k, r);
      std::fill(H.begin(), H.end(), 0.0);
      for (int a = 0; a < k; ++a)
        for (int b = 0; b < k; ++b)
          for (int j = 0; j < r; ++j) H[b * r + j] += Q[a * k + b] * W[a * r + j];
      add_row<KT>(H.data(), g.data(), gg.data(), Y.data(), HR.data());
    }
    for (int e = 0; e < k * k; ++e) {
      sum_E[0][e] += count_[s] * E[e];
      G[0][e] += count_[s] * E[e] - c1 * gg[e] - Y[e];
      gg_[e] += gg[e];
    }
    for (int b = 0; b < nb; ++b)
      for (int c = 0; c <= b; ++c)
        for (int e = begin_[b]; e < begin_[b + 1]; ++e)
          for (int h = begin_[c]; h < begin_[c + 1]; ++h) {
            const int u = first_[e], v = second_[e], x = first_[h], y = second_[h];
            F_[b * nb + c] += count_[s] * basis_trace(E.data(), E.data(), k, u, v, x, y);
            EG_[b * nb + c] += basis_trace(E.data(), gg.data(), k, u, v, x, y);
            if (criterion.reml) EY_[b * nb + c] += basis_trace(E.data(), Y.data(), k, u, v, x, y);
          }
  }
}

void OneFactor::derivatives(std::vector<double>& gradient, std::vector<double>& hessian) {
  const int p = fixed.p, nb = n_basis_;
  fixed.invert();
  G.assign(1, std::vector<double>(static_cast<std::size_t>(k_) * k_, 0.0));
  sum_E = G;
  for (auto* v : {&F_, &EY_, &EG_}) v->assign(static_cast<std::size_t>(nb) * nb, 0.0);
  gg_.assign(static_cast<std::size_t>(k_) * k_, 0.0);
  Phi_.assign(static_cast<std::size_t>(nb) * p * p, 0.0);
  Hg_.assign(static_cast<std::size_t>(nb) * p, 0.0);
  switch (k_) {
    case 1: accumulate<1>(); break;
    case 2: accumulate<2>(); break;
    case 3: accumulate<3>(); break;
    case 4: accumulate<4>(); break;
    default: accumulate<0>();
  }
  std::vector<double> HT;
  information(HT);
  const int T = layout.n_theta;
  std::vector<std::vector<double>> dT;
  chain_gradient(dT, gradient);
  std::vector<double> J(static_cast<std::size_t>(nb) * T);  // dT_ab / dtheta
  for (int i = 0; i < T; ++i)
    for (int b = 0; b < nb; ++b) J[b * T + i] = dT[i][first_[begin_[b]] * k_ + second_[begin_[b]]];
  hessian.assign(static_cast<std::size_t>(T) * T, 0.0);
  for (int i = 0; i < T; ++i)
    for (int j = 0; j < T; ++j) {
      double h = layout.second_order(i, j, G[0]);
      for (int b = 0; b < nb; ++b)
        for (int c = 0; c < nb; ++c) h += J[b * T + i] * HT[b * nb + c] * J[c * T + j];
      hessian[i * T + j] = h;
    }
}

// Exact Hessian of the criterion in the entries of T: -F + 2K/s2 - qq'/(N s2^2); q in theta is kept for others.
void OneFactor::information(std::vector<double>& hessian) {
  const int p = fixed.p, nb = n_basis_, T = layout.n_theta;
  const double s2 = sigma2(), N = dof();
  std::vector<double> qT(nb), LH(static_cast<std::size_t>(p) * nb);
  for (int b = 0; b < nb; ++b) {
    for (int j = 0; j < p; ++j) LH[static_cast<std::size_t>(j) * nb + b] = Hg_[static_cast<std::size_t>(b) * p + j];
  }
  solve_lower(fixed.L.data(), LH.data(), p, nb);
  std::vector<double> P(Phi_.size());  // R Phi
  if (criterion.reml)
    for (int b = 0; b < nb; ++b) {
      double* phi = Phi_.data() + static_cast<std::size_t>(b) * p * p;
      for (int j = 0; j < p; ++j)
        for (int l = 0; l < j; ++l) phi[l * p + j] = phi[j * p + l];
      multiply(fixed.R.data(), phi, P.data() + static_cast<std::size_t>(b) * p * p, p, p, p);
    }
  hessian.assign(static_cast<std::size_t>(nb) * nb, 0.0);
  q.assign(T, 0.0);
  const std::vector<double>& gg = gg_;
  for (int b = 0; b < nb; ++b)
    for (int e = begin_[b]; e < begin_[b + 1]; ++e)
      qT[b] += gg[first_[e] * k_ + second_[e]] * (first_[e] == second_[e] ? 1.0 : 2.0);
  for (int b = 0; b < nb; ++b)
    for (int c = 0; c <= b; ++c) {
      double f = F_[b * nb + c], kk = EG_[b * nb + c];
      for (int j = 0; j < p; ++j) kk -= LH[static_cast<std::size_t>(j) * nb + b] * LH[static_cast<std::size_t>(j) * nb + c];
      if (criterion.reml) {
        f -= 2.0 * EY_[b * nb + c];
        const double *x = P.data() + static_cast<std::size_t>(b) * p * p, *y = P.data() + static_cast<std::size_t>(c) * p * p;
        for (int i = 0; i < p; ++i)
          for (int j = 0; j < p; ++j) f += x[i * p + j] * y[j * p + i];
      }
      double h = -f + 2.0 * kk / s2;
      if (!sigma_known()) h -= qT[b] * qT[c] / (N * s2 * s2);
      hessian[b * nb + c] = hessian[c * nb + b] = h;
    }
  std::vector<double> dT;
  for (int i = 0; i < T; ++i) {
    layout.fill_derivative(i, lambda[0], dT);
    for (int e = 0; e < k_ * k_; ++e) q[i] += gg[e] * dT[e];
  }
}

}  // namespace ml
