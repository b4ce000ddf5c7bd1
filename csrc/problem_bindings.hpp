// Binding of the estimation problem.
#pragma once

#include <nanobind/nanobind.h>

#include "arrays.hpp"
#include "problem.hpp"

namespace ml {

// Many points at once, shared out among threads.
nb::tuple reductions(Problem& self, const Input2<double>& thetas, int threads);
nb::object draw_effects(Problem& self, const Input2<double>& thetas, const Input2<double>& betas,
                        const Input1<double>& sigmas, std::uint64_t seed, std::uint64_t first, int threads);

nb::list reduction_gradients(Problem& self, const Input2<double>& thetas, const Input<double>& weights);

void bind_problem(nanobind::module_& m);

}  // namespace ml
