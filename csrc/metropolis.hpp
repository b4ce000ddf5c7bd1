// Metropolis steps of the group effects of a generalised linear mixed model: all levels of a factor at once.
#pragma once

#include <cstdint>
#include <vector>

#include "laplace.hpp"
#include "response.hpp"

namespace ml {

// How a proposal is made: u' ~ N(u + pull H^-1 g, spread^2 H^-1), g and H being gradient and curvature at u of the
// log density of whitened effects u, b = root u. (1, 1) is Gamerman's (1997) proposal, (0, s) a random walk whose
// steps follow the curvature where it stands.
struct Proposal {
  double pull = 1.0, spread = 1.0;
};

struct StepCounts {
  std::int64_t accepted = 0, impossible = 0;  // levels; impossible: proposals without a density
};

class Metropolis {
 public:
  Metropolis(Response response, std::vector<FactorRows> factors);

  // One step of each level of factor f: b (m x K) and eta (n) are changed where a proposal is accepted.
  // root: lower triangular K x K with positive diagonal, Cov(b_j) = root root'. noise: m x K standard normal;
  // log_uniform: m logs of uniform numbers.
  StepCounts step(int f, const double* root, const double* aux, const double* rows_aux, const double* noise,
                  const double* log_uniform, const Proposal& proposal, double* b, double* eta);
  // eta += sum over factors of Z b.
  void add_effects(const std::vector<const double*>& effects, double* eta) const;

  const Response& response() const { return response_; }
  std::int64_t n() const { return response_.n(); }
  const std::vector<FactorRows>& factors() const { return factors_; }

 private:
  // Rows in order of the levels of one factor.
  struct Sorted {
    Response response;
    std::vector<double> Z;
    std::vector<std::int64_t> row, start;
  };

  Response response_;
  std::vector<FactorRows> factors_;
  std::vector<Sorted> sorted_;
};

}  // namespace ml
