// Draws of the group effects from their exact conditional distribution, on the factors of the elimination.
#include "elimination.hpp"
#include "lapack.hpp"

namespace ml {

// b ~ N(Cov c, sigma^2 Cov), c = Z'(y - X beta), from the last node to the first: given the later effects,
// b_p ~ N(K (c_p - N_p b_R), sigma^2 K), K = U'U. In the core b = Lambda L^-T (L^-1 Lambda'c + sigma e).
void Elimination::draw_effects(const double* beta, double sigma, Random& random, double* out) {
  const int p = fixed.p;
  drawn_.assign(e_total_, 0.0);
  std::vector<double> x(Q_), c, t;
  for (int v = n_sparse_; v < n_nodes(); ++v)
    for (int i = 0; i < k_of(v); ++i) {
      const int at = core_column_[v] + i;
      x[at] = core_W_[at + static_cast<std::size_t>(p) * Q_];
      for (int j = 0; j < p; ++j) x[at] -= core_W_[at + static_cast<std::size_t>(j) * Q_] * beta[j];
      x[at] += sigma * random.normal();
    }
  lapack::solve_triangular(S_.data(), x.data(), Q_, 1, true);
  for (int v = n_sparse_; v < n_nodes(); ++v) {
    const int k = k_of(v);
    for (int i = 0; i < k; ++i)
      for (int a = 0; a <= i; ++a) drawn_[eoff_[v] + i] += lambda[factor_[v]][i * k + a] * x[core_column_[v] + a];
  }
  for (int v = n_sparse_ - 1; v >= 0; --v) {
    const int k = k_of(v), w = width_[v];
    const double *C = C_of(v), *U = U_.data() + aoff_[v];
    c.resize(k);
    t.resize(k);
    for (int i = 0; i < k; ++i) {
      c[i] = C[i * r_ + p];
      for (int j = 0; j < p; ++j) c[i] -= C[i * r_ + j] * beta[j];
    }
    for (auto e = list_start_[v]; e < list_start_[v + 1]; ++e)
      for (int i = 0; i < k; ++i)
        for (int j = 0; j < k_of(list_[e]); ++j)
          c[i] -= N_of(v)[i * w + list_column_[e] + j] * drawn_[eoff_[list_[e]] + j];
    multiply(U, c.data(), t.data(), k, k, 1);
    for (int a = 0; a < k; ++a) {
      const double ta = t[a] + sigma * random.normal();
      for (int i = 0; i < k; ++i) drawn_[eoff_[v] + i] += U[a * k + i] * ta;
    }
  }
  std::int64_t at = 0;
  for (int f = 0; f < layout.n_factors(); ++f)
    for (int l = 0; l < levels[f]; ++l)
      for (int a = 0; a < layout.effects[f]; ++a) out[at++] = drawn_[eoff_[position_[f][l]] + a];
}

}  // namespace ml
