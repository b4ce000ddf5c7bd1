// Sds and correlations of a term from numbers on the whole real line.
#include "joint_term.hpp"

#include <cmath>
#include <numbers>

#include "special.hpp"

namespace ml {

namespace {

struct Sd {
  double value, log_rate, bend;
};

// s = -log Phi(-x), log ds/dx and the slope of that: the hazard h has h' = h (h - x).
Sd sd_of(double x) {
  const double log_rest =
      x < 0.0 ? std::log1p(-0.5 * std::erfc(-x / std::numbers::sqrt2)) : special::log_normal_cdf_of(-x)[0];
  const double log_rate = -0.5 * x * x - 0.5 * std::log(2.0 * std::numbers::pi) - log_rest;
  return {-log_rest, log_rate, std::exp(log_rate) - x};
}

// log(1 - tanh(z)^2).
double log_rest_of(double z) {
  const double size = std::abs(z);
  return -2.0 * (size + std::log1p(std::exp(-2.0 * size)) - std::numbers::ln2);
}

}  // namespace

double JointTerm::forward(const double* x, double* root, int width, Point& at, double* slope) const {
  const int size = k();
  at.sd = held;
  at.rate.assign(size, 0.0);
  double total = 0.0;
  for (int a = 0; a < size; ++a) {
    const int place = sds[a];
    if (place < 0) continue;
    const Sd sd = alone ? sd_of(x[place]) : Sd{std::exp(x[place]), x[place], 1.0};
    at.sd[a] = sd.value;
    at.rate[a] = alone ? std::exp(sd.log_rate) : sd.value;
    const bool again = a > 0 && sds[a] == sds[0];
    if (again) continue;
    const LogSlope prior_here = prior[a].at(sd.value);
    total += prior_here.log + sd.log_rate;
    slope[place] += prior_here.slope * at.rate[a] + sd.bend;
  }
  total += correlations(x, at, slope);
  if (!scale.empty()) total += inverse_wishart(at, slope);
  for (int a = 0; a < size; ++a)
    for (int b = 0; b <= a; ++b) root[a * width + b] = at.sd[a] * at.L[a * size + b];
  return total;
}

// L_ij = r_ij prod_{l < j} sqrt(1 - r_il^2); log det R moves by -2 r_ij, the log volume by -(k - j) r_ij
// (Lewandowski, Kurowicka and Joe 2009, section 2).
double JointTerm::correlations(const double* x, Point& at, double* slope) const {
  at.L = L;
  if (partial < 0) return top;
  const int size = k();
  double total = top;
  at.r.clear();
  for (int i = 1, place = partial; i < size; ++i) {
    double left = 1.0;
    for (int j = 0; j < i; ++j, ++place) {
      const double r = std::tanh(x[place]), log_rest = log_rest_of(x[place]);
      at.r.push_back(r);
      at.L[i * size + j] = r * left;
      left *= std::exp(0.5 * log_rest);
      total += log_rest * (power + 0.5 * (size - j - 2) + 1.0);
      slope[place] -= r * (2.0 * power + size - j);
    }
    at.L[i * size + i] = left;
  }
  return total;
}

// -(df + k + 1) / 2 log det D - tr(scale D^-1) / 2 with D = Lambda Lambda', and the volume 2^k prod s^k of D by sds and
// correlations. With A = Lambda^-1 and B = A scale A' the trace is that of B, and moves by -2 tr(B A dLambda).
double JointTerm::inverse_wishart(const Point& at, double* slope) const {
  const int size = k();
  std::vector<double> A(size * size, 0.0), AS(size * size, 0.0), by_root(size * size, 0.0);
  double total = size * std::numbers::ln2;
  for (int j = 0; j < size; ++j)
    for (int i = j; i < size; ++i) {
      double sum = i == j ? 1.0 : 0.0;
      for (int l = j; l < i; ++l) sum -= at.sd[i] * at.L[i * size + l] * A[l * size + j];
      A[i * size + j] = sum / (at.sd[i] * at.L[i * size + i]);
    }
  for (int i = 0; i < size; ++i) {
    total += (df + size + 1.0) * std::log(A[i * size + i]) + size * std::log(at.sd[i]);
    by_root[i * size + i] = -(df + size + 1.0) * A[i * size + i];
    if (sds[i] >= 0) slope[sds[i]] += size;
    for (int j = 0; j < size; ++j)
      for (int l = 0; l <= i; ++l) AS[i * size + j] += A[i * size + l] * scale[l * size + j];
  }
  for (int i = 0; i < size; ++i)
    for (int j = 0; j < size; ++j) {
      double B = 0.0;
      for (int l = 0; l <= j; ++l) B += AS[i * size + l] * A[j * size + l];
      if (i == j) total -= 0.5 * B;
      for (int l = j; l <= i; ++l) by_root[l * size + j] += A[i * size + l] * B;
    }
  backward(at, by_root.data(), size, slope);
  return total;
}

void JointTerm::backward(const Point& at, const double* by_root, int width, double* slope) const {
  const int size = k();
  for (int a = 0; a < size; ++a) {
    if (sds[a] < 0) continue;
    double by_sd = 0.0;
    for (int b = 0; b <= a; ++b) by_sd += by_root[a * width + b] * at.L[a * size + b];
    slope[sds[a]] += by_sd * at.rate[a];
  }
  if (partial < 0) return;
  const double* r = at.r.data();
  for (int i = 1, place = partial; i < size; ++i) {
    double left = 1.0;
    for (int j = 0; j < i; ++j, ++place, ++r) {
      const double rest = (1.0 - *r) * (1.0 + *r);
      double later = 0.0;
      for (int l = j + 1; l <= i; ++l) later += by_root[i * width + l] * at.L[i * size + l];
      slope[place] += at.sd[i] * (by_root[i * width + j] * rest * left - *r * later);
      left *= std::sqrt(rest);
    }
  }
}

}  // namespace ml
