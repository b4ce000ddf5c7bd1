// Ordinal: P(y <= c) = F(threshold_c - eta), F logistic or normal; y counts from 1. Auxiliary: the thresholds around y.
#pragma once

#include <limits>

#include "links.hpp"

namespace ml::families {

// a[0]: threshold below y (minus infinity for the first class), a[1]: above (infinity for the last).
struct Ordinal {
  static constexpr int aux = 2;

  template <Link link, class T>
  static T log_density(const Row&, const T& eta, const T* a) {
    const bool first = below(a[0]), last = above(a[1]);
    if (first && last) return T(0.0) * eta;
    if (first) return log_mean<link>(a[1] - eta);
    if (last) return log_mean<link>(eta - a[0]);
    const T lower = a[0] - eta, upper = a[1] - eta;
    if constexpr (link == Link::logit)  // log(e^(upper - lower) - 1) + lower - softplus(lower) - softplus(upper)
      return (upper - lower) + special::log1mexp(lower - upper) + lower - softplus(lower) - softplus(upper);
    else
      return positive(lower) ? difference(special::log_normal_cdf(-lower), special::log_normal_cdf(-upper))
                             : difference(special::log_normal_cdf(upper), special::log_normal_cdf(lower));
  }
  static double constant(const Row&) { return 0.0; }

 private:
  template <class T>
  static bool below(const T& x) { return value_of(x) == -std::numeric_limits<double>::infinity(); }
  template <class T>
  static bool above(const T& x) { return value_of(x) == std::numeric_limits<double>::infinity(); }
  template <class T>
  static bool positive(const T& x) { return value_of(x) > 0.0; }
  // log(e^large - e^small).
  template <class T>
  static T difference(const T& large, const T& small) { return large + special::log1mexp(small - large); }
};

}  // namespace ml::families
