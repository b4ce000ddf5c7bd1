// All levels of a factor of one effect: the same way to the effects and back as in joint_level.hpp, in plain loops.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace ml::joint {

// Arrays of m numbers each: given W, z and g; written M = 1 + W lambda^2, its inverse root, x, v and b = lambda v.
struct Levels {
  int m;
  const double *W, *z, *g;
  double *M, *inverse, *x, *v, *b;
};

// Four sums side by side, in an order that does not depend on the processor.
template <class Term>
inline double sum_of(std::int64_t m, const Term& term) {
  double sums[4] = {0.0, 0.0, 0.0, 0.0};
  std::int64_t l = 0;
  for (; l + 4 <= m; l += 4)
    for (int j = 0; j < 4; ++j) sums[j] += term(l + j);
  for (; l < m; ++l) sums[0] += term(l);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// Sum of logarithms of numbers from one upwards, eight at a time where their product is a number.
inline double sum_of_logs(int m, const double* M) {
  double sum = 0.0;
  for (int l = 0; l < m; l += 8) {
    const int last = std::min(m, l + 8);
    double product = 1.0;
    for (int j = l; j < last; ++j) product *= M[j];
    if (std::isfinite(product)) {
      sum += std::log(product);
    } else {
      for (int j = l; j < last; ++j) sum += std::log(M[j]);
    }
  }
  return sum;
}

// Returns log N(v) - log det R, NaN if undefined.
inline double to_scalar_effects(double lambda, const Levels& at) {
  const double square = lambda * lambda;
  const double *__restrict W = at.W, *__restrict z = at.z, *__restrict g = at.g;
  double *__restrict M = at.M, *__restrict inverse = at.inverse, *__restrict x = at.x, *__restrict v = at.v;
  double* __restrict b = at.b;
  for (int l = 0; l < at.m; ++l) {
    M[l] = 1.0 + W[l] * square;
    inverse[l] = 1.0 / std::sqrt(M[l]);
    x[l] = lambda * g[l] * inverse[l];
    v[l] = (x[l] + z[l]) * inverse[l];
    b[l] = lambda * v[l];
  }
  return -0.5 * (sum_of(at.m, [&](std::int64_t l) { return at.v[l] * at.v[l]; }) + sum_of_logs(at.m, at.M));
}

// From the derivatives by b to those by z and g; returns that by lambda.
inline double from_scalar_effects(double lambda, const Levels& at, const double* __restrict by_b,
                                  double* __restrict by_z, double* __restrict by_g) {
  const double *__restrict W = at.W, *__restrict g = at.g, *__restrict inverse = at.inverse;
  const double *__restrict x = at.x, *__restrict v = at.v;
  double* __restrict by_lambda = at.M;  // no longer needed
  for (int l = 0; l < at.m; ++l) {
    const double y = (lambda * by_b[l] - v[l]) * inverse[l], h = y * inverse[l];
    const double by_M = -0.5 * (v[l] * y + h * x[l] + inverse[l]) * inverse[l];
    by_z[l] = y;
    by_g[l] = lambda * h;
    by_lambda[l] = by_b[l] * v[l] + g[l] * h + 2.0 * lambda * W[l] * by_M;
  }
  return sum_of(at.m, [&](std::int64_t l) { return by_lambda[l]; });
}

}  // namespace ml::joint
