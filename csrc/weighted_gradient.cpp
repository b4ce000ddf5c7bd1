// Gradient of log|M| + sum_ab w_ab S_ab in the relative covariances T, S = [X y]'V^-1 [X y]: see ALGORITHMS section 4.2.
//
// With E = Z'V^-1 Z and H = Z'V^-1 [X y] of a level, d log|M| = tr(E dT) and dS = -H'dT H, summed over levels.
#include "elimination.hpp"
#include "one_factor.hpp"

namespace ml {

namespace {

// inner (k x k) += scale * F w F' for F (k x r) and symmetric w (r x r); buffer k x r.
template <int KT>
void add_form(const double* F, const double* w, double scale, int k_given, int r, double* buffer, double* inner) {
  const int k = KT > 0 ? KT : k_given;
  multiply(F, w, buffer, k, r, r);
  for (int a = 0; a < k; ++a)
    for (int b = 0; b < k; ++b) {
      double s = 0.0;
      for (int j = 0; j < r; ++j) s += buffer[a * r + j] * F[b * r + j];
      inner[a * k + b] += scale * s;
    }
}

}  // namespace

// With Q = L^-1 R' and H = Q'L^-1 d, the rows of a class need only the sum of (L^-1 d) w (L^-1 d)'.
template <int KT>
void OneFactor::add_weighted(const double* w, double* G) const {
  const int k = KT > 0 ? KT : k_, r = r_;
  std::vector<double> Q(k * k), E(k * k), inner(k * k), half(k * k), F(static_cast<std::size_t>(k) * r), buffer(F.size());
  for (int s = 0; s < n_classes(); ++s) {
    class_information(s, Q.data(), E.data());
    const double* L = L_.data() + static_cast<std::size_t>(s) * k * k;
    std::fill(inner.begin(), inner.end(), 0.0);
    for (std::int64_t i = start_[s]; i < start_[s + 1]; ++i) {
      std::copy_n(d_.data() + i * k * r, k * r, F.data());
      solve_lower(L, F.data(), k, r);
      add_form<KT>(F.data(), w, 1.0, k, r, buffer.data(), inner.data());
    }
    multiply(inner.data(), Q.data(), half.data(), k, k, k);
    for (int a = 0; a < k; ++a)
      for (int b = 0; b < k; ++b) {
        double x = count_[s] * E[a * k + b];
        for (int c = 0; c < k; ++c) x -= Q[c * k + a] * half[c * k + b];
        G[a * k + b] += x;
      }
  }
}

void OneFactor::weighted_gradient(const double* w, std::vector<std::vector<double>>& G) {
  G.assign(1, std::vector<double>(static_cast<std::size_t>(k_) * k_, 0.0));
  switch (k_) {
    case 1: add_weighted<1>(w, G[0].data()); break;
    case 2: add_weighted<2>(w, G[0].data()); break;
    case 3: add_weighted<3>(w, G[0].data()); break;
    default: add_weighted<0>(w, G[0].data());
  }
}

void Elimination::weighted_gradient(const double* w, std::vector<std::vector<double>>& G) {
  solve_effects();
  invert_selected();
  G.resize(layout.n_factors());
  std::vector<double> buffer;
  for (int f = 0; f < layout.n_factors(); ++f) {
    const int k = layout.effects[f];
    G[f].assign(static_cast<std::size_t>(k) * k, 0.0);
    buffer.resize(static_cast<std::size_t>(k) * r_);
    for (int l = 0; l < levels[f]; ++l) {
      const int v = position_[f][l];
      const double* E = E_.data() + aoff_[v];
      for (int e = 0; e < k * k; ++e) G[f][e] += E[e];
      add_form<0>(H_.data() + coff_[v], w, -1.0, k, r_, buffer.data(), G[f].data());
    }
  }
}

}  // namespace ml
