// Numeric part of the elimination: the criterion, the solutions, the average information.
#include "elimination.hpp"

#include <algorithm>

#include "lapack.hpp"

namespace ml {

namespace {

// out (r x r, row-major, lower triangle) -= W'W for W (k x r).
void subtract_crossproduct(const double* W, int k, int r, double* out) {
  for (int c = 0; c < k; ++c) {
    const double* w = W + static_cast<std::ptrdiff_t>(c) * r;
    for (int a = 0; a < r; ++a) {
      const double wa = w[a];
      double* o = out + static_cast<std::ptrdiff_t>(a) * r;
      for (int b = 0; b <= a; ++b) o[b] -= wa * w[b];
    }
  }
}

}  // namespace

bool Elimination::reduce(const double* theta, double& log_det) {
  fill_lambdas(theta);
  zero_factor_.assign(layout.n_factors(), 0);
  for (int f = 0; f < layout.n_factors(); ++f)
    zero_factor_[f] = std::all_of(lambda[f].begin(), lambda[f].end(), [](double x) { return x == 0.0; });
  const int first = first_modified_;
  std::copy(A0_.begin() + aoff_[first], A0_.end(), A_.begin() + aoff_[first]);
  std::copy(C0_.begin() + coff_[first], C0_.end(), C_.begin() + coff_[first]);
  if (first < n_sparse_) std::copy(N0_.begin() + noff_[first], N0_.end(), N_.begin() + noff_[first]);
  core_ = core0_;
  D_ = D0_;
  log_det_ = 0.0;
  for (int p = 0; p < n_sparse_; ++p)
    if (!eliminate_node(p)) return false;
  if (!eliminate_core()) return false;
  log_det = log_det_;
  return true;
}

// M = I + Lambda'A Lambda = LL'; U = L^-1 Lambda'; later cross-products lose (U N)'(U N).
bool Elimination::eliminate_node(int p) {
  const int f = factor_[p], k = layout.effects[f], w = width_[p];
  double* U = U_.data() + aoff_[p];
  if (zero_factor_[f]) {
    std::fill(U, U + k * k, 0.0);
    return true;
  }
  const double *A = A_of(p), *C = C_of(p), *N = N_of(p), *lam = lambda[f].data();
  thread_local std::vector<double> buffer;
  buffer.resize(static_cast<std::size_t>(2) * k * k + static_cast<std::size_t>(k) * (r_ + w));
  double *AL = buffer.data(), *M = AL + k * k, *WC = M + k * k, *WN = WC + static_cast<std::ptrdiff_t>(k) * r_;
  double log_det;
  if (k == 1) {
    const double m = 1.0 + lam[0] * lam[0] * A[0];
    if (!(m > 0.0)) return false;
    U[0] = lam[0] / std::sqrt(m);
    log_det = std::log(m);
  } else {
    multiply(A, lam, AL, k, k, k);
    for (int a = 0; a < k; ++a)
      for (int b = 0; b <= a; ++b) {
        double s = a == b ? 1.0 : 0.0;
        for (int c = a; c < k; ++c) s += lam[c * k + a] * AL[c * k + b];
        M[a * k + b] = s;
      }
    if (!cholesky(M, k)) return false;
    log_det = 0.0;
    for (int a = 0; a < k; ++a) {
      log_det += 2.0 * std::log(M[a * k + a]);
      for (int b = 0; b < k; ++b) U[a * k + b] = lam[b * k + a];
    }
    solve_lower(M, U, k, k);
  }
  log_det_ += log_det;
  multiply(U, C, WC, k, k, r_);
  subtract_crossproduct(WC, k, r_, D_.data());
  if (w == 0) return true;
  multiply(U, N, WN, k, k, w);
  add_to_later(p, WN, WC, r_, -1.0, C_.data());
  if (run_[p]) {
    update_core(p, WN, k, w);
    return true;
  }
  for (auto e = list_start_[p]; e < list_start_[p + 1] && list_[e] < n_sparse_; ++e) {
    const int u = list_[e], ku = k_of(u);
    double* Au = A_.data() + aoff_[u];
    for (int c = 0; c < k; ++c) {
      const double* wn = WN + static_cast<std::ptrdiff_t>(c) * w + list_column_[e];
      for (int i = 0; i < ku; ++i)
        for (int j = 0; j < ku; ++j) Au[i * ku + j] -= wn[i] * wn[j];
    }
  }
  update_pairs(p, WN, k, w);
  return true;
}

// Blocks (u, v) of the later nodes in p's list, u before v, lose W_u'W_v: in u's list, or in the dense core.
void Elimination::update_pairs(int p, const double* W, int k, int w) {
  const auto begin = list_start_[p], end = list_start_[p + 1];
  for (auto e = begin; e < end; ++e) {
    const int u = list_[e], ku = k_of(u), cu = list_column_[e];
    if (u < n_sparse_) {
      auto at = list_start_[u];
      for (auto h = e + 1; h < end; ++h) {
        const int v = list_[h], kv = k_of(v), cv = list_column_[h];
        while (list_[at] != v) ++at;
        double* target = N_.data() + noff_[u] + list_column_[at];
        for (int c = 0; c < k; ++c)
          for (int i = 0; i < ku; ++i)
            for (int j = 0; j < kv; ++j) target[i * width_[u] + j] -= W[c * w + cu + i] * W[c * w + cv + j];
      }
    } else if (k == 1 && ku == 1) {
      double* column = core_.data() + static_cast<std::size_t>(core_column_[u]) * Q_;
      const double wu = W[cu];
      for (auto h = e; h < end; ++h) {
        const int row = core_column_[list_[h]], kv = k_of(list_[h]), cv = list_column_[h];
        for (int j = 0; j < kv; ++j) column[row + j] -= wu * W[cv + j];
      }
    } else {
      for (int i = 0; i < ku; ++i) {
        double* column = core_.data() + static_cast<std::size_t>(core_column_[u] + i) * Q_;
        for (auto h = e; h < end; ++h) {
          const int row = core_column_[list_[h]], kv = k_of(list_[h]), cv = list_column_[h];
          for (int j = h == e ? i : 0; j < kv; ++j) {
            double s = 0.0;
            for (int c = 0; c < k; ++c) s += W[c * w + cu + i] * W[c * w + cv + j];
            column[row + j] -= s;
          }
        }
      }
    }
  }
}

// Block (u, v) of S = I + Lambda' core Lambda, u not before v.
void Elimination::fill_core_block(int u, int v) {
  const std::size_t Q = Q_;
  const int ku = k_of(u), kv = k_of(v), cu = core_column_[u], cv = core_column_[v];
  const double *lu = lambda[factor_[u]].data(), *lv = lambda[factor_[v]].data();
  if (ku == 1 && kv == 1) {
    S_[cu + cv * Q] = (u == v ? 1.0 : 0.0) + lu[0] * lv[0] * core_[cu + cv * Q];
    return;
  }
  for (int i = 0; i < ku; ++i)
    for (int j = 0; j < kv && cv + j <= cu + i; ++j) {
      double s = u == v && i == j ? 1.0 : 0.0;
      for (int a = i; a < ku; ++a)
        for (int b = j; b < kv; ++b) {
          const std::size_t row = std::max(cu + a, cv + b), col = std::min(cu + a, cv + b);
          s += lu[a * ku + i] * lv[b * kv + j] * core_[row + col * Q];
        }
      S_[cu + i + (cv + j) * Q] = s;
    }
}

// S = I + Lambda' core Lambda = LL'; the columns [X y] lose W'W, W = L^-1 Lambda' C.
bool Elimination::eliminate_core() {
  if (Q_ == 0) return true;
  const std::size_t Q = Q_;
  S_.resize(Q * Q);
  core_W_.assign(Q * r_, 0.0);
  for (int v = n_sparse_; v < n_nodes(); ++v) {
    const int kv = k_of(v), cv = core_column_[v];
    for (int j = 0; j < kv; ++j)
      for (int a = j; a < kv; ++a)
        for (int b = 0; b < r_; ++b)
          core_W_[cv + j + b * Q] +=
              lambda[factor_[v]][a * kv + j] * C_[coff_[v] + static_cast<std::int64_t>(a) * r_ + b];
    for (int u = v; u < n_nodes(); ++u) fill_core_block(u, v);
  }
  if (!lapack::cholesky(S_.data(), Q_)) return false;
  for (std::size_t i = 0; i < Q; ++i) log_det_ += 2.0 * std::log(S_[i + i * Q]);
  lapack::solve_triangular(S_.data(), core_W_.data(), Q_, r_, false);
  for (int a = 0; a < r_; ++a)
    for (int b = 0; b <= a; ++b) {
      double s = 0.0;
      for (std::size_t i = 0; i < Q; ++i) s += core_W_[i + a * Q] * core_W_[i + b * Q];
      D_[a * r_ + b] -= s;
    }
  return true;
}

// B = (Lambda M^-1 Lambda') C and H = Z'V^-1 [X y], node by node from the last to the first.
void Elimination::solve_fixed() {
  fixed.invert();
  solve_effects();
}

void Elimination::solve_effects() {
  B_.assign(coff_.back(), 0.0);
  H_.assign(coff_.back(), 0.0);
  if (Q_ > 0) solve_core();
  for (int p = n_sparse_ - 1; p >= 0; --p) solve_node(p);
}

void Elimination::solve_core() {
  const std::size_t Q = Q_;
  std::vector<double> X = core_W_, raw(Q * r_), BX(Q * r_, 0.0);
  lapack::solve_triangular(S_.data(), X.data(), Q_, r_, true);
  for (int v = n_sparse_; v < n_nodes(); ++v) {
    const int k = k_of(v), c = core_column_[v];
    for (int b = 0; b < r_; ++b)
      for (int i = 0; i < k; ++i) {
        const std::int64_t at = coff_[v] + static_cast<std::int64_t>(i) * r_ + b;
        double s = 0.0;
        for (int a = 0; a <= i; ++a) s += lambda[factor_[v]][i * k + a] * X[c + a + b * Q];
        BX[c + i + b * Q] = B_[at] = s;
        raw[c + i + b * Q] = C_[at];
      }
  }
  lapack::symmetric_multiply(core_.data(), BX.data(), raw.data(), Q_, r_, -1.0, 1.0);
  for (int v = n_sparse_; v < n_nodes(); ++v)
    for (int i = 0; i < k_of(v); ++i)
      for (int b = 0; b < r_; ++b)
        H_[coff_[v] + static_cast<std::int64_t>(i) * r_ + b] = raw[core_column_[v] + i + b * Q];
}

// B_p = K (C - N B_R), H_p = (I - A K)(C - N B_R) with K = U'U.
void Elimination::solve_node(int p) {
  const int k = k_of(p);
  thread_local std::vector<double> c, Uc, AB;
  c.assign(C_of(p), C_of(p) + static_cast<std::ptrdiff_t>(k) * r_);
  add_later(p, N_of(p), B_.data(), r_, -1.0, c.data());
  const double* U = U_.data() + aoff_[p];
  double *B = B_.data() + coff_[p], *H = H_.data() + coff_[p];
  Uc.resize(c.size());
  AB.resize(c.size());
  multiply(U, c.data(), Uc.data(), k, k, r_);
  for (int a = 0; a < k; ++a)
    for (int i = 0; i < k; ++i)
      for (int b = 0; b < r_; ++b) B[i * r_ + b] += U[a * k + i] * Uc[a * r_ + b];
  multiply(A_of(p), B, AB.data(), k, k, r_);
  for (int i = 0; i < k * r_; ++i) H[i] = c[i] - AB[i];
}

void Elimination::raw_products(const std::vector<double>& w, std::vector<double>& out, int s) const {
  out.assign(e_total_ * s, 0.0);
  for (int p = 0; p < n_sparse_; ++p) {
    const int k = k_of(p);
    const double *A = A0_.data() + aoff_[p], *wp = w.data() + eoff_[p] * s;
    double* o = out.data() + eoff_[p] * s;
    for (int i = 0; i < k; ++i)
      for (int j = 0; j < k; ++j)
        for (int t = 0; t < s; ++t) o[i * s + t] += A[i * k + j] * wp[j * s + t];
    add_later(p, N0_.data() + noff_[p], w.data(), s, 1.0, o);
    add_to_later(p, N0_.data() + noff_[p], wp, s, 1.0, out.data());
  }
  if (Q_ == 0) return;
  const std::size_t Q = Q_;
  std::vector<double> x(Q * s), y(Q * s, 0.0);
  const std::int64_t first = eoff_[n_sparse_];
  for (std::size_t i = 0; i < Q; ++i)
    for (int t = 0; t < s; ++t) x[i + t * Q] = w[(first + i) * s + t];
  lapack::symmetric_multiply(core0_.data(), x.data(), y.data(), Q_, s, 1.0, 0.0);
  for (std::size_t i = 0; i < Q; ++i)
    for (int t = 0; t < s; ++t) out[(first + i) * s + t] += y[i + t * Q];
}

void Elimination::forward_columns(std::vector<double>& c, std::vector<double>& D, int s) const {
  std::vector<double> W, K;
  for (int p = 0; p < n_sparse_; ++p) {
    if (zero_factor_[factor_[p]]) continue;
    const int k = k_of(p), w = width_[p];
    const double *U = U_.data() + aoff_[p], *cp = c.data() + eoff_[p] * s;
    W.resize(static_cast<std::size_t>(k) * s);
    multiply(U, cp, W.data(), k, k, s);
    subtract_crossproduct(W.data(), k, s, D.data());
    if (w == 0) continue;
    K.assign(W.size(), 0.0);
    for (int a = 0; a < k; ++a)
      for (int i = 0; i < k; ++i)
        for (int t = 0; t < s; ++t) K[i * s + t] += U[a * k + i] * W[a * s + t];
    add_to_later(p, N_of(p), K.data(), s, -1.0, c.data());
  }
  if (Q_ == 0) return;
  const std::size_t Q = Q_;
  std::vector<double> X(Q * s, 0.0);
  for (int v = n_sparse_; v < n_nodes(); ++v) {
    const int k = k_of(v), col = core_column_[v];
    for (int j = 0; j < k; ++j)
      for (int a = j; a < k; ++a)
        for (int t = 0; t < s; ++t) X[col + j + t * Q] += lambda[factor_[v]][a * k + j] * c[(eoff_[v] + a) * s + t];
  }
  lapack::solve_triangular(S_.data(), X.data(), Q_, s, false);
  for (int a = 0; a < s; ++a)
    for (int b = 0; b <= a; ++b) {
      double sum = 0.0;
      for (std::size_t i = 0; i < Q; ++i) sum += X[i + a * Q] * X[i + b * Q];
      D[a * s + b] -= sum;
    }
}

}  // namespace ml
