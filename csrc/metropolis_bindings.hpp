// Binding of the Metropolis steps of group effects.
#pragma once

#include "arrays.hpp"

namespace ml {

void bind_metropolis(nb::module_& m);

}  // namespace ml
