// Draws of the effects about their mode, weighted by the likelihood against its Laplace approximation.
#include <cmath>
#include <limits>

#include "laplace.hpp"
#include "laplace_chunks.hpp"
#include "laplace_draws.hpp"
#include "threads.hpp"

namespace ml {

namespace {

constexpr double never = -std::numeric_limits<double>::infinity();

// log(exp(a) + exp(b)), `larger` being the larger one and finite.
double log_sum(double a, double b, double larger) { return larger + std::log(std::exp(a - larger) + std::exp(b - larger)); }

}  // namespace

// With d ~ N(0, (T^-1 + Z'WZ)^-1) the weight of the effects b + d is the product over rows of
// exp(log f(eta + Zd) - log f(eta) - d1 Zd + W (Zd)^2 / 2): what the likelihood has beyond its second order. Both
// densities are products over the components, so that the mean weights of these are multiplied: the variance is the
// sum of theirs and not the product.
double Laplace::draw(const double* aux, const double* rows_aux, int pairs, Random& random, double* effects) {
  if (components_.of_row.empty()) components_ = Components(factors());
  std::fill(values_.C, values_.C + u_.size(), 0.0);
  double log_det = 0.0;
  if (!e_->reduce(theta_.data(), log_det)) return std::numeric_limits<double>::quiet_NaN();
  std::vector<double> drawn(u_.size()), d(u_.size()), zd(n()), eta(n()), at_mode(n()), there(n());
  std::vector<double> weight(components_.count), total(components_.count, never);
  std::vector<char> taken(components_.count);
  density_by_row(response_, aux, rows_aux, eta_.data(), 0, n(), at_mode.data());
  for (int pair = 0; pair < pairs; ++pair) {
    e_->draw_effects(nullptr, 1.0, random, drawn.data());
    std::size_t from = 0;
    for (int f = 0; f < layout_.n_factors(); ++f)
      for (int l = 0; l < factors()[f].m; ++l)
        for (int a = 0; a < factors()[f].K; ++a) d[e_->effect_offset(e_->node(f, l)) + a] = drawn[from++];
    std::fill(zd.begin(), zd.end(), 0.0);
    rows_.add_effects(d.data(), 0, n(), zd.data());
    for (const double sign : {1.0, -1.0}) {
      for (std::int64_t i = 0; i < n(); ++i) eta[i] = eta_[i] + sign * zd[i];
      density_by_row(response_, aux, rows_aux, eta.data(), 0, n(), there.data());
      std::fill(weight.begin(), weight.end(), 0.0);
      for (std::int64_t i = 0; i < n(); ++i)
        weight[components_.of_row[i]] +=
            there[i] - at_mode[i] - zd[i] * (sign * at_.d1[i] + 0.5 * at_.d2[i] * zd[i]);
      for (int c = 0; c < components_.count; ++c) {
        const double own = std::isfinite(weight[c]) ? weight[c] : never, larger = std::max(total[c], own);
        taken[c] = 0;
        if (larger == never) continue;
        total[c] = log_sum(total[c], own, larger);
        taken[c] = std::log(random.uniform()) <= own - total[c];
      }
      std::size_t to = 0;
      for (int f = 0; f < layout_.n_factors(); ++f)
        for (int l = 0; l < factors()[f].m; ++l) {
          const bool here = taken[components_.of_level[f][l]];
          for (int a = 0; a < factors()[f].K; ++a, ++to)
            if (here) effects[to] = b_[e_->effect_offset(e_->node(f, l)) + a] + sign * drawn[to];
        }
    }
  }
  double sum = 0.0;
  for (const double one : total) sum += one - std::log(2.0 * pairs);
  return sum;
}

LaplaceDraws laplace_draws(const std::vector<Laplace*>& workers, const LaplacePoints& points, int pairs,
                           std::uint64_t seed, bool keep) {
  const std::size_t total = workers[0]->place().size();
  LaplaceDraws out;
  out.values.assign(points.n, 0.0);
  out.log_weights.assign(pairs > 0 ? points.n : 0, never);
  if (keep) out.effects.assign(points.n * total, 0.0);
  std::vector<std::vector<double>> spare(workers.size(), std::vector<double>(total));
  on_threads(static_cast<std::int64_t>(points.n), static_cast<int>(workers.size()), [&](std::int64_t i, int worker) {
    Laplace& own = *workers[worker];
    const double* aux = points.aux + i * own.response().n_global;
    const double* rows_aux = points.rows_aux ? points.rows_aux + i * own.n() : nullptr;
    own.start_from(points.start + i * total);
    out.values[i] = own.evaluate(points.beta + i * own.p(), points.theta + i * own.layout().n_theta, aux, rows_aux, false);
    if (pairs == 0 || !std::isfinite(out.values[i])) return;
    Random random(seed, static_cast<std::uint64_t>(points.streams[i]));
    double* effects = keep ? out.effects.data() + i * total : spare[worker].data();
    const double weight = own.draw(aux, rows_aux, pairs, random, effects);
    out.log_weights[i] = std::isfinite(weight) ? weight : never;
  });
  return out;
}

}  // namespace ml
