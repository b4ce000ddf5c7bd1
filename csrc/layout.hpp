// How the optimiser's coordinates theta fill the relative Cholesky factors, one lower triangle per factor.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <vector>

namespace ml {

// Entry e: theta[par[e]] stands in row[e], col[e] (row >= col) of the factor's Lambda. One theta may fill several
// entries (a scalar covariance fills a whole diagonal).
struct Layout {
  int n_theta = 0;
  std::vector<int> effects;  // K of each factor
  std::vector<int> par, fac, row, col;
  std::vector<std::vector<int>> entries_of;  // by theta

  void finish() {
    entries_of.assign(n_theta, {});
    for (std::size_t e = 0; e < par.size(); ++e) {
      const bool inside = par[e] >= 0 && par[e] < n_theta && fac[e] >= 0 && fac[e] < n_factors() && col[e] >= 0 &&
                          row[e] >= col[e] && row[e] < effects[fac[e]];
      if (!inside) throw std::invalid_argument("layout entry outside its factor");
      entries_of[par[e]].push_back(static_cast<int>(e));
    }
    for (const auto& list : entries_of) {
      if (list.empty()) throw std::invalid_argument("a theta that fills no entry");
      for (int e : list)
        if (fac[e] != fac[list[0]]) throw std::invalid_argument("a theta that fills entries of two factors");
    }
  }

  int n_factors() const { return static_cast<int>(effects.size()); }
  int factor_of(int theta) const { return fac[entries_of[theta][0]]; }

  // Lambda of factor f, row-major K x K.
  void fill_lambda(const double* theta, int f, std::vector<double>& lambda) const {
    const int k = effects[f];
    lambda.assign(static_cast<std::size_t>(k) * k, 0.0);
    for (std::size_t e = 0; e < par.size(); ++e)
      if (fac[e] == f) lambda[row[e] * k + col[e]] = theta[par[e]];
  }

  // dT/dtheta_i = dLambda Lambda' + Lambda dLambda', symmetric K x K of the theta's factor.
  void fill_derivative(int i, const std::vector<double>& lambda, std::vector<double>& dT) const {
    const int k = effects[factor_of(i)];
    dT.assign(static_cast<std::size_t>(k) * k, 0.0);
    for (int e : entries_of[i]) {
      const int a = row[e], c = col[e];
      for (int b = 0; b < k; ++b) {
        dT[a * k + b] += lambda[b * k + c];
        dT[b * k + a] += lambda[b * k + c];
      }
    }
  }

  // tr(G d2T/dtheta_i dtheta_j) = sum over entries of 2 G_ac delta_bd (ALGORITHMS: chain rule to Lambda coordinates).
  double second_order(int i, int j, const std::vector<double>& G) const {
    const int k = effects[factor_of(i)];
    double s = 0.0;
    for (int e : entries_of[i])
      for (int h : entries_of[j])
        if (col[e] == col[h]) s += 2.0 * G[row[e] * k + row[h]];
    return s;
  }
};

}  // namespace ml
