// LAPACK and BLAS by function pointer: SciPy's own, handed over once at import; nothing is linked.
#pragma once

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

namespace ml::lapack {

using Potrf = void (*)(char*, int*, double*, int*, int*);
using Potri = void (*)(char*, int*, double*, int*, int*);
using Trsm = void (*)(char*, char*, char*, char*, int*, int*, double*, double*, int*, double*, int*);
using Symm = void (*)(char*, char*, int*, int*, double*, double*, int*, double*, int*, double*, double*, int*);

struct Table {
  Potrf potrf = nullptr;
  Potri potri = nullptr;
  Trsm trsm = nullptr;
  Symm symm = nullptr;
};

// Set once when the module is imported, read-only afterwards.
inline Table table;

// Below this size plain loops are faster than a library that starts threads for every call.
inline constexpr int small = 96;

// Lower Cholesky factor of the n x n column-major S; false if S is not positive definite.
inline bool cholesky(double* S, int n) {
  if (n <= small) {
    for (int j = 0; j < n; ++j) {
      double* c = S + static_cast<std::size_t>(j) * n;
      if (!(c[j] > 0.0)) return false;
      const double d = 1.0 / (c[j] = std::sqrt(c[j]));
      for (int i = j + 1; i < n; ++i) c[i] *= d;
      for (int k = j + 1; k < n; ++k) {
        double* t = S + static_cast<std::size_t>(k) * n;
        for (int i = k; i < n; ++i) t[i] -= c[k] * c[i];
      }
    }
    return true;
  }
  char lower = 'L';
  int info = 0;
  table.potrf(&lower, &n, S, &n, &info);
  return info == 0;
}

// B (n x m column-major) := L^-1 B, or L^-T B.
inline void solve_triangular(const double* L, double* B, int n, int m, bool transposed) {
  if (n == 0 || m == 0) return;
  if (n <= small) {
    for (int j = 0; j < m; ++j) {
      double* b = B + static_cast<std::size_t>(j) * n;
      if (!transposed) {
        for (int i = 0; i < n; ++i) {
          const double* c = L + static_cast<std::size_t>(i) * n;
          b[i] /= c[i];
          for (int k = i + 1; k < n; ++k) b[k] -= c[k] * b[i];
        }
      } else {
        for (int i = n - 1; i >= 0; --i) {
          const double* c = L + static_cast<std::size_t>(i) * n;
          for (int k = i + 1; k < n; ++k) b[i] -= c[k] * b[k];
          b[i] /= c[i];
        }
      }
    }
    return;
  }
  char left = 'L', lower = 'L', trans = transposed ? 'T' : 'N', non_unit = 'N';
  double one = 1.0;
  table.trsm(&left, &lower, &trans, &non_unit, &n, &m, &one, const_cast<double*>(L), &n, B, &n);
}

// Lower triangle of the inverse from the lower Cholesky factor, in place.
inline void invert_from_cholesky(double* S, int n) {
  if (n <= small) {  // columns of L^-1, then (L^-1)'(L^-1)
    std::vector<double> X(static_cast<std::size_t>(n) * n, 0.0);
    for (int j = 0; j < n; ++j) X[j + static_cast<std::size_t>(j) * n] = 1.0;
    solve_triangular(S, X.data(), n, n, false);
    for (int j = 0; j < n; ++j)
      for (int i = j; i < n; ++i) {
        double s = 0.0;
        for (int k = i; k < n; ++k) s += X[k + static_cast<std::size_t>(i) * n] * X[k + static_cast<std::size_t>(j) * n];
        S[i + static_cast<std::size_t>(j) * n] = s;
      }
    return;
  }
  char lower = 'L';
  int info = 0;
  table.potri(&lower, &n, S, &n, &info);
  if (info != 0) throw std::runtime_error("potri failed");
}

// C (n x m) := beta C + alpha A B, for symmetric A (lower triangle of n x n), all column-major.
inline void symmetric_multiply(const double* A, const double* B, double* C, int n, int m, double alpha, double beta) {
  if (n == 0 || m == 0) return;
  if (n <= small) {
    for (int j = 0; j < m; ++j) {
      const double* b = B + static_cast<std::size_t>(j) * n;
      double* c = C + static_cast<std::size_t>(j) * n;
      for (int i = 0; i < n; ++i) c[i] *= beta;
      for (int k = 0; k < n; ++k) {
        const double* a = A + static_cast<std::size_t>(k) * n;
        c[k] += alpha * a[k] * b[k];
        for (int i = k + 1; i < n; ++i) {
          c[i] += alpha * a[i] * b[k];
          c[k] += alpha * a[i] * b[i];
        }
      }
    }
    return;
  }
  char left = 'L', lower = 'L';
  table.symm(&left, &lower, &n, &m, &alpha, const_cast<double*>(A), &n, const_cast<double*>(B), &n, &beta, C, &n);
}

}  // namespace ml::lapack
