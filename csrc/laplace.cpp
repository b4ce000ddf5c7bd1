// The mode of the effects by guarded Newton steps, and the value of the Laplace approximation.
#include "laplace.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ml {

namespace {

constexpr int most_steps = 100, most_halvings = 40;
constexpr double close = 1e-9;  // decrement of the Newton step after which one more full step ends the search

Moments empty_moments(const std::vector<FactorRows>& factors, const std::vector<PairTable>& pairs) {
  Moments m;
  for (const FactorRows& f : factors) {
    m.effects.push_back(f.K);
    m.levels.push_back(f.m);
    m.A.emplace_back(static_cast<std::size_t>(f.m) * f.K * f.K, 0.0);
    m.C.emplace_back(static_cast<std::size_t>(f.m) * f.K, 0.0);
  }
  m.D.assign(1, 0.0);
  m.pairs = pairs;
  return m;
}

}  // namespace

Laplace::Laplace(Response response, std::vector<double> offset, std::vector<double> X, int p,
                 std::vector<FactorRows> factors, Layout layout, const std::vector<PairTable>& pairs, int max_core)
    : response_(std::move(response)),
      offset_(std::move(offset)),
      X_(std::move(X)),
      p_(p),
      factors_(std::move(factors)),
      layout_(std::move(layout)) {
  layout_.finish();
  constant_ = response_.constant();
  e_ = std::make_unique<Elimination>(empty_moments(factors_, pairs), layout_, Criterion{false, 1.0, 1.0}, max_core);
  e_->keep_all_covariances();
  const int F = static_cast<int>(factors_.size());
  at_effect_.resize(F);
  at_block_.resize(F);
  at_pair_.assign(F, std::vector<std::vector<Elimination::Spot>>(F));
  for (int f = 0; f < F; ++f) {
    for (std::int32_t level : factors_[f].level) {
      at_effect_[f].push_back(e_->effect_offset(e_->node(f, level)));
      at_block_[f].push_back(e_->a_offset(e_->node(f, level)));
    }
    for (int g = f + 1; g < F; ++g)
      for (std::int64_t i = 0; i < n(); ++i)
        at_pair_[f][g].push_back(e_->spot(f, factors_[f].level[i], g, factors_[g].level[i]));
  }
  u_.assign(e_->total_effects(), 0.0);
  for (auto* v : {&xb_, &eta_, &eta_new_, &zb_, &d1_, &d2_, &work_}) v->assign(n(), 0.0);
}

// b = Lambda u by node.
void Laplace::multiply_lambda(const std::vector<double>& u, std::vector<double>& b) const {
  b.assign(u.size(), 0.0);
  for (int v = 0; v < e_->n_nodes(); ++v) {
    const int k = e_->k_of(v);
    const double *lam = lambda_[e_->factor_of_node(v)].data(), *from = u.data() + e_->effect_offset(v);
    double* to = b.data() + e_->effect_offset(v);
    for (int i = 0; i < k; ++i)
      for (int a = 0; a <= i; ++a) to[i] += lam[i * k + a] * from[a];
  }
}

// u = Lambda'h by node.
void Laplace::multiply_transposed(const std::vector<double>& h, std::vector<double>& u) const {
  u.assign(h.size(), 0.0);
  for (int v = 0; v < e_->n_nodes(); ++v) {
    const int k = e_->k_of(v);
    const double *lam = lambda_[e_->factor_of_node(v)].data(), *from = h.data() + e_->effect_offset(v);
    double* to = u.data() + e_->effect_offset(v);
    for (int a = 0; a < k; ++a)
      for (int i = a; i < k; ++i) to[a] += lam[i * k + a] * from[i];
  }
}

void Laplace::effects_of_rows(const std::vector<double>& b, std::vector<double>& rows) const {
  std::fill(rows.begin(), rows.end(), 0.0);
  for (std::size_t f = 0; f < factors_.size(); ++f) {
    const int k = factors_[f].K;
    const double* z = factors_[f].Z.data();
    for (std::int64_t i = 0; i < n(); ++i, z += k) {
      const double* bi = b.data() + at_effect_[f][i];
      for (int a = 0; a < k; ++a) rows[i] += z[a] * bi[a];
    }
  }
}

void Laplace::sum_by_level(const std::vector<double>& rows, std::vector<double>& by_node) const {
  by_node.assign(u_.size(), 0.0);
  for (std::size_t f = 0; f < factors_.size(); ++f) {
    const int k = factors_[f].K;
    const double* z = factors_[f].Z.data();
    for (std::int64_t i = 0; i < n(); ++i, z += k) {
      double* to = by_node.data() + at_effect_[f][i];
      for (int a = 0; a < k; ++a) to[a] += z[a] * rows[i];
    }
  }
}

// Z'WZ with W = -d2, and Z'r of a response if one is given.
void Laplace::scatter(const std::vector<double>& d2, const std::vector<double>* r) {
  const Elimination::Values to = e_->clear_values();
  const int F = static_cast<int>(factors_.size());
  for (int f = 0; f < F; ++f) {
    const int k = factors_[f].K;
    const double* z = factors_[f].Z.data();
    for (std::int64_t i = 0; i < n(); ++i, z += k) {
      double* A = to.A + at_block_[f][i];
      for (int a = 0; a < k; ++a)
        for (int b = 0; b < k; ++b) A[a * k + b] -= d2[i] * z[a] * z[b];
      if (!r) continue;
      double* C = to.C + at_effect_[f][i];
      for (int a = 0; a < k; ++a) C[a] += z[a] * (*r)[i];
    }
    for (int g = f + 1; g < F; ++g) {
      const int kg = factors_[g].K;
      const double *zf = factors_[f].Z.data(), *zg = factors_[g].Z.data();
      for (std::int64_t i = 0; i < n(); ++i, zf += k, zg += kg) {
        const Elimination::Spot& spot = at_pair_[f][g][i];
        double* N = (spot.core ? to.core : to.N) + spot.at;
        for (int a = 0; a < k; ++a)
          for (int b = 0; b < kg; ++b)
            N[static_cast<std::int64_t>(a) * spot.stride_f + static_cast<std::int64_t>(b) * spot.stride_g] -= d2[i] * zf[a] * zg[b];
      }
    }
  }
  e_->finish_values();
}

// u_new_ = H^-1 Lambda'Z'(d1 + W Z b); false where H is not positive definite.
bool Laplace::newton_step(const double* theta) {
  for (std::int64_t i = 0; i < n(); ++i) work_[i] = d1_[i] - d2_[i] * zb_[i];
  scatter(d2_, &work_);
  double log_det = 0.0;
  if (!e_->reduce(theta, log_det)) return false;
  e_->solve_fixed();
  multiply_transposed(e_->H(), u_new_);
  return true;
}

// Guarded Newton on -sum log f + u'u/2: a step is taken only if it falls, and halved until it does.
bool Laplace::find_mode(const double* theta, const double* aux, const double* rows_aux) {
  auto at = [&](const std::vector<double>& u) {
    multiply_lambda(u, b_);
    effects_of_rows(b_, zb_);
    for (std::int64_t i = 0; i < n(); ++i) eta_new_[i] = xb_[i] + zb_[i];
    double f = -two_derivatives(response_, aux, rows_aux, eta_new_.data(), 0, n(), d1_.data(), d2_.data());
    for (double x : u) f += 0.5 * x * x;
    return f;
  };
  double f = at(u_);
  if (!std::isfinite(f)) {
    forget();
    f = at(u_);
    if (!std::isfinite(f)) return false;
  }
  std::vector<double> step(u_.size()), slope;
  for (inner_steps = 0; inner_steps < most_steps; ++inner_steps) {
    sum_by_level(d1_, slope);
    multiply_transposed(slope, trial_);
    const std::vector<double> gradient = [&] {  // of f
      std::vector<double> g(u_.size());
      for (std::size_t j = 0; j < g.size(); ++j) g[j] = u_[j] - trial_[j];
      return g;
    }();
    if (!newton_step(theta)) {  // observed weights can be negative: the positive ones always give a descent
      for (double& x : d2_) x = std::min(x, 0.0);
      if (!newton_step(theta)) return false;
    }
    double decrement = 0.0;
    for (std::size_t j = 0; j < u_.size(); ++j) {
      step[j] = u_new_[j] - u_[j];
      decrement -= gradient[j] * step[j];
    }
    if (!std::isfinite(decrement)) return false;
    double length = 1.0, next = 0.0;
    int halvings = 0;
    for (; halvings < most_halvings; ++halvings, length *= 0.5) {
      for (std::size_t j = 0; j < u_.size(); ++j) trial_[j] = u_[j] + length * step[j];
      next = at(trial_);
      if (next <= f - 1e-4 * length * decrement + 1e-12 * std::abs(f)) break;
    }
    if (halvings == most_halvings) return false;
    u_ = trial_;
    f = next;
    if (decrement < close && length == 1.0) return true;
  }
  return false;
}

double Laplace::evaluate(const double* beta, const double* theta, const double* aux, const double* rows_aux,
                         bool with_gradient) {
  constexpr double undefined = std::numeric_limits<double>::infinity();
  lambda_.resize(factors_.size());
  for (int f = 0; f < layout_.n_factors(); ++f) layout_.fill_lambda(theta, f, lambda_[f]);
  xb_ = offset_;
  for (int j = 0; j < p_; ++j)
    for (std::int64_t i = 0; i < n(); ++i) xb_[i] += beta[j] * X_[j * n() + i];
  if (!find_mode(theta, aux, rows_aux)) {
    forget();
    if (!find_mode(theta, aux, rows_aux)) {
      forget();
      return undefined;
    }
  }
  eta_ = eta_new_;
  rows_.resize(n(), response_.n_aux());
  all_derivatives(response_, aux, rows_aux, eta_.data(), 0, n(), rows_);
  scatter(rows_.d2, nullptr);
  double log_det = 0.0, twice = -2.0 * constant_;
  if (!e_->reduce(theta, log_det)) return undefined;
  for (double l : rows_.l) twice -= 2.0 * l;
  for (double u : u_) twice += u * u;
  if (with_gradient) differentiate(aux);
  return twice + log_det;
}

}  // namespace ml
