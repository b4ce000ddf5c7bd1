// Many points of the Laplace approximation at once, with draws of the effects that correct it.
#pragma once

#include <cstdint>
#include <vector>

#include "laplace.hpp"

namespace ml {

// n points: beta n x p, theta n x its size, aux n x n_global, rows_aux n x rows or null. The search for a point's mode
// begins at its `start` (n x effects, whitened effects by node), so that values do not depend on the points before.
struct LaplacePoints {
  std::size_t n = 0;
  const double *beta = nullptr, *theta = nullptr, *aux = nullptr, *rows_aux = nullptr, *start = nullptr;
  const std::int64_t* streams = nullptr;  // of random numbers, n
};

// Values as of Laplace::evaluate, n; log weights and effects as of Laplace::draw, n and n x effects, where asked for.
struct LaplaceDraws {
  std::vector<double> values, log_weights, effects;
};

// One thread for each worker, which are approximations of the same model. Without pairs there are
// values alone.
LaplaceDraws laplace_draws(const std::vector<Laplace*>& workers, const LaplacePoints& points, int pairs,
                           std::uint64_t seed, bool keep);

}  // namespace ml
