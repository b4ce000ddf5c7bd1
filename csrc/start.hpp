// Start values from moments of the groups' own least-squares estimates.
#pragma once

#include <vector>

#include "moments.hpp"
#include "optimise.hpp"

namespace ml {

// theta of a covariance that the groups' own estimates suggest; inside the cone. n: observations.
std::vector<double> moment_start(const Moments& moments, const Layout& layout, const std::vector<Block>& blocks, double n,
                                 double known_sigma);

}  // namespace ml
