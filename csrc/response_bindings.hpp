// Responses from NumPy arrays, bounds checked.
#pragma once

#include <optional>

#include "arrays.hpp"
#include "response.hpp"

namespace ml {

Response checked_response(int family, int link, bool inflated, int n_global, const Input1<double>& y,
                          const std::optional<Input1<double>>& trials, const std::optional<Input1<double>>& frequency);

void bind_response(nb::module_& m);

}  // namespace ml
