// One estimation problem: moments, layout and criterion together, with the objective that suits their structure.
#pragma once

#include <memory>
#include <vector>

#include "elimination.hpp"
#include "moments.hpp"
#include "one_factor.hpp"
#include "optimise.hpp"

namespace ml {

class Problem {
 public:
  Problem(Moments m, Layout l, std::vector<Block> b, Criterion c, int max_core)
      : moments(std::move(m)), layout(std::move(l)), blocks(std::move(b)), criterion(c), max_core_(max_core) {
    layout.finish();
    set_floor();
  }

  // One factor: merged classes and the exact Hessian; anything else: the elimination.
  Profile& objective() {
    if (OneFactor* one = one_factor()) return *one;
    return general();
  }

  // Null unless there is exactly one factor.
  OneFactor* one_factor() {
    if (layout.n_factors() == 1 && !one_) {
      one_ = std::make_unique<OneFactor>(moments, layout, criterion);
      one_->floor_r2 = floor_;
    }
    return one_.get();
  }

  Elimination& general() {
    if (!general_) {
      general_ = std::make_unique<Elimination>(moments, layout, criterion, max_core_);
      general_->floor_r2 = floor_;
    }
    return *general_;
  }

  // c by factor (m x K), d: X'y and y'y.
  void replace_response(const std::vector<std::vector<double>>& c, const std::vector<double>& d) {
    const int r = moments.p + 1;
    for (int f = 0; f < layout.n_factors(); ++f)
      for (std::size_t i = 0; i < c[f].size(); ++i) moments.C[f][i * r + r - 1] = c[f][i];
    for (int j = 0; j < r; ++j) moments.D[(r - 1) * r + j] = moments.D[j * r + r - 1] = d[j];
    set_floor();
    if (one_) {
      one_->merge();
      one_->floor_r2 = floor_;
    }
    if (general_) {
      general_->replace_response(c, d);
      general_->floor_r2 = floor_;
    }
  }

  Moments moments;
  Layout layout;
  std::vector<Block> blocks;
  Criterion criterion;

 private:
  void set_floor() { floor_ = floor_share * moments.D.back(); }

  int max_core_;
  double floor_ = 0.0;
  std::unique_ptr<OneFactor> one_;
  std::unique_ptr<Elimination> general_;
};

}  // namespace ml
