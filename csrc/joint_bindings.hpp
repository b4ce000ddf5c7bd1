// Binding of the joint density.
#pragma once

#include "arrays.hpp"

namespace ml {

void bind_joint(nb::module_& m);

}  // namespace ml
