// Derivatives on top of the elimination: selected inverse, gradient, average information.
#include <algorithm>

#include "elimination.hpp"
#include "lapack.hpp"

namespace ml {

namespace {

// Copies the lower triangle of a column-major matrix to the upper one, tile by tile (a column-wise copy misses the
// cache at every element).
void mirror_lower(double* M, std::size_t n) {
  constexpr std::size_t tile = 32;
  for (std::size_t J = 0; J < n; J += tile)
    for (std::size_t I = J; I < n; I += tile)
      for (std::size_t j = J; j < std::min(n, J + tile); ++j)
        for (std::size_t i = std::max(I, j + 1); i < std::min(n, I + tile); ++i) M[j + i * n] = M[i + j * n];
}

}  // namespace

void Elimination::derivatives(std::vector<double>& gradient, std::vector<double>& hessian) {
  solve_fixed();
  const int T = layout.n_theta;
  std::vector<std::vector<double>> dT(T);
  for (int i = 0; i < T; ++i) layout.fill_derivative(i, lambda[layout.factor_of(i)], dT[i]);
  average_information(dT, hessian);
  invert_selected();
  G.resize(layout.n_factors());
  sum_E.resize(layout.n_factors());
  for (int f = 0; f < layout.n_factors(); ++f) sum_gradient(f);
  chain_gradient(dT, gradient);
  for (int i = 0; i < T; ++i)
    for (int j = 0; j < T; ++j)
      if (layout.factor_of(i) == layout.factor_of(j))
        hessian[i * T + j] += layout.second_order(i, j, G[layout.factor_of(i)]);
}

// g = H_y - H_X beta of a node: Z_v'V^-1 (y - X beta).
void Elimination::residual_of(int v, std::vector<double>& g) const {
  const int k = k_of(v), p = fixed.p;
  const double* H = H_.data() + coff_[v];
  g.resize(k);
  for (int a = 0; a < k; ++a) {
    g[a] = H[a * r_ + p];
    for (int j = 0; j < p; ++j) g[a] -= H[a * r_ + j] * fixed.beta[j];
  }
}

// G = sum E - g g'/sigma^2 - H R H' over the levels of a factor.
void Elimination::sum_gradient(int f) {
  const int k = layout.effects[f], p = fixed.p;
  const double c = 1.0 / sigma2();
  std::vector<double> g, HR(static_cast<std::size_t>(k) * p);
  G[f].assign(static_cast<std::size_t>(k) * k, 0.0);
  sum_E[f].assign(static_cast<std::size_t>(k) * k, 0.0);
  for (int l = 0; l < levels[f]; ++l) {
    const int v = position_[f][l];
    const double *E = E_.data() + aoff_[v], *H = H_.data() + coff_[v];
    residual_of(v, g);
    if (criterion.reml)
      for (int a = 0; a < k; ++a)
        for (int j = 0; j < p; ++j) {
          double s = 0.0;
          for (int i = 0; i < p; ++i) s += H[a * r_ + i] * fixed.R[i * p + j];
          HR[a * p + j] = s;
        }
    for (int a = 0; a < k; ++a)
      for (int b = 0; b < k; ++b) {
        double s = E[a * k + b];
        sum_E[f][a * k + b] += s;
        s -= c * g[a] * g[b];
        if (criterion.reml)
          for (int j = 0; j < p; ++j) s -= HR[a * p + j] * H[b * r_ + j];
        G[f][a * k + b] += s;
      }
  }
}

// AI = N (K / r^2 - q q' / r^4), K_ij = y'P V_i P V_j P y with V_i = Z dT_i Z' (Gilmour, Thompson and Cullis 1995).
void Elimination::average_information(const std::vector<std::vector<double>>& dT, std::vector<double>& hessian) {
  const int T = layout.n_theta, p = fixed.p;
  hessian.assign(static_cast<std::size_t>(T) * T, 0.0);
  q.assign(T, 0.0);
  if (T == 0) return;
  std::vector<double> w(e_total_ * T, 0.0), c, HW(static_cast<std::size_t>(p) * T, 0.0);
  std::vector<double> g;
  for (int v = 0; v < n_nodes(); ++v) {
    const int f = factor_[v], k = layout.effects[f];
    const double* H = H_.data() + coff_[v];
    residual_of(v, g);
    for (int i = 0; i < T; ++i) {
      if (layout.factor_of(i) != f) continue;
      for (int a = 0; a < k; ++a) {
        double s = 0.0;
        for (int b = 0; b < k; ++b) s += dT[i][a * k + b] * g[b];
        w[(eoff_[v] + a) * T + i] = s;
        q[i] += s * g[a];
        for (int j = 0; j < p; ++j) HW[static_cast<std::size_t>(j) * T + i] += H[a * r_ + j] * s;
      }
    }
  }
  raw_products(w, c, T);
  std::vector<double> K(static_cast<std::size_t>(T) * T, 0.0);
  for (std::int64_t e = 0; e < e_total_; ++e)
    for (int i = 0; i < T; ++i)
      for (int j = 0; j <= i; ++j) K[i * T + j] += w[e * T + i] * c[e * T + j];
  forward_columns(c, K, T);
  std::vector<double> LW = HW;
  solve_lower(fixed.L.data(), LW.data(), p, T);
  const double s2 = sigma2(), N = dof();
  for (int i = 0; i < T; ++i)
    for (int j = 0; j <= i; ++j) {
      double k = K[i * T + j];
      for (int a = 0; a < p; ++a) k -= LW[static_cast<std::size_t>(a) * T + i] * LW[static_cast<std::size_t>(a) * T + j];
      double h = k / s2;
      if (!sigma_known()) h -= q[i] * q[j] / (N * s2 * s2);
      hessian[i * T + j] = hessian[j * T + i] = h;
    }
}

// Conditional covariances on the pattern of the lists (Takahashi, Fagan and Chin 1973) and E = (Z'V^-1 Z)_vv.
void Elimination::invert_selected() {
  cov_.assign(aoff_.back(), 0.0);
  E_.assign(aoff_.back(), 0.0);
  covN_.assign(store_from_ < n_sparse_ ? noff_.back() - noff_[store_from_] : 0, 0.0);
  if (Q_ > 0) core_covariances();
  for (int v = n_sparse_; v < n_nodes(); ++v) core_information(v);
  for (int p = n_sparse_ - 1; p >= 0; --p) selected_node(p);
}

// S := Lambda S^-1 Lambda' (full): the conditional covariances of the core's effects.
void Elimination::core_covariances() {
  const std::size_t Q = Q_;
  lapack::invert_from_cholesky(S_.data(), Q_);
  mirror_lower(S_.data(), Q);
  mirror_lower(core_.data(), Q);
  std::vector<double> row;
  for (int v = n_sparse_; v < n_nodes(); ++v) {  // S^-1 Lambda', column by column
    const int k = k_of(v), c = core_column_[v];
    const double* lam = lambda[factor_[v]].data();
    if (k == 1) {
      for (std::size_t i = 0; i < Q; ++i) S_[i + c * Q] *= lam[0];
      continue;
    }
    row.resize(k);
    for (std::size_t i = 0; i < Q; ++i) {
      for (int a = 0; a < k; ++a) {
        row[a] = 0.0;
        for (int b = 0; b <= a; ++b) row[a] += lam[a * k + b] * S_[i + (c + b) * Q];
      }
      for (int a = 0; a < k; ++a) S_[i + (c + a) * Q] = row[a];
    }
  }
  for (std::size_t j = 0; j < Q; ++j) {  // Lambda (S^-1 Lambda')
    double* s = S_.data() + j * Q;
    for (int v = n_sparse_; v < n_nodes(); ++v) {
      const int k = k_of(v), c = core_column_[v];
      const double* lam = lambda[factor_[v]].data();
      for (int a = k - 1; a >= 0; --a) {
        double x = 0.0;
        for (int b = 0; b <= a; ++b) x += lam[a * k + b] * s[c + b];
        s[c + a] = x;
      }
    }
  }
}

// E_vv of a core node from core Cov = E T where Lambda is regular, else E = core_vv - core_v. Cov core_.v.
void Elimination::core_information(int v) {
  const std::size_t Q = Q_;
  const int k = k_of(v), c = core_column_[v];
  const double* lam = lambda[factor_[v]].data();
  double *E = E_.data() + aoff_[v], *cov = cov_.data() + aoff_[v];
  double smallest = std::abs(lam[0]);
  for (int a = 1; a < k; ++a) smallest = std::min(smallest, std::abs(lam[a * k + a]));
  for (int a = 0; a < k; ++a)
    for (int b = 0; b < k; ++b) cov[a * k + b] = S_[c + a + (c + b) * Q];
  if (smallest > 1e-5) {
    std::vector<double> Y(static_cast<std::size_t>(k) * k);  // (E T)' = T E
    for (int a = 0; a < k; ++a)
      for (int b = 0; b < k; ++b) {
        const double *x = core_.data() + (c + a) * Q, *y = S_.data() + (c + b) * Q;
        double s = 0.0;
        for (std::size_t i = 0; i < Q; ++i) s += x[i] * y[i];
        Y[b * k + a] = s;
      }
    solve_lower(lam, Y.data(), k, k);
    solve_lower_transposed(lam, Y.data(), k, k);
    for (int a = 0; a < k; ++a)
      for (int b = 0; b < k; ++b) E[a * k + b] = 0.5 * (Y[a * k + b] + Y[b * k + a]);
    return;
  }
  std::vector<double> KX(Q * k, 0.0);
  const double* column = core_.data() + static_cast<std::size_t>(c) * Q;
  lapack::symmetric_multiply(S_.data(), column, KX.data(), Q_, k, 1.0, 0.0);
  for (int a = 0; a < k; ++a)
    for (int b = 0; b < k; ++b) {
      double s = core_[c + a + (c + b) * Q];
      for (std::size_t i = 0; i < Q; ++i) s -= column[i + a * Q] * KX[i + b * Q];
      E[a * k + b] = s;
    }
}

// Gamma for one scalar node whose list lies in the core: N (cov_RR) N'.
double Elimination::quadratic_scalar(int p) const {
  const auto begin = list_start_[p], end = list_start_[p + 1];
  const double* N = N_of(p);
  thread_local std::vector<int> row;
  thread_local std::vector<double> n;
  row.clear();
  n.clear();
  for (auto e = begin; e < end; ++e)
    for (int j = 0; j < k_of(list_[e]); ++j) {
      row.push_back(core_column_[list_[e]] + j);
      n.push_back(N[list_column_[e] + j]);
    }
  double total = 0.0;
  const int w = static_cast<int>(row.size());
  for (int a = 0; a < w; ++a) {
    const double* column = S_.data() + static_cast<std::size_t>(row[a]) * Q_;
    double s = 0.5 * n[a] * column[row[a]];
    for (int b = a + 1; b < w; ++b) s += n[b] * column[row[b]];
    total += 2.0 * n[a] * s;
  }
  return total;
}

// T1 (k x w) = N (cov_RR).
void Elimination::gather_product(int p, std::vector<double>& T1) const {
  const int k = k_of(p), w = width_[p];
  const double* N = N_of(p);
  T1.assign(static_cast<std::size_t>(k) * w, 0.0);
  const auto begin = list_start_[p], end = list_start_[p + 1];
  for (auto e = begin; e < end; ++e) {
    const int u = list_[e], ku = k_of(u), cu = list_column_[e];
    auto at = u < n_sparse_ ? list_start_[u] : 0;
    for (auto h = e; h < end; ++h) {
      const int v = list_[h], kv = k_of(v), cv = list_column_[h];
      const double* block = nullptr;  // (u, v), element (i, j) at i * row + j * col
      std::ptrdiff_t row = 0, col = 0;
      if (u >= n_sparse_) {
        block = S_.data() + core_column_[u] + static_cast<std::size_t>(core_column_[v]) * Q_;
        row = 1;
        col = Q_;
      } else if (h == e) {
        block = cov_.data() + aoff_[u];
        row = ku;
        col = 1;
      } else {
        while (list_[at] != v) ++at;
        block = covN_.data() + (noff_[u] - noff_[store_from_]) + list_column_[at];
        row = width_[u];
        col = 1;
      }
      for (int i = 0; i < ku; ++i)
        for (int j = 0; j < kv; ++j) {
          const double x = block[i * row + j * col];
          for (int a = 0; a < k; ++a) {
            T1[a * w + cv + j] += N[a * w + cu + i] * x;
            if (h != e) T1[a * w + cu + i] += N[a * w + cv + j] * x;
          }
        }
    }
  }
}

void Elimination::selected_node(int p) {
  const int k = k_of(p), w = width_[p];
  const double *A = A_of(p), *U = U_.data() + aoff_[p];
  double *cov = cov_.data() + aoff_[p], *E = E_.data() + aoff_[p];
  const bool store = p >= store_from_ && w > 0;
  thread_local std::vector<double> T1, K, AK, J, gamma, tmp, tmp2;
  const std::size_t kk = static_cast<std::size_t>(k) * k;
  K.assign(kk, 0.0);
  for (int a = 0; a < k; ++a)
    for (int i = 0; i < k; ++i)
      for (int j = 0; j < k; ++j) K[i * k + j] += U[a * k + i] * U[a * k + j];
  gamma.assign(kk, 0.0);
  if (w > 0) {
    if (k == 1 && !store && list_[list_start_[p]] >= n_sparse_) {
      gamma[0] = quadratic_scalar(p);
    } else {
      if (run_[p])
        multiply_core(p, T1);
      else
        gather_product(p, T1);
      for (int a = 0; a < k; ++a)
        for (int b = 0; b < k; ++b)
          for (int j = 0; j < w; ++j) gamma[a * k + b] += T1[a * w + j] * N_of(p)[b * w + j];
    }
  }
  AK.resize(kk);
  tmp.resize(kk);
  tmp2.resize(kk);
  multiply(A, K.data(), AK.data(), k, k, k);
  J.resize(kk);  // I - A K
  for (int a = 0; a < k; ++a)
    for (int b = 0; b < k; ++b) J[a * k + b] = (a == b ? 1.0 : 0.0) - AK[a * k + b];
  multiply(J.data(), A, E, k, k, k);  // A - A K A
  multiply(J.data(), gamma.data(), tmp.data(), k, k, k);
  for (int a = 0; a < k; ++a)
    for (int b = 0; b < k; ++b)
      for (int c = 0; c < k; ++c) E[a * k + b] -= tmp[a * k + c] * J[b * k + c];
  multiply(K.data(), gamma.data(), tmp.data(), k, k, k);
  multiply(tmp.data(), K.data(), tmp2.data(), k, k, k);
  for (std::size_t i = 0; i < kk; ++i) cov[i] = K[i] + tmp2[i];
  if (!store) return;
  double* out = covN_.data() + (noff_[p] - noff_[store_from_]);
  for (int a = 0; a < k; ++a)
    for (int c = 0; c < k; ++c)
      for (int j = 0; j < w; ++j) out[a * w + j] -= K[a * k + c] * T1[c * w + j];
}

// cov(u, v) = -K_u sum_{a in list(u)} N_a cov(a, v) for u before v; recursion ends in the core or on the diagonal.
void Elimination::covariance_between(int u, int v, double* out) const {
  const int ku = k_of(u), kv = k_of(v);
  if (u == v) {
    std::copy(cov_.begin() + aoff_[u], cov_.begin() + aoff_[u + 1], out);
    return;
  }
  std::vector<double> sum(static_cast<std::size_t>(ku) * kv, 0.0), part;
  if (u > v) {
    covariance_between(v, u, sum.data());
    for (int i = 0; i < ku; ++i)
      for (int j = 0; j < kv; ++j) out[i * kv + j] = sum[j * ku + i];
    return;
  }
  if (u >= n_sparse_) {
    for (int i = 0; i < ku; ++i)
      for (int j = 0; j < kv; ++j)
        out[i * kv + j] = S_[core_column_[u] + i + static_cast<std::size_t>(core_column_[v] + j) * Q_];
    return;
  }
  for (auto e = list_start_[u]; e < list_start_[u + 1]; ++e) {
    const int a = list_[e], ka = k_of(a);
    part.resize(static_cast<std::size_t>(ka) * kv);
    covariance_between(a, v, part.data());
    for (int i = 0; i < ku; ++i)
      for (int c = 0; c < ka; ++c)
        for (int j = 0; j < kv; ++j)
          sum[i * kv + j] -= N_of(u)[i * width_[u] + list_column_[e] + c] * part[c * kv + j];
  }
  const double* U = U_.data() + aoff_[u];
  std::fill(out, out + static_cast<std::ptrdiff_t>(ku) * kv, 0.0);
  for (int c = 0; c < ku; ++c)
    for (int i = 0; i < ku; ++i)
      for (int b = 0; b < ku; ++b)
        for (int j = 0; j < kv; ++j) out[i * kv + j] += U[c * ku + i] * U[c * ku + b] * sum[b * kv + j];
}

}  // namespace ml
