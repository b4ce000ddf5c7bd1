// Draws of the effects about their mode, weighted by the likelihood against its Laplace approximation.
#include <cmath>
#include <limits>

#include "laplace.hpp"
#include "laplace_chunks.hpp"

namespace ml {

// With d ~ N(0, (T^-1 + Z'WZ)^-1) and the mode's Lambda'Z'd1 = u, the weight of the effects b + d is
// log f(eta + Zd) - log f(eta) - d1'Zd + (Zd)'W(Zd) / 2: what the likelihood has beyond its second order.
double Laplace::draw(const double* aux, const double* rows_aux, int pairs, Random& random, double* effects) {
  constexpr double never = -std::numeric_limits<double>::infinity();
  std::fill(values_.C, values_.C + u_.size(), 0.0);
  double log_det = 0.0;
  if (!e_->reduce(theta_.data(), log_det)) return std::numeric_limits<double>::quiet_NaN();
  std::vector<double> drawn(u_.size()), d(u_.size()), zd(n()), eta(n());
  const double at_mode = log_density(response_, aux, rows_aux, eta_.data(), 0, n());
  double total = never;
  for (int pair = 0; pair < pairs; ++pair) {
    e_->draw_effects(nullptr, 1.0, random, drawn.data());
    std::size_t from = 0;
    for (int f = 0; f < layout_.n_factors(); ++f)
      for (int l = 0; l < factors()[f].m; ++l)
        for (int a = 0; a < factors()[f].K; ++a) d[e_->effect_offset(e_->node(f, l)) + a] = drawn[from++];
    std::fill(zd.begin(), zd.end(), 0.0);
    rows_.add_effects(d.data(), 0, n(), zd.data());
    double half = 0.0;
    for (std::int64_t i = 0; i < n(); ++i) half -= 0.5 * at_.d2[i] * zd[i] * zd[i];
    const double linear = dot(slope_.data(), d.data(), static_cast<std::int64_t>(d.size()));
    for (const double sign : {1.0, -1.0}) {
      for (std::int64_t i = 0; i < n(); ++i) eta[i] = eta_[i] + sign * zd[i];
      const double there = log_density(response_, aux, rows_aux, eta.data(), 0, n());
      const double weight = std::isfinite(there) ? there - at_mode - sign * linear + half : never;
      const double larger = std::max(total, weight);
      const double before = total;
      if (larger == never) continue;
      total = larger + std::log(std::exp(before - larger) + std::exp(weight - larger));
      if (std::log(random.uniform()) > weight - total) continue;
      std::size_t to = 0;
      for (int f = 0; f < layout_.n_factors(); ++f)
        for (int l = 0; l < factors()[f].m; ++l)
          for (int a = 0; a < factors()[f].K; ++a, ++to)
            effects[to] = b_[e_->effect_offset(e_->node(f, l)) + a] + sign * drawn[to];
    }
  }
  return total - std::log(2.0 * pairs);
}

}  // namespace ml
