// Binomial and Bernoulli: y successes of n trials, probability p. Log density but for log choose(n, y).
#pragma once

#include "links.hpp"

namespace ml::families {

struct Binomial {
  static constexpr int aux = 0;

  template <Link link, class T>
  static T log_density(const Row& row, const T& eta, const T*) {
    if constexpr (link == Link::logit) return row.y * eta - row.trials * softplus(eta);
    if (row.y == 0.0) return row.trials * log_rest<link>(eta);
    if (row.y == row.trials) return row.trials * log_mean<link>(eta);
    return row.y * log_mean<link>(eta) + (row.trials - row.y) * log_rest<link>(eta);
  }
  static double constant(const Row& row) {
    return std::lgamma(row.trials + 1.0) - std::lgamma(row.y + 1.0) - std::lgamma(row.trials - row.y + 1.0);
  }
};

}  // namespace ml::families
