// The Laplace approximation of a generalised linear mixed model's likelihood, with its exact gradient.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "elimination.hpp"
#include "response.hpp"

namespace ml {

// One factor's rows: the level of each and its effect columns, row by row.
struct FactorRows {
  int m = 0, K = 0;
  std::vector<std::int32_t> level;  // n
  std::vector<double> Z;            // n x K
};

// -2 log L(beta, theta, aux), L = exp(sum log f(y | eta) - u'u/2) / sqrt|H| at its maximum over u, where
// eta = offset + X beta + Z Lambda u and H = I + Lambda'Z'WZ Lambda, W the observed information of the rows.
class Laplace {
 public:
  Laplace(Response response, std::vector<double> offset, std::vector<double> X, int p, std::vector<FactorRows> factors,
          Layout layout, const std::vector<PairTable>& pairs, int max_core);

  // Infinity where it is not defined. `with_gradient` also fills what follows.
  double evaluate(const double* beta, const double* theta, const double* aux, const double* rows_aux, bool with_gradient);

  std::vector<double> gradient_beta, gradient_theta, gradient_aux, gradient_rows_aux;
  std::vector<std::vector<double>> G;    // by factor, K x K: derivative by the covariance T, as in linear models
  std::vector<double> information_beta;  // p x p, X'V^-1 X with V = W^-1 + Z T Z'
  int inner_steps = 0;                   // of the last evaluation
  double inner_gradient = 0.0;           // largest entry of the gradient at the mode, in units of the prior sds

  // At the last point with gradient: modes and covariances of the effects, by factor m x K and m x K x K.
  std::vector<double> modes(int f) const;
  std::vector<double> covariances(int f) const;
  const std::vector<double>& eta() const { return eta_; }
  // Minus the second derivatives of the rows by eta.
  std::vector<double> weights() const {
    std::vector<double> w(rows_.d2.size());
    for (std::size_t i = 0; i < w.size(); ++i) w[i] = -rows_.d2[i];
    return w;
  }
  const Elimination& elimination() const { return *e_; }
  // Start the next search for the mode from zero.
  void forget() { std::fill(u_.begin(), u_.end(), 0.0); }

  const std::vector<FactorRows>& factors() const { return factors_; }
  std::int64_t n() const { return response_.n(); }
  int p() const { return p_; }
  const Response& response() const { return response_; }
  const Layout& layout() const { return layout_; }

 private:
  bool find_mode(const double* theta, const double* aux, const double* rows_aux);
  bool newton_step(const double* theta);
  void predictor(const std::vector<double>& u, std::vector<double>& eta) const;
  void multiply_lambda(const std::vector<double>& u, std::vector<double>& b) const;
  void multiply_transposed(const std::vector<double>& h, std::vector<double>& u) const;
  void effects_of_rows(const std::vector<double>& b, std::vector<double>& rows) const;
  void sum_by_level(const std::vector<double>& rows, std::vector<double>& by_node) const;
  void scatter(const std::vector<double>& negative_weights, const std::vector<double>* response);
  void row_variances(std::vector<double>& s) const;
  void fixed_information(const std::vector<double>& negative_weights);
  void differentiate(const double* aux);
  void gradient_of_covariances(const std::vector<double>& h, const std::vector<double>& k);

  Response response_;
  double constant_ = 0.0;
  std::vector<double> offset_, X_;  // X by column
  int p_ = 0;
  std::vector<FactorRows> factors_;
  Layout layout_;
  std::unique_ptr<Elimination> e_;
  std::vector<std::vector<std::int64_t>> at_effect_, at_block_;          // by factor and row: places of its node
  std::vector<std::vector<std::vector<Elimination::Spot>>> at_pair_;     // by f, g > f, row
  std::vector<std::vector<double>> lambda_;
  std::vector<double> u_, u_new_, trial_, b_, xb_, eta_, eta_new_, zb_, d1_, d2_, work_, H_;
  RowDerivatives rows_;
};

}  // namespace ml
