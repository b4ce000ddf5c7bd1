// Binding of the estimation problem.
#pragma once

#include <nanobind/nanobind.h>

namespace ml {

void bind_problem(nanobind::module_& m);

}  // namespace ml
