// Binding of the estimation problem.
#pragma once

#include <tuple>
#include <vector>

#include "arrays.hpp"
#include "problem.hpp"

namespace ml {

using PairTuple = std::tuple<int, int, Input1<std::int64_t>, Input1<std::int32_t>, Input<double>>;
using EntryTuple = std::tuple<int, int, int, int>;  // theta, factor, row, column

// Of factors with these levels and effects.
PairTable checked_pair(const PairTuple& t, const Moments& sizes);
Layout checked_layout(const std::vector<int>& effects, const std::vector<EntryTuple>& entries);

// Many points at once, shared out among threads.
nb::tuple reductions(Problem& self, const Input2<double>& thetas, int threads);
nb::object draw_effects(Problem& self, const Input2<double>& thetas, const Input2<double>& betas,
                        const Input1<double>& sigmas, std::uint64_t seed, std::uint64_t first, int threads);

nb::list reduction_gradients(Problem& self, const Input2<double>& thetas, const Input<double>& weights);

void bind_problem(nanobind::module_& m);

}  // namespace ml
