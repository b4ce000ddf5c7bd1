// Exact gradient of the Laplace approximation by implicit differentiation of the mode.
//
// With s_i = z_i'Cov z_i, Cov = Lambda H^-1 Lambda', c_i = s_i w_i'/2 (w' the derivative of the weight by eta) and the
// adjoint b = Cov Z'c, everything the gradient needs of the mode's movement is r = c - W Z b:
//   dL/dbeta = X'(d1 - r),   dL/dT = (sum_j h h' - h k' - k h' - E) / 2,   h = Z'd1, k = Z'r by level,
//   dL/da = l_a + s l_(eta eta a) / 2 - (Z b) l_(eta a),   E the diagonal blocks of Z'(W^-1 + Z T Z')^-1 Z.
#include <cmath>

#include "laplace_chunks.hpp"

namespace ml {

// X'WX less what the effects take: X'(W^-1 + Z T Z')^-1 X.
std::vector<double> Laplace::fixed_information() {
  std::vector<double> found(static_cast<std::size_t>(p_) * p_, 0.0), c(u_.size() * p_, 0.0), WX(static_cast<std::size_t>(p_) * rows_at_once);
  by_chunk([&](std::int64_t first, std::int64_t last) {
    for (int a = 0; a < p_; ++a) {
      double* w = WX.data() + a * rows_at_once;
      for (std::int64_t i = first; i < last; ++i) w[i - first] = -at_.d2[i] * X_[a * n() + i];
      for (int b = 0; b <= a; ++b) found[a * p_ + b] += dot(w, X_.data() + b * n() + first, last - first);
    }
    rows_.add_columns(WX.data(), rows_at_once, p_, first, last, c.data());
  });
  double log_det = 0.0;
  e_->reduce(theta_.data(), log_det);
  e_->forward_columns(c, found, p_);
  for (int a = 0; a < p_; ++a)
    for (int b = 0; b < a; ++b) found[b * p_ + a] = found[a * p_ + b];
  return found;
}

// k = Z'r = Z'c - Z'WZ b needs no rows.
void Laplace::differentiate() {
  e_->invert_selected();
  for (auto* v : {&s_, &zb_, &r_}) v->resize(n());
  std::vector<double> sums(u_.size(), 0.0);
  by_chunk([&](std::int64_t first, std::int64_t last) {
    std::fill(s_.begin() + first, s_.begin() + last, 0.0);
    rows_.add_variances(e_->node_covariances().data(), e_->pair_covariances(), e_->core_covariances_of_pairs(), first,
                        last, s_.data());
    for (std::int64_t i = first; i < last; ++i) r_[i] = -0.5 * at_.d3[i] * s_[i];
    rows_.add_sums(r_.data(), first, last, sums.data());
  });
  std::vector<double> adjoint = sums;
  e_->solve_selected(adjoint);
  gradient_beta.assign(p_, 0.0);
  by_chunk([&](std::int64_t first, std::int64_t last) {
    std::fill(zb_.begin() + first, zb_.begin() + last, 0.0);
    rows_.add_effects(adjoint.data(), first, last, zb_.data());
    for (std::int64_t i = first; i < last; ++i) r_[i] = at_.d1[i] - r_[i] - at_.d2[i] * zb_[i];
    for (int j = 0; j < p_; ++j) gradient_beta[j] -= 2.0 * dot(X_.data() + j * n() + first, r_.data() + first, last - first);
  });
  e_->raw_products(adjoint, product_, 1);
  for (std::size_t j = 0; j < sums.size(); ++j) sums[j] -= product_[j];
  gradient_of_effects(u_);
  inner_gradient = 0.0;
  for (double x : gradient_) inner_gradient = std::max(inner_gradient, std::abs(x));
  gradient_of_covariances(slope_, sums);
  gradient_of_auxiliary();
}

void Laplace::gradient_of_auxiliary() {
  const int n_aux = response_.n_aux();
  gradient_aux.assign(response_.n_global, 0.0);
  gradient_rows_aux.assign(response_.inflated ? n() : 0, 0.0);
  for (int j = 0; j < n_aux; ++j)
    for (std::int64_t i = 0; i < n(); ++i) {
      const double g = -2.0 * (at_.by_aux[j][i] + 0.5 * s_[i] * at_.curved[j][i] - zb_[i] * at_.cross[j][i]);
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
  for (int f = 0; f < F; ++f) G[f].assign(static_cast<std::size_t>(factors()[f].K) * factors()[f].K, 0.0);
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
  return by_level(*e_, f, factors()[f].m, factors()[f].K, b.data(), [&](int v) { return e_->effect_offset(v); });
}

std::vector<double> Laplace::whitened_modes() const {
  return by_level(*e_, 0, factors()[0].m, factors()[0].K, u_.data(), [&](int v) { return e_->effect_offset(v); });
}

std::vector<double> Laplace::covariances(int f) const {
  const int K = factors()[f].K;
  return by_level(*e_, f, factors()[f].m, K * K, e_->node_covariances().data(), [&](int v) { return e_->a_offset(v); });
}

}  // namespace ml
