// Any structure of grouping factors: block elimination of levels, sparse ones first, the rest as one dense core.
//
// A node is a level of a factor with its K effects. Nodes are eliminated in order; node p touches the later nodes in
// its list. One factor has empty lists, nested factors have their ancestors, crossed factors their partners in the
// core. After node p the cross-products of everything later are those of V_p^-1, V_p = I + sum_{u <= p} Z_u T Z_u'.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "moments.hpp"
#include "profile.hpp"
#include "random.hpp"

namespace ml {

class Elimination final : public Profile {
 public:
  // max_core: effects that may stand in the dense core; more raise std::length_error before anything is allocated.
  Elimination(const Moments& moments, Layout layout, Criterion criterion, int max_core);

  bool reduce(const double* theta, double& log_det) override;
  const std::vector<double>& reduced() const override { return D_; }
  void derivatives(std::vector<double>& gradient, std::vector<double>& hessian) override;
  void weighted_gradient(const double* w, std::vector<std::vector<double>>& G) override;

  // At the theta of the last value(): conditional modes' data, needs no derivatives().
  void solve_fixed();          // B, H and the inverse of X'V^-1X
  void solve_effects();        // B and H
  void invert_selected();      // conditional covariances and E; destroys the core's factor
  // One draw of all effects given theta, the coefficients and the residual sd: by factor and level, after reduce().
  void draw_effects(const double* beta, double sigma, Random& random, double* out);
  // Cross-products of extra columns under V^-1: D (s x s) -= ..., for level-space columns c (total effects x s).
  void forward_columns(std::vector<double>& c, std::vector<double>& D, int s) const;
  // Z'Z w for level-space columns w.
  void raw_products(const std::vector<double>& w, std::vector<double>& out, int s) const;
  // Conditional covariance of the effects of two nodes, K_u x K_v; after invert_selected().
  void covariance_between(int u, int v, double* out) const;

  int n_nodes() const { return static_cast<int>(factor_.size()); }
  int core_size() const { return Q_; }
  std::int64_t list_size() const { return list_start_.empty() ? 0 : list_start_.back(); }
  int k_of(int p) const { return layout.effects[factor_[p]]; }
  int factor_of_node(int p) const { return factor_[p]; }
  int node(int f, int level) const { return position_[f][level]; }
  int n_columns() const { return r_; }
  std::int64_t c_offset(int node) const { return coff_[node]; }
  std::int64_t a_offset(int node) const { return aoff_[node]; }
  std::int64_t total_effects() const { return e_total_; }
  std::int64_t effect_offset(int node) const { return eoff_[node]; }
  const std::vector<double>& B() const { return B_; }
  const std::vector<double>& H() const { return H_; }
  const std::vector<double>& node_covariances() const { return cov_; }
  const std::vector<double>& information() const { return E_; }

  // Rows written into the cross-products one by one, for weights that change (elimination_rows.cpp).
  // Where the block of level i of factor f and level j of factor g > f stands, and the strides of their effects.
  struct Spot {
    std::int64_t at = 0;
    std::int32_t stride_f = 0, stride_g = 0;
    bool core = false;
  };
  struct Values {
    double *A, *C, *N, *core;
  };
  Spot spot(int f, int i, int g, int j) const;
  // Zeroes, to be added to; then finish_values(). Blocks of A start at a_offset, rows of C at c_offset.
  Values clear_values();
  void finish_values();
  // From now on invert_selected() gives the covariances of every pair of levels that share a row.
  void keep_all_covariances() { store_from_ = 0; }
  // At the places of N and of the core; after keep_all_covariances() and invert_selected().
  const double* pair_covariances() const { return covN_.data(); }
  const double* core_covariances_of_pairs() const { return S_.data(); }
  // c := Lambda M^-1 Lambda' c by node; after invert_selected().
  void solve_selected(std::vector<double>& c) const;
  void replace_response(const std::vector<std::vector<double>>& c, const std::vector<double>& d);

 private:
  void order_factors(const Moments& moments);
  void place_nodes(const std::vector<std::pair<int, int>>& one_by_one);
  void order_core(const Moments& moments);
  std::vector<std::vector<std::int32_t>> later_nodes(const Moments& moments) const;
  void build_lists(const Moments& moments);
  void fill_lists(std::vector<std::vector<std::int32_t>>& lists) const;
  void place_values(const Moments& moments);
  double* block(std::vector<double>& N, int lo, int hi) const;

  // Products with N, k x width, of a node and what stands at its later nodes, s columns (elimination_later.cpp):
  // out (k x s) += sign N x; x += sign N'y.
  void add_later(int p, const double* N, const double* x, int s, double sign, double* out) const;
  void add_to_later(int p, const double* N, const double* y, int s, double sign, double* x) const;
  void update_core(int p, const double* W, int k, int w);
  void multiply_core(int p, std::vector<double>& T1) const;
  bool eliminate_node(int p);
  void update_pairs(int p, const double* W, int k, int w);
  void fill_core_block(int u, int v);
  bool eliminate_core();
  void solve_core();
  void solve_node(int p);
  void average_information(const std::vector<std::vector<double>>& dT, std::vector<double>& hessian);
  void selected_node(int p);
  double quadratic_scalar(int p) const;
  void gather_product(int p, std::vector<double>& T1) const;
  void core_covariances();
  void core_information(int v);
  void residual_of(int v, std::vector<double>& g) const;
  void sum_gradient(int f);
  const double* A_of(int p) const { return (p < first_modified_ ? A0_ : A_).data() + aoff_[p]; }
  const double* C_of(int p) const { return (p < first_modified_ ? C0_ : C_).data() + coff_[p]; }
  const double* N_of(int p) const { return (p < first_modified_ ? N0_ : N_).data() + noff_[p]; }

  int r_ = 0, Q_ = 0, max_core_ = 0, n_sparse_ = 0, first_modified_ = 0;
  int store_from_ = -1;                               // first node whose covariances with later nodes are kept
  std::vector<bool> factor_sparse_;
  std::vector<std::vector<int>> position_;            // node of (factor, level)
  std::vector<int> factor_;                           // factor of node
  std::vector<std::int64_t> aoff_, coff_, eoff_, noff_;
  std::int64_t e_total_ = 0;
  std::vector<int> core_column_;                      // of core nodes
  std::vector<std::int64_t> list_start_;              // n_sparse + 1
  std::vector<std::int32_t> list_, list_column_;      // later nodes, column of each inside the node's N
  std::vector<int> width_;                            // columns of N of a node
  std::vector<char> run_;                             // whether a node's later nodes are consecutive ones of the core
  std::vector<double> A0_, C0_, N0_, D0_, core0_;     // data; core is Q x Q column-major, lower triangle
  std::vector<double> A_, C_, N_, D_, core_;          // partially eliminated
  std::vector<double> U_;                             // L^-1 Lambda' of sparse nodes
  std::vector<double> S_;                             // core: factor of I + Lambda'(core)Lambda, later Lambda S^-1 Lambda'
  std::vector<double> core_W_;                        // Q x r
  std::vector<double> B_, H_, cov_, covN_, E_;
  std::vector<char> zero_factor_;
  double log_det_ = 0.0;
  std::vector<double> drawn_;  // by node
};

}  // namespace ml
