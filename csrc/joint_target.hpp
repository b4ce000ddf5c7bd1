// The joint density as samplers see it: of one vector, priors and volumes included, without a detour by Python.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "joint.hpp"
#include "joint_term.hpp"
#include "scalar_prior.hpp"

namespace ml {

// Numbers with priors of which some are held: `free` says which ones stand in the vector, from `first` on.
struct JointBlock {
  int first = 0;
  std::vector<int> free;
  std::vector<double> value;  // all of them, those that are held at their values
  std::vector<ScalarPrior> prior;

  void fill(const double* x, std::vector<double>& out) const;
  void gather(const std::vector<double>& slopes, double* slope) const;
};

// What a vector of parameters stands for; see the class `Parameters` in Python.
struct JointParameters {
  int d = 0;
  JointBlock beta, inflation, family;
  std::vector<double> to_centred;     // p x p: priors are of to_centred beta
  std::vector<double> mean, precision;  // p, p x p: of a joint normal prior of the coefficients; empty if there is none
  double top = 0.0;                     // its constant
  bool ordinal = false;               // the family's numbers are a threshold and logs of steps, else logs of values
  std::vector<double> centre;         // p: thresholds are those of the centred columns plus centre'beta
  std::vector<double> family_centre;  // p: their priors are of the thresholds less family_centre'beta; may be empty
  std::vector<JointTerm> terms;
};

class JointTarget {
 public:
  // Parameters are centre + factor h, with h the first d numbers of the vector; the rest are those of the effects.
  JointTarget(const Joint& joint, JointParameters parameters, std::vector<double> centre, std::vector<double> factor);

  // Log density but for a constant, and its gradient; -1e300 and zeros where there is none. Safe for several threads.
  double evaluate(const double* q, double* gradient) const;

  // The effects by factor at a vector, m x K each, written to `out`.
  void effects(const double* q, const std::vector<double*>& out) const;

  const Joint& joint() const { return joint_; }
  std::int64_t size() const { return parameters_.d + joint_.n_z(); }
  mutable std::atomic<std::int64_t> evaluations{0}, drawn{0};

 private:
  struct Room;
  double forward(const double* q, Room& room) const;
  void place(const double* q, Room& room) const;
  double coefficients(Room& room) const;
  double family(Room& room) const;
  void thresholds(const std::vector<double>& by, Room& room) const;
  bool backward(Room& room, double* gradient) const;

  const Joint& joint_;
  JointParameters parameters_;
  std::vector<double> centre_, factor_;  // d; d x d
};

// What a sampler in another language calls: the last argument points to the address of a `JointTarget`.
std::int64_t log_density_of_target(std::uint64_t size, const double* q, double* gradient, double* log_density,
                                   const void* target) noexcept;
// Keeps the vector of a draw as it is, and counts it.
std::int64_t expand_target(std::uint64_t size, std::uint64_t expanded, const double* q, double* kept,
                           const void* target) noexcept;

}  // namespace ml
