// LAPACK and BLAS by function pointer: SciPy's own, handed over once at import; nothing is linked.
#pragma once

#include <stdexcept>

namespace ml::lapack {

using Potrf = void (*)(char*, int*, double*, int*, int*);
using Potri = void (*)(char*, int*, double*, int*, int*);
using Trsm = void (*)(char*, char*, char*, char*, int*, int*, double*, double*, int*, double*, int*);
using Symm = void (*)(char*, char*, int*, int*, double*, double*, int*, double*, int*, double*, double*, int*);
using Syrk = void (*)(char*, char*, int*, int*, double*, double*, int*, double*, double*, int*);

struct Table {
  Potrf potrf = nullptr;
  Potri potri = nullptr;
  Trsm trsm = nullptr;
  Symm symm = nullptr;
  Syrk syrk = nullptr;
};

// Set once when the module is imported, read-only afterwards.
inline Table table;

// Lower Cholesky factor of the n x n column-major S; false if S is not positive definite.
inline bool cholesky(double* S, int n) {
  if (n == 0) return true;
  char lower = 'L';
  int info = 0;
  table.potrf(&lower, &n, S, &n, &info);
  return info == 0;
}

// Lower triangle of the inverse from the lower Cholesky factor, in place.
inline void invert_from_cholesky(double* S, int n) {
  if (n == 0) return;
  char lower = 'L';
  int info = 0;
  table.potri(&lower, &n, S, &n, &info);
  if (info != 0) throw std::runtime_error("potri failed");
}

// B (n x m column-major) := L^-1 B, or L^-T B.
inline void solve_triangular(const double* L, double* B, int n, int m, bool transposed) {
  if (n == 0 || m == 0) return;
  char left = 'L', lower = 'L', trans = transposed ? 'T' : 'N', non_unit = 'N';
  double one = 1.0;
  table.trsm(&left, &lower, &trans, &non_unit, &n, &m, &one, const_cast<double*>(L), &n, B, &n);
}

// C (n x m) := beta C + alpha A B, for symmetric A (lower triangle of n x n), all column-major.
inline void symmetric_multiply(const double* A, const double* B, double* C, int n, int m, double alpha, double beta) {
  if (n == 0 || m == 0) return;
  char left = 'L', lower = 'L';
  table.symm(&left, &lower, &n, &m, &alpha, const_cast<double*>(A), &n, const_cast<double*>(B), &n, &beta, C, &n);
}

}  // namespace ml::lapack
