// Negative binomial, quadratic (NB2, Var = mu + mu^2 / theta) and linear (NB1, Var = mu (1 + phi)).
#pragma once

#include "links.hpp"

namespace ml::families {

// Auxiliary number: log theta, the size of the gamma distribution that mixes the means.
struct NegativeBinomial2 {
  static constexpr int aux = 1;

  template <Link link, class T>
  static T log_density(const Row& row, const T& eta, const T* a) {
    const T size = exp(a[0]), ratio = softplus(log_mean<link>(eta) - a[0]);  // log(1 + mu / theta)
    T found = -(size * ratio);
    if (row.y > 0.0)
      found += log_rising(size, row.y) + row.y * (log_mean<link>(eta) - a[0] - ratio);
    return found;
  }
  static double constant(const Row& row) { return -std::lgamma(row.y + 1.0); }
};

// Auxiliary number: log phi.
struct NegativeBinomial1 {
  static constexpr int aux = 1;

  template <Link link, class T>
  static T log_density(const Row& row, const T& eta, const T* a) {
    if (negative_mean<link>(eta)) return T(not_defined);
    const T size = mean<link>(eta) * exp(-a[0]), spread = softplus(a[0]);  // log(1 + phi)
    T found = -(size * spread);
    if (row.y > 0.0) found += log_rising(size, row.y) + row.y * (a[0] - spread);
    return found;
  }
  static double constant(const Row& row) { return -std::lgamma(row.y + 1.0); }
};

}  // namespace ml::families
