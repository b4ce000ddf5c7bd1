// All levels of a factor of one effect: the same way to the effects and back as in joint_level.hpp, in plain loops.
#pragma once

#include <algorithm>
#include <cmath>

namespace ml::joint {

// Arrays of m numbers each: given W, z and g; written M = 1 + W lambda^2, its inverse root, x, v and b = lambda v.
struct Levels {
  int m;
  const double *W, *z, *g;
  double *M, *inverse, *x, *v, *b;
};

// Four sums side by side, in an order that does not depend on the processor.
template <class Term>
inline double sum_of(int m, const Term& term) {
  double sums[4] = {0.0, 0.0, 0.0, 0.0};
  int l = 0;
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
  for (int l = 0; l < at.m; ++l) {
    const double M = 1.0 + at.W[l] * square, inverse = 1.0 / std::sqrt(M);
    const double x = lambda * at.g[l] * inverse, v = (x + at.z[l]) * inverse;
    at.M[l] = M;
    at.inverse[l] = inverse;
    at.x[l] = x;
    at.v[l] = v;
    at.b[l] = lambda * v;
  }
  return -0.5 * (sum_of(at.m, [&](int l) { return at.v[l] * at.v[l]; }) + sum_of_logs(at.m, at.M));
}

// From the derivatives by b to those by z and g; returns that by lambda.
inline double from_scalar_effects(double lambda, const Levels& at, const double* by_b, double* by_z, double* by_g) {
  double* by_lambda = at.M;  // no longer needed
  for (int l = 0; l < at.m; ++l) {
    const double inverse = at.inverse[l], v = at.v[l];
    const double y = (lambda * by_b[l] - v) * inverse, h = y * inverse;
    const double by_M = -0.5 * (v * y + h * at.x[l] + inverse) * inverse;
    by_z[l] = y;
    by_g[l] = lambda * h;
    by_lambda[l] = by_b[l] * v + at.g[l] * h + 2.0 * lambda * at.W[l] * by_M;
  }
  return sum_of(at.m, [&](int l) { return by_lambda[l]; });
}

}  // namespace ml::joint
