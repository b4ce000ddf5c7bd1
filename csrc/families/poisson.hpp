// Poisson: y ~ Poisson(mu), Var = mu.
#pragma once

#include "links.hpp"

namespace ml::families {

struct Poisson {
  static constexpr int aux = 0;

  template <Link link, class T>
  static T log_density(const Row& row, const T& eta, const T*) {
    if (negative_mean<link>(eta)) return T(not_defined);
    if (row.y == 0.0) return -mean<link>(eta);
    return row.y * log_mean<link>(eta) - mean<link>(eta);
  }
  static double constant(const Row& row) { return -std::lgamma(row.y + 1.0); }
};

}  // namespace ml::families
