// Dense algebra for matrices of a few rows: row-major, no allocation beyond the caller's buffers.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace ml {

// Lower Cholesky factor of a (n x n, lower triangle read), in place; the strict upper triangle is left alone.
// Returns false if a pivot is not positive.
inline bool cholesky(double* a, int n) {
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j <= i; ++j) {
      double s = a[i * n + j];
      for (int c = 0; c < j; ++c) s -= a[i * n + c] * a[j * n + c];
      if (i == j) {
        if (!(s > 0.0)) return false;
        a[i * n + i] = std::sqrt(s);
      } else {
        a[i * n + j] = s / a[j * n + j];
      }
    }
  }
  return true;
}

// X := L^-1 X for lower L (n x n) and X (n x m).
inline void solve_lower(const double* L, double* X, int n, int m) {
  for (int i = 0; i < n; ++i) {
    for (int c = 0; c < i; ++c) {
      const double l = L[i * n + c];
      for (int j = 0; j < m; ++j) X[i * m + j] -= l * X[c * m + j];
    }
    const double d = 1.0 / L[i * n + i];
    for (int j = 0; j < m; ++j) X[i * m + j] *= d;
  }
}

// X := L^-T X for lower L (n x n) and X (n x m).
inline void solve_lower_transposed(const double* L, double* X, int n, int m) {
  for (int i = n - 1; i >= 0; --i) {
    for (int c = i + 1; c < n; ++c) {
      const double l = L[c * n + i];
      for (int j = 0; j < m; ++j) X[i * m + j] -= l * X[c * m + j];
    }
    const double d = 1.0 / L[i * n + i];
    for (int j = 0; j < m; ++j) X[i * m + j] *= d;
  }
}

// C (n x m) := A (n x k) B (k x m).
inline void multiply(const double* A, const double* B, double* C, int n, int k, int m) {
  for (int i = 0; i < n; ++i) {
    double* c = C + static_cast<std::ptrdiff_t>(i) * m;
    std::fill(c, c + m, 0.0);
    for (int l = 0; l < k; ++l) {
      const double a = A[i * k + l];
      const double* b = B + static_cast<std::ptrdiff_t>(l) * m;
      for (int j = 0; j < m; ++j) c[j] += a * b[j];
    }
  }
}

// Eigenvalues (ascending) and eigenvectors (columns of V) of symmetric a (n x n); a is destroyed. Cyclic Jacobi
// (Golub and Van Loan 2013, section 8.5): slow for large n, accurate for every n.
inline void symmetric_eigen(std::vector<double>& a, int n, std::vector<double>& values, std::vector<double>& V) {
  V.assign(static_cast<std::size_t>(n) * n, 0.0);
  for (int i = 0; i < n; ++i) V[i * n + i] = 1.0;
  for (int sweep = 0; sweep < 60; ++sweep) {
    double off = 0.0, total = 0.0;
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < n; ++j) (i == j ? total : off) += a[i * n + j] * a[i * n + j];
    if (!(off > 1e-32 * (total + off))) break;
    for (int p = 0; p < n - 1; ++p) {
      for (int q = p + 1; q < n; ++q) {
        const double apq = a[p * n + q];
        if (apq == 0.0) continue;
        const double tau = (a[q * n + q] - a[p * n + p]) / (2.0 * apq);
        const double t = (tau >= 0 ? 1.0 : -1.0) / (std::abs(tau) + std::sqrt(1.0 + tau * tau));
        const double c = 1.0 / std::sqrt(1.0 + t * t), s = t * c;
        for (int i = 0; i < n; ++i) {
          const double x = a[i * n + p], y = a[i * n + q];
          a[i * n + p] = c * x - s * y;
          a[i * n + q] = s * x + c * y;
        }
        for (int i = 0; i < n; ++i) {
          const double x = a[p * n + i], y = a[q * n + i];
          a[p * n + i] = c * x - s * y;
          a[q * n + i] = s * x + c * y;
        }
        for (int i = 0; i < n; ++i) {
          const double x = V[i * n + p], y = V[i * n + q];
          V[i * n + p] = c * x - s * y;
          V[i * n + q] = s * x + c * y;
        }
      }
    }
  }
  std::vector<int> order(n);
  for (int i = 0; i < n; ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](int i, int j) { return a[i * n + i] < a[j * n + j]; });
  values.resize(n);
  std::vector<double> W(V.size());
  for (int j = 0; j < n; ++j) {
    values[j] = a[order[j] * n + order[j]];
    for (int i = 0; i < n; ++i) W[i * n + j] = V[i * n + order[j]];
  }
  V.swap(W);
}

}  // namespace ml
