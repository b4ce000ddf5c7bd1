// Zero inflation: with probability logistic(z) the count is 0, else it is that of the family. Last auxiliary number: z.
#pragma once

#include "links.hpp"

namespace ml::families {

template <class Count>
struct ZeroInflated {
  static constexpr int aux = Count::aux + 1;

  template <Link link, class T>
  static T log_density(const Row& row, const T& eta, const T* a) {
    const T &z = a[Count::aux], count = Count::template log_density<link>(row, eta, a);
    if (row.y > 0.0) return count - softplus(z);
    return count + softplus(z - count) - softplus(z);  // a count of zero has constant 0
  }
  static double constant(const Row& row) { return row.y > 0.0 ? Count::constant(row) : 0.0; }
};

}  // namespace ml::families
