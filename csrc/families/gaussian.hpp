// Gaussian with any link; also Student-t. Auxiliary numbers: log sigma, and for Student-t log(nu).
#pragma once

#include "links.hpp"

namespace ml::families {

struct Gaussian {
  static constexpr int aux = 1;

  template <Link link, class T>
  static T log_density(const Row& row, const T& eta, const T* a) {
    const T z = (row.y - mean<link>(eta)) * exp(-a[0]);
    return -0.5 * (z * z) - a[0];
  }
  static double constant(const Row&) { return -0.5 * std::log(2.0 * std::numbers::pi); }
};

struct Student {
  static constexpr int aux = 2;

  template <Link link, class T>
  static T log_density(const Row& row, const T& eta, const T* a) {
    const T nu = exp(a[1]), half = 0.5 * (nu + 1.0), z = (row.y - mean<link>(eta)) * exp(-a[0]);
    return log_rising(0.5 * nu, 0.5) - 0.5 * a[1] - a[0] - half * log1p(z * z * exp(-a[1]));
  }
  static double constant(const Row&) { return -0.5 * std::log(std::numbers::pi); }
};

}  // namespace ml::families
