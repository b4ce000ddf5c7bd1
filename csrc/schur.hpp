// Crossed factors without a factorisation: M = I + Lambda'Z'Z Lambda with a chain of nested factors eliminated
// exactly and the Schur complement S of the rest, the core, applied as an operator and solved by conjugate gradients.
//
//   S = I + Lambda_c'K Lambda_c,  K = Z_c'V_1^-1 Z_c,  V_1 = I + Z_e T_e Z_e',  T = Lambda Lambda'
//
// Lambda of a factor is any k x k root. Vectors have a row for each effect (by factor, level, effect) and s columns
// side by side. "Level space" is all factors in their order; "core" the factors outside the chain in their order;
// "chain" those of the chain, innermost first. Spherical effects are u = M^-1 Lambda'c, effects b = Lambda u, and
// Z'V^-1 of what c is Z' of is Lambda^-T u.
//
// Preconditioner: the exact diagonal blocks P = L_P L_P' of S, one for each level of the core. Conjugate gradients run
// on S~ = L_P^-1 S L_P^-T, whose diagonal blocks are identities. Results do not depend on the number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "schur_chain.hpp"
#include "schur_tables.hpp"

namespace ml {

class Recurrence;

struct SchurSolution {
  std::vector<double> x, residual;     // core x s; residual = b - S x
  std::vector<int> iterations;         // by column
  std::vector<double> relative;        // norm of the residual over that of b, in the metric of P^-1
  std::vector<double> alpha, beta;     // iterations x s coefficients of the recurrences, NaN after the last
};

class SchurSystem {
 public:
  struct Pairs {
    int f, g;
    std::vector<std::int64_t> start;
    std::vector<std::int32_t> index;
    const double* value;
  };
  // chain: numbers of the nested factors, innermost first; std::invalid_argument if they are not nested.
  SchurSystem(std::vector<int> levels, std::vector<int> effects, std::vector<std::vector<double>> A,
              std::vector<Pairs> pairs, const std::vector<int>& chain, int threads);
  SchurSystem(const SchurSystem&) = delete;
  SchurSystem& operator=(const SchurSystem&) = delete;

  // Roots by factor; false if M is not positive definite at them.
  bool set_lambda(const std::vector<std::vector<double>>& lambda);

  void reduce(const double* c, int s, double* b) const;                  // Lambda_c'(c_c - Z_c'Z_e Lambda_e M_e^-1 Lambda_e'c_e)
  void back(const double* c, const double* x, int s, double* u) const;   // u of all effects, given those of the core
  void chain_part(const double* x, int s, double* v) const;              // M_e^-1 Lambda_e'Z_e'Z_c Lambda_c x
  void multiply(const double* x, int s, double* y) const;                // S x
  void cross(const double* v, int s, double* out) const;                 // Z'Z v, level space
  void root_of_blocks(double* x, int s) const;                           // x := L_P x
  // Sum of the squares of S~ off its diagonal, where all factors have one effect and one is in the chain, if that takes
  // no more products than this; otherwise -1.
  double squared_couplings(double most_work) const;
  // From x0 if it is given. Columns stop by themselves; all coefficients are kept if asked for.
  SchurSolution solve(const double* b, const double* x0, int s, double tolerance, int limit, bool coefficients) const;

  std::int64_t total() const { return total_; }
  std::int64_t core() const { return core_; }
  double log_det_chain() const { return chain_.log_det(); }
  double log_det_blocks() const { return log_det_blocks_; }
  const Chain& chain() const { return chain_; }
  int k(int f) const { return effects_[f]; }
  int n_factors() const { return static_cast<int>(levels_.size()); }
  const std::vector<int>& levels() const { return levels_; }
  const std::vector<int>& core_factors() const { return core_factors_; }
  const std::vector<double>& block_roots() const { return P_; }  // L_P of each level, k x k, core order

 private:
  friend class Recurrence;
  struct CoreFactor {
    int factor = 0, k = 0;
    std::int64_t m = 0, at = 0, blocks_at = 0;
    std::vector<std::int64_t> limits;   // parts of its levels
  };
  void place_chain(const std::vector<Pairs>& pairs, const std::vector<int>& chain);
  void place_tables(std::vector<Pairs>& pairs);
  void cut();
  void scale_core(const double* x, int s, double* z) const;
  void chain_gather(const double* z, int s, double* t) const;
  bool diagonal_blocks();
  void scalar_blocks(const CoreFactor& here, int b, std::int64_t lo, std::int64_t hi, double* P) const;
  void general_blocks(const CoreFactor& here, int b, std::int64_t lo, std::int64_t hi, double* P) const;
  void solve_blocks(std::int64_t part, const double* r, int s, double* z) const;
  int threads_for(int s) const { return entries_ * s < 200000 ? 1 : threads_; }

  std::vector<int> levels_, effects_;
  std::vector<std::vector<double>> A_;
  std::vector<std::int64_t> at_;            // first row of each factor in level space
  Chain chain_;
  std::vector<int> chain_factors_, core_factors_;
  std::vector<CoreFactor> core_list_;
  std::vector<std::vector<BlockTable>> down_;      // [a][b]: rows of chain member a, columns of core factor b
  std::vector<std::vector<BlockTable>> up_;        // [b][a]: transposed
  std::vector<std::vector<BlockTable>> across_;    // [b][c]: core factors, both ways
  std::vector<std::vector<std::int64_t>> chain_limits_;
  std::vector<std::pair<int, std::int64_t>> chain_parts_, core_parts_;   // (factor, part) of all
  std::vector<std::vector<double>> lambda_;        // by factor
  std::vector<double> P_;
  double log_det_blocks_ = 0.0;
  std::int64_t total_ = 0, core_ = 0, entries_ = 0;
  int threads_ = 1;
};

}  // namespace ml
