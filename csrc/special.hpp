// Scalar functions with their first three derivatives, stable in the tails, as numbers and as series.
#pragma once

#include <array>
#include <type_traits>
#include <cmath>
#include <limits>
#include <numbers>

#include "jet.hpp"

namespace ml::special {

using Derivatives = std::array<double, 4>;

inline Derivatives exp_of(double x) {
  const double e = std::exp(x);
  return {e, e, e, e};
}

inline Derivatives log_of(double x) {
  if (!(x > 0.0)) return {std::numeric_limits<double>::quiet_NaN(), 0.0, 0.0, 0.0};
  const double r = 1.0 / x;
  return {std::log(x), r, -r * r, 2.0 * r * r * r};
}

inline Derivatives reciprocal_of(double x) {
  const double r = 1.0 / x;
  return {r, -r * r, 2.0 * r * r * r, -6.0 * r * r * r * r};
}

// log(1 + e^x).
inline Derivatives softplus_of(double x) {
  const double e = std::exp(-std::abs(x)), s = x >= 0.0 ? 1.0 / (1.0 + e) : e / (1.0 + e);
  const double v = e / ((1.0 + e) * (1.0 + e));
  return {std::max(x, 0.0) + std::log1p(e), s, v, v * (x >= 0.0 ? (e - 1.0) / (1.0 + e) : (1.0 - e) / (1.0 + e))};
}

// 1 / (1 + e^-x).
inline Derivatives logistic_of(double x) {
  const Derivatives s = softplus_of(x);
  return {s[1], s[2], s[3], s[2] * (1.0 - 6.0 * s[2])};
}

// log(1 - e^x) for x < 0.
inline Derivatives log1mexp_of(double x) {
  if (!(x < 0.0)) return {std::numeric_limits<double>::quiet_NaN(), 0.0, 0.0, 0.0};
  const double value = x > -std::numbers::ln2 ? std::log(-std::expm1(x)) : std::log1p(-std::exp(x));
  const double s = 1.0 / std::expm1(-x);  // e^x / (1 - e^x)
  return {value, -s, -s * (1.0 + s), -s * (1.0 + s) * (1.0 + 2.0 * s)};
}

// log(1 - exp(-e^x)), the log of the success probability under a complementary log-log link.
inline Derivatives cloglog_of(double x) {
  const double q = std::exp(x);
  if (q > 700.0) return {0.0, 0.0, 0.0, 0.0};
  const double value = q < std::numbers::ln2 ? std::log(-std::expm1(-q)) : std::log1p(-std::exp(-q));
  const double r = q > 0.0 ? q / std::expm1(q) : 1.0, t = 1.0 - q - r;
  return {q > 0.0 ? value : x, r, r * t, r * (t * t - q - r * t)};
}

// log Phi(x) (normal distribution function), by its asymptotic series far below zero.
inline Derivatives log_normal_cdf_of(double x) {
  double value, ratio;  // ratio: phi / Phi
  if (x > -30.0) {
    const double cdf = 0.5 * std::erfc(-x / std::numbers::sqrt2);
    value = x > 5.0 ? std::log1p(-0.5 * std::erfc(x / std::numbers::sqrt2)) : std::log(cdf);
    ratio = std::exp(-0.5 * x * x) / (cdf * std::sqrt(2.0 * std::numbers::pi));
  } else {
    const double y = 1.0 / (x * x), series = 1.0 - y * (1.0 - y * (3.0 - y * (15.0 - y * (105.0 - 945.0 * y))));
    value = -0.5 * x * x - 0.5 * std::log(2.0 * std::numbers::pi) - std::log(-x) + std::log(series);
    ratio = -x / series;
  }
  const double s1 = -ratio * (x + ratio);
  return {value, ratio, s1, -s1 * (x + ratio) - ratio * (1.0 + s1)};
}

// Derivatives of order 0 to 3 of log Gamma(x), x > 0: recurrence to x >= 10, then Stirling's series.
inline Derivatives log_gamma_of(double x) {
  if (!(x > 0.0)) return {std::numeric_limits<double>::quiet_NaN(), 0.0, 0.0, 0.0};
  double d1 = 0.0, d2 = 0.0, d3 = 0.0, z = x;
  for (; z < 10.0; z += 1.0) {
    const double r = 1.0 / z;
    d1 -= r;
    d2 += r * r;
    d3 -= 2.0 * r * r * r;
  }
  const double r = 1.0 / z, s = r * r;
  d1 += std::log(z) - 0.5 * r -
        s * (1.0 / 12 - s * (1.0 / 120 - s * (1.0 / 252 - s * (1.0 / 240 - s * (1.0 / 132 - s * (691.0 / 32760 - s / 12))))));
  d2 += r + 0.5 * s + r * s * (1.0 / 6 - s * (1.0 / 30 - s * (1.0 / 42 - s * (1.0 / 30 - s * (5.0 / 66 - s * (691.0 / 2730 - s * 7.0 / 6))))));
  d3 -= s + r * s + s * s * (0.5 - s * (1.0 / 6 - s * (1.0 / 6 - s * (3.0 / 10 - s * (5.0 / 6 - s * (691.0 / 210 - s * 35.0 / 2))))));
  return {std::lgamma(x), d1, d2, d3};
}

template <class T, class F>
T apply(const T& x, F f) {
  if constexpr (std::is_same_v<T, double>)
    return f(x)[0];
  else
    return compose(x, f(x.value()));
}

template <class T>
T exp(const T& x) { return apply(x, exp_of); }
template <class T>
T log(const T& x) { return apply(x, log_of); }
template <class T>
T reciprocal(const T& x) { return apply(x, reciprocal_of); }
template <class T>
T softplus(const T& x) { return apply(x, softplus_of); }
template <class T>
T logistic(const T& x) { return apply(x, logistic_of); }
template <class T>
T log1mexp(const T& x) { return apply(x, log1mexp_of); }
template <class T>
T log_cloglog(const T& x) { return apply(x, cloglog_of); }
template <class T>
T log_normal_cdf(const T& x) { return apply(x, log_normal_cdf_of); }
template <class T>
T log_gamma(const T& x) { return apply(x, log_gamma_of); }

}  // namespace ml::special
