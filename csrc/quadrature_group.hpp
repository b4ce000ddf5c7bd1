// One group of the quadrature: its mode, curvature and nodes, and the sums over them.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "quadrature.hpp"
#include "small_dense.hpp"

namespace ml {

// Numbers of the rows of a chunk.
struct Quadrature::Rows {
  std::vector<double> fixed, eta, inflations;  // inflations may be empty
  RowDerivatives mode, node;
  std::vector<double> residual;              // weighted sum of d1, at the end the derivative by eta
  std::vector<double> aux[2];                // weighted sums of the derivatives by auxiliary numbers
  std::vector<double> shift, spread;         // movement of the mode's eta, s_i

  Rows(std::int64_t n, int n_aux) : fixed(n), eta(n), residual(n, 0.0), shift(n), spread(n) {
    node.resize(n, n_aux);
    for (int j = 0; j < n_aux; ++j) aux[j].assign(n, 0.0);
  }
  const double* inflation() const { return inflations.empty() ? nullptr : inflations.data(); }
};

// Lambda u, Lambda lower.
template <int K>
std::array<double, K> multiplied(const double* lambda, const std::array<double, K>& u) {
  std::array<double, K> b{};
  for (int i = 0; i < K; ++i)
    for (int a = 0; a <= i; ++a) b[i] += lambda[i * K + a] * u[a];
  return b;
}

// Lambda'h.
template <int K>
std::array<double, K> transposed(const double* lambda, const std::array<double, K>& h) {
  std::array<double, K> u{};
  for (int a = 0; a < K; ++a)
    for (int i = a; i < K; ++i) u[a] += lambda[i * K + a] * h[i];
  return u;
}

template <int K>
double dot(const double* z, const std::array<double, K>& b) {
  double s = 0.0;
  for (int a = 0; a < K; ++a) s += z[a] * b[a];
  return s;
}

template <int K>
void predictor(const double* Z, const double* fixed, std::int64_t first, std::int64_t last, const std::array<double, K>& b,
               double* eta) {
  for (std::int64_t i = first; i < last; ++i) eta[i] = fixed[i] + dot<K>(Z + i * K, b);
}

template <int K>
struct Quadrature::Group {
  using Vector = std::array<double, K>;
  using Square = std::array<double, K * K>;

  Vector mode{}, u{}, slope{};          // slope: weighted sum of the gradient by u
  Square information{}, root{};         // Z'WZ at the mode; C^-1, lower
  Square nodes{}, by_lambda{}, curved{};  // weighted sums: z v', h u', hh' + Z'DZ
  double reference = 0.0, log_det = 0.0, sum = 0.0;

  void center(const double* at) {
    for (int a = 0; a < K; ++a) {
      mode[a] = at[a];
      reference -= 0.5 * at[a] * at[a];
    }
  }

  void add_information(const double* z, double w) {
    for (int a = 0; a < K; ++a)
      for (int b = 0; b < K; ++b) information[a * K + b] += w * z[a] * z[b];
  }

  // C^-1 of CC' = I + Lambda'Z'WZ Lambda.
  bool factorise(const double* lambda) {
    double H[K * K];
    for (int a = 0; a < K; ++a)
      for (int b = 0; b < K; ++b) {
        H[a * K + b] = a == b;
        for (int i = a; i < K; ++i)
          for (int j = b; j < K; ++j) H[a * K + b] += lambda[i * K + a] * information[i * K + j] * lambda[j * K + b];
      }
    if (!cholesky(H, K)) return false;
    for (int a = 0; a < K; ++a) {
      root[a * K + a] = 1.0;
      log_det += std::log(H[a * K + a]);
    }
    solve_lower(H, root.data(), K, K);
    return true;
  }

  void move_to(const double* z) {
    for (int a = 0; a < K; ++a) {
      u[a] = mode[a];
      for (int i = a; i < K; ++i) u[a] += root[i * K + a] * z[i];
    }
  }

  // Of a node whose log density and log weight add up to l; 0 where it is not defined.
  double weight(double l) const {
    double power = l - reference;
    for (double x : u) power -= 0.5 * x * x;
    const double w = std::exp(power);
    return std::isfinite(w) || power > 0.0 ? w : 0.0;
  }

  void add(Rows& rows, const double* Z, std::int64_t first, std::int64_t last, const double* z, const double* lambda,
           double w) {
    Vector h{};
    Square c{};  // lower triangle of Z'DZ
    const double *d1 = rows.node.d1.data(), *d2 = rows.node.d2.data();
    for (std::int64_t i = first; i < last; ++i) {
      const double* zi = Z + i * K;
      for (int a = 0; a < K; ++a) {
        h[a] += zi[a] * d1[i];
        for (int b = 0; b <= a; ++b) c[a * K + b] += d2[i] * zi[a] * zi[b];
      }
    }
    double* residual = rows.residual.data();
    for (std::int64_t i = first; i < last; ++i) residual[i] += w * d1[i];
    for (int j = 0; j < 2; ++j)
      if (!rows.aux[j].empty())
        for (std::int64_t i = first; i < last; ++i) rows.aux[j][i] += w * rows.node.by_aux[j][i];
    Vector g = transposed<K>(lambda, h);
    for (int a = 0; a < K; ++a) g[a] -= u[a];
    for (int a = 0; a < K; ++a) {
      slope[a] += w * g[a];
      double v = 0.0;  // (C^-1 g)_a
      for (int i = 0; i <= a; ++i) v += root[a * K + i] * g[i];
      for (int b = 0; b < K; ++b) {
        nodes[b * K + a] += w * z[b] * v;
        by_lambda[a * K + b] += w * h[a] * u[b];
        curved[a * K + b] += w * (h[a] * h[b] + c[std::max(a, b) * K + std::min(a, b)]);
      }
    }
  }

  double log_integral() const { return reference + std::log(sum) - log_det; }

  // By eta of each row, and by Lambda: the direct part and what the nodes bring as they move.
  void finish(Rows& rows, const double* Z, std::int64_t first, std::int64_t last, const double* lambda) {
    const Square Q = by_curvature();
    Square LQ{}, R{};  // Lambda Q, Lambda Q Lambda'
    for (int a = 0; a < K; ++a)
      for (int b = 0; b < K; ++b)
        for (int i = 0; i <= a; ++i) LQ[a * K + b] += lambda[a * K + i] * Q[i * K + b];
    for (int a = 0; a < K; ++a)
      for (int b = 0; b < K; ++b)
        for (int i = 0; i <= b; ++i) R[a * K + b] += LQ[a * K + i] * lambda[b * K + i];
    Vector h{}, ofc{};
    for (std::int64_t i = first; i < last; ++i) {
      const double* z = Z + i * K;
      double s = 0.0;
      for (int a = 0; a < K; ++a)
        for (int b = 0; b < K; ++b) s += z[a] * R[a * K + b] * z[b];
      rows.spread[i] = s;
      for (int a = 0; a < K; ++a) {
        h[a] += z[a] * rows.mode.d1[i];
        ofc[a] -= z[a] * s * rows.mode.d3[i];
      }
    }
    Vector v = transposed<K>(lambda, ofc), a = {}, t{};
    for (int j = 0; j < K; ++j) v[j] = slope[j] / sum - v[j];
    for (int j = 0; j < K; ++j)  // a = C'^-1 C^-1 v
      for (int k = 0; k < K; ++k)
        for (int i = std::max(j, k); i < K; ++i) a[j] += root[i * K + j] * root[i * K + k] * v[k];
    const Vector b = multiplied<K>(lambda, a);
    for (std::int64_t i = first; i < last; ++i) {
      const double* z = Z + i * K;
      rows.shift[i] = dot<K>(z, b);
      const double moved = rows.shift[i] * rows.mode.d2[i] + rows.spread[i] * rows.mode.d3[i];
      rows.residual[i] = rows.residual[i] / sum + moved;
      for (int j = 0; j < K; ++j) t[j] += z[j] * moved;
    }
    for (int i = 0; i < K; ++i)
      for (int j = 0; j < K; ++j) {
        double d = by_lambda[i * K + j] / sum + h[i] * a[j] + t[i] * mode[j];
        for (int k = 0; k < K; ++k) d -= 2.0 * information[i * K + k] * LQ[k * K + j];
        by_lambda[i * K + j] = d;
      }
  }

 private:
  // Q = C'^-1 (S^ + I/2) C^-1.
  Square by_curvature() const {
    Square half{}, Q{};
    for (int i = 0; i < K; ++i)
      for (int j = 0; j < K; ++j)
        half[i * K + j] = 0.5 * ((i == j) + nodes[std::max(i, j) * K + std::min(i, j)] / sum);
    for (int a = 0; a < K; ++a)
      for (int b = 0; b < K; ++b)
        for (int i = a; i < K; ++i)
          for (int j = b; j < K; ++j) Q[a * K + b] += root[i * K + a] * half[i * K + j] * root[j * K + b];
    return Q;
  }
};

}  // namespace ml
