// Products with the blocks of a node and its later nodes; without lists where those are consecutive ones of the core,
// as in a crossing of a large factor with a small one.
#include "elimination.hpp"

namespace ml {

namespace {

// In four parts, an order that compilers need not change to use vector instructions.
double dot(const double* x, const double* y, int size) {
  double part[4] = {0.0, 0.0, 0.0, 0.0};
  int i = 0;
  for (; i + 4 <= size; i += 4)
    for (int j = 0; j < 4; ++j) part[j] += x[i + j] * y[i + j];
  for (; i < size; ++i) part[0] += x[i] * y[i];
  return (part[0] + part[1]) + (part[2] + part[3]);
}

}  // namespace

void Elimination::add_later(int p, const double* N, const double* x, int s, double sign, double* out) const {
  const int k = k_of(p), w = width_[p];
  if (w > 0 && run_[p]) {
    const double* later = x + eoff_[list_[list_start_[p]]] * s;
    for (int i = 0; i < k; ++i) {
      const double* n = N + static_cast<std::ptrdiff_t>(i) * w;
      if (s == 1) {
        out[i] += sign * dot(n, later, w);
        continue;
      }
      for (int j = 0; j < w; ++j)
        for (int t = 0; t < s; ++t) out[i * s + t] += sign * n[j] * later[j * s + t];
    }
    return;
  }
  for (auto e = list_start_[p]; e < list_start_[p + 1]; ++e) {
    const double* later = x + eoff_[list_[e]] * s;
    const int ku = k_of(list_[e]);
    for (int i = 0; i < k; ++i)
      for (int j = 0; j < ku; ++j) {
        const double n = sign * N[i * w + list_column_[e] + j];
        for (int t = 0; t < s; ++t) out[i * s + t] += n * later[j * s + t];
      }
  }
}

void Elimination::add_to_later(int p, const double* N, const double* y, int s, double sign, double* x) const {
  const int k = k_of(p), w = width_[p];
  if (w > 0 && run_[p]) {
    double* later = x + eoff_[list_[list_start_[p]]] * s;
    for (int i = 0; i < k; ++i) {
      const double* n = N + static_cast<std::ptrdiff_t>(i) * w;
      if (s == 1) {
        const double yi = sign * y[i];
        for (int j = 0; j < w; ++j) later[j] += yi * n[j];
        continue;
      }
      for (int j = 0; j < w; ++j)
        for (int t = 0; t < s; ++t) later[j * s + t] += sign * n[j] * y[i * s + t];
    }
    return;
  }
  for (auto e = list_start_[p]; e < list_start_[p + 1]; ++e) {
    double* later = x + eoff_[list_[e]] * s;
    const int ku = k_of(list_[e]);
    for (int i = 0; i < k; ++i)
      for (int j = 0; j < ku; ++j) {
        const double n = sign * N[i * w + list_column_[e] + j];
        for (int t = 0; t < s; ++t) later[j * s + t] += n * y[i * s + t];
      }
  }
}

// The core's lower triangle loses W'W, W k x w.
void Elimination::update_core(int p, const double* W, int k, int w) {
  const std::size_t first = core_column_[list_[list_start_[p]]], Q = Q_;
  for (int a = 0; a < w; ++a) {
    double* column = core_.data() + (first + a) * Q + first;
    for (int c = 0; c < k; ++c) {
      const double* wc = W + static_cast<std::ptrdiff_t>(c) * w;
      const double wa = wc[a];
      for (int b = a; b < w; ++b) column[b] -= wa * wc[b];
    }
  }
}

// T1 (k x w) = N (cov_RR), of the full matrix S.
void Elimination::multiply_core(int p, std::vector<double>& T1) const {
  const int k = k_of(p), w = width_[p];
  const std::size_t first = core_column_[list_[list_start_[p]]], Q = Q_;
  const double* N = N_of(p);
  T1.assign(static_cast<std::size_t>(k) * w, 0.0);
  for (int a = 0; a < w; ++a) {
    const double* column = S_.data() + (first + a) * Q + first;
    for (int c = 0; c < k; ++c) {
      const double n = N[c * w + a];
      double* t = T1.data() + static_cast<std::ptrdiff_t>(c) * w;
      for (int b = 0; b < w; ++b) t[b] += n * column[b];
    }
  }
}

}  // namespace ml
