// Exact gradient of the Laplace approximation by implicit differentiation of the mode.
//
// With s_i = z_i'Cov z_i, Cov = Lambda H^-1 Lambda', c_i = s_i w_i'/2 (w' the derivative of the weight by eta) and the
// adjoint b = Cov Z'c, everything the gradient needs of the mode's movement is r = c - W Z b:
//   dL/dbeta = X'(d1 - r),   dL/dT = (sum_j h h' - h k' - k h' - E) / 2,   h = Z'd1, k = Z'r by level,
//   dL/da = l_a + s l_(eta eta a) / 2 - (Z b) l_(eta a),   E the diagonal blocks of Z'(W^-1 + Z T Z')^-1 Z.
#include <cmath>

#include "laplace.hpp"

namespace ml {

// z_i'Cov z_i over all factors of a row.
void Laplace::row_variances(std::vector<double>& s) const {
  s.assign(n(), 0.0);
  const int F = static_cast<int>(factors_.size());
  const double *cov = e_->node_covariances().data(), *pairs = e_->pair_covariances(), *core = e_->core_covariances_of_pairs();
  for (int f = 0; f < F; ++f) {
    const int k = factors_[f].K;
    const double* z = factors_[f].Z.data();
    for (std::int64_t i = 0; i < n(); ++i, z += k) {
      const double* block = cov + at_block_[f][i];
      for (int a = 0; a < k; ++a)
        for (int b = 0; b < k; ++b) s[i] += z[a] * block[a * k + b] * z[b];
    }
    for (int g = f + 1; g < F; ++g) {
      const int kg = factors_[g].K;
      const double *zf = factors_[f].Z.data(), *zg = factors_[g].Z.data();
      for (std::int64_t i = 0; i < n(); ++i, zf += k, zg += kg) {
        const Elimination::Spot& spot = at_pair_[f][g][i];
        const double* block = (spot.core ? core : pairs) + spot.at;
        for (int a = 0; a < k; ++a)
          for (int b = 0; b < kg; ++b)
            s[i] += 2.0 * zf[a] * zg[b] *
                    block[static_cast<std::int64_t>(a) * spot.stride_f + static_cast<std::int64_t>(b) * spot.stride_g];
      }
    }
  }
}

// X'WX less what the effects take: X'(W^-1 + Z T Z')^-1 X.
void Laplace::fixed_information(const std::vector<double>& d2) {
  information_beta.assign(static_cast<std::size_t>(p_) * p_, 0.0);
  std::vector<double> c(u_.size() * p_, 0.0);
  for (std::int64_t i = 0; i < n(); ++i)
    for (int a = 0; a < p_; ++a) {
      const double wx = -d2[i] * X_[a * n() + i];
      for (int b = 0; b <= a; ++b) information_beta[a * p_ + b] += wx * X_[b * n() + i];
      for (std::size_t f = 0; f < factors_.size(); ++f)
        for (int j = 0; j < factors_[f].K; ++j)
          c[(at_effect_[f][i] + j) * p_ + a] += wx * factors_[f].Z[i * factors_[f].K + j];
    }
  e_->forward_columns(c, information_beta, p_);
  for (int a = 0; a < p_; ++a)
    for (int b = 0; b < a; ++b) information_beta[b * p_ + a] = information_beta[a * p_ + b];
}

void Laplace::differentiate(const double*) {
  fixed_information(rows_.d2);
  e_->invert_selected();
  std::vector<double> s, adjoint, zb(n()), r(n()), h, k;
  row_variances(s);
  for (std::int64_t i = 0; i < n(); ++i) r[i] = -0.5 * rows_.d3[i] * s[i];
  sum_by_level(r, adjoint);
  e_->solve_selected(adjoint);
  effects_of_rows(adjoint, zb);
  for (std::int64_t i = 0; i < n(); ++i) r[i] += rows_.d2[i] * zb[i];
  gradient_beta.assign(p_, 0.0);
  for (int j = 0; j < p_; ++j)
    for (std::int64_t i = 0; i < n(); ++i) gradient_beta[j] -= 2.0 * X_[j * n() + i] * (rows_.d1[i] - r[i]);
  sum_by_level(rows_.d1, h);
  sum_by_level(r, k);
  multiply_transposed(h, trial_);
  inner_gradient = 0.0;
  for (std::size_t j = 0; j < u_.size(); ++j) inner_gradient = std::max(inner_gradient, std::abs(u_[j] - trial_[j]));
  gradient_of_covariances(h, k);
  const int n_aux = response_.n_aux();
  gradient_aux.assign(response_.n_global, 0.0);
  gradient_rows_aux.assign(response_.inflated ? n() : 0, 0.0);
  for (int j = 0; j < n_aux; ++j)
    for (std::int64_t i = 0; i < n(); ++i) {
      const double g = -2.0 * (rows_.by_aux[j][i] + 0.5 * s[i] * rows_.curved[j][i] - zb[i] * rows_.cross[j][i]);
      if (response_.ordinal()) {
        const int threshold = static_cast<int>(response_.y[i]) - 2 + j;
        if (threshold >= 0 && threshold < response_.n_global) gradient_aux[threshold] += g;
      } else if (j < response_.n_global) {
        gradient_aux[j] += g;
      } else {
        gradient_rows_aux[i] = g;
      }
    }
}

// G = d(-2 log L)/dT by factor, and its chain to theta.
void Laplace::gradient_of_covariances(const std::vector<double>& h, const std::vector<double>& k) {
  const int F = layout_.n_factors();
  G.assign(F, {});
  for (int f = 0; f < F; ++f) G[f].assign(static_cast<std::size_t>(factors_[f].K) * factors_[f].K, 0.0);
  for (int v = 0; v < e_->n_nodes(); ++v) {
    const int f = e_->factor_of_node(v), K = e_->k_of(v);
    const double *E = e_->information().data() + e_->a_offset(v), *hv = h.data() + e_->effect_offset(v),
                 *kv = k.data() + e_->effect_offset(v);
    for (int a = 0; a < K; ++a)
      for (int b = 0; b < K; ++b) G[f][a * K + b] += E[a * K + b] - hv[a] * hv[b] + hv[a] * kv[b] + kv[a] * hv[b];
  }
  gradient_theta.assign(layout_.n_theta, 0.0);
  std::vector<double> dT;
  for (int i = 0; i < layout_.n_theta; ++i) {
    const int f = layout_.factor_of(i);
    layout_.fill_derivative(i, lambda_[f], dT);
    for (std::size_t e = 0; e < dT.size(); ++e) gradient_theta[i] += G[f][e] * dT[e];
  }
}

namespace {

std::vector<double> by_level(const Elimination& e, int f, int m, int size, const double* from, auto offset) {
  std::vector<double> out;
  out.reserve(static_cast<std::size_t>(m) * size);
  for (int l = 0; l < m; ++l) {
    const double* at = from + offset(e.node(f, l));
    out.insert(out.end(), at, at + size);
  }
  return out;
}

}  // namespace

std::vector<double> Laplace::modes(int f) const {
  std::vector<double> b;
  multiply_lambda(u_, b);
  return by_level(*e_, f, factors_[f].m, factors_[f].K, b.data(), [&](int v) { return e_->effect_offset(v); });
}

std::vector<double> Laplace::covariances(int f) const {
  const int K = factors_[f].K;
  return by_level(*e_, f, factors_[f].m, K * K, e_->node_covariances().data(), [&](int v) { return e_->a_offset(v); });
}

}  // namespace ml
