// Beta with mean mu and precision phi (Ferrari and Cribari-Neto 2004). Auxiliary number: log phi.
#pragma once

#include "links.hpp"

namespace ml::families {

struct Beta {
  static constexpr int aux = 1;

  template <Link link, class T>
  static T log_density(const Row& row, const T& eta, const T* a) {
    const T phi = exp(a[0]), one = phi * mean<link>(eta), other = phi * rest<link>(eta);
    return one * (std::log(row.y) - log_mean<link>(eta)) + other * (std::log1p(-row.y) - log_rest<link>(eta)) +
           stirling_gap(one) + stirling_gap(other) - stirling_gap(phi);
  }
  static double constant(const Row& row) { return -std::log(row.y) - std::log1p(-row.y); }
};

}  // namespace ml::families
