// One level of a factor: from standard normal numbers to effects and back, in small dense matrices.
#pragma once

#include <cmath>
#include <utility>

namespace ml::joint {

// What the way to the effects leaves behind for the way back; K numbers or K x K each.
struct Level {
  double *g, *x, *v, *R;
};

// R lower triangular with R R' = I + Lambda'W Lambda; `scratch` holds K x K numbers. False if there is no such R.
inline bool root(int K, const double* lambda, const double* W, double* scratch, double* R) {
  for (int a = 0; a < K; ++a)  // scratch = W Lambda
    for (int b = 0; b < K; ++b) {
      double s = 0.0;
      for (int c = 0; c < K; ++c) s += W[a * K + c] * lambda[c * K + b];
      scratch[a * K + b] = s;
    }
  for (int a = 0; a < K; ++a)
    for (int b = 0; b <= a; ++b) {
      double s = a == b ? 1.0 : 0.0;
      for (int c = 0; c < K; ++c) s += lambda[c * K + a] * scratch[c * K + b];
      for (int c = 0; c < b; ++c) s -= R[a * K + c] * R[b * K + c];
      if (a == b) {
        if (!(s > 0.0)) return false;
        R[a * K + a] = std::sqrt(s);
      } else {
        R[a * K + b] = s / R[b * K + b];
      }
    }
  for (int a = 0; a < K; ++a)
    for (int b = a + 1; b < K; ++b) R[a * K + b] = 0.0;
  return true;
}

// y -> R^-1 y and y -> R^-T y.
inline void forward_solve(int K, const double* R, double* y) {
  for (int a = 0; a < K; ++a) {
    for (int b = 0; b < a; ++b) y[a] -= R[a * K + b] * y[b];
    y[a] /= R[a * K + a];
  }
}
inline void backward_solve(int K, const double* R, double* y) {
  for (int a = K - 1; a >= 0; --a) {
    for (int b = a + 1; b < K; ++b) y[a] -= R[b * K + a] * y[b];
    y[a] /= R[a * K + a];
  }
}

// From z and level.g to level.x, level.R, level.v and b = Lambda v. Returns log N(v) - log |R|, NaN if undefined.
inline double to_effects(int K, const double* lambda, const double* W, const double* z, double* scratch, Level level,
                         double* b) {
  if (!root(K, lambda, W, scratch, level.R)) return std::nan("");
  double sum = 0.0;
  for (int a = 0; a < K; ++a) {
    level.x[a] = 0.0;
    for (int c = 0; c < K; ++c) level.x[a] += lambda[c * K + a] * level.g[c];
  }
  forward_solve(K, level.R, level.x);
  for (int a = 0; a < K; ++a) level.v[a] = level.x[a] + z[a];
  backward_solve(K, level.R, level.v);
  for (int a = 0; a < K; ++a) {
    sum -= 0.5 * level.v[a] * level.v[a] + std::log(level.R[a * K + a]);
    b[a] = 0.0;
    for (int c = 0; c < K; ++c) b[a] += lambda[a * K + c] * level.v[c];
  }
  return sum;
}

// From the derivative by b to those by z, g (into `by_g`) and Lambda (added to `by_lambda`), the terms of the level in
// the log density included. `scratch` holds 3 K + 3 K x K numbers.
inline void from_effects(int K, const double* lambda, const double* W, const Level& level, const double* by_b,
                         double* scratch, double* by_z, double* by_g, double* by_lambda) {
  double *y = by_z, *h = scratch, *S = scratch + K, *P = S + K * K, *WL = P + K * K;
  const double *R = level.R, *v = level.v, *x = level.x;
  for (int a = 0; a < K; ++a) {
    y[a] = -v[a];
    for (int c = 0; c < K; ++c) {
      y[a] += lambda[c * K + a] * by_b[c];
      by_lambda[a * K + c] += by_b[a] * v[c];
    }
  }
  forward_solve(K, R, y);  // by R^-1 Lambda'g + z, and so by z
  for (int a = 0; a < K; ++a) h[a] = y[a];
  backward_solve(K, R, h);  // by Lambda'g
  // P: the lower triangle of R' times the derivative by R, half of its diagonal
  for (int a = 0; a < K; ++a)
    for (int b = 0; b <= a; ++b) {
      double s = 0.0;
      for (int c = a; c < K; ++c) {
        double by_R = b <= c ? -v[c] * y[b] - h[c] * x[b] : 0.0;
        if (b == c) by_R -= 1.0 / R[c * K + c];
        s += R[c * K + a] * by_R;
      }
      P[a * K + b] = a == b ? 0.5 * s : s;
    }
  // S = R^-T (P + P') R^-1 / 2: the derivative is tr(S dM)
  for (int a = 0; a < K; ++a)
    for (int b = 0; b < K; ++b) S[b * K + a] = 0.5 * (a == b ? 2.0 * P[a * K + a] : a > b ? P[a * K + b] : P[b * K + a]);
  for (int a = 0; a < K; ++a) backward_solve(K, R, S + a * K);  // S is symmetric: rows are columns
  for (int a = 0; a < K; ++a)
    for (int b = 0; b < a; ++b) std::swap(S[a * K + b], S[b * K + a]);
  for (int a = 0; a < K; ++a) backward_solve(K, R, S + a * K);
  for (int a = 0; a < K; ++a)
    for (int b = 0; b < K; ++b) {
      double s = 0.0;
      for (int c = 0; c < K; ++c) s += W[a * K + c] * lambda[c * K + b];
      WL[a * K + b] = s;
    }
  for (int a = 0; a < K; ++a) {
    by_g[a] = 0.0;
    for (int c = 0; c < K; ++c) {
      by_g[a] += lambda[a * K + c] * h[c];
      double s = level.g[a] * h[c];
      for (int d = 0; d < K; ++d) s += 2.0 * WL[a * K + d] * S[d * K + c];
      by_lambda[a * K + c] += s;
    }
  }
}

}  // namespace ml::joint
