// Binding of adaptive quadrature.
#pragma once

#include "arrays.hpp"

namespace ml {

void bind_quadrature(nb::module_& m);

}  // namespace ml
