// The mode of the effects by guarded Newton steps, and the value of the Laplace approximation.
#include "laplace.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "canonical.hpp"
#include "families/links.hpp"
#include "laplace_chunks.hpp"

namespace ml {

namespace {

constexpr int most_steps = 100, most_halvings = 40;
constexpr double close = 1e-9;     // decrement of a full Newton step that ends the search
constexpr double at_rest = 1e-22;  // half the squared gradient, a bound of the next decrement, that ends it as well

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

// Whether the density of a row falls to nothing, or leaps, where its linear predictor changes sign.
bool has_poles(const Response& r) {
  const auto link = static_cast<families::Link>(r.link);
  return link == families::Link::sqrt || link == families::Link::inverse;
}

Layout finished(Layout layout) {
  layout.finish();
  return layout;
}

}  // namespace

Laplace::Laplace(Response response, RowVector<double> offset, RowVector<double> X, int p,
                 std::vector<FactorRows> factors, Layout layout, const std::vector<PairTable>& pairs, int max_core)
    : response_(std::move(response)),
      canonical_(canonical(response_)),
      poles_(has_poles(response_)),
      constant_(response_.constant()),
      offset_(std::move(offset)),
      X_(std::move(X)),
      p_(p),
      layout_(finished(std::move(layout))),
      e_(std::make_unique<Elimination>(empty_moments(factors, pairs), layout_, Criterion{false, 1.0, 1.0}, max_core)),
      rows_(std::move(factors), *e_) {
  e_->keep_all_covariances();
  u_.assign(e_->total_effects(), 0.0);
  for (auto* v : {&step_, &trial_}) v->assign(u_.size(), 0.0);
  for (auto* v : {&xb_, &eta_}) v->assign(n(), 0.0);
  at_.resize(n(), response_.n_aux());
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

void Laplace::linear_predictor(const double* beta) {
  by_chunk([&](std::int64_t first, std::int64_t last) {
    std::copy(offset_.begin() + first, offset_.begin() + last, xb_.begin() + first);
    for (int j = 0; j < p_; ++j) {
      const double* x = X_.data() + j * n();
      for (std::int64_t i = first; i < last; ++i) xb_[i] += beta[j] * x[i];
    }
  });
}

// -sum log f + u'u/2 with the rows' derivatives, Z'WZ, Z'd1 and Z'WZ b.
double Laplace::at_effects(const std::vector<double>& u, const double* aux, const double* rows_aux) {
  multiply_lambda(u, b_);
  values_ = e_->clear_values();
  double f = 0.0;
  by_chunk([&](std::int64_t first, std::int64_t last) {
    std::copy(xb_.begin() + first, xb_.begin() + last, eta_.begin() + first);
    rows_.add_effects(b_.data(), first, last, eta_.data());
    f -= canonical_ ? canonical_rows(response_, eta_.data(), first, last, nullptr, at_.d1.data(), at_.d2.data(), at_.d3.data())
                    : two_derivatives(response_, aux, rows_aux, eta_.data(), first, last, at_.d1.data(), at_.d2.data());
    rows_.add_products(values_, at_.d2.data(), at_.d1.data(), first, last);
  });
  e_->finish_values();
  slope_.assign(values_.C, values_.C + u.size());
  for (double x : u) f += 0.5 * x * x;
  return f;
}

// Z'WZ of the positive weights.
void Laplace::clamp_weights() {
  for (double& x : at_.d2) x = std::min(x, 0.0);
  values_ = e_->clear_values();
  by_chunk([&](std::int64_t first, std::int64_t last) {
    rows_.add_products(values_, at_.d2.data(), nullptr, first, last);
  });
  e_->finish_values();
}

// Gradient of the function to minimise at the last effects, and half its squared length. The curvature is no less
// than one where the weights are positive.
double Laplace::gradient_of_effects(const std::vector<double>& u) {
  multiply_transposed(slope_, gradient_);
  double half = 0.0;
  for (std::size_t j = 0; j < u.size(); ++j) {
    gradient_[j] = u[j] - gradient_[j];
    half += 0.5 * gradient_[j] * gradient_[j];
  }
  return half;
}

// u_new_ = H^-1 Lambda'Z'(d1 + W Z b); false where H is not positive definite.
bool Laplace::newton_step(const double* theta) {
  e_->raw_products(b_, product_, 1);
  for (std::size_t j = 0; j < slope_.size(); ++j) values_.C[j] = slope_[j] + product_[j];
  double log_det = 0.0;
  if (!e_->reduce(theta, log_det)) return false;
  e_->solve_effects();
  multiply_transposed(e_->H(), u_new_);
  return true;
}

// Whether the effects take a row across a zero of its linear predictor where the density has a pole there: behind it
// is another mode. The mode that counts is on the side on which the fixed part has most rows, whatever path leads to
// it; rows whose own fixed part is on the other side are free.
bool Laplace::beyond_pole() const {
  if (!poles_) return false;
  const bool square = static_cast<families::Link>(response_.link) == families::Link::sqrt;
  for (std::int64_t i = 0; i < n(); ++i)
    if (eta_[i] * side_ < 0.0 && xb_[i] * side_ > 0.0 && !(square && response_.y[i] == 0.0)) return true;
  return false;
}

// Guarded Newton on -sum log f + u'u/2: a step is taken only if it falls, and halved until it does.
bool Laplace::find_mode(const double* theta, const double* aux, const double* rows_aux) {
  double f = at_effects(u_, aux, rows_aux);
  if (!std::isfinite(f) || beyond_pole()) {
    forget();
    f = at_effects(u_, aux, rows_aux);
    if (!std::isfinite(f)) return false;
  }
  double last = std::numeric_limits<double>::infinity();
  for (inner_steps = 0; inner_steps < most_steps; ++inner_steps) {
    // Observed weights can be negative: the positive ones always give a descent.
    if (!newton_step(theta)) {
      clamp_weights();
      if (!newton_step(theta)) return false;
    }
    gradient_of_effects(u_);
    double decrement = 0.0;
    for (std::size_t j = 0; j < u_.size(); ++j) {
      step_[j] = u_new_[j] - u_[j];
      decrement -= gradient_[j] * step_[j];
    }
    if (!std::isfinite(decrement)) return false;
    double length = 1.0, next = 0.0;
    int halvings = 0;
    for (; halvings < most_halvings; ++halvings, length *= 0.5) {
      for (std::size_t j = 0; j < u_.size(); ++j) trial_[j] = u_[j] + length * step_[j];
      next = at_effects(trial_, aux, rows_aux);
      if (next <= f - 1e-4 * length * decrement + 1e-12 * std::abs(f) && !beyond_pole()) break;
    }
    if (halvings == most_halvings) return false;
    u_.swap(trial_);
    f = next;
    twice_density_ = 2.0 * f;
    const double rounding = 1e-12 * std::abs(f);
    const bool lost = rounding > 1e-4 && decrement < std::max(1e-3, rounding) && decrement > 0.3 * last;
    last = decrement;
    if (length == 1.0 && (decrement < close || lost || gradient_of_effects(u_) < at_rest)) {
      refine(theta, aux, rows_aux);
      return true;
    }
  }
  return false;
}

// Newton steps from the gradient alone, u = Lambda'h: where weights are huge, the mode is lost in the rounding of
// H^-1 Lambda'Z'(d1 + W Z b), but not its distance.
void Laplace::refine(const double* theta, const double* aux, const double* rows_aux) {
  std::vector<double> h = e_->H();
  double before = std::numeric_limits<double>::infinity();
  for (int k = 0; k < 4; ++k) {
    multiply_transposed(slope_, trial_);
    double worst = 0.0, log_det = 0.0;
    for (std::size_t j = 0; j < u_.size(); ++j) worst = std::max(worst, std::abs(u_[j] - trial_[j]));
    if (worst < 1e-6 || worst > 0.5 * before) return;
    before = worst;
    for (std::size_t j = 0; j < slope_.size(); ++j) values_.C[j] = slope_[j] - h[j];
    if (!e_->reduce(theta, log_det)) return;
    e_->solve_effects();
    multiply_transposed(e_->H(), step_);
    for (std::size_t j = 0; j < u_.size(); ++j) u_[j] += step_[j], h[j] += e_->H()[j];
    twice_density_ = 2.0 * at_effects(u_, aux, rows_aux);
  }
}

double Laplace::evaluate(const double* beta, const double* theta, const double* aux, const double* rows_aux,
                         bool with_gradient) {
  constexpr double undefined = std::numeric_limits<double>::infinity();
  theta_.assign(theta, theta + layout_.n_theta);
  lambda_.resize(factors().size());
  for (int f = 0; f < layout_.n_factors(); ++f) layout_.fill_lambda(theta, f, lambda_[f]);
  linear_predictor(beta);
  if (poles_) side_ = std::accumulate(xb_.begin(), xb_.end(), 0.0);
  if (!find_mode(theta, aux, rows_aux)) {
    forget();
    if (!find_mode(theta, aux, rows_aux)) {
      forget();
      return undefined;
    }
  }
  if (!canonical_ && with_gradient) all_derivatives(response_, aux, rows_aux, eta_.data(), 0, n(), at_);
  double log_det = 0.0;
  if (!e_->reduce(theta, log_det)) return undefined;
  if (with_gradient) differentiate();
  return twice_density_ - 2.0 * constant_ + log_det;
}

}  // namespace ml
