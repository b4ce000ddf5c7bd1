// The profiled (restricted) likelihood as a function of theta: the interface, and what all structures share.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "layout.hpp"
#include "small_dense.hpp"

namespace ml {

// What is estimated and what is known.
struct Criterion {
  bool reml = true;
  double n = 0;                 // observations, counted with their frequencies
  double known_sigma = 0.0;     // residual sd of the scaled problem, 0 if it is estimated
};

// Last stage of every evaluation: [X y]' V^-1 [X y] -> coefficients, r^2 and the criterion (SEMANTICS of lme4: Bates,
// Maechler, Bolker and Walker 2015, eqs. 30-41).
struct FixedStage {
  int p = 0;
  std::vector<double> L;     // lower Cholesky factor of X'V^-1X, p x p
  std::vector<double> R;     // (X'V^-1X)^-1, p x p
  std::vector<double> beta;  // p
  double r2 = 0.0, log_det_X = 0.0;

  // S: (p+1) x (p+1) row-major, lower triangle.
  bool factor(const std::vector<double>& S) {
    const int r = p + 1;
    L.assign(static_cast<std::size_t>(p) * p, 0.0);
    for (int i = 0; i < p; ++i)
      for (int j = 0; j <= i; ++j) L[i * p + j] = S[i * r + j];
    if (!cholesky(L.data(), p)) return false;
    beta.assign(S.begin() + static_cast<std::ptrdiff_t>(p) * r, S.begin() + static_cast<std::ptrdiff_t>(p) * r + p);
    solve_lower(L.data(), beta.data(), p, 1);
    r2 = S[p * r + p];
    log_det_X = 0.0;
    for (int i = 0; i < p; ++i) {
      r2 -= beta[i] * beta[i];
      log_det_X += 2.0 * std::log(L[i * p + i]);
    }
    solve_lower_transposed(L.data(), beta.data(), p, 1);
    return r2 >= 0.0 || r2 > -1e-13 * S[p * r + p];
  }

  void invert() {
    R.assign(static_cast<std::size_t>(p) * p, 0.0);
    for (int i = 0; i < p; ++i) R[i * p + i] = 1.0;
    solve_lower(L.data(), R.data(), p, p);
    solve_lower_transposed(L.data(), R.data(), p, p);
  }
};

// r^2 as a share of y'y at or below which cross-products cannot tell it from zero.
inline constexpr double floor_share = 1e-13;

class Profile {
 public:
  virtual ~Profile() = default;
  // Eliminates the group effects at theta: reduced() = [X y]'V^-1 [X y] and log|M|. False where not defined.
  virtual bool reduce(const double* theta, double& log_det) = 0;
  // (p+1) x (p+1) row-major, lower triangle.
  virtual const std::vector<double>& reduced() const = 0;
  // Gradient and (approximate) Hessian at the theta of the last value().
  virtual void derivatives(std::vector<double>& gradient, std::vector<double>& hessian) = 0;
  // After reduce(): by factor the symmetric G, K x K, with d(log|M| + sum_ab w_ab S_ab) = sum_f tr(G_f dT_f),
  // S = reduced(); w symmetric, (p+1) x (p+1).
  virtual void weighted_gradient(const double* w, std::vector<std::vector<double>>& G) = 0;

  Layout layout;
  Criterion criterion;
  FixedStage fixed;
  double floor_r2 = 0.0;  // r^2 at or below which the fit counts as perfect

  // After derivatives(): by factor, K x K. G: gradient with respect to T. sum_E: its information part.
  std::vector<std::vector<double>> G, sum_E;
  std::vector<double> q;  // -d r^2 / d theta
  std::vector<int> levels;  // m of each factor
  std::vector<std::vector<double>> lambda;  // of the last value()

  // Criterion at theta (+infinity where it is not defined); keeps what derivatives() needs.
  double value(const double* theta) {
    double log_det = 0.0;
    if (!reduce(theta, log_det) || !fixed.factor(reduced())) return std::numeric_limits<double>::infinity();
    fixed.r2 = std::max(fixed.r2, floor_r2);
    return assemble(log_det);
  }

  // Whether the residual sum of squares is zero up to `slack` times the rounding of cross-products.
  bool saturated(double slack = 1.0 + 1e-9) const {
    return !sigma_known() && floor_r2 > 0.0 && fixed.r2 <= floor_r2 * slack;
  }
  // How much rounding can move the criterion: n times the relative error of r^2, a difference of cross-products.
  double rounding() const {
    if (sigma_known() || !(fixed.r2 > 0.0)) return 0.0;
    return 1e-15 * criterion.n * (floor_r2 / floor_share) / fixed.r2;
  }
  // Whether derivatives() gives the exact Hessian; otherwise it is the average information.
  virtual bool exact_hessian() const { return false; }

  double dof() const { return criterion.n - (criterion.reml ? fixed.p : 0); }
  bool sigma_known() const { return criterion.known_sigma > 0.0; }
  double sigma2() const {
    return sigma_known() ? criterion.known_sigma * criterion.known_sigma : fixed.r2 / dof();
  }

  double assemble(double log_det) const {
    const double N = dof(), s2 = sigma2();
    double d = log_det + (criterion.reml ? fixed.log_det_X : 0.0) + N * std::log(2.0 * std::numbers::pi * s2);
    return d + (sigma_known() ? fixed.r2 / s2 : N);
  }

 protected:
  void fill_lambdas(const double* theta) {
    lambda.resize(layout.n_factors());
    for (int f = 0; f < layout.n_factors(); ++f) layout.fill_lambda(theta, f, lambda[f]);
  }

  // Gradient in theta from G; dT of every theta.
  void chain_gradient(std::vector<std::vector<double>>& dT, std::vector<double>& gradient) const {
    dT.resize(layout.n_theta);
    gradient.assign(layout.n_theta, 0.0);
    for (int i = 0; i < layout.n_theta; ++i) {
      const int f = layout.factor_of(i);
      layout.fill_derivative(i, lambda[f], dT[i]);
      for (std::size_t e = 0; e < dT[i].size(); ++e) gradient[i] += G[f][e] * dT[i][e];
    }
  }
};

}  // namespace ml
