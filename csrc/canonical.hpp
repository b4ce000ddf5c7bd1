// Binomial rows with the logit link and Poisson rows with the log link: plain loops without branches.
#pragma once

#include <cstdint>

#include "response.hpp"

namespace ml {

// Whether the loops below are for this response.
bool canonical(const Response& r);

// Sum of the log densities of rows first .. last - 1, each times its frequency. Derivatives by eta are written at
// d1[i], d2[i] and d3[i] where the pointers are not null. Sums are made in an order that depends on the rows alone.
double canonical_rows(const Response& r, const double* eta, std::int64_t first, std::int64_t last, double* l,
                      double* d1, double* d2, double* d3);

}  // namespace ml
