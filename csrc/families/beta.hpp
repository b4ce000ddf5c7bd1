// Beta with mean mu and precision phi (Ferrari and Cribari-Neto 2004). Auxiliary number: log phi.
#pragma once

#include "links.hpp"

namespace ml::families {

struct Beta {
  static constexpr int aux = 1;

  template <Link link, class T>
  static T log_density(const Row& row, const T& eta, const T* a) {
    const T phi = exp(a[0]), one = phi * mean<link>(eta), other = phi * rest<link>(eta);
    return log_gamma(phi) - log_gamma(one) - log_gamma(other) + one * std::log(row.y) + other * std::log1p(-row.y);
  }
  static double constant(const Row& row) { return -std::log(row.y) - std::log1p(-row.y); }
};

}  // namespace ml::families
