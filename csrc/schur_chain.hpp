// A chain of nested grouping factors, eliminated exactly: M = I + Lambda'Z'Z Lambda is a forest there.
//
// Every level of an inner factor lies in one level of each outer one. The innermost is eliminated first; all work is
// linear in the levels (ALGORITHMS 1.4 of the project's notes: sweep, then back-substitution).
#pragma once

#include <cstdint>
#include <vector>

namespace ml {

class Chain {
 public:
  struct Member {
    int factor = 0, k = 0;      // number of the factor, effects per level
    std::int64_t m = 0, at = 0;  // levels, first row of its effects in chain vectors
    const double* A = nullptr;   // m x k x k
  };
  // For members a < b: ancestor[a][b][i], the level of b in which level i of a lies, and their blocks (m x k_a x k_b).
  using Ancestors = std::vector<std::vector<std::vector<std::int32_t>>>;
  using Blocks = std::vector<std::vector<std::vector<double>>>;

  Chain() = default;
  Chain(std::vector<Member> members, Ancestors ancestors, Blocks blocks);

  // Factors M at these k x k roots, one for each member; false if M is not positive definite.
  bool factorise(const std::vector<std::vector<double>>& lambda, int threads);

  // t (effects x s): Lambda't (in place), then M^-1, then Lambda if asked for; of the trees of one part.
  void apply(std::int64_t part, double* t, int s, bool before, bool after) const;
  std::int64_t parts() const { return static_cast<std::int64_t>(limits_.size()) - 1; }

  // Sum over the levels of each member of I - (M^-1)_jj, k x k.
  std::vector<std::vector<double>> information() const;
  // (M^-1)_jj of every level of each member, m x k x k.
  std::vector<std::vector<double>> inverse_blocks() const;
  double log_det() const { return log_det_; }

  std::int64_t size() const { return size_; }
  int depth() const { return static_cast<int>(members_.size()); }
  const std::vector<Member>& members() const { return members_; }
  std::int32_t ancestor(int a, int b, std::int64_t i) const { return ancestor_[a][b][i]; }
  const double* factor_of(int a, std::int64_t i) const { return L_[a].data() + i * members_[a].k * members_[a].k; }
  const double* coupling(int a, int b, std::int64_t i) const {
    return U_[a][b].data() + i * members_[a].k * members_[b].k;
  }
  const std::vector<double>& lambda(int a) const { return lambda_[a]; }
  // out (effects x s) += the products of the members with each other, Z_a'Z_b v.
  void add_products(const double* v, int s, double* out) const;

 private:
  void eliminate(int a, std::int64_t i);
  template <class Work>
  void each_node(std::int64_t part, int a, const Work& work) const;

  std::vector<Member> members_;
  Ancestors ancestor_;
  Blocks N_, U_;                           // raw blocks; L^-1 of the blocks that are left at elimination
  std::vector<std::vector<double>> L_, lambda_;
  std::vector<std::vector<std::int32_t>> order_;    // levels of a member by their outermost ancestor
  std::vector<std::vector<std::int64_t>> of_top_;   // where those of each outermost level start
  std::vector<std::int64_t> limits_;                // parts, ranges of outermost levels
  std::int64_t size_ = 0;
  double log_det_ = 0.0;
};

}  // namespace ml
