// The Laplace approximation of a generalised linear mixed model's likelihood, with its exact gradient.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "components.hpp"
#include "elimination.hpp"
#include "laplace_rows.hpp"
#include "random.hpp"
#include "response.hpp"

namespace ml {

// -2 log L(beta, theta, aux), L = exp(sum log f(y | eta) - u'u/2) / sqrt|H| at its maximum over u, where
// eta = offset + X beta + Z Lambda u and H = I + Lambda'Z'WZ Lambda, W the observed information of the rows.
class Laplace {
 public:
  Laplace(Response response, RowVector<double> offset, RowVector<double> X, int p, std::vector<FactorRows> factors,
          Layout layout, const std::vector<PairTable>& pairs, int max_core);

  // Infinity where it is not defined. `with_gradient` also fills what follows.
  double evaluate(const double* beta, const double* theta, const double* aux, const double* rows_aux, bool with_gradient);

  std::vector<double> gradient_beta, gradient_theta, gradient_aux;
  RowVector<double> gradient_rows_aux;
  std::vector<std::vector<double>> G;    // by factor, K x K: derivative by the covariance T, as in linear models
  int inner_steps = 0;                   // of the last evaluation
  double inner_gradient = 0.0;           // largest entry of the gradient at the mode, in units of the prior sds

  // At the last point with gradient: modes and covariances of the effects, by factor m x K and m x K x K.
  std::vector<double> modes(int f) const;
  std::vector<double> covariances(int f) const;
  // The same modes in units of the prior, u of b = Lambda u, by level of the first factor: of any last point.
  std::vector<double> whitened_modes() const;
  // At the last point: X'V^-1 X (p x p) with V = W^-1 + Z T Z'.
  std::vector<double> fixed_information();
  const RowVector<double>& eta() const { return eta_; }
  // Minus the second derivatives of the rows by eta.
  std::vector<double> weights() const {
    std::vector<double> w(at_.d2.size());
    for (std::size_t i = 0; i < w.size(); ++i) w[i] = -at_.d2[i];
    return w;
  }
  const Elimination& elimination() const { return *e_; }
  // Pairs of draws of the effects on both sides of the mode of the last point, aux and rows_aux being its: the log of
  // the product over the independent components of their mean weights, whose mean is the likelihood over its
  // approximation; and for each component one of the draws chosen by its weight, by factor, level and effect. NaN
  // where it is not defined.
  double draw(const double* aux, const double* rows_aux, int pairs, Random& random, double* effects);
  // Start the next search for the mode from zero.
  void forget() { std::fill(u_.begin(), u_.end(), 0.0); }
  // Or from these whitened effects by node, `place()` of some earlier point.
  void start_from(const double* u) { std::copy(u, u + u_.size(), u_.begin()); }
  const std::vector<double>& place() const { return u_; }

  const std::vector<FactorRows>& factors() const { return rows_.factors(); }
  std::int64_t n() const { return response_.n(); }
  int p() const { return p_; }
  const Response& response() const { return response_; }
  const RowVector<double>& X() const { return X_; }  // by column
  const RowVector<double>& fixed_predictor() const { return xb_; }
  const Layout& layout() const { return layout_; }

 private:
  template <class Work>
  void by_chunk(const Work& work) const;
  bool find_mode(const double* theta, const double* aux, const double* rows_aux);
  bool beyond_pole() const;
  double at_effects(const std::vector<double>& u, const double* aux, const double* rows_aux);
  double gradient_of_effects(const std::vector<double>& u);
  void clamp_weights();
  bool newton_step(const double* theta);
  void refine(const double* theta, const double* aux, const double* rows_aux);
  void linear_predictor(const double* beta);
  void multiply_lambda(const std::vector<double>& u, std::vector<double>& b) const;
  void multiply_transposed(const std::vector<double>& h, std::vector<double>& u) const;
  void differentiate();
  void gradient_of_auxiliary();
  void gradient_of_covariances(const std::vector<double>& h, const std::vector<double>& k);

  Response response_;
  bool canonical_ = false, poles_ = false;  // poles_: see beyond_pole
  double side_ = 0.0;                         // its sign is that of most fixed parts
  double constant_ = 0.0, twice_density_ = 0.0;  // the latter of -sum log f + u'u/2 at the mode
  RowVector<double> offset_, X_;  // X by column
  int p_ = 0;
  Layout layout_;
  std::unique_ptr<Elimination> e_;
  LaplaceRows rows_;
  Components components_;  // from the first draw on
  Elimination::Values values_{};
  std::vector<std::vector<double>> lambda_;
  std::vector<double> theta_;
  std::vector<double> u_, u_new_, trial_, step_, gradient_, b_;
  RowVector<double> xb_, eta_;
  std::vector<double> slope_, product_;  // Z'd1 and Z'WZ b at the last effects, by node
  RowDerivatives at_;                    // at the last effects
  RowVector<double> s_, zb_, r_;         // by row, of the gradient
};

}  // namespace ml
