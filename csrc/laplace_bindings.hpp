// Binding of the Laplace approximation.
#pragma once

#include "arrays.hpp"

namespace ml {

void bind_laplace(nb::module_& m);

}  // namespace ml
