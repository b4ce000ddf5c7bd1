// Adaptive Gauss-Hermite quadrature of the group effects of one factor, with the exact derivatives of its value.
#pragma once

#include <cstdint>
#include <vector>

#include "laplace.hpp"

namespace ml {

// -2 log L(beta, theta, aux): the integral over the effects u of each group by nodes u_q = mode + C'^-1 z_q, C C' the
// curvature at the mode (Pinheiro and Bates 1995). One node at zero gives Laplace's approximation.
class Quadrature {
 public:
  // `points` is Q x K, `log_weights` log(w_q) + z_q'z_q / 2 of the normal weights w_q.
  Quadrature(Laplace& laplace, std::vector<double> points, std::vector<double> log_weights, int threads);

  // Infinity where it is not defined. `with_gradient` also fills what follows, here and in the Laplace approximation.
  double evaluate(const double* beta, const double* theta, const double* aux, const double* rows_aux, bool with_gradient);

  std::vector<double> gradient_beta, gradient_theta, gradient_aux, gradient_rows_aux;
  std::vector<double> G;  // K x K, derivative by the covariance T by Fisher's identity; one node: Laplace's
  double laplace_value = 0.0;
  std::vector<double> by_group;  // m, log integrals without the constant of the response; filled by every evaluation

  Laplace& laplace() { return laplace_; }
  int effects() const { return laplace_.factors()[0].K; }

 private:
  // Some whole groups: their rows side by side.
  struct Chunk {
    Response response;
    std::vector<std::int64_t> row;   // places in the data
    std::vector<std::int64_t> start;  // of each group's rows here, and the end
    std::vector<double> Z;
    int first_group = 0;

    std::int64_t n() const { return static_cast<std::int64_t>(row.size()); }
    int groups() const { return static_cast<int>(start.size()) - 1; }
  };
  struct Sums {
    double value = 0.0;
    std::vector<double> lambda, G, aux;
  };
  struct Given {
    const double *aux, *rows_aux;
    bool with_gradient;
  };
  struct Rows;
  template <int K>
  struct Group;

  void split_into_chunks();
  template <int K>
  Sums integrate(const Chunk& chunk, const Given& given);
  Sums integrate_any(const Chunk& chunk, const Given& given);
  template <int K>
  bool start_groups(const Chunk& chunk, const Given& given, Rows& rows, std::vector<Group<K>>& groups) const;
  template <int K>
  void add_node(const Chunk& chunk, int q, const Given& given, Rows& rows, std::vector<Group<K>>& groups) const;
  template <int K>
  void differentiate(const Chunk& chunk, Rows& rows, std::vector<Group<K>>& groups, Sums& sums);
  void gather(const std::vector<Sums>& parts);

  Laplace& laplace_;
  std::vector<double> points_, log_weights_;
  int threads_;
  double constant_ = 0.0;
  std::vector<Chunk> chunks_;
  std::vector<double> lambda_, modes_, residual_;
};

}  // namespace ml
