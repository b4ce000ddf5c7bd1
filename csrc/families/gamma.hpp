// Gamma: mean mu, Var = phi mu^2 (shape 1 / phi). Auxiliary number: log phi.
#pragma once

#include "links.hpp"

namespace ml::families {

struct Gamma {
  static constexpr int aux = 1;

  template <Link link, class T>
  static T log_density(const Row& row, const T& eta, const T* a) {
    const T shape = exp(-a[0]), log_mu = log_mean<link>(eta);
    return shape * (std::log(row.y) + 1.0 - log_mu - row.y * exp(-log_mu)) + stirling_gap(shape);
  }
  static double constant(const Row& row) { return -std::log(row.y); }
};

}  // namespace ml::families
