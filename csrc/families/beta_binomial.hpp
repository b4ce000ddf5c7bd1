// Beta-binomial: y successes of n trials whose probability is beta with mean mu and precision phi. Auxiliary: log phi.
#pragma once

#include "binomial.hpp"
#include "links.hpp"

namespace ml::families {

struct BetaBinomial {
  static constexpr int aux = 1;

  template <Link link, class T>
  static T log_density(const Row& row, const T& eta, const T* a) {
    const T phi = exp(a[0]), one = phi * mean<link>(eta), other = phi * rest<link>(eta);
    return log_rising(one, row.y) + log_rising(other, row.trials - row.y) - log_rising(phi, row.trials);
  }
  static double constant(const Row& row) { return Binomial::constant(row); }
};

}  // namespace ml::families
