// The response of a generalised linear mixed model: log density of every row and its derivatives in eta.
#pragma once

#include <cstdint>
#include <vector>

#include "row_vector.hpp"

namespace ml {

enum class Family {
  binomial = 0, poisson = 1, negative_binomial_2 = 2, negative_binomial_1 = 3, gamma = 4, inverse_gaussian = 5,
  beta = 6, beta_binomial = 7, gaussian = 8, student = 9, ordinal = 10
};

// Auxiliary numbers are global (one value), of the thresholds of an ordinal response, or one for each row (the linear
// predictor of zero inflation, always last).
struct Response {
  Family family = Family::binomial;
  int link = 0;
  bool inflated = false;
  RowVector<double> y, trials, frequency;  // trials and frequency may be empty
  int n_global = 0;                          // dispersion numbers, or thresholds of an ordinal response

  std::int64_t n() const { return static_cast<std::int64_t>(y.size()); }
  bool ordinal() const { return family == Family::ordinal; }
  // How many auxiliary numbers the family has, zero inflation included.
  int n_aux() const;
  // Sum of what depends on the data alone.
  double constant() const;
};

// Derivatives of the log density of rows first .. last - 1, each times the row's frequency.
struct RowDerivatives {
  RowVector<double> l, d1, d2, d3;                     // by eta
  RowVector<double> by_aux[2], cross[2], curved[2];  // d/da, d2/da deta, d3/da deta2, by auxiliary number

  void resize(std::int64_t n, int n_aux);
};

// Sum of the log densities at eta (but for the constant); NaN where the mean is not allowed.
double log_density(const Response& r, const double* aux, const double* rows_aux, const double* eta, std::int64_t first,
                   std::int64_t last);
// The same with d1 and d2.
double two_derivatives(const Response& r, const double* aux, const double* rows_aux, const double* eta,
                       std::int64_t first, std::int64_t last, double* d1, double* d2);
// Row by row: the log density alone, and with d1, d2 and by_aux.
void density_by_row(const Response& r, const double* aux, const double* rows_aux, const double* eta, std::int64_t first,
                    std::int64_t last, double* l);
void derivatives_by_row(const Response& r, const double* aux, const double* rows_aux, const double* eta,
                        std::int64_t first, std::int64_t last, RowDerivatives& out);
// Everything.
void all_derivatives(const Response& r, const double* aux, const double* rows_aux, const double* eta, std::int64_t first,
                     std::int64_t last, RowDerivatives& out);

}  // namespace ml
