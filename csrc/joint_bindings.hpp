// Bindings of the joint density.
#pragma once

#include "arrays.hpp"

namespace ml {

void bind_joint(nb::module_& m);
void bind_joint_target(nb::module_& m);

}  // namespace ml
