// One grouped term of the joint density: from sampled numbers to a root of its covariance matrix, prior and way back.
#pragma once

#include <vector>

#include "scalar_prior.hpp"

namespace ml {

// The numbers of a term in the vector of parameters. The root of its covariance matrix is diag(sds) L.
struct JointTerm {
  int factor = 0, first = 0;       // where its effects stand among those of which factor
  bool alone = false;              // one effect, whose sd is -log Phi(-x); else numbers are logs of sds
  std::vector<int> sds;            // k: positions of the sds' numbers, the same if they share one, -1 where held
  std::vector<double> held;        // k: values of the sds that are held
  std::vector<ScalarPrior> prior;  // of each sd, or of the one that all share
  int partial = -1;                // position of the first atanh partial correlation, -1 if none is sampled
  std::vector<double> L;           // k x k: Cholesky factor of the correlation matrix where it is not sampled
  double power = 0.0, top = 0.0;   // log prior of the correlation matrix: top + power log det
  double df = 0.0;                 // inverse Wishart prior of the covariance matrix: its constant is in top
  std::vector<double> scale;       // k x k; empty if there is no such prior

  int k() const { return static_cast<int>(sds.size()); }

  // What the way back needs.
  struct Point {
    std::vector<double> sd, rate, bend, L, r;
  };

  // Writes the root into rows of width `width`; returns log prior and log volume, and adds the prior's slopes.
  double forward(const double* x, double* root, int width, Point& at, double* slope) const;
  // Adds the gradient by the numbers of a function with derivative `by_root` (its lower triangle counts).
  void backward(const Point& at, const double* by_root, int width, double* slope) const;

 private:
  double correlations(const double* x, Point& at, double* slope) const;
  double inverse_wishart(const Point& at, double* slope) const;
};

}  // namespace ml
