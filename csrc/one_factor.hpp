// One grouping factor: value, gradient and exact Hessian from per-group cross-products, identical designs merged.
#pragma once

#include <cstdint>
#include <vector>

#include "moments.hpp"
#include "profile.hpp"
#include "random.hpp"

namespace ml {

// Groups with the same A = Z_j'Z_j = RR' share every matrix of an evaluation. A class keeps R, how many groups have it,
// and rows whose cross-products are those of the groups' d_j = R^-1 Z_j'[X y]: at most k(p+1) after a rotation.
class OneFactor final : public Profile {
 public:
  // Keeps a reference to the moments; call merge() after they have changed.
  OneFactor(const Moments& moments, Layout layout, Criterion criterion);

  bool reduce(const double* theta, double& log_det) override;
  const std::vector<double>& reduced() const override { return D_; }
  void derivatives(std::vector<double>& gradient, std::vector<double>& hessian) override;
  void weighted_gradient(const double* w, std::vector<std::vector<double>>& G) override;
  bool exact_hessian() const override { return true; }
  void merge();
  // At n points: log|M| (infinite where not defined) and [X y]'V^-1 [X y], full (p+1) x (p+1). Touches no state.
  void reduce_many(const double* thetas, std::int64_t n, double* log_det, double* S) const;
  // One draw of all effects, m x k; false where it is not defined. Touches no state.
  bool draw_effects(const double* theta, const double* beta, double sigma, Random& random, double* out) const;
  int n_classes() const { return static_cast<int>(count_.size()); }

 private:
  void choose_basis();
  void compress(const std::vector<int>& groups, const double* R);
  template <int K>
  double forward();
  template <int K>
  void reduce_lanes(const double* thetas, int n, double* log_det, double* S) const;
  void class_information(int s, double* Q, double* E) const;
  template <int K>
  void add_row(const double* H, double* g, double* gg, double* Y, double* HR);
  template <int K>
  void accumulate();
  template <int K>
  void add_weighted(const double* w, double* G) const;
  void information(std::vector<double>& hessian);

  int k_ = 0, r_ = 0, m_ = 0, n_basis_ = 0;
  const Moments& moments_;                      // by group
  std::vector<double> R_, L_, count_, d_;       // by class: A = RR', I + R'TR = LL'; d_ by class row, k x r each
  std::vector<std::int64_t> start_;             // rows of a class
  std::vector<double> within_, D_;              // D - sum d'd; [X y]'V^-1 [X y]
  std::vector<int> first_, second_, begin_;     // T basis: element b has the entries (first, second) from begin_[b]
  // sums of the second pass
  std::vector<double> F_, EY_, EG_, Phi_, Hg_, gg_;
};

}  // namespace ml
