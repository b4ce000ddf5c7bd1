// Inverse Gaussian: mean mu, Var = phi mu^3. Auxiliary number: log phi.
#pragma once

#include "links.hpp"

namespace ml::families {

struct InverseGaussian {
  static constexpr int aux = 1;

  template <Link link, class T>
  static T log_density(const Row& row, const T& eta, const T* a) {
    const T gap = row.y * exp(-log_mean<link>(eta)) - 1.0;  // (y - mu) / mu
    return -0.5 * (a[0] + gap * gap * exp(-a[0]) * (1.0 / row.y));
  }
  static double constant(const Row& row) {
    return -0.5 * std::log(2.0 * std::numbers::pi) - 1.5 * std::log(row.y);
  }
};

}  // namespace ml::families
