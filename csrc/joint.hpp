// The joint log density of a generalised linear mixed model's response and group effects, with its gradient.
#pragma once

#include <cstdint>
#include <vector>

#include "response.hpp"

namespace ml {

// One factor's rows, and what is known of its effects near the mode: the transport from standard normal numbers to
// effects uses it, so that these numbers are nearly independent in the posterior.
struct JointFactor {
  int m = 0, K = 0;
  std::vector<std::int32_t> level;  // n
  std::vector<double> Z;            // n x K
  std::vector<double> weight;       // n: information of the row about this factor's effects
  std::vector<double> W;            // m x K x K: the sum of weight z z' over a level's rows
  std::vector<double> pull;         // m x K: W b + score at the mode
  std::vector<double> mode;         // m x K: effects b at the mode
};

// Where the density is: every pointer to numbers of the sizes below.
struct JointPoint {
  const double* beta;                   // p
  const double* inflation;              // q
  const double* aux;                    // n_global
  std::vector<const double*> lambda;    // by factor K x K, row by row; effects are b = Lambda v, v standard normal a priori
  const double* z;                      // by factor, level and effect
};

struct JointGradient {
  std::vector<double> beta, inflation, aux, z;
  std::vector<std::vector<double>> lambda;
};

// log f(y | eta) + log N(v; 0, I) + log |dv / dz| but for constants. Given beta and the effects of the later (coarser)
// factors, v = M^-1 Lambda'g + R^-T z for each level, with M = I + Lambda'W Lambda = R R' and
// g = pull - sum over rows of weight z (deviation of the rest of eta from its value at the mode).
class Joint {
 public:
  Joint(Response response, std::vector<double> offset, std::vector<double> X, int p, std::vector<double> inflation, int q,
        std::vector<double> beta_mode, std::vector<JointFactor> factors);

  // NaN or minus infinity where it is not defined. Safe to be called by several threads.
  double evaluate(const JointPoint& at, JointGradient& gradient) const;
  // The effects b by factor, m x K each.
  std::vector<std::vector<double>> effects(const JointPoint& at) const;

  std::int64_t n() const { return response_.n(); }
  int p() const { return p_; }
  int q() const { return q_; }
  std::int64_t n_z() const { return n_z_; }
  const Response& response() const { return response_; }
  const std::vector<JointFactor>& factors() const { return factors_; }

 private:
  struct Work;
  // Fills eta and what the way back needs; returns log N(v) + log |dv/dz|.
  double forward(const JointPoint& at, Work& w) const;
  void backward(const JointPoint& at, Work& w, JointGradient& gradient) const;

  Response response_;
  std::vector<double> offset_, X_, inflation_, beta_mode_;
  int p_, q_;
  std::int64_t n_z_ = 0;
  std::vector<JointFactor> factors_;
};

}  // namespace ml
