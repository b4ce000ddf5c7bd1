// Binding of the Schur complement of crossed factors.
#pragma once

#include <nanobind/nanobind.h>

namespace ml {

void bind_schur(nanobind::module_& m);

}  // namespace ml
