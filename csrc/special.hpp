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

// log(1 + x), x > -1.
inline Derivatives log1p_of(double x) {
  const double r = 1.0 / (1.0 + x);
  return {std::log1p(x), r, -r * r, 2.0 * r * r * r};
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
  const double r = q > 0.0 ? q / std::expm1(q) : 1.0, s = q * q;
  const double t = (q < 0.05 ? 0.5 * q - s / 12.0 + s * s / 720.0 - s * s * s / 30240.0 : 1.0 - r) - q;
  return {q > 0.0 ? value : x, r, r * t, r * (t * t - q - r * t)};
}

// log Phi(x) (normal distribution function), by its asymptotic series far below zero.
inline Derivatives log_normal_cdf_of(double x) {
  if (x < -30.0) {  // -x^2/2 - log(-x sqrt(2 pi)) - y + 5/2 y^2 - 37/3 y^3 + 353/4 y^4 - ..., y = 1 / x^2
    const double y = 1.0 / (x * x);
    return {-0.5 * x * x - 0.5 * std::log(2.0 * std::numbers::pi) - std::log(-x) -
                y * (1.0 - y * (2.5 - y * (37.0 / 3 - y * (353.0 / 4 - y * 4081.0 / 5)))),
            -x - (1.0 - y * (2.0 - y * (10.0 - y * (74.0 - y * (706.0 - y * 8162.0))))) / x,
            -1.0 + y * (1.0 - y * (6.0 - y * (50.0 - y * (518.0 - y * (6354.0 - y * 89782.0))))),
            -y * (2.0 - y * (24.0 - y * (300.0 - y * (4144.0 - y * (63540.0 - y * 1077384.0))))) / x};
  }
  const double cdf = 0.5 * std::erfc(-x / std::numbers::sqrt2);
  const double value = x > 5.0 ? std::log1p(-0.5 * std::erfc(x / std::numbers::sqrt2)) : std::log(cdf);
  const double ratio = std::exp(-0.5 * x * x) / (cdf * std::sqrt(2.0 * std::numbers::pi));  // phi / Phi
  const double s1 = -ratio * (x + ratio);
  return {value, ratio, s1, -s1 * (x + ratio) - ratio * (1.0 + s1)};
}

// Stirling's series from z >= 10: log Gamma(z) less (z - 1/2) log z - z + log(2 pi) / 2, and three derivatives.
inline Derivatives stirling_of(double z) {
  const double r = 1.0 / z, s = r * r;
  return {r * (1.0 / 12 - s * (1.0 / 360 - s * (1.0 / 1260 - s * (1.0 / 1680 - s * (1.0 / 1188 - s * (691.0 / 360360 - s / 156)))))),
          -s * (1.0 / 12 - s * (1.0 / 120 - s * (1.0 / 252 - s * (1.0 / 240 - s * (1.0 / 132 - s * (691.0 / 32760 - s / 12)))))),
          r * s * (1.0 / 6 - s * (1.0 / 30 - s * (1.0 / 42 - s * (1.0 / 30 - s * (5.0 / 66 - s * (691.0 / 2730 - s * 7.0 / 6)))))),
          -s * s * (0.5 - s * (1.0 / 6 - s * (1.0 / 6 - s * (3.0 / 10 - s * (5.0 / 6 - s * (691.0 / 210 - s * 35.0 / 2))))))};
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
  const Derivatives tail = stirling_of(z);
  const double r = 1.0 / z, s = r * r;
  return {std::lgamma(x), d1 + std::log(z) - 0.5 * r + tail[1], d2 + r + 0.5 * s + tail[2], d3 - s - r * s + tail[3]};
}

// log Gamma(x + y) - log Gamma(x), y >= 0, without their cancellation where x is large.
inline Derivatives log_rising_of(double x, double y) {
  if (y == 0.0) return {0.0, 0.0, 0.0, 0.0};
  if (!(x > 0.0)) return {std::numeric_limits<double>::quiet_NaN(), 0.0, 0.0, 0.0};
  if (y <= 12.0 && y == std::floor(y)) {
    Derivatives d{0.0, 0.0, 0.0, 0.0};
    double product = 1.0;
    for (double k = 0.0; k < y; k += 1.0) {
      const double r = 1.0 / (x + k);
      if (x < 1e20) product *= x + k;
      else d[0] += std::log(x + k);
      d[1] += r;
      d[2] -= r * r;
      d[3] += 2.0 * r * r * r;
    }
    d[0] += std::log(product);
    return d;
  }
  if (x >= 10.0) {
    const Derivatives low = stirling_of(x), high = stirling_of(x + y);
    const double l = std::log1p(y / x), r = 1.0 / x, q = 1.0 / (x + y);
    const double one = -y * r * q, two = one * (r + q), three = one * (r * r + r * q + q * q);  // q^i - r^i
    return {(x - 0.5) * l + y * (std::log(x + y) - 1.0) + high[0] - low[0], l - 0.5 * one + high[1] - low[1],
            one + 0.5 * two + high[2] - low[2], -two - three + high[3] - low[3]};
  }
  const Derivatives low = log_gamma_of(x), high = log_gamma_of(x + y);
  return {high[0] - low[0], high[1] - low[1], high[2] - low[2], high[3] - low[3]};
}

// x log x - x - log Gamma(x), x > 0.
inline Derivatives stirling_gap_of(double x) {
  if (!(x > 0.0)) return {std::numeric_limits<double>::quiet_NaN(), 0.0, 0.0, 0.0};
  const double r = 1.0 / x;
  if (x >= 10.0) {
    const Derivatives tail = stirling_of(x);
    return {0.5 * std::log(x / (2.0 * std::numbers::pi)) - tail[0], 0.5 * r - tail[1], -0.5 * r * r - tail[2],
            r * r * r - tail[3]};
  }
  const Derivatives g = log_gamma_of(x);
  return {x * std::log(x) - x - g[0], std::log(x) - g[1], r - g[2], -r * r - g[3]};
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
T log1p(const T& x) { return apply(x, log1p_of); }
template <class T>
T stirling_gap(const T& x) { return apply(x, stirling_gap_of); }
template <class T>
T log_rising(const T& x, double y) {
  return apply(x, [y](double at) { return log_rising_of(at, y); });
}

// The value of a number or of a series.
template <class T>
double value_of(const T& x) {
  if constexpr (std::is_same_v<T, double>)
    return x;
  else
    return x.value();
}

}  // namespace ml::special
