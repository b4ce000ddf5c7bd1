// Log densities of priors of one number and their slopes, from a row of a table of numbers.
#pragma once

#include <cmath>
#include <limits>

namespace ml {

struct LogSlope {
  double log, slope;
};

// One prior; `a`, `b` and `c` are what the shape says, `top` what depends on them alone.
struct ScalarPrior {
  enum Shape { flat = 0, normal = 1, student = 2, gamma = 3, inverse_gamma = 4, log_normal = 5, last = 5 };

  static constexpr int width = 8;  // numbers of a row: shape, of_square, low, high, a, b, c, top

  int shape = flat;
  bool of_square = false;  // of the number's square: an sd whose variance has a prior
  double low = 0.0, high = 0.0, a = 0.0, b = 0.0, c = 0.0, top = 0.0;

  static ScalarPrior from_row(const double* row) {
    return {static_cast<int>(row[0]), row[1] != 0.0, row[2], row[3], row[4], row[5], row[6], row[7]};
  }

  // Minus infinity outside the support.
  LogSlope at(double x) const {
    if (!of_square) return plain(x);
    if (!(x > 0.0)) return {-std::numeric_limits<double>::infinity(), 0.0};
    const LogSlope of = plain(x * x);
    return {of.log + std::log(2.0 * x), 2.0 * x * of.slope + 1.0 / x};
  }

 private:
  LogSlope plain(double x) const {
    if (!(x >= low && x <= high)) return {-std::numeric_limits<double>::infinity(), 0.0};
    switch (shape) {
      case normal: {  // exp(-b (x - a)^2 / 2)
        const double away = x - a;
        return {top - 0.5 * b * away * away, -b * away};
      }
      case student: {  // (1 + (x - a)^2 / b)^-c
        const double away = x - a;
        return {top - c * std::log1p(away * away / b), -2.0 * c * away / (b + away * away)};
      }
      case gamma:  // x^a exp(-b x)
        if (a == 0.0) return {top - b * x, -b};
        return {top + a * std::log(x) - b * x, a / x - b};
      case inverse_gamma:  // x^-a exp(-b / x)
        return {top - a * std::log(x) - b / x, (b / x - a) / x};
      case log_normal: {  // exp(-b (log x - a)^2 / 2) / x
        const double log = std::log(x), away = log - a;
        return {top - log - 0.5 * b * away * away, -(1.0 + b * away) / x};
      }
      default: return {top, 0.0};
    }
  }
};

}  // namespace ml
