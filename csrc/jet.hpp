// Truncated Taylor series: a log-likelihood written once gives all the derivatives that the Laplace method needs.
#pragma once

#include <array>
#include <cmath>

namespace ml {

// A function of eta to order `Order`, with its first derivatives by `Aux` auxiliary numbers to order `Order - 1`.
// c[i] are Taylor coefficients in eta, a[j][i] those of the derivative by auxiliary number j.
template <int Order, int Aux>
struct Jet {
  static constexpr int order = Order;
  std::array<double, Order + 1> c{};
  std::array<std::array<double, Order>, Aux> a{};

  Jet() = default;
  Jet(double value) { c[0] = value; }  // NOLINT: a number is a constant series

  static Jet variable(double value) {
    Jet x(value);
    x.c[1] = 1.0;
    return x;
  }
  static Jet auxiliary(double value, int j) {
    Jet x(value);
    x.a[j][0] = 1.0;
    return x;
  }

  double value() const { return c[0]; }

  Jet& operator+=(const Jet& o) {
    for (int i = 0; i <= Order; ++i) c[i] += o.c[i];
    for (int j = 0; j < Aux; ++j)
      for (int i = 0; i < Order; ++i) a[j][i] += o.a[j][i];
    return *this;
  }
  Jet& operator*=(double s) {
    for (double& x : c) x *= s;
    for (auto& row : a)
      for (double& x : row) x *= s;
    return *this;
  }
  friend Jet operator+(Jet x, const Jet& y) { return x += y; }
  friend Jet operator-(Jet x) { return x *= -1.0; }
  friend Jet operator-(const Jet& x, const Jet& y) { return x + (-y); }
  friend Jet operator*(const Jet& x, const Jet& y) {
    Jet z;
    for (int i = 0; i <= Order; ++i)
      for (int k = 0; k <= i; ++k) z.c[i] += x.c[k] * y.c[i - k];
    for (int j = 0; j < Aux; ++j)
      for (int i = 0; i < Order; ++i)
        for (int k = 0; k <= i; ++k) z.a[j][i] += x.c[k] * y.a[j][i - k] + x.a[j][k] * y.c[i - k];
    return z;
  }
  friend Jet operator*(Jet x, double s) { return x *= s; }
  friend Jet operator*(double s, Jet x) { return x *= s; }
  friend Jet operator+(Jet x, double s) {
    x.c[0] += s;
    return x;
  }
  friend Jet operator+(double s, Jet x) { return x + s; }
  friend Jet operator-(Jet x, double s) { return x + (-s); }
  friend Jet operator-(double s, Jet x) { return -x + s; }
};

// F(x) from F and its first three derivatives at the value of x.
template <int Order, int Aux>
Jet<Order, Aux> compose(const Jet<Order, Aux>& x, const std::array<double, 4>& F) {
  Jet<Order, Aux> z(F[0]);
  std::array<double, Order + 1> power{}, slope{};  // powers of x - x(0); F'(x)
  power[0] = 1.0;
  slope[0] = F[1];
  double factorial = 1.0;
  for (int n = 1; n <= Order; ++n) {
    std::array<double, Order + 1> next{};
    for (int i = 1; i <= Order; ++i)
      for (int k = 1; k <= i; ++k) next[i] += x.c[k] * power[i - k];
    power = next;
    factorial *= n;
    for (int i = n; i <= Order; ++i) {
      z.c[i] += F[n] / factorial * power[i];
      if (n < 3) slope[i] += F[n + 1] / factorial * power[i];
    }
  }
  for (int j = 0; j < Aux; ++j)
    for (int i = 0; i < Order; ++i)
      for (int k = 0; k <= i; ++k) z.a[j][i] += slope[k] * x.a[j][i - k];
  return z;
}

}  // namespace ml
