// Minimises a Profile over theta by guarded Newton steps and certifies the optimum on the cone of covariances.
#pragma once

#include <functional>
#include <vector>

#include "profile.hpp"

namespace ml {

enum class Kind { unstructured = 0, diagonal = 1, scalar = 2 };

// One grouped term: rows [start, start + size) of its factor's T.
struct Block {
  int factor = 0, start = 0, size = 0;
  Kind kind = Kind::unstructured;
};

struct Options {
  double tolerance = 1e-9;       // on the decrement, in units of the criterion
  double dual_tolerance = 1e-6;  // criterion that may still be gained by leaving a boundary
  int max_evaluations = 200;
};

enum class End { optimal = 0, limit = 1, stalled = 2, interrupted = 3, undefined = 4 };

struct Step {
  double value, decrement, length;
};

struct Outcome {
  End end = End::optimal;
  std::vector<double> theta, gradient, hessian;
  double value = 0.0, decrement = 0.0, dual = 0.0, gain = 0.0, complementarity = 0.0;
  std::vector<double> block_dual;
  int evaluations = 0;
  bool saturated = false;  // the residual variance went to zero; theta is where the coefficients are exact
  std::vector<Step> trace;
};

// Called after every evaluation with derivatives; returning false ends the search.
using Watch = std::function<bool(int evaluations, double value, double decrement)>;

Outcome optimise(Profile& profile, const std::vector<Block>& blocks, std::vector<double> start, const Options& options,
                 const Watch& watch);

}  // namespace ml
